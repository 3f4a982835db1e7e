"""The network as a circuit sees it: its layers, its terminals, how it is read."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_device, load_parameters
from labneuro.devices.hybrid_layer import NEURONS, layer_boards, layer_synapses
from labneuro.devices.hybrid_network import HybridNetworkDevice
from labneuro.devices.hybrid_network_parameters import draw_hybrid_network
from labneuro.devices.lateral_inhibition import LateralInhibitionArray
from labneuro.devices.neuron_board import PAPER_CLOCK
from labneuro.devices.neuron_board_learning import LearningNeurons
from labneuro.devices.port_mesh import PortMesh
from labneuro.errors import CardError

SEED = 2
OPEN, PROBE, STIFF = 1e-16, 1e-7, 100.0  # S
INFERENCE = {"select_learn": 0.0, "gate_supply": 0.705}
LOW_FIRST = {"select_second": 0.0, "select_chain": 0.0}
BLACK = np.arange(12)


class Rig:
    """A device with stiff sources at the terminals that are named, all others open.

    A probed terminal has 10 Mohm to ground.
    """

    def __init__(self, device: HybridNetworkDevice, probed: str = "") -> None:
        self.device, self.probed = device, probed
        self.meshes: dict[tuple[str, ...], PortMesh] = {}
        self.clock = 0.0

    def circuit(self, volts: dict[str, float]) -> tuple[PortMesh, np.ndarray]:
        """Return the mesh and what is injected into it; gates are on at 3 V."""
        volts = {"gate_supply": 3.0, **volts}
        names = self.device.terminals
        ground = np.where([name in volts for name in names], STIFF, OPEN)
        ground[[name == self.probed for name in names]] = PROBE
        key = tuple(volts)
        if key not in self.meshes:
            size = len(names)
            self.meshes[key] = PortMesh(range(size), np.zeros((size, size)), ground)
        return self.meshes[key], ground * [volts.get(name, 0.0) for name in names]

    def live(self, volts: dict[str, float], duration: float) -> None:
        """Let the device live at constant sources."""
        circuit = self.circuit(volts)
        left = duration
        while left > 0.0:
            while self.device.settle(*circuit):
                pass
            step = min(self.device.steady_for(*circuit), left)
            self.device.advance_behind(*circuit, step)
            left = left - step if step < left else 0.0
        while self.device.settle(*circuit):
            pass

    def period(self, volts: dict[str, float], pulsed: dict[str, float]) -> np.ndarray:
        """Run one clock period; return who spikes in it."""
        spiked = np.zeros(NEURONS, dtype=bool)
        for duration, driven, clock in PAPER_CLOCK.pieces():
            inputs = {name: level * driven for name, level in pulsed.items()}
            self.live({**volts, **inputs, "clock": 1.5 * clock}, duration)
            spiked |= self.device.watched.spikes
        return spiked


def parameters(**overrides):
    """Return the card's numbers, some replaced."""
    card = load_card("hybrid-network")
    return load_parameters("hybrid_network", card, "hybrid-network", overrides)


@pytest.fixture
def network():
    """A network drawn from the card."""
    return HybridNetworkDevice(draw_hybrid_network(parameters(), SEED), SEED)


def inputs(amplitude: float) -> dict[str, float]:
    """Return the first layer's inputs, twelve of them driven."""
    levels = np.zeros(30)
    levels[BLACK] = amplitude
    return {f"input_{k + 1:02d}": float(level) for k, level in enumerate(levels)}


def test_terminals_are_those_of_the_paper(network):
    """Inputs of both layers, gates, nodes, spikes; clock, supply and three lines."""
    names = network.terminals
    assert len(names) == len(set(names)) == 30 + 4 * 10 + 2 + 3
    assert {"input_30", "second_10", "gate_01", "node_10", "spike_10"} < set(names)
    first, second = (layer.conductance for layer in network.layers)
    assert first.shape == (10, 30)
    assert first.mean() == pytest.approx(400e-6, rel=0.02)
    assert second.mean() == pytest.approx(42e-6, rel=0.03)


def test_learns_as_the_network_simulators_layer(network):
    """The same devices driven directly: the same spikes, the same conductances."""
    mean = parameters()
    board, synapse = mean.boards[0][0], mean.synapses[0][0]
    stream = int(np.random.SeedSequence(SEED).generate_state(2)[0])
    direct = LearningNeurons(
        layer_boards(board, 0, SEED),
        layer_synapses(synapse, 0, 30, SEED),
        stream,
        loose=True,
    )
    array = LateralInhibitionArray(mean.array)
    rig, pulsed = Rig(network), inputs(1.6)
    spikes, expected = [], []
    for _ in range(14):
        spikes.append(rig.period(LOW_FIRST, pulsed))
        expected.append(direct.run_period(list(pulsed.values()), array.gates))
    np.testing.assert_array_equal(spikes, expected)
    assert np.any(spikes)
    found = network.layers[0].conductance
    np.testing.assert_allclose(found, direct.conductance, rtol=1e-3)
    assert np.ptp(found) > 500e-6


