"""The simulated Keysight 81160A: settings, rules, waveforms, memories, errors."""

from __future__ import annotations

import math

import pytest

from labneuro.sim_backends.keysight_81160a.commands import COMMANDS
from labneuro.sim_backends.keysight_81160a.stored import STORED


def test_identity_as_clients_read_it(table):
    maker, model, serial, _ = table.ask("*IDN?").split(",")
    assert (maker, model) == ("Agilent Technologies", "81160A")
    assert serial.startswith("MY")
    assert "002" in table.ask("*OPT?")


DEFAULTS = [
    (":FUNC1?", "SIN"),
    (":FREQ2?", 1e6),
    (":PULS:PER1?", 1e-6),
    (":PULS:WIDT1?", 100e-9),
    (":PULS:DCYC1?", 10.0),
    (":PULS:DEL1?", 0.0),
    (":PULS:TDEL1?", 100e-9),
    (":PULS:HOLD1?", "WIDT"),
    (":PULS:TRAN1?", 1e-9),
    (":PULS:TRAN1:TRA?", 1e-9),
    (":PULS:TRAN1:TRA:AUTO?", "1"),
    (":VOLT1?", 1.0),
    (":VOLT1:OFFS?", 0.0),
    (":VOLT1:HIGH?", 0.5),
    (":VOLT1:LOW?", -0.5),
    (":VOLT1:UNIT?", "VPP"),
    (":VOLT1:LIM:STAT?", "0"),
    (":VOLT1:RANG:AUTO?", "1"),
    (":OUTP1?", "0"),
    (":OUTP1:COMP?", "0"),
    (":OUTP1:POL?", "NORM"),
    (":OUTP1:IMP?", 50.0),
    (":OUTP1:IMP:EXT?", 50.0),
    (":OUTP1:LOAD?", 50.0),
    (":OUTP1:ROUT?", "HIB"),
    (":BURS1:STAT?", "0"),
    (":BURS1:MODE?", "TRIG"),
    (":BURS1:NCYC?", "2"),
    (":TRIG:COUN1?", "1"),
    (":ARM:SOUR1?", "IMM"),
    (":ARM:SENS1?", "EDGE"),
    (":ARM:SLOP?", "POS"),
    (":TRIG1:SOUR?", "IMM"),
    (":FORM:BORD?", "NORM"),
    (":UNIT:ANGL?", "DEG"),
    (":FUNC1:USER?", "EXP_RISE"),
    (":TRAC:CHAN1?", "0"),
    (":CHAN:MATH?", "OFF"),
    (":DIG1:PATT?", "0"),
    (":ROSC:SOUR?", "INT"),
    (":DISP?", "1"),
    (":DATA1:NVOL:FREE?", "4"),
    (":DATA1:NVOL:CAT?", '""'),
    (":SYST:ERR?", '0,"No error"'),
]


@pytest.mark.parametrize(("query", "expected"), DEFAULTS)
def test_defaults_come_back_with_reset(
    table, query: str, expected: str | float
) -> None:
    for _ in range(2):
        answer = table.ask(query)
        if isinstance(expected, str):
            assert answer == expected
        else:
            assert float(answer) == pytest.approx(expected, rel=1e-12)
        table.send(":FUNC1 PULS;:PULS:PER1 2ms;:VOLT1:HIGH 3;:VOLT1:LOW 1")
        table.send(":OUTP1:LOAD 1e6;:OUTP1:POL INV;:ARM:SOUR1 EXT;:TRIG:COUN1 7")
        table.send(":PULS:WIDT1 1ms;:PULS:TRAN1:TRA 1us;:PULS:HOLD1 DCYC;:OUTP1 ON")
        table.send(":UNIT:ANGL RAD;:FORM:BORD SWAP;:TRAC:CHAN1 ON;:DIG1:PATT ON")
        assert table.errors() == []
        table.send("*RST")


