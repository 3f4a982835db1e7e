"""The syntax of SCPI program messages: units, headers and program data.

A message is cut into units without knowing any command: a header and its program data
elements. What an element means is the business of
:mod:`labneuro.sim_backends.scpi.arguments`.

References
----------
IEEE Std 488.2-1992, section 7 (device listening formats); SCPI-99 volume 1, chapters 6
and 7, and volume 2, section 21.8 (error numbers).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from labneuro.errors import InstrumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

SYNTAX_ERROR = -102
INVALID_SEPARATOR = -103
DATA_TYPE_ERROR = -104
PARAMETER_NOT_ALLOWED = -108
MISSING_PARAMETER = -109
UNDEFINED_HEADER = -113
HEADER_SUFFIX_OUT_OF_RANGE = -114
INVALID_CHARACTER_IN_NUMBER = -121
INVALID_SUFFIX = -131
SUFFIX_NOT_ALLOWED = -138
INVALID_STRING_DATA = -151
INVALID_BLOCK_DATA = -161
INVALID_EXPRESSION = -171
PARAMETER_ERROR = -220
SETTINGS_CONFLICT = -221
DATA_OUT_OF_RANGE = -222
TOO_MUCH_DATA = -223
ILLEGAL_PARAMETER_VALUE = -224
HARDWARE_ERROR = -240
QUEUE_OVERFLOW = -350
QUERY_INTERRUPTED = -410
QUERY_UNTERMINATED = -420

# SCPI-99 volume 2, section 21.8.
ERROR_TEXTS = {
    SYNTAX_ERROR: "Syntax error",
    INVALID_SEPARATOR: "Invalid separator",
    DATA_TYPE_ERROR: "Data type error",
    PARAMETER_NOT_ALLOWED: "Parameter not allowed",
    MISSING_PARAMETER: "Missing parameter",
    UNDEFINED_HEADER: "Undefined header",
    HEADER_SUFFIX_OUT_OF_RANGE: "Header suffix out of range",
    INVALID_CHARACTER_IN_NUMBER: "Invalid character in number",
    INVALID_SUFFIX: "Invalid suffix",
    SUFFIX_NOT_ALLOWED: "Suffix not allowed",
    INVALID_STRING_DATA: "Invalid string data",
    INVALID_BLOCK_DATA: "Invalid block data",
    INVALID_EXPRESSION: "Invalid expression",
    PARAMETER_ERROR: "Parameter error",
    SETTINGS_CONFLICT: "Settings conflict",
    DATA_OUT_OF_RANGE: "Data out of range",
    TOO_MUCH_DATA: "Too much data",
    ILLEGAL_PARAMETER_VALUE: "Illegal parameter value",
    HARDWARE_ERROR: "Hardware error",
    QUEUE_OVERFLOW: "Queue overflow",
    QUERY_INTERRUPTED: "Query INTERRUPTED",
    QUERY_UNTERMINATED: "Query UNTERMINATED",
}


class ScpiError(InstrumentError):
    """An error that goes to the instrument's error queue, never to the client.

    Parameters
    ----------
    code : int
        SCPI error number, such as -222.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"SCPI error {code}")
        self.code = code

    @property
    def is_command_error(self) -> bool:
        """Whether the message itself was wrong, so that the rest of it is lost."""
        return -200 < self.code <= -100  # noqa: PLR2004  the class of SCPI-99


class Quoted(str):
    """String program data, without its quotes."""

    __slots__ = ()


class Expression(str):
    """Expression program data, without its parentheses."""

    __slots__ = ()


Element = str | bytes
"""One program data element: plain text, :class:`Quoted`, :class:`Expression`, block."""


class Unit(NamedTuple):
    """One program message unit.

    Attributes
    ----------
    header : str
        As sent, in capitals, without question mark.
    is_query : bool
        Whether the header ended in a question mark.
    elements : tuple of Element
        The program data.
    ends_message : bool
        Whether a terminator, and not a semicolon, followed.
    """

    header: str
    is_query: bool
    elements: tuple[Element, ...]
    ends_message: bool


_BLANKS = re.compile(r"[\x00-\x09\x0b-\x20]*")
_HEADER = re.compile(r"(\*[A-Za-z]+|:?[A-Za-z]\w*(?::[A-Za-z]\w*)*)(\?)?", re.ASCII)
_PLAIN = re.compile(r"[^,;\n\"'()]+")
_BLOCK = re.compile(r"#([1-9])")


