"""Tests of labneuro/networks/accuracy.py."""

import json
import math

import pytest

from labneuro.counting import wilson_interval
from labneuro.networks.accuracy import (
    AccuracyRow,
    FashionSnnResult,
    summarize,
)
from labneuro.networks.fashion_snn_settings import FashionSnnSettings

ROWS = (
    AccuracyRow(0, 1.0, "normal", 80, 100, 0.4),
    AccuracyRow(0, 0.1, "normal", 30, 100, 0.1),
    AccuracyRow(1, 1.0, "normal", 90, 100, 0.2),
    AccuracyRow(1, 0.1, "normal", 40, 100, 0.1),
)


def test_row_keeps_counts():
    """Accuracy and interval come from the counts."""
    assert ROWS[0].accuracy == 0.8
    assert ROWS[0].interval == tuple(map(float, wilson_interval(80, 100)))


def test_summary_gathers_seeds():
    """Mean and sample deviation over seeds; the interval is that of one test set."""
    bright, dark = summarize(ROWS)
    assert (bright.brightness, dark.brightness) == (1.0, 0.1)
    assert bright.seeds == 2
    assert bright.mean == pytest.approx(0.85)
    assert bright.standard_deviation == pytest.approx(math.sqrt(0.005))
    interval = tuple(map(float, wilson_interval(85, 100)))
    assert (bright.interval_low, bright.interval_high) == interval
    assert bright.firing_rate == pytest.approx(0.3)


def test_one_seed_has_no_spread():
    """The deviation of one seed is unknown, not zero."""
    assert math.isnan(summarize(ROWS[:1])[0].standard_deviation)


@pytest.fixture
def result(calibrated):
    def make(rows):
        return FashionSnnResult(
            FashionSnnSettings(), calibrated(), rows, {0: (1.5, 0.5)}
        )

    return make


def test_json_holds_rows_settings_and_neuron(result):
    """What was run and what came out can be read back."""
    content = json.loads(result(ROWS).to_json())
    assert content["settings"]["gain"] == "50000.0 V/m"
    assert content["neuron"]["midpoint"] == {"value": 0.21e6, "unit": "V/m"}
    assert [row["correct"] for row in content["rows"]] == [80, 30, 90, 40]
    assert content["summary"][1]["mean"] == pytest.approx(0.35)
    assert content["training_loss"] == {"0": [1.5, 0.5]}


def test_json_of_one_seed_is_valid(result):
    """An unknown spread is null: NaN is not JSON."""
    content = json.loads(result(ROWS[:1]).to_json())
    assert content["summary"][0]["standard_deviation"] is None


def test_table_has_a_line_for_each_summary(result):
    """Header and two lines, with the mean and the spread in per cent."""
    header, bright, dark = result(ROWS).accuracy_table.splitlines()
    assert "brightness" in header
    assert "85.0%" in bright
    assert "7.1%" in bright
    assert dark.split()[0] == "0.1"