SETTINGS = [
    ("source:function1 pulse", ":FUNC1?", "PULS"),
    (":FUNCtion2:SHAPe NOISe", ":FUNC2?", "NOIS"),
    (":FREQ1 12.5kHz", ":PULS:FREQ1?", 12.5e3),
    (":PULS:FREQ2 5e3", ":PULS:PER2?", 2e-4),
    ("PULS:PER 200us", "FREQ?", 5e3),
    (":FUNC1:PULS:PER 3e-6", ":PULS:PER1?", 3e-6),
    (":FUNC2:PULS:WIDT 50ns", ":PULS:WIDT2?", 50e-9),
    (":FUNC1:PULS:DCYC 25PCT", ":PULS:WIDT1?", 250e-9),
    (":PULS:TDEL1 350ns", ":PULS:WIDT1?", 350e-9),
    (":PULS:TRAN1:LEAD 20ns", ":FUNC1:PULS:TRAN:TRA?", 20e-9),
    (":PULS:TRAN1:TRA 30ns", ":PULS:TRAN1:TRA:AUTO?", "0"),
    (":PULS:TRAN1:HOLD WRAT", ":PULS:TRAN1:HOLD?", "WRAT"),
    (":PULS:TRAN1:UNIT PCT", ":PULS:TRAN1:UNIT?", "PCT"),
    (":VOLT1 100mVpp", ":VOLT1:AMPL?", 0.1),
    (":VOLT1 1VRMS", ":VOLT1?", 2.8284),
    (":VOLT1 10 dBm", ":VOLT1?", 2.0),
    (":VOLT1:UNIT VRMS;:VOLT1 1", ":VOLT1?", 2.8284 / math.sqrt(8.0)),
    (":VOLT1:LEV:IMM:HIGH 1.25", ":VOLT1:HIGH?", 1.25),
    (":VOLT2:LOW -750mV", ":VOLT2:LOW?", -0.75),
    (":OUTP1:LOAD 1e6", ":VOLT1?", 1.9999),
    (":OUTP1:IMP:EXT 75", ":VOLT1:HIGH?", 0.6),
    (":OUTP1:IMP 5", ":OUTP1:IMP:INT?", 5.0),
    (":VOLT1:LIM 3;:VOLT1:LIM:LOW -1", ":VOLT1:LIM:HIGH?", 3.0),
    (":BURS1:NCYC 2147483647", ":BURS1:NCYC?", "2147483647"),
    (":BURS1:INT:PER 3.03e-9", ":ARM:PER1?", 3.03e-9),
    (":ARM:FREQ2 1kHz", ":BURS2:INT:PER?", 1e-3),
    (":TRIG:COUN1 5", ":BURS1:STAT?", "1"),
    (":TRIG2:COUN 5", ":BURS2:NCYC?", "5"),
    (":TRIG:COUN2 6", ":TRIG2:COUN?", "6"),
    (":ARM:SOUR1 INT1", ":ARM:SOUR1?", "INT"),
    (":ARM:SOUR2 INT2", ":ARM:SOUR2?", "INT2"),
    (":ARM:LEV -0.5", ":ARM:LEV?", -0.5),
    (":ARM:IMP 50", ":ARM:IMP?", 50.0),
    (":PHAS1 90", ":PHAS1:ADJ?", 90.0),
    (":UNIT:ANGL RAD;:PHAS1 1.5", ":PHAS1?", 1.5),
    (":BURS1:PHAS 1RAD", ":BURS1:PHAS?", math.degrees(1.0)),
    (":AM1:DEPT 55;:AM1:STAT ON", ":AM1:DEPT?", 55.0),
    (":FM2:DEV 1kHz", ":FM2:DEV?", 1e3),
    (":PM1:INT:FREQ 10", ":PM1:INT:FREQ?", 10.0),
    (":FSK1:FREQ 2kHz", ":FSK1:FREQ?", 2e3),
    (":PWM1:DEV:DCYC 5", ":PWM1:DEV:DCYC?", 5.0),
    (":SWE2:TIME 3", ":SWE2:TIME?", 3.0),
    (":FREQ1:STAR 1kHz", ":FREQ1:STAR?", 1e3),
    (":OUTP2:STR:VOLT SYM4vpp", ":OUTP2:STR:VOLT?", "SYM4VPP"),
    (":DIG1:STIM:PATT:NLEV 3", ":DIG1:NLEV?", "3"),
    (":DIG:EXT:THR:UPP 0.5", ":DIG1:EXT:THR:UPP?", 0.5),
    (":DIG1:PATT:PRBS 15", ":DIG1:PATT:PRBS?", "15"),
    (":CHAN:MATH PLUS", ":CHAN:MATH?", "PLUS"),
    (":ROSC:SOUR EXT", ":ROSC:SOUR?", "EXT"),
    (':MEM:STAT:NAME 1,"mine"', ":MEM:STAT:NAME? 1", '"mine"'),
]


