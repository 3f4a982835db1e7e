"""The mesh around a device: against dense linear algebra, stiff, open and floating."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.devices.port_mesh import PortMesh
from labneuro.devices.star_mesh import eliminate, node_voltages, substitute

OPEN = 1e-16  # S


def random_mesh(generator, size=5):
    between = np.triu(10 ** generator.uniform(-6, -2, (size, size)), 1)
    between += between.T
    return between, 10 ** generator.uniform(-6, -2, size)


def laplacian(between, ground):
    return np.diag(ground + between.sum(axis=1)) - between


def test_elimination_keeps_every_voltage():
    """What is left gives the same voltages, and so do those that were taken out."""
    generator = np.random.default_rng(1)
    between, ground = random_mesh(generator)
    current = generator.normal(size=5)
    direct = np.linalg.solve(laplacian(between, ground), current)
    left_between, left_ground = between.copy(), ground.copy()
    into, order = current.reshape(-1, 1).copy(), np.array([3, 0])
    shares, totals = eliminate(left_between, left_ground, into, order)
    kept = [1, 2, 4]
    small = laplacian(left_between[np.ix_(kept, kept)], left_ground[kept])
    volts = np.zeros((5, 1))
    volts[kept, 0] = np.linalg.solve(small, into[kept, 0])
    substitute(into, order, shares, totals, volts)
    assert volts[:, 0] == pytest.approx(direct, rel=1e-9)
    assert node_voltages(between, ground, current) == pytest.approx(direct, rel=1e-9)


def test_a_leak_beside_a_relay_is_not_lost():
    """Two nodes, 1 mohm apart, that only 1e-16 S holds: the sum of both leaks."""
    between = np.array([[0.0, 1e3], [1e3, 0.0]])
    volts = node_voltages(between, np.full(2, OPEN), np.array([1e-15, 0.0]))
    assert volts == pytest.approx([5.0, 5.0], rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_resistive_device_as_the_whole_network(seed):
    """Terminals on nodes, on ground and two on one node: a dense solution of all."""
    generator = np.random.default_rng(seed)
    between, ground = random_mesh(generator, 3)
    mesh = PortMesh([0, 1, 2, 1, -1], between, ground)
    inner = laplacian(*random_mesh(generator))
    driven, injected = generator.normal(size=5), generator.normal(size=3)
    where = np.zeros((5, 3))
    where[[0, 1, 2, 3], [0, 1, 2, 1]] = 1.0
    whole = laplacian(between, ground) + where.T @ inner @ where
    nodes = np.linalg.solve(whole, injected + where.T @ driven)
    voltages, currents = mesh.solve(injected, inner, driven)
    assert voltages == pytest.approx(where @ nodes, rel=1e-9)
    assert currents == pytest.approx(inner @ where @ nodes - driven, rel=1e-9)


def test_a_stiff_node_and_an_open_one_at_once():
    """1 V behind 10 mohm, 1 kohm in the device, 1 Mohm and nothing beyond it."""
    mesh = PortMesh([0, 1, 2], np.zeros((3, 3)), np.array([100.0, 1e-6, OPEN]))
    chain = np.zeros((3, 3))
    for one, other in ((0, 1), (1, 2)):
        chain[[one, other], [one, other]] += 1e-3
        chain[[one, other], [other, one]] -= 1e-3
    voltages, currents = mesh.solve(np.array([100.0, 0.0, 0.0]), chain)
    current = 1.0 / (0.01 + 1e3 + 1e6)
    assert currents[:2] == pytest.approx([current, -current], rel=1e-9)
    assert currents[2] == pytest.approx(-voltages[2] * OPEN, abs=1e-18)
    assert voltages[1:] == pytest.approx([current * 1e6] * 2, rel=1e-9)


def test_terminals_joined_by_a_relay_and_nothing_else():
    """A current that the device pushes round through 10 mohm leaves no voltage."""
    mesh = PortMesh([0, 1], np.array([[0.0, 100.0], [100.0, 0.0]]), np.full(2, OPEN))
    own = 1e-3 * np.array([[1.0, -1.0], [-1.0, 1.0]])
    voltages, currents = mesh.solve(np.zeros(2), own, np.array([1e-3, -1e-3]))
    drop = 1e-3 / (100.0 + 1e-3)
    assert voltages[0] - voltages[1] == pytest.approx(drop, rel=1e-9)
    assert currents[1] == pytest.approx(100.0 * drop, rel=1e-9)


def test_the_source_between_two_terminals():
    """The open voltage and the resistance: of the inverse of the whole matrix."""
    generator = np.random.default_rng(5)
    between, ground = random_mesh(generator, 4)
    mesh = PortMesh([3, 1, -1, 2, 2], between, ground)
    inverse = np.linalg.inv(laplacian(between, ground))
    injected = generator.normal(size=4)
    for first, second, sign in ((0, 1, {3: 1, 1: -1}), (2, 0, {3: -1})):
        way = np.array([sign.get(node, 0) for node in range(4)])
        pair = mesh.pair(first, second)
        assert pair.series == pytest.approx(way @ inverse @ way, rel=1e-9)
        assert pair.weights @ injected == pytest.approx(way @ inverse @ injected)
    assert mesh.pair(3, 4).series == 0.0
    assert not np.any(mesh.pair(3, 4).weights)


def test_a_resistor_between_two_open_terminals():
    """10 kohm lie between two nodes that nothing holds: 10 kohm are seen, not 1e16."""
    mesh = PortMesh([0, 1], np.array([[0.0, 1e-4], [1e-4, 0.0]]), np.full(2, OPEN))
    assert mesh.pair(0, 1).series == pytest.approx(1e4, rel=1e-10)


def test_pairs_carry_conductances_and_currents():
    """A pair on ground adds to ground, one on a single node nothing."""
    mesh = PortMesh([0, 1, 1, -1, 0, 0], np.zeros((2, 2)), np.ones(2))
    more = mesh.with_conductances(range(3), np.array([2.0, 3.0, 4.0]))
    assert more.between.tolist() == [[0.0, 2.0], [2.0, 0.0]]
    assert more.ground.tolist() == [1.0, 4.0]
    into = mesh.inject_between(np.zeros(2), np.array([5.0, 7.0]), [0, 1])
    assert into.tolist() == [5.0, 2.0]
