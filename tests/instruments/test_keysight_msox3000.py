"""The MSO-X 3000 driver's messages, from the text of the programmer's guide."""

import math

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import InstrumentError
from labneuro.instruments.keysight_msox3000 import MEASUREMENTS, KeysightMSOX3000
from labneuro.instruments.keysight_msox3000_waveforms import Preamble, scaled

CHANNEL_SETTINGS = [
    ("display_enabled", True, "DISPlay", "1", "1"),
    ("range", 0.8, "RANGe", "0.8", "+8.00000E-01"),
    ("offset", -0.25, "OFFSet", "-0.25", "-2.50000E-01"),
    ("coupling", "AC", "COUPling", "AC", "AC"),
    ("input_resistance", 50.0, "IMPedance", "FIFT", "FIFT"),
    ("input_resistance", 1e6, "IMPedance", "ONEM", "ONEM"),
    ("bandwidth_limited", True, "BWLimit", "1", "1"),
    ("inverted", False, "INVert", "0", "0"),
    ("probe_attenuation", 10.0, "PROBe", "10", "+1.00000E+01"),
    ("skew", 5e-9, "PROBe:SKEW", "5e-09", "+5.00000E-09"),
    ("label", "GATE", "LABel", '"GATE"', '"GATE"'),
]


@pytest.mark.parametrize("number", [1, 4])
@pytest.mark.parametrize(("name", "value", "header", "sent", "reply"), CHANNEL_SETTINGS)
def test_each_channel_setting_is_one_command_and_one_query(
    number, name, value, header, sent, reply
):
    conversation = [
        (f":CHANnel{number}:{header} {sent}", None),
        (f":CHANnel{number}:{header}?", reply),
    ]
    with expected_protocol(KeysightMSOX3000, conversation) as scope:
        setattr(scope.channels[number], name, value)
        assert getattr(scope.channels[number], name) == value


SETTINGS = [
    ("time_range", 1e-3, ":TIMebase:RANGe", "0.001", "+1.00000E-03"),
    ("time_position", -1e-5, ":TIMebase:POSition", "-1e-05", "-1.00000E-05"),
    ("time_reference", "left", ":TIMebase:REFerence", "LEFT", "LEFT"),
    ("time_mode", "roll", ":TIMebase:MODE", "ROLL", "ROLL"),
    ("acquisition_type", "high_resolution", ":ACQuire:TYPE", "HRES", "HRES"),
    ("average_count", 16, ":ACQuire:COUNt", "16", "+16"),
    ("segmented", True, ":ACQuire:MODE", "SEGM", "SEGM"),
    ("segment_count", 50, ":ACQuire:SEGMented:COUNt", "50", "+50"),
    ("segment", 3, ":ACQuire:SEGMented:INDex", "3", "+3"),
    ("trigger_mode", "pulse_width", ":TRIGger:MODE", "GLIT", "GLIT"),
    ("trigger_sweep", "normal", ":TRIGger:SWEep", "NORM", "NORM"),
    ("trigger_holdoff", 1e-6, ":TRIGger:HOLDoff", "1e-06", "+1.00000E-06"),
    ("trigger_source", "EXT", ":TRIGger:EDGE:SOURce", "EXT", "EXT"),
    ("trigger_slope", "either", ":TRIGger:EDGE:SLOPe", "EITH", "EITH"),
    ("trigger_level", 0.5, ":TRIGger:EDGE:LEVel", "0.5", "+5.00000E-01"),
    ("trigger_coupling", "LFR", ":TRIGger:EDGE:COUPling", "LFR", "LFR"),
    ("pulse_source", "DIG7", ":TRIGger:GLITch:SOURce", "DIG7", "DIG7"),
    ("pulse_polarity", "negative", ":TRIGger:GLITch:POLarity", "NEG", "NEG"),
    ("pulse_qualifier", "range", ":TRIGger:GLITch:QUALifier", "RANG", "RANG"),
    ("pulse_less_than", 1e-6, ":TRIGger:GLITch:LESSthan", "1e-06", "+1.00000E-06"),
    ("pulse_greater_than", 2e-9, ":TRIGger:GLITch:GREaterthan", "2e-09", "+2.0E-09"),
    ("waveform_source", "POD1", ":WAVeform:SOURce", "POD1", "POD1"),
    ("waveform_points_mode", "raw", ":WAVeform:POINts:MODE", "RAW", "RAW"),
    ("waveform_points", 1000, ":WAVeform:POINts", "1000", "+1000"),
]


@pytest.mark.parametrize(("name", "value", "header", "sent", "reply"), SETTINGS)
def test_each_setting_is_one_command_and_one_query(name, value, header, sent, reply):
    conversation = [(f"{header} {sent}", None), (f"{header}?", reply)]
    with expected_protocol(KeysightMSOX3000, conversation) as scope:
        setattr(scope, name, value)
        assert getattr(scope, name) == value


