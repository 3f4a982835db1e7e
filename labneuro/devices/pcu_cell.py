"""One perovskite computing unit from word to bit line: the small circuit, solved.

M1, the diode D1 (forward from word to bit), then the backward diode D2 parallel to M2.
M1 and D1 are a diode with more series resistance, closed by Wright's omega; so are the
two branches of the parallel pair. What is left is one unknown, the voltage across the
pair, between 0 and the unit's: Newton's method inside a bracket that every step
narrows, until Kirchhoff's current law holds to 1e-12 of the current.
"""

# The compiled functions carry no annotations: numba infers their types.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from labneuro.devices.diode import diode_drop, diode_point, flat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.pcu_parameters import PcuParameters

_BALANCE = 1e-12  # of the current: where the solver stops
_MOST_STEPS = 200
_SMALLEST = 4e-16  # of the bracket: no closer float


class CellElements(NamedTuple):
    """The elements of units, each an array that is broadcast against the others.

    Attributes
    ----------
    multistate, binary : ndarray
        Conductances of M1 and M2 in S.
    forward, backward : ndarray
        Saturation currents of D1 and D2 in A.
    emission : ndarray
        n VT in V.
    series : ndarray
        Series resistance of each diode in ohm.
    """

    multistate: NDArray[np.float64]
    binary: NDArray[np.float64]
    forward: NDArray[np.float64]
    backward: NDArray[np.float64]
    emission: NDArray[np.float64]
    series: NDArray[np.float64]

    def take(self, index: int | slice | NDArray[np.int64]) -> CellElements:
        """Return the elements of some units; `index` is along the first axis."""
        return CellElements(*(np.asarray(part[index]) for part in self))


def cell_elements(
    units: Sequence[PcuParameters],
    multistate: ArrayLike | None = None,
    binary: ArrayLike | None = None,
) -> CellElements:
    """Return the elements of units whose memristors are programmed.

    Parameters
    ----------
    units : sequence of PcuParameters
        Their diodes.
    multistate, binary : array_like, shape (units,), optional
        Conductances of M1 and M2 in S; without, each in its low-resistance state.

    Returns
    -------
    CellElements
        Arrays of shape (units,).
    """

    def column(value: ArrayLike) -> NDArray[np.float64]:
        return np.array(np.broadcast_to(np.asarray(value, dtype=float), len(units)))

    if multistate is None:
        multistate = [unit.multistate_high for unit in units]
    if binary is None:
        binary = [unit.binary_high for unit in units]
    saturation = np.array([unit.saturation_current for unit in units])
    return CellElements(
        column(multistate),
        column(binary),
        saturation,
        saturation * np.array([unit.backward_ratio for unit in units]),
        np.array([unit.emission_voltage for unit in units]),
        np.array([unit.series_resistance for unit in units]),
    )


@njit(cache=True)
def pair_point(  # pragma: no cover  compiled
    voltage, binary, backward, emission, series
):
    """Return current in A and slope in S of M2 parallel to the backward diode."""
    current, slope = diode_point(-voltage, backward, emission, series)
    return binary * voltage - current, binary + slope


@njit(cache=True)
def pair_drop(  # pragma: no cover  compiled
    current, binary, backward, emission, series
):
    """Return the voltage in V across M2 and the backward diode at a current in A."""
    low = min(current / binary, 0.0)
    high = max((current + backward) / binary, 0.0)
    voltage = max(low, diode_drop(-current, backward, emission, series) * -1.0)
    if not low <= voltage <= high:
        voltage = high if current > 0.0 else low
    for _ in range(_MOST_STEPS):
        passed, slope = pair_point(voltage, binary, backward, emission, series)
        miss = passed - current
        if abs(miss) <= _BALANCE * abs(current):
            break
        if miss > 0.0:
            high = voltage
        else:
            low = voltage
        proposed = voltage - miss / slope
        if not low < proposed < high:
            proposed = 0.5 * (low + high)
        if abs(proposed - voltage) <= _SMALLEST * abs(voltage):
            break
        voltage = proposed
    return voltage


@njit(cache=True)
def cell_point(  # pragma: no cover  compiled
    voltage, multistate, binary, forward, backward, emission, series
):
    """Return current in A, slope in S and voltage across the pair of one unit."""
    low, high = min(voltage, 0.0), max(voltage, 0.0)
    if voltage == 0.0:
        high = 0.0
    path = series + 1.0 / multistate
    pair, width = 0.0, high - low
    current = slope = 0.0
    for _ in range(_MOST_STEPS):
        into, into_slope = diode_point(voltage - pair, forward, emission, path)
        out, out_slope = pair_point(pair, binary, backward, emission, series)
        miss = into - out
        current = into
        slope = into_slope * out_slope / (into_slope + out_slope)
        if abs(miss) <= _BALANCE * min(abs(into), abs(out)):
            break
        if miss > 0.0:
            low = pair
        else:
            high = pair
        step = miss / (into_slope + out_slope)
        # Newton's step has to stay inside and to shrink; else the bracket is halved.
        if not (low < pair + step < high and abs(step) < 0.5 * width):
            step = 0.5 * (low + high) - pair
        width = abs(step)
        if width <= _SMALLEST * abs(voltage):
            break
        pair += step
    return current, slope, pair


@njit(cache=True)
def _currents(  # pragma: no cover  compiled
    voltage, g1, g2, i1, i2, a, rs, current, slope, pair
):
    for k in range(voltage.size):
        current[k], slope[k], pair[k] = cell_point(
            voltage[k], g1[k], g2[k], i1[k], i2[k], a[k], rs[k]
        )


@njit(cache=True)
def _voltages(current, g1, g2, i1, i2, a, rs, voltage):  # pragma: no cover  compiled
    for k in range(current.size):
        drop = diode_drop(current[k], i1[k], a[k], rs[k]) + current[k] / g1[k]
        voltage[k] = drop + pair_drop(current[k], g2[k], i2[k], a[k], rs[k])


class CellPoint(NamedTuple):
    """Operating points of units.

    Attributes
    ----------
    current : ndarray
        From word to bit line, in A.
    slope : ndarray
        dI/dV in S.
    multistate_voltage, pair_voltage : ndarray
        Across M1 and across M2 and D2, in V.
    """

    current: NDArray[np.float64]
    slope: NDArray[np.float64]
    multistate_voltage: NDArray[np.float64]
    pair_voltage: NDArray[np.float64]


def cell_points(voltage: ArrayLike, elements: CellElements) -> CellPoint:
    """Return the operating points of units at voltages from word to bit line.

    Parameters
    ----------
    voltage : array_like
        V; broadcast against the elements.
    elements : CellElements
        The units.
    """
    shape, parts = flat(voltage, *elements)
    current, slope, pair = (np.empty(parts[0].size) for _ in range(3))
    _currents(*parts, current, slope, pair)
    values = (current, slope, current / parts[1], pair)
    return CellPoint(*(value.reshape(shape) for value in values))


def cell_voltage(current: ArrayLike, elements: CellElements) -> NDArray[np.float64]:
    """Return the voltage of units at currents: the inverse of :func:`cell_points`.

    Parameters
    ----------
    current : array_like
        From word to bit line in A; NaN comes back at and below -I0 of D1.
    elements : CellElements
        The units.

    Returns
    -------
    ndarray
        In V, of the broadcast shape.
    """
    shape, parts = flat(current, *elements)
    voltage = np.empty(parts[0].size)
    _voltages(*parts, voltage)
    return voltage.reshape(shape)
