"""What the simulated 81160A puts on the circuit: waveforms, edges, triggers."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from labneuro.sim_backends import waveforms
from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keysight_81160a import limits
from labneuro.sim_backends.keysight_81160a.instrument import Keysight81160A
from labneuro.sim_backends.wiring import Circuit


class Bench:
    """An 81160A with 50 ohm at every connector."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        names = [f"gen.{terminal}" for terminal in Keysight81160A.terminals]
        self.circuit = Circuit(
            self.clock,
            [[name] for name in names],
            resistors=[(name, "ground", 50.0) for name in names],
        )
        surroundings = Surroundings(
            self.clock, self.circuit, np.random.default_rng(1), noise=False
        )
        self.generator = Keysight81160A("gen", surroundings)
        self.sent: list[tuple[float, str]] = []
        for line, receivers in self.generator.trigger_lines.items():
            receivers.append(partial(self._note, line))

    def _note(self, line: str) -> None:
        self.sent.append((self.clock.now, line))

    def send(self, *messages: str) -> None:
        """Send messages and see that none is an error."""
        for message in messages:
            self.generator.write(message.encode())
            assert not self.generator.status.errors, message

    def volts(self, terminal: str = "ch1", span: float = 0.0) -> float:
        """Mean voltage at a connector over the next `span` s."""
        drive = self.generator.drives[terminal]
        return self.circuit.measure(drive, span).voltage

    def at(self, time: float, terminal: str = "ch1") -> float:
        """Voltage at a connector at a bench time, which must not be past."""
        self.clock.advance(time - self.clock.now)
        return self.volts(terminal)

    def is_open(self, terminal: str) -> bool:
        """Whether a connector is disconnected: no current flows whatever it sees."""
        return math.isinf(self.generator.drives[terminal].resistance)


@pytest.fixture
def bench() -> Bench:
    return Bench()


PULSE = ":FUNC1 PULS;:PULS:WIDT1 10us;:VOLT1:HIGH 3;:VOLT1:LOW 0;:ARM:SOUR1 EXT"


def test_outputs_are_open_until_they_are_on(bench: Bench) -> None:
    bench.send(":FUNC1 DC;:VOLT1:OFFS 2")
    assert all(bench.is_open(terminal) for terminal in Keysight81160A.terminals)
    bench.send(":OUTP1 ON")
    assert bench.volts() == pytest.approx(2.0)
    assert bench.is_open("ch1_complement")
    assert bench.is_open("ch2")
    bench.send(":OUTP1 OFF")
    assert bench.is_open("ch1")
    assert bench.volts() == 0.0


def test_a_source_resistance_of_five_ohm_gives_more_into_the_load(bench: Bench) -> None:
    bench.send(":FUNC1 DC;:VOLT1:OFFS 2;:OUTP1 ON;:OUTP1:IMP 5")
    assert bench.volts() == pytest.approx(4.0 * 50.0 / 55.0)


def test_a_trigger_plays_one_pulse_after_its_delay(bench: Bench) -> None:
    bench.send(PULSE, ":PULS:DEL1 5us;:PULS:PER1 1us;:OUTP1 ON")
    bench.clock.advance(1e-3)
    assert bench.volts() == 0.0
    start = bench.clock.now
    bench.generator.trigger_in("trigger")
    assert bench.at(start + 4.9e-6) == 0.0
    assert bench.at(start + 5.1e-6) == pytest.approx(3.0)
    assert bench.at(start + 14.9e-6) == pytest.approx(3.0)
    assert bench.at(start + 15.1e-6) == 0.0
    assert bench.at(start + 1e-3) == 0.0
    assert bench.sent == [(start, "trigger")]


def test_a_trigger_during_a_pulse_is_ignored_and_after_it_counts(bench: Bench) -> None:
    bench.send(PULSE, ":OUTP1 ON")
    bench.generator.trigger_in("trigger")
    bench.clock.advance(9e-6)
    bench.generator.trigger_in("trigger")
    assert bench.at(11e-6) == 0.0
    bench.generator.trigger_in("trigger")
    assert bench.at(12e-6) == pytest.approx(3.0)
    assert [time for time, _ in bench.sent] == pytest.approx([0.0, 11e-6])


