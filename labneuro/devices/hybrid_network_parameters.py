"""Parameters of a network of two layers of hybrid neurons, and how one is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labneuro.devices import lateral_inhibition, neuron_board_parameters, rs_synapse
from labneuro.devices.hybrid_layer import NEURONS, layer_boards, layer_synapses
from labneuro.devices.lateral_inhibition import LateralInhibitionParameters
from labneuro.devices.rs_synapse import RsSynapseParameters
from labneuro.errors import CardError

if TYPE_CHECKING:
    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters

INPUTS = 30
"""Of the first layer: the pixels of a digit."""
LAYER_INPUTS = (INPUTS, NEURONS)
"""Synapses of each neuron, by layer."""
ARRAY_PREFIX = "array_"
CIRCUIT_UNITS = {
    "input_resistance": "ohm",
    "pull_up_resistance": "ohm",
    "spike_amplitude": "V",
    "spike_delay": "s",
}
UNITS = {
    **neuron_board_parameters.UNITS,
    **rs_synapse.UNITS,
    **{ARRAY_PREFIX + name: unit for name, unit in lateral_inhibition.UNITS.items()},
    **CIRCUIT_UNITS,
}


@dataclass(frozen=True)
class HybridCircuit:
    """What joins the layers to the terminals.

    Attributes
    ----------
    input_resistance : float
        Of the inputs' buffers, the clock input and the gates' supply, to ground. ohm
    pull_up_resistance : float
        Between a gate terminal and the gates' supply, which is buffered, and between a
        logic terminal and the logic's high level. ohm
    spike_amplitude : float
        Of a hidden neuron's spike at the second layer's inputs. V
    spike_delay : float
        From the clock's edge to that of a spike at the second layer. s
    """

    input_resistance: float
    pull_up_resistance: float
    spike_amplitude: float
    spike_delay: float

    def __post_init__(self) -> None:
        for name in CIRCUIT_UNITS:
            value = getattr(self, name)
            if not value > 0:
                raise CardError(f"{name}: must be above 0, not {value}")


@dataclass(frozen=True)
class HybridNetworkParameters:
    """Parameters of all devices of a network.

    Attributes
    ----------
    boards : tuple of tuple of NeuronBoardParameters
        By layer and neuron; each board's own two resistors are not used.
    synapses : tuple of tuple of RsSynapseParameters
        By layer; in a layer neuron by neuron, input by input.
    array : LateralInhibitionParameters
        Of the first layer.
    circuit : HybridCircuit
        The rest.
    """

    boards: tuple[tuple[NeuronBoardParameters, ...], ...]
    synapses: tuple[tuple[RsSynapseParameters, ...], ...]
    array: LateralInhibitionParameters
    circuit: HybridCircuit

    def __post_init__(self) -> None:
        if self.array.neurons != NEURONS:
            raise CardError(
                f"{ARRAY_PREFIX}neurons: must be {NEURONS}, not {self.array.neurons:g}"
            )


def hybrid_network_parameters(**values: float) -> HybridNetworkParameters:
    """Return the parameters from one flat set of numbers; all neurons are alike.

    Parameters
    ----------
    **values : float
        Those of :data:`UNITS`, in SI units.

    Raises
    ------
    CardError
        If a number is out of its range.
    """
    board = neuron_board_parameters.neuron_board_parameters(
        **{name: values[name] for name in neuron_board_parameters.UNITS}
    )
    synapse = RsSynapseParameters(**{name: values[name] for name in rs_synapse.UNITS})
    array = LateralInhibitionParameters(
        **{name: values[ARRAY_PREFIX + name] for name in lateral_inhibition.UNITS}
    )
    return HybridNetworkParameters(
        boards=((board,) * NEURONS,) * len(LAYER_INPUTS),
        synapses=tuple((synapse,) * (NEURONS * inputs) for inputs in LAYER_INPUTS),
        array=array,
        circuit=HybridCircuit(**{name: values[name] for name in CIRCUIT_UNITS}),
    )


def draw_hybrid_network(
    mean: HybridNetworkParameters, seed: int
) -> HybridNetworkParameters:
    """Draw all neurons and synapses of a seed around those of a mean."""
    layers = range(len(LAYER_INPUTS))
    return HybridNetworkParameters(
        boards=tuple(
            tuple(layer_boards(mean.boards[layer][0], layer, seed)) for layer in layers
        ),
        synapses=tuple(
            tuple(
                layer_synapses(
                    mean.synapses[layer][0], layer, LAYER_INPUTS[layer], seed
                )
            )
            for layer in layers
        ),
        array=mean.array,
        circuit=mean.circuit,
    )
