"""The lateral-inhibition array as a circuit sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.base import MultiTerminalDevice
from labneuro.devices.lateral_inhibition import LateralInhibitionArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.devices.lateral_inhibition import LateralInhibitionParameters
    from labneuro.devices.port_mesh import PortMesh


class LateralInhibitionDevice(MultiTerminalDevice):
    """An array with terminals ``input_01`` ... and ``output_01`` ...; biased inside.

    All rows lie behind the card's driver resistance, to which the circuit outside adds
    at the inputs. A comparator switches in
    :meth:`settle`.

    Parameters
    ----------
    parameters : LateralInhibitionParameters
        The array's parameters.
    seed : int
        Seed of the conductances' spread.
    """

    def __init__(self, parameters: LateralInhibitionParameters, seed: int) -> None:
        self.parameters = parameters
        self.array = LateralInhibitionArray(parameters, seed)
        count = int(parameters.neurons)
        self._names = tuple(
            f"{kind}_{index:02d}"
            for kind in ("input", "output")
            for index in range(1, count + 1)
        )
        self._count = count
        self._high = np.ones(count, dtype=np.bool_)
        self._matrix, self._bias, self._to_columns, self._offset = self._reduce()

    @property
    def terminals(self) -> tuple[str, ...]:
        """Inputs, then outputs, numbered from 01."""
        return self._names

    def _reduce(
        self,
    ) -> tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
    ]:
        """Take the inner nodes out of the array.

        Returns the inputs' conductances in S, what the bias puts out at them in A, and
        the columns' voltages as a matrix on the inputs' voltages and an offset in V.
        """
        p, g = self.parameters, self.array.conductance
        size = len(g)
        inner = np.diag(g.sum(axis=0) + p.comparator_conductance)
        own, across = np.diag(g[:-1].sum(axis=1)), -g[:-1]
        pushed = g[-1] * p.bias_voltage
        if p.driver_resistance > 0.0:
            # Behind its driver, a row is an inner node, too, and so is the bias row.
            driver = 1.0 / p.driver_resistance
            rows = np.diag(g.sum(axis=1) + driver)
            inner = np.block([[rows, -g], [-g.T, inner]])
            own = driver * np.eye(size - 1)
            across = np.zeros((size - 1, len(inner)))
            across[:, : size - 1] = -own
            pushed = np.zeros(len(inner))
            pushed[size - 1] = driver * p.bias_voltage
        solved = np.linalg.solve(inner, np.column_stack([across.T, pushed]))
        to_inner, offset = -solved[:, :-1], solved[:, -1]
        matrix, put_out = own + across @ to_inner, -across @ offset
        columns = slice(len(inner) - self._count, None)
        return matrix, put_out, to_inner[columns], offset[columns]

    def operating_point(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the terminals' voltages in V and currents in A."""
        p, count = self.parameters, self._count
        matrix = np.diag(np.full(2 * count, 1.0 / p.output_resistance))
        matrix[:count, :count] = self._matrix
        outputs = self._high * p.output_high / p.output_resistance
        return mesh.solve(injected, matrix, np.concatenate([self._bias, outputs]))

    def settle(self, mesh: PortMesh, injected: NDArray[np.float64]) -> bool:
        """Let the comparators switch; return whether one has."""
        volts, _ = self.operating_point(mesh, injected)
        columns = self._to_columns @ volts[: self._count] + self._offset
        high = columns < self.parameters.reference_voltage
        changed = bool((high != self._high).any())
        self._high = high
        return changed

    def advance_behind(
        self, mesh: PortMesh, injected: NDArray[np.float64], duration: float
    ) -> None:
        """Pass the time: the array has no state in it."""
