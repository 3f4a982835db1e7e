"""Tables of a calibrated H-NNO model: every curve that a figure or a report shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from labneuro.analysis.states import threshold_shift
from labneuro.counting import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labneuro.analysis.counts import PulseRows, StateCounts
    from labneuro.analysis.device_fit import DeviceFit
    from labneuro.analysis.sigmoid import SigmoidFit
    from labneuro.analysis.states import StateFit
    from labneuro.calibration import FittedParameter

Row: TypeAlias = dict[str, float | str | None]
FittedCells: TypeAlias = dict[tuple[float, float, float], float]
_SIGMOID_COLUMNS = tuple(
    f"{name}{suffix}"
    for name in ("midpoint", "slope", "threshold")
    for suffix in ("", "_error", "_low", "_high")
)
_SHIFT_COLUMNS = ("threshold_shift", "threshold_shift_low", "threshold_shift_high")


def tables(devices: Sequence[DeviceFit]) -> dict[str, list[Row]]:
    """Return every table, the devices' rows one after the other.

    Parameters
    ----------
    devices : sequence of DeviceFit
        The fits.

    Returns
    -------
    dict of str to list of dict
        ``state_map`` (a row a state), ``firing_probability`` (a row a state and probing
        field), ``sensitization`` (a row an accumulating field and number of pulses
        before), ``initial_state`` (a row a run that returned to it) and ``devices`` (a
        row a device). Fields in V/m; None where data do not determine a number.
    """
    makers = {
        "state_map": _state_map,
        "firing_probability": _firing_probability,
        "sensitization": _sensitization,
        "initial_state": _initial_state,
        "devices": _device,
    }
    return {
        name: [
            {"device_id": device.device_id, **row}
            for device in devices
            for row in make(device)
        ]
        for name, make in makers.items()
    }


def _state_map(device: DeviceFit) -> list[Row]:
    return state_rows(device.states)


def state_rows(states: Sequence[StateFit]) -> list[Row]:
    """Return the rows of ``state_map`` for the states of one device."""
    initial = next((one for one in states if one.is_initial), None)
    return [_state_row(state, initial) for state in states]


def _state_row(state: StateFit, initial: StateFit | None) -> Row:
    row: Row = {
        "accumulating_field": state.accumulating_field,
        "accumulated_pulses": state.accumulated_pulses,
        "spikes": state.spikes,
        "trials": state.trials,
        "note": state.note,
    }
    if state.sigmoid is None:
        return row | dict.fromkeys((*_SIGMOID_COLUMNS, *_SHIFT_COLUMNS))
    row |= _sigmoid_row(state.sigmoid)
    if initial is None or initial.sigmoid is None or state.is_initial:
        return row | dict.fromkeys(_SHIFT_COLUMNS)
    shift, ends = threshold_shift(initial.sigmoid.threshold, state.sigmoid.threshold)
    return row | dict(zip(_SHIFT_COLUMNS, (shift, *ends), strict=True))


def _sigmoid_row(fit: SigmoidFit) -> Row:
    row: Row = {}
    for parameter in (fit.midpoint, fit.slope, fit.threshold):
        row |= _parameter_row(parameter)
    return row | {
        "midpoint_slope_covariance": float(fit.covariance[0, 1]),
        "deviance": fit.deviance,
        "degrees_of_freedom": fit.degrees_of_freedom,
        "p_value": fit.p_value,
    }


def _parameter_row(parameter: FittedParameter) -> Row:
    name = parameter.name
    return {
        name: parameter.value,
        f"{name}_error": parameter.standard_error,
        f"{name}_low": parameter.interval[0],
        f"{name}_high": parameter.interval[1],
    }


def _firing_probability(device: DeviceFit) -> list[Row]:
    fitted = device.model.probability.tolist()
    return cell_rows(device.counts, device.states, fitted)


def cell_rows(
    counts: StateCounts,
    states: Sequence[StateFit],
    fitted: Sequence[float] | None = None,
) -> list[Row]:
    """Return the rows of ``firing_probability`` for the cells of some states.

    Parameters
    ----------
    counts : StateCounts
        Cells of one device.
    states : sequence of StateFit
        The states to list.
    fitted : sequence of float, optional
        Fitted probability of every cell.
    """
    listed = {(state.accumulating_field, state.accumulated_pulses) for state in states}
    return [
        {
            "accumulating_field": state[0],
            "accumulated_pulses": state[1],
            "pulse_field": float(counts.pulse_field[cell]),
            **_shares(counts.spikes[cell], counts.trials[cell]),
            "fitted": None if fitted is None else fitted[cell],
        }
        for state, mask in counts.states()
        if state in listed
        for cell in np.flatnonzero(mask).tolist()
    ]


def _sensitization(device: DeviceFit) -> list[Row]:
    return train_rows(device.runs, _fitted_by_cell(device))


def train_rows(
    runs: Sequence[PulseRows], fitted: FittedCells | None = None
) -> list[Row]:
    """Return the response to the accumulating field itself, by pulses before it.

    Parameters
    ----------
    runs : sequence of PulseRows
        Runs of one device.
    fitted : dict, optional
        Fitted probability by accumulating field, pulses and probing field.
    """
    trains = [rows.select(rows.in_train) for rows in runs]
    field, pulses, spike = (
        np.concatenate([getattr(rows, name) for rows in trains])
        for name in ("accumulating_field", "accumulated_pulses", "spike")
    )
    keys, index = np.unique(
        np.column_stack((field, pulses)), axis=0, return_inverse=True
    )
    index = index.reshape(-1)
    spikes = np.bincount(index, spike, len(keys))
    trials = np.bincount(index, minlength=len(keys)).astype(np.float64)
    known = fitted or {}
    return [
        {
            "accumulating_field": float(field),
            "accumulated_pulses": int(before),
            **_shares(spikes[number], trials[number]),
            "fitted": known.get((float(field) * (before > 0), before, float(field))),
        }
        for number, (field, before) in enumerate(keys.tolist())
    ]


def _fitted_by_cell(device: DeviceFit) -> FittedCells:
    counts = device.counts
    cells = zip(
        counts.accumulating_field.tolist(),
        counts.accumulated_pulses.tolist(),
        counts.pulse_field.tolist(),
        strict=True,
    )
    return dict(zip(cells, device.model.probability.tolist(), strict=True))


def _shares(spikes: float, trials: float) -> Row:
    low, high = wilson_interval(spikes, trials)
    return {
        "spikes": int(spikes),
        "trials": int(trials),
        "probability": float(spikes / trials),
        "low": float(low),
        "high": float(high),
    }


def _initial_state(device: DeviceFit) -> list[Row]:
    return [
        {
            "statistic": one.statistic,
            "p_value": one.p_value,
            "residual_shift": one.residual_shift,
            "residual_shift_low": one.interval[0],
            "residual_shift_high": one.interval[1],
        }
        for one in device.returns
    ]


def _device(device: DeviceFit) -> list[Row]:
    row: Row = {}
    for parameter in device.model.parameters.values():
        row |= _parameter_row(parameter)
    return [row]
