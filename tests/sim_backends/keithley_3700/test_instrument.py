"""The simulated 3706A as a whole: identity, slots, memory, names, reset, saving."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labneuro.errors import BenchConfigError
from labneuro.sim_backends.keithley_3700.instrument import Keithley3706A

NO_ERROR = (0, "Queue Is Empty")
COMMANDS = Path(__file__).parents[4] / "shared" / "commands" / "3706A.txt"
# Names that the simulated instrument does not have.
MISSING = {
    "io": "the sandbox hands no file functions to scripts; there is no drive",
}


def test_identity_is_as_instruments_give_it(switch):
    maker, model, serial, firmware = switch.ask("*IDN?").split(",")
    assert (maker, model) == ("KEITHLEY INSTRUMENTS INC.", "MODEL 3706A")
    assert switch.show("localnode.model") == "3706A"
    assert switch.show("localnode.serialno") == serial
    assert switch.show("localnode.revision") == firmware
    switch.send("localnode.emulation = localnode.EMULATION_3706")
    assert switch.show("localnode.model") == "3706"


def test_without_modules_slot_1_holds_a_3730(switch):
    identity = switch.show("slot[1].idn").split(",")
    assert identity[:2] == ["3730", "6x16 High Density Matrix"]
    assert len(identity) == 4
    assert [switch.show(f"slot[{slot}].idn") for slot in range(2, 7)] == (
        ["Empty Slot"] * 5
    )
    assert switch.show("setup.cards()") == "3730,0,0,0,0,0"


@pytest.mark.parametrize(
    ("name", "filled"),
    [
        ("rows.matrix", "6.000000000e+00"),
        ("columns.matrix", "1.600000000e+01"),
        ("matrix", "1.000000000e+00"),
        ("maxvoltage", "3.000000000e+02"),
        ("poles.two", "1.000000000e+00"),
        ("poles.four", "nil"),
        ("multiplexer", "nil"),
        ("commonsideohms", "nil"),
        ("interlock.state", "1.000000000e+00"),
        ("thermal.state", "nil"),
    ],
)
def test_a_slot_says_what_its_card_can(switch, name, filled):
    assert switch.show(f"slot[1].{name}") == filled
    assert switch.show(f"slot[2].{name}") == "nil"


def test_a_pseudocard_fills_an_empty_slot(switch):
    switch.send("slot[6].pseudocard = 3730", "channel.close('6101')")
    assert switch.show("slot[6].idn") == "Pseudo,3730,6x16 High Density Matrix,???,???"
    assert switch.closed() == "6101"
    assert switch.value("slot[6].pseudocard") == 3730
    switch.send("slot[6].pseudocard = slot.PSEUDO_NONE")
    assert switch.show("slot[6].idn") == "Empty Slot"
    assert switch.closed() == "nil"
    assert switch.error() == NO_ERROR
    switch.send("slot[1].pseudocard = 3730")
    assert switch.error()[0] != 0


def test_an_open_interlock_holds_the_backplane_open(switch):
    switch.send("channel.close('1101,1911')")
    switch.switch.interlock_open = True
    assert switch.closed() == "1101"
    assert switch.value("slot[1].interlock.state") == 0
    switch.send("channel.close('1912')")
    assert switch.error()[0] == 1114
    switch.send("slot[1].interlock.override = 1", "channel.close('1912')")
    assert switch.closed() == "1101;1912"


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        ({"slot7": "3730"}, "modules.slot7: no such slot"),
        ({"slot1": "3720"}, "modules.slot1: '3720' cannot be simulated; known: 3730"),
    ],
)
def test_modules_that_there_are_not_are_refused(modules, words):
    with pytest.raises(BenchConfigError, match=re.escape(words)):
        Keithley3706A.terminals_with(modules)


def test_terminals_are_rows_columns_backplanes_and_the_multimeter():
    terminals = Keithley3706A.terminals_with({"slot2": "3730", "slot3": "empty"})
    assert terminals.inputs == ("dmm", "dmm_sense")
    assert len(terminals.contacts) == 6 + 6 + 16
    assert {"backplane1", "backplane6", "slot2_row6", "slot2_column16"} <= set(
        terminals.contacts
    )


def test_numbers_have_ten_digits_by_default(switch):
    assert switch.show("2.5") == "2.500000000e+00"
    switch.send("format.asciiprecision = 7")
    assert switch.show("2.5") == "2.500000e+00"
    switch.send("reset()")
    assert switch.value("format.asciiprecision") == 10


def test_memory_counts_patterns_and_configurations(switch):
    assert switch.show("memory.available()") == "100.00, 100.00, 100.00, 100.00"
    switch.send("channel.pattern.setimage('1101', 'P') dmm.configure.set('C')")
    free = [float(word) for word in switch.show("memory.available()").split(",")]
    used = [float(word) for word in switch.show("memory.used()").split(",")]
    assert [one + two for one, two in zip(free, used, strict=True)] == [100.0] * 4
    assert min(free[2], free[3]) < 100.0


SETTINGS = (
    "channel.setlabel('1101', 'in') channel.setdelay('1102', 0.5)"
    "channel.setbackplane('1103', '1913') channel.setforbidden('1104')"
    "channel.pattern.setimage('1105,1911', 'P') channel.connectrule = 2"
)
STATE = (
    "channel.getlabel('1101'), channel.getdelay('1102'), channel.getbackplane('1103'),"
    "channel.getforbidden('slot1'), channel.pattern.getimage('P'), channel.connectrule"
)


@pytest.mark.parametrize(
    ("save", "recall"),
    [
        ("setup.save()", "setup.recall(1)"),
        ("setup.save()", "setup.recall('1')"),
        ("createconfigscript('mine')", "mine()"),
    ],
)
def test_a_setup_is_saved_and_brought_back(switch, save, recall):
    switch.send(SETTINGS)
    before = switch.show(STATE)
    switch.send(save, "channel.close('1101')", "setup.recall(0)")
    assert switch.closed() == "nil"
    assert switch.show("channel.getlabel('1101')") == "1101"
    switch.send(recall)
    assert switch.show(STATE) == before
    assert switch.error() == NO_ERROR


def test_setups_on_a_drive_or_never_saved_are_refused(switch):
    for command in ("setup.save('/usb1/a')", "setup.recall('/usb1/a')"):
        switch.send(command)
        assert switch.error()[0] == 1115
    switch.send("channel.close('1101')", "setup.recall(1)")
    assert switch.error()[0] == 1115
    assert switch.closed() == "1101", "nothing was recalled, nothing was reset"


def test_digital_lines_are_bits_and_triggers(switch):
    assert switch.value("digio.readport()") == 16383
    switch.send("digio.writebit(4, 0) digio.writeprotect = 1 digio.writeport(0xA)")
    assert switch.value("digio.readport()") == 0xB
    switch.send("digio.trigger[3].mode = digio.TRIG_RISING")
    assert switch.show("digio.trigger[3].wait(0.1)") == "false"
    switch.switch.trigger_in("digio3")
    assert switch.show("digio.trigger[3].wait(0.1)") == "true"
    sent = []
    switch.switch.trigger_lines["digio3"].append(lambda: sent.append("edge"))
    switch.send("digio.trigger[3].assert()")
    assert sent == ["edge"]
    switch.send("digio.writebit(15, 1)")
    assert switch.error()[0] == 1801


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("bit.bitand(10, 9)", 8),
        ("bit.bitor(10, 9)", 11),
        ("bit.bitxor(10, 9)", 3),
        ("bit.clear(15, 2)", 13),
        ("bit.get(10, 4)", 8),
        ("bit.getfield(13, 2, 3)", 6),
        ("bit.set(8, 3)", 12),
        ("bit.setfield(15, 2, 3, 5)", 11),
        ("bit.toggle(10, 3)", 14),
    ],
)
def test_bit_functions_give_the_manuals_examples(switch, call, result):
    assert switch.value(call) == result
    assert switch.show("bit.test(10, 4)") == "true"


def test_the_common_commands_and_the_status_byte(switch):
    assert switch.ask("*OPC?") == "1"
    switch.send("channel.close('bad')")
    assert switch.switch.status_byte() & 4, "error available"
    switch.send("*CLS")
    assert switch.error() == NO_ERROR
    switch.send("channel.close('1101')", "*RST")
    assert switch.closed() == "nil"
    switch.send("*TRG")
    assert switch.show("trigger.wait(1)") == "true"
    assert switch.show("trigger.wait(1)") == "false"


def path_of(line):
    """Return the Lua path that a line of the command list names, and its last name."""
    text = re.sub(r"^print\((.+)\)$", r"\1", line.strip())
    is_function = text.endswith("()")
    path = re.sub(r"\s*=\s*value$", "", text.removesuffix("()"))
    path = re.sub(r"\[\w+\]", "[1]", path)
    path = re.sub(r"^bufferVar\b", "buffer_made", path)
    path = re.sub(r"^scriptVar\b", "script_made", path)
    return path, is_function


HAS = (
    "function has(owner, name) if owner == nil then return false end "
    "local meta = getmetatable(owner) if meta and meta.Getters and "
    "(meta.Getters[name] or meta.Setters[name]) then return true end "
    "return owner[name] ~= nil end"
)


@pytest.mark.skipif(not COMMANDS.exists(), reason="the list of names is not at hand")
def test_every_listed_name_exists(switch):
    switch.send("buffer_made = dmm.makebuffer(1) dmm.measure(buffer_made)")
    switch.send("script_made = script.new('local x = 1', 'script_made')", HAS)
    absent = []
    lines = COMMANDS.read_text(encoding="utf-8").split("\n")
    for line in filter(None, lines):
        path, is_function = path_of(line)
        if path.split(".")[0] in MISSING:
            continue
        item = re.sub(r"\[1\]$", "", path)
        owner, _, name = item.rpartition(".")
        test = f"has({owner}, '{name}')" if owner else f"{name} ~= nil"
        if is_function:
            test = f"type({path}) == 'function'"
        if switch.show(f"select(2, pcall(function() return {test} end))") != "true":
            absent.append(line)
    assert absent == []
    assert len(lines) > 600
