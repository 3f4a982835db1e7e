"""Channel lists, labels, patterns and attributes, with the answers of the manual.

Series 3700A Reference Manual 3700AS-901-01 Rev. D, p. 5-11 and Section 11.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keithley_3700.cards import CARDS
from labneuro.sim_backends.keithley_3700.channels import ChannelLists
from labneuro.sim_backends.keithley_3700.relays import RelayBank, card_relays
from labneuro.sim_backends.tsp.values import TspProblem

NO_ERROR = (0, "Queue Is Empty")
NO_CHANNELS = (1115, "Parameter error no valid channels in channel list")
WRONG_TYPE = (1115, "Parameter error invalid channel type in channel list")


@pytest.fixture
def lists():
    bank = RelayBank(VirtualClock())
    for slot in (1, 3):
        bank.install(card_relays(CARDS["3730"], slot, None))
    return ChannelLists(bank)


def names(relays):
    return [relay.name for relay in relays]


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("1304", ["1304"]),
        (" 1304 ", ["1304"]),
        ("1101,1102", ["1101", "1102"]),
        ("1101;1102", ["1101", "1102"]),
        ("1101, 3616 ;1911", ["1101", "3616", "1911"]),
        ("1102,1101,1102", ["1102", "1101", "1102"]),
        ("1101:1103", ["1101", "1102", "1103"]),
        ("1115:1202", ["1115", "1116", "1201", "1202"]),
        ("1911:1916", [f"191{bus}" for bus in range(1, 7)]),
        ("1616:3101", ["1616", "3101"]),
    ],
)
def test_a_list_selects_relays_in_its_order(lists, text, selected):
    assert names(lists.relays(text)) == selected


def test_a_slot_is_its_channels_and_then_its_backplane_relays(lists):
    selected = names(lists.relays("slot3"))
    assert len(selected) == 6 * 16 + 6
    assert selected[0] == "3101"
    assert selected[95] == "3616"
    assert selected[96:] == [f"391{bus}" for bus in range(1, 7)]
    assert names(lists.relays("allslots")) == names(lists.relays("slot1, slot3"))


@given(st.integers(1, 6), st.integers(1, 16), st.integers(1, 6), st.integers(1, 16))
def test_a_range_holds_what_lies_between_its_ends_and_nothing_else(
    lists, row, column, other_row, other_column
):
    ends = sorted((f"1{row}{column:02d}", f"1{other_row}{other_column:02d}"))
    inside = [
        f"1{one}{two:02d}"
        for one in range(1, 7)
        for two in range(1, 17)
        if ends[0] <= f"1{one}{two:02d}" <= ends[1]
    ]
    assert names(lists.relays(":".join(ends))) == inside
    if ends[0] != ends[1]:
        with pytest.raises(TspProblem):
            lists.relays(":".join(reversed(ends)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "1117",
        "1701",
        "2101",
        "1917",
        "1921",
        "slot2",
        "slot7",
        "unknown",
        "1101,,1102",
        "1105:1101",
        "1101:1911",
        "1101:1102:1103",
    ],
)
def test_what_does_not_exist_is_refused_with_1115(lists, text):
    with pytest.raises(TspProblem) as refused:
        lists.relays(text)
    assert refused.value.code == 1115


def test_the_first_error_stops_the_command_and_nothing_closes(switch):
    switch.send("channel.close('1101, 1102, 1717')")
    code, text = switch.error()
    assert code == 1115
    assert text.startswith("Parameter error ")
    assert switch.error() == NO_ERROR
    assert switch.closed() == "nil"


@pytest.mark.parametrize("function", ["close", "exclusiveclose", "exclusiveslotclose"])
@pytest.mark.parametrize("channels", ["slot1", "allslots", "1101, slot1"])
def test_whole_slots_are_not_closed(switch, function, channels):
    switch.send(f"channel.{function}('{channels}')")
    assert switch.error()[0] == 1115
    assert switch.closed() == "nil"


@pytest.mark.parametrize("quote", ["'", '"'])
def test_close_adds_and_open_takes_away(switch, quote):
    switch.send(f"channel.close({quote}1101{quote})")
    switch.send(f"channel.close({quote}1203:1204;1911{quote})")
    assert switch.closed() == "1101;1203;1204;1911"
    switch.send(f"channel.open({quote}1203, 1911{quote})")
    assert switch.closed() == "1101;1204"
    switch.send("channel.open(1204)")
    assert switch.closed() == "1101"
    switch.send("channel.open('slot1')")
    assert switch.closed() == "nil"
    assert switch.error() == NO_ERROR


def test_exclusive_close_opens_all_others_and_by_slot_those_of_the_slot(two_cards):
    two_cards.send("channel.close('1101,2101,2102')")
    two_cards.send("channel.exclusiveslotclose('2616')")
    assert two_cards.closed() == "1101;2616"
    two_cards.send("channel.exclusiveclose('1102,2616')")
    assert two_cards.closed() == "1102;2616"
    two_cards.send("channel.exclusiveclose('')")
    assert two_cards.closed() == "nil"
    assert two_cards.error() == NO_ERROR
    two_cards.send("channel.exclusiveslotclose('')")
    assert two_cards.error() == NO_CHANNELS


def test_opening_what_getclose_says_fails_when_nothing_is_closed(switch):
    """The manual's own example: the nil is refused."""
    switch.send("channel.open(channel.getclose('allslots'))")
    assert switch.error()[0] != 0


