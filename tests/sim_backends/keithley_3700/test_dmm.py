"""The multimeter: readings of the circuit, settings, buffers, configurations."""

from __future__ import annotations

import math

import pytest

from labneuro.sim_backends.keithley_3700.relays import PATH_RESISTANCE

NO_ERROR = (0, "Queue Is Empty")
CONFLICT = (1114, "Setting conflicts with function selected")
DIVIDED = [["source.out", "sw.slot1_row1"]]


@pytest.fixture
def metered(make_switch):
    """Return 5 V at row 1, whose backplane relay 1911 leads to the multimeter."""
    bench = make_switch(DIVIDED)
    bench.source.voltage_source(5.0, 1e-6)
    return bench


@pytest.fixture
def resistor(make_switch):
    """Return a function that puts a resistor between row 1 and ground."""

    def make(ohm):
        return make_switch(
            [["sw.slot1_row1"]], None, [("sw.slot1_row1", "ground", ohm)]
        )

    return make


def test_volts_come_only_through_the_backplane_relay(metered):
    assert metered.value("dmm.measure()") == pytest.approx(0.0, abs=1e-9)
    metered.send("channel.close('1911')")
    assert metered.value("dmm.measure()") == pytest.approx(5.0, rel=1e-6)
    assert metered.value("dmm.range") == 10.0
    metered.send("dmm.connect = dmm.CONNECT_NONE")
    assert metered.value("dmm.measure()") == pytest.approx(0.0, abs=1e-9)
    assert metered.error() == NO_ERROR


def test_the_input_can_be_wired_directly(make_switch):
    bench = make_switch([["source.out", "sw.dmm"]])
    bench.source.voltage_source(-0.05, 1e-6)
    assert bench.value("dmm.measure()") == pytest.approx(-0.05, rel=1e-6)
    assert bench.value("dmm.range") == 0.1


@pytest.mark.parametrize(
    ("setting", "input_resistance"),
    [
        ("dmm.range = 10", 10e9),
        ("dmm.inputdivider = 1", 10e6),
        ("dmm.range = 100", 10e6),
    ],
)
def test_the_input_loads_the_source(make_switch, setting, input_resistance):
    bench = make_switch([["source.out", "sw.dmm"]])
    bench.source.voltage_source(5.0, 1e6)
    bench.send(setting)
    expected = 5.0 * input_resistance / (input_resistance + 1e6)
    assert bench.value("dmm.measure()") == pytest.approx(expected, rel=1e-6)


def test_beyond_the_range_is_overflow(metered):
    metered.send("channel.close('1911') dmm.range = 1")
    assert metered.show("dmm.measure()") == "9.900000000e+37"
    metered.send("dmm.range = 5")
    assert metered.value("dmm.measure()") == pytest.approx(5.0, rel=1e-6)


@pytest.mark.parametrize("ohm", [22.0, 4.7e3, 330e3, 2.2e6])
def test_two_wires_measure_the_resistor_with_the_path(resistor, ohm):
    bench = resistor(ohm)
    bench.send("channel.close('1911') dmm.func = 'twowireohms'")
    path = 2 * PATH_RESISTANCE  # the backplane relay and the multimeter's own
    assert bench.value("dmm.measure()") == pytest.approx(ohm + path, rel=1e-4)


def test_four_wires_leave_the_path_out(make_switch):
    bench = make_switch(
        [["sw.slot1_row1", "sw.slot1_row2"]], None, [("sw.slot1_row1", "ground", 22.0)]
    )
    bench.send("channel.close('1911,1912') dmm.func = dmm.FOUR_WIRE_OHMS")
    assert bench.value("dmm.measure()") == pytest.approx(22.0, rel=1e-4)


def test_nothing_connected_is_an_overflow_of_ohms(switch):
    switch.send("dmm.func = 'twowireohms' dmm.range = 1e3")
    assert switch.value("dmm.measure()") == 9.9e37


def test_a_current_flows_through_the_shunt(make_switch):
    bench = make_switch([["source.out", "sw.dmm"]])
    bench.source.current_source(2e-3, limit=10.0)
    bench.send("dmm.func = 'dccurrent' dmm.range = 2e-3")
    assert bench.value("dmm.measure()") == pytest.approx(2e-3, rel=1e-6)


