"""The circuit with a device of many terminals: exact, in time, at its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labneuro.devices.base import MultiTerminalDevice
from labneuro.devices.device_array import DeviceArray
from labneuro.errors import LabneuroError
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.network import LEAK
from labneuro.sim_backends.port_circuit import PortCircuit
from labneuro.sim_backends.wiring import Circuit

OHM = st.floats(0.1, 1e8)
LEVEL = st.floats(-10.0, 10.0)


class Mesh(MultiTerminalDevice):
    """Conductances between every two of its terminals, and a current into each."""

    def __init__(self, conductance, driven):
        self._conductance = np.array(conductance, dtype=float)
        self._driven = np.array(driven, dtype=float)

    @property
    def terminals(self):
        return tuple(f"t{number}" for number in range(len(self._driven)))

    def operating_point(self, mesh, injected):
        return mesh.solve(injected, self._conductance, self._driven)

    def advance_behind(self, mesh, injected, duration):
        """Do nothing: it has no state."""


class Board(MultiTerminalDevice):
    """A latch that takes its input over at a clock's edge, and an oscillator.

    `q` follows `d` at rising edges of `clk`; `osc` is 1 V for 300 us, 0 V for 200 us.
    Both are behind 50 ohm; the inputs draw nothing.
    """

    terminals = ("d", "clk", "q", "osc")

    def __init__(self):
        self.level = [0.0, 1.0]
        self.clock_high = False
        self.left = 300e-6
        self.edges = []
        self.lived = 0.0

    def operating_point(self, mesh, injected):
        own = np.diag([0.0, 0.0, 0.02, 0.02])
        return mesh.solve(injected, own, 0.02 * np.array([0.0, 0.0, *self.level]))

    def settle(self, mesh, injected):
        changed = False
        if self.left == 0.0:
            self.level[1] = 1.0 - self.level[1]
            self.left = 300e-6 if self.level[1] else 200e-6
            self.edges.append(self.lived)
            changed = True
        volts, _ = self.operating_point(mesh, injected)
        high = bool(volts[1] > 0.5)
        if high and not self.clock_high:
            self.level[0] = float(volts[0] > 0.5)
            changed = True
        self.clock_high = high
        return changed

    def steady_for(self, mesh, injected):
        return self.left

    def advance_behind(self, mesh, injected, duration):
        self.left -= duration
        self.lived += duration


def ring(siemens):
    """Return the conductance matrix of a ring of resistors."""
    found = np.zeros((len(siemens), len(siemens)))
    for one, value in enumerate(siemens):
        other = (one + 1) % len(siemens)
        found[[one, other], [one, other]] += value
        found[[one, other], [other, one]] -= value
    return found


@settings(max_examples=30, deadline=None)
@given(st.lists(OHM, min_size=8, max_size=8), LEVEL, LEVEL, st.floats(-1e-3, 1e-3))
def test_a_resistive_device_among_instruments(ohms, first, second, driven):
    """Every reading is that of one dense solution of circuit and device together."""
    board = Mesh(ring([1.0 / ohm for ohm in ohms[:4]]), [0.0, driven, 0.0, 0.0])
    nets = [
        ["a.out"],
        ["device.t0"],
        ["device.t1", "p.in"],
        ["device.t2", "b.out"],
        ["device.t3", "ground"],
    ]
    resistors = [("a.out", "device.t0", ohms[4]), ("a.out", "device.t2", ohms[5])]
    circuit = PortCircuit(VirtualClock(), nets, board, resistors)
    one, other, probe = (circuit.drive(name) for name in ("a.out", "b.out", "p.in"))
    one.voltage_source(first, ohms[6])
    other.voltage_source(second, ohms[7])
    probe.voltage_source(0.0, 1e6)
    whole = np.diag([LEAK] * 4)  # a.out, t0, t1, t2
    whole[1:, 1:] += ring([1.0 / ohm for ohm in ohms[:4]])[:3, :3]
    for place, ohm in ((1, ohms[4]), (3, ohms[5])):
        whole[[0, place], [0, place]] += 1.0 / ohm
        whole[[0, place], [place, 0]] -= 1.0 / ohm
    whole[[0, 3, 2], [0, 3, 2]] += [1.0 / ohms[6], 1.0 / ohms[7], 1e-6]
    into = [first / ohms[6], 0.0, driven, second / ohms[7]]
    volts = np.linalg.solve(whole, into)
    scale = max(abs(volts).max(), 1e-6)
    for drive, place in ((one, 0), (other, 3), (probe, 2)):
        reading = circuit.measure(drive, 0.0)
        assert reading.voltage == pytest.approx(
            volts[place], rel=1e-6, abs=1e-9 * scale
        )
    amps = circuit.measure(one, 0.0).current
    into_node = (volts[0] - volts[1]) / ohms[4] + (volts[0] - volts[3]) / ohms[5]
    size = scale / min(ohms[4], ohms[5])
    assert amps == pytest.approx(into_node, rel=1e-6, abs=1e-9 * size)


def test_a_small_current_beside_stiff_sources(make_resistor):
    """1 pA through relays of 0.1 ohm from 10 mohm: of the sum, not of 10 fV."""
    array = DeviceArray([make_resistor(1e12), make_resistor(2e12)])
    nets = [
        ["smu.a"],
        ["device.high_01", "device.high_02"],
        ["device.low_01", "ground"],
    ]
    circuit = PortCircuit(VirtualClock(), nets, array)
    smu = circuit.drive("smu.a")
    smu.voltage_source(1.0, 0.01, limit=1e-3)
    relay = circuit.contact("smu.a", "device.high_01", 0.1)
    assert circuit.measure(smu, 0.0).current < 1e-15
    relay.close()
    reading = circuit.measure(smu, 0.0)
    # Device 2 ends on nothing but the leak of an open node.
    expected = 1e-12 + 1.0 / (2e12 + 1.0 / LEAK) + 2 * LEAK
    assert reading.current == pytest.approx(expected, rel=1e-9)


def test_an_array_is_the_single_device(make_resistor):
    """Limits, levels and readings of the two circuits agree to rounding."""
    readings = []
    for name in ("", "_01"):
        nets = [["a.out", f"device.high{name}"], [f"device.low{name}", "b.out"]]
        device, clock = make_resistor(50.0), VirtualClock()
        circuit = (
            PortCircuit(clock, nets, DeviceArray([device]))
            if name
            else Circuit(clock, nets, device)
        )
        one, other = circuit.drive("a.out"), circuit.drive("b.out")
        one.voltage_source(200.0, 0.01, limit=1e-3)
        other.voltage_source(0.0, 0.01)
        found = [circuit.measure(one, 0.0), circuit.measure(other, 0.0)]
        one.current_source(-1.0, 1e14, limit=2.0)
        found += [circuit.measure(one, 1e-3), circuit.measure(other, 1e-3)]
        assert [reading.limited for reading in found] == [True, False, True, False]
        readings.append([value for one in found for value in one[:2]])
    assert readings[1] == pytest.approx(readings[0], rel=1e-9)


def test_terminals_that_no_net_names_are_open():
    board = Mesh(ring([1e-3] * 3), [0.0, 0.0, 1e-3])
    circuit = PortCircuit(VirtualClock(), [["a.out", "device.t0"]], board)
    source = circuit.drive("a.out")
    source.voltage_source(0.0, 1e-3)
    assert circuit.measure(source, 0.0).current == pytest.approx(-1e-3, rel=1e-6)
    assert circuit.device_nodes[0] == source.node
    probe = circuit.probe("device.t1")
    # 1 mA into t2: a third of it goes the long way round by t1.
    assert probe.voltage() == pytest.approx(1.0 / 3.0, rel=1e-3)


def clocked():
    """Return a board with a clock and a data source at it and probes at its outputs."""
    clock, board = VirtualClock(), Board()
    nets = [
        ["gen.clk", "device.clk"],
        ["gen.d", "device.d"],
        ["device.q", "scope.q"],
        ["device.osc", "scope.osc"],
    ]
    circuit = PortCircuit(clock, nets, board)
    for name in ("gen.clk", "gen.d"):
        circuit.drive(name).voltage_source(0.0, 50.0)
    return circuit, board, clock


def test_events_are_landed_on_and_recorded():
    """The oscillator's edges lie where its own times put them, to the last bit."""
    circuit, board, clock = clocked()
    probe = circuit.probe("scope.osc")
    probe.start()
    clock.advance(1.9e-3)
    times, volts = probe.trace()
    edges = [0.0, 300e-6, 500e-6, 800e-6, 1e-3, 1.3e-3, 1.5e-3, 1.8e-3]
    assert times == pytest.approx(edges, rel=1e-12, abs=1e-18)
    high = 1e6 / (1e6 + 50.0)
    assert volts == pytest.approx([high, 0.0] * 4, rel=1e-9, abs=1e-15)
    assert len(board.edges) == 7


