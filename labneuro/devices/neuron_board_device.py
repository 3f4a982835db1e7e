"""One neuron board as a circuit sees it, with a terminal for every node."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from labneuro.devices.base import MultiTerminalDevice
from labneuro.devices.neuron_board import NeuronBoardPopulation
from labneuro.devices.neuron_board_solver import CLOCK, L1, L2, SPIKES
from labneuro.devices.neuron_board_switch import Y, live, steady_time
from labneuro.devices.threshold_switch import switch_conductance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters
    from labneuro.devices.port_mesh import PortMesh

_OUTPUTS = ("l1", "l2", "spike", "inhibition")


class NeuronBoardDevice(MultiTerminalDevice):
    """One neuron on its test board; its own two resistors are the synapses.

    The clock is an input of infinite resistance; the digital outputs have an output
    resistance. The latches sample in :meth:`settle`, where an edge of the clock is
    found.

    Parameters
    ----------
    parameters : NeuronBoardParameters
        This board's parameters.
    seed : int
        Seed of its random stream.
    """

    names: ClassVar[tuple[str, ...]] = (
        "input_1",
        "input_2",
        "clock",
        "node_1",
        "node_2",
        *_OUTPUTS,
    )

    def __init__(self, parameters: NeuronBoardParameters, seed: int) -> None:
        self.parameters = parameters
        self.population = NeuronBoardPopulation([parameters], seed)
        self._row = self.population.memory.row[0]
        self._key: tuple[object, ...] = ()
        self._source, self._series = 0.0, 0.0

    @property
    def terminals(self) -> tuple[str, ...]:
        """Inputs, clock, nodes 1 and 2, outputs of the latches and the gates."""
        return self.names

    @property
    def levels(self) -> tuple[bool, bool, bool, bool]:
        """Digital levels of L1, L2, spike and inhibition."""
        first, second = self._row[L1] > 0.0, self._row[L2] > 0.0
        spike = second and self._row[CLOCK] > 0.0
        return bool(first), bool(second), bool(spike), bool(first or second)

    @property
    def conductances(self) -> tuple[float, float]:
        """Conductances from both inputs to node 1 now, in S."""
        p = self.parameters
        return 1.0 / p.first_resistance, 1.0 / p.second_resistance

    def _network(
        self, bridge: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return conductances in S and driven currents in A, the switch at `bridge`."""
        p = self.parameters
        place = {name: index for index, name in enumerate(self.names)}
        matrix = np.zeros((len(place), len(place)))
        driven = np.zeros(len(place))

        def connect(first: str, second: str, siemens: float) -> None:
            one, other = place[first], place[second]
            matrix[one, one] += siemens
            matrix[other, other] += siemens
            matrix[one, other] -= siemens
            matrix[other, one] -= siemens

        def ground(name: str, siemens: float, volts: float = 0.0) -> None:
            matrix[place[name], place[name]] += siemens
            driven[place[name]] += siemens * volts

        for name, siemens in zip(
            ("input_1", "input_2"), self.conductances, strict=True
        ):
            connect(name, "node_1", siemens)
        connect("node_1", "node_2", bridge)
        ground("node_2", 1.0 / p.read_out_resistance)
        first, second, *_ = levels = self.levels
        ground("node_1", 1.0 / (p.ground_resistance if second else p.open_resistance))
        if p.depression_enabled and first and not second and self._row[CLOCK] == 0.0:
            ground("node_1", 1.0 / p.depression_resistance, p.depression_voltage)
        for name, level in zip(_OUTPUTS, levels, strict=True):
            ground(name, 1.0 / p.output_resistance, p.logic_high * level)
        return matrix, driven

    def _behind(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[float, float]:
        """Return the source in V and series resistance in ohm at the switch."""
        state = self.levels, self._row[CLOCK], self.conductances
        key = (mesh, injected.tobytes(), *state)
        if key != self._key:
            matrix, driven = self._network(0.0)
            one, other = self.names.index("node_1"), self.names.index("node_2")
            test = np.zeros(len(self.names))
            test[[one, other]] = 1.0, -1.0
            volts, _ = mesh.solve(injected, matrix, driven)
            drop, _ = mesh.solve(np.zeros(len(injected)), matrix, test)
            self._source = float(volts[one] - volts[other])
            self._series = float(drop[one] - drop[other])
            self._key = key
        return self._source, self._series

    def operating_point(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the terminals' voltages in V and currents in A."""
        bridge = switch_conductance(self._row[Y], self._row)
        return mesh.solve(injected, *self._network(bridge))

    def settle(self, mesh: PortMesh, injected: NDArray[np.float64]) -> bool:
        """Let the latches see the clock; return whether it had an edge."""
        volts, _ = self.operating_point(mesh, injected)
        high = float(volts[self.names.index("clock")] > self.parameters.clock_threshold)
        if high == self._row[CLOCK]:
            return False
        node_2 = volts[self.names.index("node_2")]
        if high:
            self._row[L2] = self._row[L1]
            self._row[SPIKES] += self._row[L2]
        else:
            self._row[L1] = float(node_2 > self.parameters.latch_threshold)
        self._row[CLOCK] = high
        return True

    def steady_for(self, mesh: PortMesh, injected: NDArray[np.float64]) -> float:
        """Return how long the switch's conductance stays within about 10 %, in s."""
        return float(steady_time(self._row, *self._behind(mesh, injected)))

    def advance_behind(
        self, mesh: PortMesh, injected: NDArray[np.float64], duration: float
    ) -> None:
        """Let the switch live for exactly `duration` seconds."""
        source, series = self._behind(mesh, injected)
        live(
            self._row, self.population.memory.stream, 0, source, series, duration, False
        )
