"""Training epoch of the spiking network beside dense ReLU and snnTorch's Leaky.

All contenders train 784-500-10 without biases on the same batches of 128 images of the
shipped Fashion-MNIST subset, over the same 20 time steps, from the same rate-coded
input spikes, drawn by the same routine in each contender's own time, with cross-entropy
on the time-averaged output and Adam. Each is the natural well-written form of its kind:

- labneuro: `RateNetwork.loss`, as `labneuro simulate fashion-snn` trains: the gradient
  of the first layer averaged over time, as in rate-based back-propagation.
- labneuro, time-resolved: the same with each time step's own gradient, as the peers
  below take it. It isolates what the stochastic neuron costs.
- dense ReLU: time folded into the batch, so that the first layer is one product; ReLU;
  mean over time; second layer. The same layout that labneuro uses.
- snnTorch, folded: the first layer as one product for all time steps; `snn.Leaky` with
  its default surrogate gradient stepped through time; mean over time; second layer.
- snnTorch, stepped: both layers called at every time step, as snnTorch's own tutorials
  and examples do it, but with one Leaky layer in place of their two.

They run in one process, interleaved batch by batch in an order that rotates, with two
torch threads. An epoch is the median training step times the steps of an epoch, and a
ratio is the median over all steps of the ratio of the two times for the same batch, so
that a neighbour's load on the machine, which comes in bursts, does not decide.
The limits: labneuro at most 1.15 times dense ReLU; snnTorch's Leaky, as its
documentation uses it (stepped), at least 1.4 times labneuro. The folded form is faster
than what a user of snnTorch's documentation writes; its ratio stands beside it.

Run: ``python benchmarks/snn_epoch.py [epochs]``
"""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import snntorch
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy, linear

from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.data.images import CLASSES, load_images
from labneuro.networks.counter_random import stream_key
from labneuro.networks.rate_code import brightness_probability, spike_trains
from labneuro.networks.rate_network import initial_network
from labneuro.networks.stochastic_neuron import pulsed_neuron

TIME_STEPS, BATCH, HIDDEN, LEARNING_RATE = 20, 128, 500, 2e-3
Spikes = NDArray[np.float32]
Loss = Callable[[Spikes, torch.Tensor, np.uint64], torch.Tensor]
CARD = {
    "midpoint": (0.210e6, "V/m"),
    "slope": (0.00575e6, "V/m"),
    "floor_field": (0.160e6, "V/m"),
    "saturation_shift": (0.0287e6, "V/m"),
    "shift_field_scale": (0.020e6, "V/m"),
    "sensitization_pulses": (4.0, ""),
}


class Contender:
    """A network with its optimiser, the time it used and the loss it reached."""

    def __init__(self, name: str, pixels: int) -> None:
        self.name = name
        self.network = initial_network(
            pixels,
            HIDDEN,
            CLASSES,
            initial_drive=1.0,
            spikes_per_step=224.0,
            key=stream_key(0),
        )
        weights = [self.network.hidden, self.network.readout]
        self.optimizer = torch.optim.Adam(weights, lr=LEARNING_RATE)
        self.loss = LOSSES[name](self)
        self.steps: list[tuple[float, float]] = []
        self.last_loss = 0.0

    def step(
        self, probability: NDArray[np.float32], labels: torch.Tensor, number: int
    ) -> None:
        """Do one training step; note its seconds with and without input coding."""
        start = time.perf_counter()
        spikes = spike_trains(probability, TIME_STEPS, stream_key(1, number))
        coded = time.perf_counter()
        loss = self.loss(spikes, labels, stream_key(2, number))
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.last_loss = loss.item()
        end = time.perf_counter()
        self.steps.append((end - start, end - coded))


def labneuro_loss(contender: Contender, *, time_resolved: bool = False) -> Loss:
    """Return the loss of the network with calibrated stochastic neurons."""
    parameters = tuple(
        FittedParameter(name=name, unit=unit, value=value, standard_error=None)
        for name, (value, unit) in CARD.items()
    )
    neuron = pulsed_neuron(
        CalibratedModel(model="hnno", parameters=parameters),
        rest_below_floor=0.0,
        gain=0.05e6,
        highest_field=0.25e6,
    )
    return lambda spikes, labels, key: contender.network.loss(
        neuron, spikes, labels, key, time_resolved=time_resolved
    )


