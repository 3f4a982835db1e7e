"""The SCPI engine, on a small instrument of its own."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.scpi.arguments import (
    Amount,
    Argument,
    Block,
    Boolean,
    ChannelList,
    Choice,
    Extreme,
    Integer,
    Number,
    Quantity,
    Text,
)
from labneuro.sim_backends.scpi.instrument import ScpiInstrument
from labneuro.sim_backends.scpi.syntax import (
    Element,
    Expression,
    Quoted,
    ScpiError,
    definite_block,
    read_units,
)
from labneuro.sim_backends.scpi.tree import Command, CommandTree
from labneuro.sim_backends.wiring import Circuit

VOLT = Number(units={"V": 1.0}, infinite=True)


class Toy(ScpiInstrument):
    """A two-channel instrument with one setting of each kind."""

    identity = "MAKER,TOY,1,0.1"

    def __init__(self) -> None:
        clock = VirtualClock()
        surroundings = Surroundings(clock, Circuit(clock, []), np.random.default_rng(0))
        super().__init__("toy", surroundings)
        self.volts = {1: 0.0, 2: 0.0}
        self.frequency = 1e3
        self.data = b""
        self.triggers = 0

    def reset(self) -> None:
        self.volts = {1: 0.0, 2: 0.0}

    def group_trigger(self) -> None:
        self.triggers += 1

    def set_high(self, channel: int, value: float | Extreme) -> None:
        if isinstance(value, Extreme):
            value = -5.0 if value is Extreme.MINIMUM else 5.0
        if not abs(value) <= 5.0:
            raise ScpiError(-222)
        self.volts[channel] = value

    def set_frequency(self, value: float) -> None:
        self.frequency = value

    def set_data(self, value: bytes) -> None:
        self.data = value

    def snapshot(self) -> object:
        return dict(self.volts)

    def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, dict)
        self.volts = dict(snapshot)

    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "[SOURce{1-2}]:VOLTage[:LEVel][:IMMediate]:HIGH",
            lambda i, n, v: i.set_high(n, v),
            lambda i, n: i.volts[n],
            (VOLT,),
        ),
        Command(
            "[SOURce{1-2}]:FREQuency[:CW] [SOURce{1-2}]:FREQuency:FIXed",
            lambda i, _, v: i.set_frequency(v),
            lambda i, _: i.frequency,
            (Number(units={"HZ": 1.0}),),
        ),
        Command(
            "DATA[:DATA]",
            lambda i, v: i.set_data(v),
            lambda i: definite_block(i.data),
            (Block(),),
        ),
    )


@pytest.fixture
def toy() -> Toy:
    instrument = Toy()
    instrument.write(b"*CLS")
    return instrument


def ask(instrument: ScpiInstrument, message: str) -> str:
    """Send a query and read its answer."""
    instrument.write(message.encode())
    reply = instrument.next_reply()
    assert reply is not None, f"no answer to {message}"
    return reply.content.decode("latin-1")


def error_code(instrument: ScpiInstrument) -> int:
    """Take the oldest error's number."""
    return int(ask(instrument, "SYST:ERR?").partition(",")[0])


@pytest.mark.parametrize(
    "message",
    [
        "SOURce1:VOLTage:LEVel:IMMediate:HIGH 2.5",
        "sour:volt:high 2.5V",
        ":SOUR1:VOLT:LEV:HIGH 2500 mV",
        "VOLT:IMM:HIGH +2.5E0",
        "volt1:high 2.5",
        "  VOLT:HIGH\t2.5e+00 ; ",
        "*CLS;VOLT:HIGH 2.5\n",
    ],
)
def test_headers_and_numbers_in_every_form(toy: Toy, message: str) -> None:
    if message.startswith("volt1"):
        toy.write(message.encode())
        assert error_code(toy) == -113, "a suffix where the tree has none"
        return
    toy.write(message.encode())
    assert float(ask(toy, "SOUR1:VOLT:HIGH?")) == 2.5
    assert ask(toy, "SYST:ERR?") == '0,"No error"'


