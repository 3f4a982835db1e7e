"""The 2636B's digital lines, as bits and as triggers."""

from __future__ import annotations

import pytest

from labneuro.sim_backends.keithley_2600.datasheet import TRIGGER_TIME


@pytest.fixture
def edges(smu_bench):
    """Return the bench times at which edges left line 1."""
    times = []
    smu_bench.smu.trigger_lines["digio1"].append(
        lambda: times.append(smu_bench.clock.now)
    )
    return times


def test_bits_and_port(smu_bench):
    smu_bench.send("digio.writeport(0) digio.writebit(3, 1) digio.writebit(14, 1)")
    assert smu_bench.value("digio.readport()") == 4 + 8192
    assert smu_bench.values("digio.readbit(3), digio.readbit(4)") == [1, 0]
    smu_bench.send("digio.writeprotect = 4 digio.writeport(0)")
    assert smu_bench.value("digio.readport()") == 4
    smu_bench.send("digio.writebit(3, 0)")
    assert smu_bench.value("digio.readport()") == 4


@pytest.mark.parametrize("mode", range(1, 9))
def test_an_assertion_leaves_at_once(smu_bench, edges, mode):
    """Every mode but bypass puts out a pulse."""
    smu_bench.send(f"digio.trigger[1].mode = {mode}", "timer.reset()")
    smu_bench.send("delay(0.5) digio.trigger[1].assert() delay(0.5)")
    assert len(edges) == 1
    assert smu_bench.value("timer.measure.t()") > 1.0


def test_a_line_in_bypass_mode_asserts_nothing(smu_bench, edges):
    smu_bench.send("digio.trigger[1].assert()")
    assert edges == []


def test_an_edge_is_detected_once(smu_bench):
    smu_bench.send("digio.trigger[2].mode = digio.TRIG_FALLING")
    smu_bench.smu.trigger_in("digio2")
    assert smu_bench.ask("print(digio.trigger[2].wait(1))") == "true"
    assert smu_bench.ask("print(digio.trigger[2].wait(1))") == "false"


def test_waiting_takes_time(smu_bench):
    """An edge costs what the data sheet's rates leave for it, none the time-out."""
    smu_bench.send("digio.trigger[2].mode = 1")
    assert smu_bench.time_of("digio.trigger[2].wait(0.75)") == pytest.approx(0.75)
    smu_bench.smu.trigger_in("digio2")
    assert smu_bench.time_of("digio.trigger[2].wait(0.75)") == pytest.approx(
        TRIGGER_TIME
    )


@pytest.mark.parametrize("mode", [0, 8])
def test_modes_without_detection(smu_bench, mode):
    smu_bench.send(f"digio.trigger[2].mode = {mode}")
    smu_bench.smu.trigger_in("digio2")
    assert smu_bench.ask("print(digio.trigger[2].wait(0))") == "false"


def test_an_overrun_is_a_second_edge_before_the_first_was_taken(smu_bench):
    smu_bench.send("digio.trigger[2].mode = 3")
    smu_bench.smu.trigger_in("digio2")
    assert smu_bench.ask("print(digio.trigger[2].overrun)") == "false"
    smu_bench.smu.trigger_in("digio2")
    assert smu_bench.ask("print(digio.trigger[2].overrun)") == "true"
    smu_bench.send("digio.trigger[2].clear()")
    assert smu_bench.ask("print(digio.trigger[2].overrun)") == "false"
    assert smu_bench.ask("print(digio.trigger[2].wait(0))") == "false"


def test_reset_returns_a_line_to_bypass(smu_bench):
    line = "digio.trigger[5]"
    smu_bench.send(f"{line}.mode = 2 {line}.pulsewidth = 1e-3 {line}.stimulus = 7")
    assert smu_bench.value(f"{line}.stimulus") == 7
    smu_bench.send(f"{line}.reset()")
    assert smu_bench.values(f"{line}.mode, {line}.pulsewidth, {line}.stimulus") == [
        0,
        1e-5,
        0,
    ]


