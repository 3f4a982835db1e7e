"""Hybrid neurons at 784 x 100 on MNIST beside BindsNET's DiehlAndCook2015.

The same compiled boards and synapses as ``labneuro simulate hybrid-snn``, one hundred
neurons of 784 synapses. A pixel from half brightness on is black: a pulse of 1.6 V in
every clock period. What differs from the small network, and why:

- MNIST has about 100 black pixels of 784, so neurons at equal weights see 0.2 V and
  never fire. Synapses begin at their lowest conductance and every neuron is taught
  alone, as the paper teaches its second layer: its gate is on, all others are off,
  until it spikes. Ten neurons a digit, one image each; with more than one, the last
  one counts most. That is supervised; DiehlAndCook2015 learns without labels and names
  its neurons afterwards.
- T1 and the depression module have 0.1 ohm, for 784 synapses lie on node 1 (chosen).

In inference the synapses are fixed conductances and nobody is inhibited; the answer is
the digit whose ten neurons spike most. Neurons that are taught alone do not meet, so
all hundred live side by side, each with an image of its own; the images per second
count every image. The rate of learning by competition, with all gates on, is shown for
a few images: there every synapse may move at any time, and the solver goes in pieces
of 20 us.

BindsNET, where it is installed, shows its DiehlAndCook2015 of 100 neurons ten images of
250 steps at batch 1, for its rate; its accuracy needs thousands of images and is not
measured here. Else its rate on one machine of two cores stands in place: 4.7 to 5.2
images/s at batch 1, 72 to 78 at batch 32.

Run: ``python benchmarks/hybrid_snn.py [images a neuron] [test images] [slowness]``,
where slowness lengthens the synapses' set and reset times.
"""

import importlib.util
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from labneuro.bench import load_card
from labneuro.data.images import CLASSES, ImageSet, load_images
from labneuro.devices.catalog import load_parameters
from labneuro.devices.neuron_board import NeuronBoardPopulation
from labneuro.devices.neuron_board_learning import LearningNeurons
from labneuro.devices.neuron_board_parameters import NeuronBoardParameters, draw_board
from labneuro.devices.rs_synapse import RsSynapseParameters

EACH, NEURONS, HALF = 10, 100, 128
AMPLITUDE, GATE, RELAXATION = 1.6, 3.0, 30e-3  # V, V, s
LONGEST, WINDOW = 60, 60  # clock periods
REFERENCE = {"batch 1": (4.7, 5.2), "batch 32": (72.0, 78.0)}  # images/s
COMPETING = 2  # images of the competition


def parts(slowness: float) -> tuple[list[NeuronBoardParameters], RsSynapseParameters]:
    """Return one hundred boards with the single device's switch, and the synapse."""
    switch = load_parameters(
        "threshold_switch", load_card("threshold-switch"), "threshold-switch"
    )
    board = load_parameters("neuron_board", load_card("neuron-board"), "neuron-board")
    board = replace(
        board,
        switch=switch,
        ground_resistance=0.1,
        depression_resistance=0.1,
        depression_enabled=1.0,
    )
    synapse = load_parameters("rs_synapse", load_card("rs-synapse"), "rs-synapse")
    slow = replace(
        synapse,
        set_time=slowness * synapse.set_time,
        reset_time=slowness * synapse.reset_time,
    )
    return [draw_board(board, 0, place) for place in range(NEURONS)], slow


def lessons(images: ImageSet, count: int) -> NDArray[np.float64]:
    """Return `count` images for each neuron, shape (count, neurons, pixels)."""
    chosen = []
    for digit in range(CLASSES):
        own = np.flatnonzero(images.train_labels == digit)[: EACH * count]
        chosen.append(own.reshape(count, EACH))
    order = np.concatenate(chosen, axis=1)
    return black(images.train_images[order].reshape(count, NEURONS, -1))


