"""One layer of hybrid neurons: boards, their columns of synapses, and who may learn.

The network simulator and the network on a bench draw their devices here, so that the
same seed is the same layer in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.lateral_inhibition import LateralInhibitionArray
from labneuro.devices.neuron_board_learning import LearningNeurons
from labneuro.devices.neuron_board_parameters import CIRCUIT_UNITS, draw_board
from labneuro.devices.neuron_board_solver import CLOCK, CONDUCTANCE, equivalent
from labneuro.devices.neuron_board_switch import SWITCH_SIZE
from labneuro.devices.rs_synapse import draw_synapse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.devices.lateral_inhibition import LateralInhibitionParameters
    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters
    from labneuro.devices.rs_synapse import RsSynapseParameters

NEURONS = 10
"""Of a layer: as many as there are digits."""
_SYNAPSES_FROM = 1000  # devices of a network: boards below, synapses from here on
_BETWEEN_LAYERS = 500  # devices of one kind; a layer has no more
_LIFTS = SWITCH_SIZE + tuple(CIRCUIT_UNITS).index("depression_enabled")


def layer_boards(
    mean: NeuronBoardParameters, layer: int, seed: int
) -> list[NeuronBoardParameters]:
    """Draw the ten boards of a layer.

    Parameters
    ----------
    mean : NeuronBoardParameters
        What they vary around.
    layer : int
        0: the first layer, 1: the second.
    seed : int
        Of the network.
    """
    first = layer * _BETWEEN_LAYERS
    return [draw_board(mean, seed, first + place) for place in range(NEURONS)]


def layer_synapses(
    mean: RsSynapseParameters, layer: int, inputs: int, seed: int
) -> list[RsSynapseParameters]:
    """Draw the synapses of a layer, neuron by neuron.

    Parameters
    ----------
    mean : RsSynapseParameters
        What they vary around.
    layer : int
        0: the first layer, 1: the second.
    inputs : int
        Synapses of each neuron.
    seed : int
        Of the network.
    """
    first = _SYNAPSES_FROM + layer * _BETWEEN_LAYERS
    return [
        draw_synapse(mean, seed, first + place) for place in range(NEURONS * inputs)
    ]


class HybridLayer:
    """A layer on a bench, driven clock edge by clock edge.

    Parameters
    ----------
    boards : sequence of NeuronBoardParameters
        One a neuron.
    synapses : sequence of RsSynapseParameters
        Neuron by neuron, input by input.
    array : LateralInhibitionParameters or None
        The array that closes the losers' gates; none: gates are given from outside.
    seed : int
        Of the random streams.
    """

    def __init__(
        self,
        boards: tuple[NeuronBoardParameters, ...],
        synapses: tuple[RsSynapseParameters, ...],
        array: LateralInhibitionParameters | None,
        seed: int,
    ) -> None:
        self.neurons = LearningNeurons(list(boards), list(synapses), seed, loose=True)
        thresholds = [one.gate_threshold for one in synapses]
        self._thresholds = np.reshape(thresholds, self.neurons.shape)
        self._array = None if array is None else LateralInhibitionArray(array)
        self._idle = 0.0

    @property
    def conductance(self) -> NDArray[np.float64]:
        """Conductances with the gates on in S, shape (neurons, inputs)."""
        return self.neurons.conductance

    @property
    def spikes(self) -> NDArray[np.bool_]:
        """Who spikes now: L2 AND clock, shape (neurons,)."""
        high = self.neurons.boards.memory.row[:, CLOCK] > 0.0
        return np.asarray(self.neurons.boards.latches[:, 1] & high)

    def gates(self, level: float, given: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the voltages of the shared gates in V, shape (neurons,).

        Parameters
        ----------
        level : float
            Of a gate that is on, in V; the array decides which, if there is one.
        given : ndarray, shape (neurons,)
            Gates from outside in V; used where there is no array.
        """
        if self._array is None:
            return given
        active = self._array.gates(self.neurons.boards.inhibition) > 0.0
        return np.where(active, level, 0.0)

    def set_depression(self, *, fitted: bool) -> None:
        """Connect the depression modules, or take them away."""
        self.neurons.boards.memory.row[:, _LIFTS] = float(fitted)

    def set_clock(self, volts: NDArray[np.float64], *, high: bool) -> None:
        """Let all latches see the clock's level; inputs in V, shape (inputs,)."""
        self.wake()
        self.neurons.boards.set_clock(volts, high=high)

    def advance(
        self, volts: NDArray[np.float64], gates: NDArray[np.float64], duration: float
    ) -> None:
        """Let the layer live at constant inputs, gates and clock, for `duration` s."""
        self.wake()
        self.neurons.advance(volts, gates, duration)

    def rest(self, duration: float) -> None:
        """Let the layer live without input for `duration` s; worked out when needed."""
        self._idle += duration

    def wake(self) -> None:
        """Live through what it has rested."""
        if self._idle > 0.0:
            idle, self._idle = self._idle, 0.0
            self.neurons.advance(0.0, 0.0, idle)

    def visible(self, gates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what joins inputs and node 1 now, in S, shape (neurons, inputs).

        Parameters
        ----------
        gates : ndarray, shape (neurons,)
            In V; below a synapse's gate threshold it is open.
        """
        self.wake()
        found = np.where(gates[:, None] > self._thresholds, self.conductance, 0.0)
        self.neurons.boards.memory.row[:, CONDUCTANCE:] = found
        return found

    def at_node(self, neuron: int) -> tuple[float, float]:
        """Return what lies at a neuron's node 1 beside its switch, inputs at 0 V.

        Parameters
        ----------
        neuron : int
            From 0.

        Returns
        -------
        current, conductance : float
            What the depression module puts in, in A, and all that leads away, in S.
        """
        row = self.neurons.boards.memory.row[neuron]
        source, total = equivalent(row, np.zeros(self.neurons.shape[1]))
        return float(source * total), float(total)
