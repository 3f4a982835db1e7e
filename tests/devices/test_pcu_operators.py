"""Operators: their reference errors, fits, conflicts and limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq, curve_fit

from labneuro.bench import load_card
from labneuro.devices.diode import diode_voltage
from labneuro.devices.pcu_cell import CellElements, cell_elements, cell_points
from labneuro.devices.pcu_operators import (
    disturbing_voltages,
    divide,
    exponential,
    grouped,
    matrix_product,
    multiply,
    nominal_unit,
    sigmoid,
    softplus,
)
from labneuro.devices.pcu_parameters import UNITS, PcuParameters, draw_units
from labneuro.errors import InputError

CARD = PcuParameters(**load_card("pcu").values(UNITS, "pcu"))
NOMINAL = nominal_unit(CARD)
GRID = np.linspace(50e-9, 500e-9, 10)
X, Y = GRID[:, None, None], GRID[None, :, None]


def triples(units):
    return grouped(cell_elements(units))


def test_multiplier_and_divider_solve_their_circuits():
    """Against brentq on the output current, unit by unit, to 1e-9."""
    units = draw_units(CARD, 3, seed=8)
    elements = triples(units)

    def volts(unit, current):
        # M2 without D2, which carries its I0 or less: 1 uV of the unit's voltage.
        path = unit.series_resistance + 1 / unit.multistate_high + 1 / unit.binary_high
        return float(
            diode_voltage(current, unit.saturation_current, unit.emission_voltage, path)
        )

    for operator, sign in ((multiply, 1.0), (divide, -1.0)):
        found = operator(200e-9, 70e-9, elements, NOMINAL)[0]
        total = volts(units[0], 200e-9) + sign * (
            volts(units[1], 70e-9) - NOMINAL.offset
        )
        expected = brentq(lambda i, v=total: volts(units[2], i) - v, 1e-12, 1e-4)
        assert found == pytest.approx(expected, rel=1e-4)
        again = operator([200e-9, 1e-7], 70e-9, elements.take(slice(None)), NOMINAL)
        assert again[0] == found


def test_the_nominal_errors_are_1_5_and_2_2_percent():
    """Mean relative errors on 50 to 500 nA, untrimmed, all units alike."""
    elements = triples([CARD] * 3)
    reference = NOMINAL.reference_current
    product = multiply(X, Y, elements, NOMINAL) / (X * Y / reference)
    quotient = divide(X, Y, elements, NOMINAL) / (reference * X / Y)
    assert np.mean(np.abs(product - 1)) == pytest.approx(0.015, abs=0.001)
    assert np.mean(np.abs(quotient - 1)) == pytest.approx(0.022, abs=0.001)


@pytest.mark.parametrize(
    ("spread", "operator", "paper"),
    [(0.050, multiply, 0.0661), (0.036, divide, 0.0566)],
)
def test_the_spread_of_i0_explains_the_papers_errors(spread, operator, paper):
    """Over 400 operators; ten of them scatter by about 1.4 %."""
    mean = replace(CARD, saturation_spread=spread, conductance_spread=0.0)
    elements = triples(draw_units(mean, 1200, seed=4))
    reference = NOMINAL.reference_current
    ideal = X * Y / reference if operator is multiply else reference * X / Y
    ratio = operator(X, Y, elements, NOMINAL) / ideal
    assert np.mean(np.abs(ratio - 1)) == pytest.approx(paper, abs=0.006)
    trimmed = ratio / ratio.mean(axis=(0, 1))
    assert np.mean(np.abs(trimmed - 1)) < 0.02


def test_without_its_offset_a_divider_is_zero_at_equal_operands():
    bare = replace(NOMINAL, reference_current=NOMINAL.saturation_current)
    elements = triples([CARD] * 3)
    found = divide(GRID, GRID, elements.take(slice(None)), bare)
    assert np.abs(found).max() < 1e-6 * NOMINAL.saturation_current


def test_the_exponential_is_one_around_the_reference():
    x = np.linspace(-1.0, 1.0, 9)
    found = exponential(x, cell_elements([CARD]), NOMINAL)
    np.testing.assert_allclose(found, NOMINAL.reference_current * np.exp(x), rtol=0.04)


def test_softplus_with_its_offset():
    """A = 5.57 uA and K = 13.8 /V of the reference; both depend on the range."""
    unit = cell_elements([CARD], multistate=1e-4)

    def fit(x, offset):
        current = softplus(x, unit, offset) * 1e6
        model = lambda v, a, k: a * np.logaddexp(0, k * v)  # noqa: E731  for curve_fit
        (a, k), _ = curve_fit(model, x, current, (5.0, 14.0), maxfev=10_000)
        return a, k, np.abs(current - model(x, a, k)).max() / current.max()

    a, k, off = fit(np.linspace(-0.5, 0.5, 201), 0.469)
    assert (a, k) == (pytest.approx(5.57, rel=0.01), pytest.approx(13.8, rel=0.01))
    assert off < 0.01
    wide = fit(np.linspace(-0.5, 1.0, 201), 0.469)
    assert wide[1] > 1.05 * k
    assert fit(np.linspace(-0.5, 1.0, 201), 0.0)[2] > 0.1


@pytest.mark.parametrize(
    ("saturation", "off", "low", "high"),
    [
        (1e-9, 1e-10, 0.02, 0.03),
        (1e-9, 1e-9, 0.1, 0.3),
        (50e-9, 1e-9, 0.003, 0.007),
    ],
)
def test_a_leaky_m2_bends_the_sigmoid_unless_i0_is_large(saturation, off, low, high):
    """The conflict: the sigmoid wants I0 of 50 nA, the multiplier of 1 nA."""
    unit = replace(CARD, saturation_current=saturation)
    x = np.linspace(-0.3, 0.3, 61)
    level = sigmoid(x, cell_elements([unit], binary=off)) / saturation
    bend = np.abs(level - np.tanh(0.5 * x / CARD.emission_voltage)).max()
    assert low < bend < high


def test_a_large_i0_spoils_the_multiplier():
    unit = replace(CARD, saturation_current=50e-9)
    nominal = nominal_unit(unit)
    ratio = multiply(X, Y, triples([unit] * 3), nominal) / (X * Y / 100e-9)
    assert np.mean(np.abs(ratio - 1)) > 0.15


def test_the_matrix_product_is_linear_without_diodes():
    rng = np.random.default_rng(2)
    weights = rng.uniform(1e-5, 1e-4, (3, 2))
    parts = cell_elements([CARD] * 6, weights.ravel())
    cells = CellElements(*(part.reshape(3, 2) for part in parts))
    volts = rng.uniform(0.0, 0.1, (20, 3))
    bare = matrix_product(volts, cells, through_diodes=False)
    np.testing.assert_allclose(bare, volts @ weights, rtol=1e-12)
    selected = matrix_product(volts, cells)
    assert selected.shape == (20, 2)
    expected = sum(cell_points(volts[7, i], cells.take(i)).current for i in range(3))
    np.testing.assert_allclose(selected[7], expected, rtol=1e-12)
    assert (selected < 0.1 * bare).all()  # 0.1 V does not open the diodes


def test_from_which_voltage_a_computation_reprograms():
    unit = cell_elements([CARD], multistate=1e-4)
    first, second = disturbing_voltages(
        unit, CARD.multistate_dead_zone, CARD.binary_set
    )
    assert first[0] == pytest.approx(0.660, abs=0.001)
    assert cell_points(first, unit).multistate_voltage[0] == pytest.approx(
        0.15, rel=1e-6
    )
    assert cell_points(second, unit).pair_voltage[0] == pytest.approx(0.6, rel=1e-5)


def test_wrong_operands_and_groups_are_refused():
    with pytest.raises(InputError, match="divisor: operands"):
        divide(1e-9, -1e-9, triples([CARD] * 3), NOMINAL)
    with pytest.raises(InputError, match="multiple of three, not 4"):
        triples([CARD] * 4)