def test_an_average_over_events_is_exact():
    """0.25 ms to 0.95 ms: 50 us and 300 us high of 700 us."""
    circuit, _board, clock = clocked()
    meter = circuit.probe("scope.osc")
    high = 1e6 / (1e6 + 50.0)
    clock.advance(250e-6)
    mean = circuit.measure(meter, 700e-6)
    assert mean.voltage == pytest.approx(high * (50 + 300) / 700, rel=1e-9)
    assert mean.current == pytest.approx(-mean.voltage / 1e6, rel=1e-9)
    longer = circuit.average(meter)
    clock.advance(1e-3)
    assert longer.end().voltage == pytest.approx(high * 0.6, rel=1e-9)


def test_a_latch_follows_planned_edges():
    """Two generator channels change at planned times; the latch samples at edges."""
    circuit, _board, clock = clocked()
    data, timing = circuit.drives[1], circuit.drives[0]
    timing.schedule([(k * 1e-3, float(k % 2)) for k in range(1, 8)])
    data.schedule([(2.5e-3, 1.0), (3.5e-3, 0.0)])
    probe = circuit.probe("scope.q")
    probe.start()
    clock.advance(10e-3)
    times, volts = probe.trace()
    assert times == pytest.approx([0.0, 3e-3, 5e-3])
    assert volts == pytest.approx([0.0, 1e6 / (1e6 + 50.0), 0.0], abs=1e-9)


class Restless(Mesh):
    """A device that never settles."""

    def settle(self, mesh, injected):
        return True


def test_a_device_that_never_settles_is_told_of():
    circuit = PortCircuit(
        VirtualClock(), [["a.x", "device.t0"]], Restless([[1.0]], [0])
    )
    with pytest.raises(LabneuroError, match=r"does not settle at 0 s.*feedback"):
        circuit.measure(circuit.drive("a.x"), 0.0)


def test_a_wire_to_a_new_terminal_is_seen(make_resistor):
    """A source that comes later, and a change of its level, reach the device."""
    array = DeviceArray([make_resistor(1e3)])
    circuit = PortCircuit(VirtualClock(), [["device.low_01", "ground"]], array)
    probe = circuit.probe("device.high_01")
    assert probe.voltage() == 0.0
    source = circuit.drive("device.high_01")
    source.current_source(1e-3, 1e15)
    loaded = 1.0 / (1e-3 + 1e-6)
    assert probe.voltage() == pytest.approx(1e-3 * loaded, rel=1e-9)
    source.set_level(2e-3)
    assert probe.voltage() == pytest.approx(2e-3 * loaded, rel=1e-9)
    assert not math.isnan(circuit.time)
