import numpy as np
import pytest
from scipy import stats

from labneuro.analysis.binomial import (
    chi_square_p_value,
    deviance,
    log_likelihood,
)


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
