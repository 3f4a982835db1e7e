"""Source and measure ranges of one channel of a Series 2600B, and how one is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends.keithley_2600 import datasheet

if TYPE_CHECKING:
    from labneuro.sim_backends.keithley_2600.datasheet import RangeSheet

AMPS, VOLTS = 0, 1


class SourceRange:
    """Range of one quantity: which one is in use, and how it is chosen.

    Parameters
    ----------
    sheets : tuple of RangeSheet
        The ranges that source, ascending.

    Attributes
    ----------
    auto : bool
        Whether the range is chosen automatically.
    lowest : int
        Lowest range of automatic choice.
    floor : int
        Lowest range that there is in the present mode.
    index : int
        Range in use.
    level : float
        Level that is set, in V or A.
    """

    def __init__(self, sheets: tuple[RangeSheet, ...]) -> None:
        self.sheets = sheets
        self.largest = sheets[-1].full_scale
        self.reset()

    def reset(self) -> None:
        """Choose automatically from the lowest range."""
        self.auto = True
        self.lowest = self.floor = 0
        self.index = 0
        self.level = 0.0

    @property
    def sheet(self) -> RangeSheet:
        """The range in use."""
        return self.sheets[self.index]

    @property
    def span(self) -> float:
        """Largest level on the range in use."""
        return self.sheet.full_scale * datasheet.OVER_SOURCE

    @property
    def lower(self) -> float:
        """Magnitude above which an automatic range stays; negative where any does."""
        if not self.auto or self.index == self.lowest:
            return -1.0
        return self.sheets[self.index - 1].full_scale * datasheet.OVER_SOURCE

    def fit(self, magnitude: float) -> int:
        """Return the lowest range that holds a level, up to 101 % of it."""
        return self.holding(magnitude / datasheet.OVER_SOURCE)

    def holding(self, magnitude: float) -> int:
        """Return the lowest range whose full scale holds a magnitude."""
        for index, sheet in enumerate(self.sheets):
            if index >= self.floor and magnitude <= sheet.full_scale * (1 + 1e-9):
                return index
        return len(self.sheets) - 1

    def best(self, magnitude: float) -> int:
        """Return the range for a magnitude: the one in use unless it is automatic."""
        return max(self.fit(magnitude), self.lowest) if self.auto else self.index

    def quantised(self, level: float) -> float:
        """Return a level as the converter of the range in use makes it."""
        step = self.sheet.source_step
        return round(level / step) * step


class Scale(NamedTuple):
    """A measure range made ready for an integration time.

    Attributes
    ----------
    full_scale, span : float
        Nominal end of the range, and the largest value that is still read.
    lower : float
        Magnitude above which an automatic range stays.
    deviation : float
        Standard deviation of the noise.
    per_step, step : float
        Resolution and its inverse.
    delay : float
        Automatic measure delay in s.
    """

    full_scale: float
    span: float
    lower: float
    deviation: float
    per_step: float
    step: float
    delay: float


class MeasureRange:
    """The measure ranges of one quantity.

    Parameters
    ----------
    sheets : tuple of RangeSheet
        All ranges, ascending.
    first : int
        Range after a reset.

    Attributes
    ----------
    auto : bool
        Whether the range is chosen automatically.
    follow : bool
        Whether the range is that of the source's limit.
    floor : int
        Lowest range that there is in the present mode.
    lowest : int
        Lowest range of automatic choice.
    place : int
        Range in use where the source does not determine it.
    """

    def __init__(self, sheets: tuple[RangeSheet, ...], first: int) -> None:
        self._sheets = sheets
        self._first = first
        self.largest = sheets[-1].full_scale
        self.reset()

    def reset(self) -> None:
        """Choose automatically, from the highest range of steady operation down."""
        self.auto, self.follow = True, False
        self.lowest = self.floor = 0
        self.place = self._first

    def set_lowest(self, magnitude: float) -> None:
        """Set the lowest range of automatic choice: the one that holds a magnitude."""
        self.lowest = self.floor
        self.lowest = self.fit(magnitude)
        if self.auto:
            self.place = max(self.place, self.lowest)

    def prepare(self, nplc: float) -> list[Scale]:
        """Return every range made ready for an integration time."""
        scales = []
        for index, sheet in enumerate(self._sheets):
            below = self._sheets[index - 1].full_scale if index else -1.0
            scales.append(
                Scale(
                    full_scale=sheet.full_scale,
                    span=sheet.full_scale * datasheet.OVER_MEASURE,
                    lower=0.98 * below if index else -1.0,
                    deviation=sheet.noise_deviation(nplc),
                    per_step=1.0 / sheet.resolution,
                    step=sheet.resolution,
                    delay=sheet.settling,
                )
            )
        return scales

    def fit(self, magnitude: float, margin: float = 1.0 + 1e-9) -> int:
        """Return the lowest range that holds a magnitude, not below the lowest set."""
        for index, sheet in enumerate(self._sheets):
            if index >= self.lowest and magnitude <= sheet.full_scale * margin:
                return index
        return len(self._sheets) - 1

    def holding(self, magnitude: float) -> int:
        """Return the lowest range that holds a magnitude, whatever the lowest set."""
        for index, sheet in enumerate(self._sheets):
            if index >= self.floor and magnitude <= sheet.full_scale * (1.0 + 1e-9):
                return index
        return len(self._sheets) - 1

    def full_scale(self, index: int) -> float:
        """Return the full scale of a range."""
        return self._sheets[index].full_scale
