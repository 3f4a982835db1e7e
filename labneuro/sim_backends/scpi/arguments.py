"""What SCPI commands may ask for: numbers with units, choices, strings, blocks.

An argument turns one program data element into a value or raises the error that SCPI
has for what is wrong with it. Reading never depends on the instrument's state, so a
message is read once and remembered.

References
----------
SCPI-99 volume 1, chapter 7 (parameters); IEEE Std 488.2-1992, section 7.7.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.syntax import Expression, Quoted, ScpiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labneuro.sim_backends.scpi.syntax import Element


class Extreme(Enum):
    """A number that the instrument itself knows."""

    MINIMUM = "MIN"
    MAXIMUM = "MAX"
    DEFAULT = "DEF"


class Amount(NamedTuple):
    """A number as typed and the suffix that it carried, in capitals."""

    value: float
    suffix: str


_NUMBER = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:\s*[Ee]\s*[+-]?\d+)?)\s*([A-Za-z%]*)", re.ASCII
)
_NON_DECIMAL = re.compile(r"#(?:[Hh]([0-9A-Fa-f]+)|[Qq]([0-7]+)|[Bb]([01]+))")
_MNEMONIC = re.compile(r"([A-Z]+)([a-z]*)(\d*)(?:\[(\d+)\])?")
_MULTIPLIERS = {
    "EX": 1e18,
    "PE": 1e15,
    "T": 1e12,
    "G": 1e9,
    "MA": 1e6,
    "K": 1e3,
    "": 1.0,
    "M": 1e-3,
    "U": 1e-6,
    "N": 1e-9,
    "P": 1e-12,
    "F": 1e-15,
    "A": 1e-18,
}
_MEGA_UNITS = ("HZ", "OHM")  # SCPI-99 1:7.2: MHZ and MOHM are mega
_MOST_DIGITS = 255  # IEEE 488.2 7.7.2.4
_LONGEST_LIST = 10_000
_EXTREMES = {
    "MIN": Extreme.MINIMUM,
    "MINIMUM": Extreme.MINIMUM,
    "MAX": Extreme.MAXIMUM,
    "MAXIMUM": Extreme.MAXIMUM,
    "DEF": Extreme.DEFAULT,
    "DEFAULT": Extreme.DEFAULT,
}
_INFINITE = {"INF": math.inf, "INFINITY": math.inf, "NINF": -math.inf}


@dataclass(frozen=True)
class Argument(ABC):
    """One parameter of a command."""

    optional: bool = field(default=False, kw_only=True)

    @abstractmethod
    def read(self, element: Element) -> object:
        """Return the value of a program data element.

        Raises
        ------
        ScpiError
            With the number that SCPI has for the fault.
        """


def _plain(element: Element) -> str:
    if isinstance(element, bytes | Quoted | Expression):
        raise ScpiError(syntax.DATA_TYPE_ERROR)
    return element


def read_number(text: str) -> Amount:
    """Read a decimal or ``#H``, ``#Q``, ``#B`` number and its suffix.

    Raises
    ------
    ScpiError
        If the text is no number or too large for one.
    """
    match = _NON_DECIMAL.fullmatch(text)
    if match:
        digits = match.group(match.lastindex or 0)
        base = (16, 8, 2)[(match.lastindex or 1) - 1]
        if len(digits) > _MOST_DIGITS:
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
        return Amount(float(int(digits, base)), "")
    match = _NUMBER.fullmatch(text)
    if match is None:
        known = text[:1].isdigit() or text[:1] in "+-."
        raise ScpiError(
            syntax.INVALID_CHARACTER_IN_NUMBER if known else syntax.DATA_TYPE_ERROR
        )
    value = float(re.sub(r"\s", "", match.group(1)))
    if math.isinf(value):
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    return Amount(value, match.group(2).upper())


def scale(suffix: str, units: Mapping[str, float]) -> float:
    """Return the factor of a suffix such as ``MV`` or ``KHZ``.

    Parameters
    ----------
    suffix : str
        In capitals; ``""`` means the first unit.
    units : dict of str to float
        Units and what each is worth in the unit wanted.

    Raises
    ------
    ScpiError
        If the suffix is no multiple of a known unit.

    Examples
    --------
    >>> scale("US", {"S": 1.0}), scale("MHZ", {"HZ": 1.0}), scale("MV", {"V": 1.0})
    (1e-06, 1000000.0, 0.001)
    """
    if not suffix:
        return next(iter(units.values()), 1.0)
    if not units:
        raise ScpiError(syntax.SUFFIX_NOT_ALLOWED)
    for unit, worth in units.items():
        prefix = suffix.removesuffix(unit)
        if prefix != suffix and prefix in _MULTIPLIERS:
            mega = prefix == "M" and unit in _MEGA_UNITS
            return worth * (1e6 if mega else _MULTIPLIERS[prefix])
    raise ScpiError(syntax.INVALID_SUFFIX)


@dataclass(frozen=True)
class Number(Argument):
    """A number; reads as a float in the first unit, or as an :class:`Extreme`.

    Attributes
    ----------
    units : dict of str to float
        Accepted units (in capitals) and their worth in the unit of the result.
    extremes : bool
        Whether ``MIN``, ``MAX`` and ``DEF`` are accepted.
    infinite : bool
        Whether ``INFinity`` is accepted.
    """

    units: Mapping[str, float] = field(default_factory=dict)
    extremes: bool = True
    infinite: bool = False

    def read(self, element: Element) -> float | Extreme:
        """Return the number, in the unit of the result."""
        text = _plain(element)
        word = text.upper()
        if self.extremes and word in _EXTREMES:
            return _EXTREMES[word]
        if self.infinite and word in _INFINITE:
            return _INFINITE[word]
        amount = read_number(text)
        factor = scale(amount.suffix, self.units)
        # Dividing by the inverse keeps 100 us the float nearest to 1e-4.
        small = 0.0 < factor < 1.0 and (1.0 / factor).is_integer()
        return amount.value / (1.0 / factor) if small else amount.value * factor


@dataclass(frozen=True)
class Integer(Number):
    """A number that is rounded to the nearest integer."""

    def read(self, element: Element) -> float | Extreme:
        """Return the rounded number (an ``int`` unless infinite or extreme)."""
        value = super().read(element)
        if isinstance(value, Extreme) or math.isinf(value):
            return value
        return math.floor(value + 0.5)


@dataclass(frozen=True)
class Quantity(Argument):
    """A number whose suffix the instrument itself interprets.

    Attributes
    ----------
    units : tuple of str
        Accepted units in capitals, with multipliers.
    """

    units: tuple[str, ...] = ()

    def read(self, element: Element) -> Amount | Extreme:
        """Return the number in the unit named by its suffix, and that unit."""
        text = _plain(element)
        if text.upper() in _EXTREMES:
            return _EXTREMES[text.upper()]
        amount = read_number(text)
        if not amount.suffix:
            return amount
        # The longest unit first: VPP also ends in P, DBM in M.
        for unit in sorted(self.units, key=len, reverse=True):
            if amount.suffix.endswith(unit):
                factor = scale(amount.suffix, {unit: 1.0})
                return Amount(amount.value * factor, unit)
        raise ScpiError(syntax.INVALID_SUFFIX)


@dataclass(frozen=True)
class Boolean(Argument):
    """``ON``, ``OFF`` or a number, of which only 0 means off."""

    def read(self, element: Element) -> bool:
        """Return the truth value."""
        text = _plain(element).upper()
        if text in ("ON", "OFF"):
            return text == "ON"
        amount = read_number(text)
        if amount.suffix:
            raise ScpiError(syntax.SUFFIX_NOT_ALLOWED)
        return abs(amount.value) >= 0.5  # noqa: PLR2004  rounds to non-zero, SCPI-99 7.3


class Choice(Argument):
    """One word of several; reads as its short form in capitals.

    Parameters
    ----------
    options : str
        Long forms with the short form in capitals: ``"SINusoid"``. A number may follow
        (``"USER2"``), in brackets if it may be left out (``"USER[1]"``).

    Examples
    --------
    >>> choice = Choice("SINusoid", "USER[1]", "USER2")
    >>> choice.read("sinusoid"), choice.read("USER1"), choice.read("user2")
    ('SIN', 'USER', 'USER2')
    """

    def __init__(self, *options: str, optional: bool = False) -> None:
        super().__init__(optional=optional)
        words: dict[str, str] = {}
        for option in options:
            match = _MNEMONIC.fullmatch(option)
            if match is None:
                raise ValueError(f"{option!r} is not the long form of a mnemonic")
            short, rest, number, implied = match.groups()
            answer = short + number
            for form in (short, short + rest.upper()):
                words[form + number] = answer
                if implied:
                    words[form + implied] = answer
        object.__setattr__(self, "words", words)

    words: Mapping[str, str]

    def read(self, element: Element) -> str:
        """Return the short form of the word."""
        word = _plain(element).upper()
        if word not in self.words:
            raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)
        return self.words[word]


@dataclass(frozen=True)
class Text(Argument):
    """String program data."""

    def read(self, element: Element) -> str:
        """Return the string without its quotes."""
        if not isinstance(element, Quoted):
            raise ScpiError(syntax.DATA_TYPE_ERROR)
        return str(element)


@dataclass(frozen=True)
class Block(Argument):
    """Arbitrary block program data."""

    def read(self, element: Element) -> bytes:
        """Return the bytes of the block."""
        if not isinstance(element, bytes):
            raise ScpiError(syntax.DATA_TYPE_ERROR)
        return element


@dataclass(frozen=True)
class ChannelList(Argument):
    """A channel list such as ``(@1,3:5)``."""

    def read(self, element: Element) -> tuple[int, ...]:
        """Return the channels, ranges spelt out."""
        if not isinstance(element, Expression) or not element.startswith("@"):
            raise ScpiError(syntax.INVALID_EXPRESSION)
        channels: list[int] = []
        for part in element[1:].split(","):
            first, _, last = part.partition(":")
            begin, end = _channel(first), _channel(last or first)
            step = 1 if end >= begin else -1
            if abs(end - begin) + len(channels) >= _LONGEST_LIST:
                raise ScpiError(syntax.DATA_OUT_OF_RANGE)
            channels.extend(range(begin, end + step, step))
        return tuple(channels)


def _channel(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):  # noqa: PLR2004
        raise ScpiError(syntax.INVALID_EXPRESSION)
    return int(digits)
