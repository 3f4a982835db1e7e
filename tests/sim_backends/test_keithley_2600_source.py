"""The 2636B's source: ranges, resolution, limits, output states, timing."""

from __future__ import annotations

import pytest

from labneuro.sim_backends.keithley_2600 import datasheet


def terminal(bench):
    """Return voltage and current at channel A's terminal now."""
    return bench.circuit.measure(bench.smu.drives["smua"], 0.0)


@pytest.mark.parametrize(
    ("level", "full_scale", "step"),
    [
        (0.0123456789, 0.2, 5e-6),
        (0.202, 0.2, 5e-6),
        (0.203, 2.0, 50e-6),
        (1.23456789, 2.0, 50e-6),
        (-12.3456789, 20.0, 500e-6),
        (123.456789, 200.0, 5e-3),
    ],
)
def test_voltage_levels_lie_on_the_steps_of_their_range(
    make_smu_bench, level, full_scale, step
):
    bench = make_smu_bench(1e9)
    bench.send(f"smua.source.levelv = {level} smua.source.output = 1")
    assert bench.value("smua.source.rangev") == full_scale
    assert terminal(bench).voltage == pytest.approx(
        round(level / step) * step, rel=1e-9
    )
    assert bench.value("smua.source.levelv") == pytest.approx(level, rel=1e-5)


@pytest.mark.parametrize(
    ("level", "full_scale", "step"),
    [(1.234567e-6, 1e-5, 200e-12), (-0.5e-3, 1e-3, 20e-9), (0.51e-9, 1e-9, 20e-15)],
)
def test_current_levels_lie_on_the_steps_of_their_range(
    smu_bench, level, full_scale, step
):
    smu_bench.send(f"smua.source.func = 0 smua.source.leveli = {level}")
    smu_bench.send("smua.source.output = 1")
    assert smu_bench.value("smua.source.rangei") == full_scale
    assert terminal(smu_bench).current == pytest.approx(
        round(level / step) * step, rel=1e-6
    )


def test_a_fixed_range_refuses_what_it_cannot_hold(smu_bench):
    smu_bench.send("smua.source.rangev = 2 smua.source.output = 1")
    assert smu_bench.value("smua.source.autorangev") == 0
    smu_bench.send("smua.source.levelv = 2.02", "smua.source.levelv = 2.03")
    assert smu_bench.error() == 5005
    assert smu_bench.value("smua.source.levelv") == pytest.approx(2.02)


def test_a_level_beyond_its_range_is_refused_when_the_output_goes_on(smu_bench):
    """With the output off the settings may pass each other by (Rev. C p. 108)."""
    smu_bench.send("smua.source.rangev = 2", "smua.source.levelv = 5")
    assert smu_bench.error() == 0
    smu_bench.send("smua.source.output = 1")
    assert smu_bench.error() == 5005
    assert smu_bench.value("smua.source.output") == 0


def test_automatic_ranging_follows_the_level_and_its_lowest_range(smu_bench):
    smu_bench.send("smua.source.output = 1 smua.source.levelv = 15")
    assert smu_bench.value("smua.source.rangev") == 20.0
    smu_bench.send("smua.source.levelv = 0.1")
    assert smu_bench.value("smua.source.rangev") == 0.2
    smu_bench.send("smua.source.lowrangev = 2")
    assert smu_bench.value("smua.source.rangev") == 2.0
    smu_bench.send("smua.source.levelv = 0.05")
    assert smu_bench.value("smua.source.rangev") == 2.0
    smu_bench.send("smua.source.lowrangev = 0.2 smua.source.autorangev = 1")
    assert smu_bench.value("smua.source.rangev") == 0.2


@pytest.mark.parametrize(
    "commands",
    [
        "smua.source.levelv = 150 smua.source.limiti = 0.2 smua.source.output = 1",
        "smua.source.rangev = 200 smua.source.limiti = 1 smua.source.output = 1",
        "smua.source.func = 0 smua.source.leveli = 0.5 smua.source.limitv = 100 "
        "smua.source.output = 1",
    ],
)
def test_the_area_of_steady_operation(smu_bench, commands):
    """1.5 A up to 20 V, 100 mA up to 200 V (Rev. F p. 172)."""
    smu_bench.send(commands)
    assert smu_bench.error() == 5007
    assert smu_bench.value("smua.source.output") == 0


def test_a_limit_that_leaves_the_area_is_refused(smu_bench):
    smu_bench.send("smua.source.levelv = 150 smua.source.output = 1")
    smu_bench.send("smua.source.limiti = 0.5")
    assert smu_bench.error() == 5007
    assert smu_bench.value("smua.source.limiti") == pytest.approx(0.1)


def test_the_interlock_blocks_the_200_v_range(smu_bench):
    smu_bench.smu.interlock_open = True
    smu_bench.send("smua.source.levelv = 100 smua.source.output = 1")
    assert smu_bench.error() == 802
    assert smu_bench.value("smua.source.output") == 0
    smu_bench.send("smua.source.levelv = 10 smua.source.output = 1")
    assert smu_bench.error() == 0
    smu_bench.send("smua.source.levelv = 100")
    assert smu_bench.error() == 802
    assert terminal(smu_bench).voltage == pytest.approx(10.0, rel=1e-4)


