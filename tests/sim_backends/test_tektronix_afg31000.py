"""The simulated Tektronix AFG31000: settings, limits, memories, outputs, triggers."""

from __future__ import annotations

import math
import re
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends import waveforms
from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.scpi.syntax import definite_block
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.commands import COMMANDS
from labneuro.sim_backends.tektronix_afg31000.instrument import (
    TektronixAfg31000,
    TektronixAfg31252,
)
from labneuro.sim_backends.wiring import Circuit

LOAD = 50.0


class Table:
    """An AFG with a resistor on channel 1 and nothing on channel 2."""

    def __init__(
        self, load: float = LOAD, kind: type[TektronixAfg31000] = TektronixAfg31000
    ) -> None:
        self.clock = VirtualClock()
        self.circuit = Circuit(
            self.clock, [["afg.ch1"]], resistors=[("afg.ch1", "ground", load)]
        )
        generator = np.random.default_rng(1)
        surroundings = Surroundings(self.clock, self.circuit, generator)
        self.afg = kind("afg", surroundings)
        self.send("*CLS")

    def send(self, *messages: str) -> None:
        """Send messages and see that none is an error."""
        for message in messages:
            self.afg.write(message.encode("latin-1"))

    def ask(self, message: str) -> str:
        """Send a query and read the answer."""
        self.send(message)
        reply = self.afg.next_reply()
        assert reply is not None, f"no answer to {message}"
        return reply.content.decode("latin-1")

    def value(self, message: str) -> float:
        """Ask for a number."""
        return float(self.ask(message))

    def error(self) -> int:
        """Take the oldest error."""
        return int(self.ask("SYST:ERR?").partition(",")[0])

    def volts(self, span: float = 0.0) -> float:
        """Mean voltage at the load of channel 1 over the next `span` s."""
        return self.circuit.measure(self.afg.drives["ch1"], span).voltage


@pytest.fixture
def table() -> Table:
    return Table()


def test_identity(table: Table) -> None:
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
def test_defaults_come_back_with_reset(
    table: Table, query: str, expected: str | float
) -> None:
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
def test_settings_read_back(
    table: Table, command: str, query: str, expected: str | float
) -> None:
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
        ("SOUR1:AM:STAT ON", -113),
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
def test_what_is_wrong_changes_nothing(table: Table, message: str, code: int) -> None:
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


def test_load_setting_doubles_the_limits_and_keeps_the_output(table: Table) -> None:
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


def test_limit_levels_keep_the_client_from_more(table: Table) -> None:
    table.send("SOUR1:VOLT:LIM:HIGH 1", "SOUR1:VOLT:LIM:LOW -0.6")
    table.send("SOUR1:VOLT:HIGH 1.1", "SOUR1:VOLT:LOW -0.7", "SOUR1:VOLT:OFFS 0.6")
    assert [table.error() for _ in range(4)] == [-222, -222, -222, 0]
    assert table.value("SOUR1:VOLT:HIGH?") == 0.5


def test_amplitude_and_levels_speak_of_the_same(table: Table) -> None:
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
    kind: type[TektronixAfg31000], frequency: float, most: float
) -> None:
    table = Table(kind=kind)
    table.send("SOUR1:VOLT MAX")
    full = table.value("SOUR1:VOLT?")
    table.send(f"SOUR1:FREQ {frequency}")
    assert table.error() == (0 if most == full else -221)
    assert table.value("SOUR1:VOLT?") == pytest.approx(most)
    assert table.value("SOUR1:FREQ?") == frequency


def test_shape_clips_the_frequency_with_a_conflict(table: Table) -> None:
    table.send("SOUR1:FREQ 100e6", "SOUR1:FUNC RAMP")
    assert table.error() == -221
    assert table.value("SOUR1:FREQ?") == 1e6
    assert table.ask("SOUR1:FUNC?") == "RAMP"


def test_pulse_hold(table: Table) -> None:
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


