"""What the inputs make of a voltage: bandwidth, coupling, samples, crossings.

The circuit's voltage is piecewise constant. Behind one pole it relaxes exponentially
towards each new level, so samples, averages and the instants at which it crosses a
level have closed forms: nothing here depends on a step of integration.

A signal is described by the times and levels of its changes and by the output of the
pole at each change. AC coupling subtracts a second, slow pole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_HALVINGS = 60  # of an interval until it is as short as a double can tell
_SETTLED = 45.0  # time constants after which what is left of a change is rounding


@njit(cache=True)
def relax(times, volts, initial, tau):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the output of a pole at each change.

    Parameters
    ----------
    times, volts : ndarray, shape (changes,)
        When the input changes, in s, and to what, in V.
    initial : float
        Output at the first change in V.
    tau : float
        Time constant in s.
    """
    output = np.empty(times.size)
    value = initial
    for k in range(times.size):
        output[k] = value
        if k + 1 < times.size:
            decay = math.exp(-(times[k + 1] - times[k]) / tau)
            value = volts[k] + (value - volts[k]) * decay
    return output


@njit(cache=True)
def sample(times, volts, output, tau, start, step, count):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the output of a pole at evenly spaced times.

    Parameters
    ----------
    times, volts, output, tau
        As :func:`relax` takes and returns them.
    start, step : float
        First time and spacing in s.
    count : int
        Number of samples.
    """
    found = np.empty(count)
    k, last = 0, times.size - 1
    for i in range(count):
        t = start + i * step
        while k < last and times[k + 1] <= t:
            k += 1
        since = max(0.0, t - times[k])
        if since > _SETTLED * tau:  # most samples: no exponential is worth its time
            found[i] = volts[k]
        else:
            found[i] = volts[k] + (output[k] - volts[k]) * math.exp(-since / tau)
    return found


@njit(cache=True)
def average(times, volts, output, tau, start, step, count):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the mean output of a pole over intervals that follow each other.

    The integral of the output is that of the input less `tau` times the change of the
    output. Parameters as for :func:`sample`; the intervals begin at its times.
    """
    found = np.empty(count)
    k, last = 0, times.size - 1
    area = total = before = 0.0
    for i in range(count + 1):
        t = start + i * step
        while k < last and times[k + 1] <= t:
            width = times[k + 1] - times[k]
            area += volts[k] * width - tau * (output[k + 1] - output[k])
            k += 1
        since = max(0.0, t - times[k])
        change = (volts[k] - output[k]) * -math.expm1(-since / tau)
        total = area + volts[k] * since - tau * change
        if i > 0:
            found[i - 1] = (total - before) / step
        before = total
    return found


@njit(cache=True)
def _difference(since, level, fast, slow, tau_fast, tau_slow):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return the AC-coupled voltage some time after a change."""
    return (fast - level) * math.exp(-since / tau_fast) - (slow - level) * math.exp(
        -since / tau_slow
    )


@njit(cache=True)
def _turn(level, fast, slow, tau_fast, tau_slow):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return when the AC-coupled voltage after a change turns round, or 0."""
    above, below = (fast - level) / tau_fast, (slow - level) / tau_slow
    if above == 0.0 or below / above <= 0.0:
        return 0.0
    when = math.log(above / below) / (1.0 / tau_fast - 1.0 / tau_slow)
    return max(0.0, when)


@njit(cache=True)
def _bisect(begin, end, rising, threshold, level, fast, slow, tau_fast, tau_slow):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for _ in range(_HALVINGS):
        middle = 0.5 * (begin + end)
        value = _difference(middle, level, fast, slow, tau_fast, tau_slow)
        if (value >= threshold) == rising:
            end = middle
        else:
            begin = middle
    return end


@njit(cache=True)
def crossings(times, volts, fast, tau, threshold, now):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return when the output of a pole crosses a threshold, and which way.

    Parameters
    ----------
    times, volts, fast, tau
        As :func:`relax` takes and returns them.
    threshold : float
        In V; the output is high from it on.
    now : float
        End of the last level in s.

    Returns
    -------
    when : ndarray, shape (crossings,)
        Bench times in s.
    rising : ndarray of bool, shape (crossings,)
    """
    when, rising = np.empty(times.size), np.empty(times.size, dtype=np.bool_)
    found = 0
    for k in range(times.size):
        until = times[k + 1] if k + 1 < times.size else now
        level, begin = volts[k], fast[k]
        end = level + (begin - level) * math.exp(-(until - times[k]) / tau)
        if (begin >= threshold) != (end >= threshold):
            share = (threshold - level) / (begin - level)
            wait = -tau * math.log(share) if share > 0.0 else until - times[k]
            when[found] = min(times[k] + wait, until)
            rising[found] = end >= threshold
            found += 1
    return when[:found], rising[:found]


@njit(cache=True)
def coupled_crossings(times, volts, fast, slow, tau_fast, tau_slow, threshold, now):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return when an AC-coupled voltage crosses a threshold, as :func:`crossings`."""
    when, rising = np.empty(2 * times.size), np.empty(2 * times.size, dtype=np.bool_)
    found = 0
    for k in range(times.size):
        until = (times[k + 1] if k + 1 < times.size else now) - times[k]
        one = volts[k], fast[k], slow[k], tau_fast, tau_slow
        turn = min(_turn(*one), until)
        for begin, end in ((0.0, turn), (turn, until)):
            low = _difference(begin, *one) >= threshold
            high = _difference(end, *one) >= threshold
            if end > begin and low != high:
                when[found] = times[k] + _bisect(begin, end, high, threshold, *one)
                rising[found] = high
                found += 1
    return when[:found], rising[:found]


