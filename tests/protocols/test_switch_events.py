"""Events of a threshold switch: what a capture says, and a run over VISA."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.bench import load_bench
from labneuro.instruments.connection import connect
from labneuro.instruments.roles import Capture
from labneuro.protocols.firing_pulse import FiringPulse
from labneuro.protocols.pulse_train_firing import PulseTrainFiring
from labneuro.protocols.switch_captures import falls_below, first_above

TIME = np.arange(6.0)


def capture(protocol, on):
    """Return a capture in which the device is on within some spans of time."""
    time = np.linspace(-50e-6, protocol.watched, 20_001)
    volts = np.zeros(len(time))
    for begin, end, level in on:
        volts[(time >= begin) & (time < end)] = level
    seen = {
        protocol.readout.pulse: volts,
        protocol.readout.monitor: volts.clip(0, 0.14),
    }
    return Capture(time, seen, dict.fromkeys(seen, False))


@pytest.mark.parametrize("kind", [FiringPulse, PulseTrainFiring])
def test_the_circuit_is_that_of_the_shipped_bench(kind):
    """Generator and resistor before the device, with one scope input beside them."""
    scope, before, after = 1e6, 50.0 + 1e3, 20e3
    protocol = kind()
    left = 1.0 / (1.0 / before + 1.0 / scope)
    right = 1.0 / (1.0 / after + 2.0 / scope)
    assert protocol.series_resistance == pytest.approx(left + right, rel=1e-4)
    assert protocol.source_share == pytest.approx(left / before, abs=1e-5)
    assert protocol.readout.resistance == pytest.approx(right, rel=1e-4)


@pytest.mark.parametrize(
    ("volts", "crossing"),
    [
        ([0, 0, 2, 2, 0, 2], (1, 2)),
        ([2, 0, 0, 0, 0, 0], (0, 0)),
        ([0, 0, 0, 0, 0, 0], (math.nan, math.nan)),
    ],
)
def test_the_first_rise_lies_between_two_samples(volts, crossing):
    found = first_above(TIME, np.array(volts, dtype=float), 1.0)
    np.testing.assert_array_equal(found, crossing)


@pytest.mark.parametrize(
    ("volts", "crossing"),
    [
        ([2, 2, 2, 0, 0, 0], (2, 3)),
        ([2, 2, 0, 2, 0, 0], (1, 4)),  # noise: all crossings are enclosed
        ([2, 2, 2, 2, 2, 2], (5, math.inf)),
        ([0, 0, 0, 0, 0, 0], (0, 0)),
    ],
)
def test_the_fall_for_good_encloses_every_crossing(volts, crossing):
    found = falls_below(TIME, np.array(volts, dtype=float), 1.0)
    assert tuple(found) == crossing


def test_a_pulse_that_fires_and_relaxes():
    protocol = FiringPulse()
    found = protocol.judge(
        capture(protocol, [(0.6e-3, 1e-3, 1.0), (1e-3, 1.45e-3, 0.045)])
    )
    assert found["fired"] == 1
    assert found["integration_low"] < 0.6e-3 <= found["integration_high"]
    assert found["relaxation_low"] < 0.45e-3 <= found["relaxation_high"] + 1e-9
    assert found["current"] == pytest.approx(1.0 / 19.23e3)


@pytest.mark.parametrize(
    ("on", "low", "high"),
    [([], 1e-3, math.inf), ([(0.5e-3, 5e-3, 1.0)], 0.5e-3, 0.5e-3)],
)
def test_what_outlasts_the_measurement_is_censored(on, low, high):
    protocol = FiringPulse()
    found = protocol.judge(capture(protocol, on))
    assert found["integration_low"] == pytest.approx(low, abs=1e-6)
    assert found["integration_high"] == pytest.approx(high, abs=1e-6)
    if on:
        assert found["relaxation_high"] == math.inf
    else:
        assert math.isnan(found["relaxation_high"])


def test_a_train_counts_its_pulses():
    """Fires late in the third pulse, is on in the gap, fires at once in the fourth."""
    protocol = PulseTrainFiring()
    on = [(1.1e-3, 1.25e-3, 1.0), (1.25e-3, 1.5e-3, 0.04), (1.502e-3, 1.75e-3, 1.0)]
    found = protocol.judge(capture(protocol, on))
    assert (found["first_fire"], found["refire"]) == (3, 4)
    assert found["firing_time"] == pytest.approx(1.1e-3, abs=1e-6)
    assert found["refire_delay"] == pytest.approx(2e-6, abs=1e-6)
    assert found["current"] == pytest.approx(0.04 / 19.23e3)


def test_a_train_without_a_firing_says_none():
    protocol = PulseTrainFiring()
    found = protocol.judge(capture(protocol, []))
    assert (found["first_fire"], found["refire"]) == (0, 0)
    assert math.isnan(found["firing_time"])


def test_the_plan_holds_conditioning_and_pulses():
    protocol = PulseTrainFiring(amplitudes=(1.1, 1.4), events=3, pulses_each=2)
    plan = protocol.plan(load_bench("ts-scope-sim").device)
    assert [step.pulses for step in plan.steps] == [9, 9]
    assert plan.highest_voltage == 1.4
    assert plan.steps[0].duration == pytest.approx(3 * (15e-3 + 1e-3 + 3e-3 + 1e-3))


@pytest.mark.parametrize(
    "protocol",
    [
        FiringPulse(amplitudes=(1.2,), events=3, segments=2, points=50),
        PulseTrainFiring(amplitudes=(1.4,), events=1, points=50, pulses_each=4),
    ],
    ids=["single", "train"],
)
def test_events_over_visa(protocol):
    """Every event fires; the plots are what the readings alone make again."""
    with connect(load_bench("ts-scope-sim"), seed=2) as bench:
        run = protocol.measurement(bench)
        run.prepare()
        block = run.measure(0)
        assert bench.errors() == {"generator": [], "scope": []}
    assert len(block.rows["step"]) == protocol.events + protocol.points
    events = np.isnan(np.asarray(block.rows["time"], dtype=float))
    again = protocol.drawing().add(0, block.rows)
    for name, arrays in again.items():
        for key, values in arrays.items():
            np.testing.assert_array_equal(values, block.plots[name][key])
    if isinstance(protocol, FiringPulse):
        low = block.rows["integration_low"][events]
        high = block.rows["integration_high"][events]
        assert ((low > 0.4e-3) & (high < 1e-3) & (high - low < 1e-6)).all()
        assert (np.abs(block.rows["relaxation_low"][events] - 0.47e-3) < 0.1e-3).all()
    else:
        assert 1 <= block.rows["first_fire"][events][0] <= 3


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"amplitudes": [0.8]}, "at least 10 % below"),
        ({"events": 1, "waveforms": 2}, "not be more than events"),
        ({"monitor_voltage": 0.01}, "below the current of a device that is on"),
        ({"readout": {"monitor": "ch3"}}, "another channel than pulse"),
        ({"readout": {"firing_current": 1e-5}}, "off the screen"),
    ],
)
def test_refuses_parameters(parameters, told):
    with pytest.raises(ValidationError, match=told):
        FiringPulse.model_validate(parameters)
