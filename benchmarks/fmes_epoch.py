"""One epoch of the FMES perceptron beside ideal training and eager torch.

All train 784-100-10 on the same images, one after the other in one process and on one
thread; what is compared is processor time, so that other load on the machine does not
count, and the best of a few epochs of each.

- pulsed: every weight a device, moved by pulses along its calibrated curves (open).
- ideal: stochastic gradient descent of the same network in the same compiled form.
- eager torch: the same network and update in plain torch.

Limits at batch 1: pulsed at most 12 times ideal and at most 0.25 times eager torch. At
batch 32, one rank-1 pulsed update an image, aihwkit's SoftBounds must take at least 1.8
times as long. aihwkit runs where it is installed: its wheels need the torch that they
were built with, its source distribution 1.2.0 builds against the pinned one. Elsewhere
a reference stands in its place: 1.12 to 1.32 s on a machine where ideal training took
0.060 to 0.076 s, that is at least 14.7 times ideal.

Run: ``OMP_NUM_THREADS=1 python benchmarks/fmes_epoch.py [images]``
"""

import importlib.util
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from labneuro.calibration import load
from labneuro.data.images import load_images
from labneuro.networks.counter_random import stream_key
from labneuro.networks.fmes_perceptron import make_layers
from labneuro.networks.fmes_perceptron_kernels import (
    RECTIFIED,
    train_ideal,
    train_pulsed,
)
from labneuro.networks.fmes_perceptron_settings import FmesPerceptronSettings
from labneuro.networks.pulse_update import pulse_curve

MODEL = Path(__file__).parents[1] / "tests" / "networks" / "fmes_model.json"
PIXELS, HIDDEN, CLASSES = 784, 100, 10
RATE, REPEATS = 0.01, 3
REFERENCE = 1.12 / 0.076  # aihwkit's SoftBounds over ideal, at least
Epoch = Callable[[], object]


def pulsed(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], batch: int
) -> tuple[Epoch, NDArray[np.float32]]:
    """Return an epoch of pulsed training, and a weight that it moves."""
    settings = FmesPerceptronSettings(seeds=1)
    layers = make_layers(pulse_curve(load(MODEL, "fmes"), "open"), settings, PIXELS, 0)
    voltages = layers.voltages()
    steps = layers.hidden.steps.numpy(), layers.output.steps.numpy()
    rates = np.array([settings.hidden_rate, settings.output_rate], np.float32)
    order = np.arange(len(images))

    def epoch() -> object:
        key = stream_key(0, 3, 0)
        return train_pulsed(
            *(images, labels, order, batch, voltages, steps),
            *(layers.scales, rates, RECTIFIED, key),
        )

    return epoch, voltages[0]


def ideal(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], batch: int
) -> tuple[Epoch, NDArray[np.float32]]:
    """Return an epoch of ideal training, and a weight that it moves."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(0, 0.05, (PIXELS, HIDDEN)).astype(np.float32)
    output = generator.normal(0, 0.1, (HIDDEN, CLASSES)).astype(np.float32)
    scales, rates = np.array([1, 0, 1, 0], np.float32), np.full(2, RATE, np.float32)
    order = np.arange(len(images))

    def epoch() -> object:
        return train_ideal(
            *(images, labels, order, batch, (hidden, output)),
            *(scales, rates, RECTIFIED),
        )

    return epoch, hidden


def _descent(
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    batch: int,
) -> Epoch:
    shown = torch.from_numpy(images.astype(np.float32) / 255.0)
    wanted = torch.from_numpy(labels.astype(np.int64))

    def epoch() -> object:
        for first in range(0, len(shown), batch):
            part = slice(first, first + batch)
            loss = torch.nn.functional.cross_entropy(
                network(shown[part]), wanted[part], reduction="sum"
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        return None

    return epoch


def eager(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], batch: int
) -> tuple[Epoch, NDArray[np.float32]]:
    """Return an epoch of plain torch, and a weight that it moves."""
    first = torch.nn.Linear(PIXELS, HIDDEN, bias=False)
    last = torch.nn.Linear(HIDDEN, CLASSES, bias=False)
    network = torch.nn.Sequential(first, torch.nn.ReLU(), last)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    weight = first.weight.detach().numpy()
    return _descent(network, optimizer, images, labels, batch), weight


def peer(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], batch: int
) -> tuple[Epoch, NDArray[np.float32]]:
    """Return an epoch of aihwkit on SoftBounds devices, and a weight that it moves."""
    configs = import_module("aihwkit.simulator.configs")
    layers = [
        import_module("aihwkit.nn").AnalogLinear(
            *shape,
            bias=False,
            rpu_config=configs.SingleRPUConfig(device=configs.SoftBoundsDevice()),
        )
        for shape in ((PIXELS, HIDDEN), (HIDDEN, CLASSES))
    ]
    first, last = layers
    network = torch.nn.Sequential(first, torch.nn.ReLU(), last)
    optimizer = import_module("aihwkit.optim").AnalogSGD(network.parameters(), lr=RATE)
    optimizer.regroup_param_groups(network)
    run = _descent(network, optimizer, images, labels, batch)
    weight: NDArray[np.float32] = first.get_weights()[0].numpy().copy()

    def epoch() -> None:
        run()
        weight[...] = first.get_weights()[0].numpy()  # they live in the tile

    return epoch, weight


def seconds(
    make: Callable[..., tuple[Epoch, NDArray[np.float32]]], *data: object
) -> float:
    """Return the least processor time of an epoch, after one to warm up.

    Raises
    ------
    SystemExit
        If the weights did not move: nothing would have been trained.
    """
    epoch, weight = make(*data)
    before = weight.copy()
    epoch()
    if np.array_equal(before, weight):
        sys.exit(f"{make.__name__}: the weights did not move")
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        epoch()
        best = min(best, time.process_time() - start)
    return float(best)


def main() -> None:
    """Measure and print times and ratios."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    torch.set_num_threads(1)
    found = load_images("mnist", full=False)
    repeats = -(-count // len(found.train_images))
    flat = found.train_images.reshape(len(found.train_images), -1)
    images = np.tile(flat, (repeats, 1))[:count]
    labels = np.tile(found.train_labels, repeats)[:count]
    contenders: dict[str, Callable[..., tuple[Epoch, NDArray[np.float32]]]] = {
        "pulsed": pulsed,
        "ideal": ideal,
        "eager torch": eager,
    }
    measured = importlib.util.find_spec("aihwkit") is not None
    if measured:
        contenders["aihwkit"] = peer
    for batch in (1, 32):
        taken = {
            name: seconds(make, images, labels, batch)
            for name, make in contenders.items()
        }
        for name, value in taken.items():
            ratio = value / taken["pulsed"]
            print(
                f"batch {batch:2}  {name:20} {value:8.3f} s of one core an epoch of "
                f"{count} images, {ratio:6.2f} x pulsed"
            )
        print(
            f"batch {batch:2}  pulsed / ideal {taken['pulsed'] / taken['ideal']:.2f}; "
            f"pulsed / eager torch {taken['pulsed'] / taken['eager torch']:.3f}"
        )
        if measured:
            ratio = taken["aihwkit"] / taken["pulsed"]
            print(f"batch {batch:2}  aihwkit / pulsed {ratio:.2f}")
        elif batch > 1:
            ratio = REFERENCE * taken["ideal"] / taken["pulsed"]
            print(f"batch {batch:2}  aihwkit (reference) / pulsed at least {ratio:.2f}")


if __name__ == "__main__":
    main()
