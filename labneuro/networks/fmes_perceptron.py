"""784-100-10 perceptron on MNIST whose weights are FMES synapses moved by pulses.

Every weight is one device: its postsynaptic voltage less a reference voltage that is
common to its layer, times a gain. One device, because the paper's cell has one and its
histogram is of the voltages themselves; the reference at the symmetry point of the two
curves makes the drift of alternating pulses a decay towards weight 0.

An update asks each device for ``rate x input x error`` pulses, with the sign that
lowers the loss, rounded at random; the pulses move the voltage along the calibrated
curve (:mod:`labneuro.networks.pulse_update`). The request does not know the resistance,
so the resistance sets the learning rate, as the paper describes it.

References
----------
S. Zhao, W. Ran et al., "Neuromorphic-computing-based adaptive learning using ion
dynamics in flexible energy storage devices": "Neuromorphic pattern-recognition
accuracy", Figure 4.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.data.images import CLASSES, ImageSet, load_images
from labneuro.networks.counter_random import stream_key
from labneuro.networks.fmes_perceptron_kernels import (
    LOGISTIC,
    RECTIFIED,
    classify,
    train_ideal,
    train_pulsed,
)
from labneuro.networks.fmes_perceptron_result import (
    IDEAL,
    FmesPerceptronResult,
    TrainingRow,
    WeightPicture,
)
from labneuro.networks.fmes_perceptron_settings import FmesPerceptronSettings
from labneuro.networks.pulse_update import (
    PulseCurve,
    SynapseArray,
    pulse_curve,
    resistance_labels,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel
    from labneuro.networks.catalog import Progress


__all__ = ["FmesPerceptronResult", "FmesPerceptronSettings", "simulate"]

_ACTIVATIONS = {"logistic": LOGISTIC, "rectified": RECTIFIED}


class _Stream(IntEnum):
    """What a random stream is for; the first two are the arrays."""

    HIDDEN = 0
    OUTPUT = 1
    ORDER = 2
    PULSES = 3


class Layers(NamedTuple):
    """Two layers of devices, and how their voltages become weights.

    Attributes
    ----------
    hidden, output : SynapseArray
        Devices of shape (pixels, hidden) and (hidden, classes).
    scales : ndarray of float32, shape (4,)
        Gain in 1/V and reference in V of the hidden and of the output layer.
    """

    hidden: SynapseArray
    output: SynapseArray
    scales: NDArray[np.float32]

    def voltages(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the voltages of both layers, shared with the devices."""
        return self.hidden.voltage.numpy(), self.output.voltage.numpy()

    def weights(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the weights of both layers."""
        gain, reference, output_gain, output_reference = self.scales.tolist()
        return (
            gain * (self.hidden.voltage - reference),
            output_gain * (self.output.voltage - output_reference),
        )


def simulate(
    model: CalibratedModel,
    settings: FmesPerceptronSettings,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> FmesPerceptronResult:
    """Train and test the network at each resistance, and without devices.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"fmes"``.
    settings : FmesPerceptronSettings
        Network, training and test.
    seed : int
        Seed of the first network; the others count up from it.
    progress : callable, optional
        Called with a label, the epochs done and the epochs in total.

    Returns
    -------
    FmesPerceptronResult

    Raises
    ------
    CalibrationError
        If the model does not suit the network or lacks a resistance.
    InputError
        If the images are missing or damaged.
    """
    labels = settings.resistances or tuple(resistance_labels(model))
    curves = [pulse_curve(model, label) for label in labels]
    widest = max(pulse_curve(model, one).span for one in resistance_labels(model))
    images = load_images(settings.images, full=settings.full)
    training = _Training(settings, images, widest, progress or _no_progress)
    rows: list[TrainingRow] = []
    pictures: list[WeightPicture] = []
    for curve in curves:
        for number in range(settings.seeds):
            row, picture = training.pulsed(curve, seed + number)
            rows.append(row)
            pictures += [picture] if number == 0 else []
    if settings.ideal:
        rows += [training.ideal(seed + number) for number in range(settings.seeds)]
    return FmesPerceptronResult(settings, model, tuple(rows), tuple(pictures))


def _no_progress(label: str, done: int, total: int) -> None:
    """Report nothing."""


def make_layers(
    curve: PulseCurve,
    settings: FmesPerceptronSettings,
    pixels: int,
    seed: int,
    widest: float | None = None,
) -> Layers:
    """Return fresh layers of devices.

    Parameters
    ----------
    curve : PulseCurve
        The mean device.
    settings : FmesPerceptronSettings
        Sizes, weight scale, reference, spread and noise.
    pixels : int
        Inputs.
    seed : int
        Seed of the devices and their first voltages.
    widest : float, optional
        Range in V that has the full weights where the scale is ``"voltage"``; the
        curve's own if absent.
    """
    span = curve.span
    if settings.weight_scale == "voltage" and widest is not None:
        span = widest
    reference = curve.symmetry_point
    if settings.reference == "middle":
        reference = 0.5 * (curve.lowest + curve.highest)
    hidden, output = (
        SynapseArray(
            curve,
            rows,
            columns,
            seed,
            stream,
            spread=settings.spread,
            noise=settings.noise,
        )
        for rows, columns, stream in (
            (pixels, settings.hidden, _Stream.HIDDEN),
            (settings.hidden, CLASSES, _Stream.OUTPUT),
        )
    )
    gains = 2.0 * settings.hidden_weight / span, 2.0 * settings.output_weight / span
    scales = np.array([gains[0], reference, gains[1], reference], np.float32)
    return Layers(hidden, output, scales)


class _Training:
    """Training and test of networks that differ in resistance and seed."""

    def __init__(
        self,
        settings: FmesPerceptronSettings,
        images: ImageSet,
        widest: float,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._widest = widest
        self._progress = progress
        self._train = images.train_images.reshape(len(images.train_images), -1)
        self._test = images.test_images.reshape(len(images.test_images), -1)
        self._labels, self._test_labels = images.train_labels, images.test_labels
        self._activation = _ACTIVATIONS[settings.activation]

    def pulsed(self, curve: PulseCurve, seed: int) -> tuple[TrainingRow, WeightPicture]:
        """Train a network of devices."""
        settings = self._settings
        layers = make_layers(curve, settings, self._train.shape[1], seed, self._widest)
        voltages = layers.voltages()
        steps = layers.hidden.steps.numpy(), layers.output.steps.numpy()
        rates = np.array([settings.hidden_rate, settings.output_rate], np.float32)
        before = _picture(layers)
        sent = 0

        def train(epoch: int, order: NDArray[np.int64]) -> float:
            nonlocal sent
            loss, pulses = train_pulsed(
                self._train,
                self._labels,
                order,
                settings.batch,
                voltages,
                steps,
                layers.scales,
                rates * np.float32(self._decline(epoch)),
                self._activation,
                stream_key(seed, _Stream.PULSES, epoch),
            )
            sent += pulses
            return float(loss)

        history, losses = self._epochs(
            f"{curve.label}, seed {seed}", seed, voltages, layers.scales, train
        )
        devices = sum(part.size for part in voltages)
        row = self._row(curve.label, seed, history, losses, sent / devices)
        after = _picture(layers)
        return row, WeightPicture(curve.label, before[0], after[0], before[1], after[1])

    def ideal(self, seed: int) -> TrainingRow:
        """Train the same network without devices, from weights of He's spread."""
        settings = self._settings
        generator = np.random.default_rng((seed, _Stream.HIDDEN))
        pixels, hidden = self._train.shape[1], settings.hidden
        weights = tuple(
            (
                math.sqrt(6.0 / rows) * generator.uniform(-1.0, 1.0, (rows, columns))
            ).astype(np.float32)
            for rows, columns in ((pixels, hidden), (hidden, CLASSES))
        )
        scales = np.array([1, 0, 1, 0], np.float32)
        rates = np.full(2, settings.ideal_rate, np.float32)

        def train(epoch: int, order: NDArray[np.int64]) -> float:
            return float(
                train_ideal(
                    self._train,
                    self._labels,
                    order,
                    settings.batch,
                    weights,
                    scales,
                    rates * np.float32(self._decline(epoch)),
                    self._activation,
                )
            )

        history, losses = self._epochs(
            f"{IDEAL}, seed {seed}", seed, weights, scales, train
        )
        return self._row(IDEAL, seed, history, losses, 0.0)

    def _decline(self, epoch: int) -> float:
        """Return the share of the rates in an epoch: half a cosine down to the last."""
        last = self._settings.epochs - 1
        final = self._settings.final_rate
        turn = math.pi * epoch / last if last else 0.0
        return final + (1.0 - final) * 0.5 * (1.0 + math.cos(turn))

    def _epochs(
        self,
        label: str,
        seed: int,
        layers: tuple[NDArray[np.float32], ...],
        scales: NDArray[np.float32],
        train: Callable[[int, NDArray[np.int64]], float],
    ) -> tuple[list[int], tuple[float, ...]]:
        """Run all epochs; return right answers and loss of each."""
        generator = np.random.default_rng((seed, _Stream.ORDER))
        answer = np.empty(len(self._test), np.int64)
        right, losses = [], []
        for epoch in range(self._settings.epochs):
            losses.append(train(epoch, generator.permutation(len(self._train))))
            classify(self._test, layers, scales, self._activation, answer)
            right.append(int((answer == self._test_labels).sum()))
            self._progress(label, epoch + 1, self._settings.epochs)
        return right, tuple(losses)

    def _row(
        self,
        label: str,
        seed: int,
        right: list[int],
        losses: tuple[float, ...],
        pulses: float,
    ) -> TrainingRow:
        total = len(self._test)
        history = tuple(correct / total for correct in right)
        return TrainingRow(label, seed, right[-1], total, history, losses, pulses)


def _picture(layers: Layers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the map of each class and the voltages of all devices."""
    hidden, output = layers.weights()
    maps = (hidden @ output).T.numpy().astype(np.float64)
    side = math.isqrt(maps.shape[1])
    voltage = np.concatenate([part.ravel() for part in layers.voltages()])
    return maps.reshape(-1, side, side), voltage.astype(np.float64)
