"""The 3706A driver on the wire, with commands and replies as in the manual."""

import math

import pytest
from pymeasure.test import expected_protocol

from labneuro.errors import InstrumentError
from labneuro.instruments.keithley_3700 import Keithley3700, channel_list

NO_ERROR = ("print(errorqueue.next())", "0.000000000e+00\tQueue Is Empty\t0\t1")

SETTINGS = [
    ("connect_rule", "break_before_make", "channel.connectrule", "1", "1.00000e+00"),
    ("connect_rule", "off", "channel.connectrule", "0", "0.000000000e+00"),
    ("connect_sequential", True, "channel.connectsequential", "1", "1.00000e+00"),
    ("dmm_function", "twowireohms", "dmm.func", '"twowireohms"', "twowireohms"),
    ("dmm_range", 1e5, "dmm.range", "100000", "1.000000000e+05"),
    ("dmm_autorange", False, "dmm.autorange", "0", "0.000000000e+00"),
    ("dmm_power_line_cycles", 0.5, "dmm.nplc", "0.5", "5.000000000e-01"),
]


@pytest.mark.parametrize(("name", "value", "path", "sent", "reply"), SETTINGS)
def test_each_setting_is_one_assignment_and_one_print(name, value, path, sent, reply):
    conversation = [(f"{path} = {sent}", None), (f"print({path})", reply)]
    with expected_protocol(Keithley3700, conversation) as switch:
        setattr(switch, name, value)
        assert getattr(switch, name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("connect_rule", "make"),
        ("dmm_function", "volts"),
        ("dmm_range", -1.0),
        ("dmm_power_line_cycles", 15.1),
        ("dmm_power_line_cycles", math.nan),
    ],
)
def test_values_beyond_the_manual_are_refused_before_they_are_sent(name, value):
    with (
        expected_protocol(Keithley3700, []) as switch,
        pytest.raises(ValueError, match="not in"),
    ):
        setattr(switch, name, value)


@pytest.mark.parametrize(
    ("method", "arguments", "sent"),
    [
        ("close", ("1001:1005, 3003, Chans",), 'channel.close("1001:1005,3003,Chans")'),
        ("close", (["1101", "1911"],), 'channel.close("1101,1911")'),
        ("open", (), 'channel.open("allslots")'),
        ("open", ("slot3, slot5",), 'channel.open("slot3,slot5")'),
        ("exclusive_close", ([],), 'channel.exclusiveclose("")'),
        ("exclusive_close", ("3003, 3913",), 'channel.exclusiveclose("3003,3913")'),
        (
            "exclusive_slot_close",
            ("1005;2005",),
            'channel.exclusiveslotclose("1005,2005")',
        ),
        ("reset_channels", (), 'channel.reset("allslots")'),
        ("set_label", ("3001", "start"), 'channel.setlabel("3001", "start")'),
        ("set_label", ("3001", ""), 'channel.setlabel("3001", "")'),
        ("set_delay", ("5001, 5003", 50e-6), 'channel.setdelay("5001,5003", 5e-05)'),
        ("forbid", ("2002,2004",), 'channel.setforbidden("2002,2004")'),
        ("permit", (), 'channel.clearforbidden("allslots")'),
        (
            "store_pattern",
            ("Path", ["2003", "2915"]),
            'channel.pattern.setimage("2003,2915", "Path")',
        ),
        ("reset", (), "reset()"),
        ("clear_errors", (), "errorqueue.clear()"),
    ],
)
def test_each_action_is_one_command(method, arguments, sent):
    with expected_protocol(Keithley3700, [(sent, None)]) as switch:
        assert getattr(switch, method)(*arguments) is None


@pytest.mark.parametrize(
    ("method", "arguments", "call", "reply", "result"),
    [
        (
            "closed_channels",
            (),
            'channel.getclose("allslots")',
            "1101;2116;2911",
            ("1101", "2116", "2911"),
        ),
        ("closed_channels", ("slot2",), 'channel.getclose("slot2")', "nil", ()),
        ("states", ("1101:1103",), 'channel.getstate("1101:1103")', "0,1,0", None),
        (
            "relay_counts",
            ("2001:2003",),
            'channel.getcount("2001:2003")',
            "672,495,547",
            (672, 495, 547),
        ),
        ("labels", ("5001",), 'channel.getlabel("5001")', "Device", ("Device",)),
        (
            "delays",
            ("5001, 5003",),
            'channel.getdelay("5001,5003")',
            "0.000e+00,5.000e-05",
            (0.0, 5e-5),
        ),
        (
            "forbidden_channels",
            ("slot3",),
            'channel.getforbidden("slot3")',
            "3003,3005,3925",
            ("3003", "3005", "3925"),
        ),
        (
            "pattern",
            ("Path",),
            'channel.pattern.getimage("Path")',
            "2003,2915",
            ("2003", "2915"),
        ),
    ],
)
def test_each_question_is_one_print(method, arguments, call, reply, result):
    expected = (False, True, False) if result is None else result
    with expected_protocol(Keithley3700, [(f"print({call})", reply)]) as switch:
        assert getattr(switch, method)(*arguments) == expected


def test_identity_card_reading_and_errors():
    conversation = [
        ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 3706A,04349716,01.55a"),
        ("print(slot[3].idn)", "3723,Dual 1x30 Reed Multiplexer,01.40e,1243657"),
        ("print(dmm.measure())", "1.134154698e+01"),
        ("print(dmm.measure())", "9.900000000e+37"),
        ("print(errorqueue.next())", "1.115e+03\tParameter error\t2.0e+01\t1.0e+00"),
        NO_ERROR,
    ]
    with expected_protocol(Keithley3700, conversation) as switch:
        assert switch.identity.startswith("KEITHLEY INSTRUMENTS INC.,MODEL 3706A")
        assert switch.card(3).startswith("3723,")
        assert switch.dmm_reading == 11.34154698
        assert math.isnan(switch.dmm_reading)
        with pytest.raises(InstrumentError, match="1115 Parameter error"):
            switch.check_errors()


def test_an_answer_that_is_no_error_is_named():
    conversation = [("print(errorqueue.next())", "nonsense")]
    with (
        expected_protocol(Keithley3700, conversation) as switch,
        pytest.raises(InstrumentError, match="'nonsense' is no answer"),
    ):
        _ = switch.next_error


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("close", ('1101"); reset("',)),
        ("close", (["1101", "a b"],)),
        ("close", ("1101,,1102",)),
        ("set_label", ("1101", "x" * 20)),
        ("set_label", ("1101", 'a"b')),
        ("set_delay", ("1101", -1.0)),
        ("store_pattern", ("1path", "1101")),
        ("card", (7,)),
    ],
)
def test_what_is_no_channel_name_or_number_is_never_sent(method, arguments):
    with (
        expected_protocol(Keithley3700, []) as switch,
        pytest.raises(ValueError, match=r"is no|not in"),
    ):
        getattr(switch, method)(*arguments)


def test_channel_lists_take_strings_and_sequences():
    assert channel_list("1101; 1203:1205 ,slot2") == "1101,1203:1205,slot2"
    assert channel_list(()) == channel_list(" ") == ""
