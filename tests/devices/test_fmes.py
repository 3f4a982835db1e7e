"""The FMES device against exact references, conservation laws."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from labneuro.bench import load_card
from labneuro.devices.catalog import load_device
from labneuro.devices.fmes import (
    OPEN,
    UNITS,
    FmesDevice,
    FmesParameters,
    draw_device,
)
from labneuro.devices.fmes_branches import phi1, phi2
from labneuro.errors import CardError

CARDS = ("fmes-1b", "fmes-2b", "fmes-f", "fmes")


def card(name: str, **changes: float) -> FmesParameters:
    values = load_card(name).values(UNITS, name)
    return replace(FmesParameters(**values), charge_noise=0.0, **changes)


LEAKY = card(
    "fmes-2b",
    fast_leak=2e-5,
    terminal_leak=1e-4,
    middle_resistance=900.0,
    middle_capacitance=4e-4,
)
"""Three linear branches, every leak present."""


def linear_system(p: FmesParameters, series: float):
    """Return A and b of dq/dt = A q + b s, written from Kirchhoff's laws."""
    rows = [p.branch(n) for n in ("fast", "middle", "slow")]
    g = np.array([1.0 / row[0] for row in rows])
    c = np.array([row[1] for row in rows])
    leak = np.array([row[2] for row in rows])
    scale = 1.0 + series * (g.sum() + p.terminal_leak)
    volts = np.outer(g, g) * series / scale - np.diag(g + leak)
    return volts / c, g / scale


def nonlinear_flow(p: FmesParameters, series: float, source: float):
    """Return dq/dt of the crowded card, written from its equations."""

    def voltages(q):
        k, n = p.fast_crowding, p.slow_growth
        y = q[2] / p.slow_capacitance
        slow = np.roots([n * n / 3.0, 0.0, 1.0, -y]) if n else np.array([y])
        return np.array(
            [
                math.sinh(k * q[0] / p.fast_capacitance) / k,
                q[1] / p.middle_capacitance,
                float(slow[np.argmin(abs(slow.imag))].real),
            ]
        )

    r = np.array([p.fast_resistance, p.middle_resistance, p.slow_resistance])
    leak = np.array([p.fast_leak, p.middle_leak, p.slow_leak])

    def flow(_time, q):
        v = voltages(q)
        total = (1.0 / r).sum() + p.terminal_leak
        u = (source + series * (v / r).sum()) / (1.0 + series * total)
        return (u - v) / r - leak * v

    return flow


