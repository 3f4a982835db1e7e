"""The 81160A as a bench's pulse generator: what is sent, skipped and refused."""

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import (
    BenchConfigError,
    InstrumentError,
    LimitError,
    SafeStateError,
)
from labneuro.instruments.guard import Guard
from labneuro.instruments.keysight_81160a import Keysight81160A
from labneuro.instruments.keysight_81160a_pulses import (
    Keysight81160AClockGenerator,
    Keysight81160APulseGenerator,
    PulseTrain,
    as_points,
    as_pulse_train,
)
from labneuro.instruments.roles import PulseGenerator, Waveform
from labneuro.instruments.stress import GENERATOR, Levels
from labneuro.safety import Limits

LIMITS = Limits(voltage=6.0, current=2e-3)
NO_ERROR = (":SYST:ERR?", '0,"No error"')
PULSE = Waveform(((4.2, 100e-6),))
SAFE = [
    (":OUTP1 0", None),
    (":OUTP1:COMP 0", None),
    (":OUTP1?", "0"),
    (":OUTP1:COMP?", "0"),
]
COMMON = [
    (":OUTP1 0", None),
    (":OUTP1:COMP 0", None),
    (":VOLT1:LIM:STAT 0", None),
    (":OUTP1:LOAD 1000000", None),
    (":VOLT1:UNIT VPP", None),
    (":ARM:SENS1 EDGE", None),
    (":ARM:SOUR1 EXT", None),
    (":ARM:SLOP NEG", None),
    (":ARM:LEV 1", None),
    (":FORM:BORD NORM", None),
]
LIMIT = [
    (":VOLT1:LIM:HIGH 6", None),
    (":VOLT1:LIM:LOW -6", None),
    (":VOLT1:LIM:STAT 1", None),
]


def pulses(level="4.2", polarity="NORM", delay="0", burst=()):
    """Return what a pulse of 100 us sends."""
    rest, top = ("LOW", "HIGH") if polarity == "NORM" else ("HIGH", "LOW")
    return [
        (":FUNC1 PULS", None),
        (f":OUTP1:POL {polarity}", None),
        (f":VOLT1:{rest} 0", None),
        (f":VOLT1:{top} {level}", None),
        (":PULS:HOLD1 WIDT", None),
        (":PULS:TRAN1 1e-09", None),
        (":PULS:TRAN1:TRA 1e-09", None),
        (f":PULS:PER1 {'0.0001000016' if not burst else '0.0003'}", None),
        (":PULS:WIDT1 0.0001", None),
        (f":PULS:DEL1 {delay}", None),
        *(burst or [(":BURS1:STAT 0", None)]),
    ]


def upload(codes):
    """Return the upload of codes to the first channel."""
    content = np.asarray(codes, dtype=">i2").tobytes()
    size = str(len(content))
    header = f":DATA1:DAC VOLATILE,#{len(size)}{size}".encode()
    return [(header + content + b"\n", None), (":FUNC1:USER VOLATILE", None)]


def points(waveform, low, high):
    """Return what an arbitrary waveform sends."""
    wanted = as_points(waveform)
    return [
        *upload(wanted.codes),
        (":FUNC1 USER", None),
        (":OUTP1:POL NORM", None),
        (f":FREQ1 {wanted.frequency:.12g}", None),
        (":BURS1:STAT 0", None),
        (f":VOLT1:LOW {low}", None),
        (f":VOLT1:HIGH {high}", None),
    ]


FIRST = [*COMMON, *pulses(), *LIMIT, NO_ERROR]


def test_a_pulse_is_played_by_the_pulse_function():
    with expected_protocol(Keysight81160A, FIRST) as generator:
        Keysight81160APulseGenerator(generator, "ch1", LIMITS).load(PULSE)


