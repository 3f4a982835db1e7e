"""Many FMES devices at once: as each by itself, and exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labneuro.bench import load_card
from labneuro.devices.fmes import (
    UNITS,
    FmesDevice,
    FmesParameters,
    FmesPopulation,
    draw_population,
)


def card(name: str, **changes: float) -> FmesParameters:
    parameters = FmesParameters(**load_card(name).values(UNITS, name))
    return replace(parameters, **changes)


@pytest.mark.parametrize("name", ["fmes-2b", "fmes"])
def test_a_population_lives_as_its_devices_do(name):
    """Each with its own current and resistor; noise from the same streams."""
    mean = card(name)
    devices = draw_population(mean, 4, seed=3)
    population = FmesPopulation(devices, seed=9)
    currents = np.array([1e-3, -5e-4, 2e-3, 1e-3])
    resistors = np.array([500.0, 8000.0, 1000.0, np.inf])
    train = population.pulse(currents, 1e-3, 1e-3, resistors, 6)
    alone = FmesDevice(devices[0], seed=9)  # device 0 has stream 0 in both
    for index in range(6):
        alone.advance_behind(0.5, 500.0, 1e-3)
        peak, _ = alone.operating_point(0.5, 500.0)
        assert peak == pytest.approx(train.peak[0, index], rel=1e-9)
        assert alone.operating_point(0.0, 500.0)[0] == pytest.approx(
            train.stored[0, index], rel=1e-9
        )
        alone.advance_behind(0.0, 500.0, 1e-3)
        residual, _ = alone.operating_point(0.0, 500.0)
        assert residual == pytest.approx(train.residual[0, index], rel=1e-9)
    assert np.sign(train.residual[:, -1]).tolist() == [1, -1, 1, 1]


def test_a_single_branch_integrates_the_charge():
    """Card F, open: every pulse adds Q / C, and the jump is I r."""
    p = card("fmes-f", charge_noise=0.0, fast_leak=0.0)
    train = FmesPopulation([p], 0).pulse(1e-3, 1e-3, 1e-3, np.inf, 150)
    steps = 1e-6 / p.fast_capacitance * np.arange(1, 151)
    np.testing.assert_allclose(train.residual[0], steps, rtol=1e-9)
    np.testing.assert_allclose(
        train.peak[0] - train.stored[0], 1e-3 * p.fast_resistance, rtol=1e-9
    )


def test_two_trains_are_one_long_train():
    mean = card("fmes-2b")
    once, twice = FmesPopulation([mean] * 3, 1), FmesPopulation([mean] * 3, 1)
    whole = once.pulse(1e-3, 1e-3, 1e-3, 1000.0, 20).residual
    parts = [twice.pulse(1e-3, 1e-3, 1e-3, 1000.0, 10).residual for _ in range(2)]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))


def test_devices_differ_by_noise_alone_when_they_are_alike():
    train = FmesPopulation([card("fmes-2b")] * 50, 1).pulse(1e-3, 1e-3, 1e-3)
    assert len(np.unique(train.stored[:, 0])) == 50
    assert np.std(np.log(train.stored[:, 0])) == pytest.approx(0.018, rel=0.3)


@pytest.mark.parametrize("name", ["fmes-2b", "fmes"])
def test_self_discharge_and_the_resistor_empty_the_device(name):
    devices = FmesPopulation([card(name)] * 2, 0)
    devices.pulse(1e-3, 1e-3, 1e-3, np.inf, 150)
    devices.rest(5.0)
    start = devices.voltage()
    devices.rest(100.0, [np.inf, 8000.0])
    kept = devices.voltage() / start
    assert kept[0] == pytest.approx(np.exp(-100.0 / 8000.0), abs=0.06)
    assert kept[1] < 0.3


def test_symmetric_depression_ends_below_zero():
    devices = FmesPopulation([card("fmes-2b", charge_noise=0.0)], 0)
    highest, lowest = devices.endure(1e-3, 1e-3, 1e-3, np.inf, 150, 1)
    assert highest[0, 0] == pytest.approx(0.1257, rel=1e-3)
    assert lowest[0, 0] == pytest.approx(-0.1072, rel=1e-3)


def test_endurance_wears_the_capacitances():
    """Beyond the onset a pulse moves the voltage further: 10 % a decade here."""
    p = card("fmes-f", charge_noise=0.0, capacitance_fade=0.1, fade_onset=100.0)
    devices = FmesPopulation([p], 0)
    highest, _ = devices.endure(1e-3, 1e-3, 1e-3, np.inf, 10, 50)
    assert devices.pulses.tolist() == [1000]
    swing = 10 * 1e-6 / p.fast_capacitance
    assert highest[0, 0] == pytest.approx(swing, rel=1e-6)
    devices.discharge()
    worn = devices.pulse(1e-3, 1e-3, 1e-3).residual[0, 0]
    assert worn / (0.1 * swing) == pytest.approx(np.exp(0.1), rel=1e-3)
    assert devices.charge.sum() > 0.0


def test_psv_rises_with_intensity_width_and_resistor():
    mean = card("fmes", charge_noise=0.0)
    currents, widths = (2e-4, 5e-4, 1e-3, 2e-3), (2e-4, 5e-4, 1e-3, 2e-3)
    resistors = (500.0, 1000.0, 8000.0, np.inf)
    by_current = [
        FmesPopulation([mean] * 4, 0).pulse(i, 1e-3, 1e-3, resistors).peak[:, 0]
        for i in currents
    ]
    by_width = [
        FmesPopulation([mean] * 4, 0).pulse(1e-3, w, 1e-3, resistors).peak[:, 0]
        for w in widths
    ]
    for table in (np.array(by_current), np.array(by_width)):
        assert np.all(np.diff(table, axis=0) > 0)
        assert np.all(np.diff(table, axis=1) > 0)
