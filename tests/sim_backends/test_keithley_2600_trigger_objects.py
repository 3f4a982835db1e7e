"""Timers, blenders, generators and the command trigger of the 2636B."""

from __future__ import annotations

from itertools import pairwise

import pytest


@pytest.fixture
def fired(smu_bench):
    """Return the bench times at which the event behind line 1's stimulus happened."""
    times = []
    smu_bench.smu.trigger_lines["digio1"].append(
        lambda: times.append(smu_bench.clock.now)
    )
    smu_bench.send("digio.trigger[1].mode = 1")
    return times


def intervals(times):
    return [b - a for a, b in pairwise(times)]


# -- timers: Rev. F p. 4-11 and 9-375 to 9-380 ----------------------------------------


@pytest.mark.parametrize(
    ("settings", "delays"),
    [
        ("t.delay = 0.25", [0.25]),
        ("t.delay = 0.25 t.count = 3", [0.25, 0.5, 0.75]),
        ("t.delay = 0.25 t.count = 2 t.passthrough = true", [0.0, 0.25, 0.5]),
        ("t.delaylist = {0.1, 0.3} t.count = 4", [0.1, 0.4, 0.5, 0.8]),
    ],
)
def test_when_a_timer_fires(smu_bench, fired, settings, delays):
    """Count events, each a delay after the one before; with pass-through one more."""
    smu_bench.send(f"t = trigger.timer[3] {settings}")
    smu_bench.send("t.stimulus = trigger.generator[1].EVENT_ID")
    smu_bench.send("digio.trigger[1].stimulus = t.EVENT_ID")
    smu_bench.send("digio.trigger[1].pulsewidth = 1e-6")
    start = smu_bench.clock.now
    smu_bench.send("trigger.generator[1].assert() delay(10)")
    begin = smu_bench.smu.timing.message
    assert fired == pytest.approx([start + begin + delay for delay in delays])


def test_a_timer_without_count_goes_on_until_it_is_reset(smu_bench, fired):
    smu_bench.send("t = trigger.timer[1] t.delay = 0.01 t.count = 0")
    smu_bench.send("t.stimulus = trigger.generator[2].EVENT_ID")
    smu_bench.send("digio.trigger[1].stimulus = t.EVENT_ID")
    smu_bench.send("trigger.generator[2].assert() delay(1.005) t.reset() delay(1)")
    assert len(fired) == 100
    assert intervals(fired) == pytest.approx([0.01] * 99)


def test_a_timer_ignores_a_start_while_it_delays(smu_bench, fired):
    overruns = "status.operation.instrument.trigger_timer.trigger_overrun"
    smu_bench.send("t = trigger.timer[2] t.delay = 0.5")
    smu_bench.send("t.stimulus = trigger.generator[1].EVENT_ID")
    smu_bench.send("digio.trigger[1].stimulus = t.EVENT_ID")
    smu_bench.send("trigger.generator[1].assert() delay(0.3)")
    smu_bench.send("trigger.generator[1].assert() delay(2)")
    assert len(fired) == 1
    assert smu_bench.value(f"{overruns}.condition") == 4
    assert smu_bench.value(f"{overruns}.TMR2") == 4


def test_waiting_for_a_timer_takes_its_delay(smu_bench):
    smu_bench.send("t = trigger.timer[1] t.delay = 0.5")
    smu_bench.send("t.stimulus = trigger.generator[1].EVENT_ID")
    wait = "trigger.generator[1].assert() print(t.wait({}))"
    seconds = smu_bench.time_of(wait.format(2))
    assert smu_bench.replies() == [b"true"]
    assert seconds == pytest.approx(0.5 + smu_bench.smu.timing.output)
    assert smu_bench.ask(wait.format(0.2)) == "false"


def test_overrun_of_a_timer(smu_bench):
    """Its own detector: a second event before anybody waited for the first."""
    smu_bench.send("t = trigger.timer[1] t.count = 2 t.delay = 0.1")
    smu_bench.send("t.stimulus = trigger.generator[1].EVENT_ID")
    smu_bench.send("trigger.generator[1].assert() delay(0.15)")
    assert smu_bench.ask("print(t.overrun)") == "false"
    smu_bench.send("delay(0.1)")
    assert smu_bench.ask("print(t.overrun)") == "true"
    smu_bench.send("t.clear()")
    assert smu_bench.ask("print(t.overrun, t.wait(0))") == "false\tfalse"


