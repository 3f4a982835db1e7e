"""Tests of labneuro/networks/stochastic_neuron.py."""

import numpy as np
import pytest

from labneuro.devices.hnno import firing_probability, sensitized_shift
from labneuro.errors import CalibrationError
from labneuro.networks.counter_random import DRAW_RANGE, stream_key
from labneuro.networks.stochastic_neuron import TABLE_CELLS, pulsed_neuron, respond

KEY = stream_key(11)


def drive_of(neuron, field, *, steps=1, images=1, neurons=1):
    """Return drives that put every pulse at `field`."""
    drive = np.empty((steps, images, neurons), np.float32)
    drive[...] = (np.asarray(field) - neuron.rest_field) / neuron.gain
    return drive


@pytest.mark.parametrize("field", [0.16e6, 0.1974e6, 0.205e6, 0.21e6, 0.22e6, 0.25e6])
def test_frozen_neurons_fire_with_the_device_sigmoid(neuron, field):
    """100 000 pulses lie within 4.5 binomial deviations: false alarm 7e-6 each."""
    drive = drive_of(neuron, field, steps=100, neurons=1000)
    rate = respond(neuron, drive, KEY, self_sensitizable=False).rate.mean()
    chance = firing_probability(field, neuron.midpoint, neuron.slope)
    assert abs(rate - chance) < 4.5 * np.sqrt(chance * (1 - chance) / 1e5)


@pytest.mark.parametrize("field", [0.165e6, 0.19e6, 0.21e6])
@pytest.mark.parametrize("pulses", [1, 4, 40])
def test_shift_follows_the_device_law(neuron, field, pulses):
    """n equal pulses leave ``s_inf(E) (1 - exp(-n / N))`` as the device does."""
    drive = drive_of(neuron, field, steps=pulses)
    shift = respond(neuron, drive, KEY, self_sensitizable=True).shift.item()
    goal = sensitized_shift(
        field, neuron.floor_field, neuron.saturation_shift, neuron.shift_field_scale
    )
    exact = goal * -np.expm1(-pulses / neuron.sensitization_pulses)
    assert shift == pytest.approx(exact, rel=2e-5)


def test_shift_follows_changing_fields(neuron):
    """Pulses of many fields, above and below the floor, add up as the device's do."""
    fields = np.random.default_rng(3).uniform(0.14e6, 0.23e6, (50, 6, 7))
    response = respond(
        neuron, drive_of(neuron, fields, steps=50, images=6, neurons=7), KEY,
        self_sensitizable=True,
    )  # fmt: skip
    exact = np.zeros((6, 7))
    for pulse in fields:
        goal = [
            sensitized_shift(
                field,
                neuron.floor_field,
                neuron.saturation_shift,
                neuron.shift_field_scale,
            )
            for field in pulse.ravel()
        ]
        step = (np.reshape(goal, (6, 7)) - exact) * -np.expm1(-1 / 4)
        exact += np.where(pulse > neuron.floor_field, step, 0.0)
    np.testing.assert_allclose(response.shift, exact, rtol=1e-4)


def test_sensitized_neuron_fires_with_the_shifted_sigmoid(neuron):
    """After 60 pulses at 0.19 V/um the rate is that of the shifted sigmoid.

    A pulse's probability changes by less than 1e-6 after pulse 60; 300 000 pulses,
    4.5 sigma, false alarm 7e-6.
    """
    field, early, late = 0.19e6, 60, 360
    drive = drive_of(neuron, field, steps=late, neurons=1000)
    total = respond(neuron, drive, KEY, self_sensitizable=True).rate * late
    before = respond(neuron, drive[:early], KEY, self_sensitizable=True).rate * early
    rate = (total - before).mean() / (late - early)
    chance = firing_probability(field, 0.18770e6, neuron.slope)
    assert chance == pytest.approx(0.599, abs=0.002)
    tolerance = 4.5 * np.sqrt(chance * (1 - chance) / 3e5) + 0.001
    assert abs(rate - chance) < tolerance


@pytest.mark.parametrize("field", [0.0, 0.10e6, 0.16e6])
def test_noise_up_to_the_floor_moves_nothing(neuron, field):
    """Hundred pulses at or below the floor leave the initial state."""
    drive = drive_of(neuron, field, steps=100, neurons=50)
    assert not respond(neuron, drive, KEY, self_sensitizable=True).shift.any()


def test_pulses_below_the_floor_keep_a_sensitized_state(neuron):
    """The shift stays where it is when the signal stops."""
    sensitize = drive_of(neuron, 0.19e6, steps=5, neurons=20)
    silence = drive_of(neuron, 0.16e6, steps=30, neurons=20)
    first = respond(neuron, sensitize, KEY, self_sensitizable=True)
    both = np.concatenate([sensitize, silence])
    second = respond(neuron, both, KEY, self_sensitizable=True)
    np.testing.assert_array_equal(first.shift, second.shift)
    assert first.shift.min() > 0


def test_frozen_neurons_do_not_move(neuron):
    """The normal neuron has no shift after any signal."""
    drive = drive_of(neuron, 0.22e6, steps=20, neurons=50)
    assert not respond(neuron, drive, KEY, self_sensitizable=False).shift.any()


