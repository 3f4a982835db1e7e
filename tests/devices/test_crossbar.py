"""The crossbar against the exact sparse solution and against Kirchhoff's law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import fsolve
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from labneuro.devices.crossbar import Crossbar, CrossbarWires
from labneuro.devices.diode import DiodeParameters
from labneuro.errors import InputError

DIODE = DiodeParameters(1e-9, 2.0, 50.0)


def nodal_matrix(conductance, wires):
    """Assemble the nodal matrix, word nodes before bit nodes, and drivers' columns."""
    rows, columns = conductance.shape
    word, bit, first, last = wires.conductances()
    nodes = np.arange(rows * columns).reshape(rows, columns)
    other = nodes + rows * columns
    entries = []

    def link(a, b, siemens):
        values = np.broadcast_to(siemens, a.shape)
        for i, j, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
            entries.append((i.ravel(), j.ravel(), sign * values.ravel()))

    link(nodes[:, :-1], nodes[:, 1:], word)
    link(other[:-1], other[1:], bit)
    link(nodes, other, conductance)
    entries.append((nodes[:, 0], nodes[:, 0], np.full(rows, first)))
    entries.append((other[-1], other[-1], np.full(columns, last)))
    i, j, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    return coo_matrix((values, (i, j))).tocsc(), nodes, other


def exact(conductance, wires, voltages):
    """Return the sinks' currents of the direct solution."""
    matrix, nodes, other = nodal_matrix(conductance, wires)
    right = np.zeros(matrix.shape[0])
    right[nodes[:, 0]] = wires.conductances()[2] * voltages
    return spsolve(matrix, right)[other[-1]] * wires.conductances()[3]


@pytest.mark.parametrize(
    ("shape", "segment", "sparse_law"),
    [
        ((64, 64), 1.0, False),
        ((64, 64), 100.0, False),
        ((63, 30), 5.0, True),
        ((1, 1), 10.0, False),
        ((1, 9), 10.0, False),
        ((9, 1), 10.0, False),
    ],
)
def test_currents_are_those_of_the_sparse_solution(shape, segment, sparse_law):
    rng = np.random.default_rng(5)
    conductance = 1.0 / rng.uniform(1e4, 1e6, shape)
    if sparse_law:
        conductance *= rng.random(shape) < 0.3  # some cells are open
    voltages = rng.uniform(0.0, 1.0, shape[0])
    wires = CrossbarWires(segment, 2.0 * segment, driver=50.0, sink=20.0)
    found = Crossbar(conductance, wires).solve(voltages).output
    np.testing.assert_allclose(found, exact(conductance, wires, voltages), rtol=1e-6)


def test_it_converges_where_two_thirds_of_the_current_are_lost():
    """256 x 256, 1 uS to 100 uS, 1 ohm: 66 % of the ideal current is lost."""
    rng = np.random.default_rng(0)
    conductance = rng.uniform(1e-6, 1e-4, (256, 256))
    voltages = rng.uniform(0.0, 1.0, 256)
    wires = CrossbarWires(1.0, 1.0)
    point = Crossbar(conductance, wires).solve(voltages)
    lost = 1.0 - point.output.sum() / (voltages @ conductance).sum()
    assert lost == pytest.approx(0.66, abs=0.01)
    assert point.iterations < 15
    np.testing.assert_allclose(
        point.output, exact(conductance, wires, voltages), rtol=1e-6
    )


def test_it_converges_where_almost_everything_is_lost():
    rng = np.random.default_rng(1)
    conductance = rng.uniform(1e-6, 1e-4, (64, 64))
    voltages = rng.normal(size=64)
    wires = CrossbarWires(1e4, 1e4)
    found = Crossbar(conductance, wires).solve(voltages).output
    expected = exact(conductance, wires, voltages)
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()


