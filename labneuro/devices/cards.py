"""Device cards: the parameter files of device models, a source beside every number."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from labneuro.errors import CardError
from labneuro.units import InputModel, parse


class CardEntry(InputModel):
    """One number of a card.

    Attributes
    ----------
    value : str or float
        Quantity with its unit, or a bare number where it is dimensionless.
    mark : str
        ``quoted`` (in the paper), ``derived`` (follows from quoted figures), ``fitted``
        or ``chosen`` (free: the paper does not say it).
    source : str
        The citation, the derivation or the reason.
    """

    value: str | Annotated[float, Field(strict=True)]  # `true` is no number
    mark: Literal["quoted", "derived", "fitted", "chosen"]
    source: Annotated[str, Field(min_length=3)]


class Card(InputModel):
    """A device card as it stands in the file.

    Attributes
    ----------
    model : str
        Device model that the card is for.
    description, citation : str
        What it is and the paper it comes from.
    parameters : dict of str to CardEntry
        The numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    description: str
    citation: str
    parameters: dict[str, CardEntry]

    def values(
        self, units: dict[str, str], where: str, overrides: dict[str, Any] | None = None
    ) -> dict[str, float]:
        """Return every parameter in SI units.

        Parameters
        ----------
        units : dict of str to str
            The parameters that the device model has, and their SI units.
        where : str
            The card's name, for messages.
        overrides : dict, optional
            Values that a bench file sets in place of the card's.

        Raises
        ------
        CardError
            If a parameter is missing, unknown or has the wrong dimension.
        """
        entries: dict[str, Any] = {key: e.value for key, e in self.parameters.items()}
        entries.update(overrides or {})
        for key in entries:
            if key not in units:
                known = ", ".join(sorted(units))
                raise CardError(f"{where}: parameters.{key}: unknown; known: {known}")
        missing = sorted(set(units) - set(entries))
        if missing:
            raise CardError(f"{where}: parameters.{missing[0]}: this key is missing")
        result = {}
        for key, unit in units.items():
            try:
                result[key] = parse(entries[key], unit)
            except ValueError as error:
                raise CardError(f"{where}: parameters.{key}: {error}") from error
        return result