def test_suffix_numbers_choose_the_channel(toy: Toy) -> None:
    toy.write(b"SOUR2:VOLT:HIGH 1.5")
    assert toy.volts == {1: 0.0, 2: 1.5}


def test_header_path_rule(toy: Toy) -> None:
    """The second unit starts at the parent of the first; a colon goes to the root."""
    toy.write(b"SOUR2:VOLT:HIGH 1;HIGH 2;*CLS;HIGH 3;:FREQ 50")
    assert toy.volts[2] == 3.0
    assert toy.frequency == 50.0
    toy.write(b"SOUR1:VOLT:HIGH 1;SOUR1:VOLT:HIGH 2")
    assert toy.volts[1] == 1.0
    assert error_code(toy) == -113


def test_several_queries_make_one_response_message(toy: Toy) -> None:
    assert ask(toy, "*IDN?;*OPC?;:FREQ?") == "MAKER,TOY,1,0.1;1;1.000000000E+03"
    assert not toy.message_available


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("FOO 1", -113),
        ("VOLT:HIGH", -109),
        ("VOLT:HIGH 1,2", -108),
        ("VOLT:HIGH 6", -222),
        ("VOLT:HIGH 1 W", -131),
        ("VOLT:HIGH 1.2.3", -121),
        ("VOLT:HIGH abc", -104),
        ("VOLT:HIGH 'x'", -104),
        ("VOLT:HIGH 1e999", -222),
        ("SOUR3:VOLT:HIGH 1", -114),
        ("VOLT:HIGH? 1", -108),
        ("DATA 5", -104),
        ("DATA #15ab", -161),
        ("DATA 'ab", -151),
        ("DATA (@1", -171),
        ("?!", -102),
        ("VOLT:HIGH 1,", -102),
        ("*ESE 300", -222),
        ("*RCL 3", -220),
    ],
)
def test_errors_go_to_the_queue_and_change_nothing(
    toy: Toy, message: str, code: int
) -> None:
    toy.write(message.encode())
    assert toy.volts == {1: 0.0, 2: 0.0}
    assert toy.data == b""
    assert error_code(toy) == code
    assert error_code(toy) == 0


def test_command_error_drops_the_rest_and_execution_error_does_not(toy: Toy) -> None:
    toy.write(b"FREQ 10;:VOLT:HIGH 9;:FREQ 20;:NOPE;:FREQ 30")
    assert toy.frequency == 20.0
    assert [error_code(toy), error_code(toy), error_code(toy)] == [-222, -113, 0]


def test_event_register_by_error_class(toy: Toy) -> None:
    toy.write(b"NOPE;*OPC")
    assert ask(toy, "*ESR?") == "32"
    toy.write(b"VOLT:HIGH 9;*OPC")
    assert ask(toy, "*ESR?") == "17"
    assert ask(toy, "*ESR?") == "0"


def test_a_bench_is_met_warmed_up() -> None:
    """No event waits at first, not even power-on: clients take any for an error."""
    assert ask(Toy(), "*ESR?") == "0"


def test_queue_overflow_replaces_the_last_error(toy: Toy) -> None:
    for _ in range(toy.error_queue_length + 3):
        toy.write(b"NOPE")
    codes = [error_code(toy) for _ in range(toy.error_queue_length + 1)]
    assert codes == [-113] * (toy.error_queue_length - 1) + [-350, 0]


def test_new_message_interrupts_an_unread_reply(toy: Toy) -> None:
    toy.write(b"*IDN?")
    toy.write(b"*OPC?")
    reply = toy.next_reply()
    assert reply is not None
    assert reply.content == b"1", "the first answer is gone"
    assert error_code(toy) == -410


def test_reading_without_a_query_is_unterminated(toy: Toy) -> None:
    toy.query_unanswered()
    assert error_code(toy) == -420


