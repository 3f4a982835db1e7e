"""Fit of the law of sensitization: parameters, covariance, profile intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.analysis.goodness import deviance_p_value
from labneuro.analysis.logistic import probability
from labneuro.analysis.profile import Interval, critical_value, crossing
from labneuro.analysis.profile import profile_interval as outwards
from labneuro.analysis.sensitization import (
    FLOOR,
    LN_PULSES,
    LN_SCALE,
    LN_SHIFT,
    LN_SLOPE,
    LOCATION,
    SIZE,
    Point,
    SensitizationLikelihood,
)
from labneuro.analysis.sigmoid import THRESHOLD_PROBABILITY, log_odds
from labneuro.calibration import FittedParameter
from labneuro.counting import LEVEL
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.counts import StateCounts

LAW_PARAMETERS = (
    "midpoint",
    "slope",
    "floor_field",
    "saturation_shift",
    "shift_field_scale",
    "sensitization_pulses",
)
INITIAL_PARAMETERS = LAW_PARAMETERS[:2]
_RIDGE = 1e-12  # relative; a direction without information gets a huge variance


class _Scale(NamedTuple):
    """How a position of the vector becomes a parameter in SI units."""

    position: int
    logarithmic: bool
    field: bool


_SCALES = dict(
    zip(
        LAW_PARAMETERS,
        (
            _Scale(LOCATION, logarithmic=False, field=True),
            _Scale(LN_SLOPE, logarithmic=True, field=True),
            _Scale(FLOOR, logarithmic=False, field=True),
            _Scale(LN_SHIFT, logarithmic=True, field=True),
            _Scale(LN_SCALE, logarithmic=True, field=True),
            _Scale(LN_PULSES, logarithmic=True, field=False),
        ),
        strict=True,
    )
)


@dataclass(frozen=True)
class LawFit:
    """The fitted law of sensitization.

    Attributes
    ----------
    parameters : dict of str to FittedParameter
        The six of the law and ``threshold``, the 10 % field of the initial state.
        Fields in V/m. Intervals are profile-likelihood intervals. A standard error is
        None where the interval is open: then the data bound the parameter on one side
        only, or not at all, and its value is one of many that fit as well.
    covariance : ndarray, shape (6, 6)
        Of the six parameters in the order of ``LAW_PARAMETERS``, from the Fisher
        information (Wald); meaningful for those with a standard error.
    probability : ndarray, shape (cells,)
        Fitted firing probability of each cell.
    deviance : float
        Against the cells' own shares.
    degrees_of_freedom : int
        Cells less six.
    p_value : float
        Goodness of fit, by :func:`goodness.deviance_p_value`.
    """

    parameters: dict[str, FittedParameter]
    covariance: NDArray[np.float64]
    probability: NDArray[np.float64]
    deviance: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True)
class LawSearch:
    """The maximum of the likelihood, before any interval.

    Attributes
    ----------
    likelihood : SensitizationLikelihood
        Of the counts.
    minima : list of Point
        Least deviance within each segment of the floor field.
    best : Point
        The least of all.
    """

    likelihood: SensitizationLikelihood
    minima: list[Point]
    best: Point


def search_law(counts: StateCounts) -> LawSearch:
    """Find the law that fits every counted cell best.

    Parameters
    ----------
    counts : StateCounts
        Cells of one device, at least one of a sensitized state.

    Raises
    ------
    FitError
        If all pulses have the same field.
    """
    if np.ptp(counts.pulse_field) == 0.0:
        raise FitError(_undetermined("midpoint"))
    likelihood = SensitizationLikelihood(counts)
    minima = likelihood.segment_minima()
    best = min(minima, key=lambda point: point.deviance)
    return LawSearch(likelihood, minima, best)


def fit_law(search: LawSearch, *, level: float = LEVEL) -> LawFit:
    """Return the best law with intervals.

    Parameters
    ----------
    search : LawSearch
        From :func:`search_law`.
    level : float
        Confidence level of the intervals.

    Raises
    ------
    FitError
        If the counts do not determine the initial state's midpoint and slope.
    """
    profiles = _Profiles(search.likelihood, search.best, search.minima, level)
    parameters = {}
    for name in LAW_PARAMETERS:
        parameters[name] = profiles.parameter(name)
        if name in INITIAL_PARAMETERS and parameters[name].standard_error is None:
            raise FitError(_undetermined(name))
    parameters["threshold"] = profiles.threshold()
    likelihood, best = search.likelihood, search.best
    fitted = probability(likelihood.logit(best))
    return LawFit(
        parameters=parameters,
        covariance=profiles.covariance,
        probability=fitted,
        deviance=max(best.deviance, 0.0),
        degrees_of_freedom=len(fitted) - SIZE,
        p_value=deviance_p_value(best.deviance, fitted, likelihood.trials, SIZE),
    )


def _undetermined(name: str) -> str:
    return (
        f"{name}: these pulses do not determine it; fit them together with a "
        "FiringProbability or StateMap run of the same device"
    )


class _Profiles:
    """Intervals of the law's parameters around its best point.

    A profile deviance is sought from several starts: where the last search ended, the
    best point, and the minimum of every other segment that the data allow, so that an
    interval does not miss values that only another segment reaches.
    """

    def __init__(
        self,
        likelihood: SensitizationLikelihood,
        best: Point,
        minima: Sequence[Point],
        level: float,
    ) -> None:
        self._likelihood = likelihood
        self._best = best
        self._level = level
        limit = best.deviance + critical_value(level)
        self._allowed = [point for point in minima if point.deviance < limit]
        information = likelihood.information(best)
        ridge = np.diag(np.diag(information) * _RIDGE + _RIDGE)
        self._inner = np.linalg.inv(information + ridge)
        jacobian = np.array([self._derivative(name) for name in LAW_PARAMETERS])
        self.covariance = np.asarray(self._inner * np.outer(jacobian, jacobian), float)

    def parameter(self, name: str) -> FittedParameter:
        """Return a parameter of the law with its interval, in SI units."""
        scale = _SCALES[name]
        if scale.position == FLOOR:
            interval = self._floor_interval()
        else:
            interval = self._interval(scale.position, self._error(scale.position))
        low, high = (
            None if end is None else self._natural(name, end) for end in interval
        )
        row = LAW_PARAMETERS.index(name)
        return FittedParameter(
            name=name,
            unit="V/m" if scale.field else "",
            value=self._natural(name, float(self._best.vector[scale.position])),
            standard_error=_unless_open(self.covariance[row, row], (low, high)),
            interval=(low, high),
        )

    def threshold(self) -> FittedParameter:
        """Return the initial state's 10 % field, profiled as a parameter of its own."""
        odds = log_odds(THRESHOLD_PROBABILITY)
        unit = self._likelihood.unit
        slope = math.exp(self._best.vector[LN_SLOPE])
        weights = np.zeros(SIZE)
        weights[[LOCATION, LN_SLOPE]] = 1.0, odds * slope
        variance = float(weights @ self._inner @ weights)
        step = min(math.sqrt(variance), 1.0)
        interval = self._interval(LOCATION, step, odds)
        low, high = (None if end is None else unit * end for end in interval)
        value = float(self._best.vector[LOCATION]) + odds * slope
        return FittedParameter(
            name="threshold",
            unit="V/m",
            value=unit * value,
            standard_error=_unless_open(unit**2 * variance, (low, high)),
            interval=(low, high),
        )

    def _error(self, position: int) -> float:
        return min(math.sqrt(self._inner[position, position]), 1.0)

    def _derivative(self, name: str) -> float:
        scale = _SCALES[name]
        if not scale.logarithmic:
            return self._likelihood.unit
        return self._natural(name, float(self._best.vector[scale.position]))

    def _natural(self, name: str, inner: float) -> float:
        scale = _SCALES[name]
        value = math.exp(inner) if scale.logarithmic else inner
        return value * self._likelihood.unit if scale.field else value

    def _interval(self, position: int, step: float, odds: float = 0.0) -> Interval:
        return outwards(
            self._rise(position, odds),
            self._value(self._best, position, odds),
            step,
            lower=float(self._likelihood.lower[position]),
            upper=float(self._likelihood.upper[position]),
            level=self._level,
        )

    @staticmethod
    def _value(point: Point, position: int, odds: float) -> float:
        shifted = odds * math.exp(point.vector[LN_SLOPE])
        return float(point.vector[position]) + shifted * (position == LOCATION)

    def _rise(self, position: int, odds: float) -> Callable[[float], float]:
        last = _with(self._best, position, self._value(self._best, position, odds))

        def rise(value: float) -> float:
            nonlocal last
            starts = [_with(point, position, value) for point in self._allowed]
            starts += self._ahead(last, position, value, odds)
            found = (
                self._likelihood.descend(start, (position,), odds) for start in starts
            )
            last = min(found, key=lambda point: point.deviance)
            return last.deviance - self._best.deviance

        return rise

    def _ahead(
        self, point: Point, position: int, value: float, odds: float
    ) -> list[Point]:
        """Return a point with a parameter changed, and the others along the ridge.

        Where data fix only a product or a ratio, the others must move with the one
        held, or the search would begin on a plateau without a gradient.
        """
        moved = _with(point, position, value)
        information = self._likelihood.information(point, odds)
        others = [place for place in range(SIZE) if place not in (position, FLOOR)]
        across = information[np.ix_(others, others)]
        ridge = np.diag(np.diag(across) * _RIDGE + _RIDGE)
        slope = np.linalg.solve(across + ridge, information[others, position])
        vector = moved.vector.copy()
        vector[others] -= slope * (value - point.vector[position])
        return [moved, moved._replace(vector=vector)]

    def _floor_interval(self) -> Interval:
        """Return the ends in the lowest and the highest segment that data allow."""
        lowest, *_ = ends = sorted(self._allowed, key=lambda point: point.segment)
        return self._floor_end(lowest, -1), self._floor_end(ends[-1], 1)

    def _floor_end(self, point: Point, side: int) -> float | None:
        edges = self._likelihood.edges
        limit = edges[point.segment + (side > 0)]
        last = [point]

        def rise(value: float) -> float:
            found = [
                self._likelihood.settle(_with(start, FLOOR, value), (FLOOR,))
                for start in (point, *last)
            ]
            last[:] = [min(found, key=lambda one: one.deviance)]
            return last[0].deviance - self._best.deviance

        start = float(point.vector[FLOOR])
        step = side * min(self._error(FLOOR), abs(limit - start) or 1.0)
        found = crossing(rise, start, step, limit, self._level)
        outermost = limit in (edges[0], edges[-1])
        return limit if found is None and not outermost else found


def _with(point: Point, position: int, value: float) -> Point:
    vector = point.vector.copy()
    vector[position] = value
    return point._replace(vector=vector)


def _unless_open(variance: float, interval: Interval) -> float | None:
    return None if None in interval else math.sqrt(variance)
