"""Tests of labneuro/networks/fmes_perceptron.py and its kernels, on few images."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro import calibration
from labneuro.calibration import CalibratedModel
from labneuro.data.images import load_images
from labneuro.errors import CalibrationError
from labneuro.networks import fmes_perceptron
from labneuro.networks.counter_random import stream_key
from labneuro.networks.fmes_perceptron import (
    FmesPerceptronSettings,
    make_layers,
    simulate,
)
from labneuro.networks.fmes_perceptron_kernels import (
    LOGISTIC,
    RECTIFIED,
    train_ideal,
    train_pulsed,
)
from labneuro.networks.pulse_update import PulseCurve

MODEL = Path(__file__).with_name("fmes_model.json")
QUICK = {
    "hidden": 30,
    "epochs": 3,
    "seeds": 2,
    "resistances": ("500ohm", "open"),
}


@pytest.fixture(scope="module")
def model():
    return calibration.load(MODEL, "fmes")


@pytest.fixture(autouse=True)
def _few_images(monkeypatch):
    everything = load_images("mnist", full=False)
    few = dataclasses.replace(
        everything,
        train_images=everything.train_images[:1000],
        train_labels=everything.train_labels[:1000],
        test_images=everything.test_images[:400],
        test_labels=everything.test_labels[:400],
    )
    monkeypatch.setattr(fmes_perceptron, "load_images", lambda name, full: few)


def run(model, *, seed=0, progress=None, **changes):
    settings = FmesPerceptronSettings(**{**QUICK, **changes})
    return simulate(model, settings, seed=seed, progress=progress)


def test_network_learns_at_every_resistance_and_ideally(model):
    """Two seeds, two resistances, one ideal; far above the 10 % of chance."""
    result = run(model)
    assert [(row.label, row.seed) for row in result.rows] == [
        (label, seed) for label in ("500ohm", "open", "ideal") for seed in (0, 1)
    ]
    for row in result.rows:
        assert row.total == 400
        assert row.accuracy > 0.65
        assert len(row.history) == 3
        assert row.history[-1] == row.accuracy
        assert row.loss[-1] < row.loss[0]
        assert (row.pulses_per_device > 1) == (row.label != "ideal")


def test_table_and_json_hold_the_numbers(model):
    """The paper's figures stand beside those found; nothing is nan."""
    result = run(model, seeds=1, epochs=1)
    table = result.accuracy_table.splitlines()
    assert [line.split()[0] for line in table] == [
        "resistance",
        "500ohm",
        "open",
        "ideal",
    ]
    assert table[2].endswith("89.0%")
    content = json.loads(result.to_json())
    assert content["summary"][1]["paper"] == 0.89
    assert content["summary"][0]["standard_deviation"] is None
    assert content["rows"][0]["correct"] == result.rows[0].correct


def test_pictures_hold_the_first_seed_before_and_after(model):
    """Voltages are flat over the range before; maps change where pixels are lit."""
    result = run(model, seeds=2, epochs=1, spread=False)
    assert [picture.label for picture in result.pictures] == ["500ohm", "open"]
    picture = result.pictures[1]
    assert picture.map_before.shape == (10, 28, 28)
    assert picture.voltage_before.shape == (784 * 30 + 30 * 10,)
    counts, _ = np.histogram(picture.voltage_before, 10)
    assert counts.max() < 1.15 * counts.min()
    assert picture.voltage_before.min() >= model["lowest_open"] - 1e-8
    assert picture.voltage_after.max() <= model["highest_open"] + 1e-8
    hidden = slice(0, 784 * 30)
    moved = picture.voltage_before[hidden] != picture.voltage_after[hidden]
    moved = moved.reshape(28, 28, 30).mean(axis=2)
    assert moved[0, 0] == 0
    assert moved[10:18, 10:18].min() > 0.9


def test_seed_repeats_everything(model):
    """The same seed gives the same text; seeds count up; another seed differs."""
    changes = {"epochs": 1, "resistances": ("open",)}
    first = run(model, **changes)
    assert run(model, **changes).to_json() == first.to_json()
    second = run(model, seed=1, seeds=1, **changes)
    assert second.rows[0] == first.rows[1]
    assert second.rows[0].loss != first.rows[0].loss


def test_progress_counts_every_epoch(model):
    """Each network counts its epochs."""
    seen = []
    run(model, seeds=1, epochs=2, progress=lambda *step: seen.append(step))
    assert seen == [
        (f"{label}, seed 0", epoch, 2)
        for label in ("500ohm", "open", "ideal")
        for epoch in (1, 2)
    ]


def test_all_resistances_of_the_model_are_the_default(model, monkeypatch):
    """No choice is every label; what one volt weighs is common to all."""
    labels = []

    def record(self, curve, seed):
        labels.append(curve.label)
        layers = make_layers(curve, self._settings, 4, seed, self._widest)
        gains.append(float(layers.scales[0]))
        raise StopIteration if len(labels) == 6 else KeyError

    gains: list[float] = []

    def pulsed(self, curve, seed):
        try:
            record(self, curve, seed)
        except KeyError:
            return None, None

    monkeypatch.setattr(fmes_perceptron._Training, "pulsed", pulsed)
    with pytest.raises(StopIteration):
        run(model, resistances=(), seeds=1, ideal=False)
    assert labels[0] == "500ohm"
    assert labels[-1] == "open"
    assert len(labels) == 6
    assert len(set(gains)) == 1


