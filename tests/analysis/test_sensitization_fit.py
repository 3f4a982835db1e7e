import numpy as np
import pytest

from labneuro.analysis.counts import PulseRows, StateCounts
from labneuro.analysis.sensitization_fit import LAW_PARAMETERS, fit_law, search_law
from labneuro.errors import FitError

NAMES = (*LAW_PARAMETERS, "threshold")


def _fit(*runs):
    return fit_law(search_law(StateCounts.gather(runs)))


def _holds(parameter, value):
    low, high = parameter.interval
    return (low is None or low <= value) and (high is None or value <= high)


def test_many_events_recover_the_card(truth):
    """At 5000 events a cell the errors are ten times smaller than usual."""
    fit = _fit(truth.rows(events=5_000, seed=1))
    for name in NAMES:
        parameter = fit.parameters[name]
        assert parameter.standard_error is not None
        error = (parameter.value - truth.value(name)) / parameter.standard_error
        assert abs(error) < 3.5, name
        assert parameter.standard_error < 0.05 * truth.value(name)
    assert fit.p_value > 1e-3
    assert fit.degrees_of_freedom == 11 * 11 - 6


def test_intervals_cover_the_truth(truth):
    """Of 100 devices about 95 intervals of each parameter hold its true value.

    Fewer than 88 of 100 have probability 0.15 % a parameter (binomial, p = 0.95).
    """
    covered = dict.fromkeys(NAMES, 0)
    for seed in range(100):
        fit = _fit(truth.rows(seed=seed))
        for name in NAMES:
            covered[name] += _holds(fit.parameters[name], truth.value(name))
    for name, count in covered.items():
        assert count >= 88, (name, count)


def test_threshold_follows_midpoint_and_slope(truth):
    fit = _fit(truth.rows(seed=2))
    value = {name: fit.parameters[name].value for name in NAMES}
    expected = value["midpoint"] - value["slope"] * np.log(9.0)
    assert value["threshold"] == pytest.approx(expected, rel=1e-9)


def test_errors_scale_with_the_root_of_the_events(truth):
    few, many = (_fit(truth.rows(events=n, seed=4)) for n in (400, 6400))
    ratio = np.sqrt(np.diag(few.covariance) / np.diag(many.covariance))
    np.testing.assert_allclose(ratio, 4.0, rtol=0.2)


def test_noise_filter_alone_bounds_the_floor_from_below(truth):
    """Shifts of one field fix neither floor nor scale nor saturation."""
    rows = truth.rows(states=((0.0, 0), (0.15e6, 30), (0.19e6, 30)), seed=3)
    parameters = _fit(rows).parameters
    assert parameters["midpoint"].standard_error is not None
    assert parameters["shift_field_scale"].interval[1] is None
    assert parameters["shift_field_scale"].standard_error is None
    assert parameters["saturation_shift"].interval[1] is None
    low, high = parameters["floor_field"].interval
    assert low is None or low < 0.16e6
    assert high is None or high <= 0.19e6


def test_one_number_of_pulses_leaves_the_kinetics_open(truth):
    states = [(0.0, 0)] + [(field, 30) for field in (0.15e6, 0.17e6, 0.19e6, 0.22e6)]
    kinetics = _fit(truth.rows(states=states, seed=3)).parameters[
        "sensitization_pulses"
    ]
    assert kinetics.interval == (None, None)
    assert kinetics.standard_error is None


def test_floor_between_levels_is_a_whole_segment(truth):
    """A scale near 0 makes the shift a step: any floor below the step fits as well."""
    step = truth.changed(shift_field_scale=10.0, floor_field=0.166e6)
    floor = _fit(step.rows(seed=6)).parameters["floor_field"]
    low, high = floor.interval
    assert low is not None
    assert high is not None
    assert low == pytest.approx(0.165e6, abs=1e3)
    assert high == pytest.approx(0.170e6, abs=300.0)


def test_trains_alone_do_not_determine_the_sigmoid(truth):
    """One field a train: midpoint and shift cannot be told apart."""
    readings = truth.train_readings(fields=(0.19e6,), seed=1)
    with pytest.raises(FitError, match="FiringProbability or StateMap"):
        _fit(PulseRows.from_readings(readings, "trains"))


def test_trains_sharpen_the_kinetics(truth):
    """A state map and trains of the same device in one likelihood."""
    rows = truth.rows(seed=8)
    trains = PulseRows.from_readings(
        truth.train_readings(fields=(0.15e6, 0.17e6, 0.18e6, 0.19e6), seed=9), "trains"
    )
    alone = _fit(rows).parameters["sensitization_pulses"]
    joint = _fit(rows, trains).parameters["sensitization_pulses"]
    assert joint.standard_error is not None
    assert alone.standard_error is not None
    assert joint.standard_error < 0.9 * alone.standard_error
    assert _holds(joint, truth.value("sensitization_pulses"))
