"""Waveforms as level changes in time."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.sim_backends import waveforms


def test_long_edges_are_stairs_of_the_right_area():
    cycle = waveforms.pulse_cycle(
        1e-3, 0.0, 1.0, width=400e-6, delay=0.0, leading=80e-6, trailing=80e-6
    )
    times = np.array([time for time, _ in cycle.changes] + [1e-3])
    levels = np.array([level for _, level in cycle.changes])
    assert float((levels * np.diff(times)).sum()) == pytest.approx(400e-6)
    assert len(cycle.changes) == 1 + 2 * (waveforms.EDGE_STEPS + 1)
    assert np.all(np.diff(times) >= 0)


def test_ramp_symmetry():
    cycle = waveforms.shape_cycle("RAMP", 1.0, -1.0, 1.0, turn=0.0, symmetry=1.0)
    levels = np.array([level for _, level in cycle.changes])
    assert np.sum(np.diff(levels) < 0) == 1, "a saw tooth falls once"
