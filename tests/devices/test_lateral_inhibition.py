"""The lateral-inhibition array: exact voltages and the paper's truth table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_device, load_parameters
from labneuro.devices.lateral_inhibition import (
    LateralInhibitionArray,
    LateralInhibitionParameters,
)
from labneuro.devices.lateral_inhibition_device import LateralInhibitionDevice
from labneuro.devices.port_mesh import PortMesh
from labneuro.errors import CardError


def card(**changes: float | str) -> LateralInhibitionParameters:
    found = load_parameters(
        "lateral_inhibition", load_card("lateral-inhibition"), "card", changes
    )
    assert isinstance(found, LateralInhibitionParameters)
    return found


def test_truth_table_of_ten_neurons():
    """Figure 4d: none fired, all gates 3 V; one fired, its own gate alone."""
    array = LateralInhibitionArray(card())
    np.testing.assert_array_equal(array.gates(np.zeros(10)), np.full(10, 3.0))
    np.testing.assert_array_equal(array.gates(np.eye(10)), 3.0 * np.eye(10))


def test_two_winners_close_all_gates():
    """Each is the other's loser."""
    signals = np.zeros(10)
    signals[[2, 7]] = 1.0
    assert not LateralInhibitionArray(card()).gates(signals).any()


def test_voltages_of_the_passive_divider():
    """7 mV idle, 14 mV at the winner, 172 mV at the losers."""
    array = LateralInhibitionArray(card())
    idle = array.column_voltages(np.zeros(10))
    np.testing.assert_allclose(idle, 1.5 * 42 / (9 * 980 + 2 * 42), rtol=1e-12)
    won = array.column_voltages(1.5 * np.eye(10)[4])
    assert won[4] == pytest.approx(14.15e-3, rel=1e-3)
    np.testing.assert_allclose(np.delete(won, 4), 172.17e-3, rtol=1e-3)
    assert idle[0] == pytest.approx(7.075e-3, rel=1e-3)


@pytest.mark.parametrize("neurons", [1, 2, 100])
def test_other_sizes_choose_the_winner(neurons):
    """With the reference between winner and losers, up to a hundred neurons."""
    array = LateralInhibitionArray(card(neurons=neurons))
    volts = array.column_voltages(1.5 * np.eye(neurons))
    winners = np.diag(volts)
    if neurons > 1:
        losers = volts[~np.eye(neurons, dtype=bool)]
        assert winners.max() < 0.2 * losers.min()


def test_a_hundred_neurons_need_a_lower_reference():
    """The losers' 172 mV fall as 1 / n: 50 mV tells them apart up to 32 neurons."""

    def works(neurons):
        gates = LateralInhibitionArray(card(neurons=neurons)).gates(np.eye(neurons))
        return bool((gates == 3.0 * np.eye(neurons)).all())

    assert [works(n) for n in (4, 10, 32, 33, 100)] == [True, True, True, False, False]


def test_driver_resistance_against_fixed_point():
    """The nodal solution against iteration between rows and columns."""
    p = card(driver_resistance="20 ohm", comparator_conductance="1 uS", neurons=4)
    array = LateralInhibitionArray(replace(p, conductance_spread=0.2), seed=3)
    g = array.conductance
    sources = np.array([1.5, 0.0, 0.3, 0.0, 1.5])
    rows, columns = sources.copy(), np.zeros(4)
    for _ in range(500):
        columns = rows @ g / (g.sum(axis=0) + 1e-6)
        rows = (sources / 20.0 + g @ columns) / (1.0 / 20.0 + g.sum(axis=1))
    np.testing.assert_allclose(array.column_voltages(sources[:-1]), columns, rtol=1e-10)


@pytest.mark.parametrize("resistance", ["0 ohm", "5 ohm"])
def test_device_is_the_array(resistance):
    """Stiffly driven terminals give the array's column voltages and gates."""
    device = load_device(
        "lateral_inhibition",
        load_card("lateral-inhibition"),
        "card",
        {"driver_resistance": resistance, "conductance_spread": 0.1},
        seed=5,
    )
    assert isinstance(device, LateralInhibitionDevice)
    assert device.terminals[::10] == ("input_01", "output_01")
    ground = np.concatenate([np.full(10, 1e6), np.full(10, 1e-6)])
    mesh = PortMesh(range(20), np.zeros((20, 20)), ground)
    for fired in (None, 0, 6):
        volts = np.zeros(20)
        if fired is not None:
            volts[fired] = 1.5
        while device.settle(mesh, ground * volts):
            pass
        found, amps = device.operating_point(mesh, ground * volts)
        signals = np.zeros(10) if fired is None else np.eye(10)[fired]
        expected = device.array.gates(signals)
        np.testing.assert_allclose(found[10:], expected, rtol=1e-3, atol=1e-9)
        # What the rows take at the terminals is what flows on into the columns.
        p, g = device.parameters, device.array.conductance
        columns = device.array.column_voltages(found[:10])
        rows = found[:10] - p.driver_resistance * amps[:10]
        taken = (g[:-1] * (rows[:, None] - columns)).sum(axis=1)
        np.testing.assert_allclose(amps[:10], taken, rtol=1e-6, atol=1e-9)


def test_reprogramming_and_wrong_numbers():
    array = LateralInhibitionArray(card())
    array.reprogram(np.full((11, 10), 1e-3))
    np.testing.assert_allclose(array.column_voltages(np.zeros(10)), 1.5 / 11)
    with pytest.raises(ValueError, match=r"of shape \(11, 10\), not \(10, 10\)"):
        array.reprogram(np.ones((10, 10)))
    with pytest.raises(CardError, match="neurons: must be a whole number from 1 on"):
        card(neurons=2.5)
    with pytest.raises(CardError, match="driver_resistance: must not be negative"):
        card(driver_resistance="-1 ohm")
    with pytest.raises(CardError, match="reference_voltage: must be above 0"):
        card(reference_voltage="0 V")
