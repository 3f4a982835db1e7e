"""The TSP engine: messages, scripts, common commands, status, abort, output formats."""

from __future__ import annotations

import gc
import struct
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from labneuro.sim_backends.tsp.worker import Worker
from labneuro.sim_backends.turn import Turn

ENDLESS = "while true do delay(1e-6) end"
PATIENCE = 30.0


@pytest.mark.parametrize(
    ("message", "replies"),
    [
        ("print(1)", ["1.00000e+00"]),
        ("print(1) print(2)", ["1.00000e+00", "2.00000e+00"]),
        ("print(1)\nprint(2)\r\nprint(3)\r\n", ["1.00000e+00", "2.00000e+00"]),
        ("x = 5\nprint(x)", ["5.00000e+00"]),
        ("local x = 5\nprint(x)", ["nil"]),
        ("  \n\nprint('a')", ["a"]),
        ("*OPC?", ["1"]),
        ("*TST?", ["0"]),
        ("*opc?", ["1"]),
        ("*ESE 36\n*ESE?", ["36"]),
        ("*SRE 255\n*SRE?", ["191"]),
        ("*WAI\nprint(4)", ["4.00000e+00"]),
        ("loadscript s\nprint(6)\nendscript\ns()\ns.run()", ["6.00000e+00"] * 2),
        ("loadscript\nprint(7)\nendscript\nscript.run()", ["7.00000e+00"]),
        ("loadandrunscript\nprint(8)\nendscript", ["8.00000e+00"]),
        ("loadandrunscript s\r\nprint(9)\r\nendscript\r\n", ["9.00000e+00"]),
        (
            "loadscript s\nx = 1\nprint(x)\nendscript\nrun = s.run run()",
            ["1.00000e+00"],
        ),
        ("loadscript s\nprint(1)\nabort\nendscript", []),
        ("exit() print(1)", []),
        ("printnumber(1, 2.5)", ["1.00000e+00, 2.50000e+00"]),
        ("printbuffer(1, 3, {4, 5, 6})", ["4.00000e+00, 5.00000e+00, 6.00000e+00"]),
        ("printbuffer(2, 2, {4, 5, 6})", ["5.00000e+00"]),
        (
            "printbuffer(1, 2, {1, 2}, {3, 4})",
            ["1.00000e+00, 3.00000e+00, 2.00000e+00, 4.00000e+00"],
        ),
        ("format.asciiprecision = 10 printnumber(1/3)", ["3.333333333e-01"]),
        ("format.asciiprecision = 2 print(1/3)", ["3.3e-01"]),
        ("print(delay, 1) ", None),
    ],
)
def test_messages_and_replies(smu_bench, message, replies):
    """One message, as it comes over the wire, and the response messages it makes."""
    smu_bench.send(message)
    got = [reply.decode() for reply in smu_bench.replies()]
    if replies is None:
        assert got[0].startswith("function: 0x")
    else:
        assert got[: len(replies)] == replies
        assert len(got) == message.count("print(3)") + len(replies)


def test_a_script_may_come_in_several_messages(smu_bench):
    smu_bench.send("loadscript parts", "print(1)", "print(2)", "endscript", "parts()")
    assert smu_bench.replies() == [b"1.00000e+00", b"2.00000e+00"]


def test_an_empty_error_queue(smu_bench):
    assert smu_bench.ask("print(errorqueue.next())") == (
        "0.00000e+00\tQueue Is Empty\t0.00000e+00\t1.00000e+00"
    )
    assert smu_bench.value("errorqueue.count") == 0


