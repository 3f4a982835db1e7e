"""Counted events: the interval of a probability, for every room that counts."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95


def counts(
    events: ArrayLike, trials: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return events and trials as arrays.

    Raises
    ------
    FitError
        If they differ in shape, a trial number is below 1 or events exceed trials.
    """
    count, total = np.asarray(events, float), np.asarray(trials, float)
    if count.shape != total.shape:
        raise FitError("spikes and trials: must have the same shape")
    if not (np.all(total >= 1) and np.all(count >= 0) and np.all(count <= total)):
        raise FitError("spikes and trials: 0 <= spikes <= trials and trials >= 1")
    return count, total


def wilson_interval(
    events: ArrayLike, trials: ArrayLike, level: float = LEVEL
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the score interval of a probability.

    Parameters
    ----------
    events, trials : array_like of int, same shape
        Counts; `trials` at least 1.
    level : float
        Confidence level.

    Returns
    -------
    low, high : ndarray
        Ends of the interval, 0 to 1, in the shape of the counts.

    Raises
    ------
    FitError
        If the counts are impossible.

    References
    ----------
    E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927), doi:10.2307/2276774.

    Examples
    --------
    >>> low, high = wilson_interval([0], [30])
    >>> round(float(high[0]), 3)
    0.114
    """
    count, total = counts(events, trials)
    square = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    share = count / total
    centre = share + square / (2 * total)
    half = np.sqrt(square * (share * (1 - share) / total + square / (4 * total**2)))
    widen = 1 + square / total
    low = np.where(count == 0, 0.0, (centre - half) / widen)
    high = np.where(count == total, 1.0, (centre + half) / widen)
    return low, high
