"""The circuit: exact solutions, limits, levels in time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.errors import BenchConfigError
from labneuro.sim_backends.clock import RealClock, VirtualClock
from labneuro.sim_backends.wiring import Circuit

RESISTANCE = st.floats(0.1, 1e9)
LEVEL = st.floats(-100.0, 100.0)


def divider(
    upper: float, lower: float, clock: VirtualClock | None = None
) -> tuple[Circuit, VirtualClock]:
    """Return a terminal `a.out` behind which `upper` and `lower` lead to ground."""
    clock = clock or VirtualClock()
    nets = [["a.out"], ["b.out"]]
    resistors = [("a.out", "b.out", upper), ("b.out", "ground", lower)]
    return Circuit(clock, nets, resistors=resistors), clock


@given(RESISTANCE, RESISTANCE, RESISTANCE, LEVEL)
def test_voltage_divider(inner, upper, lower, level):
    """A voltage behind a resistance divides as Ohm's law says."""
    circuit, _ = divider(upper, lower)
    source, probe = circuit.drive("a.out"), circuit.drive("b.out")
    source.voltage_source(level, inner)
    current = level / (inner + upper + lower)
    at_source, at_probe = circuit.measure(source, 0.0), circuit.measure(probe, 0.0)
    assert at_source.current == pytest.approx(current, rel=1e-6, abs=1e-13)
    assert at_source.voltage == pytest.approx(level - inner * current, rel=1e-6)
    assert at_probe.voltage == pytest.approx(current * lower, rel=1e-6, abs=1e-9)
    assert at_probe.current == 0.0


@given(st.floats(-1e-3, 1e-3), RESISTANCE)
def test_current_source_into_resistor(level, resistance):
    circuit = Circuit(
        VirtualClock(), [["a.out"]], resistors=[("a.out", "ground", resistance)]
    )
    source = circuit.drive("a.out")
    source.current_source(level, 1e15)
    reading = circuit.measure(source, 0.0)
    assert reading.voltage == pytest.approx(level * resistance, rel=1e-5, abs=1e-12)
    assert reading.current == pytest.approx(level, rel=1e-5, abs=1e-13)


@given(LEVEL, LEVEL, st.floats(0.01, 1e3), st.floats(0.01, 1e3), RESISTANCE)
def test_two_sources_obey_kirchhoff(first, second, inner, outer, load):
    """What two sources push into a node leaves it through the load."""
    circuit = Circuit(
        VirtualClock(), [["a.out", "b.out"]], resistors=[("a.out", "ground", load)]
    )
    one, other = circuit.drive("a.out"), circuit.drive("b.out")
    one.voltage_source(first, inner)
    other.voltage_source(second, outer)
    readings = [circuit.measure(drive, 0.0) for drive in (one, other)]
    conductance = 1 / inner + 1 / outer + 1 / load
    volt = (first / inner + second / outer) / conductance
    assert readings[0].voltage == pytest.approx(volt, rel=1e-9, abs=1e-9)
    total = sum(reading.current for reading in readings)
    scale = max(abs(reading.current) for reading in readings)
    assert total == pytest.approx(volt / load, abs=1e-9 * scale + 1e-13)


def test_compliance_clamps_a_voltage_source():
    circuit = Circuit(
        VirtualClock(), [["a.out"]], resistors=[("a.out", "ground", 100.0)]
    )
    source = circuit.drive("a.out")
    source.voltage_source(-5.0, 0.01, limit=1e-3)
    reading = circuit.measure(source, 0.0)
    assert reading.limited
    assert reading.current == pytest.approx(-1e-3, rel=1e-9)
    assert reading.voltage == pytest.approx(-0.1, rel=1e-9)


def test_compliance_clamps_a_current_source():
    circuit = Circuit(VirtualClock(), [["a.out"]], resistors=[("a.out", "ground", 1e6)])
    source = circuit.drive("a.out")
    source.current_source(1e-3, 1e14, limit=2.0)
    reading = circuit.measure(source, 0.0)
    assert reading.limited
    assert reading.voltage == pytest.approx(2.0, rel=1e-6)
    assert reading.current == pytest.approx(2e-6, rel=1e-6)


