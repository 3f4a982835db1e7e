"""Ends of cycles, and the figures of endurance and of a population."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.errors import FitError
from labneuro.plotting.fmes_endurance import (
    cycle_ends,
    endurance_figure,
    population_figure,
    population_spread,
    spread_text,
)


def cycles(tops, *, ohm=np.inf, pulses=3):
    """Return readings of cycles that rise from 0 V to a top and fall back."""
    up = np.linspace(0.0, 1.0, pulses)
    shape = np.concatenate([up, up[::-1]])
    count = len(shape)
    total = count * len(tops)
    return {
        "resistance": np.full(total, ohm),
        "current": np.tile(np.repeat([1e-3, -1e-3], pulses), len(tops)),
        "pulse": np.tile(np.arange(1, count + 1), len(tops)),
        "pulses_before": np.repeat(100 * count * np.arange(len(tops)), count),
        "residual": np.concatenate([top * shape for top in tops]),
    }


def test_ends_of_each_cycle():
    ends = cycle_ends(cycles([0.05, 0.06]))
    np.testing.assert_allclose(ends.highest, [0.05, 0.06])
    np.testing.assert_allclose(ends.first, 0.0)
    np.testing.assert_allclose(ends.swing, [0.05, 0.06])
    assert ends.pulses_before.tolist() == [0, 600]


def test_ends_of_a_run_without_silent_cycles():
    """Potentiation runs have no column for the pulses before: they are counted."""
    readings = cycles([0.05, 0.06])
    del readings["pulses_before"]
    assert cycle_ends(readings).pulses_before.tolist() == [0, 6]


def test_endurance_leaves_the_first_cycle_out_of_the_mean():
    tops = [0.09, 0.05, 0.06, 0.055]
    figure = endurance_figure(cycles(tops))
    upper, lower = figure.axes
    highest, lowest = upper.get_lines()
    np.testing.assert_allclose(np.asarray(highest.get_ydata()), 1e3 * np.array(tops))
    np.testing.assert_allclose(np.asarray(lowest.get_ydata()), 0.0)
    drawn = np.asarray(lower.get_lines()[0].get_ydata())
    np.testing.assert_allclose(drawn, 100 * (np.array(tops) / 0.055 - 1), atol=1e-9)
    text = str(lower.get_lines()[0].get_label())
    assert text.startswith("open: mean 55.0 mV,\nsd 9.1% (95 % 4.7% to 57.1%)")


def test_population_tells_both_spreads():
    generator = np.random.default_rng(2)
    runs = [
        cycles(0.05 * (1 + 0.1 * device + 0.01 * generator.normal(size=4)))
        for device in generator.normal(size=20)
    ]
    spread = population_spread(runs)
    assert spread.device_interval[0] < 0.005 < spread.device_interval[1]
    assert spread.cycle_interval[0] < 0.0005 < spread.cycle_interval[1]
    left, right = population_figure(runs).axes
    assert left.get_title() == "20 devices"
    assert len(left.get_lines()) == 20
    assert spread_text(spread, "device") in right.get_title()
    assert spread_text(spread, "cycle") in right.get_title()


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([cycles([0.05, 0.06])], "at least 2 devices"),
        ([cycles([0.05, 0.06]), cycles([0.05])], "different numbers of cycles"),
    ],
)
def test_runs_that_do_not_make_a_population(runs, told):
    with pytest.raises(FitError, match=told):
        population_figure(runs)
