"""An array: each device as if it were alone, and what a shared resistor does."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import lambertw

from labneuro.bench import load_card
from labneuro.devices.base import TwoTerminalDevice
from labneuro.devices.device_array import DeviceArray, array_terminals, member_seed
from labneuro.devices.fmes import UNITS, FmesDevice, FmesParameters
from labneuro.devices.hnno import UNITS as HNNO_UNITS
from labneuro.devices.hnno import HnnoDevice, HnnoParameters
from labneuro.devices.port_mesh import PortMesh
from labneuro.errors import LabneuroError

OPEN = 1e-16  # S
THERMAL = 0.025  # V


def fmes(name="fmes", **changes) -> FmesParameters:
    return replace(FmesParameters(**load_card(name).values(UNITS, name)), **changes)


def mesh_of(nodes, ground, links=()):
    between = np.zeros((len(ground), len(ground)))
    for one, other, siemens in links:
        between[[one, other], [other, one]] += siemens
    return PortMesh(nodes, between, np.array(ground))


class Diode(TwoTerminalDevice):
    """An ideal diode; behind a resistance by Lambert's function."""

    terminals: ClassVar[tuple[str, str]] = ("anode", "cathode")

    def __init__(self, saturation=1e-12):
        self.saturation = saturation

    def operating_point(self, source_voltage, series):
        scale = self.saturation * series / THERMAL
        exponent = (source_voltage + self.saturation * series) / THERMAL
        current = THERMAL / series * lambertw(scale * np.exp(exponent)).real
        current -= self.saturation
        return source_voltage - series * current, current

    def advance(self, voltage, duration):
        """Do nothing: it has no state."""


def test_names_count_from_01():
    assert array_terminals(("top", "bottom"), 2) == (
        "top_01",
        "bottom_01",
        "top_02",
        "bottom_02",
    )
    assert array_terminals(("top", "bottom"), 100)[-1] == "bottom_100"


