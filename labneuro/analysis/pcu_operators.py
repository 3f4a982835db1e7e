"""Errors of operators beside the paper's, and the codebook that networks load.

The normalisation of the paper's errors is not in its text. Here it is stated: of
multiplier, divider and exponential the mean over grid and operators of |answer / ideal
- 1|; of the others the mean of |answer - ideal| over the full scale, which is 1 of
softmax and sigmoid, else the largest ideal answer. Trimmed means that each operator's
answers were divided by one gain of its own.

What an operator's units carry, for the energy, is a mean over all that was asked: of
the current's magnitude, and of the voltage weighed by it, so that their product is the
mean power of a unit. It is that of these operands, and no more.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 2d, 2e, 3d-g, 5b.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Readings = Mapping[str, NDArray[np.generic]]
    Row = dict[str, float | str | None]

PAPER = {"multiplier": 0.0661, "divider": 0.0566, "product": 0.0078, "softmax": 0.0131}
"""Mean errors that the paper quotes."""
SHAPES = ("softplus", "sigmoid")
"""Operators whose answers are in A over V: a fit of A and K gives them their scale."""
LOADS = (("current", "A"), ("voltage", "V"))
"""What a unit carries, and its unit: parameters `<operator>_current`, `_voltage`."""
RELATIVE, FULL_SCALE = "relative", "of full scale"
_FEWEST = 4


@dataclass(frozen=True)
class Answers:
    """Answers of an operator, averaged over repeats.

    Attributes
    ----------
    operator : str
        Its name.
    first, second : ndarray, shape (inputs,)
        Operands; `second` is NaN where there is none.
    ideal : ndarray, shape (inputs,)
        NaN for softplus and sigmoid.
    mean, deviation : ndarray, shape (operators, inputs)
        Of the repeats; the deviation is 0 where there is one only.
    """

    operator: str
    first: Array
    second: Array
    ideal: Array
    mean: Array
    deviation: Array


def answers_of(operator: str, readings: Readings) -> Answers:
    """Gather the answers of an OperatorSweep run.

    Parameters
    ----------
    operator : str
        Which.
    readings : mapping of str to ndarray
        Of the run.

    Raises
    ------
    FitError
        If it holds no whole operator.
    """
    chosen = np.asarray(readings["kind"]) == 1
    if not chosen.any():
        raise FitError(f"{operator}: the run holds no answer")
    column = {
        name: np.asarray(readings[name], dtype=np.float64)[chosen]
        for name in ("operator", "repeat", "input", "second_input", "ideal", "answer")
    }
    operators = np.unique(column["operator"]).size
    repeats = np.unique(column["repeat"]).size
    count = column["answer"].size // (operators * repeats)
    answer = column["answer"].reshape(operators, repeats, count)
    deviation = np.zeros((operators, count))
    if repeats > 1:
        deviation = answer.std(axis=1, ddof=1)
    return Answers(
        operator,
        column["input"][:count],
        column["second_input"][:count],
        column["ideal"][:count],
        answer.mean(axis=1),
        deviation,
    )


def unit_loads(readings: Readings) -> list[tuple[float, float]]:
    """Return what the units of each operator of an OperatorSweep run carry.

    Parameters
    ----------
    readings : mapping of str to ndarray
        Of the run.

    Returns
    -------
    list of (float, float)
        Mean current in A and mean voltage in V, weighed by the current, by operator;
        empty if the run does not tell: of an earlier version.
    """
    if "unit_power" not in readings:
        return []
    loads = []
    numbers = np.asarray(readings["operator"])
    for number in np.unique(numbers[np.asarray(readings["kind"]) == 1]):
        mine = numbers == number
        current = np.asarray(readings["unit_current"], dtype=np.float64)[mine]
        loads.append(_load(current, np.asarray(readings["unit_power"])[mine]))
    return loads


def weight_load(readings: Readings) -> tuple[float, float]:
    """Return what a weight of a VectorMatrixProduct run carries, in A and V.

    The mean over weights and vectors; voltage as for :func:`unit_loads`.
    """
    current = np.abs(np.asarray(readings["current"], dtype=np.float64))
    voltage = np.abs(np.asarray(readings["voltage"], dtype=np.float64))
    return _load(current, current * voltage)


def _load(current: Array, power: NDArray[np.generic]) -> tuple[float, float]:
    watts = float(np.sum(np.asarray(power, dtype=np.float64)))
    return float(current.mean()), watts / float(current.sum())


def joined(parts: list[Answers]) -> Answers:
    """Join runs of one operator over the same inputs: more operators.

    Raises
    ------
    FitError
        If the inputs differ.
    """
    one = parts[0]
    for other in parts[1:]:
        same = np.array_equal(one.first, other.first) and np.array_equal(
            one.second, other.second, equal_nan=True
        )
        if not same:
            raise FitError(f"{one.operator}: two runs differ in their inputs")
    return Answers(
        one.operator,
        one.first,
        one.second,
        one.ideal,
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.deviation for part in parts]),
    )


@dataclass(frozen=True)
class ShapeFit:
    """A and K of one unit's softplus or sigmoid.

    Attributes
    ----------
    height : float
        A in A.
    steepness : float
        K in 1/V.
    offset : float
        Of the current in A.
    misfit : float
        Root of the mean squared residual over A.
    errors : ndarray, shape (3,)
        One standard deviation of A, K and offset.
    """

    height: float
    steepness: float
    offset: float
    misfit: float
    errors: Array


def ideal_shape(operator: str, x: Array) -> Array:
    """Return ln(1 + exp(x)), or 2 / (1 + exp(-x)) - 1 for the sigmoid."""
    if operator == "softplus":
        return np.asarray(np.logaddexp(0.0, x))
    return np.tanh(0.5 * x)


def fit_shape(operator: str, voltage: Array, current: Array) -> ShapeFit:
    """Fit ``A shape(K V) + offset``.

    Parameters
    ----------
    operator : str
        ``"softplus"`` or ``"sigmoid"``.
    voltage, current : ndarray, shape (inputs,)
        V and A.

    Raises
    ------
    FitError
        If there are too few inputs or the fit does not converge.
    """
    if len(voltage) < _FEWEST:
        raise FitError(f"{operator}: a fit needs {_FEWEST} inputs, not {len(voltage)}")
    scale = float(np.abs(current).max())
    try:
        found, covariance = optimize.curve_fit(
            lambda v, a, k, c: a * ideal_shape(operator, k * v) + c,
            voltage,
            current / scale,
            (0.5, 15.0, 0.0),
            bounds=((0.0, 0.0, -1.0), (100.0, 1000.0, 1.0)),
        )
    except RuntimeError as error:
        raise FitError(f"{operator}: no fit of A and K: {error}") from error
    height, steepness, offset = found
    fitted = height * ideal_shape(operator, steepness * voltage) + offset
    misfit = float(np.sqrt(np.mean((current / scale - fitted) ** 2)) / height)
    errors = np.sqrt(np.diag(covariance)) * np.array([scale, 1.0, scale])
    return ShapeFit(
        float(height * scale),
        float(steepness),
        float(offset * scale),
        misfit,
        errors,
    )


def shape_rows(answers: Answers, fits: list[ShapeFit]) -> list[Row]:
    """Return A, K and offset of each unit with the range that they hold in.

    Parameters
    ----------
    answers : Answers
        Of softplus or sigmoid.
    fits : list of ShapeFit
        One a unit.
    """
    return [
        {
            "operator": answers.operator,
            "unit": float(number),
            "height": fit.height,
            "height_error": float(fit.errors[0]),
            "steepness": fit.steepness,
            "steepness_error": float(fit.errors[1]),
            "offset": fit.offset,
            "misfit": fit.misfit,
            "lowest": float(answers.first.min()),
            "highest": float(answers.first.max()),
        }
        for number, fit in enumerate(fits)
    ]


def scaled(answers: Answers, fits: list[ShapeFit]) -> Answers:
    """Return softplus or sigmoid as the codebook counts them.

    Inputs are K V and answers are divided by A, both of the mean unit: untrimmed.

    Parameters
    ----------
    answers : Answers
        In V and A.
    fits : list of ShapeFit
        One a unit.
    """
    height = float(np.mean([fit.height for fit in fits]))
    x = float(np.mean([fit.steepness for fit in fits])) * answers.first
    mean, deviation = answers.mean / height, answers.deviation / height
    ideal = ideal_shape(answers.operator, x)
    if answers.operator == "sigmoid":
        mean, deviation, ideal = (
            0.5 * (mean + 1.0),
            0.5 * deviation,
            0.5 * (ideal + 1.0),
        )
    return Answers(answers.operator, x, answers.second, ideal, mean, deviation)


def codebook_rows(answers: Answers) -> list[Row]:
    """Return the codebook's table: a row a unit and input.

    Parameters
    ----------
    answers : Answers
        As the codebook counts them.
    """
    two = not np.isnan(answers.second).any()
    rows: list[Row] = []
    for unit in range(len(answers.mean)):
        for place, first in enumerate(answers.first):
            row: Row = {
                "unit": float(unit),
                "input": float(first),
                "mean": float(answers.mean[unit, place]),
                "deviation": float(answers.deviation[unit, place]),
            }
            if two:
                row["second_input"] = float(answers.second[place])
            rows.append(row)
    return rows


def error_row(answers: Answers) -> Row:
    """Return the errors of an operator, untrimmed and trimmed, beside the paper's.

    Parameters
    ----------
    answers : Answers
        As the codebook counts them.
    """
    relative = answers.operator in ("multiplier", "divider", "exponential")
    scale = answers.ideal if relative else np.full_like(answers.ideal, 1.0)
    if answers.operator in ("softplus", "gelu"):
        scale = np.full_like(answers.ideal, np.abs(answers.ideal).max())
    miss = np.abs(answers.mean - answers.ideal) / scale
    # One gain each: the least squares of the errors as they are counted.
    shape = answers.ideal / scale
    measured = answers.mean / scale
    gain = np.sum(measured * shape, axis=1) / np.sum(shape * shape)
    trimmed = np.abs(answers.mean / gain[:, None] - answers.ideal) / scale
    own = miss.mean(axis=1)
    return {
        "operator": answers.operator,
        "normalisation": RELATIVE if relative else FULL_SCALE,
        "operators": float(len(own)),
        "untrimmed": float(own.mean()),
        "untrimmed_spread": float(own.std(ddof=1)) if len(own) > 1 else None,
        "trimmed": float(trimmed.mean()),
        "paper": PAPER.get(answers.operator),
    }


def product_row(readings: Readings) -> Row:
    """Return the error of a VectorMatrixProduct run, of the largest ideal sum.

    Untrimmed against the target weights; trimmed with one gain for the line.

    Parameters
    ----------
    readings : mapping of str to ndarray
        Of the run.
    """
    units = np.unique(np.asarray(readings["step"]))
    measured, ideal = np.float64(0.0), np.float64(0.0)
    for one in units:
        part = np.asarray(readings["step"]) == one
        column = {
            name: np.asarray(readings[name], dtype=np.float64)[part]
            for name in ("current", "target", "voltage")
        }
        measured = measured + column["current"]
        ideal = ideal + column["target"] * column["voltage"]
    full = np.max(np.abs(ideal))
    gain = np.sum(measured * ideal) / np.sum(ideal * ideal)
    return {
        "operator": "product",
        "normalisation": FULL_SCALE,
        "operators": 1.0,
        "untrimmed": float(np.mean(np.abs(measured - ideal)) / full),
        "untrimmed_spread": None,
        "trimmed": float(np.mean(np.abs(measured / gain - ideal)) / full),
        "paper": PAPER["product"],
    }
