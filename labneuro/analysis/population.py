"""Mean and spread of parameters over several devices of the same kind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import stats

from labneuro.counting import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.device_fit import FittedModel
    from labneuro.calibration import FittedParameter


class PopulationFit(NamedTuple):
    """A population of devices.

    Attributes
    ----------
    parameters : tuple of FittedParameter
        Means over the devices that determine the parameter, with intervals by the t
        distribution.
    covariance_of : tuple of str
        Parameters that every device determines.
    covariance : ndarray
        Covariance matrix of their means.
    spread : dict of str to float
        Standard deviation between devices by parameter, what the fits' own errors
        would scatter taken off; 0 where they explain all of it.
    """

    parameters: tuple[FittedParameter, ...]
    covariance_of: tuple[str, ...]
    covariance: NDArray[np.float64]
    spread: dict[str, float]

    @property
    def entries(self) -> dict[str, Any]:
        """What a calibrated model says of it, by the names of its fields."""
        return {
            "parameters": self.parameters,
            "covariance_of": self.covariance_of,
            "covariance": tuple(tuple(map(float, row)) for row in self.covariance),
            "population_spread": self.spread,
        }


def combine(models: Sequence[FittedModel]) -> PopulationFit:
    """Combine the fits of devices; that of a single device stays as it is.

    Parameters
    ----------
    models : sequence of FittedModel
        One a device, at least one.
    """
    if len(models) == 1:
        (one,) = models
        parameters = tuple(one.parameters.values())
        return PopulationFit(parameters, one.covariance_of, one.covariance, {})
    names = list(dict.fromkeys(name for model in models for name in model.parameters))
    found = {name: _combine_one(_of(models, name)) for name in names}
    spread = {
        name: deviation
        for name, (_, deviation) in found.items()
        if deviation is not None
    }
    common = tuple(
        name for name in names if all(name in model.covariance_of for model in models)
    )
    count = len(models)
    within = np.mean([_part(model, common) for model in models], axis=0) / count
    between = np.diag([spread[name] ** 2 for name in common]) / count
    return PopulationFit(
        tuple(parameter for parameter, _ in found.values()),
        common,
        within + between,
        spread,
    )


def _of(models: Sequence[FittedModel], name: str) -> list[FittedParameter]:
    return [model.parameters[name] for model in models if name in model.parameters]


def _part(model: FittedModel, names: Sequence[str]) -> NDArray[np.float64]:
    places = [model.covariance_of.index(name) for name in names]
    return model.covariance[np.ix_(places, places)]


def _combine_one(
    parameters: Sequence[FittedParameter],
) -> tuple[FittedParameter, float | None]:
    known = [one for one in parameters if one.standard_error is not None]
    if not known:  # any value on the ridge fits as well: show a typical one
        middle = float(np.median([one.value for one in parameters]))
        update = {"value": middle, "interval": (None, None)}
        return parameters[0].model_copy(update=update), None
    if len(known) == 1:
        return known[0], None
    values = np.array([one.value for one in known])
    errors = np.array([one.standard_error for one in known], dtype=np.float64)
    count = len(values)
    scatter, own = float(np.var(values, ddof=1)), float(np.mean(errors**2))
    mean = float(np.mean(values))
    error = math.sqrt(max(scatter, own) / count)
    reach = float(stats.t.ppf(0.5 + LEVEL / 2.0, count - 1)) * error
    combined = known[0].model_copy(
        update={
            "value": mean,
            "standard_error": error,
            "interval": (mean - reach, mean + reach),
        }
    )
    return combined, math.sqrt(max(scatter - own, 0.0))
