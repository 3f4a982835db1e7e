"""The driver of the B1500A: what it sends, from the manual's text."""

import struct

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import InstrumentError
from labneuro.instruments.agilent_b1500a import (
    LONGEST_MESSAGE,
    AgilentB1500A,
    messages,
    voltage_range,
)
from labneuro.instruments.agilent_b1500a_data import decode_timed_currents
from labneuro.instruments.catalog import driver_entry

NO_ERROR = ("ERRX?", '+0,"No Error."')
LEARNED = "RI1,-14;RV1,0;RI2,0;RV2,20"


def check_wire(conversation):
    """Check all that a driver sends, over a connection with a time-out of 10 s."""
    return expected_protocol(
        AgilentB1500A, conversation, connection_attributes={"timeout": 10_000}
    )


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("output_enabled", True, "CN 2"),
        ("output_enabled", False, "CL 2"),
        ("filter_enabled", True, "FL 1,2"),
        ("series_resistor_enabled", False, "SSR 2,0"),
        ("converter", 1, "AAD 2,1"),
        ("operation", 4, "CMM 2,4"),
        ("current_ranging", -14, "RI 2,-14"),
        ("voltage_ranging", 20, "RV 2,20"),
    ],
)
def test_a_channel_setting_is_sent(name, value, sent):
    with check_wire([(sent, None)]) as it:
        setattr(it.smu2, name, value)


@pytest.mark.parametrize(
    ("name", "query", "reply", "value"),
    [
        ("output_enabled", "*LRN? 0", "CN1,2", True),
        ("output_enabled", "*LRN? 0", "CN1,12", False),
        ("output_enabled", "*LRN? 0", "CL", False),
        ("state", "*LRN? 2", "CL2", "CL2"),
        ("filter_enabled", "*LRN? 30", "FL0", False),
        ("filter_enabled", "*LRN? 30", "FL0,1;FL1,2", True),
        ("filter_enabled", "*LRN? 30", "FL1", True),
        ("series_resistor_enabled", "*LRN? 53", "SSR1,0;SSR2,1", True),
        ("converter", "*LRN? 55", "AAD1,0;AAD2,1", 1),
        ("operation", "*LRN? 46", "CMM1,0;CMM2,3", 3),
        ("current_ranging", "*LRN? 32", LEARNED, 0),
        ("voltage_ranging", "*LRN? 32", LEARNED, 20),
    ],
)
def test_a_channel_setting_is_read(name, query, reply, value):
    with check_wire([(query, reply)]) as it:
        assert getattr(it.smu2, name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("output_enabled", 2),
        ("converter", 3),
        ("operation", 5),
        ("current_ranging", 8),
        ("voltage_ranging", 30),
    ],
)
def test_what_the_instrument_does_not_have_is_not_sent(name, value):
    with check_wire([]) as it, pytest.raises(ValueError, match="not in"):
        setattr(it.smu2, name, value)


def test_sources_are_sent():
    with check_wire([("DV 2,0,0.5,0.001", None), ("DI 2,16,-1e-05,2", None)]) as it:
        it.smu2.force_voltage(0.5, 1e-3)
        it.smu2.force_current(-1e-5, 2, range_code=16)
        with pytest.raises(ValueError, match="range"):
            it.smu2.force_voltage(201, 1e-3)
        with pytest.raises(ValueError, match="range"):
            it.smu2.force_current(1e-3, 201)


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("trigger_mode", 3, "TM 3"),
        ("auto_calibration", False, "CM 0"),
        ("time_stamps", True, "TSC 1"),
    ],
)
def test_a_mainframe_setting_is_sent(name, value, sent):
    with check_wire([(sent, None)]) as it:
        setattr(it, name, value)


def test_the_mainframe_is_asked():
    with check_wire(
        [
            ("UNT? 0", "B1517A,0;0,0;B1511B,1;0,0;0,0;0,0;0,0;0,0;0,0;0,0"),
            ("NUB?", "12"),
            ("BC", None),
            ("ERR?", "0,0,0,0"),
            ("*RST", None),
            ("AB", None),
        ]
    ) as it:
        assert it.modules == {1: "B1517A", 3: "B1511B"}
        assert it.data_count == 12
        it.clear()
        it.reset()
        it.abort()


@pytest.mark.parametrize("reply", ['0,"No Error."', '+0,"No Error."'])
def test_no_error_is_told_in_two_ways(reply):
    with check_wire([("ERRX?", reply)]) as it:
        assert it.check_errors() == []


def test_errors_are_raised_in_one_line():
    with (
        check_wire([("ERRX?", '+120,"Incorrect parameter value."'), NO_ERROR]) as it,
        pytest.raises(InstrumentError, match="reports 120 Incorrect parameter value"),
    ):
        it.check_errors()


def test_garbage_is_no_error_message():
    with (
        check_wire([("ERRX?", "B1500")]) as it,
        pytest.raises(InstrumentError, match="no answer to ERRX"),
    ):
        it.check_errors()


def test_a_learn_answer_without_the_channel_is_an_error():
    with (
        check_wire([("*LRN? 53", "SSR1,0")]) as it,
        pytest.raises(InstrumentError, match="does not tell SSR of 2"),
    ):
        _ = it.smu2.series_resistor_enabled


def test_commands_are_joined_within_the_input_buffer():
    commands = [f"DV 1,0,{level},0.001" for level in range(100)]
    joined = messages(commands)
    assert max(map(len, joined)) <= LONGEST_MESSAGE
    assert ";".join(joined).split(";") == commands


def test_a_voltage_beyond_every_range_has_none():
    with pytest.raises(ValueError, match="beyond the largest range"):
        voltage_range(200.1)


# Time from the manual's example, Programming Guide ed. 11, p. 1-53; current built from
# its description on p. 1-48 to 1-52.
TIME = int(
    "0000001100000000000000000000000000000001100001101010000000000001", 2
).to_bytes(8, "big")


def test_timed_currents_are_decoded():
    current = struct.pack(">BBiBB", 0b10000001, 14, -250_000, 8, 1)
    lost = struct.pack(">BBiBB", 0b10000001, 14, -(2**31), 1, 1)
    found = decode_timed_currents(TIME + current + TIME + lost)
    assert found.time == pytest.approx([0.1, 0.1])
    assert found.current[0] == pytest.approx(-0.25e-6)
    assert np.isnan(found.current[1])
    assert found.status.tolist() == [8, 1]


@pytest.mark.parametrize("content", [b"", TIME, TIME + TIME, b"x" * 17])
def test_other_data_are_refused(content):
    with pytest.raises(ValueError, match="no pairs"):
        decode_timed_currents(content)


def test_the_catalog_knows_it():
    import re

    entry = driver_entry("Agilent B1500A")
    assert entry.driver_class() is AgilentB1500A
    for maker in ("Agilent", "Keysight"):
        identity = f"{maker} Technologies,B1500A,0,A.06.01.2019.0816"
        assert re.search(entry.identity_pattern, identity)
    assert not re.search(entry.identity_pattern, "Agilent Technologies,B1505A,0,A")
