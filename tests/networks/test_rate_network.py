"""Tests of labneuro/networks/rate_network.py."""

import numpy as np
import pytest
import torch

from labneuro.networks.counter_random import stream_key
from labneuro.networks.rate_code import spike_trains
from labneuro.networks.rate_network import RateNetwork, initial_network

PIXELS, NEURONS, CLASSES = 60, 40, 4


@pytest.fixture
def network():
    return initial_network(
        PIXELS,
        NEURONS,
        CLASSES,
        initial_drive=1.0,
        spikes_per_step=20.0,
        key=stream_key(1),
    )


def gradient(network, *arguments, time_resolved):
    network.hidden.grad = None
    torch.autograd.backward(network.loss(*arguments, time_resolved=time_resolved))
    return network.hidden.grad


def test_initial_drive_has_the_wanted_spread():
    """20 of 60 pixels spiking give drives of deviation 1: 2000 drives, 5 sigma."""
    network = initial_network(
        60, 2000, 2, initial_drive=1.0, spikes_per_step=20.0, key=stream_key(3)
    )
    spikes = np.zeros((1, 1, 60), np.float32)
    spikes[..., :20] = 1
    assert network.drive(spikes).std().item() == pytest.approx(1, abs=5 / 4000**0.5)


def test_drive_is_the_sum_of_the_weights_of_spiking_pixels(network):
    """Each time step and image has its own sum."""
    spikes = spike_trains(np.full((3, PIXELS), 0.3, np.float32), 5, stream_key(2))
    drive = network.drive(spikes)
    assert drive.shape == (5, 3, NEURONS)
    expected = network.hidden.detach().numpy()[:, spikes[4, 1] > 0].sum(axis=1)
    np.testing.assert_allclose(drive[4, 1].detach().numpy(), expected, atol=1e-5)


def test_both_gradients_agree_for_unchanging_spikes(network, neuron):
    """With the same pixels at each step there is nothing to average away."""
    generator = np.random.default_rng(0)
    probability = generator.integers(0, 2, (16, PIXELS)).astype(np.float32)
    spikes = spike_trains(probability, 6, stream_key(2))
    labels = torch.arange(16) % CLASSES
    arguments = (neuron, spikes, labels, stream_key(4))
    resolved = gradient(network, *arguments, time_resolved=True)
    averaged = gradient(network, *arguments, time_resolved=False)
    assert resolved.abs().max() > 1e-3
    torch.testing.assert_close(averaged, resolved, rtol=1e-4, atol=1e-7)


def test_averaged_gradient_points_where_the_resolved_one_does(network, neuron):
    """For rate-coded spikes the two directions differ by less than 30 degrees."""
    probability = np.random.default_rng(0).random((64, PIXELS), dtype=np.float32)
    spikes = spike_trains(probability * 0.7, 20, stream_key(2))
    labels = torch.arange(64) % CLASSES
    arguments = (neuron, spikes, labels, stream_key(4))
    resolved = gradient(network, *arguments, time_resolved=True).flatten()
    averaged = gradient(network, *arguments, time_resolved=False).flatten()
    cosine = torch.nn.functional.cosine_similarity(resolved, averaged, dim=0)
    assert cosine.item() > np.cos(np.radians(30))


def test_output_of_the_mean_rate_is_the_mean_of_outputs():
    """The read-out is linear, so averaging may come first."""
    network = RateNetwork(torch.zeros(3, 2), torch.tensor([[1.0, -2.0, 0.5]]))
    spikes = torch.tensor([[[1.0, 0, 1]], [[0, 1, 1]], [[1, 1, 0]]])
    torch.testing.assert_close(
        network.output(spikes.mean(dim=0)), network.output(spikes).mean(dim=0)
    )


def test_no_signal_gives_no_drive(network):
    """Without a spiking pixel every neuron is at the rest field: there is no bias."""
    assert not network.drive(np.zeros((2, 2, PIXELS), np.float32)).any()
