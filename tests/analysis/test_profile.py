import math

import pytest

from labneuro.analysis.profile import critical_value, crossing, profile_interval


def test_parabola_gives_the_normal_interval():
    low, high = profile_interval(lambda x: ((x - 3.0) / 0.5) ** 2, 3.0, 0.5)
    assert low == pytest.approx(3.0 - 1.959964 * 0.5, abs=1e-3)
    assert high == pytest.approx(3.0 + 1.959964 * 0.5, abs=1e-3)


def test_poisson_mean_follows_its_own_equation():
    """A skew profile: 2 (m - n + n ln(n / m)) of n = 4 counts."""

    def rise(mean):
        return 2.0 * (mean - 4.0 + 4.0 * math.log(4.0 / mean))

    low, high = profile_interval(rise, 4.0, 2.0, lower=1e-9)
    assert low is not None
    assert high is not None
    assert rise(low) == pytest.approx(critical_value(), abs=0.02)
    assert rise(high) == pytest.approx(critical_value(), abs=0.02)
    assert 4.0 - low < high - 4.0


def test_level_sets_the_width():
    low, high = profile_interval(lambda x: x * x, 0.0, 1.0, level=0.6827)
    assert low == pytest.approx(-1.0, abs=2e-3)
    assert high == pytest.approx(1.0, abs=2e-3)


def test_saturating_profile_is_open():
    low, high = profile_interval(
        lambda x: min(x * x, 3.0) if x > 0 else x * x, 0.0, 1.0
    )
    assert low == pytest.approx(-1.96, abs=1e-2)
    assert high is None


def test_search_ends_at_the_limits():
    assert profile_interval(lambda x: x * x, 0.0, 1.0, lower=-1.0, upper=1.5) == (
        None,
        None,
    )


def test_a_wrong_first_step_does_not_matter():
    """Ten thousand times too small or too large: the same crossing."""
    for step in (1e-4, 1e4):
        found = crossing(lambda x: x * x, 0.0, step, math.inf)
        assert found == pytest.approx(1.96, abs=max(1e-3, 2e-3 * step))
