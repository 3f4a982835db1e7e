"""The AFG31000 driver on the wire: commands and replies as in the programmer manual."""

import math

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import InstrumentError
from labneuro.instruments.arbitrary_waveform import SampledWaveform
from labneuro.instruments.tektronix_afg31000 import TektronixAFG31000

LEVEL = "VOLTage:LEVel:IMMediate"

SETTINGS = [
    ("shape", "sine", "SOURce{}:FUNCtion:SHAPe", "SIN", "SIN"),
    ("shape", "dc", "SOURce{}:FUNCtion:SHAPe", "DC", "DC"),
    ("shape", "noise", "SOURce{}:FUNCtion:SHAPe", "PRN", "PRN"),
    ("frequency", 473.933649289, "SOURce{}:FREQuency:FIXed", "473.933649289", None),
    ("amplitude", 8.4, f"SOURce{{}}:{LEVEL}:AMPLitude", "8.4", "8.4000E+00"),
    ("offset", -0.5, f"SOURce{{}}:{LEVEL}:OFFSet", "-0.5", "-5.0000E-01"),
    ("high", 4.2, f"SOURce{{}}:{LEVEL}:HIGH", "4.2", "4.2000E+00"),
    ("low", -3.0, f"SOURce{{}}:{LEVEL}:LOW", "-3", "-3.0000E+00"),
    ("high_limit", 5.0, "SOURce{}:VOLTage:LIMit:HIGH", "5", "5.0000E+00"),
    ("low_limit", -5.0, "SOURce{}:VOLTage:LIMit:LOW", "-5", "-5.0000E+00"),
    ("amplitude_unit", "VPP", "SOURce{}:VOLTage:UNIT", "VPP", "VPP"),
    ("burst_enabled", True, "SOURce{}:BURSt:STATe", "1", "1"),
    ("burst_mode", "triggered", "SOURce{}:BURSt:MODE", "TRIG", "TRIG"),
    ("burst_mode", "gated", "SOURce{}:BURSt:MODE", "GAT", "GAT"),
    ("burst_cycles", 1, "SOURce{}:BURSt:NCYCles", "1", "1.0000E+00"),
    ("burst_cycles", math.inf, "SOURce{}:BURSt:NCYCles", "INFinity", "9.9E+37"),
    ("burst_delay", 1e-6, "SOURce{}:BURSt:TDELay", "1e-06", "1.0000E-06"),
    ("inverted", False, "OUTPut{}:POLarity", "NORM", "NORM"),
    ("output_enabled", True, "OUTPut{}:STATe", "1", "1"),
    ("load_resistance", 50.0, "OUTPut{}:IMPedance", "50", "50"),
    ("load_resistance", math.inf, "OUTPut{}:IMPedance", "INFinity", "9.9E+37"),
]


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(("name", "value", "header", "sent", "reply"), SETTINGS)
def test_each_setting_is_one_command_and_one_query(
    number, name, value, header, sent, reply
):
    header = header.format(number)
    conversation = [(f"{header} {sent}", None), (f"{header}?", reply or sent)]
    with expected_protocol(TektronixAFG31000, conversation) as afg:
        channel = afg.channels[number]
        setattr(channel, name, value)
        assert getattr(channel, name) == value


@pytest.mark.parametrize("reply", ["EMEM", "EMEM2", "EMEMORY2\n"])
def test_a_channel_plays_its_own_edit_memory(reply):
    conversation = [
        ("SOURce2:FUNCtion:SHAPe EMEM2", None),
        ("SOURce2:FUNCtion:SHAPe?", reply),
    ]
    with expected_protocol(TektronixAFG31000, conversation) as afg:
        afg.ch_2.shape = "edit_memory"
        assert afg.ch_2.shape == "edit_memory"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shape", "triangle"),
        ("frequency", 0.0),
        ("frequency", 251e6),
        ("amplitude", 10.1),
        ("amplitude", 0.9e-3),
        ("amplitude", math.nan),
        ("offset", 5.1),
        ("high", 5.1),
        ("low", -5.1),
        ("high_limit", 5.1),
        ("low_limit", -5.1),
        ("amplitude_unit", "V"),
        ("burst_enabled", "yes"),
        ("burst_mode", "single"),
        ("burst_cycles", 0),
        ("burst_cycles", 1_000_001),
        ("burst_delay", -1e-6),
        ("burst_delay", 86.0),
        ("inverted", 3),
        ("output_enabled", 2),
        ("load_resistance", 0.5),
        ("load_resistance", 11e3),
    ],
)
def test_a_value_out_of_range_is_refused_and_nothing_is_sent(name, value):
    with (
        expected_protocol(TektronixAFG31000, []) as afg,
        pytest.raises(ValueError, match=r"Value of|does not match"),
    ):
        setattr(afg.ch_1, name, value)