def relu_loss(contender: Contender) -> Loss:
    """Return the loss of plain dense layers with ReLU."""
    network = contender.network

    def loss(spikes: Spikes, labels: torch.Tensor, _: np.uint64) -> torch.Tensor:
        hidden = torch.relu(network.drive(spikes))
        return cross_entropy(network.output(hidden.mean(dim=0)), labels)

    return loss


def leaky_folded_loss(contender: Contender) -> Loss:
    """Return the loss of snnTorch's Leaky after one product for all time steps."""
    network, leaky = contender.network, snntorch.Leaky(beta=0.9)

    def loss(spikes: Spikes, labels: torch.Tensor, _: np.uint64) -> torch.Tensor:
        membrane = leaky.reset_mem()
        fired = []
        for drive in network.drive(spikes):
            spike, membrane = leaky(drive, membrane)
            fired.append(spike)
        return cross_entropy(network.output(torch.stack(fired).mean(dim=0)), labels)

    return loss


def leaky_stepped_loss(contender: Contender) -> Loss:
    """Return the loss of snnTorch's Leaky with both layers at every time step."""
    network, leaky = contender.network, snntorch.Leaky(beta=0.9)

    def loss(spikes: Spikes, labels: torch.Tensor, _: np.uint64) -> torch.Tensor:
        membrane = leaky.reset_mem()
        outputs = []
        for shown in torch.from_numpy(spikes):
            spike, membrane = leaky(linear(shown, network.hidden), membrane)
            outputs.append(network.output(spike))
        return cross_entropy(torch.stack(outputs).mean(dim=0), labels)

    return loss


LOSSES: dict[str, Callable[[Contender], Loss]] = {
    "labneuro": labneuro_loss,
    "labneuro, time-resolved": partial(labneuro_loss, time_resolved=True),
    "dense ReLU": relu_loss,
    "snnTorch Leaky, folded": leaky_folded_loss,
    "snnTorch Leaky, stepped": leaky_stepped_loss,
}


def batches(
    epochs: int, probability: NDArray[np.float32], labels: torch.Tensor
) -> Iterator[tuple[NDArray[np.float32], torch.Tensor]]:
    """Yield the batches of all epochs; a last one that is not full is left out."""
    generator = np.random.default_rng(0)
    for _ in range(epochs):
        order = generator.permutation(len(labels))
        for first in range(0, len(order) - BATCH + 1, BATCH):
            part = order[first : first + BATCH]
            yield probability[part], labels[part]


def measure(epochs: int) -> dict[str, NDArray[np.float64]]:
    """Return the seconds of each step, with and without input coding, by name."""
    images = load_images("fashion-mnist", full=False)
    probability = brightness_probability(images.train_images)
    labels = torch.from_numpy(images.train_labels.astype(np.int64))
    contenders = [Contender(name, probability.shape[1]) for name in LOSSES]
    for contender in contenders:  # compile and warm up
        contender.step(probability[:BATCH], labels[:BATCH], 0)
        contender.steps.clear()
    for number, (shown, wanted) in enumerate(batches(epochs, probability, labels)):
        for place in range(len(contenders)):
            contenders[(number + place) % len(contenders)].step(shown, wanted, number)
    for contender in contenders:
        print(f"{contender.name:<24} last batch's loss {contender.last_loss:.3f}")
    return {contender.name: np.array(contender.steps) for contender in contenders}


def main() -> None:
    """Measure and print the ratios."""
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(2)
    taken = measure(epochs)
    for name, times in taken.items():
        seconds, bare = np.median(times, axis=0) * (len(times) // epochs)
        print(f"{name:<24} epoch {seconds:.3f} s, without input coding {bare:.3f} s")
    dense = taken["dense ReLU"]
    for own in ("labneuro", "labneuro, time-resolved"):
        show(f"{own} / dense ReLU (limit: at most 1.15)", taken[own] / dense)
        for peer in ("stepped (limit: at least 1.4)", "folded (no limit)"):
            times = taken[f"snnTorch Leaky, {peer.split()[0]}"]
            show(f"snnTorch Leaky, {peer} / {own}", times / taken[own])


def show(name: str, ratios: NDArray[np.float64]) -> None:
    """Print the median ratio, with input coding and without."""
    ratio, bare = np.median(ratios, axis=0)
    print(f"{ratio:.2f} ({bare:.2f} without input coding)  {name}")


if __name__ == "__main__":
    main()
