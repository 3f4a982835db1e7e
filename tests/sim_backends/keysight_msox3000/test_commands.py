"""The simulated MSO-X 3104T: commands, errors, status, setups, run control."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
from labneuro.sim_backends.scpi.common import COMMON_COMMANDS
from labneuro.sim_backends.scpi.tree import CommandTree


def test_identity(table: Any) -> None:
    maker, model, _, _ = table.ask("*IDN?").split(",")
    assert (maker, model) == ("KEYSIGHT TECHNOLOGIES", "MSO-X 3104T")


REPORTS = [
    (
        ":CHANnel1?",
        ":CHAN1:RANG +4.00000E+01;OFFS +0.00000E+00;COUP DC;IMP ONEM;DISP 1;BWL 0;"
        'INV 0;LAB "1";UNIT VOLT;PROB +1.00000E+00;PROB:SKEW +0.00000E+00;STYP SING',
    ),
    (":TIMebase?", ":TIM:MODE MAIN;REF CENT;MAIN:RANG +1.00000E-03;POS +0.00000E+00"),
    (":ACQuire?", ":ACQ:MODE RTIM;TYPE NORM;COMP 100;COUNT 8;SEGM:COUN 2"),
    (
        ":TRIGger?",
        ":TRIG:MODE EDGE;SWE AUTO;NREJ 0;HFR 0;HOLD +6.00000E-08;"
        ":TRIG:EDGE:SOUR CHAN1;LEV +0.00000E+00;SLOP POS;REJ OFF;COUP DC",
    ),
    (":EXTernal?", ":EXT:BWL 0;RANG +8.00000E+00;UNIT VOLT;PROB +1.00000E+00"),
    (":DIGital0?", ':DIG0:DISP 0;THR +1.40000E+00;LAB "D0";POS +0'),
    (":POD1?", ":POD1:DISP 0;THR +1.40000E+00"),
]


@pytest.mark.parametrize(("query", "expected"), REPORTS)
def test_a_subsystem_reports_its_setup_as_the_guide_shows(
    table: Any, query: str, expected: str
) -> None:
    table.send("*RST")
    assert table.ask(query) == expected


SETTINGS = [
    (":CHANnel2:DISPlay", "ON", "1"),
    (":CHAN2:COUP", "ac", "AC"),
    (":CHAN2:BWL", "1", "1"),
    (":CHAN2:INV", "ON", "1"),
    (":CHAN2:IMP", "FIFTy", "FIFT"),
    (":CHAN2:LAB", '"Gate"', '"Gate"'),
    (":CHAN2:LAB", '"longer than ten"', '"longer tha"'),
    (":CHAN2:UNIT", "AMP", "AMP"),
    (":CHAN2:RANG", "800 mV", "+8.00000E-01"),
    (":CHAN2:SCAL", "0.1", "+1.00000E-01"),
    (":CHAN2:OFFS", "-0.25", "-2.50000E-01"),
    (":CHAN2:PROB", "10", "+1.00000E+01"),
    (":CHAN2:PROB:SKEW", "5 ns", "+5.00000E-09"),
    (":TIM:SCAL", "20us", "+2.00000E-05"),
    (":TIM:RANG", "1 ms", "+1.00000E-03"),
    (":TIM:POS", "-1e-5", "-1.00000E-05"),
    (":TIM:DEL", "1e-5", "+1.00000E-05"),
    (":TIM:REF", "LEFT", "LEFT"),
    (":TIM:MODE", "WINDow", "WIND"),
    (":ACQ:TYPE", "HRESolution", "HRES"),
    (":ACQ:COUN", "16", "+16"),
    (":ACQ:MODE", "SEGM", "SEGM"),
    (":ACQ:SEGM:COUN", "5", "+5"),
    (":TRIG:SWE", "NORMal", "NORM"),
    (":TRIG:HOLD", "1 us", "+1.00000E-06"),
    (":TRIG:SOUR", "CHANnel3", "CHAN3"),
    (":TRIG:EDGE:SOUR", "DIG12", "DIG12"),
    (":TRIG:SLOP", "EITH", "EITH"),
    (":TRIG:LEV", "0.5", "+5.00000E-01"),
    (":TRIG:EDGE:COUP", "LFR", "LFR"),
    (":TRIG:MODE", "GLITch", "GLIT"),
    (":TRIG:GLIT:QUAL", "RANGe", "RANG"),
    (":TRIG:GLIT:RANG", "30ns,20ns", "+3.00000E-08,+2.00000E-08"),
    (":TRIG:GLIT:LESS", "1e-6", "+1.00000E-06"),
    (":DIG5:DISP", "1", "1"),
    (":DIG12:THR", "ECL", "-1.30000E+00"),
    (":POD2:THR", "0.9", "+9.00000E-01"),
    (":WAV:FORM", "ASCii", "ASC"),
    (":WAV:BYT", "LSBF", "LSBF"),
    (":WAV:UNS", "OFF", "0"),
    (":WAV:SOUR", "CHAN2", "CHAN2"),
    (":WAV:POIN:MODE", "MAX", "MAX"),
    (":MEAS:SOUR", "CHAN2,CHAN3", "CHAN2,CHAN3"),
    (":FUNC:OPER", "SUBTract", "SUBT"),
    (":FUNC:SOUR2", "CHAN4", "CHAN4"),
    (":WGEN:FREQ", "2 kHz", "+2.00000E+03"),
    (":MARK:MODE", "MANual", "MAN"),
    (":DISP:LAB", "1", "1"),
    (":HARD:INKS", "0", "0"),
    (":BUS1:DISP", "1", "1"),
    ("*ESE", "36", "36"),
    (":OPEE", "8", "+8"),
]


@pytest.mark.parametrize(("header", "sent", "answer"), SETTINGS)
def test_a_setting_reads_back_in_short_form_and_is_reset(
    table: Any, header: str, sent: str, answer: str
) -> None:
    before = table.ask(f"{header}?")
    table.send(f"{header} {sent}")
    assert table.ask(f"{header}?") == answer
    assert table.error() == 0
    if header not in ("*ESE", ":OPEE"):
        table.send("*RST")
        assert table.ask(f"{header}?") == before


REFUSED = [
    (":CHAN1:RANG", "41", -222),
    (":CHAN1:SCAL", "0.9e-3", -222),
    (":CHAN1:COUP", "GND", -224),
    (":CHAN1:DISP", "5 V", -138),
    (":CHAN1:PROB", "20000", -222),
    (":TIM:SCAL", "51", -222),
    (":TIM:RANG", "1 V", -131),
    (":ACQ:COUN", "65537", -222),
    (":TRIG:LEV", "31", -222),
    (":TRIG:HOLD", "11", -222),
    (":TRIG:SOUR", "CHAN9", -224),
    (":TRIG:GLIT:LESS", "1e-9", -222),
    (":TRIG:GLIT:RANG", "20ns,30ns", -221),
    (":POD1:THR", "9", -222),
    (":WAV:POIN", "99", -222),
    (":WAV:POIN", "1000.5", -222),
    (":WAV:SOUR", "EXT", -221),
    (":MEAS:SOUR", "CHAN7", -224),
]


@pytest.mark.parametrize(("header", "sent", "code"), REFUSED)
def test_a_refused_value_is_an_error_of_the_instrument_and_changes_nothing(
    table: Any, header: str, sent: str, code: int
) -> None:
    before = table.ask(f"{header}?")
    table.send(f"{header} {sent}")
    assert table.error() == code
    assert table.error() == 0
    assert table.ask(f"{header}?") == before


def test_the_offset_takes_the_nearest_value_it_can(table: Any) -> None:
    table.send(":CHAN1:RANG 0.8", ":CHAN1:OFFS 1000")
    assert table.value(":CHAN1:OFFS?") == pytest.approx(10.0)
    assert table.error() == 0


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    volts=st.floats(1e-3, 5.0),
    seconds=st.floats(5e-10, 50.0),
    probe=st.floats(0.1, 1e3),
)
def test_scales_read_back_to_six_digits(
    make_table: Any, volts: float, seconds: float, probe: float
) -> None:
    table = make_table()
    table.send(f":CHAN1:PROB {probe!r}", f":CHAN1:SCAL {volts * probe!r}")
    table.send(f":TIM:SCAL {seconds!r}")
    assert table.value(":CHAN1:SCAL?") == pytest.approx(volts * probe, rel=1e-5)
    assert table.value(":CHAN1:RANG?") == pytest.approx(8 * volts * probe, rel=1e-5)
    assert table.value(":TIM:RANG?") == pytest.approx(10 * seconds, rel=1e-5)
    assert table.error() == 0


def test_the_probe_scales_range_offset_and_trigger_level(table: Any) -> None:
    table.send(":CHAN1:RANG 4;OFFS 0.5;:TRIG:LEV 0.2;:CHAN1:PROB 10")
    assert table.ask(":CHAN1:RANG?;OFFS?") == "+4.00000E+01;+5.00000E+00"
    assert table.value(":TRIG:LEV?") == pytest.approx(2.0)


def test_fifty_ohm_loads_the_circuit_and_narrows_the_range(table: Any) -> None:
    table.source.voltage_source(1.0, 50.0)
    assert table.scope.probes["ch1"].voltage() == pytest.approx(1.0, rel=1e-3)
    table.send(":CHAN1:IMP FIFT")
    assert table.scope.probes["ch1"].voltage() == pytest.approx(0.5, rel=1e-3)
    assert table.value(":CHAN1:RANG?") == 8.0


def test_the_error_queue_holds_30_and_reports_its_overflow(table: Any) -> None:
    assert table.ask(":SYSTem:ERRor?") == '+0,"No error"'
    table.send(*[":NONSense"] * 40)
    queue = [table.ask(":SYST:ERR?") for _ in range(31)]
    assert queue[:29] == ['-113,"Undefined header"'] * 29
    assert queue[29:] == ['-350,"Queue overflow"', '+0,"No error"']
    table.send(":NONSense")
    assert table.ask(":SYST:ERR? NUMB") == "-113"


def test_an_unread_answer_is_interrupted(table: Any) -> None:
    table.send(":CHAN1:RANG?", ":TIM:RANG?")
    reply = table.scope.next_reply()
    assert reply is not None
    assert reply.content == b"+1.00000E-03"
    assert table.error() == -410
    table.scope.query_unanswered()
    assert table.error() == -420


def test_every_declared_header_is_reached_in_long_and_short_form() -> None:
    tree = CommandTree((*COMMON_COMMANDS, *KeysightMsox3104T.commands))
    last = {
        header: command
        for command in (*COMMON_COMMANDS, *KeysightMsox3104T.commands)
        for header in command.header.split()
    }
    for header, command in last.items():
        plain = re.sub(r"\{(\d+)-\d+\}", r"\1", header)
        full = plain.replace("[", "").replace("]", "")
        brief = re.sub(r"\[[^]]*\]", "", re.sub(r"[a-z]", "", plain))
        for form in (full.upper(), brief):
            found, _ = tree.find([node for node in form.split(":") if node])
            assert (found.write, found.query) == (command.write, command.query), form


def test_a_setup_block_restores_everything(table: Any) -> None:
    table.send(":CHAN3:RANG 0.4;DISP 1;:TIM:RANG 2e-6;:TRIG:SOUR CHAN3;SWE NORM")
    block = table.ask_bytes(":SYST:SET?")
    assert block[:2] == b"#8"
    assert len(block) == 10 + int(block[2:10])
    assert table.ask_bytes("*LRN?") == b":SYST:SET " + block
    table.send("*RST")
    table.scope.write(b":SYST:SET " + block)
    assert table.error() == 0
    assert table.ask(":CHAN3:RANG?;DISP?") == "+4.00000E-01;1"
    assert table.ask(":TRIG:SOUR?;SWE?") == "CHAN3;NORM"
    table.scope.write(b":SYST:SET #15hello")
    assert table.error() == -161
    assert table.value(":TIM:RANG?") == 2e-6


def test_save_and_recall(table: Any) -> None:
    table.send(":CHAN1:RANG 2", "*SAV 3", ":CHAN1:RANG 4", "*RCL 3")
    assert table.value(":CHAN1:RANG?") == 2.0
    table.send(":SAVE:SET 4", "*RST", ":REC:SET 4")
    assert table.value(":CHAN1:RANG?") == 2.0
    table.send("*RCL 9")
    assert table.error() == -220
    table.send("*SAV 10")
    assert table.error() == -222


def test_view_blank_and_status(table: Any) -> None:
    table.send(":VIEW CHAN4;:VIEW POD1;:VIEW FUNC")
    assert table.ask(":STAT? CHAN4;:STAT? POD1;:STAT? FUNC;:STAT? CHAN2") == "1;1;1;0"
    table.send(":BLAN CHAN4")
    assert table.ask(":STAT? CHAN4;:DIG7:DISP?") == "0;1"
    table.send(":BLANk")
    assert table.ask(":STAT? CHAN1;:DIG7:DISP?") == "0;0"


def test_run_stop_and_single_in_the_condition_register(table: Any) -> None:
    table.send("*RST", ":TRIG:SWE NORM;:TRIG:LEV 0.5")
    assert int(table.ask(":OPER:COND?")) & 8
    table.send(":STOP")
    assert table.ask(":OPER:COND?") == "+0"
    assert table.ask(":RST?") == "STOP"
    table.send(":AER?")
    table.scope.next_reply()
    table.send(":SINGle")
    assert int(table.ask(":OPER:COND?")) == 8 + 32
    assert table.ask(":AER?;:AER?;:TER?") == "+1;+0;+0"
    table.pulse(2e-3, 1e-4)
    for _ in range(5):
        state = table.ask(":OPER:COND?;:TER?")
    assert state == "+0;+0"  # the event was read by an earlier query
    assert table.ask(":WAV:POIN?") != "+0"


def test_the_trigger_event_is_in_the_status_byte_and_requests_service(
    table: Any,
) -> None:
    table.send("*RST", ":TRIG:SWE NORM;:TRIG:LEV 0.5", ":STOP", "*CLS", ":SING")
    assert table.scope.status_byte() & 1 == 0
    table.send("*SRE 1")
    table.pulse(1e-3, 1e-4)
    table.clock.advance(5e-3)
    assert table.scope.status_byte() & 0x41 == 0x41
    assert table.ask(":TER?") == "+1"
    assert table.scope.status_byte() & 0x41 == 0


def test_the_operation_register_reports_that_it_runs(table: Any) -> None:
    table.send(":STOP", ":OPEE 8", "*CLS", ":RUN")
    assert table.scope.status_byte() & 0x80
    assert int(table.ask(":OPER?")) & 8
    assert table.scope.status_byte() & 0x80 == 0


def test_digitize_answers_only_when_it_has_acquired(table: Any) -> None:
    table.send(":TRIG:SWE NORM;:TRIG:LEV 0.5;:TIM:RANG 1e-3")
    table.send(":CHAN2:RANG?;:DIGitize CHAN1;*OPC?")
    assert not table.scope.message_available
    table.pulse(3e-3, 1e-4)
    assert not table.scope.message_available
    reply = table.scope.next_reply()
    assert reply is not None
    assert reply.content == b"+4.00000E+01;1"
    assert table.ask(":OPER:COND?") == "+0"


def test_digitize_without_a_trigger_never_answers_until_a_device_clear(
    table: Any,
) -> None:
    table.send(":TRIG:SWE NORM;:TRIG:LEV 0.5", ":DIG CHAN1", "*OPC?")
    assert table.scope.next_reply() is None
    table.scope.query_unanswered()
    table.scope.clear()
    assert table.ask(":OPER:COND?") == "+0"
    assert table.error() == 0


def test_the_auto_sweep_triggers_by_itself(table: Any) -> None:
    begin = table.clock.now
    assert table.ask(":DIG CHAN1;*OPC?") == "1"
    assert 0.05 < table.clock.now - begin < 0.2
    assert table.ask(":TER?") == "+1"


def test_who_polls_for_a_message_gets_that_of_an_automatic_trigger(table: Any) -> None:
    table.send(":DIG CHAN1;*OPC?")
    assert table.scope.message_available
    reply = table.scope.next_reply()
    assert reply is not None
    assert reply.content == b"1"


def test_a_late_pulse_is_seen_by_who_polls(table: Any) -> None:
    table.send(":TRIG:SWE NORM;:TRIG:LEV 0.5;:TIM:RANG 1e-3", ":DIG CHAN1", "*OPC?")
    table.pulse(3e-3, 1e-4)
    polls = 0
    while not table.scope.status_byte() & 16:
        polls += 1
    assert 1 < polls < 20


def test_a_trigger_by_force(table: Any) -> None:
    table.send(":TRIG:SWE NORM;:TRIG:LEV 0.5", ":SING")
    table.clock.advance(0.3)
    assert int(table.ask(":OPER:COND?")) & 8
    table.send(":TRIG:FORC")
    table.clock.advance(1e-3)
    assert table.ask(":OPER:COND?;:TER?") == "+0;+1"


def test_triggers_go_out_and_come_in_by_wire(table: Any) -> None:
    seen: list[float] = []
    table.scope.trigger_lines["trigger"].append(lambda: seen.append(table.clock.now))
    table.send(":TRIG:SOUR EXT;SWE NORM;:TIM:RANG 1e-3", ":SING")
    table.clock.advance(1e-3)
    table.scope.trigger_in("external")
    edge = table.clock.now
    table.clock.advance(2e-3)
    assert table.ask(":OPER:COND?") == "+0"
    assert len(seen) == 1
    shots = table.scope.acquisition.record
    assert shots is not None
    assert shots.shots[0].trigger == edge


def test_trg_acquires_once(table: Any) -> None:
    table.send("*TRG")
    assert table.ask("*OPC?;:OPER:COND?") == "1;+0"


def test_math_is_not_there_before_its_channels(table: Any) -> None:
    table.send(":FUNC:OPER ADD;SOUR1 CHAN1;SOUR2 CHAN2;:WAV:SOUR FUNC", ":DIG CHAN1")
    assert table.ask(":WAV:POIN?") == "+0"
    assert table.ask_bytes(":WAV:DATA?") == b"#800000000"
    assert table.value(":MEAS:VPP? FUNC") == 9.9e37


def test_power_on_state_runs_and_keeps_little(table: Any) -> None:
    table.square(1e-4, cycles=5000)
    for _ in range(100):
        table.ask(":OPER:COND?")
    times, _ = table.scope.probes["ch1"].trace()
    assert times.size < 200
    assert not math.isnan(table.value(":MEAS:VPP?"))
