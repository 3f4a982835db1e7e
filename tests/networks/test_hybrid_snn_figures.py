"""Tests of labneuro/plotting/hybrid_networks.py: what the network's figures show."""

import math
from typing import Any

import numpy as np
import pytest

from labneuro.calibration import CalibratedModel
from labneuro.errors import InputError
from labneuro.networks.hybrid_snn_result import (
    HybridSnnResult,
    Maps,
    NetworkRow,
    RecognitionRow,
)
from labneuro.networks.hybrid_snn_settings import HybridSnnSettings
from labneuro.plotting import hybrid_networks


@pytest.fixture(scope="module")
def maps():
    generator = np.random.default_rng(0)
    rates = {
        noise: (
            generator.uniform(0, 500, (10, 10)),
            generator.uniform(0, 300, (10, 10)),
        )
        for noise in (0, 2, 4)
    }
    hidden = np.array([3, 3, 0, 1, 2, -1, 4, 5, 6, 7])
    return Maps(
        first_before=np.full((10, 30), 400e-6),
        first_after=generator.uniform(42e-6, 980e-6, (10, 30)),
        first_events=generator.uniform(42e-6, 980e-6, (31, 30)),
        second_before=np.full((10, 10), 42e-6),
        second_after=generator.uniform(42e-6, 980e-6, (10, 10)),
        second_periods=generator.uniform(42e-6, 980e-6, (7, 10)),
        digit=1,
        hidden=hidden,
        rates=rates,
    )


@pytest.fixture(scope="module")
def result(maps):
    networks = tuple(
        NetworkRow(variant, seed, 100, alone, 100 - alone, learners, most, 8)
        for variant, alone, learners, most in (
            ("network", 60, 9, 12),
            ("no stochasticity", 0, 0, 0),
        )
        for seed in (0, 1)
    )
    recognition = tuple(
        RecognitionRow("network", seed, noise, 9 - noise - seed, 10)
        for noise in (0, 2, 4)
        for seed in (0, 1)
    )
    return HybridSnnResult(
        HybridSnnSettings(),
        CalibratedModel(model="threshold_switch", parameters=()),
        {"growth_rate": "fitted"},
        networks,
        recognition,
        maps,
    )


def test_weight_maps_are_in_microsiemens_on_one_scale(maps):
    """Six maps; before training all of the first layer is at 400 uS."""
    figure = hybrid_networks.weight_maps(maps)
    images = [axes.images[0] for axes in figure.axes[:6]]
    assert {image.get_clim() for image in images} == {(0.0, 1000.0)}
    np.testing.assert_allclose(np.asarray(images[0].get_array()), 400.0)
    shape = np.asarray(images[1].get_array()).shape
    assert shape == (31, 30)
    assert figure.axes[1].get_ylabel() == "firing event, digit 1"


def test_each_digit_stands_above_what_its_neuron_learned(maps):
    """A digit that nobody answers has an empty map."""
    figure = hybrid_networks.learned_digits(maps, "spread")
    titles = [axes.get_title() for axes in figure.axes[:20]]
    assert titles[:2] == ["digit 0", "digit 1"]
    assert titles[10] == titles[11] == "neuron 3"
    assert titles[15] == "nobody"
    learned = np.asarray(figure.axes[10].images[0].get_array()).ravel()
    np.testing.assert_allclose(learned, 1e6 * maps.first_after[3])


def test_rates_stand_in_the_order_of_the_digits(maps):
    """Clean digits above, the nearest noise that was tested below."""
    figure = hybrid_networks.firing_rates(maps, 3)
    assert figure.axes[2].get_title() == "2 noisy pixels"
    labels = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert labels == ["3", "0", "1", "2", "4", "5", "6", "7", "8", "9"]
    shown = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(shown[:, 0], maps.rates[0][0][:, 3])


def test_recognition_has_points_and_chance(result):
    """Means over the networks in percent."""
    figure = hybrid_networks.recognition_by_noise(result.summary())
    axes: Any = figure.axes[0]
    drawn = axes.get_legend_handles_labels()[0][0].lines[0]
    np.testing.assert_allclose(drawn.get_xdata().astype(float), [0, 2, 4])
    np.testing.assert_allclose(drawn.get_ydata().astype(float), [85, 65, 45])
    with pytest.raises(InputError, match="nothing to draw"):
        hybrid_networks.recognition_by_noise([])


def test_competition_shows_every_network(result):
    """A point a network; the greediest of none is not drawn."""
    figure = hybrid_networks.competition(result.networks)
    points: Any = figure.axes[1].lines
    np.testing.assert_allclose(points[0].get_xdata(), 20.0)
    assert np.isnan(points[1].get_xdata()).all()
    with pytest.raises(InputError, match="nothing to draw"):
        hybrid_networks.competition([])


def test_interval_is_over_the_networks(result):
    """Student's t with one degree of freedom for two networks."""
    part = result.summary()[0]
    assert part.mean == pytest.approx(0.85)
    assert part.standard_deviation == pytest.approx(0.1 / math.sqrt(2))
    low, high = part.interval
    assert (low, high) == (pytest.approx(0.85 - 12.706 * 0.05, abs=1e-3), 1.0)


def test_all_files_are_written(result, tmp_path):
    """Numbers and five figures; a folder that is not there is told."""
    paths = hybrid_networks.save_network_result(result, tmp_path)
    assert [path.name for path in paths] == [
        "result.json",
        "weight_maps.png",
        "learned_digits.png",
        "firing_rates.png",
        "recognition_by_noise.png",
        "competition.png",
    ]
    assert all(path.stat().st_size > 500 for path in paths)
    with pytest.raises(InputError, match="cannot be written"):
        hybrid_networks.save_network_result(result, tmp_path / "none")
