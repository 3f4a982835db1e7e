"""What the FMES synapse answers to current pulses, per regulating resistor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.plotting.style import (
    BLUE,
    GREY,
    MARKERS,
    ORANGE,
    legend_beside,
    new_figure,
    sequence,
    styled,
)
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Readings = Mapping[str, NDArray[np.float64]]

_MILLI = 1e-3
_TITLE = "resistor"


def potentiation_figure(readings: Readings) -> Figure:
    """Draw residual and peak voltage of the first cycle, pulse by pulse.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a PotentiationDepression run.

    Returns
    -------
    Figure
    """
    with styled():
        figure = new_figure(8.5, 6.4)
        lower: Axes
        upper, lower = figure.subplots(2, 1, sharex=True)
        for resistance, colour, rows in by_resistance(readings):
            first = rows & (readings["cycle"] == 0)
            pulse = readings["pulse"][first]
            for axes, name in ((upper, "residual"), (lower, "peak")):
                axes.plot(
                    pulse,
                    readings[name][first] / _MILLI,
                    color=colour,
                    label=resistor_text(resistance),
                )
        cycles = int(np.max(readings["cycle"])) + 1
        upper.set_title(f"first of {cycles} cycles" if cycles > 1 else "one cycle")
        upper.set_ylabel("end of the period (mV)")
        lower.set(xlabel="pulse of the cycle", ylabel="end of the pulse (mV)")
        legend_beside(upper, _TITLE)
    return figure


def paired_pulse_figure(readings: Readings) -> Figure:
    """Draw the paired-pulse index over the interval, with standard errors.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a PairedPulse run.

    Returns
    -------
    Figure
    """
    with styled():
        figure = new_figure(8.5, 5.0)
        axes = figure.subplots()
        for number, (resistance, colour, rows) in enumerate(by_resistance(readings)):
            intervals = np.unique(readings["interval"][rows])
            groups = [
                readings["index"][rows & (readings["interval"] == one)]
                for one in intervals
            ]
            errors = [
                one.std(ddof=1) / math.sqrt(len(one)) if len(one) > 1 else 0.0
                for one in groups
            ]
            axes.errorbar(
                intervals,
                [one.mean() for one in groups],
                errors,
                color=colour,
                marker=MARKERS[number % len(MARKERS)],
                label=resistor_text(resistance),
            )
        axes.axhline(1.0, color=GREY, linewidth=1.0)
        axes.set(
            xscale="log",
            xlabel="interval between the pulses (s)",
            ylabel="paired-pulse index A2/A1",
        )
        legend_beside(axes, _TITLE)
    return figure


def current_voltage_figure(readings: Readings) -> Figure:
    """Draw current against voltage, a panel for each sweep rate.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a CurrentVoltage run.

    Returns
    -------
    Figure
    """
    rates = np.unique(readings["rate"])
    with styled():
        figure = new_figure(3.0 + 4.0 * len(rates), 4.6)
        panels: list[Axes] = list(
            figure.subplots(1, len(rates), sharey=True, squeeze=False)[0]
        )
        for axes, rate in zip(panels, rates, strict=True):
            for resistance, colour, rows in by_resistance(readings):
                here = rows & (readings["rate"] == rate)
                axes.plot(
                    readings["voltage"][here],
                    readings["current"][here] / _MILLI,
                    color=colour,
                    label=resistor_text(resistance),
                )
            axes.set(xlabel="voltage (V)", title=show(float(rate), "V/s"))
        panels[0].set_ylabel("current (mA)")
        legend_beside(panels[-1], _TITLE)
    return figure


def learn_forget_figure(readings: Readings) -> Figure:
    """Draw the train, shaded by the resistor beside the device, and the decay.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        Of a LearnForget run; its first repetition is drawn.

    Returns
    -------
    Figure
    """
    first = {key: column[readings["step"] == 0] for key, column in readings.items()}
    train = first["phase"] >= 0
    end = first["time"][train][-1]
    volts = first["voltage"] / _MILLI
    with styled():
        figure = new_figure(9.5, 4.6)
        left: Axes
        left, right = figure.subplots(1, 2, sharey=True)
        left.plot(first["time"][train], volts[train], color=BLUE)
        phases = np.unique(first["phase"][train])
        for number, colour in zip(phases, sequence(len(phases)), strict=True):
            rows = first["phase"] == number
            time = first["time"][rows]
            left.axvspan(
                time[0],
                time[-1],
                color=colour,
                alpha=0.15,
                linewidth=0.0,
                label=resistor_text(float(first["resistance"][rows][0])),
            )
        left.legend(loc="lower right", title=_TITLE)
        left.set(xlabel="time in the train (s)", ylabel="voltage at 0 A (mV)")
        decay = ~train
        right.plot(first["time"][decay] - end, volts[decay], color=ORANGE)
        beside = resistor_text(float(first["resistance"][decay][0]))
        right.set(xlabel="time since the train (s)", title=f"forgetting, {beside}")
    return figure


def by_resistance(
    readings: Readings,
) -> Iterator[tuple[float, tuple[float, float, float, float], NDArray[np.bool_]]]:
    """Yield each resistance with its colour and which rows are its own.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (readings,)
        With a column ``resistance`` in ohm, infinite if open.

    Yields
    ------
    tuple of (float, tuple of float, ndarray)
        Resistance in ohm, rising; colour; shape (readings,), whether a row is its own.
    """
    found = np.unique(readings["resistance"])
    for resistance, colour in zip(found, sequence(len(found)), strict=True):
        yield float(resistance), colour, readings["resistance"] == resistance


def resistor_text(resistance: float) -> str:
    """Return a resistance in ohm with its unit; ``open`` if it is infinite."""
    return "open" if math.isinf(resistance) else show(resistance, "ohm")
