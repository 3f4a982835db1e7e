"""The AFG31000 as a bench's pulse generator: what is sent, skipped and refused."""

import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import (
    BenchConfigError,
    InstrumentError,
    LimitError,
    SafeStateError,
)
from labneuro.instruments.arbitrary_waveform import sample
from labneuro.instruments.roles import Waveform
from labneuro.instruments.tektronix_afg31000 import TektronixAFG31000
from labneuro.instruments.tektronix_afg31000_pulses import Afg31000PulseGenerator
from labneuro.safety import Limits

LIMITS = Limits(voltage=6.0, current=2e-3)
NO_ERROR = ("SYSTem:ERRor:NEXT?", '0,"No error"')
PULSE = Waveform(((4.2, 100e-6), (0.0, 2e-3), (-3.0, 100e-6)))
SAFE = [("OUTPut1:STATe 0", None), ("ABORt", None), ("OUTPut1:STATe?", "0")]


def upload(waveform):
    """Return the upload of a waveform to the first edit memory."""
    return (b"DATA:DATA EMEMory1," + sample(waveform).block + b"\n", None)


def setup(limit="6", widest="1.0E+01"):
    """Return what the first waveform sends before and after its points."""
    asked = ("SOURce1:VOLTage:LIMit:HIGH?", widest)
    limits = [
        (f"SOURce1:VOLTage:LIMit:HIGH {limit}", None),
        (f"SOURce1:VOLTage:LIMit:LOW -{limit}", None),
    ]
    before = [
        ("OUTPut1:STATe 0", None),
        ("OUTPut1:IMPedance INFinity", None),
        ("OUTPut1:POLarity NORM", None),
        ("SOURce1:VOLTage:UNIT VPP", None),
        ("SOURce1:VOLTage:LIMit:HIGH MAXimum", None),
        ("SOURce1:VOLTage:LIMit:LOW MINimum", None),
        ("SOURce1:VOLTage:LEVel:IMMediate:OFFSet 0", None),
    ]
    after = [
        asked,
        *(limits if limit else []),
        ("SOURce1:BURSt:MODE TRIG", None),
        ("SOURce1:BURSt:NCYCles 1", None),
        ("SOURce1:BURSt:TDELay 0", None),
        ("SOURce1:BURSt:STATe 1", None),
        ("TRIGger:SEQuence:SLOPe NEG", None),
        ("TRIGger:SEQuence:SOURce EXT", None),
        NO_ERROR,
    ]
    return before, after


def first_load(limit="6"):
    """Return everything that the first load of the pulse sends."""
    before, after = setup(limit)
    return [
        *before,
        upload(PULSE),
        ("SOURce1:FUNCtion:SHAPe EMEM1", None),
        (f"SOURce1:FREQuency:FIXed {1 / 2.202e-3:.12g}", None),
        ("SOURce1:VOLTage:LEVel:IMMediate:AMPLitude 8.4", None),
        *after,
    ]


def test_the_first_waveform_sets_everything_with_the_output_off():
    with expected_protocol(TektronixAFG31000, first_load()) as afg:
        Afg31000PulseGenerator(afg, "ch1", LIMITS).load(PULSE)


@pytest.mark.parametrize(
    ("limits", "written"), [(Limits(), ""), (Limits(voltage=4.2002), "4.201")]
)
def test_the_instrument_gets_the_limits_rounded_as_its_levels(limits, written):
    with expected_protocol(TektronixAFG31000, first_load(written)) as afg:
        Afg31000PulseGenerator(afg, "ch1", limits).load(PULSE)


def test_the_same_waveform_again_sends_nothing_but_the_error_query():
    with expected_protocol(TektronixAFG31000, [*first_load(), NO_ERROR]) as afg:
        generator = Afg31000PulseGenerator(afg, "ch1", LIMITS)
        generator.load(PULSE)
        generator.load(Waveform(PULSE.segments))


def test_a_pure_change_of_amplitude_sends_the_amplitude_alone():
    scaled = Waveform(((2.1, 100e-6), (0.0, 2e-3), (-1.5, 100e-6)))
    conversation = [
        *first_load(),
        ("SOURce1:VOLTage:LEVel:IMMediate:AMPLitude 4.2", None),
        NO_ERROR,
    ]
    with expected_protocol(TektronixAFG31000, conversation) as afg:
        generator = Afg31000PulseGenerator(afg, "ch1", LIMITS)
        generator.load(PULSE)
        generator.load(scaled)


