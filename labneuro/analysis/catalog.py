"""The device models that can be fitted, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from labneuro.errors import InputError

if TYPE_CHECKING:
    from labneuro.calibration import CalibratedModel

FitFunction = Callable[[Sequence[Path]], "CalibratedModel"]

# Module of each; imported only when it is asked for, as scipy takes its time.
MODELS = {
    "fmes": "labneuro.analysis.fmes",
    "hnno": "labneuro.analysis.hnno",
    "neuron_board": "labneuro.analysis.neuron_board",
    "pcu": "labneuro.analysis.pcu",
    "resistance": "labneuro.analysis.resistance",
    "threshold_switch": "labneuro.analysis.threshold_switch",
}


def fit_function(model: str) -> FitFunction:
    """Return the function that fits a device model to run files.

    Parameters
    ----------
    model : str
        Name of the device model.

    Raises
    ------
    InputError
        If there is none of that name; lists the names.
    """
    if model not in MODELS:
        raise InputError(f"model: no {model!r}; known are: {', '.join(MODELS)}")
    return cast("FitFunction", import_module(MODELS[model]).fit_runs)
