"""A bench without VISA: fake instruments around a real device model."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from labneuro.bench import load_bench, load_card
from labneuro.devices.hnno import UNITS, HnnoDevice, HnnoParameters
from labneuro.instruments.connection import ConnectedBench
from labneuro.instruments.roles import (
    CurrentReadings,
    PulseGenerator,
    SourceMeter,
    Waveform,
)
from labneuro.protocols import runner

OVERHEAD = 0.2e-3  # what the fake source meter needs beside waits and integration


class FakeDriver:
    """A driver that has nothing but an error queue."""

    def __init__(self):
        self.errors: list[str] = []


class World:
    """The device, the log of what was done to it, and when it fired."""

    def __init__(self, config, parameters, seed):
        self.config = config
        self.device = HnnoDevice(parameters, seed)
        self.length = parameters.channel_length
        self.waveform = Waveform(())
        self.log: list[tuple[str, object]] = []
        self.firings: list[tuple[int, float]] = []
        self.trains: list[list[bool]] = []
        self.fail_at: str | None = None
        self.outputs = {"pulse_generator": False, "source_meter": False}
        self.reading = lambda current: current
        self.in_compliance = False

    def act(self, what, detail=None):
        """Note an action; fail where the test wants it."""
        self.log.append((what, detail))
        count = sum(name == what for name, _ in self.log)
        if self.fail_at == f"{what} {count}":
            raise self.fault

    fault: BaseException = RuntimeError("the test's own fault")

    def done(self, what):
        """Return the details of every such action."""
        return [detail for name, detail in self.log if name == what]

    def live(self, voltage, duration):
        """Let the device live; True if it fired."""
        field = np.array([voltage / self.length])
        return bool(self.device.population.advance(field, duration)[0])

    def play(self, steps):
        """Play the waveform against (start, level) steps of the other electrode.

        The last step's level is its end. Returns whether the device fired.
        """
        edges, time = [], 0.0
        for level, duration in self.waveform.segments:
            edges.append((time, level))
            time += duration
        edges.append((time, 0.0))
        end = steps[-1][0]
        moments = sorted({t for t, _ in edges + steps if t < end} | {end})
        fired = []
        for start, stop in pairwise(moments):
            top = [level for t, level in edges if t <= start][-1]
            bottom = [level for t, level in steps if t <= start][-1]
            if self.live(top - bottom, stop - start):
                fired.append(stop)
        return fired


class FakePulseGenerator(PulseGenerator):
    """Keeps the waveform for the source meter's triggers."""

    def __init__(self, world):
        self.world = world

    def load(self, waveform):
        """Keep a waveform; the limits hold here, too."""
        for level in waveform.levels:
            self.world.config.safe_limits.check("voltage", level, "afg")
        assert all(duration > 0 for _, duration in waveform.segments)
        self.world.act("load", waveform)
        self.world.waveform = waveform

    def output_on(self):
        """Switch the output on."""
        assert self.world.waveform.segments, "nothing is loaded"
        self.world.act("output on", "pulse_generator")
        self.world.outputs["pulse_generator"] = True

    def fire(self):
        """Play the waveform now."""
        assert self.world.outputs["pulse_generator"], "the output is off"
        self.world.act("fire", self.world.waveform)

    def make_safe(self):
        """Switch the output off."""
        self.world.outputs["pulse_generator"] = False
        self.world.act("make safe", "pulse_generator")


class FakeSourceMeter(SourceMeter):
    """Triggers, reads the device's resistance, lets the device live."""

    def __init__(self, world):
        self.world = world
        self.aperture = None

    def configure(self, *, compliance_current, current_range, power_line_cycles):
        """Keep the integration time."""
        self.world.config.safe_limits.check("current", compliance_current, "smu")
        self.world.act("configure", (compliance_current, current_range))
        self.aperture = power_line_cycles / 50.0

    def output_on(self):
        """Switch the output on."""
        assert self.aperture is not None, "not configured"
        self.world.act("output on", "source_meter")
        self.world.outputs["source_meter"] = True

    def sweep(self, voltages, settling):
        """Read the current at each level."""
        self.world.act("sweep", (tuple(voltages), settling))
        currents = []
        for voltage in voltages:
            self.world.live(-voltage, settling + self.aperture)
            currents.append(voltage / self.world.device.resistance)
        time = np.arange(len(voltages)) * (settling + self.aperture)
        return self._readings(voltages, currents, time)

    def triggered_reads(self, reads):
        """Play the loaded waveform once a trigger; read after each."""
        world = self.world
        assert all(world.outputs.values()), "an output is off"
        world.act("reads", reads)
        busy = reads.read_delay + reads.settling + self.aperture
        end = max(reads.period, busy + OVERHEAD)
        currents, train = [], []
        for _ in range(reads.count):
            fired = world.play(
                [(0.0, 0.0), (reads.read_delay, reads.read_voltage), (busy, 0.0)]
            )
            currents.append(reads.read_voltage / world.device.resistance)
            waveform, world.waveform = world.waveform, self._rest_of(busy)
            fired += [busy + t for t in world.play([(0.0, 0.0), (end - busy, 0.0)])]
            world.waveform = waveform
            train.append(fired)
        world.trains.append(train)
        voltages = np.full(reads.count, reads.read_voltage)
        return self._readings(voltages, currents, np.arange(reads.count) * end)

    def _rest_of(self, since):
        """Return what the waveform still has to play."""
        rest, time = [], 0.0
        for level, duration in self.world.waveform.segments:
            left = min(duration, time + duration - since)
            if left > 1e-15:
                rest.append((level, left))
            time += duration
        return Waveform(tuple(rest))

    def _readings(self, voltages, currents, time):
        current = self.world.reading(np.array(currents, dtype=np.float64))
        return CurrentReadings(
            np.asarray(voltages), current, time, in_compliance=self.world.in_compliance
        )

    def make_safe(self):
        """Switch the output off."""
        self.world.outputs["source_meter"] = False
        self.world.act("make safe", "source_meter")


@pytest.fixture(scope="session")
def hnno():
    """Return the shipped card's mean device."""
    return HnnoParameters(**load_card("hnno").values(UNITS, "hnno"))


@pytest.fixture
def make_bench(hnno):
    """Return a function that makes a connected bench and the world behind it."""

    def make(seed=0, name="hnno-sim", **changes):
        config = load_bench(name)
        world = World(config, replace(hnno, **changes), seed)
        bench = ConnectedBench(config, config.safe_limits)
        for instrument in config.instruments:
            bench.identities[instrument] = f"FAKE,{instrument}"
            bench.drivers[instrument] = FakeDriver()  # type: ignore[assignment]
        bench.roles["pulse_generator"] = FakePulseGenerator(world)
        bench.roles["source_meter"] = FakeSourceMeter(world)
        return bench, world

    return make


@pytest.fixture
def connected(make_bench, monkeypatch):
    """Let the runner connect to a fake bench; return the bench and its world."""
    bench, world = make_bench()

    @contextmanager
    def connect(config, seed=None):
        world.act("connect", seed)
        try:
            yield bench
        finally:
            bench.make_safe()

    monkeypatch.setattr(runner, "connect", connect)
    return bench, world
