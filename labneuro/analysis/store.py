"""Results of a fit, kept inside the run file that they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.analysis.sources import source_run
from labneuro.data.reader import add_analysis

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labneuro.calibration import CalibratedModel


def store_in_run(path: Path, model: CalibratedModel) -> None:
    """Add a calibrated model's parameters to a run file, under the model's name.

    The readings stay as they are, but the file's SHA-256 changes: a calibrated model
    that quotes it must be saved with the hash of before or fitted anew.

    Parameters
    ----------
    path : Path
        A finished run file.
    model : CalibratedModel
        The model. Each parameter is stored as its value, with ``_error``, ``_low`` and
        ``_high``, NaN where open; goodness of fit and covariance are stored beside.

    Raises
    ------
    RunFileError
        If the file is not a finished run, or cannot be written.
    """
    results: dict[str, float | np.ndarray] = {}
    units: dict[str, str] = {}
    for parameter in model.parameters:
        low, high = parameter.interval
        for suffix, value in (
            ("", parameter.value),
            ("_error", parameter.standard_error),
            ("_low", low),
            ("_high", high),
        ):
            results[parameter.name + suffix] = np.nan if value is None else value
            units[parameter.name + suffix] = parameter.unit
    results |= {f"goodness_{name}": v for name, v in model.goodness_of_fit.items()}
    if model.covariance:
        results["covariance"] = np.array(model.covariance)
    told = {"model": model.model, "covariance_of": list(model.covariance_of)}
    add_analysis(path, model.model, results, model.software, told, units)


def store_in_runs(paths: Sequence[Path], model: CalibratedModel) -> CalibratedModel:
    """Add a calibrated model to each of its run files.

    Returns
    -------
    CalibratedModel
        The model with the files' new hashes.

    Raises
    ------
    RunFileError
        If a file is not a finished run, or cannot be written.
    """
    for path in paths:
        store_in_run(path, model)
    sources = tuple(source_run(path) for path in paths)
    return model.model_copy(update={"source_runs": sources})
