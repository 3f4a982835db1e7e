"""The two memristors of a perovskite computing unit: M1 multistate, M2 binary.

Each has one state from 0 to 1: in M1 the share of filled traps, which lowers the
barrier, ``G = low (high / low)**x``; in M2 the filament's growth, which bridges around
one half, ``G = low (high / low)**sg((x - 0.5) / width)``. Beyond a dead zone the
state moves up or down by ``rate (exp((|V| - threshold) / scale) - 1)``, times what is
left to move, and drifts to its rest in the retention time. At constant voltage this is
linear, so advances are exact; reads inside the dead zone leave the state alone, and any
voltage beyond it disturbs. A pulse, from leaving the dead zone to coming back or
changing sign, has its own log-normal rate.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 2b, 2c and section 2.1.
"""

# The compiled functions carry no annotations: numba infers their types.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numba import njit

from labneuro.devices.random_streams import normal, streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.pcu_parameters import PcuParameters

# Columns of a memristor's parameters.
_LOW, _HIGH, _WIDTH, _UP, _DOWN, _SCALE, _RATE, _KEPT, _REST, _NOISE = range(10)
_WANDER, _WANDER_TIME = 10, 11
_TABLE_SIZE = 12
# Columns of its state: x, this pulse's rate factor, the pulse's sign, ln G's wander.
X, FACTOR, PULSE, WANDER = range(4)
STATE_SIZE = 4
_LARGEST_EXPONENT = 60.0  # beyond it a pulse of 1e-20 s is complete
_BRIDGING = 0.5
_CALM = 0.02  # of ln G
_SHORTEST = 1e-9  # s

Kind = Literal["multistate", "binary"]


def memristor_table(units: Sequence[PcuParameters], kind: Kind) -> NDArray[np.float64]:
    """Return the parameters of one memristor of each unit, shape (units, 12)."""
    if kind == "multistate":
        rows = [
            [
                u.multistate_low,
                u.multistate_high,
                0.0,
                u.multistate_dead_zone,
                u.multistate_dead_zone,
                u.multistate_voltage,
                u.multistate_rate,
                u.multistate_retention,
                u.multistate_rest,
                u.multistate_noise,
                u.fluctuation,
                u.fluctuation_time,
            ]
            for u in units
        ]
    else:
        rows = [
            [
                u.binary_low,
                u.binary_high,
                u.binary_width,
                u.binary_set,
                u.binary_reset,
                u.binary_voltage,
                u.binary_rate,
                u.binary_retention,
                0.0,
                u.binary_noise,
                0.0,
                1.0,
            ]
            for u in units
        ]
    return np.array(rows, dtype=np.float64).reshape(len(units), _TABLE_SIZE)


def fresh_state(units: Sequence[PcuParameters], kind: Kind) -> NDArray[np.float64]:
    """Return the state of one fresh memristor of each unit, shape (units, 4)."""
    state = np.zeros((len(units), STATE_SIZE))
    state[:, X] = [getattr(unit, f"{kind}_start") for unit in units]
    state[:, FACTOR] = 1.0
    return state


@njit(cache=True)
def conductance_of(p, s):  # pragma: no cover  compiled
    """Return the conductance in S of one memristor, its wander included."""
    share = s[X]
    if p[_WIDTH] > 0.0:
        share = 1.0 / (1.0 + np.exp(-(s[X] - _BRIDGING) / p[_WIDTH]))
    return p[_LOW] * np.exp(share * np.log(p[_HIGH] / p[_LOW]) + s[WANDER])


@njit(cache=True)
def movement(p, s, voltage):  # pragma: no cover  compiled
    """Return the rates up and down in 1/s at a voltage in V."""
    threshold = p[_UP] if voltage > 0.0 else p[_DOWN]
    beyond = abs(voltage) - threshold
    if beyond <= 0.0:
        return 0.0, 0.0
    rate = s[FACTOR] * p[_RATE]
    rate *= np.expm1(min(beyond / p[_SCALE], _LARGEST_EXPONENT))
    return (rate, 0.0) if voltage > 0.0 else (0.0, rate)


@njit(cache=True)
def begin_pulse(p, s, voltage, stream, index):  # pragma: no cover  compiled
    """Draw a pulse's rate when one begins at this voltage."""
    sign = 0.0
    if voltage > p[_UP]:
        sign = 1.0
    elif voltage < -p[_DOWN]:
        sign = -1.0
    if sign not in (0.0, s[PULSE]):
        s[FACTOR] = np.exp(p[_NOISE] * normal(stream, index))
    s[PULSE] = sign


