"""Tests of labneuro/networks/fashion_snn.py, on a tenth of the shipped images."""

import dataclasses

import pytest
import torch

from labneuro.data.images import load_images
from labneuro.errors import CalibrationError
from labneuro.networks import fashion_snn
from labneuro.networks.fashion_snn import FashionSnnSettings, simulate

QUICK = {
    "hidden": 60,
    "time_steps": 8,
    "batch": 64,
    "epochs": 3,
    "learning_rate": 1e-2,
    "seeds": 2,
    "brightness": (1.0, 0.4),
}


@pytest.fixture(autouse=True)
def _one_thread():
    """Small products wait for a second thread longer than they take."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _few_images(monkeypatch):
    everything = load_images("fashion-mnist", full=False)
    few = dataclasses.replace(
        everything,
        train_images=everything.train_images[:600],
        train_labels=everything.train_labels[:600],
        test_images=everything.test_images[:300],
        test_labels=everything.test_labels[:300],
    )
    monkeypatch.setattr(fashion_snn, "load_images", lambda name, full: few)


def run(model, *, seed=0, progress=None, **changes):
    settings = FashionSnnSettings(**{**QUICK, **changes})
    return simulate(model, settings, seed=seed, progress=progress)


def rows(result, neuron):
    return [row for row in result.rows if row.neuron == neuron]


def test_network_learns_and_every_case_is_reported(calibrated):
    """Two seeds, two brightnesses, three kinds; far above the 10 % of chance."""
    result = run(calibrated())
    assert [(row.seed, row.brightness, row.neuron) for row in result.rows] == [
        (seed, brightness, neuron)
        for seed in (0, 1)
        for brightness in (1.0, 0.4)
        for neuron in ("normal", "self-sensitizable", "normal, own maximum")
    ]
    assert all(row.total == 300 for row in result.rows)
    assert rows(result, "normal")[0].accuracy > 0.5
    for losses in result.training_loss.values():
        assert len(losses) == 3
        assert losses[-1] < losses[0]


def test_dark_neurons_fire_more_when_they_sensitize(calibrated):
    """In dim light self-sensitizable neurons spike at least 1.1 times as often."""
    result = run(calibrated(), seeds=1)
    normal = rows(result, "normal")
    moving = rows(result, "self-sensitizable")
    assert normal[1].firing_rate < normal[0].firing_rate
    assert moving[1].firing_rate > 1.1 * normal[1].firing_rate


@pytest.mark.parametrize("time_resolved", [False, True])
def test_seed_repeats_everything(calibrated, time_resolved):
    """The same seed gives the same text; seeds count up; another seed differs."""
    changes = {"epochs": 1, "time_resolved_gradient": time_resolved}
    first = run(calibrated(), **changes)
    assert run(calibrated(), **changes).to_json() == first.to_json()
    second = run(calibrated(), seed=1, seeds=1, **changes)
    assert second.rows == first.rows[6:]
    assert second.training_loss[1] != first.training_loss[0]


def test_neuron_that_cannot_be_sensitized_changes_nothing(calibrated):
    """Without a shift both kinds classify alike: same weights, spikes and luck."""
    result = run(calibrated(saturation_shift=0.0), seeds=1, epochs=1)
    for frozen, moving in zip(
        rows(result, "normal"), rows(result, "self-sensitizable"), strict=True
    ):
        assert moving.correct == frozen.correct
        assert moving.firing_rate == frozen.firing_rate


def test_sensitization_parameters_do_not_touch_training(calibrated):
    """Normal networks are the same whatever the device's sensitization is."""
    weak = run(calibrated(saturation_shift=0.01e6), seeds=1, epochs=1)
    strong = run(calibrated(saturation_shift=0.05e6), seeds=1, epochs=1)
    assert weak.training_loss == strong.training_loss
    assert rows(weak, "normal") == rows(strong, "normal")
    assert rows(weak, "self-sensitizable") != rows(strong, "self-sensitizable")


def test_reset_after_spike_weakens_sensitization(calibrated):
    """A reset pulse forgets, so fewer spikes are added; frozen neurons do not care."""
    kept, reset = (
        run(calibrated(), seeds=1, epochs=1, reset_after_spike=choice)
        for choice in (False, True)
    )
    assert rows(kept, "normal") == rows(reset, "normal")
    for with_reset, without, frozen in zip(
        rows(reset, "self-sensitizable"),
        rows(kept, "self-sensitizable"),
        rows(kept, "normal"),
        strict=True,
    ):
        assert frozen.firing_rate < with_reset.firing_rate < without.firing_rate


def test_progress_counts_every_step(calibrated):
    """Each part counts from 1 to its total, training and test of each network."""
    seen = []
    run(calibrated(), epochs=1, progress=lambda *step: seen.append(step))
    expected = []
    for number in (1, 2):
        label = f"network {number} of 2"
        expected += [(f"{label}: training", step, 10) for step in range(1, 11)]
        expected += [(f"{label}: test", step, 4) for step in range(1, 5)]
    assert seen == expected


def test_model_of_another_device_is_refused_before_any_work(calibrated, monkeypatch):
    """The calibrated model is checked first, before images are read."""
    monkeypatch.setattr(fashion_snn, "load_images", lambda *_: pytest.fail("too late"))
    with pytest.raises(CalibrationError, match="needs 'hnno'"):
        run(calibrated(model="fmes"))
