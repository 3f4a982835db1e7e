"""Firing sigmoid of one state by binomial maximum likelihood.

``P(E) = 1 / (1 + exp(-(E - midpoint) / slope))``. The spiking threshold is the field
at which P is 10 %: ``threshold = midpoint - slope ln 9``. Intervals come from the
profile likelihood of each of the three; the threshold is a parameter of its own there,
not a sum of two others.

References
----------
T. Zhang et al., "Self-sensitizable neuromorphic device based on adaptive hydrogen
gradient": Figure 2B (threshold at 10 %, at least 30 events a point).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.analysis.binomial import log_likelihood, saturated
from labneuro.analysis.firing_counts import FiringCounts, check_overlap
from labneuro.analysis.goodness import deviance_p_value
from labneuro.analysis.logistic import LogisticFit, maximise, probability
from labneuro.analysis.profile import Interval, profile_interval
from labneuro.calibration import FittedParameter
from labneuro.counting import LEVEL
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

THRESHOLD_PROBABILITY = 0.1
_LARGEST_SLOPE = 1e6  # in units of the fields' spread: flat for every purpose
_PARAMETERS = 2


def log_odds(share: float) -> float:
    """Return ``ln(p / (1 - p))``."""
    return math.log(share / (1.0 - share))


@dataclass(frozen=True)
class SigmoidFit:
    """A firing sigmoid with its uncertainty.

    Attributes
    ----------
    midpoint, slope, threshold : FittedParameter
        In V/m, with 95 % profile-likelihood intervals.
    covariance : ndarray, shape (2, 2)
        Of midpoint and slope, in (V/m)^2.
    deviance : float
        Twice the log-likelihood ratio against the counts' own shares.
    degrees_of_freedom : int
        Fields less two.
    p_value : float
        Goodness of fit, by :func:`goodness.deviance_p_value`. It is close also where
        cells expect few spikes; :func:`bootstrap_p_value` is slower and closer.
    counts : FiringCounts
        The data.
    """

    midpoint: FittedParameter
    slope: FittedParameter
    threshold: FittedParameter
    covariance: NDArray[np.float64]
    deviance: float
    degrees_of_freedom: int
    p_value: float
    counts: FiringCounts

    def probability(self, fields: ArrayLike) -> NDArray[np.float64]:
        """Return the firing probability at fields in V/m."""
        field = np.asarray(fields, dtype=np.float64)
        return probability((field - self.midpoint.value) / self.slope.value)


def fit_sigmoid(
    fields: ArrayLike,
    spikes: ArrayLike,
    trials: ArrayLike,
    *,
    level: float = LEVEL,
    threshold_probability: float = THRESHOLD_PROBABILITY,
) -> SigmoidFit:
    """Fit the firing sigmoid to counts.

    Parameters
    ----------
    fields : array_like, shape (points,)
        Pulse fields in V/m; equal ones are added up.
    spikes, trials : array_like, shape (points,)
        Counts.
    level : float
        Confidence level of the intervals.
    threshold_probability : float
        Firing probability that defines the threshold.

    Returns
    -------
    SigmoidFit

    Raises
    ------
    FitError
        If no finite midpoint and slope maximise the likelihood: too few fields, no
        spike or no miss at all, a step without overlap, or a curve that does not rise.
    """
    counts = FiringCounts.gather(fields, spikes, trials)
    check_overlap(counts)
    centre, spread = float(np.mean(counts.fields)), float(np.std(counts.fields))
    scaled = FiringCounts(
        (counts.fields - centre) / spread, counts.spikes, counts.trials
    )
    design = _design(scaled.fields)
    best = maximise(design, scaled.spikes, scaled.trials)
    if best.coefficients[1] <= 0.0:
        raise FitError("firing probability does not rise with the field: no sigmoid")
    located = _Located(scaled, best, level, log_odds(threshold_probability))
    observed = saturated(counts.spikes, counts.trials) - 2.0 * best.log_likelihood
    fitted = probability(design @ best.coefficients)
    return SigmoidFit(
        midpoint=located.midpoint(centre, spread),
        slope=located.slope(spread),
        threshold=located.threshold(centre, spread),
        covariance=located.covariance * spread**2,
        deviance=max(observed, 0.0),
        degrees_of_freedom=len(counts.fields) - _PARAMETERS,
        p_value=deviance_p_value(observed, fitted, counts.trials, _PARAMETERS),
        counts=counts,
    )


def bootstrap_p_value(fit: SigmoidFit, *, repeats: int = 1000, seed: int = 0) -> float:
    """Return the goodness-of-fit p-value from data simulated with the fitted sigmoid.

    It needs no approximation, but the time of `repeats` fits.

    Parameters
    ----------
    fit : SigmoidFit
        The fit to judge.
    repeats : int
        Number of simulated data sets.
    seed : int
        Seed of the simulation.

    Returns
    -------
    float
        Share of data sets, the measured one included, that fit no better.

    References
    ----------
    A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application" (1997),
    section 4.2.3.
    """
    counts = fit.counts
    generator = np.random.default_rng(seed)
    share = fit.probability(counts.fields)
    size = (repeats, len(share))
    drawn = generator.binomial(counts.trials.astype(int), share, size).astype(float)
    x = (counts.fields - np.mean(counts.fields)) / np.std(counts.fields)
    design = _design(x)
    worse = 0
    for spikes in drawn:
        found = maximise(design, spikes, counts.trials).log_likelihood
        worse += saturated(spikes, counts.trials) - 2.0 * found >= fit.deviance
    return (worse + 1) / (repeats + 1)


def _design(fields: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack((np.ones_like(fields), fields))


def _location_covariance(
    coefficients: NDArray[np.float64], information: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Carry the covariance of intercept and rise over to midpoint and slope."""
    intercept, rise = coefficients
    jacobian = np.array([[-1.0 / rise, intercept / rise**2], [0.0, -1.0 / rise**2]])
    return np.asarray(jacobian @ np.linalg.inv(information) @ jacobian.T)


