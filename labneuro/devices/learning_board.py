"""A neuron board with two resistive-switching synapses, which it programs in place.

The synapses take the place of the test board's two resistors; their gates are fully on.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": the two synapses of "Hybrid neuron circuit
and the characteristics".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from labneuro.devices import neuron_board_parameters, rs_synapse
from labneuro.devices.neuron_board_device import NeuronBoardDevice
from labneuro.devices.rs_synapse import (
    G,
    RsSynapseParameters,
    RsSynapsePopulation,
    constant_time,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters
    from labneuro.devices.port_mesh import PortMesh

UNITS = {**neuron_board_parameters.UNITS, **rs_synapse.UNITS}
_INPUTS = 2
_LONGEST = 20e-6  # s; a step while a synapse is being programmed


@dataclass(frozen=True)
class LearningBoardParameters:
    """Parameters of a board and of its synapses.

    Attributes
    ----------
    board : NeuronBoardParameters
        The board; its own two resistors are not used.
    synapses : tuple of RsSynapseParameters
        Those at input 1 and input 2; both begin at their medium conductance.
    """

    board: NeuronBoardParameters
    synapses: tuple[RsSynapseParameters, RsSynapseParameters]


_SYNAPSE_NAMES = [field.name for field in fields(RsSynapseParameters)]


def learning_board_parameters(**values: float) -> LearningBoardParameters:
    """Return the parameters from one flat set of numbers; both synapses are alike.

    Parameters
    ----------
    **values : float
        Those of :data:`UNITS`, in SI units.

    Raises
    ------
    CardError
        If a number is out of its range.
    """
    synapse = RsSynapseParameters(**{name: values[name] for name in _SYNAPSE_NAMES})
    board = {name: values[name] for name in neuron_board_parameters.UNITS}
    return LearningBoardParameters(
        neuron_board_parameters.neuron_board_parameters(**board), (synapse, synapse)
    )


def draw_learning_board(
    mean: LearningBoardParameters, seed: int
) -> LearningBoardParameters:
    """Draw the board and both synapses of a seed."""
    first, second = (
        rs_synapse.draw_synapse(one, seed, index)
        for index, one in enumerate(mean.synapses)
    )
    board = neuron_board_parameters.draw_board(mean.board, seed)
    return LearningBoardParameters(board, (first, second))


class LearningBoardDevice(NeuronBoardDevice):
    """One neuron with two synapses in place of its resistors.

    Parameters
    ----------
    parameters : LearningBoardParameters
        Board and synapses.
    seed : int
        Seed of their random streams.

    Attributes
    ----------
    parameters : NeuronBoardParameters
        The board's.
    learning : LearningBoardParameters
        As given.
    synapses : RsSynapsePopulation
        Both synapses.
    """

    def __init__(self, parameters: LearningBoardParameters, seed: int) -> None:
        super().__init__(parameters.board, seed)
        self.learning = parameters
        self.synapses = RsSynapsePopulation(list(parameters.synapses), seed)

    @property
    def conductances(self) -> tuple[float, float]:
        """Conductances of both synapses now, in S."""
        first, second = self.synapses.state[:, G].tolist()
        return first, second

    def _across(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the synapses' voltages from input to node 1 in V, shape (2,)."""
        volts, _ = self.operating_point(mesh, injected)
        return volts[:_INPUTS] - volts[self.names.index("node_1")]

    def steady_for(self, mesh: PortMesh, injected: NDArray[np.float64]) -> float:
        """Return how long no conductance moves by much, in s."""
        times = [
            constant_time(state, values, volts, 1.0)
            for state, values, volts in zip(
                self.synapses.state,
                self.synapses.parameter,
                self._across(mesh, injected).tolist(),
                strict=True,
            )
        ]
        steady = super().steady_for(mesh, injected)
        # The other synapse may come into reach as node 1 follows the first.
        moving = _LONGEST if min(times) < math.inf else math.inf
        return float(min(steady, moving, *times))

    def advance_behind(
        self, mesh: PortMesh, injected: NDArray[np.float64], duration: float
    ) -> None:
        """Let switch and synapses live for exactly `duration` seconds."""
        across = self._across(mesh, injected)
        gates = [one[_FULL_GATE] for one in self.synapses.parameter]
        super().advance_behind(mesh, injected, duration)
        self.synapses.advance(across, gates, duration)


_FULL_GATE = _SYNAPSE_NAMES.index("full_gate")
