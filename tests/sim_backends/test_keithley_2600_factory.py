"""The 2636B's factory functions: sweeps and pulse trains."""

from __future__ import annotations

from itertools import pairwise

import pytest

SWEEPS = [
    ("SweepVLinMeasureI(smua, -1, 1, 1e-3, 5)", [-1, -0.5, 0, 0.5, 1], "i"),
    ("SweepVLogMeasureI(smua, 0.01, 1, 1e-3, 3)", [0.01, 0.1, 1], "i"),
    ("SweepVListMeasureI(smua, {3, -2, 1}, 1e-3, 3)", [3, -2, 1], "i"),
    ("SweepILinMeasureV(smua, 0, 2e-3, 1e-3, 3)", [0, 1e-3, 2e-3], "v"),
    ("SweepILogMeasureV(smua, 1e-5, 1e-3, 1e-3, 3)", [1e-5, 1e-4, 1e-3], "v"),
    ("SweepIListMeasureV(smua, {1e-3, -1e-3}, 1e-3, 2)", [1e-3, -1e-3], "v"),
]


@pytest.mark.parametrize(("command", "levels", "measured"), SWEEPS)
def test_sweeps(smu_bench, command, levels, measured):
    """Readings, source values and time stamps go into the first buffer."""
    smu_bench.send("smua.measure.autozero = 0 smua.measure.delay = 0", command)
    assert smu_bench.error() == 0
    count = len(levels)
    buffer = "smua.nvbuffer1"
    sources = smu_bench.numbers(f"printbuffer(1, {count}, {buffer}.sourcevalues)")
    readings = smu_bench.numbers(f"printbuffer(1, {count}, {buffer})")
    stamps = smu_bench.numbers(f"printbuffer(1, {count}, {buffer}.timestamps)")
    assert sources == pytest.approx(levels, rel=1e-4)
    factor = 1e-3 if measured == "i" else 1e3
    expected = [level * factor for level in levels]
    assert readings == pytest.approx(expected, rel=1e-4, abs=1e-9)
    assert min(b - a for a, b in pairwise(stamps)) > 0.021
    assert smu_bench.values("smua.source.output, smua.source.levelv") == [0, 0]


@pytest.mark.parametrize(
    "command", ["SweepVLinMeasureI(smua, -1, 1)", "SweepVLinMeasureI(smua,0,1,0,1)"]
)
def test_an_incomplete_sweep_is_a_run_time_error(smu_bench, command):
    smu_bench.send(command)
    assert smu_bench.error() == -286


def prepare(bench):
    """Set fixed ranges and turn channel A on."""
    bench.send("smua.measure.nplc = 0.01 smua.measure.rangei = 1e-2")
    bench.send("smua.source.output = 1")


def test_a_pulse_train_has_the_edges_that_were_asked_for(smu_bench):
    """Level for ton, bias for toff, and a reading that ends with its pulse."""
    prepare(smu_bench)
    smu_bench.send("smua.nvbuffer1.clear() smua.nvbuffer1.appendmode = 1")
    config = "ConfigPulseVMeasureI(smua, 0.5, 2, 0.1, 1e-3, 4e-3, 3, smua.nvbuffer1, 1)"
    assert smu_bench.ask(f"print({config})") == "true\tNo errors"
    smu_bench.device.lived.clear()
    assert smu_bench.ask("print(InitiatePulseTest(1))") == "true\tNo errors"
    smu_bench.circuit.live()
    at_level = [d for v, d in smu_bench.device.lived if v == pytest.approx(2, rel=1e-3)]
    at_bias = [
        d for v, d in smu_bench.device.lived if v == pytest.approx(0.5, rel=1e-3)
    ]
    assert sum(at_level) == pytest.approx(3e-3, rel=1e-9)
    assert sum(at_bias) >= 3 * 4e-3 * (1 - 1e-9)
    readings = smu_bench.numbers("printbuffer(1, 3, smua.nvbuffer1)")
    assert readings == pytest.approx([2e-3] * 3, rel=1e-4)
    stamps = smu_bench.numbers("printbuffer(1, 3, smua.nvbuffer1.timestamps)")
    assert stamps == pytest.approx([0.0, 5e-3, 10e-3], abs=1e-6)


def test_a_swept_pulse_train(smu_bench):
    prepare(smu_bench)
    config = (
        "ConfigPulseVMeasureISweepLin(smua, 0, 1, 3, 0.1, 1e-3, 1e-3, 3, "
        "smua.nvbuffer1, 2)"
    )
    assert smu_bench.ask(f"print({config})") == "true\tNo errors"
    smu_bench.send("InitiatePulseTest(2)")
    assert smu_bench.numbers("printbuffer(1, 3, smua.nvbuffer1)") == pytest.approx(
        [1e-3, 2e-3, 3e-3], rel=1e-4
    )


def test_current_pulses(smu_bench):
    smu_bench.send("smua.measure.nplc = 0.01 smua.source.func = 0")
    smu_bench.send("smua.source.output = 1")
    config = (
        "ConfigPulseIMeasureVSweepLog(smua, 0, 1e-4, 1e-2, 15, 1e-3, 1e-3, 3, "
        "smua.nvbuffer1, 4)"
    )
    assert smu_bench.ask(f"print({config})") == "true\tNo errors"
    assert smu_bench.ask("print(InitiatePulseTest(4))") == "true\tNo errors"
    assert smu_bench.numbers("printbuffer(1, 3, smua.nvbuffer1)") == pytest.approx(
        [0.1, 1.0, 10.0], rel=1e-4
    )


