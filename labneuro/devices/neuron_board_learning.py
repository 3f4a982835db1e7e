"""Neurons whose synapses learn in place: a column of RS synapses on every board."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices import neuron_board_column as column
from labneuro.devices import neuron_board_solver as solver
from labneuro.devices.neuron_board import PAPER_CLOCK, NeuronBoardPopulation
from labneuro.devices.neuron_board_switch import FIRED, FIRED_AT, NOW
from labneuro.devices.rs_synapse import RsSynapsePopulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.neuron_board import ClockProgram
    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters
    from labneuro.devices.rs_synapse import RsSynapseParameters

    Gates = Callable[[NDArray[np.bool_]], ArrayLike]

RESPONSE = 1e-6
"""From a firing until the rivals' gates are closed, in s; chosen, as of comparators."""


@cache
def _pieces(program: ClockProgram) -> NDArray[np.float64]:
    """Return the constant pieces of a period; they are the same in every one."""
    return program.pieces()


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

    Attributes
    ----------
    rivals : int
        In :meth:`run_period`, of so many boards that follow each other the first to
        fire has the others' gates worked out anew within :data:`RESPONSE`, as its
        switch goes on; 0, as at the beginning: gates change with the clock only.

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
        self.rivals = 0
        self._columns = column.columns_of(self.synapses, len(boards))

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
        self._live(self._inputs(volts), 1.0, gates, duration)

    def _inputs(self, volts: ArrayLike) -> NDArray[np.float64]:
        """Return inputs in V, shape (boards, inputs); note the highest and lowest."""
        given = np.asarray(volts, dtype=float)
        if given.ndim == 0:
            given = given.reshape(1)
        known = self._columns.known
        known[:, column.HIGHEST] = given.max(axis=-1)
        known[:, column.LOWEST] = given.min(axis=-1)
        return self.boards.inputs(given)

    @property
    def _inhibition(self) -> NDArray[np.bool_]:
        """L1 OR L2 of each board, as the boards tell it, and quicker."""
        row = self.boards.memory.row
        return np.asarray((row[:, solver.L1] > 0.0) | (row[:, solver.L2] > 0.0))

    def _live(
        self,
        volts: NDArray[np.float64],
        factor: float,
        gates: ArrayLike,
        duration: ArrayLike,
        *,
        fresh: bool = True,
    ) -> None:
        """Let all live at `factor` times the inputs; `fresh`: rows may be stale."""
        gate, long = np.empty(self.shape[0]), np.empty(self.shape[0])
        gate[:], long[:] = gates, duration
        column.live_all(
            self.boards.memory,
            self._columns,
            volts,
            factor,
            gate,
            long,
            self.boards.loose,
            fresh,
        )

    def run_period(
        self,
        volts: ArrayLike,
        gates: Gates,
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
        given = self._inputs(volts)
        memory = self.boards.memory
        pieces = _pieces(program)
        for index, (duration, driven, clock) in enumerate(pieces):
            if clock != memory.row[0, solver.CLOCK]:
                # The latches see the inputs as they were before the edge.
                column.clock_all(memory, given, pieces[index - 1, 1], clock, spiked)
            live = self._race if self.rivals and clock else self._live_on
            live(given, driven, gates, duration, fresh=index == 0)
        return spiked

    def _live_on(
        self,
        volts: NDArray[np.float64],
        factor: float,
        gates: Gates,
        duration: float,
        *,
        fresh: bool,
    ) -> None:
        """Let all live with the gates as they are at the beginning."""
        self._live(volts, factor, gates(self._inhibition), duration, fresh=fresh)

    def _race(
        self,
        volts: NDArray[np.float64],
        factor: float,
        gates: Gates,
        duration: float,
        *,
        fresh: bool,
    ) -> None:
        """Let all live; who fires first has the gates of its rivals closed at once."""
        row = self.boards.memory.row
        arrays = self._arrays()
        before = [array.copy() for array in arrays]
        start, fired = row[:, NOW].copy(), row[:, FIRED].copy()
        self._live_on(volts, factor, gates, duration, fresh=fresh)
        moments = np.where(row[:, FIRED] > fired, row[:, FIRED_AT] - start, np.inf)
        earliest = moments.reshape(-1, self.rivals).min(axis=1).repeat(self.rivals)
        over = earliest + RESPONSE
        late = (over < duration) & (moments > over)
        if not late.any():
            return
        for array, old in zip(arrays, before, strict=True):
            array[late] = old[late]
        self._live(volts, factor, gates(self._inhibition), np.where(late, over, 0.0))
        fired_first = np.isfinite(moments) & ~late
        signals = self._inhibition | fired_first
        self._live(volts, factor, gates(signals), np.where(late, duration - over, 0.0))

    def _arrays(self) -> list[NDArray[np.generic]]:
        """Return all that changes in time, the boards first in each."""
        boards = len(self.boards)
        columns = self._columns
        whole = (columns.state, columns.stream)
        parts = [array.reshape(boards, -1) for array in whole]
        return [*self.boards.memory, *parts, columns.known]
