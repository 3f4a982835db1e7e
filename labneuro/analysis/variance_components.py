"""Spread of a quantity between devices and between the cycles of a device.

Each of n devices goes through the same k cycles. A value is the mean, plus what the
cycle's number does to every device alike (warming up, slow charging), plus what this
device adds to it, plus a rest: the cycle-to-cycle noise, the meter's included. The mean
squares of a two-way table without interaction separate the two spreads.

References
----------
J. S. Williams, "A confidence interval for variance components", Biometrika 49 (1962)
278, doi:10.1093/biomet/49.1-2.278: the interval between devices. It covers at least as
often as it says.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from labneuro.counting import LEVEL
from labneuro.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_FEWEST = 2
_TAILS = (0.5 * (1.0 + LEVEL), 0.5 * (1.0 - LEVEL))


class VarianceComponents(NamedTuple):
    """Mean and spreads, in the unit of the values; intervals are of 95 %.

    Attributes
    ----------
    mean : float
        Over all devices and cycles.
    device_to_device : float
        Standard deviation between devices, the cycles' noise taken off.
    device_interval : tuple of float
        Its interval.
    cycle_to_cycle : float
        Standard deviation between the cycles of a device.
    cycle_interval : tuple of float
        Its interval.
    """

    mean: float
    device_to_device: float
    device_interval: tuple[float, float]
    cycle_to_cycle: float
    cycle_interval: tuple[float, float]


def chi_squared_ends(free: int) -> tuple[float, float]:
    """Return the 95 % interval of a standard deviation, as factors of its estimate.

    Parameters
    ----------
    free : int
        Degrees of freedom of the estimate, from normal values.
    """
    low, high = (math.sqrt(free / stats.chi2.ppf(one, free)) for one in _TAILS)
    return low, high


def variance_components(values: ArrayLike) -> VarianceComponents:
    """Separate the spread between devices from that between cycles.

    Parameters
    ----------
    values : array_like, shape (devices, cycles)
        One value a device and cycle; at least two of each.

    Raises
    ------
    FitError
        If there are fewer, or a value is not finite.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != _FEWEST or min(table.shape) < _FEWEST:
        raise FitError(
            f"spread: needs at least 2 devices and 2 cycles, not shape {table.shape}"
        )
    if not np.isfinite(table).all():
        raise FitError("spread: a value is not finite")
    devices, cycles = table.shape
    mean, of_device = table.mean(), table.mean(axis=1)
    rest = table - of_device[:, None] - table.mean(axis=0) + mean
    free = devices - 1, (devices - 1) * (cycles - 1)
    between = cycles * float(np.var(of_device, ddof=1))
    within = float(np.sum(rest**2)) / free[1]
    device_ends = (
        math.sqrt(
            max(free[0] * (between - within * stats.f.ppf(one, *free)), 0.0)
            / (cycles * stats.chi2.ppf(one, free[0]))
        )
        for one in _TAILS
    )
    first, second = device_ends
    shortest, longest = (
        math.sqrt(within) * factor for factor in chi_squared_ends(free[1])
    )
    return VarianceComponents(
        mean=float(mean),
        device_to_device=math.sqrt(max(between - within, 0.0) / cycles),
        device_interval=(first, second),
        cycle_to_cycle=math.sqrt(within),
        cycle_interval=(shortest, longest),
    )