@pytest.mark.parametrize(
    ("message", "entry"),
    [
        ("x =", "-2.85000e+02\tTSP Syntax error at line 1: unexpected symbol near"),
        ("*NONSENSE", "-2.85000e+02\tTSP Syntax error at line 1: unexpected symbol"),
        ("*ESE", "-2.85000e+02\tTSP Syntax error at line 1"),
        (
            "nothing.there()",
            "-2.86000e+02\tTSP Runtime error at line 1: attempt to index global",
        ),
        ("delay('x')", "-2.86000e+02\tTSP Runtime error at line 1: number expected"),
        ("delay(-1)", "1.10200e+03\tParameter Too Small\t2.00000e+01\t1.00000e+00"),
        ("delay(1e6)", "1.10100e+03\tParameter Too Big\t2.00000e+01\t1.00000e+00"),
        ("*ESE 300", "-2.22000e+02\tParameter Data Out of Range"),
        ("format.data = 9", "1.40600e+03\tInvalid data format"),
        ("format.byteorder = 9", "1.40400e+03\tInvalid byte order"),
        ("format.asciiprecision = 17", "1.40500e+03\tInvalid ASCII precision"),
        ("loadscript s\nx =\nendscript", "-2.85000e+02\tTSP Syntax error at line 1"),
        (
            "loadandrunscript\n\nx.y = 1\nendscript",
            "-2.86000e+02\tTSP Runtime error at",
        ),
        ("printbuffer(1, 2, 'x')", "1.40100e+03\tParameter 3 is invalid"),
        ("string.rep('x', 2^30)", "-2.25000e+02\tOut of Memory or TSP Memory"),
    ],
)
def test_errors_reach_the_queue(smu_bench, message, entry):
    """Mistakes answer nothing and leave number, text, severity and node."""
    smu_bench.send(message)
    assert smu_bench.replies() == []
    found = smu_bench.ask("print(errorqueue.next())")
    assert found.startswith(entry)
    assert found.endswith("\t2.00000e+01\t1.00000e+00")
    assert smu_bench.error() == 0


def test_a_run_time_error_aborts_the_script_another_error_does_not(smu_bench):
    smu_bench.send("print(1) format.data = 9 print(2) nothing.there() print(3)")
    assert smu_bench.replies() == [b"1.00000e+00", b"2.00000e+00"]
    assert [smu_bench.error(), smu_bench.error()] == [1406, -286]


def test_a_table_printed_beyond_its_end_is_filled_up(smu_bench):
    values = smu_bench.numbers("printbuffer(0, 4, {4, 5, 6})")
    assert values == [9.91e37, 4.0, 5.0, 6.0, 9.91e37]
    assert smu_bench.error() == 4900


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("format.data = format.REAL32", "<2f"),
        ("format.data = format.SREAL format.byteorder = format.NORMAL", ">2f"),
        ("format.data = format.REAL64", "<2d"),
        ("format.data = format.DREAL format.byteorder = format.BIGENDIAN", ">2d"),
        ("format.data = 3 format.byteorder = format.SWAPPED", "<2d"),
    ],
)
def test_binary_formats(smu_bench, settings, code):
    """Binary data follow #0, little endian unless told otherwise."""
    smu_bench.send(settings, "printbuffer(1, 2, {1.5, -2.25})")
    (reply,) = smu_bench.replies()
    assert reply[:2] == b"#0"
    assert struct.unpack(code, reply[2:]) == (1.5, -2.25)


def test_binary_columns_interleave(smu_bench):
    smu_bench.send("format.data = 3 printbuffer(1, 2, {1, 2}, {10, 20})")
    (reply,) = smu_bench.replies()
    assert np.frombuffer(reply[2:], "<f8").tolist() == [1.0, 10.0, 2.0, 20.0]


# -- running scripts ------------------------------------------------------------------


def start_endless(bench):
    """Send a script that does not end; the sender is not kept."""
    bench.smu.write(ENDLESS.encode())
    assert bench.smu.busy


def test_the_sender_is_not_kept_by_an_endless_script(smu_bench):
    start_endless(smu_bench)
    assert not smu_bench.smu.wait_idle(0.01)
    smu_bench.smu.clear()
    assert not smu_bench.smu.busy


def test_device_clear_aborts_what_runs_and_empties_the_queues(smu_bench):
    """After a device clear the instrument works again; the abort is in the queue."""
    smu_bench.smu.write(f"print(1) {ENDLESS}".encode())
    smu_bench.smu.write(b"print(2)")
    smu_bench.smu.clear()
    assert smu_bench.replies() == []
    assert smu_bench.value("3") == 3.0
    assert "User Abort" in smu_bench.ask("print(errorqueue.next())")


@pytest.mark.parametrize(
    "script",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "loadandrunscript\nwhile true do smua.measure.i() end\nendscript",
    ],
)
def test_abort_ends_a_script(smu_bench, script):
    smu_bench.smu.write(script.encode())
    assert smu_bench.smu.busy
    smu_bench.smu.write(b"abort")
    assert not smu_bench.smu.busy
    assert smu_bench.error() == -286
    assert smu_bench.value("5") == 5.0


def test_abort_without_a_script_is_no_error(smu_bench):
    smu_bench.send("abort")
    assert smu_bench.error() == 0


