"""The 81160A's commands for arbitrary waveforms and bit patterns.

References
----------
See :mod:`labneuro.sim_backends.keysight_81160a.limits`; the words are those of the
33250A (source d), the channel suffixes those that clients of the 81160A send (b).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from labneuro.sim_backends.keysight_81160a import limits
from labneuro.sim_backends.keysight_81160a.memory import VOLATILE
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Argument, Block, Integer, Number
from labneuro.sim_backends.scpi.syntax import Expression, Quoted, ScpiError
from labneuro.sim_backends.scpi.syntax import definite_block as block
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.keysight_81160a.instrument import Keysight81160A
    from labneuro.sim_backends.scpi.syntax import Element

_SYMBOL = re.compile(rb"[0-3]+")


class _Name(Argument):
    """The name of a waveform, with or without quotes; reads in capitals."""

    def read(self, element: Element) -> str:
        """Return the name."""
        if isinstance(element, bytes | Expression):
            raise ScpiError(syntax.DATA_TYPE_ERROR)
        return str(element).strip().upper()


class _BlockOrNumber(Argument):
    """The first point of a waveform, or a block of all of them."""

    def __init__(self, number: Number) -> None:
        super().__init__()
        object.__setattr__(self, "number", number)

    number: Number

    def read(self, element: Element) -> object:
        """Return the bytes of a block, or the number."""
        if isinstance(element, bytes):
            return element
        if isinstance(element, Quoted):
            raise ScpiError(syntax.DATA_TYPE_ERROR)
        return self.number.read(element)


_CODE, _SHARE = Integer(extremes=False), Number(extremes=False)
_MORE_CODES = (Integer(extremes=False, optional=True),) * (limits.MOST_POINTS - 1)
_MORE_SHARES = (Number(extremes=False, optional=True),) * (limits.MOST_POINTS - 1)
_OPTIONAL_NAME = (_Name(optional=True),)


def _only_volatile(name: str) -> None:
    if name != VOLATILE:
        raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)


def _download_codes(
    instrument: Keysight81160A, number: int, name: str, first: object, *rest: float
) -> None:
    """Fill the volatile memory with DAC values from a block or a list."""
    _only_volatile(name)
    memory = instrument.waveforms
    if isinstance(first, bytes):
        if rest:
            raise ScpiError(syntax.PARAMETER_NOT_ALLOWED)
        normal = instrument.stored["FORMat:BORDer"] == "NORM"
        store = partial(memory.store_block, number, first, big_endian=normal)
    else:
        store = partial(memory.store_codes, number, (float(str(first)), *rest))
    instrument.download(number, store)


def _download_shares(
    instrument: Keysight81160A, number: int, name: str, *shares: float
) -> None:
    _only_volatile(name)
    instrument.download(
        number, partial(instrument.waveforms.store_shares, number, shares)
    )


def _copy(
    instrument: Keysight81160A, number: int, target: str, source: str = VOLATILE
) -> None:
    instrument.waveforms.copy(number, target, source)
    instrument.refresh()


def _delete(instrument: Keysight81160A, number: int, name: str) -> None:
    memory = instrument.waveforms
    instrument.forget_waveforms(number, partial(memory.delete, number, name))


def _delete_all(instrument: Keysight81160A, number: int) -> None:
    memory = instrument.waveforms
    instrument.forget_waveforms(number, partial(memory.delete_all, number))


def _choose(instrument: Keysight81160A, number: int, name: str) -> None:
    instrument.change(number, lambda channel: channel.set_waveform(name))


def _attribute(
    function: Callable[[Keysight81160A, int, str], float],
) -> Callable[..., float]:
    """Return a query about a waveform, the chosen one if it is not named."""

    def query(instrument: Keysight81160A, number: int, name: str = "") -> float:
        chosen = instrument.channels[number].settings.waveform
        return function(instrument, number, name or chosen)

    return query


def _average(instrument: Keysight81160A, number: int, name: str) -> float:
    return float(instrument.waveforms.shares(number, name).mean())


def _crest_factor(instrument: Keysight81160A, number: int, name: str) -> float:
    """Return the peak over the root mean square, 0 for a waveform of zeros."""
    shares = instrument.waveforms.shares(number, name)
    rms = float((shares**2).mean()) ** 0.5
    return float(abs(shares).max()) / rms if rms else 0.0


def _points(instrument: Keysight81160A, number: int, name: str) -> int:
    return len(instrument.waveforms.codes(number, name))


def _peak_to_peak(instrument: Keysight81160A, number: int, name: str) -> float:
    return instrument.waveforms.peak_to_peak(number, name)


def _set_pattern(instrument: Keysight81160A, number: int, symbols: bytes) -> None:
    """Keep a bit pattern: the digits 0 to 3, one a symbol."""
    if not _SYMBOL.fullmatch(symbols):
        raise ScpiError(syntax.INVALID_BLOCK_DATA)
    most = limits.MOST_PATTERN_BITS
    if len(symbols) > (most if set(symbols) <= set(b"01") else most // 2):
        raise ScpiError(syntax.TOO_MUCH_DATA)
    if len(symbols) < limits.SHORTEST_PATTERN:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    instrument.stored[f"pattern@{number}"] = symbols


def _pattern(instrument: Keysight81160A, number: int) -> bytes:
    return instrument.stored.get(f"pattern@{number}", b"10")


def _set_prbs(instrument: Keysight81160A, number: int, length: int) -> None:
    if length not in limits.PRBS_LENGTHS:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    instrument.stored[f"prbs@{number}"] = length


_PATTERN = "DIGital{1-2}[:STIMulus]:PATTern"

DATA_COMMANDS: tuple[Command, ...] = (
    Command(
        "DATA{1-2}:DAC",
        _download_codes,
        arguments=(_Name(), _BlockOrNumber(_CODE), *_MORE_CODES),
    ),
    Command(
        "DATA{1-2}",
        _download_shares,
        arguments=(_Name(), _SHARE, *_MORE_SHARES),
    ),
    Command("DATA{1-2}:COPY", _copy, arguments=(_Name(), *_OPTIONAL_NAME)),
    Command("DATA{1-2}:DELete[:NAME]", _delete, arguments=(_Name(),)),
    Command("DATA{1-2}:DELete:ALL", _delete_all),
    Command(
        "DATA{1-2}:CATalog",
        query=lambda instrument, number: instrument.waveforms.catalog(number),
    ),
    Command(
        "DATA{1-2}:NVOLatile:CATalog",
        query=lambda instrument, _: instrument.waveforms.user_catalog(),
    ),
    Command(
        "DATA{1-2}:NVOLatile:FREE",
        query=lambda instrument, _: instrument.waveforms.free,
    ),
    *(
        Command(
            f"DATA{{1-2}}:ATTRibute:{node}",
            query=_attribute(function),
            query_arguments=_OPTIONAL_NAME,
        )
        for node, function in (
            ("AVERage", _average),
            ("CFACtor", _crest_factor),
            ("POINts", _points),
            ("PTPeak", _peak_to_peak),
        )
    ),
    Command(
        "[SOURce]:FUNCtion{1-2}:USER",
        _choose,
        lambda instrument, number: instrument.channels[number].settings.waveform,
        (_Name(),),
    ),
    Command(
        f"{_PATTERN}:DATA",
        _set_pattern,
        lambda instrument, number: block(_pattern(instrument, number)),
        (Block(),),
    ),
    Command(
        f"{_PATTERN}:LENGth",
        query=lambda instrument, number: len(_pattern(instrument, number)),
    ),
    Command(
        f"{_PATTERN}:PRBS",
        _set_prbs,
        lambda instrument, number: instrument.stored.get(f"prbs@{number}", 7),
        (Integer(extremes=False),),
    ),
)
