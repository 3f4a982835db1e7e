"""Adaptive digits: other digits take the place of trained ones without training.

A single layer of FMES synapses, one device from every pixel to each of four outputs, is
trained by pulses on the digits 8, 6, 2 and 4 with the regulating resistor open. Images
of 9, 5, 7 and 1 are then mapped: each pixel becomes the resistance beside its device at
the output whose place the digit takes, and the same potentiating pulses go to all of
that output's devices (:mod:`labneuro.networks.adaptive_digits_replay`).

The paper's maps show one digit an output, so its weights lead from pixels to outputs;
with a hidden layer an image could not be mapped to weights.

References
----------
S. Zhao, W. Ran et al., "Neuromorphic-computing-based adaptive learning using ion
dynamics in flexible energy storage devices": "Adaptive handwritten digit recognition
simulation", Figure 5.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from labneuro.data.images import ImageSet, load_images
from labneuro.errors import InputError
from labneuro.networks.adaptive_digits_replay import make_replay, mapped_levels
from labneuro.networks.adaptive_digits_result import AdaptationRow, AdaptiveDigitsResult
from labneuro.networks.adaptive_digits_settings import AdaptiveDigitsSettings
from labneuro.networks.counter_random import stream_key
from labneuro.networks.pulse_update import SynapseArray, pulse_curve, pulse_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel
    from labneuro.networks.catalog import Progress


__all__ = ["AdaptiveDigitsResult", "AdaptiveDigitsSettings", "simulate"]

_WHITE = 255.0


class _Stream(IntEnum):
    """What a random stream is for."""

    DEVICES = 0
    ORDER = 1
    PULSES = 2
    CHOICE = 3
    REPLAY = 4


@dataclass(frozen=True)
class Variant:
    """What is assumed of the mapping.

    Attributes
    ----------
    mapping, replay : str
        See :class:`~.adaptive_digits_settings.AdaptiveDigitsSettings`.
    pulses : int
        Pulses that an image brings.
    """

    mapping: str
    pulses: int
    replay: str

    @property
    def name(self) -> str:
        """Name in tables and legends."""
        plural = "" if self.pulses == 1 else "s"
        return f"{self.mapping}, {self.pulses} pulse{plural}, {self.replay}"


@dataclass(frozen=True)
class DigitSet:
    """Images of some digits, relabelled by their place among the outputs.

    Attributes
    ----------
    images : ndarray of uint8, shape (images, pixels)
        Brightness.
    outputs : ndarray of int64, shape (images,)
        Output that stands for each image's digit.
    """

    images: NDArray[np.uint8]
    outputs: NDArray[np.int64]


def simulate(
    model: CalibratedModel,
    settings: AdaptiveDigitsSettings,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> AdaptiveDigitsResult:
    """Train on some digits, map others, test both.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"fmes"``.
    settings : AdaptiveDigitsSettings
        Digits, training, mapping and test.
    seed : int
        Seed of the first network; the others count up from it.
    progress : callable, optional
        Called with a label, the steps done and the steps in total.

    Returns
    -------
    AdaptiveDigitsResult

    Raises
    ------
    CalibrationError
        If the model does not suit the network.
    InputError
        If the images are missing, damaged or too few.
    """
    pulse_curve(model, settings.training_resistance)
    for kind in settings.replay:
        make_replay(model, kind, 0, noise=settings.noise)
    variants = [
        Variant(*parts)
        for parts in itertools.product(
            settings.mapping, settings.pulses_per_image, settings.replay
        )
    ]
    work = _Adaptation(model, settings, load_images("mnist", full=settings.full))
    found: dict[str, list[AdaptationRow]] = {one.name: [] for one in variants}
    first_trained: list[NDArray[np.float64]] = []
    adapted_maps: dict[str, NDArray[np.float64]] = {}
    total = settings.seeds * (len(variants) + 1)
    steps = itertools.count(1)
    for number in range(settings.seeds):
        label = f"network {number + 1} of {settings.seeds}"
        voltage = work.train(seed + number)
        first_trained.append(_maps(voltage))
        _report(progress, label, next(steps), total)
        for variant in variants:
            rows, final = work.adapt(voltage, variant, seed + number)
            found[variant.name] += rows
            adapted_maps.setdefault(variant.name, _maps(final))
            _report(progress, label, next(steps), total)
    everything = tuple(itertools.chain.from_iterable(found.values()))
    return AdaptiveDigitsResult(
        settings, model, everything, first_trained[0], adapted_maps
    )


def _report(progress: Progress | None, label: str, done: int, total: int) -> None:
    if progress is not None:
        progress(label, done, total)


def _maps(voltage: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return one picture an output."""
    side = math.isqrt(voltage.shape[0])
    return voltage.T.reshape(-1, side, side).astype(np.float64)


def choose_digits(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], digits: Sequence[int]
) -> DigitSet:
    """Return the images of some digits, in their order, with their outputs."""
    place = np.full(256, -1, np.int64)
    place[list(digits)] = np.arange(len(digits))
    outputs = place[labels]
    chosen = outputs >= 0
    flat = images.reshape(len(images), -1)
    return DigitSet(np.ascontiguousarray(flat[chosen]), outputs[chosen])