@pytest.mark.parametrize(("command", "query", "expected"), SETTINGS)
def test_settings_read_back(
    table, command: str, query: str, expected: str | float
) -> None:
    table.send(command)
    answer = table.ask(query)
    if isinstance(expected, str):
        assert answer == expected
    else:
        assert float(answer) == pytest.approx(expected, rel=1e-9)
    assert table.errors() == []


# Each limit was accepted by the instrument after a reset (PyMeasure's hardware tests).
ENDS = [
    (":FREQ1", 1e-6, 500e6),
    (":VOLT1", 0.05, 5.0),
    (":VOLT1:HIGH", -4.95, 5.0),
    (":VOLT1:LOW", -5.0, 4.95),
    (":VOLT1:OFFS", -5.0, 5.0),
    (":FUNC1:SQU:DCYC", 0.000151, 99.999849),
    (":FUNC1:RAMP:SYMM", 0.0, 100.0),
    (":PULS:PER1", 2e-9, 1e6),
    (":PULS:WIDT1", 1.5e-9, 1e6),
    (":PULS:DCYC1", 0.15, 99.99),
    (":FUNC1:PULS:TRAN", 1e-9, 1e3),
    (":OUTP1:LOAD", 0.3, 1e6),
    (":BURS1:INT:PER", 3.03e-9, 1e6),
    (":BURS1:NCYC", 2, 2147483647),
    (":TRIG:COUN1", 1, 2147483647),
    (":VOLT1:LIM:HIGH", -9.99, 10.0),
    (":VOLT1:LIM:LOW", -10.0, 9.99),
]


@pytest.mark.parametrize(("header", "low", "high"), ENDS)
def test_ends_of_a_range_are_taken_and_a_value_beyond_is_refused(
    table, header: str, low: float, high: float
) -> None:
    assert table.value(f"{header}? MIN") == pytest.approx(low, rel=1e-9)
    assert table.value(f"{header}? MAX") == pytest.approx(high, rel=1e-9)
    for end in (low, high):
        table.send(f"{header} {end:.12g}")
        assert table.errors() == []
        assert table.value(f"{header}?") == pytest.approx(end, rel=1e-9)
    step = 1 if isinstance(low, int) else 1e-3 * abs(high)
    for beyond in (high + step, low - step):
        table.send(f"{header} {beyond:.12g}")
        assert table.errors() == [-222]
        assert table.value(f"{header}?") == pytest.approx(high, rel=1e-9)


@pytest.mark.parametrize(
    ("shape", "highest"),
    [("SIN", 500e6), ("SQU", 330e6), ("PULS", 330e6), ("RAMP", 330e6), ("USER", 330e6)],
)
def test_the_highest_frequency_depends_on_the_shape(
    table, shape: str, highest: float
) -> None:
    table.send(f":FUNC2 {shape}")
    assert table.value(":FREQ2? MAX") == pytest.approx(highest)
    table.send(f":FREQ2 {highest * 1.01}")
    assert table.errors() == [-222]
    assert table.value(":FREQ2?") == 1e6


