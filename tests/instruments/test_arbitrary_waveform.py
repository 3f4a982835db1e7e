"""Points for the generator: levels within 1 mV, durations exact, 0 V at both ends."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.errors import LimitError
from labneuro.instruments.arbitrary_waveform import (
    MOST_POINTS,
    REST_CODE,
    TOP_CODE,
    SampledWaveform,
    round_up,
    sample,
)
from labneuro.instruments.roles import Waveform

segments = st.lists(
    st.tuples(
        st.floats(-10.0, 10.0, allow_subnormal=False),
        st.integers(1, 20_000).map(lambda microseconds: microseconds * 1e-6),
    ),
    min_size=1,
    max_size=6,
)


def decode(points):
    """Return the level of every point as the generator puts it out."""
    half = points.amplitude / 2
    return points.codes.astype(float) / TOP_CODE * points.amplitude - half


@given(segments)
def test_levels_hold_within_a_millivolt_and_durations_exactly(parts):
    points = sample(Waveform(tuple(parts)))
    levels = decode(points)
    # The step as the exact number that it stands for: a whole part of a nanosecond.
    step = Fraction(points.step * 1e9).limit_denominator(10**6)
    start = 1
    for level, duration in parts:
        count = Fraction(round(duration * 1e9)) / step
        assert count.denominator == 1
        stop = start + int(count)
        assert np.all(np.abs(levels[start:stop] - level) < 1e-3)
        start = stop
    assert start == len(levels) - 1 < MOST_POINTS
    assert points.codes[0] == points.codes[-1] == REST_CODE


@given(segments)
def test_codes_fill_14_bits_and_the_amplitude_has_four_digits(parts):
    points = sample(Waveform(tuple(parts)))
    assert points.codes.min() >= 0
    assert points.codes.max() <= TOP_CODE
    assert float(f"{points.amplitude:.4g}") == points.amplitude
    assert 2e-3 <= points.amplitude <= 20.0
    period = len(points.codes) * points.step
    assert points.frequency == pytest.approx(1 / period, rel=1e-12)


def test_a_pulse_and_its_reset_have_a_point_of_one_percent():
    points = sample(Waveform(((4.2, 100e-6), (0.0, 2e-3), (-3.0, 100e-6))))
    assert points.step == pytest.approx(1e-6, rel=1e-12)
    assert points.amplitude == 8.4
    assert len(points.codes) == 2202
    changes = np.flatnonzero(np.diff(points.codes.astype(int))) + 1
    assert changes.tolist() == [1, 101, 2101, 2201]
    assert points.codes[1] == TOP_CODE
    assert points.codes[2101] == round(REST_CODE * (1 - 3.0 / 4.2))


def test_a_pure_change_of_amplitude_keeps_the_points():
    weak, strong = (
        sample(Waveform(((level, 100e-6), (0.0, 1e-3)))) for level in (3.8, 4.2)
    )
    np.testing.assert_array_equal(weak.codes, strong.codes)
    assert (weak.amplitude, strong.amplitude) == (7.6, 8.4)


@pytest.mark.parametrize(
    ("durations", "step"),
    [
        ((100e-6, 100e-3), 1e-4 / 16),  # 1001 units: 16 points each fit a short upload
        ((100e-6, 10.0), 1e-4),  # 100 001 units: only the common duration itself fits
        ((40e-9, 40e-9), 4e-9),  # no point is shorter than a sample
        ((50.0,), 0.5),
    ],
)
def test_the_step_divides_every_duration_and_fits(durations, step):
    points = sample(Waveform(tuple((1.0, duration) for duration in durations)))
    assert points.step == pytest.approx(step, rel=1e-12)
    whole = sum(round(duration / step) for duration in durations)
    assert len(points.codes) == whole + 2 <= MOST_POINTS


def test_the_largest_waveform_just_fits():
    longest = (MOST_POINTS - 3) * 1e-6
    points = sample(Waveform(((1.0, 1e-6), (0.0, longest))))
    assert len(points.codes) == MOST_POINTS
    with pytest.raises(LimitError, match="needs 131073 points of 1 us"):
        sample(Waveform(((1.0, 1e-6), (0.0, longest + 1e-6))))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), "it has no segment"),
        (((10.1, 1e-3),), r"waveform \(10.1 V for 1 ms\): level 10.1 V is beyond"),
        (((math.nan, 1e-3),), "levels are finite"),
        (((math.inf, 1e-3),), "levels are finite"),
        (((1.0, 0.0),), "durations above 0 s"),
        (((1.0, -1e-3),), "durations above 0 s"),
        (((1.0, math.inf),), "durations above 0 s"),
        (((1.0, 1.5e-9),), "no multiple of 1 ns"),
        (((1.0, 1e-10),), "no multiple of 1 ns"),
        (((1.0, 7e-9), (0.0, 5e-9)), "points of 1 ns, the generator's last 4 ns"),
        (((1.0, 1e-6),) * 3 + ((0.0, 1.0),), r"1 V for 1 us, \.\.\.\): it needs"),
    ],
)
def test_what_the_generator_cannot_play_is_refused_by_name(parts, message):
    with pytest.raises(LimitError, match=message):
        sample(Waveform(parts))


def test_the_block_has_two_bytes_a_point_high_byte_first():
    codes = np.array([8191, 16382, 0, 1, 8191], dtype=np.uint16)
    points = SampledWaveform(codes, 1e-6, 1.0)
    assert points.block == b"#210\x1f\xff\x3f\xfe\x00\x00\x00\x01\x1f\xff"


@given(st.floats(0.0, 10.0))
def test_rounding_up_never_falls_below_the_level_by_more_than_a_rounding(level):
    rounded = round_up(level)
    assert -1e-11 < rounded - level <= (1e-3 if level <= 5.0 else 5e-3) + 1e-12