def test_a_newline_ends_a_message(toy: Toy) -> None:
    """Each line is a message, so the header path starts anew and -410 can happen."""
    toy.write(b"SOUR2:VOLT:HIGH 1\nVOLT:HIGH 2")
    assert toy.volts == {1: 2.0, 2: 1.0}
    toy.write(b"*IDN?\n*OPC?")
    toy.next_reply()
    assert error_code(toy) == -410


def test_status_byte_and_service_request(toy: Toy) -> None:
    """ESB, EAV, MAV and RQS; a serial poll ends the request but not the summary."""
    toy.write(b"*ESE 32;*SRE 32")
    assert toy.status_byte() == 0
    toy.write(b"NOPE")
    assert toy.status_byte() == 0x40 | 0x20 | 0x04
    assert toy.status_byte() == 0x20 | 0x04, "polled once, no new reason"
    assert ask(toy, "*STB?") == str(0x40 | 0x20 | 0x04), "the master summary stays"
    toy.write(b"*CLS;*SRE 16;*IDN?")
    assert toy.status_byte() == 0x40 | 0x10
    toy.next_reply()
    assert toy.status_byte() == 0


def test_operation_register(toy: Toy) -> None:
    toy.status.operation.set_condition(0x20)
    toy.status.operation.set_condition(0)
    toy.write(b"STAT:OPER:ENAB 32")
    assert toy.status_byte() == 0x80
    assert ask(toy, "STAT:OPER:COND?;EVEN?") == "0;32"
    assert ask(toy, "STAT:OPER?") == "0"
    toy.write(b"STAT:PRES")
    assert ask(toy, "STAT:OPER:ENAB?") == "0"


def test_save_recall_reset_trigger(toy: Toy) -> None:
    toy.write(b"VOLT:HIGH 3;*SAV 1;HIGH 4;*TRG")
    assert (toy.volts[1], toy.triggers) == (4.0, 1)
    toy.write(b"*RCL 1")
    assert toy.volts[1] == 3.0
    toy.write(b"*RST")
    assert toy.volts[1] == 0.0
    assert error_code(toy) == 0


def test_min_and_max(toy: Toy) -> None:
    toy.write(b"VOLT:HIGH MAXimum;:SOUR2:VOLT:HIGH min")
    assert toy.volts == {1: 5.0, 2: -5.0}
    toy.write(b"VOLT:HIGH INF")
    assert error_code(toy) == -222


def test_device_clear_empties_the_output(toy: Toy) -> None:
    toy.write(b"*IDN?")
    toy.clear()
    assert not toy.message_available
    assert ask(toy, "*OPC?") == "1"
    assert error_code(toy) == 0


@given(st.binary(max_size=300))
def test_block_round_trip(content: bytes) -> None:
    """Any bytes survive as a definite block, whatever they look like."""
    toy = Toy()
    toy.write(b"DATA " + definite_block(content) + b";:FREQ 7\n")
    assert toy.data == content
    assert toy.frequency == 7.0
    toy.write(b"DATA?")
    reply = toy.next_reply()
    assert reply is not None
    assert reply.content == definite_block(content)


def test_indefinite_block_lasts_to_the_end(toy: Toy) -> None:
    toy.write(b"DATA #0ab;\ncd\n")
    assert toy.data == b"ab;\ncd"


@given(st.binary(max_size=60))
def test_no_input_breaks_the_engine(message: bytes) -> None:
    """Garbage makes errors in the queue and nothing else; the next query works."""
    toy = Toy()
    toy.write(message)
    toy.clear()
    toy.write(b"*CLS")
    assert ask(toy, "*IDN?") == Toy.identity


SCPI_TEXT = st.lists(
    st.sampled_from(
        [
            *("SOUR1", "VOLT", "HIGH", "FREQ", "*IDN", "*RST", "*SAV", "DATA", ":"),
            *(";", ",", " ", "?", "1", "-1e3", "MAX", "#", "#12", "'", '"', "(@1)"),
            *("\n", "mV", "INF", "é", "#H1F", "#0", "(", "NAN", "[", "\x00"),
        ]
    ),
    max_size=14,
).map("".join)