def test_other_points_are_sent_without_the_settings_that_stay():
    other = Waveform(((4.2, 100e-6), (0.0, 2e-3), (-2.0, 100e-6)))
    conversation = [*first_load(), upload(other), NO_ERROR]
    with expected_protocol(TektronixAFG31000, conversation) as afg:
        generator = Afg31000PulseGenerator(afg, "ch1", LIMITS)
        generator.load(PULSE)
        generator.load(other)


def test_after_an_error_everything_is_sent_again():
    failed = [
        *first_load()[:-1],
        (NO_ERROR[0], '-221,"Settings conflict"'),
        NO_ERROR,
    ]
    with expected_protocol(TektronixAFG31000, [*failed, *first_load()]) as afg:
        generator = Afg31000PulseGenerator(afg, "ch1", LIMITS)
        with pytest.raises(InstrumentError, match="-221 Settings conflict"):
            generator.load(PULSE)
        with pytest.raises(InstrumentError, match="load a waveform first"):
            generator.output_on()
        generator.load(PULSE)


def test_the_output_goes_on_once_a_waveform_is_loaded():
    conversation = [*first_load(), ("OUTPut1:STATe 1", None), NO_ERROR]
    with expected_protocol(TektronixAFG31000, conversation) as afg:
        generator = Afg31000PulseGenerator(afg, "ch1", LIMITS)
        generator.load(PULSE)
        generator.output_on()


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (((6.001, 1e-3),), "ch1: voltage 6.001 V is beyond the limit of 6 V"),
        (((1.0, 1e-3), (-6.1, 1e-3)), "voltage -6.1 V is beyond"),
        (((float("nan"), 1e-3),), "is beyond the limit"),
        (((1.0, 1e-6), (0.0, 1.0)), "it needs 1000003 points"),
    ],
)
def test_a_waveform_beyond_the_limits_is_refused_before_anything_is_sent(
    segments, message
):
    with expected_protocol(TektronixAFG31000, []) as afg:
        generator = Afg31000PulseGenerator(afg, "ch1", LIMITS)
        with pytest.raises(LimitError, match=message):
            generator.load(Waveform(segments))


def test_a_refused_waveform_leaves_the_loaded_one():
    with expected_protocol(TektronixAFG31000, [*first_load(), NO_ERROR]) as afg:
        generator = Afg31000PulseGenerator(afg, "ch1", LIMITS)
        generator.load(PULSE)
        with pytest.raises(LimitError):
            generator.load(Waveform(((7.0, 1e-3),)))
        generator.load(PULSE)


def test_an_unknown_channel_is_refused():
    with (
        expected_protocol(TektronixAFG31000, []) as afg,
        pytest.raises(BenchConfigError, match="'ch3' is no channel"),
    ):
        Afg31000PulseGenerator(afg, "ch3", LIMITS)


def test_the_safe_state_is_read_back_and_forgets_the_waveform():
    with expected_protocol(TektronixAFG31000, [*first_load(), *SAFE]) as afg:
        generator = Afg31000PulseGenerator(afg, "ch1", LIMITS)
        generator.load(PULSE)
        generator.make_safe()
        afg.adapter.connection.clear.assert_called_once_with()
        with pytest.raises(InstrumentError, match="load a waveform first"):
            generator.output_on()


EVERY_STEP = ["device clear", "OUTPut2:STATe 0", "ABORt", "OUTPut2:STATe?"]


@pytest.mark.parametrize("lost", [EVERY_STEP[:1], EVERY_STEP[:2]])
def test_every_step_is_tried_although_the_first_fail(faulty, lost):
    adapter = faulty(lost, "0")
    afg = TektronixAFG31000(adapter)
    Afg31000PulseGenerator(afg, "ch2", LIMITS).make_safe()
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
    generator = Afg31000PulseGenerator(TektronixAFG31000(adapter), "ch2", LIMITS)
    with pytest.raises(SafeStateError, match=message):
        generator.make_safe()
    assert adapter.seen == EVERY_STEP
