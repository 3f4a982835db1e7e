"""The neuron board against a reference at 20 ns, and against the paper's figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_parameters
from labneuro.devices.neuron_board import ClockProgram, NeuronBoardPopulation
from labneuro.devices.neuron_board_parameters import (
    NeuronBoardParameters,
    draw_board,
    flat_values,
    neuron_board_parameters,
)
from labneuro.devices.neuron_board_solver import NODES
from labneuro.devices.threshold_switch import ThresholdSwitchPopulation
from labneuro.errors import CardError
from tests.devices.neuron_board_reference import STEP, reference_run

PERIOD = 500e-6


def card(**changes: float | str) -> NeuronBoardParameters:
    found = load_parameters("neuron_board", load_card("neuron-board"), "card", changes)
    assert isinstance(found, NeuronBoardParameters)
    return found


@pytest.fixture
def quiet() -> NeuronBoardParameters:
    """Return the card's board without noise."""
    return card(rate_noise=0.0)


@pytest.fixture(scope="module")
def references():
    """Return the reference's firing times and spikes by amplitude."""
    board = card(rate_noise=0.0)
    return {volts: reference_run(board, volts, 12) for volts in (1.4, 1.6, 1.8, 2.0)}


@pytest.mark.parametrize(("loose", "allowed"), [(False, 0.2e-6), (True, 2.5e-6)])
@pytest.mark.parametrize("volts", [1.4, 1.6, 1.8, 2.0])
def test_firings_agree_with_steps_of_20_ns(quiet, references, volts, loose, allowed):
    """All firings within 0.2 us (loose: 2.5 us), and spikes in the same periods."""
    fired_at, spikes = references[volts]
    found = NeuronBoardPopulation([quiet], 0, loose=loose).run([volts, 0.0], 12)
    np.testing.assert_array_equal(found.spikes[0], spikes)
    np.testing.assert_allclose(found.fired_at[0], fired_at, atol=allowed, rtol=0.0)
    assert np.isfinite(fired_at).any()


def test_the_reference_has_converged(quiet):
    """Half the step moves its firings by less than a tenth of what is allowed."""
    coarse, _ = reference_run(quiet, 1.9, 6)
    fine, _ = reference_run(quiet, 1.9, 6, divide=2)
    assert np.isfinite(coarse).sum() == 1
    np.testing.assert_allclose(coarse, fine, atol=STEP, rtol=0.0)


def test_1_8_volts_fires_on_the_fifth_pulse(quiet):
    """Figure 3b; the spike follows in the next clock period."""
    found = NeuronBoardPopulation([quiet], 0).run([1.8, 0.0], 12)
    assert np.flatnonzero(np.isfinite(found.fired_at[0])).tolist() == [4, 10]
    assert np.flatnonzero(found.spikes[0]).tolist() == [5, 11]


def test_refractory_for_500_us_and_250_us_more(quiet):
    """Node 1 is grounded for a period, and 750 us pass from the pulse that fired."""
    rows = NeuronBoardPopulation([quiet], 0).record([1.8, 0.0], 7, 1e-6)
    node_1, node_2, _, l1, l2, spike, inhibition = rows.T
    assert np.flatnonzero(l2)[[0, -1]].tolist() == [2500, 2999]
    assert node_1[l2 > 0].max() < 2e-3
    assert np.flatnonzero(spike)[[0, -1]].tolist() == [2500, 2749]
    assert np.flatnonzero(l1)[[0, -1]].tolist() == [2250, 2749]
    np.testing.assert_array_equal(inhibition, np.maximum(l1, l2))
    high = np.flatnonzero(node_2 > 0.5)
    driven_again = np.flatnonzero(node_1[high[-1] + 1 :] > 1.0)[0] + high[-1] + 1
    assert driven_again - high[-1] == pytest.approx(750, abs=1)
    assert node_2.max() > 0.9


def test_frequency_rises_with_the_amplitude(quiet):
    volts = np.linspace(1.4, 2.0, 13)
    inputs = np.column_stack([volts, np.zeros(13)])
    spikes = NeuronBoardPopulation([quiet] * 13, 0).run(inputs, 400).spikes.sum(axis=1)
    assert (np.diff(spikes) >= 0).all()
    assert spikes[0] == pytest.approx(400 / 11, abs=2)
    assert spikes[-1] == pytest.approx(400 / 5, abs=2)


@pytest.mark.parametrize("loose", [False, True])
def test_cutting_an_interval_changes_nothing(quiet, loose):
    """Node by node as a record, in one piece as a run: the same end."""
    whole = NeuronBoardPopulation([quiet], 0, loose=loose)
    whole.run([1.7, 0.0], 9)
    cut = NeuronBoardPopulation([quiet], 0, loose=loose)
    rows = cut.record([1.7, 0.0], 9, 3.3e-6)
    assert rows.shape == (1364, len(NODES))
    assert cut.firings.tolist() == whole.firings.tolist() == [1]
    assert cut.time == pytest.approx(9 * PERIOD, rel=1e-12)
    np.testing.assert_allclose(cut.bridge, whole.bridge, atol=2e-3)
    np.testing.assert_allclose(cut.integration, whole.integration, atol=1e-3)


