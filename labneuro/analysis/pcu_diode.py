"""Fit of the diode law to the current-voltage curve of one unit's diode.

The currents of a band share a range, so the noise of each band is estimated from its
own residuals (with its share of the fitted parameters taken off), and the bands are
weighed by it, until that changes no more.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figure 2a and the law beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

from labneuro.calibration import FittedParameter
from labneuro.counting import LEVEL
from labneuro.devices.diode import diode_currents_and_slopes, thermal_voltage
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NAMES = ("saturation_current", "ideality", "series_resistance")
UNITS = ("A", "", "ohm")
_ROUNDS = 12
_SETTLED = 1e-3
_FEWEST = 8
_STEP = 1e-6  # of the logarithmic parameters, for the slopes
_TINY = 1e-300


@dataclass(frozen=True)
class DiodeFit:
    """I0, n and Rs of one diode.

    Attributes
    ----------
    parameters : tuple of FittedParameter
        ``saturation_current``, ``ideality``, ``series_resistance``.
    covariance : ndarray, shape (3, 3)
        Of I0, n and Rs.
    noise : dict of int to float
        Standard deviation of a reading in A, by band.
    residual : ndarray, shape (readings,)
        Measured less fitted current in A.
    degrees_of_freedom : float
        Of the intervals: Welch and Satterthwaite over the bands.
    """

    parameters: tuple[FittedParameter, ...]
    covariance: Array
    noise: dict[int, float]
    residual: Array
    degrees_of_freedom: float

    @property
    def values(self) -> Array:
        """I0 in A, n, Rs in ohm."""
        return np.array([one.value for one in self.parameters])


def diode_law(
    voltage: Array, parameters: Array, temperature: float, lead_resistance: float
) -> Array:
    """Return the current of a diode behind leads, in A.

    Parameters
    ----------
    voltage : ndarray
        V
    parameters : ndarray, shape (3,)
        I0 in A, n, Rs in ohm.
    temperature : float
        K
    lead_resistance : float
        ohm
    """
    saturation, ideality, series = parameters
    emission = ideality * thermal_voltage(temperature)
    return diode_currents_and_slopes(
        voltage, saturation, emission, series + lead_resistance
    )[0]


def fit_diode(
    voltage: Array,
    current: Array,
    band: NDArray[np.int32],
    *,
    temperature: float,
    lead_resistance: float,
) -> DiodeFit:
    """Fit I0, n and Rs with intervals.

    Parameters
    ----------
    voltage, current : ndarray, shape (readings,)
        V and A.
    band : ndarray of int, shape (readings,)
        Readings of the same band have the same noise.
    temperature : float
        K
    lead_resistance : float
        In series with the diode in ohm; not part of Rs.

    Raises
    ------
    FitError
        If there are too few readings, or none of forward current.
    """
    if len(voltage) < _FEWEST:
        raise FitError(f"a diode needs at least {_FEWEST} readings, not {len(voltage)}")
    start = _first_guess(voltage, current, temperature)
    bands = np.unique(band)
    groups = [np.flatnonzero(band == one) for one in bands]
    deviation = np.maximum(1e-3 * np.abs(current), 1e-4 * np.abs(current).max() / 1e3)

    def model(logs: Array) -> Array:
        return diode_law(voltage, np.exp(logs), temperature, lead_resistance)

    logs = np.log(start)
    jacobian = np.empty((len(voltage), len(logs)))
    for _ in range(_ROUNDS):
        found = optimize.least_squares(
            lambda x, sigma=deviation: (model(x) - current) / sigma,
            logs,
            jac=lambda x, sigma=deviation: _slopes(model, x) / sigma[:, None],
            x_scale=(0.01, 0.01, 0.1),
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
        )
        logs = found.x
        jacobian = _slopes(model, logs)
        residual = current - model(logs)
        before = deviation
        deviation = _deviations(residual, jacobian / deviation[:, None], groups)
        if np.allclose(deviation, before, rtol=_SETTLED, atol=0.0):
            break
    weighted = jacobian / deviation[:, None]
    covariance = np.linalg.inv(weighted.T @ weighted)
    freedom = _freedom(weighted, covariance, groups)
    return _result(logs, covariance, freedom, residual, deviation, bands, groups)


def _result(
    logs: Array,
    covariance: Array,
    freedom: Array,
    residual: Array,
    deviation: Array,
    bands: NDArray[np.int32],
    groups: list[NDArray[np.int64]],
) -> DiodeFit:
    values = np.exp(logs)
    parameters = []
    for place, (name, unit) in enumerate(zip(NAMES, UNITS, strict=True)):
        error = math.sqrt(covariance[place, place])
        reach = float(stats.t.ppf(0.5 + 0.5 * LEVEL, freedom[place])) * error
        value = float(values[place])
        parameters.append(
            FittedParameter(
                name=name,
                unit=unit,
                value=value,
                standard_error=value * error,
                interval=(value * math.exp(-reach), value * math.exp(reach)),
            )
        )
    noise = {
        int(one): float(deviation[places[0]])
        for one, places in zip(bands, groups, strict=True)
    }
    return DiodeFit(
        tuple(parameters),
        covariance * np.outer(values, values),
        noise,
        residual,
        float(freedom.min()),
    )


def _first_guess(voltage: Array, current: Array, temperature: float) -> Array:
    """Return I0, n and Rs from the straightest part of ln I and from the top."""
    forward = (voltage > 0) & (current > 0)
    if np.count_nonzero(forward) < _FEWEST // 2:
        raise FitError("the curve of a diode holds no forward current")
    order = np.argsort(voltage[forward])
    volts, logs = voltage[forward][order], np.log(current[forward][order])
    middle = (volts > 0.25 * volts[-1]) & (volts < 0.6 * volts[-1])
    middle = middle if np.count_nonzero(middle) > 2 else np.ones(len(volts), bool)  # noqa: PLR2004  a line
    slope, offset = np.polyfit(volts[middle], logs[middle], 1)
    if not slope > 0:
        raise FitError("the current of a diode does not grow with its voltage")
    beyond = volts[-1] - (logs[-1] - offset) / slope
    series = max(float(beyond / np.exp(logs[-1])), 1.0)
    ideality = 1.0 / (slope * thermal_voltage(temperature))
    return np.array([math.exp(offset), ideality, series])


def _slopes(model: Callable[[Array], Array], logs: Array) -> Array:
    columns = []
    for place in range(len(logs)):
        step = np.zeros(len(logs))
        step[place] = _STEP
        upper, lower = model(logs + step), model(logs - step)
        columns.append((upper - lower) / (2.0 * _STEP))
    return np.stack(columns, axis=1)


def _leverages(weighted: Array) -> Array:
    inverse = np.linalg.inv(weighted.T @ weighted)
    return np.asarray(np.einsum("ij,jk,ik->i", weighted, inverse, weighted))


def _deviations(
    residual: Array, weighted: Array, groups: list[NDArray[np.int64]]
) -> Array:
    """Return the noise of each reading from its band's residuals."""
    left = 1.0 - _leverages(weighted)
    deviation = np.empty(len(residual))
    for places in groups:
        mean = np.sum(residual[places] ** 2) / max(float(left[places].sum()), 1e-3)
        deviation[places] = math.sqrt(max(mean, _TINY))
    return deviation


def _freedom(
    weighted: Array, covariance: Array, groups: list[NDArray[np.int64]]
) -> Array:
    """Return the degrees of freedom of each parameter's variance (Satterthwaite)."""
    left = 1.0 - _leverages(weighted)
    influence = covariance @ weighted.T
    parts = np.stack([np.sum(influence[:, one] ** 2, axis=1) for one in groups], axis=1)
    own = np.array([max(float(left[one].sum()), 1.0) for one in groups])
    return np.asarray(parts.sum(axis=1) ** 2 / np.sum(parts**2 / own, axis=1))