@given(SCPI_TEXT)
def test_nearly_right_input_breaks_nothing(message: str) -> None:
    toy = Toy()
    toy.write(message.encode("latin-1"))
    toy.clear()
    toy.write(b"*CLS")
    assert ask(toy, "*OPC?") == "1"


@given(st.floats(-5, 5, allow_nan=False))
def test_settings_read_back(value: float) -> None:
    """A setting reads back as the ten digits of NR3."""
    toy = Toy()
    toy.write(f"VOLT:HIGH {value!r}".encode())
    assert float(ask(toy, "VOLT:HIGH?")) == float(f"{value:.9E}")


@pytest.mark.parametrize(
    ("argument", "element", "value"),
    [
        (Number(units={"S": 1.0}), "100us", 1e-4),
        (Number(units={"S": 1.0}), "12.5 NS", 1.25e-8),
        (Number(units={"HZ": 1.0}), "2 MHz", 2e6),
        (Number(units={"OHM": 1.0}), "1 MOHM", 1e6),
        (Number(units={"V": 1.0}), "1 MAV", 1e6),
        (Number(units={"RAD": 1.0, "DEG": math.pi / 180}), "180 deg", math.pi),
        (Number(infinite=True), "infinity", math.inf),
        (Number(), "DEFault", Extreme.DEFAULT),
        (Number(), "#HfF", 255.0),
        (Number(), "#q17", 15.0),
        (Number(), "#B101", 5.0),
        (Integer(), "2.5", 3),
        (Integer(), "-2.5", -2),
        (Integer(infinite=True), "INF", math.inf),
        (Quantity(units=("VPP", "VRMS", "DBM", "V")), "100 mVpp", Amount(0.1, "VPP")),
        (Quantity(units=("VPP", "VRMS", "DBM", "V")), "-10DBM", Amount(-10.0, "DBM")),
        (Quantity(units=("VPP", "V")), "2", Amount(2.0, "")),
        (Boolean(), "on", True),
        (Boolean(), "0", False),
        (Boolean(), "-3", True),
        (Boolean(), "0.4", False),
        (Choice("EMEMory[1]", "EMEMory2"), "emem1", "EMEM"),
        (Choice("EMEMory[1]", "EMEMory2"), "EMEMORY2", "EMEM2"),
        (Text(), Quoted("it's"), "it's"),
        (Block(), b"\x00", b"\x00"),
        (ChannelList(), Expression("@1,3:5,2:1"), (1, 3, 4, 5, 2, 1)),
    ],
)
def test_arguments(argument: Argument, element: Element, value: object) -> None:
    read = argument.read(element)
    assert read == pytest.approx(value) if isinstance(value, float) else read == value


@pytest.mark.parametrize(
    ("argument", "element", "code"),
    [
        (Number(), "1 V", -138),
        (Boolean(), "maybe", -104),
        (Boolean(), "1 V", -138),
        (Choice("ON"), "OFF", -224),
        (Choice("ON"), Quoted("ON"), -104),
        (Text(), "plain", -104),
        (ChannelList(), Expression("1,2"), -171),
        (ChannelList(), Expression("@x"), -171),
        (ChannelList(), Expression("@1:999999999"), -222),
    ],
)
def test_wrong_arguments(argument: Argument, element: Element, code: int) -> None:
    with pytest.raises(ScpiError) as caught:
        argument.read(element)
    assert caught.value.code == code


def test_doubled_quotes_stand_for_one() -> None:
    (unit,) = read_units("TEXT 'it''s','a;b'")
    assert unit.elements == (Quoted("it's"), Quoted("a;b"))


def test_a_header_that_the_tree_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="not a command header"):
        CommandTree([Command("voltage")])
