"""The rows that asked operators leave in a run file, whatever drives their units.

Instruments drive them in a run; a device model alone can do so as well, so that both
are told by the same words.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 2d, 2e, 3d-g, sections 2.1 to 2.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.data.layout import Column
from labneuro.protocols.operator_units import (
    TRIPLE,
    Composed,
    UnitCurve,
    rotated,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.protocols.operator_sweep import OperatorSweep
    from labneuro.protocols.operator_units import Drive

    Array = NDArray[np.float64]
    Rows = dict[str, NDArray[np.generic]]

CURVE, ANSWER = 0, 1
"""Kinds of readings: a unit's own curve, an operator's answer."""
READINGS = (
    Column("step", "", "step: one unit's curve or one operator", "i4"),
    Column("kind", "", "0 curve of a unit, 1 answer of an operator", "i4"),
    Column("unit", "", "row and column of the unit, of an operator its last", "i4"),
    Column("operator", "", "number of the operator, from 0; -1 for a curve", "i4"),
    Column("repeat", "", "repeat, from 0", "i4"),
    Column("input", "", "first operand, as in the codebook; V for a curve"),
    Column("second_input", "", "second operand, NaN if none"),
    Column("ideal", "", "ideal answer, as in the codebook; NaN for a curve"),
    Column("answer", "", "measured answer, as in the codebook; NaN for a curve"),
    Column("current", "A", "current, NaN where the answer is a share of several"),
    Column("unit_current", "A", "mean magnitude of the current over the units"),
    Column("unit_power", "W", "mean magnitude of current times voltage over them"),
)
"""Columns of a run's readings."""
_GELU_UNITS = 4


class OperatorAnswers:
    """Takes the units' curves, then asks operators that are made of them.

    Parameters
    ----------
    protocol : OperatorSweep
        The parameters.
    drive, gate : callable
        Drive a unit from word to bit at voltages in V, shape (n,), and return currents
        in A: with M2 as the operator programs it, and with M2 reset.
    """

    def __init__(self, protocol: OperatorSweep, drive: Drive, gate: Drive) -> None:
        self._protocol = protocol
        self._drive = drive
        self._nominal = protocol.nominal.unit
        self._curves: dict[int, UnitCurve] = {}
        self._composed = Composed(self._curves, drive, gate, self._nominal)

    def take_curve(self, index: int, unit: int) -> Rows:
        """Measure the curve of a unit that is programmed; return a step's rows.

        Parameters
        ----------
        index : int
            Number of the step.
        unit : int
            Row and column.
        """
        levels = self._protocol.curve_levels
        current = self._drive(unit, levels)
        saturation = self._nominal.saturation_current
        self._curves[unit] = UnitCurve(levels, current, saturation)
        count = len(levels)
        missing = np.full(count, np.nan)
        return {
            "step": np.full(count, index, dtype=np.int32),
            "kind": np.full(count, CURVE, dtype=np.int32),
            "unit": np.full(count, unit, dtype=np.int32),
            "operator": np.full(count, -1, dtype=np.int32),
            "repeat": np.zeros(count, dtype=np.int32),
            "input": levels,
            "second_input": missing,
            "ideal": missing,
            "answer": missing,
            "current": current,
            "unit_current": np.abs(current),
            "unit_power": np.abs(current * levels),
        }

    def ask(self, index: int, number: int) -> Rows:
        """Ask an operator over all operands and repeats; return a step's rows.

        Parameters
        ----------
        index : int
            Number of the step.
        number : int
            Of the operator, from 0.
        """
        protocol = self._protocol
        first, second = protocol.operands
        count, repeats = len(first), protocol.repeats
        last, answers = _ASKED[protocol.operator](
            self, number, np.tile(first, repeats), np.tile(second, repeats)
        )
        load = self._composed.take_load()
        total = count * repeats
        scale = 1.0 if protocol.in_volts else self._nominal.reference_current
        shares = protocol.operator == "softmax"
        return {
            "step": np.full(total, index, dtype=np.int32),
            "kind": np.full(total, ANSWER, dtype=np.int32),
            "unit": np.full(total, last, dtype=np.int32),
            "operator": np.full(total, number, dtype=np.int32),
            "repeat": np.repeat(np.arange(repeats, dtype=np.int32), count),
            "input": np.tile(first, repeats),
            "second_input": np.tile(second, repeats),
            "ideal": np.tile(protocol.ideal, repeats),
            "answer": answers if shares else answers / scale,
            "current": np.full(total, np.nan) if shares else answers,
            "unit_current": load.current,
            "unit_power": load.power,
        }

    def pair(self, number: int, first: Array, second: Array) -> tuple[int, Array]:
        """Ask a multiplier or a divider; return its last unit and currents in A."""
        triple = rotated(self._protocol.units, number, TRIPLE)
        if number >= len(self._protocol.units):  # the same units, otherwise arranged
            triple = triple[::-1]
        unit = self._nominal.reference_current
        one = self._protocol.operator == "multiplier"
        circuit = self._composed.multiply if one else self._composed.divide
        return triple[-1], circuit(triple, first * unit, second * unit)

    def single(self, number: int, first: Array, second: Array) -> tuple[int, Array]:
        """Ask one unit; return it and its currents in A."""
        del second
        protocol = self._protocol
        (unit,) = rotated(protocol.units, number, 1)
        if protocol.operator == "exponential":
            return unit, self._composed.exponential(unit, first)
        offset = protocol.offset if protocol.operator == "softplus" else 0.0
        return unit, self._composed.single(unit, first + offset)

    def shares(self, number: int, first: Array, second: Array) -> tuple[int, Array]:
        """Ask a softmax of two inputs; return a unit and the first input's share."""
        del second
        logits = np.stack([np.log(first / (1.0 - first)), np.zeros(len(first))], 1)
        units = self._protocol.units
        return (
            rotated(units, number + 6, 1)[0],
            self._composed.softmax(units, number, logits)[:, 0],
        )

    def gelu(self, number: int, first: Array, second: Array) -> tuple[int, Array]:
        """Ask a GELU; return its last unit and currents in A."""
        del second
        units = rotated(self._protocol.units, number, _GELU_UNITS)
        return units[-1], self._composed.gelu(units, first)


_ASKED = {
    "multiplier": OperatorAnswers.pair,
    "divider": OperatorAnswers.pair,
    "exponential": OperatorAnswers.single,
    "softplus": OperatorAnswers.single,
    "sigmoid": OperatorAnswers.single,
    "softmax": OperatorAnswers.shares,
    "gelu": OperatorAnswers.gelu,
}
