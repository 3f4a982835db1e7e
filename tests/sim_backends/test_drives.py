"""Probes and relay contacts on the circuit."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest

from labneuro.devices.base import TwoTerminalDevice
from labneuro.sim_backends import drives
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.network import LEAK
from labneuro.sim_backends.wiring import Circuit


class Capacitor(TwoTerminalDevice):
    """A capacitor, exact behind a constant source."""

    terminals: ClassVar[tuple[str, str]] = ("high", "low")
    evolves: ClassVar[bool] = True

    def __init__(self, capacitance: float) -> None:
        self.capacitance = capacitance
        self.voltage = 0.0

    def operating_point(self, source_voltage, series):
        return self.voltage, (source_voltage - self.voltage) / series

    def advance(self, voltage, duration):
        raise AssertionError("an evolving device is advanced behind its source")

    def advance_behind(self, source_voltage, series, duration):
        decay = math.exp(-duration / (series * self.capacitance))
        self.voltage = source_voltage + (self.voltage - source_voltage) * decay

    def steady_for(self, source_voltage, series):
        return 0.01 * series * self.capacitance


def circuit_of(*nets, **options):
    return Circuit(VirtualClock(), nets, **options)


# -- probes ----------------------------------------------------------------------------


def test_probe_loads_the_node():
    """1 Mohm behind 1 Mohm halves the voltage; 50 ohm takes nearly all of it."""
    circuit = circuit_of(["gen.out", "scope.ch1"])
    source, probe = circuit.drive("gen.out"), circuit.probe("scope.ch1")
    source.voltage_source(2.0, 1e6)
    assert probe.voltage() == pytest.approx(1.0)
    probe.load(50.0)
    assert probe.voltage() == pytest.approx(2.0 * 50 / (1e6 + 50))
    probe.load(math.inf)
    assert probe.voltage() == pytest.approx(2.0)


def test_probe_tip_divides():
    """A 10x probe is 10 Mohm and hands on a tenth; into 50 ohm next to nothing."""
    circuit = circuit_of(["gen.out", "scope.ch1"], tips={"scope.ch1": 9e6})
    source, probe = circuit.drive("gen.out"), circuit.probe("scope.ch1")
    source.voltage_source(10.0, 10e6)
    assert circuit.measure(source, 0.0).voltage == pytest.approx(5.0)
    assert probe.voltage() == pytest.approx(0.5)
    probe.load(50.0)
    node = 10.0 * (9e6 + 50) / (19e6 + 50)
    assert probe.voltage() == pytest.approx(node * 50 / (9e6 + 50))


def test_probe_records_changes_once():
    """Levels are written down with the time from which they hold, and no more."""
    circuit = circuit_of(["gen.out", "scope.ch1"])
    source, probe = circuit.drive("gen.out"), circuit.probe("scope.ch1")
    source.voltage_source(0.0, 50.0)
    circuit.clock.advance(1.0)
    probe.start()
    source.schedule([(2.0, 1.0), (3.0, 1.0), (4.0, 0.5)])
    circuit.clock.advance(5.0)
    times, volts = probe.trace()
    scale = 1e6 / (1e6 + 50)
    np.testing.assert_allclose(times, [1.0, 2.0, 4.0])
    np.testing.assert_allclose(volts, [0.0, scale, 0.5 * scale])
    assert circuit.time == 6.0
    probe.forget(3.5)
    np.testing.assert_allclose(probe.trace()[0], [2.0, 4.0])
    probe.stop()
    source.set_level(3.0)
    circuit.clock.advance(1.0)
    np.testing.assert_allclose(probe.trace()[0], [2.0, 4.0])


def test_probe_follows_a_device_that_evolves():
    """The voltage of a charging capacitor is recorded along its exponential."""
    capacitor = Capacitor(1e-6)
    circuit = circuit_of(
        ["gen.out", "device.high", "scope.ch1"],
        ["device.low", "ground"],
        device=capacitor,
    )
    source, probe = circuit.drive("gen.out"), circuit.probe("scope.ch1")
    probe.load(math.inf)
    source.voltage_source(1.0, 1e3)
    probe.start()
    circuit.clock.advance(3e-3)
    times, volts = probe.trace()
    assert len(times) > 250
    np.testing.assert_allclose(volts, 1.0 - np.exp(-times / 1e-3), atol=1e-12)
    assert capacitor.voltage == pytest.approx(1.0 - math.exp(-3.0))


def test_average_over_a_device_that_evolves():
    """The mean of the charging current is the charge over the time."""
    capacitor = Capacitor(1e-6)
    circuit = circuit_of(
        ["gen.out", "device.high"], ["device.low", "ground"], device=capacitor
    )
    source = circuit.drive("gen.out")
    source.voltage_source(1.0, 1e3)
    reading = circuit.measure(source, 2e-3)
    assert circuit.clock.now == pytest.approx(2e-3)
    charge = 1e-6 * (1.0 - math.exp(-2.0))
    assert reading.current == pytest.approx(charge / 2e-3, rel=1e-4)


def test_full_probe_drops_the_older_half(monkeypatch):
    monkeypatch.setattr(drives, "MOST_RECORDED", 8)
    circuit = circuit_of(["gen.out", "scope.ch1"])
    source, probe = circuit.drive("gen.out"), circuit.probe("scope.ch1")
    told = []
    probe.when_full = lambda: told.append(len(probe._times))
    source.voltage_source(0.0, 50.0)
    probe.start()
    source.schedule([(float(number), float(number)) for number in range(1, 11)])
    circuit.clock.advance(12.0)
    times, _ = probe.trace()
    assert told == [8]
    np.testing.assert_allclose(times, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])


# -- relay contacts --------------------------------------------------------------------


def test_contact_joins_and_parts():
    """Current flows through the closed contact's resistance only."""
    circuit = circuit_of(
        ["smu.out", "sw.row1"],
        ["load.end", "sw.column1"],
        resistors=[("load.end", "ground", 99.5)],
    )
    source = circuit.drive("smu.out")
    contact = circuit.contact("sw.row1", "sw.column1", 0.5)
    source.voltage_source(1.0, 1e-3)
    assert circuit.measure(source, 0.0).current == pytest.approx(LEAK, abs=1e-14)
    contact.close()
    assert contact.closed
    assert circuit.measure(source, 0.0).current == pytest.approx(1 / 100.001)
    contact.open()
    assert not contact.closed
    assert circuit.measure(source, 0.0).current == pytest.approx(0.0, abs=1e-14)


