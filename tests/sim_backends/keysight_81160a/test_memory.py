"""The waveform and pattern memories of the simulated Keysight 81160A."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labneuro.sim_backends.keysight_81160a import limits
from labneuro.sim_backends.scpi.syntax import definite_block


def test_waveforms_are_downloaded_copied_and_deleted(table):
    table.send(":DATA1:DAC VOLATILE,-8191,0,8191")
    assert table.ask(":FUNC1:USER?") == "VOLATILE"
    assert table.ask(":FUNC2:USER?") == "EXP_RISE"
    table.send(":DATA1:COPY pulse_1, VOLATILE", ":FUNC2:USER PULSE_1")
    assert table.ask(":DATA1:NVOL:CAT?") == '"PULSE_1"'
    assert table.ask(":DATA2:NVOL:FREE?") == "3"
    catalog = table.ask(":DATA1:CAT?").replace('"', "").split(",")
    assert catalog == [*limits.BUILT_IN_WAVEFORMS, "VOLATILE", "PULSE_1"]
    assert "VOLATILE" not in table.ask(":DATA2:CAT?")
    assert table.ask(":DATA1:ATTR:POIN?") == "3"
    assert table.value(":DATA1:ATTR:AVER? PULSE_1") == 0.0
    assert table.value(":DATA1:ATTR:PTP?") == 1.0
    assert table.value(":DATA1:ATTR:CFAC?") == pytest.approx(math.sqrt(1.5))
    table.send("*RST")
    table.send(":FUNC2 USER;:FUNC2:USER PULSE_1;:OUTP2 ON", ":DATA1:DEL PULSE_1")
    assert table.errors() == [-221]
    assert table.ask(":DATA1:NVOL:CAT?") == '"PULSE_1"'
    table.send(":OUTP2 OFF;:DATA1:DEL PULSE_1")
    assert table.errors() == []
    assert table.ask(":FUNC2:USER?") == "EXP_RISE"


def test_the_non_volatile_memory_has_four_places(table):
    table.send(":DATA VOLATILE,0,1")
    for name in ("A", "B", "C", "D"):
        table.send(f":DATA:COPY {name},VOLATILE")
    table.send(":DATA:COPY B,VOLATILE")  # replaces
    assert table.errors() == []
    table.send(":DATA:COPY E,VOLATILE")
    assert table.errors() == [-221]
    table.send(":DATA:DEL:ALL")
    assert table.ask(":DATA:NVOL:FREE?") == "4"


@pytest.mark.parametrize(("order", "kind"), [("NORM", ">i2"), ("SWAP", "<i2")])
def test_a_block_has_the_byte_order_of_the_format(table, order: str, kind: str) -> None:
    codes = np.array([0, -8191, 8191, 256], dtype=kind)
    table.send(f":FORM:BORD {order}")
    table.generator.write(b":DATA2:DAC VOLATILE," + definite_block(codes.tobytes()))
    assert table.errors() == []
    held = table.generator.waveforms.codes(2, "VOLATILE")
    assert held.tolist() == [0, -8191, 8191, 256]


def test_too_many_points_are_too_much_data(table):
    block = bytes(2 * (limits.MOST_POINTS + 1))
    table.generator.write(b":DATA1:DAC VOLATILE," + definite_block(block))
    assert table.errors() == [-223]
    table.generator.write(b":DATA1:DAC VOLATILE," + definite_block(block[2:]))
    assert table.errors() == []
    assert table.ask(":DATA1:ATTR:POIN? VOLATILE") == str(limits.MOST_POINTS)


def test_a_pattern_is_kept_and_its_size_checked(table):
    table.send(":DIG1:PATT:DATA #14" + "0110")
    assert table.ask(":DIG1:PATT:DATA?") == "#140110"
    assert table.ask(":DIG1:PATT:LENG?") == "4"
    two_level = b"01" * (limits.MOST_PATTERN_BITS // 2)
    for symbols, expected in (
        (two_level, []),
        (two_level + b"0", [-223]),
        (b"2" + two_level[: len(two_level) // 2], [-223]),
    ):
        table.generator.write(b":DIG1:PATT:DATA " + definite_block(symbols))
        assert table.errors() == expected
