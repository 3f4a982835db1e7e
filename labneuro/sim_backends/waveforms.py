"""Waveforms of signal generators as level changes in time.

The circuit lives on piecewise constant levels, so every waveform becomes a list of
``(time, level)``: a square or pulse exactly, a smooth shape in ``STEPS`` steps a cycle,
each at the shape's value in its middle, an arbitrary waveform by its points. Runs of
equal levels are one entry.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labneuro.sim_backends.clock import Clock

    Array = NDArray[np.float64]

STEPS = 64
"""Steps of one cycle of a smooth shape."""
EDGE_STEPS = 16
"""Steps of a pulse edge that is not short."""
SHORT_EDGE = 0.01
"""An edge below this share of the pulse width is one step in its middle."""
NOISE_STEPS = 1024
"""Length of the noise sequence that is repeated."""
NOISE_STEP = 1e-6
"""Time in s between two noise levels."""
MOST_CHANGES = 100_000
"""Level changes that one jump of the clock may cost before cycles are stretched."""

Changes = list[tuple[float, float]]

_FROM_10_TO_90 = 0.8  # share of an edge that its transition time speaks of


class Cycle(NamedTuple):
    """One cycle of a waveform.

    Attributes
    ----------
    period : float
        In s.
    changes : list of (float, float)
        Time from the cycle's begin in s and level in V; the first is at 0.
    """

    period: float
    changes: Changes

    @property
    def first(self) -> float:
        """The level at the begin, in V."""
        return self.changes[0][1]

    @property
    def last(self) -> float:
        """The level at the end, in V."""
        return self.changes[-1][1]


def _sinc(x: Array) -> Array:
    """Return sin(x)/x with four zeros on each side of the middle, between -1 and 1."""
    value = np.sinc(10.0 * (x - 0.5))
    return 2.0 * (value - value.min()) / (value.max() - value.min()) - 1.0


# The shapes of a cycle 0 <= x < 1, between -1 and 1. The maker's constants of the last
# five were not found: they are the usual ones, the whole cycle filled.
_SHAPES: dict[str, Callable[[Array], Array]] = {
    "SIN": lambda x: np.sin(2.0 * np.pi * x),
    "SQU": lambda x: np.where(x < 0.5, 1.0, -1.0),  # noqa: PLR2004  half a cycle
    "SINC": _sinc,
    "GAUS": lambda x: 2.0 * np.exp(-0.5 * ((x - 0.5) * 10.0) ** 2) - 1.0,
    "LOR": lambda x: 2.0 / (1.0 + ((x - 0.5) * 20.0) ** 2) - 1.0,
    "ERIS": lambda x: 1.0 - 2.0 * np.exp(-5.0 * x),
    "EDEC": lambda x: 2.0 * np.exp(-5.0 * x) - 1.0,
    "HAV": lambda x: -np.cos(2.0 * np.pi * x),
}


def merged(times: Array, levels: Array) -> Changes:
    """Return changes with runs of equal levels made one.

    Examples
    --------
    >>> merged(np.array([0.0, 1.0, 2.0]), np.array([3.0, 3.0, 4.0]))
    [(0.0, 3.0), (2.0, 4.0)]
    """
    keep = np.ones(len(levels), dtype=bool)
    keep[1:] = levels[1:] != levels[:-1]
    return list(zip(times[keep].tolist(), levels[keep].tolist(), strict=True))


def shape_cycle(
    shape: str, period: float, low: float, high: float, turn: float, symmetry: float
) -> Cycle:
    """Return a cycle of a built-in shape.

    Parameters
    ----------
    shape : str
        Short form, such as ``"SIN"`` or ``"RAMP"``.
    period : float
        In s.
    low, high : float
        Levels in V.
    turn : float
        Phase in cycles.
    symmetry : float
        Share of the rise of a ramp, 0 to 1.
    """
    place = ((np.arange(STEPS) + 0.5) / STEPS + turn) % 1.0
    value = shape_values(shape, place, symmetry)
    levels = 0.5 * (high + low) + 0.5 * (high - low) * value
    return Cycle(period, merged(np.arange(STEPS) / STEPS * period, levels))


def shape_values(shape: str, place: Array, symmetry: float = 0.5) -> Array:
    """Return the values of a built-in shape, between -1 and 1.

    Parameters
    ----------
    shape : str
        Short form, such as ``"SIN"`` or ``"RAMP"``.
    place : ndarray
        Where in the cycle, 0 to 1.
    symmetry : float
        Share of the rise of a ramp, 0 to 1.
    """
    return _ramp(place, symmetry) if shape == "RAMP" else _SHAPES[shape](place)


def _ramp(place: Array, symmetry: float) -> Array:
    """Rise from -1 to 1 in the share `symmetry` of the cycle, then fall.

    A triangle begins at 0 like the sine, so the rise is centred on the begin.
    """
    place = (place + 0.5 * symmetry) % 1.0
    rise = 2.0 * place / max(symmetry, 1e-12) - 1.0
    fall = 1.0 - 2.0 * (place - symmetry) / max(1.0 - symmetry, 1e-12)
    return np.where(place < symmetry, rise, fall)


def arbitrary_cycle(points: Array, period: float, turn: float) -> Cycle:
    """Return a cycle of an arbitrary waveform, given by its levels in V."""
    levels = np.roll(points, -round(turn * len(points)))
    return Cycle(period, merged(np.arange(len(levels)) / len(levels) * period, levels))


def noise_cycle(low: float, high: float, generator: np.random.Generator) -> Cycle:
    """Return Gaussian noise whose levels lie between `low` and `high`, six sigma."""
    sigma = (high - low) / 6.0
    levels = 0.5 * (high + low) + sigma * generator.standard_normal(NOISE_STEPS)
    times = NOISE_STEP * np.arange(NOISE_STEPS, dtype=np.float64)
    clipped: Array = np.clip(levels, low, high)
    return Cycle(NOISE_STEPS * NOISE_STEP, merged(times, clipped))


def constant_cycle(level: float, period: float) -> Cycle:
    """Return a cycle that does not change."""
    return Cycle(period, [(0.0, level)])


def pulse_cycle(
    period: float,
    low: float,
    high: float,
    *,
    width: float,
    delay: float,
    leading: float,
    trailing: float,
    edge_steps: int = EDGE_STEPS,
    short_edge: float = SHORT_EDGE,
) -> Cycle:
    """Return a cycle of a pulse.

    Parameters
    ----------
    period : float
        In s.
    low, high : float
        Levels in V.
    width : float
        Time in s between the middles of the edges.
    delay : float
        Time in s from the cycle's begin to the begin of the leading edge.
    leading, trailing : float
        Transition times from 10 % to 90 % in s.
    edge_steps : int, optional
        Steps of an edge that is not short.
    short_edge : float, optional
        An edge below this share of the width is one step in its middle; 0 keeps
        every edge a ramp, which costs time where pulses are many.
    """
    rise, fall = leading / _FROM_10_TO_90, trailing / _FROM_10_TO_90
    middle = delay + 0.5 * rise
    changes = [(0.0, low)]
    steps = 1 if rise < short_edge * width else edge_steps
    changes += _edge(middle, rise, low, high, steps)
    steps = 1 if fall < short_edge * width else edge_steps
    changes += _edge(middle + width, fall, high, low, steps)
    return Cycle(period, changes)


def _edge(
    middle: float, duration: float, begin: float, end: float, count: int
) -> Changes:
    """Return an edge as small steps, or as a single one in its middle."""
    if count == 1:
        return [(middle, end)]
    start = middle - 0.5 * duration
    stairs = [
        (start + step / count * duration, begin + (step + 0.5) / count * (end - begin))
        for step in range(count)
    ]
    return [*stairs, (start + duration, end)]


def burst_changes(cycle: Cycle, cycles: int, idle: float) -> Changes:
    """Return what a burst changes, from the idle level and back to it.

    Parameters
    ----------
    cycle : Cycle
        The cycle that is repeated.
    cycles : int
        How often.
    idle : float
        Level in V before and after.
    """
    changes = [
        (number * cycle.period + time, level)
        for number in range(cycles)
        for time, level in cycle.changes
    ]
    changes.append((cycles * cycle.period, idle))
    kept, level = [], idle
    for change in changes:
        if change[1] != level:
            kept.append(change)
            level = change[1]
    return kept


class RepeatedCycle(deque[tuple[float, float]]):
    """A plan of level changes that is written as it is used up.

    Where the clock has jumped so far that more than ``MOST_CHANGES`` changes would have
    to be lived through, the cycles still to come before the clock's present are
    stretched by a whole number: every level keeps its share of the time.

    Parameters
    ----------
    cycle : Cycle
        What is repeated.
    begin : float
        Bench time of the first cycle in s.
    count : float
        Number of cycles, or infinity.
    end : float
        Level in V after the last cycle.
    clock : Clock
        The bench's clock.
    every : float, optional
        Time in s after which the whole, of finite `count`, begins anew.
    """

    def __init__(
        self,
        cycle: Cycle,
        begin: float,
        count: float,
        end: float,
        clock: Clock,
        every: float = math.inf,
    ) -> None:
        super().__init__()
        self._cycle = cycle
        self._begin = begin
        self._count = count
        self._end = end
        self._every = every
        self._bursts, self._cycles = Jump(clock), Jump(clock)
        self._done = 0.0
        self._slow = 1
        self._write()

    def popleft(self) -> tuple[float, float]:
        """Take the next change, after the one that follows it is written."""
        change = super().popleft()
        if not self:
            self._write()
        return change

    def _write(self) -> None:
        """Write the next cycle, or the end of a burst."""
        if math.isinf(self._begin):
            return
        if self._done >= self._count:
            length = self._count * self._cycle.period
            self.append((self._begin + self._slow * length, self._end))
            self._begin += self._slow * self._every
            self._done = 0.0
            return
        changes = self._cycle.changes
        if self._done == 0.0:
            size = self._count * len(changes)
            self._slow = self._bursts.stretch(self._begin, self._every, size)
        unit = self._slow * self._cycle.period
        begin = self._begin + self._done * unit
        factor = self._cycles.stretch(begin, unit, len(changes))
        stretch = min(factor, int(min(self._count - self._done, 2**62)))
        whole = stretch * self._slow
        self.extend((begin + whole * time, level) for time, level in changes)
        self._done += stretch


class Jump:
    """By how much pieces are stretched while the clock's latest jump is made up for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = -math.inf
        self._factor = 1

    def stretch(self, begin: float, length: float, size: float) -> int:
        """Return the factor for a piece.

        Parameters
        ----------
        begin, length : float
            Bench time of the piece and its duration, in s.
        size : float
            Number of its level changes.
        """
        now = self._clock.now
        if begin >= now:
            return 1
        if begin >= self._until:  # a new jump
            pieces = max(1.0, MOST_CHANGES // size)
            self._until = now
            self._factor = max(1, math.ceil((now - begin) / length / pieces))
        return self._factor
