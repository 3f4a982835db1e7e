"""The switch matrix role: what it sends, and what it makes of the answers."""

import re

import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import InstrumentError, SafeStateError
from labneuro.instruments.catalog import driver_entry
from labneuro.instruments.keithley_3700 import Keithley3700
from labneuro.instruments.keithley_3700_switch_matrix import Keithley3700SwitchMatrix
from labneuro.instruments.roles import SwitchMatrix
from labneuro.safety import Limits

NO_ERROR = ("print(errorqueue.next())", "0.000000000e+00\tQueue Is Empty\t0\t1")
CLOSED = 'print(channel.getclose("allslots"))'


def connecting(channels, *answers):
    """Return what is said when channels are connected."""
    return [
        ("channel.connectrule = 1", None),
        (f'channel.exclusiveclose("{channels}")', None),
        *answers,
    ]


def matrix(switch):
    return Keithley3700SwitchMatrix(switch, "", Limits())


@pytest.mark.parametrize(
    ("channels", "sent", "reply"),
    [
        (["1101", "1202"], "1101,1202", "1101;1202"),
        (["1202", "1101"], "1202,1101", "1101;1202"),
        ([], "", "nil"),
    ],
)
def test_connecting_breaks_first_and_is_read_back(channels, sent, reply):
    conversation = connecting(sent, NO_ERROR, (CLOSED, reply))
    with expected_protocol(Keithley3700, conversation) as switch:
        matrix(switch).connect(channels)


@pytest.mark.parametrize("found", ["1101", "1101;1202;1911", "nil"])
def test_other_channels_than_wanted_are_an_error(found):
    conversation = connecting("1101,1202", NO_ERROR, (CLOSED, found))
    with (
        expected_protocol(Keithley3700, conversation) as switch,
        pytest.raises(InstrumentError, match="1101, 1202 should be closed"),
    ):
        matrix(switch).connect(["1101", "1202"])


def test_what_the_instrument_refuses_is_reported_in_its_words():
    refusal = ("print(errorqueue.next())", "1.114e+03\tSettings conflict\t20\t1")
    conversation = connecting("1101", refusal, NO_ERROR)
    with (
        expected_protocol(Keithley3700, conversation) as switch,
        pytest.raises(InstrumentError, match="Keithley 3706A reports 1114 Settings"),
    ):
        matrix(switch).connect(["1101"])


def test_closed_says_what_the_instrument_says():
    with expected_protocol(Keithley3700, [(CLOSED, "1101;2911")]) as switch:
        assert matrix(switch).closed() == ("1101", "2911")


def test_making_safe_opens_everything_and_verifies_it(faulty):
    connection = faulty((), "nil")
    matrix(Keithley3700(connection)).make_safe()
    assert connection.seen == [
        "device clear",
        "scan.abort()",
        'channel.open("allslots")',
        CLOSED,
    ]


@pytest.mark.parametrize(
    "lost", ["device clear", "scan.abort()", 'channel.open("allslots")']
)
def test_a_lost_step_does_not_keep_the_others_from_being_tried(faulty, lost):
    connection = faulty((lost,), "nil")
    matrix(Keithley3700(connection)).make_safe()
    assert connection.seen[-2:] == ['channel.open("allslots")', CLOSED]


def test_a_channel_that_stays_closed_is_not_safe(faulty):
    switch = Keithley3700(faulty(('channel.open("allslots")',), "1101"))
    with pytest.raises(SafeStateError, match="Keithley 3706A: the safe state"):
        matrix(switch).make_safe()


def test_the_catalogue_knows_model_and_role():
    entry = driver_entry("Keithley 3706A")
    assert entry.driver_class() is Keithley3700
    role = entry.role_class("switch_matrix")
    assert isinstance(role, type)
    assert issubclass(role, SwitchMatrix)
    identity = "KEITHLEY INSTRUMENTS INC.,MODEL 3706A,04447336,01.56a"
    assert re.search(entry.identity_pattern, identity)
    assert not re.search(entry.identity_pattern, identity.replace("3706A", "2636B"))