@pytest.mark.parametrize("series", [0.0, 1e-3, 500.0, 8000.0, OPEN])
@pytest.mark.parametrize("duration", [1e-6, 1e-3, 0.3, 50.0])
def test_linear_advance_is_the_matrix_exponential(series, duration):
    """A pulse, then a rest, behind every kind of source."""
    device = FmesDevice(LEAKY, 0)
    a, b = linear_system(LEAKY, series)
    charge = np.zeros(3)
    for source in (1e-3 * max(series, 500.0), 0.0):
        augmented = np.zeros((4, 4))
        augmented[:3, :3], augmented[:3, 3] = a, b * source
        charge = (expm(augmented * duration) @ [*charge, 1.0])[:3]
        device.advance_behind(source, series, duration)
    np.testing.assert_allclose(device.charge, charge, rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize("series", [0.0, 7000.0, OPEN])
def test_crowded_advance_agrees_with_an_independent_integration(series):
    p = card("fmes")
    device = FmesDevice(p, 0)
    charge = np.zeros(3)
    for level, duration in ((1.0, 1e-3), (0.0, 10e-3), (1.0, 1e-3), (-0.5, 0.2)):
        source = level * (1e-3 * series if series else 0.3)
        device.advance_behind(source, series, duration)
        reference = solve_ivp(
            nonlinear_flow(p, series, source),
            (0.0, duration),
            charge,
            method="Radau",
            rtol=1e-10,
            atol=1e-16,
        )
        charge = reference.y[:, -1]
        np.testing.assert_allclose(device.charge, charge, rtol=3e-5, atol=1e-12)


@pytest.mark.parametrize("name", CARDS)
def test_all_charge_of_a_current_source_is_kept(name):
    """Without leaks the branches hold exactly the charge that was sent."""
    p = card(name, fast_leak=0.0, slow_leak=0.0)
    device = FmesDevice(p, 0)
    for level, duration in ((1e-3, 0.3), (-4e-4, 0.1), (0.0, 2.0)):
        device.advance_behind(level * OPEN, OPEN, duration)
    assert device.charge.sum() == pytest.approx(1e-3 * 0.3 - 4e-5, rel=1e-9)


@pytest.mark.parametrize("name", CARDS)
def test_current_source_delivers_its_current(name):
    """The operating point behind 1e15 ohm is as exact as behind 500 ohm."""
    device = FmesDevice(card(name), 0)
    device.advance_behind(1e-3 * OPEN, OPEN, 0.1)
    for series in (500.0, OPEN):
        source = 1e-3 * series
        voltage, current = device.operating_point(source, series)
        assert current == pytest.approx((source - voltage) / series, rel=1e-9)
    assert current == pytest.approx(1e-3, rel=1e-9)


@pytest.mark.parametrize("name", CARDS)
def test_cutting_an_advance_changes_nothing(name):
    whole, cut = (FmesDevice(card(name), 0) for _ in range(2))
    whole.advance_behind(7.0, 7000.0, 20e-3)
    for _ in range(40):
        cut.advance_behind(7.0, 7000.0, 0.5e-3)
    np.testing.assert_allclose(cut.charge, whole.charge, rtol=1e-5, atol=1e-15)


def test_a_linear_sweep_is_the_closed_form():
    """Against the integrated linear equations with a ramp, at every point."""
    device = FmesDevice(LEAKY, 0)
    volts, amps = device.sweep(0.1, 0.05, 200.0, 14.0, 8)
    a, b = linear_system(LEAKY, 200.0)
    found = solve_ivp(
        lambda t, q: a @ q + b * (0.1 + 0.05 * t),
        (0.0, 14.0),
        np.zeros(3),
        method="Radau",
        rtol=1e-10,
        atol=1e-15,
    )
    np.testing.assert_allclose(device.charge, found.y[:, -1], rtol=1e-7)
    np.testing.assert_allclose(
        volts + 200.0 * amps, 0.1 + 0.05 * np.linspace(0, 14, 8), rtol=1e-12
    )


def test_a_sweep_of_one_branch_is_charging_through_its_resistance():
    """I = C dV/dt (1 - exp(-t / RC)) plus the leak."""
    p = card("fmes-1b", slow_leak=0.0)
    volts, amps = FmesDevice(p, 0).sweep(0.0, 0.05, 0.0, 16.0, 33)
    tau = p.slow_resistance * p.slow_capacitance
    expected = p.slow_capacitance * 0.05 * -np.expm1(-volts / 0.05 / tau)
    np.testing.assert_allclose(amps, expected, rtol=1e-10, atol=1e-15)


def test_a_crowded_sweep_agrees_with_an_independent_integration():
    p = card("fmes")
    device = FmesDevice(p, 0)
    device.sweep(0.05, 0.05, 300.0, 4.0, 5)
    reference = solve_ivp(
        lambda t, q: nonlinear_flow(p, 300.0, 0.05 + 0.05 * t)(t, q),
        (0.0, 4.0),
        np.zeros(3),
        method="Radau",
        rtol=1e-9,
        atol=1e-15,
    )
    np.testing.assert_allclose(device.charge, reference.y[:, -1], rtol=1e-5)


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.9e-3, 1.1e-3, 0.5, 3.0])
def test_the_functions_of_the_exact_solution(x):
    """Against their Taylor series."""
    series1 = sum((-x) ** k / math.factorial(k + 1) for k in range(60))
    series2 = sum((-x) ** k / math.factorial(k + 2) for k in range(60))
    assert phi1(x) == pytest.approx(series1, rel=1e-12)
    assert phi2(x) == pytest.approx(series2, rel=1e-11)


