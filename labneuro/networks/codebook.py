"""The codebook of a calibrated model: what each analog operator really answers.

Format
------
A codebook is a set of tables of a :class:`~labneuro.calibration.CalibratedModel` with
``model = "pcu"``, one table an operator, named ``codebook_`` and the operator. All
numbers are dimensionless: the fit divides by the scales it states as parameters.

=================================  ==========================  =====================
table                              ``input``                   ideal ``mean``
=================================  ==========================  =====================
``codebook_softplus``              x = K V                     ln(1 + exp(x))
``codebook_sigmoid``               x = K V                     1 / (1 + exp(-x))
``codebook_gelu``                  x                           x / (1 + exp(-1.702 x))
``codebook_exponential``           exponent x                  exp(x)
``codebook_softmax``               the computed share p        p
``codebook_multiplier``            x, ``second_input`` y       x y
``codebook_divider``               x, ``second_input`` y       x / y
=================================  ==========================  =====================

Without ``codebook_gelu`` a GELU is computed from sigmoid and multiplier. Every table
has the columns ``unit`` (a number, 0, 1, ...), ``input``, ``mean`` and ``deviation``
(standard deviation of single answers of this unit at this input, 0 or more); the
two-operand tables have ``second_input`` as well. Operands of multiplier and divider are
above 0, in reference currents; the circuit handles signs. Every unit of an operator has
the same inputs, at least two of each kind; two-operand tables hold the whole grid. Rows
may come in any order. Whether the means are trimmed (divided by each unit's own gain)
is for the fit to decide and to say; the network takes them as they are.

The parameter ``weight_noise`` is the standard deviation of a weight in shares of the
largest weight of its line (paper: 0.027367, its normalisation is not in the text).

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figure 5b, "Hardware Simulation".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.pcu_composed import GELU_SLOPE
from labneuro.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel

    Array = NDArray[np.float64]

PREFIX = "codebook_"
PAPER_WEIGHT_NOISE = 0.027367
"""Standard deviation of a weight that the paper quotes ("Hardware Simulation")."""
_FEWEST = 2


def _logistic(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


ONE_OPERAND: dict[str, Callable[[Array], Array]] = {
    "softplus": lambda x: np.logaddexp(0.0, x),
    "sigmoid": _logistic,
    "gelu": lambda x: x * _logistic(GELU_SLOPE * x),
    "exponential": np.exp,
    "softmax": lambda x: x,
}
"""Ideal functions of the operators of one operand."""
TWO_OPERANDS: dict[str, Callable[[Array, Array], Array]] = {
    "multiplier": lambda x, y: x * y,
    "divider": lambda x, y: x / y,
}
"""Ideal functions of the operators of two operands."""


@dataclass(frozen=True)
class Curve:
    """Measured answers of an operator of one operand.

    Attributes
    ----------
    inputs : ndarray, shape (inputs,)
        In ascending order.
    mean, deviation : ndarray, shape (units, inputs)
        Mean and standard deviation of the answers of each unit.
    """

    inputs: Array
    mean: Array
    deviation: Array


@dataclass(frozen=True)
class Surface:
    """Measured answers of an operator of two operands.

    Attributes
    ----------
    first, second : ndarray, shape (n,) and (m,)
        Operands in ascending order, above 0.
    mean, deviation : ndarray, shape (units, n, m)
        Mean and standard deviation of the answers of each unit.
    """

    first: Array
    second: Array
    mean: Array
    deviation: Array


@dataclass(frozen=True)
class Codebook:
    """All operators of a calibrated model.

    Attributes
    ----------
    curves : dict of str to Curve
        Operators of one operand by name.
    surfaces : dict of str to Surface
        Operators of two operands by name.
    weight_noise : float
        Standard deviation of a weight, in shares of the largest of its line.
    """

    curves: dict[str, Curve]
    surfaces: dict[str, Surface]
    weight_noise: float

    def curve(self, operator: str) -> Curve:
        """Return an operator of one operand.

        Raises
        ------
        CalibrationError
            If the codebook has none; names the table.
        """
        return self.curves[_known(operator, self.curves)]

    def surface(self, operator: str) -> Surface:
        """Return an operator of two operands; raises as :meth:`curve` does."""
        return self.surfaces[_known(operator, self.surfaces)]

    def mean_error(self, operator: str) -> float:
        """Return the mean over units and inputs of abs(mean - ideal) / scale.

        The scale is the ideal itself for the operators of two operands (as the paper's
        6.61 and 5.66 %), and the largest ideal for those of one.
        """
        if operator in self.surfaces:
            part = self.surfaces[operator]
            ideal = TWO_OPERANDS[operator](part.first[:, None], part.second)
            return float(np.mean(np.abs(part.mean / ideal - 1.0)))
        curve = self.curve(operator)
        ideal = ONE_OPERAND[operator](curve.inputs)
        return float(np.mean(np.abs(curve.mean - ideal)) / np.abs(ideal).max())


def _known(operator: str, present: dict[str, Curve] | dict[str, Surface]) -> str:
    if operator not in present:
        raise CalibrationError(
            f"codebook: no table {PREFIX + operator!r}; there are "
            + (", ".join(PREFIX + name for name in present) or "none of its kind")
        )
    return operator


def codebook_of(calibrated: CalibratedModel) -> Codebook:
    """Read the codebook of a calibrated model.

    Parameters
    ----------
    calibrated : CalibratedModel
        Of device model ``"pcu"``, with tables as this module describes them.

    Returns
    -------
    Codebook

    Raises
    ------
    CalibrationError
        If it is of another device model or a table is damaged; names table and column.
    """
    if calibrated.model != "pcu":
        raise CalibrationError(
            f"codebook: is a model of {calibrated.model!r}, wanted 'pcu'"
        )
    tables = calibrated.tables
    noise = calibrated["weight_noise"]
    if not 0 <= noise < 1:
        raise CalibrationError(f"weight_noise: must be 0 to 1, not {noise:g}")
    return Codebook(
        {n: _curve(n, tables[PREFIX + n]) for n in ONE_OPERAND if PREFIX + n in tables},
        {
            n: _surface(n, tables[PREFIX + n])
            for n in TWO_OPERANDS
            if PREFIX + n in tables
        },
        noise,
    )


Rows = list[dict[str, float | str | None]]


def _columns(name: str, rows: Rows, operands: tuple[str, ...]) -> dict[str, Array]:
    """Return the columns as numbers, the deviation checked, rows sorted."""
    where = f"table {PREFIX + name!r}"
    columns: dict[str, Array] = {}
    for key in ("unit", *operands, "mean", "deviation"):
        values = [row.get(key) for row in rows]
        wrong = [v for v in values if not isinstance(v, int | float)]
        if wrong or not values:
            found = f"{wrong[0]!r}" if wrong else "no row"
            raise CalibrationError(f"{where}: {key}: {found}, wanted a number a row")
        columns[key] = np.asarray(values, dtype=np.float64)
    if (columns["deviation"] < 0).any():
        raise CalibrationError(f"{where}: deviation: must be 0 or more")
    order = np.lexsort([columns[key] for key in (*operands[::-1], "unit")])
    return {key: values[order] for key, values in columns.items()}


def _grid(
    name: str, columns: dict[str, Array], operands: tuple[str, ...]
) -> tuple[Array, ...]:
    """Return the values of each operand; they must be a whole grid for each unit."""
    axes = tuple(np.unique(columns[key]) for key in operands)
    units = np.unique(columns["unit"])
    meshes = np.meshgrid(units, *axes, indexing="ij")
    keys = ("unit", *operands)
    whole = all(
        columns[key].size == mesh.size and np.array_equal(columns[key], mesh.ravel())
        for key, mesh in zip(keys, meshes, strict=True)
    )
    if not whole or any(axis.size < _FEWEST for axis in axes):
        raise CalibrationError(
            f"table {PREFIX + name!r}: every unit needs the same "
            f"{' and '.join(keys[1:])} values, at least {_FEWEST} of each, none "
            "twice"
        )
    return (units, *axes)


def _curve(name: str, rows: Rows) -> Curve:
    columns = _columns(name, rows, ("input",))
    units, inputs = _grid(name, columns, ("input",))
    shape = (units.size, inputs.size)
    return Curve(
        inputs, columns["mean"].reshape(shape), columns["deviation"].reshape(shape)
    )


def _surface(name: str, rows: Rows) -> Surface:
    operands = ("input", "second_input")
    columns = _columns(name, rows, operands)
    units, first, second = _grid(name, columns, operands)
    if min(first[0], second[0]) <= 0:
        raise CalibrationError(f"table {PREFIX + name!r}: operands must be above 0")
    shape = (units.size, first.size, second.size)
    return Surface(
        first,
        second,
        columns["mean"].reshape(shape),
        columns["deviation"].reshape(shape),
    )
