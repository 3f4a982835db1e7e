"""The column of synapses behind a board: pieces, sums, and who fires first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_parameters
from labneuro.devices.neuron_board import PAPER_CLOCK, NeuronBoardPopulation
from labneuro.devices.neuron_board_learning import LearningNeurons
from labneuro.devices.neuron_board_solver import CLOCK

SLICE = 2e-6  # s


def parameters(model, **changes):
    return load_parameters(model, load_card(model.replace("_", "-")), "card", changes)


@pytest.fixture
def board():
    """Return the card's board with the single device's switch, without noise."""
    mean = parameters("neuron_board", depression_enabled=1.0, ground_resistance="1 ohm")
    return replace(mean, switch=parameters("threshold_switch", rate_noise=0.0))


@pytest.fixture
def synapse():
    """Return the card's synapse without noise."""
    return parameters("rs_synapse", step_noise=0.0)


def run_sliced(neurons, volts):
    """Run a period in slices of 2 us; return whether the board spikes."""
    spiked, pieces = False, PAPER_CLOCK.pieces()
    for index, (duration, factor, clock) in enumerate(pieces):
        if clock != neurons.boards.memory.row[0, CLOCK]:
            before = volts * pieces[index - 1, 1]
            spiked |= bool(neurons.boards.set_clock(before, high=bool(clock))[0])
        slices = round(duration / SLICE + 0.5)
        for _ in range(slices):
            neurons.advance(volts * factor, 3.0, duration / slices)
    return spiked


@pytest.mark.parametrize(
    ("volts", "start", "periods"),
    [([2.0] + [0.0] * 9, 42e-6, 7), ([1.6] * 12 + [0.0] * 18, 500e-6, 16)],
)
def test_pieces_are_as_good_as_slices(board, synapse, volts, start, periods):
    """Setting while integrating, resetting and setting after the firing."""
    volts = np.array(volts)
    ours, sliced = (LearningNeurons([board], [synapse] * len(volts), 0) for _ in "ab")
    spikes = []
    for neurons in (ours, sliced):
        neurons.set_conductance(start)
    for _ in range(periods):
        spikes.append(bool(ours.run_period(volts, lambda _: 3.0)[0]))
        assert run_sliced(sliced, volts) == spikes[-1]
        np.testing.assert_allclose(ours.conductance, sliced.conductance, rtol=0.005)
    assert any(spikes)
    learned = ours.conductance[0]
    assert learned[volts > 0.0].min() > 800e-6
    assert learned[volts == 0.0].max() < 60e-6


@pytest.mark.parametrize("inputs", [1, 3, 4, 7])
def test_a_column_is_its_sum(board, synapse, inputs):
    """Any number of synapses, the last one driven: as with fixed resistors."""
    calm = replace(board, depression_enabled=0.0)
    fixed = replace(synapse, set_voltage=3.0, reset_voltage=3.0)
    conductance = 100e-6 * (1.0 + np.arange(inputs))
    volts = np.zeros(inputs)
    volts[-1] = 1.5
    neurons = LearningNeurons([calm], [fixed] * inputs, 0)
    neurons.set_conductance(conductance)
    for _ in range(3):
        neurons.run_period(volts, lambda _: 3.0)
    alone = NeuronBoardPopulation([calm], 0, conductance)
    alone.run(volts, 3)
    assert neurons.boards.firings[0] > 0 or neurons.boards.integration[0] > 0.1
    np.testing.assert_allclose(neurons.boards.integration, alone.integration, rtol=1e-9)
    np.testing.assert_allclose(neurons.boards.bridge, alone.bridge, rtol=1e-9)


def test_gates_of_different_thresholds_open_one_by_one(board, synapse):
    """Between both thresholds only one of two synapses conducts."""
    late = replace(synapse, gate_threshold=1.5)
    neurons = LearningNeurons([board], [synapse, late], 0)
    seen = []
    for gate in (0.5, 1.0, 2.0):
        neurons.advance(0.1, gate, 1e-6)
        seen.append(neurons.boards.conductance[0] > 0.0)
    np.testing.assert_array_equal(seen, [[False, False], [True, False], [True, True]])


def run_rivals(board, synapse, rivals, quicker):
    """Return spikes and conductances of two neurons that see the same."""
    quick = replace(board.switch, growth_rate=quicker * board.switch.growth_rate)
    pair = [board, replace(board, switch=quick)]
    neurons = LearningNeurons(pair, [synapse] * 8, 0)
    neurons.rivals = rivals

    def gates(inhibition):
        alone = inhibition.sum() == 1
        return np.where(inhibition, 3.0, 0.0) if alone else np.full(2, 3.0)

    volts = np.array([1.6, 1.6, 0.0, 0.0])
    for _ in range(8):
        spiked = neurons.run_period(volts, gates)
        if spiked.any():
            return spiked, neurons
    return spiked, neurons


def test_the_first_to_fire_closes_its_rivals_gates_at_once(board, synapse):
    """Both would fire in one clock period; the quicker one alone spikes and learns."""
    both, _ = run_rivals(board, synapse, 0, 1.02)
    assert both.all()
    first, neurons = run_rivals(board, synapse, 2, 1.02)
    np.testing.assert_array_equal(first, [False, True])
    np.testing.assert_array_equal(neurons.boards.firings, [0, 1])
    np.testing.assert_array_equal(neurons.conductance[0], 400e-6)
    assert neurons.conductance[1, 0] > 800e-6


def test_equals_fire_together_all_the_same(board, synapse):
    """Nobody is first within the array's response."""
    both, _ = run_rivals(board, synapse, 2, 1.0)
    assert both.all()
