"""Populations of hybrid neurons: threshold switch, latches, gates, feedback.

One board's circuit (Figure 3a): inputs into node 1, the threshold switch from node 1 to
node 2, a read-out resistor from there to ground; latch L1 samples node 2, L2 follows
L1; spike = L2 AND clock, lateral inhibition = L1 OR L2; T1 grounds node 1 while L2 is
high, which is both the refractory period and the potentiation of synapses whose inputs
pulse; the depression module lifts node 1 after L1 rose.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 3 and "Hybrid neuron circuit and
the characteristics".
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.devices import neuron_board_solver as solver
from labneuro.devices.neuron_board_switch import FIRED, NOW, X, Y

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.neuron_board_parameters import NeuronBoardParameters


class ClockProgram(NamedTuple):
    """The clock of a neuron board and the pulses at its inputs.

    Attributes
    ----------
    period : float
        Of the clock, which is high in its first half. s
    delay : float
        From the clock's rise to that of the inputs. s
    width : float
        Of the input pulses. s
    """

    period: float = 500e-6
    delay: float = 5e-6
    width: float = 250e-6

    def pieces(self) -> NDArray[np.float64]:
        """Return the constant pieces of a period, shape (pieces, 3).

        Returns
        -------
        ndarray
            Duration in s, factor of the inputs' high voltages, level of the clock.

        Raises
        ------
        ValueError
            If a pulse does not lie within one period.
        """
        end = self.delay + self.width
        if self.delay < 0.0 or self.width <= 0.0 or end > self.period:
            raise ValueError(
                f"delay, width: a pulse of {self.width} s must lie within the clock's "
                f"period of {self.period} s after a delay of {self.delay} s"
            )
        moments = sorted({0.0, self.delay, self.period / 2, end, self.period})
        rows = []
        for start, stop in pairwise(moments):
            driven = self.delay <= start < end
            rows.append((stop - start, float(driven), float(start < self.period / 2)))
        return np.array(rows)


PAPER_CLOCK = ClockProgram()
"""2 kHz, 50 %, with input pulses of 250 us that follow the clock by 5 us."""


class Firings(NamedTuple):
    """What boards did in a run.

    Attributes
    ----------
    spikes : ndarray of bool, shape (boards, periods)
        Whether the board spiked in that clock period.
    fired_at : ndarray, shape (boards, periods)
        When its threshold switch fired in that period, from the start of the board's
        life, in s; NaN where it did not.
    """

    spikes: NDArray[np.bool_]
    fired_at: NDArray[np.float64]


class NeuronBoardPopulation:
    """Many boards advanced together, compiled, from event to event.

    Parameters
    ----------
    boards : list of NeuronBoardParameters
        The parameters of each board.
    seed : int
        Seed of the boards' random streams; a board's stream depends on its index only.
    conductance : array_like, optional
        Conductances from the inputs to node 1 in S, shape (inputs,) or (boards,
        inputs); the test board's two resistors where it is not given. It is copied;
        change :attr:`conductance` to reprogram.
    loose : bool
        Whether firings have a closed form and, in :meth:`run`, whole firing cycles:
        within 2.5 us, and about a hundred times quicker.
    """

    def __init__(
        self,
        boards: list[NeuronBoardParameters],
        seed: int,
        conductance: ArrayLike | None = None,
        *,
        loose: bool = False,
    ) -> None:
        if conductance is None:
            conductance = [
                [1.0 / board.first_resistance, 1.0 / board.second_resistance]
                for board in boards
            ]
        given = np.asarray(conductance, dtype=np.float64)
        shape = (len(boards), given.shape[-1])
        self.memory = solver.memory_of(boards, np.broadcast_to(given, shape), seed)
        self.loose = loose

    def __len__(self) -> int:
        return len(self.memory.row)

    @property
    def conductance(self) -> NDArray[np.float64]:
        """Conductances from inputs to node 1 in S, shape (boards, inputs); writable."""
        return self.memory.row[:, solver.CONDUCTANCE :]

    @property
    def integration(self) -> NDArray[np.float64]:
        """State x of the threshold switches, shape (boards,)."""
        return self.memory.row[:, X].copy()

    @property
    def bridge(self) -> NDArray[np.float64]:
        """State y of the threshold switches, shape (boards,)."""
        return self.memory.row[:, Y].copy()

    @property
    def firings(self) -> NDArray[np.int64]:
        """How often each threshold switch has fired, shape (boards,)."""
        return self.memory.row[:, FIRED].astype(np.int64)

    @property
    def spikes(self) -> NDArray[np.int64]:
        """How many spikes each board has sent, shape (boards,)."""
        return self.memory.row[:, solver.SPIKES].astype(np.int64)

    @property
    def latches(self) -> NDArray[np.bool_]:
        """Levels of L1 and L2, shape (boards, 2)."""
        return self.memory.row[:, [solver.L1, solver.L2]] > 0.0

    @property
    def inhibition(self) -> NDArray[np.bool_]:
        """L1 OR L2 of each board, shape (boards,)."""
        latches = self.latches
        return np.logical_or(latches[:, 0], latches[:, 1])

    @property
    def time(self) -> float:
        """How long the boards have lived, in s."""
        return float(self.memory.row[0, NOW])

    def inputs(self, volts: ArrayLike) -> NDArray[np.float64]:
        """Return input voltages in V for every board, shape (boards, inputs).

        Parameters
        ----------
        volts : array_like
            Voltages in V that broadcast to that shape.

        Raises
        ------
        ValueError
            If a voltage is not finite.
        """
        given = np.asarray(volts, dtype=np.float64)
        if not np.isfinite(given).all():
            raise ValueError("volts: input voltages must be finite")
        # A copy always: a read-only view would be compiled for separately.
        return np.broadcast_to(given, self.conductance.shape).copy()

    def nodes(self, volts: ArrayLike) -> NDArray[np.float64]:
        """Return the voltages of node 1 and node 2 now in V, shape (boards, 2).

        Parameters
        ----------
        volts : array_like
            Input voltages in V, broadcast to (boards, inputs).
        """
        found = np.empty((len(self), 2))
        solver.nodes_all(self.memory, self.inputs(volts), found)
        return found

    def set_clock(self, volts: ArrayLike, *, high: bool) -> NDArray[np.bool_]:
        """Set the clock's level; the latches sample at its edges.

        Parameters
        ----------
        volts : array_like
            Input voltages in V at that moment, broadcast to (boards, inputs).
        high : bool
            The level.

        Returns
        -------
        ndarray of bool, shape (boards,)
            Which boards' spikes begin.
        """
        spiked = np.zeros(len(self), dtype=np.bool_)
        solver.set_clock_all(self.memory, self.inputs(volts), float(high), spiked)
        return spiked

    def advance(self, volts: ArrayLike, duration: float) -> None:
        """Let the boards live at constant inputs and clock, exactly for `duration`.

        Parameters
        ----------
        volts : array_like
            Input voltages in V, broadcast to (boards, inputs).
        duration : float
            In s.
        """
        solver.advance_all(self.memory, self.inputs(volts), duration, self.loose)

    def run(
        self, volts: ArrayLike, periods: int, program: ClockProgram = PAPER_CLOCK
    ) -> Firings:
        """Run clock periods with a pulse at every driven input.

        Parameters
        ----------
        volts : array_like
            Voltages of the inputs' pulses in V, broadcast to (boards, inputs).
        periods : int
            How many periods of the clock.
        program : ClockProgram
            Clock and pulses.
        """
        spikes = np.zeros((len(self), periods), dtype=np.bool_)
        fired_at = np.full((len(self), periods), np.nan)
        solver.run_all(
            self.memory,
            self.inputs(volts),
            program.pieces(),
            self.loose,
            spikes,
            fired_at,
        )
        return Firings(spikes, fired_at)

    def record(
        self,
        volts: ArrayLike,
        periods: int,
        interval: float,
        program: ClockProgram = PAPER_CLOCK,
        board: int = 0,
    ) -> NDArray[np.float64]:
        """Run one board as :meth:`run` does and watch its nodes.

        Parameters
        ----------
        volts, periods, program
            As for :meth:`run`.
        interval : float
            Between two samples, in s.
        board : int
            Which board; the others stand still.

        Returns
        -------
        ndarray, shape (samples, 7)
            Columns :data:`~labneuro.devices.neuron_board_solver.NODES`: V, and 0 or 1.
        """
        pieces = program.pieces()
        samples = int(np.ceil(periods * pieces[:, 0].sum() / interval - 1e-9))
        rows = np.zeros((samples, len(solver.NODES)))
        high = self.inputs(volts)[board]
        solver.record(
            self.memory, board, high, pieces, periods, interval, self.loose, rows
        )
        return rows
