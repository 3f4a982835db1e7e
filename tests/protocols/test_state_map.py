"""StateMap: the order of states, their sigmoids, and the initial one again."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from labneuro.devices.hnno import firing_probability
from labneuro.protocols.pulse_events import INITIAL
from labneuro.protocols.state_map import Kinetics, StateMap
from labneuro.protocols.sweeps import FieldSweep

FALSE_ALARM = 1e-6  # of each statistical test, at a fixed seed
SMALL = StateMap(
    pulse_fields=FieldSweep(start=0.185e6, stop=0.21e6, points=2),
    events=200,
    accumulating_fields=(0.15e6, 0.19e6),
    kinetics=Kinetics(field=0.19e6, pulses=(2,)),
)


def test_states_in_order():
    """Initial, each accumulating field, the kinetics, and the initial one again."""
    states = StateMap().states
    assert states[0] == states[-1] == INITIAL
    full, part = states[1:7], states[7:-1]
    assert [one.field for one in full] == [
        0.15e6,
        0.165e6,
        0.17e6,
        0.18e6,
        0.19e6,
        0.22e6,
    ]
    assert {one.pulses for one in full} == {30}
    assert [(one.field, one.pulses) for one in part] == [
        (0.19e6, count) for count in (1, 2, 4, 8)
    ]
    assert {(one.interval, one.rest) for one in states[1:-1]} == {(1e-3, 0.2)}


def test_no_kinetics_is_allowed():
    """A map may go without the states on the way."""
    states = StateMap(kinetics=Kinetics(pulses=())).states
    assert len(states) == 8


def test_plan_goes_state_by_state(make_bench):
    """Every field of a state before the next state; levels and pulses add up."""
    bench, _ = make_bench()
    plan = SMALL.plan(bench.config.device)
    assert [step.label for step in plan.steps[1:]] == [
        f"200 events at {field} V/um{state}"
        for state in (
            "",
            " after 30 at 0.15 V/um",
            " after 30 at 0.19 V/um",
            " after 2 at 0.19 V/um",
            "",
        )
        for field in (0.185, 0.21)
    ]
    assert plan.pulses == 2 * 200 * (1 + 31 + 31 + 3 + 1)
    assert (plan.lowest_voltage, plan.highest_voltage) == pytest.approx((-3.8, 4.2))
    full = plan.steps[5]
    assert full.duration == pytest.approx(
        200 * (29e-3 + 1e-4 + 0.2 + 1e-4 + 5e-3 + 1e-4 + 2e-3)
    )


def test_sigmoids_are_those_of_the_states(make_bench, hnno):
    """Each state fires with its own midpoint; the noise-filter state with none."""
    bench, _ = make_bench(seed=6, sensitization_noise=0.0)
    run = SMALL.measurement(bench)
    run.prepare()
    for index in range(11):
        block = run.measure(index)
    counts = block.plots["state_map"]
    assert counts["trials"].tolist() == [[200.0] * 2] * 5
    for row, state in enumerate(SMALL.states):
        shift = hnno.shift_after(state.field, state.pulses) if state.pulses else 0.0
        for column, field in enumerate(SMALL.pulse_fields.values):
            expected = firing_probability(field, hnno.midpoint - shift, hnno.slope)
            spikes = int(counts["spikes"][row, column])
            assert stats.binomtest(spikes, 200, expected).pvalue > FALSE_ALARM
    assert counts["spikes"][2, 0] > counts["spikes"][3, 0] > counts["spikes"][0, 0]


def test_spikes_are_the_firings_of_the_probing_pulse(make_bench):
    """No spike of the accumulation is counted, none of the probing pulse is lost."""
    bench, world = make_bench(seed=7)
    run = SMALL.measurement(bench)
    run.prepare()
    for index, event in enumerate((None, *SMALL.events_in_order)):
        rows = run.measure(index).rows
        if event is None:
            continue
        before = (
            event.state.pulses * 1e-3 + event.state.rest if event.state.pulses else 0
        )
        fired = [
            any(time > before - 1e-3 for time in times) for times in world.trains[-1]
        ]
        assert rows["spike"].tolist() == fired
        assert (rows["pulse_field"] == event.pulse_field).all()
        assert (rows["accumulating_field"] == event.state.field).all()


def test_plot_is_filled_state_by_state(make_bench):
    """What has not been measured yet is NaN."""
    bench, _ = make_bench()
    small = SMALL.model_copy(update={"events": 30})
    run = small.measurement(bench)
    run.prepare()
    for done in range(4):
        plots = run.measure(done).plots
    signal = plots["state_map"]["signal"]
    assert np.isfinite(signal).ravel().tolist() == [True] * 3 + [False] * 7


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"accumulating_fields": []}, "at least 1 item"),
        ({"accumulating_fields": [-1.0]}, "greater than 0"),
        ({"accumulating_pulses": 29}, "greater than or equal to 30"),
        ({"kinetics": {"pulses": [0]}}, "greater than or equal to 1"),
        ({"kinetics": {"field": 0.0}}, "greater than 0"),
        ({"events": 10}, "greater than or equal to 30"),
        ({"interval": 1e-4}, "interval: must be above the pulse width of 100 us"),
        ({"interval": 50e-6}, "interval: must be above the pulse width of 100 us"),
        ({"interval": 0.0}, "greater than 0"),
        ({"rest": 0.0}, "greater than 0"),
        ({"rest": 1e6}, "less than or equal to 3600"),
    ],
)
def test_refuses_parameters(parameters, told):
    """A pulse must end before the next one begins."""
    with pytest.raises(ValidationError, match=told):
        StateMap.model_validate(parameters)
