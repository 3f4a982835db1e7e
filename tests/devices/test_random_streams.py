"""The random streams: the published generator, the right laws, one stream a device."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from labneuro.devices.random_streams import exponential, normal, streams, uniform

FALSE_ALARM = 1e-6  # of each statistical test, at a fixed seed


def draws(function, count, seed=0):
    """Return draws of one stream."""
    stream = streams(seed, 1)
    return np.array([function(stream, 0) for _ in range(count)])


def test_uniform_is_splitmix64():
    """The first words are those published for the seed 1234567."""
    stream = np.array([1234567], dtype=np.uint64)
    words = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    drawn = [uniform(stream, 0) for _ in words]
    assert drawn == [((word >> 11) + 0.5) / 2**53 for word in words]


@pytest.mark.parametrize(
    ("function", "law"),
    [(uniform, stats.uniform), (normal, stats.norm), (exponential, stats.expon)],
)
def test_draws_follow_the_law(function, law):
    """Kolmogorov-Smirnov test of 20 000 draws."""
    assert stats.kstest(draws(function, 20_000), law.cdf).pvalue > FALSE_ALARM


def test_draws_do_not_repeat_or_follow_each_other():
    """Successive draws are distinct and uncorrelated."""
    values = draws(uniform, 20_000)
    assert len(set(values)) == len(values)
    correlation = stats.pearsonr(values[:-1], values[1:])
    assert correlation.pvalue > FALSE_ALARM


def test_neighbouring_devices_are_uncorrelated():
    """Streams of neighbouring devices and of neighbouring seeds are independent."""
    stream = np.concatenate([streams(0, 2), streams(1, 1)])
    values = np.array([[uniform(stream, k) for k in range(3)] for _ in range(20_000)])
    for first, second in ((0, 1), (0, 2), (1, 2)):
        test = stats.pearsonr(values[:, first], values[:, second])
        assert test.pvalue > FALSE_ALARM


def test_stream_depends_on_seed_and_index_alone():
    """Device 7 has one stream, however many devices there are."""
    assert np.array_equal(streams(5, 8), streams(5, 1000)[:8])
    assert len(set(np.concatenate([streams(seed, 50) for seed in range(4)]))) == 200


def test_large_seed_is_accepted():
    """A seed may be any non-negative integer."""
    assert streams(2**100, 2).shape == (2,)