def test_without_saturation_shift_both_kinds_are_the_same(make_neuron):
    """A device that cannot be sensitized makes the same spikes in both networks."""
    stiff = make_neuron(saturation_shift=0.0)
    drive = np.random.default_rng(0).normal(0.5, 1, (20, 8, 30)).astype(np.float32)
    frozen, moving = (
        respond(stiff, drive, KEY, self_sensitizable=kind).rate
        for kind in (False, True)
    )
    np.testing.assert_array_equal(frozen, moving)


def test_shift_acts_from_the_next_pulse_on(neuron):
    """One pulse gives the same spikes for both kinds, three do not."""
    drive = drive_of(neuron, 0.2e6, steps=3, neurons=2000)
    for steps, equal in ((1, True), (3, False)):
        frozen, moving = (
            respond(neuron, drive[:steps], KEY, self_sensitizable=kind).rate
            for kind in (False, True)
        )
        assert np.array_equal(frozen, moving) is equal


def test_sensitized_neurons_never_lose_a_spike(neuron):
    """On the same luck a lower threshold keeps every spike and adds others."""
    drive = np.random.default_rng(1).normal(0.3, 0.7, (20, 20, 40)).astype(np.float32)
    frozen, moving = (
        respond(neuron, drive, KEY, self_sensitizable=kind).rate
        for kind in (False, True)
    )
    assert (moving >= frozen).all()
    assert moving.sum() > frozen.sum()


def test_reset_pulse_after_a_spike_restores_the_initial_state(make_neuron):
    """A neuron that always spikes ends in the initial state, only with reset."""
    eager = make_neuron(midpoint=0.10e6)
    drive = drive_of(eager, 0.24e6, steps=10, neurons=20)
    for reset in (True, False):
        response = respond(
            eager, drive, KEY, self_sensitizable=True, reset_after_spike=reset
        )
        assert response.rate.min() == 1.0
        assert response.shift.any() is np.bool_(not reset)


def test_reset_concerns_spikes_only(make_neuron):
    """Where nothing fires, the reset changes nothing."""
    quiet = make_neuron(midpoint=0.45e6)
    drive = drive_of(quiet, 0.19e6, steps=10, neurons=20)
    with_reset, without = (
        respond(quiet, drive, KEY, self_sensitizable=True, reset_after_spike=reset)
        for reset in (True, False)
    )
    assert not with_reset.rate.any()
    np.testing.assert_array_equal(with_reset.shift, without.shift)


def test_every_presentation_starts_in_the_initial_state(neuron):
    """The same image gives the same answer again: nothing is left from the first."""
    drive = drive_of(neuron, 0.19e6, steps=10, images=3, neurons=40)
    first, again = (respond(neuron, drive, KEY, self_sensitizable=True) for _ in "ab")
    np.testing.assert_array_equal(first.rate, again.rate)
    other = respond(neuron, drive, stream_key(12), self_sensitizable=True)
    assert (first.rate != other.rate).any()


def test_pulse_window_bounds_the_field(neuron):
    """Drives beyond the window act as its ends: 0 and the highest field."""
    far = np.array([[[-1e6, 1e6]]], np.float32)
    shift = respond(neuron, far, KEY, self_sensitizable=True).shift.ravel()
    ends = drive_of(neuron, np.array([0.0, 0.25e6]), neurons=2)
    expected = respond(neuron, ends, KEY, self_sensitizable=True).shift.ravel()
    np.testing.assert_array_equal(shift, expected)
    assert shift[0] == 0.0
    assert shift[1] > 0.0


def test_table_is_the_device_function(neuron):
    """Nodes are exact to single precision, middles of cells within the stated bound."""
    spacing = neuron.highest_field / TABLE_CELLS
    begin, rise = neuron.table[1:-1].T.astype(float) / DRAW_RANGE
    cells = np.arange(TABLE_CELLS)
    for part in (0.0, 0.5):
        exact = [
            firing_probability((cell + part) * spacing, neuron.midpoint, neuron.slope)
            for cell in cells
        ]
        bound = 1e-7 if part == 0.0 else (spacing / neuron.slope) ** 2 / 83 + 1e-7
        assert np.abs(begin + part * rise - exact).max() < bound
    assert neuron.table[0, 1] == neuron.table[-1, 1] == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "fmes"}, "this network needs 'hnno'"),
        ({"without": "floor_field"}, "has no 'floor_field'"),
        ({"slope": 0.0}, "slope: must be above 0"),
        ({"saturation_shift": -1.0}, "saturation_shift: must be 0 or more"),
        ({"sensitization_pulses": 0.0}, "sensitization_pulses: must be above 0"),
        ({"floor_field": 0.3e6}, "outside of the pulse window"),
    ],
)
def test_unsuitable_model_is_one_clear_line(calibrated, changes, message):
    """The message names the parameter and what is allowed."""
    with pytest.raises(CalibrationError) as caught:
        pulsed_neuron(
            calibrated(**changes),
            rest_below_floor=0.0,
            gain=0.05e6,
            highest_field=0.25e6,
        )
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rest_field_hangs_on_the_fitted_floor(calibrated):
    """Without signal a neuron rests as far below its own floor as it is told."""
    neuron = pulsed_neuron(
        calibrated(floor_field=0.17e6),
        rest_below_floor=0.02e6,
        gain=0.05e6,
        highest_field=0.25e6,
    )
    assert neuron.rest_field == pytest.approx(0.15e6)
