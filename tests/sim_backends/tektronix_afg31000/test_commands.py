"""The command table of the simulated AFG31000 as a whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import labneuro
from labneuro.sim_backends.scpi.syntax import definite_block
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.commands import COMMANDS

HEADERS = [
    re.sub(r"\{[\d-]+\}", "", header)
    for command in COMMANDS
    for header in command.header.split()
]
VALUES = (
    *("1", "0", "-1", "1e-6", "1e300", "NAN", "INF", "MIN", "DEF", "50", "1e6", "ON"),
    *("SIN", "PULS", "EMEM", "USER2", "10 mV", "99 DBM", "-400 DBM", "90 DEG", "1us"),
    *("EXT", "GAT", "WIDT", "DBM", "END", "CH2", "#13abc", "'x'", "(@1)", "131072"),
    *("'P:/Sine.tfwx'", "SWE", "MAN", "SEQ", "LOG", "TRI", "EFIL", "SQU", "RAMP"),
)


@given(
    sequence=st.lists(
        st.tuples(
            st.sampled_from(HEADERS),
            st.booleans(),
            st.lists(st.sampled_from(VALUES), max_size=3),
        ),
        max_size=12,
    )
)
def test_no_sequence_of_messages_breaks_it(make_table, sequence):
    """Whatever is set, in whatever order, outputs stay within the window."""
    table = make_table()
    table.send("OUTP1 ON")
    for header, is_query, values in sequence:
        plain = header.replace("[", "").replace("]", "")
        table.send(f"{plain}{'?' if is_query else ''} {','.join(values)}")
        table.afg.next_reply()
        table.afg.trigger_in("trigger")
        assert abs(table.volts(1e-7)) <= limits.AFG31102.window / 2 + 1e-9


LISTING = Path(labneuro.__file__).parent.parent.parent / "shared/commands/AFG3000C.txt"
# Legal values for the parameters that the listing describes in words.
LEGAL = {
    "*RCL": "1",
    "CSCopy": "CH1,CH2",
    "DATA:COPY": "EMEMory1,USER1",
    "DATA:DATA ": "EMEMory," + definite_block(b"\0\1\0\2").decode("latin-1"),
    "DATA:DATA:LINE": "EMEMory2,1,0,5,100",
    "DATA:DATA:VALue ": "EMEMory2,1,5",
    "DATA:DATA:VALue?": "EMEMory2,1",
    "DATA:DEFine": "EMEMory2,100",
    "DATA:DELete": "USER1",
    "DATA:EMEMCOPY": "EMEMory,EMEMory2",
    "DATA:LOCK:STATe ": "USER1,OFF",
    "DATA:LOCK:STATe?": "USER1",
    "DATA:POINts ": "EMEMory,100",
    "DATA:DATA?": "EMEMory",
    "DATA:POINts?": "EMEMory",
    "TEXT:DATA ": "'hello'",
    "STATe:LOCK ": "1,OFF",
    "STATe:LOCK?": "1",
    "MMEMory:CDIRectory ": "'M:/'",
    "MMEMory:DELete": "'M:/new'",
    "MMEMory:LOAD:STATe": "1,'M:/setup.tfs'",
    "MMEMory:LOAD:TRACe": "EMEMory1,'P:/Sine.tfwx'",
    "MMEMory:LOCK:STATe ": "'M:/new',OFF",
    "MMEMory:LOCK:STATe?": "'M:/new'",
    "MMEMory:MDIRectory": "'M:/other'",
    "MMEMory:STORe:STATe": "1,'M:/new.tfs'",
    "MMEMory:STORe:TRACe": "EMEMory1,'M:/new.tfwx'",
    "EFILe ": "'P:/Sine.tfwx'",
    "COMBine:FEED ": "'NOISe'",
    "PASSword:CDISable": "'DEFAULT'",
    "PASSword:CENable ": "'DEFAULT'",
    "PASSword:NEW": "'DEFAULT','DEFAULT'",
    "TRIGger:SEQuence:TIMer": "1e-3",
}
PREPARED = (
    *("*SAV 1", "MMEM:STOR:STAT 1,'M:/setup.tfs'", "MMEM:MDIR 'M:/new'"),
    *("DATA:COPY EMEM,USER1", "SOUR1:FUNC:EFIL 'P:/Sine.tfwx'", "FUNC SQU"),
)
# A picture of the screen goes to a USB memory, and there is none.
EXPECTED_ERRORS = {"HCOPy:SDUMp:IMMediate": -252}


def message(line):
    """Turn a line of the listing into a message with legal parameters."""
    header = line.split(" ")[0].split("[")[0]
    for part, value in LEGAL.items():
        if part in f"{header} ":
            return f"{header} {value}"
    parameter = line.partition(" ")[2]
    if not parameter or (header.endswith("?") and "{" not in line):
        return header
    if "MAXimum" in parameter:
        return f"{header} MAXimum"
    word = re.findall(r"<[^>]*>|[\w']+", parameter)[0]
    return f"{header} {'1' if word.startswith('<') else word}"


@pytest.mark.skipif(not LISTING.is_file(), reason="the list of headers is not here")
def test_every_header_of_the_manual_is_accepted(make_table):
    """Each with a legal parameter, each query answered."""
    table = make_table()
    lines = LISTING.read_text(encoding="utf-8").split("\n")
    wrong = {}
    for line in filter(None, map(str.strip, lines)):
        table.send("*RST", *PREPARED)
        if ":PWM:" in line:
            table.send(f"{line[:7]}:FUNC PULS")
        assert table.error() == 0, line
        text = message(line)
        table.send(text)
        is_answered = table.afg.next_reply() is not None
        code = table.error()
        is_query = text.split(" ")[0].endswith("?")
        if code != EXPECTED_ERRORS.get(line, 0) or is_answered != is_query:
            wrong[line] = (text, code, is_answered)
        table.send("MMEM:DEL 'M:/new.tfs'", "MMEM:DEL 'M:/other'", "MMEM:DEL 'M:/new'")
        table.send("*CLS")
    assert len(lines) > 300
    assert wrong == {}
