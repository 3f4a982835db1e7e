"""Decay of paired-pulse facilitation with the interval, per resistor.

``A2 / A1 = 1 + C1 exp(-t / tau1) + C2 exp(-t / tau2)`` with the faster part first.
Scatter between repetitions, pooled over the intervals, is the noise. The second part is
told only where an F test asks for it and its interval of tau closes; otherwise it is
None, not a number.

References
----------
R. S. Zucker and W. G. Regehr, Annu. Rev. Physiol. 64, 355 (2002),
doi:10.1146/annurev.physiol.64.092501.114547: two parts of facilitation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

from labneuro.analysis.fmes_measures import Measure
from labneuro.analysis.profile import critical_value, profile_interval
from labneuro.counting import LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labneuro.analysis.fmes_runs import Pairs

_SIGNIFICANT = 0.01
_GRID = 31
_BEYOND = 10.0  # of the shortest and longest interval, where tau is searched
_FEWEST_INTERVALS = 3  # for one part; a second asks for two more


@dataclass(frozen=True)
class PairDecay:
    """Facilitation beside one resistor.

    Attributes
    ----------
    resistance : float
        In ohm, infinite for open.
    interval, index, error : ndarray, shape (intervals,)
        Interval in s, mean index and its standard error.
    amplitudes, times : tuple of Measure or None
        C and tau in s of each part; None where data do not determine it.
    misfit_p_value : float
        Probability of a misfit as large if the form is right; NaN without freedom.
    """

    resistance: float
    interval: NDArray[np.float64]
    index: NDArray[np.float64]
    error: NDArray[np.float64]
    amplitudes: tuple[Measure | None, Measure | None]
    times: tuple[Measure | None, Measure | None]
    misfit_p_value: float

    def curve(self, interval: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the fitted index; None where no part is determined."""
        parts = self.parts(interval)
        return 1.0 + np.sum(parts, axis=0) if parts else None

    def parts(self, interval: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return each determined part of the index."""
        return [
            amplitude.value * np.exp(-interval / time.value)
            for amplitude, time in zip(self.amplitudes, self.times, strict=True)
            if amplitude is not None and time is not None
        ]


@dataclass(frozen=True)
class _Data:
    """Means by interval, their weights, and the pooled scatter."""

    interval: NDArray[np.float64]
    mean: NDArray[np.float64]
    count: NDArray[np.int64]
    variance: float
    freedom: int


def fit_pairs(pairs: Pairs) -> PairDecay:
    """Fit the decay of the index with the interval."""
    data = _gather(pairs)
    error = np.sqrt(data.variance / data.count)
    one = _one_part(data)
    two = _two_parts(data, one)
    amplitudes, times, chi = two or one
    freedom = len(data.interval) - 2 * sum(time is not None for time in times)
    p_value = float("nan")
    if freedom > 0 and data.freedom > 0:
        p_value = float(stats.f.sf(chi / freedom, freedom, data.freedom))
    return PairDecay(
        pairs.resistance, data.interval, data.mean, error, amplitudes, times, p_value
    )


def _gather(pairs: Pairs) -> _Data:
    index = pairs.second / pairs.first
    interval, place, count = np.unique(
        pairs.interval, return_inverse=True, return_counts=True
    )
    mean = np.bincount(place, index) / count
    freedom = int(np.sum(count - 1))
    square = float(np.sum((index - mean[place]) ** 2))
    return _Data(interval, mean, count, square / freedom if freedom else 0.0, freedom)


_Fit = tuple[
    tuple[Measure | None, Measure | None], tuple[Measure | None, Measure | None], float
]


def _chi(
    data: _Data, times: tuple[float, ...]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return chi-square at the best amplitudes, these, and their errors."""
    weight = np.sqrt(data.count / data.variance)
    design = np.exp(-data.interval[:, None] / np.array(times)) * weight[:, None]
    target = (data.mean - 1.0) * weight
    found = np.linalg.lstsq(design, target, rcond=None)[0]
    spread = np.linalg.pinv(design.T @ design, hermitian=True)
    gap = target - design @ found
    return float(gap @ gap), found, np.sqrt(np.diag(spread))


def _grid(data: _Data) -> NDArray[np.float64]:
    """Return logarithms of tau to begin with."""
    low, high = data.interval[0] / _BEYOND, data.interval[-1] * _BEYOND
    return np.linspace(np.log(low), np.log(high), _GRID)


def _one_part(data: _Data) -> _Fit:
    if data.freedom < 1 or not data.variance > 0.0:
        return (None, None), (None, None), float("nan")
    flat = float(np.sum((data.mean - 1.0) ** 2 * data.count) / data.variance)
    nothing: _Fit = ((None, None), (None, None), flat)
    if len(data.interval) < _FEWEST_INTERVALS:
        return nothing

    def chi(log: float) -> float:
        return _chi(data, (math.exp(log),))[0]

    grid = _grid(data)
    place = int(np.argmin([chi(float(log)) for log in grid]))
    log = _minimum(chi, grid, place)
    best = chi(log)
    if stats.f.sf((flat - best) / 2.0, 2, data.freedom) > _SIGNIFICANT:
        return nothing
    time = _profiled(chi, log, best, data)
    if time is None:
        return nothing
    amplitude = _amplitudes(data, np.array([log]))[0]
    return (amplitude, None), (time, None), best


def _two_parts(data: _Data, one: _Fit) -> _Fit | None:
    if one[1][0] is None or len(data.interval) < _FEWEST_INTERVALS + 2:
        return None
    grid = _grid(data)
    chi = np.full((len(grid), len(grid)), np.inf)
    for fast in range(len(grid)):
        for slow in range(fast + 1, len(grid)):
            chi[fast, slow] = _chi(data, tuple(np.exp(grid[[fast, slow]])))[0]
    start = grid[list(np.unravel_index(int(np.argmin(chi)), chi.shape))]
    found = optimize.minimize(
        lambda logs: _chi(data, tuple(np.exp(logs)))[0],
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-7},
    )
    best, logs = float(found.fun), np.sort(found.x)
    if stats.f.sf((one[2] - best) / 2.0, 2, data.freedom) > _SIGNIFICANT:
        return None
    times = [
        _profiled(_other_free(data, logs, part), float(logs[part]), best, data)
        for part in range(2)
    ]
    if times[0] is None or times[1] is None:
        return None
    first, second = _amplitudes(data, logs)
    return (first, second), (times[0], times[1]), best


