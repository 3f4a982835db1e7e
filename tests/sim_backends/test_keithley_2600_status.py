"""The 2636B's status registers: names, bits, summaries."""

from __future__ import annotations

import pytest

from labneuro.sim_backends.keithley_2600.status import status_layout
from labneuro.sim_backends.tsp.status import StatusModel

LAYOUT = status_layout(("smua", "smub"))


def paths(layout, prefix=""):
    """Return every register set with its full name."""
    found = []
    for name, child in layout.items():
        found.append((prefix + name, child))
        found.extend(paths(child.children, f"{prefix}{name}."))
    return found


@pytest.mark.parametrize("name", [name for name, _ in paths(LAYOUT)])
def test_every_register_set_is_complete(smu_bench, name):
    register = f"status.{name}"
    parts = ", ".join(f"{register}.{part}" for part in ("condition", "ntr", "ptr"))
    assert smu_bench.values(parts) == [0, 0, 32767]
    smu_bench.send(f"{register}.enable = 5")
    assert smu_bench.value(f"{register}.enable") == 5
    assert smu_bench.error() == 0


# Bits as the manual gives them: 2600BS-901-01 Rev. F p. 9-283, 9-334; Rev. B p. 7-255.
BITS = {
    "status.measurement.VLMT": 1,
    "status.measurement.CURRENT_LIMIT": 2,
    "status.measurement.ROF": 128,
    "status.measurement.BAV": 256,
    "status.measurement.INTERLOCK": 2048,
    "status.measurement.INST": 8192,
    "status.questionable.CAL": 256,
    "status.questionable.UNSTABLE_OUTPUT": 512,
    "status.questionable.HIGHV_NOT_READY": 1024,
    "status.questionable.OTEMP": 4096,
    "status.questionable.INSTRUMENT_SUMMARY": 8192,
    "status.questionable.instrument.smua.OTEMP": 4096,
    "status.MSB": 1,
    "status.SYSTEM_SUMMARY_BIT": 2,
    "status.ERROR_AVAILABLE": 4,
    "status.QSB": 8,
    "status.MAV": 16,
    "status.ESB": 32,
    "status.MSS": 64,
    "status.OSB": 128,
}


@pytest.mark.parametrize("name", BITS)
def test_bits(smu_bench, name):
    assert smu_bench.value(name) == BITS[name]


@pytest.mark.parametrize(
    ("name", "bit"),
    [
        ("measurement", 1),
        ("system", 2),
        ("questionable", 8),
        ("standard", 32),
        ("operation", 128),
    ],
)
def test_registers_sum_up_into_the_status_byte(name, bit):
    """An enabled event sets its bit; reading it away clears the bit."""
    status = StatusModel(LAYOUT, lambda: 0)
    register = status.registers[name]
    register.read_event()
    register.enable = 1
    register.pulse(1)
    assert status.byte() == bit
    assert register.read_event() == 1
    assert status.byte() == 0


@pytest.mark.parametrize(
    ("name", "layout"), [(n, r) for n, r in paths(LAYOUT) if "." in n]
)
def test_inner_registers_feed_the_one_above(name, layout):
    """A bit ripples from the innermost register to all above it."""
    status = StatusModel(LAYOUT, lambda: 0)
    chain = name.split(".")
    registers = [status.registers[chain[0]]]
    for part in chain[1:]:
        registers.append(registers[-1].children[part])
    registers[-1].enable = 1 << 3
    registers[-1].pulse(1 << 3)
    assert registers[-2].condition == 1 << layout.summary
    status.clear()
    assert registers[-2].condition == 0