def test_alternating_voltage_and_its_frequency(make_switch):
    """A square wave of +-1 V at 1 kHz: 1 V rms, whatever its offset."""
    bench = make_switch([["source.out", "sw.dmm"]])
    bench.source.voltage_source(3.0, 50.0)
    bench.send("dmm.func = 'acvolts' dmm.range = 10")
    start = bench.clock.now
    changes = [(start + k * 0.5e-3, 3.0 + (-1.0) ** k) for k in range(1, 2000)]
    bench.source.schedule(changes)
    assert bench.value("dmm.measure()") == pytest.approx(1.0, rel=1e-2)
    bench.send("dmm.func = 'frequency'")
    assert bench.value("dmm.measure()") == pytest.approx(1e3, rel=1e-6)
    bench.send("dmm.func = 'period'")
    assert bench.value("dmm.measure()") == pytest.approx(1e-3, rel=1e-6)


def test_a_platinum_sensor_is_read_as_temperature(make_switch):
    """A PT100 has 138.5 ohm at 100 degrees Celsius."""
    bench = make_switch(
        [["sw.dmm", "sw.dmm_sense"]], None, [("sw.dmm", "ground", 138.5055)]
    )
    bench.send("dmm.func = 'temperature' dmm.transducer = dmm.TEMP_FOURRTD")
    assert bench.value("dmm.measure()") == pytest.approx(100.0, abs=0.1)
    bench.send("dmm.transducer = dmm.TEMP_THERMOCOUPLE")
    assert bench.value("dmm.measure()") == 9.9e37


def test_a_reading_takes_its_aperture_and_that_of_autozero(metered):
    metered.send("dmm.range = 10 dmm.nplc = 5 dmm.autozero = 0")
    plain = metered.time_of("dmm.measure()")
    metered.send("dmm.autozero = 1")
    assert metered.time_of("dmm.measure()") - plain == pytest.approx(5 / 50)
    assert plain == pytest.approx(5 / 50, rel=0.1)


def test_settings_belong_to_functions(switch):
    """The manual's examples at dmm.nplc, dmm.range and dmm.detectorbandwidth."""
    switch.send("dmm.func = 'twowireohms' dmm.nplc = 0.5 dmm.range = 35000")
    assert switch.values("dmm.nplc, dmm.range, dmm.autorange") == [0.5, 1e5, 0]
    switch.send("dmm.func = 'dcvolts' dmm.nplc = 0.1")
    assert switch.values("dmm.nplc, dmm.aperture") == [0.1, 0.1 / 50]
    switch.send("dmm.func = 'acvolts' dmm.detectorbandwidth = 35")
    assert switch.value("dmm.detectorbandwidth") == 30
    switch.send("dmm.func = 'twowireohms'")
    assert switch.value("dmm.nplc") == 0.5
    assert switch.show("dmm.detectorbandwidth") == "nil"
    assert switch.error() == NO_ERROR
    switch.send("dmm.inputdivider = dmm.ON")
    assert switch.error() == CONFLICT
    assert switch.show("dmm.inputdivider") == "nil"
    assert switch.error() == CONFLICT


@pytest.mark.parametrize(
    ("function", "setting"),
    [
        ("dcvolts", "dmm.range = 304"),
        ("dcvolts", "dmm.nplc = 12.1"),
        ("dcvolts", "dmm.nplc = 0.0004"),
        ("dcvolts", "dmm.autozero = 3"),
        ("frequency", "dmm.nplc = 1"),
        ("continuity", "dmm.nplc = 1"),
        ("temperature", "dmm.range = 1"),
        ("nofunction", "dmm.autorange = 1"),
        ("dcvolts", "dmm.connect = 2"),
        ("dcvolts", "dmm.connect = 8"),
        ("dcvolts", "dmm.func = 'volts'"),
        ("dcvolts", "dmm.measurecount = 0"),
    ],
)
def test_a_refused_setting_leaves_all_as_it_was(switch, function, setting):
    switch.send(f"dmm.func = '{function}'")
    before = switch.show("dmm.configure.query('active')")
    state = switch.show("dmm.func, dmm.connect, dmm.measurecount")
    switch.send(setting)
    assert switch.error()[0] != 0
    assert switch.show("dmm.configure.query('active')") == before
    assert switch.show("dmm.func, dmm.connect, dmm.measurecount") == state


def test_a_buffer_keeps_readings_with_times_and_units(metered):
    metered.send("channel.close('1911') dmm.range = 10", "b = dmm.makebuffer(5)")
    metered.send("dmm.measurecount = 3 last = dmm.measure(b)")
    assert metered.values("b.n, b.capacity") == [3, 5]
    assert metered.numbers("printbuffer(1, b.n, b)") == pytest.approx([5.0] * 3)
    assert metered.value("last") == metered.value("b[3]")
    units = metered.ask("printbuffer(1, 3, b.units)")
    assert units == "Volts DC, Volts DC, Volts DC"
    times = metered.numbers("printbuffer(1, 3, b.relativetimestamps)")
    assert times[0] == 0.0
    assert times[2] == pytest.approx(2 * times[1])
    assert metered.ask("printbuffer(1, 1, b.dates)") == "01/01/2020"
    metered.send("b.collectchannels = 0")
    assert metered.error() == (
        5032,
        "Cannot change this setting unless buffer is cleared",
    )
    metered.send("b.appendmode = 1 dmm.measure(b)")
    assert metered.error()[0] == 4900, "three more do not fit"
    metered.send("b.clear()")
    assert metered.value("b.n") == 0
    assert metered.value("dmm.buffer.usedcapacity") == 5


