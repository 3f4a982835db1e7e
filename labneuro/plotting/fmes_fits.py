"""What was fitted to the FMES synapse, from the tables of its calibrated model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import InputError
from labneuro.plotting.style import (
    GREY,
    MARKERS,
    legend_beside,
    new_figure,
    sequence,
    styled,
)
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labneuro.calibration import CalibratedModel

    Row = dict[str, float | str | None]
    Colour = tuple[float, float, float, float]

_MILLI = 1e-3
_TITLE = "resistor"
_FINE = 200


def curves_figure(model: CalibratedModel) -> Figure:
    """Draw potentiation and depression with their exponential fits per resistance.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"fmes"``; its first device is drawn.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If the model holds no such curves.
    """
    rows = _rows(model, "curve_points")
    labels = {str(row["resistance"]): row for row in _rows(model, "curves")}
    with styled():
        figure = new_figure(8.5, 4.8)
        axes: Axes = figure.subplots()
        for label, colour, own in _by_label(rows):
            pulses = int(_number(labels[label], "pulses"))
            number = [
                _number(row, "pulse") + pulses * (row["direction"] == "depression")
                for row in own
            ]
            axes.plot(
                number,
                [_number(row, "residual") / _MILLI for row in own],
                ".",
                color=colour,
                markersize=3,
                alpha=0.5,
            )
            axes.plot(
                number,
                [_number(row, "fitted") / _MILLI for row in own],
                color=colour,
                label=_text(label),
            )
        cycles = int(_number(next(iter(labels.values())), "cycles"))
        axes.set(
            xlabel="pulse of the cycle",
            ylabel="residual PSV (mV)",
            title=f"mean of {cycles} cycles (dots) and G(P) (lines)",
        )
        legend_beside(axes, _TITLE)
    return figure


def pairs_figure(model: CalibratedModel) -> Figure:
    """Draw the paired-pulse index with its fit and each exponential part.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"fmes"``; its first device is drawn.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If the model holds no paired pulses.
    """
    rows = _rows(model, "pair_points")
    fits = {str(row["resistance"]): row for row in _rows(model, "pairs")}
    with styled():
        figure = new_figure(8.5, 4.8)
        axes: Axes = figure.subplots()
        for place, (label, colour, own) in enumerate(_by_label(rows)):
            interval = [_number(row, "interval") for row in own]
            axes.errorbar(
                interval,
                [_number(row, "index") for row in own],
                [1.96 * _number(row, "error") for row in own],
                color=colour,
                linestyle="none",
                marker=MARKERS[place % len(MARKERS)],
                label=_text(label),
            )
            fine = np.geomspace(min(interval), max(interval), _FINE)
            parts = [
                _number(fits[label], f"amplitude_{number}")
                * np.exp(-fine / _number(fits[label], f"time_{number}"))
                for number in (1, 2)
                if fits[label][f"time_{number}"] is not None
            ]
            if parts:
                axes.plot(fine, 1.0 + np.sum(parts, axis=0), color=colour)
            if len(parts) > 1:
                for part in parts:
                    axes.plot(fine, 1.0 + part, ":", color=colour, linewidth=1.0)
        axes.axhline(1.0, color=GREY, linewidth=1.0)
        axes.set(
            xscale="log",
            xlabel="interval between the pulses (s)",
            ylabel="paired-pulse index A2/A1",
            title="fit (lines) and its two parts (dotted); 95 % bars",
        )
        legend_beside(axes, _TITLE)
    return figure


def branches_figure(model: CalibratedModel) -> Figure:
    """Draw measured current-voltage curves with those of the fitted branches.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"fmes"``; its first device is drawn.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If the model holds no branches that sweeps were used for.
    """
    rows = _rows(model, "sweep_points")
    rates = sorted({_number(row, "rate") for row in rows})
    with styled():
        figure = new_figure(3.0 + 4.0 * len(rates), 4.6)
        panels: Sequence[Axes] = list(
            figure.subplots(1, len(rates), sharey=True, squeeze=False)[0]
        )
        for axes, rate in zip(panels, rates, strict=True):
            for label, colour, every in _by_label(rows):
                own = [row for row in every if row["rate"] == rate]
                volts = [_number(row, "voltage") for row in own]
                axes.plot(
                    volts,
                    [_number(row, "current") / _MILLI for row in own],
                    ".",
                    color=colour,
                    markersize=4,
                )
                axes.plot(
                    volts,
                    [_number(row, "fitted") / _MILLI for row in own],
                    color=colour,
                    label=_text(label),
                    linewidth=1.2,
                )
            axes.set(xlabel="voltage (V)", title=show(rate, "V/s"))
        panels[0].set_ylabel("current (mA)")
        legend_beside(panels[-1], _TITLE)
    return figure


FIGURES: dict[str, Callable[[CalibratedModel], Figure]] = {
    "curves": curves_figure,
    "pairs": pairs_figure,
    "branches": branches_figure,
}
"""Every figure of a calibrated FMES model, by name."""


def _rows(model: CalibratedModel, table: str) -> list[Row]:
    """Return the rows of the first device."""
    rows = model.tables.get(table, [])
    if not rows:
        raise InputError(
            f"calibrated model {model.model!r}: no table {table!r} to draw"
        )
    return [row for row in rows if row["device_id"] == rows[0]["device_id"]]


def _number(row: Row, column: str) -> float:
    value = row[column]
    if not isinstance(value, int | float):
        raise InputError(f"calibrated model: {column}: {value!r} is not a number")
    return float(value)


def _by_label(rows: list[Row]) -> Iterator[tuple[str, Colour, list[Row]]]:
    """Yield each resistance's label, colour and rows, rising, open last."""
    labels = sorted({str(row["resistance"]) for row in rows}, key=_ohms)
    for label, colour in zip(labels, sequence(len(labels)), strict=True):
        yield label, colour, [row for row in rows if row["resistance"] == label]


def _ohms(label: str) -> float:
    return math.inf if label == "open" else float(label.removesuffix("ohm"))


def _text(label: str) -> str:
    return label if label == "open" else show(_ohms(label), "ohm")
