import numpy as np
import pytest
from scipy import stats

from labneuro.analysis.counts import PulseRows, StateCounts
from labneuro.analysis.states import fit_states, initial_state_return, threshold_shift
from labneuro.calibration import FittedParameter


def _threshold(value, low, high):
    return FittedParameter(
        name="threshold",
        unit="V/m",
        value=value,
        standard_error=1.0,
        interval=(low, high),
    )


def test_each_state_has_its_own_threshold(truth):
    """Within 3.5 standard errors of the card's law, in all eleven states."""
    states = fit_states(StateCounts.gather([truth.rows(events=400, seed=1)]))
    assert len(states) == 11
    assert states[0].is_initial
    for state in states:
        assert state.sigmoid is not None
        threshold = state.sigmoid.threshold
        expected = truth.value("threshold") - truth.parameters.shift_after(
            state.accumulating_field, state.accumulated_pulses
        )
        assert threshold.standard_error is not None
        assert abs(threshold.value - expected) < 3.5 * threshold.standard_error


def test_state_without_sigmoid_is_kept_with_its_reason(truth):
    low = (0.15e6, 0.155e6, 0.16e6)
    states = fit_states(StateCounts.gather([truth.rows(probes=low, events=30, seed=0)]))
    assert states[0].sigmoid is None
    assert "no spike" in states[0].note
    assert (states[0].spikes, states[0].trials) == (0, 180)


def test_trains_make_no_states(truth):
    """A state probed at one field only has no sigmoid to fit."""
    readings = truth.train_readings(fields=(0.19e6,), trains=2, seed=0)
    rows = PulseRows.from_readings(readings, "trains")
    assert fit_states(StateCounts.gather([rows])) == ()


def test_threshold_shift_of_symmetric_intervals_adds_in_quadrature():
    shift, (low, high) = threshold_shift(
        _threshold(100.0, 97.0, 103.0), _threshold(80.0, 76.0, 84.0)
    )
    assert (shift, low, high) == (20.0, 15.0, 25.0)


def test_threshold_shift_keeps_skewness_and_openness():
    shift, (low, high) = threshold_shift(
        _threshold(100.0, 97.0, 112.0), _threshold(80.0, None, 84.0)
    )
    assert shift == 20.0
    assert low == pytest.approx(20.0 - 5.0)
    assert high is None


def test_restored_state_passes_with_uniform_p(truth):
    """Kolmogorov-Smirnov over 80 runs, false alarm 0.1 %; intervals cover 0.

    Fewer than 69 of 80 covering intervals have probability 0.2 %.
    """
    states = ((0.0, 0), (0.19e6, 30), (0.0, 0))
    values, covered = [], 0
    for seed in range(80):
        test = initial_state_return(truth.rows(states=states, seed=seed))
        assert test is not None
        values.append(test.p_value)
        low, high = test.interval
        assert low is not None
        assert high is not None
        covered += low <= 0.0 <= high
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    assert covered >= 69


def test_a_state_that_is_not_restored_is_caught(truth):
    """The last sweep still shifted by 6 mV/um."""
    first = truth.readings(states=((0.0, 0), (0.19e6, 30)), seed=1)
    moved = truth.changed(midpoint=truth.value("midpoint") - 6e3)
    last = moved.readings(states=((0.0, 0),), seed=2)
    rows = PulseRows.from_readings(
        {name: np.concatenate((first[name], last[name])) for name in first}, "run"
    )
    test = initial_state_return(rows)
    assert test is not None
    assert test.p_value < 1e-4
    low, high = test.interval
    assert low is not None
    assert high is not None
    assert 0.0 < low < 6e3 < high


@pytest.mark.parametrize(
    "states", [((0.0, 0),), ((0.0, 0), (0.19e6, 30)), ((0.19e6, 30), (0.0, 0))]
)
def test_runs_that_do_not_return_are_not_tested(truth, states):
    assert initial_state_return(truth.rows(states=states)) is None
