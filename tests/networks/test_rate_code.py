"""Tests of labneuro/networks/rate_code.py."""

import numpy as np
import pytest

from labneuro.networks.counter_random import stream_key
from labneuro.networks.rate_code import (
    brightness_probability,
    own_maximum_probability,
    spike_trains,
)


@pytest.mark.parametrize("brightness", [1.0, 0.3])
def test_probability_is_pixel_times_brightness(brightness):
    """Black never spikes, white spikes with the brightness."""
    images = np.array([[[0, 51], [102, 255]]], dtype=np.uint8)
    probability = brightness_probability(images, brightness)
    assert probability.dtype == np.float32
    np.testing.assert_allclose(
        probability, [[0, 0.2 * brightness, 0.4 * brightness, brightness]], rtol=1e-6
    )


def test_own_maximum_undoes_dimming():
    """A dimmed image divided by its maximum is the bright one divided by its own."""
    images = np.random.default_rng(0).integers(0, 200, (5, 4, 4), dtype=np.uint8)
    dim, bright = (
        own_maximum_probability(brightness_probability(images, level))
        for level in (0.1, 1.0)
    )
    np.testing.assert_allclose(dim, bright, rtol=1e-6)
    np.testing.assert_array_equal(dim.max(axis=1), 1.0)


def test_black_image_stays_black():
    """There is no maximum to divide by."""
    black = np.zeros((2, 9), np.float32)
    np.testing.assert_array_equal(own_maximum_probability(black), black)


def test_certain_pixels_always_or_never_spike():
    """Probabilities 0 and 1 have no exceptions in 200 000 draws."""
    probability = np.tile(np.array([0, 1], np.float32), (10, 50))
    spikes = spike_trains(probability, 200, stream_key(1))
    np.testing.assert_array_equal(spikes, np.broadcast_to(probability, spikes.shape))


def test_spike_counts_are_binomial():
    """Mean and variance of counts over 400 steps for 2000 pixels at four brightnesses.

    Each within 4.5 standard errors: 8 checks, false alarm 5e-5.
    """
    steps, pixels = 400, 2000
    levels = np.array([0.01, 0.1, 0.5, 0.9], np.float32)
    probability = np.repeat(levels[:, None], pixels, axis=1)
    counts = spike_trains(probability, steps, stream_key(2)).sum(axis=0)
    variance = steps * levels * (1 - levels)
    mean_error = (counts.mean(axis=1) - steps * levels) / np.sqrt(variance / pixels)
    spread_error = (counts.var(axis=1) / variance - 1) / np.sqrt(2 / pixels)
    assert np.abs(mean_error).max() < 4.5
    assert np.abs(spread_error).max() < 4.5


def test_time_steps_are_independent():
    """Spikes of one pixel at successive steps do not correlate: 4.5 sigma, 7e-6."""
    spikes = spike_trains(np.full((1, 1), 0.5, np.float32), 20_000, stream_key(3))
    train = spikes.ravel() - 0.5
    assert abs((train[1:] * train[:-1]).mean() * 4) < 4.5 / len(train) ** 0.5


def test_same_key_same_spikes():
    """A key repeats the trains; another key does not."""
    probability = np.full((3, 30), 0.5, np.float32)
    first, again, other = (
        spike_trains(probability, 5, stream_key(key)) for key in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