def test_a_burst_counts_its_pulses(bench: Bench) -> None:
    bench.send(PULSE, ":PULS:PER1 50us;:TRIG:COUN1 3;:OUTP1 ON")
    bench.generator.trigger_in("trigger")
    mean = bench.volts(span=1e-3)
    assert mean == pytest.approx(3 * 3.0 * 10e-6 / 1e-3, rel=1e-6)


def test_a_long_burst_is_played_to_its_end(bench: Bench) -> None:
    bench.send(PULSE, ":PULS:PER1 50us;:TRIG:COUN1 100;:OUTP1 ON")
    bench.generator.trigger_in("trigger")
    assert bench.volts(span=5e-3) == pytest.approx(0.6, rel=1e-6)
    assert bench.volts(span=1e-3) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("source", "wire", "bus"), [("EXT", True, False), ("MAN", False, True)]
)
def test_a_source_listens_to_its_trigger_alone(
    bench: Bench, source: str, wire: bool, bus: bool
) -> None:
    bench.send(PULSE, f":ARM:SOUR1 {source};:OUTP1 ON")
    bench.generator.trigger_in("trigger")
    bench.clock.advance(5e-6)
    assert (bench.volts() > 1.0) is wire
    bench.clock.advance(1e-3)
    for trigger in ("*TRG", ":TRIG", ":TRIGger2:IMMediate"):
        bench.send(trigger)
        bench.clock.advance(5e-6)
        assert (bench.volts() > 1.0) is bus, trigger
        bench.clock.advance(1e-3)


def test_the_internal_trigger_repeats_a_burst(bench: Bench) -> None:
    bench.send(PULSE, ":ARM:SOUR1 INT2;:ARM:PER1 100us;:OUTP1 ON")
    assert bench.volts(span=10e-3) == pytest.approx(0.3, rel=1e-6)
    bench.send(":PULS:PER1 20us;:ARM:SENS1 LEV")  # gated half of the time
    assert bench.volts(span=10e-3) == pytest.approx(3 * 0.3, rel=1e-6)


def test_a_gated_output_without_a_gate_is_idle(bench: Bench) -> None:
    bench.send(PULSE, ":PULS:PER1 20us;:ARM:SENS1 LEV;:OUTP1 ON")
    bench.generator.trigger_in("trigger")
    assert bench.volts(span=1e-3) == 0.0
    bench.send(":ARM:SENS1 EDGE;:TRIG:COUN1 2;:BURS1:MODE GAT")
    bench.generator.trigger_in("trigger")
    assert bench.volts(span=1e-3) == 0.0
    assert bench.sent == []


def test_a_continuous_pulse_runs_by_itself(bench: Bench) -> None:
    bench.send(PULSE, ":PULS:PER1 40us;:ARM:SOUR1 IMM;:OUTP1 ON")
    assert bench.volts(span=4e-3) == pytest.approx(0.75, rel=1e-6)
    bench.generator.trigger_in("trigger")
    assert bench.volts(span=4e-3) == pytest.approx(0.75, rel=1e-6)


def test_the_complement_mirrors_the_output(bench: Bench) -> None:
    bench.send(PULSE, ":VOLT1:LOW 1;:OUTP1 ON;:OUTP1:COMP ON")
    assert bench.volts("ch1_complement") == pytest.approx(3.0)
    bench.generator.trigger_in("trigger")
    bench.clock.advance(5e-6)
    assert bench.volts("ch1") == pytest.approx(3.0)
    assert bench.volts("ch1_complement") == pytest.approx(1.0)
    bench.send(":OUTP1 OFF")
    assert bench.is_open("ch1")
    assert bench.volts("ch1_complement") == pytest.approx(3.0)


