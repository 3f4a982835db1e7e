"""A bench of fakes for protocols with current pulses, and how they run on it."""

from __future__ import annotations

import math

import numpy as np

from labneuro.bench import load_bench
from labneuro.instruments.connection import ConnectedBench
from labneuro.instruments.roles import (
    CurrentPulser,
    PulseVoltages,
    SwitchMatrix,
    VoltageReadings,
)

RESISTORS = {"500 ohm": "1101", "8 kohm": "1106", "open": ""}


class FakePulser(CurrentPulser):
    """Counts pulses: the n-th peak is n tenths of a volt, times the last sign."""

    def __init__(self, log):
        self.log = log
        self.clock, self.sent = 0.0, 0
        self.in_compliance, self.overflow = False, False

    def configure(self, **settings):
        self.log.append(("configure", settings))

    def output_on(self):
        self.log.append(("output on", None))

    def pulses(self, pulses):
        self.log.append(("pulses", pulses))
        signs = np.concatenate(
            [
                np.full(count, math.copysign(1.0, level))
                for level, count in pulses.trains
            ]
        )
        numbers = self.sent + np.arange(1, pulses.count + 1)
        self.sent += pulses.count
        peak = 0.1 * numbers * signs
        if self.overflow:
            peak[-1] = math.nan
        time = pulses.period * np.arange(pulses.count)
        start, self.clock = self.clock, self.clock + pulses.duration
        rest = 0.01 * numbers
        return PulseVoltages(peak, rest, time, time + 1e-3, self.in_compliance, start)

    def watch(self, count, interval):
        self.log.append(("watch", (count, interval)))
        self.sent = 0
        self.clock += count * interval
        time = interval * np.arange(count)
        return VoltageReadings(1e-3 / (1 + time), time, self.clock)

    def make_safe(self):
        self.log.append(("make safe", None))


class FakeMatrix(SwitchMatrix):
    """Notes what is closed."""

    def __init__(self, log):
        self.log = log

    def connect(self, channels):
        self.log.append(("connect", tuple(channels)))

    def closed(self):
        return ()

    def make_safe(self):
        """Nothing is closed."""


def fake_bench():
    """Return a bench of fakes, its log and its pulser."""
    config = load_bench("fmes-sim")
    log: list[tuple[str, object]] = []
    bench = ConnectedBench(config, config.safe_limits)
    pulser = FakePulser(log)
    bench.roles["current_pulser"] = pulser
    bench.roles["switch_matrix"] = FakeMatrix(log)
    return bench, log, pulser


def execute(protocol, bench):
    """Measure every step of a protocol."""
    run = protocol.measurement(bench)
    run.prepare()
    steps = protocol.plan(bench.config.device).steps
    return [run.measure(index) for index in range(len(steps))]
