"""What a neuron board, its two synapses and a lateral-inhibition array do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.analysis.neuron_board_tables import mean_interval
from labneuro.plotting.style import (
    BLACK,
    BLUE,
    CYCLE,
    GREY,
    ORANGE,
    VERMILION,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import NDArray

    from labneuro.analysis.neuron_board_data import Clocking, FiringRun, LearningRun

    Array = NDArray[np.float64]
    Readings = Mapping[str, Array]

_MILLI, _MICRO = 1e-3, 1e-6
_SHOWN_AMPLITUDE = 1.8  # V; the paper's Figure 3b
_SHOWN_PERIODS = 14
_NODES = ("clock", "input_1", "node_1", "node_2", "l1", "l2", "inhibition", "spike")
_MOST_SHAPES = 40
_EDGE = 0.1  # of the pulse, at each end, left out of its mean
_LEARNING_PERIODS = 6  # before and after the first spike of a train


def neuron_firing_figure(readings: Readings, run: FiringRun) -> Figure:
    """Draw the nodes of a board, its spikes over each other, and their rate.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a NeuronFiring run.
    run : FiringRun
        Of the same run.

    Returns
    -------
    Figure
        Nodes of the first train at the amplitude nearest to 1.8 V; spikes at the
        highest amplitude; rates with 95 % intervals, where there are two intervals
        between spikes or more, above the spikes that were counted.
    """
    levels = np.array(list(run.spikes))
    amplitude = float(levels[np.argmin(np.abs(levels - _SHOWN_AMPLITUDE))])
    rows = (readings["amplitude"] == amplitude) & (readings["capture"] == 0)
    nodes = {name: column[rows] for name, column in readings.items()}
    with styled():
        figure = new_figure(13.0, 8.2)
        parts = figure.subfigures(1, 2, width_ratios=(1.5, 1.0), squeeze=False)
        left, right = parts[0]
        _nodes(left, nodes, run.clocking)
        left.suptitle(f"nodes at {amplitude:g} V")
        upper, lower = right.subplots(2, 1)
        _shapes(upper, run)
        _rates(lower, run)
    return figure


def _nodes(figure: SubFigure, nodes: Readings, clocking: Clocking) -> None:
    names = [name for name in _NODES if name in nodes]
    time = nodes["time"] - clocking.quiet * clocking.period
    begin, end = -0.5 * clocking.period, _SHOWN_PERIODS * clocking.period
    shown = (time > begin) & (time < end)
    grid = figure.subplots(len(names), 1, sharex=True, squeeze=False)
    for axis, name, place in zip(grid[:, 0], names, range(len(names)), strict=True):
        colour = CYCLE[place % len(CYCLE)]
        axis.plot(time[shown] / _MILLI, nodes[name][shown], color=colour, linewidth=1.1)
        axis.set_ylabel(f"{name.replace('_', ' ')}\n(V)", fontsize=9)
    grid[-1, 0].set_xlabel("time from the first pulse's clock edge (ms)")


def _shapes(axes: Axes, run: FiringRun) -> None:
    amplitude, shapes = list(run.shapes.items())[-1]
    for volts in shapes.volts[:_MOST_SHAPES]:
        axes.plot(shapes.time / _MICRO, volts, color=BLUE, alpha=0.3, linewidth=0.8)
    title = (
        f"{min(len(shapes), _MOST_SHAPES)} of {len(shapes)} spikes at {amplitude:g} V"
    )
    alike = shapes.correlations()
    if np.isfinite(alike).any():
        title += f", correlation ≥ {np.floor(1e4 * np.nanmin(alike)) / 1e4:.4f}"
    axes.set(xlabel="time from the rise (µs)", ylabel="spike (V)", title=title)


def _rates(axes: Axes, run: FiringRun) -> None:
    pulsed = run.clocking.pulses * run.clocking.period
    for level, trains in run.spikes.items():
        counted = [len(one) / pulsed for one in trains]
        axes.plot([level] * len(counted), counted, "o", color=GREY, alpha=0.5)
        gaps = np.concatenate([np.diff(one) for one in trains])
        if not gaps.size:
            continue
        rate = 1.0 / float(gaps.mean())
        low, high = mean_interval(gaps)
        reach = None
        if low is not None and high is not None and low > 0.0:
            reach = np.array([[rate - 1.0 / high], [1.0 / low - rate]])
        axes.errorbar(level, rate, yerr=reach, fmt="s", color=VERMILION)
    axes.plot([], [], "o", color=GREY, alpha=0.5, label="spikes counted in a train")
    axes.plot([], [], "s", color=VERMILION, label="1 / mean interval, 95 %")
    axes.set(xlabel="input amplitude (V)", ylabel="spikes per second", ylim=(0, None))
    axes.legend(loc="lower right")


def learning_figure(readings: Readings, run: LearningRun) -> Figure:
    """Draw both conductances train by train, the spikes, and node 1 as they change.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a SynapseLearning run.
    run : LearningRun
        Of the same run.

    Returns
    -------
    Figure
        Open symbols: the train ended between depression and potentiation.
    """
    with styled():
        figure = new_figure(12.5, 7.2)
        upper, lower = figure.subfigures(2, 1, squeeze=False)[:, 0]
        left, right = upper.subplots(1, 2)
        _conductances(left, run)
        _spikes(right, run)
        _first_change(lower, readings, run)
    return figure


def _conductances(axes: Axes, run: LearningRun) -> None:
    for synapse, colour in ((1, VERMILION), (2, BLUE)):
        rows = [row for row in run.rows if row.synapse == synapse]
        pulses = [row.pulses for row in rows]
        values = [row.conductance / _MICRO for row in rows]
        axes.plot(pulses, values, color=colour, linewidth=1.2)
        for row, pulse, value in zip(rows, pulses, values, strict=True):
            face = "white" if row.interrupted else colour
            axes.plot(pulse, value, "o", color=colour, markerfacecolor=face)
        axes.plot([], [], "o-", color=colour, label=f"synapse {synapse}")
    if any(row.interrupted for row in run.rows):
        axes.plot([], [], "o", color=GREY, markerfacecolor="white", label="interrupted")
    axes.set(xlabel="input pulses", ylabel="conductance (µS)", ylim=(0, None))
    axes.legend()


def _spikes(axes: Axes, run: LearningRun) -> None:
    rows = [row for row in run.rows if row.synapse == 1 and row.pulses]
    duration = run.clocking.pulses * run.clocking.period
    rates = [row.spikes / duration for row in rows]
    axes.plot([row.pulses for row in rows], rates, "s-", color=ORANGE)
    axes.set(
        xlabel="input pulses", ylabel="spikes per second in the train", ylim=(0, None)
    )


def _first_change(figure: SubFigure, readings: Readings, run: LearningRun) -> None:
    """Draw input, node 1 and spikes around the first spike of the run."""
    axes = figure.subplots(3, 1, sharex=True)
    period = run.clocking.period
    names = [name for name in ("input_1", "node_1", "spike") if name in readings]
    steps = {row.pulses: row.spikes for row in run.rows}
    with_spikes = [pulses for pulses, spikes in steps.items() if spikes]
    if with_spikes:
        rows = (readings["pulses"] == with_spikes[0]) & (readings["synapse"] == 0)
        time, spike = readings["time"][rows], readings["spike"][rows]
        first = float(time[int(np.argmax(spike > 0.5 * spike.max()))])
        shown = np.abs(time - first) < _LEARNING_PERIODS * period
        for axis, name in zip(axes, names, strict=False):
            volts = readings[name][rows][shown]
            axis.plot((time[shown] - first) / _MILLI, volts, color=BLACK, linewidth=1.0)
            axis.set_ylabel(f"{name.replace('_', ' ')} (V)")
    axes[0].set_title("around the first spike")
    axes[-1].set_xlabel("time from the first spike (ms)")


def inhibition_figure(
    readings: Readings, conditions: Sequence[Sequence[int]]
) -> Figure:
    """Draw the outputs' levels by input condition.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of an InhibitionTruth run.
    conditions : sequence of sequence of int
        Rows that each condition drives.

    Returns
    -------
    Figure
        Left the first condition's outputs and the second's over time, right the mean
        of the middle of the pulse for all.
    """
    names = sorted(name for name in readings if name.startswith("output_"))
    numbers = np.unique(readings["condition"])
    told = [_told(conditions[int(one) - 1]) for one in numbers]
    within = _middle(readings)
    level = np.array(
        [
            [
                readings[name][within & (readings["condition"] == one)].mean()
                for name in names
            ]
            for one in numbers
        ]
    )
    with styled():
        figure = new_figure(12.5, 5.6)
        left, right = figure.subfigures(1, 2, squeeze=False)[0]
        grid = left.subplots(2, 1, sharex=True)
        for axis, number, high in zip(grid, numbers, told, strict=False):
            rows = readings["condition"] == number
            time = readings["time"][rows] / _MICRO
            for name in names:
                axis.plot(time, readings[name][rows], linewidth=1.0)
            axis.plot(time, readings["driven"][rows], "--", color=BLACK, linewidth=1.0)
            axis.set(ylabel="voltage (V)", title=f"rows high: {high}")
        grid[-1].set_xlabel("time (µs); dashed: generator")
        axes = right.subplots()
        image = axes.imshow(level, cmap="cividis", vmin=0.0, aspect="auto")
        axes.grid(visible=False)
        axes.set(
            xlabel="output", ylabel="rows that are high", title="mean during the pulse"
        )
        axes.set_xticks(range(len(names)), [str(k + 1) for k in range(len(names))])
        axes.set_yticks(range(len(told)), told)
        right.colorbar(image, ax=axes, label="output (V)")
    return figure


def _told(rows: Sequence[int]) -> str:
    return ", ".join(map(str, rows)) or "none"


def _middle(readings: Readings) -> NDArray[np.bool_]:
    """Return the rows well inside the pulse: the generator is high there."""
    driven, time = readings["driven"], readings["time"]
    high = time[driven > 0.5 * float(driven.max())]
    first, last = float(high.min()), float(high.max())
    share = (time - first) / max(last - first, np.finfo(float).tiny)
    return np.asarray((share > _EDGE) & (share < 1.0 - _EDGE))
