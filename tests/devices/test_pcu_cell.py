"""One unit from word to bit line against an independent root search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from labneuro.bench import load_card
from labneuro.devices.diode import diode_current
from labneuro.devices.pcu_cell import cell_elements, cell_points, cell_voltage
from labneuro.devices.pcu_parameters import UNITS, PcuParameters, draw_units
from labneuro.errors import CardError

CARD = PcuParameters(**load_card("pcu").values(UNITS, "pcu"))
VOLTAGES = (-3.0, -0.3, -0.01, -1e-6, 1e-6, 0.01, 0.3, 0.7, 1.0, 3.0)


def reference(unit, multistate, binary, voltage):
    """Return the current by a bracketed search for the voltage across the pair."""
    emission, series = unit.emission_voltage, unit.series_resistance
    forward = unit.saturation_current
    backward = forward * unit.backward_ratio

    def into(pair):
        path = series + 1.0 / multistate
        return float(diode_current(voltage - pair, forward, emission, path))

    def out(pair):
        return binary * pair - float(diode_current(-pair, backward, emission, series))

    pair = brentq(
        lambda v: into(v) - out(v),
        min(voltage, 0.0),
        max(voltage, 0.0),
        xtol=1e-300,
        rtol=1e-15,
    )
    return into(pair)


@pytest.mark.parametrize("multistate", [1e-3, 1e-4, 1e-6])
@pytest.mark.parametrize("binary", [1e-3, 1e-9, 1e-10])
def test_currents_are_right_to_1e_9_and_invert(multistate, binary):
    unit = draw_units(CARD, 1, seed=5)[0]
    elements = cell_elements([unit], multistate, binary)
    points = cell_points(np.array(VOLTAGES)[:, None], elements)
    expected = [reference(unit, multistate, binary, voltage) for voltage in VOLTAGES]
    np.testing.assert_allclose(points.current[:, 0], expected, rtol=1e-9)
    back = cell_voltage(points.current, elements)[:, 0]
    # Far in reverse the current is I0 to the last bit: no voltage can be told from it.
    np.testing.assert_allclose(back[1:], VOLTAGES[1:], rtol=1e-6)


def test_the_voltages_inside_add_up_and_the_slope_is_the_derivative():
    elements = cell_elements([CARD], 1e-4)
    voltage = np.linspace(-0.5, 1.5, 21)
    points = cell_points(voltage, elements)
    np.testing.assert_allclose(points.multistate_voltage, points.current * 1e4)
    emission = CARD.emission_voltage
    diode = voltage - points.multistate_voltage - points.pair_voltage
    through = diode_current(diode, 1e-9, emission, CARD.series_resistance)
    np.testing.assert_allclose(through, points.current, rtol=1e-6, atol=1e-18)
    step = 1e-6
    up, down = (cell_points(voltage + s, elements).current for s in (step, -step))
    np.testing.assert_allclose(points.slope, (up - down) / (2 * step), rtol=1e-4)


def test_back_to_back_diodes_are_a_hyperbolic_tangent():
    """A = I0 and K = 1 / (n VT) = 19.46 /V exactly, for ideal elements."""
    ideal = replace(CARD, series_resistance=0.0)
    elements = cell_elements([ideal], multistate=1e30, binary=1e-30)
    voltage = np.linspace(-0.5, 0.5, 101)
    level = cell_points(voltage, elements).current / CARD.saturation_current
    gain = 1.0 / CARD.emission_voltage
    assert gain == pytest.approx(19.46, abs=0.005)
    np.testing.assert_allclose(level, 2 / (1 + np.exp(-gain * voltage)) - 1, atol=1e-10)


def test_units_and_voltages_broadcast():
    units = draw_units(CARD, 7, seed=1)
    points = cell_points(np.linspace(0, 1, 5)[:, None], cell_elements(units))
    assert points.current.shape == (5, 7)
    alone = cell_points(1.0, cell_elements(units[3:4])).current
    assert points.current[4, 3] == alone[0]


def test_units_spread_as_the_card_says():
    units = draw_units(CARD, 2000, seed=2)
    forward = np.log([unit.saturation_current for unit in units])
    backward = forward + np.log([unit.backward_ratio for unit in units])
    for logarithms in (forward, backward):
        assert np.std(logarithms) == pytest.approx(CARD.saturation_spread, rel=0.06)
    assert abs(np.corrcoef(forward, backward)[0, 1]) < 0.08
    assert draw_units(CARD, 3, seed=2) == units[:3]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("ideality", 0.0, "ideality: must be above 0"),
        ("multistate_start", 1.5, "multistate_start: must lie between 0 and 1"),
        ("fluctuation", -0.1, "fluctuation: must not be negative"),
        ("binary_low", 1.0, "binary_low: must be below binary_high"),
    ],
)
def test_impossible_parameters_are_refused(key, value, message):
    with pytest.raises(CardError, match=message):
        replace(CARD, **{key: value})
