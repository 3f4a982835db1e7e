"""Counts of spikes: intervals of a probability, likelihood, goodness of fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from labneuro.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95


def wilson_interval(
    spikes: ArrayLike, trials: ArrayLike, level: float = LEVEL
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the score interval of a probability.

    Parameters
    ----------
    spikes, trials : array_like of int, same shape
        Counts; `trials` at least 1.
    level : float
        Confidence level.

    Returns
    -------
    low, high : ndarray
        Ends of the interval, 0 to 1, in the shape of the counts.

    References
    ----------
    E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927), doi:10.2307/2276774.

    Examples
    --------
    >>> low, high = wilson_interval([0], [30])
    >>> round(float(high[0]), 3)
    0.114
    """
    count, total = _counts(spikes, trials)
    square = float(stats.chi2.ppf(level, 1))
    share = count / total
    centre = share + square / (2 * total)
    half = np.sqrt(square * (share * (1 - share) / total + square / (4 * total**2)))
    widen = 1 + square / total
    low = np.where(count == 0, 0.0, (centre - half) / widen)
    high = np.where(count == total, 1.0, (centre + half) / widen)
    return low, high


def deviance(
    logit: NDArray[np.float64],
    spikes: NDArray[np.float64],
    trials: NDArray[np.float64],
) -> float:
    """Return twice the log-likelihood ratio of the counts' own shares to a model.

    Parameters
    ----------
    logit : ndarray, shape (cells,)
        Logarithm of the model's odds of a spike.
    spikes, trials : ndarray, shape (cells,)
        Counts.
    """
    return saturated(spikes, trials) - 2.0 * log_likelihood(logit, spikes, trials)


def log_likelihood(
    logit: NDArray[np.float64],
    spikes: NDArray[np.float64],
    trials: NDArray[np.float64],
) -> float:
    """Return the log-likelihood of counts, without the binomial coefficients."""
    softplus = np.maximum(logit, 0.0) + np.log1p(np.exp(-np.abs(logit)))
    return float(spikes @ logit - trials @ softplus)


def saturated(spikes: NDArray[np.float64], trials: NDArray[np.float64]) -> float:
    """Return twice the log-likelihood of the counts' own shares."""
    quiet = trials - spikes
    return 2.0 * float(
        np.sum(special.xlogy(spikes, spikes / trials))
        + np.sum(special.xlogy(quiet, quiet / trials))
    )


def chi_square_p_value(statistic: float, degrees_of_freedom: int) -> float:
    """Return the upper tail of chi-square; 1 where there is no freedom left."""
    if degrees_of_freedom < 1:
        return 1.0
    return float(stats.chi2.sf(max(statistic, 0.0), degrees_of_freedom))


def _counts(
    spikes: ArrayLike, trials: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    count = np.asarray(spikes, dtype=np.float64)
    total = np.asarray(trials, dtype=np.float64)
    if count.shape != total.shape:
        raise FitError(
            f"spikes and trials: shapes {count.shape} and {total.shape} must be equal"
        )
    if np.any(total < 1) or np.any(count < 0) or np.any(count > total):
        raise FitError("spikes and trials: need trials >= 1 and 0 <= spikes <= trials")
    return count, total
