"""Neurons whose synapses learn in place: a column of RS synapses on every board.

While node 1 lies so that no synapse is beyond a threshold, whatever the threshold
switch does, an interval is one step. Else it is divided so that no conductance moves by
more than about 2 % in a piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from labneuro.devices import neuron_board_solver as solver
from labneuro.devices.neuron_board import PAPER_CLOCK, NeuronBoardPopulation
from labneuro.devices.neuron_board_solver import (
    CONDUCTANCE,
    READ_OUT,
    advance,
    equivalent,
    node_voltages,
)
from labneuro.devices.neuron_board_switch import G_ON
from labneuro.devices.rs_synapse import (
    G,
    RsSynapsePopulation,
    constant_time,
    gate_share,
    program,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.neuron_board import ClockProgram
    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters
    from labneuro.devices.rs_synapse import RsSynapseParameters

_LONGEST = 20e-6  # s; a piece while synapses are being programmed or may be


@njit(cache=True, error_model="numpy")
def _longest_piece(r, synapses, parameter, volts, gate):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return for how long one board's conductances may count as constant, in s."""
    source, total = equivalent(r, volts)
    node_1, _ = node_voltages(r, volts)
    closed = source - source / (total * (1.0 / total + r[READ_OUT] + 1.0 / r[G_ON]))
    longest, moving = np.inf, False
    for k in range(volts.shape[0]):
        s, p = synapses[k], parameter[k]
        share = gate_share(p, gate)
        longest = min(longest, constant_time(s, p, volts[k] - node_1, share))
        for node in (source, closed):
            if constant_time(s, p, volts[k] - node, share) < np.inf:
                moving = True
    return min(longest, _LONGEST) if moving else np.inf


@njit(cache=True, error_model="numpy", inline="always")
def _live(r, stream, i, synapses, parameter, drawn, volts, gate, duration, loose):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Let one board and its synapses live at constant inputs and gate."""
    left = duration
    while left > 0.0:
        for k in range(volts.shape[0]):
            open_gate = gate_share(parameter[k], gate) > 0.0
            r[CONDUCTANCE + k] = synapses[k, G] if open_gate else 0.0
        piece = min(left, _longest_piece(r, synapses, parameter, volts, gate))
        node_1, _ = node_voltages(r, volts)
        advance(r, stream, i, volts, piece, loose)
        for k in range(volts.shape[0]):
            p = parameter[k]
            share = gate_share(p, gate)
            program(synapses[k], p, volts[k] - node_1, share, piece, drawn, k)
        left = left - piece if piece < left else 0.0


@njit(cache=True, error_model="numpy")
def _live_all(m, synapses, parameter, drawn, volts, gates, duration, loose):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    inputs = volts.shape[1]
    for i in range(m.row.shape[0]):
        first = i * inputs
        last = first + inputs
        _live(
            m.row[i],
            m.stream,
            i,
            synapses[first:last],
            parameter[first:last],
            drawn[first:last],
            volts[i],
            gates[i],
            duration,
            loose,
        )


class LearningNeurons:
    """Neuron boards with a column of synapses each, which they program in place.

    Parameters
    ----------
    boards : list of NeuronBoardParameters
        The parameters of each board; its own two resistors are not used.
    synapses : list of RsSynapseParameters
        Those of all synapses, board by board, input by input.
    seed : int
        Seed of all random streams.
    loose : bool
        As for :class:`~labneuro.devices.neuron_board.NeuronBoardPopulation`.

    Raises
    ------
    ValueError
        If the synapses do not divide among the boards.
    """

    def __init__(
        self,
        boards: list[NeuronBoardParameters],
        synapses: list[RsSynapseParameters],
        seed: int,
        *,
        loose: bool = False,
    ) -> None:
        inputs, over = divmod(len(synapses), len(boards))
        if over or not inputs:
            raise ValueError(
                f"synapses: {len(synapses)} do not divide among {len(boards)} boards"
            )
        self.shape = (len(boards), inputs)
        self.synapses = RsSynapsePopulation(synapses, seed)
        self.boards = NeuronBoardPopulation(
            boards, seed, self.synapses.conductance.reshape(self.shape), loose=loose
        )

    @property
    def conductance(self) -> NDArray[np.float64]:
        """Conductances with the gates on in S, shape (boards, inputs)."""
        return self.synapses.conductance.reshape(self.shape)

    def set_conductance(self, conductance: ArrayLike) -> None:
        """Put the synapses at conductances in S, broadcast to (boards, inputs)."""
        self.synapses.set_conductance(np.broadcast_to(conductance, self.shape).ravel())

    def advance(self, volts: ArrayLike, gates: ArrayLike, duration: float) -> None:
        """Let boards and synapses live at constant inputs, gates and clock.

        Parameters
        ----------
        volts : array_like
            Input voltages in V, broadcast to (boards, inputs).
        gates : array_like
            Voltages of the boards' shared gates in V, broadcast to (boards,).
        duration : float
            In s.
        """
        gate = np.broadcast_to(np.asarray(gates, dtype=float), self.shape[:1]).copy()
        _live_all(
            self.boards.memory,
            self.synapses.state,
            self.synapses.parameter,
            self.synapses.stream,
            self.boards.inputs(volts),
            gate,
            duration,
            self.boards.loose,
        )

    def run_period(
        self,
        volts: ArrayLike,
        gates: Callable[[NDArray[np.bool_]], ArrayLike],
        program: ClockProgram = PAPER_CLOCK,
    ) -> NDArray[np.bool_]:
        """Run one clock period with a pulse at every driven input.

        Parameters
        ----------
        volts : array_like
            Voltages of the inputs' pulses in V, broadcast to (boards, inputs).
        gates : callable
            Takes the boards' inhibition signals to the voltages of the shared gates
            in V, such as a lateral-inhibition array's
            :meth:`~labneuro.devices.lateral_inhibition.LateralInhibitionArray.gates`.
        program : ClockProgram
            Clock and pulses.

        Returns
        -------
        ndarray of bool, shape (boards,)
            Which boards spiked.
        """
        spiked = np.zeros(self.shape[0], dtype=np.bool_)
        pieces = program.pieces()
        for index, (duration, driven, clock) in enumerate(pieces):
            before = np.asarray(volts, dtype=float) * pieces[index - 1, 1]
            if clock != self.boards.memory.row[0, solver.CLOCK]:
                spiked |= self.boards.set_clock(before, high=bool(clock))
            now = np.asarray(volts, dtype=float) * driven
            self.advance(now, gates(self.boards.inhibition), duration)
        return spiked