def test_units_of_the_amplitude(table: Table) -> None:
    """0 dBm into 50 ohm is 0.632 Vpp of a sine; without a load there is no power."""
    table.send("SOUR1:VOLT:UNIT DBM", "SOUR1:VOLT 0")
    assert table.value("SOUR1:VOLT?") == pytest.approx(0.0, abs=2e-3)
    table.send("SOUR1:VOLT:UNIT VPP")
    assert table.value("SOUR1:VOLT?") == pytest.approx(2 * math.sqrt(0.1), abs=1e-4)
    table.send("SOUR1:FUNC SQU", "SOUR1:VOLT 1VRMS")
    assert table.value("SOUR1:VOLT?") == pytest.approx(2.0)
    table.send("OUTP1:IMP INF", "SOUR1:VOLT 0 DBM", "SOUR1:VOLT:UNIT DBM")
    assert [table.error(), table.error(), table.error()] == [-221, -221, 0]


def test_concurrent_channels_and_copy(table: Table) -> None:
    table.send("SOUR1:VOLT:CONC ON", "SOUR1:VOLT 0.3", "SOUR2:FREQ:CONC:STAT 1")
    table.send("SOUR2:FREQ 4e3", "SOUR2:VOLT 0.2")
    assert table.value("SOUR2:VOLT?") == pytest.approx(0.2)
    assert table.value("SOUR1:FREQ?") == 4e3
    table.send("SOUR1:FUNC PULS", "AFGC:CSC CH1,CH2")
    assert table.ask("SOUR2:FUNC?") == "PULS"
    assert table.value("SOUR2:VOLT?") == pytest.approx(0.3)


def test_memory_states(table: Table) -> None:
    table.send("SOUR1:VOLT 0.2", "*SAV 1", "SOUR1:VOLT 0.4", "OUTP1 ON", "*RCL 1")
    assert table.value("SOUR1:VOLT?") == pytest.approx(0.2)
    assert table.ask("OUTP1?") == "0"
    assert table.ask("MEM:STAT:VAL? 1;:MEM:STAT:VAL? 2") == "1;0"
    table.send("MEM:STAT:LOCK 1,ON", "*SAV 1", "MEM:STAT:DEL 1")
    assert [table.error(), table.error()] == [-221, -221]
    table.send("MEM:STAT:LOCK 1,OFF", "MEM:STAT:DEL 1", "*RCL 1")
    assert table.error() == -220


def test_edit_memory_round_trip(table: Table) -> None:
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


def test_waveform_memory_commands(table: Table) -> None:
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


def test_a_memory_that_plays_cannot_be_deleted(table: Table) -> None:
    table.send("DATA:COPY EMEM,USER1", "SOUR1:FUNC USER1", "DATA:DEL USER1")
    assert table.error() == -221
    table.send("SOUR1:FUNC SIN", "DATA:DEL USER1", "SOUR1:FUNC USER1")
    assert table.error() == -220, "the deleted waveform is gone"


def test_output_levels_into_the_load_that_is_set(table: Table) -> None:
    """Into a real 50 ohm the set levels appear; the relay is open while off."""
    table.send("SOUR1:FUNC DC", "SOUR1:VOLT:OFFS 1.5")
    assert table.volts() == 0.0
    table.send("OUTP1 ON")
    assert table.volts() == pytest.approx(1.5)
    table.send("OUTP1:IMP INF", "SOUR1:VOLT:OFFS 1.5")
    assert table.volts() == pytest.approx(0.75), "set for no load, 50 ohm halve it"
    table.send("OUTP1 OFF")
    assert table.volts() == 0.0


def test_another_load_gets_the_divider(table: Table) -> None:
    other = Table(load=950.0)
    other.send("OUTP1:IMP 950", "SOUR1:FUNC DC", "SOUR1:VOLT:OFFS 2", "OUTP1 ON")
    assert other.volts() == pytest.approx(2.0)
    other.send("OUTP1:IMP 50", "SOUR1:VOLT:OFFS 1")
    assert other.volts() == pytest.approx(2.0 * 950 / 1000)


