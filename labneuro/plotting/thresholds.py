"""Threshold of each state against its accumulating field, and the noise filter.

References
----------
T. Zhang et al., "Self-sensitizable neuromorphic device based on adaptive hydrogen
gradient": Figure 2D-F (fields lead to states of different thresholds; a very weak
field shifts nothing in more than thirty repetitions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import CalibrationError
from labneuro.plotting.style import (
    BLACK,
    BLUE,
    MARKERS,
    ORANGE,
    PER_MICROMETRE,
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

_CURVE_POINTS = 400
_DRAWS = 400
_MARGIN = 0.06  # of the range of fields, left and right of the points
_CENTRAL = (2.5, 97.5)
_LAW = (
    "midpoint",
    "slope",
    "floor_field",
    "saturation_shift",
    "shift_field_scale",
    "sensitization_pulses",
)


def threshold_against_field(
    model: CalibratedModel, device_id: str | None = None
) -> Figure:
    """Draw the 10 % threshold of each state against its accumulating field.

    Parameters
    ----------
    model : CalibratedModel
        Of model ``"hnno"``, with its tables.
    device_id : str, optional
        The device to show; the first one if absent.

    Returns
    -------
    Figure
        Thresholds with 95 % profile intervals, the initial one as a band, the fitted
        law with its 95 % band where the model is of one device, and the noise-filter
        field with its interval.

    Raises
    ------
    CalibrationError
        If the model has no such tables or device, or no state was sensitized.
    """
    states = device_rows(model, "state_map", device_id)
    sensitized = [row for row in states if row["accumulated_pulses"] > 0]
    if not sensitized:
        raise CalibrationError("table 'state_map': no sensitized state")
    most = max(row["accumulated_pulses"] for row in sensitized)
    with styled():
        figure = new_figure(9.0, 5.0)
        axes = figure.subplots()
        _initial_band(axes, [row for row in states if row["accumulated_pulses"] == 0])
        _thresholds(axes, sensitized, most)
        device = device_rows(model, "devices", device_id)[0]
        if all(device.get(name) is not None for name in _LAW):
            _law(axes, device, column(sensitized, "accumulating_field"), most)
            _law_band(axes, model, most)
            _noise_filter(axes, device)
        axes.set(xlabel="accumulating field (V/µm)", ylabel="10 % threshold (V/µm)")
        legend_beside(axes)
    return figure


def _initial_band(axes: Axes, initial: Sequence[Row]) -> None:
    for row in initial:
        if row["threshold"] is None:
            continue
        axes.axhline(
            row["threshold"] * PER_MICROMETRE,
            color=BLACK,
            linestyle="--",
            linewidth=1.2,
            label="initial state",
        )
        if None not in (row["threshold_low"], row["threshold_high"]):
            axes.axhspan(
                row["threshold_low"] * PER_MICROMETRE,
                row["threshold_high"] * PER_MICROMETRE,
                color=BLACK,
                alpha=0.08,
                linewidth=0.0,
            )


def _thresholds(axes: Axes, states: Sequence[Row], most: float) -> None:
    groups = [
        (pulses, [row for row in states if row["accumulated_pulses"] == pulses])
        for pulses in sorted({row["accumulated_pulses"] for row in states})
    ]
    colours = sequence(len(groups))
    for number, (pulses, rows) in enumerate(groups):
        full = pulses == most
        axes.errorbar(
            column(rows, "accumulating_field") * PER_MICROMETRE,
            column(rows, "threshold") * PER_MICROMETRE,
            yerr=error_bars(rows, "threshold", "threshold_low", "threshold_high")
            * PER_MICROMETRE,
            fmt="o" if full else MARKERS[1 + number % (len(MARKERS) - 1)],
            color=BLUE if full else colours[number],
            markerfacecolor=BLUE if full else "white",
            label=f"after {pulses:.0f} pulse" + "s" * (pulses > 1),
            zorder=3,
        )


def _law(axes: Axes, device: Row, fields: NDArray[np.float64], pulses: float) -> None:
    margin = _MARGIN * float(np.ptp(fields) or fields[0])
    axes.set_xlim(
        (fields.min() - margin) * PER_MICROMETRE,
        (fields.max() + margin) * PER_MICROMETRE,
    )
    x = np.linspace(*axes.get_xlim(), _CURVE_POINTS)
    best = {name: np.array([device[name]]) for name in _LAW}
    curve = _threshold_law(best, x / PER_MICROMETRE, pulses)[0]
    label = f"fitted law, {pulses:.0f} pulses"
    axes.plot(x, curve * PER_MICROMETRE, color=BLUE, label=label)


def _law_band(axes: Axes, model: CalibratedModel, pulses: float) -> None:
    """Fill between the law's quantiles, where one device's covariance is known."""
    one_device = len(model.tables["devices"]) == 1
    if not (one_device and set(_LAW) <= set(model.covariance_of)):
        return
    x = np.linspace(*axes.get_xlim(), _CURVE_POINTS)
    drawn = model.draw(_DRAWS, seed=0)
    curves = _threshold_law(drawn, x / PER_MICROMETRE, pulses) * PER_MICROMETRE
    low, high = np.percentile(curves, _CENTRAL, axis=0)
    axes.fill_between(x, low, high, color=BLUE, alpha=0.15, linewidth=0.0)


def _threshold_law(
    parameters: dict[str, NDArray[np.float64]],
    fields: NDArray[np.float64],
    pulses: float,
) -> NDArray[np.float64]:
    """Return thresholds in V/m, shape (parameter sets, fields)."""
    one = {name: values[:, None] for name, values in parameters.items()}
    above = np.maximum(fields - one["floor_field"], 0.0)
    reach = -np.expm1(-above / np.maximum(one["shift_field_scale"], 1.0))
    grown = -np.expm1(-pulses / np.maximum(one["sensitization_pulses"], 1e-3))
    start = one["midpoint"] - one["slope"] * np.log(9.0)
    return np.asarray(start - one["saturation_shift"] * reach * grown)


def _noise_filter(axes: Axes, device: Row) -> None:
    place = float(device["floor_field"]) * PER_MICROMETRE
    low, high = (
        None if device[name] is None else float(device[name]) * PER_MICROMETRE
        for name in ("floor_field_low", "floor_field_high")
    )
    ends = " to ".join("open" if end is None else f"{end:.4g}" for end in (low, high))
    axes.axvline(
        place,
        color=ORANGE,
        linewidth=1.5,
        label=f"noise-filter field\n{place:.4g} V/µm (95 %: {ends})",
    )
    left, right = axes.get_xlim()
    axes.axvspan(
        left if low is None else low,
        right if high is None else high,
        color=ORANGE,
        alpha=0.15,
        linewidth=0.0,
    )
    axes.set_xlim(left, right)