def test_ideal_wires_give_the_product():
    rng = np.random.default_rng(2)
    conductance = rng.uniform(1e-6, 1e-4, (20, 30))
    vectors = rng.normal(size=(4, 20))
    found = Crossbar(conductance, CrossbarWires(0.0, 0.0)).currents(vectors)
    np.testing.assert_allclose(found, vectors @ conductance, rtol=1e-8, atol=1e-14)


def test_the_solution_is_linear_and_no_current_is_lost():
    rng = np.random.default_rng(3)
    conductance = rng.uniform(1e-6, 1e-3, (12, 7))
    array = Crossbar(conductance, CrossbarWires(10.0, 20.0))
    a, b = rng.normal(size=(2, 12))
    np.testing.assert_allclose(
        array.solve(2.0 * a - b).output,
        2.0 * array.solve(a).output - array.solve(b).output,
        rtol=1e-6,
        atol=1e-12,
    )
    point = array.solve(a)
    through = array.cell_currents(point.word_voltage - point.bit_voltage)[0]
    np.testing.assert_allclose(point.output, through.sum(axis=0), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("segment", [0.0, 100.0, 1e4])
@pytest.mark.parametrize("lowest", [0.0, -3.0])
def test_diode_selectors_obey_kirchhoff(segment, lowest):
    """A small array against fsolve, to 1e-6 of the largest current."""
    rng = np.random.default_rng(4)
    conductance = rng.uniform(1e-6, 1e-4, (4, 5))
    voltages = rng.uniform(lowest, 3.0, 4)
    wires = CrossbarWires(segment, segment, driver=50.0, sink=20.0)
    array = Crossbar(conductance, wires, DIODE)
    point = array.solve(voltages)
    through, _ = array.cell_currents(point.word_voltage - point.bit_voltage)
    largest = np.abs(through).max()
    assert np.abs(point.output - through.sum(axis=0)).max() < 1e-6 * largest
    if segment == 0.0:
        return  # fsolve does not cope with 1e12 S
    _, _, first, last = wires.conductances()
    matrix, nodes, other = nodal_matrix(np.zeros((4, 5)), wires)
    right = np.zeros(40)
    right[nodes[:, 0]] = first * voltages

    def balance(volts):
        w, b = volts[:20].reshape(4, 5), volts[20:].reshape(4, 5)
        current = array.cell_currents(w - b)[0].ravel()
        return (matrix @ volts - right + np.concatenate([current, -current])) * 1e4

    start = np.concatenate([point.word_voltage.ravel(), point.bit_voltage.ravel()])
    solution = fsolve(balance, start + 0.01 * rng.normal(size=40), xtol=1e-12)
    expected = solution[other[-1]] * last
    assert np.abs(point.output - expected).max() < 1e-6 * largest


def test_selectors_block_the_backward_current():
    conductance = np.full((3, 3), 1e-4)
    voltages = np.array([1.0, -1.0, -1.0])
    wires = CrossbarWires(1.0, 1.0)
    bare = Crossbar(conductance, wires).solve(voltages).output
    selected = Crossbar(conductance, wires, DIODE).solve(voltages).output
    assert (bare < 0).all()
    assert (selected > 10 * 2e-9).all()


@pytest.mark.parametrize(
    ("conductance", "message"),
    [
        ([1.0, 2.0], "must have rows and columns"),
        ([[1.0, -1.0]], "finite and not negative everywhere"),
        ([[np.nan]], "finite and not negative everywhere"),
    ],
)
def test_impossible_cells_are_refused(conductance, message):
    with pytest.raises(InputError, match=message):
        Crossbar(conductance, CrossbarWires(1.0, 1.0))


def test_impossible_wires_and_voltages_are_refused():
    with pytest.raises(InputError, match="bit_segment: must be finite"):
        CrossbarWires(1.0, -1.0)
    with pytest.raises(InputError, match="voltages: must be 2 finite numbers"):
        Crossbar([[1.0], [1.0]], CrossbarWires(1.0, 1.0)).solve([1.0])