@given(st.floats(1.0, 1e6), st.floats(1e-7, 1e-4))
def test_a_clamped_source_knows_its_voltage(make_resistor, resistance, limit):
    """At the limit the node hangs on next to nothing; its voltage is exact still."""
    circuit = Circuit(
        VirtualClock(),
        [["a.out", "device.high"], ["b.out", "device.low"]],
        make_resistor(resistance),
    )
    source, sink = circuit.drive("a.out"), circuit.drive("b.out")
    source.voltage_source(200.0, 0.01, limit=limit)
    sink.voltage_source(0.0, 0.01)
    reading = circuit.measure(source, 0.0)
    assert reading.limited
    assert reading.voltage == pytest.approx(limit * (resistance + 0.01), rel=1e-6)


def test_a_device_with_both_ends_on_one_net(make_resistor):
    circuit = Circuit(
        VirtualClock(), [["a.out", "device.high", "device.low"]], make_resistor(10.0)
    )
    source = circuit.drive("a.out")
    source.voltage_source(5.0, 0.01)
    reading = circuit.measure(source, 0.0)
    assert reading.voltage == pytest.approx(5.0)
    assert reading.current == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("level", [1e-3, -1e-3])
def test_a_source_at_its_limit_is_not_beyond_it(level):
    circuit = Circuit(VirtualClock(), [["a.out"]], resistors=[("a.out", "ground", 1.0)])
    source = circuit.drive("a.out")
    source.voltage_source(level, 1e-9, limit=1e-3)
    assert not circuit.measure(source, 0.0).limited


def test_compliance_ends_with_its_cause():
    """The limit releases the source as soon as the level allows."""
    circuit = Circuit(
        VirtualClock(), [["a.out"]], resistors=[("a.out", "ground", 100.0)]
    )
    source = circuit.drive("a.out")
    source.voltage_source(5.0, 0.01, limit=1e-3)
    assert circuit.measure(source, 0.0).limited
    source.set_level(0.05)
    reading = circuit.measure(source, 0.0)
    assert not reading.limited
    assert reading.voltage == pytest.approx(0.05, rel=1e-3)


def test_picoampere_behind_a_stiff_source(make_resistor):
    """A 10 milliohm source reads a picoampere to a part in a thousand."""
    circuit = Circuit(
        VirtualClock(),
        [["a.out", "device.high"], ["b.out", "device.low"]],
        make_resistor(1e13),
    )
    source, sink = circuit.drive("a.out"), circuit.drive("b.out")
    source.voltage_source(10.0, 0.01)
    sink.voltage_source(0.0, 0.01, limit=1e-3)
    assert circuit.measure(sink, 0.0).current == pytest.approx(-1e-12, rel=1e-3)


def test_the_device_sees_scheduled_levels(make_resistor):
    """Levels planned ahead reach the device for as long as each of them lasts."""
    clock, device = VirtualClock(), make_resistor(50.0)
    circuit = Circuit(
        clock, [["a.out", "device.high"], ["device.low", "ground"]], device
    )
    source = circuit.drive("a.out")
    source.voltage_source(0.0, 50.0)
    clock.advance(1e-3)
    source.schedule([(1e-3, 8.0), (1.1e-3, 0.0), (1.3e-3, -4.0), (1.5e-3, 0.0)])
    clock.advance(1e-3)
    circuit.live()
    expected = [(0.0, 1e-3), (4.0, 1e-4), (0.0, 2e-4), (-2.0, 2e-4), (0.0, 5e-4)]
    volts = [voltage for voltage, _ in device.lived]
    durations = [duration for _, duration in device.lived]
    assert volts == pytest.approx([volt for volt, _ in expected])
    assert durations == pytest.approx([duration for _, duration in expected])


def test_a_level_drops_the_plan(make_resistor):
    clock, device = VirtualClock(), make_resistor(50.0)
    circuit = Circuit(
        clock, [["a.out", "device.high"], ["device.low", "ground"]], device
    )
    source = circuit.drive("a.out")
    source.voltage_source(0.0, 50.0)
    source.schedule([(1e-3, 8.0)])
    source.set_level(1.0)
    clock.advance(2e-3)
    circuit.live()
    assert device.lived == [(pytest.approx(0.5), pytest.approx(2e-3))]