def test_messages_wait_for_the_script_that_runs(smu_bench):
    """What comes while a script runs is dealt with when it has ended."""
    smu_bench.send("go = false")
    holder = threading.Event()
    smu_bench.smu.runtime.set_functions({"hold": lambda: holder.wait(PATIENCE)})
    smu_bench.smu.write(b"hold() print(1)")
    smu_bench.smu.write(b"print(2)")
    assert smu_bench.replies() == []
    holder.set()
    assert smu_bench.smu.wait_idle(PATIENCE)
    assert smu_bench.replies() == [b"1.00000e+00", b"2.00000e+00"]


def test_a_runaway_script_ends_by_itself(smu_bench):
    smu_bench.smu.runtime.instruction_limit = 1_000_000
    smu_bench.send("while true do end")
    assert "instruction limit" in smu_bench.ask("print(errorqueue.next())")


def test_a_real_delay_ends_with_a_device_clear(make_smu_bench):
    bench = make_smu_bench(real=True)
    bench.smu.write(b"delay(1000)")
    assert bench.smu.busy
    bench.smu.clear()
    assert not bench.smu.busy
    assert bench.clock.now < 100.0


def test_a_full_output_queue_holds_the_script(smu_bench):
    """Printing blocks until the client reads; nothing is lost."""
    smu_bench.send("text = string.rep('x', 8 * 2^20)")
    smu_bench.smu.write(b"for i = 1, 12 do print(text) end print('end')")
    assert smu_bench.smu.busy
    got = []
    while smu_bench.smu.busy or smu_bench.smu.message_available:
        reply = smu_bench.smu.next_reply()
        if reply is not None:
            got.append(len(reply.content))
    assert got == [8 * 2**20] * 12 + [3]


def test_a_fault_of_the_model_reaches_the_sender(smu_bench):
    """A Python mistake is never taken for a mistake of the client."""

    def fail() -> None:
        raise ZeroDivisionError

    smu_bench.smu.runtime.set_functions({"fail": fail})
    with pytest.raises(ZeroDivisionError):
        smu_bench.smu.write(b"fail()")
    assert smu_bench.value("1") == 1.0


