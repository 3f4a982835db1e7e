"""Spikes in waveforms of an oscilloscope: edges, shapes, identity, silence after them.

All times are where the straight line between two samples crosses a level, so they are
known better than a sample interval; the sampling still bounds them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_HYSTERESIS = 0.4  # of a level: noise within it makes no edge
_SHAPE_POINTS = 300
_MARGIN = 0.2  # of a spike's width that its shape shows on either side
_PLATEAU = (0.1, 0.9)  # share of a spike's width over which its height is the mean
_FEWEST = 2  # spikes that can be compared


@dataclass(frozen=True, eq=False)
class Pulses:
    """Times at which a voltage is high.

    Attributes
    ----------
    start, end : ndarray, shape (pulses,)
        In s; NaN where the waveform begins or ends in a pulse.
    """

    start: Array
    end: Array

    def __len__(self) -> int:
        return len(self.start)

    @property
    def width(self) -> Array:
        """Length of each in s."""
        return self.end - self.start


def find_pulses(time: Array, volts: Array, level: float) -> Pulses:
    """Return when a voltage is above a level.

    A pulse begins where the voltage rises through the level and ends where it falls
    through it, after which it must fall by 40 % of the level before it can rise again.

    Parameters
    ----------
    time, volts : ndarray, shape (samples,)
        In s and V, times ascending.
    level : float
        In V, above 0.

    Returns
    -------
    Pulses
    """
    low = (1.0 - _HYSTERESIS) * level
    known = np.where(volts > level, 1, np.where(volts < low, 0, -1))
    # Between both levels a sample is what the one before it was.
    place = np.where(known >= 0, np.arange(len(known)), 0)
    state = known[np.maximum.accumulate(place)] > 0
    steps = np.diff(state.astype(np.int8))
    rises = [
        _crossing(time, volts, k, level) for k in np.flatnonzero(steps > 0).tolist()
    ]
    falls = [
        _last_fall(time, volts, k, level) for k in np.flatnonzero(steps < 0).tolist()
    ]
    if state.size and state[0]:
        rises.insert(0, math.nan)
    if state.size and state[-1]:
        falls.append(math.nan)
    return Pulses(np.array(rises, dtype=float), np.array(falls, dtype=float))


def _crossing(time: Array, volts: Array, place: int, level: float) -> float:
    """Return where the line from a sample to the next one crosses a level, in s."""
    step = float(volts[place + 1] - volts[place])
    if step == 0.0:
        return float(time[place])
    share = min(max((level - float(volts[place])) / step, 0.0), 1.0)
    return float(time[place] + share * (time[place + 1] - time[place]))


def _last_fall(time: Array, volts: Array, place: int, level: float) -> float:
    """Return where a voltage that is low after a sample fell through a level, in s."""
    while place > 0 and volts[place] <= level:
        place -= 1
    return _crossing(time, volts, place, level)


@dataclass(frozen=True, eq=False)
class SpikeShapes:
    """Spikes laid over each other, beginning to beginning.

    Attributes
    ----------
    time : ndarray, shape (points,)
        From a spike's rise, in s.
    volts : ndarray, shape (spikes, points)
        In V.
    width, height : ndarray, shape (spikes,)
        Time above the level in s, mean of its middle in V.
    """

    time: Array
    volts: Array
    width: Array
    height: Array

    def __len__(self) -> int:
        return len(self.volts)

    def correlations(self) -> Array:
        """Return each spike's correlation with the mean of all others; NaN if alone.

        Returns
        -------
        ndarray, shape (spikes,)
        """
        count = len(self)
        if count < _FEWEST:
            return np.full(count, np.nan)
        others = (self.volts.sum(axis=0) - self.volts) / (count - 1)
        mine = self.volts - self.volts.mean(axis=1, keepdims=True)
        theirs = others - others.mean(axis=1, keepdims=True)
        product = (mine * theirs).sum(axis=1)
        scale = np.sqrt((mine**2).sum(axis=1) * (theirs**2).sum(axis=1))
        return np.asarray(product / np.maximum(scale, np.finfo(float).tiny))


def spike_shapes(
    time: Array, volts: Array, spikes: Pulses, expected_width: float
) -> SpikeShapes:
    """Cut the spikes out of a waveform; those at its ends are left out.

    Parameters
    ----------
    time, volts : ndarray, shape (samples,)
        In s and V.
    spikes : Pulses
        Of this waveform.
    expected_width : float
        In s: from 20 % of it before a rise to 120 % of it after.
    """
    grid = np.linspace(
        -_MARGIN * expected_width, (1.0 + _MARGIN) * expected_width, _SHAPE_POINTS
    )
    whole = [
        (start, end)
        for start, end in zip(spikes.start, spikes.end, strict=True)
        if start + grid[0] >= time[0] and end + grid[-1] <= time[-1] + expected_width
    ]
    shapes = np.array([np.interp(start + grid, time, volts) for start, _ in whole])
    heights = []
    for start, end in whole:
        first, last = (start + share * (end - start) for share in _PLATEAU)
        inside = (time > first) & (time < last)
        heights.append(float(np.mean(volts[inside])) if inside.any() else math.nan)
    return SpikeShapes(
        grid,
        shapes.reshape(len(whole), len(grid)),
        np.array([end - start for start, end in whole]),
        np.array(heights),
    )


def joined_shapes(parts: Sequence[SpikeShapes]) -> SpikeShapes:
    """Return the spikes of several waveforms together; all on one grid, at least one.

    Parameters
    ----------
    parts : sequence of SpikeShapes
        With the same expected width.
    """
    return SpikeShapes(
        parts[0].time,
        np.concatenate([one.volts for one in parts]),
        np.concatenate([one.width for one in parts]),
        np.concatenate([one.height for one in parts]),
    )


def silences(ends: Array, starts: Array) -> Array:
    """Return the time from each end to the next start, in s; NaN if none follows.

    Parameters
    ----------
    ends, starts : ndarray
        Ascending times in s, such as those of firings and of a node that is driven
        again.
    """
    if not len(starts):
        return np.full(len(ends), np.nan)
    place = np.searchsorted(starts, ends)
    following = np.append(starts, np.nan)[place]
    return np.asarray(following - ends)
