"""What a threshold switch does under cycles, single pulses and trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.plotting.style import (
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    legend_beside,
    new_figure,
    sequence,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import NDArray

    from labneuro.analysis.censored import Intervals
    from labneuro.analysis.threshold_switch_data import (
        FiringTimes,
        SwitchingVoltages,
        TrainCounts,
    )

    Readings = Mapping[str, NDArray[np.float64]]

_MILLI, _MICRO = 1e-3, 1e-6
_MOST_CURVES = 100
_LOWEST_CURRENT = 1e-9  # A, of the logarithmic axis
_SPREAD = 0.008  # V, over which the points of an amplitude are spread


def switching_figure(readings: Readings, voltages: SwitchingVoltages) -> Figure:
    """Draw current-voltage cycles, and the distribution of both voltages.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a ThresholdSwitching run.
    voltages : SwitchingVoltages
        Of the same run.

    Returns
    -------
    Figure
    """
    steps = np.unique(readings["step"])[:_MOST_CURVES]
    with styled():
        figure = new_figure(10.5, 4.6)
        left: Axes
        left, right = figure.subplots(1, 2)
        for step in steps:
            rows = readings["step"] == step
            current = np.maximum(np.abs(readings["current"][rows]), _LOWEST_CURRENT)
            left.plot(
                readings["voltage"][rows],
                current / _MICRO,
                color=BLUE,
                alpha=0.25,
                linewidth=0.7,
            )
        left.set(
            yscale="log",
            xlabel="source voltage (V)",
            ylabel="current (µA)",
            title=f"{len(steps)} cycles",
        )
        for seen, colour, name in (
            (voltages.threshold, VERMILION, "threshold"),
            (voltages.hold, BLUE, "hold"),
        ):
            _stairs(right, seen, colour, name)
        right.set(xlabel="source voltage (V)", ylabel="cycles")
        right.legend()
    return figure


def _stairs(axes: Axes, seen: Intervals, colour: str, name: str) -> None:
    """Draw how many cycles there are on each stair."""
    low, count = np.unique(seen.low, return_counts=True)
    width = float(np.median(seen.high - seen.low))
    axes.bar(
        low, count, width=width, align="edge", color=colour, alpha=0.75, label=name
    )


def firing_pulse_figure(readings: Readings, times: FiringTimes) -> Figure:
    """Draw the first event's current at each amplitude, and both times of all events.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a FiringPulse run.
    times : FiringTimes
        Of the same run.

    Returns
    -------
    Figure
        Censored events are open triangles at the end of the pulse.
    """
    with styled():
        figure = new_figure(12.5, 4.6)
        panels = figure.subplots(1, 3)
        _waveforms(panels[0], readings, readings["fired"] < 0)
        panels[0].set_title("first event of each amplitude")
        _times(panels[1], times.amplitude, times.integration)
        panels[1].set(ylabel="integration time (ms)", xlabel="amplitude (V)")
        panels[1].legend(loc="lower left")
        fired = times.fired
        relaxed = type(times.relaxation)(
            times.relaxation.low[fired], times.relaxation.high[fired]
        )
        _times(panels[2], times.amplitude[fired], relaxed)
        panels[2].set(ylabel="relaxation time (ms)", xlabel="amplitude (V)")
    return figure


def _waveforms(axes: Axes, readings: Readings, points: NDArray[np.bool_]) -> None:
    """Draw the first kept waveform of each amplitude, the highest at the back."""
    amplitudes = np.unique(readings["amplitude"])
    for level, colour in zip(amplitudes, sequence(len(amplitudes)), strict=True):
        rows = points & (readings["amplitude"] == level) & (readings["event"] == 0)
        axes.plot(
            readings["time"][rows] / _MILLI,
            readings["current"][rows] / _MICRO,
            color=colour,
            linewidth=1.2,
            label=f"{level:g} V",
        )
    axes.set(xlabel="time from the first edge (ms)", ylabel="current (µA)")
    axes.legend()


def _times(axes: Axes, amplitude: NDArray[np.float64], seen: Intervals) -> None:
    """Draw every event, spread a little, with the median of those that ended."""
    generator = np.random.default_rng(0)
    beside = amplitude + generator.uniform(-_SPREAD, _SPREAD, len(amplitude))
    ended = seen.ended
    middle = seen.middle / _MILLI
    axes.plot(
        beside[ended],
        middle[ended],
        color=BLUE,
        marker=".",
        linestyle="",
        alpha=0.4,
    )
    if not ended.all():
        axes.plot(
            beside[~ended],
            middle[~ended],
            color=ORANGE,
            marker="^",
            linestyle="",
            fillstyle="none",
            label="not within the time",
        )
    levels = np.unique(amplitude)
    medians = [float(np.median(middle[amplitude == one])) for one in levels]
    axes.plot(levels, medians, color=GREY, marker="D", label="median, the censored in")


def pulse_train_figure(readings: Readings, counts: TrainCounts) -> Figure:
    """Draw the first train of each amplitude, and how many pulses each train took.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a PulseTrainFiring run.
    counts : TrainCounts
        Of the same run.

    Returns
    -------
    Figure
    """
    levels = np.unique(counts.amplitude)
    with styled():
        figure = new_figure(12.0, 1.2 + 1.3 * len(levels))
        halves: list[SubFigure] = list(
            figure.subfigures(1, 2, width_ratios=(1.6, 1.0), squeeze=False)[0]
        )
        panels = halves[0].subplots(len(levels), 1, sharex=True, squeeze=False)[:, 0]
        colours = sequence(len(levels))
        for axes, level, colour in zip(panels, levels, colours, strict=True):
            rows = (readings["first_fire"] < 0) & (readings["amplitude"] == level)
            rows &= readings["event"] == 0
            axes.plot(
                readings["time"][rows] / _MILLI,
                readings["current"][rows] / _MICRO,
                color=colour,
                linewidth=1.2,
            )
            axes.set_ylabel(f"{level:g} V\n(µA)")
        panels[-1].set_xlabel("time from the first edge (ms)")
        panels[0].set_title("current of the first train")
        axes = halves[1].subplots()
        width = 0.8 / len(levels)
        for number, (level, colour) in enumerate(zip(levels, colours, strict=True)):
            seen = counts.first_fire[counts.amplitude == level]
            pulse, trains = np.unique(seen[seen > 0], return_counts=True)
            place = pulse + (number - 0.5 * (len(levels) - 1)) * width
            axes.bar(place, trains, width=width, color=colour, label=f"{level:g} V")
        axes.set(xlabel="pulses to the first firing", ylabel="trains")
        axes.set_xticks(np.unique(counts.first_fire[counts.first_fire > 0]))
        legend_beside(axes)
    return figure
