"""A threshold switch behind a transistor: limited current, unchanged threshold."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_device, load_parameters
from labneuro.devices.gated_switch import (
    GatedSwitchDevice,
    draw_gated_switch,
    flat_values,
)
from labneuro.devices.port_mesh import PortMesh
from labneuro.devices.threshold_switch import ThresholdSwitchDevice

SERIES, GATE_DRIVE = 20e3, 100.0  # ohm before the top; S behind the gate
QUIET = {"rate_noise": 0.0}
TOP, GATE, SOURCE = range(3)


def gated(**changes) -> GatedSwitchDevice:
    card = load_card("gated-threshold-switch")
    found = load_device(
        "gated_threshold_switch", card, "card", {**QUIET, **changes}, seed=0
    )
    assert isinstance(found, GatedSwitchDevice)
    return found


def mesh() -> PortMesh:
    """Return 20 kohm at the top and a drive at the gate; the source is on ground."""
    return PortMesh((0, 1, -1), np.zeros((2, 2)), np.array([1 / SERIES, GATE_DRIVE]))


def injected(volts: float, gate: float):
    return np.array([volts / SERIES, gate * GATE_DRIVE])


def live(device: GatedSwitchDevice, around: PortMesh, given, duration: float) -> int:
    """Let the device live; return in how many steps."""
    left, steps = duration, 0
    while left > 0.0:
        step = min(device.steady_for(around, given), left)
        device.advance_behind(around, given, step)
        left = left - step if step < left else 0.0
        steps += 1
    return steps


def test_the_card_is_that_of_the_single_device():
    """All numbers of the switch are the same; two more are the transistor's."""
    alone = load_parameters("threshold_switch", load_card("threshold-switch"), "card")
    both = gated(rate_noise=alone.rate_noise).parameters
    assert both.switch == alone
    assert len(flat_values(both)) == 19


@pytest.mark.parametrize("gate", [2.018, 2.02, 2.03])
def test_the_current_that_is_on_is_the_square_laws(gate):
    """Far above the voltage at which switch and resistor would take as much."""
    device, around = gated(), mesh()
    given = injected(1.5, gate)
    live(device, around, given, 2e-3)
    volts, amps = device.operating_point(around, given)
    assert device.switch.population.bridge[0] > 1.0
    limit = 0.5 * 0.104 * (gate - 2.0) ** 2
    assert amps == pytest.approx([limit, 0.0, -limit], rel=1e-6)
    assert volts[TOP] == pytest.approx(1.5 - SERIES * limit, rel=1e-9)
    assert volts[GATE] == pytest.approx(gate)


def test_fully_on_it_is_the_switch_alone():
    """At 10 V the transistor is 1.2 ohm: the same voltages, states and firing."""
    device, around = gated(), mesh()
    alone = ThresholdSwitchDevice(device.parameters.switch, 0)
    for volts, duration in ((1.2, 0.3e-3), (1.2, 0.5e-3), (0.05, 0.2e-3), (0.3, 1e-4)):
        given = injected(volts, 10.0)
        live(device, around, given, duration)
        alone.advance_behind(volts, SERIES, duration)
        found, current = device.operating_point(around, given)
        expected = alone.operating_point(volts, SERIES)
        assert found[TOP] == pytest.approx(expected[0], rel=1e-3)
        assert current[TOP] == pytest.approx(expected[1], rel=1e-3)
        np.testing.assert_allclose(
            device.switch.population.bridge, alone.population.bridge, atol=2e-3
        )
    assert device.switch.population.firings[0] == alone.population.firings[0] == 1


@pytest.mark.parametrize("gate", [2.012, 2.02, 3.0])
def test_the_gate_does_not_move_the_firing(gate):
    """Before the bridge forms next to nothing flows: both fire within 2 us."""
    device, around = gated(), mesh()
    alone = ThresholdSwitchDevice(device.parameters.switch, 0)
    given = injected(1.2, gate)
    lives = (
        (device.switch, lambda time: live(device, around, given, time)),
        (alone, lambda time: alone.advance_behind(1.2, SERIES, time)),
    )
    fired = []
    for switch, advance in lives:
        advance(0.6e-3)
        assert switch.population.firings[0] == 0
        steps = 0
        while not switch.population.firings[0]:
            advance(1e-6)
            steps += 1
        fired.append(steps)
    assert 10 < fired[1] < 200
    assert abs(fired[0] - fired[1]) <= 2


def test_below_the_threshold_of_the_gate_nothing_happens():
    device, around = gated(), mesh()
    given = injected(2.0, 1.9)
    assert live(device, around, given, 0.1) < 10
    volts, amps = device.operating_point(around, given)
    assert amps == pytest.approx(np.zeros(3), abs=1e-18)
    assert volts[TOP] == pytest.approx(2.0)
    assert device.switch.population.integration[0] == pytest.approx(0.0, abs=1e-12)


def test_a_resistor_below_the_source_takes_from_the_gate():
    """1 kohm at 1.3 uA lifts the source by what then lacks at the gate."""
    device = gated()
    device.switch.population.state[0, 1] = 1.5
    lifted = PortMesh(
        (0, 1, 2), np.zeros((3, 3)), np.array([1 / SERIES, GATE_DRIVE, 1e-3])
    )
    given = np.append(injected(1.5, 2.02), 0.0)
    volts, amps = device.operating_point(lifted, given)
    assert volts[SOURCE] == pytest.approx(amps[TOP] * 1e3)
    overdrive = volts[GATE] - volts[SOURCE] - 2.0
    assert amps[TOP] == pytest.approx(0.5 * 0.104 * overdrive**2, rel=1e-6)
    assert amps[TOP] < 0.7 * 0.5 * 0.104 * 0.02**2


def test_a_draw_varies_the_switch_only():
    mean = gated().parameters
    one, other = (draw_gated_switch(mean, seed) for seed in (1, 2))
    assert one.switch.growth_rate != other.switch.growth_rate
    assert one.transistor == other.transistor == mean.transistor
