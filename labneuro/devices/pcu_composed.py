"""Operators composed of others: GELU and softmax of perovskite computing units.

What lies between the units is ideal and chosen, as in
:mod:`~labneuro.devices.pcu_operators`.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 3e, 3g, sections 2.2 and 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.pcu_operators import divide, exponential, multiply, sigmoid

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.pcu_cell import CellElements
    from labneuro.devices.pcu_operators import NominalUnit

GELU_SLOPE = 1.702
"""In ``gelu(x) ~ x sigmoid(1.702 x)``."""


def gelu(
    value: ArrayLike,
    sigmoid_units: CellElements,
    multiplier_units: CellElements,
    nominal: NominalUnit,
) -> NDArray[np.float64]:
    """Return GELU, ``x sigmoid(1.702 x)``, of a sigmoid unit and a multiplier.

    Parameters
    ----------
    value : array_like
        x, a number; its magnitude is multiplied and its sign put back.
    sigmoid_units, multiplier_units : CellElements
        As for :func:`sigmoid` and :func:`multiply`.
    nominal : NominalUnit
        For voltages, currents and offset.

    Returns
    -------
    ndarray
        A number.
    """
    x = np.asarray(value, dtype=np.float64)
    volts = GELU_SLOPE * nominal.emission * x
    level = sigmoid(volts, sigmoid_units) / nominal.saturation_current
    gate = np.maximum(0.5 * (level + 1.0), 0.0)
    unit = nominal.reference_current
    product = multiply(np.abs(x) * unit, gate * unit, multiplier_units, nominal)
    return np.sign(x) * product / unit


@dataclass(frozen=True)
class SoftmaxUnits:
    """The units of a softmax over n inputs.

    Attributes
    ----------
    multipliers, dividers : CellElements
        Of shape (3, n).
    exponentials : CellElements
        Of shape (n,).
    """

    multipliers: CellElements
    exponentials: CellElements
    dividers: CellElements


def softmax(
    logits: ArrayLike, scale: float, units: SoftmaxUnits, nominal: NominalUnit
) -> NDArray[np.float64]:
    """Return softmax(scale z) of multipliers, exponentials and dividers.

    The inputs are shifted to start at 0, which changes no softmax, and multiplied by
    the scale; the largest product becomes the reference current; the exponentials'
    currents are added on one line and divide each of them.

    Parameters
    ----------
    logits : array_like, shape (..., n)
        z, numbers.
    scale : float
        Above 0, such as 1 / sqrt(key dimension).
    units : SoftmaxUnits
        The units.
    nominal : NominalUnit
        For currents and offsets.

    Returns
    -------
    ndarray, shape (..., n)
        Numbers; they add to 1 only as well as the dividers work.
    """
    z = np.asarray(logits, dtype=np.float64)
    unit = nominal.reference_current
    shifted = (z - z.min(axis=-1, keepdims=True)) * unit
    scaled = multiply(shifted, scale * unit, units.multipliers, nominal) / unit
    peak = scaled.max(axis=-1, keepdims=True)
    # A far smaller input leaves less than the diode's leakage: at least no current.
    parts = np.maximum(exponential(scaled - peak, units.exponentials, nominal), 0.0)
    total = parts.sum(axis=-1, keepdims=True)
    return divide(parts, total, units.dividers, nominal) / unit
