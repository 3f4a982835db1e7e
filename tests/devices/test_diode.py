"""The diode's closed form against its own law, and its inverse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import wrightomega

from labneuro.devices.diode import (
    DiodeParameters,
    diode_current,
    diode_currents_and_slopes,
    diode_voltage,
    thermal_voltage,
    wright_omega,
)
from labneuro.errors import CardError

EMISSION = 2 * thermal_voltage()


def test_the_thermal_voltage_is_that_of_25_degrees():
    assert thermal_voltage() == pytest.approx(25.6926e-3, rel=1e-6)
    assert thermal_voltage(350.0) == pytest.approx(30.1607e-3, rel=1e-5)


def test_omega_is_that_of_scipy():
    x = np.concatenate([np.linspace(-80, 80, 1601), [-700.0, 1e4, 1e8]])
    found = np.array([wright_omega(value) for value in x])
    np.testing.assert_allclose(found, wrightomega(x).real, rtol=1e-14)


@pytest.mark.parametrize("resistance", [1e-3, 50.0, 1e4, 1e9])
@pytest.mark.parametrize("saturation", [1e-15, 1e-9, 1e-6])
def test_the_current_obeys_the_law(saturation, resistance):
    """An independent root search; -50 V to 10 kV without overflow."""
    for voltage in (-50.0, -0.3, -1e-6, 1e-9, 1e-3, 0.3, 0.7, 5.0, 1e4):

        def miss(current, voltage=voltage):
            # Of voltages, so that it never overflows.
            junction = EMISSION * np.log1p(current / saturation)
            return voltage - resistance * current - junction

        low = -saturation * (1.0 - 1e-15) if voltage < 0 else 0.0
        high = 0.0 if voltage < 0 else voltage / resistance
        found = float(diode_current(voltage, saturation, EMISSION, resistance))
        if miss(low) < 0.0 < miss(high) or miss(low) * miss(high) >= 0:
            assert found == pytest.approx(-saturation, rel=1e-12)
        else:
            expected = brentq(miss, low, high, xtol=1e-300, rtol=1e-14)
            assert found == pytest.approx(expected, rel=1e-9)


def test_without_resistance_it_is_the_exponential():
    voltage = np.linspace(-1, 1, 101)
    expected = 1e-9 * np.expm1(voltage / EMISSION)
    found = diode_current(voltage, 1e-9, EMISSION, 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_small_currents_keep_their_relative_precision():
    found = diode_current(1e-12, 1e-9, EMISSION, 50.0)
    assert float(found) == pytest.approx(1e-12 / (EMISSION / 1e-9 + 50.0), rel=1e-10)


def test_the_inverse_leads_back():
    current = np.concatenate([-np.geomspace(1e-15, 0.9e-9), np.geomspace(1e-15, 1.0)])
    voltage = diode_voltage(current, 1e-9, EMISSION, 50.0)
    back = diode_current(voltage, 1e-9, EMISSION, 50.0)
    np.testing.assert_allclose(back, current, rtol=1e-12)


def test_a_reverse_current_beyond_saturation_has_no_voltage():
    voltage = diode_voltage([-2e-9, -1e-9, 0.0], 1e-9, EMISSION, 50.0)
    assert np.isnan(voltage[:2]).all()
    assert voltage[2] == 0.0


def test_the_slope_is_the_derivative_and_shapes_broadcast():
    voltage = np.linspace(-0.2, 1.0, 13)[:, None]
    resistance = np.array([0.1, 50.0, 1e4])
    current, slope = diode_currents_and_slopes(voltage, 1e-9, EMISSION, resistance)
    assert current.shape == slope.shape == (13, 3)
    step = 1e-6
    up = diode_current(voltage + step, 1e-9, EMISSION, resistance)
    down = diode_current(voltage - step, 1e-9, EMISSION, resistance)
    np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-5)


def test_the_temperature_widens_the_knee():
    cold = DiodeParameters(1e-9, 2.0, 50.0)
    warm = DiodeParameters(1e-9, 2.0, 50.0, temperature=350.0)
    assert warm.emission_voltage / cold.emission_voltage == pytest.approx(350 / 298.15)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("saturation_current", 0.0, "saturation_current: must be above 0"),
        ("temperature", -1.0, "temperature: must be above 0"),
        ("series_resistance", -1.0, "series_resistance: must not be negative"),
    ],
)
def test_impossible_diodes_are_refused(key, value, message):
    values = {"saturation_current": 1e-9, "ideality": 2.0, "series_resistance": 50.0}
    with pytest.raises(CardError, match=message):
        DiodeParameters(**{**values, key: value})