def pulse(table: Table, *more: str) -> None:
    """Set channel 1 to an externally triggered 100 us pulse of 0 to 2 V."""
    table.send(
        *("SOUR1:FUNC PULS", "SOUR1:PULS:HOLD WIDT", "SOUR1:PULS:PER 200us"),
        *("SOUR1:PULS:WIDT 100us", "SOUR1:VOLT:LOW 0", "SOUR1:VOLT:HIGH 2"),
        *("SOUR1:BURS:NCYC 1", "SOUR1:BURS ON", "TRIG:SOUR EXT", "OUTP1 ON", *more),
    )
    assert table.error() == 0


def test_external_trigger_starts_one_pulse(table: Table) -> None:
    """The area of the pulse is exact: 2 V for 100 us, whatever the aperture."""
    pulse(table)
    table.clock.advance(1e-3)
    assert table.volts(1e-3) == 0.0, "idle is the low level"
    table.afg.trigger_in("trigger")
    assert table.volts(1e-3) * 1e-3 == pytest.approx(2.0 * 100e-6, rel=1e-9)
    assert table.volts(1e-3) == 0.0, "one trigger, one burst"


def test_trigger_during_a_burst_is_ignored(table: Table) -> None:
    pulse(table)
    table.afg.trigger_in("trigger")
    table.clock.advance(150e-6)
    table.afg.trigger_in("trigger")
    assert table.volts(1e-3) == pytest.approx(0.0, abs=1e-12), "the burst lasts 200 us"
    table.afg.trigger_in("trigger")
    assert table.volts(200e-6) == pytest.approx(1.0)


@pytest.mark.parametrize("command", ["*TRG", "TRIG", "TRIGger:SEQuence:IMMediate"])
def test_bus_trigger(table: Table, command: str) -> None:
    pulse(table, "SOUR1:BURS:NCYC 3")
    table.send(command)
    assert table.volts(1e-3) * 1e-3 == pytest.approx(3 * 2.0 * 100e-6, rel=1e-9)


def test_trigger_delay_and_lead_delay(table: Table) -> None:
    pulse(table, "SOUR1:BURS:TDEL 1ms", "SOUR1:PULS:DEL 50us")
    table.send("*TRG")
    assert table.volts(1e-3) == 0.0
    edge = limits.FASTEST_EDGE / 0.8
    assert table.volts(50e-6 + edge / 2) == pytest.approx(0.0, abs=1e-9)
    assert table.volts(100e-6) == pytest.approx(2.0)
    assert table.volts(100e-6) == pytest.approx(0.0, abs=1e-9)


def test_no_pulse_without_output_burst_or_source(table: Table) -> None:
    pulse(table, "OUTP1 OFF")
    table.send("*TRG")
    assert table.volts(1e-3) == 0.0
    pulse(table, "SOUR1:BURS:MODE GAT")
    table.afg.trigger_in("trigger")
    assert table.volts(1e-3) == 0.0


@pytest.mark.parametrize(
    ("idle", "level"), [("OFF", -0.5), ("START", -0.5), ("END", 1.0), ("DC", 0.25)]
)
def test_idle_level_of_an_arbitrary_burst(
    table: Table, idle: str, level: float
) -> None:
    block = definite_block(struct.pack(">4H", 0, 16382, 0, 16382))
    table.afg.write(b"DATA EMEM," + block)
    table.send("SOUR1:FUNC EMEM", "SOUR1:FREQ 1e3", "SOUR1:VOLT:LOW -0.5;HIGH 1")
    table.send(f"SOUR1:BURS:IDLE {idle}", "SOUR1:BURS:NCYC 1", "TRIG:SOUR EXT")
    table.send("SOUR1:BURS ON", "OUTP1 ON")
    assert table.volts(1e-3) == pytest.approx(level)
    table.send("*TRG")
    assert table.volts(1e-3) == pytest.approx(0.25)
    assert table.volts(1e-3) == pytest.approx(level)


