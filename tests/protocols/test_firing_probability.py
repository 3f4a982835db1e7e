"""FiringProbability: steps, counts against the device's law, refused parameters."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from labneuro.devices.hnno import firing_probability
from labneuro.protocols.firing_probability import FiringProbability
from labneuro.protocols.sweeps import FieldSweep

FALSE_ALARM = 1e-6  # of the statistical test, at a fixed seed
SWEEP = FieldSweep(start=0.2e6, stop=0.22e6, points=3)


def test_plan(make_bench):
    """A baseline, then a train a field; extremes by the reset and the last field."""
    bench, _ = make_bench()
    plan = FiringProbability(events=50).plan(bench.config.device)
    assert len(plan.steps) == 10
    assert plan.pulses == 9 * 50
    assert plan.lowest_voltage == pytest.approx(-3.8)
    assert plan.highest_voltage == pytest.approx(4.6)
    assert plan.duration == pytest.approx(
        plan.steps[0].duration + 9 * 50 * (1e-4 + 5e-3 + 1e-4 + 2e-3)
    )


def test_counts_are_the_firings(make_bench, hnno):
    """What is counted is what fired, and follows the sigmoid of the initial state."""
    bench, world = make_bench(seed=3)
    events = 1000
    run = FiringProbability(pulse_fields=SWEEP, events=events).measurement(bench)
    run.prepare()
    blocks = [run.measure(index) for index in range(4)]
    counts = blocks[-1].plots["firing_probability"]
    fired = [sum(bool(event) for event in train) for train in world.trains[1:]]
    assert counts["spikes"].tolist() == fired
    assert counts["trials"].tolist() == [events] * 3
    for field, spikes in zip(SWEEP.values, fired, strict=True):
        expected = firing_probability(field, hnno.midpoint, hnno.slope)
        assert stats.binomtest(spikes, events, expected).pvalue > FALSE_ALARM


def test_plot_grows_with_the_run(make_bench):
    """After each step the plot holds what has been measured, NaN elsewhere."""
    bench, _ = make_bench()
    run = FiringProbability(pulse_fields=SWEEP, events=30).measurement(bench)
    run.prepare()
    assert run.measure(0).plots == {}
    for done in (1, 2, 3):
        signal = run.measure(done).plots["firing_probability"]["signal"]
        assert np.isfinite(signal).tolist() == [index < done for index in range(3)]


def test_rows_fit_the_layout(make_bench):
    """Columns and plot arrays are those that the run file will have."""
    bench, _ = make_bench()
    protocol = FiringProbability(pulse_fields=SWEEP, events=30)
    layout = protocol.layout(bench.config.device)
    run = protocol.measurement(bench)
    run.prepare()
    for index in range(2):
        rows = run.measure(index).rows
        assert set(rows) == {column.name for column in layout.readings}
    assert layout.plot("firing_probability").shape == (3,)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"events": 29}, "greater than or equal to 30"),
        ({"events": 50_001}, "less than or equal to 50000"),
        ({"events": 30.5}, "valid integer"),
        (
            {"pulse_fields": {"start": 2e5, "stop": 1e5, "points": 3}},
            "must be above st",
        ),
        ({"pulse_field": 1}, "Extra inputs are not permitted"),
    ],
)
def test_refuses_parameters(parameters, told):
    """Fewer than the paper's 30 events are no measurement."""
    with pytest.raises(ValidationError, match=told):
        FiringProbability.model_validate(parameters)
