"""Tables of a calibrated FMES model: every curve that a figure or a report shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from labneuro.analysis.fmes_curves import (
    a_interval,
    covariance_of_readings,
    nonlinearity,
)
from labneuro.analysis.fmes_measures import (
    Measure,
    asymmetry,
    deviation,
    effective_states,
    memory_measure,
    normal,
    ratio,
    weight_change,
)
from labneuro.analysis.fmes_runs import Learning, Train, label_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labneuro.analysis.fmes_curves import CurveFit
    from labneuro.analysis.fmes_device import FmesDeviceFit

Row: TypeAlias = dict[str, float | str | None]
_DIRECTIONS = ("potentiation", "depression")
_EARLY, _LATE = 1.0, 100.0  # s after a train
_PARTS = 3  # of the first potentiation, for the growth of the memory measure
_SWEEP_POINTS = 100


def tables(devices: Sequence[FmesDeviceFit]) -> dict[str, list[Row]]:
    """Return every table, the devices' rows one after the other.

    Parameters
    ----------
    devices : sequence of FmesDeviceFit
        The fits.

    Returns
    -------
    dict of str to list of dict
        ``curves`` (a row a resistance and direction), ``curve_points`` (a pulse),
        ``cycles`` (a cycle), ``cycle_spread`` (a resistance), ``measures`` (a
        resistance), ``memory`` (a resistance and number of pulses), ``pairs`` (a
        resistance), ``pair_points`` (an interval), ``retention`` (a decay),
        ``sweep_points`` (a reading), ``branches`` (a parameter of the device, fitted or
        held). Ends of 95 % intervals are ``_low`` and ``_high``, None where open.
    """
    makers = {
        "curves": _curves,
        "curve_points": _curve_points,
        "cycles": _cycles,
        "cycle_spread": _cycle_spread,
        "measures": _measures,
        "memory": _memory,
        "pairs": _pairs,
        "pair_points": _pair_points,
        "retention": _retention,
        "sweep_points": _sweep_points,
        "branches": _branches,
    }
    return {
        name: [
            {"device_id": device.runs.device_id, **row}
            for device in devices
            for row in make(device)
        ]
        for name, make in makers.items()
    }


def _measure(name: str, found: Measure | None) -> Row:
    if found is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    low, high = found.interval
    return {name: found.value, f"{name}_low": low, f"{name}_high": high}


def _direction(curve: CurveFit, place: int) -> Row:
    """Return A, B and NL of one direction."""
    bend, ends = curve.bends[place], curve.bend_interval(place)
    labels = sorted(map(nonlinearity, ends))
    row = _measure("nonlinearity", Measure(nonlinearity(bend), (labels[0], labels[1])))
    if bend == 0.0:
        return row | _measure("a", None) | _measure("b", None)
    row |= _measure(
        "a", Measure(curve.pulses / bend, a_interval(curve.pulses, bend, ends))
    )
    if ends[0] * ends[1] <= 0.0:  # B passes through infinity
        b = (curve.highest - curve.lowest) / -math.expm1(-bend)
        return row | _measure("b", Measure(b, (None, None)))
    return row | _measure(
        "b",
        normal(
            *curve.derived(lambda v: float((v[1] - v[0]) / -np.expm1(-v[2 + place])))
        ),
    )


def _curves(device: FmesDeviceFit) -> list[Row]:
    return [
        {
            "resistance": label,
            "direction": name,
            "lowest": curve.lowest,
            "highest": curve.highest,
            "pulses": curve.pulses,
            "cycles": curve.cycles,
            "misfit": curve.misfit,
            **_direction(curve, place),
        }
        for label, curve in device.curves.items()
        for place, name in enumerate(_DIRECTIONS)
    ]


def _curve_points(device: FmesDeviceFit) -> list[Row]:
    return [
        {
            "resistance": label,
            "pulse": number + 1,
            "direction": name,
            "residual": float(curve.mean[place, number]),
            "fitted": float(curve.fitted[place, number]),
        }
        for label, curve in device.curves.items()
        for place, name in enumerate(_DIRECTIONS)
        for number in range(curve.pulses)
    ]


def _cycles(device: FmesDeviceFit) -> list[Row]:
    return [
        {
            "resistance": label,
            "cycle": number,
            "direction": name,
            "lowest": curve.lowest,
            "highest": curve.highest,
            "misfit": curve.misfit,
            **_direction(curve, place),
        }
        for label, curves in device.cycles.items()
        for number, curve in enumerate(curves)
        for place, name in enumerate(_DIRECTIONS)
    ]


def _cycle_spread(device: FmesDeviceFit) -> list[Row]:
    """Return standard deviations between cycles, each train's first left out."""
    rows: list[Row] = []
    for label, curves in device.cycles.items():
        per_train = [
            len(t.residual)
            for t in device.runs.of(Train)
            if label_of(t.resistance) == label
        ]
        starts = set(np.cumsum([0, *per_train[:-1]]).tolist())
        later = [one for place, one in enumerate(curves) if place not in starts]
        row: Row = {"resistance": label, "cycles": len(later)}
        for name, values in (
            ("range", [one.highest - one.lowest for one in later]),
            ("potentiation_nonlinearity", [nonlinearity(o.bends[0]) for o in later]),
            ("depression_nonlinearity", [nonlinearity(o.bends[1]) for o in later]),
        ):
            row |= _measure(f"{name}_deviation", deviation(values))
        rows.append(row)
    return rows


