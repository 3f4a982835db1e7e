"""How a fired threshold switch relaxes: the device's own equations, fitted.

The bridge thickens while the pulse goes on after the firing, and dissolves at the
monitor voltage; the card has no noise in it, so the relaxation time is a function of
how long the device was on. Device and fit share one model: the two phases are
integrated by :class:`~labneuro.devices.threshold_switch.ThresholdSwitchPopulation`,
once for each amplitude and once for the monitor.

A delay of the read-out, the same for all times, is taken as a random error of 0.13 us.

The current of the monitor slows the relaxation, so its voltage matters, by 7 us/mV.
What the inputs before the device draw is known and taken off (``source_share``). A
generator of 14 bits meets 50 mV within 0.1 mV, another error at each amplitude, which
moves all relaxation times of an amplitude together by up to 0.6 us. The fit takes these
errors as random, one an amplitude, of the size of a rounding error.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 2d.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import interpolate, optimize, stats

from labneuro.counting import LEVEL
from labneuro.devices.threshold_switch import ThresholdSwitchPopulation
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.profile import Interval
    from labneuro.analysis.threshold_switch_data import FiringTimes
    from labneuro.devices.threshold_switch import ThresholdSwitchParameters

    Array = NDArray[np.float64]

NAMES = ("relaxation_time", "thickening_time", "thickest_bridge")
_GRID = 41  # moments at which the bridge is looked at, per phase
_LONGEST = 6.0  # relaxation times that the monitor is followed
_FEWEST = 10  # relaxations to fit three numbers
_STEP = 1e-3  # of a logarithm, for the derivatives
_CODES = 16_382  # of a 14-bit generator, over twice the amplitude
_MILLIVOLT = 1e-3
# Standard deviation of the common delay in s: 0.07 us are one code of an 8-bit scope
# (0.63 mV) over the root of 12, at 2.5 mV/us; 0.11 us the same of 0.39 us, the step in
# which a simulated circuit follows the device there.
_TIMING = 0.13e-6
# Bridging times on before a relaxation is used. While the bridge forms, a quarter of a
# microsecond more or less on makes tens of microseconds of the relaxation.
_FORMED = 8.0
_SINGULAR = 1e12  # condition number
_X, _Y = 0, 1  # columns of the population's state


@dataclass(frozen=True, eq=False)
class RelaxationFit:
    """The fitted law.

    Attributes
    ----------
    values : ndarray, shape (3,)
        Of :data:`NAMES`.
    covariance : ndarray, shape (3, 3)
        Of these.
    delay : float
        By how much the read-out is early, in s; the same for all times.
    deviation : float
        Standard deviation of a relaxation time around the law, in s.
    count : int
        Relaxations used.
    censored : int
        Relaxations left out: those that outlasted the monitor, and those whose bridge
        had no time to form.
    """

    values: Array
    covariance: Array
    delay: float
    deviation: float
    count: int
    censored: int

    def interval(self, place: int) -> Interval:
        """Return the 95 % interval of a parameter, of its logarithm by t."""
        value = float(self.values[place])
        error = math.sqrt(float(self.covariance[place, place])) / value
        freedom = self.count - len(NAMES) - 1
        reach = float(stats.t.ppf(0.5 + LEVEL / 2.0, freedom)) * error
        return value * math.exp(-reach), value * math.exp(reach)


def predicted(parameters: ThresholdSwitchParameters, run: FiringTimes) -> Array:
    """Return the relaxation time of each event of a run that fired, in s.

    Parameters
    ----------
    parameters : ThresholdSwitchParameters
        The device.
    run : FiringTimes
        The run: amplitudes and moments of firing.

    Returns
    -------
    ndarray, shape (fired events,)
    """
    amplitude = run.amplitude[run.fired]
    on_time = run.width - run.integration.middle[run.fired]
    levels = np.unique(amplitude)
    bridge = np.empty_like(amplitude)
    grid, grown = _thickening(parameters, run, levels, float(on_time.max()))
    for row, level in enumerate(levels):
        rows = amplitude == level
        bridge[rows] = interpolate.PchipInterpolator(grid, grown[row])(on_time[rows])
    return _dissolving(parameters, run, bridge)


def _thickening(
    parameters: ThresholdSwitchParameters,
    run: FiringTimes,
    levels: Array,
    longest: float,
) -> tuple[Array, Array]:
    """Return times after a firing in s and the bridge then, a row an amplitude."""
    population = ThresholdSwitchPopulation([parameters] * len(levels), 0)
    sources = levels * run.source_share
    population.state[:, _X] = 1.0
    population.state[:, _Y] = [
        _bridge_at(parameters, source, run.series_resistance, run.firing_current)
        for source in sources
    ]
    # Denser where the bridge forms, within microseconds.
    grid = longest * np.linspace(0.0, 1.0, _GRID) ** 2
    grown = [population.bridge]
    for duration in np.diff(grid):
        population.advance(sources, run.series_resistance, float(duration))
        grown.append(population.bridge)
    return grid, np.array(grown).T


def _dissolving(
    parameters: ThresholdSwitchParameters, run: FiringTimes, bridge: Array
) -> Array:
    """Return how long each bridge holds at the monitor voltage, in s."""
    population = ThresholdSwitchPopulation([parameters], 0)
    population.state[0, _Y] = float(bridge.max())
    source = run.monitor_voltage * run.source_share
    end = _bridge_at(parameters, source, run.series_resistance, run.relaxed_current)
    step = parameters.relaxation_time / (4.0 * _GRID)
    moments, seen, time = [0.0], [float(bridge.max())], 0.0
    while seen[-1] > end and time < _LONGEST * parameters.relaxation_time:
        population.advance(source, run.series_resistance, step)
        time += step
        moments.append(time)
        seen.append(float(population.bridge[0]))
    if seen[-1] > end:
        return np.zeros_like(bridge) + _LONGEST * parameters.relaxation_time
    when = interpolate.PchipInterpolator(-np.array(seen), np.array(moments))
    return np.asarray(np.maximum(when(-end) - when(-bridge), 0.0))


def _bridge_at(
    parameters: ThresholdSwitchParameters, source: float, series: float, current: float
) -> float:
    """Return the bridge at which a source drives a current through the device."""
    conductance = current / (source - series * current)
    p = parameters
    share = math.log(conductance / p.off_conductance)
    share /= math.log(p.on_conductance / p.off_conductance)
    return 0.5 + p.bridge_width * math.log(share / (1.0 - share))


def fit_relaxation(
    runs: Sequence[FiringTimes], held: ThresholdSwitchParameters
) -> RelaxationFit:
    """Fit the law to the single pulses of one device, by least squares.

    Parameters
    ----------
    runs : sequence of FiringTimes
        FiringPulse runs.
    held : ThresholdSwitchParameters
        What is not fitted, and where the search begins.

    Raises
    ------
    FitError
        If there are too few relaxations, or they do not determine the law.
    """
    seen = [_usable(run, held) for run in runs]
    measured = [
        run.relaxation.middle[run.fired][ended]
        for run, ended in zip(runs, seen, strict=True)
    ]
    count = sum(map(len, measured))
    if count < _FEWEST:
        raise FitError(
            f"relaxation: {count} times were seen; at least {_FEWEST} are needed"
        )
    start = np.append(np.log([getattr(held, name) for name in NAMES]), 0.0)

    def residuals(point: Array) -> Array:
        values = dict(zip(NAMES, np.exp(point[:-1]).tolist(), strict=True))
        device = replace(held, **values)
        parts = [
            predicted(device, run)[ended] - found
            for run, ended, found in zip(runs, seen, measured, strict=True)
        ]
        return np.asarray(np.concatenate(parts) / held.relaxation_time + point[-1])

    groups = _Groups.of(runs, seen, held)
    rough = _least_squares(lambda x: residuals(np.append(x, 0.0)), start[:-1])
    share, noise = groups.shares(rough.fun)
    weight = noise * held.relaxation_time / _TIMING

    def whitened(point: Array) -> Array:
        return np.append(groups.whiten(residuals(point), share), weight * point[-1])

    found = _least_squares(whitened, np.append(rough.x, 0.0))
    variance = 2.0 * found.cost / (count - len(start))
    values = np.exp(found.x[:-1])
    logarithms = variance * _inverse_information(found.jac)[:-1, :-1]
    return RelaxationFit(
        values=values,
        covariance=logarithms * np.outer(values, values),
        delay=float(found.x[-1]) * held.relaxation_time,
        deviation=math.sqrt(variance) * held.relaxation_time,
        count=count,
        censored=sum(int((~ended).sum()) for ended in seen),
    )


def _usable(run: FiringTimes, held: ThresholdSwitchParameters) -> NDArray[np.bool_]:
    """Return which relaxations of a run, of the pulses that fired, are fitted."""
    on_time = run.width - run.integration.high[run.fired]
    formed = on_time > _FORMED * held.bridging_time
    return np.asarray(run.relaxation.ended[run.fired] & formed)


def _inverse_information(jacobian: Array) -> Array:
    information = jacobian.T @ jacobian
    if not np.linalg.cond(information) < _SINGULAR:
        raise FitError(
            "relaxation: the times do not determine "
            f"{', '.join(NAMES)}; measure more amplitudes"
        )
    return np.asarray(np.linalg.inv(information))


def _least_squares(
    residuals: Callable[[Array], Array], start: Array
) -> optimize.OptimizeResult:
    return optimize.least_squares(
        residuals, start, diff_step=_STEP, x_scale=0.1, ftol=1e-10, xtol=1e-6
    )


@dataclass(frozen=True, eq=False)
class _Groups:
    """Relaxations that share the error of a monitor level.

    Attributes
    ----------
    index : ndarray of int, shape (relaxations,)
        The group of each.
    deviation : ndarray, shape (groups,)
        What the error of the level makes of a time, in relaxation times.
    """

    index: NDArray[np.int64]
    deviation: Array

    @classmethod
    def of(
        cls,
        runs: Sequence[FiringTimes],
        seen: Sequence[NDArray[np.bool_]],
        held: ThresholdSwitchParameters,
    ) -> _Groups:
        keys, shifts = [], []
        for number, (run, ended) in enumerate(zip(runs, seen, strict=True)):
            amplitude = run.amplitude[run.fired][ended]
            more = replace(run, monitor_voltage=run.monitor_voltage + _MILLIVOLT)
            slope = (predicted(held, more) - predicted(held, run))[ended] / _MILLIVOLT
            rounding = 2.0 * amplitude / _CODES / math.sqrt(12.0)
            keys.append(np.stack((np.full(len(amplitude), number), amplitude)))
            shifts.append(np.abs(slope) * rounding / held.relaxation_time)
        _, index = np.unique(np.concatenate(keys, axis=1), axis=1, return_inverse=True)
        index = np.asarray(index, dtype=np.int64).ravel()
        size = np.bincount(index)
        return cls(index, np.bincount(index, np.concatenate(shifts)) / size)

    def shares(self, residuals: Array) -> tuple[Array, float]:
        """Return how much of each group's mean to take off, and the noise within."""
        size = np.bincount(self.index)
        within = residuals - (np.bincount(self.index, residuals) / size)[self.index]
        variance = float(within @ within) / max(len(within) - len(size), 1)
        share = 1.0 - np.sqrt(variance / (variance + size * self.deviation**2))
        return np.asarray(share), math.sqrt(variance)

    def whiten(self, residuals: Array, share: Array) -> Array:
        """Return residuals with independent errors of equal size."""
        mean = np.bincount(self.index, residuals) / np.bincount(self.index)
        return np.asarray(residuals - (share * mean)[self.index])
