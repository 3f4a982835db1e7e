"""Populations of FMES synapses, advanced by compiled functions.

A device lives through a pulse by ``exp(noise)`` times the pulse's duration, drawn anew
at each pulse: that scales the charge of a short pulse, keeps Kirchhoff's laws and does
not change where a long one leads to. Capacitances that have faded with the number of
pulses are lived through faster for the same reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from labneuro.devices.fmes_branches import (
    CAPACITANCE,
    CONDUCTANCE,
    CROWDING,
    LEAK,
    advance_crowded,
    advance_modes,
    branch_voltage,
    coupling,
    elastance,
    find_modes,
    terminal_voltage,
)
from labneuro.devices.fmes_parameters import BRANCHES
from labneuro.devices.random_streams import normal, streams

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.fmes_parameters import FmesParameters

OPEN = 1e15
"""Resistance in ohm that stands for no regulating resistor and no source."""
_SMALLEST_SWING = 1e-3  # V
_CROWDED_SHARE = 0.1  # of the charge over which a crowded branch turns

# Columns of the parameters that are no branch.
_LEAK, _THRESHOLD, _NOISE, _FADE, _ONSET = range(5)
_PARAMETERS = (
    "terminal_leak",
    "pulse_threshold",
    "charge_noise",
    "capacitance_fade",
    "fade_onset",
)
# Columns of the state beside the charges: sign of the pulse that is on, its factor of
# noise, pulses so far, next step in s, series resistance that the modes are for.
_PHASE, _FACTOR, _PULSES, _STEP, _SERIES = range(5)
_STATE_SIZE = 5


class Memory(NamedTuple):
    """The arrays of a population: parameters, state and solved modes.

    Attributes
    ----------
    branches : ndarray, shape (devices, branches, 5)
    parameter : ndarray, shape (devices, 5)
    crowded : ndarray of bool, shape (devices,)
    charge : ndarray, shape (devices, branches)
    state : ndarray, shape (devices, 5)
    matrix, vector : ndarray, shape (devices, branches, branches)
    drive, rate : ndarray, shape (devices, branches)
    stream : ndarray of uint64, shape (devices,)
    """

    branches: NDArray[np.float64]
    parameter: NDArray[np.float64]
    crowded: NDArray[np.bool_]
    charge: NDArray[np.float64]
    state: NDArray[np.float64]
    matrix: NDArray[np.float64]
    vector: NDArray[np.float64]
    drive: NDArray[np.float64]
    rate: NDArray[np.float64]
    stream: NDArray[np.uint64]


def memory_of(devices: list[FmesParameters], seed: int) -> Memory:
    """Return the arrays of discharged devices."""
    count, size = len(devices), len(BRANCHES)
    state = np.zeros((count, _STATE_SIZE))
    state[:, _FACTOR] = 1.0
    state[:, _SERIES] = np.nan  # no modes yet
    return Memory(
        branches=np.array([device.branches() for device in devices]),
        parameter=np.array(
            [[getattr(device, name) for name in _PARAMETERS] for device in devices]
        ),
        crowded=np.array([not device.linear for device in devices]),
        charge=np.zeros((count, size)),
        state=state,
        matrix=np.zeros((count, size, size)),
        vector=np.zeros((count, size, size)),
        drive=np.zeros((count, size)),
        rate=np.zeros((count, size)),
        stream=streams(seed, count),
    )


@njit(cache=True)
def prepare(m, i, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Solve device i behind another series resistance than before."""
    if m.state[i, _SERIES] == series:
        return
    m.state[i, _SERIES] = series
    leak = m.parameter[i, _LEAK]
    if m.crowded[i]:
        coupling(m.branches[i], leak, series, m.matrix[i], m.drive[i])
        m.state[i, _STEP] = 0.0
    else:
        find_modes(
            m.branches[i],
            leak,
            series,
            m.matrix[i],
            m.drive[i],
            m.rate[i],
            m.vector[i],
        )


