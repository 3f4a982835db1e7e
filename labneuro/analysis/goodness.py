"""Goodness of fit of counted spikes, also where cells expect few of them.

With many expected spikes and misses in every cell the deviance follows chi-square. In
a cell that expects half a spike it does not: its mean is half of what chi-square says.
So mean and variance of each cell's deviance are summed exactly over the binomial
distribution, and the p-value is that of a scaled chi-square with these two moments.

References
----------
P. McCullagh, Int. Stat. Rev. 53, 61 (1985), doi:10.2307/1402880: moments of goodness-
of-fit statistics for sparse counts. F. E. Satterthwaite, Biometrics Bull. 2, 110
(1946), doi:10.2307/3002019: scaled chi-square.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLENTY = 25.0  # variance of a count beyond which chi-square holds within 2 %
_LARGEST_COUNT = 120  # ten standard deviations above any mean with less variance


def deviance_p_value(
    deviance: float,
    probability: NDArray[np.float64],
    trials: NDArray[np.float64],
    parameters: int,
) -> float:
    """Return the probability of a deviance as large or larger if the model is right.

    Parameters
    ----------
    deviance : float
        Of the fitted model.
    probability : ndarray, shape (cells,)
        Fitted firing probabilities.
    trials : ndarray, shape (cells,)
        Pulses in each cell.
    parameters : int
        Fitted parameters: each lowers the deviance by chi-square of one degree.

    Returns
    -------
    float
        1 where the cells leave no freedom.
    """
    mean, variance = _moments(np.minimum(probability, 1.0 - probability), trials)
    expected = float(mean.sum()) - parameters
    scatter = float(variance.sum()) - 2.0 * parameters
    if len(trials) <= parameters or expected <= 0.0 or scatter <= 0.0:
        return 1.0
    scale = scatter / (2.0 * expected)
    return float(stats.chi2.sf(max(deviance, 0.0) / scale, expected / scale))


def _moments(
    share: NDArray[np.float64], trials: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance of each cell's deviance; `share` is at most a half."""
    mean, variance = np.ones_like(share), np.full_like(share, 2.0)
    few = trials * share * (1.0 - share) < _PLENTY
    p, n = share[few, None], trials[few, None]
    count = np.arange(_LARGEST_COUNT + 1.0)
    possible = count <= n
    k = np.where(possible, count, 0.0)
    logarithm = (
        special.gammaln(n + 1.0)
        - special.gammaln(k + 1.0)
        - special.gammaln(n - k + 1.0)
        + special.xlogy(k, p)
        + special.xlog1py(n - k, -p)
    )
    weight = np.where(possible, np.exp(logarithm), 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    ratio = special.xlogy(k, k / n) + special.xlogy(n - k, (n - k) / n)
    cell = 2.0 * (ratio - special.xlogy(k, p) - special.xlog1py(n - k, -p))
    cell = np.where(weight > 0.0, cell, 0.0)
    mean[few] = np.sum(weight * cell, axis=1)
    variance[few] = np.sum(weight * (cell - mean[few, None]) ** 2, axis=1)
    return mean, variance