class _Adaptation:
    """Training, mapping and test of networks that differ in their seed."""

    def __init__(
        self,
        model: CalibratedModel,
        settings: AdaptiveDigitsSettings,
        images: ImageSet,
    ) -> None:
        self._model = model
        self._settings = settings
        self._curve = pulse_curve(model, settings.training_resistance)
        train = images.train_images, images.train_labels
        test = images.test_images, images.test_labels
        self._train = choose_digits(*train, settings.trained)
        self._source = choose_digits(*train, settings.adapted)
        self._trained_test = choose_digits(*test, settings.trained)
        self._adapted_test = choose_digits(*test, settings.adapted)

    def train(self, seed: int) -> NDArray[np.float32]:
        """Return the voltages after training, in V, shape (pixels, outputs)."""
        settings = self._settings
        array = SynapseArray(
            self._curve,
            self._train.images.shape[1],
            len(settings.trained),
            seed,
            _Stream.DEVICES,
            spread=settings.spread,
            noise=settings.noise,
        )
        voltage = array.voltage.numpy()
        generator = np.random.default_rng((seed, _Stream.ORDER))
        gain = 2.0 * settings.weight / self._curve.span
        for epoch in range(settings.epochs):
            turn = math.pi * epoch / max(settings.epochs - 1, 1)
            final = settings.final_rate
            share = final + (1.0 - final) * 0.5 * (1.0 + math.cos(turn))
            train_single_layer(
                self._train.images,
                self._train.outputs,
                generator.permutation(len(self._train.outputs)),
                voltage,
                array.steps.numpy(),
                np.float32(gain),
                np.float32(settings.rate * share),
                stream_key(seed, _Stream.PULSES, epoch),
            )
        return voltage

    def adapt(
        self, trained: NDArray[np.float32], variant: Variant, seed: int
    ) -> tuple[list[AdaptationRow], NDArray[np.float32]]:
        """Map images one after the other; return the tests and the last voltages."""
        settings = self._settings
        voltage = trained.astype(np.float64)
        replays = [
            make_replay(
                self._model,
                variant.replay,
                int(stream_key(seed, _Stream.REPLAY, output)) >> 1,
                noise=settings.noise,
            )
            for output in range(voltage.shape[1])
        ]
        order = self._mapped_images(seed)
        rows, done = [], 0
        for count in settings.mapped:
            for number in order[done:count]:
                image = self._source.images[number]
                output = self._source.outputs[number]
                replay = replays[output]
                level = mapped_levels(image, replay.levels, variant.mapping)
                voltage[:, output] = replay(voltage[:, output], level, variant.pulses)
            done = count
            rows.append(self._row(voltage, variant, seed, count))
        return rows, voltage.astype(np.float32)

    def _mapped_images(self, seed: int) -> NDArray[np.intp]:
        """Choose images to map, the outputs taking turns."""
        outputs = len(self._settings.adapted)
        each = -(-self._settings.mapped[-1] // outputs)
        generator = np.random.default_rng((seed, _Stream.CHOICE))
        chosen = []
        for output in range(outputs):
            found = np.flatnonzero(self._source.outputs == output)
            if len(found) < each:
                digit = self._settings.adapted[output]
                raise InputError(
                    f"mapped: {each} images of each digit are needed, digit {digit} "
                    f"has {len(found)}"
                )
            chosen.append(generator.permutation(found)[:each])
        return np.stack(chosen, axis=1).ravel()

    def _row(
        self, voltage: NDArray[np.float64], variant: Variant, seed: int, count: int
    ) -> AdaptationRow:
        tests = self._trained_test, self._adapted_test
        right = [right_answers(voltage, one) for one in tests]
        return AdaptationRow(
            variant.name,
            seed,
            count,
            right[0],
            len(tests[0].outputs),
            right[1],
            len(tests[1].outputs),
        )


def right_answers(voltage: NDArray[np.float64], digits: DigitSet) -> int:
    """Count the images whose output has the largest weighted sum.

    A reference voltage common to all devices shifts all outputs alike, so the voltages
    themselves are compared.
    """
    score = (digits.images / _WHITE) @ voltage
    return int((score.argmax(axis=1) == digits.outputs).sum())


@njit(cache=True, nogil=True)
def train_single_layer(images, outputs, order, voltage, steps, gain, rate, key):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Train one epoch sample by sample: softmax, cross-entropy, pulses, in place."""
    classes = voltage.shape[1]
    error = np.empty(classes, np.float32)
    chosen = np.empty(classes, np.int32)
    drawn = 0
    for number in order:
        image = images[number]
        error[:] = np.float32(0)
        for i in range(len(image)):
            if image[i] > 0:
                x = np.float32(image[i]) * np.float32(1.0 / 255.0)
                for c in range(classes):
                    error[c] += x * voltage[i, c]
        error *= gain
        error -= error.max()
        for c in range(classes):
            error[c] = np.exp(error[c])
        error /= error.sum()
        error[outputs[number]] -= np.float32(1)
        error *= rate
        for i in range(len(image)):
            if image[i] > 0:
                x = np.float32(image[i]) * np.float32(1.0 / 255.0)
                pulse_row(voltage[i], steps[i], x, error, chosen, key, drawn)
                drawn += classes
