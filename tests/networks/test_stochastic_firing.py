"""Tests of labneuro/networks/stochastic_firing.py."""

import numpy as np
import pytest
import torch

from labneuro.devices.hnno import firing_probability
from labneuro.networks.counter_random import stream_key
from labneuro.networks.stochastic_firing import StochasticFiring
from labneuro.networks.stochastic_neuron import respond

KEY = stream_key(21)


def drives(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator) * 0.8 + 0.5


def expectation(neuron, drive):
    """Return the expected rates, from the device function."""
    field = np.clip(neuron.rest_field + neuron.gain * drive, 0, neuron.highest_field)
    chance = np.vectorize(firing_probability)(field, neuron.midpoint, neuron.slope)
    return chance.mean(axis=0)


def test_gradient_is_that_of_the_expectation(neuron):
    """Every drive's gradient equals the central difference of the expected rate.

    The derivative of the table is within spacing / (2 slope) = 0.53 % of the largest.
    """
    drive = drives(3, 5, 40).requires_grad_()
    rate = StochasticFiring.apply(drive, drive, neuron, KEY)
    weight = drives(5, 40, seed=1)
    (rate * weight).sum().backward()
    exact = np.empty(drive.shape)
    base, small = drive.detach().numpy().astype(float), 1e-5
    for step in range(len(base)):
        change = np.zeros_like(base)
        change[step] = small
        rise = expectation(neuron, base + change) - expectation(neuron, base - change)
        exact[step] = rise / (2 * small) * weight.numpy()
    found = drive.grad.numpy()
    assert np.abs(found - exact).max() < 0.0055 * np.abs(exact).max()
    assert np.abs(exact).max() > 0.1


def test_rates_scatter_around_the_expectation(neuron):
    """2000 rates over 50 steps: their mean square deviation is the binomial one.

    The standardised sum of squares has a relative deviation of sqrt(2/2000) = 3 % or
    a little more where spikes are rare; 25 % is beyond 5 sigma.
    """
    drive = drives(1, 20, 100).repeat(50, 1, 1)
    rate = StochasticFiring.apply(drive, drive, neuron, KEY).numpy()
    chance = expectation(neuron, drive.numpy())
    common = (chance > 0.02) & (chance < 0.98)
    error = (rate - chance)[common] / np.sqrt(chance * (1 - chance) / 50)[common]
    assert (error**2).mean() == pytest.approx(1.0, abs=0.25)
    assert abs(error.mean()) < 4.5 / np.sqrt(common.sum())


def test_training_and_test_draw_the_same_spikes(neuron):
    """The tabulated probability parts from the device's at 1e-6 of the draws.

    400 000 draws: 0.4 different spikes expected, more than 6 with probability 1e-7.
    """
    drive = drives(20, 40, 500)
    trained = StochasticFiring.apply(drive, drive, neuron, KEY).numpy()
    tested = respond(neuron, drive.numpy(), KEY, self_sensitizable=False).rate
    assert np.abs(trained - tested).sum() * 20 < 6.5


def test_mean_source_gets_the_time_average_of_the_derivative(neuron):
    """The gradient by the mean drive is the sum of the gradients by all drives."""
    drive = drives(7, 4, 30).requires_grad_()
    weight = drives(4, 30, seed=1)
    (StochasticFiring.apply(drive, drive, neuron, KEY) * weight).sum().backward()
    mean = drive.detach().mean(dim=0).requires_grad_()
    rate = StochasticFiring.apply(mean, drive.detach(), neuron, KEY)
    (rate * weight).sum().backward()
    torch.testing.assert_close(mean.grad, drive.grad.sum(dim=0))


def test_no_gradient_beyond_the_pulse_window(neuron):
    """A clipped field does not answer to its drive."""
    drive = torch.tensor([[[-4.0, -3.21, 1.81, 50.0]]]).requires_grad_()
    StochasticFiring.apply(drive, drive, neuron, KEY).sum().backward()
    assert drive.grad is not None
    assert not drive.grad.any()


def test_drives_are_left_as_they_are(neuron):
    """The compiled loop writes to its own arrays only."""
    drive = drives(2, 3, 4)
    before = drive.clone()
    StochasticFiring.apply(drive, drive, neuron, KEY)
    torch.testing.assert_close(drive, before, rtol=0, atol=0)
