"""Response to repeated weak pulses, and the resistance after each pulse of a train.

References
----------
T. Zhang et al., "Self-sensitizable neuromorphic device based on adaptive hydrogen
gradient": Figure 2C-D (0.19 V/um, 100 us sensitizes).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.errors import CalibrationError
from labneuro.plotting.style import (
    BLUE,
    GREY,
    MARKERS,
    PER_MICROMETRE,
    VERMILION,
    legend_beside,
    new_figure,
    sequence,
    styled,
)
from labneuro.plotting.tables import Row, column, device_rows, error_bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel

_FEWEST_PULSES = 3  # a train, not a state that was probed at its own field by chance
_PAPER_FIELD = 0.19e6  # V/m
_DODGE = 0.16  # of a pulse: intervals of different fields stand side by side
_BAR_ALPHA = 0.45


class TrainReadings(NamedTuple):
    """Resistance after each pulse of one train.

    Attributes
    ----------
    field : float
        Field of the pulses in V/m.
    resistance : ndarray, shape (pulses,)
        Reading after each pulse, in ohm.
    spike : ndarray of int, shape (pulses,)
        1 spike, 0 none.
    """

    field: float
    resistance: NDArray[np.float64]
    spike: NDArray[np.int64]


def sensitization_train(
    model: CalibratedModel,
    device_id: str | None = None,
    readings: TrainReadings | None = None,
) -> Figure:
    """Draw the firing probability against the pulse number of a train.

    Parameters
    ----------
    model : CalibratedModel
        Of model ``"hnno"``, with its tables.
    device_id : str, optional
        The device to show; the first one if absent.
    readings : TrainReadings, optional
        One train, whose resistance is drawn below.

    Returns
    -------
    Figure
        Points with 95 % Wilson intervals and the fitted law, a colour a field; the
        first pulse meets the initial state.

    Raises
    ------
    CalibrationError
        If the model has no such tables, device or trains.
    """
    return train_figure(device_rows(model, "sensitization", device_id), readings)


def train_figure(rows: Sequence[Row], readings: TrainReadings | None = None) -> Figure:
    """Draw rows of the table ``sensitization``.

    Raises
    ------
    CalibrationError
        If no field has three numbers of pulses or more.
    """
    trains = {
        field: [row for row in rows if row["accumulating_field"] == field]
        for field in sorted({row["accumulating_field"] for row in rows})
    }
    trains = {
        field: part for field, part in trains.items() if len(part) >= _FEWEST_PULSES
    }
    if not trains:
        raise CalibrationError("table 'sensitization': no field has a train of pulses")
    panels = 1 + (readings is not None)
    with styled():
        figure = new_figure(9.0, 4.6 + 2.6 * (panels - 1))
        grid = figure.subplots(
            panels, 1, sharex=True, squeeze=False, height_ratios=(3, 2)[:panels]
        )
        _responses(grid[0, 0], trains)
        if readings is not None:
            _resistances(grid[1, 0], readings)
        grid[-1, 0].set_xlabel("pulse number since reset")
    return figure


def _responses(axes: Axes, trains: dict[float, list[Row]]) -> None:
    colours = sequence(len(trains))
    for number, (field, rows) in enumerate(trains.items()):
        x = column(rows, "accumulated_pulses") + 1.0
        beside = _DODGE * (number - (len(trains) - 1) / 2.0)
        _, _, bars = axes.errorbar(
            x + beside,
            column(rows, "probability"),
            yerr=error_bars(rows, "probability", "low", "high"),
            fmt=MARKERS[number % len(MARKERS)],
            color=colours[number],
            elinewidth=0.8,
            capsize=0,
            markersize=4,
            label=_field_label(field),
        )
        for bar in bars:
            bar.set_alpha(_BAR_ALPHA)
        axes.plot(x, column(rows, "fitted"), color=colours[number])
    axes.axvline(1.0, color=GREY, linestyle=":", linewidth=1.0, zorder=0)
    axes.annotate(
        "initial\nstate",
        (1.0, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        color=GREY,
        fontsize=8,
    )
    axes.set(ylabel="firing probability", ylim=(-0.03, 1.03))
    legend_beside(axes, "pulse field")


def _field_label(field: float) -> str:
    marked = " (paper's)" * math.isclose(field, _PAPER_FIELD, rel_tol=1e-6)
    return f"{field * PER_MICROMETRE:.4g} V/µm{marked}"


def _resistances(axes: Axes, readings: TrainReadings) -> None:
    number = np.arange(1, len(readings.resistance) + 1)
    axes.plot(number, readings.resistance, color=GREY, linewidth=0.8, zorder=1)
    for value, marker, colour, label in (
        (0, "o", BLUE, "no spike"),
        (1, "v", VERMILION, "spike"),
    ):
        chosen = readings.spike == value
        axes.plot(
            number[chosen],
            readings.resistance[chosen],
            marker,
            color=colour,
            label=label,
        )
    axes.set(yscale="log", ylabel="resistance (Ω)")
    legend_beside(axes, f"one train, {readings.field * PER_MICROMETRE:.4g} V/µm")
