"""Counts of spikes: likelihood, deviance, goodness of fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