def test_inverted_polarity_exchanges_the_levels(bench: Bench) -> None:
    bench.send(PULSE, ":VOLT1:HIGH 0;:VOLT1:LOW -2;:OUTP1:POL INV;:OUTP1 ON")
    assert bench.volts() == 0.0
    bench.generator.trigger_in("trigger")
    assert bench.at(5e-6) == pytest.approx(-2.0)


def test_two_channels_start_together(bench: Bench) -> None:
    second = PULSE.replace("1 ", "2 ").replace("VOLT1", "VOLT2").replace("C1", "C2")
    bench.send(PULSE, second, ":OUTP1 ON;:OUTP2 ON")
    bench.generator.trigger_in("trigger")
    bench.clock.advance(5e-6)
    assert bench.volts("ch1") == pytest.approx(3.0)
    assert bench.volts("ch2") == pytest.approx(3.0)
    assert bench.sent == [(0.0, "trigger"), (0.0, "trigger2")]


def test_a_trigger_wire_back_to_the_generator_does_not_run_away(bench: Bench) -> None:
    generator = bench.generator
    generator.trigger_lines["trigger"].append(lambda: generator.trigger_in("trigger"))
    bench.send(PULSE, ":OUTP1 ON")
    generator.trigger_in("trigger")
    assert len(bench.sent) == 1


@pytest.mark.parametrize(("leading", "trailing"), [(1e-9, 1e-9), (40e-9, 200e-9)])
def test_edges_are_ramps_of_their_transition_time(
    bench: Bench, leading: float, trailing: float
) -> None:
    bench.send(PULSE, f":PULS:TRAN1 {leading};:PULS:TRAN1:TRA {trailing};:OUTP1 ON")
    bench.generator.trigger_in("trigger")
    plan = list(bench.generator.drives["ch1"].plan)
    half = len(plan) // 2
    for part, low, duration in ((plan[:half], 0.1, leading), (plan[half:], 0.9, 0.0)):
        times, levels = np.array(part).T
        assert len(times) == limits.EDGE_STEPS + 1
        share = levels / 6.0
        crossing = np.interp([0.1, 0.9], share, times) if low < 0.5 else None
        if crossing is not None:
            assert np.ptp(crossing) == pytest.approx(duration, rel=0.05)
        else:
            crossing = np.interp([0.1, 0.9], share[::-1], times[::-1])
            assert np.ptp(crossing) == pytest.approx(trailing, rel=0.05)
        assert np.diff(times).max() <= 1.25 * max(leading, trailing) / 31


def test_an_edge_far_shorter_than_its_pulse_is_one_step(bench: Bench) -> None:
    """What an edge of 1 ns does in 250 us would only cost time; its middle stays."""
    bench.send(PULSE, ":PULS:PER 500us;WIDT 250us;:OUTP1 ON")
    bench.generator.trigger_in("trigger")
    times = [time for time, _ in bench.generator.drives["ch1"].plan]
    assert len(times) == 2
    assert np.ptp(times) == pytest.approx(250e-6, rel=1e-9)


def test_the_width_is_that_between_the_middles_of_the_edges(bench: Bench) -> None:
    bench.send(PULSE, ":PULS:TRAN1 1us;:PULS:TRAN1:TRA 2us;:OUTP1 ON")
    bench.generator.trigger_in("trigger")
    area = bench.volts(span=100e-6) * 100e-6
    assert area == pytest.approx(3.0 * 10e-6, rel=1e-6)


def test_short_edges_stay_one_step_where_that_is_asked_for() -> None:
    def steps(share: float) -> int:
        cycle = waveforms.pulse_cycle(
            1.0,
            0.0,
            1.0,
            width=0.5,
            delay=0.0,
            leading=1e-6,
            trailing=1e-6,
            edge_steps=20,
            short_edge=share,
        )
        return len(cycle.changes)

    assert steps(waveforms.SHORT_EDGE) == 3
    assert steps(0.0) == 1 + 2 * 21


