"""Spikes in waveforms: edges between samples, noise, shapes, silences."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.analysis.spikes import (
    Pulses,
    find_pulses,
    joined_shapes,
    silences,
    spike_shapes,
)

INTERVAL = 1e-6


def train(starts, width, height=1.5, noise=0.0, length=5e-3, seed=0):
    """Return time and voltage of pulses with edges of one sample."""
    time = np.arange(0.0, length, INTERVAL)
    volts = sum(
        height
        * (
            np.clip((time - start) / INTERVAL, 0, 1)
            - np.clip((time - start - width) / INTERVAL, 0, 1)
        )
        for start in starts
    )
    return time, volts + noise * np.random.default_rng(seed).standard_normal(len(time))


def test_edges_are_known_better_than_a_sample():
    starts = [0.5003e-3, 2.0008e-3]
    time, volts = train(starts, 250e-6)
    found = find_pulses(time, volts, 0.75)
    np.testing.assert_allclose(found.start, np.array(starts) + 0.5e-6, atol=0.6e-6)
    np.testing.assert_allclose(found.width, 250e-6, atol=1e-9 + 0.5e-6)


def test_noise_below_the_hysteresis_makes_no_edge():
    time, volts = train([1e-3, 2e-3, 3e-3], 250e-6, noise=0.06)
    assert len(find_pulses(time, volts, 0.75)) == 3
    crossings = np.count_nonzero(np.diff((volts > 0.1).astype(int)) > 0)
    assert crossings > 3


def test_pulses_cut_by_the_ends_have_no_edge_there():
    time, volts = train([-1e-4, 4.9e-3], 250e-6)
    found = find_pulses(time, volts, 0.75)
    assert np.isnan(found.start).tolist() == [True, False]
    assert np.isnan(found.end).tolist() == [False, True]
    assert len(find_pulses(time, 0.0 * volts, 0.75)) == 0


def test_alike_spikes_correlate_and_an_odd_one_does_not():
    time, volts = train([1e-3, 2e-3, 3e-3], 250e-6, noise=0.003)
    spikes = find_pulses(time, volts, 0.75)
    shapes = spike_shapes(time, volts, spikes, 250e-6)
    assert (shapes.correlations() > 0.995).all()
    assert shapes.height == pytest.approx(1.5, abs=1e-3)
    odd_time, odd = train([1e-3], 120e-6, noise=0.003)
    odd_shape = spike_shapes(odd_time, odd, find_pulses(odd_time, odd, 0.75), 250e-6)
    together = joined_shapes([shapes, odd_shape]).correlations()
    assert np.argmin(together) == 3
    assert together[3] < 0.9
    assert np.isnan(odd_shape.correlations()).all()


def test_a_spike_at_the_end_has_no_shape():
    time, volts = train([1e-3, 4.9e-3], 250e-6)
    shapes = spike_shapes(time, volts, find_pulses(time, volts, 0.75), 250e-6)
    assert len(shapes) == 1
    empty = spike_shapes(time, volts, Pulses(np.empty(0), np.empty(0)), 250e-6)
    assert len(empty) == 0


def test_silences_run_to_the_next_start():
    found = silences(np.array([1.0, 2.5, 9.0]), np.array([0.5, 2.0, 4.0]))
    np.testing.assert_allclose(found, [1.0, 1.5, np.nan])
    assert np.isnan(silences(np.array([1.0]), np.empty(0))).all()
