"""Our driver on the simulated 81160A: what it sets it reads back, or it is refused."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymeasure.adapters import Adapter

from labneuro.instruments.keysight_81160a import Keysight81160A
from labneuro.instruments.keysight_81160a_pulses import Keysight81160APulseGenerator
from labneuro.instruments.roles import Waveform
from labneuro.safety import Limits
from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keysight_81160a import instrument as simulated
from labneuro.sim_backends.wiring import Circuit

LOAD = 1e5


class Wire(Adapter):  # type: ignore[misc]  # PyMeasure has no types
    """Hands messages to a simulated instrument and its answers back."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        names = ("gen.ch1", "gen.ch2")
        self.circuit = Circuit(
            self.clock,
            [[name] for name in names],
            resistors=[(name, "ground", LOAD) for name in names],
        )
        surroundings = Surroundings(
            self.clock, self.circuit, np.random.default_rng(1), noise=False
        )
        self.generator = simulated.Keysight81160A("gen", surroundings)
        self.connection: Any = SimpleNamespace(
            clear=self.generator.clear, close=lambda: None
        )

    def _write(self, command: str, **_: Any) -> None:
        self.generator.write(command.encode())

    def _write_bytes(self, content: bytes, **_: Any) -> None:
        self.generator.write(content)

    def _read(self, **_: Any) -> str:
        reply = self.generator.next_reply()
        assert reply is not None
        return reply.content.decode()

    def volts(self) -> float:
        """Return the voltage at the load of channel 1."""
        return self.circuit.measure(self.generator.drives["ch1"], 0.0).voltage


@pytest.fixture
def wire() -> Wire:
    return Wire()


@functools.cache
def _shared() -> tuple[Wire, Keysight81160A]:
    wire = Wire()
    return wire, Keysight81160A(wire)


def fresh() -> tuple[Wire, Keysight81160A]:
    """Return an instrument after a reset and its driver: making them takes longer."""
    wire, driver = _shared()
    driver.reset()
    driver.clear()
    driver.ch_1.load_resistance = 50.0
    return wire, driver


# Name, header, lowest, highest, steps of a volt or None for nine significant digits.
NUMBERS = [
    ("frequency", ":FREQ1", 1e-6, 500e6, None),
    ("period", ":PULS:PER1", 2e-9, 1e6, None),
    ("amplitude", ":VOLT1", 0.05, 5.0, 1e-4),
    ("offset", ":VOLT1:OFFS", -5.0, 5.0, 1e-4),
    ("high", ":VOLT1:HIGH", -4.95, 5.0, 1e-4),
    ("low", ":VOLT1:LOW", -5.0, 4.95, 1e-4),
    ("high_limit", ":VOLT1:LIM:HIGH", -9.99, 10.0, 1e-4),
    ("low_limit", ":VOLT1:LIM:LOW", -10.0, 9.99, 1e-4),
    ("square_duty", ":FUNC1:SQU:DCYC", 0.0001515, 99.9998485, None),
    ("ramp_symmetry", ":FUNC1:RAMP:SYMM", 0.0, 100.0, None),
    ("pulse_width", ":PULS:WIDT1", 1.5e-9, 1e6, None),
    ("pulse_duty", ":PULS:DCYC1", 0.15, 99.99, None),
    ("pulse_delay", ":PULS:DEL1", 0.0, 1e6, None),
    ("leading_edge", ":PULS:TRAN1", 1e-9, 1e3, None),
    ("trailing_edge", ":PULS:TRAN1:TRA", 1e-9, 1e3, None),
    ("burst_cycles", ":BURS1:NCYC", 2, 2_147_483_647, None),
    ("trigger_period", ":ARM:PER1", 3.03e-9, 1e6, None),
    ("load_resistance", ":OUTP1:LOAD", 0.3, 1e6, None),
]


@given(data=st.data())
@pytest.mark.parametrize(("name", "header", "low", "high", "step"), NUMBERS)
def test_a_number_reads_back_as_the_instrument_rounds_it(
    name: str, header: str, low: float, high: float, step: float | None, data: Any
) -> None:
    _, driver = fresh()
    whole = isinstance(low, int)
    floats = st.floats(low, high)
    value = data.draw(st.integers(int(low), int(high)) if whole else floats)
    setattr(driver.ch_1, name, value)
    assert driver.errors == []
    seen = getattr(driver.ch_1, name)
    if whole:
        assert seen == value
    elif step is not None:
        sent = 1e-6 * abs(value)  # seven digits go over the wire
        assert abs(seen - value) <= 0.5 * step + sent + 1e-12
        assert round(seen / step) * step == pytest.approx(seen, abs=1e-12)
    else:
        assert seen == pytest.approx(value, rel=2e-7, abs=1e-300)
    setattr(driver.ch_1, name, seen)  # what it has rounded stays
    assert getattr(driver.ch_1, name) == seen


@given(data=st.data())
@pytest.mark.parametrize(("name", "header", "low", "high", "step"), NUMBERS)
def test_a_number_out_of_range_is_error_222_and_changes_nothing(
    name: str, header: str, low: float, high: float, step: float | None, data: Any
) -> None:
    wire, driver = fresh()
    before = wire.generator.snapshot()
    above = st.floats(high + 1e-3 * abs(high) + 1e-6, 1e30)
    below = st.floats(-1e30, low - 1e-3 * abs(low) - 1e-15)
    value = data.draw(above | below)
    if isinstance(low, int):
        value = high + 1 if value > high else low - 1
    driver.write(f"{header} {value:.12g}")
    assert driver.next_error == (-222, "Data out of range")
    assert driver.errors == []
    assert wire.generator.snapshot() == before


