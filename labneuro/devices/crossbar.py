"""A crossbar with wire resistance: currents out of its bit lines for voltages in.

n word lines (rows) are driven at their left ends, m bit lines (columns) are held at
0 V at their bottom ends; a cell sits at each crossing. Each step along a line passes
one wire segment, the way from driver to first and from last cell to sink too. Linear
cells are solved by preconditioned conjugate gradients over line solves; cells with a
diode as selector by Newton steps over that, safeguarded by the sign of the directional
derivative of the circuit's convex co-content.

References
----------
D. Joksas, A. Mehonic, SoftwareX 12 (2020) 100617: the circuit and its conventions.
L. O. Chua, P. M. Lin, "Computer-Aided Analysis of Electronic Circuits", Prentice-Hall
1975: co-content of a resistive circuit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.devices.crossbar_kernels import linear_lines
from labneuro.devices.diode import diode_currents_and_slopes
from labneuro.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from labneuro.devices.diode import DiodeParameters

_IDEAL_WIRE = 1e-12  # ohm, in place of 0: far below any contact
_MOST_ITERATIONS = 20_000  # 1e5 ohm segments, 99.999 % lost, take 900
_MOST_NEWTON_STEPS = 200
_MOST_HALVINGS = 60


@dataclass(frozen=True)
class CrossbarWires:
    """Resistances of the wires, in ohm; 0 is an ideal wire.

    Attributes
    ----------
    word_segment, bit_segment : float
        One step along a word line or a bit line.
    driver, sink : float
        More in series with each word line's driver and each bit line's sink.
    """

    word_segment: float
    bit_segment: float
    driver: float = 0.0
    sink: float = 0.0

    def __post_init__(self) -> None:
        for name in ("word_segment", "bit_segment", "driver", "sink"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise InputError(f"{name}: must be finite and at least 0, not {value}")

    def conductances(self) -> tuple[float, float, float, float]:
        """Return word segment, bit segment, driver's and sink's way in, in S."""
        word, bit = (
            max(value, _IDEAL_WIRE) for value in (self.word_segment, self.bit_segment)
        )
        return 1 / word, 1 / bit, 1 / (word + self.driver), 1 / (bit + self.sink)


class CrossbarPoint(NamedTuple):
    """The operating point of a crossbar.

    Attributes
    ----------
    output : ndarray, shape (columns,)
        Currents into the sinks of the bit lines, in A.
    word_voltage, bit_voltage : ndarray, shape (rows, columns)
        At each cell's two ends, in V.
    iterations : int
        Conjugate-gradient iterations in all.
    """

    output: NDArray[np.float64]
    word_voltage: NDArray[np.float64]
    bit_voltage: NDArray[np.float64]
    iterations: int


class Crossbar:
    """A crossbar of cells behind real wires.

    Parameters
    ----------
    conductance : array_like, shape (rows, columns)
        Of each cell, in S; 0 is an open cell.
    wires : CrossbarWires
        Wire resistances.
    selector : DiodeParameters, optional
        A diode in series with every cell, conducting from word to bit line.
    tolerance : float
        Relative error of the voltages in the energy norm; see
        :func:`~labneuro.devices.crossbar_kernels.conjugate_gradients`.

    Examples
    --------
    >>> array = Crossbar([[1e-3, 2e-3]], CrossbarWires(0.0, 0.0))
    >>> array.solve([0.5]).output.round(9).tolist()
    [0.0005, 0.001]
    """

    def __init__(
        self,
        conductance: ArrayLike,
        wires: CrossbarWires,
        selector: DiodeParameters | None = None,
        tolerance: float = 1e-9,
    ) -> None:
        self.conductance = np.ascontiguousarray(conductance, dtype=np.float64)
        if self.conductance.ndim != 2 or not self.conductance.size:  # noqa: PLR2004  rows, columns
            raise InputError(
                "conductance: must have rows and columns, not the shape "
                f"{self.conductance.shape}"
            )
        if not (np.isfinite(self.conductance) & (self.conductance >= 0)).all():
            raise InputError("conductance: must be finite and not negative everywhere")
        self.wires = wires
        self.selector = selector
        self.tolerance = tolerance
        self._wires = wires.conductances()
        self._pivots = np.empty((2, *self.conductance.shape))

    def solve(self, voltages: ArrayLike) -> CrossbarPoint:
        """Return the operating point for one vector of word-line voltages.

        Parameters
        ----------
        voltages : array_like, shape (rows,)
            Of the drivers, in V.

        Raises
        ------
        InputError
            If there is not one finite voltage a word line.
        ArithmeticError
            If the solver does not converge.
        """
        drive = np.asarray(voltages, dtype=np.float64)
        rows = self.conductance.shape[0]
        if drive.shape != (rows,) or not np.isfinite(drive).all():
            raise InputError(f"voltages: must be {rows} finite numbers, one a row")
        if self.selector is None:
            none = np.zeros_like(self.conductance)
            return self._linear(self.conductance, none, drive)
        return self._newton(drive)

    def currents(self, voltages: ArrayLike) -> NDArray[np.float64]:
        """Return the currents into the sinks for many input vectors.

        Parameters
        ----------
        voltages : array_like, shape (vectors, rows)
            V.

        Returns
        -------
        ndarray, shape (vectors, columns)
            A.
        """
        vectors = np.atleast_2d(np.asarray(voltages, dtype=np.float64))
        return np.array([self.solve(vector).output for vector in vectors])

    def _linear(
        self,
        cell: NDArray[np.float64],
        offset: NDArray[np.float64],
        drive: NDArray[np.float64],
    ) -> CrossbarPoint:
        word, bit, taken = linear_lines(
            cell,
            offset,
            drive,
            self._wires,
            self._pivots,
            self.tolerance,
            _MOST_ITERATIONS,
        )
        if taken < 0:
            raise ArithmeticError(
                f"crossbar: no convergence within {_MOST_ITERATIONS} iterations"
            )
        return CrossbarPoint(self._wires[3] * bit[-1], word, bit, taken)

    def cell_currents(
        self, voltage: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return current in A and slope in S of every cell.

        Parameters
        ----------
        voltage : array_like, shape (rows, columns)
            From word to bit line, in V.
        """
        if self.selector is None:
            return self.conductance * np.asarray(voltage), self.conductance
        closed = self.conductance > 0
        resistance = 1.0 / np.where(closed, self.conductance, 1.0)
        current, slope = diode_currents_and_slopes(
            voltage,
            self.selector.saturation_current,
            self.selector.emission_voltage,
            self.selector.series_resistance + resistance,
        )
        return np.where(closed, current, 0.0), np.where(closed, slope, 0.0)

    def _newton(self, drive: NDArray[np.float64]) -> CrossbarPoint:
        """Newton steps: each solves the array with its cells' tangents."""
        rows, columns = self.conductance.shape
        word = np.repeat(drive[:, None], columns, axis=1)
        bit = np.zeros((rows, columns))
        iterations = 0
        for _ in range(_MOST_NEWTON_STEPS):
            current, slope = self.cell_currents(word - bit)
            offset = current - slope * (word - bit)
            point = self._linear(slope, offset, drive)
            iterations += point.iterations
            word_step, bit_step = point.word_voltage - word, point.bit_voltage - bit
            # The wires' laws are linear and hold after a full step: what is left of
            # Kirchhoff's law is the cells' distance from their tangents.
            after, _ = self.cell_currents(point.word_voltage - point.bit_voltage)
            tangent = offset + slope * (point.word_voltage - point.bit_voltage)
            if np.abs(after - tangent).max() <= self.tolerance * np.abs(after).max():
                return point._replace(iterations=iterations)
            share = self._share(word - bit, word_step, bit_step, tangent)
            word = word + share * word_step
            bit = bit + share * bit_step
        raise ArithmeticError(
            f"crossbar: no convergence within {_MOST_NEWTON_STEPS} Newton steps"
        )

    def _share(
        self,
        voltage: NDArray[np.float64],
        word_step: NDArray[np.float64],
        bit_step: NDArray[np.float64],
        tangent: NDArray[np.float64],
    ) -> float:
        """Return how much of a Newton step to take.

        Along the step the directional derivative of the co-content rises from below 0;
        a share is good where its magnitude has at least halved.
        """
        word_wire, bit_wire, first, last = self._wires
        wires = word_wire * np.sum(np.diff(word_step, axis=1) ** 2)
        wires += bit_wire * np.sum(np.diff(bit_step, axis=0) ** 2)
        wires += first * np.sum(word_step[:, 0] ** 2) + last * np.sum(bit_step[-1] ** 2)
        step = word_step - bit_step
        linear = float(np.sum(tangent * step))

        def derivative(share: float) -> float:
            current, _ = self.cell_currents(voltage + share * step)
            return float(np.sum(current * step) - linear - (1.0 - share) * wires)

        low, high = 0.0, 1.0
        start = abs(derivative(0.0))
        share = 1.0
        for _ in range(_MOST_HALVINGS):
            slope = derivative(share)
            if abs(slope) <= 0.5 * start or (share == 1.0 and slope <= 0):
                break
            low, high = (share, high) if slope < 0 else (low, share)
            share = 0.5 * (low + high)
        return share
