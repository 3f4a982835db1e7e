"""Boards that program their synapses in place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_parameters
from labneuro.devices.lateral_inhibition import LateralInhibitionArray
from labneuro.devices.neuron_board import NeuronBoardPopulation
from labneuro.devices.neuron_board_learning import LearningNeurons

LOWEST, MEDIUM, HIGHEST = 42e-6, 400e-6, 980e-6


def parameters(model, **changes):
    return load_parameters(model, load_card(model.replace("_", "-")), "card", changes)


@pytest.fixture
def board():
    """Return the card's board without noise, with its depression module."""
    return parameters("neuron_board", rate_noise=0.0, depression_enabled=1.0)


@pytest.fixture
def synapse():
    """Return the card's synapse without noise."""
    return parameters("rs_synapse", step_noise=0.0)


def gates_on(_inhibition):
    return [3.0]


def test_two_synapses_learn_in_place(board, synapse):
    """S1 pulsed, S2 grounded, both at 400 uS: 980 and 42 uS, and the neuron hurries."""
    neurons = LearningNeurons([board], [synapse] * 2, 0)
    spikes = [bool(neurons.run_period([1.9, 0.0], gates_on)[0]) for _ in range(40)]
    learned = neurons.conductance[0] if spikes[-1] else None
    times = np.flatnonzero(spikes)
    assert times[0] > 10
    np.testing.assert_array_equal(np.diff(times), 4)
    while learned is None:
        if neurons.run_period([1.9, 0.0], gates_on)[0]:
            learned = neurons.conductance[0]
    assert learned[0] == pytest.approx(HIGHEST, rel=0.01)
    assert learned[1] == pytest.approx(LOWEST, rel=0.01)


def test_nothing_is_programmed_before_the_first_fire(board, synapse):
    neurons = LearningNeurons([board], [synapse] * 2, 0)
    while not neurons.boards.inhibition[0]:
        np.testing.assert_array_equal(neurons.conductance, MEDIUM)
        neurons.run_period([1.9, 0.0], gates_on)
    assert (neurons.conductance < MEDIUM).all()


def test_a_grounded_gate_keeps_a_neuron_out(board, synapse):
    """Its synapses neither conduct nor move."""
    neurons = LearningNeurons([board] * 2, [synapse] * 4, 0)
    for _ in range(30):
        neurons.run_period([1.9, 0.0], lambda _: [3.0, 0.0])
    assert neurons.boards.firings[0] > 0
    assert neurons.boards.firings[1] == 0
    np.testing.assert_array_equal(neurons.conductance[1], MEDIUM)


def test_lateral_inhibition_lets_the_winner_learn_alone(board, synapse):
    """The quicker of two fires first; the other keeps its weights meanwhile."""
    quick = replace(board, switch=replace(board.switch, growth_rate=400.0))
    neurons = LearningNeurons([board, quick], [synapse] * 4, 0)
    array = LateralInhibitionArray(
        parameters("lateral_inhibition", neurons=2, reference_voltage="100 mV")
    )
    for _ in range(12):
        neurons.run_period([1.9, 0.0], array.gates)
    assert neurons.boards.spikes.tolist()[1] > 0
    assert neurons.boards.spikes.tolist()[0] == 0
    np.testing.assert_array_equal(neurons.conductance[0], MEDIUM)


def test_without_programming_it_is_the_board_alone(board, synapse):
    """Below all thresholds: the same firings as with fixed resistors."""
    calm = replace(board, depression_enabled=0.0)
    fixed = replace(synapse, set_voltage=3.0, reset_voltage=3.0)
    neurons = LearningNeurons([calm], [fixed] * 2, 0)
    neurons.set_conductance([[1e-4, 4.2e-5]])
    for _ in range(12):
        neurons.run_period([1.9, 0.0], gates_on)
    alone = NeuronBoardPopulation([calm], 0, [1e-4, 4.2e-5])
    alone.run([1.9, 0.0], 12)
    assert neurons.boards.spikes.tolist() == alone.spikes.tolist() == [1]
    np.testing.assert_allclose(neurons.boards.integration, alone.integration, atol=1e-6)


def test_uneven_synapses_are_told(board, synapse):
    with pytest.raises(ValueError, match="3 do not divide among 2 boards"):
        LearningNeurons([board] * 2, [synapse] * 3, 0)
