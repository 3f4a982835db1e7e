"""Distributions of positive quantities known by intervals: censored likelihoods.

An event is known to lie between two values; the upper one is infinite where the
measurement ended before (right-censored). Three families are compared by Akaike's
information criterion.

References
----------
J. F. Lawless, Statistical Models and Methods for Lifetime Data, 2nd edition (2003),
chapter 2 (censored likelihood) and 5.
H. Akaike, IEEE Trans. Automat. Contr. 19, 716 (1974), doi:10.1109/TAC.1974.1100705.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from labneuro.analysis.likelihood_fit import LikelihoodFit, maximise
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Tail = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

_FEWEST = 5  # events that ended, to fit two parameters
_LEAST = 1e-300  # probability
_NARROWEST = -9.0  # logarithm of a relative width


@dataclass(frozen=True, eq=False)
class Intervals:
    """Events known by intervals.

    Attributes
    ----------
    low, high : ndarray, shape (events,)
        Ends of each interval; `high` is infinite where the event is censored.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, low: ArrayLike, high: ArrayLike) -> Intervals:
        """Return intervals of arrays.

        Raises
        ------
        FitError
            If an interval is empty, negative or not a number.
        """
        begin, end = np.asarray(low, float), np.asarray(high, float)
        if begin.shape != end.shape or not (
            np.all(begin >= 0) and np.all(end >= begin) and np.all(end > 0)
        ):
            raise FitError("intervals: 0 <= low <= high and high above 0")
        return cls(begin, end)

    @property
    def ended(self) -> NDArray[np.bool_]:
        """Which events are not censored."""
        return np.isfinite(self.high)

    @property
    def middle(self) -> NDArray[np.float64]:
        """Middle of each interval, its lower end where it is censored."""
        end = np.where(self.ended, self.high, self.low)
        return np.asarray(0.5 * (self.low + end))


def _log_normal(x: NDArray[np.float64], theta: NDArray[np.float64]) -> Tails:
    z = (np.log(x) - theta[0]) / np.exp(theta[1])
    return special.ndtr(z), special.ndtr(-z)


def _weibull(x: NDArray[np.float64], theta: NDArray[np.float64]) -> Tails:
    hazard = np.exp(np.exp(-theta[1]) * (np.log(x) - theta[0]))
    return -np.expm1(-hazard), np.exp(-hazard)


def _gamma(x: NDArray[np.float64], theta: NDArray[np.float64]) -> Tails:
    # theta[1] is the logarithm of the relative width, so the shape is its square's
    # inverse, and theta[0] that of the mean.
    shape = np.exp(-2.0 * theta[1])
    scaled = x * shape / np.exp(theta[0])
    return special.gammainc(shape, scaled), special.gammaincc(shape, scaled)


Tails = tuple["NDArray[np.float64]", "NDArray[np.float64]"]
FAMILIES: dict[str, Callable[..., Tails]] = {
    "log-normal": _log_normal,
    "Weibull": _weibull,
    "gamma": _gamma,
}
"""Probability below and above, of values and two parameters: the logarithms of a
location and of a relative width. Location and width are median and standard deviation
of the logarithm (log-normal), scale and inverse shape (Weibull), mean and coefficient
of variation (gamma)."""


def log_probability(
    low: Tails, high: Tails, density_share: float = 1.0
) -> NDArray[np.float64]:
    """Return the logarithm of the probability between two values, accurate in tails.

    Parameters
    ----------
    low, high : tuple of ndarray
        Probability below and above each end.
    density_share : float
        Factor on the probability.
    """
    upper = low[1] < 0.5  # noqa: PLR2004  the median: subtract the smaller tails
    between = np.where(upper, low[1] - high[1], high[0] - low[0])
    return np.asarray(np.log(np.maximum(between * density_share, _LEAST)))


def fit_family(name: str, intervals: Intervals) -> LikelihoodFit:
    """Fit one family to censored events.

    Parameters
    ----------
    name : str
        One of :data:`FAMILIES`.
    intervals : Intervals
        The events.

    Returns
    -------
    LikelihoodFit
        Of ``location`` and ``width``.

    Raises
    ------
    FitError
        If too few events ended, or all are the same.
    """
    ended = intervals.ended
    if ended.sum() < _FEWEST:
        raise FitError(
            f"{int(ended.sum())} of {len(ended)} events ended before they were cut "
            f"off; at least {_FEWEST} are needed"
        )
    tails = FAMILIES[name]
    groups, weight = np.unique(
        np.stack((intervals.low, intervals.high)), axis=1, return_counts=True
    )
    low, high = np.maximum(groups[0], 1e-300), groups[1]
    open_ended = ~np.isfinite(high)
    top = np.where(open_ended, 1.0, high)

    def cost(theta: NDArray[np.float64]) -> float:
        # Narrower than that only if all events lie in one interval: undetermined.
        theta = np.array([theta[0], max(theta[1], _NARROWEST)])
        with np.errstate(over="ignore", under="ignore"):
            below, above = tails(top, theta)
            end = np.where(open_ended, 1.0, below), np.where(open_ended, 0.0, above)
            return -float(weight @ log_probability(tails(low, theta), end))

    logs = np.log(intervals.middle[ended])
    width = max(float(np.std(logs)), 1e-3)
    start = {"location": float(np.exp(np.mean(logs))), "width": width}
    return maximise(cost, start, (width, 0.3))


def compare(intervals: Intervals) -> dict[str, LikelihoodFit]:
    """Fit every family, the one with the lowest criterion first.

    Parameters
    ----------
    intervals : Intervals
        The events.

    Raises
    ------
    FitError
        If the events do not determine two parameters.
    """
    fits = {name: fit_family(name, intervals) for name in FAMILIES}
    return dict(sorted(fits.items(), key=lambda one: one[1].aic))