def test_arbitrary_waveform_plays_point_by_point(table: Table) -> None:
    block = definite_block(struct.pack(">4H", 0, 16382, 8191, 8191))
    table.afg.write(b"DATA:DATA EMEM2," + block)
    table.send(
        "SOUR1:FUNC EMEM2", "SOUR1:FREQ 100", "SOUR1:VOLT:LOW -1;HIGH 1", "OUTP1 ON"
    )
    levels = [table.volts(2.5e-3) for _ in range(4)]
    assert levels == pytest.approx([-1.0, 1.0, 0.0, 0.0], abs=1e-9)


def test_internal_timer_repeats_the_burst(table: Table) -> None:
    """A timer shorter than the burst loses the triggers that fall into it."""
    pulse(table, "TRIG:TIM 1ms", "TRIG:SOUR TIM")
    assert table.volts(10e-3) == pytest.approx(2.0 * 0.1)
    table.send("TRIG:TIM 150us")
    assert table.volts(3e-3) == pytest.approx(2.0 * 100 / 300)


def test_infinite_burst_runs_until_it_is_rearmed(table: Table) -> None:
    pulse(table, "SOUR1:BURS:NCYC INF")
    assert table.volts(1e-3) == 0.0
    table.send("*TRG")
    assert table.volts(10e-3) == pytest.approx(1.0, rel=1e-6)
    table.send("SOUR1:BURS:INFI:REARM")
    assert table.volts(10e-3) == 0.0
    table.send("*TRG")
    assert table.volts(10e-3) == pytest.approx(1.0, rel=1e-6)
    table.send("ABOR")
    assert table.volts(1e-3) == 0.0


def test_polarity_inverts_about_the_offset(table: Table) -> None:
    pulse(table, "OUTP1:POL INV")
    assert table.volts(1e-4) == pytest.approx(2.0)
    table.send("*TRG")
    assert table.volts(100e-6) == pytest.approx(0.0, abs=1e-3)


def test_many_cycles_are_not_written_out(table: Table) -> None:
    """A burst of a million cycles costs memory only as it is lived through."""
    pulse(table, "SOUR1:BURS:NCYC 1000000", "SOUR1:PULS:PER 2ms")
    table.send("*TRG")
    assert len(table.afg.drives["ch1"].plan) < 100
    assert table.volts(20e-3) == pytest.approx(2.0 * 0.05)


@pytest.mark.parametrize(
    ("shape", "mean", "mean_square"),
    [
        ("SIN", 0.0, 0.5),
        ("SQU", 0.0, 1.0),
        ("RAMP", 0.0, 1 / 3),
        ("HAV", 0.0, 0.5),
    ],
)
def test_continuous_shapes(
    table: Table, shape: str, mean: float, mean_square: float
) -> None:
    """Mean and mean square of one cycle at 1 V peak, read step by step."""
    table.send(f"SOUR1:FUNC {shape}", "SOUR1:FREQ 100", "SOUR1:VOLT 2", "OUTP1 ON")
    step = 10e-3 / waveforms.STEPS
    levels = np.array([table.volts(step) for _ in range(waveforms.STEPS)])
    assert levels.mean() == pytest.approx(mean, abs=1e-9)
    assert (levels**2).mean() == pytest.approx(mean_square, rel=2e-3)


def test_phase_turns_the_wave(table: Table) -> None:
    table.send("SOUR1:FUNC SQU", "SOUR1:FREQ 100", "SOUR1:PHAS 90DEG", "OUTP1 ON")
    quarters = [table.volts(2.5e-3) for _ in range(4)]
    assert quarters == pytest.approx([0.5, -0.5, -0.5, 0.5])


def test_noise_lies_between_the_levels(table: Table) -> None:
    """Six sigma: over 1000 steps the mean is within 5 standard errors (1e-6)."""
    table.send("SOUR1:FUNC PRN", "SOUR1:VOLT:LOW -1;HIGH 2", "OUTP1 ON")
    levels = np.array([table.volts(waveforms.NOISE_STEP) for _ in range(1000)])
    assert levels.min() >= -1.0
    assert levels.max() <= 2.0
    assert abs(levels.mean() - 0.5) < 5 * 0.5 / math.sqrt(1000)