def test_levels_follow_the_load_setting_and_the_output_does_not(table):
    table.send(":FUNC1 DC;:VOLT1:OFFS 2;:OUTP1 ON;:OUTP1:LOAD 1e6")
    assert table.value(":VOLT1:OFFS?") == pytest.approx(4.0, rel=1e-4)
    assert table.value(":VOLT1:OFFS? MAX") == pytest.approx(10.0, rel=1e-4)
    drive = table.generator.drives["ch1"]
    assert table.circuit.measure(drive, 0.0).voltage == pytest.approx(2.0)


CONFLICTS = [
    (":FUNC1 PULS;:PULS:PER1 1us", ":PULS:WIDT1 999ns", ":PULS:WIDT1?", 100e-9),
    (":FUNC1 PULS;:PULS:WIDT1 500ns", ":PULS:PER1 501ns", ":PULS:PER1?", 1e-6),
    (":FUNC1 PULS;:PULS:WIDT1 500ns", ":PULS:TRAN1 320ns", ":PULS:TRAN1?", 1e-9),
    (":FUNC1 PULS;:PULS:WIDT1 2ns", ":PULS:TRAN1 1.7ns", ":PULS:TRAN1?", 1e-9),
    (":VOLT1:HIGH 1;:VOLT1:LOW 0", ":VOLT1:LOW 1", ":VOLT1:LOW?", 0.0),
    (":VOLT1:HIGH 4;:VOLT1:LOW 0", ":VOLT1:LOW -1.1", ":VOLT1:LOW?", 0.0),
    (":VOLT1 4", ":VOLT1:OFFS 3.1", ":VOLT1:OFFS?", 0.0),
    (":VOLT1 4", ":FREQ1 400MHz", ":FREQ1?", 1e6),
]


@pytest.mark.parametrize(("before", "command", "query", "kept"), CONFLICTS)
def test_a_contradiction_is_refused_while_the_output_is_on(
    table, before: str, command: str, query: str, kept: float
) -> None:
    table.send(before, ":OUTP1 ON", command)
    assert table.errors() == [-221]
    assert table.value(query) == pytest.approx(kept, abs=1e-15)
    # With the output off only a setting's own range counts; it then cannot go on.
    table.send(":OUTP1 OFF", command)
    assert table.errors() == []
    assert table.value(query) != pytest.approx(kept, abs=1e-15)
    table.send(":OUTP1 ON")
    assert table.errors() == [-221]
    assert table.ask(":OUTP1?") == "0"


def test_the_period_leaves_room_for_width_and_edge(table):
    table.send(":FUNC1 PULS;:PULS:WIDT1 500ns;:PULS:TRAN1 100ns;:OUTP1 ON")
    table.send(":PULS:WIDT1 840ns")  # 1 us - 1.6 x 100 ns
    assert table.errors() == []
    table.send(":PULS:WIDT1 841ns")
    assert table.errors() == [-221]


def test_a_single_triggered_pulse_has_no_period(table):
    table.send(":FUNC1 PULS;:ARM:SOUR1 EXT;:OUTP1 ON;:PULS:WIDT1 5ms")
    assert table.errors() == []
    table.send(":ARM:SOUR1 IMM")
    assert table.errors() == [-221]
    table.send(":TRIG:COUN1 2")
    assert table.errors() == [-221]
    assert table.ask(":ARM:SOUR1?;:TRIG:COUN1?") == "EXT;1"


