"""The 3x3 array behind a circuit: nodes, programming, disturb."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import fsolve

from labneuro.bench import load_card
from labneuro.devices.catalog import load_device
from labneuro.devices.diode import diode_current
from labneuro.devices.pcu_array import PcuArray, draw_array, line_names
from labneuro.devices.pcu_cell import cell_elements, cell_points
from labneuro.devices.pcu_parameters import UNITS, PcuParameters
from labneuro.devices.port_mesh import GROUND_NODE, PortMesh
from labneuro.errors import InputError

CARD = PcuParameters(**load_card("pcu").values(UNITS, "pcu"))
QUIET = replace(CARD, multistate_noise=0.0, binary_noise=0.0, fluctuation=0.0)
STIFF = 1e3  # S
OPEN = 1e-16  # S


def behind(array, driven):
    """Return mesh and injected currents; `driven`: terminal to volts and siemens."""
    count = len(array.terminals)
    ground, injected = np.full(count, OPEN), np.zeros(count)
    for name, (volts, siemens) in driven.items():
        index = array.terminals.index(name)
        ground[index] = siemens
        injected[index] = volts * siemens
    return PortMesh(range(count), np.zeros((count, count)), ground), injected


def single(parameters=QUIET, **programmed):
    array = PcuArray(parameters, 1, rows=1, columns=1)
    array.program(**programmed)
    return array


def test_the_terminals_of_a_3x3_array():
    names = PcuArray(CARD, 1).terminals
    assert len(names) == len(set(names)) == 24
    assert names[:6] == ("word_1", "word_2", "word_3", "bit_1", "bit_2", "bit_3")
    assert names[6:9] == ("configure1_11", "configure2_11", "configure1_12")
    assert line_names(1, 1) == ("word_1", "bit_1", "configure1_11", "configure2_11")


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("multistate", [1e-3, 1e-5])
def test_one_unit_is_the_series_circuit(multistate, binary):
    """With open configure lines, to 1e-9 of the current or the open lines' leak."""
    array = single(multistate=multistate, binary=binary)
    elements = cell_elements(
        [QUIET], array.multistate_conductance[0], array.binary_conductance[0]
    )
    for voltage in (-1.0, -0.1, 0.01, 0.4, 0.8, 2.0):
        circuit = behind(array, {"word_1": (voltage, STIFF), "bit_1": (0.0, STIFF)})
        voltages, currents = array.operating_point(*circuit)
        seen = voltages[0] - voltages[1]
        expected = cell_points(seen, elements).current[0]
        leak = 3 * OPEN * abs(voltage)
        assert currents[0] == pytest.approx(expected, rel=1e-9, abs=leak)
        assert currents[:2].sum() == pytest.approx(0.0, abs=leak)


def test_the_whole_array_is_right_against_fsolve():
    """Every node of nine drawn units, sneak currents included."""
    array = PcuArray(draw_array(CARD, 3), 1)
    rng = np.random.default_rng(6)
    array.program(rng.uniform(1e-5, 1e-3, (3, 3)), rng.random((3, 3)) < 0.5)
    lines = {
        name: (v, 0.01)
        for name, v in zip(array.terminals[:6], rng.uniform(-0.5, 1.0, 6), strict=True)
    }
    mesh, injected = behind(array, lines)
    voltages, currents = array.operating_point(mesh, injected)
    multistate, binary = array.multistate_conductance, array.binary_conductance
    order = np.argsort([*range(6), *range(6, 24)])

    def balance(volts):
        left = injected - mesh.ground * volts
        for k, unit in enumerate(array.units):
            i, j = divmod(k, 3)
            a, b, c, d = i, 6 + 2 * k, 7 + 2 * k, 3 + j
            law = (unit.emission_voltage, unit.series_resistance)
            first = unit.saturation_current
            second = first * unit.backward_ratio
            through = (
                multistate[i, j] * (volts[a] - volts[b]),
                float(diode_current(volts[b] - volts[c], first, *law)),
                binary[i, j] * (volts[c] - volts[d])
                - float(diode_current(volts[d] - volts[c], second, *law)),
            )
            for begin, end, current in zip((a, b, c), (b, c, d), through, strict=True):
                left[begin] -= current
                left[end] += current
        return left * 1e6

    start = voltages + 1e-3 * rng.normal(size=24)
    solution = fsolve(balance, start, xtol=1e-13)[order]
    np.testing.assert_allclose(voltages, solution, atol=1e-8)
    expected = (injected - mesh.ground * solution)[:6]
    np.testing.assert_allclose(
        currents[:6], expected, rtol=1e-6, atol=1e-7 * abs(expected).max()
    )


def test_terminals_may_share_a_node_or_lie_on_ground():
    """All words on one node, all bits on ground: nine units in parallel."""
    array = PcuArray(QUIET, 1)
    array.program(1e-4, binary=True)
    nodes = [0, 0, 0, GROUND_NODE, GROUND_NODE, GROUND_NODE, *range(1, 19)]
    ground = np.full(19, OPEN)
    ground[0] = STIFF
    injected = np.zeros(19)
    injected[0] = 0.7 * STIFF
    mesh = PortMesh(nodes, np.zeros((19, 19)), ground)
    voltages, currents = array.operating_point(mesh, injected)
    elements = cell_elements([QUIET], 1e-4, array.binary_conductance[0, 0])
    one = cell_points(voltages[0], elements).current[0]
    np.testing.assert_allclose(currents[:3], 3 * one, rtol=1e-8)
    np.testing.assert_allclose(currents[3:6], -3 * one, rtol=1e-8)
    assert (voltages[3:6] == 0.0).all()


