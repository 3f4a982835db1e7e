"""The 81160A's driver: what each property and method sends, read against the manual."""

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import InstrumentError
from labneuro.instruments.keysight_81160a import Keysight81160A

SETTINGS = [
    ("shape", "pulse", ":FUNC{0}", "PULS", None),
    ("shape", "arbitrary", ":FUNC{0}", "USER", None),
    ("waveform", "MINE_1", ":FUNC{0}:USER", "MINE_1", None),
    ("frequency", 1234567.5, ":FREQ{0}", "1234567.5", "+1.23456750000E+06"),
    ("period", 2e-4, ":PULS:PER{0}", "0.0002", None),
    ("amplitude", 1.25, ":VOLT{0}", "1.25", None),
    ("offset", -0.5, ":VOLT{0}:OFFS", "-0.5", None),
    ("high", 3.2, ":VOLT{0}:HIGH", "3.2", None),
    ("low", -4.5, ":VOLT{0}:LOW", "-4.5", None),
    ("amplitude_unit", "VRMS", ":VOLT{0}:UNIT", "VRMS", None),
    ("high_limit", 4.0, ":VOLT{0}:LIM:HIGH", "4", None),
    ("low_limit", -10.0, ":VOLT{0}:LIM:LOW", "-10", None),
    ("limits_enabled", True, ":VOLT{0}:LIM:STAT", "1", None),
    ("square_duty", 20.0, ":FUNC{0}:SQU:DCYC", "20", None),
    ("ramp_symmetry", 75.0, ":FUNC{0}:RAMP:SYMM", "75", None),
    ("pulse_width", 1.5e-9, ":PULS:WIDT{0}", "1.5e-09", None),
    ("pulse_duty", 12.5, ":PULS:DCYC{0}", "12.5", None),
    ("pulse_hold", "duty", ":PULS:HOLD{0}", "DCYC", None),
    ("pulse_delay", 1e-6, ":PULS:DEL{0}", "1e-06", None),
    ("leading_edge", 2.5e-9, ":PULS:TRAN{0}", "2.5e-09", None),
    ("trailing_edge", 1e-8, ":PULS:TRAN{0}:TRA", "1e-08", None),
    ("trailing_follows", False, ":PULS:TRAN{0}:TRA:AUTO", "0", None),
    ("burst_enabled", True, ":BURS{0}:STAT", "1", None),
    ("burst_cycles", 2_147_483_647, ":BURS{0}:NCYC", "2147483647", None),
    ("trigger_source", "external", ":ARM:SOUR{0}", "EXT", None),
    ("trigger_source", "internal", ":ARM:SOUR{0}", "INT2", None),
    ("trigger_sense", "level", ":ARM:SENS{0}", "LEV", None),
    ("trigger_period", 3.03e-9, ":ARM:PER{0}", "3.03e-09", None),
    ("inverted", True, ":OUTP{0}:POL", "INV", None),
    ("output_enabled", True, ":OUTP{0}", "1", None),
    ("complement_enabled", False, ":OUTP{0}:COMP", "0", None),
    ("load_resistance", 1e6, ":OUTP{0}:LOAD", "1000000", "1E+06"),
]


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(("name", "value", "header", "sent", "reply"), SETTINGS)
def test_a_channel_setting_is_written_and_read(
    number, name, value, header, sent, reply
):
    header = header.format(number)
    conversation = [(f"{header} {sent}", None), (f"{header}?", reply or sent)]
    with expected_protocol(Keysight81160A, conversation) as generator:
        channel = generator.channels[number]
        setattr(channel, name, value)
        assert getattr(channel, name) == value


@pytest.mark.parametrize(
    ("name", "value", "command", "reply"),
    [
        ("trigger_slope", "negative", ":ARM:SLOP NEG", "NEG"),
        ("trigger_slope", "either", ":ARM:SLOP EITH", "EITH"),
        ("trigger_level", 1.5, ":ARM:LEV 1.5", "1.5E+00"),
        ("trigger_resistance", 10e3, ":ARM:IMP 10000", "1.0E+04"),
        ("big_endian", True, ":FORM:BORD NORM", "NORM"),
    ],
)
def test_a_setting_of_the_instrument_is_written_and_read(name, value, command, reply):
    query = f"{command.split()[0]}?"
    with expected_protocol(
        Keysight81160A, [(command, None), (query, reply)]
    ) as generator:
        setattr(generator, name, value)
        assert getattr(generator, name) == value


