"""SensitizationTrain: trains without reset, counts by pulse number."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from labneuro.devices.hnno import firing_probability
from labneuro.protocols.sensitization_train import SensitizationTrain

FALSE_ALARM = 1e-6  # of each statistical test, at a fixed seed


def measure(protocol, bench):
    """Measure every step; return the blocks."""
    run = protocol.measurement(bench)
    run.prepare()
    plan = protocol.plan(bench.config.device)
    return [run.measure(index) for index in range(len(plan.steps))]


def test_plan(make_bench):
    """A baseline, then every train; pulses and time add up."""
    bench, _ = make_bench()
    protocol = SensitizationTrain(fields=(0.15e6, 0.19e6), pulses=40, trains=30)
    plan = protocol.plan(bench.config.device)
    assert len(plan.steps) == 61
    assert plan.pulses == 60 * 40
    assert (plan.lowest_voltage, plan.highest_voltage) == pytest.approx((-3.8, 3.8))
    first = plan.steps[1]
    assert first.label == "train of 40 at 0.15 V/um"
    reset = 1e-4 + 2e-3 + 1.2e-3 + 1e-3
    assert first.duration == pytest.approx(40 * 0.2 + reset)


def test_counts_are_the_firings_by_pulse(make_bench):
    """Row by field, column by pulse number, over all trains."""
    bench, world = make_bench(seed=4)
    protocol = SensitizationTrain(fields=(0.17e6, 0.19e6), pulses=30, trains=5)
    counts = measure(protocol, bench)[-1].plots["sensitization"]
    trains = [train for train in world.trains if len(train) == 30]
    fired = np.array([[bool(event) for event in train] for train in trains])
    assert counts["trials"].tolist() == [[5.0] * 30] * 2
    assert counts["spikes"][0].tolist() == fired[:5].sum(axis=0).tolist()
    assert counts["spikes"][1].tolist() == fired[5:].sum(axis=0).tolist()


def test_probability_follows_the_sensitization(make_bench, hnno):
    """First and last pulse of 300 trains fire with initial and saturated sigmoid."""
    bench, _ = make_bench(seed=5, sensitization_noise=0.0)
    protocol = SensitizationTrain(fields=(0.19e6,), pulses=30, trains=300)
    spikes = measure(protocol, bench)[-1].plots["sensitization"]["spikes"][0]
    for number, before in ((0, 0), (29, 29)):
        midpoint = hnno.midpoint - hnno.shift_after(0.19e6, before)
        expected = firing_probability(0.19e6, midpoint, hnno.slope)
        assert stats.binomtest(int(spikes[number]), 300, expected).pvalue > FALSE_ALARM
    assert spikes[29] > 3 * spikes[0] + 30


def test_noise_filter_field_does_nothing(make_bench):
    """Below the floor field 100 pulses leave the device as it was."""
    bench, world = make_bench()
    protocol = SensitizationTrain(fields=(0.15e6,), pulses=100, trains=2)
    measure(protocol, bench)
    assert world.device.population.shift[0] == 0.0


def test_each_train_starts_restored(make_bench):
    """The reset before a train takes the last one's sensitization away."""
    bench, world = make_bench()
    protocol = SensitizationTrain(fields=(0.19e6, 0.15e6), pulses=30, trains=1)
    run = protocol.measurement(bench)
    run.prepare()
    run.measure(0)
    run.measure(1)
    before = world.device.population.shift[0]
    assert before > 0.02e6
    run.measure(2)
    after = world.device.population.shift[0]
    assert 0 < after <= before * np.exp(-10) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"fields": []}, "at least 1 item"),
        ({"fields": [0.0]}, "greater than 0"),
        ({"fields": ["0.19 V"]}, "is not a quantity in V/m"),
        ({"pulses": 29}, "greater than or equal to 30"),
        ({"trains": 0}, "greater than or equal to 1"),
        ({"interval": 2e-3}, "interval: a pulse and its reading take 0.0023 s"),
        ({"interval": 1e9}, "less than or equal to 3600"),
        ({"interval": "1 V"}, "is not a quantity in s"),
    ],
)
def test_refuses_parameters(parameters, told):
    """A reading must fit between two pulses."""
    with pytest.raises(ValidationError, match=told):
        SensitizationTrain.model_validate(parameters)
