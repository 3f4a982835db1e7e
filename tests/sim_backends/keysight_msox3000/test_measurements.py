"""Measurements of the simulated MSO-X 3104T against waveforms with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labneuro.sim_backends.keysight_msox3000.datasheet import INVALID
from labneuro.sim_backends.keysight_msox3000.measurements import (
    Thresholds,
    Waveform,
    delay,
    phase,
)
from labneuro.sim_backends.keysight_msox3000.traces import Trace, digitised

STEP = 1e-6


def shown(volts, screen: float = 8.0, reference: float = 0.0, **options) -> Waveform:
    """Return a waveform of 12 bits whose first point is at 0 s."""
    words = digitised(np.asarray(volts, dtype=float), screen, 0.0, 12)
    trace = Trace(words, screen / 254, 0.0, STEP, 0.0)
    return Waveform(trace, reference, Thresholds(**options) if options else None)


def trapezoid(period: int = 1000, rise: int = 100, cycles: int = 4) -> np.ndarray:
    """Return -1 V to 2 V: rise, 300 high, fall of half the rise, rest low."""
    x = np.arange(period * cycles) % period
    edges = [0, 200, 200 + rise, 500 + rise, 500 + rise + rise // 2, period]
    return np.interp(x, edges, [-1.0, -1.0, 2.0, 2.0, -1.0, -1.0])


def test_levels_of_a_trapezoid() -> None:
    one = shown(trapezoid())
    grain = 8 / 254 / 16
    assert one.maximum == pytest.approx(2.0, abs=grain)
    assert one.minimum == pytest.approx(-1.0, abs=grain)
    assert one.top == pytest.approx(2.0, abs=8 / 254)
    assert one.base == pytest.approx(-1.0, abs=8 / 254)
    assert one.peak_to_peak == pytest.approx(3.0, abs=2 * grain)
    assert one.amplitude == pytest.approx(3.0, abs=2 * 8 / 254)


def test_times_of_a_trapezoid() -> None:
    one = shown(trapezoid(), reference=1e-3)
    assert one.period == pytest.approx(1e-3, rel=1e-3)
    assert one.frequency == pytest.approx(1e3, rel=1e-3)
    assert one.transition(rising=True) == pytest.approx(80e-6, rel=0.03)
    assert one.transition(rising=False) == pytest.approx(40e-6, rel=0.03)
    width = (300 + 100 / 2 + 50 / 2) * STEP
    assert one.width(positive=True) == pytest.approx(width, rel=2e-3)
    assert one.width(positive=False) == pytest.approx(1e-3 - width, rel=2e-3)
    assert one.duty(positive=True) == pytest.approx(37.5, rel=2e-3)
    assert one.duty(positive=False) == pytest.approx(62.5, rel=2e-3)
    assert one.count_edges(rising=True) == 4
    assert one.count_pulses(positive=False) == 3
    assert one.edge_time(2, rising=True) == pytest.approx(1.25e-3, rel=1e-3)
    assert one.edge_time(9, rising=True) == INVALID
    assert one.burst() == pytest.approx(3e-3 + width, rel=1e-3)


def test_averages_over_cycles_and_over_the_screen() -> None:
    volts = trapezoid(cycles=4)[: 3000 + 450]
    one = shown(volts)
    assert one.mean(cycle=False) == pytest.approx(volts.mean(), abs=1e-3)
    assert one.mean(cycle=True) == pytest.approx(trapezoid(cycles=1).mean(), abs=4e-3)
    period = trapezoid(cycles=1)
    assert one.effective(cycle=True, ac=True) == pytest.approx(period.std(), abs=4e-3)
    assert one.effective(cycle=False, ac=False) == pytest.approx(
        math.sqrt(np.mean(volts**2)), abs=1e-3
    )
    assert one.area() == pytest.approx(volts.sum() * STEP, rel=1e-3)


def test_over_and_preshoot_in_percent() -> None:
    volts = np.where(np.arange(2000) < 1000, 0.0, 2.0)
    volts[1000:1020] = 2.3
    volts[980:1000] = -0.1
    one = shown(volts, reference=1e-3)
    assert one.shoot(after=True) == pytest.approx(15.0, abs=1.0)
    assert one.shoot(after=False) == pytest.approx(5.0, abs=1.0)
    flat = shown(np.where(np.arange(2000) < 1000, 2.0, 0.0), reference=1e-3)
    assert flat.shoot(after=True) == pytest.approx(0.0, abs=1.0)


def test_a_sine_has_its_frequency_phase_and_rms() -> None:
    x = np.arange(10_000) * STEP
    one = shown(3.0 * np.sin(2 * math.pi * 700 * x), reference=5e-3)
    other = shown(2.0 * np.sin(2 * math.pi * 700 * x - math.pi / 3), reference=5e-3)
    assert one.frequency == pytest.approx(700.0, rel=1e-3)
    assert one.effective(cycle=True, ac=False) == pytest.approx(
        3 / math.sqrt(2), rel=0.01
    )
    assert delay(one, other, (True, True)) == pytest.approx(1 / 700 / 6, rel=0.01)
    assert phase(one, other) == pytest.approx(60.0, rel=0.01)
    # Without flat parts top and base are maximum and minimum, or close to them.
    assert one.top == pytest.approx(3.0, abs=0.05)


def test_crossings_values_and_places() -> None:
    one = shown(trapezoid())
    assert one.crossing_time(0.5, rising=True, number=1) == pytest.approx(
        250e-6, abs=STEP
    )
    assert one.crossing_time(0.5, rising=False, number=2) == pytest.approx(
        1625e-6, abs=STEP
    )
    assert one.crossing_time(5.0, rising=True, number=1) == INVALID
    assert one.value_at(4e-4) == pytest.approx(2.0, abs=0.01)
    assert one.value_at(1.0) == INVALID
    assert one.place_of(largest=True) == pytest.approx(300e-6, abs=5 * STEP)


@pytest.mark.parametrize("level", [0.0, 1.7])
def test_a_flat_line_has_levels_but_no_edges(level: float) -> None:
    generator = np.random.default_rng(3)
    one = shown(level + 0.01 * generator.standard_normal(5000))
    assert one.mean(cycle=True) == pytest.approx(level, abs=2e-3)
    for value in (
        one.frequency,
        one.period,
        one.width(positive=True),
        one.duty(positive=True),
        one.transition(rising=True),
        one.shoot(after=True),
        one.bit_rate(),
        phase(one, one),
    ):
        assert value == INVALID


def test_what_left_the_screen_cannot_be_measured() -> None:
    one = shown(trapezoid(), screen=3.0)
    assert one.minimum == pytest.approx(-1.0, abs=0.01)
    for value in (one.maximum, one.peak_to_peak, one.top, one.amplitude):
        assert value == INVALID
    assert one.frequency == pytest.approx(1e3, rel=1e-2)


def test_thresholds_may_be_volts() -> None:
    one = shown(trapezoid(), lower=-0.4, middle=0.5, upper=1.4, absolute=True)
    assert one.transition(rising=True) == pytest.approx(60e-6, rel=0.03)
    half = shown(trapezoid(), lower=20.0, middle=50.0, upper=80.0)
    assert half.transition(rising=True) == pytest.approx(60e-6, rel=0.03)


def test_noise_on_an_edge_makes_no_further_edges() -> None:
    generator = np.random.default_rng(5)
    volts = trapezoid() + 0.05 * generator.standard_normal(4000)
    one = shown(volts, reference=1e-3)
    assert one.count_edges(rising=True) == 4
    assert one.period == pytest.approx(1e-3, rel=0.01)
    assert one.top == pytest.approx(2.0, abs=0.05)
    assert one.maximum > 2.05