def test_attributes_of_a_timer(smu_bench):
    """Defaults, the list of delays, and which delay comes next (Rev. F p. 9-375)."""
    smu_bench.send("t = trigger.timer[8]")
    assert smu_bench.values("t.count, t.delay, t.stimulus") == [1, 1e-5, 0]
    assert smu_bench.ask("print(t.passthrough)") == "false"
    smu_bench.send("t.delaylist = {50e-6, 100e-6, 150e-6} list = t.delaylist")
    assert smu_bench.values("table.getn(list), list[1], list[3]") == [3, 5e-5, 1.5e-4]
    smu_bench.send("t.stimulus = trigger.generator[1].EVENT_ID")
    smu_bench.send("trigger.generator[1].assert() delay(1)")
    assert smu_bench.value("t.delay") == 1e-4
    smu_bench.send("t.reset()")
    assert smu_bench.values("t.delay, t.stimulus") == [1e-5, 0]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("delay = 7e-6", 1102),
        ("delay = 2e5", 1101),
        ("delaylist = {10e-6, 20e-6}", 1102),  # their mean is below 50 us
        ("delaylist = {}", -224),
        ("count = 1048576", 1101),
        ("passthrough = 1", -224),
        ("stimulus = 7777", -224),
    ],
)
def test_what_a_timer_refuses(smu_bench, command, code):
    smu_bench.send(f"trigger.timer[1].{command}")
    assert smu_bench.error() == code
    assert smu_bench.values("trigger.timer[1].delay, trigger.timer[1].count") == [
        1e-5,
        1,
    ]


# -- blenders: Rev. F p. 9-369 to 9-373 -----------------------------------------------


@pytest.fixture
def blender(smu_bench, fired):
    smu_bench.send("b = trigger.blender[1] g = trigger.generator")
    smu_bench.send("b.stimulus[1] = g[1].EVENT_ID b.stimulus[3] = g[2].EVENT_ID")
    smu_bench.send("digio.trigger[1].stimulus = b.EVENT_ID")
    smu_bench.send("digio.trigger[1].pulsewidth = 1e-6")
    return fired


def test_a_blender_waits_for_all_its_events(smu_bench, blender):
    smu_bench.send("g[1].assert()")
    assert blender == []
    smu_bench.send("g[2].assert()")
    assert len(blender) == 1
    smu_bench.send("g[2].assert()", "g[1].assert()")
    assert len(blender) == 2


def test_a_blender_takes_any_event(smu_bench, blender):
    smu_bench.send("b.orenable = true", "g[1].assert()", "g[2].assert()")
    assert len(blender) == 2


def test_an_event_again_before_all_came_is_an_overrun(smu_bench, blender):
    overruns = "status.operation.instrument.trigger_blender.trigger_overrun"
    smu_bench.send("g[1].assert()", "g[1].assert()")
    assert blender == []
    assert smu_bench.value(f"{overruns}.condition") == 2
    smu_bench.send("b.clear()")
    assert smu_bench.value(f"{overruns}.condition") == 0


def test_attributes_of_a_blender(smu_bench, blender):
    assert smu_bench.values("b.stimulus[1], b.stimulus[2]") == [
        smu_bench.value("g[1].EVENT_ID"),
        0,
    ]
    smu_bench.send("g[1].assert() g[2].assert()")
    assert smu_bench.ask("print(b.wait(0), b.wait(0.1))") == "true\tfalse"
    smu_bench.send("b.orenable = true b.reset()")
    assert smu_bench.value("b.stimulus[1]") == 0
    assert smu_bench.ask("print(b.orenable)") == "false"


def test_blenders_in_a_ring_do_not_hang(smu_bench):
    """Two that set each other off without a delay are cut off."""
    smu_bench.send("a = trigger.blender[1] b = trigger.blender[2]")
    smu_bench.send("a.orenable = true b.orenable = true")
    smu_bench.send("a.stimulus[1] = b.EVENT_ID b.stimulus[1] = a.EVENT_ID")
    smu_bench.send("a.stimulus[2] = trigger.generator[1].EVENT_ID")
    smu_bench.send("trigger.generator[1].assert()")
    assert smu_bench.ask("print(a.wait(0), b.wait(0))") == "true\ttrue"


# -- command trigger and event numbers ------------------------------------------------


def test_the_command_trigger(smu_bench):
    assert smu_bench.ask("print(trigger.wait(0))") == "false"
    smu_bench.send("*TRG")
    assert smu_bench.ask("print(trigger.wait(0))") == "true"
    smu_bench.smu.group_trigger()
    smu_bench.send("trigger.clear()")
    assert smu_bench.ask("print(trigger.wait(0.5))") == "false"


def test_every_event_has_a_number_of_its_own(smu_bench):
    names = ["trigger.EVENT_ID", "display.trigger.EVENT_ID"]
    counts = {
        "digio.trigger": 14,
        "tsplink.trigger": 3,
        "lan.trigger": 8,
        "trigger.timer": 8,
        "trigger.blender": 6,
        "trigger.generator": 2,
    }
    for name, count in counts.items():
        names += [f"{name}[{index}].EVENT_ID" for index in range(1, count + 1)]
    for channel in ("smua", "smub"):
        for name in ["SWEEPING", "ARMED", "SOURCE_COMPLETE", "MEASURE_COMPLETE"]:
            names.append(f"{channel}.trigger.{name}_EVENT_ID")
        for name in ["PULSE_COMPLETE", "SWEEP_COMPLETE", "IDLE"]:
            names.append(f"{channel}.trigger.{name}_EVENT_ID")
    numbers = [smu_bench.value(name) for name in names]
    assert len(set(numbers)) == len(names)
    for number in numbers:
        smu_bench.send(f"smua.trigger.arm.stimulus = {number}")
        assert smu_bench.value("smua.trigger.arm.stimulus") == number
    assert smu_bench.error() == 0