def test_a_train_is_a_burst_after_its_delay():
    train = ((0.0, 2e-5), *(((4.2, 1e-4), (0.0, 2e-4)) * 3))
    burst = [(":BURS1:STAT 1", None), (":BURS1:NCYC 3", None)]
    sent = [*COMMON, *pulses(delay="2e-05", burst=burst), *LIMIT, NO_ERROR]
    with expected_protocol(Keysight81160A, sent) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        role.load(Waveform(train))


def test_a_negative_pulse_is_inverted_so_that_it_rests_at_zero():
    sent = [*COMMON, *pulses("-3", "INV"), *LIMIT, NO_ERROR]
    with expected_protocol(Keysight81160A, sent) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        role.load(Waveform(((-3.0, 100e-6), (0.0, 1.0))))


@pytest.mark.parametrize(
    ("segments", "train"),
    [
        (((1.0, 1e-3),), PulseTrain(1.0, 1e-3, 0.0, 1e-3 + 1.6e-9, 1)),
        (((1.0, 4e-4), (1.0, 6e-4)), PulseTrain(1.0, 1e-3, 0.0, 1e-3 + 1.6e-9, 1)),
        (
            ((0.0, 1e-6), (-2.0, 1e-3), (0.0, 5e-3)),
            PulseTrain(-2.0, 1e-3, 1e-6, 1e-3 + 1.6e-9, 1),
        ),
        (
            ((2.0, 1e-6), (0.0, 3e-6), (2.0, 1e-6)),
            PulseTrain(2.0, 1e-6, 0.0, 4e-6, 2),
        ),
        (((1.0, 1e-6), (2.0, 1e-6)), None),
        (((1.0, 1e-6), (0.5, 1e-6), (1.0, 1e-6)), None),
        (((1.0, 1e-6), (0.0, 1e-6), (1.0, 2e-6)), None),
        (((1.0, 1e-6), (0.0, 1e-6), (1.0, 1e-6), (0.0, 2e-6), (1.0, 1e-6)), None),
        (((1.0, 1e-6), (0.0, 1e-9), (1.0, 1e-6)), None),
        (((0.05, 1e-6),), None),
        (((1.0, 1e-9),), None),
        (((0.0, 1e-6),), None),
        (((1.0, 2e-6), (1.0, -1e-6)), None),
        ((), None),
    ],
)
def test_what_counts_as_a_train_of_equal_pulses(segments, train):
    found = as_pulse_train(Waveform(segments))
    if train is None:
        assert found is None
    else:
        assert found is not None
        assert (found.level, found.count) == (train.level, train.count)
        assert found.width == pytest.approx(train.width)
        assert found.delay == train.delay
        assert found.period == pytest.approx(train.period)