def test_contacts_between_floating_nodes_are_solved():
    """A route that leads nowhere neither conducts nor spoils the solution."""
    circuit = circuit_of(["smu.out", "sw.row1"], ["sw.column1"], ["sw.row2"])
    source = circuit.drive("smu.out")
    source.voltage_source(1.0, 1e-3)
    for first, second in (("row1", "column1"), ("column1", "row2"), ("a", "b")):
        circuit.contact(f"sw.{first}", f"sw.{second}", 0.5).close()
    reading = circuit.measure(source, 0.0)
    assert reading.voltage == pytest.approx(1.0)
    assert abs(reading.current) < 1e-14
    end = circuit.drive("sw.row2")
    assert circuit.measure(end, 0.0).voltage == pytest.approx(1.0)


def test_parallel_contacts_share_the_current():
    circuit = circuit_of(["smu.out", "sw.a"], ["sw.b", "ground"])
    source = circuit.drive("smu.out")
    source.current_source(1e-3)
    for _ in range(2):
        circuit.contact("sw.a", "sw.b", 1.0).close()
    assert circuit.measure(source, 0.0).voltage == pytest.approx(0.5e-3)


def test_contact_changes_at_its_time():
    """What was before the contact closed has been lived without it."""
    capacitor = Capacitor(1e-6)
    circuit = circuit_of(
        ["smu.out", "sw.a"],
        ["sw.b", "device.high"],
        ["device.low", "ground"],
        device=capacitor,
    )
    source = circuit.drive("smu.out")
    contact = circuit.contact("sw.a", "sw.b", 1.0)
    source.voltage_source(1.0, 999.0)
    circuit.clock.advance(1.0)
    contact.close()
    assert capacitor.voltage == pytest.approx(0.0, abs=1e-6)
    circuit.clock.advance(1e-3)
    circuit.live()
    assert capacitor.voltage == pytest.approx(1.0 - math.exp(-1.0), rel=1e-6)
