"""Tests of labneuro/analysis/fmes_curves.py."""

import math

import numpy as np
import pytest

from labneuro.analysis.fmes_curves import (
    LARGEST_NONLINEARITY,
    a_interval,
    covariance_of_readings,
    fit_curve,
    nonlinearity,
    share,
)

PULSES = 60
X = np.arange(1, PULSES + 1) / PULSES


def curves(k_up, k_down, low=-0.02, high=0.04):
    """Return potentiation and depression in V."""
    rise, fall = share(X, k_up), share(X, k_down)
    return np.stack([low + (high - low) * rise, high - (high - low) * fall])


@pytest.mark.parametrize("k", [0.06, 0.5, 2.0, 15.0, 100.0])
def test_nonlinearity_is_the_closed_form(k):
    """With a = A / Pmax and b as the issue writes it; odd in k."""
    a = 1 / k
    b = 1 / (1 - math.exp(-1 / a))
    wanted = (b - a - a * math.log(b / a)) / (0.07 * math.sqrt(2))
    assert nonlinearity(k) == pytest.approx(wanted, rel=1e-9)
    assert nonlinearity(-k) == -nonlinearity(k)


def test_nonlinearity_of_a_straight_line_loses_no_digit():
    """The series meets the closed form where it takes over, and k / 8 at nothing."""
    assert nonlinearity(0.0) == 0.0
    unit = LARGEST_NONLINEARITY / 8
    assert nonlinearity(1e-9) == pytest.approx(1e-9 * unit, rel=1e-12)
    below, above = nonlinearity(0.05 * (1 - 1e-9)), nonlinearity(0.05 * (1 + 1e-9))
    assert above / below - 1 == pytest.approx(2e-9, rel=1e-2)
    assert nonlinearity(1e6) == pytest.approx(10.10, abs=5e-3)
    assert abs(nonlinearity(-1e6)) < LARGEST_NONLINEARITY


@pytest.mark.parametrize("k", [-700.0, -2.0, -1e-4, 0.0, 1e-4, 3.0, 900.0])
def test_share_goes_from_none_to_all(k):
    """Both ends are met, also for the straight line and for steep curves."""
    assert np.all(np.isfinite(share(X, min(k, 900.0) if k > 0 else max(k, -300.0))))
    ends = share(np.array([0.0, 1.0]), max(k, -300.0))
    assert ends == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize(("up", "down"), [(7.5, 5.0), (0.0, 0.3), (-2.0, 2.0)])
def test_a_curve_without_noise_is_found_exactly(up, down):
    """Ends and bends come back; there is no misfit."""
    fit = fit_curve(np.stack([curves(up, down)] * 2))
    assert fit.bends == pytest.approx((up, down), abs=1e-5)
    assert (fit.lowest, fit.highest) == pytest.approx((-0.02, 0.04), abs=1e-7)
    assert fit.misfit < 1e-6


def test_interval_of_a_is_open_where_the_curve_may_be_straight():
    """A passes through infinity where k passes through 0."""
    assert a_interval(60, 2.0, (1.0, 3.0)) == (20.0, 60.0)
    assert a_interval(60, 0.5, (-1.0, 2.0)) == (30.0, None)
    assert a_interval(60, -0.5, (-2.0, 1.0)) == (None, -30.0)
    assert a_interval(60, -2.0, (-3.0, -1.0)) == (-60.0, -20.0)


def test_intervals_cover_with_noise_that_stays():
    """Of 40 trains with a misfit as well, 95 % intervals cover in 88 to 100 %."""
    reading, pulse = 3e-4, 2e-4
    generator = np.random.default_rng(5)
    clean = curves(6.0, 5.0)
    clean[0] += 2e-3 * np.sin(3.0 * X)  # what the exponential misses
    truth = fit_curve(np.stack([clean, clean])).bends
    hits = []
    for _ in range(40):
        state, cycles = 0.0, []
        for _ in range(4):
            volts = np.empty_like(clean)
            for direction, k in enumerate((6.0, 5.0)):
                for number in range(PULSES):
                    state *= math.exp(-k / PULSES)
                    state += pulse * generator.standard_normal()
                    volts[direction, number] = clean[direction, number] + state
            cycles.append(volts + reading * generator.standard_normal(volts.shape))
        fit = fit_curve(np.stack(cycles[1:]))
        for direction in range(2):
            low, high = fit.bend_interval(direction)
            hits.append(low <= truth[direction] <= high)
    assert np.mean(hits) >= 0.88


def test_covariance_of_readings_is_that_of_the_recursion():
    """Noise of a pulse decays by exp(-1 / A); white noise is on the diagonal."""
    noise = fit_curve(
        np.stack([curves(6.0, 6.0)] * 3)
        + 1e-4 * np.random.default_rng(1).standard_normal((3, 2, PULSES))
    ).noise
    found = covariance_of_readings(noise, np.array([6.0, 6.0]), PULSES)
    steady = noise.pulse**2 / (1 - math.exp(-0.2))
    assert found[-1, -1] - noise.reading**2 == pytest.approx(steady, rel=1e-3)
    lag = found[-1, -6] / steady
    assert lag == pytest.approx(math.exp(-5 * 0.1), rel=1e-3)
