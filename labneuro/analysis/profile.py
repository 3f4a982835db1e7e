"""Confidence intervals from a profile likelihood, open where it does not close.

A value belongs to the interval when the deviance, minimised over every other
parameter, exceeds its minimum by less than the chi-square quantile. Unlike a standard
error this needs no parabola: the interval may be skew, or open on one side.

References
----------
D. J. Venzon, S. H. Moolgavkar, Appl. Stat. 37, 87 (1988), doi:10.2307/2347496.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy import optimize, stats

from labneuro.counting import LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable

Interval = tuple[float | None, float | None]
_GROWTH = 2.0
_MOST_STEPS = 25
_PRECISION = 1e-3  # of a standard error


def critical_value(level: float = LEVEL) -> float:
    """Return the rise of the deviance at an interval's ends."""
    return float(stats.chi2.ppf(level, 1))


def profile_interval(
    rise: Callable[[float], float],
    estimate: float,
    step: float,
    *,
    lower: float = -math.inf,
    upper: float = math.inf,
    level: float = LEVEL,
) -> Interval:
    """Return the values at which the profile deviance has risen to its quantile.

    Parameters
    ----------
    rise : callable
        Profile deviance above its minimum, as a function of the parameter.
    estimate : float
        Where the minimum is.
    step : float
        First step outwards: a standard error or a guess of it.
    lower, upper : float
        Ends of the range that is searched.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float or None
        Lower and upper end; None where the deviance stays below the quantile up to the
        end of the range, or for 25 steps that double.
    """
    ends = ((-step, lower), (step, upper))
    low, high = (crossing(rise, estimate, end, limit, level) for end, limit in ends)
    return low, high


def crossing(
    rise: Callable[[float], float],
    start: float,
    step: float,
    limit: float,
    level: float = LEVEL,
) -> float | None:
    """Walk outwards and return where the rise passes its quantile; None if nowhere.

    Parameters
    ----------
    rise : callable
        Profile deviance above its minimum.
    start : float
        A value inside the interval.
    step : float
        First step, signed.
    limit : float
        Where the search ends.
    level : float
        Confidence level.
    """
    root = math.sqrt(critical_value(level))

    def excess(value: float) -> float:
        # The root of the rise is nearly straight, so few evaluations find the crossing.
        return math.sqrt(max(rise(value), 0.0)) - root

    inner, inner_excess = start, -root
    stride = step * root
    for _ in range(_MOST_STEPS):
        outer = inner + stride
        if (limit - outer) * step <= 0.0:
            outer = limit
        outer_excess = excess(outer)
        if outer_excess >= 0.0:
            return _root(excess, (inner, inner_excess), (outer, outer_excess), step)
        if outer == limit:
            return None
        inner, inner_excess = outer, outer_excess
        stride *= _GROWTH
    return None


def _root(
    excess: Callable[[float], float],
    inner: tuple[float, float],
    outer: tuple[float, float],
    step: float,
) -> float:
    known = dict((inner, outer))

    def looked_up(value: float) -> float:
        return known[value] if value in known else excess(value)

    found: float = optimize.brentq(
        looked_up, inner[0], outer[0], xtol=abs(step) * _PRECISION
    )
    return found
