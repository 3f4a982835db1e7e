"""What cycling does to one FMES synapse, and how the devices of a population differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.analysis.variance_components import (
    chi_squared_ends,
    variance_components,
)
from labneuro.errors import FitError
from labneuro.plotting.fmes import by_resistance, resistor_text
from labneuro.plotting.style import (
    BLACK,
    BLUE,
    GREY,
    MARKERS,
    ORANGE,
    legend_beside,
    new_figure,
    sequence,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from labneuro.analysis.variance_components import VarianceComponents

    Readings = Mapping[str, NDArray[np.float64]]

_MILLI = 1e-3
_PERCENT = 100.0
_THOUSAND = 1e3


class CycleEnds(NamedTuple):
    """Residual voltages at the ends of each measured cycle, in order of measurement.

    Attributes
    ----------
    pulses_before : ndarray, shape (cycles,)
        Pulses before the cycle.
    first, highest, lowest : ndarray, shape (cycles,)
        After the first pulse, the potentiation and the depression, in V.
    """

    pulses_before: NDArray[np.float64]
    first: NDArray[np.float64]
    highest: NDArray[np.float64]
    lowest: NDArray[np.float64]

    @property
    def swing(self) -> NDArray[np.float64]:
        """Highest less lowest in V, shape (cycles,)."""
        return self.highest - self.lowest


def cycle_ends(readings: Readings) -> CycleEnds:
    """Return the ends of each cycle of a run beside one resistor.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Rows of an Endurance or a PotentiationDepression run beside one resistor.

    Returns
    -------
    CycleEnds
    """
    count = int(np.max(readings["pulse"]))
    residual = np.asarray(readings["residual"], dtype=np.float64).reshape(-1, count)
    before = readings.get("pulses_before", np.arange(residual.size))
    top = int(np.flatnonzero(readings["current"][:count] > 0.0)[-1])
    return CycleEnds(
        np.asarray(before, dtype=np.float64).reshape(-1, count)[:, 0],
        residual[:, 0],
        residual[:, top],
        residual[:, -1],
    )


def endurance_figure(readings: Readings) -> Figure:
    """Draw the ends of each measured cycle, and its range beside the mean range.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of an Endurance run.

    Returns
    -------
    Figure
        Mean and standard deviation leave out the first cycle, which begins at rest.
    """
    with styled():
        figure = new_figure(9.0, 6.4)
        lower: Axes
        upper, lower = figure.subplots(2, 1, sharex=True)
        for number, (resistance, colour, rows) in enumerate(by_resistance(readings)):
            ends = cycle_ends({name: one[rows] for name, one in readings.items()})
            beside = resistor_text(resistance)
            pulses = ends.pulses_before / _THOUSAND
            for name, marker in (("highest", "^"), ("lowest", "v")):
                upper.plot(
                    pulses,
                    getattr(ends, name) / _MILLI,
                    color=colour,
                    marker=marker,
                    label=f"{name}, {beside}",
                )
            mean = ends.swing[1:].mean()
            lower.plot(
                pulses,
                _PERCENT * (ends.swing / mean - 1.0),
                color=colour,
                marker=MARKERS[number % len(MARKERS)],
                label=f"{beside}: mean {mean / _MILLI:.1f} mV,\n{_cycles_text(ends)}",
            )
        lower.axhline(0.0, color=GREY, linewidth=1.0)
        upper.set_ylabel("end of the period (mV)")
        lower.set(
            xlabel="pulses before the cycle (thousands)",
            ylabel="range beside its mean (%)",
        )
        legend_beside(upper)
        legend_beside(lower)
    return figure


def _cycles_text(ends: CycleEnds) -> str:
    """Return the standard deviation of the later cycles with its 95 % interval."""
    later = ends.swing[1:]
    free = len(later) - 1
    if free < 1:
        return "one cycle after the first"
    spread = later.std(ddof=1) / later.mean()
    low, high = chi_squared_ends(free)
    return f"sd {spread:.1%} (95 % {spread * low:.1%} to {spread * high:.1%})"


def population_spread(runs: Sequence[Readings]) -> VarianceComponents:
    """Return the spreads of the range between devices and between cycles.

    Parameters
    ----------
    runs : sequence of mapping of str to ndarray
        Rows of one run a device, beside one resistor, of equally many cycles.

    Returns
    -------
    VarianceComponents
        Of highest less lowest residual voltage, in V.

    Raises
    ------
    FitError
        If there are fewer than two devices or cycles, or runs of different length.
    """
    swings = [cycle_ends(one).swing for one in runs]
    if len({len(one) for one in swings}) > 1:
        raise FitError("spread: the runs have different numbers of cycles")
    return variance_components(np.array(swings))


def population_figure(runs: Sequence[Readings]) -> Figure:
    """Draw every device's first cycle, and the range of each with both spreads.

    Parameters
    ----------
    runs : sequence of mapping of str to ndarray
        Rows of one run a device, beside one resistor, of equally many cycles.

    Returns
    -------
    Figure

    Raises
    ------
    FitError
        If there are fewer than two devices or cycles, or runs of different length.
    """
    spread = population_spread(runs)
    with styled():
        figure = new_figure(11.0, 4.8)
        left: Axes
        right: Axes
        left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.2))
        for readings, colour in zip(runs, sequence(len(runs)), strict=True):
            count = int(np.max(readings["pulse"]))
            left.plot(
                readings["pulse"][:count],
                readings["residual"][:count] / _MILLI,
                color=colour,
                linewidth=1.0,
            )
        left.set(
            xlabel="pulse of the first cycle",
            ylabel="end of the period (mV)",
            title=f"{len(runs)} devices",
        )
        _ranges(right, [cycle_ends(one).swing / _MILLI for one in runs], spread)
    return figure


def _ranges(
    axes: Axes, swings: Sequence[NDArray[np.float64]], spread: VarianceComponents
) -> None:
    for number, swing in enumerate(swings, start=1):
        axes.plot(np.full(len(swing), number), swing, "o", color=BLUE, markersize=3)
    mean, between = spread.mean / _MILLI, spread.device_to_device / _MILLI
    axes.axhline(mean, color=BLACK, linewidth=1.2, label="mean")
    axes.axhspan(
        mean - between,
        mean + between,
        color=ORANGE,
        alpha=0.2,
        linewidth=0.0,
        label="device to device, 1 sd",
    )
    axes.set(
        xlabel="device",
        ylabel="range of the residual voltage (mV)",
        title=(
            f"device to device {spread_text(spread, 'device')}\n"
            f"cycle to cycle {spread_text(spread, 'cycle')}"
        ),
    )
    legend_beside(axes)


def spread_text(spread: VarianceComponents, kind: str) -> str:
    """Return a spread in percent of the mean, with its 95 % interval.

    Parameters
    ----------
    spread : VarianceComponents
        Of a population.
    kind : str
        ``"device"`` or ``"cycle"``.
    """
    values = {
        "device": (spread.device_to_device, *spread.device_interval),
        "cycle": (spread.cycle_to_cycle, *spread.cycle_interval),
    }
    value, low, high = (one / spread.mean for one in values[kind])
    return f"{value:.1%} (95 % {low:.1%} to {high:.1%})"
