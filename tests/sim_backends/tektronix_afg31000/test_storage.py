"""The mass storage of the simulated AFG31000."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from labneuro.sim_backends.scpi.syntax import definite_block
from labneuro.sim_backends.tektronix_afg31000.waveform_files import (
    read_waveform,
    write_waveform,
)


def upload(table, name, content, part=1 << 20):
    """Send a file as DATA:FILE does, in parts."""
    for begin in range(0, len(content), part):
        block = definite_block(content[begin : begin + part])
        head = f'DATA:FILE "{name}",{len(content)},'.encode()
        table.afg.write(head + block + b"\n")


def test_catalog_lists_used_free_and_entries(table):
    table.send("MMEM:MDIR 'work'", "MMEM:STOR:TRAC EMEM,'wave.tfwx'")
    used, free, *entries = table.ask("MMEM:CAT?").split(",", 2)
    size = 512 + 2 * 1000
    assert entries == [f'"work,DIR,0","wave.tfwx,,{size}"']
    assert int(used) == size
    assert int(free) > 0
    assert table.error() == 0


def test_directories(table):
    assert table.ask("MMEM:CDIR?") == '"M:/"'
    table.send("MMEM:MDIR 'a'", "MMEM:CDIR 'a'", "MMEM:MDIR 'M:/a/b'", "MMEM:CDIR 'B'")
    assert table.ask("MMEM:CDIR?") == '"M:/a/B"'
    table.send("MMEM:CDIR '..'", "MMEM:DEL 'b'", "MMEM:CDIR 'P:/'")
    assert "Sine.tfwx" in table.ask("MMEM:CAT?")
    table.send("MMEM:CDIR", "MMEM:DEL 'a'")
    assert table.ask("MMEM:CDIR?;:SYST:ERR?") == '"M:/";0,"No error"'


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("MMEM:CDIR 'U:/'", -252),
        ("MMEM:STOR:TRAC EMEM,'U:/x.tfwx'", -252),
        ("HCOP:SDUM", -252),
        ("MMEM:CDIR 'Q:/'", -257),
        ("MMEM:DEL ''", -257),
        ("MMEM:CDIR 'none'", -256),
        ("MMEM:DEL 'none'", -256),
        ("MMEM:LOAD:TRAC EMEM,'none.tfwx'", -256),
        ("MMEM:DEL 'P:/Sine.tfwx'", -258),
        ("MMEM:STOR:TRAC EMEM,'P:/x.tfwx'", -258),
        ("MMEM:DEL 'locked.tfwx'", -258),
        ("MMEM:STOR:TRAC EMEM,'locked.tfwx'", -258),
        ("MMEM:DEL 'full'", -250),
        ("MMEM:MDIR 'full'", -257),
        ("MMEM:LOAD:TRAC EMEM,'setup.tfs'", -250),
        ("MMEM:LOAD:STAT 1,'locked.tfwx'", -250),
        ("MMEM:LOAD:STAT 5,'setup.tfs'", -222),
        ("MMEM:STOR:STAT 2,'x.tfs'", -220),
        ("MMEM:OPEN:SEQ 'setup.tfs'", -250),
        ("REC:SETU 'x'", -113),
        ("RECA:SETU 'locked.tfwx'", -220),
        ("DATA:FILE 'big',2,#13abc", -223),
    ],
)
def test_errors_change_nothing(table, message, code):
    table.send("MMEM:STOR:TRAC EMEM,'locked.tfwx'", "MMEM:LOCK 'locked.tfwx',ON")
    table.send("MMEM:MDIR 'full'", "MMEM:MDIR 'full/in'", "SAV:SETU 'setup.tfs'")
    assert table.error() == 0
    before = table.ask("MMEM:CAT?")
    table.send(message)
    assert [table.error(), table.error()] == [code, 0]
    assert table.ask("MMEM:CAT?") == before


def test_error_texts(table):
    table.send("MMEM:CDIR 'U:/'", "MMEM:DEL 'none'")
    assert table.ask("SYST:ERR?") == '-252,"Missing media"'
    assert table.ask("SYST:ERR?") == '-256,"File name not found"'


def test_a_trace_comes_back_from_its_file(table):
    table.send("DATA:DEF EMEM,RAMP", "MMEM:STOR:TRAC EMEM,'ramp.tfwx'")
    table.send("DATA:DATA? EMEM")
    before = table.afg.next_reply().content
    table.send("DATA:DEF EMEM", "MMEM:LOAD:TRAC EMEM2,'RAMP.TFWX'", "DATA:DATA? EMEM2")
    assert table.afg.next_reply().content == before
    assert table.error() == 0


def test_a_file_sent_in_parts_is_played(table):
    """A .tfwx as a public client writes it; levels are those of the channel."""
    content = write_waveform(np.array([0.0, 1.0, 0.5, 0.5]), 2.0, 0.0)
    upload(table, "sent.tfwx", content, part=500)
    assert '"sent.tfwx,,520"' in table.ask("MMEM:CAT?")
    table.send("SOUR1:FUNC:EFIL 'sent.tfwx'", "SOUR1:FUNC EFIL", "SOUR1:FREQ 100")
    table.send("SOUR1:VOLT:LOW -1;HIGH 1", "OUTP1 ON")
    assert table.ask("SOUR1:FUNC:EFIL?") == '"M:/sent.tfwx"'
    assert table.trace(2.5e-3, 4) == pytest.approx([-1, 1, 0, 0], abs=1e-9)
    assert table.error() == 0


def test_an_old_file_is_read_too(table):
    """AFG3000: big-endian points of 0 to 16382."""
    head = struct.pack(">16s2Ii", b"TEKAFG3000", 20050114, 3, 0).ljust(512, b"\0")
    upload(table, "old.tfw", head + struct.pack(">3H", 0, 16382, 8191))
    table.send("MMEM:LOAD:TRAC EMEM,'old.tfw'")
    assert table.ask("DATA:POIN? EMEM;:DATA:DATA:VAL? EMEM,2") == "3;16382"


def test_what_is_no_waveform_is_an_error():
    whole = write_waveform(np.array([0.0, 1.0]))
    assert read_waveform("x", whole).amplitude == 1.0
    for content in (b"", whole[:-1], whole[:512], b"X" * 600, None):
        with pytest.raises(Exception, match="-250"):
            read_waveform("x", content)


def test_too_long_a_file_does_not_fit_the_edit_memory(table):
    upload(table, "long.tfwx", write_waveform(np.zeros(131073)))
    table.send("MMEM:LOAD:TRAC EMEM,'long.tfwx'")
    assert table.error() == -223


def test_setups_in_files(table):
    table.send("SOUR1:FREQ 2e3", "*SAV 1", "MMEM:STOR:STAT 1,'one.tfs'", "*RST")
    table.send("MMEM:LOAD:STAT 3,'one.tfs'", "*RCL 3")
    assert table.value("SOUR1:FREQ?") == 2e3
    table.send("SAV:SETU 'M:/two.tfs'", "SOUR1:FREQ 5e3", "RECA:SETU 'M:/two.tfs'")
    assert table.value("SOUR1:FREQ?") == 2e3
    table.send("MEM:STAT:LOCK 3,ON", "MMEM:LOAD:STAT 3,'one.tfs'")
    assert table.error() == -221


def test_security_erases_setups_and_user_waveforms(table):
    table.send("*SAV 1", "DATA:COPY EMEM,USER1", "SOUR1:FREQ 2e3", "SYST:SEC:IMM")
    assert table.ask("MEM:STAT:VAL? 1;:DATA:CAT?") == '0;"EMEM1","EMEM2"'
    assert table.value("SOUR1:FREQ?") == 1e6
