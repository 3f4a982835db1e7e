"""Counts and plan steps that the pulse protocols share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from labneuro.protocols.pulse_events import (
    BASELINE_EVENTS,
    INITIAL,
    EventSettings,
    PulseEvent,
    Sensitization,
)
from labneuro.protocols.pulse_steps import Tally, baseline_step, probe_step

LENGTH = 20e-6
SETTINGS = EventSettings()


@given(trials=st.integers(1, 5000), data=st.data())
def test_error_is_the_wilson_half_width(trials, data):
    """The error is half the 95 % Wilson interval over its normal quantile."""
    spikes = data.draw(st.integers(0, trials))
    tally = Tally((1,))
    tally.add((0,), np.repeat(np.array([1, 0], np.int8), [spikes, trials - spikes]))
    arrays = tally.arrays()
    low, high = stats.binomtest(spikes, trials).proportion_ci(0.95, "wilson")
    assert arrays["signal"][0] == spikes / trials
    assert arrays["errors"][0] == pytest.approx(
        (high - low) / 2 / stats.norm.ppf(0.975)
    )
    assert (arrays["spikes"][0], arrays["trials"][0]) == (spikes, trials)


def test_tally_adds_up_on_its_grid():
    """Trains at one place add; baseline reads do not count; the rest stays open."""
    tally = Tally((2, 2))
    tally.add((0, 1), np.array([1, 0, -1, 1], np.int8))
    tally.add((0, 1), np.array([0, 0], np.int8))
    arrays = tally.arrays()
    assert arrays["spikes"].tolist() == [[0, 2], [0, 0]]
    assert arrays["trials"].tolist() == [[0, 5], [0, 0]]
    assert arrays["signal"][0, 1] == 0.4
    assert np.isnan(arrays["signal"]).sum() == 3
    assert np.isnan(arrays["errors"]).sum() == 3


def test_arrays_are_copies():
    """What was written to the file does not change afterwards."""
    tally = Tally((1,))
    before = tally.arrays()
    tally.add((0,), np.array([1], np.int8))
    assert before["spikes"][0] == 0


def test_baseline_step():
    """The reset pulse and the read level are in the plan; it is no stimulation."""
    step = baseline_step(SETTINGS, LENGTH)
    assert sorted(step.voltages) == pytest.approx([-3.8, 0.1])
    assert step.pulses == 0
    assert step.duration > BASELINE_EVENTS * 2e-3


def test_probe_step():
    """Every level, every pulse and the whole duration of the events."""
    state = Sensitization(0.19e6, 30, 1e-3, 0.2)
    step = probe_step(PulseEvent(state, 0.21e6), 40, SETTINGS, LENGTH, 1e-4)
    assert step.label == "40 events at 0.21 V/um after 30 at 0.19 V/um"
    assert sorted({round(level, 9) for level in step.voltages}) == [
        -3.8,
        0.0,
        0.1,
        3.8,
        4.2,
    ]
    assert step.pulses == 40 * 31
    one = 29e-3 + 1e-4 + 0.2 + 1e-4 + 5e-3 + 1e-4 + 2e-3
    assert step.duration == pytest.approx(40 * one)
    assert step.current == 1e-4


def test_initial_probe_step_names_no_state():
    """Without sensitization the label says only the field."""
    step = probe_step(PulseEvent(INITIAL, 0.21e6), 40, SETTINGS, LENGTH, 1e-4)
    assert step.label == "40 events at 0.21 V/um"
    assert step.pulses == 40
