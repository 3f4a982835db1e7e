"""A layer of spiking neurons between two layers of weights, read out by firing rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy, linear

from labneuro.networks.stochastic_firing import StochasticFiring

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labneuro.networks.stochastic_neuron import PulsedNeuron


@dataclass(frozen=True)
class RateNetwork:
    """Weights of a network with one hidden layer of pulsed neurons.

    Neither layer has a bias: without signal every hidden neuron is at the rest field,
    and dimming scales the read-out's inputs only.

    Attributes
    ----------
    hidden : Tensor of float32, shape (neurons, pixels)
        Drive that a spike of each pixel gives each neuron.
    readout : Tensor of float32, shape (classes, neurons)
        Weight of each neuron's firing rate in each output.
    """

    hidden: torch.Tensor
    readout: torch.Tensor

    def drive(self, spikes: NDArray[np.float32]) -> torch.Tensor:
        """Return the drive of every neuron at every time step, in one product.

        Parameters
        ----------
        spikes : ndarray of float32, shape (time_steps, images, pixels)
            Input spikes.

        Returns
        -------
        Tensor of float32, shape (time_steps, images, neurons)
        """
        flat = torch.from_numpy(spikes).flatten(end_dim=1)
        return linear(flat, self.hidden).view(*spikes.shape[:2], -1)

    def output(self, rate: torch.Tensor) -> torch.Tensor:
        """Return the outputs averaged over the time steps.

        A linear read-out of the mean rate is the mean over time of its read-outs.

        Parameters
        ----------
        rate : Tensor of float32, shape (images, neurons)
            Share of time steps with a spike.

        Returns
        -------
        Tensor of float32, shape (images, classes)
        """
        return linear(rate, self.readout)

    def loss(
        self,
        neuron: PulsedNeuron,
        spikes: NDArray[np.float32],
        labels: torch.Tensor,
        key: np.uint64,
        *,
        time_resolved: bool = False,
    ) -> torch.Tensor:
        """Return the mean cross-entropy of some images, ready for a backward pass.

        Parameters
        ----------
        neuron : PulsedNeuron
            The calibrated neuron; it stays in its initial state.
        spikes : ndarray of float32, shape (time_steps, images, pixels)
            Input spikes.
        labels : Tensor of int64, shape (images,)
            Class of each image.
        key : uint64
            Random stream of the hidden spikes.
        time_resolved : bool
            The gradient of the hidden weights: True multiplies each time step's firing
            derivative with the same step's input spikes; False multiplies their means
            over time, which drops how the two vary together within one presentation
            and saves nearly half of the time of a training step.

        Returns
        -------
        Tensor of float32, shape ()

        References
        ----------
        C. Yu et al., "Advancing training efficiency of deep spiking neural networks
        through rate-based backpropagation", NeurIPS 2024, arXiv:2410.11488.
        """
        if time_resolved:
            source = drive = self.drive(spikes)
        else:
            with torch.no_grad():
                drive = self.drive(spikes)
            source = linear(torch.from_numpy(spikes).mean(dim=0), self.hidden)
        rate = StochasticFiring.apply(  # type: ignore[no-untyped-call]
            source, drive, neuron, key
        )
        return cross_entropy(self.output(rate), labels)


def initial_network(
    pixels: int,
    neurons: int,
    classes: int,
    *,
    initial_drive: float,
    spikes_per_step: float,
    key: np.uint64,
) -> RateNetwork:
    """Draw the weights before training.

    Parameters
    ----------
    pixels, neurons, classes : int
        Sizes of the layers.
    initial_drive : float
        Standard deviation of the drive at one time step.
    spikes_per_step : float
        Mean number of pixels that spike in one time step.
    key : uint64
        Random stream of the weights.

    Returns
    -------
    RateNetwork
        With weights that collect gradients.
    """
    generator = torch.Generator().manual_seed(int(key) >> 1)
    hidden = torch.randn(neurons, pixels, generator=generator)
    readout = torch.randn(classes, neurons, generator=generator)
    hidden *= initial_drive / spikes_per_step**0.5
    readout *= neurons**-0.5
    return RateNetwork(hidden.requires_grad_(), readout.requires_grad_())