@pytest.mark.parametrize(
    ("segments", "low", "high", "middle"),
    [
        (((4.0, 1e-3), (-2.0, 1e-3)), -4.0, 4.0, [8191, -4096]),
        (((0.02, 1e-3), (-0.01, 1e-3)), -0.05, 0.05, [3276, -1638]),
        (((9.0, 1e-3), (4.5, 1e-3)), 0.0, 9.0, [8191, 1]),
        (((-9.0, 1e-3), (-4.5, 1e-3)), -9.0, 0.0, [-8191, -1]),
    ],
)
def test_points_have_zero_volts_exactly(segments, low, high, middle):
    wanted = as_points(Waveform(segments))
    assert (wanted.low, wanted.high) == (low, high)
    rest = -8191 if low == 0.0 else 8191 if high == 0.0 else 0
    assert wanted.codes[0] == wanted.codes[-1] == rest
    seen = [wanted.codes[len(wanted.codes) // 4], wanted.codes[-2]]
    assert np.abs(np.array(seen) - middle).max() <= 2
    duration = len(wanted.codes) / (len(wanted.codes) - 2) * 2e-3
    assert wanted.frequency == pytest.approx(1.0 / duration)


BOTH_SIGNS = Waveform(((4.2, 100e-6), (0.0, 2e-4), (-3.0, 100e-6)))


def test_what_pulses_cannot_do_is_played_from_memory():
    sent = [*COMMON, *points(BOTH_SIGNS, "-4.2", "4.2"), *LIMIT, NO_ERROR]
    with expected_protocol(Keysight81160A, sent) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        role.load(BOTH_SIGNS)


def test_the_same_waveform_again_sends_nothing_but_the_error_query():
    with expected_protocol(Keysight81160A, [*FIRST, NO_ERROR]) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        role.load(PULSE)
        role.load(Waveform(PULSE.segments))


def test_a_new_level_is_all_that_is_sent_and_the_output_stays_on():
    sent = [
        *FIRST,
        (":OUTP1 1", None),
        NO_ERROR,
        (":VOLT1:HIGH 2.1", None),
        NO_ERROR,
    ]
    with expected_protocol(Keysight81160A, sent) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        role.load(PULSE)
        role.output_on()
        role.load(Waveform(((2.1, 100e-6),)))


def test_another_kind_finds_the_output_off_and_leaves_it_as_it_was():
    sent = [
        *FIRST,
        (":OUTP1 1", None),
        NO_ERROR,
        (":OUTP1 0", None),
        *points(BOTH_SIGNS, "-4.2", "4.2"),
        (":OUTP1 1", None),
        NO_ERROR,
    ]
    with expected_protocol(Keysight81160A, sent) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        role.load(PULSE)
        role.output_on()
        role.load(BOTH_SIGNS)


def test_points_that_stay_are_not_sent_again():
    half = Waveform(((2.1, 100e-6), (0.0, 2e-4), (-1.5, 100e-6)))
    other = Waveform(((2.1, 100e-6), (0.0, 2e-4), (-1.0, 100e-6)))
    sent = [
        *COMMON,
        *points(BOTH_SIGNS, "-4.2", "4.2"),
        *LIMIT,
        NO_ERROR,
        (":OUTP1 0", None),
        (":VOLT1:LOW -2.1", None),
        (":VOLT1:HIGH 2.1", None),
        NO_ERROR,
        *upload(as_points(other).codes),
        NO_ERROR,
    ]
    with expected_protocol(Keysight81160A, sent) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        role.load(BOTH_SIGNS)
        role.load(half)
        role.load(other)


def test_after_an_error_everything_is_sent_again():
    failed = [*FIRST[:-1], (NO_ERROR[0], '-221,"Settings conflict"'), NO_ERROR]
    with expected_protocol(Keysight81160A, [*failed, *FIRST]) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        with pytest.raises(InstrumentError, match="-221 Settings conflict"):
            role.load(PULSE)
        with pytest.raises(InstrumentError, match="load a waveform first"):
            role.output_on()
        role.load(PULSE)


def test_without_a_limit_the_instrument_gets_none():
    sent = [*COMMON, *pulses(), NO_ERROR]
    with expected_protocol(Keysight81160A, sent) as generator:
        Keysight81160APulseGenerator(generator, "ch1", Limits()).load(PULSE)


def test_a_clock_that_has_joined_plays_at_the_other_s_command():
    """One trigger command; the stress of both counts."""
    guard = Guard(LIMITS)
    sent = [
        *FIRST,
        (":ARM:SOUR1 MAN", None),
        NO_ERROR,
        ("*TRG", None),
        NO_ERROR,
    ]
    with expected_protocol(Keysight81160A, sent) as generator:
        joined = Keysight81160AClockGenerator(generator, "ch1", guard)
        joined.load(PULSE)
        joined.join()
        joined.fire()
    assert guard.exposure == pytest.approx(4.2 * 100e-6)
    guard.load(Levels(GENERATOR, ((1.0, 1e-3),)), "ch2")
    guard.trigger(1, "ch2")
    assert guard.exposure == pytest.approx(2 * 4.2 * 100e-6 + 1e-3)


def test_a_generator_that_cannot_join_says_so():
    class Alone(Keysight81160APulseGenerator):
        join = PulseGenerator.join

    with (
        expected_protocol(Keysight81160A, []) as generator,
        pytest.raises(BenchConfigError, match="Alone cannot play together"),
    ):
        Alone(generator, "ch1", LIMITS).join()


def test_a_command_fires_while_the_line_is_not_listened_to():
    sent = [
        *FIRST,
        (":OUTP1 1", None),
        NO_ERROR,
        (":ARM:SOUR1 MAN", None),
        ("*TRG", None),
        NO_ERROR,
        ("*TRG", None),
        NO_ERROR,
        (":ARM:SOUR1 EXT", None),
        NO_ERROR,
    ]
    with expected_protocol(Keysight81160A, sent) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        role.load(PULSE)
        role.output_on()
        role.fire()
        role.fire()
        role.load(PULSE)


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (((6.001, 1e-3),), "ch1: voltage 6.001 V is beyond the limit of 6 V"),
        (((1.0, 1e-3), (-6.1, 1e-3)), "voltage -6.1 V is beyond"),
        (((float("nan"), 1e-3),), "is beyond the limit"),
        (((5.5, 1e-3), (-1.0, 1e-3)), "levels of both signs up to 5 V"),
        (((1.0, 1e-6), (2.0, 1.0)), "it needs 1000003 points"),
        (((1.0, 0.0),), "durations above 0 s"),
    ],
)
def test_a_waveform_that_cannot_be_is_refused_before_anything_is_sent(
    segments, message
):
    with expected_protocol(Keysight81160A, []) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        with pytest.raises(LimitError, match=message):
            role.load(Waveform(segments))