def black(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return which pixels are black."""
    return (images >= HALF).astype(np.float64)


def _always(
    gates: NDArray[np.float64], _inhibition: NDArray[np.bool_]
) -> NDArray[np.float64]:
    return gates


def teach(neurons: LearningNeurons, shown: NDArray[np.float64]) -> int:
    """Show each neuron its image until it spikes; return how many spiked."""
    waiting = np.ones(NEURONS, dtype=np.bool_)
    for _ in range(LONGEST):
        volts = AMPLITUDE * shown * waiting[:, None]
        gates = partial(_always, np.where(waiting, GATE, 0.0))
        waiting &= ~neurons.run_period(volts, gates)
        if not waiting.any():
            break
    neurons.run_period(0.0, lambda _: 0.0)
    neurons.advance(0.0, 0.0, RELAXATION)
    return int((~waiting).sum())


def accuracy(
    boards: list[NeuronBoardParameters],
    conductance: NDArray[np.float64],
    images: NDArray[np.float64],
    labels: NDArray[np.uint8],
) -> tuple[float, float]:
    """Return the share of images recognised and images per second."""
    fixed = [replace(board, depression_enabled=0.0) for board in boards]
    population = NeuronBoardPopulation(fixed, 1, conductance, loose=True)
    population.run(AMPLITUDE * images[0], 1)
    right = 0
    start = time.perf_counter()
    for image, label in zip(images, labels, strict=True):
        spikes = population.run(AMPLITUDE * image, WINDOW).spikes.sum(axis=1)
        right += int(spikes.reshape(CLASSES, EACH).sum(axis=1).argmax()) == int(label)
        population.run(0.0, 2)
        population.advance(0.0, RELAXATION)
    return right / len(labels), len(labels) / (time.perf_counter() - start)


def compete(neurons: LearningNeurons, images: NDArray[np.float64]) -> float:
    """Return images per second with all gates on until somebody spikes."""
    start = time.perf_counter()
    for image in images:
        for _ in range(LONGEST):
            if neurons.run_period(AMPLITUDE * image, lambda _: GATE).any():
                break
    return len(images) / (time.perf_counter() - start)


def bindsnet_rate(images: NDArray[np.uint8]) -> float | None:
    """Return BindsNET's images per second in training at batch 1, if installed."""
    if importlib.util.find_spec("bindsnet") is None:
        return None
    torch = importlib.import_module("torch")
    poisson = importlib.import_module("bindsnet.encoding").poisson
    model = importlib.import_module("bindsnet.models").DiehlAndCook2015
    network = model(n_inpt=784, n_neurons=NEURONS, inpt_shape=(1, 28, 28))
    torch.set_num_threads(1)  # two wait for each other where a neighbour is busy
    shown = torch.from_numpy(images[:10].astype(np.float32)) / 2.0
    start = time.perf_counter()
    for image in shown:
        spikes = poisson(image.reshape(1, 28, 28), time=250).reshape(250, 1, 1, 28, 28)
        network.run({"X": spikes}, time=250)
        network.reset_state_variables()
    return len(shown) / (time.perf_counter() - start)


def main() -> None:
    """Train, test and print the ratios."""
    given = [float(part) for part in sys.argv[1:]] + [None] * 3
    count, tests, slowness = int(given[0] or 1), int(given[1] or 300), given[2] or 1.0
    images = load_images("mnist", full=False)
    boards, synapse = parts(slowness)
    neurons = LearningNeurons(boards, [synapse] * (NEURONS * 784), 0, loose=True)
    neurons.set_conductance(synapse.lowest_conductance)
    neurons.run_period(0.0, lambda _: 0.0)  # compiled before the clock starts
    start, spiked = time.perf_counter(), 0
    for shown in lessons(images, count):
        spiked += teach(neurons, shown)
    rate = count * NEURONS / (time.perf_counter() - start)
    print(f"taught {spiked} of {count * NEURONS} images, {rate:.1f} images/s")
    test = black(images.test_images[:tests].reshape(-1, 784))
    share, speed = accuracy(
        boards, neurons.conductance, test, images.test_labels[:tests]
    )
    print(f"recognised {share:.1%} of {len(test)} test images, {speed:.1f} images/s")
    alone = compete(neurons, test[:COMPETING])
    print(f"all gates on, one image after the other: {alone:.2f} images/s")
    compare(rate, alone, bindsnet_rate(images.train_images))


def compare(rate: float, alone: float, measured: float | None) -> None:
    """Print the ratios to BindsNET, measured here or on the reference machine."""
    if measured is not None:
        print(f"BindsNET measured here, batch 1: {measured:.1f} images/s")
        print(f"ratio taught {rate / measured:.2f}, competing {alone / measured:.2f}")
        return
    print("BindsNET is not installed here; against the reference machine:")
    for name, (low, high) in REFERENCE.items():
        print(
            f"{name}: {low:g} to {high:g} images/s; ratio taught "
            f"{rate / high:.2f} to {rate / low:.2f}, competing {alone / high:.2f} to "
            f"{alone / low:.2f}"
        )


if __name__ == "__main__":
    main()
