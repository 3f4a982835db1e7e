"""A calibrated PCU model computed from device parameters, without a bench.

For trying networks before anything is measured: the units are drawn around a card's
mean and asked through :mod:`labneuro.devices.pcu_operators`, with the scales of the
mean unit (untrimmed). Nothing is measured, so there is no source run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.devices.pcu_cell import cell_elements
from labneuro.devices.pcu_composed import SoftmaxUnits, gelu, softmax
from labneuro.devices.pcu_operators import (
    divide,
    exponential,
    grouped,
    multiply,
    nominal_unit,
    sigmoid,
    softplus,
)
from labneuro.devices.pcu_parameters import PcuParameters, draw_units
from labneuro.networks.codebook import PAPER_WEIGHT_NOISE, PREFIX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Row = dict[str, float | str | None]

_SOFTPLUS_CONDUCTANCE = 1e-4  # 10 kohm, section 2.3
_SOFTPLUS_VOLTS = (-0.5, 1.0)
_OPERANDS = np.linspace(0.5, 5.0, 10)  # of 100 nA: 50 to 500 nA
_GELU_RANGE = (-4.0, 4.0)
_CURVE_POINTS = 61
_SHARE_POINTS = 41


def card_model(
    mean: PcuParameters,
    *,
    units: int = 10,
    seed: int = 0,
    deviation: float = 0.01,
    weight_noise: float = PAPER_WEIGHT_NOISE,
) -> CalibratedModel:
    """Return the codebook of units drawn around a card's mean.

    Parameters
    ----------
    mean : PcuParameters
        The card.
    units : int
        Operators of each kind.
    seed : int
        Seed of the draw.
    deviation : float
        Standard deviation of single answers in shares of the answer (`chosen`).
    weight_noise : float
        Of the VMM; the paper's.

    Returns
    -------
    CalibratedModel
        As :mod:`labneuro.networks.codebook` describes it.
    """
    tables = {
        PREFIX + "softplus": _softplus(mean, units, seed, deviation),
        PREFIX + "sigmoid": _sigmoid(mean, units, seed + 1, deviation),
        PREFIX + "exponential": _exponential(mean, units, seed + 2, deviation),
        PREFIX + "softmax": _softmax(mean, units, seed + 3, deviation),
        PREFIX + "multiplier": _pairs(mean, units, seed + 4, deviation, "multiplier"),
        PREFIX + "divider": _pairs(mean, units, seed + 5, deviation, "divider"),
        PREFIX + "gelu": _gelu(mean, units, seed + 6, deviation),
    }
    parameter = FittedParameter(
        name="weight_noise", unit="", value=weight_noise, standard_error=None
    )
    return CalibratedModel(model="pcu", parameters=(parameter,), tables=tables)


def _rows(inputs: Array, answers: Array, deviation: float) -> list[Row]:
    """Return the rows of answers of shape (inputs, units)."""
    return [
        {
            "unit": unit,
            "input": float(x),
            "mean": float(answers[place, unit]),
            "deviation": float(deviation * abs(answers[place, unit])),
        }
        for unit in range(answers.shape[1])
        for place, x in enumerate(inputs)
    ]


def _softplus(mean: PcuParameters, units: int, seed: int, spread: float) -> list[Row]:
    from scipy.optimize import curve_fit  # noqa: PLC0415  only here

    volts = np.linspace(*_SOFTPLUS_VOLTS, _CURVE_POINTS)
    nominal = softplus(volts, cell_elements([mean], _SOFTPLUS_CONDUCTANCE))
    (height, steepness), _ = curve_fit(
        lambda v, a, k: a * np.logaddexp(0.0, k * v), volts, 1e6 * nominal, (5.0, 14.0)
    )
    drawn = cell_elements(draw_units(mean, units, seed), _SOFTPLUS_CONDUCTANCE)
    answers = softplus(volts[:, None], drawn) * 1e6 / height
    return _rows(steepness * volts, answers, spread)


def _sigmoid(mean: PcuParameters, units: int, seed: int, spread: float) -> list[Row]:
    nominal = nominal_unit(mean)
    x = np.linspace(-8.0, 8.0, _CURVE_POINTS)
    drawn = draw_units(mean, units, seed)
    low = [unit.binary_low for unit in drawn]
    level = sigmoid(nominal.emission * x[:, None], cell_elements(drawn, binary=low))
    return _rows(x, 0.5 * (level / nominal.saturation_current + 1.0), spread)


def _exponential(
    mean: PcuParameters, units: int, seed: int, spread: float
) -> list[Row]:
    nominal = nominal_unit(mean)
    x = np.linspace(-4.0, 2.0, _CURVE_POINTS)
    answers = exponential(
        x[:, None], cell_elements(draw_units(mean, units, seed)), nominal
    )
    return _rows(x, answers / nominal.reference_current, spread)


def _softmax(mean: PcuParameters, units: int, seed: int, spread: float) -> list[Row]:
    """Two-input softmaxes; the first input's share goes through 0 to 1."""
    nominal = nominal_unit(mean)
    shares = np.linspace(0.01, 0.99, _SHARE_POINTS)
    logits = np.stack([np.log(shares / (1.0 - shares)), np.zeros(shares.size)], axis=1)
    answers = np.empty((shares.size, units))
    for unit in range(units):
        drawn = draw_units(mean, 14 * (unit + 1), seed)[14 * unit :]
        parts = SoftmaxUnits(
            grouped(cell_elements(drawn[:6])),
            cell_elements(drawn[6:8]),
            grouped(cell_elements(drawn[8:])),
        )
        answers[:, unit] = softmax(logits, 1.0, parts, nominal)[:, 0]
    ends = np.concatenate([[0.0], shares, [1.0]])
    # A share of 0 leaves no current; at 1 the last relative error goes on.
    last = answers[-1:] / shares[-1]
    whole = np.concatenate([np.zeros((1, units)), answers, last])
    return _rows(ends, whole, spread)


def _gelu(mean: PcuParameters, units: int, seed: int, spread: float) -> list[Row]:
    nominal = nominal_unit(mean)
    drawn = draw_units(mean, 4 * units, seed)
    gates, others = drawn[:units], drawn[units:]
    sigmoids = cell_elements(gates, binary=[unit.binary_low for unit in gates])
    x = np.linspace(*_GELU_RANGE, _CURVE_POINTS)
    answers = gelu(x[:, None], sigmoids, grouped(cell_elements(others)), nominal)
    return _rows(x, answers, spread)


def _pairs(
    mean: PcuParameters, units: int, seed: int, spread: float, operator: str
) -> list[Row]:
    nominal = nominal_unit(mean)
    reference = nominal.reference_current
    circuit = {"multiplier": multiply, "divider": divide}[operator]
    drawn = grouped(cell_elements(draw_units(mean, 3 * units, seed)))
    x, y = _OPERANDS[:, None, None] * reference, _OPERANDS[None, :, None] * reference
    answers = circuit(x, y, drawn, nominal) / reference
    return [
        row | {"second_input": float(second)}
        for place, second in enumerate(_OPERANDS)
        for row in _rows(_OPERANDS, answers[:, place], spread)
    ]
