"""How long a threshold switch integrates: law, censored likelihood, parameters.

The state x grows as ``r g0 sinh(V / V0) - x / tx`` and the device fires at x near 1; r
is drawn anew for each firing, log-normal with deviation s. Everything is proportional
to r, so each observation (fired between two samples, fired in the n-th pulse, not fired
by the end) is an interval of r, and the likelihood is exact with all its censoring.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 2d and 2f.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from labneuro.analysis.censored import log_probability
from labneuro.analysis.likelihood_fit import LikelihoodFit, maximise
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.threshold_switch_data import FiringTimes, TrainCounts
    from labneuro.devices.threshold_switch import ThresholdSwitchParameters

    Array = NDArray[np.float64]

NAMES = ("growth_rate", "growth_voltage", "rate_noise", "leak_time")
_START = {"growth_rate": 400.0, "growth_voltage": 0.6, "rate_noise": 0.1}
_SCALES = (0.3, 0.2, 0.5, 0.5)
_WIDEST = 4.5  # of a logarithm: a factor of 90 from where the search begins
_SETTLED = 3  # iterations of the state at which the device fires
_FEWEST_AMPLITUDES = 2


@dataclass(frozen=True, eq=False)
class Observations:
    """Integrations as intervals, each with what drove it.

    Attributes
    ----------
    voltage, monitor : ndarray, shape (observations,)
        Across the device during pulses and gaps, in V.
    width, gap : ndarray, shape (observations,)
        Of a pulse and after it, in s.
    pulses_low, pulses_high : ndarray, shape (observations,)
        Whole pulses before the lower and the upper end.
    time_low, time_high : ndarray, shape (observations,)
        Further time in the next pulse up to the end, in s.
    ended : ndarray of bool, shape (observations,)
        Whether it fired.
    weight : ndarray, shape (observations,)
        How many alike.
    """

    voltage: Array
    monitor: Array
    width: Array
    gap: Array
    pulses_low: Array
    time_low: Array
    pulses_high: Array
    time_high: Array
    ended: NDArray[np.bool_]
    weight: Array

    @classmethod
    def gather(
        cls,
        times: Sequence[FiringTimes],
        counts: Sequence[TrainCounts],
        held: ThresholdSwitchParameters,
    ) -> Observations:
        """Return what runs say of integration.

        Parameters
        ----------
        times, counts : sequence
            FiringPulse and PulseTrainFiring runs.
        held : ThresholdSwitchParameters
            For the share of the voltage that falls across the device.

        Raises
        ------
        FitError
            If there are not two amplitudes.
        """
        rows: list[tuple[float, ...]] = []
        for run in times:
            share = run.share(held.off_conductance)
            rows += [
                (volts * share, 0.0, run.width, 0.0, 0.0, low, 0.0, high)
                for volts, low, high in zip(
                    run.amplitude,
                    run.integration.low,
                    run.integration.high,
                    strict=True,
                )
            ]
        for train in counts:
            share = train.share(held.off_conductance)
            rows += [
                (
                    *(volts * share, train.monitor_voltage * share),
                    *(train.width, train.gap),
                    *_in_pulse(int(number), train.width, train.pulses),
                )
                for volts, number in zip(train.amplitude, train.first_fire, strict=True)
            ]
        if len({row[0] for row in rows}) < _FEWEST_AMPLITUDES:
            raise FitError(
                "growth_voltage: one amplitude does not determine it; measure firing "
                "at two amplitudes or more"
            )
        alike, weight = np.unique(np.array(rows), axis=0, return_counts=True)
        voltage, monitor, width, gap, *ends = alike.T.copy()
        return cls(
            *(voltage, monitor, width, gap),
            *(ends[0], ends[1], ends[2], ends[3]),
            np.isfinite(ends[3]),
            weight.astype(np.float64),
        )


def _in_pulse(
    number: int, width: float, pulses: int
) -> tuple[float, float, float, float]:
    """Return the interval of a firing in a pulse of a train, 0 for none of them."""
    if number == 0:
        return pulses - 1.0, width, 0.0, math.inf
    before = (number - 2.0, width) if number > 1 else (0.0, 0.0)
    return *before, number - 1.0, width


@dataclass(frozen=True)
class IntegrationFit:
    """The fitted law.

    Attributes
    ----------
    fit : LikelihoodFit
        Of :data:`NAMES`, the leak time only where trains determine it.
    leak_time : float
        Fitted or held, in s.
    observations : Observations
        What was fitted.
    held : ThresholdSwitchParameters
        Where the rest comes from.
    p_value : float
        Of the law: uniform ranks of the firings, given that they fired (Kolmogorov).
    """

    fit: LikelihoodFit
    leak_time: float
    observations: Observations
    held: ThresholdSwitchParameters
    p_value: float

    def parameters(self) -> Array:
        """Return the four numbers of :data:`NAMES`."""
        values = [self.fit.value(name) for name in NAMES[:3]]
        return np.array([*values, self.leak_time])

    def firing_probability(self, voltage: Array, width: float) -> Array:
        """Return the share of single pulses that fire.

        Parameters
        ----------
        voltage : ndarray
            Across the device, in V.
        width : float
            In s.
        """
        values = self.parameters()
        factor = rate_factor(values, self.held, voltage, width)
        return np.asarray(special.ndtr(-np.log(factor) / values[2]))

    def time_quantile(self, voltage: Array, share: float) -> Array:
        """Return the integration time in s that a share of pulses does not exceed."""
        rate, scale, noise, leak = self.parameters()
        factor = math.exp(-noise * float(special.ndtri(share)))
        drive = rate * np.sinh(voltage / scale)
        level = firing_state(factor * drive - 1.0 / leak, self.held)
        left = 1.0 - level / (factor * drive * leak)
        return np.where(left > 0.0, -leak * np.log(np.maximum(left, 1e-9)), np.inf)


def firing_state(slope: Array, held: ThresholdSwitchParameters) -> Array:
    """Return x at which the current rises, for a slope of x in 1/s.

    The bridge forms at a rate that opens with x over `integration_width`; it is half
    formed where the integral of that rate has reached ln 2.

    Parameters
    ----------
    slope : ndarray
        Of x near 1, in 1/s.
    held : ThresholdSwitchParameters
        Width of the transition and time of the bridge.
    """
    width = held.integration_width
    steps = math.log(2.0) * held.bridging_time * np.maximum(slope, 1e-3) / width
    return np.asarray(1.0 + width * np.log(np.expm1(np.minimum(steps, 50.0))))


def rate_factor(
    values: Array,
    held: ThresholdSwitchParameters,
    voltage: Array,
    time: Array | float,
    *,
    pulses: Array | float = 0.0,
    monitor: Array | float = 0.0,
    width: Array | float = 0.0,
    gap: Array | float = 0.0,
) -> Array:
    """Return the factor r on the growth rate that fires at a moment.

    Parameters
    ----------
    values : ndarray, shape (4,)
        Of :data:`NAMES`.
    held : ThresholdSwitchParameters
        The sharpness of firing.
    voltage, time : ndarray
        Of a pulse in V, and the moment in it in s.
    pulses, monitor, width, gap : ndarray or float
        Whole pulses before, the voltage between them in V, and both durations in s.
    """
    rate, scale, _, leak = values
    pulse = rate * leak * np.sinh(voltage / scale)
    rest = rate * leak * np.sinh(np.asarray(monitor) / scale)
    fade = np.exp(-(np.asarray(width) + gap) / leak)
    one = pulse * -np.expm1(-np.asarray(width) / leak) * np.exp(-np.asarray(gap) / leak)
    one += rest * -np.expm1(-np.asarray(gap) / leak)
    kept = np.where(
        fade < 1.0, (1.0 - fade**pulses) / np.maximum(1.0 - fade, 1e-12), 0.0
    )
    grown = one * kept * np.exp(-np.asarray(time) / leak)
    grown += pulse * -np.expm1(-np.asarray(time) / leak)
    with np.errstate(divide="ignore"):
        factor = 1.0 / grown
        for _ in range(_SETTLED):
            slope = (
                np.where(np.isfinite(factor), factor, 0.0) * pulse / leak - 1.0 / leak
            )
            factor = firing_state(slope, held) / grown
    return np.asarray(factor)


def _log_factors(
    values: Array, held: ThresholdSwitchParameters, seen: Observations
) -> tuple[Array, Array]:
    """Return ln r at both ends; minus infinity where a firing has not been seen."""
    ends = []
    for pulses, time in (
        (seen.pulses_low, seen.time_low),
        (seen.pulses_high, np.where(seen.ended, seen.time_high, 0.0)),
    ):
        factor = rate_factor(
            values,
            held,
            seen.voltage,
            time,
            pulses=pulses,
            monitor=seen.monitor,
            width=seen.width,
            gap=seen.gap,
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ends.append(np.log(factor))
    return ends[0], np.where(seen.ended, ends[1], -np.inf)


def fit_integration(
    times: Sequence[FiringTimes],
    counts: Sequence[TrainCounts],
    held: ThresholdSwitchParameters,
) -> IntegrationFit:
    """Fit the law to runs of one device.

    Parameters
    ----------
    times, counts : sequence
        FiringPulse and PulseTrainFiring runs. Only both together can determine the
        leak time; otherwise it is held.
    held : ThresholdSwitchParameters
        What is not fitted.

    Raises
    ------
    FitError
        If the runs do not determine the law.
    """
    seen = Observations.gather(times, counts, held)
    return fit_observations(seen, held, leak_known=not (times and counts))


def fit_observations(
    seen: Observations, held: ThresholdSwitchParameters, *, leak_known: bool = False
) -> IntegrationFit:
    """Fit the law to integrations, wherever they were seen.

    Parameters
    ----------
    seen : Observations
        The integrations.
    held : ThresholdSwitchParameters
        What is not fitted.
    leak_known : bool
        Whether the leak time is held; it is, too, if the data do not determine it.

    Raises
    ------
    FitError
        If the observations do not determine the law.
    """
    if leak_known:
        return _fit(seen, held, leak_known=True)
    try:
        return _fit(seen, held, leak_known=False)
    except FitError:  # too few events for it
        return _fit(seen, held, leak_known=True)


def _fit(
    seen: Observations, held: ThresholdSwitchParameters, *, leak_known: bool
) -> IntegrationFit:
    start = dict(_START)
    if not leak_known:
        start["leak_time"] = held.leak_time

    begin = np.log(list(start.values()))

    def values(logarithms: Array) -> Array:
        # Farther out, where only a search's trial steps go, the law overflows.
        found = np.exp(np.clip(logarithms, begin - _WIDEST, begin + _WIDEST))
        return np.append(found, held.leak_time) if leak_known else found

    def cost(logarithms: Array) -> float:
        point = values(logarithms)
        upper, lower = _log_factors(point, held, seen)
        # Early is a large factor: the tails of -ln r, in the order of time.
        early, late = -upper / point[2], -lower / point[2]
        ends = [(special.ndtr(z), special.ndtr(-z)) for z in (early, late)]
        return -float(seen.weight @ log_probability(ends[0], ends[1]))

    fit = maximise(cost, start, _SCALES[: len(start)])
    point = values(fit.logarithms)
    return IntegrationFit(fit, float(point[3]), seen, held, _p_value(point, held, seen))


def _p_value(
    values: Array, held: ThresholdSwitchParameters, seen: Observations
) -> float:
    """Return how likely ranks as uneven as those of the single pulses are."""
    single = seen.ended & (seen.gap == 0.0)
    if not single.any():
        return math.nan
    low, high = _log_factors(values, held, seen)
    moment = special.ndtr(-0.5 * (low + high)[single] / values[2])
    end = rate_factor(values, held, seen.voltage[single], seen.width[single])
    fired = special.ndtr(-np.log(end) / values[2])
    ranks = np.repeat(moment / fired, seen.weight[single].astype(int))
    return float(stats.kstest(ranks, "uniform").pvalue)
