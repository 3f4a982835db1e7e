"""The FLEX language: messages, commands, numbers.

A message holds commands that are separated by ``;`` or line feeds. A command is a
header (letters, perhaps with ``*`` or ``?``) and numbers separated by commas; spaces
mean nothing.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, p. 1-22 to 1-24 (command input
format).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends.agilent_b1500a import errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HEADER = re.compile(r"\s*(\*?[A-Za-z]+\??)\s*")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?\Z")
_VARIABLE = re.compile(r"%([IR])(\d+)\Z")  # %I1, %R1: variables of VAR
_SEPARATORS = re.compile(r"[;\n]")
_INTEGER_VARIABLE = "I"
_HUGE = 1e6  # beyond every number of a channel

Variables = dict[tuple[int, int], float]


class Unit(NamedTuple):
    """One command as it was written.

    Attributes
    ----------
    header : str
        In capitals.
    words : tuple of str
        Its numbers, not yet converted.
    """

    header: str
    words: tuple[str, ...]

    def text(self) -> str:
        """Return the command as a program listing shows it."""
        return self.header + ",".join(self.words)


class Arguments:
    """The numbers of one command.

    Parameters
    ----------
    values : tuple of float
        In the order in which they were written.
    """

    def __init__(self, values: tuple[float, ...]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def real(
        self,
        index: int,
        low: float = -math.inf,
        high: float = math.inf,
        default: float | None = None,
    ) -> float:
        """Return a number between `low` and `high`; error 120 if it is not."""
        if index >= len(self.values) and default is not None:
            return default
        value = self.values[index]
        if not low <= value <= high:
            raise FlexError(errors.PARAMETER)
        return value

    def whole(self, index: int, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number between `low` and `high`; error 120 if it is not."""
        if index >= len(self.values) and default is not None:
            return default
        value = self.values[index]
        if not low <= value <= high or value != math.floor(value):
            raise FlexError(errors.PARAMETER)
        return int(value)

    def one_of(
        self, index: int, allowed: tuple[int, ...], default: int | None = None
    ) -> int:
        """Return one of some whole numbers; error 120 if it is another."""
        if index >= len(self.values) and default is not None:
            return default
        value = self.values[index]
        if value not in allowed:
            raise FlexError(errors.PARAMETER)
        return int(value)

    def optional(self, index: int) -> float | None:
        """Return a number, or None where none was written."""
        return self.values[index] if index < len(self.values) else None

    def channels(self, begin: int = 0) -> tuple[int, ...]:
        """Return the channel numbers from `begin` on; error 121 if one is none."""
        return tuple(self.channel(index) for index in range(begin, len(self.values)))

    def channel(self, index: int) -> int:
        """Return a channel number as ``slot`` or ``slot01``, ``slot02``."""
        value = self.values[index]
        number = int(value) if abs(value) < _HUGE and value % 1 == 0 else 0
        slot, sub = divmod(number, 100) if number > 100 else (number, 1)  # noqa: PLR2004  slot and subchannel
        if not (1 <= slot <= 10 and sub in (1, 2)):  # noqa: PLR2004  slots, subchannels
            raise FlexError(errors.CHANNEL)
        return number if sub == 2 else slot  # noqa: PLR2004  channel 501 is channel 5


class Command(NamedTuple):
    """What a header stands for.

    Attributes
    ----------
    run : callable
        Takes the arguments; returns the answer of a query, else None.
    least, most : int
        How many numbers it takes.
    """

    run: Callable[[Arguments], str | None]
    least: int = 0
    most: int = 0


def split_message(message: bytes) -> list[str]:
    """Return the commands of a message; empty ones are left out."""
    parts = _SEPARATORS.split(message.decode("latin-1").replace("\r", ""))
    return [part for part in parts if part.strip()]


def parse_unit(text: str, commands: Mapping[str, Command]) -> Unit:
    """Split a command into header and numbers and check its form.

    Raises
    ------
    FlexError
        100 if there is no such command, 103 for a wrong count of numbers, 102 for
        something that is no number.
    """
    match = _HEADER.match(text)
    header = match[1].upper() if match else ""
    if match is None or header not in commands:
        raise FlexError(errors.UNDEFINED_COMMAND)
    rest = text[match.end() :].replace(" ", "")
    words = tuple(rest.split(",")) if rest else ()
    command = commands[header]
    if not command.least <= len(words) <= command.most:
        raise FlexError(errors.TERMINATOR)
    if not all(_NUMBER.match(word) or _VARIABLE.match(word) for word in words):
        raise FlexError(errors.NUMBER_SYNTAX)
    return Unit(header, words)


def convert(unit: Unit, variables: Variables) -> Arguments:
    """Turn the words of a command into numbers; variables get their present value."""
    return Arguments(tuple(_value(word, variables) for word in unit.words))


def _value(word: str, variables: Variables) -> float:
    match = _VARIABLE.match(word)
    if match is None:
        return float(word)
    kind = 0 if match[1] == _INTEGER_VARIABLE else 1
    return variables.get((kind, int(match[2])), 0.0)


def show(value: float) -> str:
    """Return a number as the learn query shows it, such as ``+100.000E-06``.

    Examples
    --------
    >>> show(1e-4), show(0.0), show(-12.5)
    ('+100.000E-06', '+00.0000E+00', '-12.5000E+00')
    """
    return "+00.0000E+00" if value == 0.0 else engineering(value, 6)


def engineering(value: float, digits: int) -> str:
    """Return a number with an exponent that is a multiple of three.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        Digits of the mantissa, the point not counted.

    Examples
    --------
    >>> engineering(-1.23456e-7, 6), engineering(0.99999999, 6)
    ('-123.456E-09', '+1.00000E+00')
    """
    exponent = 0
    if value:
        # Rounded to its digits first: 999.9999 is 1.00000E+03.
        value = float(f"{value:.{digits - 1}e}")
        exponent = 3 * math.floor(math.floor(math.log10(abs(value)) + 1e-12) / 3)
    mantissa = value / 10.0**exponent
    ahead = 1 if abs(mantissa) < 9.9999999 else 2 if abs(mantissa) < 99.999999 else 3  # noqa: PLR2004  digits before the point
    return f"{mantissa:+.{digits - ahead}f}E{exponent:+03d}"