SWITCHES = [
    ("shape", ["sine", "square", "ramp", "pulse", "noise", "dc", "arbitrary"]),
    ("waveform", ["EXP_RISE", "SINC", "CARDIAC"]),
    ("amplitude_unit", ["VPP", "VRMS", "DBM"]),
    ("limits_enabled", [True, False]),
    ("pulse_hold", ["duty", "width"]),
    ("trailing_follows", [False, True]),
    ("burst_enabled", [True, False]),
    ("trigger_source", ["internal", "external", "manual", "continuous"]),
    ("trigger_sense", ["level", "edge"]),
    ("inverted", [True, False]),
    ("output_enabled", [True, False]),
    ("complement_enabled", [True, False]),
]


@pytest.mark.parametrize(("name", "values"), SWITCHES)
def test_a_word_reads_back(wire: Wire, name: str, values: list[object]) -> None:
    driver = Keysight81160A(wire)
    for value in values:
        setattr(driver.ch_2, name, value)
        assert getattr(driver.ch_2, name) == value
    assert driver.errors == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("trigger_slope", ["negative", "either", "positive"]),
        ("trigger_level", [-10.0, 1.4, 10.0]),
        ("trigger_resistance", [50.0, 10e3]),
        ("big_endian", [False, True]),
    ],
)
def test_what_both_channels_share_reads_back(
    wire: Wire, name: str, values: list[object]
) -> None:
    driver = Keysight81160A(wire)
    for value in values:
        setattr(driver, name, value)
        assert getattr(driver, name) == value
    assert driver.errors == []


def test_a_waveform_is_uploaded_stored_and_deleted(wire: Wire) -> None:
    driver = Keysight81160A(wire)
    driver.ch_1.upload(np.array([0, 8191, -8191]))
    driver.ch_1.store_waveform("mine_1")
    assert driver.ch_1.stored_waveforms == ("MINE_1",)
    driver.ch_1.waveform = "mine_1"
    assert driver.ch_1.waveform == "MINE_1"
    driver.ch_1.delete_waveform("MINE_1")
    assert driver.ch_1.stored_waveforms == ()
    assert driver.errors == []


WAVEFORMS = {
    "a pulse": ((2.5, 100e-6),),
    "a late pulse": ((0.0, 20e-6), (2.5, 100e-6), (0.0, 1e-3)),
    "a negative pulse": ((-3.0, 50e-6),),
    "a train": ((2.5, 10e-6), (0.0, 30e-6)) * 3,
    "both signs": ((4.2, 100e-6), (0.0, 2e-4), (-3.0, 100e-6)),
    "unequal pulses": ((2.0, 10e-6), (0.0, 10e-6), (2.0, 20e-6)),
    "a tiny pulse": ((0.02, 100e-6),),
    "steps beyond 5 V": ((6.0, 100e-6), (8.0, 100e-6)),
    "steps below -5 V": ((-6.0, 100e-6), (-3.0, 100e-6)),
}


@pytest.mark.parametrize("name", WAVEFORMS)
def test_the_load_sees_the_waveform_that_was_asked_for(wire: Wire, name: str) -> None:
    waveform = Waveform(WAVEFORMS[name])
    generator = Keysight81160APulseGenerator(
        Keysight81160A(wire), "ch1", Limits(voltage=8.0)
    )
    generator.load(waveform)
    generator.output_on()
    for _ in range(2):
        assert wire.volts() == pytest.approx(0.0, abs=1e-9)
        wire.generator.trigger_in("trigger")
        begin = wire.clock.now
        for level, duration in waveform.segments:
            wire.clock.advance(0.5 * duration)
            expected = level * LOAD / (LOAD + 50.0)
            assert wire.volts() == pytest.approx(expected, abs=1e-3), (level, duration)
            begin += duration
            wire.clock.advance(begin - wire.clock.now)
        wire.clock.advance(1e-3)
    assert wire.volts() == pytest.approx(0.0, abs=1e-9)
    generator.fire()
    wire.clock.advance(0.5 * waveform.segments[0][1])
    first = waveform.levels[0] * LOAD / (LOAD + 50.0)
    assert wire.volts() == pytest.approx(first, abs=1e-3)
    generator.make_safe()
    assert np.isinf(wire.generator.drives["ch1"].resistance)


def test_waveforms_follow_each_other_while_the_output_is_on(wire: Wire) -> None:
    driver = Keysight81160A(wire)
    generator = Keysight81160APulseGenerator(driver, "ch1", Limits(voltage=9.0))
    for number, segments in enumerate((*WAVEFORMS.values(), *WAVEFORMS.values())):
        generator.load(Waveform(segments))
        if number == 0:
            generator.output_on()
        assert driver.ch_1.output_enabled is True
        wire.generator.trigger_in("trigger")
        level, duration = next(part for part in segments if part[0])
        delay = segments[0][1] if segments[0][0] == 0.0 else 0.0
        wire.clock.advance(delay + 0.5 * duration)
        assert wire.volts() == pytest.approx(level * LOAD / (LOAD + 50), abs=1e-3)
        wire.clock.advance(10e-3)


def test_the_instrument_refuses_what_is_beyond_the_limits(wire: Wire) -> None:
    driver = Keysight81160A(wire)
    generator = Keysight81160APulseGenerator(driver, "ch1", Limits(voltage=3.0))
    generator.load(Waveform(((3.0, 1e-6),)))
    driver.ch_1.high = 3.1
    assert driver.errors == ["-222 Data out of range"]
    assert driver.ch_1.high == pytest.approx(3.0)
