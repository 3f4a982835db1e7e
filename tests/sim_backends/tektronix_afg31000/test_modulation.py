"""Modulation and frequency sweep of the simulated AFG31000: settings and waves."""

from __future__ import annotations

import math

import numpy as np
import pytest

STEP = 1e-3 / 64  # s: the steps of a wave of 1 kHz


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SOUR1:AM:STAT?", "0"),
        ("SOUR1:AM:DEPT?", 50.0),
        ("SOUR2:AM:INT:FREQ?", 10e3),
        ("SOUR1:AM:INT:FUNC?", "SIN"),
        ("SOUR1:AM:SOUR?", "INT"),
        ("SOUR1:AM:INT:FUNC:EFIL?", '" "'),
        ("SOUR1:FM:DEV?", 1e6),
        ("SOUR1:PM:DEV?", math.pi / 2),
        ("SOUR1:FSK:FREQ?", 1e6),
        ("SOUR1:FSK:INT:RATE?", 50.0),
        ("SOUR1:PWM:DEV:DCYC?", 5.0),
        ("SOUR1:FREQ:STAR?", 100e3),
        ("SOUR1:FREQ:STOP?", 1e6),
        ("SOUR1:FREQ:CENT?", 550e3),
        ("SOUR1:FREQ:SPAN?", 900e3),
        ("SOUR1:SWE:TIME?", 10e-3),
        ("SOUR1:SWE:HTIM?", 0.0),
        ("SOUR1:SWE:RTIM?", 1e-3),
        ("SOUR1:SWE:SPAC?", "LIN"),
        ("SOUR1:SWE:MODE?", "AUTO"),
        ("SOUR1:COMB:FEED?", '""'),
        ("SOUR3:POW?", 10.0),
    ],
)
def test_defaults(table, query, expected):
    answer = table.ask(query)
    if isinstance(expected, str):
        assert answer == expected
    else:
        assert float(answer) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("command", "query", "expected"),
    [
        ("SOUR1:AM:DEPT 33.33", "SOUR1:AM?", 33.3),
        ("SOUR1:AM:INT:FREQ 1.23456Hz", "SOUR1:AM:INT:FREQ?", 1.235),
        ("SOUR1:FM:DEV 12.5 kHz", "SOUR1:FM:DEV?", 12.5e3),
        ("SOUR2:PM:DEV 45 DEG", "SOUR2:PM:DEV?", math.pi / 4),
        ("SOUR1:FSK:FREQ 3e3", "SOUR1:FSK:FREQ?", 3e3),
        ("SOUR1:PWM:DEV:DCYC 12.34", "SOUR1:PWM:DEV:DCYC?", 12.3),
        ("SOUR1:FREQ:CENT 600e3", "SOUR1:FREQ:STAR?", 150e3),
        ("SOUR1:FREQ:SPAN 200e3", "SOUR1:FREQ:STOP?", 650e3),
        ("SOUR1:FREQ:SPAN -200e3", "SOUR1:FREQ:STAR?", 650e3),
        ("SOUR1:SWE:TIME MAX", "SOUR1:SWE:TIME?", 500.0),
        ("SOUR4:POW 25 PCT", "SOUR4:POW?", 25.0),
        ("SOUR1:PM:INT:FUNC NRAMp", "SOUR1:PM:INT:FUNC?", "NRAM"),
        ("SOUR1:COMB:FEED 'noise'", "SOUR1:COMB:FEED?", '"NOIS"'),
        ("SOUR1:SWE:SPAC LOG", "SOUR1:SWE:SPAC?", "LOG"),
    ],
)
def test_settings_read_back(table, command, query, expected):
    table.send(command)
    answer = table.ask(query)
    if isinstance(expected, str):
        assert answer == expected
    else:
        assert float(answer) == pytest.approx(expected, rel=1e-9)
    assert table.error() == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("SOUR1:AM:DEPT 120.2", -222),
        ("SOUR1:AM:INT:FREQ 1mHz", -222),
        ("SOUR1:FM:INT:FREQ 50.1e3", -222),
        ("SOUR1:FM:DEV 51e6", -222),
        ("SOUR1:PM:DEV 181 DEG", -222),
        ("SOUR1:FSK:FREQ 101e6", -222),
        ("SOUR1:FREQ:STOP 0", -222),
        ("SOUR1:FREQ:CENT 100e3", -222),
        ("SOUR1:FREQ:SPAN 1.2e6", -222),
        ("SOUR1:SWE:TIME 0.9ms", -222),
        ("SOUR1:PWM:DEV:DCYC 50", -222),
        ("SOUR1:PWM:STAT ON", -221),
        ("SOUR1:AM:INT:FUNC USER2", -220),
        ("SOUR1:AM:INT:FUNC EFIL", -220),
        ("SOUR1:FUNC EFIL", -220),
        ("SOUR1:AM:SOUR NOISE", -224),
        ("SOUR1:FM:INT:FUNC:EFIL 'M:/none.tfwx'", -256),
        ("SOUR1:POW 5", -114),
        ("SOUR3:POW 51", -222),
        ("SOUR3:AM:STAT ON", -114),
    ],
)
def test_what_is_wrong_changes_nothing(table, message, code):
    before = dict(vars(table.afg.channels[1].settings))
    table.send(message)
    assert [table.error(), table.error()] == [code, 0]
    assert vars(table.afg.channels[1].settings) == before