@pytest.mark.parametrize(
    ("ohm", "written", "level"),
    [(math.inf, "INFinity", 10.0), (50.0, "50", 5.0), (150.0, "150", 7.5)],
)
def test_the_limits_of_levels_follow_the_load(ohm, written, level):
    conversation = [
        (f"OUTPut1:IMPedance {written}", None),
        (f"SOURce1:{LEVEL}:AMPLitude {2 * level:g}", None),
        (f"SOURce1:{LEVEL}:HIGH {level:g}", None),
        (f"SOURce1:VOLTage:LIMit:LOW {-level:g}", None),
    ]
    with expected_protocol(TektronixAFG31000, conversation) as afg:
        afg.ch_1.load_resistance = ohm
        afg.ch_1.amplitude = 2 * level
        afg.ch_1.high = level
        afg.ch_1.low_limit = -level
        for name, value in (
            ("amplitude", 2 * level + 0.01),
            ("high", level + 0.01),
            ("low", -level - 0.01),
            ("offset", level + 0.01),
            ("high_limit", level + 0.01),
        ):
            with pytest.raises(ValueError, match="is not in range"):
                setattr(afg.ch_1, name, value)
        with pytest.raises(ValueError, match=r"is not in range \[-5,5\]"):
            afg.ch_2.high = 5.01


def test_points_are_uploaded_byte_for_byte():
    codes = np.array([8191, 16382, 10, 8191], dtype=np.uint16)
    sent = b"DATA:DATA EMEMory2,#18\x1f\xff\x3f\xfe\x00\x0a\x1f\xff\n"
    with expected_protocol(TektronixAFG31000, [(sent, None)]) as afg:
        afg.ch_2.upload(SampledWaveform(codes, 1e-6, 2.0))


def test_settings_that_both_outputs_share():
    conversation = [
        ("TRIGger:SEQuence:SOURce EXT", None),
        ("TRIGger:SEQuence:SOURce?", "EXT"),
        ("TRIGger:SEQuence:SLOPe NEG", None),
        ("TRIGger:SEQuence:SLOPe?", "NEG"),
        ("TRIGger:SEQuence:TIMer 0.01", None),
        ("TRIGger:SEQuence:TIMer?", "1.0000E-02"),
    ]
    with expected_protocol(TektronixAFG31000, conversation) as afg:
        afg.trigger_source = "external"
        assert afg.trigger_source == "external"
        afg.trigger_slope = "negative"
        assert afg.trigger_slope == "negative"
        afg.trigger_interval = 0.01
        assert afg.trigger_interval == 0.01
        for name, value in (
            ("trigger_source", "bus"),
            ("trigger_slope", "up"),
            ("trigger_interval", 501.0),
        ):
            with pytest.raises(ValueError, match="Value of"):
                setattr(afg, name, value)


def test_messages_without_a_value():
    conversation = [
        ("*TRG", None),
        ("ABORt", None),
        ("*RST", None),
        ("*CLS", None),
        ("*CLS", None),
        ("SOURce1:VOLTage:LIMit:HIGH MAXimum", None),
        ("SOURce1:VOLTage:LIMit:LOW MINimum", None),
    ]
    with expected_protocol(TektronixAFG31000, conversation) as afg:
        afg.trigger()
        afg.abort()
        afg.reset()
        afg.clear()
        afg.clear_errors()
        afg.ch_1.release_limits()


def test_the_identity_keeps_its_commas():
    identity = "TEKTRONIX,AFG31052,C013001,SCPI:99.0 FV:1.5.2"
    with expected_protocol(TektronixAFG31000, [("*IDN?", identity)]) as afg:
        assert afg.identity == identity


def test_the_error_queue_is_read_to_its_end():
    query = "SYSTem:ERRor:NEXT?"
    queue = [
        (query, '-222,"Data out of range; data, too, large"\n'),
        (query, '-113,"Undefined header"'),
        (query, '0,"No error"'),
    ]
    with expected_protocol(TektronixAFG31000, queue) as afg:
        assert afg.errors == [
            "-222 Data out of range; data, too, large",
            "-113 Undefined header",
        ]
    with (
        expected_protocol(TektronixAFG31000, queue) as afg,
        pytest.raises(InstrumentError, match=r"reports -222 .*; -113 Undefined"),
    ):
        afg.check_errors()
    with expected_protocol(TektronixAFG31000, queue[-1:]) as afg:
        assert afg.check_errors() == []


def test_an_answer_that_is_no_error_is_an_error():
    with (
        expected_protocol(TektronixAFG31000, [("SYSTem:ERRor:NEXT?", "EMEM")]) as afg,
        pytest.raises(InstrumentError, match="'EMEM' is no answer"),
    ):
        afg.check_errors()
