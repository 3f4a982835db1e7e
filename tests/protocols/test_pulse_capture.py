"""PulseCapture: trains that an oscilloscope captures."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.errors import InstrumentError
from labneuro.instruments.roles import Capture, Oscilloscope
from labneuro.protocols.pulse_capture import PulseCapture, ScopeChannel

CHANNELS = {"ch1": ScopeChannel(range=4.0), "ch2": ScopeChannel(range=1.0, offset=0.5)}


class FakeOscilloscope(Oscilloscope):
    """Sees the generator's waveform on its first channel, half of it on the second."""

    def __init__(self, world):
        self.world = world
        self.settings = {}
        self.names: tuple[str, ...] = ()

    def configure(self, channels, **settings):
        self.names = tuple(channels)
        self.settings = {"channels": channels, **settings}

    def arm(self):
        self.world.act("arm")

    def captured(self):
        return len(self.world.done("fire")) == len(self.world.done("arm"))

    def fetch(self):
        if len(self.world.done("fire")) != len(self.world.done("arm")):
            raise InstrumentError("no trigger came")
        before, duration = self.settings["before_trigger"], self.settings["duration"]
        time = np.linspace(-before, duration - before, 501)
        volts = np.zeros(len(time))
        start = 0.0
        for level, length in self.world.waveform.segments:
            volts[(time >= start) & (time < start + length)] = level
            start += length
        seen = {name: volts / (number + 1) for number, name in enumerate(self.names)}
        return Capture(time, seen, dict.fromkeys(self.names, False))

    def make_safe(self):
        self.world.act("make safe", "oscilloscope")


@pytest.fixture
def bench(make_bench):
    """Return a fake bench."""
    return make_bench()[0]


@pytest.fixture
def execution(make_bench):
    """Return a function that starts a protocol on a fake bench."""
    bench, world = make_bench()
    scope = FakeOscilloscope(world)
    bench.roles["oscilloscope"] = scope

    def start(**parameters):
        protocol = PulseCapture(channels=CHANNELS, **parameters)
        measurement = protocol.measurement(bench)
        measurement.prepare()
        return protocol, measurement, scope

    return start


def test_plan_holds_every_level(bench):
    protocol = PulseCapture(amplitude=-1.5, pulses=3, captures=4)
    plan = protocol.plan(bench.config.device)
    assert len(plan.steps) == 4
    assert plan.pulses == 12
    assert plan.lowest_voltage == -1.5
    assert plan.highest_voltage == 0.0


def test_duration_covers_the_train():
    protocol = PulseCapture(width=2e-3, gap=1e-3, pulses=2, before=1e-4, after=5e-3)
    assert protocol.duration == pytest.approx(1e-4 + 6e-3 + 5e-3)
    assert protocol.grid[0] == pytest.approx(-1e-4)
    assert protocol.grid[-1] == pytest.approx(11e-3)


@pytest.mark.parametrize(("amplitude", "rising"), [(1.2, True), (-0.8, False)])
def test_trigger_is_the_edge_at_half_the_amplitude(execution, amplitude, rising):
    _, _, scope = execution(amplitude=amplitude)
    trigger = scope.settings["trigger"]
    assert trigger.source == "ch1"
    assert trigger.level == pytest.approx(amplitude / 2)
    assert trigger.rising is rising
    assert scope.settings["channels"]["ch2"].offset == 0.5


def test_readings_are_the_instruments_points(execution):
    _, measurement, _ = execution(captures=2)
    for index in range(2):
        block = measurement.measure(index)
        assert set(block.rows["step"]) == {index}
        assert len(block.rows["time"]) == 501
        np.testing.assert_array_equal(
            block.rows["voltage_ch2"], block.rows["voltage_ch1"] / 2
        )


def test_plot_is_on_the_common_axis(execution, bench):
    protocol, measurement, _ = execution(captures=2, points=100, amplitude=1.2)
    plots = measurement.measure(0).plots["captures"]
    assert plots["signal"].shape == (2, 100)
    assert np.isnan(plots["signal"][1]).all()
    inside = (protocol.grid > 0.1e-3) & (protocol.grid < 0.9e-3)
    np.testing.assert_allclose(plots["signal"][0, inside], 1.2)
    np.testing.assert_allclose(plots["voltage_ch2"][0, inside], 0.6)
    layout = protocol.layout(bench.config.device)
    assert layout.plot("captures").shape == (2, 100)


def test_zero_amplitude_is_refused():
    with pytest.raises(ValidationError, match="nothing would trigger"):
        PulseCapture(amplitude=0.0)
