"""Figures of merit of the FMES synapse that follow from its curves.

Dynamic range
    Residual voltage after the last over that after the first potentiating pulse, from a
    discharged device; interval by Fieller's theorem.
Weight change
    (Gmax - Gmin) / N: mean change a pulse in V.
Effective states
    One, and one more for each potentiating pulse whose step on the fitted curve exceeds
    the standard deviation of a pulse's noise. This count is chosen here; that signal
    and noise of a pulse are told apart first is Gong and co-workers' point.
Asymmetry ratio
    Largest distance between the potentiation curve and the depression curve read
    backwards, over the range; 0 for curves that retrace each other. Chosen here: the
    field uses several.
Deviation
    Standard deviation of a few numbers, with the interval that the chi-square
    distribution gives normal ones.
Memory measure
    Standard deviation, over all lags, of the autocorrelation of the residual voltages
    of the first potentiation. The paper's text says no more than that; assumed: the
    mean is not taken off and nothing is normalised, so that it is in V^2 and grows with
    the voltage that is kept; each lag's sum is divided by the number of all readings.

References
----------
S. Zhao, W. Ran et al., "Neuromorphic-computing-based adaptive learning using ion
dynamics in flexible energy storage devices": Figures 3d, 3h, 3i, Supplementary Figure
15. N. Gong et al., Nat. Commun. 9, 2102 (2018), doi:10.1038/s41467-018-04485-1: signal
and noise. E. C. Fieller, J. R. Stat. Soc. B 16, 175 (1954): interval of a ratio.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from labneuro.analysis.fmes_curves import share
from labneuro.counting import LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.fmes_curves import CurveFit
    from labneuro.analysis.profile import Interval

_REACH = float(stats.norm.ppf(0.5 + LEVEL / 2.0))


class Measure(NamedTuple):
    """A number with its 95 % interval; an open side is None."""

    value: float
    interval: Interval


def normal(value: float, error: float) -> Measure:
    """Return a measure with a normal error."""
    return Measure(value, (value - _REACH * error, value + _REACH * error))


def deviation(values: Sequence[float]) -> Measure | None:
    """Return the standard deviation of normal numbers; None of fewer than two."""
    freedom = len(values) - 1
    if freedom < 1:
        return None
    found = float(np.std(values, ddof=1))
    ends = stats.chi2.ppf((0.5 + LEVEL / 2.0, 0.5 - LEVEL / 2.0), freedom)
    low, high = (found * math.sqrt(freedom / end) for end in ends)
    return Measure(found, (low, high))


def ratio(
    top: tuple[float, float], bottom: tuple[float, float], covariance: float = 0.0
) -> Measure:
    """Return a ratio with Fieller's interval, open where the denominator may be 0.

    Parameters
    ----------
    top, bottom : tuple of float
        Value and standard error of each.
    covariance : float
        Of the two errors.
    """
    (a, da), (b, db) = top, bottom
    g = _REACH**2
    square, mixed, rest = b * b - g * db * db, a * b - g * covariance, a * a - g * da**2
    if square <= 0.0:
        return Measure(a / b, (None, None))
    root = math.sqrt(max(mixed**2 - square * rest, 0.0))
    return Measure(a / b, ((mixed - root) / square, (mixed + root) / square))


def dynamic_range(
    residual: NDArray[np.float64], covariance: NDArray[np.float64]
) -> Measure:
    """Return the dynamic range of a potentiation from rest.

    Parameters
    ----------
    residual : ndarray, shape (pulses,)
        Voltages in V.
    covariance : ndarray, shape (pulses, pulses)
        Of their noise in V^2.
    """
    errors = np.sqrt(np.diag(covariance))
    return ratio(
        (float(residual[-1]), float(errors[-1])),
        (float(residual[0]), float(errors[0])),
        float(covariance[0, -1]),
    )


def weight_change(curve: CurveFit) -> Measure:
    """Return the mean change a pulse in V."""
    return normal(*curve.derived(lambda v: float(v[1] - v[0]) / curve.pulses))


def effective_states(curve: CurveFit) -> Measure:
    """Return how many states of the potentiation stand out of its pulses' noise."""
    low, high = curve.noise.pulse_interval
    count = _states(curve, curve.noise.pulse)
    fewest = 1.0 if high is None else _states(curve, high)
    return Measure(count, (fewest, _states(curve, low)))


def _states(curve: CurveFit, noise: float) -> float:
    x = np.arange(curve.pulses + 1) / curve.pulses
    span = curve.highest - curve.lowest
    steps = np.abs(np.diff(span * share(x, curve.bends[0])))
    return 1.0 + float(np.count_nonzero(steps > noise))


def asymmetry(curve: CurveFit) -> Measure:
    """Return the asymmetry ratio of the fitted curves."""
    x = np.linspace(0.0, 1.0, curve.pulses + 1)

    def largest(values: NDArray[np.float64]) -> float:
        back = 1.0 - share(1.0 - x, float(values[3]))
        return float(np.max(np.abs(share(x, float(values[2])) - back)))

    return normal(*curve.derived(largest))


def memory_measure(
    voltage: NDArray[np.float64], covariance: NDArray[np.float64]
) -> Measure:
    """Return the standard deviation of the autocorrelation in V^2.

    Parameters
    ----------
    voltage : ndarray, shape (readings,)
        PSV curve in V.
    covariance : ndarray, shape (readings, readings)
        Of its noise in V^2; its trace, which the noise adds to lag 0, is taken off.
    """
    lag_zero = float(np.trace(covariance)) / len(voltage)

    def spread(curve: NDArray[np.float64]) -> float:
        count = len(curve)
        found = np.correlate(curve, curve, "full")[count - 1 :] / count
        found[0] -= lag_zero
        return float(np.std(found))

    gradient = _gradient(spread, voltage)
    return normal(spread(voltage), math.sqrt(gradient @ covariance @ gradient))


def _gradient(
    function: Callable[[NDArray[np.float64]], float], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    step = 1e-4 * max(float(np.max(np.abs(at))), 1e-9)
    changes = step * np.eye(len(at))
    rises = [function(at + one) - function(at - one) for one in changes]
    return np.array(rises) / (2.0 * step)
