"""Maximum likelihood in a few parameters, with profile intervals.

Parameters are the logarithms of positive numbers: they cannot become negative, and
their likelihood is nearer to a parabola.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from labneuro.analysis.profile import profile_interval
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.profile import Interval

_STEP = 1e-3  # of a logarithm, for second differences
_FARTHEST = 8.0  # standard errors that a profile is followed
_TOLERANCE = 1e-3  # of the gradient, in standard errors


@dataclass(frozen=True, eq=False)
class LikelihoodFit:
    """The maximum of a likelihood.

    Attributes
    ----------
    names : tuple of str
        The parameters.
    logarithms : ndarray, shape (parameters,)
        Natural logarithms of their best values.
    covariance : ndarray, shape (parameters, parameters)
        Of the logarithms, from the curvature.
    log_likelihood : float
        At the maximum.
    cost : callable
        Negative log-likelihood of logarithms.
    """

    names: tuple[str, ...]
    logarithms: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood: float
    cost: Callable[[NDArray[np.float64]], float]

    def value(self, name: str) -> float:
        """Return the best value of a parameter."""
        return math.exp(float(self.logarithms[self.names.index(name)]))

    def standard_error(self, name: str) -> float:
        """Return the standard error of a parameter, not of its logarithm."""
        place = self.names.index(name)
        return self.value(name) * math.sqrt(float(self.covariance[place, place]))

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return 2.0 * len(self.names) - 2.0 * self.log_likelihood

    @property
    def natural_covariance(self) -> NDArray[np.float64]:
        """Covariance of the parameters themselves, to first order."""
        values = np.exp(self.logarithms)
        return np.asarray(self.covariance * np.outer(values, values))

    def interval(self, name: str) -> Interval:
        """Return the 95 % profile interval of a parameter; an open side is None."""
        place = self.names.index(name)
        error = math.sqrt(float(self.covariance[place, place]))
        best = float(self.logarithms[place])
        low, high = profile_interval(
            lambda value: 2.0 * (self._profile(place, value) + self.log_likelihood),
            best,
            error,
            lower=best - _FARTHEST * error,
            upper=best + _FARTHEST * error,
        )
        return (
            None if low is None else math.exp(low),
            None if high is None else math.exp(high),
        )

    def _profile(self, place: int, value: float) -> float:
        """Return the least cost where one logarithm is held."""
        others = [index for index in range(len(self.names)) if index != place]
        shift = value - float(self.logarithms[place])
        # Along the valley that the curvature at the maximum foretells.
        along = self.covariance[:, place] / self.covariance[place, place]
        start = self.logarithms + shift * along
        start[place] = value
        if not others:
            return self.cost(start)
        inner = np.linalg.inv(np.linalg.inv(self.covariance)[np.ix_(others, others)])
        root = np.linalg.cholesky(inner)

        def cost(steps: NDArray[np.float64]) -> float:
            point = start.copy()
            point[others] += root @ steps
            return self.cost(point)

        return float(_search(cost, np.zeros(len(others))).fun)


def maximise(
    cost: Callable[[NDArray[np.float64]], float],
    start: dict[str, float],
    scales: Sequence[float],
) -> LikelihoodFit:
    """Find the maximum of a likelihood.

    Parameters
    ----------
    cost : callable
        Negative log-likelihood of the parameters' logarithms.
    start : dict of str to float
        Where the search begins, by parameter.
    scales : sequence of float
        About how far off the logarithms may be.

    Raises
    ------
    FitError
        If the data do not determine a parameter.
    """
    names = tuple(start)
    begin = np.log(np.array(list(start.values())))
    width = np.asarray(scales, dtype=np.float64)
    rough = optimize.minimize(
        lambda steps: cost(begin + width * steps),
        np.zeros(len(begin)),
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-6, "maxiter": 4000, "maxfev": 4000},
    )
    point = begin + width * rough.x
    for _ in range(2):  # the second time from where the curvature is the right one
        root = np.asarray(np.linalg.cholesky(_covariance(cost, point, names)), float)
        found = _search(_around(cost, point, root), np.zeros(len(begin)))
        point = point + root @ found.x
    return LikelihoodFit(
        names, point, _covariance(cost, point, names), -float(cost(point)), cost
    )


def _around(
    cost: Callable[[NDArray[np.float64]], float],
    point: NDArray[np.float64],
    root: NDArray[np.float64],
) -> Callable[[NDArray[np.float64]], float]:
    """Return the cost of steps from a point in standard errors."""
    return lambda steps: cost(point + root @ steps)


def _search(
    cost: Callable[[NDArray[np.float64]], float], start: NDArray[np.float64]
) -> optimize.OptimizeResult:
    return optimize.minimize(
        cost,
        start,
        method="BFGS",
        options={"gtol": _TOLERANCE, "eps": 1e-4, "maxiter": 200},
    )


def _covariance(
    cost: Callable[[NDArray[np.float64]], float],
    point: NDArray[np.float64],
    names: tuple[str, ...],
) -> NDArray[np.float64]:
    """Return the inverse of the cost's second differences."""
    size = len(point)
    steps = np.eye(size) * _STEP
    curvature = np.empty((size, size))
    for i in range(size):
        for j in range(i + 1):
            curvature[i, j] = curvature[j, i] = (
                cost(point + steps[i] + steps[j])
                - cost(point + steps[i] - steps[j])
                - cost(point - steps[i] + steps[j])
                + cost(point - steps[i] - steps[j])
            ) / (4.0 * _STEP**2)
    values = np.linalg.eigvalsh(curvature) if np.isfinite(curvature).all() else [0.0]
    if not values[0] > 0.0:
        raise FitError(
            f"{', '.join(names)}: the data do not determine all of these; measure more "
            "events or a wider range"
        )
    return np.asarray(np.linalg.inv(curvature))
