"""Intervals of counted events."""

import numpy as np
import pytest
from scipy import stats

from labneuro.counting import wilson_interval
from labneuro.errors import FitError


@pytest.mark.parametrize(("events", "trials"), [(0, 30), (7, 9), (50, 1000), (30, 30)])
def test_wilson_interval_is_scipys(events, trials):
    """The same interval as scipy's, at the edges too."""
    exact = stats.binomtest(events, trials).proportion_ci(method="wilson")
    low, high = wilson_interval(events, trials)
    assert (float(low), float(high)) == pytest.approx((exact.low, exact.high))


def test_wilson_interval_inverts_the_score_test():
    """Its ends are where the normal test of the share just rejects."""
    spikes, trials = np.array([3, 17, 29]), np.array([30, 40, 30])
    for end in wilson_interval(spikes, trials):
        z = (spikes / trials - end) / np.sqrt(end * (1 - end) / trials)
        np.testing.assert_allclose(np.abs(z), 1.959963984540054, rtol=1e-9)


def test_wilson_interval_of_no_spike_in_thirty():
    """The upper limit lies above the 10 % that defines the threshold."""
    low, high = wilson_interval(0, 30)
    assert float(low) == 0.0
    assert float(high) == pytest.approx(0.1135, abs=1e-4)
    low, high = wilson_interval(30, 30)
    assert float(low) == pytest.approx(0.8865, abs=1e-4)
    assert float(high) == 1.0


@pytest.mark.parametrize(
    ("spikes", "trials"), [([1, 2], [3]), ([1], [0]), ([4], [3]), ([-1], [3])]
)
def test_wilson_interval_refuses_impossible_counts(spikes, trials):
    with pytest.raises(FitError, match="trials"):
        wilson_interval(spikes, trials)
