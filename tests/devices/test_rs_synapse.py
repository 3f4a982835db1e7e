"""The RS synapse: bounds, thresholds, gate, noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.catalog import load_device, load_parameters
from labneuro.devices.rs_synapse import (
    RsSynapseDevice,
    RsSynapseParameters,
    RsSynapsePopulation,
    draw_synapse,
)
from labneuro.errors import CardError

LOWEST, MEDIUM, HIGHEST = 42e-6, 400e-6, 980e-6


def card(**changes: float | str) -> RsSynapseParameters:
    found = load_parameters("rs_synapse", load_card("rs-synapse"), "card", changes)
    assert isinstance(found, RsSynapseParameters)
    return found


@pytest.fixture
def quiet() -> RsSynapseParameters:
    """Return the card's synapse without noise."""
    return card(step_noise=0.0)


@pytest.mark.parametrize("volts", [-1.6, -0.2, 0.2, 0.96, 1.0])
def test_nothing_moves_between_the_thresholds(quiet, volts):
    """Reading at 0.2 V, grounded at -1.6 V, integrating with 12 of 30 at 0.96 V."""
    synapse = RsSynapsePopulation([quiet], 0)
    synapse.advance(volts, 3.0, 1e3)
    assert synapse.conductance[0] == MEDIUM


@pytest.mark.parametrize(("volts", "end"), [(1.6, HIGHEST), (-2.4, LOWEST)])
def test_programming_is_exact_and_bounded(quiet, volts, end):
    """Exponential with the model's rate; a long time ends at the bound."""
    synapse = RsSynapsePopulation([quiet], 0)
    synapse.advance(volts, 3.0, 100e-6)
    pace = math.expm1(0.6 / 0.2) / 2e-3
    expected = end + (MEDIUM - end) * math.exp(-pace * 100e-6)
    assert synapse.conductance[0] == pytest.approx(expected, rel=1e-12)
    synapse.advance(volts, 3.0, 1.0)
    assert synapse.conductance[0] == pytest.approx(end, rel=1e-12)


def test_a_clock_cycle_of_1_6_volts_sets_a_low_synapse(quiet):
    """The second layer's potentiation is done within one cycle: 90 % of the way."""
    synapse = RsSynapsePopulation([quiet], 0)
    synapse.set_conductance([LOWEST])
    synapse.advance(1.6, 3.0, 250e-6)
    assert synapse.conductance[0] > LOWEST + 0.9 * (HIGHEST - LOWEST)


def test_gate_bounds_the_set_and_stops_all_when_off(quiet):
    """Compliance is proportional to the gate above its threshold; it never resets."""
    gates = np.array([0.0, 0.7, 1.85, 3.0, 5.0])
    synapse = RsSynapsePopulation([quiet] * 5, 0)
    synapse.set_conductance(LOWEST * np.ones(5))
    synapse.advance(1.6, gates, 1.0)
    middle = LOWEST + 0.5 * (HIGHEST - LOWEST)
    np.testing.assert_allclose(
        synapse.conductance, [LOWEST, LOWEST, middle, HIGHEST, HIGHEST], rtol=1e-9
    )
    synapse.advance(1.6, np.minimum(gates, 1.0), 1.0)
    assert synapse.conductance[-1] == pytest.approx(HIGHEST)
    synapse.advance(-2.5, gates, 50e-6)
    assert synapse.conductance[0] == LOWEST
    assert synapse.conductance[2] < middle
    assert synapse.conductance[3] < HIGHEST


def test_noise_is_drawn_anew_for_every_event():
    """The logarithm of the rate spreads by 10 % from synapse to synapse and event."""
    population = RsSynapsePopulation([card()] * 4000, seed=2)
    rates = []
    for _ in range(2):
        population.set_conductance(np.full(4000, MEDIUM))
        population.advance(1.3, 3.0, 50e-6)
        left = (HIGHEST - population.conductance) / (HIGHEST - MEDIUM)
        rates.append(np.log(-np.log(left)))
    assert np.std(rates[0]) == pytest.approx(0.1, rel=0.06)
    assert abs(np.corrcoef(rates)[0, 1]) < 0.08


def test_an_event_keeps_its_rate():
    """In ten pieces as in one; seeds repeat."""
    ends = []
    for pieces in (1, 10):
        population = RsSynapsePopulation([card()] * 3, seed=2)
        for _ in range(pieces):
            population.advance(1.3, 3.0, 100e-6 / pieces)
        ends.append(population.conductance)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-12)
    assert len(set(ends[0])) == 3


def test_device_behind_a_resistor_against_small_steps(quiet):
    """Pieces of 2 % follow the moving voltage within 1 % of the swing."""
    device = RsSynapseDevice(quiet, 0)
    device.advance_behind(1.8, 500.0, 500e-6)
    g = MEDIUM
    for _ in range(50_000):
        volts = 1.8 / (1.0 + 500.0 * g)
        rate = math.expm1((volts - 1.0) / 0.2) / 2e-3 if volts > 1.0 else 0.0
        g += rate * (HIGHEST - g) * 1e-8
    assert g > 1.2 * MEDIUM
    assert device.operating_point(0.2, 0.0)[1] / 0.2 == pytest.approx(g, rel=0.01)


def test_catalog_makes_a_device():
    device = load_device("rs_synapse", load_card("rs-synapse"), "card")
    assert isinstance(device, RsSynapseDevice)
    volts, amps = device.operating_point(0.2, 0.0)
    assert amps / volts == pytest.approx(MEDIUM)
    assert device.steady_for(0.2, 0.0) == math.inf
    assert device.steady_for(1.6, 0.0) < 10e-6


def test_drawn_synapses_spread():
    mean = card()
    drawn = [draw_synapse(mean, 1, index).highest_conductance for index in range(400)]
    assert np.std(np.log(drawn)) == pytest.approx(0.05, rel=0.15)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"set_time": "0 s"}, "set_time: must be above 0, not 0"),
        ({"step_noise": -0.1}, "step_noise: must not be negative"),
        ({"medium_conductance": "1 mS"}, "medium_conductance: must lie from"),
        ({"full_gate": "0.5 V"}, "full_gate: must be above gate_threshold, 0.7 V"),
    ],
)
def test_wrong_parameters_are_told(change, told):
    with pytest.raises(CardError, match=told):
        card(**change)
