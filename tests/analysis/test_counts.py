import numpy as np
import pytest

from labneuro.analysis.counts import PulseRows, StateCounts
from labneuro.errors import FitError


def _readings(**changes):
    return {
        "accumulating_field": np.array([0.0, 0.0, 1.9e5, 1.9e5, 1.9e5, 0.0]),
        "accumulated_pulses": np.array([0, 0, 0, 1, 1, 0], dtype="i4"),
        "pulse_field": np.array([0.0, 2.1e5, 1.9e5, 1.9e5, 2.0e5, 2.1e5]),
        "spike": np.array([-1, 1, 0, 1, 1, 0], dtype="i1"),
    } | changes


def test_baseline_reads_are_left_out():
    rows = PulseRows.from_readings(_readings(), "run.h5")
    assert rows.spike.tolist() == [1, 0, 1, 1, 0]
    assert rows.sensitized.tolist() == [False, False, True, True, False]
    assert rows.in_train.tolist() == [False, True, True, False, False]


def test_first_pulse_of_a_train_meets_the_initial_state():
    """Field without pulses is no state: its counts join the initial one's."""
    counts = StateCounts.gather([PulseRows.from_readings(_readings(), "run.h5")])
    cells = list(
        zip(
            counts.accumulating_field.tolist(),
            counts.accumulated_pulses.tolist(),
            counts.pulse_field.tolist(),
            counts.spikes.tolist(),
            counts.trials.tolist(),
            strict=True,
        )
    )
    assert cells == [
        (0.0, 0.0, 1.9e5, 0.0, 1.0),
        (0.0, 0.0, 2.1e5, 1.0, 2.0),
        (1.9e5, 1.0, 1.9e5, 1.0, 1.0),
        (1.9e5, 1.0, 2.0e5, 1.0, 1.0),
    ]


def test_counts_of_runs_add_up():
    rows = PulseRows.from_readings(_readings(), "run.h5")
    once, twice = StateCounts.gather([rows]), StateCounts.gather([rows, rows])
    np.testing.assert_array_equal(twice.trials, 2 * once.trials)
    np.testing.assert_array_equal(twice.spikes, 2 * once.spikes)


def test_states_partition_the_cells():
    counts = StateCounts.gather([PulseRows.from_readings(_readings(), "run.h5")])
    states = dict(counts.states())
    assert list(states) == [(0.0, 0), (1.9e5, 1)]
    assert np.sum(list(states.values()), axis=0).tolist() == [1, 1, 1, 1]
    assert counts.firing_counts(states[1.9e5, 1]).fields.tolist() == [1.9e5, 2.0e5]
    assert counts.firing_counts().trials.tolist() == [2.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spike": np.full(6, -1)}, "run.h5: no counted pulse"),
        ({"pulse_field": np.full(6, np.nan)}, "run.h5: pulse_field: not every"),
        ({"accumulating_field": np.full(6, np.inf)}, "run.h5: accumulating_field"),
    ],
)
def test_useless_readings_are_refused(changes, message):
    with pytest.raises(FitError, match=message):
        PulseRows.from_readings(_readings(**changes), "run.h5")


def test_missing_column_is_named():
    readings = _readings()
    del readings["spike"]
    with pytest.raises(FitError, match=r"run.h5: readings have no column 'spike'"):
        PulseRows.from_readings(readings, "run.h5")
