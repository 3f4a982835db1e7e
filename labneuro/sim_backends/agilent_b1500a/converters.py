"""The A/D converters of the SMUs: how long they integrate, and how much they scatter.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, ``AIT``, table 4-21, p. 4-39;
defaults as public drivers quote them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from labneuro.sim_backends.agilent_b1500a import datasheet, errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError

FAST, FINE, PULSED = 0, 1, 2
AUTOMATIC, MANUAL, LINE_CYCLES, DURATION = 0, 1, 2, 3
_TIME_STEP, _LONGEST = 2e-6, 20e-3  # s, measurement time mode
_MOST = {
    (FAST, AUTOMATIC): 1023,
    (FAST, MANUAL): 1023,
    (FAST, LINE_CYCLES): 100,
    (FINE, AUTOMATIC): 127,
    (FINE, MANUAL): 127,
    (FINE, LINE_CYCLES): 100,
    (PULSED, LINE_CYCLES): 100,
}
_DEFAULTS = {
    (FINE, AUTOMATIC): 6.0,
    (FINE, MANUAL): 3.0,
}


class Conversion(NamedTuple):
    """How a reading is taken: seconds, and standard deviation in steps."""

    duration: float
    scatter: float


@dataclass
class Converters:
    """Settings of ``AIT``, ``AV`` and ``AZ``.

    Attributes
    ----------
    modes : dict
        Converter to mode and coefficient.
    autozero : bool
        Of the high-resolution converter; doubles its time.
    """

    modes: dict[int, tuple[int, float]] = field(
        default_factory=lambda: {
            FAST: (AUTOMATIC, 1.0),
            FINE: (AUTOMATIC, 6.0),
            PULSED: (DURATION, _TIME_STEP),
        }
    )
    autozero: bool = False

    def reset(self) -> None:
        """Return to the initial settings."""
        fresh = Converters()
        self.modes, self.autozero = fresh.modes, fresh.autozero

    def choose(self, converter: int, mode: int, coefficient: float | None) -> None:
        """Set mode and coefficient of a converter; error 120 if it has none such."""
        if mode == DURATION and converter != FINE:
            value = _TIME_STEP if coefficient is None else coefficient
            if not _TIME_STEP <= value <= _LONGEST:
                raise FlexError(errors.PARAMETER)
            self.modes[converter] = (mode, round(value / _TIME_STEP) * _TIME_STEP)
            return
        most = _MOST.get((converter, mode), 0)
        default = _DEFAULTS.get((converter, mode), 1.0)
        value = default if coefficient is None else coefficient
        if not 1 <= value <= most or value != math.floor(value):
            raise FlexError(errors.PARAMETER)
        self.modes[converter] = (mode, value)

    def average(self, number: int, mode: int) -> None:
        """Set the fast converter as ``AV`` does: samples, or cycles if negative."""
        if number < 0:
            self.choose(FAST, LINE_CYCLES, -number)
        else:
            self.choose(FAST, mode, number)

    def averaging(self) -> str:
        """Return the setting of the fast converter as ``AV`` numbers."""
        mode, value = self.modes[FAST]
        if mode == LINE_CYCLES:
            return f"-{value:.0f}"
        if mode == DURATION:
            return f"{self._samples(FAST, 0)},{MANUAL}"
        return f"{value:.0f},{mode}"

    def shown(self, converter: int) -> str:
        """Return the setting of a converter as ``AIT`` numbers."""
        mode, value = self.modes[converter]
        text = f"{value:.6f}" if mode == DURATION else f"{value:.0f}"
        return f"{converter},{mode},{text}"

    def conversion(
        self, converter: int, range_code: int, line_frequency: float
    ) -> Conversion:
        """Return duration and scatter of a reading.

        Parameters
        ----------
        converter : int
            ``FAST``, ``FINE`` or ``PULSED``.
        range_code : int
            Code of the current range; 0 for a voltage.
        line_frequency : float
            In Hz.
        """
        mode, value = self.modes[converter]
        if converter == FINE:
            return self._fine(mode, value, range_code, line_frequency)
        if mode == LINE_CYCLES:
            samples = datasheet.SAMPLES_PER_CYCLE * int(value)
            return Conversion(value / line_frequency, _fast_scatter(samples))
        samples = self._samples(converter, range_code)
        return Conversion(samples * datasheet.SAMPLE_TIME, _fast_scatter(samples))

    def _samples(self, converter: int, range_code: int) -> int:
        mode, value = self.modes[converter]
        if mode == AUTOMATIC:
            return int(value) * datasheet.initial_samples(range_code)
        if mode == DURATION:
            return max(1, round(value / datasheet.SAMPLE_TIME))
        return int(value)

    def _fine(
        self, mode: int, value: float, range_code: int, line_frequency: float
    ) -> Conversion:
        if mode == LINE_CYCLES:
            duration = value / line_frequency
        else:
            duration = value * datasheet.FINE_SAMPLE_TIME
            if mode == AUTOMATIC:
                duration *= datasheet.initial_samples(range_code)
        scatter = datasheet.FINE_NOISE / math.sqrt(duration * line_frequency)
        return Conversion(duration * (2.0 if self.autozero else 1.0), scatter)


def _fast_scatter(samples: int) -> float:
    return datasheet.FAST_NOISE / math.sqrt(samples)