def test_seeds_differ_and_the_first_is_the_arrays():
    seeds = [member_seed(7, index) for index in range(100)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 100
    assert seeds != [member_seed(8, index) for index in range(100)]


def test_an_array_of_one_is_the_device_to_the_bit():
    """The same sources, the same random draws, the same charges and currents."""
    alone, member = FmesDevice(fmes(), 3), FmesDevice(fmes(), 3)
    array, mesh = DeviceArray([member]), mesh_of([0, -1], [1e-3])
    series = mesh.pair(0, 1).series
    for level in (1e-3, 0.0, 2e-3, 0.0, -1e-3, 0.0):
        injected = np.array([level])
        source = (series * level, series)
        _, currents = array.operating_point(mesh, injected)
        assert currents[0] == alone.operating_point(*source)[1]
        assert array.steady_for(mesh, injected) == alone.steady_for(*source)
        array.advance_behind(mesh, injected, 1e-3)
        alone.advance_behind(*source, 1e-3)
        assert np.array_equal(member.charge, alone.charge)


def test_a_device_that_is_not_selected_lives_on():
    """Device 2 hangs open: its charge spreads as that of a device on no circuit."""
    devices = [FmesDevice(fmes(), seed) for seed in (1, 2)]
    other = FmesDevice(fmes(), 2)
    for device in (devices[1], other):
        device.advance_behind(0.5, 1e3, 1e-2)
    before = devices[1].charge
    array = DeviceArray(devices)
    mesh = mesh_of([0, -1, 1, -1], [1e-3, OPEN])
    array.advance_behind(mesh, np.array([1e-3, 0.0]), 10.0)
    other.advance_behind(0.0, 1.0 / OPEN, 10.0)
    assert np.array_equal(devices[1].charge, other.charge)
    assert devices[1].charge[0] < 0.99 * before[0]
    voltages, _ = array.operating_point(mesh, np.array([0.0, 0.0]))
    expected, _ = other.operating_point(0.0, 1.0 / OPEN)
    assert voltages[2] == pytest.approx(expected, rel=1e-9)


def test_devices_of_a_still_model_take_one_step():
    """HNNO devices stand at a voltage all the time, each with noise of its own."""
    values = HnnoParameters(**load_card("hnno").values(HNNO_UNITS, "hnno"))
    devices = [HnnoDevice(values, member_seed(1, index)) for index in range(2)]
    other = HnnoDevice(values, member_seed(1, 1))
    array = DeviceArray(devices)
    mesh, injected = mesh_of([0, -1, 1, -1], [100.0, 100.0]), np.array([200.0, 200.0])
    assert array.steady_for(mesh, injected) == np.inf
    for _ in range(3):
        volts, _ = other.operating_point(2.0, 0.01)
        array.advance_behind(mesh, injected, 1e-4)
        other.advance(volts, 1e-4)
    _, currents = array.operating_point(mesh, injected)
    assert currents[2] == other.operating_point(2.0, 0.01)[1]
    assert currents[0] != currents[2]


def coupled_reference(devices, source, series, duration):
    """Return the charges and the voltage of parallel devices behind a source."""
    rows = [
        (
            getattr(p, f"{name}_resistance"),
            getattr(p, f"{name}_capacitance"),
            getattr(p, f"{name}_leak"),
        )
        for p in devices
        for name in ("fast", "slow")
    ]
    resistance, capacitance, leak = np.array(rows).T
    share = 1.0 / (1.0 + series * np.sum(1.0 / resistance))
    volts = np.append(share * series / (resistance * capacitance), share * source)
    change = np.zeros((5, 5))
    change[:4] = volts / resistance[:, None]
    change[range(4), range(4)] -= (1.0 / resistance + leak) / capacitance
    state = expm(change * duration) @ [0.0, 0.0, 0.0, 0.0, 1.0]
    return state[:4], float(volts @ state)


@pytest.mark.parametrize("duration", [1e-3, 0.1])
def test_two_synapses_on_one_resistor(duration):
    """Two linear FMES devices behind a shared 600 ohm: the exact matrix exponential."""
    linear = fmes("fmes-2b", charge_noise=0.0, capacitance_fade=0.0)
    other = replace(linear, fast_capacitance=1e-4, slow_capacitance=2e-3)
    devices = [FmesDevice(linear, 0), FmesDevice(other, 1)]
    array = DeviceArray(devices)
    mesh = mesh_of([0, 1, 0, 1], [1 / 100.0, 1 / 500.0])
    injected, left = np.array([0.4 / 100.0, 0.0]), duration
    while left > 0.0:
        step = min(left, array.steady_for(mesh, injected))
        array.advance_behind(mesh, injected, step)
        left -= step
    charge, volts = coupled_reference([linear, other], 0.4, 600.0, duration)
    found = np.concatenate([device.charge[[0, 2]] for device in devices])
    assert found == pytest.approx(charge, rel=2e-5)
    voltages, currents = array.operating_point(mesh, injected)
    assert voltages[0] - voltages[1] == pytest.approx(volts, rel=2e-5)
    assert currents[0] + currents[2] == pytest.approx((0.4 - volts) / 600.0, rel=2e-5)


def test_diodes_in_series_and_beside_each_other():
    """Steep devices with a node of their own between: 1e-9 of the exact current."""
    diodes = [Diode(), Diode(4e-12), Diode(2e-12)]
    array = DeviceArray(diodes)
    mesh = mesh_of([0, 1, 1, -1, 0, -1], [1e-3, OPEN])
    volts, currents = array.operating_point(mesh, np.array([1.5e-3, 0.0]))
    for index, diode in enumerate(diodes):
        across = volts[2 * index] - volts[2 * index + 1]
        law = diode.saturation * np.expm1(across / THERMAL)
        assert currents[2 * index] == pytest.approx(law, rel=1e-9)
    assert currents[0] == pytest.approx(currents[2], rel=1e-9)
    taken = currents[0] + currents[4]
    assert taken == pytest.approx(1.5e-3 - 1e-3 * volts[0], rel=1e-9)


def test_two_relays_make_two_groups():
    """Devices on separate nodes are alone although a third one joins two others."""
    linear = fmes("fmes-2b", charge_noise=0.0)
    devices = [FmesDevice(linear, seed) for seed in range(3)]
    array, alone = DeviceArray(devices), FmesDevice(linear, 0)
    mesh = mesh_of([0, -1, 1, -1, 2, -1], [1e-3] * 3, [(1, 2, 1e-3)])
    array.advance_behind(mesh, np.full(3, 1e-3), 1e-3)
    alone.advance_behind(1.0, 1e3, 1e-3)
    assert np.array_equal(devices[0].charge, alone.charge)
    assert devices[1].charge == pytest.approx(devices[2].charge, rel=1e-9)


def test_an_open_end_couples_nothing():
    """Two devices on a bus of 100 ohm, a third one with its other end open."""
    linear = fmes("fmes-2b", charge_noise=0.0)
    devices = [FmesDevice(linear, seed) for seed in range(2)]
    array, alone = DeviceArray(devices), FmesDevice(linear, 0)
    mesh = mesh_of([0, 1, 2, 1], [1e-3, 1e-2, OPEN])
    injected = np.array([1e-3, 0.0, 0.0])
    pair = mesh.pair(0, 1)
    array.advance_behind(mesh, injected, 1e-3)
    alone.advance_behind(float(pair.weights @ injected), pair.series, 1e-3)
    assert np.array_equal(devices[0].charge, alone.charge)
    assert devices[1].charge == pytest.approx([0.0] * 3, abs=1e-18)
    voltages, currents = array.operating_point(mesh, injected)
    assert voltages[2] == pytest.approx(voltages[3], rel=1e-9), "no drop: no current"
    assert voltages[3] == pytest.approx(100.0 * currents[0], rel=1e-9)


class Contradictory(Diode):
    """A device whose current is never the same twice."""

    def operating_point(self, source_voltage, series):
        self.saturation = -self.saturation
        return 1e12 * self.saturation, 1.0 + 1e12 * self.saturation


def test_no_operating_point_is_said():
    array = DeviceArray([Contradictory(), Contradictory()])
    mesh = mesh_of([0, -1, 0, -1], [1e-3])
    with pytest.raises(LabneuroError, match="2 coupled devices"):
        array.operating_point(mesh, np.array([1e-3]))
