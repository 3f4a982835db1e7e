"""How the oscilloscope's commands are declared: settings, numbers, switches, state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import (
    Argument,
    Boolean,
    Choice,
    Extreme,
    Integer,
    Number,
)
from labneuro.sim_backends.scpi.syntax import Expression, Quoted, ScpiError
from labneuro.sim_backends.scpi.tree import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.scpi.syntax import Element

    Owner = Callable[..., Any]

VOLT = {"V": 1.0, "A": 1.0}
SECOND = {"S": 1.0}
HERTZ = {"HZ": 1.0}
ANALOG = tuple(f"CHANnel{number}" for number in range(1, 5))
DIGITAL = tuple(f"DIGital{number}" for number in range(16))
PODS = ("POD1", "POD2")
BUSES = ("BUS1", "BUS2")
MATH = ("FUNCtion", "MATH", "FFT")
MEMORIES = ("WMEMory1", "WMEMory2")
ANY_SOURCE = (*ANALOG, *DIGITAL, *PODS, *BUSES, *MATH, *MEMORIES, "EXTernal")

_SLACK = 1e-9  # decimal numbers meet their bounds

STORED_DEFAULTS: dict[str, Any] = {}
"""Settings that nothing here depends on, by the header that declares them."""


def signed(value: int) -> str:
    """Write an integer as the instrument does.

    Examples
    --------
    >>> signed(8), signed(0)
    ('+8', '+0')
    """
    return f"{value:+d}"


def answer(value: Any) -> Any:  # noqa: ANN401  whatever a setting is
    """Write a setting: counts with a sign, switches as 0 and 1."""
    if isinstance(value, int) and not isinstance(value, bool):
        return signed(value)
    return value


@dataclass(frozen=True)
class Words(Argument):
    """Anything that is no block, in capitals; what it means depends on the place."""

    def read(self, element: Element) -> str:
        """Return the text."""
        if isinstance(element, bytes | Quoted | Expression):
            raise ScpiError(syntax.DATA_TYPE_ERROR)
        return element.upper()


@dataclass(frozen=True)
class AnyText(Argument):
    """A string, with quotes or without."""

    longest: int = field(default=1000, kw_only=True)

    def read(self, element: Element) -> str:
        """Return the string, cut to its longest."""
        if isinstance(element, bytes):
            raise ScpiError(syntax.DATA_TYPE_ERROR)
        return str(element)[: self.longest]


@dataclass(frozen=True)
class Names(Argument):
    """One of several names that have digits within.

    Attributes
    ----------
    names : dict of str to str
        What is answered, by what may be sent, in capitals.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    def read(self, element: Element) -> str:
        """Return the name as it is answered."""
        if isinstance(element, bytes) or element.upper() not in self.names:
            raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)
        return self.names[element.upper()]


def check(value: float | Extreme, low: float, high: float) -> float:
    """Return a number that lies within bounds, or the bound that ``MIN`` means.

    Raises
    ------
    ScpiError
        -222 if it does not.
    """
    if isinstance(value, Extreme):
        return {Extreme.MINIMUM: low, Extreme.MAXIMUM: high}.get(value, low)
    slack = _SLACK * min(abs(value), max(abs(low), abs(high)))
    if not low - slack <= value <= high + slack:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    return value


def setting(
    header: str, owner: Owner, name: str, argument: Argument, *, live: bool = True
) -> Command:
    """Declare a setting that is kept as it is sent.

    Parameters
    ----------
    header : str
        As :class:`Command` takes it.
    owner : callable
        Takes the instrument and the header's suffixes; gives the object that holds it.
    name : str
        Its attribute.
    argument : Argument
        What it may be.
    live : bool
        Whether acquisitions depend on it, so that they begin anew.
    """

    def write(scope: KeysightMsox3104T, *parts: Any) -> None:  # noqa: ANN401
        setattr(owner(scope, *parts[:-1]), name, parts[-1])
        if live:
            scope.settings_changed()

    def query(scope: KeysightMsox3104T, *suffixes: int) -> Any:  # noqa: ANN401
        return answer(getattr(owner(scope, *suffixes), name))

    return Command(header, write, query, (argument,))


def number(
    header: str,
    owner: Owner,
    name: str,
    bounds: tuple[float, float],
    units: Mapping[str, float],
    *,
    whole: bool = False,
    live: bool = True,
) -> Command:
    """Declare a numeric setting with fixed bounds; otherwise as :func:`setting`."""

    def write(scope: KeysightMsox3104T, *parts: Any) -> None:  # noqa: ANN401
        value = check(parts[-1], *bounds)
        setattr(owner(scope, *parts[:-1]), name, int(value) if whole else value)
        if live:
            scope.settings_changed()

    def query(scope: KeysightMsox3104T, *suffixes: int) -> Any:  # noqa: ANN401
        return answer(getattr(owner(scope, *suffixes), name))

    kind = Integer(units=units) if whole else Number(units=units)
    return Command(header, write, query, (kind,))


def stored(header: str, argument: Argument, default: Any) -> Command:  # noqa: ANN401  any
    """Declare a setting of which nothing here depends; it is kept and answered.

    Parameters
    ----------
    header : str
        As :class:`Command` takes it; the setting is kept for each suffix.
    argument : Argument
        What it may be.
    default : object
        Its value after a reset.
    """
    STORED_DEFAULTS[header] = default

    def write(scope: KeysightMsox3104T, *parts: Any) -> None:  # noqa: ANN401
        scope.settings.stored[_key(header, parts[:-1])] = _kept(parts[-1])

    def query(scope: KeysightMsox3104T, *suffixes: int) -> Any:  # noqa: ANN401
        kept = scope.settings.stored.get(_key(header, suffixes), default)
        return answer(kept)

    return Command(header, write, query, (argument,))


def _key(header: str, suffixes: tuple[int, ...]) -> str:
    return " ".join((header, *map(str, suffixes)))


def _kept(value: Any) -> Any:  # noqa: ANN401  whatever an argument reads
    if isinstance(value, Extreme):
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    return value


def switch(header: str, *, default: bool = False) -> Command:
    """Declare a stored switch."""
    return stored(header, Boolean(), default)


def choice(header: str, *options: str, default: str = "") -> Command:
    """Declare a stored word; the first one is the default."""
    kind = Choice(*options)
    return stored(header, kind, default or kind.read(options[0]))


def amount(header: str, units: Mapping[str, float], default: float) -> Command:
    """Declare a stored number."""
    return stored(header, Number(units=units, extremes=False), default)


def source_choice(*options: str, optional: bool = False) -> Choice:
    """Return the argument for a source among options."""
    return Choice(*options, optional=optional)


def nothing(*_: object) -> None:
    """Do what only a person before the screen would notice."""