def test_limits_refuse_levels_beyond(table):
    table.send(":VOLT1:LIM:HIGH 2;:VOLT1:LIM:LOW -1;:VOLT1:LIM:STAT ON")
    assert table.errors() == []
    for refused in (":VOLT1:HIGH 2.01", ":VOLT1:LOW -1.01", ":VOLT1:OFFS -0.6"):
        table.send(refused)
        assert table.errors() == [-222], refused
    table.send(":VOLT1 3")
    assert table.errors() == [-222]
    assert table.value(":VOLT1:HIGH?") == 0.5
    table.send(":VOLT1:LIM:HIGH 0.4")  # below the present level
    assert table.errors() == [-221]
    table.send(":VOLT1:HIGH 2;:VOLT1:LIM:STAT OFF;:VOLT1:HIGH 2.5")
    assert table.errors() == []
    table.send(":VOLT1:LIM:STAT ON")
    assert table.errors() == [-221]
    assert table.ask(":VOLT1:LIM:STAT?") == "0"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (":SOUR1:FREQ?", -113),
        (":FUNC3?", -114),
        (":FUNC1", -109),
        (":FUNC1 TRI", -224),
        (":VOLT1 1 A", -131),
        (":FREQ1 1e3,2", -108),
        (":OUTP1:IMP 75", -224),
        (":ARM:IMP 1000", -224),
        (":ARM:SOUR1 BUS", -224),
        (":FUNC1:USER NOPE", -224),
        (":DATA1:COPY 1ST,VOLATILE", -224),
        (":DATA1:COPY SINC,EXP_FALL", -224),
        (":DATA1:COPY GOOD,VOLATILE", -224),
        (":DATA1:DEL SINC", -224),
        (":DATA1:DAC MINE,0,1", -224),
        (":DATA1:DAC VOLATILE,0", -222),
        (":DATA1:DAC VOLATILE,0,8192", -222),
        (":DATA1 VOLATILE,0,1.01", -222),
        (":DATA1:DAC VOLATILE,#13abc", -161),
        (":DATA1:DAC VOLATILE,'0'", -104),
        (":DIG1:PATT:PRBS 8", -222),
        (":DIG1:PATT:DATA #15012a1", -161),
        (":DIG1:PATT:DATA #111", -222),
        (":DIG1:NLEV 5", -222),
        (":AM1:DEPT 121", -222),
        (":MEM:STAT:VAL? 5", -222),
        ("*RCL 3", -220),
    ],
)
def test_errors_have_the_instruments_numbers(table, message: str, code: int) -> None:
    table.send(message)
    assert table.errors() == [code]


def test_the_error_queue_holds_thirty_and_outlives_a_reset(table):
    for _ in range(40):
        table.send("NONSENSE")
    table.send("*RST")
    assert table.ask(":SYST:ERR?") == '-113,"Undefined header"'
    assert table.errors() == [-113] * 28 + [-350]
    table.send("NONSENSE", "*CLS")
    assert table.errors() == []


@pytest.mark.parametrize(
    ("message", "shape", "frequency", "amplitude", "offset"),
    [
        (":APPL1:SIN 1e3,2,0.5", "SIN", 1e3, 2.0, 0.5),
        (":APPL1:PULS 330000000.0, 5, 0", "PULS", 330e6, 5.0, 0.0),
        (":APPL1:SQU 1e-6, 0.05, 0", "SQU", 1e-6, 0.05, 0.0),
        (":APPL1:USER 330e6, 5, 0", "USER", 330e6, 5.0, 0.0),
        (":APPL1:DC DEF, DEF, -4.995", "DC", 1e6, 1.0, -4.995),
        (":APPL1:NOIS DEF, 5, 0", "NOIS", 1e6, 5.0, 0.0),
        (":APPL1:RAMP", "RAMP", 1e6, 1.0, 0.0),
    ],
)
def test_apply_sets_all_and_switches_on(
    table,
    message: str,
    shape: str,
    frequency: float,
    amplitude: float,
    offset: float,
) -> None:
    table.send(message)
    assert table.errors() == []
    assert table.ask(":FUNC1?;:OUTP1?;:ARM:SOUR1?") == f"{shape};1;IMM"
    assert table.value(":FREQ1?") == pytest.approx(frequency, rel=1e-12)
    assert table.value(":VOLT1?") == amplitude
    assert table.value(":VOLT1:OFFS?") == offset
    assert table.ask(":APPL1?").startswith(f'"{shape} ')


