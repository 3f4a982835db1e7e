"""Whole firing cycles in closed form against the event solver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_parameters
from labneuro.devices.neuron_board import ClockProgram, NeuronBoardPopulation
from labneuro.devices.neuron_board_cycles import Stretch, stretch_of
from labneuro.devices.neuron_board_switch import RATE, X

ALLOWED = 2.5e-6  # s


def card(**changes):
    return load_parameters("neuron_board", load_card("neuron-board"), "card", changes)


@pytest.fixture
def quiet():
    """Return the card's board without noise."""
    return card(rate_noise=0.0)


def both(board, seed=0, boards=1):
    """Return equal populations with the exact and the loose setting."""
    return [
        NeuronBoardPopulation([board] * boards, seed, loose=loose)
        for loose in (False, True)
    ]


def assert_same_end(exact, loose):
    """All states that a run leaves behind, but for the accuracy of the firing."""
    np.testing.assert_allclose(loose.integration, exact.integration, atol=3e-3)
    np.testing.assert_allclose(loose.bridge, exact.bridge, atol=1e-2)
    np.testing.assert_array_equal(loose.latches, exact.latches)
    np.testing.assert_array_equal(loose.firings, exact.firings)
    np.testing.assert_array_equal(loose.spikes, exact.spikes)
    assert loose.time == pytest.approx(exact.time, rel=1e-12)


@pytest.mark.parametrize("periods", range(1, 13))
def test_a_run_may_end_in_any_period_of_a_cycle(quiet, periods):
    """In the firing one, in the refractory one, and in any other."""
    exact, loose = both(quiet)
    expected, found = (one.run([1.8, 0.0], periods) for one in (exact, loose))
    np.testing.assert_array_equal(found.spikes, expected.spikes)
    np.testing.assert_allclose(found.fired_at, expected.fired_at, atol=ALLOWED, rtol=0)
    assert_same_end(exact, loose)


@pytest.mark.parametrize("cut", [3, 5, 6, 7])
def test_a_run_in_two_is_one_run(quiet, cut):
    (_, whole), (_, halves) = both(quiet), both(quiet)
    expected = whole.run([1.8, 0.0], 30)
    parts = [halves.run([1.8, 0.0], count) for count in (cut, 30 - cut)]
    spikes = np.concatenate([part.spikes for part in parts], axis=1)
    np.testing.assert_array_equal(spikes, expected.spikes)
    assert_same_end(whole, halves)
    assert whole.spikes[0] == expected.spikes.sum() == 5


@pytest.mark.parametrize("volts", [1.43, 1.55, 1.63])
def test_a_bridge_that_a_pulse_has_begun_counts_in_the_next(quiet, volts):
    """The pulse before ends a few microseconds short of a firing."""
    exact, loose = both(quiet)
    expected, found = (one.run([volts, 0.0], 40) for one in (exact, loose))
    assert np.isfinite(expected.fired_at).any()
    np.testing.assert_allclose(found.fired_at, expected.fired_at, atol=1e-6, rtol=0)


@pytest.mark.parametrize("start", [0.769, 0.7695, 0.774, 0.7725])
def test_firings_that_l1_does_not_see(quiet, start):
    """Less than 6 us before the pulse's end: closed anew by the next pulse, or not."""
    exact, loose = both(quiet)
    for one in (exact, loose):
        one.memory.row[0, X] = start
    expected, found = (one.run([1.8, 0.0], 6) for one in (exact, loose))
    assert 249e-6 < expected.fired_at[0, 0] < 255e-6
    assert not expected.spikes[0, 1] or expected.fired_at[0, 0] < 250e-6
    first = found.fired_at[0, 0] - expected.fired_at[0, 0]
    assert first == pytest.approx(0.0, abs=ALLOWED)
    if start < 0.77:
        np.testing.assert_allclose(
            found.fired_at, expected.fired_at, atol=ALLOWED, rtol=0
        )
        np.testing.assert_array_equal(found.spikes, expected.spikes)


def test_rates_are_drawn_as_the_event_solver_draws_them():
    """One draw at each relaxation from the same stream: the same rates in the end."""
    exact, loose = both(card(rate_noise=0.1), seed=3, boards=20)
    expected, found = (one.run([1.8, 0.0], 14) for one in (exact, loose))
    same = (expected.spikes == found.spikes).all(axis=1)
    assert same.mean() >= 0.8
    np.testing.assert_allclose(
        loose.memory.row[same, RATE], exact.memory.row[same, RATE], rtol=1e-12
    )
    assert np.unique(loose.memory.row[:, RATE]).size == 20


def test_rates_of_spikes_agree_with_noise():
    """200 boards, 0.1 s each: counts within 1 %, four standard errors of their mean."""
    exact, loose = both(card(rate_noise=0.1), seed=5, boards=200)
    counts = [one.run([1.6, 0.0], 200).spikes.sum() for one in (exact, loose)]
    assert counts[0] > 4000
    assert counts[1] == pytest.approx(counts[0], rel=0.01)


def test_boards_outside_the_scheme_go_from_event_to_event(quiet):
    """A depression module; a clock that falls after the pulse, so that L1 sees none."""
    lifted = replace(quiet, depression_enabled=1.0)
    for board, program, spiking in (
        (lifted, ClockProgram(), True),
        (quiet, ClockProgram(width=200e-6), False),
    ):
        exact, loose = both(board)
        expected, found = (one.run([1.8, 0.0], 40, program) for one in (exact, loose))
        first = np.nanmin(expected.fired_at)
        assert np.nanmin(found.fired_at) == pytest.approx(first, abs=ALLOWED)
        np.testing.assert_array_equal(found.spikes, expected.spikes)
        assert expected.spikes.any() == spiking


def test_a_threshold_out_of_reach_gives_firings_without_spikes(quiet):
    """Node 2 has 1.2 V at most at 1.8 V."""
    deaf = replace(quiet, latch_threshold=1.3)
    exact, loose = both(deaf)
    for one in (exact, loose):
        assert not one.run([1.8, 0.0], 20).spikes.any()
    assert exact.firings[0] == loose.firings[0] > 0


def test_nothing_fires_at_no_or_little_voltage(quiet):
    """x tends to what leak and drive allow, 0.39 at 0.9 V."""
    exact, loose = both(quiet)
    for volts in (0.0, 0.9):
        for one in (exact, loose):
            assert not np.isfinite(one.run([volts, 0.0], 300).fired_at).any()
        assert_same_end(exact, loose)
    assert loose.integration[0] > 0.1


def test_the_stretch_of_a_period():
    """The pulse's begin and end, the clock's fall, and whether that fits."""
    found, fits = stretch_of(ClockProgram().pieces())
    assert found == pytest.approx(Stretch(5e-6, 255e-6, 250e-6, 500e-6))
    assert fits
    late = ClockProgram(delay=300e-6, width=100e-6).pieces()
    _, fits = stretch_of(late)
    assert not fits
    twice = np.array([[1e-4, 1.0, 1.0], [1e-4, 0.0, 1.0], [1e-4, 1.0, 0.0]])
    _, fits = stretch_of(twice)
    assert not fits
    weak = np.array([[1e-4, 0.5, 1.0], [1e-4, 0.5, 0.0], [1e-4, 0.0, 0.0]])
    _, fits = stretch_of(weak)
    assert not fits
