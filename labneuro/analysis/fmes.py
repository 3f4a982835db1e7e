"""Fit of the FMES synapse: run files in, calibrated model out.

Runs of one device are fitted together: potentiation and depression curves per
resistance, what follows from them, paired-pulse decay, retention, and the branches of
the device. Parameters have the names that the networks load; everything else is in
tables, a row a curve. Numbers that data do not determine are None.

References
----------
S. Zhao, W. Ran et al., "Neuromorphic-computing-based adaptive learning using ion
dynamics in flexible energy storage devices": Figures 2 and 3.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labneuro.analysis.device_fit import FittedModel
from labneuro.analysis.fmes_device import FmesDeviceFit, fit_device
from labneuro.analysis.fmes_runs import DeviceRuns, Pairs, Piece, Sweep, read_pieces
from labneuro.analysis.fmes_tables import tables
from labneuro.analysis.population import combine
from labneuro.analysis.sources import fit_by_device, source_run, versions
from labneuro.calibration import CalibratedModel

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "fmes"


def fit_runs(paths: Sequence[Path]) -> CalibratedModel:
    """Fit the FMES model to run files.

    Runs of the same device are fitted together. With several devices the parameters
    are their means, and the standard deviations between devices are the model's
    population spread.

    Parameters
    ----------
    paths : sequence of Path
        PotentiationDepression, PairedPulse, CurrentVoltage, LearnForget and
        PulseResponse runs, in any mixture.

    Returns
    -------
    CalibratedModel
        Of model ``"fmes"``, with the tables of :func:`fmes_tables.tables`.

    Raises
    ------
    FitError
        If there is no file, or a file cannot be used.
    """
    files = [Path(path) for path in paths]
    fits = fit_by_device(files, read_pieces, _fit)
    sources = tuple(map(source_run, files))
    return calibrate(fits).model_copy(update={"source_runs": sources})


def _fit(device_id: str, runs: Sequence[Sequence[Piece]]) -> FmesDeviceFit:
    return fit_device(DeviceRuns(device_id, tuple(chain.from_iterable(runs))))


def calibrate(devices: Sequence[FmesDeviceFit]) -> CalibratedModel:
    """Make the calibrated model of one device or of a population.

    Parameters
    ----------
    devices : sequence of FmesDeviceFit
        One a device, at least one.
    """
    models = [_model_of(device) for device in devices]
    fit = combine(models)
    return CalibratedModel(
        model=MODEL,
        **fit.entries,
        valid_range=_valid_range(devices),
        goodness_of_fit=_goodness(devices),
        tables=tables(devices),
        software=versions(),
    )


def _model_of(device: FmesDeviceFit) -> FittedModel:
    """Return a device's parameters and their covariance, as `combine` takes them."""
    branches = device.branches
    return FittedModel(
        parameters=device.parameters,
        covariance_of=device.covariance_of,
        covariance=device.covariance,
        deviance=0.0 if branches is None else branches.deviance,
        degrees_of_freedom=0,
        probability=np.empty(0),
    )


def _valid_range(
    devices: Sequence[FmesDeviceFit],
) -> dict[str, tuple[float, float]]:
    found: dict[str, list[float]] = {}
    for piece in (piece for device in devices for piece in device.runs.pieces):
        if isinstance(piece, Sweep):
            found.setdefault("voltage", []).extend(piece.voltage.tolist())
            found.setdefault("sweep_rate", []).append(piece.rate)
            continue
        found.setdefault("pulse_current", []).append(piece.timing.current)
        found.setdefault("pulse_width", []).append(piece.timing.width)
        if isinstance(piece, Pairs):
            found.setdefault("interval", []).extend(piece.interval.tolist())
    return {name: (float(min(all_)), float(max(all_))) for name, all_ in found.items()}


def _goodness(devices: Sequence[FmesDeviceFit]) -> dict[str, float]:
    """Return the largest misfit of the curves, and how well branches meet readings."""
    found: dict[str, float] = {}
    curves = [curve for device in devices for curve in device.curves.values()]
    if curves:
        found["largest_curve_misfit"] = max(curve.misfit for curve in curves)
    branches = [one.branches for one in devices if one.branches is not None]
    if branches:
        found["branch_deviance"] = sum(one.deviance for one in branches)
        found["branch_readings"] = float(
            sum(block.measured.size for one in branches for block in one.blocks)
        )
        # 1 where residuals are what the estimated noise says, block by block.
        found["largest_block_chi_square"] = max(
            float(np.mean(white**2)) for one in branches for white in one.whitened
        )
        found["residual_correlation"] = max(
            (one.correlation for one in branches), key=abs
        )
    return found
