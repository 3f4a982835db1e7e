"""Fit of perovskite computing units: run files in, calibrated model out.

Each unit is fitted by itself; a parameter is the mean over units of all devices, its
standard error that of the mean, and the standard deviation between units is the model's
population spread. The codebook's tables are those of
:mod:`labneuro.networks.codebook`.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 2, 3 and 5b.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from labneuro.analysis.pcu_diode import NAMES as DIODE
from labneuro.analysis.pcu_diode import UNITS as DIODE_UNITS
from labneuro.analysis.pcu_diode import fit_diode
from labneuro.analysis.pcu_operators import (
    LOADS,
    SHAPES,
    Answers,
    answers_of,
    codebook_rows,
    error_row,
    fit_shape,
    joined,
    product_row,
    scaled,
    shape_rows,
    unit_loads,
    weight_load,
)
from labneuro.analysis.pcu_programming import (
    LAW,
    Programmings,
    fit_step_law,
    joined_programmings,
    programming_rows,
    programmings,
    weight_noise,
)
from labneuro.analysis.pcu_switching import (
    retention_rows,
    switching_of,
    switching_rows,
)
from labneuro.analysis.sources import source_run, versions
from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.counting import LEVEL
from labneuro.data.reader import RunFile
from labneuro.devices.diode import thermal_voltage
from labneuro.errors import FitError
from labneuro.units import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Readings = dict[str, NDArray[Any]]
    Row = dict[str, float | str | None]

MODEL = "pcu"
_ALL_DEVICES = "all devices"
_IDEALITY = 2.0  # of D2, where no diode of the device has been fitted
_SHAPE_UNITS = {"height": "A", "steepness": "1/V", "offset": "A"}


@dataclass
class _Found:
    """What the runs of all devices have told so far.

    Attributes
    ----------
    values : dict of str to list of (float, float)
        Value and standard error of each unit, by parameter.
    units : dict of str to str
        SI unit of each parameter.
    tables : dict of str to list
        Rows by table.
    answers : dict of str to list of Answers
        By operator.
    programmings : dict of str to list of Programmings
        Of each device's runs of step pulses.
    ranges : dict of str to list of float
        Set-points seen.
    goodness : dict of str to list of float
        Largest is kept.
    covariances : list of ndarray
        Of the diodes.
    """

    values: dict[str, list[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    units: dict[str, str] = field(default_factory=dict)
    tables: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, list[Answers]] = field(default_factory=lambda: defaultdict(list))
    programmings: dict[str, list[Programmings]] = field(
        default_factory=lambda: defaultdict(list)
    )
    ranges: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    goodness: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    covariances: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, name: str, unit: str, value: float, error: float) -> None:
        self.values[name].append((value, error))
        self.units[name] = unit

    def seen(self, name: str, values: NDArray[Any]) -> None:
        self.ranges[name] += [float(np.min(values)), float(np.max(values))]


def fit_runs(paths: Sequence[Path]) -> CalibratedModel:
    """Fit perovskite computing units to run files.

    Parameters
    ----------
    paths : sequence of Path
        DiodeSweep, IncrementalStepPulse, Retention, ResistiveSwitching, OperatorSweep
        and VectorMatrixProduct runs, in any mixture.

    Returns
    -------
    CalibratedModel
        Of model ``"pcu"``, with a codebook where operators were measured.

    Raises
    ------
    FitError
        If there is no file, or a file cannot be used.
    """
    if not paths:
        raise FitError("no run file to fit")
    found = _Found()
    for path in map(Path, paths):
        with RunFile.open(path) as run:
            _read(run, found)
    _finish_programmings(found)
    _finish_operators(found)
    sources = tuple(source_run(Path(path)) for path in paths)
    return _model(found).model_copy(update={"source_runs": sources})


def _read(run: RunFile, found: _Found) -> None:
    if run.protocol not in _READERS:
        raise FitError(
            f"{run.path}: protocol {run.protocol!r} tells nothing of a PCU; allowed: "
            f"{', '.join(_READERS)}"
        )
    if run.device_model != MODEL:
        raise FitError(
            f"{run.path}: its device is of model {run.device_model!r}, wanted 'pcu'"
        )
    readings = run.readings()
    if not len(readings["step"]):
        raise FitError(f"{run.path}: holds no whole step to fit")
    try:
        _READERS[run.protocol](run, readings, found)
    except FitError as error:
        raise FitError(f"{run.path}: {error}") from error


def _number(run: RunFile, unit: str, *keys: str) -> float:
    value: Any = run.parameters
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise FitError(f"parameters: {'.'.join(keys)}: this key is missing")
        value = value[key]
    return float(value) if isinstance(value, int | float) else parse(value, unit)


def _part(readings: Readings, chosen: NDArray[np.bool_]) -> Readings:
    return {name: column[chosen] for name, column in readings.items()}


def _diodes(run: RunFile, readings: Readings, found: _Found) -> None:
    temperature = _number(run, "K", "temperature")
    leads = _number(run, "ohm", "lead_resistance")
    for unit in np.unique(readings["unit"]):
        part = _part(readings, readings["unit"] == unit)
        fit = fit_diode(
            part["voltage"],
            part["current"],
            part["band"],
            temperature=temperature,
            lead_resistance=leads,
        )
        row: Row = {"device": run.device_id, "unit": float(unit)}
        for name, si, one in zip(DIODE, DIODE_UNITS, fit.parameters, strict=True):
            found.add(name, si, one.value, one.standard_error or 0.0)
            row |= {
                name: one.value,
                f"{name}_error": one.standard_error,
                f"{name}_low": one.interval[0],
                f"{name}_high": one.interval[1],
            }
        found.tables["diodes"].append(row)
        found.covariances.append(fit.covariance)
        whitened = [
            fit.residual[part["band"] == band] / noise
            for band, noise in fit.noise.items()
        ]
        found.goodness["largest_diode_residual"].append(
            float(np.abs(np.concatenate(whitened)).max())
        )
    found.seen("diode_voltage", readings["voltage"])


def _step_pulses(run: RunFile, readings: Readings, found: _Found) -> None:
    tolerance = _number(run, "", "step_pulses", "tolerance")
    width = _number(run, "s", "step_pulses", "width")
    gathered = programmings(readings, tolerance)
    found.programmings[run.device_id].append(gathered)
    for unit in np.unique(readings["unit"]):
        part = _part(readings, readings["unit"] == unit)
        law = fit_step_law(part, width)
        row: Row = {"device": run.device_id, "unit": float(unit)}
        for (name, si), value, error in zip(LAW, law.values, law.errors, strict=True):
            found.add(name, si, float(value), float(error))
            row |= {name: float(value), f"{name}_error": float(error)}
        found.add("multistate_noise", "", law.pulse_noise, 0.0)
        row |= {"pulses": float(law.pulses), "pulse_noise": law.pulse_noise}
        found.tables["step_law"].append(row)
    found.seen("conductance", readings["conductance"])
    found.seen("pulse_amplitude", readings["amplitude"])


def _switching(run: RunFile, readings: Readings, found: _Found) -> None:
    emission = _IDEALITY * thermal_voltage()
    if found.values["ideality"]:
        mean = float(np.mean([value for value, _ in found.values["ideality"]]))
        emission = mean * thermal_voltage()
    for unit in np.unique(readings["unit"]):
        one = switching_of(readings, int(unit), emission)
        found.tables["switching"] += switching_rows(run.device_id, one)
        for name, si, values in (
            ("set_voltage", "V", one.set_voltage),
            ("reset_voltage", "V", one.reset_voltage),
            ("binary_high", "S", one.high),
            ("binary_low", "S", one.low),
            ("terminal_ratio", "", one.on / one.off),
            ("binary_ratio", "", one.high / one.low),
        ):
            known = values[np.isfinite(values)]
            if known.size:
                found.add(name, si, float(known.mean()), 0.0)
    found.seen("binary_voltage", readings["voltage"])


def _retention(run: RunFile, readings: Readings, found: _Found) -> None:
    memristor = str(run.parameters.get("memristor"))
    rows = retention_rows(run.device_id, memristor, readings)
    found.tables["retention"] += rows
    found.goodness[f"largest_{memristor}_change"] += [
        abs(float(row["change"] or 0.0)) for row in rows
    ]


def _operator(run: RunFile, readings: Readings, found: _Found) -> None:
    operator = str(run.parameters.get("operator"))
    answers = answers_of(operator, readings)
    found.answers[operator].append(answers)
    _loads(operator, unit_loads(readings), found)
    found.seen(f"{operator}_input", answers.first)


def _loads(operator: str, loads: list[tuple[float, float]], found: _Found) -> None:
    for load in loads:
        for (name, si), value in zip(LOADS, load, strict=True):
            found.add(f"{operator}_{name}", si, value, 0.0)


def _product(run: RunFile, readings: Readings, found: _Found) -> None:
    del run
    found.tables["operator_errors"].append(product_row(readings))
    _loads("weight", [weight_load(readings)], found)
    found.seen("product_voltage", readings["voltage"])


_READERS: dict[str, Callable[[RunFile, Any, _Found], None]] = {
    "DiodeSweep": _diodes,
    "IncrementalStepPulse": _step_pulses,
    "ResistiveSwitching": _switching,
    "Retention": _retention,
    "OperatorSweep": _operator,
    "VectorMatrixProduct": _product,
}


def _finish_programmings(found: _Found) -> None:
    """Count over cells and states of each device, and over all devices."""
    every = {
        device: joined_programmings(parts)
        for device, parts in found.programmings.items()
    }
    for device, one in every.items():
        found.tables["programming"] += programming_rows(device, one)
        if one.success.any():
            found.add("weight_noise", "", weight_noise(one), 0.0)
    if len(every) > 1:
        whole = joined_programmings(list(every.values()))
        found.tables["programming"] += programming_rows(_ALL_DEVICES, whole)


def _finish_operators(found: _Found) -> None:
    """Turn the answers into errors and codebook, softplus and sigmoid by their fit."""
    for operator, parts in found.answers.items():
        answers = joined(parts)
        if operator in SHAPES:
            fits = [fit_shape(operator, answers.first, one) for one in answers.mean]
            found.tables["shapes"] += shape_rows(answers, fits)
            for fit in fits:
                for place, (name, si) in enumerate(_SHAPE_UNITS.items()):
                    value, error = getattr(fit, name), float(fit.errors[place])
                    found.add(f"{operator}_{name}", si, value, error)
            answers = scaled(answers, fits)
        found.tables[f"codebook_{operator}"] += codebook_rows(answers)
        found.tables["operator_errors"].append(error_row(answers))


def _mean(name: str, unit: str, parts: list[tuple[float, float]]) -> FittedParameter:
    """Return the mean over units with the interval of the mean."""
    values = np.array([value for value, _ in parts])
    value = float(values.mean())
    if len(values) == 1:
        error, reach = parts[0][1], float(stats.norm.ppf(0.5 + 0.5 * LEVEL))
    else:
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        reach = float(stats.t.ppf(0.5 + 0.5 * LEVEL, len(values) - 1))
    if not error > 0:
        return FittedParameter(name=name, unit=unit, value=value, standard_error=None)
    interval = value - reach * error, value + reach * error
    return FittedParameter(
        name=name, unit=unit, value=value, standard_error=error, interval=interval
    )


def _model(found: _Found) -> CalibratedModel:
    parameters = [
        _mean(name, found.units[name], parts)
        for name, parts in found.values.items()
        if parts
    ]
    covariance_of, covariance = _covariance(found)
    return CalibratedModel(
        model=MODEL,
        parameters=tuple(parameters),
        covariance_of=covariance_of,
        covariance=covariance,
        valid_range={
            name: (min(values), max(values)) for name, values in found.ranges.items()
        },
        goodness_of_fit={name: max(values) for name, values in found.goodness.items()},
        population_spread={
            name: float(np.std([value for value, _ in parts], ddof=1))
            for name, parts in found.values.items()
            if len(parts) > 1
        },
        tables=dict(found.tables),
        software=versions(),
    )


def _covariance(
    found: _Found,
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]:
    """Return the covariance of the diode's means: between units, or of the one fit."""
    if not found.covariances:
        return (), ()
    count = len(found.covariances)
    matrix = found.covariances[0]
    if count > len(DIODE):
        values = np.array([[v for v, _ in found.values[name]] for name in DIODE])
        matrix = np.cov(values) / count
    return DIODE, tuple(tuple(map(float, row)) for row in np.asarray(matrix))
