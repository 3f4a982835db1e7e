"""Figures of network simulations, and the files that a simulation leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import InputError
from labneuro.plotting.style import (
    BLUE,
    GREY,
    MARKERS,
    ORANGE,
    VERMILION,
    legend_beside,
    new_figure,
    save,
    styled,
)
from labneuro.plotting.tables import Row, column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labneuro.networks.accuracy import FashionSnnResult

_CHANCE = 0.1  # ten classes
_COLOURS = (GREY, VERMILION, BLUE, ORANGE)


def accuracy_against_brightness(rows: Sequence[Row]) -> Figure:
    """Draw the accuracy of each kind of neuron against the brightness of the images.

    Parameters
    ----------
    rows : sequence of dict
        ``neuron`` (its name in the legend), ``brightness``, ``accuracy`` (mean over
        seeds), and either ``low`` and ``high`` (95 % interval), or ``sd`` (standard
        deviation over seeds), or both: the interval is the bar, the deviation a band.

    Returns
    -------
    Figure
        Brightness falls to the right, as the scene turns dark.

    Raises
    ------
    InputError
        If there are no rows.
    """
    if not rows:
        raise InputError("accuracy_against_brightness: no rows to draw")
    kinds = list(dict.fromkeys(str(row["neuron"]) for row in rows))
    with styled():
        figure = new_figure(9.0, 5.0)
        axes = figure.subplots()
        for number, kind in enumerate(kinds):
            part = [row for row in rows if row["neuron"] == kind]
            _accuracy_line(axes, kind, part, number)
        axes.axhline(100 * _CHANCE, color=GREY, linestyle=":", linewidth=1.0)
        axes.annotate(
            "chance",
            (0.0, 100 * _CHANCE),
            xycoords=("axes fraction", "data"),
            xytext=(4, 3),
            textcoords="offset points",
            color=GREY,
            fontsize=9,
        )
        levels = sorted({float(row["brightness"]) for row in rows})
        axes.set_xscale("log")
        axes.set_xticks(levels, [f"{level:g}" for level in levels])
        axes.minorticks_off()
        axes.invert_xaxis()
        axes.set(xlabel="brightness of the test images", ylabel="accuracy (%)")
        axes.set_ylim(0.0, 100.0)
        legend_beside(axes, "neuron")
    return figure


def _accuracy_line(axes: Axes, kind: str, rows: Sequence[Row], number: int) -> None:
    rows = sorted(rows, key=lambda row: float(row["brightness"]))
    x, mean = column(rows, "brightness"), column(rows, "accuracy")
    low, high = column(rows, "low"), column(rows, "high")
    arms = np.nan_to_num(np.array((mean - low, high - mean)), nan=0.0)
    colour = _COLOURS[number % len(_COLOURS)]
    axes.errorbar(
        x,
        100 * mean,
        yerr=100 * np.maximum(arms, 0.0),
        fmt=f"-{MARKERS[number % len(MARKERS)]}",
        color=colour,
        label=kind,
    )
    spread = column(rows, "sd")
    if np.isfinite(spread).any():
        reach = np.nan_to_num(spread, nan=0.0)
        axes.fill_between(
            x,
            100 * (mean - reach),
            100 * (mean + reach),
            color=colour,
            alpha=0.2,
            linewidth=0.0,
        )


def save_network_result(result: FashionSnnResult, folder: str | Path) -> list[Path]:
    """Write a simulation's numbers and its figure.

    Parameters
    ----------
    result : FashionSnnResult
        What the simulation found.
    folder : path
        An existing folder.

    Returns
    -------
    list of Path
        ``result.json`` and ``accuracy_against_brightness.png``.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    numbers = Path(folder) / "result.json"
    picture = Path(folder) / "accuracy_against_brightness.png"
    try:
        numbers.write_text(result.to_json(), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{numbers}: cannot be written: {error.strerror}") from error
    rows = [
        {
            "neuron": part.neuron,
            "brightness": part.brightness,
            "accuracy": part.mean,
            "low": part.interval_low,
            "high": part.interval_high,
            "sd": part.standard_deviation,
        }
        for part in result.summary()
    ]
    save(accuracy_against_brightness(rows), picture)
    return [numbers, picture]
