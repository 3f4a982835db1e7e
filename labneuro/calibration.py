"""The calibrated model: fitted parameters with covariance, all that networks load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from labneuro.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SCHEMA_VERSION: Literal[1] = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FittedParameter(_Frozen):
    """One fitted number.

    Attributes
    ----------
    name, unit : str
        What it is, in the field's words, and the SI unit of every number here.
    value : float
        Best estimate.
    standard_error : float or None
        One standard deviation of the estimate; None where data do not determine it.
    interval : tuple of float, optional
        95 % confidence interval; an open side is None.
    """

    name: str
    unit: str
    value: float
    standard_error: float | None
    interval: tuple[float | None, float | None] = (None, None)


class SourceRun(_Frozen):
    """A run file that the fit used, by path and SHA-256 of its content."""

    path: str
    sha256: str


class CalibratedModel(_Frozen):
    """Fitted parameters of one device model, as networks use them.

    Attributes
    ----------
    model : str
        Name of the device model, such as ``"hnno"``.
    parameters : tuple of FittedParameter
        Everything that was fitted.
    covariance_of : tuple of str
        Names of the parameters that `covariance` speaks of, in its order.
    covariance : tuple of tuple of float
        Covariance matrix in products of the parameters' units.
    valid_range : dict of str to (float, float)
        Lowest and highest set-point that was measured, by quantity, in SI.
    goodness_of_fit : dict of str to float
        Deviance, degrees of freedom, p-value and such.
    population_spread : dict of str to float
        Standard deviation between devices, where more than one was measured.
    tables : dict of str to list of dict
        Fitted curves by name, a row a point (for instance the state map).
    source_runs : tuple of SourceRun
        The run files behind it.
    software : dict of str to str
        Versions that made it.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    model: str
    parameters: tuple[FittedParameter, ...]
    covariance_of: tuple[str, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()
    valid_range: dict[str, tuple[float, float]] = Field(default_factory=dict)
    goodness_of_fit: dict[str, float] = Field(default_factory=dict)
    population_spread: dict[str, float] = Field(default_factory=dict)
    tables: dict[str, list[dict[str, float | str | None]]] = Field(default_factory=dict)
    source_runs: tuple[SourceRun, ...] = ()
    software: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> CalibratedModel:
        names = [parameter.name for parameter in self.parameters]
        if len(set(names)) != len(names):
            raise ValueError("a parameter is given twice")
        size = len(self.covariance_of)
        if len(self.covariance) != size or any(
            len(row) != size for row in self.covariance
        ):
            raise ValueError(f"covariance: must be {size} x {size}, as covariance_of")
        for name in self.covariance_of:
            if self.covariance_of.count(name) > 1:
                raise ValueError(f"covariance_of: {name!r} twice")
        unknown = set(self.covariance_of) - set(names)
        if unknown:
            raise ValueError(f"covariance_of: no parameter {sorted(unknown)[0]!r}")
        return self

    def __getitem__(self, name: str) -> float:
        """Return the value of a parameter in SI units."""
        return self.parameter(name).value

    def parameter(self, name: str) -> FittedParameter:
        """Return a parameter with its error.

        Raises
        ------
        CalibrationError
            If the model has no such parameter; names the ones it has.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = ", ".join(parameter.name for parameter in self.parameters)
        raise CalibrationError(
            f"calibrated model {self.model!r} has no {name!r}; it has {known}"
        )

    def draw(self, count: int, seed: int) -> dict[str, NDArray[np.float64]]:
        """Draw parameter sets from the fit's covariance, for error propagation.

        Returns
        -------
        dict of str to ndarray, shape (count,)
            Values by name, in SI units.

        Raises
        ------
        CalibrationError
            If the model has no covariance, or one that no data can have.
        """
        names: Sequence[str] = self.covariance_of
        if not names:
            raise CalibrationError(f"calibrated model {self.model!r}: no covariance")
        mean = np.array([self[name] for name in names])
        generator = np.random.default_rng(seed)
        try:
            values = generator.multivariate_normal(
                mean, np.array(self.covariance), size=count, check_valid="raise"
            )
        except ValueError as error:
            raise CalibrationError(
                f"calibrated model {self.model!r}: covariance: {error}"
            ) from error
        return {name: values[:, index] for index, name in enumerate(names)}

    def save(self, path: str | Path) -> None:
        """Write the model as JSON."""
        text = json.dumps(self.model_dump(mode="json"), indent=1, allow_nan=False)
        Path(path).write_text(text + "\n", encoding="utf-8")


def load(path: str | Path, model: str | None = None) -> CalibratedModel:
    """Read a calibrated model.

    Parameters
    ----------
    path : path
        A JSON file written by :meth:`CalibratedModel.save`.
    model : str, optional
        The device model that the caller needs.

    Raises
    ------
    CalibrationError
        If the file is missing, not a calibrated model or of another device model.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text, object_pairs_hook=_unique_keys)
        calibrated = CalibratedModel.model_validate_json(text, strict=True)
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"]) or "the file"
        message = str(fault["msg"]).removeprefix("Value error, ")
        raise CalibrationError(f"{path}: {key}: {message}") from error
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise CalibrationError(f"{path}: is not a JSON file") from error
    if model is not None and calibrated.model != model:
        raise CalibrationError(
            f"{path}: is a model of {calibrated.model!r}, wanted {model!r}"
        )
    return calibrated


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise CalibrationError("a key is given twice")
    return content
