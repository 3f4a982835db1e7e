"""A network of two layers of hybrid neurons as a circuit sees it.

The inputs are buffered: a generator cannot drive three hundred synapses. The compiled
layers are advanced from one edge at an input to the next. Ten spike outputs and ten
nodes are led out, so one layer at a time is watched, as in the paper.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 5 and "Training method".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.devices.base import MultiTerminalDevice
from labneuro.devices.hybrid_layer import NEURONS, HybridLayer
from labneuro.devices.hybrid_network_parameters import INPUTS
from labneuro.devices.neuron_board_solver import READ_OUT
from labneuro.devices.neuron_board_switch import Y, live, steady_time
from labneuro.devices.threshold_switch import switch_conductance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.devices.hybrid_network_parameters import HybridNetworkParameters
    from labneuro.devices.port_mesh import PortMesh

LOGIC = ("second", "learn", "chain")
"""Logic terminals: open is high. Low `second` watches the first layer, low `learn`
takes the depression modules away, low `chain` drives the second layer from its
terminals, not from the hidden spikes."""
_GROUPS = (
    ("input", INPUTS),
    ("second", NEURONS),
    ("gate", NEURONS),
    ("node", NEURONS),
    ("spike", NEURONS),
)
_SEEN = 1e-12  # S; more than open relays leave at a node
_LOADED = 1e-6  # S; more than a probe: the node's voltage is not the board's own
_FOLLOWED = 20e-6  # s; longest step while somebody looks at a node
_MOST_KEPT = 64  # meshes; each position of the relays has one
_FIRST, _SECOND = 0, 1


class _Lines(NamedTuple):
    """Levels of the logic terminals."""

    second: bool
    learn: bool
    chain: bool


class HybridNetworkDevice(MultiTerminalDevice):
    """Thirty inputs, ten hidden and ten output neurons, and what joins them.

    Terminals, numbered from 01: ``input_01`` ... ``input_30`` and ``second_01`` ...
    ``second_10`` (buffered inputs of both layers), ``gate_01`` ... (shared gates of the
    second layer, pulled up to the gates' supply), ``node_01`` ... and ``spike_01`` ...
    (node 1 and spikes of the neurons of the watched layer), ``clock``, ``gate_supply``
    (level of gates that are on, in both layers; it is buffered) and the
    :data:`LOGIC` terminals ``select_second``, ``select_learn``, ``select_chain``. A
    layer that is neither watched nor drives the watched one is cut off and rests. A
    node that is held from outside is being read: its synapses do not move meanwhile.

    Parameters
    ----------
    parameters : HybridNetworkParameters
        Those of all devices.
    seed : int
        Seed of their random streams.

    Attributes
    ----------
    layers : tuple of HybridLayer
        The first layer at its medium conductance, the second one at its lowest.
    """

    def __init__(self, parameters: HybridNetworkParameters, seed: int) -> None:
        self.parameters = parameters
        streams = np.random.SeedSequence(seed).generate_state(2)
        self.layers = tuple(
            HybridLayer(boards, synapses, array, int(stream))
            for boards, synapses, array, stream in zip(
                parameters.boards,
                parameters.synapses,
                (parameters.array, None),
                streams,
                strict=True,
            )
        )
        self.layers[_SECOND].neurons.set_conductance(0.0)  # cut at the lowest
        names: list[str] = []
        place: dict[str, slice] = {}
        for group, count in _GROUPS:
            place[group] = slice(len(names), len(names) + count)
            names += [f"{group}_{index:02d}" for index in range(1, count + 1)]
        place["clock"] = slice(len(names), len(names) + 1)
        place["supply"] = slice(len(names) + 1, len(names) + 2)
        place["logic"] = slice(len(names) + 2, len(names) + 2 + len(LOGIC))
        lines = (f"select_{name}" for name in LOGIC)
        self._names = (*names, "clock", "gate_supply", *lines)
        self._place = place
        self._lines = _Lines(second=False, learn=True, chain=False)
        self._clock = False
        self._arrived = np.zeros(NEURONS)
        self._pending = math.inf
        self._matrix = self._own_conductances()
        self._kept: tuple[object, NDArray[np.float64], NDArray[np.float64]] | None
        self._kept = None
        self._meshes: dict[PortMesh, NDArray[np.float64]] = {}

    @property
    def terminals(self) -> tuple[str, ...]:
        """Inputs, gates, nodes, spikes, clock, gate supply, logic."""
        return self._names

    @property
    def watched(self) -> HybridLayer:
        """The layer whose nodes and spikes are led out."""
        return self.layers[_SECOND if self._lines.second else _FIRST]

    def _own_conductances(self) -> NDArray[np.float64]:
        """Return the terminals' conductances, in S; the nodes have none yet."""
        circuit, board = self.parameters.circuit, self.parameters.boards[_FIRST][0]
        own = np.zeros(len(self._names))
        for group in ("input", "second", "clock", "supply"):
            own[self._place[group]] = 1.0 / circuit.input_resistance
        for group in ("gate", "logic"):
            own[self._place[group]] = 1.0 / circuit.pull_up_resistance
        own[self._place["spike"]] = 1.0 / board.output_resistance
        found = np.diag(own)
        # A buffer holds the gates' pull-ups at what is seen at the supply terminal.
        place = self._place
        found[place["gate"], place["supply"]] = -1.0 / circuit.pull_up_resistance
        return found

    def _driven(self) -> NDArray[np.float64]:
        """Return what the terminals' own sources put out, in A."""
        circuit, board = self.parameters.circuit, self.parameters.boards[_FIRST][0]
        found = np.zeros(len(self._names))
        found[self._place["logic"]] = board.logic_high / circuit.pull_up_resistance
        spikes = self.watched.spikes
        found[self._place["spike"]] = (
            spikes * board.logic_high / board.output_resistance
        )
        return found

    def _at_nodes(self, mesh: PortMesh) -> NDArray[np.float64]:
        """Return the conductance that the circuit has at each node terminal, in S."""
        found = self._meshes.get(mesh)
        if found is None:
            total = np.append(mesh.ground + mesh.between.sum(axis=1), math.inf)
            found = total[list(mesh.nodes)][self._place["node"]]
            if len(self._meshes) >= _MOST_KEPT:
                self._meshes.clear()
            self._meshes[mesh] = found
        return found

    def operating_point(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the terminals' voltages in V and currents in A.

        A node that nobody looks at shows 0 V.
        """
        volts, amps = self._without_nodes(mesh, injected)
        seen = self._at_nodes(mesh) > _SEEN
        if seen.any():
            return mesh.solve(injected, *self._with_nodes(volts, seen))
        return volts, amps

    def _without_nodes(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the operating point with all nodes open; it is kept."""
        driven = self._driven()
        key = (mesh, injected.tobytes(), driven.tobytes())
        if self._kept is None or self._kept[0] != key:
            self._kept = (key, *mesh.solve(injected, self._matrix, driven))
        return self._kept[1], self._kept[2]

    def _with_nodes(
        self,
        volts: NDArray[np.float64],
        seen: NDArray[np.bool_],
        without_switch: int = -1,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return conductances and driven currents with the nodes that are seen."""
        matrix, driven = self._matrix.copy(), self._driven()
        layer = self.watched
        group = self._place["second" if self._lines.second else "input"]
        inputs, chained = self._inputs(volts), self._lines.second and self._lines.chain
        found = layer.visible(self._gates(layer, volts))
        rows = layer.neurons.boards.memory.row
        for k in np.flatnonzero(seen):
            node = self._place["node"].start + k
            own, total = layer.at_node(int(k))
            switch = switch_conductance(rows[k, Y], rows[k])
            if k != without_switch:
                total += switch / (1.0 + switch * rows[k, READ_OUT])
            matrix[node, node] += total
            driven[node] += own
            if chained:
                driven[node] += float(found[k] @ inputs[_SECOND])
            else:
                matrix[node, group] -= found[k]
        return matrix, driven

    def _inputs(
        self, volts: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the voltages at both layers' synapses, in V."""
        second = self._arrived if self._lines.chain else volts[self._place["second"]]
        return volts[self._place["input"]], second

    def _gates(
        self, layer: HybridLayer, volts: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        supply = float(volts[self._place["supply"]][0])
        return layer.gates(supply, volts[self._place["gate"]])

    def _connected(self) -> tuple[bool, bool]:
        """Whether each layer has its clock and its inputs."""
        return not self._lines.second or self._lines.chain, self._lines.second

    def settle(self, mesh: PortMesh, injected: NDArray[np.float64]) -> bool:
        """Let logic, latches and arriving spikes change; return whether one has."""
        # What is held at a node from outside is no logic, clock or driven input.
        volts, _ = self._without_nodes(mesh, injected)
        return self._select(volts) or self._see_clock(volts) or self._arrive()

    def _select(self, volts: NDArray[np.float64]) -> bool:
        threshold = self.parameters.boards[_FIRST][0].clock_threshold
        lines = _Lines(*(volts[self._place["logic"]] > threshold).tolist())
        if lines == self._lines:
            return False
        self._lines = lines
        for layer, connected in zip(self.layers, self._connected(), strict=True):
            layer.set_depression(fitted=lines.learn)
            if not connected:
                layer.set_clock(np.zeros(layer.neurons.shape[1]), high=False)
        if not (lines.chain and lines.second):
            self._arrived, self._pending = np.zeros(NEURONS), math.inf
        return True

    def _see_clock(self, volts: NDArray[np.float64]) -> bool:
        threshold = self.parameters.boards[_FIRST][0].clock_threshold
        high = bool(volts[self._place["clock"]][0] > threshold)
        if high == self._clock:
            return False
        self._clock = high
        for layer, inputs, connected in zip(
            self.layers, self._inputs(volts), self._connected(), strict=True
        ):
            if connected:
                layer.set_clock(inputs, high=high)
        if all(self._connected()):
            self._pending = self.parameters.circuit.spike_delay
        return True

    def _arrive(self) -> bool:
        """Let the hidden spikes reach the second layer."""
        if self._pending > 0.0:
            return False
        amplitude = self.parameters.circuit.spike_amplitude
        self._arrived = np.where(self.layers[_FIRST].spikes, amplitude, 0.0)
        self._pending = math.inf
        return True

    def steady_for(self, mesh: PortMesh, injected: NDArray[np.float64]) -> float:
        """Return how long what is seen stays as it is, in s."""
        at_nodes = self._at_nodes(mesh)
        if not (at_nodes > _SEEN).any():
            return self._pending
        times = [self._pending]
        rows = self.watched.neurons.boards.memory.row
        for k in np.flatnonzero(at_nodes > _SEEN):
            if at_nodes[k] < _LOADED:
                times.append(_FOLLOWED)
                continue
            source, series = self._behind(mesh, injected, int(k))
            times.append(float(steady_time(rows[k], source, series)))
        return min(times)

    def _behind(
        self, mesh: PortMesh, injected: NDArray[np.float64], neuron: int
    ) -> tuple[float, float]:
        """Return source in V and series resistance in ohm at a neuron's switch."""
        seen = self._at_nodes(mesh) > _SEEN
        volts, _ = self._without_nodes(mesh, injected)
        matrix, driven = self._with_nodes(volts, seen, neuron)
        node = self._place["node"].start + neuron
        test = np.zeros(len(self._names))
        test[node] = 1.0
        alone, _ = mesh.solve(injected, matrix, driven)
        raised, _ = mesh.solve(np.zeros(len(injected)), matrix, test)
        rows = self.watched.neurons.boards.memory.row
        return float(alone[node]), float(raised[node] + rows[neuron, READ_OUT])

    def advance_behind(
        self, mesh: PortMesh, injected: NDArray[np.float64], duration: float
    ) -> None:
        """Let both layers live for exactly `duration` seconds."""
        volts, _ = self.operating_point(mesh, injected)
        loaded = np.flatnonzero(self._at_nodes(mesh) > _LOADED)
        sources = [self._behind(mesh, injected, int(k)) for k in loaded]
        neurons = self.watched.neurons
        memory, inputs_each = neurons.boards.memory, neurons.shape[1]
        synapses = (loaded[:, None] * inputs_each + np.arange(inputs_each)).ravel()
        held = memory.row, memory.stream, neurons.synapses.state
        places = loaded, loaded, synapses
        before = [array[at].copy() for array, at in zip(held, places, strict=True)]
        for layer, inputs, connected in zip(
            self.layers, self._inputs(volts), self._connected(), strict=True
        ):
            if connected:
                layer.advance(inputs, self._gates(layer, volts), duration)
            else:
                layer.rest(duration)
        # A neuron whose node is held from outside lives behind what holds it.
        for array, at, kept in zip(held, places, before, strict=True):
            array[at] = kept
        for k, (source, series) in zip(loaded, sources, strict=True):
            live(memory.row[k], memory.stream, int(k), source, series, duration, False)
        done = duration == self._pending
        self._pending = 0.0 if done else self._pending - duration
