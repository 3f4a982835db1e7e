"""Settings of the simulated AFG31000: defaults, ranges, what depends on what."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.instrument import (
    TektronixAfg31000,
    TektronixAfg31252,
)


def test_identity(table):
    maker, model, serial, version = table.ask("*IDN?").split(",")
    assert (maker, model) == ("TEKTRONIX", "AFG31102")
    assert serial.startswith("C0")
    assert version.startswith("SCPI:99.0 FV:1.6")


DEFAULTS = [
    ("SOUR1:FUNC:SHAP?", "SIN"),
    ("SOUR1:FREQ:FIX?", 1e6),
    ("SOUR2:PULS:PER?", 1e-6),
    ("SOUR1:VOLT?", 1.0),
    ("SOUR1:VOLT:OFFS?", 0.0),
    ("SOUR2:VOLT:HIGH?", 0.5),
    ("SOUR1:VOLT:LOW?", -0.5),
    ("SOUR1:VOLT:UNIT?", "VPP"),
    ("SOUR1:VOLT:LIM:HIGH?", 5.0),
    ("OUTP1:IMP?", 50.0),
    ("OUTP1?", "0"),
    ("OUTP2:POL?", "NORM"),
    ("SOUR1:PULS:DCYC?", 50.0),
    ("SOUR1:PULS:WIDT?", 0.5e-6),
    ("SOUR1:BURS?", "0"),
    ("SOUR1:BURS:NCYC?", 5.0),
    ("SOUR1:BURS:MODE?", "TRIG"),
    ("SOUR1:BURS:TDEL?", 0.0),
    ("SOUR1:BURS:IDLE?", "OFF"),
    ("TRIG:SOUR?", "TIM"),
    ("TRIG:TIM?", 1e-3),
    ("TRIG:SLOP?", "POS"),
    ("SYST:VERS?", "1999.0"),
    ("SYST:ERR?", '0,"No error"'),
    ("SOUR:ROSC:SOUR?", "INT"),
    ("OUTP:TRIG:MODE?", "TRIG"),
    ("SOUR1:FREQ:MODE?", "CW"),
]


@pytest.mark.parametrize(("query", "expected"), DEFAULTS)
def test_defaults_come_back_with_reset(table, query, expected):
    for _ in range(2):
        answer = table.ask(query)
        assert (
            answer == expected
            if isinstance(expected, str)
            else (float(answer) == pytest.approx(expected))
        )
        table.send("SOUR1:FUNC PULS;:SOUR1:FREQ 2e3;:SOUR1:VOLT 2;:SOUR1:VOLT:OFFS 0.1")
        table.send(
            "OUTP1:IMP INF", "OUTP1 ON", "SOUR1:BURS ON", "TRIG:SOUR EXT", "*RST"
        )


@pytest.mark.parametrize(
    ("command", "query", "expected"),
    [
        ("source1:function:shape PULSe", "SOUR1:FUNC?", "PULS"),
        ("SOUR1:FUNC EMEMory1", "SOUR1:FUNC?", "EMEM"),
        ("SOUR2:FREQ 12.5kHz", "SOURCE2:FREQUENCY:CW?", 12.5e3),
        ("SOUR1:PULS:PER 200us", "SOUR1:FREQ?", 5e3),
        ("FREQ 2E3", "SOUR1:PULS:PER?", 5e-4),
        ("SOUR1:PHAS 90DEG", "SOUR1:PHAS?", math.pi / 2),
        ("SOUR1:PHAS:ADJ MAX", "SOUR1:PHAS:ADJ?", math.pi),
        ("SOUR1:VOLT 100mVpp", "SOUR1:VOLT:AMPL?", 0.1),
        ("SOUR1:VOLT 1VRMS", "SOUR1:VOLT?", 2.828),
        ("SOUR1:VOLT 10 dBm", "SOUR1:VOLT?", 2.0),
        ("SOUR1:VOLT:HIGH 1.25", "SOUR1:VOLT:HIGH?", 1.25),
        ("SOUR1:VOLT:LOW -750mV", "SOUR1:VOLT:LOW?", -0.75),
        ("OUTP1:IMP INF", "OUTP1:IMP?", 9.9e37),
        ("OUTP1:IMP 1.5 kohm", "OUTP1:IMP?", 1500.0),
        ("SOUR1:OUTP:IMP 75", "OUTP1:IMP?", 75.0),
        ("OUTP2:STAT 1", "OUTP2:STAT?", "1"),
        ("OUTP2:POL INV", "OUTP2:POL?", "INV"),
        ("SOUR1:BURS:NCYC INF", "SOUR1:BURS:NCYC?", 9.9e37),
        ("SOUR1:BURS:NCYC 1000000", "SOUR1:BURS:NCYC?", 1e6),
        ("SOUR1:BURS:TDEL 1.23456 ms", "SOUR1:BURS:TDEL?", 1.2346e-3),
        ("SOUR1:BURS:IDLE DC", "SOUR1:BURS:IDLE?", "DC"),
        ("SOUR1:FUNC:RAMP:SYMM 30", "SOUR1:FUNC:RAMP:SYMM?", 30.0),
        ("TRIG:SEQ:SOUR EXTernal", "TRIG:SOUR?", "EXT"),
        ("TRIG:SEQ:TIM 20ms", "TRIG:TIM?", 0.02),
        ("DISP:BRIG 0.25", "DISP:BRIG?", 0.25),
        ("SYST:KLOC ON", "SYST:KLOC:STAT?", "1"),
    ],
)
def test_settings_read_back(table, command, query, expected):
    table.send(command)
    answer = table.ask(query)
    assert (
        answer == expected
        if isinstance(expected, str)
        else (float(answer) == pytest.approx(expected, rel=1e-9))
    )
    assert table.error() == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("SOUR1:VOLT:HIGH 5.1", -222),
        ("SOUR1:VOLT 10.1", -222),
        ("SOUR1:VOLT 0.5mV", -222),
        ("SOUR1:VOLT:HIGH -0.5", -222),
        ("SOUR1:VOLT:OFFS 4.6", -222),
        ("SOUR1:FREQ 101MHz", -222),
        ("SOUR1:FREQ 0", -222),
        ("SOUR1:PULS:WIDT 1us", -222),
        ("SOUR1:PULS:WIDT 5ns", -222),
        ("SOUR1:PULS:TRAN 1us", -222),
        ("SOUR1:PULS:DEL 0.6us", -222),
        ("SOUR1:PHAS 4", -222),
        ("SOUR1:BURS:NCYC 0", -222),
        ("SOUR1:BURS:NCYC 1000001", -222),
        ("SOUR1:BURS:TDEL 86", -222),
        ("OUTP1:IMP 0.4", -222),
        ("OUTP1:IMP 20000", -222),
        ("TRIG:TIM 0.5us", -222),
        ("SOUR1:FUNC TRIangle", -224),
        ("SOUR1:FUNC USER2", -220),
        ("SOUR1:FUNC", -109),
        ("SOUR3:FUNC SIN", -114),
        ("DATA:DATA EMEM,#14\x00\x01\x02", -161),
        ("DATA:DATA EMEM,#13\x00\x01\x02", -161),
        ("DATA:DATA EMEM,#12\x00\x01", -222),
        ("DATA:POIN EMEM,1", -222),
        ("DATA:DATA:VAL EMEM,0,5", -222),
        ("DATA:COPY USER1,EMEM", -221),
        ("*RCL 2", -220),
        ("*SAV 5", -222),
    ],
)
def test_what_is_wrong_changes_nothing(table, message, code):
    table.send("*SAV 0")
    table.send(message)
    for query, expected in DEFAULTS:
        if query == "SYST:ERR?":
            continue
        answer = table.ask(query)
        assert (
            answer == expected
            if isinstance(expected, str)
            else (float(answer) == pytest.approx(expected))
        ), query
    assert table.error() == code
    assert table.error() == 0


def test_load_setting_doubles_the_limits_and_keeps_the_output(table):
    """Into high impedance everything reads twice what it reads into 50 ohm."""
    table.send("SOUR1:VOLT:LIM:HIGH 2", "SOUR1:VOLT 2", "OUTP1 ON", "OUTP1:IMP INF")
    assert table.value("SOUR1:VOLT?") == pytest.approx(4.0)
    assert table.value("SOUR1:VOLT:LIM:HIGH?") == pytest.approx(4.0)
    table.send("SOUR1:VOLT:HIGH 4.1")
    assert table.error() == -222
    table.send("SOUR1:VOLT:LIM:HIGH MAX", "SOUR1:VOLT:HIGH 10")
    assert table.value("SOUR1:VOLT:HIGH?") == pytest.approx(10.0)
    assert table.value("SOUR1:VOLT? MIN") == pytest.approx(2e-3)
    table.send("OUTP1:IMP 50")
    assert table.value("SOUR1:VOLT:HIGH? MAX") == pytest.approx(5.0)
    assert table.error() == 0


def test_limit_levels_keep_the_client_from_more(table):
    table.send("SOUR1:VOLT:LIM:HIGH 1", "SOUR1:VOLT:LIM:LOW -0.6")
    table.send("SOUR1:VOLT:HIGH 1.1", "SOUR1:VOLT:LOW -0.7", "SOUR1:VOLT:OFFS 0.6")
    assert [table.error() for _ in range(4)] == [-222, -222, -222, 0]
    assert table.value("SOUR1:VOLT:HIGH?") == 0.5


def test_amplitude_and_levels_speak_of_the_same(table):
    table.send("SOUR1:VOLT:LOW 0.1;HIGH 1.3")
    assert table.value("SOUR1:VOLT?") == pytest.approx(1.2)
    assert table.value("SOUR1:VOLT:OFFS?") == pytest.approx(0.7)
    table.send("SOUR1:VOLT:OFFS 0.2;AMPL 1")
    assert table.value("SOUR1:VOLT:HIGH?") == pytest.approx(0.7)
    assert table.value("SOUR1:VOLT:LOW?") == pytest.approx(-0.3)


@pytest.mark.parametrize(
    ("kind", "frequency", "most"),
    [
        (TektronixAfg31000, 60e6, 10.0),
        (TektronixAfg31000, 70e6, 8.0),
        (TektronixAfg31000, 100e6, 6.0),
        (TektronixAfg31252, 200e6, 5.0),
        (TektronixAfg31252, 210e6, 4.0),
    ],
)
def test_amplitude_that_no_longer_fits_is_clipped_with_a_conflict(
    make_table, kind, frequency, most
):
    table = make_table(kind=kind)
    table.send("SOUR1:VOLT MAX")
    full = table.value("SOUR1:VOLT?")
    table.send(f"SOUR1:FREQ {frequency}")
    assert table.error() == (0 if most == full else -221)
    assert table.value("SOUR1:VOLT?") == pytest.approx(most)
    assert table.value("SOUR1:FREQ?") == frequency


def test_shape_clips_the_frequency_with_a_conflict(table):
    table.send("SOUR1:FREQ 100e6", "SOUR1:FUNC RAMP")
    assert table.error() == -221
    assert table.value("SOUR1:FREQ?") == 1e6
    assert table.ask("SOUR1:FUNC?") == "RAMP"


def test_pulse_hold(table):
    """A held width stays when the period changes; a held duty cycle moves the width."""
    table.send("SOUR1:FUNC PULS", "SOUR1:PULS:PER 1ms", "SOUR1:PULS:WIDT 100us")
    assert table.value("SOUR1:PULS:DCYC?") == pytest.approx(10.0)
    table.send("SOUR1:PULS:PER 2ms")
    assert table.value("SOUR1:PULS:WIDT?") == pytest.approx(200e-6)
    table.send("SOUR1:PULS:HOLD WIDT", "SOUR1:PULS:PER 1ms")
    assert table.value("SOUR1:PULS:WIDT?") == pytest.approx(200e-6)
    assert table.error() == 0
    table.send("SOUR1:PULS:PER 150us")
    assert table.error() == -221
    assert table.value("SOUR1:PULS:WIDT?") < 150e-6


def test_units_of_the_amplitude(table):
    """0 dBm into 50 ohm is 0.632 Vpp of a sine; without a load there is no power."""
    table.send("SOUR1:VOLT:UNIT DBM", "SOUR1:VOLT 0")
    assert table.value("SOUR1:VOLT?") == pytest.approx(0.0, abs=2e-3)
    table.send("SOUR1:VOLT:UNIT VPP")
    assert table.value("SOUR1:VOLT?") == pytest.approx(2 * math.sqrt(0.1), abs=1e-4)
    table.send("SOUR1:FUNC SQU", "SOUR1:VOLT 1VRMS")
    assert table.value("SOUR1:VOLT?") == pytest.approx(2.0)
    table.send("OUTP1:IMP INF", "SOUR1:VOLT 0 DBM", "SOUR1:VOLT:UNIT DBM")
    assert [table.error(), table.error(), table.error()] == [-221, -221, 0]


def test_concurrent_channels_and_copy(table):
    table.send("SOUR1:VOLT:CONC ON", "SOUR1:VOLT 0.3", "SOUR2:FREQ:CONC:STAT 1")
    table.send("SOUR2:FREQ 4e3", "SOUR2:VOLT 0.2")
    assert table.value("SOUR2:VOLT?") == pytest.approx(0.2)
    assert table.value("SOUR1:FREQ?") == 4e3
    table.send("SOUR1:FUNC PULS", "AFGC:CSC CH1,CH2")
    assert table.ask("SOUR2:FUNC?") == "PULS"
    assert table.value("SOUR2:VOLT?") == pytest.approx(0.3)


def test_memory_states(table):
    table.send("SOUR1:VOLT 0.2", "*SAV 1", "SOUR1:VOLT 0.4", "OUTP1 ON", "*RCL 1")
    assert table.value("SOUR1:VOLT?") == pytest.approx(0.2)
    assert table.ask("OUTP1?") == "0"
    assert table.ask("MEM:STAT:VAL? 1;:MEM:STAT:VAL? 2") == "1;0"
    table.send("MEM:STAT:LOCK 1,ON", "*SAV 1", "MEM:STAT:DEL 1")
    assert [table.error(), table.error()] == [-221, -221]
    table.send("MEM:STAT:LOCK 1,OFF", "MEM:STAT:DEL 1", "*RCL 1")
    assert table.error() == -220


@given(level=st.floats(1e-3, 2.4))
def test_levels_read_back_rounded(make_table, level):
    table = make_table()
    table.send("SOUR1:VOLT:LOW -0.01", f"SOUR1:VOLT:HIGH {level!r}")
    assert table.value("SOUR1:VOLT:HIGH?") == pytest.approx(
        limits.round_voltage(level), abs=1e-12
    )
    assert table.error() == 0
