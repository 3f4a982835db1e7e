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
