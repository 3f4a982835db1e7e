"""What the circuit feels of the relays: routes, parallel paths, breaks, times."""

from __future__ import annotations

import pytest

from labneuro.sim_backends.keithley_3700.relays import PATH_RESISTANCE, SETTLING

LOAD = 1e3
NOTHING = 1e-12  # A, far below what the routes carry
METER = 10e9  # ohm of the multimeter, which hangs on backplane 1
ROUTE = [
    ["source.out", "sw.slot1_row1"],
    ["sw.slot1_column01", "device.high"],
    ["device.low", "ground"],
]


@pytest.fixture
def routed(make_switch, make_resistor):
    """Return a function that wires 1 V from row 1 to 1 kohm at column 1."""

    def make(nets=ROUTE, **options):
        device = make_resistor(LOAD)
        bench = make_switch(nets, device, **options)
        bench.source.voltage_source(1.0, 1e-6)
        return bench, device

    return make


def current(bench):
    return bench.circuit.measure(bench.source, 0.0).current


def test_current_flows_only_through_the_right_crosspoint(routed, close):
    bench, _device = routed()
    assert current(bench) < NOTHING
    bench.send("channel.close('1102,1201,1616')")
    assert current(bench) < NOTHING
    bench.send("channel.close('1101')")
    assert close(current(bench), 1.0 / (LOAD + PATH_RESISTANCE), rel=1e-6)
    bench.send("channel.open('1101')")
    assert current(bench) < NOTHING


def test_two_paths_in_parallel_have_half_the_resistance(routed, close):
    """Row 1 to column 1 directly, and by column 2 and row 2."""
    bench, _device = routed()
    bench.send("channel.close('1101')")
    single = 1.0 / current(bench) - LOAD
    bench.send("channel.close('1102,1202,1201')")
    double = 1.0 / current(bench) - LOAD
    assert close(single, PATH_RESISTANCE, rel=1e-4)
    assert close(double, PATH_RESISTANCE * 3 / 4, rel=1e-4), (
        "one beside three in series"
    )


def test_backplanes_join_the_rows_of_two_cards(routed, close):
    nets = [ROUTE[0], ["sw.slot2_column16", "device.high"], ROUTE[2]]
    bench, _device = routed(nets, modules={"slot1": "3730", "slot2": "3730"})
    bench.send("channel.close('1911,2116')")
    assert close(current(bench), 1.0 / METER, rel=1e-3)
    bench.send("dmm.connect = dmm.CONNECT_NONE")
    assert current(bench) < NOTHING
    bench.send("channel.close('2911')")
    assert close(current(bench), 1.0 / (LOAD + 3 * PATH_RESISTANCE), rel=1e-6)


def lived_through(bench, device, message):
    """Return what the device lived through: pairs of volts (rounded) and s."""
    bench.send("local nothing")
    bench.circuit.live()
    device.lived.clear()
    before = bench.clock.now
    bench.send(message)
    bench.circuit.live()
    merged: list[list[float]] = []
    for volts, seconds in device.lived:
        level = round(volts, 2)
        if merged and merged[-1][0] == level:
            merged[-1][1] += seconds
        else:
            merged.append([level, seconds])
    assert sum(seconds for _, seconds in merged) == pytest.approx(
        bench.clock.now - before
    )
    return merged


# Column 1 is driven by 1 V at row 1 or by 2 V at row 2.
TWO_SOURCES = [*ROUTE, ["second.out", "sw.slot1_row2"]]


@pytest.fixture
def two_sources(routed):
    """Return a bench where 1101 brings 1 V (soft) and 1201 brings 2 V (soft)."""
    bench, device = routed(TWO_SOURCES)
    bench.source.voltage_source(1.0, 1.0)
    bench.circuit.drive("second.out").voltage_source(2.0, 1.0)
    bench.send("channel.close('1101')")
    return bench, device


def test_break_before_make_leaves_nothing_connected_in_between(two_sources):
    bench, device = two_sources
    before, gap, after = lived_through(bench, device, "channel.exclusiveclose('1201')")
    assert [before[0], gap[0], after[0]] == [1.0, 0.0, 2.0]
    assert gap[1] == pytest.approx(SETTLING)
    assert after[1] == pytest.approx(SETTLING)


def test_make_before_break_joins_both_for_a_settling_time(two_sources):
    bench, device = two_sources
    bench.send("channel.connectrule = channel.MAKE_BEFORE_BREAK")
    levels = lived_through(bench, device, "channel.exclusiveclose('1201')")
    assert [level for level, _ in levels] == [1.0, 1.5, 2.0]
    assert levels[1][1] == pytest.approx(SETTLING)


def test_without_a_rule_all_move_at_once(two_sources):
    bench, device = two_sources
    bench.send("channel.connectrule = channel.OFF")
    levels = lived_through(bench, device, "channel.exclusiveclose('1201')")
    assert [level for level, _ in levels] == [1.0, 2.0]
    assert levels[1][1] == pytest.approx(SETTLING)


@pytest.mark.parametrize(
    ("rule", "settlings"),
    [("BREAK_BEFORE_MAKE", 2), ("MAKE_BEFORE_BREAK", 2), ("OFF", 1)],
)
def test_an_exchange_takes_the_settling_times_of_its_rule(switch, rule, settlings):
    switch.send(f"channel.connectrule = channel.{rule}", "channel.close('1101')")
    taken = switch.time_of("channel.exclusiveclose('1201')")
    assert taken == pytest.approx(settlings * SETTLING)


def test_closing_and_opening_take_a_settling_time_and_the_longest_delay(switch):
    assert switch.time_of("channel.close('1101:1116')") == pytest.approx(SETTLING)
    assert switch.time_of("channel.close('1101')") == pytest.approx(0.0)
    assert switch.time_of("channel.open('slot1')") == pytest.approx(SETTLING)
    switch.send("channel.setdelay('1102', 0.25) channel.setdelay('1103', 0.1)")
    taken = switch.time_of("channel.close('1101:1103')")
    assert taken == pytest.approx(SETTLING + 0.25)
    assert switch.time_of("channel.open('slot1')") == pytest.approx(SETTLING)


def test_sequential_closing_takes_one_relay_after_the_other(switch):
    switch.send("channel.connectsequential = channel.ON")
    switch.send("channel.setdelay('1102', 0.25)")
    taken = switch.time_of("channel.close('1101:1103')")
    assert taken == pytest.approx(3 * SETTLING + 0.25)


def test_a_pseudocard_switches_nothing(routed):
    bench, _device = routed(modules={"slot3": "3730"})
    bench.send("slot[1].pseudocard = 3730", "channel.close('1101')")
    assert bench.closed() == "1101"
    assert current(bench) < NOTHING
