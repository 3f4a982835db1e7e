"""What a user writes of operators: the nominal unit, the inputs, the curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field, model_validator

from labneuro.devices.diode import DiodeParameters
from labneuro.devices.pcu_operators import NominalUnit
from labneuro.units import Ampere, InputModel, Kelvin, Ohm, Volt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class NominalDiode(InputModel):
    """What the circuits around the units assume of every unit: untrimmed.

    Attributes
    ----------
    saturation_current : float
        I0 in A.
    ideality : float
        n.
    temperature : float
        K
    series_resistance : float
        Of each diode in ohm, for the warning of a disturbed M1 alone.
    reference_current : float
        The current that stands for 1, in A.
    dead_zone : float
        Voltage in V beyond which M1 moves, for the warning alone.
    binary_set : float
        Voltage in V beyond which M2 sets, for the warning alone.
    """

    saturation_current: Annotated[Ampere, Field(gt=0)] = 1e-9
    ideality: Annotated[float, Field(gt=0)] = 2.0
    temperature: Annotated[Kelvin, Field(gt=0)] = 298.15
    series_resistance: Annotated[Ohm, Field(ge=0)] = 50.0
    reference_current: Annotated[Ampere, Field(gt=0)] = 100e-9
    dead_zone: Annotated[Volt, Field(gt=0)] = 0.15
    binary_set: Annotated[Volt, Field(gt=0)] = 0.6

    @property
    def unit(self) -> NominalUnit:
        """The nominal unit in the operators' words."""
        diode = DiodeParameters(
            self.saturation_current, self.ideality, 0.0, self.temperature
        )
        return NominalUnit(
            self.saturation_current, diode.emission_voltage, self.reference_current
        )

    def disturbing_voltage(self, conductance: float) -> float:
        """Return the voltage across a unit, M2 set, at which M1 leaves its dead zone.

        Parameters
        ----------
        conductance : float
            Of M1 in S.
        """
        current = conductance * self.dead_zone
        drop = self.unit.emission * np.log1p(current / self.saturation_current)
        return float(self.dead_zone + drop + current * self.series_resistance)


class Grid(InputModel):
    """Equidistant inputs, as the codebook counts them.

    Attributes
    ----------
    start, stop : float
        First and last.
    points : int
        Number of them.
    """

    start: float
    stop: float
    points: Annotated[int, Field(ge=2, le=1000)]

    @model_validator(mode="after")
    def _ascending(self) -> Grid:
        if not self.start < self.stop:
            raise ValueError("stop: must be above start")
        return self

    @property
    def values(self) -> Array:
        """The inputs, shape (points,), free of rounding noise."""
        values = np.linspace(self.start, self.stop, self.points)
        return np.asarray(np.round(values, 9), dtype=np.float64)


class Curve(InputModel):
    """How the curve of a logarithmic unit is measured, from 0 V up.

    Attributes
    ----------
    stop : float
        Last level in V.
    increment : float
        Height of a stair in V.
    """

    stop: Annotated[Volt, Field(gt=0)] = 0.45
    increment: Annotated[Volt, Field(gt=0)] = 5e-3
