"""The inputs of the simulated MSO-X 3104T: filter, samples, averages, crossings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from labneuro.sim_backends.sampling import (
    Filter,
    Signal,
    SignalPath,
    accepted,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMES = np.array([0.0, 1.0, 1.5, 4.0])
VOLTS = np.array([0.0, 2.0, -1.0, 0.5])


def integrated(tau: float, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve the pole's differential equation numerically."""

    def slope(t, y):
        level = VOLTS[np.searchsorted(TIMES, t, side="right") - 1]
        return (level - y) / tau

    found = solve_ivp(slope, (0.0, at[-1]), [0.0], t_eval=at, max_step=2e-3, rtol=1e-8)
    return np.asarray(found.y[0])


@pytest.mark.parametrize("tau", [0.05, 0.7])
def test_samples_are_the_solution_of_the_filter(tau: float) -> None:
    signal = SignalPath().passed(TIMES, VOLTS, Filter(tau))
    at = np.linspace(0.0, 6.0, 601)
    assert signal.samples(0.0, 0.01, 601) == pytest.approx(
        integrated(tau, at), abs=5e-3
    )


def test_ac_coupling_takes_the_slow_part_away() -> None:
    signal = SignalPath().passed(TIMES, VOLTS, Filter(0.05, 0.7))
    at = np.linspace(0.0, 6.0, 601)
    expected = integrated(0.05, at) - integrated(0.7, at)
    assert signal.samples(0.0, 0.01, 601) == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("slow", [math.inf, 0.7])
def test_averages_are_the_means_of_many_samples(slow: float) -> None:
    signal = SignalPath().passed(TIMES, VOLTS, Filter(0.05, slow))
    fine = signal.samples(0.3 + 5e-5, 1e-4, 40_000).reshape(40, 1000).mean(axis=1)
    assert signal.averages(0.3, 0.1, 40) == pytest.approx(fine, abs=1e-6)


def test_peaks_hold_all_samples_of_an_interval() -> None:
    signal = SignalPath().passed(TIMES, VOLTS, Filter(0.02))
    pairs = signal.peaks(0.0, 0.4, 15).reshape(-1, 2)
    fine = signal.samples(0.0, 0.4 / 1000, 15_000).reshape(15, 1000)
    assert np.all(pairs[:, 0] <= fine.min(axis=1) + 1e-12)
    assert np.all(pairs[:, 1] >= fine.max(axis=1) - 1e-12)
    assert pairs[:, 0] == pytest.approx(fine.min(axis=1), abs=0.06)


@pytest.mark.parametrize("slow", [math.inf, 0.7])
@pytest.mark.parametrize("threshold", [0.4, -0.3, 1.2])
def test_crossings_are_where_the_samples_cross(slow: float, threshold: float) -> None:
    signal = SignalPath().passed(TIMES, VOLTS, Filter(0.05, slow))
    when, rising = signal.crossings(threshold, 6.0)
    fine = signal.samples(0.0, 1e-5, 600_000) >= threshold
    turns = np.flatnonzero(fine[1:] != fine[:-1])
    assert when == pytest.approx((turns + 1) * 1e-5, abs=1.1e-5)
    assert rising.tolist() == fine[turns + 1].tolist()


@settings(max_examples=40, deadline=None)
@given(cut=st.floats(0.0, 4.5))
def test_a_filter_that_forgets_goes_on_as_if_it_had_not(cut: float) -> None:
    path = SignalPath()
    whole = path.passed(TIMES, VOLTS, Filter(0.3, 0.9))
    path.forget(whole, cut)
    kept = max(0, int(np.searchsorted(TIMES, cut, side="right")) - 1)
    rest = path.passed(TIMES[kept:], VOLTS[kept:], Filter(0.3, 0.9))
    assert rest.samples(4.5, 0.1, 20) == pytest.approx(whole.samples(4.5, 0.1, 20))
    part: Signal = whole.between(cut, 6.0)
    assert part.samples(4.5, 0.1, 20) == pytest.approx(whole.samples(4.5, 0.1, 20))


def test_a_trigger_in_the_dead_time_does_not_count() -> None:
    edges = np.array([0.1, 1.0, 1.4, 1.5, 2.6])
    assert accepted(edges, 0.5, 0.5).tolist() == [1.0, 1.5, 2.6]
