"""Measurement data and the forms in which the B1500A puts them out (``FMT``).

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, p. 1-25 to 1-53 (data output
format).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends.agilent_b1500a.datasheet import current_range
from labneuro.sim_backends.agilent_b1500a.flex import engineering

if TYPE_CHECKING:
    from collections.abc import Iterable

INVALID = 199.999e99  # "no meaning", p. 1-33
NORMAL, OTHER_COMPLIANCE, COMPLIANCE, OVERFLOW = "N", "T", "C", "V"
INTERMEDIATE, LAST = "W", "E"
VOLTAGE, CURRENT, TIME, INDEX = "V", "I", "T", "X"
MISCELLANEOUS = 0  # channel of data that belong to none, letter Z

ASCII_FORMATS = (1, 2, 5, 11, 12, 15, 21, 22, 25)
BINARY_FORMATS = (3, 4, 13, 14)
FORMATS = (*ASCII_FORMATS, *BINARY_FORMATS)
SHORT_BINARY = (3, 4)
_WITHOUT_HEADER = (2, 12, 22)
_COMMA_END = (5, 15, 25)
_END_ONLY = (4, 14)  # no CR LF after the data
_SHORT_NUMBERS = (1, 2, 5)
_NUMBERED_STATUS = (21, 25)
_DIGITS, _MORE_DIGITS = 6, 7  # of the mantissa in 12 and 13 characters
_SUBCHANNEL = 100

# Status as bits of 8-byte data and FMT21, as a number in 4-byte data (p. 1-46, 1-52).
_BITS = {NORMAL: 0, OVERFLOW: 1, OTHER_COMPLIANCE: 4, COMPLIANCE: 8}
_NUMBERS = {NORMAL: 0, OVERFLOW: 1, OTHER_COMPLIANCE: 3, COMPLIANCE: 4}
_SOURCE_STATUS = {INTERMEDIATE: 1, LAST: 2}
_NO_DATA_BIT = 64
_PARAMETERS = {VOLTAGE: 0, CURRENT: 1, TIME: 3, INDEX: 6}  # index: not found, chosen
_VOLTS = {8: 0.5, 9: 5.0, 11: 2.0, 12: 20.0, 13: 40.0, 14: 100.0, 15: 200.0}
_COUNTS = {True: 20_000, False: 50_000}  # 4 bytes: source and measurement, p. 1-43
_FINE_COUNTS = 1_000_000  # 8 bytes, p. 1-37
_MICROSECONDS = 1e6


class Element(NamedTuple):
    """One datum.

    Attributes
    ----------
    status : str
        Letter of its status.
    channel : int
        Channel number, 0 for none.
    kind : str
        ``V``, ``I``, ``T`` (time) or ``X`` (sampling index).
    value : float
        In V, A or s.
    range_code : int
        Range in binary data: 10^(code - 20) A, or the code of a voltage range.
    source : bool
        Whether it is what the source was set to.
    fine : bool
        Whether the high-resolution converter took it.
    """

    status: str
    channel: int
    kind: str
    value: float
    range_code: int = 0
    source: bool = False
    fine: bool = False


def channel_letter(channel: int) -> str:
    """Return the letter of a channel: A to J, a to j for a second subchannel, Z.

    Examples
    --------
    >>> channel_letter(1), channel_letter(502), channel_letter(0)
    ('A', 'e', 'Z')
    """
    if channel == MISCELLANEOUS:
        return "Z"
    if channel > _SUBCHANNEL:
        return chr(ord("a") + channel // _SUBCHANNEL - 1)
    return chr(ord("A") + channel - 1)


def encode(elements: Iterable[Element], form: int) -> bytes:
    """Return data as the instrument sends them, but for the last line feed.

    Parameters
    ----------
    elements : iterable of Element
        What one measurement gave.
    form : int
        Format of ``FMT``.
    """
    if form in BINARY_FORMATS:
        pack = _short_binary if form in SHORT_BINARY else _long_binary
        data = b"".join(pack(element) for element in elements)
        return data if form in _END_ONLY else data + b"\r"
    text = ",".join(_text(element, form) for element in elements).encode("ascii")
    return text + (b"," if form in _COMMA_END else b"\r")


def _text(element: Element, form: int) -> str:
    digits = _DIGITS if form in _SHORT_NUMBERS else _MORE_DIGITS
    number = _number(element.value, digits)
    if form in _WITHOUT_HEADER:
        return number
    letter = channel_letter(element.channel)
    if form in _NUMBERED_STATUS:
        kind = element.kind.lower() if element.source else element.kind
        return f"{_numbered(element):03d}{letter}{kind}{number}"
    return f"{element.status}{letter}{element.kind}{number}"


def _number(value: float, digits: int) -> str:
    if value == INVALID:
        return f"+{199.999:.{digits - 3}f}E+99"
    return engineering(value, digits)


def _numbered(element: Element) -> int:
    if element.source:
        return _SOURCE_STATUS.get(element.status, 0)
    return _bits(element)


def _bits(element: Element) -> int:
    lost = _NO_DATA_BIT if element.value == INVALID else 0
    return _BITS.get(element.status, 0) | lost


def _full_scale(element: Element) -> float:
    if element.kind == CURRENT:
        return current_range(element.range_code)
    return _VOLTS[element.range_code] if element.kind == VOLTAGE else 1.0


def _count(element: Element, counts: int, bits: int) -> int:
    """Return the datum in steps, as `bits` bits; the lowest number is no datum."""
    most = 1 << (bits - 1)
    if element.value == INVALID:
        return most
    steps = round(element.value / _full_scale(element) * counts)
    return max(1 - most, min(most - 1, steps)) & ((1 << bits) - 1)


def _short_binary(element: Element) -> bytes:
    if element.kind == TIME:
        return b""  # the short form has no time data
    if element.source:
        status = _SOURCE_STATUS.get(element.status, 0)
    else:
        status = _NUMBERS.get(element.status, 0)
    word = 0 if element.source else 1
    word = word << 1 | (element.kind == CURRENT)
    word = word << 5 | element.range_code
    word = word << 17 | _count(element, _COUNTS[element.source], 17)
    word = word << 3 | status
    word = word << 5 | _binary_channel(element)
    return word.to_bytes(4, "big")


def _long_binary(element: Element) -> bytes:
    measured = not element.source and element.kind in (VOLTAGE, CURRENT)
    first = measured << 7 | _PARAMETERS[element.kind]
    last = int(element.fine) << 5 | _binary_channel(element)
    if element.kind == TIME:
        micros = round(element.value * _MICROSECONDS) & ((1 << 48) - 1)
        return bytes([first]) + micros.to_bytes(6, "big") + bytes([last])
    counts = 1 if element.kind == INDEX else _FINE_COUNTS
    count = _count(element, counts, 32).to_bytes(4, "big")
    status = _numbered(element)
    return bytes([first, element.range_code]) + count + bytes([status, last])


def _binary_channel(element: Element) -> int:
    channel = element.channel
    return channel // _SUBCHANNEL if channel > _SUBCHANNEL else channel
