"""Tests of labneuro/data/digit_font.py."""

import numpy as np
import pytest

from labneuro.data.digit_font import (
    FONTS,
    digit_patterns,
    distance_table,
    flip_pixels,
    hamming_distances,
)


@pytest.mark.parametrize("font", FONTS)
def test_ten_different_digits_of_thirty_pixels(font):
    """Black or white, none twice."""
    patterns = digit_patterns(font)
    assert patterns.shape == (10, 30)
    assert set(np.unique(patterns)) == {0.0, 1.0}
    distances = hamming_distances(patterns)
    assert (distances[~np.eye(10, dtype=bool)] > 0).all()
    np.testing.assert_array_equal(distances, distances.T)


def test_five_and_six_and_eight_and_nine_are_close():
    """No two digits are closer; most are far apart."""
    distances = hamming_distances(digit_patterns("spread"))
    pairs = distances[np.triu_indices(10, 1)]
    assert distances[5, 6] == pairs.min()
    assert (pairs < distances[8, 9]).sum() == 1
    assert np.median(pairs) > 14


def test_table_holds_distances_and_black_pixels():
    """One row a digit, the number of black pixels last."""
    patterns = digit_patterns("plain")
    lines = distance_table(patterns).splitlines()
    assert len(lines) == 11
    numbers = [int(part) for part in lines[6].split()]
    assert numbers[0] == 5
    assert numbers[1:-1] == hamming_distances(patterns)[5].tolist()
    assert numbers[-1] == patterns[5].sum()


def test_as_many_pixels_turn_over_as_asked_for():
    """Others than those of the next pattern, and the original stays."""
    patterns = np.zeros((50, 30))
    noisy = flip_pixels(patterns, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(noisy.sum(axis=1), 4)
    assert (noisy.sum(axis=0) > 0).all()
    assert patterns.sum() == 0
    same = flip_pixels(noisy, 0, np.random.default_rng(0))
    np.testing.assert_array_equal(same, noisy)


def test_unknown_font_is_told():
    with pytest.raises(ValueError, match="'bold' is none of spread, plain"):
        digit_patterns("bold")