def test_levels_of_one_sign_end_below_ten_volts():
    with pytest.raises(LimitError, match=r"plays up to 9\.9995 V"):
        as_points(Waveform(((10.0, 1e-3), (5.0, 1e-3))))


def test_an_unknown_channel_is_refused():
    with (
        expected_protocol(Keysight81160A, []) as generator,
        pytest.raises(BenchConfigError, match="'ch3' is no channel"),
    ):
        Keysight81160APulseGenerator(generator, "ch3", LIMITS)


def test_the_safe_state_is_read_back_and_forgets_the_waveform():
    with expected_protocol(Keysight81160A, [*FIRST, *SAFE]) as generator:
        role = Keysight81160APulseGenerator(generator, "ch1", LIMITS)
        role.load(PULSE)
        role.make_safe()
        generator.adapter.connection.clear.assert_called_once_with()
        with pytest.raises(InstrumentError, match="load a waveform first"):
            role.output_on()


EVERY_STEP = [
    "device clear",
    ":OUTP2 0",
    ":OUTP2:COMP 0",
    ":OUTP2?",
    ":OUTP2:COMP?",
]


@pytest.mark.parametrize("lost", [EVERY_STEP[:1], EVERY_STEP[:3]])
def test_every_step_is_tried_although_the_first_fail(faulty, lost):
    adapter = faulty(lost, "0")
    role = Keysight81160APulseGenerator(Keysight81160A(adapter), "ch2", LIMITS)
    role.make_safe()
    assert adapter.seen == EVERY_STEP


@pytest.mark.parametrize(
    ("lost", "answer", "message"),
    [
        (EVERY_STEP, "", r"device clear: .*; output off: .*; read-back: .*lost"),
        ([], "1", "it reports that its output is on"),
    ],
)
def test_a_state_that_is_not_confirmed_is_an_error(faulty, lost, answer, message):
    adapter = faulty(lost, answer)
    role = Keysight81160APulseGenerator(Keysight81160A(adapter), "ch2", LIMITS)
    with pytest.raises(SafeStateError, match=message):
        role.make_safe()
    assert adapter.seen == EVERY_STEP[: len(adapter.seen)]
    assert len(adapter.seen) >= len(EVERY_STEP) - 1
