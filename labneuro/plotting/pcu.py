"""What perovskite computing units answered: diodes, memristors, operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.plotting.style import (
    BLUE,
    CYCLE,
    GREY,
    MARKERS,
    VERMILION,
    legend_beside,
    new_figure,
    sequence,
    styled,
)
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Readings = Mapping[str, NDArray[np.float64]]

_MICRO, _NANO, _MILLI = 1e-6, 1e-9, 1e-3
_TWO_OPERANDS = ("multiplier", "divider")


def diode_figure(readings: Readings) -> Figure:
    """Draw the magnitude of each unit's diode current on a logarithmic scale.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a DiodeSweep run.

    Returns
    -------
    Figure
    """
    units = np.unique(readings["unit"])
    with styled():
        figure = new_figure(8.0, 5.0)
        axes = figure.subplots()
        for unit, colour in zip(units, sequence(len(units)), strict=True):
            part = (readings["unit"] == unit) & (readings["voltage"] != 0.0)
            axes.plot(
                readings["voltage"][part],
                np.abs(readings["current"][part]),
                color=colour,
                marker=".",
                linewidth=1.0,
                label=f"{unit:g}",
            )
        axes.set(
            yscale="log",
            xlabel="voltage across the diode (V)",
            ylabel="magnitude of the current (A)",
        )
        legend_beside(axes, "unit")
    return figure


def programming_figure(readings: Readings) -> Figure:
    """Draw conductance and pulses of the first unit's first cycle, pulse by pulse.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of an IncrementalStepPulse run.

    Returns
    -------
    Figure
    """
    unit = readings["unit"][0]
    part = (readings["unit"] == unit) & (readings["cycle"] == readings["cycle"][0])
    pulse = np.arange(np.count_nonzero(part))
    target = readings["target"][part]
    with styled():
        figure = new_figure(9.0, 6.4)
        lower: Axes
        upper, lower = figure.subplots(2, 1, sharex=True)
        upper.step(
            pulse,
            target / _MICRO,
            where="mid",
            color=GREY,
            linewidth=1.0,
            label="target",
        )
        upper.plot(
            pulse,
            readings["conductance"][part] / _MICRO,
            color=BLUE,
            marker="o",
            markersize=3,
            linewidth=1.0,
            label="read",
        )
        upper.set(
            yscale="log",
            ylabel="conductance (uS)",
            title=f"M1 of unit {unit:g}, first cycle",
        )
        legend_beside(upper)
        amplitude = readings["amplitude"][part]
        lower.bar(
            pulse,
            amplitude,
            color=np.where(amplitude > 0, BLUE, VERMILION),
            width=0.8,
        )
        lower.set(xlabel="reading", ylabel="pulse before it (V)")
    return figure


def switching_figure(readings: Readings) -> Figure:
    """Draw the hysteresis of each unit's M2 and the backward diode beside it.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a ResistiveSwitching run.

    Returns
    -------
    Figure
    """
    units = np.unique(readings["unit"])
    with styled():
        figure = new_figure(8.0, 5.0)
        axes = figure.subplots()
        for unit, colour in zip(units, CYCLE * len(units), strict=False):
            swept = (readings["unit"] == unit) & (readings["kind"] == 0)
            for cycle in np.unique(readings["cycle"][swept]):
                part = swept & (readings["cycle"] == cycle)
                axes.plot(
                    readings["voltage"][part],
                    readings["current"][part] / _MILLI,
                    color=colour,
                    linewidth=1.2,
                    label=f"{unit:g}" if cycle == 0 else None,
                )
        axes.set(
            xlabel="configure line 2 to bit line (V)",
            ylabel="current of M2 and D2 (mA)",
        )
        legend_beside(axes, "unit")
    return figure


def retention_figure(readings: Readings) -> Figure:
    """Draw the conductance of each state over time.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a Retention run.

    Returns
    -------
    Figure
    """
    steps = np.unique(readings["step"])
    with styled():
        figure = new_figure(8.0, 5.0)
        axes = figure.subplots()
        for step, colour in zip(steps, sequence(len(steps)), strict=True):
            part = readings["step"] == step
            state, unit = readings["state"][part][0], readings["unit"][part][0]
            target = readings["target"][part][0]
            name = show(float(target), "S")
            if np.isnan(target):
                name = "set" if state == 1 else "reset"
            axes.plot(
                readings["time"][part],
                readings["current"][part] / readings["voltage"][part],
                color=colour,
                label=f"{unit:g}, {name}",
            )
        axes.set(
            yscale="log",
            xlabel="time (s)",
            ylabel="current over read voltage (S)",
        )
        legend_beside(axes, "unit, state")
    return figure


def operator_figure(readings: Readings, operator: str) -> Figure:
    """Draw the answers of an operator: over its input, or against the ideal.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of an OperatorSweep run.
    operator : str
        Which.

    Returns
    -------
    Figure
    """
    part = readings["kind"] == 1
    two = operator in _TWO_OPERANDS
    known = not np.isnan(readings["ideal"][part]).any()
    with styled():
        figure = new_figure(8.0, 5.4)
        axes = figure.subplots()
        numbers = np.unique(readings["operator"][part])
        for number, colour in zip(numbers, sequence(len(numbers)), strict=True):
            mine = part & (readings["operator"] == number)
            across = readings["ideal" if two else "input"][mine]
            answer = readings["answer"][mine]
            order = np.argsort(across, kind="stable")
            axes.plot(
                across[order],
                answer[order] * (1.0 if known else 1.0 / _scale(operator)),
                linestyle="none" if two else "-",
                linewidth=1.0,
                marker=MARKERS[0],
                markersize=2.5,
                color=colour,
                label=f"{number:g}",
            )
        if known:
            ideal = readings["ideal"][part]
            across = ideal if two else readings["input"][part]
            order = np.argsort(across, kind="stable")
            axes.plot(
                across[order], ideal[order], color=GREY, linewidth=1.0, label="ideal"
            )
        axes.set(**_labels(operator))
        legend_beside(axes, operator)
    return figure


def _scale(operator: str) -> float:
    return _MICRO if operator == "softplus" else _NANO


def _labels(operator: str) -> dict[str, str]:
    if operator in _TWO_OPERANDS:
        return {
            "xlabel": "ideal answer (reference currents)",
            "ylabel": "answer (reference currents)",
            "xscale": "log",
            "yscale": "log",
        }
    return {
        "exponential": {
            "xlabel": "exponent",
            "ylabel": "answer (reference currents)",
            "yscale": "log",
        },
        "softplus": {"xlabel": "input (V)", "ylabel": "current (uA)"},
        "sigmoid": {"xlabel": "input (V)", "ylabel": "current (nA)"},
        "softmax": {"xlabel": "ideal share of the first input", "ylabel": "answer"},
        "gelu": {"xlabel": "argument", "ylabel": "answer"},
    }[operator]


def product_figure(readings: Readings) -> Figure:
    """Draw the sums of a vector-matrix product against the ideal, and what is missed.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a VectorMatrixProduct run.

    Returns
    -------
    Figure
    """
    steps = np.unique(readings["step"])
    parts = [readings["step"] == step for step in steps]
    measured = np.sum([readings["current"][part] for part in parts], axis=0)
    ideal = np.sum(
        [readings["target"][part] * readings["voltage"][part] for part in parts], axis=0
    )
    miss = (measured - ideal) / ideal.max()
    with styled():
        figure = new_figure(8.0, 6.0)
        lower: Axes
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        upper.plot(ideal / _MICRO, measured / _MICRO, ".", color=BLUE, markersize=3)
        ends = np.array([ideal.min(), ideal.max()]) / _MICRO
        upper.plot(ends, ends, color=GREY, linewidth=1.0)
        upper.set(
            ylabel="measured sum (uA)",
            title=f"{len(ideal)} vectors, mean error "
            f"{100.0 * np.mean(np.abs(miss)):.2g} % of full scale",
        )
        lower.plot(ideal / _MICRO, 100.0 * miss, ".", color=BLUE, markersize=3)
        lower.set(
            xlabel="sum of target conductance times voltage (uA)",
            ylabel="error (% of full scale)",
        )
    return figure
