"""Firing probability against pulse field: counted shares and fitted sigmoids.

References
----------
T. Zhang et al., "Self-sensitizable neuromorphic device based on adaptive hydrogen
gradient": Figure 2 (0.21 V/um spikes stochastically from the initial state, 0.19 V/um
hardly ever; the threshold is the field of 10 %).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from labneuro.analysis.logistic import probability
from labneuro.errors import CalibrationError
from labneuro.plotting.style import (
    BLACK,
    GREY,
    MARKERS,
    PER_MICROMETRE,
    legend_beside,
    new_figure,
    sequence,
    styled,
)
from labneuro.plotting.tables import Row, column, device_rows, error_bars, of_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel

Colour: TypeAlias = "str | tuple[float, float, float, float]"
THRESHOLD_PROBABILITY = 0.1
_Z = 1.959963984540054  # standard normal quantile of 97.5 %
_CURVE_POINTS = 300
_BAR_ALPHA = 0.45
_MARGIN = 0.05  # of the range of fields, left and right of the points
_PAPER = ((0.19e6, "paper: hardly ever"), (0.21e6, "paper: stochastic"))


def firing_sigmoids(model: CalibratedModel, device_id: str | None = None) -> Figure:
    """Draw the counted shares and the fitted sigmoid of every state.

    Parameters
    ----------
    model : CalibratedModel
        Of model ``"hnno"``, with its tables.
    device_id : str, optional
        The device to show; the first one if absent.

    Returns
    -------
    Figure
        Points with 95 % Wilson intervals, curves with 95 % bands from the covariance,
        10 % thresholds with 95 % profile intervals. States after fewer pulses than the
        most are in a panel of their own.

    Raises
    ------
    CalibrationError
        If the model has no such tables or device.
    """
    return sigmoid_figure(
        device_rows(model, "firing_probability", device_id),
        device_rows(model, "state_map", device_id),
    )


def sigmoid_figure(points: Sequence[Row], states: Sequence[Row]) -> Figure:
    """Draw rows of the tables ``firing_probability`` and ``state_map``.

    Raises
    ------
    CalibrationError
        If there is no state to draw.
    """
    if not states:
        raise CalibrationError("table 'state_map': no state to draw")
    most = max(row["accumulated_pulses"] for row in states)
    initial = [row for row in states if row["accumulated_pulses"] == 0]
    full = [row for row in states if row["accumulated_pulses"] == most and most > 0]
    part = [row for row in states if 0 < row["accumulated_pulses"] < most]
    panels = [("accumulating field", [*initial, *full])]
    if part:
        panels.append(("accumulating pulses", [*initial, *part]))
    with styled():
        figure = new_figure(9.0, 4.4 * len(panels))
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)
        for axes, (title, shown) in zip(grid[:, 0], panels, strict=True):
            _panel(axes, points, shown, title if len(shown) > 1 else "state")
        grid[-1, 0].set_xlabel("pulse field (V/µm)")
        _mark_paper(grid[0, 0])
    return figure


def _panel(
    axes: Axes, points: Sequence[Row], states: Sequence[Row], title: str
) -> None:
    fields = column(points, "pulse_field")
    margin = _MARGIN * float(np.ptp(fields))
    low, high = float(fields.min()) - margin, float(fields.max()) + margin
    grid = np.linspace(low, high, _CURVE_POINTS)
    sensitized = [row for row in states if row["accumulated_pulses"] > 0]
    colours: list[Colour] = [BLACK] * (len(states) - len(sensitized))
    colours += sequence(len(sensitized))
    for number, (state, colour) in enumerate(zip(states, colours, strict=True)):
        _points(axes, points, state, colour, number, title)
        if state["midpoint"] is not None:
            _curve(axes, grid, state, colour)
            _threshold(axes, state, colour)
    axes.axhline(THRESHOLD_PROBABILITY, color=GREY, linestyle="--", linewidth=1.0)
    axes.annotate(
        "10 %: threshold",
        (1.0, THRESHOLD_PROBABILITY),
        xycoords=("axes fraction", "data"),
        xytext=(-4, 3),
        textcoords="offset points",
        ha="right",
        color=GREY,
        fontsize=9,
    )
    axes.set(ylabel="firing probability", ylim=(-0.03, 1.03))
    axes.set_xlim(low * PER_MICROMETRE, high * PER_MICROMETRE)
    legend_beside(axes, title)


def _points(
    axes: Axes,
    points: Sequence[Row],
    state: Row,
    colour: Colour,
    number: int,
    title: str,
) -> None:
    field, pulses = state["accumulating_field"], state["accumulated_pulses"]
    rows = of_state(points, field, pulses)
    _, _, bars = axes.errorbar(
        column(rows, "pulse_field") * PER_MICROMETRE,
        column(rows, "probability"),
        yerr=error_bars(rows, "probability", "low", "high"),
        fmt=MARKERS[number % len(MARKERS)],
        color=colour,
        elinewidth=1.0,
        capsize=0,
        label=_label(state, title),
    )
    for bar in bars:
        bar.set_alpha(_BAR_ALPHA)


def _label(state: Row, title: str) -> str:
    field, pulses = state["accumulating_field"], state["accumulated_pulses"]
    if pulses == 0:
        return "initial state"
    shown = f"{field * PER_MICROMETRE:.4g} V/µm"
    if title == "accumulating pulses":
        return f"{pulses:.0f} at {shown}"
    return f"{shown}, {pulses:.0f} pulses"


def _curve(axes: Axes, grid: NDArray[np.float64], state: Row, colour: Colour) -> None:
    odds = (grid - state["midpoint"]) / state["slope"]
    gradient = np.array((np.ones_like(odds), odds)) / -state["slope"]
    covariance = np.array(
        (
            (state["midpoint_error"] ** 2, state["midpoint_slope_covariance"]),
            (state["midpoint_slope_covariance"], state["slope_error"] ** 2),
        )
    )
    reach = _Z * np.sqrt(np.einsum("ik,ij,jk->k", gradient, covariance, gradient))
    x = grid * PER_MICROMETRE
    axes.plot(x, probability(odds), color=colour)
    axes.fill_between(
        x,
        probability(odds - reach),
        probability(odds + reach),
        color=colour,
        alpha=0.15,
        linewidth=0.0,
    )


def _threshold(axes: Axes, state: Row, colour: Colour) -> None:
    axes.errorbar(
        [state["threshold"] * PER_MICROMETRE],
        [THRESHOLD_PROBABILITY],
        xerr=error_bars([state], "threshold", "threshold_low", "threshold_high")
        * PER_MICROMETRE,
        fmt="none",
        ecolor=colour,
        elinewidth=2.5,
        capsize=4,
        zorder=4,
    )


def _mark_paper(axes: Axes) -> None:
    low, high = axes.get_xlim()
    for field, text in _PAPER:
        place = field * PER_MICROMETRE
        if low < place < high:
            axes.axvline(place, color=GREY, linestyle=":", linewidth=1.0)
            axes.annotate(
                f"{place:.2f} V/µm\n{text}",
                (place, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                color=GREY,
                fontsize=8,
            )
