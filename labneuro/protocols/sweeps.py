"""Sweeps as a user writes them: equidistant fields from start to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field, model_validator

from labneuro.units import InputModel, VoltPerMetre

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FieldSweep(InputModel):
    """Equidistant fields.

    Attributes
    ----------
    start, stop : float
        First and last field in V/m, ascending.
    points : int
        Number of fields.
    """

    start: Annotated[VoltPerMetre, Field(ge=1)]
    stop: Annotated[VoltPerMetre, Field(ge=1)]
    points: Annotated[int, Field(ge=2, le=1000)]

    @model_validator(mode="after")
    def _ascending(self) -> FieldSweep:
        if self.stop <= self.start:
            raise ValueError(f"stop: must be above start, not {self.stop:.6g} V/m")
        return self

    @property
    def values(self) -> NDArray[np.float64]:
        """The fields in V/m, shape (points,), free of rounding noise."""
        fields = np.linspace(self.start, self.stop, self.points)
        return np.asarray(np.round(fields, 3), dtype=np.float64)