def test_plans_of_two_sources_interleave(make_resistor):
    clock, device = VirtualClock(), make_resistor(100.0)
    circuit = Circuit(
        clock, [["a.out", "device.high"], ["b.out", "device.low"]], device
    )
    one, other = circuit.drive("a.out"), circuit.drive("b.out")
    one.voltage_source(0.0, 1e-9)
    other.voltage_source(0.0, 1e-9)
    one.schedule([(1.0, 2.0), (3.0, 0.0)])
    other.schedule([(2.0, 1.0), (4.0, 0.0)])
    clock.advance(5.0)
    circuit.live()
    assert device.lived == [
        (pytest.approx(volt, abs=1e-9), pytest.approx(1.0))
        for volt in (0.0, 2.0, 1.0, -1.0, 0.0)
    ]


def test_a_reading_averages_over_level_changes():
    circuit, clock = divider(50.0, 50.0)
    source = circuit.drive("a.out")
    source.voltage_source(0.0, 1e-9)
    source.schedule([(0.25, 4.0), (0.75, 0.0)])
    reading = circuit.measure(source, 1.0)
    assert reading.voltage == pytest.approx(2.0)
    assert reading.current == pytest.approx(0.02)
    assert clock.now == 1.0


def test_a_level_due_now_counts_at_once():
    circuit, clock = divider(50.0, 50.0)
    source = circuit.drive("a.out")
    source.voltage_source(0.0, 1e-9)
    source.schedule([(clock.now, 4.0)])
    assert circuit.measure(source, 0.0).voltage == pytest.approx(4.0)


def test_an_open_output_reads_the_net_and_drives_nothing():
    circuit, _ = divider(50.0, 50.0)
    source, probe = circuit.drive("a.out"), circuit.drive("b.out")
    source.voltage_source(2.0, 1e-9)
    probe.voltage_source(0.0, 1e-9)
    assert circuit.measure(probe, 0.0).voltage == pytest.approx(0.0, abs=1e-9)
    probe.open()
    probe.set_level(3.0)
    reading = circuit.measure(probe, 0.0)
    assert reading.voltage == pytest.approx(1.0)
    assert reading.current == 0.0


def test_an_output_on_no_net_drives_only_itself():
    circuit, _ = divider(50.0, 50.0)
    lonely = circuit.drive("c.out")
    lonely.voltage_source(3.0, 1.0, limit=1e-6)
    reading = circuit.measure(lonely, 0.0)
    assert reading.voltage == pytest.approx(3.0)
    assert abs(reading.current) < 1e-14
    assert not reading.limited


def test_a_short_to_ground_is_limited():
    circuit = Circuit(VirtualClock(), [["a.out", "ground"]])
    source = circuit.drive("a.out")
    source.voltage_source(1.0, 0.5)
    assert circuit.measure(source, 0.0).current == pytest.approx(2.0)
    source.voltage_source(1.0, 0.5, limit=0.1)
    assert circuit.measure(source, 0.0).limited


def test_a_real_clock_lives_on():
    """On a running clock the aperture is what was asked for."""
    circuit = Circuit(RealClock(), [["a.out"]], resistors=[("a.out", "ground", 1e3)])
    source = circuit.drive("a.out")
    source.voltage_source(1.0, 1e-3)
    reading = circuit.measure(source, 1e-3)
    assert reading.current == pytest.approx(1e-3, rel=1e-3)


def test_a_terminal_on_two_nets_is_refused():
    with pytest.raises(BenchConfigError, match=r"'a\.out' is on two nets"):
        Circuit(VirtualClock(), [["a.out"], ["b.out", "a.out"]])


def test_a_device_terminal_on_no_net_is_refused(make_resistor):
    with pytest.raises(BenchConfigError, match=r"'device\.low' is on no net"):
        Circuit(VirtualClock(), [["device.high"]], make_resistor(1.0))


def test_levels_are_infinite_only_where_allowed():
    """A limit that no level can reach is never checked, one that can always is."""
    circuit, _ = divider(50.0, 50.0)
    source = circuit.drive("a.out")
    source.voltage_source(1.0, 1e-3, limit=math.inf)
    assert not circuit.measure(source, 0.0).limited
    source.voltage_source(1.0, 1e-3, limit=5e-3)
    assert circuit.measure(source, 0.0).limited
