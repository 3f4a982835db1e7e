"""Messages, streams, blocks and quantities that no well-behaved client sends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from labneuro import units
from labneuro.instruments.agilent_b1500a_data import decode_timed_currents
from labneuro.instruments.keysight_msox3000_waveforms import Preamble
from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A
from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keithley_2600.instrument import Keithley2636B
from labneuro.sim_backends.scpi.syntax import ScpiError, definite_block, read_units
from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000
from labneuro.sim_backends.visa.framing import split_messages
from labneuro.sim_backends.wiring import Circuit
from tests.torture.judging import (
    READ,
    REFUSED,
    Work,
    WrongOutcomeError,
    refusing,
)


def _surroundings() -> Surroundings:
    clock = VirtualClock()
    return Surroundings(clock, Circuit(clock, []), np.random.default_rng(0))


class Instruments:
    """Instruments that take any message and go on."""

    def __init__(self) -> None:
        self._afg = TektronixAfg31000("afg", _surroundings())
        self._b1500 = AgilentB1500A("b1500", _surroundings())
        self._smu = Keithley2636B("smu", _surroundings())

    def scpi(self, message: bytes) -> str:
        """Send a message to a SCPI instrument; errors go into its queue."""
        return self._send(self._afg, message, b"*CLS;*IDN?", b"TEKTRONIX")

    def flex(self, message: bytes) -> str:
        """Send a message to a B1500A."""
        return self._send(self._b1500, message, b"*IDN?", b"B1500A")

    def tsp(self, message: bytes) -> str:
        """Send a message to a TSP instrument."""
        return self._send(self._smu, message, b"*IDN?", b"2636B")

    def _send(self, it: Any, message: bytes, question: bytes, identity: bytes) -> str:
        with Work():
            it.write(message)
            it.wait_idle(30.0)
        it.clear()
        errors = self._errors(it)
        it.write(question)
        it.wait_idle(30.0)
        replies = []
        while (reply := it.next_reply()) is not None:
            replies.append(reply.content)
        if not any(identity in one for one in replies):
            raise WrongOutcomeError(f"it does not answer any more: {replies!r}")
        return REFUSED if errors else READ

    @staticmethod
    def _errors(it: Any) -> bool:
        queue = getattr(it, "errors", None)
        if queue is not None and hasattr(queue, "clear"):
            found = len(queue) > 0
            queue.clear()
            return found
        if isinstance(it, AgilentB1500A):
            it.write(b"ERRX?")
            reply = it.next_reply()
            return reply is None or not reply.content.startswith(b"+0,")
        return bool(it.status_byte() & 0x04)


def syntax(message: str) -> str:
    """Cut a SCPI message: what is read, written again, is read the same."""
    try:
        with Work():
            found = list(read_units(message))
    except ScpiError:
        return REFUSED
    for unit in found:
        if unit.header != unit.header.upper() or not unit.header.strip(":*"):
            raise WrongOutcomeError(f"header {unit.header!r}")
    return READ


def framing(parts: list[tuple[bytes, bool]]) -> str:
    """Cut a stream of lines and blocks; the blocks must come out whole."""
    stream, expected = b"", []
    for content, is_block in parts:
        message = b"D " + definite_block(content) if is_block else b"*CLS"
        stream += message + b"\n"
        expected.append(message)
    with Work():
        messages, rest = split_messages(stream)
    if messages != expected or rest:
        raise WrongOutcomeError(f"{messages!r} in place of {expected!r}")
    return READ


def any_stream(stream: bytes) -> str:
    """Cut any bytes; nothing but line ends may get lost."""
    with Work():
        messages, rest = split_messages(stream)
    kept = b"".join(messages) + rest
    for byte in set(stream) - {10, 13}:
        if kept.count(byte) != stream.count(byte):
            raise WrongOutcomeError(f"byte {byte} got lost")
    return READ


def timed_currents(content: bytes) -> str:
    """Decode a B1500A's block; what is decoded equals a decoding number by number."""
    try:
        found = decode_timed_currents(content)
    except ValueError:
        return REFUSED
    for index, current in enumerate(found.current):
        pair = content[16 * index : 16 * index + 16]
        time = int.from_bytes(pair[1:7], "big") * 1e-6
        count = int.from_bytes(pair[10:14], "big", signed=True)
        lost = pair[14] & 0x41 or count == -(2**31)
        expected = math.nan if lost else count * 10.0 ** (pair[9] - 20) / 1e6
        right = math.isclose(current, expected, rel_tol=1e-12) or (
            math.isnan(current) and math.isnan(expected)
        )
        if not right or not math.isclose(found.time[index], time, rel_tol=1e-12):
            raise WrongOutcomeError(f"{pair!r}: {found.time[index]} s, {current} A")
    return READ


