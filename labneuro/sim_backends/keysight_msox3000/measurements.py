"""Measurements on a waveform, by the definitions of IEEE 181.

Top and base are the most frequent levels of the upper and the lower half of the
histogram; where a half has no such level they are maximum and minimum. Edges are
passages from below the lower to above the upper threshold or back, timed at the middle
one. What cannot be measured is 9.9E+37.

References
----------
Keysight, InfiniiVision 3000T X-Series Programmer's Guide, chapter 22 (:MEASure), and
User's Guide, chapter 14 (Measurements); IEEE Std 181-2011, section 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.sim_backends.keysight_msox3000 import datasheet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.sim_backends.keysight_msox3000.traces import Trace

    Array = NDArray[np.float64]

_NO = datasheet.INVALID
_LEAST_SHARE = 0.05  # of the points of a half that its most frequent level must hold
_LEAST_CODES = 10.0  # of a byte: a smaller swing has no edges
_AROUND = 2  # codes beside the most frequent one that belong to its level
_FOR_CYCLES = 3  # edges that make an integral number of periods


class Edge(NamedTuple):
    """An edge: times at which it passes the three thresholds, in s, and its way."""

    low: float
    middle: float
    high: float
    rising: bool

    @property
    def duration(self) -> float:
        """Time between lower and upper threshold in s."""
        return abs(self.high - self.low)


@dataclass(frozen=True)
class Thresholds:
    """Where edges begin and end: percent of the amplitude, or V if `absolute`."""

    lower: float = 10.0
    middle: float = 50.0
    upper: float = 90.0
    absolute: bool = False


class Waveform:
    """A waveform to be measured.

    Parameters
    ----------
    trace : Trace
        What is on the screen.
    reference : float
        Time from the trigger in s near which the cycle is that is measured.
    thresholds : Thresholds
        Where edges begin and end.
    """

    def __init__(
        self, trace: Trace, reference: float = 0.0, thresholds: Thresholds | None = None
    ) -> None:
        self.trace = trace
        self.reference = reference
        self.thresholds = thresholds or Thresholds()

    @property
    def volts(self) -> Array:
        """Voltage of each point."""
        return self.trace.values

    def time(self, index: float) -> float:
        """Return the time of a point in s; between points for a broken index."""
        return self.trace.x_origin + index * self.trace.x_increment

    @property
    def maximum(self) -> float:
        """Largest voltage, invalid if it left the screen."""
        return _NO if self.trace.clipped_high else float(self.volts.max())

    @property
    def minimum(self) -> float:
        """Smallest voltage, invalid if it left the screen."""
        return _NO if self.trace.clipped_low else float(self.volts.min())

    @cached_property
    def _levels(self) -> tuple[float, float]:
        volts = self.volts
        low, high = float(volts.min()), float(volts.max())
        if self.trace.logic or high <= low:
            return low, high
        middle = 0.5 * (low + high)
        upper = volts >= middle
        width = self.trace.y_increment
        return (
            _usual(volts[~upper], width, low),
            _usual(volts[upper], width, high),
        )

    @property
    def base(self) -> float:
        """The usual low level."""
        return _NO if self.trace.clipped_low else self._levels[0]

    @property
    def top(self) -> float:
        """The usual high level."""
        return _NO if self.trace.clipped_high else self._levels[1]

    @property
    def amplitude(self) -> float:
        """Top less base."""
        return _difference(self.top, self.base)

    @property
    def peak_to_peak(self) -> float:
        """Maximum less minimum."""
        return _difference(self.maximum, self.minimum)

    @cached_property
    def levels(self) -> tuple[float, float, float] | None:
        """The three thresholds in V, or None where there can be no edges."""
        base, top = self._levels
        least = 0.0 if self.trace.logic else _LEAST_CODES * self.trace.y_increment
        if top - base <= least:
            return None
        one = self.thresholds
        if one.absolute:
            return one.lower, one.middle, one.upper
        share = (top - base) / 100.0
        return (
            base + one.lower * share,
            base + one.middle * share,
            base + one.upper * share,
        )

    @cached_property
    def edges(self) -> list[Edge]:
        """All edges in order."""
        if self.levels is None:
            return []
        volts = self.volts
        low, _, high = self.levels
        state = np.where(volts >= high, 1, np.where(volts <= low, -1, 0))
        known = np.flatnonzero(state)
        turns = np.flatnonzero(np.diff(state[known]) != 0)
        return [
            self._edge(
                int(known[turn]), int(known[turn + 1]), bool(state[known[turn]] < 0)
            )
            for turn in turns
        ]

    def _edge(self, begin: int, end: int, rising: bool) -> Edge:
        assert self.levels is not None  # noqa: S101  edges exist only with levels
        part = self.volts[begin : end + 1]
        first, middle, last = (
            self.time(begin + _passage(part, level, rising)) for level in self.levels
        )
        return Edge(first, middle, last, rising)

    @cached_property
    def _cycle(self) -> tuple[Edge, Edge, Edge] | None:
        """Three edges in a row that begin nearest to the reference."""
        edges = self.edges
        if len(edges) < _FOR_CYCLES:
            return None
        starts = range(len(edges) - 2)
        best = min(starts, key=lambda i: abs(edges[i].middle - self.reference))
        return edges[best], edges[best + 1], edges[best + 2]

    @property
    def period(self) -> float:
        """Time of a cycle in s."""
        cycle = self._cycle
        return cycle[2].middle - cycle[0].middle if cycle else _NO

    @property
    def frequency(self) -> float:
        """One over the period, in Hz."""
        return _NO if self.period == _NO else 1.0 / self.period

    def width(self, *, positive: bool) -> float:
        """Return the width of the pulse nearest to the reference, in s."""
        edges = self.edges
        pulses = [
            (abs(one.middle - self.reference), two.middle - one.middle)
            for one, two in pairwise(edges)
            if one.rising is positive
        ]
        return min(pulses)[1] if pulses else _NO

    def duty(self, *, positive: bool) -> float:
        """Return width over period in percent."""
        width, period = self.width(positive=positive), self.period
        return _NO if _NO in (width, period) else 100.0 * width / period

    def transition(self, *, rising: bool) -> float:
        """Return the time of the edge nearest to the reference, in s."""
        edges = [edge for edge in self.edges if edge.rising is rising]
        if not edges:
            return _NO
        return min(edges, key=lambda e: abs(e.middle - self.reference)).duration

    def shoot(self, *, after: bool) -> float:
        """Return over- (or pre-) shoot of the edge nearest the reference in percent."""
        edges = self.edges
        if not edges or self.amplitude in (_NO, 0.0):
            return _NO
        best = min(
            range(len(edges)), key=lambda i: abs(edges[i].middle - self.reference)
        )
        middles = [edge.middle for edge in edges]
        bounds = [self.time(0), *middles, self.time(self.volts.size)]
        begin, end = bounds[best + after], bounds[best + after + 1]
        first = math.ceil((begin - self.trace.x_origin) / self.trace.x_increment)
        last = math.ceil((end - self.trace.x_origin) / self.trace.x_increment)
        part = self.volts[max(first, 0) : max(last, first + 1)]
        if not part.size:
            return _NO
        upward = edges[best].rising is after
        beyond = part.max() - self.top if upward else self.base - part.min()
        return 100.0 * max(0.0, float(beyond)) / self.amplitude

    def interval(self, *, cycle: bool) -> Array:
        """Return all points, or those of an integral number of periods."""
        same = [edge for edge in self.edges if edge.rising is self.edges[0].rising]
        if not cycle or len(self.edges) < _FOR_CYCLES:
            return self.volts
        begin, end = (
            (edge.middle - self.trace.x_origin) / self.trace.x_increment
            for edge in (same[0], same[-1])
        )
        return self.volts[math.ceil(begin) : max(math.ceil(end), math.ceil(begin) + 1)]

    def mean(self, *, cycle: bool) -> float:
        """Return the average voltage."""
        return float(self.interval(cycle=cycle).mean())

    def effective(self, *, cycle: bool, ac: bool) -> float:
        """Return the root mean square, without the mean if `ac`."""
        part = self.interval(cycle=cycle)
        return float(part.std()) if ac else float(np.sqrt(np.mean(part**2)))

    def area(self) -> float:
        """Return the integral over the screen in V s."""
        return float(self.volts.sum() * self.trace.x_increment)

    def crossing_time(self, level: float, *, rising: bool, number: int) -> float:
        """Return when the waveform passes a level for the n-th time, in s."""
        above = self.volts >= level
        steps = np.flatnonzero(above[1:] != above[:-1])
        wanted = steps[above[steps + 1] == rising]
        if not 0 < number <= wanted.size:
            return _NO
        index = int(wanted[number - 1])
        part = self.volts[index : index + 2]
        return self.time(index + _passage(part, level, rising))

    def edge_time(self, number: int, *, rising: bool) -> float:
        """Return when the n-th edge passes the middle threshold, in s."""
        edges = [edge for edge in self.edges if edge.rising is rising]
        return edges[number - 1].middle if 0 < number <= len(edges) else _NO

    def value_at(self, time: float) -> float:
        """Return the voltage at a time, in V."""
        index = (time - self.trace.x_origin) / self.trace.x_increment
        nearest = round(index)
        if not 0 <= nearest < self.volts.size:
            return _NO
        return float(self.volts[nearest])

    def place_of(self, *, largest: bool) -> float:
        """Return when the waveform is largest or smallest, in s."""
        found = self.volts.argmax() if largest else self.volts.argmin()
        return self.time(int(found))

    def burst(self) -> float:
        """Return the time from the first to the last edge in s."""
        edges = self.edges
        return edges[-1].middle - edges[0].middle if len(edges) > 1 else _NO

    def count_edges(self, *, rising: bool) -> float:
        """Return the number of edges."""
        return float(sum(edge.rising is rising for edge in self.edges))

    def count_pulses(self, *, positive: bool) -> float:
        """Return the number of pulses."""
        pairs = pairwise(self.edges)
        return float(sum(one.rising is positive for one, _ in pairs))

    def bit_rate(self) -> float:
        """Return one over the shortest pulse, in Hz."""
        edges = self.edges
        gaps = [b.middle - a.middle for a, b in pairwise(edges)]
        return 1.0 / min(gaps) if gaps else _NO


def delay(first: Waveform, second: Waveform, rising: tuple[bool, bool]) -> float:
    """Return the time from an edge of one waveform to the nearest of another, in s."""
    ones = [e.middle for e in first.edges if e.rising is rising[0]]
    others = [e.middle for e in second.edges if e.rising is rising[1]]
    if not ones or not others:
        return _NO
    start = min(ones, key=lambda t: abs(t - first.reference))
    return min(others, key=lambda t: abs(t - start)) - start


def phase(first: Waveform, second: Waveform) -> float:
    """Return the delay in degrees of the first waveform's period."""
    gap, period = delay(first, second, (True, True)), first.period
    return _NO if _NO in (gap, period) else 360.0 * gap / period


def _difference(high: float, low: float) -> float:
    return _NO if _NO in (high, low) else high - low


def _usual(part: Array, width: float, extreme: float) -> float:
    """Return the most frequent level of half a histogram, or its extreme."""
    if not part.size:
        return extreme
    codes = np.rint((part - extreme) / width).astype(np.int64)
    codes -= codes.min()
    counts = np.bincount(codes)
    most = int(counts.argmax())
    near = np.abs(codes - most) <= _AROUND
    if near.sum() < _LEAST_SHARE * part.size or counts[most] < 2:  # noqa: PLR2004  twice
        return extreme
    return float(part[near].mean())


def _passage(part: Array, level: float, rising: bool) -> float:
    """Return the broken index at which a stretch first passes a level."""
    beyond = part >= level if rising else part <= level
    index = int(beyond.argmax()) if beyond.any() else part.size - 1
    if index == 0:
        return 0.0
    before, after = float(part[index - 1]), float(part[index])
    return index if after == before else index - 1 + (level - before) / (after - before)