def test_weight_scale_and_reference(model):
    """Scale by range gives each resistance the full weights; middle is the middle."""
    curve = PulseCurve("500ohm", 60.0, 30.0, 0.0, 0.02, 150.0, 0.0)
    volts, ranged, middle = (
        make_layers(curve, FmesPerceptronSettings(**changes), 784, 0, 0.04)
        for changes in ({}, {"weight_scale": "range"}, {"reference": "middle"})
    )
    assert ranged.scales[0] == pytest.approx(2 * volts.scales[0])
    assert ranged.scales[0] == pytest.approx(2 * 0.6 / 0.02)
    assert volts.scales[1] == pytest.approx(curve.symmetry_point)
    assert middle.scales[1] == pytest.approx(0.01)
    hidden, output = ranged.weights()
    assert float(hidden.max() - hidden.min()) == pytest.approx(1.2, rel=0.01)
    assert float(output.max() - output.min()) == pytest.approx(2.0, rel=0.02)


def linear(span):
    """Return a curve so straight, and so long, that pulses are small equal steps."""
    return PulseCurve("open", 1e12, 1e12, -span / 2, span / 2, 5e3, 0.0)


@pytest.mark.parametrize("activation", [LOGISTIC, RECTIFIED])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_fine_linear_devices_train_as_ideal_weights(activation, batch):
    """With tiny equal steps the pulsed update tends to plain gradient descent."""
    generator = np.random.default_rng(0)
    images = load_images("mnist", full=False)
    shown = images.train_images[:64].reshape(64, -1)
    labels, order = images.train_labels[:64], generator.permutation(64)
    settings = FmesPerceptronSettings(hidden=20, hidden_weight=0.1, output_weight=0.1)
    layers = make_layers(linear(0.2), settings, 784, 0)
    voltages = layers.voltages()
    layers.scales[[1, 3]] = 0.0
    for array in (layers.hidden, layers.output):
        array.voltage.mul_(0.5)  # far from the bounds, which ideal weights do not have
    weights = tuple(part.copy() for part in voltages)
    rate, step = 0.02, 0.2 / 5e3
    loss, sent = train_pulsed(
        shown,
        labels,
        order,
        batch,
        voltages,
        (layers.hidden.steps.numpy(), layers.output.steps.numpy()),
        layers.scales,
        np.full(2, rate / step, np.float32),
        activation,
        stream_key(0),
    )
    start = tuple(part.copy() for part in weights)
    ideal = train_ideal(
        shown,
        labels,
        order,
        batch,
        weights,
        np.array([1, 0, 1, 0], np.float32),
        np.full(2, rate, np.float32),
        activation,
    )
    assert sent > 0
    assert loss == pytest.approx(ideal, rel=1e-3)
    for pulsed, exact, first in zip(voltages, weights, start, strict=True):
        change, wanted = pulsed - first, exact - first
        # Rounding leaves at most half a step of deviation in each of 64 updates.
        assert np.abs(change - wanted).max() < 5 * 0.5 * np.sqrt(64) * step
        assert np.corrcoef(change.ravel(), wanted.ravel())[0, 1] > 0.99


def test_ideal_step_is_the_gradient():
    """One batch of ideal training moves the weights by minus rate times gradient."""
    import torch

    generator = np.random.default_rng(1)
    images = load_images("mnist", full=False)
    shown = images.train_images[:16].reshape(16, -1)
    labels = images.train_labels[:16]
    for activation, function in ((LOGISTIC, torch.sigmoid), (RECTIFIED, torch.relu)):
        weights = tuple(
            generator.normal(0, 0.1, shape).astype(np.float32)
            for shape in ((784, 20), (20, 10))
        )
        held = [torch.tensor(part, requires_grad=True) for part in weights]
        x = torch.tensor(shown / np.float32(255))
        logits = function(x @ held[0]) @ held[1]
        target = torch.tensor(labels.astype(np.int64))
        loss = torch.nn.functional.cross_entropy(logits, target, reduction="sum")
        torch.autograd.backward(loss)
        before = tuple(part.copy() for part in weights)
        train_ideal(
            shown,
            labels,
            np.arange(16),
            16,
            weights,
            np.array([1, 0, 1, 0], np.float32),
            np.full(2, 0.01, np.float32),
            activation,
        )
        for after, first, tensor in zip(weights, before, held, strict=True):
            np.testing.assert_allclose(
                after - first, -0.01 * np.asarray(tensor.grad), atol=2e-6
            )


def test_wrong_model_is_refused_before_any_work(model, monkeypatch):
    """Device and resistances are checked before images are read."""
    monkeypatch.setattr(
        fmes_perceptron, "load_images", lambda *_, **__: pytest.fail("too late")
    )
    with pytest.raises(CalibrationError, match="needs 'fmes'"):
        run(CalibratedModel(model="hnno", parameters=()))
    with pytest.raises(CalibrationError, match="no curve at '7ohm'"):
        run(model, resistances=("7ohm",))


def test_settings_read_text():
    """Labels come as text with commas from the command line."""
    settings = FmesPerceptronSettings(resistances="500ohm, open")
    assert settings.resistances == ("500ohm", "open")
    with pytest.raises(ValidationError):
        FmesPerceptronSettings(hidden_rate=0.0)
