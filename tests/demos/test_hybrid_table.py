"""The table of quoted figures: cards and run files, told by the same words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from labneuro.analysis.censored import Intervals
from labneuro.analysis.threshold_switch_data import FiringTimes, TrainCounts
from labneuro.bench import load_bench
from labneuro.demos import hybrid_card, hybrid_table
from labneuro.demos.hybrid_table import Gates
from labneuro.demos.measuring import Measurement, measure
from labneuro.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {
    "ts-sim": (
        Measurement(
            "threshold-switching",
            "hybrid/threshold-switching",
            ("cycles=2", "increment=20 mV"),
        ),
    ),
    "ts-scope-sim": (
        Measurement(
            "firing-pulse",
            "hybrid/firing-pulse",
            ("events=2", "amplitudes=[1.2 V, 1.4 V]", "points=50"),
        ),
        Measurement(
            "pulse-train-firing",
            "hybrid/pulse-train-firing",
            ("events=2", "amplitudes=[1.1 V]", "points=50"),
        ),
    ),
    "neuron-sim": (
        Measurement(
            "neuron-firing",
            "hybrid/neuron-firing",
            ("captures=1", "amplitudes=[1.8 V]", "train={pulses: 30}"),
        ),
    ),
    "synapses-sim": (
        Measurement(
            "synapse-learning",
            "hybrid/synapse-learning",
            ("trains=1", "train={pulses: 24}"),
        ),
    ),
    "lia-sim": (
        Measurement(
            "inhibition-truth",
            "hybrid/inhibition-truth",
            ("conditions=[[], [3]]", "points=50"),
        ),
    ),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return small run files of everything."""
    out = tmp_path_factory.mktemp("runs")
    found: dict[str, Path] = {}
    for bench, part in SMALL.items():
        found |= measure(
            part,
            load_bench(bench),
            out,
            quick=False,
            seed=7,
            progress=lambda *_: None,
        )
    return found


@pytest.fixture(scope="module")
def measured(runs):
    return hybrid_table.seen_in_runs(runs)


@pytest.fixture(scope="module")
def cards(runs):
    return hybrid_table.seen_on_cards(runs)


def test_a_row_a_quoted_figure(runs):
    rows = hybrid_table.quoted_rows(runs)
    assert all(len(row) == len(hybrid_table.COLUMNS) for row in rows)
    assert all(all(row) for row in rows)
    figures = [row[0] for row in rows]
    assert set(figures) >= {"2c", "2d", "2e", "2f", "3b", "3d", "S3c", "S3d", "4d"}
    told = {(row[0], row[1]): row[2:] for row in rows}
    paper, _, seen = told["4d", "gates, neuron i has fired"]
    assert paper == "3 V at i, 0 V elsewhere"
    assert seen.startswith("so for 1 of 1: 3.00 V, others")


def test_runs_and_cards_agree(measured, cards):
    """The card is the truth behind the instruments."""
    for one in (measured, cards):
        assert one.board.grounded == pytest.approx(500e-6, abs=2e-6)
        assert one.board.recovery == pytest.approx(750e-6, abs=3e-6)
        assert one.board.width == pytest.approx(250e-6, abs=2e-6)
        assert one.board.height == pytest.approx(1.5, abs=0.01)
        assert one.board.correlation > 0.98
        assert one.learning.before == pytest.approx((400e-6, 400e-6), rel=0.01)
    np.testing.assert_allclose(measured.gates.volts, cards.gates.volts, atol=0.02)
    level = 1.4
    median = [
        np.median(one.times.integration.middle[one.times.amplitude == level])
        for one in (measured, cards)
    ]
    assert median[0] == pytest.approx(median[1], rel=0.3)
    threshold = [one.switching.threshold.middle.mean() for one in (measured, cards)]
    assert threshold[0] == pytest.approx(threshold[1], abs=0.08)


def test_the_card_fires_as_the_paper_says(cards):
    """Four pulses of 1.1 V, the fifth of 1.8 V, higher amplitudes sooner."""
    assert np.bincount(cards.trains.first_fire).argmax() == 4
    (fired,) = cards.board.fired_on.values()
    assert np.bincount(fired).argmax() == 5
    again = cards.trains.refire == cards.trains.first_fire + 1
    assert again.mean() > 0.95


def test_the_card_learns_as_the_paper_says():
    found = hybrid_card.learning_figures_of_card(1.9, 2, 40)
    assert found.after == pytest.approx((980e-6, 42e-6), rel=0.01)
    assert found.rates[1] > found.rates[0] > 0.0


def test_what_did_not_fire_counts_in_the_median(measured):
    """Two of three pulses without a firing: the median is beyond the pulse."""
    times = FiringTimes(
        np.full(3, 1.0),
        Intervals.of([0.8e-3, 1e-3, 1e-3], [0.9e-3, np.inf, np.inf]),
        Intervals.of(np.zeros(3), np.full(3, np.inf)),
        1e-3, 20e3, 0.05, 5e-6, 1e-6,
    )  # fmt: skip
    seen = replace(measured, times=times)
    assert hybrid_table._integration(seen) == "above 1 ms (medians)"
    assert hybrid_table._relaxation(seen) == "none fired ms (means)"
    with pytest.raises(InputError, match=r"no pulse of 1.2 V fired"):
        hybrid_table._one_pulse(seen)


def test_trains_that_never_fired_are_told(measured):
    trains = TrainCounts(
        np.full(3, 1.1),
        np.array([4, 0, 4]),
        np.array([5, 0, 0]),
        np.array([2e-6, np.nan, 2e-6]),
        250e-6, 250e-6, 10, 20e3, 0.05,
    )  # fmt: skip
    seen = replace(measured, trains=trains)
    assert hybrid_table._first_fire(seen) == "4 in 2, none in 1 (of 3)"
    assert hybrid_table._after_first(seen).startswith(
        "current again with the next pulse in 1 of 2; 2 uA"
    )


def test_a_wrong_gate_is_not_counted(measured):
    gates = Gates(((), (1,), (2,)), np.array([[3.0, 3.0], [3.0, 3.0], [0.0, 3.0]]))
    seen = replace(measured, gates=gates)
    assert hybrid_table._winners(seen).startswith("so for 1 of 2")
    only = replace(measured, gates=Gates(((1,),), gates.volts[1:2]))
    with pytest.raises(InputError, match="nobody fired"):
        hybrid_table._nobody(only)


def test_amplitudes_that_are_missing_are_told(measured):
    board = replace(measured.board, fired_on={1.5: np.array([4])})
    with pytest.raises(InputError, match=r"nothing was measured at 1.8 V"):
        hybrid_table._fifth(replace(measured, board=board))


def test_an_interrupted_train_is_told(measured):
    learned = measured.learning._replace(after=(44e-6, 43e-6), interrupted=True)
    told = hybrid_table._after_learning(replace(measured, learning=learned))
    assert told == "44 and 43 uS (last train interrupted before potentiation)"
