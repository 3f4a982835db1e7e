"""The advanced (sequence) mode of the simulated AFG31000."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.sim_backends.scpi.syntax import definite_block
from labneuro.sim_backends.tektronix_afg31000.waveform_files import write_waveform

LOOP = 4e-3  # s: four points at 1 kS/s


def load(table, **levels):
    """Load waveforms of four points, each at one level in V."""
    for name, level in levels.items():
        content = write_waveform(np.full(4, 0.5), 2.0, level)
        head = f'DATA:FILE "M:/{name}.tfwx",{len(content)},'.encode()
        table.afg.write(head + definite_block(content))
        table.send(f'WLIS:WAV:IMP "M:/{name}.tfwx"')


@pytest.fixture
def sequence(table):
    """Return an AFG in the sequence run mode with three elements of 1, 2 and 0.5 V."""
    table.send("SEQC:STAT ON", "SEQC:RMOD SEQ", "SEQC:SRAT 1e3", "SEQ:LEN 3")
    load(table, one=1.0, two=2.0, half=0.5)
    for number, name in enumerate(("one", "two", "half"), 1):
        table.send(f'SEQ:ELEM{number}:WAV1 "M:/{name}.tfwx"')
    table.send("OUTP1 ON")
    assert table.error() == 0
    return table


def test_elements_follow_each_other_and_begin_anew(sequence):
    sequence.send("SEQ:ELEM2:LOOP:COUN 2", "SEQC:RUN")
    assert sequence.ask("SEQC:RSTATE?") == "1"
    assert sequence.trace(LOOP, 8) == pytest.approx([1, 2, 2, 0.5] * 2)
    sequence.send("SEQC:STOP:IMM")
    assert sequence.volts(LOOP) == 0.0
    assert sequence.ask("SEQC:RSTAT?") == "0"


def test_goto(sequence):
    sequence.send("SEQ:ELEM2:GOTO:STAT 1", "SEQ:ELEM2:GOTO:IND 1", "SEQC:RUN")
    assert sequence.trace(LOOP, 6) == pytest.approx([1, 2] * 3)


@pytest.mark.parametrize(
    ("event", "message"), [("BUS", "*TRG"), ("MAN", "TRIG"), ("EXT", "")]
)
def test_waiting_for_an_event(sequence, event, message):
    sequence.send("SEQ:ELEM2:TWA:STAT ON", f"SEQ:ELEM2:TWA:EVEN {event}", "SEQC:RUN")
    assert sequence.trace(LOOP, 3) == pytest.approx([1, 1, 1]), "the last level is held"
    if message:
        sequence.afg.trigger_in("trigger")  # of another kind
        sequence.send(message)
    else:
        sequence.send("*TRG")
        sequence.afg.trigger_in("trigger")
    assert sequence.trace(LOOP, 5) == pytest.approx([2, 0.5, 1, 1, 1])


def test_waiting_for_the_timer(sequence):
    """Element 2 may begin at multiples of 10 ms from the run command."""
    sequence.send("SEQC:TIM 10ms", "SEQ:ELEM2:TWA:STAT 1", "SEQ:ELEM2:TWA:EVEN TIM")
    sequence.send("SEQC:RUN")
    levels = sequence.trace(2e-3, 12)
    assert levels == pytest.approx([1] * 5 + [2, 2, 0.5, 0.5, 1, 1, 1])


@pytest.mark.parametrize(
    ("kind", "expected"), [("NEXT", 2.0), ("IND", 0.5), ("OFF", 1.0)]
)
def test_an_event_jump_ends_an_infinite_loop(sequence, kind, expected):
    sequence.send("SEQ:ELEM1:LOOP:INF 1", "SEQ:ELEM1:JUMP:EVEN EXT")
    sequence.send(f"SEQ:ELEM1:JTAR:TYPE {kind}", "SEQ:ELEM1:JTAR:IND 3", "SEQC:RUN")
    assert sequence.trace(LOOP, 5) == pytest.approx([1] * 5)
    sequence.clock.advance(LOOP / 4)
    sequence.afg.trigger_in("trigger")
    assert sequence.volts(0.75 * LOOP) == pytest.approx(1.0), "the loop is finished"
    assert sequence.volts(LOOP) == pytest.approx(expected)


def test_a_jump_by_the_timer(sequence):
    sequence.send("SEQ:ELEM1:LOOP:INF 1", "SEQ:ELEM1:JUMP:EVEN TIM", "SEQC:TIM 10ms")
    sequence.send("SEQ:ELEM1:JTAR:TYPE NEXT", "SEQC:RUN")
    assert sequence.trace(LOOP, 5) == pytest.approx([1, 1, 1, 2, 0.5])


def test_scale_and_offset(sequence):
    """Volts of the file at 100 %; the load setting says for what load."""
    sequence.send("SEQC:SOUR1:SCAL 50", "SEQC:SOUR1:OFFS 0.25", "SEQC:RUN")
    assert sequence.volts(LOOP) == pytest.approx(0.75)
    sequence.send("SEQC:STOP")
    assert sequence.volts(LOOP) == pytest.approx(0.25)
    sequence.send("SEQC:SOUR1:SCAL 1000", "SEQC:RUN")
    assert sequence.volts(LOOP) == pytest.approx(5.0), "the window of the output"


def test_the_relay_does_not_stop_the_sequence(sequence):
    sequence.send("OUTP1 OFF", "SEQC:RUN")
    assert sequence.volts(LOOP) == 0.0
    sequence.send("OUTP1 ON")
    assert sequence.trace(LOOP, 2) == pytest.approx([2, 0.5])


def test_the_basic_mode_comes_back(sequence):
    sequence.send("SOUR1:FUNC DC", "SOUR1:VOLT:OFFS 0.2", "SEQC:RUN")
    assert sequence.volts(LOOP) == pytest.approx(1.0)
    sequence.send("SEQC:STAT OFF")
    assert sequence.volts(LOOP) == pytest.approx(0.2)
    assert sequence.ask("SEQC:RSTAT?") == "0"


def test_continuous_triggered_and_gated(table):
    table.send("SEQC:STAT 1", "SEQC:SRAT 1e3")
    load(table, one=1.0)
    table.send('SEQ:ELEM:WAV1 "M:/one.tfwx"', "OUTP1 ON", "SEQC:RUN")
    assert table.trace(LOOP, 2) == pytest.approx([1, 1])
    table.send("SEQC:RMOD TRIG")
    assert table.ask("WLIS:SIZE?;:SEQ:ELEM1:WAV1?") == '0;""', "the list is emptied"
    table.send('SEQ:ELEM:WAV1 "M:/one.tfwx"', "SEQC:RUN")
    assert table.volts(LOOP) == 0.0
    table.afg.trigger_in("trigger")
    assert table.volts(LOOP) == pytest.approx(1.0)
    table.send("SEQC:RMOD GAT", 'SEQ:ELEM:WAV1 "M:/one.tfwx"')
    table.send("SEQ:ELEM:JUMP:EVEN MAN", "SEQ:ELEM:TWA:EVEN EXT", "SEQC:RUN")
    table.afg.trigger_in("trigger")
    assert table.trace(LOOP, 3) == pytest.approx([1, 1, 1])
    assert table.error() == 0


def test_both_channels_keep_step(sequence):
    """Channel 2 has no waveform: it stays at its offset."""
    sequence.send("SEQC:SOUR2:OFFS 0.5", "OUTP2 ON", "SEQC:RUN")
    measured = sequence.circuit.measure(sequence.afg.drives["ch2"], LOOP)
    assert measured.voltage == pytest.approx(1.0), "into no load"


def test_the_table_reads_back(sequence):
    sequence.send("SEQ:ELEM3:TWA:SLOP NEG", "SEQ:ELEM3:MARK:STAT 1", "SEQC:DEL 100ns")
    assert sequence.ask("SEQ:ELEM3:TWA:SLOP?;:SEQ:ELEM3:MARK:STAT?") == "NEG;1"
    assert sequence.ask("SEQ:LEN?;:SEQ:ELEM2:LOOP:COUN?;:SEQC:RMOD?") == "3;1;SEQ"
    assert sequence.ask("SEQ:ELEM2:WAV1?;:SEQ:ELEM2:WAV2?") == '"M:/two.tfwx";""'
    assert sequence.ask("WLIS:LIST?") == '"M:/one.tfwx,M:/two.tfwx,M:/half.tfwx"'
    assert sequence.value("SEQC:DEL?") == pytest.approx(1e-7)
    sequence.send("SEQ:LEN 1", "SEQ:ELEM1:GOTO:IND MAX", "WLIS:WAV:DEL 'one.tfwx'")
    assert sequence.ask("SEQ:ELEM1:GOTO:IND?;:SEQ:ELEM1:WAV1?") == '1;""'
    sequence.send("WLIS:WAV:DEL ALL", "SEQC:RESET:IMM")
    assert sequence.ask("WLIS:SIZE?;:SEQC:RMOD?") == "0;CONT"
    assert sequence.error() == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("SEQ:LEN 257", -222),
        ("SEQ:ELEM4:LOOP:COUN 2", -114),
        ("SEQ:ELEM257:LOOP:COUN 2", -114),
        ("SEQ:ELEM1:LOOP:COUN 1000001", -222),
        ("SEQ:ELEM1:GOTO:IND 4", -222),
        ("SEQC:SRAT 1.1e9", -222),
        ("SEQC:TIM 1us", -222),
        ("SEQC:DEL 321ns", -222),
        ("SEQC:SOUR1:SCAL 1001", -222),
        ("WLIS:WAV:DEL 'none'", -220),
        ("WLIS:WAV:IMP 'none'", -256),
        ("SEQ:ELEM1:WAV1 'none'", -256),
        ("SEQ:ELEM3:WAV2 'P:/Sine.tfwx';:SEQC:RUN", -221),
        ("SEQ:LEN 4;:SEQC:RUN", -221),
        ("SEQ:LEN 0;:SEQC:RUN", -221),
        ("SEQC:STAT 0;RUN", -221),
    ],
)
def test_errors(sequence, message, code):
    sequence.send(message)
    assert [sequence.error(), sequence.error()] == [code, 0]
    assert sequence.ask("SEQC:RSTAT?") == "0"


def test_sequence_files(sequence):
    sequence.send("MMEM:SAVE:SEQ 'M:/mine.seq'", "SEQ:NEW")
    assert sequence.ask("SEQ:LEN?") == "1"
    sequence.send("MMEM:OPEN:SEQ 'M:/mine.seq'", "SEQC:RUN")
    assert sequence.trace(LOOP, 3) == pytest.approx([1, 2, 0.5])


def test_a_long_jump_over_a_sequence_is_bounded(sequence):
    sequence.send("SEQC:SRAT 1e9", "SEQ:ELEM1:LOOP:INF 1", "SEQC:RUN")
    assert sequence.volts(1000.0) == pytest.approx(1.0)
