"""The threshold switch against the paper's figures and an independent integration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from labneuro.bench import load_card
from labneuro.devices.catalog import load_device, load_parameters
from labneuro.devices.threshold_switch import (
    ON,
    ThresholdSwitchDevice,
    ThresholdSwitchParameters,
    ThresholdSwitchPopulation,
    draw_device,
)
from labneuro.errors import CardError

SERIES = 20e3  # ohm; the read-out resistance of these tests


def parameters(**changes: float) -> ThresholdSwitchParameters:
    card = load_card("threshold-switch")
    found = load_parameters("threshold_switch", card, "card", changes)
    assert isinstance(found, ThresholdSwitchParameters)
    return found


@pytest.fixture
def quiet() -> ThresholdSwitchDevice:
    """Return the card's device without noise."""
    return ThresholdSwitchDevice(parameters(rate_noise=0.0), 0)


def first_fire(device: ThresholdSwitchDevice, volts: float, step: float) -> float:
    """Return the time in s after which the device is on."""
    for number in range(1, round(2e-3 / step)):
        device.advance_behind(volts, SERIES, step)
        if device.population.firings[0]:
            return number * step
    return math.inf


def slope(p: ThresholdSwitchParameters, state, source):
    """Return the rates of the two states, written from the model's equations."""

    def transition(z):
        return 1.0 / (1.0 + math.exp(-max(min(z, 60.0), -60.0)))

    x, y = state
    share = transition((y - 0.5) / p.bridge_width)
    ratio = p.on_conductance / p.off_conductance
    conductance = p.off_conductance * ratio**share
    volts = source / (1.0 + SERIES * conductance)
    latch = (volts * conductance / p.latch_current) ** 4
    held = latch / (1.0 + latch)
    near = transition((x - 1.0) / p.integration_width)
    near *= transition((volts - 0.3) / 0.03)
    growing = max(1.0 - y, 0.0) / p.bridging_time
    dx = p.growth_rate * math.sinh(volts / p.growth_voltage) - x / p.leak_time
    dx -= x * transition((y - 0.8) / p.bridge_width) / p.collapse_time
    thickening = (p.thickest_bridge - y) / p.thickening_time
    dy = near * growing + held * share * (growing + thickening)
    return [dx, dy - (1.0 - held) * y / p.relaxation_time]


@pytest.mark.parametrize("volts", [1.0, 1.2, 1.4])
def test_first_fire_agrees_with_an_independent_integration(quiet, volts):
    """Within 0.1 us of an implicit solver with a tolerance of 1e-10."""

    def crossing(_time, state):
        return state[1] - ON

    crossing.terminal = True  # type: ignore[attr-defined]
    reference = solve_ivp(
        lambda _time, state: slope(quiet.parameters, state, volts),
        (0.0, 2e-3),
        [0.0, 0.0],
        method="Radau",
        rtol=1e-9,
        atol=1e-12,
        max_step=5e-6,
        events=crossing,
    )
    expected = reference.t_events[0][0]
    assert first_fire(quiet, volts, 5e-8) == pytest.approx(expected, abs=1e-7)


def test_a_pulse_of_1_2_volts_fires_within_a_millisecond(quiet):
    assert 0.1e-3 < first_fire(quiet, 1.2, 1e-6) < 1e-3


def test_integration_time_falls_with_the_amplitude():
    times = [
        first_fire(ThresholdSwitchDevice(parameters(rate_noise=0.0), 0), volts, 1e-6)
        for volts in (1.0, 1.1, 1.2, 1.3, 1.4)
    ]
    assert times == sorted(times, reverse=True)
    assert times[0] > 1.5 * times[-1]


def test_relaxes_by_itself_under_the_monitor(quiet):
    """At 0.05 V behind the read-out resistor: not in 250 us, but in 750 us."""
    quiet.advance_behind(1.2, SERIES, 1e-3)
    assert quiet.population.bridge[0] > ON
    quiet.advance_behind(0.05, SERIES, 250e-6)
    assert quiet.population.bridge[0] > ON
    quiet.advance_behind(0.05, SERIES, 500e-6)
    assert quiet.population.bridge[0] < ON
    assert quiet.conductance == pytest.approx(10e-9, rel=0.01)


