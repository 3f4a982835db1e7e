"""Waveform memories of the simulated AFG31000 and arbitrary waveforms."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends.scpi.syntax import definite_block
from labneuro.sim_backends.tektronix_afg31000 import limits


def test_edit_memory_round_trip(table):
    """Big endian, 14 bit; newline and semicolon are data inside the block."""
    points = [0, 8191, 16382, 0x0A0A, 0x3B3B, 0xFFFF]
    block = struct.pack(">6H", *points)
    table.afg.write(b"DATA:DATA EMEMory1," + definite_block(block) + b";:FREQ 5e3\n")
    assert table.value("FREQ?") == 5e3
    table.send("TRAC:DATA? EMEM")
    reply = table.afg.next_reply()
    assert reply is not None
    returned = struct.unpack(">6H", reply.content[len(b"#212") :])
    assert list(returned) == [point & 0x3FFF for point in points]
    assert table.ask("DATA:POIN? EMEM;:DATA:POIN? EMEM2,MAX") == "6;131072"
    assert table.ask("DATA:DATA:VAL? EMEM,2") == "8191"


def test_waveform_memory_commands(table):
    table.send(
        "DATA:DEF EMEM,4", "DATA:DATA:VAL EMEM,1,7", "DATA:DATA:LINE EMEM,2,0,4,8"
    )
    assert [table.ask(f"DATA:DATA:VAL? EMEM,{n}") for n in (1, 2, 3, 4)] == [
        *("7", "0", "4", "8")
    ]
    table.send("DATA:POIN EMEM,6", "DATA:COPY EMEM,USER3", "DATA:EMEMCOPY EMEM,EMEM2")
    assert table.ask("DATA:POIN? EMEM2") == "6"
    assert table.ask("TRAC:CAT?") == '"USER3","EMEM1","EMEM2"'
    table.send("DATA:LOCK:STAT USER3,ON", "DATA:DEL:NAME USER3")
    assert table.error() == -221
    assert table.ask("DATA:LOCK:STAT? USER3") == "1"
    table.send("SOUR1:FUNC USER3", "DATA:LOCK USER3,0", "DATA:DEF EMEM,RAMP")
    assert table.error() == 0
    assert table.ask("DATA:POIN? EMEM") == "1000"
    table.send("DATA:DEF EMEM")
    assert table.ask("DATA:DATA:VAL? EMEM,1") == "8191"


def test_a_memory_that_plays_cannot_be_deleted(table):
    table.send("DATA:COPY EMEM,USER1", "SOUR1:FUNC USER1", "DATA:DEL USER1")
    assert table.error() == -221
    table.send("SOUR1:FUNC SIN", "DATA:DEL USER1", "SOUR1:FUNC USER1")
    assert table.error() == -220, "the deleted waveform is gone"


def test_arbitrary_waveform_plays_point_by_point(table):
    block = definite_block(struct.pack(">4H", 0, 16382, 8191, 8191))
    table.afg.write(b"DATA:DATA EMEM2," + block)
    table.send(
        "SOUR1:FUNC EMEM2", "SOUR1:FREQ 100", "SOUR1:VOLT:LOW -1;HIGH 1", "OUTP1 ON"
    )
    levels = [table.volts(2.5e-3) for _ in range(4)]
    assert levels == pytest.approx([-1.0, 1.0, 0.0, 0.0], abs=1e-9)


@given(
    points=st.lists(st.integers(0, limits.FULL_SCALE), min_size=2, max_size=40),
    low=st.floats(-2.5, 2.4),
    span=st.floats(0.01, 2.0),
)
def test_arbitrary_waveforms_stay_within_the_levels(make_table, points, low, span):
    table = make_table()
    high = min(low + span, 2.5)
    block = definite_block(struct.pack(f">{len(points)}H", *points))
    table.afg.write(b"DATA EMEM," + block)
    table.send("SOUR1:FUNC EMEM", "SOUR1:FREQ 1e3", "SOUR1:VOLT:LOW -2.5;HIGH 2.5")
    table.send(f"SOUR1:VOLT:LOW {low};HIGH {high}", "OUTP1 ON")
    table.send("*CLS")
    bottom, top = table.value("SOUR1:VOLT:LOW?"), table.value("SOUR1:VOLT:HIGH?")
    levels = [table.volts(1e-4) for _ in range(10)]
    assert bottom - 1e-9 <= min(levels) <= max(levels) <= top + 1e-9