def test_time_comes_with_the_reading_as_utc(metered):
    reading, seconds, fraction = metered.values("dmm.measurewithtime()")
    assert reading == pytest.approx(0.0, abs=1e-6)
    assert seconds == 1577836800
    assert 0.0 < fraction < 1.0


def test_a_configuration_brings_function_and_settings_back(switch):
    switch.send("dmm.func = 'twowireohms' dmm.nplc = 2 dmm.configure.set('mine')")
    switch.send("dmm.nplc = 1 dmm.func = 'dcvolts'", "dmm.configure.recall('mine')")
    assert switch.show("dmm.func") == "twowireohms"
    assert switch.value("dmm.nplc") == 2
    switch.send("dmm.configure.delete('mine')", "dmm.configure.recall('mine')")
    assert switch.error()[0] == 1115


def test_matrix_channels_measure_through_patterns(metered):
    """The manual: dmm.setconfig() refuses channels of a 3730."""
    metered.send("dmm.setconfig('1101', 'dcvolts')")
    text = "Parameter error invalid channel type in channel list"
    assert metered.error() == (1115, text)
    metered.send("dmm.close('1101')")
    text = "Settings conflict with nofunction as DMM function"
    assert metered.error() == (1114, text)
    metered.send(
        "channel.pattern.setimage('1101,1911', 'P') dmm.setconfig('P','dcvolts')"
    )
    assert metered.show("dmm.getconfig('1101,P')") == "nofunction,dcvolts"
    metered.send("channel.close('1202')", "dmm.close('P')")
    assert metered.closed() == "1101;1911", "others on the slot are opened"
    assert metered.value("dmm.measure()") == pytest.approx(5.0, rel=1e-6)
    metered.send("dmm.open('P')")
    assert metered.closed() == "nil"
    metered.send("dmm.close('P, 1101')")
    text = "Parameter error no multiple specifiers accepted"
    assert metered.error() == (1115, text)


def test_rel_math_filter_and_limits_work_on_the_reading(metered):
    metered.send("channel.close('1911') dmm.range = 10", "dmm.rel.acquire()")
    metered.send("dmm.rel.enable = 1")
    assert metered.value("dmm.measure()") == pytest.approx(0.0, abs=1e-6)
    metered.send("dmm.rel.enable = 0 dmm.math.format = dmm.MATH_MXB")
    metered.send(
        "dmm.math.mxb.mfactor = 2 dmm.math.mxb.bfactor = 1 dmm.math.enable = 1"
    )
    assert metered.value("dmm.measure()") == pytest.approx(11.0, rel=1e-6)
    metered.send("dmm.limit[1].high.value = 10 dmm.limit[1].enable = 1 dmm.measure()")
    assert metered.values("dmm.limit[1].high.fail, dmm.limit[1].low.fail") == [1, 0]
    metered.send("dmm.math.enable = 0 dmm.nplc = 1 dmm.filter.count = 4")
    single = metered.time_of("dmm.measure()")
    metered.send("dmm.filter.enable = 1")
    assert metered.time_of("dmm.measure()") == pytest.approx(4 * single, rel=0.1)


def test_noise_is_repeatable_and_small(make_switch):
    def readings():
        bench = make_switch([["source.out", "sw.dmm"]], noise=True)
        bench.source.voltage_source(5.0, 1e-6)
        bench.send("dmm.range = 10")
        return [bench.value("dmm.measure()") for _ in range(5)]

    first, second = readings(), readings()
    assert first == second
    assert len(set(first)) > 1
    assert all(math.isclose(one, 5.0, abs_tol=1e-5) for one in first)


def test_a_reset_brings_dc_volts_and_the_defaults_back(switch):
    switch.send("dmm.func = 'twowireohms' dmm.nplc = 0.2 dmm.connect = 0")
    switch.send("dmm.reset('active')")
    assert switch.show("dmm.func") == "twowireohms"
    assert switch.values("dmm.nplc, dmm.connect") == [1, 0]
    switch.send("dmm.reset('all')")
    assert switch.show("dmm.func") == "dcvolts"
    assert switch.values("dmm.autorange, dmm.autozero, dmm.connect") == [1, 1, 7]
