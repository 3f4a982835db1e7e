"""Tests of labneuro/networks/counter_random.py."""

import numpy as np
import pytest
from scipy import stats

from labneuro.devices.random_streams import uniform
from labneuro.networks.counter_random import DRAW_RANGE, draw, stream_key


def draws(key, count):
    return np.array([draw(key, number) for number in range(count)])


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_draws_are_the_sequence_of_the_device_streams(seed):
    """Draw n is the upper 24 bits of the n-th step of SplitMix64."""
    key = stream_key(seed, 3)
    stream = np.array([key])
    stepped = [int(uniform(stream, 0) * DRAW_RANGE) for _ in range(100)]
    assert [draw(key, number) for number in range(1, 101)] == stepped


def test_draws_are_uniform():
    """Chi-squared over 64 bins; false alarm 1e-4 for the fixed seed."""
    counts = np.bincount(draws(stream_key(5), 64_000) >> 18, minlength=64)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_streams_of_different_paths_are_unrelated():
    """Seed, purpose and step number each make another stream."""
    paths = [(1, 0), (1, 1), (2, 0), (1, 0, 0), (1, 0, 1)]
    keys = [stream_key(*path) for path in paths]
    assert len(set(keys)) == len(keys)
    correlation = np.corrcoef([draws(key, 2000) for key in keys])
    # 10 pairs, each within 4.9 standard deviations: false alarm 1e-5
    assert np.abs(correlation - np.eye(len(keys))).max() < 4.9 / 2000**0.5


def test_same_path_gives_the_same_stream():
    """Keys depend on nothing but the path."""
    assert stream_key(4, 2) == stream_key(4, 2)
