"""Limits of device, bench and instrument, and the check of every set-point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from labneuro.errors import LimitError
from labneuro.units import Ampere, InputModel, Volt, show

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNITS = {"voltage": "V", "current": "A"}


class Limits(InputModel):
    """Largest magnitudes that may ever be set; infinite where none is given.

    Attributes
    ----------
    voltage : float
        In V, either sign.
    current : float
        In A, either sign; every source meter gets it as compliance at the latest.
    """

    voltage: Annotated[Volt, Field(gt=0)] = math.inf
    current: Annotated[Ampere, Field(gt=0)] = math.inf

    def check(self, quantity: str, value: float, where: str) -> None:
        """Raise unless a set-point lies within the limit.

        Parameters
        ----------
        quantity : str
            ``"voltage"`` or ``"current"``.
        value : float
            Set-point in V or A.
        where : str
            The step or the instrument, for the message.

        Raises
        ------
        LimitError
            Naming place, value and limit.
        """
        limit: float = getattr(self, quantity)
        if not abs(value) <= limit:
            unit = _UNITS[quantity]
            digits = 4 if show(value, unit) != show(limit, unit) else 16
            raise LimitError(
                f"{where}: {quantity} {show(value, unit, digits)} is beyond the limit "
                f"of {show(limit, unit, digits)}"
            )


def tightest(limits: Iterable[Limits]) -> Limits:
    """Return the limits that satisfy all of `limits`."""
    every = list(limits)
    finite = {}
    for quantity in _UNITS:
        value = min((getattr(one, quantity) for one in every), default=math.inf)
        if value < math.inf:
            finite[quantity] = value
    return Limits(**finite)
