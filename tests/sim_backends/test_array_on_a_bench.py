"""An array of devices on a bench file: over VISA, through a switch matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from labneuro.bench import load_bench
from labneuro.devices.device_array import DeviceArray
from labneuro.errors import BenchConfigError
from labneuro.instruments.connection import connect
from labneuro.instruments.device_circuit import device_circuit
from labneuro.instruments.stress import METER
from labneuro.sim_backends import simulated_bench
from labneuro.sim_backends.keithley_3700.relays import PATH_RESISTANCE
from labneuro.sim_backends.simulated_bench import SimulatedBench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BENCH = """\
description: a source meter, a switch matrix and three devices behind its columns
visa_library: "@labneuro"
instruments:
  smu: {model: Keithley 2636B, address: "GPIB0::26::INSTR"}
  sw: {model: Keithley 3706A, address: "GPIB0::16::INSTR", modules: {slot1: "3730"}}
roles: {source_meter: smu.smua, switch_matrix: sw}
device: {id: D, model: hnno, array: 3, limits: {voltage: 0.5 V}}
limits: {voltage: 1 V, current: 1 mA}
wiring:
  nets:
    - [smu.smua, sw.slot1_row1]
    - [sw.slot1_column01, device.Au_01]
    - [sw.slot1_column02, device.Au_02]
    - [sw.slot1_column03, device.Au_03]
    - [device.Pd_01, device.Pd_02, device.Pd_03, ground]
simulation: {card: hnno, draw_device: true, seed: 4, noise: false}
"""


@pytest.fixture
def write_bench(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the bench file with some text replaced."""

    def write(*changes: tuple[str, str]) -> Path:
        text = BENCH
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "array.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def devices(path: Path) -> list[Any]:
    array = SimulatedBench(load_bench(path)).device
    assert isinstance(array, DeviceArray)
    return list(array.devices)


def test_closing_a_column_measures_its_device(write_bench):
    """Row 1 to column k: the resistance of device k behind one crosspoint."""
    path = write_bench((" seed: 4,", " seed: 4, overrides: {resistance_noise: 0},"))
    expected = [one.operating_point(0.1, PATH_RESISTANCE)[1] for one in devices(path)]
    assert len(set(expected)) == 3
    with connect(load_bench(path)) as bench:
        driver: Any = bench.drivers["smu"]
        smu, matrix = driver.smua, bench.switch_matrix
        smu.source_voltage = 0.1
        smu.output_enabled = True
        assert abs(smu.current) < 1e-10
        for column, current in enumerate(expected, 1):
            matrix.connect([f"110{column}"])
            assert smu.current == pytest.approx(current, rel=1e-3)
        matrix.connect(["1101", "1103"])
        both = smu.current
        assert both == pytest.approx(expected[0] + expected[2], rel=1e-3)
        smu.output_enabled = False
        assert bench.errors() == {"smu": [], "sw": []}


def test_devices_are_drawn_by_the_seed(write_bench):
    """Each from the spread, the same for the same seed; without a draw all are mean."""
    path = write_bench()
    first = [one.parameters for one in devices(path)]
    assert [one.parameters for one in devices(path)] == first
    assert len({one.resistance for one in first}) == 3
    single: Any = SimulatedBench(
        load_bench(
            write_bench(
                (", array: 3", ""),
                ("_01", ""),
                *(
                    (f"    - [sw.slot1_column0{k}, device.Au_0{k}]\n", "")
                    for k in (2, 3)
                ),
                (", device.Pd_02, device.Pd_03", ""),
            )
        )
    )
    assert single.device.parameters == first[0]
    mean = devices(write_bench(("draw_device: true, ", "")))
    assert len({one.parameters.resistance for one in mean}) == 1


def test_unwired_devices_are_open(write_bench):
    path = write_bench(("    - [sw.slot1_column03, device.Au_03]\n", ""))
    assert len(devices(path)) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("device.Au_03", "device.Au_04"), "'device.Au_04' is no terminal.*Pd_03"),
        (("device.Au_03", "device.Au"), "'device.Au' is no terminal; 'device' has"),
        (("array: 3", "array: 0"), "device.array"),
        (("array: 3", "array: 1.5"), "device.array"),
        (
            ("sw.slot1_column03, device.Au_03", "device.Au_03"),
            "'device.Au_03' floats",
        ),
    ],
)
def test_what_is_wrong_is_said(write_bench, change, message):
    with pytest.raises(BenchConfigError, match=message):
        SimulatedBench(load_bench(write_bench(change)))


def test_an_array_of_boards_is_refused(write_bench, monkeypatch):
    board = SimulatedBench(load_bench(write_bench())).device
    monkeypatch.setattr(simulated_bench, "load_device", lambda *_, **__: board)
    with pytest.raises(BenchConfigError, match=r"array: 'hnno' has more than two"):
        SimulatedBench(load_bench(write_bench()))


def test_devices_may_be_joined_to_each_other(write_bench):
    """Device 3 hangs on device 2 by a wire that leads nowhere else."""
    path = write_bench(
        ("sw.slot1_column03, device.Au_03", "device.Pd_02, device.Au_03"),
        ("device.Pd_02, device.Pd_03, ground", "device.Pd_03, ground"),
    )
    assert len(devices(path)) == 3


def test_limits_bound_each_device(write_bench):
    """Whatever relays are closed, no device gets more than the meter's compliance."""
    config = load_bench(write_bench())
    circuit = device_circuit(config)
    assert circuit.largest_current(0.5, {METER: 1e-4}) == pytest.approx(1e-4)
    assert config.safe_limits.voltage == pytest.approx(0.5)
