"""Public drivers, unchanged, on simulated instruments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pymeasure.instruments.keithley import Keithley2600
from pymeasure.instruments.tektronix import AFG3152C

from labneuro.sim_backends.visa.powered_benches import power_off, power_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings(
    "ignore:It is not known whether this device support SCPI:FutureWarning"
)

AFG = "USB0::0x0699::0x035E::C013001::INSTR"
SMU = "TCPIP0::192.0.2.36::inst0::INSTR"
BENCH = """\
description: one instrument and the device
visa_library: "@labneuro"
instruments:
  it: {model: MODEL, address: "ADDRESS"}
roles: {}
device: {id: D, model: hnno}
limits: {voltage: 10 V, current: 10 mA}
wiring:
  nets: [[it.TERMINAL, device.Au], [ground, device.Pd]]
simulation: {card: hnno, noise: false, overrides: {resistance_noise: 0}}
"""


def bench(folder: Path, model: str, address: str, terminal: str) -> str:
    """Write a bench file with one instrument at the Au electrode; return its name."""
    text = BENCH.replace("MODEL", model).replace("ADDRESS", address)
    path = folder / "bench.yaml"
    path.write_text(text.replace("TERMINAL", terminal), encoding="utf-8")
    return str(path)


@pytest.fixture
def generator(tmp_path: Path) -> Iterator[tuple[str, AFG3152C]]:
    name = bench(tmp_path, "Tektronix AFG31000", AFG, "ch1")
    yield name, AFG3152C(AFG, visa_library=f"{name}@labneuro")
    power_off(name)


def test_pymeasure_afg3152c_sets_and_reads_back(
    generator: tuple[str, AFG3152C],
) -> None:
    """Every property of the channel class keeps what it was given."""
    _, afg = generator
    assert "TEKTRONIX,AFG31102" in afg.id
    channel = afg.ch2
    channel.shape = "pulse"
    assert channel.shape == "pulse"
    channel.frequency = 2.5e3
    assert channel.frequency == pytest.approx(2.5e3)
    channel.amp_vpp = 0.5
    assert channel.amp_vpp == pytest.approx(0.5)
    channel.offset = -0.1
    assert channel.offset == pytest.approx(-0.1)
    channel.duty = 12.5
    assert channel.duty == pytest.approx(12.5)
    channel.unit = "VRMS"
    assert channel.unit == "VRMS"
    channel.amp_vrms = 0.25
    assert channel.amp_vrms == pytest.approx(0.25)
    channel.impedance = 600
    assert channel.impedance == 600
    afg.ch1.waveform(shape="SIN", frequency=1e4, units="VPP", amplitude=1, offset=0.2)
    assert afg.ch1.shape == "sinusoidal"
    afg.beep()
    assert afg.next_error[0] == 0


def test_pymeasure_afg3152c_drives_the_device(
    generator: tuple[str, AFG3152C],
) -> None:
    """A square wave of 0.2 Vpp about 0.1 V leaves 0.1 V on average, twice when open."""
    name, afg = generator
    simulated = power_on(name).bench
    drive = simulated.instruments["it"].drives["ch1"]
    afg.ch1.waveform(shape="SQU", frequency=1e3, units="VPP", amplitude=0.2, offset=0.1)
    assert simulated.circuit.measure(drive, 1e-2).voltage == pytest.approx(0.0)
    afg.write("output1:state on")  # enable() of PyMeasure 0.16 has a fault of its own
    reading = simulated.circuit.measure(drive, 1e-2)
    assert reading.voltage == pytest.approx(0.2, rel=1e-3), "the device is no 50 ohm"
    afg.write("output1:state off")
    assert simulated.circuit.measure(drive, 1e-2).current == 0.0


def test_pymeasure_keithley2600_reads_a_current(tmp_path: Path) -> None:
    """0.1 V over the card's 100 kohm is 1 uA."""
    name = bench(tmp_path, "Keithley 2636B", SMU, "smua")
    smu = Keithley2600(SMU, visa_library=f"{name}@labneuro")
    smu.ChA.source_mode = "voltage"
    smu.ChA.source_voltage = 0.1
    smu.ChA.source_output = "ON"
    assert smu.ChA.source_output == "ON"
    assert smu.ChA.current == pytest.approx(1e-6, rel=1e-2)
    assert smu.ChA.voltage == pytest.approx(0.1, rel=1e-2)
    smu.ChA.source_output = "OFF"
    assert smu.next_error[1] == "Queue Is Empty"
    power_off(name)