@njit(cache=True)
def moved(p, s, x, voltage, duration):  # pragma: no cover  compiled
    """Return the state that x becomes in a time at a constant voltage: exact."""
    up, down = movement(p, s, voltage)
    forget = 1.0 / p[_KEPT]
    total = up + down + forget
    goal = (up + forget * p[_REST]) / total
    return x + (goal - x) * -np.expm1(-total * duration)


@njit(cache=True)
def wander(p, s, duration, stream, index):  # pragma: no cover  compiled
    """Let ln G wander: an Ornstein-Uhlenbeck process, exact."""
    if p[_WANDER] > 0.0:
        kept = np.exp(-duration / p[_WANDER_TIME])
        step = p[_WANDER] * np.sqrt(1.0 - kept * kept)
        s[WANDER] = kept * s[WANDER] + step * normal(stream, index)


@njit(cache=True)
def calm_for(p, s, voltage):  # pragma: no cover  compiled
    """Return for how long the conductance stays within about 2 %, in s."""
    up, down = movement(p, s, voltage)
    speed = abs(up * (1.0 - s[X]) - down * s[X] - (s[X] - p[_REST]) / p[_KEPT])
    allowed = _CALM / slope_of(p, s)
    if p[_WIDTH] > 0.0:
        allowed = min(allowed, 0.5 * p[_WIDTH])  # not past the bridging
    return max(allowed / speed, _SHORTEST) if speed > 0.0 else np.inf


@njit(cache=True)
def slope_of(p, s):  # pragma: no cover  compiled
    """Return d ln(G) / dx of one memristor."""
    ratio = np.log(p[_HIGH] / p[_LOW])
    if p[_WIDTH] <= 0.0:
        return ratio
    share = 1.0 / (1.0 + np.exp(-(s[X] - _BRIDGING) / p[_WIDTH]))
    return ratio * share * (1.0 - share) / p[_WIDTH]


@njit(cache=True)
def _advance_all(table, state, stream, voltage, duration):  # pragma: no cover  compiled
    for k in range(table.shape[0]):
        p, s = table[k], state[k]
        begin_pulse(p, s, voltage[k], stream, k)
        s[X] = moved(p, s, s[X], voltage[k], duration)
        wander(p, s, duration, stream, k)


@njit(cache=True)
def conductances(table, state):  # pragma: no cover  compiled
    """Return the conductances in S of memristors."""
    result = np.empty(table.shape[0])
    for k in range(table.shape[0]):
        result[k] = conductance_of(table[k], state[k])
    return result


class MemristorPopulation:
    """Many memristors of one kind, each at its own voltage, advanced exactly.

    Parameters
    ----------
    units : sequence of PcuParameters
        The units that they belong to.
    kind : str
        ``"multistate"`` (M1) or ``"binary"`` (M2).
    seed : int
        Seed of their random streams.

    Attributes
    ----------
    table, state : ndarray
        Parameters and state of each; see :func:`memristor_table`.
    """

    def __init__(self, units: Sequence[PcuParameters], kind: Kind, seed: int) -> None:
        self.table = memristor_table(units, kind)
        self.state = fresh_state(units, kind)
        self._stream = streams(seed, len(units))

    @property
    def filling(self) -> NDArray[np.float64]:
        """State x of each, shape (units,)."""
        return self.state[:, X].copy()

    @filling.setter
    def filling(self, value: ArrayLike) -> None:
        self.state[:, X] = np.clip(value, 0.0, 1.0)

    @property
    def conductance(self) -> NDArray[np.float64]:
        """Conductance of each in S, shape (units,)."""
        return np.asarray(conductances(self.table, self.state))

    def advance(self, voltage: ArrayLike, duration: float) -> None:
        """Advance all at constant voltages.

        Parameters
        ----------
        voltage : array_like, shape (units,) or a number
            V.
        duration : float
            s
        """
        volts = np.array(np.broadcast_to(voltage, len(self.table)), dtype=np.float64)
        _advance_all(self.table, self.state, self._stream, volts, duration)


def filling_for(
    table: NDArray[np.float64], conductance: ArrayLike
) -> NDArray[np.float64]:
    """Return the state x at which M1 has a conductance, cut to its range.

    Parameters
    ----------
    table : ndarray, shape (units, 12)
        Of multistate memristors.
    conductance : array_like, shape (units,) or a number
        S
    """
    ratio = np.log(table[:, _HIGH] / table[:, _LOW])
    return np.clip(np.log(np.asarray(conductance) / table[:, _LOW]) / ratio, 0.0, 1.0)
