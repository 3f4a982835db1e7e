"""The 3000 X-Series as a bench's oscilloscope: what is sent, waited for, refused."""

from types import SimpleNamespace

import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import BenchConfigError, InstrumentError, SafeStateError
from labneuro.instruments import keysight_msox3000_oscilloscope as module
from labneuro.instruments.catalog import driver_entry
from labneuro.instruments.keysight_msox3000 import KeysightMSOX3000
from labneuro.instruments.keysight_msox3000_oscilloscope import Msox3000Oscilloscope
from labneuro.instruments.roles import ScopeTrigger, VerticalScale
from labneuro.safety import Limits

NO_ERROR = (":SYSTem:ERRor?", '+0,"No error"')
CONFIGURE = [
    (":STOP", None),
    ("*CLS", None),
    (":CHANnel1:DISPlay 0", None),
    (":CHANnel2:DISPlay 1", None),
    (":CHANnel2:COUPling DC", None),
    (":CHANnel2:PROBe 1", None),
    (":CHANnel2:RANGe 4", None),
    (":CHANnel2:OFFSet 1", None),
    (":CHANnel3:DISPlay 0", None),
    (":CHANnel4:DISPlay 0", None),
    (":ACQuire:TYPE NORM", None),
    (":ACQuire:MODE RTIM", None),
    (":TIMebase:MODE MAIN", None),
    (":TIMebase:REFerence CENT", None),
    (":TIMebase:RANGe 0.001", None),
    (":TIMebase:POSition 0.0003", None),
    (":TRIGger:MODE EDGE", None),
    (":TRIGger:SWEep NORM", None),
    (":TRIGger:EDGE:SOURce EXT", None),
    (":TRIGger:EDGE:SLOPe NEG", None),
    (":TRIGger:EDGE:COUPling DC", None),
    (":TRIGger:EDGE:LEVel 0.5", None),
    NO_ERROR,
]
ARM = [(":STOP", None), ("*CLS", None), (":SINGle", None)]
ARMED = (":AER?", "+1")
RUNS, STOPPED = (
    (":OPERegister:CONDition?", "+40"),
    (":OPERegister:CONDition?", "+0"),
)
FETCH = [
    (":WAVeform:SOURce CHAN2", None),
    (":WAVeform:FORMat BYTE;UNSigned 1", None),
    (":WAVeform:POINts:MODE RAW", None),
    (":WAVeform:POINts 20000", None),
    (":WAVeform:PREamble?", "+0,+0,+3,+1,+1.0E-03,-1.0E-03,+0,+1.0E-02,+0.0E+00,+128"),
    (":WAVeform:DATA?", b"#800000003\x80\xe4\x01\n"),
    NO_ERROR,
]


def configured(scope):
    """Return the role, configured."""
    role = Msox3000Oscilloscope(scope, "", Limits())
    role.configure(
        {"ch2": VerticalScale(4.0, 1.0)},
        duration=1e-3,
        before_trigger=2e-4,
        trigger=ScopeTrigger("external", 0.5, rising=False),
    )
    return role


def test_configuring_sends_everything_that_a_capture_depends_on():
    with expected_protocol(KeysightMSOX3000, CONFIGURE) as scope:
        configured(scope)


def test_a_capture_from_arming_to_volts():
    conversation = [
        *CONFIGURE,
        *ARM,
        (":AER?", "+0"),
        ARMED,
        NO_ERROR,
        RUNS,
        STOPPED,
        STOPPED,
        *FETCH,
    ]
    with expected_protocol(KeysightMSOX3000, conversation) as scope:
        role = configured(scope)
        role.arm()
        assert not role.captured()
        assert role.captured()
        capture = role.fetch()
    assert capture.time == pytest.approx([-1e-3, 0.0, 1e-3])
    assert capture.voltage["ch2"] == pytest.approx([0.0, 1.0, -1.27])
    assert capture.clipped == {"ch2": True}


def test_without_a_trigger_there_is_nothing_to_fetch():
    conversation = [*CONFIGURE, *ARM, ARMED, NO_ERROR, RUNS]
    with expected_protocol(KeysightMSOX3000, conversation) as scope:
        role = configured(scope)
        with pytest.raises(InstrumentError, match="no trigger has come"):
            role.fetch()  # not even armed: nothing is asked
        role.arm()
        with pytest.raises(InstrumentError, match="no trigger has come"):
            role.fetch()