def test_fourth_pulse_of_1_1_volts_fires_first(quiet):
    """250 us on, 250 us off: four pulses to the first fire (Figure 2)."""
    fired = []
    for _ in range(4):
        quiet.advance_behind(1.1, SERIES, 250e-6)
        fired.append(int(quiet.population.firings[0]))
        quiet.advance_behind(0.0, SERIES, 250e-6)
    assert fired == [0, 0, 0, 1]


def test_about_half_of_the_pulses_of_1_volt_fire():
    """The card's noise; 1000 devices, four standard deviations."""
    population = ThresholdSwitchPopulation([parameters()] * 1000, seed=4)
    population.advance(1.0, SERIES, 1e-3)
    assert population.firings.mean() == pytest.approx(0.57, abs=0.065)


def test_cutting_an_advance_changes_nothing(quiet):
    """Ten pieces end where one piece ends, within the tolerance."""
    whole = ThresholdSwitchDevice(quiet.parameters, 0)
    whole.advance_behind(1.3, SERIES, 1.5e-3)
    for _ in range(10):
        quiet.advance_behind(1.3, SERIES, 0.15e-3)
    np.testing.assert_allclose(
        quiet.population.state[0, :2], whole.population.state[0, :2], atol=1e-5
    )


def test_rest_is_exponential(quiet):
    quiet.advance_behind(1.2, SERIES, 0.3e-3)
    before = quiet.population.integration[0]
    quiet.advance(0.0, 5e-3)
    assert quiet.population.integration[0] == pytest.approx(before / math.e, rel=1e-6)


def test_polarity_does_not_matter():
    pair = ThresholdSwitchPopulation([parameters(rate_noise=0.0)] * 2, seed=1)
    pair.advance(np.array([1.2, -1.2]), SERIES, 0.9e-3)
    assert pair.firings.tolist() == [1, 1]
    np.testing.assert_array_equal(pair.state[0, :2], pair.state[1, :2])


def test_seed_repeats_and_differs():
    def times(seed):
        device = load_device(
            "threshold_switch", load_card("threshold-switch"), "card", seed=seed
        )
        assert isinstance(device, ThresholdSwitchDevice)
        return first_fire(device, 1.3, 1e-6)

    assert times(1) == times(1)
    assert len({times(seed) for seed in range(8)}) > 4


def test_operating_point_divides(quiet):
    volts, amps = quiet.operating_point(1.0, SERIES)
    assert amps == pytest.approx(1.0 / (SERIES + 1e8), rel=1e-3)
    assert volts == pytest.approx(1.0 - amps * SERIES)


@pytest.mark.parametrize("source", [0.48, 0.6, 1.2])
def test_steady_time_bounds_the_change(quiet, source):
    """Within the time that it calls steady, its conductance moves by few percent."""
    steps = 0
    for level, duration in ((source, 10e-3), (0.05, 2e-3), (0.2, 1e-3)):
        left = duration
        while left > 0.0:
            before = quiet.conductance
            step = min(quiet.steady_for(level, SERIES), left)
            quiet.advance_behind(level, SERIES, step)
            assert abs(math.log(quiet.conductance / before)) < 0.1
            left = left - step if step < left else 0.0
            steps += 1
    assert quiet.population.firings[0] == 1
    assert quiet.population.bridge[0] < 0.1
    assert steps < 1200


def test_drawn_devices_spread():
    mean = parameters()
    drawn = [draw_device(mean, 1, index).growth_rate for index in range(400)]
    spread = np.std(np.log(drawn))
    assert spread == pytest.approx(mean.rate_spread, rel=0.15)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"leak_time": "0 s"}, "leak_time: must be above 0, not 0"),
        ({"rate_noise": -0.1}, "rate_noise: must not be negative, not -0.1"),
    ],
)
def test_wrong_parameters_are_told(change, told):
    with pytest.raises(CardError, match=told):
        parameters(**change)