@njit(cache=True)
def accepted(candidates, earliest, dead):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the triggers that find the oscilloscope ready.

    Parameters
    ----------
    candidates : ndarray
        Ascending times in s.
    earliest : float
        From when the first one counts, in s.
    dead : float
        Time in s from one trigger until the next one counts.
    """
    found, count = np.empty(candidates.size), 0
    for time in candidates:
        if time >= earliest:
            found[count] = time
            count += 1
            earliest = time + dead
    return found[:count]


def extremes(
    times: Array, samples: Array, start: float, step: float, values: Array
) -> Array:
    """Return the smallest and the largest voltage of each interval, in turn.

    Between two changes the output is monotone, so the extremes lie at the changes or
    at the ends of an interval.

    Parameters
    ----------
    times, values : ndarray, shape (changes,)
        Changes in s and the output there.
    samples : ndarray, shape (intervals + 1,)
        Output at the ends of the intervals.
    start, step : float
        Begin and length of the intervals in s.

    Returns
    -------
    ndarray, shape (2 * intervals,)
    """
    low = np.minimum(samples[:-1], samples[1:])
    high = np.maximum(samples[:-1], samples[1:])
    index = np.floor((times - start) / step).astype(np.int64)
    inside = (index >= 0) & (index < low.size)
    np.minimum.at(low, index[inside], values[inside])
    np.maximum.at(high, index[inside], values[inside])
    return np.stack((low, high), axis=1).ravel()


@dataclass(frozen=True)
class Filter:
    """Time constants of a signal path.

    Attributes
    ----------
    fast : float
        Of the bandwidth in s.
    slow : float
        Of the AC coupling in s; infinite for DC.
    """

    fast: float
    slow: float = math.inf


@dataclass(frozen=True)
class Signal:
    """A voltage as a signal path passes it on.

    Attributes
    ----------
    times, volts : ndarray, shape (changes,)
        Changes at the input: bench time in s and level in V.
    fast, slow : ndarray, shape (changes,)
        Output of both poles at the changes in V.
    filter : Filter
        The path's time constants.
    """

    times: Array
    volts: Array
    fast: Array
    slow: Array
    filter: Filter

    def between(self, begin: float, end: float) -> Signal:
        """Return the part that the output between two bench times depends on."""
        first = max(0, int(np.searchsorted(self.times, begin, side="right")) - 1)
        last = max(first + 1, int(np.searchsorted(self.times, end, side="right")))
        part = slice(first, last)
        return Signal(
            self.times[part].copy(),
            self.volts[part].copy(),
            self.fast[part].copy(),
            self.slow[part].copy(),
            self.filter,
        )

    def _both(self, kernel, start: float, step: float, count: int) -> Array:  # type: ignore[no-untyped-def]  # noqa: ANN001  a compiled function
        shown: Array = kernel(
            self.times, self.volts, self.fast, self.filter.fast, start, step, count
        )
        if math.isfinite(self.filter.slow):
            shown -= kernel(
                self.times, self.volts, self.slow, self.filter.slow, start, step, count
            )
        return shown

    def samples(self, start: float, step: float, count: int) -> Array:
        """Return the output at evenly spaced bench times, in V."""
        return self._both(sample, start, step, count)

    def averages(self, start: float, step: float, count: int) -> Array:
        """Return the mean output over intervals that follow each other, in V."""
        return self._both(average, start, step, count)

    def peaks(self, start: float, step: float, count: int) -> Array:
        """Return smallest and largest output of each interval, in V."""
        ends = self.samples(start, step, count + 1)
        offset = self.slow if math.isfinite(self.filter.slow) else 0.0
        return extremes(self.times, ends, start, step, self.fast - offset)

    def crossings(
        self, threshold: float, now: float
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Return bench times at which the output crosses a level, and whether up."""
        found: tuple[Array, NDArray[np.bool_]]
        one = self.times, self.volts, self.fast
        if math.isfinite(self.filter.slow):
            found = coupled_crossings(
                *one, self.slow, self.filter.fast, self.filter.slow, threshold, now
            )
        else:
            found = crossings(*one, self.filter.fast, threshold, now)
        return found


class SignalPath:
    """An input's filter with its memory of what came before the kept changes."""

    def __init__(self) -> None:
        self._fast = self._slow = math.nan

    def settle(self) -> None:
        """Forget the past: the path has long settled when the next signal begins."""
        self._fast = self._slow = math.nan

    def passed(self, times: Array, volts: Array, filter_: Filter) -> Signal:
        """Return what a voltage becomes.

        Parameters
        ----------
        times, volts : ndarray, shape (changes,)
            Bench times in s and levels in V; at least one.
        filter_ : Filter
            The time constants.
        """
        fast = volts[0] if math.isnan(self._fast) else self._fast
        slow = volts[0] if math.isnan(self._slow) else self._slow
        self._fast, self._slow = fast, slow
        slow_output = (
            relax(times, volts, slow, filter_.slow)
            if math.isfinite(filter_.slow)
            else volts
        )
        fast_output = relax(times, volts, fast, filter_.fast)
        return Signal(times, volts, fast_output, slow_output, filter_)

    def forget(self, signal: Signal, before: float) -> None:
        """Let the memory begin at the last change at or before a bench time."""
        kept = int(np.searchsorted(signal.times, before, side="right")) - 1
        if kept > 0:
            self._fast = float(signal.fast[kept])
            self._slow = float(signal.slow[kept])
