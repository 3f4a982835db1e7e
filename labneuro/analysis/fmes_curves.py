"""Potentiation and depression curves of the FMES synapse, by least squares.

After P of N pulses the voltage is ``G(P) = B (1 - exp(-P / A)) + Gmin`` with
``B = (Gmax - Gmin) / (1 - exp(-N / A))``, and the same downwards from Gmax. Both
directions share their ends. The unknown is k = N / A: positive where steps shrink along
the train, 0 for a straight line, negative where they grow, in either direction. NL has
the sign of k: for depression, too, it is positive where the first steps are largest.

Least squares are not weighted, so that A is a property of the curve and not of the
noise. Readings carry the meter's white noise, and each pulse adds noise that stays in
the device and decays like the voltage itself, by exp(-1 / A) a pulse. Both deviations
are estimated from second differences, which smooth misfit hardly enters; the covariance
of the fit follows from them, the curve's misfit included in the second derivatives.
How well they are known sets the degrees of freedom of Student's t in the intervals.

References
----------
P.-Y. Chen, X. Peng and S. Yu, IEEE Trans. CAD 37 (2018) 3067,
doi:10.1109/TCAD.2018.2789723: the curve; its table of nonlinearity labels is met by the
closed form here. H. White, Econometrica 50, 1 (1982), doi:10.2307/1912526: covariance
of a fit of a model that misses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, optimize, stats

from labneuro.counting import LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labneuro.analysis.profile import Interval

LARGEST_NONLINEARITY = 1.0 / (0.07 * math.sqrt(2.0))
"""NL of a curve that does everything in its first pulse: 10.10."""
_STRAIGHT = 1e-3  # of k, below which series replace differences
_SERIES = 0.05  # of k, the same for NL
_BEND = 1e-4  # step of k, and of the ends as a share of the range
_STEEPEST = 300.0  # of k: all in the first pulse of any train
_STARTS = (0.5, 5.0, 30.0, -3.0)
_MOST_PULSE_NOISE = 1.5  # over the deviation of all
_GRID = 61
_CLOSER = 4  # grids at most, each within the one before
_FAR = 12.0  # rise of the deviance beyond which nothing is likely


def share(x: NDArray[np.float64], k: float) -> NDArray[np.float64]:
    """Return which share of its range a curve has gone after the share x of pulses."""
    if abs(k) < _STRAIGHT:
        return x + 0.5 * k * x * (1.0 - x)
    return np.asarray(np.expm1(-k * x) / math.expm1(-k))


def _slope(x: NDArray[np.float64], k: float) -> NDArray[np.float64]:
    """Return the derivative of :func:`share` by k."""
    if abs(k) < _STRAIGHT:
        return np.asarray(0.5 * x * (1.0 - x) * (1.0 + k * (1.0 - 2.0 * x) / 3.0))
    all_, part = math.expm1(-k), np.expm1(-k * x)
    return np.asarray((-x * (part + 1.0) * all_ + (all_ + 1.0) * part) / all_**2)


def nonlinearity(k: float) -> float:
    """Return NL of a curve, between -10.10 and 10.10; 0 for a straight line.

    With a = 1 / k and b = 1 / (1 - exp(-k)) it is ``(b - a - a ln(b / a)) / (0.07
    sqrt 2)``, an odd function of k; near 0 its series is summed instead.

    Parameters
    ----------
    k : float
        Pulses of the curve over A.
    """
    size = abs(k)
    if size < _SERIES:
        part = size / 8.0 - size**3 / 576.0 + size**5 / 25920.0
    else:
        a, b = 1.0 / size, 1.0 / -math.expm1(-size)
        part = b - a - a * math.log(b / a)
    return math.copysign(part * LARGEST_NONLINEARITY, k)


@dataclass(frozen=True)
class CurveNoise:
    """Noise of a potentiation and depression train.

    Attributes
    ----------
    reading : float
        Standard deviation of a reading in V.
    pulse : float
        Standard deviation of one pulse's change in V.
    pulse_interval : tuple of float or None
        95 % interval of `pulse` in V; its lower end is 0 where none is seen.
    likely : ndarray, shape (values, 3)
        Variance of a reading, of a pulse's change, and how likely both are.
    """

    reading: float
    pulse: float
    pulse_interval: tuple[float, float | None]
    likely: NDArray[np.float64]


@dataclass(frozen=True)
class CurveFit:
    """Potentiation and depression with common ends.

    Attributes
    ----------
    lowest, highest : float
        Ends of the range in V.
    bends : tuple of float
        k of potentiation and of depression.
    covariance : ndarray, shape (4, 4)
        Of lowest, highest and the two k.
    freedom : tuple of float
        Degrees of freedom of the two variances of k, as the noise is estimated.
    noise : CurveNoise
        Of readings and pulses.
    pulses : int
        Pulses from one end to the other.
    cycles : int
        Cycles that were averaged.
    mean : ndarray, shape (2, pulses)
        Measured voltage in V, mean of the cycles.
    fitted : ndarray, shape (2, pulses)
        The curve in V.
    """

    lowest: float
    highest: float
    bends: tuple[float, float]
    covariance: NDArray[np.float64]
    freedom: tuple[float, float]
    noise: CurveNoise
    pulses: int
    cycles: int
    mean: NDArray[np.float64]
    fitted: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """Lowest, highest and the two k, shape (4,)."""
        return np.array([self.lowest, self.highest, *self.bends])

    @property
    def misfit(self) -> float:
        """Root mean square of curve less mean measured voltage, over the range."""
        gap = self.mean - self.fitted
        return float(np.sqrt(np.mean(gap**2)) / abs(self.highest - self.lowest))

    def derived(
        self, function: Callable[[NDArray[np.float64]], float]
    ) -> tuple[float, float]:
        """Return a function of :attr:`values`, and its standard error."""
        value = function(self.values)
        scale = np.sqrt(np.diag(self.covariance))
        gradient = np.zeros(len(scale))
        for place, step in enumerate(0.05 * scale):
            if step > 0.0:
                change = np.zeros_like(scale)
                change[place] = step
                rise = function(self.values + change) - function(self.values - change)
                gradient[place] = rise / (2.0 * step)
        return value, float(np.sqrt(gradient @ self.covariance @ gradient))

    def bend_interval(self, direction: int) -> tuple[float, float]:
        """Return the 95 % interval of k, 0 for potentiation and 1 for depression."""
        reach = float(stats.t.ppf(0.5 + LEVEL / 2.0, self.freedom[direction]))
        reach *= math.sqrt(self.covariance[2 + direction, 2 + direction])
        return self.bends[direction] - reach, self.bends[direction] + reach


def a_interval(pulses: int, bend: float, ends: tuple[float, float]) -> Interval:
    """Return the interval of A; its far end is open where k may be 0.

    Parameters
    ----------
    pulses : int
        N of the curve.
    bend : float
        k, whose sign is that of A.
    ends : tuple of float
        Interval of k.
    """
    low, high = ends
    if low > 0.0 or high < 0.0:
        return pulses / high, pulses / low
    return (pulses / high, None) if bend > 0.0 else (None, pulses / low)


def fit_curve(voltage: NDArray[np.float64]) -> CurveFit:
    """Fit potentiation and depression.

    Parameters
    ----------
    voltage : ndarray, shape (cycles, 2, pulses)
        Voltage after each pulse in V: cycles that repeat, each up and down.

    Returns
    -------
    CurveFit
    """
    mean = voltage.mean(axis=0)
    unknown = _minimum(mean)
    fitted, jacobian = _model(unknown, mean.shape[1])
    noise = _noise(voltage - fitted.reshape(mean.shape), unknown[2:])
    bend = np.linalg.inv(_hessian(unknown, mean))
    spread = covariance_of_readings(noise, unknown[2:], mean.shape[1]) / len(voltage)
    side = bend @ jacobian.T
    return CurveFit(
        lowest=float(unknown[0]),
        highest=float(unknown[1]),
        bends=(float(unknown[2]), float(unknown[3])),
        covariance=side @ spread @ side.T,
        freedom=_freedom(noise, unknown[2:], side),
        noise=noise,
        pulses=mean.shape[1],
        cycles=len(voltage),
        mean=mean,
        fitted=fitted.reshape(mean.shape),
    )


def _freedom(
    noise: CurveNoise, bends: NDArray[np.float64], side: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the degrees of freedom of the variances of both k.

    They are those of the inverse chi-square that has the same relative variance as
    the likelihood gives, ``2 / (freedom - 4)``.
    """
    reading, pulse, weight = noise.likely.T
    if not np.any(reading):
        return math.inf, math.inf
    carried = _carried_by_cycle(bends, side.shape[1] // 2)
    found = []
    for row in side[2:]:
        variance = reading * (row @ row) + pulse * np.sum((row @ carried) ** 2)
        mean = weight @ variance
        rest = max(float(weight @ (variance - mean) ** 2), 1e-300)
        found.append(float(4.0 + 2.0 * mean**2 / rest))
    return found[0], found[1]


def _model(
    unknown: NDArray[np.float64], pulses: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both curves one after the other, and their derivatives."""
    low, high, up, down = unknown
    x = np.arange(1, pulses + 1) / pulses
    rise, fall = share(x, up), share(x, down)
    span, none = high - low, np.zeros(pulses)
    volts = np.concatenate([low + span * rise, high - span * fall])
    columns = (
        np.concatenate([1.0 - rise, fall]),
        np.concatenate([rise, 1.0 - fall]),
        np.concatenate([span * _slope(x, up), none]),
        np.concatenate([none, -span * _slope(x, down)]),
    )
    return volts, np.column_stack(columns)


def _minimum(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least squares, from the best of several bends."""
    target, pulses = mean.reshape(-1), mean.shape[1]
    low, high = mean[1, -1], mean[0, -1]
    scale = max(abs(high - low), 1e-9)
    found = [
        optimize.least_squares(
            lambda unknown: (_model(unknown, pulses)[0] - target) / scale,
            (low, high, bend, bend),
            jac=lambda unknown: _model(unknown, pulses)[1] / scale,
            bounds=(
                (-np.inf, -np.inf, -_STEEPEST, -_STEEPEST),
                (np.inf, np.inf, _STEEPEST, _STEEPEST),
            ),
            x_scale=(scale, scale, 1.0, 1.0),
            xtol=1e-12,
            ftol=1e-12,
        )
        for bend in _STARTS
    ]
    return np.asarray(min(found, key=lambda one: one.cost).x)


def _hessian(
    unknown: NDArray[np.float64], mean: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return half the second derivatives of the sum of squares."""
    target, pulses = mean.reshape(-1), mean.shape[1]
    span = abs(unknown[1] - unknown[0])
    columns = []
    for place, step in enumerate(_BEND * np.array([span, span, 1.0, 1.0])):
        change = np.zeros(len(unknown))
        change[place] = step
        ends = []
        for sign in (1.0, -1.0):
            volts, jacobian = _model(unknown + sign * change, pulses)
            ends.append(jacobian.T @ (volts - target))
        columns.append((ends[0] - ends[1]) / (2.0 * step))
    matrix = np.column_stack(columns)
    return np.asarray(0.5 * (matrix + matrix.T))


def _carried(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what noise of each pulse is left after each: lower triangular."""
    total = np.concatenate([[0.0], np.cumsum(np.log(factors[1:]))])
    return np.asarray(np.tril(np.exp(np.minimum(total[:, None] - total[None], 0.0))))


def _factors(bend: float, pulses: int) -> NDArray[np.float64]:
    return np.full(pulses, math.exp(-max(bend, 0.0) / pulses))


def covariance_of_readings(
    noise: CurveNoise, bends: NDArray[np.float64], pulses: int
) -> NDArray[np.float64]:
    """Return the covariance of the readings of one cycle in V^2.

    Noise that a cycle inherits from the one before is included.

    Parameters
    ----------
    noise : CurveNoise
        Deviations.
    bends : ndarray, shape (2,)
        k of both directions.
    pulses : int
        Pulses of each.
    """
    carried = _carried_by_cycle(bends, pulses)
    white = noise.reading**2 * np.eye(len(carried))
    return np.asarray(white + noise.pulse**2 * carried @ carried.T)


def covariance_from_rest(
    noise: CurveNoise, bend: float, pulses: int
) -> NDArray[np.float64]:
    """Return the covariance of the readings of a first train in V^2.

    Parameters
    ----------
    noise : CurveNoise
        Deviations.
    bend : float
        k of its direction.
    pulses : int
        Its pulses.
    """
    carried = _carried(_factors(bend, pulses))
    white = noise.reading**2 * np.eye(pulses)
    return np.asarray(white + noise.pulse**2 * carried @ carried.T)


def _carried_by_cycle(bends: NDArray[np.float64], pulses: int) -> NDArray[np.float64]:
    """Return what noise of each pulse of two cycles is left after each of the last."""
    cycle = np.concatenate([_factors(float(bend), pulses) for bend in bends])
    return _carried(np.concatenate([cycle, cycle]))[len(cycle) :]


def _noise(residual: NDArray[np.float64], bends: NDArray[np.float64]) -> CurveNoise:
    """Estimate both deviations from second differences of the residuals."""
    cycles = len(residual)
    if cycles > 1:  # what repeats is misfit
        residual = (residual - residual.mean(axis=0)) * math.sqrt(cycles / (cycles - 1))
    power, square = [], []
    for direction, bend in enumerate(bends):
        pulses = residual.shape[2]
        carried = np.diff(_carried(_factors(float(bend), pulses)), 2, axis=0)
        plain = np.diff(np.eye(pulses), 2, axis=0)
        eigen, vectors = linalg.eigh(carried @ carried.T, plain @ plain.T)
        along = np.diff(residual[:, direction], 2, axis=1) @ vectors
        power.append(eigen)
        square.append(np.sum(along**2, axis=0))
    weight = max(cycles - 1, 1)
    squares = np.concatenate(square) * (weight / cycles)
    return _two_deviations(np.concatenate(power), squares, float(weight))


def _two_deviations(
    power: NDArray[np.float64], square: NDArray[np.float64], weight: float
) -> CurveNoise:
    """Return both deviations, where variances are ``v**2 + w**2 power``.

    Variances are averaged over the likelihood: pulse noise that the meter hides is not
    taken for none, which would make intervals too short.
    """

    def loss(v: float, w: float) -> float:
        total = v**2 + w**2 * power
        return float(np.sum(weight * np.log(total) + square / total))

    rough = math.sqrt(float(np.mean(square)) / weight)
    if rough == 0.0:
        return CurveNoise(0.0, 0.0, (0.0, 0.0), np.zeros((1, 3)))

    def best(w: float) -> tuple[float, float]:
        found = optimize.minimize_scalar(
            lambda u: loss(math.exp(u), w),
            bounds=(math.log(1e-3 * rough), math.log(2.0 * rough)),
            method="bounded",
        )
        return float(found.fun), math.exp(float(found.x))

    begin, end, most = 0.0, _MOST_PULSE_NOISE * rough, _MOST_PULSE_NOISE * rough
    for _ in range(_CLOSER):  # a grid too wide for the likelihood would miss it
        pulse = np.linspace(begin, end, _GRID)
        profile = np.array([best(float(w)) for w in pulse])
        rise = profile[:, 0] - profile[:, 0].min()
        near = np.flatnonzero(rise < _FAR)
        begin = float(pulse[max(near[0] - 1, 0)])
        end = float(pulse[min(near[-1] + 1, _GRID - 1)])
        if len(near) > _GRID // 2:
            break
    inside = pulse[rise < stats.chi2.ppf(LEVEL, 1)]
    likely = np.exp(-0.5 * rise)
    likely /= likely.sum()
    high = float(inside[-1]) if inside[-1] < most else None
    return CurveNoise(
        reading=float(math.sqrt(likely @ profile[:, 1] ** 2)),
        pulse=float(math.sqrt(likely @ pulse**2)),
        pulse_interval=(float(inside[0]), high),
        likely=np.column_stack([profile[:, 1] ** 2, pulse**2, likely]),
    )
