"""The likelihood of the law of sensitization over every counted pulse.

``P = 1 / (1 + exp(-(E - midpoint + shift) / slope))`` with the shift that n pulses of
an accumulating field leave,
``shift = saturation_shift (1 - exp(-(E_acc - floor_field) / shift_field_scale))
(1 - exp(-n / sensitization_pulses))`` above the floor field and 0 below: the law of
:mod:`labneuro.devices.hnno`.

The likelihood has a kink wherever the floor field passes an accumulating field that
was measured. Between two of them it is smooth, so the maximum is sought segment by
segment, and no search steps over a kink unseen.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.analysis.binomial import deviance
from labneuro.analysis.logistic import maximise, probability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.counts import StateCounts

LOCATION, LN_SLOPE, FLOOR, LN_SHIFT, LN_SCALE, LN_PULSES = range(6)
SIZE = 6
_ITERATIONS = 50
_TOLERANCE = 1e-6  # of the deviance, far below any critical value
_SMALLEST_DAMPING, _LARGEST_DAMPING = 1e-9, 1e9
_RIDGE = 1e-9  # keeps a step finite along a direction without information
_START_SCALES = (0.15, 0.5, 2.0)  # of the range of accumulating fields
_START_PULSES = (0.03, 0.12, 0.5)  # of the largest number of pulses
_SLOPE_RANGE = (1e-4, 1e4)  # of the spread of pulse fields
_SHIFT_RANGE = (1e-6, 1e4)  # of the range of accumulating fields
_SCALE_RANGE = (1e-3, 1e3)  # of the range of accumulating fields
_PULSES_RANGE = (1e-2, 1e2)  # smallest, and times the largest number of pulses


class Point(NamedTuple):
    """A parameter vector, the segment its floor field lies in, and the deviance.

    The vector holds location, ln slope, floor, ln saturation shift, ln scale (fields
    in scaled units) and ln pulses.
    """

    vector: NDArray[np.float64]
    segment: int
    deviance: float


class _Bounds(NamedTuple):
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    held: NDArray[np.bool_]


class SensitizationLikelihood:
    """Deviance of the law, and its minimum with any parameters held.

    Parameters
    ----------
    counts : StateCounts
        Every counted cell, at least one of a sensitized state.

    Attributes
    ----------
    unit : float
        Field in V/m that one scaled unit stands for.
    edges : tuple of float
        0 and the accumulating fields that were measured, in scaled units, ascending:
        the ends of the segments.
    extent : float
        Range of the accumulating fields in scaled units.
    trials : ndarray, shape (cells,)
        Pulses in each cell.
    lower, upper : ndarray, shape (6,)
        Bounds of the vector, wide beyond anything that data could tell apart.
    """

    def __init__(self, counts: StateCounts) -> None:
        self.unit = float(np.std(counts.pulse_field)) or float(counts.pulse_field[0])
        self._accumulating = counts.accumulating_field / self.unit
        self._pulses = counts.accumulated_pulses
        self._probing = counts.pulse_field / self.unit
        self._spikes = counts.spikes
        self.trials = counts.trials
        levels = np.unique(self._accumulating[counts.sensitized])
        self.edges: tuple[float, ...] = (0.0, *levels.tolist())
        self.extent = float(np.ptp(levels)) or float(levels[0])
        self._most_pulses = float(self._pulses.max())
        self.lower, self.upper = self._limits()

    def _limits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        lower, upper = np.full(SIZE, -math.inf), np.full(SIZE, math.inf)
        lower[FLOOR], upper[FLOOR] = self.edges[0], self.edges[-1]
        for position, ends in (
            (LN_SLOPE, np.array(_SLOPE_RANGE)),
            (LN_SHIFT, np.array(_SHIFT_RANGE) * self.extent),
            (LN_SCALE, np.array(_SCALE_RANGE) * self.extent),
            (LN_PULSES, np.array(_PULSES_RANGE) * (1.0, self._most_pulses)),
        ):
            lower[position], upper[position] = np.log(ends)
        return lower, upper

    def segment_minima(self) -> list[Point]:
        """Return the minimum within each segment of the floor field."""
        return [
            self.settle(self._start(segment), ())
            for segment in range(len(self.edges) - 1)
        ]

    def segment_of(self, floor: float) -> int:
        """Return the segment that a floor field in scaled units lies in."""
        found = np.searchsorted(self.edges, floor, "right") - 1
        return int(np.clip(found, 0, len(self.edges) - 2))

    def descend(
        self, start: Point, held: Sequence[int] = (), odds: float = 0.0
    ) -> Point:
        """Minimise the deviance from a start, across segments if it leads there.

        Parameters
        ----------
        start : Point
            Where to begin; its deviance is not used.
        held : sequence of int
            Positions in the vector that stay as they are.
        odds : float
            Log-odds at the location parameter: 0 makes it the midpoint.
        """
        best = self.settle(start, held, odds)
        while FLOOR not in held:
            low, high = self.edges[best.segment : best.segment + 2]
            move = {low: -1, high: 1}.get(float(best.vector[FLOOR]), 0)
            segment = best.segment + move
            if not move or not 0 <= segment < len(self.edges) - 1:
                break
            beyond = self.settle(best._replace(segment=segment), held, odds)
            if beyond.deviance > best.deviance - _TOLERANCE:
                break
            best = beyond
        return best

    def settle(self, start: Point, held: Sequence[int], odds: float = 0.0) -> Point:
        """Minimise the deviance within the start's segment.

        Fisher's scoring steps, damped until they descend (Levenberg and Marquardt)
        and cut at the bounds.
        """
        bounds = self._bounds(start.segment, held)
        vector = np.clip(start.vector, bounds.lower, bounds.upper)
        vector = np.where(bounds.held, start.vector, vector)
        logit, jacobian = self._logit(vector, start.segment, odds)
        value = deviance(logit, self._spikes, self.trials)
        damping, gain = 1e-3, math.inf
        for _ in range(_ITERATIONS):
            gradient, information = self._derivatives(logit, jacobian)
            free = _free(vector, gradient, bounds)
            if gain < _TOLERANCE or not free.size:
                break
            while damping < _LARGEST_DAMPING:
                trial = vector.copy()
                trial[free] += _step(information, gradient, free, damping)
                trial[free] = np.clip(
                    trial[free], bounds.lower[free], bounds.upper[free]
                )
                logit, jacobian = self._logit(trial, start.segment, odds)
                trial_value = deviance(logit, self._spikes, self.trials)
                if trial_value <= value:
                    break
                damping *= 8.0
            else:
                break
            gain, vector, value = value - trial_value, trial, trial_value
            damping = max(damping / 5.0, _SMALLEST_DAMPING)
        return Point(vector, start.segment, value)

    def information(self, point: Point, odds: float = 0.0) -> NDArray[np.float64]:
        """Return the Fisher information of the vector, shape (6, 6)."""
        return self._derivatives(*self._logit(point.vector, point.segment, odds))[1]

    def logit(self, point: Point) -> NDArray[np.float64]:
        """Return the log-odds of every cell at a point, shape (cells,)."""
        return self._logit(point.vector, point.segment, 0.0)[0]

    def _bounds(self, segment: int, held: Sequence[int]) -> _Bounds:
        lower, upper = self.lower.copy(), self.upper.copy()
        lower[FLOOR], upper[FLOOR] = self.edges[segment : segment + 2]
        mask = np.zeros(SIZE, dtype=bool)
        mask[list(held)] = True
        return _Bounds(lower, upper, mask)

    def _logit(
        self, vector: NDArray[np.float64], segment: int, odds: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the log-odds of every cell and their derivatives by the vector."""
        logarithms = vector[[LN_SLOPE, LN_SHIFT, LN_SCALE, LN_PULSES]]
        slope, shift, scale, pulses = np.exp(logarithms)
        above = self._accumulating > self.edges[segment]
        distance = (self._accumulating - vector[FLOOR]) / scale
        distance = np.where(above, distance, 0.0)
        short = np.exp(-distance)  # share of the field's effect still missing
        exposure = self._pulses / pulses
        fresh = np.exp(-exposure)  # share of the pulses' effect still missing
        reach = shift / slope
        moved = reach * (1.0 - fresh) * (1.0 - short)
        bare = (self._probing - vector[LOCATION]) / slope + moved
        jacobian = np.empty((len(bare), SIZE))
        jacobian[:, LOCATION] = -1.0 / slope
        jacobian[:, LN_SLOPE] = -bare
        by_distance = np.where(above, reach * (1.0 - fresh) * short, 0.0)
        jacobian[:, FLOOR] = -by_distance / scale
        jacobian[:, LN_SHIFT] = moved
        jacobian[:, LN_SCALE] = -by_distance * distance
        jacobian[:, LN_PULSES] = -reach * (1.0 - short) * fresh * exposure
        return bare + odds, jacobian

    def _derivatives(
        self, logit: NDArray[np.float64], jacobian: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        share = probability(logit)
        gradient = jacobian.T @ (self._spikes - self.trials * share)
        weight = self.trials * share * (1.0 - share)
        return gradient, jacobian.T @ (jacobian * weight[:, None])

    def _start(self, segment: int) -> Point:
        """Return the best of a coarse grid of shapes in a segment.

        For a given floor, scale and number of pulses the law is a logistic regression
        on the pulse field and the shape of the shift, so only those three need a grid.
        """
        low, high = self.edges[segment : segment + 2]
        floor = high - 0.5 * min(high - low, self.extent)
        found = (
            self._regress(
                floor, segment, scale * self.extent, pulses * self._most_pulses
            )
            for scale, pulses in product(_START_SCALES, _START_PULSES)
        )
        return min(found, key=lambda point: point.deviance)

    def _regress(
        self, floor: float, segment: int, scale: float, pulses: float
    ) -> Point:
        above = self._accumulating > self.edges[segment]
        distance = np.where(above, (self._accumulating - floor) / scale, 0.0)
        shape = np.expm1(-distance) * np.expm1(-self._pulses / pulses)
        centre = float(np.mean(self._probing))
        design = np.column_stack((np.ones_like(shape), self._probing - centre, shape))
        fit = maximise(design, self._spikes, self.trials)
        intercept, rise, moved = fit.coefficients
        rise = max(rise, 1.0 / _SLOPE_RANGE[1])
        location = centre - intercept / rise
        logarithms = [
            math.log(max(value, _SHIFT_RANGE[0]))
            for value in (1.0 / rise, moved / rise, scale, pulses)
        ]
        vector = np.array([location, logarithms[0], floor, *logarithms[1:]])
        return Point(vector, segment, -2.0 * fit.log_likelihood)


def _free(
    vector: NDArray[np.float64], gradient: NDArray[np.float64], bounds: _Bounds
) -> NDArray[np.intp]:
    """Return the positions that may move: neither held nor pressed at a bound."""
    pressed = ((vector <= bounds.lower) & (gradient < 0.0)) | (
        (vector >= bounds.upper) & (gradient > 0.0)
    )
    return np.flatnonzero(~(bounds.held | pressed))


def _step(
    information: NDArray[np.float64],
    gradient: NDArray[np.float64],
    free: NDArray[np.intp],
    damping: float,
) -> NDArray[np.float64]:
    matrix = information[np.ix_(free, free)]
    diagonal = np.diag(matrix)
    ridge = _RIDGE * (float(diagonal.max()) + 1.0)
    damped = matrix + np.diag(damping * diagonal + ridge)
    return np.asarray(np.linalg.solve(damped, gradient[free]))