def test_it_must_be_configured_before_it_is_armed():
    with expected_protocol(KeysightMSOX3000, []) as scope:
        role = Msox3000Oscilloscope(scope, "", Limits())
        with pytest.raises(InstrumentError, match="configure it before"):
            role.arm()


def test_arming_gives_up_after_a_while(monkeypatch):
    ticks = iter([0.0, 5.0, 11.0])
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    monkeypatch.setattr(module, "time", clock)
    conversation = [*CONFIGURE, *ARM, (":AER?", "+0"), (":AER?", "+0")]
    with expected_protocol(KeysightMSOX3000, conversation) as scope:
        role = configured(scope)
        with pytest.raises(InstrumentError, match="does not get armed"):
            role.arm()


def test_an_error_of_the_instrument_is_raised_and_nothing_counts_as_configured():
    failed = [
        *CONFIGURE[:-1],
        (":SYSTem:ERRor?", '-222,"Data out of range"'),
        NO_ERROR,
    ]
    with expected_protocol(KeysightMSOX3000, failed) as scope:
        role = Msox3000Oscilloscope(scope, "", Limits())
        with pytest.raises(InstrumentError, match="-222 Data out of range"):
            role.configure(
                {"ch2": VerticalScale(4.0, 1.0)},
                duration=1e-3,
                before_trigger=2e-4,
                trigger=ScopeTrigger("external", 0.5, rising=False),
            )
        with pytest.raises(InstrumentError, match="configure it before"):
            role.arm()


REFUSED = [
    ({"ch5": VerticalScale(1.0)}, "ch1", "'ch5' is no channel"),
    ({}, "ch1", "no channel is captured"),
    ({"ch1": VerticalScale(1.0)}, "ch7", "'ch7' is no trigger source"),
]


@pytest.mark.parametrize(("channels", "source", "message"), REFUSED)
def test_unknown_names_are_refused_before_anything_is_sent(channels, source, message):
    with expected_protocol(KeysightMSOX3000, []) as scope:
        role = Msox3000Oscilloscope(scope, "", Limits())
        with pytest.raises(BenchConfigError, match=message):
            role.configure(
                channels,
                duration=1e-3,
                before_trigger=0.0,
                trigger=ScopeTrigger(source, 0.0),
            )


def test_safe_is_stopped_and_read_back():
    with expected_protocol(KeysightMSOX3000, [(":STOP", None), STOPPED]) as scope:
        Msox3000Oscilloscope(scope, "", Limits()).make_safe()
        scope.adapter.connection.clear.assert_called_once_with()
    with (
        expected_protocol(KeysightMSOX3000, [(":STOP", None), RUNS]) as scope,
        pytest.raises(SafeStateError, match="not confirmed"),
    ):
        Msox3000Oscilloscope(scope, "", Limits()).make_safe()


def test_the_catalog_knows_it():
    entry = driver_entry("Keysight MSO-X 3104T")
    assert entry.driver_class() is KeysightMSOX3000
    assert entry.role_class("oscilloscope") is Msox3000Oscilloscope


def test_a_divided_memory_is_fetched_segment_by_segment():
    """One arming for two triggers; each segment is chosen, then sent."""
    divide = [(":ACQuire:MODE SEGM", None), (":ACQuire:SEGMented:COUNt 2", None)]
    fetch = [
        message
        for number in (1, 2)
        for message in (
            (f":ACQuire:SEGMented:INDex {number}", None),
            STOPPED,
            *FETCH,
        )
    ]
    exchange = [*CONFIGURE, *divide, NO_ERROR, *ARM, ARMED, NO_ERROR, *fetch]
    with expected_protocol(KeysightMSOX3000, exchange) as driver:
        scope = configured(driver)
        scope.divide(2)
        scope.arm()
        assert [len(one.time) for one in scope.fetch_segments()] == [3, 3]


@pytest.mark.parametrize("segments", [0, 1001])
def test_more_segments_than_there_are_are_refused(segments):
    with expected_protocol(KeysightMSOX3000, []) as driver:
        scope = Msox3000Oscilloscope(driver, "", Limits())
        with pytest.raises(BenchConfigError, match="1 to 1000"):
            scope.divide(segments)