def test_queries_answer_in_the_order_of_the_list_or_nil_after_an_error(switch):
    switch.send("channel.close('1105,1107')")
    assert switch.show("channel.getstate('1104:1108')") == "0,1,0,1,0"
    assert switch.show("channel.getstate('1107,1106')") == "1,0"
    assert switch.show("channel.getclose('1101:1106')") == "1105"
    assert switch.show("channel.getclose('1101:1104')") == "nil"
    assert switch.show("channel.gettype('1101,1911')") == "1,2"
    assert switch.error() == NO_ERROR
    for function in ("getstate", "getclose", "getcount", "getlabel", "getdelay"):
        assert switch.show(f"channel.{function}('1799')") == "nil"
        assert switch.error()[0] == 1115
    assert switch.show("channel.getclose('slot4')") == "nil"
    assert switch.error() == NO_CHANNELS


def test_counts_count_closures_and_survive_a_reset(switch):
    switch.send("channel.close('1101') channel.close('1101') channel.open('1101')")
    switch.send("channel.exclusiveclose('1101,1911')", "reset()")
    assert switch.show("channel.getcount('1101,1911,1102')") == "2,1,0"
    assert len(switch.show("channel.getcount('slot1')").split(",")) == 102


def test_a_label_stands_for_its_channel(switch):
    assert switch.show("channel.getlabel('1304')") == "1304"
    switch.send("channel.setlabel('1304', 'start')", "channel.close('start, 1101')")
    assert switch.closed() == "1101;1304"
    assert switch.show("channel.getlabel('1303:1304')") == "1303,start"
    switch.send("channel.setlabel('1401', 'start')")
    text = "Parameter error label already used with channel 1304"
    assert switch.error() == (1115, text)
    switch.send("channel.setlabel('start', ' ')")
    assert switch.show("channel.getlabel('1304')") == "1304"
    assert switch.error() == NO_ERROR


@pytest.mark.parametrize("label", ["with space", "a,b", "a:b", "x" * 20])
def test_a_label_that_would_confuse_lists_is_refused(switch, label):
    switch.send(f"channel.setlabel('1101', '{label}')")
    assert switch.error()[0] == 1115
    assert switch.show("channel.getlabel('1101')") == "1101"


def test_a_pattern_keeps_an_image_of_channels(switch):
    switch.send("channel.pattern.setimage('1101, 1911', 'RouteA')")
    assert switch.show("channel.pattern.getimage('RouteA')") == "1101,1911"
    switch.send("channel.close('RouteA')", "channel.pattern.snapshot('Now')")
    assert switch.closed() == "1101;1911"
    assert switch.show("channel.getclose('Now')") == "1101;1911"
    switch.send(
        "names = '' for name in channel.pattern.catalog() do names = names .. name end"
    )
    assert switch.show("names") == "RouteANow"
    switch.send("channel.pattern.delete('Now')")
    assert switch.show("channel.pattern.getimage('Now')") == "nil"
    assert switch.error()[0] == 1115


def test_an_empty_pattern_does_what_the_manual_says(switch):
    switch.send("channel.pattern.setimage('', 'Empty_pattern')")
    for function in ("close", "exclusiveslotclose", "open"):
        switch.send(f"channel.{function}('Empty_pattern')")
        assert switch.error() == NO_CHANNELS
    switch.send("channel.close('1101')", "channel.exclusiveclose('Empty_pattern')")
    assert switch.closed() == "nil"
    switch.send("channel.close('Empty_pattern, 1102')")
    assert switch.closed() == "1102"
    assert switch.error() == NO_ERROR