def read_units(text: str) -> Iterator[Unit]:
    """Cut a message into its units.

    Parameters
    ----------
    text : str
        What the client sent, bytes as Latin-1; it may hold several messages.

    Yields
    ------
    Unit
        The units in order; empty units are left out.

    Raises
    ------
    ScpiError
        At the first place that breaks the syntax, after the units before it.

    Examples
    --------
    >>> [unit.header for unit in read_units("*CLS;:SOUR1:VOLT 1 V;FREQ?")]
    ['*CLS', ':SOUR1:VOLT', 'FREQ']
    """
    position = 0
    while position < len(text):
        position = _skip_blanks(text, position)
        if position < len(text) and text[position] in ";\n":
            position += 1
            continue
        if position == len(text):
            return
        header, is_query, position = _read_header(text, position)
        elements, position = _read_elements(text, position)
        ends = position >= len(text) or text[position] == "\n"
        yield Unit(header, is_query, elements, ends)
        position += 1


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _read_header(text: str, position: int) -> tuple[str, bool, int]:
    match = _HEADER.match(text, position)
    if match is None:
        raise ScpiError(SYNTAX_ERROR)
    end = match.end()
    if end < len(text) and not (text[end] in ";\n" or _skip_blanks(text, end) > end):
        raise ScpiError(SYNTAX_ERROR)
    return match.group(1).upper(), match.group(2) is not None, end


def _read_elements(text: str, position: int) -> tuple[tuple[Element, ...], int]:
    """Read elements up to the separator that ends the unit; return its place too."""
    position = _skip_blanks(text, position)
    elements: list[Element] = []
    while position < len(text) and text[position] not in ";\n":
        element, position = _read_element(text, position)
        elements.append(element)
        position = _skip_blanks(text, position)
        if position >= len(text) or text[position] in ";\n":
            break
        if text[position] != ",":
            raise ScpiError(INVALID_SEPARATOR)
        position = _skip_blanks(text, position + 1)
        if position >= len(text) or text[position] in ";\n":
            raise ScpiError(SYNTAX_ERROR)
    return tuple(elements), position


def _read_element(text: str, position: int) -> tuple[Element, int]:
    first = text[position]
    if first in "\"'":
        return _read_string(text, position)
    if first == "(":
        return _read_expression(text, position)
    if text.startswith("#0", position):
        return _read_indefinite_block(text, position)
    if _BLOCK.match(text, position):
        return _read_definite_block(text, position)
    match = _PLAIN.match(text, position)
    if match is None:
        raise ScpiError(SYNTAX_ERROR)
    return match.group().strip(), match.end()


def _read_string(text: str, position: int) -> tuple[Quoted, int]:
    quote, begin, parts = text[position], position + 1, ""
    while True:
        end = text.find(quote, begin)
        if end < 0:
            raise ScpiError(INVALID_STRING_DATA)
        parts += text[begin:end]
        if not text.startswith(quote, end + 1):
            return Quoted(parts), end + 1
        parts += quote  # a doubled quote stands for itself
        begin = end + 2


def _read_expression(text: str, position: int) -> tuple[Expression, int]:
    end = text.find(")", position)
    if end < 0:
        raise ScpiError(INVALID_EXPRESSION)
    return Expression(text[position + 1 : end]), end + 1


def _read_indefinite_block(text: str, position: int) -> tuple[bytes, int]:
    """Read ``#0`` data, which last until the END of the message."""
    end = len(text) - text.endswith("\n")
    return text[position + 2 : end].encode("latin-1"), len(text)


def _read_definite_block(text: str, position: int) -> tuple[bytes, int]:
    begin = position + 2 + int(text[position + 1])
    digits = text[position + 2 : begin]
    if not (digits.isascii() and digits.isdigit()):
        raise ScpiError(INVALID_BLOCK_DATA)
    end = begin + int(digits)
    if end > len(text):
        raise ScpiError(INVALID_BLOCK_DATA)
    return text[begin:end].encode("latin-1"), end


def definite_block(content: bytes) -> bytes:
    r"""Write bytes as a definite-length arbitrary block.

    Examples
    --------
    >>> definite_block(b"\x00\n;")
    b'#13\x00\n;'
    """
    digits = str(len(content)).encode()
    return b"#%d%s%s" % (len(digits), digits, content)
