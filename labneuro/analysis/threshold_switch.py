"""Fit of the threshold switch: run files in, calibrated model out.

Single pulses, pulse trains and current-voltage cycles of one device are fitted
together. What they do not determine is held at the shipped card, without an error, and
named in the table ``held``.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, stats

from labneuro.analysis.device_fit import FittedModel
from labneuro.analysis.population import PopulationFit, combine
from labneuro.analysis.sources import fit_by_device, source_run, versions
from labneuro.analysis.threshold_switch_data import (
    FiringTimes,
    SwitchingVoltages,
    TrainCounts,
    firing_times,
    switching_voltages,
    train_counts,
)
from labneuro.analysis.threshold_switch_integration import (
    IntegrationFit,
    fit_integration,
)
from labneuro.analysis.threshold_switch_relaxation import (
    NAMES,
    RelaxationFit,
    fit_relaxation,
)
from labneuro.analysis.threshold_switch_tables import tables
from labneuro.bench import load_card
from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.counting import LEVEL
from labneuro.data.reader import RunFile
from labneuro.devices.catalog import load_parameters
from labneuro.devices.threshold_switch import UNITS, ThresholdSwitchParameters
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.censored import Intervals

MODEL = "threshold_switch"
CARD = "threshold-switch"
"""Card of what is held."""


@dataclass(frozen=True)
class SwitchFit:
    """Everything that was fitted to one device.

    Attributes
    ----------
    device_id : str
        The device.
    times : tuple of FiringTimes
        Its single pulses.
    counts : tuple of TrainCounts
        Its pulse trains.
    voltages : tuple of SwitchingVoltages
        Its current-voltage cycles.
    integration : IntegrationFit or None
        None without pulses.
    relaxation : RelaxationFit or None
        None without single pulses that fired.
    held : tuple of str
        Parameters of the device model that were not fitted.
    model : FittedModel
        All parameters.
    """

    device_id: str
    times: tuple[FiringTimes, ...]
    counts: tuple[TrainCounts, ...]
    voltages: tuple[SwitchingVoltages, ...]
    integration: IntegrationFit | None
    relaxation: RelaxationFit | None
    held: tuple[str, ...]
    model: FittedModel


def fit_runs(paths: Sequence[Path]) -> CalibratedModel:
    """Fit the threshold-switch model to run files.

    Parameters
    ----------
    paths : sequence of Path
        FiringPulse, PulseTrainFiring and ThresholdSwitching runs, in any mixture.

    Returns
    -------
    CalibratedModel
        Of model ``"threshold_switch"``, with the names of ThresholdSwitchParameters.

    Raises
    ------
    FitError
        If there is no file, a run is of another protocol, or the runs of a device
        determine nothing.
    """
    files = [Path(path) for path in paths]
    fits = fit_by_device(files, read_run, fit_switch)
    sources = tuple(map(source_run, files))
    return calibrate(fits).model_copy(update={"source_runs": sources})


Data = FiringTimes | TrainCounts | SwitchingVoltages
_READERS: dict[str, Callable[[RunFile], Data]] = {
    "FiringPulse": firing_times,
    "PulseTrainFiring": train_counts,
    "ThresholdSwitching": switching_voltages,
}


def read_run(path: Path) -> tuple[str, Data]:
    """Return the device and the data of a run file.

    Raises
    ------
    FitError
        If the run is of another protocol.
    """
    with RunFile.open(path) as run:
        if run.protocol not in _READERS:
            raise FitError(
                f"{path}: protocol {run.protocol!r} is none of a threshold switch; "
                f"allowed are {', '.join(_READERS)}"
            )
        return run.device_id, _READERS[run.protocol](run)


def held_parameters() -> ThresholdSwitchParameters:
    """Return the shipped card's parameters, of which the data replace some."""
    found: ThresholdSwitchParameters = load_parameters(MODEL, load_card(CARD), CARD)
    return found


def fit_switch(device_id: str, runs: Sequence[Data]) -> SwitchFit:
    """Fit all runs of one device together.

    Parameters
    ----------
    device_id : str
        The device.
    runs : sequence
        Its data.

    Raises
    ------
    FitError
        If pulses do not determine the law of integration.
    """
    held = held_parameters()
    times = tuple(run for run in runs if isinstance(run, FiringTimes))
    counts = tuple(run for run in runs if isinstance(run, TrainCounts))
    voltages = tuple(run for run in runs if isinstance(run, SwitchingVoltages))
    integration = fit_integration(times, counts, held) if times or counts else None
    relaxation = fit_relaxation(times, held) if times else None
    fitted = [*_of_integration(integration), *_of_relaxation(relaxation)]
    known = {one.name for one in fitted}
    names = tuple(field.name for field in fields(held) if field.name not in known)
    if voltages:
        fitted.append(
            _voltage("threshold_voltage", [one.threshold for one in voltages])
        )
        fitted.append(_voltage("hold_voltage", [one.hold for one in voltages]))
    rest = [_parameter(name, getattr(held, name)) for name in names]
    model = FittedModel(
        parameters={one.name: one for one in (*fitted, *rest)},
        covariance_of=tuple(one.name for one in fitted),
        covariance=_covariance(fitted, integration, relaxation),
        deviance=0.0 if integration is None else -2.0 * integration.fit.log_likelihood,
        degrees_of_freedom=sum(_size(run) for run in runs) - len(known),
        probability=np.empty(0),
    )
    return SwitchFit(
        device_id, times, counts, voltages, integration, relaxation, names, model
    )