@pytest.mark.parametrize(
    "name", ["1path", "my chans", "My,chans", "Path1:10", "x" * 20]
)
def test_pattern_names_are_as_the_manual_wants_them(switch, name):
    switch.send(f"channel.pattern.setimage('1101', '{name}')")
    assert switch.error()[0] == 1115


def test_a_forbidden_channel_does_not_close_and_leaves_patterns(switch):
    switch.send("channel.pattern.setimage('1102', 'Path')")
    switch.send("channel.setforbidden('1102, 1912')")
    assert switch.show("channel.getforbidden('allslots')") == "1102,1912"
    assert switch.show("channel.pattern.getimage('Path')") == "nil"
    assert switch.error()[0] == 1115
    switch.send("channel.close('1101:1103')")
    assert switch.error()[0] == 1114
    assert switch.closed() == "nil"
    switch.send("channel.clearforbidden('1102')", "channel.close('1101:1103')")
    assert switch.closed() == "1101;1102;1103"
    assert switch.show("channel.getforbidden('1101:1116')") == "nil"


def test_backplane_relays_of_a_channel_move_with_it(switch):
    switch.send("channel.setbackplane('1202', '1913, 1914')", "channel.close('1202')")
    assert switch.closed() == "1202;1913;1914"
    assert switch.show("channel.getbackplane('1202,1203')") == "1913,1914;"
    assert switch.show("channel.getbackplane('1203')") == "nil"
    assert switch.show("channel.getimage('1202,1203')") == "1202,1913,1914;1203"
    switch.send("channel.open('1202')")
    assert switch.closed() == "nil"
    switch.send("channel.setpole('1202', channel.POLES_TWO)")
    assert switch.show("channel.getbackplane('1202')") == "nil"
    assert switch.show("channel.getpole('1201:1202')") == "2,2"
    switch.send("channel.setbackplane('1202', '1203')")
    assert switch.error() == WRONG_TYPE
    switch.send("channel.setpole('1202', 4)")
    assert switch.error()[0] == 1115


def test_delays_are_of_channels_only(switch):
    switch.send("channel.setdelay('1101, 1103', 50e-6)")
    assert switch.show("channel.getdelay('1101:1103')") == (
        "5.000e-05,0.000e+00,5.000e-05"
    )
    assert switch.show("channel.getdelay('1101, 1911')") == "nil"
    assert switch.error() == WRONG_TYPE
    assert len(switch.show("channel.getdelay('slot1')").split(",")) == 96
    switch.send("channel.setdelay('1101', -1)")
    assert switch.error()[0] == 1102


def test_what_only_other_channel_types_have_is_refused(switch):
    assert switch.show("channel.getmode('1101')") == "nil"
    assert switch.error() == WRONG_TYPE
    assert switch.show("channel.getmode('slot1')") == "nil"
    assert switch.error() == NO_CHANNELS
    switch.send("channel.setmode('1911', 1)")
    assert switch.error() == WRONG_TYPE


def test_specifiers_are_made_of_numbers(switch):
    assert switch.show("channel.createspecifier(1, 3, 4)") == "1304"
    assert switch.show("channel.createspecifier(1, 911)") == "1911"
    assert switch.show("channel.createspecifier(1, 7, 4)") == "nil"
    assert switch.error()[0] == 1115


def test_a_channel_reset_opens_and_forgets_what_was_set(switch):
    switch.send(
        "channel.setlabel('1101', 'a') channel.setdelay('1101:1102', 1)"
        "channel.setbackplane('1101', '1911') channel.setforbidden('1103')"
        "channel.pattern.setimage('1101,1105', 'P')"
        "channel.pattern.setimage('1106', 'Q')"
        "channel.connectrule = channel.OFF channel.close('1101,1102')",
        "channel.reset('1101')",
    )
    assert switch.closed() == "1102"
    assert switch.show("channel.getlabel('1101')") == "1101"
    assert switch.show("channel.getdelay('1101:1102')") == "0.000e+00,1.000e+00"
    assert switch.show("channel.pattern.getimage('Q')") == "1106"
    assert switch.show("channel.pattern.getimage('P')") == "nil"
    assert switch.value("channel.connectrule") == 0, "not of a channel"
    switch.send("reset()")
    assert switch.closed() == "nil"
    assert switch.show("channel.getforbidden('slot1')") == "nil"
    assert switch.value("channel.connectrule") == 1
