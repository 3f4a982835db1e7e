"""Fit of the H-NNO neuron: run files in, calibrated model out.

Every counted pulse of FiringProbability, SensitizationTrain and StateMap runs enters
one likelihood; what the device has been through before a pulse is in its row.

References
----------
T. Zhang et al., "Self-sensitizable neuromorphic device based on adaptive hydrogen
gradient": Figure 2.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labneuro.analysis.binomial import chi_square_p_value
from labneuro.analysis.counts import PulseRows
from labneuro.analysis.device_fit import DeviceFit, fit_device
from labneuro.analysis.goodness import deviance_p_value
from labneuro.analysis.hnno_tables import tables
from labneuro.analysis.population import combine
from labneuro.analysis.sources import fit_by_device, source_run, versions
from labneuro.calibration import CalibratedModel
from labneuro.data.reader import RunFile
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "hnno"
PROTOCOLS = ("FiringProbability", "SensitizationTrain", "StateMap")


def fit_runs(paths: Sequence[Path]) -> CalibratedModel:
    """Fit the H-NNO model to run files.

    Runs of the same device are fitted together. With several devices the parameters
    are their means, and the standard deviations between devices are the model's
    population spread.

    Parameters
    ----------
    paths : sequence of Path
        FiringProbability, SensitizationTrain and StateMap runs, in any mixture.

    Returns
    -------
    CalibratedModel
        Of model ``"hnno"``, with the tables of :func:`hnno_tables.tables`.

    Raises
    ------
    FitError
        If there is no file, a file holds no counted pulses, or the pulses do not
        determine midpoint and slope.
    """
    files = [Path(path) for path in paths]
    fits = fit_by_device(files, read_pulses, fit_device)
    sources = tuple(map(source_run, files))
    return calibrate(fits).model_copy(update={"source_runs": sources})


def read_pulses(path: Path) -> tuple[str, PulseRows]:
    """Return the device and the counted pulses of a run file.

    Raises
    ------
    FitError
        If the run is of another protocol or holds no counted pulse.
    """
    with RunFile.open(path) as run:
        return run.device_id, pulses_of_run(run)


def pulses_of_run(run: RunFile) -> PulseRows:
    """Return the counted pulses of an open run file.

    Raises
    ------
    FitError
        If the run is of another protocol or holds no counted pulse.
    """
    if run.protocol not in PROTOCOLS:
        raise FitError(
            f"{run.path}: protocol {run.protocol!r} counts no spikes; "
            f"allowed are {', '.join(PROTOCOLS)}"
        )
    return PulseRows.from_readings(run.readings(), str(run.path))


def calibrate(devices: Sequence[DeviceFit]) -> CalibratedModel:
    """Make the calibrated model of one device or of a population.

    Parameters
    ----------
    devices : sequence of DeviceFit
        One a device, at least one.
    """
    fit = combine([device.model for device in devices])
    return CalibratedModel(
        model=MODEL,
        **fit.entries,
        valid_range=_valid_range(devices),
        goodness_of_fit=_goodness(devices),
        tables=tables(devices),
        software=versions(),
    )


def _valid_range(devices: Sequence[DeviceFit]) -> dict[str, tuple[float, float]]:
    probing = [value for one in devices for value in one.counts.pulse_field]
    ranges = {"pulse_field": (float(min(probing)), float(max(probing)))}
    accumulating = [
        value
        for one in devices
        for value in one.counts.accumulating_field[one.counts.sensitized]
    ]
    if accumulating:
        ranges["accumulating_field"] = (
            float(min(accumulating)),
            float(max(accumulating)),
        )
    return ranges


def _goodness(devices: Sequence[DeviceFit]) -> dict[str, float]:
    """Add up deviances and test statistics over devices."""
    deviance = sum(one.model.deviance for one in devices)
    freedom = sum(one.model.degrees_of_freedom for one in devices)
    fitted = np.concatenate([one.model.probability for one in devices])
    trials = np.concatenate([one.counts.trials for one in devices])
    found = {
        "deviance": deviance,
        "degrees_of_freedom": float(freedom),
        "p_value": deviance_p_value(deviance, fitted, trials, len(fitted) - freedom),
    }
    moved = [
        one.sensitization_statistic
        for one in devices
        if one.sensitization_statistic is not None
    ]
    if moved:
        found["sensitization_statistic"] = sum(moved)
    returns = [test for one in devices for test in one.returns]
    if returns:
        statistic = sum(test.statistic for test in returns)
        found["initial_state_statistic"] = statistic
        found["initial_state_p_value"] = chi_square_p_value(statistic, len(returns))
        found["initial_state_residual_shift"] = max(
            (test.residual_shift for test in returns), key=abs
        )
    return found
