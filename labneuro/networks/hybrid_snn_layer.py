"""Layers of hybrid neurons of many networks, advanced together period by period.

All networks of a group live through the same clock, each with its own input. So twenty
networks, or twenty networks each with ten digits in inference, cost one call a period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.data.digit_font import DIGITS
from labneuro.devices.hybrid_layer import layer_boards, layer_synapses
from labneuro.devices.lateral_inhibition import LateralInhibitionArray
from labneuro.devices.neuron_board_learning import LearningNeurons

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters
    from labneuro.devices.rs_synapse import RsSynapseParameters
    from labneuro.networks.hybrid_snn_parts import NetworkParts


@dataclass(frozen=True)
class LayerKind:
    """What a layer is made of and how it is connected.

    Attributes
    ----------
    number : int
        0: the first layer, 1: the second.
    inputs : int
        Synapses of each neuron.
    inhibited : bool
        Whether the lateral-inhibition array drives the gates; else they are all on.
    """

    number: int
    inputs: int
    inhibited: bool


class LayerGroup:
    """One layer of several networks.

    Parameters
    ----------
    parts : NetworkParts
        Mean parameters.
    kind : LayerKind
        Which layer.
    seeds : sequence of int
        One a network: its devices are drawn from it.
    copies : int
        How often each network stands in the group, with the same devices.
    stream_seed : int
        Seed of what is random in time.
    learning : bool
        With the depression module; else without.
    loose : bool
        As for :class:`~labneuro.devices.neuron_board.NeuronBoardPopulation`.
    """

    def __init__(
        self,
        parts: NetworkParts,
        kind: LayerKind,
        seeds: Sequence[int],
        stream_seed: int,
        *,
        copies: int = 1,
        learning: bool = True,
        loose: bool = True,
    ) -> None:
        self.kind = kind
        self.networks = len(seeds) * copies
        mean = parts.board if learning else parts.inference_board
        boards: list[NeuronBoardParameters] = []
        synapses: list[RsSynapseParameters] = []
        for seed in seeds:
            boards += layer_boards(mean, kind.number, seed) * copies
            drawn = layer_synapses(parts.synapse, kind.number, kind.inputs, seed)
            synapses += drawn * copies
        self.neurons = LearningNeurons(boards, synapses, stream_seed, loose=loose)
        self._array = LateralInhibitionArray(parts.array)

    @property
    def conductance(self) -> NDArray[np.float64]:
        """Conductances in S, shape (networks, neurons, inputs)."""
        shape = (self.networks, DIGITS, self.kind.inputs)
        return self.neurons.conductance.reshape(shape)

    def set_conductance(self, conductance: NDArray[np.float64] | float) -> None:
        """Put the synapses at conductances in S, shape (networks, neurons, inputs)."""
        shape = (self.networks, DIGITS, self.kind.inputs)
        full = np.broadcast_to(conductance, shape)
        self.neurons.set_conductance(full.reshape(-1, self.kind.inputs))

    def run_period(
        self, volts: NDArray[np.float64], gate: float | NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Run one clock period; return who spiked, shape (networks, neurons).

        Parameters
        ----------
        volts : ndarray, shape (networks, inputs)
            Amplitudes of the inputs' pulses in V.
        gate : float or ndarray, shape (networks, neurons)
            Of synapses that no inhibition closes, in V.
        """
        high = np.broadcast_to(np.asarray(gate, dtype=float), (self.networks, DIGITS))
        inputs = np.repeat(volts, DIGITS, axis=0)
        spiked = self.neurons.run_period(inputs, self._gates(high))
        return spiked.reshape(self.networks, DIGITS)

    def relax(self, duration: float) -> None:
        """Let all neurons live without input for `duration` in s."""
        self.neurons.advance(0.0, 0.0, duration)

    def _gates(
        self, high: NDArray[np.float64]
    ) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
        def gates(inhibition: NDArray[np.bool_]) -> NDArray[np.float64]:
            if not self.kind.inhibited:
                return high.ravel()
            signals = inhibition.reshape(self.networks, DIGITS)
            active = self._array.gates(signals) > 0.0
            return np.where(active, high, 0.0).ravel()

        return gates
