"""M1 and M2 alone: programming, retention, disturb, noise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from labneuro.bench import load_card
from labneuro.devices.pcu_memristors import MemristorPopulation, filling_for
from labneuro.devices.pcu_parameters import UNITS, PcuParameters

CARD = PcuParameters(**load_card("pcu").values(UNITS, "pcu"))
QUIET = replace(CARD, multistate_noise=0.0, binary_noise=0.0, fluctuation=0.0)
READ, WIDTH = 0.01, 0.02


def multistate(count=1, parameters=QUIET, seed=1):
    return MemristorPopulation([parameters] * count, "multistate", seed)


def binary(count=1, parameters=QUIET, seed=1):
    return MemristorPopulation([parameters] * count, "binary", seed)


@pytest.mark.parametrize("voltage", [0.3, 0.9, -0.9, 0.1])
def test_an_advance_solves_the_rate_equation(voltage):
    """Against scipy's integrator, to 1e-8 of the state."""
    devices = multistate()
    devices.filling = 0.4
    devices.advance(voltage, 0.05)
    beyond = max(abs(voltage) - CARD.multistate_dead_zone, 0.0)
    rate = CARD.multistate_rate * math.expm1(beyond / CARD.multistate_voltage)

    def slope(_, x):
        move = rate * (1.0 - x) if voltage > 0 else -rate * x
        return move - (x - CARD.multistate_rest) / CARD.multistate_retention

    expected = solve_ivp(slope, (0.0, 0.05), [0.4], rtol=1e-11, atol=1e-13).y[0, -1]
    assert devices.filling[0] == pytest.approx(expected, abs=1e-8)


def test_incremental_pulses_program_the_whole_range_both_ways():
    """0.2 V first, 0.1 V more each, 0.02 s, with reads between."""
    devices = multistate()
    rising: list[float] = []
    falling: list[float] = []
    for found, sign in ((rising, 1.0), (falling, -1.0)):
        for step in range(14):
            devices.advance(sign * (0.2 + 0.1 * step), WIDTH)
            devices.advance(READ, WIDTH)
            found.append(devices.conductance[0])
    assert (np.diff(rising) > 0).all()
    assert (np.diff(falling) < 0).all()
    assert rising[0] == pytest.approx(CARD.multistate_low, rel=0.02)
    assert rising[-1] == pytest.approx(CARD.multistate_high, rel=0.01)
    assert falling[-1] == pytest.approx(CARD.multistate_low, rel=0.01)


def test_states_are_held_over_600_s_at_the_read_voltage():
    devices = multistate(5)
    devices.filling = [0.0, 0.25, 0.5, 0.75, 1.0]
    before = devices.conductance
    devices.advance(READ, 600.0)
    assert np.abs(devices.conductance / before - 1.0).max() < 0.005
    assert devices.conductance[-1] < before[-1]


def test_voltages_beyond_the_dead_zone_disturb():
    devices = multistate(2)
    devices.filling = 0.5
    before = devices.conductance
    devices.advance([0.149, 0.25], 1.0)
    assert devices.conductance[0] == pytest.approx(before[0], rel=1e-5)
    assert devices.conductance[1] > 1.1 * before[1]


def test_pulses_differ_by_their_noise_and_reads_draw_none():
    noisy = replace(CARD, fluctuation=0.0)
    devices = multistate(4000, noisy)
    devices.advance(READ, WIDTH)
    devices.advance(0.4, WIDTH)
    once = -np.log1p(-devices.filling)
    assert np.std(np.log(once)) == pytest.approx(CARD.multistate_noise, rel=0.05)
    devices.advance(0.4, WIDTH)  # the same pulse goes on
    np.testing.assert_allclose(-np.log1p(-devices.filling), 2 * once, rtol=1e-6)


def test_the_conductance_wanders_by_the_cards_share():
    devices = multistate(4000, replace(CARD, multistate_noise=0.0))
    devices.advance(READ, 100.0)
    first = np.log(devices.conductance)
    assert np.std(first) == pytest.approx(CARD.fluctuation, rel=0.05)
    devices.advance(READ, 0.01)  # one reading later: almost the same
    assert np.corrcoef(first, np.log(devices.conductance))[0, 1] > 0.97


def test_device_k_is_the_same_in_any_population():
    few, many = multistate(3, CARD), multistate(10, CARD)
    for devices in (few, many):
        devices.advance(0.6, WIDTH)
    np.testing.assert_array_equal(few.conductance, many.conductance[:3])


def test_the_binary_memristor_has_hysteresis_and_a_ratio_over_1e6():
    devices = binary()
    up = np.arange(0.0, 1.01, 0.1)
    found: dict[float, list[float]] = {}
    for voltage in (*up, *up[-2::-1], *-up[1:], *-up[-2::-1]):
        devices.advance(voltage, 0.05)
        found.setdefault(round(float(voltage), 1), []).append(devices.conductance[0])
    before, after = found[0.1]
    assert after / before > 1e6  # set by the way up
    back, again = found[-0.1]
    assert back / again > 1e6  # reset by the way down
    assert before == pytest.approx(CARD.binary_low, rel=0.01)


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_binary_states_are_held_over_1000_s_of_reading(start):
    devices = binary()
    devices.filling = start
    before = devices.conductance[0]
    devices.advance(0.1, 1e3)
    assert devices.conductance[0] == pytest.approx(before, rel=0.01)


def test_a_filament_breaks_after_its_retention():
    devices = binary()
    devices.filling = 1.0
    devices.advance(0.0, 0.5 * math.log(2.0) * CARD.binary_retention)
    assert devices.conductance[0] > 0.1 * CARD.binary_high
    devices.advance(0.0, 1.0 * math.log(2.0) * CARD.binary_retention)
    assert devices.conductance[0] < 1e-4 * CARD.binary_high


def test_the_filling_for_a_conductance_leads_to_it():
    devices = multistate(3)
    devices.filling = filling_for(devices.table, [1e-5, 1e-4, 1.0])
    np.testing.assert_allclose(devices.conductance, [1e-5, 1e-4, 1e-3], rtol=1e-9)
