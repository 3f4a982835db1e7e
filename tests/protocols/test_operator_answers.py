"""Operators asked of ideal units: what they answer, and what the units carry."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.protocols.operator_answers import READINGS, OperatorAnswers
from labneuro.protocols.operator_inputs import Grid
from labneuro.protocols.operator_sweep import OperatorSweep

SATURATION, EMISSION, REFERENCE = 1e-9, 0.0513852, 100e-9
UNITS = (11, 12, 21, 22)


def answers_of(operator, *, driven=None, gated=None, **changes):
    """Return an operator's answers and its rows, of ideal diodes or as given."""
    protocol = OperatorSweep(
        operator=operator, units=UNITS, operators=1, repeats=1, **changes
    )
    emission = protocol.nominal.unit.emission

    def drive(unit, volts):
        if driven is not None:
            driven.append(unit)
        return SATURATION * np.expm1(volts / emission)

    def gate(unit, volts):
        if gated is not None:
            gated.append(unit)
        return SATURATION * np.tanh(0.5 * volts / emission)

    asked = OperatorAnswers(protocol, drive, gate)
    for index, unit in enumerate(protocol.curves):
        asked.take_curve(index, unit)
    if driven is not None:
        driven.clear()
    return asked.ask(len(UNITS), 0)


def test_an_ideal_multiplier_multiplies_shifted_operands():
    """Logarithms of 1 + x / I0: (x + I0) (y + I0) / reference - I0."""
    rows = answers_of("multiplier", inputs=Grid(start=0.5, stop=4.0, points=4))
    share = SATURATION / REFERENCE
    expected = (rows["input"] + share) * (rows["second_input"] + share) - share
    np.testing.assert_allclose(rows["answer"], expected, rtol=1e-3)


def test_an_ideal_gelu_gates_its_argument_and_keeps_its_sign():
    """Off by what the diodes' leakage adds: 1 % of the reference current."""
    driven: list[int] = []
    gated: list[int] = []
    rows = answers_of(
        "gelu",
        driven=driven,
        gated=gated,
        inputs=Grid(start=-3.0, stop=3.0, points=13),
    )
    assert (gated, driven) == ([11], [22])
    x = rows["input"]
    np.testing.assert_allclose(rows["ideal"], x / (1.0 + np.exp(-1.702 * x)))
    np.testing.assert_allclose(rows["answer"], rows["ideal"], atol=0.045)
    away = x != 0
    assert (np.sign(rows["answer"]) * np.sign(x) >= 0)[away].all()
    assert rows["unit"][0] == 22


def test_a_gate_below_nothing_is_nothing():
    """A sigmoid of too large a current cannot ask for a negative operand."""
    protocol = OperatorSweep(
        operator="gelu", units=UNITS, inputs=Grid(start=-4.0, stop=-3.0, points=2)
    )
    emission = protocol.nominal.unit.emission

    def drive(unit, volts):
        del unit
        return SATURATION * np.expm1(volts / emission)

    asked = OperatorAnswers(protocol, drive, lambda _, volts: np.full(len(volts), -1.0))
    for index, unit in enumerate(protocol.curves):
        asked.take_curve(index, unit)
    assert np.abs(asked.ask(4, 0)["answer"]).max() < 0.05


def test_a_units_load_is_its_own_current_and_voltage():
    rows = answers_of("softplus", inputs=Grid(start=-0.4, stop=0.1, points=6))
    volts = rows["input"] + 0.469
    np.testing.assert_allclose(rows["unit_current"], np.abs(rows["current"]))
    np.testing.assert_allclose(rows["unit_power"], np.abs(rows["current"] * volts))


def test_a_multipliers_load_is_the_mean_of_three_units():
    rows = answers_of("multiplier", inputs=Grid(start=1.0, stop=2.0, points=2))
    one = np.argmin(np.abs(rows["input"] - 2.0) + np.abs(rows["second_input"] - 1.0))
    currents = np.array([2.0, 1.0, rows["answer"][one]]) * REFERENCE
    np.testing.assert_allclose(rows["unit_current"][one], currents.mean(), rtol=1e-6)
    volts = EMISSION * np.log1p(currents / SATURATION)
    np.testing.assert_allclose(
        rows["unit_power"][one], (currents * volts).mean(), rtol=2e-3
    )


@pytest.mark.parametrize("operator", ["divider", "exponential", "softmax", "sigmoid"])
def test_every_operator_fills_every_column(operator):
    grid = Grid(start=0.1, stop=0.4, points=3)
    rows = answers_of(operator, inputs=grid)
    assert list(rows) == [column.name for column in READINGS]
    assert (rows["unit_current"] > 0).all()
    assert (rows["unit_power"] > 0).all()
    assert np.isnan(rows["current"]).all() == (operator == "softmax")