def test_an_apply_that_is_refused_changes_nothing(table):
    table.send(":OUTP1 ON;:APPL1:SQU 1e3,5,3")
    assert table.errors() == [-221]
    assert table.ask(":FUNC1?;:OUTP1?") == "SIN;1"
    assert table.value(":FREQ1?") == 1e6


def test_tracking_copies_now_and_from_now_on(table):
    table.send(":FREQ1 2e3;:VOLT1 3;:TRAC:CHAN1 ON")
    assert table.value(":FREQ2?") == 2e3
    assert table.ask(":TRAC:CHAN1?;:TRAC:CHAN2?") == "1;0"
    table.send(":VOLT1 1;:FREQ2 5e3")
    assert table.value(":VOLT2?") == 1.0
    assert table.value(":FREQ1?") == 5e3
    table.send(":TRAC:CHAN1 OFF;:FREQ1 7e3")
    assert table.value(":FREQ2?") == 5e3


def test_the_held_quantity_stays_when_the_period_changes(table):
    table.send(":PULS:WIDT1 200ns;:PULS:PER1 2us")
    assert table.value(":PULS:WIDT1?") == 200e-9
    assert table.value(":PULS:DCYC1?") == pytest.approx(10.0)
    table.send(":PULS:HOLD1 DCYC;:PULS:PER1 4us")
    assert table.value(":PULS:WIDT1?") == pytest.approx(400e-9)
    assert table.value(":PULS:DCYC1?") == pytest.approx(10.0)


def test_states_are_saved_named_and_recalled_with_the_output_off(table):
    table.send(":FUNC1 PULS;:PULS:WIDT1 300ns;:OUTP1 ON;:ARM:SLOP NEG;*SAV 2;*RST")
    assert table.ask(":MEM:STAT:VAL? 2;:MEM:STAT:VAL? 3") == "1;0"
    table.send("*RCL 2")
    assert table.ask(":FUNC1?;:ARM:SLOP?;:OUTP1?") == "PULS;NEG;0"
    assert table.value(":PULS:WIDT1?") == 300e-9
    table.send(":MEM:STAT:DEL 2")
    assert table.ask(":MEM:STAT:VAL? 2") == "0"
    assert table.ask(":MEM:STAT:CAT?") == ",".join(['""'] * 5)


def test_what_the_generator_learns_brings_its_settings_back(table):
    table.send(":FUNC1 PULS;:PULS:WIDT1 2us;:PULS:PER1 9us;:VOLT1:HIGH 4;:VOLT1:LOW 1")
    table.send(":OUTP2:LOAD 1e6;:ARM:SOUR2 EXT;:TRIG:COUN2 3;:OUTP1:POL INV")
    queries = ":FUNC1?;:PULS:WIDT1?;:PULS:PER1?;:VOLT1:HIGH?;:VOLT1:LOW?"
    queries += ";:OUTP2:LOAD?;:ARM:SOUR2?;:TRIG:COUN2?;:OUTP1:POL?"
    before = table.ask(queries)
    learnt = table.ask("*LRN?")
    table.send("*RST")
    assert table.ask(queries) != before
    table.send(learnt)
    assert table.errors() == []
    assert table.ask(queries) == before


def test_every_stored_setting_takes_back_what_it_answers(table):
    for setting in STORED:
        header = setting.header.split()[0].replace("{1-2}", "2")
        for bracket in "[]":
            header = header.replace(bracket, "")
        answer = table.ask(f"{header}?")
        table.send(f"{header} {answer}")
        assert table.ask(f"{header}?") == answer
    assert table.errors() == []
    assert len(COMMANDS) > 100