@njit(cache=True)
def _pace(m, i, source, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return how much faster than the clock device i lives; note a new pulse."""
    state, p = m.state[i], m.parameter[i]
    phase = 0.0
    if abs(source) > p[_THRESHOLD] * series:
        phase = np.sign(source)
    if phase != state[_PHASE]:
        state[_PHASE] = phase
        state[_FACTOR] = 1.0
        if phase != 0.0:
            state[_PULSES] += 1.0
            if p[_NOISE] > 0.0:
                state[_FACTOR] = np.exp(p[_NOISE] * normal(m.stream, i))
    pace = state[_FACTOR]
    if p[_FADE] > 0.0 and state[_PULSES] > p[_ONSET]:
        pace *= np.exp(p[_FADE] * np.log10(state[_PULSES] / p[_ONSET]))
    return pace


@njit(cache=True)
def follow(m, i, source, slope, series, lived):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let device i live for a time of its own behind ``source + slope t``."""
    prepare(m, i, series)
    branches, charge, drive = m.branches[i], m.charge[i], m.drive[i]
    if m.crowded[i]:
        step = m.state[i, _STEP]
        m.state[i, _STEP] = advance_crowded(
            charge, branches, m.matrix[i], drive, source, slope, lived, step
        )
    else:
        rate, vector = m.rate[i], m.vector[i]
        advance_modes(charge, branches, drive, rate, vector, source, slope, lived)


@njit(cache=True)
def live(m, i, source, series, duration):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Let device i live on the clock behind a constant source, pulses with noise."""
    lived = duration * _pace(m, i, source, series)
    follow(m, i, source, 0.0, series, lived)


@njit(cache=True)
def _live_all(m, source, series, duration):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for i in range(m.charge.shape[0]):
        live(m, i, source[i], series[i], duration)


@njit(cache=True)
def volts_of(m, i, source, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the terminal voltage of device i behind a source, in V."""
    leak = m.parameter[i, _LEAK]
    return terminal_voltage(m.charge[i], m.branches[i], leak, source, series)


@njit(cache=True)
def _volts_all(m, source, series, out):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for i in range(m.charge.shape[0]):
        out[i] = volts_of(m, i, source[i], series[i])


@njit(cache=True)
def _pulse_all(m, current, width, gap, resistor, peak, after, residual):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for i in range(m.charge.shape[0]):
        series = resistor[i]
        source = current[i] * series
        for k in range(peak.shape[1]):
            live(m, i, source, series, width)
            peak[i, k] = volts_of(m, i, source, series)
            after[i, k] = volts_of(m, i, 0.0, series)
            live(m, i, 0.0, series, gap)
            residual[i, k] = volts_of(m, i, 0.0, series)


@njit(cache=True)
def _endure_all(m, current, width, gap, resistor, pulses, highest, lowest):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for i in range(m.charge.shape[0]):
        series = resistor[i]
        source = current[i] * series
        for k in range(highest.shape[1]):
            for half in range(2):
                for _ in range(pulses):
                    live(m, i, source if half == 0 else -source, series, width)
                    live(m, i, 0.0, series, gap)
                volts = volts_of(m, i, 0.0, series)
                if half == 0:
                    highest[i, k] = volts
                else:
                    lowest[i, k] = volts


@njit(cache=True)
def steady_time(m, i, source, series, share):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the time in which the voltage moves by `share` of its swing."""
    branches, charge = m.branches[i], m.charge[i]
    volts = volts_of(m, i, source, series)
    total = m.parameter[i, _LEAK]
    speed, swing, limit = 0.0, max(abs(volts), _SMALLEST_SWING), np.inf
    for j in range(charge.shape[0]):
        branch = branches[j]
        g = branch[CONDUCTANCE]
        if g == 0.0:
            continue
        total += g
        inside = branch_voltage(charge[j], branch)
        flow = g * (volts - inside) - branch[LEAK] * inside
        speed += g * elastance(charge[j], branch) * abs(flow)
        swing = max(swing, abs(inside), abs(volts - inside))
        if branch[CROWDING] > 0.0 and flow != 0.0:
            scale = branch[CAPACITANCE] / branch[CROWDING]
            limit = min(limit, _CROWDED_SHARE * scale / abs(flow))
    # As if nothing were connected: behind a stiff source it is the current that moves.
    return min(limit, share * swing * total / speed) if speed > 0.0 else limit


class PulseTrain(NamedTuple):
    """Postsynaptic voltages (PSV) of a train of pulses in V, shape (devices, pulses).

    Attributes
    ----------
    peak : ndarray
        At the end of each pulse, the current times the series resistance included.
    stored : ndarray
        Right after it, without that jump.
    residual : ndarray
        At the end of the gap after it.
    """

    peak: NDArray[np.float64]
    stored: NDArray[np.float64]
    residual: NDArray[np.float64]


class FmesPopulation:
    """Many devices advanced together, each with its own source and resistor.

    Parameters
    ----------
    devices : list of FmesParameters
        The parameters of each device.
    seed : int
        Seed of the devices' random streams.
    """

    def __init__(self, devices: list[FmesParameters], seed: int) -> None:
        self.memory = memory_of(devices, seed)

    def __len__(self) -> int:
        return len(self.memory.charge)

    def _each(self, value: ArrayLike) -> NDArray[np.float64]:
        wide = np.broadcast_to(np.asarray(value, dtype=np.float64), (len(self),))
        return np.ascontiguousarray(wide)

    def _series(self, resistor: ArrayLike) -> NDArray[np.float64]:
        return np.minimum(self._each(resistor), OPEN)

    @property
    def charge(self) -> NDArray[np.float64]:
        """Charge of each branch in C, shape (devices, 3): fast, middle, slow."""
        return self.memory.charge.copy()

    @property
    def pulses(self) -> NDArray[np.int64]:
        """How many pulses each device has seen, shape (devices,)."""
        return self.memory.state[:, _PULSES].astype(np.int64)

    def discharge(self) -> None:
        """Take all charge out of the devices; their wear stays."""
        self.memory.charge[:] = 0.0
        self.memory.state[:, [_PHASE, _STEP]] = 0.0
        self.memory.state[:, _FACTOR] = 1.0

    def voltage(self, resistor: ArrayLike = np.inf) -> NDArray[np.float64]:
        """Return the voltage now in V, shape (devices,), with no source connected.

        Parameters
        ----------
        resistor : array_like
            Regulating resistor in ohm, one for all or one a device; infinity is open.
        """
        found = np.empty(len(self))
        _volts_all(self.memory, np.zeros(len(self)), self._series(resistor), found)
        return found

    def advance(self, source: ArrayLike, series: ArrayLike, duration: float) -> None:
        """Advance all devices behind constant sources.

        Parameters
        ----------
        source : array_like
            Open-circuit voltage in V, one for all or one a device.
        series : array_like
            Series resistance in ohm; 0 is a perfect voltage source.
        duration : float
            In s.
        """
        _live_all(self.memory, self._each(source), self._each(series), duration)

    def rest(self, duration: float, resistor: ArrayLike = np.inf) -> None:
        """Let the devices forget for `duration` seconds through a resistor in ohm."""
        self.advance(0.0, self._series(resistor), duration)

    def pulse(
        self,
        current: ArrayLike,
        width: float,
        gap: float,
        resistor: ArrayLike = np.inf,
        count: int = 1,
    ) -> PulseTrain:
        """Send a train of current pulses, split between resistor and device.

        Parameters
        ----------
        current : array_like
            Current of the pulses in A, one for all or one a device.
        width, gap : float
            Duration of a pulse and of the time from its end to the next one, in s.
        resistor : array_like
            Regulating resistor in ohm, one for all or one a device; infinity is open.
        count : int
            Number of pulses.

        Returns
        -------
        PulseTrain
            PSV in V, each of shape (devices, count).
        """
        train = PulseTrain(*(np.empty((len(self), count)) for _ in range(3)))
        series = self._series(resistor)
        _pulse_all(self.memory, self._each(current), width, gap, series, *train)
        return train

    def endure(
        self,
        current: ArrayLike,
        width: float,
        gap: float,
        resistor: ArrayLike,
        pulses: int,
        cycles: int,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Repeat cycles of potentiation and depression.

        Parameters
        ----------
        current, width, gap, resistor
            As for :meth:`pulse`; depression has the opposite current.
        pulses : int
            Pulses of each half of a cycle.
        cycles : int
            Number of cycles.

        Returns
        -------
        highest, lowest : ndarray, shape (devices, cycles)
            Residual PSV in V after the potentiation and the depression of each cycle.
        """
        highest, lowest = (np.empty((len(self), cycles)) for _ in range(2))
        series = self._series(resistor)
        each = self._each(current)
        _endure_all(self.memory, each, width, gap, series, pulses, highest, lowest)
        return highest, lowest