def test_a_constant_source_is_the_threshold_switch_alone():
    """Without clock the board's switch lives as the device model's own solver says."""
    board = card(rate_noise=0.0, growth_rate="439.8 1/s")
    given = NeuronBoardPopulation([board], 0)
    alone = ThresholdSwitchPopulation([board.switch], 0)
    for volts, duration in ((1.6, 0.6e-3), (0.05, 0.3e-3), (0.4, 0.5e-3), (0.0, 1e-3)):
        given.advance([volts, volts], duration)
        alone.advance(volts, 8e3 + 20e3, duration)
        np.testing.assert_allclose(given.integration, alone.integration, atol=1e-4)
        np.testing.assert_allclose(given.bridge, alone.bridge, atol=3e-4)
    assert given.firings.tolist() == alone.firings.tolist()


@pytest.mark.parametrize("bridge", [0.6, 0.75, 0.85, 0.95, 1.0, 1.5])
@pytest.mark.parametrize("volts", [0.0, 0.1, 0.25, 0.4, 1.0])
def test_every_phase_agrees_with_the_switch_alone(quiet, bridge, volts):
    """From bridges between open and thick, under latches between none and full."""
    given = NeuronBoardPopulation([quiet], 0)
    alone = ThresholdSwitchPopulation([quiet.switch], 0)
    given.memory.row[0, 17:19] = 0.3, bridge
    alone.state[0, :2] = 0.3, bridge
    given.advance([volts, volts], 200e-6)
    alone.advance(volts, 28e3, 200e-6)
    np.testing.assert_allclose(given.bridge, alone.bridge, atol=1e-3)
    np.testing.assert_allclose(given.integration, alone.integration, atol=1e-3)


def test_nodes_divide_as_the_circuit_does(quiet):
    """Against a direct solution of the three conductances at node 1."""
    board = NeuronBoardPopulation([quiet], 0)
    node_1, node_2 = board.nodes([1.8, 0.3])[0]
    off = 1.0 / (20e3 + 1.0 / quiet.switch.off_conductance)
    total = 1e-4 + 0.25e-4 + 1e-9 + off
    assert node_1 == pytest.approx((1.8e-4 + 0.3 * 0.25e-4) / total, rel=1e-9)
    assert node_2 == pytest.approx(node_1 * off * 20e3, rel=1e-6)


def test_depression_lifts_node_1_before_the_refractory_period():
    """In the low half of the period that fired; then T1 grounds node 1."""
    board = card(rate_noise=0.0, depression_enabled=1.0)
    rows = NeuronBoardPopulation([board], 0).record([1.8, 0.0], 6, 1e-6)
    node_1 = rows[:, NODES.index("node_1")]
    lifted = np.flatnonzero(node_1 > 2.0)
    assert lifted[[0, -1]].tolist() == [2250, 2499]
    assert node_1[2500:].max() < 2e-3


def test_population_lives_as_each_alone(quiet):
    boards = [draw_board(card(), 3, index) for index in range(3)]
    together = NeuronBoardPopulation(boards, seed=5)
    found = together.run([1.8, 0.0], 60)
    alone = NeuronBoardPopulation(boards[:1], seed=5).run([1.8, 0.0], 60)
    np.testing.assert_array_equal(found.fired_at[0], alone.fired_at[0])
    again = NeuronBoardPopulation(boards, seed=5).run([1.8, 0.0], 60)
    np.testing.assert_array_equal(found.fired_at, again.fired_at)
    other = NeuronBoardPopulation(boards, seed=6).run([1.8, 0.0], 60)
    assert (found.spikes != other.spikes).any()
    assert (found.spikes.sum(axis=1) == together.spikes).all()


def test_noise_spreads_the_pulses_to_fire():
    """Log-normal rates of 10 %: the integration time's logarithm spreads as much."""
    boards = [card()] * 2000
    fired_at = NeuronBoardPopulation(boards, 7).run([2.0, 0.0], 12).fired_at
    first = np.nanmin(fired_at, axis=1)
    on = np.floor(first / PERIOD) * 245e-6 + (first % PERIOD - 5e-6)
    # The leak stretches long integrations a little; five standard errors of 2000.
    assert np.std(np.log(on)) == pytest.approx(0.115, abs=0.015)


def test_wrong_programs_and_parameters_are_told(quiet):
    with pytest.raises(ValueError, match="must lie within the clock's period"):
        ClockProgram(width=499e-6).pieces()
    with pytest.raises(ValueError, match="input voltages must be finite"):
        NeuronBoardPopulation([quiet], 0).advance([np.nan, 0.0], 1e-3)
    with pytest.raises(CardError, match="depression_enabled: must be 0 or 1, not"):
        card(depression_enabled=0.5)
    with pytest.raises(CardError, match="latch_threshold: must be above 0"):
        replace(quiet, latch_threshold=0.0)


def test_flat_values_make_the_board_again(quiet):
    assert neuron_board_parameters(**flat_values(quiet)) == quiet
