"""Firing sigmoid of each state, the shift between states, the way back to the first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.analysis.binomial import chi_square_p_value
from labneuro.analysis.counts import INITIAL, PulseRows, StateCounts
from labneuro.analysis.logistic import maximise
from labneuro.analysis.profile import Interval, profile_interval
from labneuro.analysis.sigmoid import SigmoidFit, fit_sigmoid
from labneuro.errors import FitError

if TYPE_CHECKING:
    from labneuro.analysis.firing_counts import FiringCounts
    from labneuro.calibration import FittedParameter

_FEWEST_FIELDS = 2


@dataclass(frozen=True)
class StateFit:
    """One state of one device and its firing sigmoid.

    Attributes
    ----------
    accumulating_field : float
        Field that led to it, in V/m; 0 for the initial state.
    accumulated_pulses : int
        Pulses that led to it.
    spikes, trials : int
        All counts of the state.
    sigmoid : SigmoidFit or None
        None where the counts do not determine one.
    note : str
        Why there is no sigmoid; empty if there is one.
    """

    accumulating_field: float
    accumulated_pulses: int
    spikes: int
    trials: int
    sigmoid: SigmoidFit | None
    note: str

    @property
    def is_initial(self) -> bool:
        """Whether nothing had sensitized the device."""
        return (self.accumulating_field, self.accumulated_pulses) == INITIAL


def fit_states(counts: StateCounts) -> tuple[StateFit, ...]:
    """Fit the sigmoid of every state that was probed at more than one field.

    Parameters
    ----------
    counts : StateCounts
        Cells of one device.

    Returns
    -------
    tuple of StateFit
        Ascending in field and pulses, the initial state first.
    """
    found = []
    for (field, pulses), mask in counts.states():
        cells = counts.firing_counts(mask)
        if len(cells.fields) < _FEWEST_FIELDS:
            continue
        sigmoid, note = None, ""
        try:
            sigmoid = fit_sigmoid(cells.fields, cells.spikes, cells.trials)
        except FitError as error:  # one state's counts may be too few; others are kept
            note = str(error)
        spikes, trials = int(cells.spikes.sum()), int(cells.trials.sum())
        found.append(StateFit(field, pulses, spikes, trials, sigmoid, note))
    return tuple(found)


def threshold_shift(
    initial: FittedParameter, state: FittedParameter
) -> tuple[float, Interval]:
    """Return how far a state's threshold lies below the initial one, in V/m.

    The interval of the difference follows from the two profile intervals, so it keeps
    their skewness, and is open where they are.

    Parameters
    ----------
    initial, state : FittedParameter
        Thresholds of independent data.

    References
    ----------
    G. Y. Zou, A. Donner, Stat. Med. 27, 1693 (2008), doi:10.1002/sim.3095.
    """
    shift = initial.value - state.value
    low = _joint(_arm(initial, 0), _arm(state, 1))
    high = _joint(_arm(initial, 1), _arm(state, 0))
    return shift, (
        None if low is None else shift - low,
        None if high is None else shift + high,
    )


def _arm(parameter: FittedParameter, side: int) -> float | None:
    end = parameter.interval[side]
    return None if end is None else abs(parameter.value - end)


def _joint(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else math.hypot(one, other)


@dataclass(frozen=True)
class InitialStateReturn:
    """Comparison of the initial state measured first and last.

    Attributes
    ----------
    statistic : float
        Likelihood ratio of a midpoint that differs against a common one; chi-square
        with one degree of freedom where the initial state is back.
    p_value : float
        Its upper tail.
    residual_shift : float
        How far the last midpoint lies below the first, in V/m: what a reset left.
    interval : tuple of float or None
        95 % profile interval of the residual shift. The proof that the state is back
        is that this is narrow around 0, not a large p-value.
    """

    statistic: float
    p_value: float
    residual_shift: float
    interval: Interval


def initial_state_return(rows: PulseRows) -> InitialStateReturn | None:
    """Test whether the last initial-state sweep equals the first.

    Parameters
    ----------
    rows : PulseRows
        One run, in the order measured.

    Returns
    -------
    InitialStateReturn or None
        None where the run does not return to the initial state after sensitization, or
        its counts give no rising sigmoid.
    """
    sweeps = _initial_sweeps(rows)
    if sweeps is None:
        return None
    fields = np.concatenate([sweep.fields for sweep in sweeps])
    spikes = np.concatenate([sweep.spikes for sweep in sweeps])
    trials = np.concatenate([sweep.trials for sweep in sweeps])
    last = np.repeat([0.0, 1.0], [len(sweep.fields) for sweep in sweeps])
    centre, spread = float(np.mean(fields)), float(np.std(fields)) or 1.0
    x = (fields - centre) / spread
    ones = np.ones_like(x)
    free = maximise(np.column_stack((ones, x, last)), spikes, trials)
    if free.coefficients[1] <= 0.0:
        return None

    def rise(shift: float) -> float:
        design = np.column_stack((ones, x + shift * last))
        return 2.0 * (
            free.log_likelihood - maximise(design, spikes, trials).log_likelihood
        )

    shift = float(free.coefficients[2] / free.coefficients[1])
    ends = profile_interval(rise, shift, 0.1)
    low, high = (None if end is None else end * spread for end in ends)
    statistic = max(rise(0.0), 0.0)
    return InitialStateReturn(
        statistic, chi_square_p_value(statistic, 1), shift * spread, (low, high)
    )


def _initial_sweeps(rows: PulseRows) -> tuple[FiringCounts, FiringCounts] | None:
    """Return the initial state's counts before and after all sensitized states."""
    sensitized = np.flatnonzero(rows.sensitized)
    if not sensitized.size:
        return None
    place = np.arange(len(rows.spike))
    initial = rows.accumulating_field == 0.0
    first, last = (
        initial & (place < sensitized[0]),
        initial & (place > sensitized[-1]),
    )
    if not (first.any() and last.any()):
        return None
    return (
        StateCounts.gather([rows.select(first)]).firing_counts(),
        StateCounts.gather([rows.select(last)]).firing_counts(),
    )