def test_a_long_jump_stretches_cycles_but_keeps_shares(table: Table) -> None:
    """1e9 cycles of 1 MHz are lived through in a bounded number of changes."""
    table.send("SOUR1:FUNC PULS", "SOUR1:PULS:DCYC 25", "SOUR1:VOLT:LOW 0;HIGH 2")
    table.send("OUTP1 ON")
    assert table.volts(1000.0) == pytest.approx(0.5, rel=1e-3)


def test_long_edges_are_stairs_of_the_right_area() -> None:
    cycle = waveforms.pulse_cycle(
        1e-3, 0.0, 1.0, width=400e-6, delay=0.0, leading=80e-6, trailing=80e-6
    )
    times = np.array([time for time, _ in cycle.changes] + [1e-3])
    levels = np.array([level for _, level in cycle.changes])
    assert float((levels * np.diff(times)).sum()) == pytest.approx(400e-6)
    assert len(cycle.changes) == 1 + 2 * (waveforms.EDGE_STEPS + 1)
    assert np.all(np.diff(times) >= 0)


def test_ramp_symmetry() -> None:
    cycle = waveforms.shape_cycle("RAMP", 1.0, -1.0, 1.0, turn=0.0, symmetry=1.0)
    levels = np.array([level for _, level in cycle.changes])
    assert np.sum(np.diff(levels) < 0) == 1, "a saw tooth falls once"


@given(
    st.lists(st.integers(0, limits.FULL_SCALE), min_size=2, max_size=40),
    st.floats(-2.5, 2.4),
    st.floats(0.01, 2.0),
)
def test_arbitrary_waveforms_stay_within_the_levels(
    points: list[int], low: float, span: float
) -> None:
    table = Table()
    high = min(low + span, 2.5)
    block = definite_block(struct.pack(f">{len(points)}H", *points))
    table.afg.write(b"DATA EMEM," + block)
    table.send("SOUR1:FUNC EMEM", "SOUR1:FREQ 1e3", "SOUR1:VOLT:LOW -2.5;HIGH 2.5")
    table.send(f"SOUR1:VOLT:LOW {low};HIGH {high}", "OUTP1 ON")
    table.send("*CLS")
    bottom, top = table.value("SOUR1:VOLT:LOW?"), table.value("SOUR1:VOLT:HIGH?")
    levels = [table.volts(1e-4) for _ in range(10)]
    assert bottom - 1e-9 <= min(levels) <= max(levels) <= top + 1e-9


@given(st.floats(1e-3, 2.4))
def test_levels_read_back_rounded(level: float) -> None:
    table = Table()
    table.send("SOUR1:VOLT:LOW -0.01", f"SOUR1:VOLT:HIGH {level!r}")
    assert table.value("SOUR1:VOLT:HIGH?") == pytest.approx(
        limits.round_voltage(level), abs=1e-12
    )
    assert table.error() == 0


HEADERS = [
    re.sub(r"\{1-2\}", "", header)
    for command in COMMANDS
    for header in command.header.split()
]
VALUES = (
    *("1", "0", "-1", "1e-6", "1e300", "NAN", "INF", "MIN", "DEF", "50", "1e6", "ON"),
    *("SIN", "PULS", "EMEM", "USER2", "10 mV", "99 DBM", "-400 DBM", "90 DEG", "1us"),
    *("EXT", "GAT", "WIDT", "DBM", "END", "CH2", "#13abc", "'x'", "(@1)", "131072"),
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(HEADERS),
            st.booleans(),
            st.lists(st.sampled_from(VALUES), max_size=3),
        ),
        max_size=12,
    )
)
def test_no_sequence_of_messages_breaks_it(
    sequence: list[tuple[str, bool, list[str]]],
) -> None:
    """Whatever is set, in whatever order, outputs stay within the window."""
    table = Table()
    table.send("OUTP1 ON")
    for header, is_query, values in sequence:
        plain = header.replace("[", "").replace("]", "")
        table.send(f"{plain}{'?' if is_query else ''} {','.join(values)}")
        table.afg.next_reply()
        table.afg.trigger_in("trigger")
        assert abs(table.volts(1e-7)) <= limits.AFG31102.window / 2 + 1e-9
