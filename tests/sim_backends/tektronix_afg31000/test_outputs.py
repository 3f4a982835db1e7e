"""Outputs of the simulated AFG31000 on the circuit: levels, triggers, bursts."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from labneuro.sim_backends import waveforms
from labneuro.sim_backends.scpi.syntax import definite_block
from labneuro.sim_backends.tektronix_afg31000 import limits


def test_output_levels_into_the_load_that_is_set(table):
    """Into a real 50 ohm the set levels appear; the relay is open while off."""
    table.send("SOUR1:FUNC DC", "SOUR1:VOLT:OFFS 1.5")
    assert table.volts() == 0.0
    table.send("OUTP1 ON")
    assert table.volts() == pytest.approx(1.5)
    table.send("OUTP1:IMP INF", "SOUR1:VOLT:OFFS 1.5")
    assert table.volts() == pytest.approx(0.75), "set for no load, 50 ohm halve it"
    table.send("OUTP1 OFF")
    assert table.volts() == 0.0


def test_another_load_gets_the_divider(make_table):
    other = make_table(load=950.0)
    other.send("OUTP1:IMP 950", "SOUR1:FUNC DC", "SOUR1:VOLT:OFFS 2", "OUTP1 ON")
    assert other.volts() == pytest.approx(2.0)
    other.send("OUTP1:IMP 50", "SOUR1:VOLT:OFFS 1")
    assert other.volts() == pytest.approx(2.0 * 950 / 1000)


def pulse(table, *more):
    """Set channel 1 to an externally triggered 100 us pulse of 0 to 2 V."""
    table.send(
        *("SOUR1:FUNC PULS", "SOUR1:PULS:HOLD WIDT", "SOUR1:PULS:PER 200us"),
        *("SOUR1:PULS:WIDT 100us", "SOUR1:VOLT:LOW 0", "SOUR1:VOLT:HIGH 2"),
        *("SOUR1:BURS:NCYC 1", "SOUR1:BURS ON", "TRIG:SOUR EXT", "OUTP1 ON", *more),
    )
    assert table.error() == 0


def test_external_trigger_starts_one_pulse(table):
    """The area of the pulse is exact: 2 V for 100 us, whatever the aperture."""
    pulse(table)
    table.clock.advance(1e-3)
    assert table.volts(1e-3) == 0.0, "idle is the low level"
    table.afg.trigger_in("trigger")
    assert table.volts(1e-3) * 1e-3 == pytest.approx(2.0 * 100e-6, rel=1e-9)
    assert table.volts(1e-3) == 0.0, "one trigger, one burst"


def test_trigger_during_a_burst_is_ignored(table):
    pulse(table)
    table.afg.trigger_in("trigger")
    table.clock.advance(150e-6)
    table.afg.trigger_in("trigger")
    assert table.volts(1e-3) == pytest.approx(0.0, abs=1e-12), "the burst lasts 200 us"
    table.afg.trigger_in("trigger")
    assert table.volts(200e-6) == pytest.approx(1.0)


@pytest.mark.parametrize("command", ["*TRG", "TRIG", "TRIGger:SEQuence:IMMediate"])
def test_bus_trigger(table, command):
    pulse(table, "SOUR1:BURS:NCYC 3")
    table.send(command)
    assert table.volts(1e-3) * 1e-3 == pytest.approx(3 * 2.0 * 100e-6, rel=1e-9)


def test_trigger_delay_and_lead_delay(table):
    pulse(table, "SOUR1:BURS:TDEL 1ms", "SOUR1:PULS:DEL 50us")
    table.send("*TRG")
    assert table.volts(1e-3) == 0.0
    edge = limits.FASTEST_EDGE / 0.8
    assert table.volts(50e-6 + edge / 2) == pytest.approx(0.0, abs=1e-9)
    assert table.volts(100e-6) == pytest.approx(2.0)
    assert table.volts(100e-6) == pytest.approx(0.0, abs=1e-9)


def test_no_pulse_without_output_burst_or_source(table):
    pulse(table, "OUTP1 OFF")
    table.send("*TRG")
    assert table.volts(1e-3) == 0.0
    pulse(table, "SOUR1:BURS:MODE GAT")
    table.afg.trigger_in("trigger")
    assert table.volts(1e-3) == 0.0


@pytest.mark.parametrize(
    ("idle", "level"), [("OFF", -0.5), ("START", -0.5), ("END", 1.0), ("DC", 0.25)]
)
def test_idle_level_of_an_arbitrary_burst(table, idle, level):
    block = definite_block(struct.pack(">4H", 0, 16382, 0, 16382))
    table.afg.write(b"DATA EMEM," + block)
    table.send("SOUR1:FUNC EMEM", "SOUR1:FREQ 1e3", "SOUR1:VOLT:LOW -0.5;HIGH 1")
    table.send(f"SOUR1:BURS:IDLE {idle}", "SOUR1:BURS:NCYC 1", "TRIG:SOUR EXT")
    table.send("SOUR1:BURS ON", "OUTP1 ON")
    assert table.volts(1e-3) == pytest.approx(level)
    table.send("*TRG")
    assert table.volts(1e-3) == pytest.approx(0.25)
    assert table.volts(1e-3) == pytest.approx(level)


def test_internal_timer_repeats_the_burst(table):
    """A timer shorter than the burst loses the triggers that fall into it."""
    pulse(table, "TRIG:TIM 1ms", "TRIG:SOUR TIM")
    assert table.volts(10e-3) == pytest.approx(2.0 * 0.1)
    table.send("TRIG:TIM 150us")
    assert table.volts(3e-3) == pytest.approx(2.0 * 100 / 300)


def test_infinite_burst_runs_until_it_is_rearmed(table):
    pulse(table, "SOUR1:BURS:NCYC INF")
    assert table.volts(1e-3) == 0.0
    table.send("*TRG")
    assert table.volts(10e-3) == pytest.approx(1.0, rel=1e-6)
    table.send("SOUR1:BURS:INFI:REARM")
    assert table.volts(10e-3) == 0.0
    table.send("*TRG")
    assert table.volts(10e-3) == pytest.approx(1.0, rel=1e-6)
    table.send("ABOR")
    assert table.volts(1e-3) == 0.0


def test_polarity_inverts_about_the_offset(table):
    pulse(table, "OUTP1:POL INV")
    assert table.volts(1e-4) == pytest.approx(2.0)
    table.send("*TRG")
    assert table.volts(100e-6) == pytest.approx(0.0, abs=1e-3)


def test_many_cycles_are_not_written_out(table):
    """A burst of a million cycles costs memory only as it is lived through."""
    pulse(table, "SOUR1:BURS:NCYC 1000000", "SOUR1:PULS:PER 2ms")
    table.send("*TRG")
    assert len(table.afg.drives["ch1"].plan) < 100
    assert table.volts(20e-3) == pytest.approx(2.0 * 0.05)


@pytest.mark.parametrize(
    ("shape", "mean", "mean_square"),
    [
        ("SIN", 0.0, 0.5),
        ("SQU", 0.0, 1.0),
        ("RAMP", 0.0, 1 / 3),
        ("HAV", 0.0, 0.5),
    ],
)
def test_continuous_shapes(table, shape, mean, mean_square):
    """Mean and mean square of one cycle at 1 V peak, read step by step."""
    table.send(f"SOUR1:FUNC {shape}", "SOUR1:FREQ 100", "SOUR1:VOLT 2", "OUTP1 ON")
    step = 10e-3 / waveforms.STEPS
    levels = np.array([table.volts(step) for _ in range(waveforms.STEPS)])
    assert levels.mean() == pytest.approx(mean, abs=1e-9)
    assert (levels**2).mean() == pytest.approx(mean_square, rel=2e-3)


def test_phase_turns_the_wave(table):
    table.send("SOUR1:FUNC SQU", "SOUR1:FREQ 100", "SOUR1:PHAS 90DEG", "OUTP1 ON")
    quarters = [table.volts(2.5e-3) for _ in range(4)]
    assert quarters == pytest.approx([0.5, -0.5, -0.5, 0.5])


def test_noise_lies_between_the_levels(table):
    """Six sigma: over 1000 steps the mean is within 5 standard errors (1e-6)."""
    table.send("SOUR1:FUNC PRN", "SOUR1:VOLT:LOW -1;HIGH 2", "OUTP1 ON")
    levels = np.array([table.volts(waveforms.NOISE_STEP) for _ in range(1000)])
    assert levels.min() >= -1.0
    assert levels.max() <= 2.0
    assert abs(levels.mean() - 0.5) < 5 * 0.5 / math.sqrt(1000)


def test_a_long_jump_stretches_cycles_but_keeps_shares(table):
    """1e9 cycles of 1 MHz are lived through in a bounded number of changes."""
    table.send("SOUR1:FUNC PULS", "SOUR1:PULS:DCYC 25", "SOUR1:VOLT:LOW 0;HIGH 2")
    table.send("OUTP1 ON")
    assert table.volts(1000.0) == pytest.approx(0.5, rel=1e-3)