def _other_free(
    data: _Data, logs: NDArray[np.float64], part: int
) -> Callable[[float], float]:
    """Return chi-square against one tau, the other one at its best."""
    middle = float(logs.mean())
    low, high = float(_grid(data)[0]), float(_grid(data)[-1])
    bounds = (middle, high) if part == 0 else (low, middle)

    def chi(log: float) -> float:
        def inner(other: float) -> float:
            pair = (log, other) if part == 0 else (other, log)
            return _chi(data, (math.exp(pair[0]), math.exp(pair[1])))[0]

        return float(optimize.minimize_scalar(inner, bounds=bounds).fun)

    return chi


def _minimum(
    chi: Callable[[float], float], grid: NDArray[np.float64], place: int
) -> float:
    ends = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]
    return float(optimize.minimize_scalar(chi, bounds=ends).x)


def _critical(freedom: int) -> float:
    return float(stats.f.ppf(LEVEL, 1, freedom))


def _profiled(
    chi: Callable[[float], float], log: float, best: float, data: _Data
) -> Measure | None:
    """Return tau with its profile interval; None if that is open."""
    grid = _grid(data)
    scale = critical_value() / _critical(data.freedom)
    low, high = profile_interval(
        lambda value: (chi(value) - best) * scale,
        log,
        0.05,
        lower=float(grid[0]),
        upper=float(grid[-1]),
    )
    if low is None or high is None:
        return None
    return Measure(math.exp(log), (math.exp(low), math.exp(high)))


def _amplitudes(data: _Data, logs: NDArray[np.float64]) -> list[Measure]:
    """Return the amplitudes with normal intervals, the taus' errors included."""
    weight = np.sqrt(data.count / data.variance)
    taus = np.exp(logs)
    _, found, _ = _chi(data, tuple(taus))
    ratio = data.interval[:, None] / taus
    shape = np.exp(-ratio)
    design = np.hstack([shape, found * ratio * shape]) * weight[:, None]
    spread = np.linalg.pinv(design.T @ design, hermitian=True)
    reach = np.sqrt(np.diag(spread)[: len(found)] * _critical(data.freedom))
    return [
        Measure(float(value), (float(value - part), float(value + part)))
        for value, part in zip(found, reach, strict=True)
    ]
