"""The 2636B's reading buffers."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends.keithley_2600.buffer import (
    Circumstances,
    ReadingBuffer,
    make_buffer,
)

RECORD = Circumstances("Current", 1e-3, "Voltage", 2.0, "On")
QUIET = "smua.measure.autozero = 0 smua.measure.delay = 0 smua.source.output = 1"


def test_without_append_mode_every_measurement_starts_afresh(smu_bench):
    smu_bench.send("smua.measure.i(smua.nvbuffer1) smua.measure.i(smua.nvbuffer1)")
    assert smu_bench.value("smua.nvbuffer1.n") == 1
    smu_bench.send("smua.nvbuffer1.appendmode = 1 smua.measure.i(smua.nvbuffer1)")
    assert smu_bench.value("smua.nvbuffer1.n") == 2


def test_a_buffer_keeps_what_was_measured_and_how(smu_bench):
    """Readings, time stamps, source values, status and circumstances agree."""
    smu_bench.send(QUIET, "b = smua.nvbuffer1 b.appendmode = 1")
    smu_bench.send("b.collectsourcevalues = 1 smua.measure.nplc = 0.1")
    smu_bench.send("for k = 1, 3 do smua.source.levelv = k smua.measure.i(b) end")
    readings = smu_bench.numbers("printbuffer(1, b.n, b.readings)")
    sources = smu_bench.numbers("printbuffer(1, b.n, b.sourcevalues)")
    stamps = smu_bench.numbers("printbuffer(1, b.n, b.timestamps)")
    assert sources == [1.0, 2.0, 3.0]
    assert readings == pytest.approx([volt / 1000.01 for volt in sources], rel=1e-4)
    assert stamps[0] == 0.0
    assert stamps == sorted(stamps)
    assert smu_bench.ask("printbuffer(1, 2, b.measurefunctions)") == "Current, Current"
    assert smu_bench.ask("print(b.sourcefunctions[1], b.sourceoutputstates[1])") == (
        "Voltage\tOn"
    )
    assert smu_bench.values("b.measureranges[2], b.sourceranges[3]") == [1e-2, 20.0]
    ways = "b[2], b.readings[2], b.readings.getreading(2)"
    assert smu_bench.values(ways) == [readings[1]] * 3
    assert smu_bench.ask("print(b[4], b[0])") == "nil\tnil"


def test_columns_interleave_by_reading(smu_bench):
    smu_bench.send(QUIET, "smua.measure.count = 3 smua.measure.v(smua.nvbuffer1)")
    row = "smua.nvbuffer1.readings, smua.nvbuffer1.statuses"
    values = smu_bench.numbers(f"printbuffer(1, 3, {row})")
    readings = smu_bench.numbers("printbuffer(1, 3, smua.nvbuffer1)")
    assert values[0::2] == readings
    assert values[1::2] == [values[1]] * 3


def test_binary_readings_are_exact(smu_bench):
    """REAL64 carries every bit; ASCII rounds to the precision."""
    smu_bench.send(QUIET, "smua.source.levelv = 1.2345")
    smu_bench.send("smua.measure.count = 100 smua.measure.i(smua.nvbuffer1)")
    smu_bench.send("format.data = format.REAL64 printbuffer(1, 100, smua.nvbuffer1)")
    (reply,) = smu_bench.replies()
    values = np.frombuffer(reply[2:], "<f8")
    assert len(values) == 100
    assert values == pytest.approx(1.2345 / 1000.01, rel=1e-5)


# 2600BS-901-01 Rev. F p. 9-34.
STATUSES = [
    ("", 0x04 | 0x08),
    ("smua.source.rangev = 2", 0x04),
    ("smua.measure.rangei = 1e-2", 0x08),
    ("smua.sense = 1", 0x04 | 0x08 | 0x10),
    ("smua.measure.rel.enablei = 1", 0x04 | 0x08 | 0x20),
    ("smua.source.limiti = 1e-4 smua.source.levelv = 1", 0x04 | 0x08 | 0x40),
    ("smua.measure.filter.enable = 1", 0x04 | 0x08 | 0x80),
]


@pytest.mark.parametrize(("commands", "status"), STATUSES)
def test_status_bits(smu_bench, commands, status):
    smu_bench.send(QUIET, commands, "smua.measure.i(smua.nvbuffer1)")
    assert smu_bench.value("smua.nvbuffer1.statuses[1]") == status


def test_a_full_buffer_keeps_the_oldest_or_the_newest(smu_bench):
    smu_bench.send(QUIET, "smua.source.rangev = 20 smua.measure.nplc = 0.01")
    smu_bench.send("b = smua.makebuffer(3) b.appendmode = 1")
    loop = "for k = 1, 5 do smua.source.levelv = k smua.measure.v(b) end"
    smu_bench.send(loop)
    assert smu_bench.numbers("printbuffer(1, 3, b)") == pytest.approx(
        [1, 2, 3], rel=1e-4
    )
    smu_bench.send("b.clear() b.fillmode = smua.FILL_WINDOW", loop)
    assert sorted(smu_bench.numbers("printbuffer(1, 3, b)")) == pytest.approx(
        [3, 4, 5], rel=1e-4
    )
    smu_bench.send("b.clear() b.fillcount = 2", loop)
    assert smu_bench.value("b.n") == 2


@pytest.mark.parametrize(
    "setting",
    ["collecttimestamps = 0", "collectsourcevalues = 1", "timestampresolution = 1e-3"],
)
def test_what_is_collected_changes_only_while_empty(smu_bench, setting):
    smu_bench.send(QUIET, "smua.measure.i(smua.nvbuffer1)")
    smu_bench.send(f"smua.nvbuffer1.{setting}")
    assert smu_bench.error() == 5032
    smu_bench.send("smua.nvbuffer1.clear()", f"smua.nvbuffer1.{setting}")
    assert smu_bench.error() == 0


def test_the_dedicated_buffers_hold_less_when_they_collect_more(smu_bench):
    assert smu_bench.value("smua.nvbuffer1.capacity") == 50_000
    smu_bench.send("smua.nvbuffer1.collecttimestamps = 0")
    assert smu_bench.value("smua.nvbuffer1.capacity") == 100_000


def test_time_stamps_are_rounded_to_their_resolution(smu_bench):
    smu_bench.send(QUIET, "smua.nvbuffer1.timestampresolution = 1e-3")
    smu_bench.send("smua.measure.rangei = 1e-3")
    smu_bench.send("smua.measure.count = 4 smua.measure.i(smua.nvbuffer1)")
    stamps = smu_bench.numbers("printbuffer(1, 4, smua.nvbuffer1.timestamps)")
    assert stamps == pytest.approx([0.0, 0.02, 0.04, 0.06], abs=1e-9)


def test_statistics(smu_bench):
    smu_bench.send(QUIET, "smua.source.rangev = 20", "b = smua.makebuffer(9)")
    smu_bench.send("b.appendmode = 1")
    smu_bench.send("for k = 1, 4 do smua.source.levelv = k smua.measure.v(b) end")
    smu_bench.send("s = smua.buffer.getstats(b)")
    values = smu_bench.values("s.n, s.mean, s.stddev, s.min.reading, s.max.reading")
    assert values == pytest.approx([4, 2.5, (5 / 3) ** 0.5, 1.0, 4.0], rel=1e-4)
    assert smu_bench.ask("print(smua.buffer.getstats(smua.makebuffer(2)))") == "nil"


def test_a_dropped_buffer_is_freed(smu_bench):
    """A buffer that the script forgets is not kept by Python either."""

    def buffers():
        gc.collect()
        # Not isinstance: asking other objects for their class may raise warnings.
        return {id(item) for item in gc.get_objects() if type(item) is ReadingBuffer}

    smu_bench.send("collectgarbage()")
    before = buffers()
    smu_bench.send("b = smua.makebuffer(10) c = smua.makebuffer(10)")
    made = buffers() - before
    assert len(made) == 2
    smu_bench.send("b = nil c = nil", "collectgarbage()", "collectgarbage()")
    assert not made & buffers()


@given(st.integers(-5, 15), st.integers(-5, 15), st.integers(0, 10))
def test_slices_hold_exactly_the_readings_that_exist(first, last, count):
    buffer = make_buffer(10)
    for index in range(count):
        buffer.record(float(index + 1), index * 1e-3, 0.0, 0.0, RECORD)
    found = list(buffer.items_between(first, last))
    assert found == [k for k in range(1, count + 1) if first <= k <= last]