@pytest.mark.parametrize(
    ("shape", "mean", "square"),
    [
        ("SIN", 0.5, 1.0 / 8.0),
        ("SQU", 0.5, 1.0 / 4.0),
        ("RAMP", 0.5, 1.0 / 12.0),
        ("NOIS", 0.5, 1.0 / 36.0),
    ],
)
def test_shapes_have_their_mean_and_power(
    bench: Bench, shape: str, mean: float, square: float
) -> None:
    bench.send(f":FUNC1 {shape};:FREQ1 1kHz;:VOLT1:HIGH 1;:VOLT1:LOW 0;:OUTP1 ON")
    volts = np.array([bench.volts(span=7.8125e-6) for _ in range(128)])
    assert volts.mean() == pytest.approx(mean, abs=0.02)
    if shape != "NOIS":  # the average over 8 us is narrower than the noise
        assert volts.var() == pytest.approx(square, rel=0.02)
    else:
        assert 0.0 < volts.var() < square


@pytest.mark.parametrize("duty", [25.0, 80.0])
@pytest.mark.parametrize("phase", [0.0, 60.0, -120.0])
def test_a_square_wave_has_its_duty_cycle_at_any_phase(
    bench: Bench, duty: float, phase: float
) -> None:
    bench.send(f":FUNC1 SQU;:FUNC1:SQU:DCYC {duty};:PHAS1 {phase};:FREQ1 1kHz")
    bench.send(":VOLT1:HIGH 1;:VOLT1:LOW 0;:OUTP1 ON")
    start = (phase / 360.0) % 1.0 < duty / 100.0
    assert bench.volts() == pytest.approx(1.0 if start else 0.0)
    assert bench.volts(span=10e-3) == pytest.approx(duty / 100.0, rel=1e-9)


def test_a_triggered_sine_begins_and_ends_at_its_phase(bench: Bench) -> None:
    bench.send(":FREQ1 1kHz;:VOLT1 2;:BURS1:PHAS 90;:ARM:SOUR1 EXT;:OUTP1 ON")
    assert bench.volts() == pytest.approx(1.0)
    bench.generator.trigger_in("trigger")
    assert bench.at(0.5e-3) == pytest.approx(-1.0, rel=0.01)
    assert bench.at(2e-3) == pytest.approx(1.0)


def test_an_arbitrary_waveform_is_played_point_by_point(bench: Bench) -> None:
    bench.send(":DATA1:DAC VOLATILE,0,8191,-8191,4095;:FUNC1 USER;:FREQ1 1kHz")
    bench.send(":VOLT1 4;:ARM:SOUR1 EXT;:OUTP1 ON")
    assert bench.volts() == pytest.approx(0.0)
    bench.generator.trigger_in("trigger")
    seen = [bench.at(0.25e-3 * (step + 0.5)) for step in range(4)]
    assert seen == pytest.approx([0.0, 2.0, -2.0, 2.0 * 4095 / 8191])
    assert bench.at(2e-3) == pytest.approx(0.0)
    bench.send(":OUTP1:POL INV")
    bench.generator.trigger_in("trigger")
    assert bench.at(bench.clock.now + 0.375e-3) == pytest.approx(-2.0)


def test_a_download_reaches_an_output_that_plays(bench: Bench) -> None:
    bench.send(":FUNC1 USER;:VOLT1 2;:OUTP1 ON;:DATA1 VOLATILE,1,1,1")
    assert bench.volts() == pytest.approx(1.0)
    bench.send(":DATA1 VOLATILE,-0.5,-0.5")
    assert bench.volts() == pytest.approx(-0.5, rel=1e-3)


def test_reset_and_recall_open_the_outputs(bench: Bench) -> None:
    bench.send(PULSE, ":OUTP1 ON;:OUTP1:COMP ON;*SAV 1")
    bench.send("*RCL 1")
    assert bench.is_open("ch1")
    bench.send(":OUTP1 ON;:OUTP1:COMP ON;*RST")
    assert bench.is_open("ch1")
    assert bench.is_open("ch1_complement")
