"""Operations of the 2636B that go on while further commands are taken."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keithley_2600.instrument import Keithley2636B
from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000
from labneuro.sim_backends.wiring import Circuit

SWEEPING = "status.operation.sweeping.condition"
SLOW_SWEEP = (
    "smua.source.output = 1 smua.trigger.source.listv({1, 2, 3}) smua.source.delay = 1",
    "smua.trigger.source.action = 1 smua.trigger.count = 3",
    "smua.trigger.measure.i(smua.nvbuffer1) smua.trigger.measure.action = 1",
)


# -- what a client sees of a sweep ----------------------------------------------------


def test_a_sweep_is_seen_running_and_then_done(smu_bench):
    """As a client that polls the status model meets it."""
    smu_bench.send(*SLOW_SWEEP, "smua.trigger.initiate()")
    assert smu_bench.value(SWEEPING) == 2
    assert smu_bench.value(SWEEPING) == 0
    assert smu_bench.value("smua.nvbuffer1.n") == 3


def test_a_short_sweep_is_seen_too(smu_bench):
    """It has ended before the client looks: it shows as running once."""
    smu_bench.send(*SLOW_SWEEP, "smua.source.delay = 0 smua.measure.nplc = 0.001")
    smu_bench.send("smua.trigger.initiate()", "local nothing", "local nothing")
    smu_bench.send("local nothing")
    assert smu_bench.smu.triggering.operations.active is False
    assert smu_bench.value(SWEEPING) == 2
    assert smu_bench.value(SWEEPING) == 0


def test_nothing_shows_long_after_the_end(smu_bench):
    smu_bench.send(*SLOW_SWEEP, "smua.trigger.initiate()", "delay(10)")
    assert smu_bench.value(SWEEPING) == 0


def test_within_a_script_time_is_exact(smu_bench):
    """A script that watches its own sweep sees it as long as it takes."""
    smu_bench.send(*SLOW_SWEEP, "smua.measure.nplc = 0.001 smua.measure.autozero = 0")
    smu_bench.send("smua.trigger.initiate() timer.reset()")
    seconds = smu_bench.time_of(f"while {SWEEPING} > 0 do delay(0.01) end")
    assert seconds == pytest.approx(3, rel=0.01)  # a later message: it waits
    smu_bench.send("smua.abort()")
    looks = f"n = 0 while {SWEEPING} > 0 do n = n + 1 delay(0.01) end print(n)"
    smu_bench.send(f"smua.trigger.initiate() {looks}")
    (count,) = smu_bench.replies()
    assert float(count) == pytest.approx(300, abs=5)


def test_the_registers_of_a_sweep(smu_bench):
    """SWE and SMUA in the operation registers; an enabled one reaches the OSB."""
    smu_bench.send("status.operation.sweeping.enable = 2 status.operation.enable = 8")
    smu_bench.send(*SLOW_SWEEP, "smua.trigger.initiate()")
    assert smu_bench.value("status.operation.instrument.smua.condition") == 8
    smu_bench.send("smua.trigger.arm.stimulus = trigger.EVENT_ID smua.abort()")
    smu_bench.send("smua.trigger.initiate()")
    assert smu_bench.value("status.operation.condition") == 8
    assert smu_bench.smu.status_byte() & 128


def test_serial_polls_let_a_sweep_end(smu_bench):
    """A service request at the end of the sweep reaches a client that only polls."""
    smu_bench.send(
        "status.operation.sweeping.ntr = 2 status.operation.sweeping.ptr = 0"
    )
    smu_bench.send("status.operation.sweeping.enable = 2 status.operation.enable = 8")
    smu_bench.send(*SLOW_SWEEP, "status.request_enable = 128 smua.trigger.initiate()")
    polls = 0
    while not smu_bench.smu.status_byte() & 64:
        polls += 1
        assert polls < 20
    assert smu_bench.value("smua.nvbuffer1.n") == 3


# -- waiting for the end --------------------------------------------------------------


@pytest.mark.parametrize("wait", ["waitcomplete()", "waitcomplete(0)", "*WAI"])
def test_waiting_takes_as_long_as_the_sweep(smu_bench, wait):
    smu_bench.send(*SLOW_SWEEP, "smua.measure.nplc = 0.001 smua.measure.autozero = 0")
    start = smu_bench.clock.now
    smu_bench.send("smua.trigger.initiate()", wait)
    assert smu_bench.clock.now - start == pytest.approx(3.0, rel=2e-3)
    assert smu_bench.value(SWEEPING) == 0


def test_the_query_answers_when_all_is_complete(smu_bench):
    smu_bench.send(*SLOW_SWEEP)
    start = smu_bench.clock.now
    smu_bench.send("smua.trigger.initiate()")
    assert smu_bench.ask("*OPC?") == "1"
    assert smu_bench.clock.now - start > 3.0


@pytest.mark.parametrize("command", ["*OPC", "opc()"])
def test_operation_complete_does_not_wait(smu_bench, command):
    """The bit is set at the end of the sweep, here when the client asks again."""
    smu_bench.send("*CLS", *SLOW_SWEEP, "smua.trigger.initiate()", command)
    assert int(smu_bench.ask("*ESR?")) & 1 == 0
    assert int(smu_bench.ask("*ESR?")) & 1 == 1
    smu_bench.send(command)
    assert int(smu_bench.ask("*ESR?")) & 1 == 1


@pytest.mark.parametrize("ending", ["clear", "abort"])
def test_a_sweep_that_waits_for_an_edge_stays_running(smu_bench, ending):
    """waitcomplete() then ends with a device clear or an abort, and nothing else."""
    smu = smu_bench.smu
    smu_bench.send("smua.trigger.arm.stimulus = digio.trigger[1].EVENT_ID")
    smu_bench.send("smua.trigger.initiate()")
    for _ in range(3):
        assert smu_bench.value(SWEEPING) == 2
    smu.write(b"waitcomplete() print('done')")
    assert smu.busy
    assert not smu.wait_idle(0.05)
    if ending == "clear":
        smu.clear()
    else:
        smu.write(b"abort")
    assert smu.wait_idle(10)
    assert smu_bench.replies() == []
    assert smu_bench.value(SWEEPING) == 0


def test_reset_ends_a_sweep(smu_bench):
    smu_bench.send(*SLOW_SWEEP, "smua.trigger.source.limiti = 1e-3")
    smu_bench.send("smua.trigger.initiate()", "reset()")
    values = f"{SWEEPING}, smua.source.levelv, smua.source.limiti"
    assert smu_bench.values(values) == [0, 0, 0.1]


def test_abort_leaves_the_level(smu_bench):
    """The output is not turned off (2600A p. 19-103); the idle event comes."""
    edges = []
    smu_bench.smu.trigger_lines["digio1"].append(lambda: edges.append(1))
    smu_bench.send("digio.trigger[1].mode = 1")
    smu_bench.send("digio.trigger[1].stimulus = smua.trigger.IDLE_EVENT_ID")
    smu_bench.send(*SLOW_SWEEP, "smua.trigger.initiate() delay(1.5) smua.abort()")
    assert edges == [1]
    assert smu_bench.values("smua.source.output, smua.source.levelv") == [1, 2]
    start = smu_bench.clock.now
    smu_bench.send("waitcomplete()")
    assert smu_bench.clock.now - start < 0.1


# -- overlapped measurements ----------------------------------------------------------


def test_an_overlapped_measurement_fills_its_buffers(smu_bench):
    smu_bench.send("smua.source.output = 1 smua.source.levelv = 2")
    smu_bench.send("smua.measure.count = 5 smua.measure.nplc = 1")
    smu_bench.send("smua.measure.overlappediv(smua.nvbuffer1, smua.nvbuffer2)")
    assert smu_bench.value("status.operation.measuring.condition") == 2
    smu_bench.send("waitcomplete()")
    assert smu_bench.value("status.operation.measuring.condition") == 0
    amps = smu_bench.numbers("printbuffer(1, 5, smua.nvbuffer1)")
    volts = smu_bench.numbers("printbuffer(1, 5, smua.nvbuffer2)")
    assert amps == pytest.approx([2e-3] * 5, rel=1e-3)
    assert volts == pytest.approx([2.0] * 5, rel=1e-3)


def test_both_channels_measure_in_the_time_of_one(smu_bench):
    smu_bench.send("smua.measure.autozero = 0 smub.measure.autozero = 0")
    smu_bench.send("smua.measure.nplc = 25 smub.measure.nplc = 25")
    smu_bench.send("smua.measure.rangei = 1 smub.measure.rangei = 1")
    smu_bench.send("smua.measure.delay = 0 smub.measure.delay = 0")
    seconds = smu_bench.time_of(
        "smua.measure.overlappedi(smua.nvbuffer1) "
        "smub.measure.overlappedi(smub.nvbuffer1) waitcomplete()"
    )
    assert seconds == pytest.approx(0.5, rel=1e-3)
    assert smu_bench.values("smua.nvbuffer1.n, smub.nvbuffer1.n") == [1, 1]


def test_an_overlapped_reading_averages_over_a_change(smu_bench):
    """The script doubles the level in the middle of 20 ms of integration."""
    smu_bench.send("smua.measure.autozero = 0 smua.measure.delay = 0")
    smu_bench.send("smua.measure.rangei = 0.1 smua.source.rangev = 20")
    smu_bench.send("smua.source.output = 1 smua.source.levelv = 1")
    smu_bench.send(
        "smua.measure.overlappedi(smua.nvbuffer1) delay(10e-3) "
        "smua.source.levelv = 2 waitcomplete()"
    )
    amps = smu_bench.numbers("printbuffer(1, 1, smua.nvbuffer1)")
    assert amps == pytest.approx([1.5e-3], rel=1e-2)


@pytest.mark.parametrize(
    ("filter_type", "readings"),
    [(0, 3), (1, 3), (2, 3)],
    ids=["moving", "repeat", "median"],
)
def test_overlapped_readings_are_filtered_as_others(smu_bench, filter_type, readings):
    """As long, and with the same result, as the command that waits."""
    smu_bench.send("smua.source.output = 1 smua.source.levelv = 1")
    smu_bench.send("smua.measure.autozero = 0 smua.measure.rangei = 0.01")
    smu_bench.send(f"smua.measure.filter.type = {filter_type}")
    smu_bench.send(f"smua.measure.filter.count = {readings}")
    smu_bench.send("smua.measure.filter.enable = 1 smua.measure.rel.enablei = 1")
    smu_bench.send("smua.measure.rel.leveli = 0.5e-3")
    first = smu_bench.time_of("smua.measure.r(smua.nvbuffer2)")
    waiting = smu_bench.time_of("smua.measure.i(smua.nvbuffer1)")
    expected = smu_bench.numbers("printbuffer(1, 1, smua.nvbuffer1)")
    smu_bench.send("smua.measure.r(smua.nvbuffer2)")
    overlapped = smu_bench.time_of(
        "smua.measure.overlappedi(smua.nvbuffer2) waitcomplete()"
    )
    assert first == pytest.approx(waiting)
    assert overlapped == pytest.approx(waiting)
    assert smu_bench.numbers("printbuffer(1, 1, smua.nvbuffer2)") == expected


def test_an_overlapped_reading_finds_its_range(smu_bench):
    smu_bench.send("smua.source.output = 1 smua.source.levelv = 1e-3")
    smu_bench.send("smua.measure.i()", "smua.source.levelv = 10")
    smu_bench.send("smua.measure.overlappedi(smua.nvbuffer1) waitcomplete()")
    amps = smu_bench.numbers("printbuffer(1, 1, smua.nvbuffer1)")
    assert amps == pytest.approx([10e-3], rel=1e-3)


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ("smua.trigger.initiate() smua.trigger.initiate()", 5042),
        ("smua.trigger.initiate() smua.measure.overlappedi(smua.nvbuffer1)", 5042),
        ("smua.measure.overlappediv(smua.nvbuffer1, smua.nvbuffer1)", 5040),
        ("smua.measure.overlappedi()", 1401),
    ],
)
def test_what_cannot_overlap(smu_bench, commands, code):
    smu_bench.send("smua.trigger.arm.stimulus = trigger.EVENT_ID", commands)
    assert smu_bench.error() == code
    assert smu_bench.error() == 0


# -- with another instrument ----------------------------------------------------------


def test_each_point_of_a_sweep_fires_a_pulse_of_the_generator(make_resistor):
    """digio1 triggers a burst of the AFG at the other end; the readings show it."""
    clock = VirtualClock()
    nets = [["smu.smua", "device.high"], ["device.low", "afg.ch1"]]
    circuit = Circuit(clock, nets, make_resistor(950.0))
    shared = Surroundings(clock, circuit, np.random.default_rng(1), 50.0, False)
    smu, afg = Keithley2636B("smu", shared), TektronixAfg31000("afg", shared)
    smu.trigger_lines["digio1"].append(lambda: afg.trigger_in("trigger"))
    for message in (
        "*RST",
        "SOURce1:FUNCtion PULSe",
        "SOURce1:FREQuency 10",
        "SOURce1:PULSe:WIDTh 10ms",
        "OUTPut1:IMPedance INFinity",
        "SOURce1:VOLTage:HIGH 2V",
        "SOURce1:VOLTage:LOW 0V",
        "SOURce1:BURSt:STATe ON",
        "SOURce1:BURSt:MODE TRIGgered",
        "SOURce1:BURSt:NCYCles 1",
        "TRIGger:SEQuence:SOURce EXTernal",
        "OUTPut1:STATe ON",
    ):
        afg.write(message.encode())
    smu.write(
        b"smua.measure.autozero = 0 smua.measure.delay = 0 smua.measure.nplc = 1 "
        b"smua.measure.rangei = 0.1 smua.source.output = 1 "
        b"digio.trigger[1].mode = digio.TRIG_FALLING "
        b"digio.trigger[1].stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID "
        b"smua.trigger.source.listv({0, 1}) smua.trigger.source.action = 1 "
        b"smua.trigger.measure.i(smua.nvbuffer1) smua.trigger.measure.action = 1 "
        b"smua.source.delay = 0.2 smua.trigger.count = 2 smua.trigger.initiate() "
        b"waitcomplete() printbuffer(1, 2, smua.nvbuffer1)"
    )
    assert smu.wait_idle(30)
    reply = smu.next_reply()
    assert reply is not None
    amps = [float(word) for word in reply.content.split(b", ")]
    # Of 20 ms of integration the generator is at 2 V for nearly 10 ms.
    expected = [(0.0 - 0.998) / 1000.0, (1.0 - 0.998) / 1000.0]
    assert amps == pytest.approx(expected, abs=3e-6)


# -- on a clock that runs with the wall -----------------------------------------------


def test_a_sweep_on_a_real_clock(make_smu_bench):
    """It takes its time, is seen running at its pace, and waiting ends with it."""
    bench = make_smu_bench(real=True)
    bench.send(*SLOW_SWEEP, "smua.source.delay = 0.03 smua.measure.nplc = 0.1")
    bench.send("smua.measure.autozero = 0 smua.trigger.initiate()")
    start = bench.clock.now
    assert bench.value(SWEEPING) == 2
    bench.send("waitcomplete()")
    assert bench.clock.now - start == pytest.approx(0.1, abs=0.03)
    assert bench.values(f"{SWEEPING}, smua.nvbuffer1.n") == [0, 3]


def test_an_edge_from_elsewhere_ends_a_wait_on_a_real_clock(make_smu_bench):
    bench = make_smu_bench(real=True)
    bench.send("digio.trigger[1].mode = 1")
    bench.smu.write(b"print(digio.trigger[1].wait(20))")
    assert bench.smu.busy
    bench.smu.trigger_in("digio1")
    assert bench.smu.wait_idle(10)
    assert bench.replies() == [b"true"]
