import numpy as np
import pytest
from scipy import stats

from labneuro.analysis.binomial import (
    chi_square_p_value,
    deviance,
    log_likelihood,
    wilson_interval,
)
from labneuro.errors import FitError


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


def test_deviance_is_twice_the_log_ratio_of_binomial_probabilities():
    spikes, trials = np.array([0.0, 4.0, 9.0]), np.array([10.0, 10.0, 9.0])
    logit = np.array([-2.0, 0.3, 1.5])
    model = stats.binom.logpmf(spikes, trials, 1 / (1 + np.exp(-logit)))
    best = stats.binom.logpmf(spikes, trials, spikes / trials)
    expected = 2 * np.sum(best - model)
    assert deviance(logit, spikes, trials) == pytest.approx(expected, rel=1e-12)


def test_log_likelihood_survives_extreme_odds():
    logit = np.array([-2000.0, 2000.0])
    value = log_likelihood(logit, np.array([0.0, 5.0]), np.array([5.0, 5.0]))
    assert value == 0.0


def test_p_value_is_one_without_freedom():
    assert chi_square_p_value(3.0, 0) == 1.0
    assert chi_square_p_value(3.841, 1) == pytest.approx(0.05, abs=1e-4)
