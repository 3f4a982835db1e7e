"""The 2636B's sweeps, as far as they need no events."""

from __future__ import annotations

import pytest

from labneuro.sim_backends.keithley_2600 import datasheet

SET_UP = (
    "smua.measure.autozero = 0 smua.measure.delay = 0 smua.measure.nplc = 0.001",
    "smua.measure.rangei = 1e-2 smua.source.output = 1",
    "smua.trigger.source.action = smua.ENABLE smua.trigger.measure.action = 1",
    "smua.trigger.measure.iv(smua.nvbuffer1, smua.nvbuffer2)",
)


@pytest.mark.parametrize(
    ("source", "levels"),
    [
        ("linearv(0, 2, 5)", [0, 0.5, 1, 1.5, 2]),
        ("logv(0.01, 1, 3, 0)", [0.01, 0.1, 1]),
        ("listv({3, 1, 2})", [3, 1, 2]),
    ],
)
def test_voltage_sweeps(smu_bench, source, levels):
    smu_bench.send(*SET_UP, f"smua.trigger.source.{source}")
    smu_bench.send(f"smua.trigger.count = {len(levels)} smua.trigger.initiate()")
    smu_bench.send("waitcomplete()")
    count = len(levels)
    amps = smu_bench.numbers(f"printbuffer(1, {count}, smua.nvbuffer1)")
    volts = smu_bench.numbers(f"printbuffer(1, {count}, smua.nvbuffer2)")
    assert volts == pytest.approx([v / 1.00001 for v in levels], abs=2e-4)
    assert amps == pytest.approx([v / 1000.01 for v in levels], abs=2e-7)
    assert smu_bench.value("smua.source.levelv") == 0
    assert smu_bench.error() == 0


def test_a_sweep_is_as_fast_as_the_data_sheet_says(smu_bench):
    """12 000 source-measure points a second at 0.001 NPLC and 60 Hz."""
    smu_bench.send("localnode.linefreq = 60", *SET_UP)
    smu_bench.send("smua.trigger.source.linearv(0, 0.1, 600) smua.trigger.count = 600")
    seconds = smu_bench.time_of("smua.trigger.initiate() waitcomplete()")
    assert 600 / seconds == pytest.approx(12_000, rel=0.01)


def test_current_sweep_with_a_limit(smu_bench):
    smu_bench.send(*SET_UP, "smua.source.func = 0")
    smu_bench.send("smua.trigger.source.lineari(1e-3, 3e-3, 3)")
    smu_bench.send("smua.trigger.source.limitv = 2 smua.trigger.count = 3")
    smu_bench.send("smua.trigger.initiate() waitcomplete()")
    volts = smu_bench.numbers("printbuffer(1, 3, smua.nvbuffer2)")
    assert volts == pytest.approx([1.0, 2.0, 2.0], rel=1e-3)
    assert smu_bench.value("smua.source.limitv") == 20


@pytest.mark.parametrize(
    ("endpulse", "endsweep", "during", "after"),
    [(1, 0, 2.0, 0.5), (1, 1, 2.0, 2.0), (0, 0, 0.5, 0.5)],
)
def test_ends_of_pulse_and_sweep(smu_bench, endpulse, endsweep, during, after):
    """IDLE returns to the level that was set, HOLD stays (Rev. F p. 9-260)."""
    smu_bench.send(*SET_UP, "smua.source.levelv = 0.5")
    smu_bench.send(f"smua.trigger.endpulse.action = {endpulse}")
    smu_bench.send(f"smua.trigger.endsweep.action = {endsweep}")
    smu_bench.send("smua.trigger.source.listv({2}) smua.trigger.count = 1")
    smu_bench.send("smua.trigger.initiate() waitcomplete()")
    assert smu_bench.value("smua.source.levelv") == pytest.approx(after)
    volts = {round(volt, 1) for volt, _ in smu_bench.device.lived}
    assert 2.0 in volts
    assert during in volts


def test_arm_count_repeats_the_sweep(smu_bench):
    smu_bench.send(*SET_UP, "smua.trigger.source.listv({1, 2}) smua.trigger.count = 2")
    smu_bench.send("smua.trigger.arm.count = 3 smua.trigger.initiate()")
    smu_bench.send("waitcomplete()")
    assert smu_bench.value("smua.nvbuffer1.n") == 6


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ("smua.trigger.source.action = 1", 5059),
        ("smua.trigger.measure.action = 1", 5060),
        ("smua.trigger.source.stimulus = 99", -224),
        (
            "smua.source.output = 1 smua.source.rangev = 2 "
            "smua.trigger.source.action = 1 smua.trigger.source.listv({5})",
            5005,
        ),
    ],
)
def test_a_sweep_that_cannot_run(smu_bench, commands, code):
    smu_bench.send(commands, "smua.trigger.initiate()")
    assert smu_bench.error() == code
    assert smu_bench.value("smua.source.levelv") == 0


def test_the_source_delay_counts_in_sweeps(smu_bench):
    smu_bench.send(*SET_UP, "smua.source.delay = 0.1")
    smu_bench.send("smua.trigger.source.listv({0.1}) smua.trigger.count = 10")
    seconds = smu_bench.time_of("smua.trigger.initiate() waitcomplete()")
    reading = 0.001 / 50 + datasheet.MEASURE_OVERHEAD
    step = 0.1 + datasheet.SWEEP_SOURCE_TIME + reading
    assert seconds == pytest.approx(10 * step, rel=0.01)


def test_a_sweep_reads_what_a_loop_reads(make_smu_bench):
    """The same levels, once by the trigger model and once command by command."""
    swept, looped = make_smu_bench(), make_smu_bench()
    for bench in (swept, looped):
        bench.send(*SET_UP)
    swept.send("smua.trigger.source.linearv(-1, 1, 21) smua.trigger.count = 21")
    swept.send("smua.trigger.initiate() waitcomplete()")
    looped.send("smua.nvbuffer1.appendmode = 1 smua.nvbuffer2.appendmode = 1")
    looped.send(
        "for k = 0, 20 do smua.source.levelv = -1 + 0.1 * k "
        "smua.measure.iv(smua.nvbuffer1, smua.nvbuffer2) end"
    )
    for buffer in ("nvbuffer1", "nvbuffer2", "nvbuffer1.statuses"):
        command = f"printbuffer(1, 21, smua.{buffer})"
        assert swept.numbers(command) == looped.numbers(command)


def test_a_refused_sweep_leaves_the_settings(smu_bench):
    smu_bench.send("smua.source.output = 1 smua.trigger.source.listi({0.2})")
    smu_bench.send("smua.trigger.source.limitv = 100 smua.trigger.source.action = 1")
    smu_bench.send("smua.trigger.initiate()")
    assert smu_bench.error() == 5007
    values = smu_bench.values("smua.source.func, smua.source.limitv")
    assert values == [1, 20]
    assert smu_bench.value("status.operation.sweeping.condition") == 0