def test_only_one_run_mode_at_a_time(table):
    modes = {
        "AM:STAT": "1",
        "FM:STAT": "1",
        "PM:STAT": "1",
        "FSK:STAT": "1",
        "BURS:STAT": "1",
        "FREQ:MODE": "SWE",
    }
    for header, on in modes.items():
        table.send(f"SOUR1:{header} {on}")
        states = {other: table.ask(f"SOUR1:{other}?") for other in modes}
        assert states == {
            other: on if other == header else ("CW" if other == "FREQ:MODE" else "0")
            for other in modes
        }
    table.send("SOUR1:FREQ:MODE FIX")
    assert table.ask("SOUR1:FREQ:MODE?") == "CW"


def test_a_shape_that_cannot_be_swept_ends_the_sweep(table):
    table.send("SOUR1:FREQ:MODE SWE", "SOUR1:FUNC RAMP")
    assert table.ask("SOUR1:FREQ:MODE?") == "SWE"
    table.send("SOUR1:FUNC GAUS")
    assert table.ask("SOUR1:FREQ:MODE?") == "CW"
    table.send("SOUR1:FREQ:MODE SWE")
    assert table.error() == -221


def test_a_lower_highest_frequency_clips_the_sweep_with_a_conflict(table):
    table.send("SOUR1:FREQ:STOP 20e6", "SOUR1:FREQ:MODE SWE", "SOUR1:FUNC RAMP")
    assert table.error() == -221
    assert table.value("SOUR1:FREQ:STOP?") == 1e6


def carrier(table, shape, *more):
    """Play 1 kHz of 2 Vpp, modulated at 10 Hz by a square wave."""
    table.send(f"SOUR1:FUNC {shape}", "SOUR1:FREQ 1e3", "SOUR1:VOLT 2", *more)
    table.send("OUTP1 ON")
    assert table.error() == 0


def rises(levels):
    """Count how often a wave rises through the middle."""
    return int(np.sum((levels[:-1] < 0) & (levels[1:] >= 0)))


@pytest.mark.parametrize(("depth", "shares"), [(50, (1.5, 0.5)), (120, (2.2, -0.2))])
def test_am(table, depth, shares):
    """The amplitude is A/2.2 (1 + depth m): the whole of it at 120 %."""
    table.send(
        "SOUR1:AM:INT:FUNC SQU", "SOUR1:AM:INT:FREQ 10", f"SOUR1:AM:DEPT {depth}"
    )
    carrier(table, "SQU", "SOUR1:AM:STAT ON")
    for share in shares:
        levels = table.trace(0.5e-3, 100)
        assert levels[:4] == pytest.approx(
            np.array([1, -1, 1, -1]) * share / 2.2, abs=1e-9
        )
        assert np.abs(levels) == pytest.approx(abs(share) / 2.2)


def test_am_from_outside_sees_nothing_at_its_input(table):
    table.send("SOUR1:AM:SOUR EXT")
    carrier(table, "SQU", "SOUR1:AM:STAT ON")
    assert table.volts(0.5e-3) == pytest.approx(1 / 2.2)


def test_fm(table):
    """1 kHz +- 500 Hz: 75 and 25 periods in 50 ms."""
    table.send("SOUR1:FM:INT:FUNC SQU", "SOUR1:FM:INT:FREQ 10", "SOUR1:FM:DEV 500")
    carrier(table, "SIN", "SOUR1:FM:STAT ON")
    assert rises(table.trace(STEP, 3200)) == pytest.approx(75, abs=1)
    assert rises(table.trace(STEP, 3200)) == pytest.approx(25, abs=1)


def test_fsk(table):
    table.send("SOUR1:FSK:FREQ 3e3", "SOUR1:FSK:INT:RATE 10")
    carrier(table, "SIN", "SOUR1:FSK:STAT ON")
    assert rises(table.trace(STEP, 3200)) == pytest.approx(50, abs=1)
    assert rises(table.trace(STEP, 3200)) == pytest.approx(150, abs=1)


def test_pm(table):
    """A quarter turn ahead, then a quarter turn behind."""
    table.send("SOUR1:PM:INT:FUNC SQU", "SOUR1:PM:INT:FREQ 10", "SOUR1:PM:DEV 90 DEG")
    carrier(table, "SQU", "SOUR1:PM:STAT ON")
    ahead, behind = table.trace(0.25e-3, 200), table.trace(0.25e-3, 200)
    assert ahead[:8] == pytest.approx([1, -1, -1, 1] * 2)
    assert behind[-8:] == pytest.approx([-1, 1, 1, -1] * 2)