def preamble(reply: str) -> str:
    """Read an oscilloscope's preamble: ten numbers, or a refusal."""

    def read() -> str:
        found = Preamble.read(reply)
        words = [float(word) for word in reply.split(",")]
        if [float(one) for one in vars(found).values()] != words:
            raise WrongOutcomeError(f"{found} of {reply!r}")
        return READ

    return refusing(read)


_PAIR = st.builds(
    lambda time, range_code, current, tail: (
        bytes([3]) + time + bytes([0, 129, range_code]) + current + tail
    ),
    st.binary(min_size=6, max_size=6),
    st.integers(8, 22),
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=2, max_size=2),
)
TIMED_BLOCKS = st.lists(_PAIR, max_size=6).map(b"".join) | st.binary(max_size=64)
PREAMBLES = st.lists(
    st.sampled_from(["+0", "+1", "+1000", "1E-6", "-5.0E-04", "nan", "1e999", "x", ""]),
    min_size=10,
    max_size=10,
).map(",".join)


PREFIX = {"": 1.0, "m": 1e-3, "u": 1e-6, "k": 1e3, "M": 1e6, "n": 1e-9}


def quantity(parts: tuple[str, str, str]) -> str:
    """Parse a quantity; where it is one, Python's own float agrees."""
    number, prefix, rest = parts

    def read() -> str:
        value = units.parse(f"{number} {prefix}V{rest}", "V")
        if rest:
            if not math.isfinite(value):
                raise WrongOutcomeError(f"{parts}: {value}")
            return READ
        expected = float(number) * PREFIX[prefix]
        if not math.isclose(value, expected, rel_tol=1e-12, abs_tol=1e-320):
            raise WrongOutcomeError(f"{parts}: {value} and not {expected}")
        return READ

    return refusing(read)


SCPI_WORDS = st.lists(
    st.sampled_from(
        [
            *("SOUR1", "SOUR3", "VOLT", "HIGH", "FREQ", "*IDN", "*RST", "*SAV", "DATA"),
            *(":", ";", ",", " ", "?", "1", "-1e3", "1e999", "MAX", "#", "#12", "#0"),
            *("'", '"', "(@1)", "\n", "mV", "INF", "é", "#H1F", "(", "NAN", "\x00"),
            *("OUTP1", "ON", "BURS", "STAT", "TRAC", "EMEM", "#9999999999", "SYST:ERR"),
            "A" * 10_000,
        ]
    ),
    max_size=14,
).map("".join)
FLEX_WORDS = st.lists(
    st.sampled_from(
        [
            *("CN", "CL", "DV", "DI", "TI", "TV", "XE", "MM", "WV", "*RST", "*IDN?"),
            *("ERRX?", "FMT", "AV", "ST", "END", "DO", "1", "2", "5", "-1E3", "1E400"),
            *(",", ",,", ";", "\n", " ", "%I1", "%", "é", "*", "?", "9" * 400, "."),
        ]
    ),
    max_size=14,
).map("".join)
TSP_WORDS = st.lists(
    st.sampled_from(
        [
            *("smua", ".", "source", "levelv", "=", "1", "(", ")", "print", "{", "}"),
            *("function", "end", "if", "then", "nil", "'", '"', "[[", "]]", "--", "\n"),
            *("loadscript a", "endscript", "*IDN?", "*", "abort", "..", "1e999", "é"),
            *("for i=1,3 do", "local x", "return", "\x00", "\x1bLua", "~=", "..."),
            "x = '" + "a" * 50_000 + "'",
        ]
    ),
    max_size=12,
).map(" ".join)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.from_regex(r"[+-]?\d{0,4}\.?\d{0,4}([eE][+-]?\d{1,4})?", fullmatch=True),
    st.text(max_size=6),
    st.sampled_from(["1,5", "1 000", "1_000", "0x10", "\u0661", "²", "∞", "1e", "--1"]),
)