REFUSED = [
    ("shape", "triangle"),
    ("waveform", "1st"),
    ("waveform", "thirteen_long"),
    ("waveform", "a,b"),
    ("waveform", 3),
    ("frequency", 501e6),
    ("period", 1.9e-9),
    ("amplitude", 0.049),
    ("amplitude", 5.01),
    ("offset", 5.01),
    ("high", -4.96),
    ("low", 4.96),
    ("amplitude_unit", "W"),
    ("high_limit", 10.1),
    ("low_limit", -10.1),
    ("square_duty", 100.0),
    ("ramp_symmetry", -1.0),
    ("pulse_width", 1.4e-9),
    ("pulse_duty", 0.1),
    ("pulse_delay", -1e-9),
    ("leading_edge", 0.9e-9),
    ("trailing_edge", 1001.0),
    ("burst_cycles", 1),
    ("trigger_source", "bus"),
    ("trigger_period", 3e-9),
    ("load_resistance", 0.2),
    ("load_resistance", 2e6),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_value_out_of_range_is_refused_and_nothing_is_sent(name, value):
    with (
        expected_protocol(Keysight81160A, []) as generator,
        pytest.raises(ValueError, match=r"Value of|is not in|no name"),
    ):
        setattr(generator.ch_1, name, value)


def test_the_limits_of_levels_follow_the_load():
    conversation = [
        (":OUTP1:LOAD 50", None),
        (":VOLT1:HIGH 5", None),
        (":OUTP1:LOAD 1000000", None),
        (":VOLT1:HIGH 9.9995", None),
        (":VOLT1 0.1", None),
    ]
    with expected_protocol(Keysight81160A, conversation) as generator:
        channel = generator.ch_1
        channel.load_resistance = 50.0
        channel.high = 5.0
        with pytest.raises(ValueError, match="is not in range"):
            channel.high = 5.01
        channel.load_resistance = 1e6
        channel.high = 9.9995
        channel.amplitude = 0.1
        with pytest.raises(ValueError, match="is not in range"):
            channel.amplitude = 0.09
        with pytest.raises(ValueError, match="is not in range"):
            channel.low = -10.0


def test_an_upload_is_one_block_high_byte_first():
    conversation = [
        (b":DATA2:DAC VOLATILE,#18\x00\x00\x1f\xff\xe0\x01\x00\x0a\n", None),
        (":FUNC2:USER VOLATILE", None),
    ]
    with expected_protocol(Keysight81160A, conversation) as generator:
        generator.ch_2.upload(np.array([0, 8191, -8191, 10]))


@pytest.mark.parametrize("codes", [[0], [0, 8192], [-8192, 0], [0] * 131_073])
def test_an_upload_that_cannot_be_is_refused(codes):
    with (
        expected_protocol(Keysight81160A, []) as generator,
        pytest.raises(ValueError, match="not in range"),
    ):
        generator.ch_1.upload(np.array(codes))


def test_waveforms_are_stored_listed_and_deleted_by_name():
    conversation = [
        (":DATA1:COPY RAMP_2,VOLATILE", None),
        (":DATA1:NVOL:CAT?", '"RAMP_2","OTHER"'),
        (":DATA1:DEL RAMP_2", None),
        (":DATA1:NVOL:CAT?", '""'),
    ]
    with expected_protocol(Keysight81160A, conversation) as generator:
        channel = generator.ch_1
        channel.store_waveform("ramp_2")
        assert channel.stored_waveforms == ("RAMP_2", "OTHER")
        channel.delete_waveform("RAMP_2")
        assert channel.stored_waveforms == ()
        with pytest.raises(ValueError, match="no name"):
            channel.store_waveform("A B")
        with pytest.raises(ValueError, match="no name"):
            channel.delete_waveform("X" * 13)


def test_identity_reset_clear_and_trigger():
    conversation = [
        ("*IDN?", "Agilent Technologies,81160A,MY51400123,1.0.3.0-2.6"),
        ("*RST", None),
        ("*CLS", None),
        ("*CLS", None),
        ("*TRG", None),
    ]
    with expected_protocol(Keysight81160A, conversation) as generator:
        assert "81160A" in generator.identity
        generator.reset()
        generator.clear()
        generator.clear_errors()
        generator.trigger()


def test_errors_are_read_until_the_queue_is_empty():
    conversation = [
        (":SYST:ERR?", '-222,"Data out of range"'),
        (":SYST:ERR?", '-221,"Settings conflict"'),
        (":SYST:ERR?", '0,"No error"'),
    ]
    with expected_protocol(Keysight81160A, conversation) as generator:
        assert generator.errors == [
            "-222 Data out of range",
            "-221 Settings conflict",
        ]


def test_an_answer_that_is_no_error_is_an_error():
    with (
        expected_protocol(Keysight81160A, [(":SYST:ERR?", "PULS")]) as generator,
        pytest.raises(InstrumentError, match="'PULS' is no answer"),
    ):
        generator.check_errors()
