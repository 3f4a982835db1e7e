"""The 3706A on a bench file with a source meter: drivers, roles and the circuit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from labneuro.bench import load_bench
from labneuro.errors import BenchConfigError, InstrumentError
from labneuro.instruments.connection import connect
from labneuro.sim_backends.simulated_bench import SimulatedBench

if TYPE_CHECKING:
    from pathlib import Path

BENCH = """\
description: a source meter that reaches the device through a switch matrix
visa_library: "@labneuro"
instruments:
  smu: {model: Keithley 2636B, address: "GPIB0::26::INSTR"}
  sw: {model: Keithley 3706A, address: "GPIB0::16::INSTR", modules: {slot2: "3730"}}
roles: {source_meter: smu.smua, switch_matrix: sw}
device: {id: D, model: hnno}
limits: {voltage: 1 V, current: 1 mA}
wiring:
  nets:
    - [smu.smua, sw.slot2_row1]
    - [sw.slot2_column05, device.Au]
    - [device.Pd, ground]
simulation: {card: hnno, noise: false, overrides: {resistance_noise: 0}}
"""


@pytest.fixture
def bench_file(tmp_path: Path) -> Path:
    path = tmp_path / "bench.yaml"
    path.write_text(BENCH, encoding="utf-8")
    return path


def test_the_source_meter_reads_the_device_only_through_its_route(bench_file):
    """0.1 V over the card's 100 kohm is 1 uA."""
    with connect(load_bench(bench_file)) as bench:
        driver: Any = bench.drivers["smu"]
        matrix, smu = bench.switch_matrix, driver.smua
        smu.source_voltage = 0.1
        smu.output_enabled = True
        matrix.connect(["2104"])
        assert abs(smu.current) < 1e-10
        matrix.connect(["2105"])
        assert matrix.closed() == ("2105",)
        assert math.isclose(smu.current, 1e-6, rel_tol=0.02)
        with pytest.raises(InstrumentError, match="1115 Parameter error"):
            matrix.connect(["1105"])
        assert matrix.closed() == ("2105",), "after an error nothing moves"
        smu.output_enabled = False
        matrix.make_safe()
        assert matrix.closed() == ()
        assert bench.errors() == {"smu": [], "sw": []}


def test_a_wrong_slot_in_the_wiring_is_refused(bench_file):
    bench_file.write_text(BENCH.replace("sw.slot2_row1", "sw.slot1_row1"))
    with pytest.raises(BenchConfigError, match=r"'sw\.slot1_row1' is no terminal"):
        SimulatedBench(load_bench(bench_file))


def test_a_card_that_is_not_simulated_is_refused(bench_file):
    bench_file.write_text(BENCH.replace('"3730"', '"3720"'))
    with pytest.raises(
        BenchConfigError, match=r"instruments\.sw\.modules\.slot2: '3720' cannot be"
    ):
        SimulatedBench(load_bench(bench_file))
