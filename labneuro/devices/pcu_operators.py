"""Analog operators made of perovskite computing units, solved as circuits.

Multiplier and divider are three units each: two turn operand currents into voltages
(logarithms), these are added or subtracted, and the third turns the sum into a current
(exponential). The exponential, softplus and sigmoid are one unit each. Around the units
everything is ideal and chosen, as the text does not give the circuits (its Figure S7):
voltages are added without loss, currents are scaled by known constants, signs are
handled outside.

An offset voltage ``n VT ln(reference / I0)`` keeps results in the range of the
operands; without it a divider gives ``I0 (x / y - 1)``, which is 0 at x = y. Offsets
and scales come from the nominal unit: errors are untrimmed.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 2d, 2e, 3d-g, sections 2.1 to 2.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.pcu_cell import CellElements, cell_points, cell_voltage
from labneuro.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.pcu_parameters import PcuParameters

UNITS_PER_OPERATOR = 3
"""Units in a multiplier or a divider."""
SOFTPLUS_OFFSET = 0.469
"""V that make a diode's curve lie as softplus does around 0."""


@dataclass(frozen=True)
class NominalUnit:
    """What the circuits around the units assume of them.

    Attributes
    ----------
    saturation_current : float
        I0 in A.
    emission : float
        n VT in V.
    reference_current : float
        The current that stands for 1, in A.
    """

    saturation_current: float
    emission: float
    reference_current: float = 100e-9

    @property
    def offset(self) -> float:
        """Voltage in V at which an ideal diode carries the reference current."""
        ratio = self.reference_current / self.saturation_current
        return self.emission * math.log(ratio)


def nominal_unit(mean: PcuParameters, reference_current: float = 100e-9) -> NominalUnit:
    """Return the nominal unit of a card's mean."""
    return NominalUnit(
        mean.saturation_current, mean.emission_voltage, reference_current
    )


def grouped(elements: CellElements) -> CellElements:
    """Return units in groups of three: shape (3, operators) from (3 x operators,)."""
    count = len(elements.forward)
    if count % UNITS_PER_OPERATOR:
        raise InputError(f"units: must be a multiple of three, not {count}")
    shape = (count // UNITS_PER_OPERATOR, UNITS_PER_OPERATOR)
    return CellElements(*(part.reshape(shape).T for part in elements))


def _positive(name: str, value: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(value, dtype=np.float64)
    if not (array >= 0).all():
        raise InputError(f"{name}: operands of a log-domain operator must be 0 or more")
    return array


def multiply(
    first: ArrayLike, second: ArrayLike, units: CellElements, nominal: NominalUnit
) -> NDArray[np.float64]:
    """Return the output currents of multipliers: ideally ``x y / reference``.

    Parameters
    ----------
    first, second : array_like
        Operand currents in A, 0 or more, broadcast against the operators.
    units : CellElements
        Of shape (3, operators), see :func:`grouped`, or (3,).
    nominal : NominalUnit
        For the offset.

    Returns
    -------
    ndarray
        In A, of the broadcast shape.
    """
    x, y = _positive("first", first), _positive("second", second)
    volts = cell_voltage(x, units.take(0)) + cell_voltage(y, units.take(1))
    return cell_points(volts - nominal.offset, units.take(2)).current


def divide(
    dividend: ArrayLike, divisor: ArrayLike, units: CellElements, nominal: NominalUnit
) -> NDArray[np.float64]:
    """Return the output currents of dividers: ideally ``reference x / y``.

    Parameters and result as for :func:`multiply`.
    """
    x, y = _positive("dividend", dividend), _positive("divisor", divisor)
    volts = cell_voltage(x, units.take(0)) - cell_voltage(y, units.take(1))
    return cell_points(volts + nominal.offset, units.take(2)).current


def exponential(
    exponent: ArrayLike, units: CellElements, nominal: NominalUnit
) -> NDArray[np.float64]:
    """Return the output currents of units driven at ``n VT x + offset``.

    Parameters
    ----------
    exponent : array_like
        x, broadcast against the units.
    units : CellElements
        M1 and M2 in their low-resistance states.
    nominal : NominalUnit
        For the scale and the offset.

    Returns
    -------
    ndarray
        In A; ideally ``reference exp(x)``.
    """
    volts = nominal.emission * np.asarray(exponent) + nominal.offset
    return cell_points(volts, units).current


def softplus(
    voltage: ArrayLike, units: CellElements, offset: float = SOFTPLUS_OFFSET
) -> NDArray[np.float64]:
    """Return the currents of units with M2 low-resistive and M1 at about 10 kohm.

    Parameters
    ----------
    voltage : array_like
        Input in V, to which the offset is added.
    units : CellElements
        Programmed so.
    offset : float
        V

    Returns
    -------
    ndarray
        In A; close to ``A ln(1 + exp(K V))`` with A and K that depend on the range.
    """
    return cell_points(np.asarray(voltage) + offset, units).current


def sigmoid(voltage: ArrayLike, units: CellElements) -> NDArray[np.float64]:
    """Return the currents of units with M1 low- and M2 high-resistive.

    Parameters
    ----------
    voltage : array_like
        Input in V.
    units : CellElements
        Programmed so: two diodes back to back.

    Returns
    -------
    ndarray
        In A; for ideal elements ``I0 (2 sigmoid(V / (n VT)) - 1)`` exactly.
    """
    return cell_points(voltage, units).current


def matrix_product(
    voltage: ArrayLike, units: CellElements, *, through_diodes: bool = True
) -> NDArray[np.float64]:
    """Return the currents of lines that add their units' currents (VMM).

    Parameters
    ----------
    voltage : array_like, shape (vectors, rows)
        Word-line voltages in V, each collecting line held at 0 V.
    units : CellElements
        Of shape (rows, columns): weights in M1, M2 low-resistive.
    through_diodes : bool
        Whether bit lines collect, behind D1; otherwise the configure lines 1 do, so
        that a current is M1's conductance times the voltage.

    Returns
    -------
    ndarray, shape (vectors, columns)
        A
    """
    volts = np.atleast_2d(np.asarray(voltage, dtype=np.float64))
    if not through_diodes:
        return volts @ np.asarray(units.multistate)
    return cell_points(volts[:, :, None], units).current.sum(axis=1)


def disturbing_voltages(
    units: CellElements, multistate_dead_zone: ArrayLike, binary_set: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return from which unit voltages on a computation reprograms M1 and M2, in V.

    Only forward: backward, D1 lets no more than its I0 through, and no unit of
    the card's kind gets M1 out of its dead zone with that.

    Parameters
    ----------
    units : CellElements
        The units as programmed.
    multistate_dead_zone, binary_set : array_like
        Of M1 and M2 in V.
    """
    dead_zone, setting = np.asarray(multistate_dead_zone), np.asarray(binary_set)
    first = cell_voltage(units.multistate * dead_zone, units)
    # D2 is in reverse there and adds its I0.
    second = cell_voltage(units.binary * setting + units.backward, units)
    return first, second
