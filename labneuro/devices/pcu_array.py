"""An array of perovskite computing units with word, bit and configure lines.

Unit (i, j) lies between word line i and bit line j: word - M1 - configure line 1 - D1 -
configure line 2 - (M2 parallel to backward D2) - bit. So M1 is programmed between its
word and configure line 1, M2 between configure line 2 and its bit line. The text leaves
open at which nodes the configure lines end and whether units share them; here each unit
has its own two, because shared ones would join the units' inner nodes and take from D1
its role as the memristor's selector. Terminals that a bench does not wire are open.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 1a-c, sections 2.1 and 2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.base import MultiTerminalDevice
from labneuro.devices.pcu_advance import advance_units, calm_time, find_point
from labneuro.devices.pcu_cell import cell_elements
from labneuro.devices.pcu_memristors import (
    PULSE,
    WANDER,
    X,
    conductances,
    filling_for,
    fresh_state,
    memristor_table,
)
from labneuro.devices.pcu_network import branch_currents
from labneuro.devices.pcu_parameters import PcuParameters, draw_units
from labneuro.devices.random_streams import streams
from labneuro.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.port_mesh import PortMesh

SIDE = 3
"""Word and bit lines of the paper's arrays (Figure 1e)."""


def line_names(rows: int, columns: int) -> tuple[str, ...]:
    """Return the terminals: ``word_1``, ``bit_1``, ``configure1_11``, ...

    The two digits after a configure line's number are the unit's row and column.
    """
    words = [f"word_{i + 1}" for i in range(rows)]
    bits = [f"bit_{j + 1}" for j in range(columns)]
    inner = [
        f"configure{line}_{i + 1}{j + 1}"
        for i in range(rows)
        for j in range(columns)
        for line in (1, 2)
    ]
    return (*words, *bits, *inner)


def draw_array(mean: PcuParameters, seed: int) -> list[PcuParameters]:
    """Draw the nine units of a 3x3 array around a card's mean."""
    return draw_units(mean, SIDE * SIDE, seed)


class PcuArray(MultiTerminalDevice):
    """An array of units behind a circuit of any kind.

    Parameters
    ----------
    units : PcuParameters or sequence of PcuParameters
        Of every unit, row by row; or one for all of them.
    seed : int
        Seed of the memristors' random streams.
    rows, columns : int
        Word and bit lines.
    """

    def __init__(
        self,
        units: PcuParameters | Sequence[PcuParameters],
        seed: int,
        rows: int = SIDE,
        columns: int = SIDE,
    ) -> None:
        count = rows * columns
        self.units = [units] * count if isinstance(units, PcuParameters) else [*units]
        if len(self.units) != count:
            raise InputError(f"units: {rows} x {columns} needs {count}")
        self.shape = (rows, columns)
        self._terminals = line_names(rows, columns)
        self._tables = np.stack(
            [memristor_table(self.units, kind) for kind in ("multistate", "binary")]
        )
        self._states = np.stack(
            [fresh_state(self.units, kind) for kind in ("multistate", "binary")]
        )
        self._stream = streams(seed, 2 * count)
        self._elements = np.array(cell_elements(self.units)).T.copy()
        cell = np.arange(count)
        inner = rows + columns + 2 * cell
        # Terminals of each unit, in the order of its branches.
        self._lines = np.stack(
            [cell // columns, inner, inner + 1, rows + cell % columns], axis=1
        )
        self._mesh: PortMesh | None = None
        self._ends = np.empty((count, 4), dtype=np.int64)
        self._volts = np.empty(0)
        self._across = np.empty((2, count))

    @property
    def terminals(self) -> tuple[str, ...]:
        """Word, bit and configure lines; see :func:`line_names`."""
        return self._terminals

    @property
    def multistate_conductance(self) -> NDArray[np.float64]:
        """Conductance of each M1 in S, shape (rows, columns)."""
        return self._conductance(0)

    @property
    def binary_conductance(self) -> NDArray[np.float64]:
        """Conductance of each M2 in S, shape (rows, columns)."""
        return self._conductance(1)

    def _conductance(self, kind: int) -> NDArray[np.float64]:
        found = conductances(self._tables[kind], self._states[kind])
        return np.asarray(found).reshape(self.shape)

    def program(
        self, multistate: ArrayLike | None = None, binary: ArrayLike | None = None
    ) -> None:
        """Put memristors into states directly, without pulses.

        Parameters
        ----------
        multistate : array_like, shape (rows, columns) or a number, optional
            Conductances of M1 in S, cut to their ranges.
        binary : array_like of bool, shape (rows, columns) or one, optional
            Whether M2 is in its low-resistance state.
        """
        if multistate is not None:
            goal = np.broadcast_to(multistate, self.shape).ravel()
            self._states[0, :, X] = filling_for(self._tables[0], goal)
            self._states[0, :, WANDER] = 0.0
        if binary is not None:
            self._states[1, :, X] = np.broadcast_to(binary, self.shape).ravel() * 1.0
        self._states[:, :, PULSE] = 0.0

    def _join(self, mesh: PortMesh) -> None:
        """Note the nodes of a mesh that is new."""
        if mesh is not self._mesh:
            self._mesh = mesh
            self._ends = np.array(mesh.nodes, dtype=np.int64)[self._lines]
            self._volts = np.zeros(len(mesh.ground))

    def _find(self, mesh: PortMesh, injected: NDArray[np.float64]) -> None:
        self._join(mesh)
        found = find_point(
            self._ends,
            self._elements,
            self._tables,
            self._states,
            mesh.between,
            mesh.ground,
            injected,
            self._volts,
            self._across,
        )
        if not found:
            raise ArithmeticError("pcu array: the operating point was not found")

    def operating_point(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the terminals' voltages in V and the currents into them in A."""
        self._find(mesh, injected)
        _, branches = branch_currents(self._ends, self._elements, self._volts)
        currents = np.zeros(len(self._terminals))
        for kind in range(branches.shape[1]):
            np.add.at(currents, self._lines[:, kind], branches[:, kind])
            np.add.at(currents, self._lines[:, kind + 1], -branches[:, kind])
        nodes = np.array(mesh.nodes)
        voltages = np.where(nodes >= 0, self._volts[nodes], 0.0)
        return voltages, currents

    def unit_voltages(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the voltages across M1 and across M2, shape (2, rows, columns), in V.

        Beyond the dead zone of M1 or the thresholds of M2 a computation reprograms.
        """
        self._find(mesh, injected)
        return self._across.reshape(2, *self.shape).copy()

    def advance_behind(
        self, mesh: PortMesh, injected: NDArray[np.float64], duration: float
    ) -> None:
        """Let every memristor live for `duration` seconds behind the circuit."""
        self._join(mesh)
        found = advance_units(
            self._ends,
            self._elements,
            self._tables,
            self._states,
            self._stream,
            mesh.between,
            mesh.ground,
            injected,
            self._volts,
            duration,
        )
        if not found:
            raise ArithmeticError("pcu array: the operating point was not found")

    def steady_for(self, mesh: PortMesh, injected: NDArray[np.float64]) -> float:
        """Return how long every conductance stays within about 2 %, in s."""
        self._find(mesh, injected)
        return float(calm_time(self._tables, self._states, self._across))
