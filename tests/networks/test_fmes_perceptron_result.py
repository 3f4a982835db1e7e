"""Tests of labneuro/networks/fmes_perceptron_result.py."""

import math

import pytest

from labneuro.calibration import CalibratedModel
from labneuro.networks.fmes_perceptron_result import FmesPerceptronResult, TrainingRow
from labneuro.networks.fmes_perceptron_settings import FmesPerceptronSettings


def row(label, seed, correct):
    return TrainingRow(label, seed, correct, 100, (correct / 100,), (0.5,), 3.0 * seed)


def result(*rows):
    model = CalibratedModel(model="fmes", parameters=())
    return FmesPerceptronResult(FmesPerceptronSettings(), model, rows, ())


def test_summary_has_mean_deviation_and_interval():
    """Seeds of one resistance are gathered; images are not counted twice."""
    found = result(row("8000ohm", 0, 80), row("8000ohm", 1, 84), row("ideal", 0, 90))
    first, last = found.summary()
    assert (first.label, first.seeds, first.paper) == ("8000ohm", 2, 0.90)
    assert first.mean == pytest.approx(0.82)
    assert first.standard_deviation == pytest.approx(0.02 * math.sqrt(2))
    # Wilson, 82 of 100
    assert first.interval_low == pytest.approx(0.7333, abs=2e-4)
    assert first.interval_high == pytest.approx(0.8830, abs=2e-4)
    assert first.pulses_per_device == pytest.approx(1.5)
    assert (last.label, last.paper) == ("ideal", None)
    assert math.isnan(last.standard_deviation)
