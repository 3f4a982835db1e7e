"""Benches put together from bench files."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from labneuro.bench import load_bench
from labneuro.devices.hnno import HnnoDevice
from labneuro.errors import BenchConfigError, LabneuroError, NotInWorkspaceError
from labneuro.sim_backends import simulated_bench
from labneuro.sim_backends.base import SimulatedInstrument
from labneuro.sim_backends.clock import RealClock, VirtualClock
from labneuro.sim_backends.simulated_bench import (
    MODELS,
    InstrumentModel,
    SimulatedBench,
    parse_address,
)
from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000

if TYPE_CHECKING:
    from pathlib import Path


class Meter(SimulatedInstrument):
    """An instrument that holds its terminals at 0 V and hears triggers."""

    terminals: ClassVar[tuple[str, ...]] = ("smua", "smub")
    trigger_outputs: ClassVar[tuple[str, ...]] = ("digio1",)
    trigger_inputs: ClassVar[tuple[str, ...]] = ("digio2",)

    def write(self, message: bytes) -> None:
        self.reply(message)

    def status_byte(self) -> int:
        return 0

    def clear(self) -> None:
        self._replies.clear()

    def group_trigger(self) -> None:
        self.send_trigger("digio1")


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a meter in the place of the source meter."""
    monkeypatch.setitem(
        MODELS, "Keithley 2636B", InstrumentModel(f"{__name__}:Meter", stiff="smu")
    )


BENCH = """\
description: test
visa_library: "@labneuro"
instruments:
  smu: {model: Keithley 2636B, address: "TCPIP0::192.0.2.1::inst0::INSTR"}
  afg: {model: Tektronix AFG31000, address: "GPIB0::11::INSTR"}
roles: {source_meter: smu.smua, pulse_generator: afg.ch1}
device: {id: D, model: hnno, geometry: {channel_length: 40 um, thickness: 50 nm}}
limits: {voltage: 10 V, current: 10 mA}
wiring:
  nets:
    - [afg.ch1, device.Au]
    - [smu.smua, device.Pd]
  triggers:
    - [smu.digio1, afg.trigger]
simulation: {card: hnno, seed: 3}
"""


