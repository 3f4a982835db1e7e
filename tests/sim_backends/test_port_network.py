"""The solved circuit around many terminals: currents of stiff sources, limits."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.sim_backends.network import CURRENT, GROUND_NODE, LEAK, VOLTAGE, Source
from labneuro.sim_backends.port_network import PortNetwork


def stiff(node, level, resistance=0.01, limit=np.inf):
    return Source(node, VOLTAGE, level, resistance, limit)


def solved(network, conductance):
    """Return what the sources show around a device of these conductances."""
    levels = network.levels()
    point = network.mesh.solve(network.injected(levels), conductance)
    return network.read(levels, *point)


def test_two_stiff_sources_share_a_load():
    """10 mohm each and 10 ohm between them; 1 kohm in the device at the first."""
    sources = [stiff(0, 1.0), stiff(1, 2.0), Source(1, VOLTAGE, 0.0, 1e6)]
    network = PortNetwork(2, sources, [(0, 1, 10.0)], (0, GROUND_NODE))
    load = 1e-3 * np.array([[1.0, -1.0], [-1.0, 1.0]])
    volts, amps = solved(network, load)
    whole = np.array([[100.0 + 0.1 + 1e-3, -0.1], [-0.1, 100.0 + 0.1 + 1e-6]])
    expected = np.linalg.solve(whole, [100.0, 200.0])
    assert volts == pytest.approx([*expected, expected[1]], rel=1e-12)
    across = (expected[1] - expected[0]) / 10.0
    assert amps[0] == pytest.approx(1e-3 * expected[0] - across, rel=1e-12)
    assert amps[1] == pytest.approx(across + 1e-6 * expected[1], rel=1e-12)
    assert amps[2] == pytest.approx(-1e-6 * expected[1], rel=1e-12)


def test_a_chain_of_relays_keeps_the_current():
    """Three relays of 0.1 ohm to 1 Tohm: both ends of the chain know 1 pA."""
    sources = [stiff(0, 1.0), stiff(4, 0.0)]
    chain = [(0, 1, 0.1), (1, 2, 0.1), (3, 4, 0.1)]
    network = PortNetwork(5, sources, chain, (2, 3))
    _, amps = solved(network, 1e-12 * np.array([[1.0, -1.0], [-1.0, 1.0]]))
    assert amps[0] == pytest.approx(1e-12 + 3 * LEAK, rel=1e-9)
    assert amps[1] == pytest.approx(-1e-12, rel=1e-9)


def test_sources_on_ground_and_open_ones():
    """A source on ground drives a current into ground, an open one none."""
    sources = [Source(GROUND_NODE, VOLTAGE, 2.0, 50.0), Source(0), stiff(0, 1.0)]
    network = PortNetwork(1, sources, [(0, GROUND_NODE, 1e3)], (0,))
    volts, amps = solved(network, np.zeros((1, 1)))
    assert volts == pytest.approx([0.0, 1.0, 1.0], rel=1e-4)
    assert amps == pytest.approx([0.04, 0.0, volts[2] / 1e3], rel=1e-9)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_limits_are_found_and_clamped(sign):
    """1 kohm at 5 V with 1 mA; a current source of 1 A with 2 V."""
    sources = [
        stiff(0, 5.0 * sign, limit=1e-3),
        Source(1, CURRENT, sign, 1e14, limit=2.0),
        Source(1, VOLTAGE, 0.0, 1e6),
    ]
    network = PortNetwork(2, sources, [], (0, 1))
    load = np.diag([1e-3, 1e-3])
    assert network.first_beyond(*solved(network, load)) == sign
    network = network.clamp(0, positive=sign > 0)
    assert network.first_beyond(*solved(network, load)) == 2 * sign
    both = network.clamp(1, positive=sign > 0)
    assert network.clamp(1, positive=sign > 0) is both
    volts, amps = solved(both, load)
    assert both.first_beyond(volts, amps) == 0
    assert both.limited == {0, 1}
    assert volts[:2] == pytest.approx([sign, 2.0 * sign], rel=1e-4)
    assert amps[0] == pytest.approx(1e-3 * sign, rel=1e-9)
    assert amps[1] == pytest.approx(2e-3 * sign, rel=2e-3)
