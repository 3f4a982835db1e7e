"""Operators composed of units that the instruments measure one at a time.

A source meter has one channel to drive a unit with, and a guard. So the units of an
operator are not on at the same time: the logarithmic units' curves are measured first;
the voltage that the circuit would add up is computed from them, and the unit behind is
driven at it and measured. What lies between the units (sums of voltages, scales of
currents, signs, offsets) is computed; every diode and memristor is measured. What each
unit carries in its operator, current and voltage, is noted on the way.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 2d, 2e, 3d-g, sections 2.1 to 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.pcu_composed import GELU_SLOPE
from labneuro.errors import InstrumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.devices.pcu_operators import NominalUnit

    Array = NDArray[np.float64]
    Drive = Callable[[int, Array], Array]

TRIPLE = 3
_SOFTMAX_UNITS = 7
_INPUTS = 2


def rotated(units: Sequence[int], first: int, count: int) -> tuple[int, ...]:
    """Return `count` units from number `first` on, round the array.

    Parameters
    ----------
    units : sequence of int
        All units.
    first, count : int
        Which.

    Examples
    --------
    >>> rotated((11, 12, 13), 2, 2)
    (13, 11)
    """
    return tuple(units[(first + k) % len(units)] for k in range(count))


@dataclass(frozen=True)
class UnitCurve:
    """The measured curve of a unit, read backwards as the unit's voltage at a current.

    Attributes
    ----------
    voltage, current : ndarray, shape (points,)
        V and A, from 0 V upwards.
    saturation_current : float
        Of the nominal unit in A: between two points asinh(I / it) is taken as linear.
    """

    voltage: Array
    current: Array
    saturation_current: float

    def volts(self, current: Array) -> Array:
        """Return the voltage in V at currents in A.

        Raises
        ------
        InstrumentError
            If a current is beyond the curve.
        """
        scale = self.saturation_current
        known = np.maximum.accumulate(np.arcsinh(self.current / scale))
        wanted = np.arcsinh(current / scale)
        if wanted.max() > known[-1]:
            raise InstrumentError(
                f"the curve of a unit ends at {self.current[-1]:.3g} A, needed are "
                f"{float(np.max(current)):.3g} A; raise curve.stop"
            )
        return np.interp(wanted, known, self.voltage)


@dataclass(frozen=True)
class UnitLoad:
    """What the units of an operator carry, as the mean of their magnitudes.

    Attributes
    ----------
    current, power : ndarray, shape (points,)
        Of current in A, and of current times voltage in W.
    """

    current: Array
    power: Array


class Composed:
    """Operators of units that are driven through instruments.

    Parameters
    ----------
    curves : mapping of int to UnitCurve
        By unit.
    drive : callable
        Drives a unit at voltages in V, shape (n,), and returns currents in A.
    gate : callable
        The same with M2 high-resistive: a sigmoid.
    nominal : NominalUnit
        For offsets and scales.
    """

    def __init__(
        self,
        curves: Mapping[int, UnitCurve],
        drive: Drive,
        gate: Drive,
        nominal: NominalUnit,
    ) -> None:
        self._curves, self._nominal = curves, nominal
        self._drivers = drive, gate
        self._carried: list[tuple[Array, Array]] = []

    def take_load(self) -> UnitLoad:
        """Return what all units carried since this was asked last."""
        currents = np.abs([current for current, _ in self._carried])
        volts = np.abs([voltage for _, voltage in self._carried])
        self._carried.clear()
        return UnitLoad(currents.mean(axis=0), (currents * volts).mean(axis=0))

    def _volts(self, unit: int, current: Array) -> Array:
        """Return a logarithmic unit's voltages in V at currents in A."""
        volts = self._curves[unit].volts(current)
        self._carried.append((current, volts))
        return volts

    def single(self, unit: int, volts: Array, *, gate: bool = False) -> Array:
        """Drive a unit, as a sigmoid or not; return its currents in A."""
        current = self._drivers[gate](unit, volts)
        self._carried.append((current, volts))
        return current

    def multiply(self, units: Sequence[int], first: Array, second: Array) -> Array:
        """Return the currents of a multiplier in A; ideally x y / reference."""
        one, two, last = units
        volts = self._volts(one, first) + self._volts(two, second)
        return self.single(last, volts - self._nominal.offset)

    def divide(self, units: Sequence[int], first: Array, second: Array) -> Array:
        """Return the currents of a divider in A; ideally reference x / y."""
        one, two, last = units
        volts = self._volts(one, first) - self._volts(two, second)
        return self.single(last, volts + self._nominal.offset)

    def exponential(self, unit: int, exponent: Array) -> Array:
        """Return the currents of an exponential in A; ideally reference exp(x)."""
        nominal = self._nominal
        return self.single(unit, nominal.emission * exponent + nominal.offset)

    def gelu(self, units: Sequence[int], value: Array) -> Array:
        """Return the currents of a GELU in A; ideally reference x sigmoid(1.702 x).

        Parameters
        ----------
        units : sequence of int
            The sigmoid's, then the multiplier's three.
        value : ndarray, shape (n,)
            x; its magnitude is multiplied and its sign put back.
        """
        nominal = self._nominal
        first, *others = units
        volts = GELU_SLOPE * nominal.emission * value
        level = self.single(first, volts, gate=True) / nominal.saturation_current
        gate = np.maximum(0.5 * (level + 1.0), 0.0)
        unit = nominal.reference_current
        product = self.multiply(others, np.abs(value) * unit, gate * unit)
        return np.sign(value) * product

    def softmax(self, units: Sequence[int], first: int, logits: Array) -> Array:
        """Return the softmax of two inputs, as numbers.

        Each input has a multiplier, an exponential and a divider of its own: seven
        units from number `first` on, and from the next on for the second input.

        Parameters
        ----------
        units : sequence of int
            All units.
        first : int
            Number of the first.
        logits : ndarray, shape (n, 2)
            The inputs.

        Returns
        -------
        ndarray, shape (n, 2)
            Ideally adding to 1.
        """
        unit = self._nominal.reference_current
        chosen = [rotated(units, first + k, _SOFTMAX_UNITS) for k in range(_INPUTS)]
        shifted = (logits - logits.min(axis=1, keepdims=True)) * unit
        one = np.full(len(logits), unit)
        scaled = np.stack(
            [self.multiply(c[:3], shifted[:, k], one) for k, c in enumerate(chosen)], 1
        )
        exponents = (scaled - scaled.max(axis=1, keepdims=True)) / unit
        parts = np.stack(
            [self.exponential(c[3], exponents[:, k]) for k, c in enumerate(chosen)], 1
        )
        parts = np.maximum(parts, 0.0)  # the diode's leakage: at least no current
        total = parts.sum(axis=1)
        shares = [self.divide(c[4:], parts[:, k], total) for k, c in enumerate(chosen)]
        return np.stack(shares, 1) / unit