def _measures(device: FmesDeviceFit) -> list[Row]:
    rows = []
    for label, curve in device.curves.items():
        dynamic = device.parameters[f"dynamic_range_{label}"]
        rows.append(
            {
                "resistance": label,
                **_measure("dynamic_range", Measure(dynamic.value, dynamic.interval)),
                **_measure("weight_change", weight_change(curve)),
                **_measure("effective_states", effective_states(curve)),
                **_measure("asymmetry_ratio", asymmetry(curve)),
                "reading_noise": curve.noise.reading,
                "pulse_noise": curve.noise.pulse,
            }
        )
    return rows


def _memory(device: FmesDeviceFit) -> list[Row]:
    rows = []
    for train in device.runs.of(Train):
        label = label_of(train.resistance)
        curve = device.curves[label]
        noise = covariance_of_readings(curve.noise, np.array(curve.bends), curve.pulses)
        for part in range(1, _PARTS + 1):
            count = part * curve.pulses // _PARTS
            if count > 1:
                found = memory_measure(
                    train.residual[0, 0, :count], noise[:count, :count]
                )
                row: Row = {"resistance": label, "pulses": count}
                rows.append(row | _measure("autocorrelation_deviation", found))
    return rows


def _pairs(device: FmesDeviceFit) -> list[Row]:
    return [
        {
            "resistance": label,
            **_measure("amplitude_1", decay.amplitudes[0]),
            **_measure("time_1", decay.times[0]),
            **_measure("amplitude_2", decay.amplitudes[1]),
            **_measure("time_2", decay.times[1]),
            "misfit_p_value": _finite(decay.misfit_p_value),
        }
        for label, decay in device.pairs.items()
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _pair_points(device: FmesDeviceFit) -> list[Row]:
    rows: list[Row] = []
    for label, decay in device.pairs.items():
        curve = decay.curve(decay.interval)
        for place, interval in enumerate(decay.interval.tolist()):
            rows.append(
                {
                    "resistance": label,
                    "interval": interval,
                    "index": float(decay.index[place]),
                    "error": float(decay.error[place]),
                    "fitted": None if curve is None else float(curve[place]),
                }
            )
    return rows


def _retention(device: FmesDeviceFit) -> list[Row]:
    """Return the voltage late over early after each train, by the nearest readings."""
    rows: list[Row] = []
    for learning in device.runs.of(Learning):
        decay = learning.phase < 0
        if np.count_nonzero(decay) <= _PARTS:
            continue
        time = learning.time[decay] - learning.time[~decay][-1]
        volts = learning.voltage[decay]
        noise = float(np.std(np.diff(volts, 2)) / math.sqrt(6.0))
        early, late = (int(np.argmin(np.abs(time - at))) for at in (_EARLY, _LATE))
        found = ratio((float(volts[late]), noise), (float(volts[early]), noise))
        rows.append(
            {
                "resistance": label_of(float(learning.resistance[decay][0])),
                "early_time": float(time[early]),
                "early_voltage": float(volts[early]),
                "late_time": float(time[late]),
                "late_voltage": float(volts[late]),
                **_measure("retention", found),
            }
        )
    return rows


def _sweep_points(device: FmesDeviceFit) -> list[Row]:
    """Return some readings of the fitted sweeps beside the branches' own."""
    if device.branches is None:
        return []
    fit = device.branches
    return [
        {
            "resistance": label_of(block.resistance),
            "rate": block.rate,
            "voltage": float(block.volts[place]),
            "current": float(block.measured[0, place]),
            "fitted": float(predicted[place]),
        }
        for block, predicted in zip(fit.blocks, fit.predicted, strict=True)
        if math.isfinite(block.rate)
        for place in range(0, len(block.keep), max(1, len(block.keep) // _SWEEP_POINTS))
    ]


def _branches(device: FmesDeviceFit) -> list[Row]:
    fit = device.branches
    if fit is None:
        return []
    held: list[Row] = [
        {
            "parameter": name,
            "state": "held",
            "value": float(getattr(fit.parameters, name)),
            "low": None,
            "high": None,
        }
        for name in fit.held
    ]
    fitted: list[Row] = [
        {
            "parameter": name,
            "state": "fitted",
            "value": one.value,
            "low": one.interval[0],
            "high": one.interval[1],
        }
        for name, one in fit.fitted.items()
        if name not in fit.held
    ]
    return [{"form": fit.form, **row} for row in (*fitted, *held)]