def test_a_probe_sees_node_1_and_changes_nothing(network):
    """Node 1 at the driven share of the conductance; the layer learns as without."""
    other = HybridNetworkDevice(draw_hybrid_network(parameters(), SEED), SEED)
    rig, probed = Rig(network), Rig(other, "node_03")
    pulsed = inputs(1.6)
    for one in (rig, probed):
        for _ in range(3):
            one.period(LOW_FIRST, pulsed)
    volts = {**LOW_FIRST, **pulsed, "clock": 1.5}
    for one in (rig, probed):
        one.live(volts, 50e-6)
    at, _ = other.operating_point(*probed.circuit(volts))
    column = other.layers[0].conductance[2]
    expected = 1.6 * column[BLACK].sum() / column.sum()
    found = at[other.terminals.index("node_03")]
    assert found == pytest.approx(expected, rel=1e-3)
    x, y = (one.layers[0].neurons.boards.integration for one in (network, other))
    np.testing.assert_allclose(x, y, rtol=1e-6)


def test_low_learn_line_moves_nothing(network):
    """Gates just open, no depression module: spikes, but no step beyond 3 uS."""
    rig, before = Rig(network), network.layers[0].conductance.copy()
    spikes = [rig.period({**LOW_FIRST, **INFERENCE}, inputs(1.6)) for _ in range(14)]
    assert np.any(spikes)
    assert np.abs(network.layers[0].conductance - before).max() < 3e-6


def test_only_the_target_is_taught(network):
    """Second layer, one gate at its supply, the others at ground: one synapse rises."""
    rig = Rig(network)
    closed = {f"gate_{k:02d}": 0.0 for k in range(1, 11) if k != 4}
    volts = {f"second_{k:02d}": 0.0 for k in range(1, 11)} | closed
    spiked = np.zeros(NEURONS, dtype=bool)
    for _ in range(25):
        spiked |= rig.period({**volts, "select_chain": 0.0}, {"second_07": 2.0})
        if spiked.any():
            break
    assert np.flatnonzero(spiked).tolist() == [3]
    found = network.layers[1].conductance
    assert found[3, 6] > 800e-6
    found[3, 6] = 42e-6
    assert found.max() < 50e-6


def test_hidden_spikes_reach_the_second_layer(network):
    """A delay after the clock, at the second layer's own amplitude; nothing before."""
    rig, low = Rig(network), INFERENCE
    while not network.layers[0].spikes.any():
        rig.live({**low, **inputs(0.0), "clock": 1.5}, 5e-6)
        rig.live({**low, **inputs(1.6), "clock": 1.5}, 245e-6)
        rig.live({**low, **inputs(1.6), "clock": 0.0}, 5e-6)
        rig.live({**low, **inputs(0.0), "clock": 0.0}, 245e-6)
        circuit = rig.circuit({**low, **inputs(0.0), "clock": 1.5})
        while network.settle(*circuit):
            pass
    spikes = network.layers[0].spikes
    assert network.steady_for(*circuit) == pytest.approx(5e-6)
    nodes = network.layers[1].neurons.boards.nodes
    rig.live({**low, **inputs(0.0), "clock": 1.5}, 6e-6)
    arrived = np.where(spikes, 2.0, 0.0)
    # Ten synapses of about 42 uS each: node 1 at the mean of the inputs.
    assert nodes(arrived)[:, 0].mean() == pytest.approx(0.2 * spikes.sum(), rel=0.1)
    assert network.watched is network.layers[1]


def test_a_synapse_is_read_alone(network):
    """Node and all other inputs at 0.1 V, its own input at ground: only its current."""
    rig, neuron, read = Rig(network), 3, 8
    volts = dict.fromkeys(inputs(0.0), 0.1)
    volts |= {f"input_{read:02d}": 0.0, f"node_{neuron:02d}": 0.1, **LOW_FIRST}
    rig.live(volts, 20e-3)
    _, current = network.operating_point(*rig.circuit(volts))
    found = current[network.terminals.index(f"node_{neuron:02d}")] / 0.1
    expected = network.layers[0].conductance[neuron - 1, read - 1]
    assert found == pytest.approx(expected, rel=1e-3)


def test_a_cut_off_layer_rests(network):
    """What a switch has integrated decays while the other layer is watched."""
    rig = Rig(network)
    rig.period(LOW_FIRST, inputs(1.6))
    before = network.layers[0].neurons.boards.integration
    rig.live({"select_chain": 0.0, "clock": 0.0}, 5e-3)
    network.layers[0].wake()
    after = network.layers[0].neurons.boards.integration
    np.testing.assert_allclose(after, before * np.exp(-1.0), rtol=1e-2)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"array_neurons": 9}, "array_neurons: must be 10, not 9"),
        ({"spike_amplitude": "0 V"}, "spike_amplitude: must be above 0"),
        ({"spike_delay": "1 V"}, "spike_delay"),
    ],
)
def test_what_is_wrong_with_a_card_is_one_line(overrides, told):
    """The number's name and what is allowed."""
    with pytest.raises(CardError, match=told) as caught:
        parameters(**overrides)
    assert "\n" not in str(caught.value)


def test_a_drawn_network_follows_its_seed():
    """The same seed is the same network; a mean one has neurons that are all alike."""
    card = load_card("hybrid-network")

    def bounds(seed, *, draw):
        device = load_device("hybrid_network", card, "card", draw=draw, seed=seed)
        assert isinstance(device, HybridNetworkDevice)
        return device.layers[1].conductance

    np.testing.assert_array_equal(bounds(1, draw=True), bounds(1, draw=True))
    assert (bounds(1, draw=True) != bounds(2, draw=True)).all()
    assert np.ptp(bounds(1, draw=False)) == 0.0
