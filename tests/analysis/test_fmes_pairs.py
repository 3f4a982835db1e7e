"""Tests of labneuro/analysis/fmes_pairs.py."""

import math
from pathlib import Path

import numpy as np
import pytest

from labneuro.analysis.fmes_measures import Measure
from labneuro.analysis.fmes_pairs import fit_pairs
from labneuro.analysis.fmes_runs import Pairs, PulseTiming

INTERVALS = np.array([1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0])
TIMING = PulseTiming(1e-3, 1e-3, math.nan, 2e-5)


def closed(measure: Measure | None) -> tuple[float, float]:
    """Return the interval of a measure that is there, both ends of it closed."""
    assert measure is not None
    low, high = measure.interval
    assert low is not None
    assert high is not None
    return low, high


def pairs(index, *, noise=0.005, repeats=5, seed=0):
    """Return pairs whose first answer is 0.1 V."""
    generator = np.random.default_rng(seed)
    interval = np.repeat(INTERVALS, repeats)
    second = np.repeat(index, repeats) + noise * generator.standard_normal(
        len(interval)
    )
    first = np.full(len(interval), 0.1)
    return Pairs(Path("run.h5"), 7000.0, TIMING, interval, first, 0.1 * second)


def two(interval):
    return 1 + 0.3 * np.exp(-interval / 0.012) + 0.08 * np.exp(-interval / 0.4)


def test_two_parts_are_found_with_intervals():
    found = fit_pairs(pairs(two(INTERVALS)))
    for part, wanted in zip(found.times, (0.012, 0.4), strict=True):
        assert part is not None
        assert part.value == pytest.approx(wanted, rel=0.2)
        low, high = closed(part)
        assert low < part.value < high
    for part, wanted in zip(found.amplitudes, (0.3, 0.08), strict=True):
        assert part is not None
        assert part.value == pytest.approx(wanted, rel=0.2)
        low, high = closed(part)
        assert low < part.value < high
    assert found.misfit_p_value > 0.01
    assert found.curve(INTERVALS) == pytest.approx(two(INTERVALS), abs=0.01)


def test_a_second_part_that_is_not_there_is_no_number():
    """One exponential: the second part is None."""
    found = fit_pairs(pairs(1 + 0.3 * np.exp(-INTERVALS / 0.02)))
    assert found.times[1] is None
    assert found.amplitudes[1] is None
    low, high = closed(found.times[0])
    assert low < 0.02 < high
    assert len(found.parts(INTERVALS)) == 1


def test_no_facilitation_has_no_time():
    """Noise around 1, or a single repetition: nothing is determined."""
    flat = fit_pairs(pairs(np.ones(7)))
    assert flat.times == (None, None)
    assert flat.curve(INTERVALS) is None
    assert fit_pairs(pairs(two(INTERVALS), repeats=1)).times == (None, None)


def test_intervals_of_the_fast_time_cover():
    """Of 40 runs the interval of tau 1 covers in 88 to 100 %."""
    hits = []
    for seed in range(40):
        found = fit_pairs(pairs(1 + 0.3 * np.exp(-INTERVALS / 0.02), seed=seed))
        low, high = closed(found.times[0])
        hits.append(low <= 0.02 <= high)
    assert np.mean(hits) >= 0.88
