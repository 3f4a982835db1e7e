"""Censored likelihoods: known truth comes back, and the right family wins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from labneuro.analysis.censored import FAMILIES, Intervals, compare, fit_family
from labneuro.errors import FitError

TRUTH = {
    "log-normal": (stats.lognorm(s=0.3, scale=2.0), 2.0, 0.3),
    "Weibull": (stats.weibull_min(c=4.0, scale=2.0), 2.0, 0.25),
    "gamma": (stats.gamma(a=16.0, scale=2.0 / 16.0), 2.0, 0.25),
}


def drawn(family, *, count=400, resolution=0.05, end=2.2, seed=1):
    """Return events of a family, seen on a grid and cut off at the end."""
    times = TRUTH[family][0].rvs(count, random_state=seed)
    low = np.floor(times / resolution) * resolution
    over = times > end
    return Intervals.of(
        np.where(over, end, low), np.where(over, np.inf, low + resolution)
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_truth_is_within_four_standard_errors(family):
    """A false alarm in about 8000 for each of the two numbers."""
    seen = drawn(family)
    assert 0.2 < (~seen.ended).mean() < 0.5
    fit = fit_family(family, seen)
    for name, truth in zip(("location", "width"), TRUTH[family][1:], strict=True):
        assert abs(fit.value(name) - truth) < 4.0 * fit.standard_error(name)
        low, high = fit.interval(name)
        assert low is not None
        assert high is not None
        assert low < fit.value(name) < high


@pytest.mark.parametrize("family", FAMILIES)
def test_the_likelihood_is_that_of_the_distribution(family):
    """Against scipy's own distribution functions."""
    law, location, width = TRUTH[family]
    seen = drawn(family, count=50)
    fit = fit_family(family, seen)
    expected = np.log(law.cdf(seen.high) - law.cdf(seen.low)).sum()
    found = -fit.cost(np.log([location, width]))
    assert found == pytest.approx(expected, rel=1e-9)
    assert fit.log_likelihood >= found


@pytest.mark.parametrize("family", ["log-normal", "Weibull"])
def test_the_family_of_many_events_wins(family):
    fits = compare(drawn(family, count=3000, end=np.inf, seed=2))
    assert next(iter(fits)) == family
    best, second, *_ = (fit.aic for fit in fits.values())
    assert second > best + 5.0


def test_leaving_out_the_censored_would_be_wrong():
    """The mean of what ended is early by more than the fit's error."""
    seen = drawn("log-normal", count=2000)
    fit = fit_family("log-normal", seen)
    naive = np.exp(np.mean(np.log(seen.middle[seen.ended])))
    assert naive < 2.0 - 10.0 * fit.standard_error("location")
    assert abs(fit.value("location") - 2.0) < 4.0 * fit.standard_error("location")


def test_too_few_events_are_refused():
    with pytest.raises(FitError, match="4 of 6 events ended"):
        fit_family(
            "gamma", Intervals.of([1, 1, 2, 2, 3, 3], [2, 2, 3, 3] + [np.inf] * 2)
        )


def test_events_in_one_interval_determine_nothing():
    with pytest.raises(FitError, match="do not determine"):
        fit_family("log-normal", Intervals.of(np.full(20, 1.0), np.full(20, 2.0)))


@pytest.mark.parametrize(
    ("low", "high"), [([-1], [1]), ([2], [1]), ([0], [0]), ([1, 2], [3])]
)
def test_impossible_intervals_are_refused(low, high):
    with pytest.raises(FitError, match="0 <= low <= high"):
        Intervals.of(low, high)
