"""Spread between devices and between cycles: exact cases, and how often it covers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labneuro.analysis.variance_components import (
    chi_squared_ends,
    variance_components,
)
from labneuro.errors import FitError


def test_a_table_without_noise():
    """Devices differ by 1, cycles by a common drift: no cycle-to-cycle spread."""
    table = np.array([[1.0], [2.0], [3.0]]) + np.array([0.0, 0.5, 1.0])
    found = variance_components(table)
    assert found.mean == pytest.approx(2.5)
    assert found.device_to_device == pytest.approx(1.0)
    assert found.cycle_to_cycle == pytest.approx(0.0, abs=1e-12)


def test_devices_that_are_alike():
    """Nothing between the devices: the interval begins at 0."""
    found = variance_components([[1.0, 2.0, 1.0, 2.0], [2.0, 1.0, 2.0, 1.0]])
    assert found.device_to_device == 0.0
    assert found.device_interval[0] == 0.0
    assert found.cycle_to_cycle == pytest.approx(math.sqrt(2.0 / 3.0))


def test_factors_of_a_standard_deviation():
    """Tables of the chi-squared distribution: 2.700 and 19.023 at 9 degrees."""
    low, high = chi_squared_ends(9)
    assert low == pytest.approx(math.sqrt(9 / 19.023), rel=1e-4)
    assert high == pytest.approx(math.sqrt(9 / 2.700), rel=1e-4)


@pytest.mark.parametrize(("between", "within"), [(1.0, 0.3), (0.2, 0.5)])
def test_the_intervals_cover(between, within):
    """500 tables of 8 devices and 3 cycles: 95 % within four standard errors.

    The interval between devices may cover more often, as its reference says.
    """
    generator, tables = np.random.default_rng(11), 500
    hits = np.zeros(2)
    for _ in range(tables):
        table = (
            generator.normal(0.0, between, (8, 1))
            + generator.normal(0.0, within, (8, 3))
            + np.array([0.0, 2.0, 3.0])
        )
        found = variance_components(table)
        low, high = found.device_interval
        shortest, longest = found.cycle_interval
        hits += [low <= between <= high, shortest <= within <= longest]
    share = hits / tables
    error = 4.0 * math.sqrt(0.95 * 0.05 / tables)
    assert 0.95 - error < share[0] < 0.98
    assert share[1] == pytest.approx(0.95, abs=error)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([[1.0, 2.0]], "at least 2 devices"),
        ([[1.0], [2.0]], "2 cycles"),
        ([1.0, 2.0], r"shape \(2,\)"),
        ([[1.0, 2.0], [1.0, math.nan]], "not finite"),
    ],
)
def test_refuses_values(values, told):
    with pytest.raises(FitError, match=told):
        variance_components(values)