def test_every_line_is_an_output_and_an_input(smu_bench):
    smu = smu_bench.smu
    assert len(smu.trigger_outputs) == len(smu.trigger_inputs) == 14
    smu_bench.send("for k = 1, 14 do digio.trigger[k].mode = 1 end")
    for line in smu.trigger_inputs:
        smu.trigger_in(line)
    found = "for k = 1, 14 do print(digio.trigger[k].wait(0)) end"
    smu_bench.send(found)
    assert smu_bench.replies() == [b"true"] * 14


@pytest.mark.parametrize("written", [1, 0])
def test_rising_mode_goes_by_the_written_bit(smu_bench, written):
    """High: it detects, as TRIG_RISINGA; low: it does not, as TRIG_RISINGM."""
    smu_bench.send(f"digio.writebit(2, {written}) digio.trigger[2].mode = 2")
    smu_bench.smu.trigger_in("digio2")
    expected = "true" if written else "false"
    assert smu_bench.ask("print(digio.trigger[2].wait(0))") == expected


def test_the_line_during_a_pulse(smu_bench):
    """A pulse is low for its width; one of width 0 lasts until it is released."""
    smu_bench.send("t = digio.trigger[1] t.mode = digio.TRIG_FALLING")
    smu_bench.send("t.pulsewidth = 0.5 t.assert()")
    assert smu_bench.value("digio.readbit(1)") == 0
    smu_bench.send("delay(0.5)")
    assert smu_bench.value("digio.readbit(1)") == 1
    smu_bench.send("t.pulsewidth = 0 t.assert() delay(100)")
    assert smu_bench.value("digio.readport()") == 2**14 - 2
    smu_bench.send("t.release()")
    assert smu_bench.value("digio.readbit(1)") == 1


def test_a_rising_master_pulses_high(smu_bench):
    smu_bench.send("t = digio.trigger[1] t.mode = digio.TRIG_RISINGM t.pulsewidth = 1")
    assert smu_bench.value("digio.readbit(1)") == 0
    smu_bench.send("t.assert()")
    assert smu_bench.value("digio.readbit(1)") == 1


def test_an_acceptor_holds_the_line_until_it_asserts(smu_bench):
    """TRIG_SYNCHRONOUSA latches the line at an edge; its output trigger lets go."""
    smu_bench.send("digio.trigger[3].mode = digio.TRIG_SYNCHRONOUSA")
    smu_bench.smu.trigger_in("digio3")
    assert smu_bench.value("digio.readbit(3)") == 0
    smu_bench.send("digio.trigger[3].assert()")
    assert smu_bench.value("digio.readbit(3)") == 1


def test_an_event_is_passed_from_line_to_line(smu_bench, edges):
    smu_bench.send("digio.trigger[1].mode = 1 digio.trigger[2].mode = 1")
    smu_bench.send("digio.trigger[1].stimulus = digio.trigger[2].EVENT_ID")
    start = smu_bench.clock.now
    smu_bench.smu.trigger_in("digio2")
    assert edges == [start]


def test_a_stimulus_during_a_pulse_is_an_action_overrun(smu_bench, edges):
    overruns = "status.operation.instrument.digio.trigger_overrun"
    smu_bench.send("digio.trigger[1].mode = 1 digio.trigger[1].pulsewidth = 1")
    smu_bench.send("digio.trigger[1].stimulus = trigger.generator[1].EVENT_ID")
    smu_bench.send(f"{overruns}.enable = 2", "trigger.generator[1].assert()")
    assert smu_bench.value(f"{overruns}.condition") == 0
    smu_bench.send("trigger.generator[1].assert()")
    assert len(edges) == 1
    assert smu_bench.value(f"{overruns}.condition") == 2
    assert smu_bench.value("status.operation.trigger_overrun.condition") == 4096
    smu_bench.send("digio.trigger[1].clear()")
    assert smu_bench.value(f"{overruns}.condition") == 0


@pytest.mark.parametrize("event", ["15", "99", "1000"])
def test_a_stimulus_that_is_no_event(smu_bench, event):
    smu_bench.send(f"digio.trigger[1].stimulus = {event}")
    assert smu_bench.error() == -224
    assert smu_bench.value("digio.trigger[1].stimulus") == 0