def test_pwm(table):
    """Duty cycle 50 % +- 20 %."""
    table.send("SOUR1:PWM:INT:FUNC SQU", "SOUR1:PWM:INT:FREQ 10", "SOUR1:FUNC PULS")
    table.send("SOUR1:FREQ 1e3", "SOUR1:PWM:DEV:DCYC 20")
    carrier(table, "PULS", "SOUR1:PWM:STAT ON")
    assert table.volts(50e-3) == pytest.approx(0.4, abs=1e-5)
    assert table.volts(50e-3) == pytest.approx(-0.4, abs=1e-5)


def test_a_file_modulates(table):
    """The predefined sine wave as envelope: its mean is that of the carrier alone."""
    table.send("SOUR1:AM:INT:FUNC:EFIL 'P:/Sine.tfwx'", "SOUR1:AM:INT:FUNC EFIL")
    table.send("SOUR1:AM:INT:FREQ 10", "SOUR1:AM:DEPT 100")
    carrier(table, "SQU", "SOUR1:AM:STAT ON")
    envelope = np.abs(table.trace(0.5e-3, 200))
    assert envelope.max() == pytest.approx(2 / 2.2, rel=1e-3)
    assert envelope.min() == pytest.approx(0.0, abs=1e-3)
    assert envelope.mean() == pytest.approx(1 / 2.2, rel=1e-3)


def sweep(table, *more):
    """Sweep a sine of 2 Vpp from 1 to 3 kHz in 100 ms."""
    table.send("SOUR1:FREQ:STAR 1e3", "SOUR1:FREQ:STOP 3e3", "SOUR1:SWE:TIME 100ms")
    table.send("SOUR1:SWE:RTIM 50ms", "SOUR1:SWE:HTIM 20ms", *more)
    carrier(table, "SIN", "SOUR1:FREQ:MODE SWE")


def test_a_linear_sweep_rises_holds_returns_and_repeats(table):
    sweep(table)
    for _ in range(2):
        assert rises(table.trace(STEP, 6400)) == pytest.approx(200, abs=2)
        assert rises(table.trace(STEP, 1280)) == pytest.approx(60, abs=1)
        assert rises(table.trace(STEP, 3200)) == pytest.approx(100, abs=2)


def test_a_logarithmic_sweep_lingers_below(table):
    """The mean of 1 kHz 3**share is 2 kHz / ln 3."""
    sweep(table, "SOUR1:SWE:SPAC LOG")
    expected = 0.1 * 2e3 / math.log(3)
    assert rises(table.trace(STEP, 6400)) == pytest.approx(expected, abs=2)


def test_a_manual_sweep_waits_for_its_trigger(table):
    sweep(table, "SOUR1:SWE:MODE MAN", "TRIG:SOUR EXT")
    assert rises(table.trace(STEP, 6400)) == pytest.approx(100, abs=1)
    before = table.volts()
    table.afg.trigger_in("trigger")
    assert table.volts(STEP / 8) == pytest.approx(before, abs=0.2), "phase goes on"
    table.afg.trigger_in("trigger")  # ignored: it runs
    assert rises(table.trace(STEP, 6400)) == pytest.approx(200, abs=2)
    table.clock.advance(0.1)
    assert rises(table.trace(STEP, 6400)) == pytest.approx(100, abs=1), "only one"


def test_a_manual_sweep_by_the_timer(table):
    sweep(table, "SOUR1:SWE:MODE MAN", "TRIG:TIM 200ms")
    assert rises(table.trace(STEP, 6400)) == pytest.approx(200, abs=2)
    table.clock.advance(0.1)
    assert rises(table.trace(STEP, 6400)) == pytest.approx(200, abs=2)


def test_a_long_jump_over_a_modulated_wave_is_bounded(table):
    """1e9 cycles of 1 MHz cost no more than any other wave."""
    carrier(table, "SQU", "SOUR1:AM:STAT ON", "SOUR1:FREQ 1e6")
    assert table.volts(1000.0) == pytest.approx(0.0, abs=0.01)


def test_a_memory_in_use_is_played_anew_when_it_changes(table):
    table.send("DATA:DEF EMEM,2", "SOUR1:AM:INT:FUNC EMEM", "SOUR1:AM:DEPT 120")
    carrier(table, "SQU", "SOUR1:AM:STAT ON", "SOUR1:AM:INT:FREQ 10")
    assert abs(table.volts(0.5e-3)) == pytest.approx(1 / 2.2)
    table.send("DATA:DATA:VAL EMEM,1,16382")
    assert abs(table.volts(0.5e-3)) == pytest.approx(1.0)
