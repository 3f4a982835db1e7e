import numpy as np
import pytest

from labneuro.analysis.logistic import maximise, probability


def test_gradient_vanishes_at_the_maximum():
    """The fitted shares reproduce the counts' sum and their moment exactly."""
    x = np.linspace(-1.5, 1.5, 9)
    design = np.column_stack((np.ones_like(x), x))
    trials = np.full(9, 40.0)
    spikes = np.array([1, 0, 4, 9, 17, 28, 33, 39, 40], dtype=float)
    fit = maximise(design, spikes, trials)
    share = probability(design @ fit.coefficients)
    np.testing.assert_allclose(
        design.T @ (trials * share), design.T @ spikes, rtol=1e-8
    )


def test_one_column_of_ones_gives_the_log_odds_of_the_share():
    fit = maximise(np.ones((2, 1)), np.array([3.0, 6.0]), np.array([10.0, 20.0]))
    assert fit.coefficients[0] == pytest.approx(np.log(0.3 / 0.7), abs=1e-6)
    assert fit.information[0, 0] == pytest.approx(30 * 0.3 * 0.7, rel=1e-6)


def test_separated_counts_climb_to_their_plateau():
    """Where the maximum is at infinity the log-likelihood still reaches its limit 0."""
    x = np.array([-1.0, 1.0])
    design = np.column_stack((np.ones_like(x), x))
    fit = maximise(design, np.array([0.0, 10.0]), np.array([10.0, 10.0]))
    assert fit.log_likelihood == pytest.approx(0.0, abs=1e-8)


def test_offset_shifts_the_intercept():
    design = np.ones((3, 1))
    spikes, trials = np.array([2.0, 5.0, 4.0]), np.full(3, 10.0)
    plain = maximise(design, spikes, trials).coefficients[0]
    moved = maximise(design, spikes, trials, offset=1.5).coefficients[0]
    assert moved == pytest.approx(plain - 1.5, abs=1e-8)


def test_probability_survives_extreme_odds():
    np.testing.assert_array_equal(probability(np.array([-1e5, 0.0, 1e5])), [0, 0.5, 1])
