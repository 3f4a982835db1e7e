"""Checks of the values that a script gives to a TSP instrument's attributes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping

    from labneuro.sim_backends.tsp.runtime import TspObject

TOO_BIG, TOO_SMALL, ILLEGAL = 1101, 1102, -224


class TspProblem(Exception):  # noqa: N818  an entry of the error queue, not a failure
    """A value that the instrument refuses; the script goes on.

    Attributes
    ----------
    code : int
        Number in the instrument's error list.
    details : tuple
        What fills the gaps of its text.
    """

    def __init__(self, code: int, *details: object) -> None:
        super().__init__(code, *details)
        self.code = code
        self.details = details


class NotANumberError(TypeError):
    """A script gave something else where a number is needed: a run-time error."""


def number(value: object) -> float:
    """Return a value as Lua's library takes numbers: also from a numeral.

    Raises
    ------
    NotANumberError
        If it is none.
    """
    if type(value) is float:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    kinds = {bool: "boolean", str: "string", type(None): "nil"}
    kind = kinds.get(type(value), "table")
    raise NotANumberError(f"number expected, got {kind}")


def within(low: float, high: float) -> Callable[[object], float]:
    """Return a check for a number between two bounds."""

    def check(value: object) -> float:
        checked = number(value)
        if not checked <= high:
            raise TspProblem(TOO_BIG)
        if checked < low:
            raise TspProblem(TOO_SMALL)
        return checked

    return check


def whole(low: int, high: int) -> Callable[[object], float]:
    """Return a check for a whole number between two bounds; fractions are cut."""
    bounded = within(low, high)

    def check(value: object) -> float:
        return float(math.floor(bounded(value)))

    return check


def one_of(values: Iterable[float], code: int = ILLEGAL) -> Callable[[object], float]:
    """Return a check for one of a few numbers."""
    allowed = frozenset(values)

    def check(value: object) -> float:
        checked = number(value)
        if checked not in allowed:
            raise TspProblem(code)
        return checked

    return check


def text(value: object) -> str:
    """Check for a string."""
    if not isinstance(value, str):
        raise TspProblem(ILLEGAL)
    return value


class Setting(NamedTuple):
    """An attribute that holds what it was set to.

    Attributes
    ----------
    name : str
        Attribute name.
    default : float or str
        Value after reset.
    check : callable
        Returns the value as it is kept, or raises.
    """

    name: str
    default: float | str
    check: Callable[[object], Any]


def add_settings(
    target: TspObject,
    values: MutableMapping[str, Any],
    settings: Iterable[Setting],
    prefix: str = "",
    changed: Callable[[str], None] | None = None,
) -> None:
    """Give an instrument object attributes that hold what they are set to.

    Parameters
    ----------
    target : TspObject
        The instrument object.
    values : mutable mapping
        Where the values are kept, by `prefix` and name; it is filled with the defaults.
    settings : iterable of Setting
        The attributes.
    prefix : str
        Begin of the keys in `values`.
    changed : callable, optional
        Called with the key after a change.
    """
    for setting in settings:
        key = prefix + setting.name
        values[key] = setting.default
        target.getters[setting.name] = _getter(values, key)
        target.setters[setting.name] = _setter(values, key, setting.check, changed)


def _getter(values: MutableMapping[str, Any], key: str) -> Callable[[], object]:
    return lambda: values[key]


def _setter(
    values: MutableMapping[str, Any],
    key: str,
    check: Callable[[object], Any],
    changed: Callable[[str], None] | None,
) -> Callable[[object], None]:
    def set_value(value: object) -> None:
        values[key] = check(value)
        if changed is not None:
            changed(key)

    return set_value
