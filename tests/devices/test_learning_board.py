"""The board with two synapses between instruments: as the compiled network learns."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_device, load_parameters
from labneuro.devices.learning_board import LearningBoardDevice, draw_learning_board
from labneuro.devices.neuron_board_learning import LearningNeurons
from labneuro.devices.port_mesh import PortMesh

QUIET = {"rate_noise": 0.0, "step_noise": 0.0}
PIECES = ((5e-6, 0.0, 3.0), (245e-6, 1.0, 3.0), (5e-6, 1.0, 0.0), (245e-6, 0.0, 0.0))
SOURCE = 1e-2  # ohm: as good as none
AMPLITUDE = 1.9


@pytest.fixture
def board() -> LearningBoardDevice:
    """Return the card's board without noise."""
    card = load_card("learning-board")
    found = load_device("learning_board", card, "card", QUIET)
    assert isinstance(found, LearningBoardDevice)
    return found


def drive(board: LearningBoardDevice, periods: int):
    """Drive input 1 with input 2 at ground; yield spike and conductances by period."""
    driven = ("input_1", "input_2", "clock")
    ground = [1.0 / SOURCE if name in driven else 1e-12 for name in board.terminals]
    size = len(ground)
    mesh = PortMesh(range(size), np.zeros((size, size)), np.array(ground))
    for _ in range(periods):
        spiked = False
        for duration, factor, clock in PIECES:
            given = np.zeros(size)
            given[0] = AMPLITUDE * factor / SOURCE
            given[2] = clock / SOURCE
            while board.settle(mesh, given):
                spiked = spiked or board.levels[2]
            left = duration
            while left > 0.0:
                step = min(board.steady_for(mesh, given), left)
                board.advance_behind(mesh, given, step)
                left = 0.0 if step == left else left - step
        yield spiked, board.conductances


def test_learns_as_the_compiled_neurons_do(board):
    """400 uS each: the 19th pulse fires; then 980 uS and 42 uS."""
    neurons = LearningNeurons([board.parameters], list(board.learning.synapses), seed=0)
    seen = list(drive(board, 24))
    for spiked, conductances in seen:
        expected = neurons.run_period([AMPLITUDE, 0.0], lambda _: 3.0)
        assert spiked == expected[0]
        np.testing.assert_allclose(
            conductances, neurons.conductance[0], rtol=0.03, atol=2e-7
        )
    spikes = [place for place, (spiked, _) in enumerate(seen) if spiked]
    assert spikes == [19, 23]
    np.testing.assert_allclose(seen[-1][1], [980e-6, 42e-6], rtol=0.02)


def test_both_synapses_are_drawn_apart():
    mean = load_parameters("learning_board", load_card("learning-board"), "card")
    one, other = draw_learning_board(mean, 3).synapses
    assert one.lowest_conductance != other.lowest_conductance
    assert draw_learning_board(mean, 3) == draw_learning_board(mean, 3)
    assert mean.board.depression_enabled == 1.0


def test_terminals_are_those_of_the_board(board):
    assert board.terminals[:5] == ("input_1", "input_2", "clock", "node_1", "node_2")
    assert board.conductances == pytest.approx((400e-6, 400e-6))