def test_instruments_are_let_go(make_smu_bench):
    """The worker's thread keeps no instrument alive."""
    bench = make_smu_bench()
    bench.send("print(1)")
    smu = weakref.ref(bench.smu)
    thread = bench.smu._worker._thread
    del bench
    gc.collect()
    assert smu() is None
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_running_script_does_not_hold_up_the_interpreter():
    """A process that ends while a script runs does end."""
    program = f"""
import numpy as np
from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keithley_2600.instrument import Keithley2636B
from labneuro.sim_backends.wiring import Circuit
clock = VirtualClock()
surroundings = Surroundings(clock, Circuit(clock, []), np.random.default_rng(1))
smu = Keithley2636B("smu", surroundings)
smu.write(b"{ENDLESS}")
assert smu.busy
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        timeout=PATIENCE * 2,
    )
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_worker_drops_waiting_messages():
    handled = []

    class Owner:
        def __init__(self):
            self.release = threading.Event()

        def handle(self, message):
            handled.append(message)
            self.release.wait(PATIENCE)

        def stop(self):
            self.release.set()

    owner = Owner()
    worker = Worker(owner.handle, owner.stop, Turn())
    worker.submit("first", 0.0)
    worker.submit("second", 0.0)
    worker.discard()
    owner.release.set()
    assert worker.wait_idle(PATIENCE)
    assert handled in (["first"], [])


# -- status ---------------------------------------------------------------------------


def test_the_status_byte_sums_up_queues(smu_bench):
    smu_bench.send("*CLS")
    assert smu_bench.smu.status_byte() == 0
    smu_bench.send("print(1)", "x =")
    assert smu_bench.smu.status_byte() == 16 + 4
    smu_bench.send("*CLS")
    assert smu_bench.smu.status_byte() == 0


def test_a_service_request_is_served_once(smu_bench):
    """A poll shows RQS until it has been read; *STB? shows the master summary."""
    smu_bench.send("*CLS", "*SRE 4", "x =")
    assert smu_bench.smu.status_byte() == 64 + 4
    assert smu_bench.smu.status_byte() == 4
    assert smu_bench.ask("*STB?") == str(64 + 4)
    smu_bench.send("errorqueue.clear()")
    assert smu_bench.smu.status_byte() == 0
    smu_bench.send("x =")
    assert smu_bench.smu.status_byte() == 64 + 4


def test_the_standard_event_register(smu_bench):
    """Power on, then command and execution errors, cleared by reading."""
    assert smu_bench.ask("*ESR?") == "128"
    smu_bench.send("x =", "*OPC")
    assert smu_bench.ask("*ESR?") == str(16 + 1)
    assert smu_bench.ask("*ESR?") == "0"
    smu_bench.send("*ESE 1", "*CLS", "opc()")
    assert smu_bench.value("status.condition") == 32
    assert smu_bench.value("status.standard.event") == 1
    assert smu_bench.value("status.condition") == 0


def test_transition_filters(smu_bench):
    """A limit that comes sets the event; with the negative filter its end does."""
    smu_bench.send("smua.source.limiti = 1e-4", "smua.source.levelv = 1")
    smu_bench.send("smua.source.output = 1", "smua.measure.i()")
    register = "status.measurement.instrument.smua"
    assert smu_bench.value(f"{register}.condition") == 2
    assert smu_bench.value(f"{register}.event") == 2
    assert smu_bench.value(f"{register}.event") == 0
    smu_bench.send(f"{register}.ntr = 2 {register}.ptr = 0")
    smu_bench.send("smua.source.levelv = 0 smua.measure.i()")
    assert smu_bench.value(f"{register}.condition") == 0
    assert smu_bench.value(f"{register}.event") == 2
    smu_bench.send("status.reset()")
    assert smu_bench.values(f"{register}.ntr, {register}.ptr") == [0, 32767]


def test_events_ripple_up_to_the_status_byte(smu_bench):
    smu_bench.send(
        "limits = status.measurement.current_limit limits.enable = limits.SMUA",
        "status.measurement.enable = status.measurement.ILMT",
        "status.request_enable = status.MSB",
        "smua.source.limiti = 1e-4 smua.source.levelv = 1 smua.source.output = 1",
        "smua.measure.v()",
    )
    assert smu_bench.value("status.measurement.condition") == 2
    assert smu_bench.smu.status_byte() == 64 + 1
    assert smu_bench.value("status.measurement.current_limit.condition") == 2


def test_reading_nothing_is_a_query_error(smu_bench):
    smu_bench.smu.query_unanswered()
    assert smu_bench.error() == -420


def test_the_error_queue_overflows(smu_bench):
    smu_bench.send("for i = 1, 1100 do format.data = 9 end")
    assert smu_bench.value("errorqueue.count") == 1000
    smu_bench.send("for i = 1, 999 do errorqueue.next() end")
    assert smu_bench.error() == -350


def test_prompts(smu_bench):
    smu_bench.send("localnode.prompts = 1")
    assert smu_bench.replies() == [b"TSP>"]
    smu_bench.send("x =", "loadscript s", "endscript", "errorqueue.clear()")
    assert smu_bench.replies() == [b"TSP?", b">>>>", b"TSP?", b"TSP>"], (
        "TSP? as long as an error is in the queue"
    )
    smu_bench.send("x = 1\nx = 2")
    assert smu_bench.replies() == [b"TSP>"] * 2, "one for each line"
    smu_bench.send("*OPC?", "localnode.prompts4882 = 0", "*OPC?")
    assert smu_bench.replies() == [b"1", b"TSP>", b"TSP>", b"1"]
    smu_bench.send("localnode.prompts = 0", "print(1)")
    assert smu_bench.replies() == [b"1.00000e+00"]


def test_errors_are_sent_if_they_are_wanted(smu_bench):
    smu_bench.send("localnode.showerrors = 1", "format.data = 9")
    assert smu_bench.replies() == [
        b"1.40600e+03\tInvalid data format\t2.00000e+01\t1.00000e+00"
    ]
    assert smu_bench.value("errorqueue.count") == 0
    smu_bench.send("localnode.showerrors = 2", "localnode.showerrors = 0")
    assert smu_bench.replies()[0].startswith(b"1.10100e+03\tParameter Too Big")
    smu_bench.send("format.data = 9")
    assert smu_bench.error() == 1406


def test_a_command_trigger(smu_bench):
    smu_bench.send("*TRG")
    assert smu_bench.ask("print(trigger.wait(0))") == "true"
    assert smu_bench.ask("print(trigger.wait(1))") == "false"
    smu_bench.smu.group_trigger()
    assert smu_bench.ask("print(trigger.wait(0))") == "true"
    smu_bench.send("*TRG", "trigger.clear()")
    assert smu_bench.ask("print(trigger.wait(0))") == "false"
