"""Tests of labneuro/networks/pcu_schedule.py: the learning rate of each step."""

from itertools import pairwise

import numpy as np
import pytest

from labneuro.networks.pcu_schedule import learning_rates


def test_a_cosine_rises_over_a_tenth_and_falls_to_nearly_nothing():
    rates = learning_rates("cosine", 2.0, 100)
    np.testing.assert_allclose(rates[:10], 2.0 * np.arange(1, 11) / 10)
    assert rates[10] == 2.0
    assert rates[55] == pytest.approx(1.0)
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert 0.0 < rates[-1] < 1e-3


@pytest.mark.parametrize(
    ("drop_at", "high"), [(0.8, 8), (0.7, 7), (0.5, 5), (0.99, 10), (0.01, 0)]
)
def test_a_step_drops_after_a_share_of_the_steps(drop_at, high):
    rates = learning_rates("step", 4e-4, 10, drop_at=drop_at, drop_factor=0.5)
    assert rates == (4e-4,) * high + (2e-4,) * (10 - high)


def test_a_constant_rate_stays_and_no_steps_have_no_rates():
    assert learning_rates("constant", 1e-5, 3) == (1e-5,) * 3
    for schedule in ("cosine", "step", "constant"):
        assert learning_rates(schedule, 1e-5, 0) == ()
        assert len(learning_rates(schedule, 1e-5, 1)) == 1