class _Located:
    """Midpoint, slope and threshold around the best coefficients, in scaled fields."""

    def __init__(
        self, counts: FiringCounts, best: LogisticFit, level: float, odds: float
    ) -> None:
        intercept, rise = best.coefficients
        self.covariance = _location_covariance(best.coefficients, best.information)
        self._middle, self._width = -intercept / rise, 1.0 / rise
        self._counts = counts
        self._maximum = best.log_likelihood
        self._level = level
        self._odds = odds

    def midpoint(self, centre: float, spread: float) -> FittedParameter:
        """Return the midpoint in V/m."""
        return self._location("midpoint", 0.0, centre, spread)

    def threshold(self, centre: float, spread: float) -> FittedParameter:
        """Return the threshold in V/m."""
        return self._location("threshold", self._odds, centre, spread)

    def slope(self, spread: float) -> FittedParameter:
        """Return the slope in V/m."""
        error = math.sqrt(self.covariance[1, 1])
        interval = profile_interval(
            self._rise_of_slope,
            self._width,
            error,
            lower=0.0,
            upper=_LARGEST_SLOPE,
            level=self._level,
        )
        return _parameter("slope", (self._width, error), interval, (0.0, spread))

    def _location(
        self, name: str, odds: float, centre: float, spread: float
    ) -> FittedParameter:
        weights = np.array((1.0, odds))
        error = math.sqrt(float(weights @ self.covariance @ weights))
        value = self._middle + odds * self._width
        interval = profile_interval(
            self._rise_of_location(odds), value, error, level=self._level
        )
        return _parameter(name, (value, error), interval, (centre, spread))

    def _rise_of_location(self, odds: float) -> Callable[[float], float]:
        """Return the profile of the field at which the log-odds are `odds`."""
        counts = self._counts
        start = [np.zeros(1)]  # each search starts where the last one ended

        def rise(location: float) -> float:
            x = counts.fields - location
            found = maximise(
                x[:, None], counts.spikes, counts.trials, offset=odds, start=start[0]
            )
            if found.coefficients[0] < 0.0:  # the best rising curve is the flat one
                flat = np.full_like(x, odds)
                value = log_likelihood(flat, counts.spikes, counts.trials)
                return 2.0 * (self._maximum - value)
            start[0] = found.coefficients
            return 2.0 * (self._maximum - found.log_likelihood)

        return rise

    def _rise_of_slope(self, slope: float) -> float:
        if slope <= 0.0:
            return math.inf
        counts = self._counts
        ones = np.ones((len(counts.fields), 1))
        offset = counts.fields / slope
        found = maximise(ones, counts.spikes, counts.trials, offset=offset)
        return 2.0 * (self._maximum - found.log_likelihood)


def _parameter(
    name: str,
    estimate: tuple[float, float],
    interval: Interval,
    scale: tuple[float, float],
) -> FittedParameter:
    value, error = estimate
    origin, unit = scale
    low, high = (None if end is None else origin + unit * end for end in interval)
    return FittedParameter(
        name=name,
        unit="V/m",
        value=origin + unit * value,
        standard_error=unit * error,
        interval=(low, high),
    )