def test_a_train_without_buffer_measures_nothing(smu_bench):
    smu_bench.send("smua.source.output = 1")
    config = "ConfigPulseVMeasureI(smua, 0, 1, 0.1, 1e-4, 1e-4, 2, nil, 1)"
    assert smu_bench.ask(f"print({config})") == "true\tNo errors"
    assert smu_bench.ask("print(InitiatePulseTest(1))") == "true\tNo errors"
    assert smu_bench.value("smua.nvbuffer1.n") == 0


VOLTS = "ConfigPulseVMeasureI(smua, 0, {}, {}, {}, {}, 2, smua.nvbuffer1, 1)"
REFUSED = [
    (VOLTS.format(1, 0.1, 1e-5, 1e-3), "measurement takes longer than ton"),
    (VOLTS.format(1, 0.1, 0, 1e-3), "ton and toff must be above 0"),
    (VOLTS.format(100, 1, 1e-3, 1e-3), "level and limit lie outside"),
    (VOLTS.format(0.1, 1.5, 1e-1, 1e-3), "duty cycle is too large"),
    (VOLTS.format("nil", 0.1, 1e-3, 1e-3), "a parameter is missing"),
    ("ConfigPulseVMeasureI(5, 0, 1, 0.1, 1, 1, 2, nil, 1)", "smu is not"),
    ("ConfigPulseVMeasureI(smua, 0, 1, 0.1, 1, 1, 2, 5, 1)", "buffer is not"),
    ("ConfigPulseVMeasureI(smua, 0, 1, 0.1, 1, 1, 2, nil)", "a parameter is missing"),
    (
        "ConfigPulseVMeasureI(smua, 0, 1, 0.1, 1, 1, 2, nil, 1, 15)",
        "a parameter is missing or not allowed",
    ),
    ("InitiatePulseTest(99)", "unknown tag"),
]


@pytest.mark.parametrize(("command", "reason"), REFUSED)
def test_what_cannot_run_says_why(smu_bench, command, reason):
    smu_bench.send("smua.measure.nplc = 0.01")
    answer = smu_bench.ask(f"print({command})")
    assert answer.startswith(f"false\t{reason}")


def test_a_train_needs_the_output_on(smu_bench):
    smu_bench.send(VOLTS.format(1, 0.1, 1, 1))
    assert smu_bench.ask("print(InitiatePulseTest(1))") == "false\toutput is off"


def test_trains_wait_for_and_send_triggers(smu_bench):
    """sync_out fires before each pulse; a missing sync_in ends the train."""
    fired = []
    smu_bench.smu.trigger_lines["digio2"].append(lambda: fired.append(1))
    prepare(smu_bench)
    smu_bench.send("digio.trigger[1].mode = 1 digio.trigger[2].mode = 1")
    train = "ConfigPulseVMeasureI(smua, 0, 1, 0.1, 1e-3, 1e-3, 3, nil, 1, "
    smu_bench.send(train + "nil, 2)", "InitiatePulseTest(1)")
    assert len(fired) == 3
    smu_bench.send(train + "1, nil, 0.5)")
    assert smu_bench.ask("print(InitiatePulseTest(1))").startswith(
        "false\ttimer timeout"
    )
    smu_bench.send(train + "1, 2, 0.1, false)", "InitiatePulseTest(1)")
    assert len(fired) == 6


def test_two_trains_begin_together(smu_bench):
    smu_bench.send("smua.measure.nplc = 0.001 smub.measure.nplc = 0.001")
    smu_bench.send("smua.source.output = 1 smub.source.output = 1")
    smu_bench.send("ConfigPulseVMeasureI(smua,0,1,0.1,1e-3,1e-3,2,smua.nvbuffer1,1)")
    smu_bench.send("ConfigPulseVMeasureI(smub,0,2,0.1,5e-4,1e-3,2,smub.nvbuffer1,2)")
    assert smu_bench.ask("print(InitiatePulseTestDual(1, 2))") == "true\tNo errors"
    assert smu_bench.values("smua.nvbuffer1.n, smub.nvbuffer1.n") == [2, 2]
    assert smu_bench.ask("print(InitiatePulseTestDual(2, 1))").startswith("false\tton")
    assert smu_bench.ask("print(InitiatePulseTestDual(1, 1))").startswith("false\tboth")


def test_query_pulse_config(smu_bench):
    smu_bench.send(VOLTS.format(1, 0.1, 0.5, 0.25), "t = QueryPulseConfig(1)")
    assert smu_bench.values("t.level, t.limit, t.ton, t.toff, t.points, t.func") == [
        1,
        0.1,
        0.5,
        0.25,
        2,
        1,
    ]
    assert smu_bench.ask("print(t.smu == smua, t.buf == smua.nvbuffer1)") == (
        "true\ttrue"
    )
    assert smu_bench.ask("print(t.tostring())") == "tag 1, 2 pulses"
    assert smu_bench.ask("print(QueryPulseConfig(9))") == "nil"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("PulseVMeasureI(smua, 0, 2, 0.1, 0.1, 3)", 2e-3),
        ("PulseIMeasureV(smua, 0, 2e-3, 0.1, 0.1, 3)", 2.0),
    ],
)
def test_a_train_at_once(smu_bench, command, expected):
    assert smu_bench.ask(f"print({command})") == "true\tNo errors"
    assert smu_bench.numbers("printbuffer(1, 3, smua.nvbuffer1)") == pytest.approx(
        [expected] * 3, rel=1e-3
    )
    assert smu_bench.value("smua.source.output") == 0
