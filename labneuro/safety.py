"""Limits of device, bench and instrument, and the check of every set-point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PrivateAttr

from labneuro.errors import LimitError
from labneuro.units import (
    Ampere,
    Coulomb,
    InputModel,
    Volt,
    VoltSecond,
    Watt,
    show,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNITS = {
    "voltage": "V",
    "current": "A",
    "power": "W",
    "charge": "C",
    "step_voltage": "V",
    "exposure": "V*s",
}
"""The limited quantities and their units."""

WORDS = {
    "voltage": "voltage",
    "current": "current",
    "power": "power",
    "charge": "charge per pulse",
    "step_voltage": "step between set-points",
    "exposure": "exposure",
}
"""How a message calls them."""


class Limits(InputModel):
    """Largest magnitudes that may ever be set; infinite where none is given.

    Attributes
    ----------
    voltage : float
        In V, either sign: of each output, and across the device.
    current : float
        In A, either sign; every source meter gets it as compliance at the latest.
    power : float
        In the device, in W.
    charge : float
        Through the device in one pulse, in C.
    step_voltage : float
        Largest change between two consecutive set-points of one output, in V, from and
        to its rest at 0 V included.
    exposure : float
        Magnitude of the voltage across the device, integrated over the run, in V s.
    """

    voltage: Annotated[Volt, Field(gt=0)] = math.inf
    current: Annotated[Ampere, Field(gt=0)] = math.inf
    power: Annotated[Watt, Field(gt=0)] = math.inf
    charge: Annotated[Coulomb, Field(gt=0)] = math.inf
    step_voltage: Annotated[Volt, Field(gt=0)] = math.inf
    exposure: Annotated[VoltSecond, Field(gt=0)] = math.inf

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def named(self, origin: str) -> Limits:
        """Return the same limits, called `origin` in messages.

        Parameters
        ----------
        origin : str
            Such as ``"device limit"``.
        """
        return self.told_by(dict.fromkeys(UNITS, origin))

    def told_by(self, origins: Mapping[str, str]) -> Limits:
        """Return the same limits, each called as `origins` says."""
        found = self.model_copy()
        found._origins = dict(origins)  # noqa: SLF001  another object of this class
        return found

    def origin(self, quantity: str) -> str:
        """Return whose limit of a quantity this is; empty if nobody's."""
        return self._origins.get(quantity, "")

    def told(self, quantity: str, digits: int = 4) -> str:
        """Return a limit as a message shows it: ``6 V (device limit)`` or ``none``."""
        if math.isinf(getattr(self, quantity)):
            return "none"
        value = show(getattr(self, quantity), UNITS[quantity], digits)
        origin = self.origin(quantity)
        return f"{value} ({origin})" if origin else value

    def check(self, quantity: str, value: float, where: str) -> None:
        """Raise unless a value lies within the limit.

        Parameters
        ----------
        quantity : str
            One of `UNITS`.
        value : float
            In its unit.
        where : str
            The step or the instrument, for the message.

        Raises
        ------
        LimitError
            Naming place, value and limit, and whose limit it is.
        """
        limit: float = getattr(self, quantity)
        if abs(value) <= limit:
            return
        unit, word = UNITS[quantity], WORDS[quantity]
        digits = 4 if show(value, unit) != show(limit, unit) else 16
        raise LimitError(
            f"{where}: {word} {show(value, unit, digits)} is beyond the limit of "
            f"{self.told(quantity, digits)}"
        )


def tightest(limits: Iterable[Limits]) -> Limits:
    """Return the limits that satisfy all of `limits`, each with its origin."""
    found = Limits()
    for one in limits:
        found = _tighter(found, one)
    return found


def _tighter(first: Limits, second: Limits) -> Limits:
    values: dict[str, float] = {}
    origins: dict[str, str] = {}
    for quantity in UNITS:
        allowed, other = getattr(first, quantity), getattr(second, quantity)
        wins = second if other < allowed else first
        values[quantity] = min(allowed, other)
        origins[quantity] = wins.origin(quantity)
    return _with_origins(values, origins)


def _with_origins(values: Mapping[str, float], origins: Mapping[str, str]) -> Limits:
    finite = {key: value for key, value in values.items() if math.isfinite(value)}
    known = {key: origins[key] for key in finite if origins[key]}
    return Limits(**finite).told_by(known)