@pytest.mark.parametrize("name", ["fmes-2b", "fmes"])
@pytest.mark.parametrize("series", [0.05, 500.0, OPEN])
def test_steady_time_bounds_the_change(name, series):
    """Within the time that it calls steady the voltage moves by some percent."""
    device = FmesDevice(card(name), 0)
    for source in (1e-3 * min(series, 1e15), 0.0):
        left, steps, low, high, worst = 5e-3, 0, 0.0, 0.1, 0.0
        while left > 0.0:
            step = min(device.steady_for(source, series), left)
            before, _ = device.operating_point(source, series)
            device.advance_behind(source, series, step)
            after, _ = device.operating_point(source, series)
            low, high = min(low, after), max(high, after)
            worst, left, steps = max(worst, abs(after - before)), left - step, steps + 1
        assert worst < 0.02 * (high - low)
        assert steps < 2000


def test_steady_time_grows_as_the_device_settles():
    device = FmesDevice(card("fmes-2b"), 0)
    device.advance_behind(7.0, 7000.0, 1e-3)
    early = device.steady_for(0.0, OPEN)
    device.advance_behind(0.0, OPEN, 100.0)
    assert device.steady_for(0.0, OPEN) > 1000.0 * early


def test_noise_scales_the_charge_of_each_pulse():
    """Log-normal: standard deviation within 4 sd of 0.05 over 400 pulses."""
    device = FmesDevice(replace(card("fmes-1b"), charge_noise=0.05), 5)
    charges = []
    for _ in range(400):
        before = device.charge.sum()
        device.advance_behind(1e-3 * OPEN, OPEN, 1e-3)
        charges.append(device.charge.sum() - before)
        device.advance_behind(0.0, OPEN, 1e-3)
    logs = np.log(np.array(charges) / 1e-6)
    assert np.std(logs) == pytest.approx(0.05, abs=4 * 0.05 / math.sqrt(800))
    assert np.mean(logs) == pytest.approx(0.0, abs=4 * 0.05 / 20)
    assert device.population.pulses.tolist() == [400]


def test_noise_is_drawn_once_a_pulse_however_it_is_cut():
    noisy = replace(card("fmes-2b"), charge_noise=0.2)
    whole, cut = FmesDevice(noisy, 3), FmesDevice(noisy, 3)
    whole.advance_behind(1e12, OPEN, 1e-3)
    for _ in range(10):
        cut.advance_behind(1e12, OPEN, 1e-4)
    np.testing.assert_allclose(cut.charge, whole.charge, rtol=1e-12)


def test_seed_repeats_and_differs():
    def charge(seed):
        device = load_device("fmes", load_card("fmes"), "fmes", seed=seed, draw=True)
        assert isinstance(device, FmesDevice)
        device.advance_behind(1e12, OPEN, 1e-3)
        return tuple(device.charge)

    assert charge(1) == charge(1)
    assert len({charge(seed) for seed in range(6)}) == 6


def test_spread_is_log_normal():
    """2000 devices; four standard deviations of the estimates."""
    mean = card("fmes-2b", capacitance_spread=0.05, resistance_spread=0.1)
    drawn = [draw_device(mean, 1, index) for index in range(2000)]
    ratio = [math.log(d.slow_capacitance / mean.slow_capacitance) for d in drawn]
    assert np.std(ratio) == pytest.approx(0.05, abs=4 * 0.05 / math.sqrt(4000))
    ratio = [math.log(d.fast_resistance / mean.fast_resistance) for d in drawn]
    assert np.std(ratio) == pytest.approx(0.1, abs=4 * 0.1 / math.sqrt(4000))
    assert drawn[0].middle_capacitance == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slow_resistance": 0.0}, "slow_resistance: must be above 0"),
        ({"slow_leak": -1e-6}, "slow_leak: must not be negative"),
        ({"fade_onset": 0.0}, "fade_onset: must be above 0"),
        ({"slow_capacitance": 0.0}, "at least one branch"),
        ({"charge_noise": math.nan}, "charge_noise: must not be negative"),
    ],
)
def test_impossible_parameters_are_refused(change, message):
    with pytest.raises(CardError, match=message):
        replace(card("fmes-1b"), **change)
