"""Tests of labneuro/analysis/fmes_measures.py."""

import numpy as np
import pytest

from labneuro.analysis.fmes_curves import fit_curve, share
from labneuro.analysis.fmes_measures import (
    Measure,
    asymmetry,
    deviation,
    dynamic_range,
    effective_states,
    memory_measure,
    ratio,
    weight_change,
)

X = np.arange(1, 51) / 50


def closed(measure: Measure | None) -> tuple[float, float]:
    """Return the interval of a measure that is there, both ends of it closed."""
    assert measure is not None
    low, high = measure.interval
    assert low is not None
    assert high is not None
    return low, high


def fitted(up, down, noise=0.0):
    """Return the fit of a curve from 0 V to 50 mV."""
    volts = np.stack([0.05 * share(X, up), 0.05 - 0.05 * share(X, down)])
    scatter = noise * np.random.default_rng(3).standard_normal((3, 2, 50))
    return fit_curve(volts + scatter)


def test_ratio_has_fiellers_interval():
    """Of a sure denominator it is normal, of one near 0 it is open."""
    assert ratio((6.0, 0.5), (2.0, 0.0)).interval == pytest.approx(
        (2.51, 3.49), abs=5e-3
    )
    assert ratio((6.0, 0.5), (2.0, 1.5)).interval == (None, None)
    low, high = closed(ratio((6.0, 0.1), (2.0, 0.2)))
    assert 3.0 - low < high - 3.0


def test_ratio_covers():
    """Fieller's interval covers the true ratio 95 times of 100."""
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(2000):
        a, b = (
            6.0 + 0.3 * generator.standard_normal(),
            1.0 + 0.1 * (generator.standard_normal()),
        )
        low, high = closed(ratio((a, 0.3), (b, 0.1)))
        hits += low <= 6.0 <= high
    assert 0.935 < hits / 2000 < 0.965


def test_deviation_covers_and_needs_two():
    """The chi-square interval covers 95 times of 100; one number tells nothing."""
    generator = np.random.default_rng(4)
    draws = generator.standard_normal((2000, 4)).tolist()
    ends = [closed(deviation(four)) for four in draws]
    assert 0.935 < np.mean([low <= 1.0 <= high for low, high in ends]) < 0.965
    two = deviation([0.0, 2.0])
    assert two is not None
    assert two.value == pytest.approx(np.sqrt(2.0))
    assert deviation([1.0]) is None


def test_dynamic_range_is_last_over_first():
    """Of the residual voltages from rest."""
    found = dynamic_range(np.linspace(0.005, 0.05, 10), 1e-10 * np.eye(10))
    assert found.value == pytest.approx(10.0)
    assert found.interval == pytest.approx((9.96, 10.04), abs=5e-3)


def test_weight_change_is_the_mean_step():
    assert weight_change(fitted(3.0, 3.0)).value == pytest.approx(1e-3, rel=1e-5)


def test_asymmetry_vanishes_for_curves_that_retrace_each_other():
    """Depression backwards along the same curve has the opposite bend."""
    assert asymmetry(fitted(2.0, -2.0)).value == pytest.approx(0.0, abs=1e-6)
    assert asymmetry(fitted(5.0, 5.0)).value == pytest.approx(0.848, abs=1e-3)


def test_effective_states_count_steps_above_the_noise():
    """A quiet straight line has a state a pulse, a noisy steep curve few."""
    assert effective_states(fitted(0.0, 0.0)).value == 51
    noisy = effective_states(fitted(25.0, 25.0, noise=5e-4))
    assert 1 < noisy.value < 25
    low, high = closed(noisy)
    assert low <= noisy.value <= high


def test_memory_measure_grows_with_voltage_and_time():
    """Standard deviation over lags of the plain autocorrelation; noise taken off."""
    volts = np.linspace(0.0, 0.05, 40)
    plain = [np.sum(volts[: 40 - k] * volts[k:]) / 40 for k in range(40)]
    quiet = 1e-20 * np.eye(40)
    assert memory_measure(volts, quiet).value == pytest.approx(np.std(plain))
    assert memory_measure(2 * volts, quiet).value == pytest.approx(4 * np.std(plain))
    assert memory_measure(volts[:20], quiet[:20, :20]).value < np.std(plain)
    generator = np.random.default_rng(0)
    noise = 4e-6 * np.eye(40)
    noisy = [
        memory_measure(volts + 2e-3 * generator.standard_normal(40), noise)
        for _ in range(100)
    ]
    mean = np.mean([one.value for one in noisy])
    assert mean == pytest.approx(np.std(plain), rel=0.01)
    low, high = closed(noisy[0])
    width = (high - low) / 3.92
    assert width == pytest.approx(np.std([one.value for one in noisy]), rel=0.25)
