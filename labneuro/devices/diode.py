"""The Shockley diode with series resistance, solved in closed form.

``I = I0 (exp((V - I Rs) / (n VT)) - 1)`` has the solution ``I = (n VT / Rs) w(x) - I0``
with ``x = (V + I0 Rs) / (n VT) + ln(I0 Rs / (n VT))``, where w is Wright's omega
function, ``w + ln(w) = x``: Lambert's W of exp(x), which does not overflow. One Newton
step on the junction voltage gives small currents their full relative precision.

References
----------
Z. Zhan et al., "Perovskite Neuromorphic Engine for Transformer Architectures", Adv.
Sci. 12 (2025) e04706: Figure 2a and the I-V law beside it.
R. M. Corless, D. J. Jeffrey, "The Wright omega function", LNCS 2385 (2002) 76-89.
F. N. Fritsch, R. E. Shafer, W. P. Crowley, Commun. ACM 16 (1973) 123-124: iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from labneuro.errors import CardError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BOLTZMANN_OVER_CHARGE = 8.617333262e-5
"""k / q in V/K (CODATA 2018)."""
ROOM_TEMPERATURE = 298.15
"""25 C in K."""
_TINY, _SMALL = -50.0, -2.0  # arguments of omega below which exp(x) is it, or starts it
_LARGEST_EXPONENT = 700.0  # of a float; only a diode without resistance gets there


def thermal_voltage(temperature: float = ROOM_TEMPERATURE) -> float:
    """Return k T / q in V; 25.6926 mV at 25 C.

    Parameters
    ----------
    temperature : float
        In K.
    """
    return BOLTZMANN_OVER_CHARGE * temperature


@dataclass(frozen=True)
class DiodeParameters:
    """Parameters of one diode, in SI units.

    Attributes
    ----------
    saturation_current : float
        I0, taken at `temperature`. A
    ideality : float
        n.
    series_resistance : float
        Rs. ohm
    temperature : float
        K
    """

    saturation_current: float
    ideality: float
    series_resistance: float
    temperature: float = ROOM_TEMPERATURE

    def __post_init__(self) -> None:
        for name in ("saturation_current", "ideality", "temperature"):
            if not getattr(self, name) > 0:
                raise CardError(f"{name}: must be above 0, not {getattr(self, name)}")
        if not self.series_resistance >= 0:
            raise CardError(
                f"series_resistance: must not be negative, not {self.series_resistance}"
            )

    @property
    def emission_voltage(self) -> float:
        """Return n VT in V."""
        return self.ideality * thermal_voltage(self.temperature)


@njit(cache=True)
def wright_omega(x: float) -> float:  # pragma: no cover  compiled
    """Return w with ``w + ln(w) = x``, for any real x, to machine precision."""
    if x < _TINY:
        return np.exp(x)  # w differs from exp(x) by a factor 1 - exp(x)
    if x > 1.0:
        w = x - np.log(x)
    elif x < _SMALL:
        w = np.exp(x)
    else:
        w = np.exp(2.0 * (x - 1.0) / 3.0)
    for _ in range(2):
        rest = x - w - np.log(w)
        step = (1.0 + w) * (1.0 + w + 2.0 / 3.0 * rest)
        w *= 1.0 + rest / (1.0 + w) * (step - 0.5 * rest) / (step - rest)
    return w


@njit(cache=True)
def diode_point(  # pragma: no cover  compiled
    voltage: float, saturation: float, emission: float, resistance: float
) -> tuple[float, float]:
    """Return current in A and differential conductance in S of a diode.

    Parameters
    ----------
    voltage : float
        Across junction and series resistance, in V.
    saturation, emission, resistance : float
        I0 in A, n VT in V, Rs in ohm.
    """
    drop = saturation * resistance
    junction = voltage
    if drop > 0.0:
        x = (voltage + drop) / emission + np.log(drop / emission)
        junction = voltage + drop - emission * wright_omega(x)
    exponent = min(junction / emission, _LARGEST_EXPONENT)
    growth = saturation * np.exp(exponent) / emission
    current = saturation * np.expm1(exponent)
    # The closed form leaves an error of 1e-16 of the larger of V and I0 Rs in the
    # junction's voltage: this step takes the residual of the law itself off.
    miss = voltage - junction - resistance * current
    if resistance > 0.0:
        current += growth * miss / (1.0 + resistance * growth)
    return current, growth / (1.0 + resistance * growth)


@njit(cache=True)
def diode_drop(  # pragma: no cover  compiled
    current: float, saturation: float, emission: float, resistance: float
) -> float:
    """Return the voltage in V at a current in A above -I0; NaN at and below it."""
    if current <= -saturation:
        return np.nan
    return current * resistance + emission * np.log1p(current / saturation)


@njit(cache=True)
def _points(voltage, saturation, emission, resistance, current, slope):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for k in range(voltage.size):
        current[k], slope[k] = diode_point(
            voltage[k], saturation[k], emission[k], resistance[k]
        )


@njit(cache=True)
def _drops(current, saturation, emission, resistance, voltage):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for k in range(current.size):
        voltage[k] = diode_drop(current[k], saturation[k], emission[k], resistance[k])


def flat(
    *values: ArrayLike,
) -> tuple[tuple[int, ...], list[NDArray[np.float64]]]:
    """Return the common shape of broadcast values and each of them as a flat copy."""
    arrays = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in values))
    return arrays[0].shape, [np.array(array).ravel() for array in arrays]


def diode_current(
    voltage: ArrayLike,
    saturation_current: ArrayLike,
    emission_voltage: ArrayLike,
    series_resistance: ArrayLike,
) -> NDArray[np.float64]:
    """Return the current of diodes, in A.

    Parameters
    ----------
    voltage : array_like
        V; all four are broadcast.
    saturation_current, emission_voltage, series_resistance : array_like
        I0 in A, n VT in V, Rs in ohm.

    Returns
    -------
    ndarray
        Of the broadcast shape.

    Examples
    --------
    >>> float(diode_current(0.5, 1e-9, 2 * 0.0256926, 50.0)).__round__(9)
    1.6552e-05
    """
    return diode_currents_and_slopes(
        voltage, saturation_current, emission_voltage, series_resistance
    )[0]


def diode_currents_and_slopes(
    voltage: ArrayLike,
    saturation_current: ArrayLike,
    emission_voltage: ArrayLike,
    series_resistance: ArrayLike,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return current in A and dI/dV in S; parameters as for :func:`diode_current`."""
    shape, parts = flat(
        voltage, saturation_current, emission_voltage, series_resistance
    )
    current, slope = np.empty(parts[0].size), np.empty(parts[0].size)
    _points(*parts, current, slope)
    return current.reshape(shape), slope.reshape(shape)


def diode_voltage(
    current: ArrayLike,
    saturation_current: ArrayLike,
    emission_voltage: ArrayLike,
    series_resistance: ArrayLike,
) -> NDArray[np.float64]:
    """Return the voltage of diodes at a current, in V: the inverse of diode_current.

    Parameters
    ----------
    current : array_like
        A; all four are broadcast.
    saturation_current, emission_voltage, series_resistance : array_like
        As for :func:`diode_current`.

    Returns
    -------
    ndarray
        Of the broadcast shape; NaN where the current is at or below -I0, which no
        voltage reaches.
    """
    shape, parts = flat(
        current, saturation_current, emission_voltage, series_resistance
    )
    voltage = np.empty(parts[0].size)
    _drops(*parts, voltage)
    return voltage.reshape(shape)
