"""The neuron board between instruments: as its population, node by node."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_device
from labneuro.devices.neuron_board import NeuronBoardPopulation
from labneuro.devices.neuron_board_device import NeuronBoardDevice
from labneuro.devices.port_mesh import PortMesh

PIECES = ((5e-6, 0.0, 3.0), (245e-6, 1.0, 3.0), (5e-6, 1.0, 0.0), (245e-6, 0.0, 0.0))
DRIVEN = ("input_1", "input_2", "clock")
SOURCE = 50.0  # ohm


@pytest.fixture
def board() -> NeuronBoardDevice:
    """Return the card's board without noise."""
    found = load_device(
        "neuron_board", load_card("neuron-board"), "card", {"rate_noise": 0.0}
    )
    assert isinstance(found, NeuronBoardDevice)
    return found


def mesh_of(board: NeuronBoardDevice, probe: float) -> PortMesh:
    """Return 50 ohm at the inputs and the clock, and a probe in S at all others."""
    ground = [1.0 / SOURCE if name in DRIVEN else probe for name in board.terminals]
    size = len(ground)
    return PortMesh(range(size), np.zeros((size, size)), np.array(ground))


def injected(board: NeuronBoardDevice, **volts: float):
    found = np.zeros(len(board.terminals))
    for name, value in volts.items():
        found[board.terminals.index(name)] = value / SOURCE
    return found


def drive(board: NeuronBoardDevice, mesh: PortMesh, amplitude: float, periods: int):
    """Drive clock periods as a circuit does; yield time and terminal voltages."""
    now = 0.0
    for _ in range(periods):
        for duration, factor, clock in PIECES:
            given = injected(board, input_1=amplitude * factor, clock=clock)
            while board.settle(mesh, given):
                pass
            left = duration
            while left > 0.0:
                step = min(board.steady_for(mesh, given), left)
                before, _ = board.operating_point(mesh, given)
                board.advance_behind(mesh, given, step)
                after, _ = board.operating_point(mesh, given)
                left = 0.0 if step == left else left - step
                now += step
                yield now, dict(zip(board.terminals, before, strict=True)), after


def test_spikes_as_the_population_does(board):
    """50 ohm of the sources change the input's resistance by half a percent."""
    mesh = mesh_of(board, 1e-16)
    spikes = {
        int(now / 500e-6 - 1e-6)
        for now, volts, _ in drive(board, mesh, 1.8, 12)
        if volts["spike"] > 1.0
    }
    population = NeuronBoardPopulation(
        [board.parameters], 0, [1.0 / 10050.0, 1.0 / 40050.0]
    )
    found = population.run([1.8, 0.0], 12)
    assert sorted(spikes) == np.flatnonzero(found.spikes[0]).tolist() == [5, 11]
    fired = board.population.memory.row[0]
    np.testing.assert_allclose(
        fired[[17, 18, 21, 23]],
        population.memory.row[0][[17, 18, 21, 23]],
        atol=1e-3,
    )


def test_voltages_are_constant_for_as_long_as_it_says(board):
    """Within each piece no voltage moves by more than 5 % of the amplitude or so."""
    mesh = mesh_of(board, 1e-6)
    worst, steps = 0.0, 0
    for _, before, after in drive(board, mesh, 1.8, 7):
        worst = max(worst, float(np.abs(after - np.array(list(before.values()))).max()))
        steps += 1
    assert worst < 0.1
    assert steps < 600
    assert board.population.firings.tolist() == [1]


def test_currents_obey_kirchhoff(board):
    mesh = mesh_of(board, 1e-6)
    given = injected(board, input_1=1.8, clock=3.0)
    volts, amps = board.operating_point(mesh, given)
    np.testing.assert_allclose(given - mesh.ground * volts, amps, atol=1e-12)
    place = board.terminals.index
    first = (volts[place("input_1")] - volts[place("node_1")]) / 10e3
    assert amps[place("input_1")] == pytest.approx(first, rel=1e-9)
    assert volts[place("clock")] == pytest.approx(3.0, rel=1e-9)


def test_latches_sample_on_their_edges(board):
    """L1 on the falling edge, L2 on the next rising one; a level by itself is none."""
    mesh = mesh_of(board, 1e-6)
    board.population.memory.row[0, 18] = 1.5  # the switch is on
    low, high = (injected(board, input_1=1.8, clock=level) for level in (0.0, 3.0))
    assert not board.settle(mesh, low)
    assert board.settle(mesh, high)
    assert board.levels == (False, False, False, False)
    assert board.settle(mesh, low)
    assert board.levels == (True, False, False, True)
    assert not board.settle(mesh, low)
    assert board.settle(mesh, high)
    assert board.levels == (True, True, True, True)
    volts, _ = board.operating_point(mesh, high)
    assert volts[board.terminals.index("node_1")] < 2e-3
    assert board.settle(mesh, low)
    assert board.levels == (False, True, False, True)
