import numpy as np
import pytest

from labneuro.analysis.counts import StateCounts
from labneuro.analysis.sensitization import (
    FLOOR,
    LN_PULSES,
    LN_SCALE,
    LN_SHIFT,
    LN_SLOPE,
    LOCATION,
    Point,
    SensitizationLikelihood,
)


@pytest.fixture(scope="module")
def counts(truth):
    return StateCounts.gather([truth.rows(seed=5)])


@pytest.fixture(scope="module")
def likelihood(counts):
    return SensitizationLikelihood(counts)


def _point(likelihood, truth):
    unit = likelihood.unit
    vector = np.empty(6)
    vector[LOCATION] = truth.value("midpoint") / unit
    vector[LN_SLOPE] = np.log(truth.value("slope") / unit)
    vector[FLOOR] = truth.value("floor_field") / unit
    vector[LN_SHIFT] = np.log(truth.value("saturation_shift") / unit)
    vector[LN_SCALE] = np.log(truth.value("shift_field_scale") / unit)
    vector[LN_PULSES] = np.log(truth.value("sensitization_pulses"))
    return Point(vector, likelihood.segment_of(vector[FLOOR]), 0.0)


def test_law_is_that_of_the_device(counts, likelihood, truth):
    """Log-odds of every cell equal those of the device model's own functions."""
    expected = [
        (field - truth.value("midpoint") + truth.parameters.shift_after(level, int(n)))
        / truth.value("slope")
        for field, level, n in zip(
            counts.pulse_field,
            counts.accumulating_field,
            counts.accumulated_pulses,
            strict=True,
        )
    ]
    np.testing.assert_allclose(
        likelihood.logit(_point(likelihood, truth)), expected, rtol=1e-9, atol=1e-9
    )


def test_derivatives_are_those_of_differences(likelihood, truth):
    point = _point(likelihood, truth)
    _, jacobian = likelihood._logit(point.vector, point.segment, 0.0)
    for position in range(6):
        step = np.zeros(6)
        step[position] = 1e-6
        above, below = (
            likelihood.logit(point._replace(vector=point.vector + sign * step))
            for sign in (1, -1)
        )
        np.testing.assert_allclose(
            jacobian[:, position], (above - below) / 2e-6, rtol=1e-5, atol=1e-6
        )


def test_deviance_is_continuous_across_a_measured_field(likelihood, truth):
    """At a kink both segments give the same deviance."""
    for segment in range(1, len(likelihood.edges) - 1):
        vector = _point(likelihood, truth).vector
        vector[FLOOR] = likelihood.edges[segment]
        left = likelihood.logit(Point(vector, segment - 1, 0.0))
        right = likelihood.logit(Point(vector, segment, 0.0))
        np.testing.assert_allclose(left, right, atol=1e-12)


def test_best_segment_holds_the_floor(likelihood, truth):
    minima = likelihood.segment_minima()
    best = min(minima, key=lambda point: point.deviance)
    low, high = likelihood.edges[best.segment : best.segment + 2]
    assert low * likelihood.unit < truth.value("floor_field") < high * likelihood.unit


def test_minimum_is_stationary(likelihood):
    best = min(likelihood.segment_minima(), key=lambda point: point.deviance)
    gradient, information = likelihood._derivatives(
        *likelihood._logit(best.vector, best.segment, 0.0)
    )
    newton = gradient @ np.linalg.solve(information, gradient)
    assert abs(newton) < 1e-5


def test_descent_crosses_kinks(likelihood):
    """From the far segment the descent finds the same minimum."""
    best = min(likelihood.segment_minima(), key=lambda point: point.deviance)
    for segment in (best.segment - 1, best.segment + 1):
        start = best.vector.copy()
        start[FLOOR] = np.mean(likelihood.edges[segment : segment + 2])
        found = likelihood.descend(Point(start, segment, 0.0))
        assert found.deviance == pytest.approx(best.deviance, abs=1e-3)
        assert found.segment == best.segment


def test_held_parameters_stay(likelihood, truth):
    start = _point(likelihood, truth)
    held = (LN_SCALE, FLOOR)
    found = likelihood.descend(start, held)
    for position in held:
        assert found.vector[position] == start.vector[position]
    assert found.vector[LOCATION] != start.vector[LOCATION]