REFUSED = [
    ("time_range", 1e-9),
    ("time_mode", "zoom"),
    ("average_count", 1),
    ("average_count", 2.5),
    ("segment_count", 1001),
    ("trigger_source", "CHAN5"),
    ("trigger_holdoff", 1e-9),
    ("pulse_less_than", 1e-9),
    ("waveform_points", 99),
    ("waveform_source", "CHAN0"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_value_out_of_range_is_refused_and_nothing_is_sent(name, value):
    with (
        expected_protocol(KeysightMSOX3000, []) as scope,
        pytest.raises(ValueError, match="Value of"),
    ):
        setattr(scope, name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("coupling", "GND"), ("input_resistance", 75.0), ("probe_attenuation", 2e4)],
)
def test_a_channel_refuses_what_it_has_not(name, value):
    with (
        expected_protocol(KeysightMSOX3000, []) as scope,
        pytest.raises(ValueError, match="Value of"),
    ):
        setattr(scope.ch_2, name, value)


def test_actions_and_events():
    conversation = [
        ("*RST", None),
        (":RUN", None),
        (":STOP", None),
        (":SINGle", None),
        (":DIGitize", None),
        (":DIGitize CHAN1,CHAN3", None),
        (":TRIGger:FORCe", None),
        (":AUToscale", None),
        (":TER?", "+1"),
        (":AER?", "+0"),
        (":OPERegister:CONDition?", "+40"),
        (":OPERegister:CONDition?", "+32"),
        (":ACQuire:SRATe?", "+5.00000E+09"),
        (":ACQuire:POINts?", "+4000000"),
    ]
    with expected_protocol(KeysightMSOX3000, conversation) as scope:
        scope.reset()
        scope.run()
        scope.stop()
        scope.single()
        scope.digitize()
        scope.digitize("CHAN1", "CHAN3")
        scope.force_trigger()
        scope.autoscale()
        assert scope.trigger_event is True
        assert scope.armed_event is False
        assert scope.is_running
        assert not scope.is_running
        assert scope.sample_rate == 5e9
        assert scope.acquired_points == 4_000_000


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_measurement_is_one_query(name):
    header = MEASUREMENTS[name]
    conversation = [
        (f":MEASure:{header}? CHAN2", "+1.25000E+00"),
        (f":MEASure:{header}? FUNC", "+9.9E+37"),
    ]
    with expected_protocol(KeysightMSOX3000, conversation) as scope:
        assert scope.measure(name, "CHAN2") == 1.25
        assert math.isnan(scope.measure(name, "FUNC"))


PREAMBLE = (
    "+0,+0,+5,+1,+2.00000000E-09,-4.00000000E-09,+0,+4.00000000E-02,"
    "+1.00000000E+00,+128"
)


def fetching(preamble, *data):
    """Return the conversation of a transfer."""
    return [
        (":WAVeform:SOURce CHAN3", None),
        (":WAVeform:FORMat BYTE;UNSigned 1", None),
        (":WAVeform:POINts MAXimum", None),
        (":WAVeform:PREamble?", preamble),
        *data,
    ]


def test_a_waveform_is_scaled_by_its_preamble():
    codes = bytes([0, 1, 128, 153, 255])
    block = b"#800000005" + codes + b"\n"
    with expected_protocol(
        KeysightMSOX3000, fetching(PREAMBLE, (":WAVeform:DATA?", block))
    ) as scope:
        seen = scope.waveform("CHAN3")
    assert seen.time == pytest.approx([-4e-9, -2e-9, 0.0, 2e-9, 4e-9])
    assert math.isnan(seen.voltage[0])
    assert seen.voltage[1:] == pytest.approx([-4.08, 1.0, 2.0, 6.08])
    assert seen.clipped


def test_what_stays_on_the_screen_is_not_clipped():
    scale = Preamble.read(PREAMBLE)
    assert not scaled(np.array([2, 254], dtype=np.uint8), scale).clipped
    assert scaled(np.array([2, 255], dtype=np.uint8), scale).clipped
    assert scaled(np.array([1, 254], dtype=np.uint8), scale).clipped


def test_a_record_without_points_is_an_error():
    empty = PREAMBLE.replace("+5", "+0", 1)
    with (
        expected_protocol(KeysightMSOX3000, fetching(empty)) as scope,
        pytest.raises(InstrumentError, match="CHAN3 has no acquired points"),
    ):
        scope.waveform("CHAN3")


def test_fewer_points_than_announced_are_an_error():
    short = (":WAVeform:DATA?", b"#800000004abcd\n")
    with (
        expected_protocol(KeysightMSOX3000, fetching(PREAMBLE, short)) as scope,
        pytest.raises(InstrumentError, match="sent 4 of 5 points"),
    ):
        scope.waveform("CHAN3")


@pytest.mark.parametrize("answer", [b"+1", b"#0", b"#2ab"])
def test_what_is_no_block_is_an_error(answer):
    conversation = fetching(PREAMBLE, (":WAVeform:DATA?", answer))
    with (
        expected_protocol(KeysightMSOX3000, conversation) as scope,
        pytest.raises(InstrumentError, match="no block"),
    ):
        scope.waveform("CHAN3")


@pytest.mark.parametrize("reply", ["", "1,2,3", "+0,+0,+5,+1,a,b,c,d,e,f"])
def test_what_is_no_preamble_is_an_error(reply):
    with pytest.raises(InstrumentError, match="is no preamble"):
        Preamble.read(reply)


def test_screenshot_and_setup_are_blocks():
    conversation = [
        (":DISPlay:DATA? PNG,COLor", b"#800000003\x89P\n\n"),
        (":SYSTem:SETup?", b"#800000004a\nb;\n"),
        (b":SYSTem:SETup #800000004a\nb;\n", None),
    ]
    with expected_protocol(KeysightMSOX3000, conversation) as scope:
        assert scope.screenshot() == b"\x89P\n"
        assert scope.setup == b"a\nb;"
        scope.setup = b"a\nb;"


def test_the_error_queue_is_read_to_its_end():
    query = ":SYSTem:ERRor?"
    queue = [
        (query, '-222,"Data out of range"\n'),
        (query, '-113,"Undefined header"'),
        (query, '+0,"No error"'),
    ]
    with (
        expected_protocol(KeysightMSOX3000, queue) as scope,
        pytest.raises(InstrumentError, match=r"reports -222 .*; -113 Undefined"),
    ):
        scope.check_errors()
    with (
        expected_protocol(KeysightMSOX3000, [(query, "CHAN1")]) as scope,
        pytest.raises(InstrumentError, match="'CHAN1' is no answer"),
    ):
        scope.check_errors()