def _covariance(
    fitted: Sequence[FittedParameter],
    integration: IntegrationFit | None,
    relaxation: RelaxationFit | None,
) -> NDArray[np.float64]:
    """Return the covariance of all that was fitted: the laws do not share data."""
    blocks = []
    if integration is not None:
        blocks.append(integration.fit.natural_covariance)
    if relaxation is not None:
        blocks.append(relaxation.covariance)
    alone = fitted[sum(map(len, blocks)) :]
    blocks += [np.array([[(one.standard_error or 0.0) ** 2]]) for one in alone]
    return np.asarray(linalg.block_diag(*blocks))


def _size(run: Data) -> int:
    rows = run.threshold.low if isinstance(run, SwitchingVoltages) else run.amplitude
    return len(rows)


def _parameter(
    name: str,
    value: float,
    error: float | None = None,
    interval: tuple[float | None, float | None] = (None, None),
) -> FittedParameter:
    return FittedParameter(
        name=name,
        unit=UNITS.get(name, "V"),
        value=value,
        standard_error=error,
        interval=interval,
    )


def _of_integration(found: IntegrationFit | None) -> list[FittedParameter]:
    if found is None:
        return []
    fit = found.fit
    return [
        _parameter(name, fit.value(name), fit.standard_error(name), fit.interval(name))
        for name in fit.names
    ]


def _of_relaxation(found: RelaxationFit | None) -> list[FittedParameter]:
    if found is None:
        return []
    errors = np.sqrt(np.diag(found.covariance))
    return [
        _parameter(name, float(value), float(error), found.interval(place))
        for place, (name, value, error) in enumerate(
            zip(NAMES, found.values, errors, strict=True)
        )
    ]


def _voltage(name: str, parts: Sequence[Intervals]) -> FittedParameter:
    """Return the mean of voltages known by stairs, no better than a stair allows."""
    middle = np.concatenate([one.middle for one in parts])
    stair = float(np.mean(np.concatenate([one.high - one.low for one in parts])))
    count, rounding = len(middle), stair / math.sqrt(12.0)
    spread = float(np.std(middle, ddof=1)) if count > 1 else 0.0
    mean, error = float(np.mean(middle)), max(spread, rounding) / math.sqrt(count)
    reach = float(stats.t.ppf(0.5 + LEVEL / 2.0, max(count - 1, 1))) * error
    if spread <= rounding:  # all on one stair: anywhere on it
        reach = max(reach, 0.5 * stair)
    return _parameter(name, mean, error, (mean - reach, mean + reach))


def calibrate(devices: Sequence[SwitchFit]) -> CalibratedModel:
    """Make the calibrated model of one device or of a population.

    Parameters
    ----------
    devices : sequence of SwitchFit
        One a device, at least one.
    """
    models = [device.model for device in devices]
    fit = _with_spread(combine(models))
    return CalibratedModel(
        model=MODEL,
        **fit.entries,
        valid_range=_valid_range(devices),
        goodness_of_fit=_goodness(devices),
        tables=tables(devices),
        software=versions(),
    )


def _with_spread(fit: PopulationFit) -> PopulationFit:
    """Put the spread of the rate among the parameters, if the population shows one."""
    known = {one.name: one for one in fit.parameters}
    if "growth_rate" in fit.spread:
        relative = fit.spread["growth_rate"] / known["growth_rate"].value
        known["rate_spread"] = _parameter("rate_spread", relative)
    return fit._replace(parameters=tuple(known.values()))


def _valid_range(devices: Sequence[SwitchFit]) -> dict[str, tuple[float, float]]:
    runs: list[FiringTimes | TrainCounts] = []
    for one in devices:
        runs += [*one.times, *one.counts]
    if not runs:
        return {}
    volts = np.concatenate([run.amplitude for run in runs])
    widths = [run.width for run in runs]
    return {
        "amplitude": (float(volts.min()), float(volts.max())),
        "width": (min(widths), max(widths)),
    }


def _goodness(devices: Sequence[SwitchFit]) -> dict[str, float]:
    found = {
        "events": float(
            sum(len(run.amplitude) for one in devices for run in one.times)
        ),
        "censored_events": float(
            sum(int((~run.fired).sum()) for one in devices for run in one.times)
        ),
    }
    values = [one.integration.p_value for one in devices if one.integration is not None]
    known = [value for value in values if math.isfinite(value)]
    if known:
        found["integration_p_value"] = float(stats.combine_pvalues(known).pvalue)
    scatter = [
        one.relaxation.deviation for one in devices if one.relaxation is not None
    ]
    if scatter:
        found["relaxation_deviation"] = max(scatter)
    return found