def bench_file(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write the bench file with some text replaced."""
    text = BENCH
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "bench.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_bench_stands() -> None:
    bench = SimulatedBench(load_bench("hnno-sim"))
    assert set(bench.instruments) == {"smu", "afg"}
    assert isinstance(bench.instruments["afg"], TektronixAfg31000)
    assert isinstance(bench.device, HnnoDevice)
    assert isinstance(bench.clock, VirtualClock)


def test_geometry_and_overrides_reach_the_device(tmp_path: Path) -> None:
    path = bench_file(tmp_path, ("seed: 3", "seed: 3, overrides: {resistance: 5 kohm}"))
    bench = SimulatedBench(load_bench(path))
    assert isinstance(bench.device, HnnoDevice)
    assert bench.device.parameters.channel_length == pytest.approx(40e-6)
    assert bench.device.parameters.resistance == pytest.approx(5e3)


def test_seed_and_clock_can_be_given(tmp_path: Path) -> None:
    config = load_bench(bench_file(tmp_path))
    bench = SimulatedBench(config, seed=8, clock="real")
    assert bench.simulation.seed == 8
    assert isinstance(bench.clock, RealClock)
    assert config.simulation is not None
    assert config.simulation.seed == 3


def test_noise_streams_follow_seed_and_name(tmp_path: Path) -> None:
    config = load_bench(bench_file(tmp_path))

    def draw(seed: int, name: str) -> float:
        bench = SimulatedBench(config, seed=seed)
        return float(bench.instruments[name].generator.random())

    assert draw(1, "smu") == draw(1, "smu")
    assert len({draw(1, "smu"), draw(1, "afg"), draw(2, "smu")}) == 3


def test_trigger_wire_and_circuit(tmp_path: Path) -> None:
    """A trigger of the meter makes the generator's pulse arrive at the device."""
    bench = SimulatedBench(load_bench(bench_file(tmp_path)))
    afg, meter = bench.instruments["afg"], bench.instruments["smu"]
    assert isinstance(afg, SimulatedInstrument)
    assert isinstance(meter, SimulatedInstrument)
    meter.drives["smua"].voltage_source(0.0, 1e-3)
    for message in (
        *(b"OUTP1:IMP INF", b"SOUR1:FUNC PULS", b"SOUR1:PULS:PER 1ms"),
        *(b"SOUR1:VOLT:LOW 0;HIGH 1", b"SOUR1:BURS ON", b"SOUR1:BURS:NCYC 1"),
        *(b"TRIG:SOUR EXT", b"OUTP1 ON"),
    ):
        afg.write(message)
    assert bench.circuit.measure(meter.drives["smua"], 1e-3).current == 0.0
    meter.group_trigger()
    reading = bench.circuit.measure(meter.drives["smua"], 0.5e-3)
    assert isinstance(bench.device, HnnoDevice)
    expected = -1.0 / (bench.device.resistance + 50.0)
    assert reading.current == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "model: Tektronix AFG31000",
            "model: Tektronix AFG1",
            "instruments.afg.model: 'Tektronix AFG1' cannot be simulated; known: ",
        ),
        (
            "afg.ch1, dev",
            "afg.ch3, dev",
            "'afg.ch3' is no terminal; 'afg' has: ch1, ch2",
        ),
        ("device.Au", "device.Ag", "'device.Ag' is no terminal; 'device' has: Au, Pd"),
        ("[smu.smua, device.Pd]", "[smu.smua]", "'device.Pd' is on no net"),
        ("device.Pd", "device.Pd, afg.ch1", "'afg.ch1' is given twice"),
        ("smu.smua, device.Pd", "smu.smua, smu.smub, device.Pd", "cannot share a net"),
        ("smu.smua, device.Pd", "smu.smua, ground, device.Pd", "net with ground"),
        ("smu.smua, device.Pd", "device.Pd", "wiring.nets: 'device.Pd' floats"),
        (
            "  triggers:",
            "  probes: {afg.ch1: 10x}\n  triggers:",
            "no voltage input; 'af",
        ),
        (
            '"GPIB0::11::INSTR"',
            '"GPIB0::11::INSTR", modules: {slot1: A}',
            "afg.modules",
        ),
        (
            "smu.digio1",
            "smu.digio9",
            "'smu.digio9' is no trigger output; known: digio1",
        ),
        ("afg.trigger", "afg.gate", "'afg.gate' is no trigger input; known: trigger"),
        ("GPIB0::11::INSTR", "over there", "'over there' is not a VISA resource name"),
        (
            "GPIB0::11::INSTR",
            "tcpip0::192.0.2.1::inst0::instr",
            "is also that of 'smu'",
        ),
        (
            "simulation:",
            "# ",
            "simulation: a simulated bench needs this section",
        ),
        (
            "nets:",
            "resistors: [{between: [afg.ch9, device.Au], value: 1 kohm}]\n  nets:",
            "wiring.resistors: 'afg.ch9' is no terminal; 'afg' has: ch1, ch2",
        ),
    ],
)
def test_what_cannot_be_simulated_is_one_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    changes = [(old, new)]
    if old == "simulation:":
        changes.append(('"@labneuro"', '"@py"'))
    path = bench_file(tmp_path, *changes)
    with pytest.raises(BenchConfigError) as caught:
        SimulatedBench(load_bench(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_clock_and_card(tmp_path: Path) -> None:
    config = load_bench(bench_file(tmp_path))
    with pytest.raises(BenchConfigError, match="'virtual' or 'real', not 'atomic'"):
        SimulatedBench(config, clock="atomic")
    path = bench_file(tmp_path, ("card: hnno", "card: nothing"))
    with pytest.raises(NotInWorkspaceError, match="no card 'nothing'"):
        SimulatedBench(load_bench(path))


def test_every_model_of_the_table_can_be_named() -> None:
    """The table holds module and class of each; the AFG's can be loaded here."""
    for name, model in simulated_bench.MODELS.items():
        module, _, kind = model.path.partition(":")
        assert module, name
        assert kind.isidentifier(), name
    assert MODELS["Tektronix AFG31000"].load() is TektronixAfg31000


@pytest.mark.parametrize(
    "text",
    [
        "usb0::0x0699::0x035e::C013001::instr",
        "USB0::0x0699::0x035e::C013001::instr::INSTR",
        " USB::0x0699::0x035e::C013001::0::INSTR ",
    ],
)
def test_addresses_in_any_case(text: str) -> None:
    assert str(parse_address(text)) == "USB0::0x0699::0x035e::C013001::0::INSTR"


def test_errors_are_ours(tmp_path: Path) -> None:
    with pytest.raises(LabneuroError):
        load_bench(tmp_path / "missing.yaml")