@pytest.mark.parametrize(
    ("commands", "voltage", "current"),
    [
        ("", 0.0, 0.0),
        ("smua.source.offmode = smua.OUTPUT_ZERO", 0.0, 0.0),
        ("smua.source.offmode = smua.OUTPUT_HIGH_Z", 0.0, 0.0),
        ("smua.source.offfunc = smua.OUTPUT_DCAMPS", 0.0, 0.0),
    ],
)
def test_output_off(smu_bench, commands, voltage, current):
    smu_bench.send("smua.source.levelv = 5", commands)
    smu_bench.send("smua.source.output = 1", "smua.source.output = 0")
    reading = terminal(smu_bench)
    assert reading.voltage == pytest.approx(voltage, abs=1e-9)
    assert reading.current == pytest.approx(current, abs=1e-12)


@pytest.mark.parametrize(
    ("mode", "current", "limited"),
    [
        ("smua.source.offmode = 0 smua.source.offlimiti = 2e-3", -2e-3, True),
        ("smua.source.offmode = 1 smua.source.limiti = 5e-3", -5e-3, True),
        ("smua.source.offmode = 2", 0.0, False),
        ("smua.source.output = 2", 0.0, False),
        ("smua.source.offfunc = 0", 0.0, False),
    ],
)
def test_an_output_that_is_off_against_another_source(
    smu_bench, mode, current, limited
):
    """Off is 0 V with its own limit, 0 A, or open, as the mode says (Rev. F p. 66)."""
    other = smu_bench.circuit.drive("smu.smua")
    other.voltage_source(1.0, 10.0)
    smu_bench.send(mode)
    reading = terminal(smu_bench)
    assert reading.current == pytest.approx(current, abs=1e-9)
    assert reading.limited is limited


def test_the_power_limit(smu_bench):
    """10 mW at 10 V are 1 mA (the load would take 10 mA)."""
    smu_bench.send("smua.source.limitp = 10e-3 smua.source.levelv = 10")
    smu_bench.send("smua.source.output = 1")
    reading = terminal(smu_bench)
    assert reading.limited
    assert reading.current == pytest.approx(1e-3)


def test_function_change_keeps_both_levels(smu_bench):
    smu_bench.send("smua.source.levelv = 1 smua.source.leveli = 2e-3")
    smu_bench.send("smua.source.output = 1")
    assert terminal(smu_bench).voltage == pytest.approx(1.0, rel=1e-4)
    smu_bench.send("smua.source.func = smua.OUTPUT_DCAMPS")
    assert terminal(smu_bench).voltage == pytest.approx(2.0, rel=1e-4)
    smu_bench.send("smua.source.func = smua.OUTPUT_DCVOLTS")
    assert terminal(smu_bench).voltage == pytest.approx(1.0, rel=1e-4)


def test_the_time_of_a_level(smu_bench):
    """A level takes what the data sheet's rates leave for it, a new range more."""
    smu_bench.send("smua.source.output = 1 smua.source.levelv = 0.1")
    same = smu_bench.time_of("smua.source.levelv = 0.05")
    other = smu_bench.time_of("smua.source.levelv = 1")
    assert same == pytest.approx(datasheet.SOURCE_TIME, rel=1e-6)
    assert other == pytest.approx(
        datasheet.SOURCE_TIME + datasheet.SOURCE_RANGE_CHANGE, rel=1e-6
    )
    smu_bench.send("smua.source.delay = 0.5")
    assert smu_bench.time_of("smua.source.levelv = 1.1") == pytest.approx(
        datasheet.SOURCE_TIME + 0.5, rel=1e-6
    )


def test_automatic_source_delay_is_the_settling_of_the_range(smu_bench):
    smu_bench.send("smua.source.func = 0 smua.source.rangei = 1e-6")
    smu_bench.send("smua.source.output = 1 smua.source.delay = smua.DELAY_AUTO")
    assert smu_bench.time_of("smua.source.leveli = 1e-7") == pytest.approx(
        datasheet.SOURCE_TIME + 2.5e-3, rel=1e-6
    )


def test_an_output_that_is_off_takes_no_time_to_set(smu_bench):
    assert smu_bench.time_of("smua.source.levelv = 10") == pytest.approx(0.0, abs=1e-12)


def test_quick_and_thorough_ways_to_a_level_agree(smu_bench):
    """The short way of the hot loop puts out what the long way does."""
    smu_bench.send("smua.source.rangev = 2 smua.source.output = 1")
    source = smu_bench.smu.channels["smua"].source
    for level in (0, 1, 0.333, -1.999, 0.0):
        source.set_quickly(1, level)
        quick = terminal(smu_bench).voltage
        source.set_level(1, level)
        assert terminal(smu_bench).voltage == quick
