"""Fully connected rate-coded spiking network of calibrated neurons on Fashion-MNIST.

784 pixels spike at random with their brightness, hidden neurons fire with the
calibrated sigmoid, ten linear units read the hidden firing rates. Training happens in
full brightness with neurons frozen in the initial state. The test in dimmed light uses
the same weights and the same input spikes for frozen ("normal") neurons and for
neurons whose state moves with the signals that they receive ("self-sensitizable").

The same seed gives the same result on one machine; the number of torch threads may
change the last bit of a sum and so, rarely, a spike.

References
----------
T. Zhang et al., "Self-sensitizable neuromorphic device based on adaptive hydrogen
gradient": "Applications of self-sensitizable neurons in fully connected spiking neural
networks", Figure 4D-F.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import torch

from labneuro.data.images import CLASSES, ImageSet, load_images
from labneuro.networks.accuracy import AccuracyRow, FashionSnnResult
from labneuro.networks.counter_random import stream_key
from labneuro.networks.fashion_snn_settings import FashionSnnSettings
from labneuro.networks.rate_code import (
    brightness_probability,
    own_maximum_probability,
    spike_trains,
)
from labneuro.networks.rate_network import RateNetwork, initial_network
from labneuro.networks.stochastic_neuron import PulsedNeuron, pulsed_neuron, respond

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel
    from labneuro.networks.catalog import Progress


__all__ = ["FashionSnnResult", "FashionSnnSettings", "simulate"]

NORMAL = "normal"
SELF_SENSITIZABLE = "self-sensitizable"
CONTROL = "normal, own maximum"
_TEST_CHUNK = 250


class _Stream(IntEnum):
    """What a random stream is for."""

    WEIGHTS = 0
    ORDER = 1
    TRAIN_INPUT = 2
    TRAIN_FIRING = 3
    TEST_INPUT = 4
    TEST_FIRING = 5
    CONTROL_INPUT = 6


def simulate(
    model: CalibratedModel,
    settings: FashionSnnSettings,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> FashionSnnResult:
    """Train and test normal and self-sensitizable networks with the same weights.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"hnno"``.
    settings : FashionSnnSettings
        Network, training, encoding and test.
    seed : int
        Seed of the first network; the others count up from it.
    progress : callable, optional
        Called with a label, the steps done and the steps in total.

    Returns
    -------
    FashionSnnResult

    Raises
    ------
    CalibrationError
        If the model does not suit the network.
    InputError
        If the images are missing or damaged.
    """
    neuron = pulsed_neuron(
        model,
        rest_below_floor=settings.rest_below_floor,
        gain=settings.gain,
        highest_field=settings.highest_field,
    )
    images = load_images(settings.images, full=settings.full)
    simulation = _Simulation(neuron, settings, images, progress or _no_progress)
    rows: list[AccuracyRow] = []
    losses: dict[int, tuple[float, ...]] = {}
    for number in range(settings.seeds):
        label = f"network {number + 1} of {settings.seeds}"
        network, loss = simulation.train(seed + number, f"{label}: training")
        rows += simulation.test(network, seed + number, f"{label}: test")
        losses[seed + number] = loss
    return FashionSnnResult(settings, model, tuple(rows), losses)


def _no_progress(label: str, done: int, total: int) -> None:
    """Report nothing."""


class _Simulation:
    """Training and test of networks that differ in their seed."""

    def __init__(
        self,
        neuron: PulsedNeuron,
        settings: FashionSnnSettings,
        images: ImageSet,
        progress: Progress,
    ) -> None:
        self._neuron = neuron
        self._settings = settings
        self._images = images
        self._progress = progress

    def train(self, seed: int, label: str) -> tuple[RateNetwork, tuple[float, ...]]:
        """Train a network in full brightness; return it and each epoch's loss."""
        settings = self._settings
        probability = brightness_probability(self._images.train_images)
        labels = torch.from_numpy(self._images.train_labels.astype(np.int64))
        network = self._initial_network(probability, seed)
        optimizer = torch.optim.Adam(
            [network.hidden, network.readout], lr=settings.learning_rate
        )
        steps = settings.epochs * -(-len(labels) // settings.batch)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        losses = [0.0] * settings.epochs
        for step, (epoch, batch) in enumerate(self._batches(seed)):
            input_key = stream_key(seed, _Stream.TRAIN_INPUT, step)
            spikes = spike_trains(probability[batch], settings.time_steps, input_key)
            firing_key = stream_key(seed, _Stream.TRAIN_FIRING, step)
            loss = network.loss(
                self._neuron,
                spikes,
                labels[batch],
                firing_key,
                time_resolved=settings.time_resolved_gradient,
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            losses[epoch] += loss.item() * len(batch) / len(labels)
            self._progress(label, step + 1, steps)
        return network, tuple(losses)

    def _initial_network(
        self, probability: NDArray[np.float32], seed: int
    ) -> RateNetwork:
        return initial_network(
            pixels=probability.shape[1],
            neurons=self._settings.hidden,
            classes=CLASSES,
            initial_drive=self._settings.initial_drive,
            spikes_per_step=float(probability.sum(axis=1).mean()),
            key=stream_key(seed, _Stream.WEIGHTS),
        )

    def _batches(self, seed: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield the epoch and the image numbers of each training step."""
        count, size = len(self._images.train_labels), self._settings.batch
        generator = np.random.default_rng((seed, _Stream.ORDER))
        for epoch in range(self._settings.epochs):
            order = generator.permutation(count)
            for first in range(0, count, size):
                yield epoch, order[first : first + size]

    @torch.no_grad()
    def test(self, network: RateNetwork, seed: int, label: str) -> list[AccuracyRow]:
        """Test a network at every brightness, for both neurons and the control."""
        chunks = range(0, len(self._images.test_labels), _TEST_CHUNK)
        steps = len(chunks) * len(self._settings.brightness)
        rows: list[AccuracyRow] = []
        for level, brightness in enumerate(self._settings.brightness):
            correct: Counter[str] = Counter()
            spikes: Counter[str] = Counter()
            for number, first in enumerate(chunks):
                part = slice(first, first + _TEST_CHUNK)
                labels = self._images.test_labels[part]
                shown = brightness_probability(
                    self._images.test_images[part], brightness
                )
                for kind, rate in self._rates(network, shown, seed, level, number):
                    answer = network.output(torch.from_numpy(rate)).argmax(dim=1)
                    correct[kind] += int((answer.numpy() == labels).sum())
                    spikes[kind] += round(
                        float(rate.sum(dtype=np.float64)) * self._settings.time_steps
                    )
                self._progress(label, level * len(chunks) + number + 1, steps)
            rows += self._rows(seed, brightness, correct, spikes)
        return rows

    def _rows(
        self, seed: int, brightness: float, correct: Counter[str], spikes: Counter[str]
    ) -> list[AccuracyRow]:
        total = len(self._images.test_labels)
        pulses = total * self._settings.hidden * self._settings.time_steps
        return [
            AccuracyRow(
                seed, brightness, kind, correct[kind], total, spikes[kind] / pulses
            )
            for kind in (NORMAL, SELF_SENSITIZABLE, CONTROL)
        ]

    def _rates(
        self,
        network: RateNetwork,
        shown: NDArray[np.float32],
        seed: int,
        *place: int,
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield the hidden rates of both neurons, on the same spikes, and the control.

        `place` tells this presentation from all others: brightness level and chunk.
        """
        time_steps, neuron = self._settings.time_steps, self._neuron
        key = stream_key(seed, _Stream.TEST_FIRING, *place)
        spikes = spike_trains(
            shown, time_steps, stream_key(seed, _Stream.TEST_INPUT, *place)
        )
        drive = network.drive(spikes).numpy()
        yield NORMAL, respond(neuron, drive, key, self_sensitizable=False).rate
        moved = respond(
            neuron,
            drive,
            key,
            self_sensitizable=True,
            reset_after_spike=self._settings.reset_after_spike,
        )
        yield SELF_SENSITIZABLE, moved.rate
        spikes = spike_trains(
            own_maximum_probability(shown),
            time_steps,
            stream_key(seed, _Stream.CONTROL_INPUT, *place),
        )
        drive = network.drive(spikes).numpy()
        yield CONTROL, respond(neuron, drive, key, self_sensitizable=False).rate