def test_reading_does_not_change_anything():
    array = PcuArray(CARD, 1)
    circuit = behind(array, {"word_1": (0.01, STIFF), "configure1_11": (0.0, STIFF)})
    first = array.operating_point(*circuit)
    second = array.operating_point(*circuit)
    np.testing.assert_array_equal(first[1], second[1])
    bare = 0.01 * array.multistate_conductance[0, 0]
    sneak = first[1][0] / bare - 1.0  # into the other two units of the word line
    assert 0.0 < sneak < 0.01


def test_sources_that_go_to_zero_leave_nothing():
    """All off after something was on, and every line open."""
    array = PcuArray(QUIET, 1)
    for volts in (0.5, 0.0):
        circuit = behind(array, {"word_1": (volts, 100.0), "bit_2": (0.0, 100.0)})
        array.operating_point(*circuit)
    mesh, injected = behind(array, {"word_1": (0.5, 100.0)})
    array.operating_point(mesh, injected)
    voltages, currents = array.operating_point(mesh, 0.0 * injected)
    assert np.abs(currents).max() < 1e-22
    assert abs(voltages[0]) < 1e-15
    array.advance_behind(mesh, 0.0 * injected, 1.0)


def test_configure_line_1_programs_one_unit_alone():
    array = PcuArray(QUIET, 1)
    before = array.multistate_conductance
    lines = {"word_2": (1.1, 0.1), "configure1_23": (0.0, 0.1)}
    mesh, injected = behind(array, lines)
    array.advance_behind(mesh, injected, 0.02)
    change = array.multistate_conductance / before
    assert change[1, 2] > 100.0
    change[1, 2] = 1.0
    np.testing.assert_allclose(change, 1.0, rtol=1e-6)


def test_configure_line_2_sets_and_resets_m2():
    array = PcuArray(CARD, 1)
    for volts, low, high in ((0.9, 9e-4, 1.1e-3), (-0.9, 9e-11, 1.1e-10)):
        lines = {"configure2_31": (volts, 0.1), "bit_1": (0.0, 0.1)}
        mesh, injected = behind(array, lines)
        array.advance_behind(mesh, injected, 0.02)
        assert low < array.binary_conductance[2, 0] < high
    assert array.binary_conductance[0, 0] == pytest.approx(CARD.binary_low, rel=0.01)


@pytest.mark.parametrize("volts", [1.0, 1.6])
def test_programming_behind_a_resistor_follows_the_coupled_equation(volts):
    """M1 behind 5 kohm: its voltage falls while its conductance rises."""
    array = single(multistate=1e-5, binary=False)
    lines = {"word_1": (volts, 1 / 5e3), "configure1_11": (0.0, STIFF)}
    circuit = behind(array, lines)
    array.advance_behind(*circuit, 0.02)
    ratio = np.log(CARD.multistate_high / CARD.multistate_low)

    def slope(_, x):
        conductance = CARD.multistate_low * np.exp(ratio * x)
        across = volts / (1.0 + 5e3 * conductance)
        beyond = max(across[0] - CARD.multistate_dead_zone, 0.0)
        rate = CARD.multistate_rate * np.expm1(beyond / CARD.multistate_voltage)
        return rate * (1.0 - x) - x / CARD.multistate_retention

    start = np.log(1e-5 / CARD.multistate_low) / ratio
    end = solve_ivp(slope, (0, 0.02), [start], method="LSODA", rtol=1e-10, atol=1e-12)
    expected = CARD.multistate_low * np.exp(ratio * end.y[0, -1])
    assert array.multistate_conductance[0, 0] == pytest.approx(expected, rel=1e-3)


def test_the_softplus_sweep_disturbs_m1_from_0_66_v_on():
    """M1 at 10 kohm sees its dead zone at 0.66 V and 0.2 V at 0.73 V input."""
    array = single(multistate=1e-4, binary=True)
    seen = {}
    for volts in (0.65, 0.73):
        circuit = behind(array, {"word_1": (volts, STIFF), "bit_1": (0.0, STIFF)})
        seen[volts] = array.unit_voltages(*circuit)[0, 0, 0]
        before = array.multistate_conductance[0, 0]
        array.advance_behind(*circuit, 1.0)
        moved = array.multistate_conductance[0, 0] / before - 1.0
        assert (moved > 0.01) == (volts > 0.66)
    assert seen[0.65] < CARD.multistate_dead_zone
    assert seen[0.73] == pytest.approx(0.2, abs=0.005)


def test_it_says_for_how_long_it_is_steady():
    array = single(multistate=1e-5)
    lines = {"word_1": (0.9, STIFF), "configure1_11": (0.0, STIFF)}
    circuit = behind(array, lines)
    calm = array.steady_for(*circuit)
    before = array.multistate_conductance[0, 0]
    array.advance_behind(*circuit, calm)
    assert array.multistate_conductance[0, 0] / before == pytest.approx(1.02, abs=0.01)
    rest = behind(array, {"word_1": (0.01, STIFF), "configure1_11": (0.0, STIFF)})
    assert array.steady_for(*rest) > 600.0


def test_the_catalog_builds_a_drawn_array_that_repeats():
    card = load_card("pcu")
    arrays = [load_device("pcu", card, "pcu", draw=True, seed=s) for s in (1, 1, 2)]
    assert all(isinstance(array, PcuArray) for array in arrays)
    units = [array.units for array in arrays if isinstance(array, PcuArray)]
    assert units[0] == units[1] != units[2]
    assert len({unit.saturation_current for unit in units[0]}) == 9


def test_a_wrong_number_of_units_is_refused():
    with pytest.raises(InputError, match="units: 3 x 3 needs 9"):
        PcuArray([CARD] * 8, 1)
