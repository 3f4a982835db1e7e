"""Hybrid neurons at 784 x 100 on MNIST beside BindsNET's DiehlAndCook2015.

The same compiled boards and synapses as ``labneuro simulate hybrid-snn``, one hundred
neurons of 784 synapses. A pixel from half brightness on is black: a pulse in every
clock period. What differs from the small network, and why:

- MNIST has about 100 black pixels of 784, so neurons at equal weights see 0.2 V and
  never fire. Synapses begin at their lowest conductance, and a neuron learns with its
  own gate on and all others off until it spikes, as in the paper's second layer.
- T1 and the depression module have 0.1 ohm, for 784 synapses lie on node 1 (chosen).

**Recruited**, without labels: an image is shown to all neurons that have learned, at
1.0 V, where no synapse moves, for at most 20 clock periods. If one of them fires, the
image is known; all gates go off and nobody learns. Else the next neuron that is free
learns it at 1.6 V. One image after the other (batch 1), until no neuron is free. A
neuron's name is the label of the image that it learned: a hundred labels, used after
learning. **Taught**: the same without asking who knows, ten images a digit chosen by
their labels; all hundred neurons learn side by side. DiehlAndCook2015 learns without
labels and names its neurons by up to 500 of them. Amplitude and patience were chosen
on training images 0 to 2000 and test images 0 to 300; others are reported.

In inference the synapses are fixed conductances and nobody is inhibited; the answer is
the digit whose neurons spike most on average, as BindsNET's ``all_activity`` has it;
that of the one neuron that spikes most stands beside it. Five networks each. All
gates on until somebody
spikes, the paper's first layer, is shown for its rate only: everybody learns every
image there.

Rates are images per second of processor time, one thread; BindsNET's are, too.

Run: ``python benchmarks/hybrid_snn.py [seconds]``: how long BindsNET may train at each
of batch 1 and 32, if it is installed. Else its rate on one machine of two cores stands
in place: 4.7 to 5.2 images/s at batch 1, 72 to 78 at batch 32.
"""

import sys
import time
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from bindsnet_digits import (  # type: ignore[import-not-found]  # beside this file
    TESTS,
    digits,
    installed,
    learn,
    told,
)
from numpy.typing import NDArray

from labneuro.bench import load_card
from labneuro.data.images import CLASSES, ImageSet, load_images
from labneuro.devices.catalog import load_parameters
from labneuro.devices.neuron_board import NeuronBoardPopulation
from labneuro.devices.neuron_board_learning import LearningNeurons
from labneuro.devices.neuron_board_parameters import NeuronBoardParameters, draw_board
from labneuro.devices.rs_synapse import RsSynapseParameters

EACH, NEURONS, PIXELS, HALF = 10, 100, 784, 128
AMPLITUDE, ASKING, GATE, RELAXATION = 1.6, 1.0, 3.0, 30e-3  # V, V, V, s
PATIENCE, LONGEST, WINDOW = 20, 60, 60  # clock periods
FIRSTS = range(2000, 4000, 400)  # training images at which networks begin
REFERENCE = {1: "4.7 to 5.2", 32: "72 to 78"}  # images/s by batch
COMPETING = 3  # images with all gates on


class Learned(NamedTuple):
    """What a hundred neurons have learned.

    Attributes
    ----------
    conductance : ndarray, shape (neurons, pixels)
        In S.
    names : ndarray of int64, shape (neurons,)
        The digit that each stands for; -1 for none.
    images : int
        How many were shown.
    rate : float
        Images per second of processor time.
    """

    conductance: NDArray[np.float64]
    names: NDArray[np.int64]
    images: int
    rate: float


def parts() -> tuple[list[NeuronBoardParameters], RsSynapseParameters]:
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
    return [draw_board(board, 0, place) for place in range(NEURONS)], synapse


def new_neurons() -> LearningNeurons:
    """Return one hundred neurons that have learned nothing."""
    boards, synapse = parts()
    neurons = LearningNeurons(boards, [synapse] * (NEURONS * PIXELS), 0, loose=True)
    neurons.set_conductance(synapse.lowest_conductance)
    neurons.run_period(0.0, lambda _: 0.0)  # compiled before the clock starts
    return neurons


def black(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return which pixels are black, shape (images, pixels)."""
    return (images >= HALF).reshape(len(images), -1).astype(np.float64)


def rest(neurons: LearningNeurons) -> None:
    """Let the latches fall, then the switches relax."""
    for _ in range(2):
        neurons.run_period(0.0, lambda _: 0.0)
    neurons.advance(0.0, 0.0, RELAXATION)


def _while_nobody_fired(
    gates: NDArray[np.float64], inhibition: NDArray[np.bool_]
) -> NDArray[np.float64]:
    return np.zeros(NEURONS) if inhibition.any() else gates


def _always(
    gates: NDArray[np.float64], _inhibition: NDArray[np.bool_]
) -> NDArray[np.float64]:
    return gates


def teach(
    neurons: LearningNeurons, shown: NDArray[np.float64], learners: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Show images to neurons until each has spiked; return who has."""
    waiting = learners.copy()
    for _ in range(LONGEST):
        gates = partial(_always, np.where(waiting, GATE, 0.0))
        waiting &= ~neurons.run_period(AMPLITUDE * shown, gates)
        if not waiting.any():
            break
    rest(neurons)
    return learners & ~waiting


def known(
    neurons: LearningNeurons, image: NDArray[np.float64], asked: NDArray[np.bool_]
) -> bool:
    """Show an image to neurons at 1.0 V; return whether one of them fires."""
    gates = partial(_while_nobody_fired, np.where(asked, GATE, 0.0))
    fired = False
    for _ in range(PATIENCE):
        neurons.run_period(ASKING * image, gates)
        fired = bool(neurons.boards.inhibition.any())
        if fired:
            break
    rest(neurons)
    return fired


def recruit(images: ImageSet, first: int) -> Learned:
    """Let neurons learn, one after the other, what none of the others knows.

    Parameters
    ----------
    images : ImageSet
        The training images are shown in their order.
    first : int
        The one to begin with.
    """
    neurons, names = new_neurons(), np.full(NEURONS, -1)
    places = np.arange(NEURONS)
    used = shown = 0
    start = time.process_time()
    for image, label in zip(
        black(images.train_images[first:]), images.train_labels[first:], strict=True
    ):
        if used == NEURONS:
            break
        shown += 1
        if used and known(neurons, image, places < used):
            continue
        if teach(neurons, image, places == used).any():
            names[used] = label
        used += 1
    rate = shown / (time.process_time() - start)
    return Learned(neurons.conductance, names, shown, rate)


def taught(images: ImageSet, first: int) -> Learned:
    """Teach ten neurons a digit one image each, all side by side, as in `recruit`."""
    neurons, names = new_neurons(), np.repeat(np.arange(CLASSES), EACH)
    labels = images.train_labels[first:]
    order = np.concatenate(
        [np.flatnonzero(labels == digit)[:EACH] for digit in range(CLASSES)]
    )
    start = time.process_time()
    spiked = teach(
        neurons, black(images.train_images[first:][order]), np.ones(NEURONS, bool)
    )
    rate = NEURONS / (time.process_time() - start)
    return Learned(neurons.conductance, np.where(spiked, names, -1), NEURONS, rate)


def answers(learned: Learned, images: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the answers by all neurons and by the best one, shape (images, 2)."""
    boards, _ = parts()
    fixed = [replace(board, depression_enabled=0.0) for board in boards]
    population = NeuronBoardPopulation(fixed, 1, learned.conductance, loose=True)
    members = learned.names[:, None] == np.arange(CLASSES)
    count = np.maximum(members.sum(axis=0), 1)
    found = np.empty((len(images), 2), dtype=np.int64)
    for place, image in enumerate(images):
        spikes = population.run(AMPLITUDE * image, WINDOW).spikes.sum(axis=1)
        found[place] = (
            (spikes @ members / count).argmax(),
            learned.names[spikes.argmax()],
        )
        population.run(0.0, 2)
        population.advance(0.0, RELAXATION)
    return found


def tell(name: str, learned: list[Learned], images: ImageSet) -> float:
    """Print what networks recognise and how quickly; return the mean share."""
    shown, labels = black(images.test_images[TESTS]), images.test_labels[TESTS]
    answers(learned[0], shown[:1])  # compiled before the clock starts
    start = time.process_time()
    right = [answers(one, shown) == labels[:, None] for one in learned]
    rate = len(learned) * len(shown) / (time.process_time() - start)
    shares = np.mean(right, axis=1)
    mean, low, high = shares.mean(axis=0), shares.min(axis=0), shares.max(axis=0)
    print(f"{name}, {len(learned)} networks: {_mean(learned)}")
    for place, by in enumerate(("all neurons", "the one that spikes most")):
        print(
            f"  recognised {mean[place]:.1%} ({low[place]:.1%} to {high[place]:.1%}) "
            f"of {len(shown)} test images by {by}"
        )
    print(f"  {rate:.1f} images/s in inference", flush=True)
    return float(mean[0])


def _mean(learned: list[Learned]) -> str:
    """Return how many images networks were shown, and how quickly, as text."""
    images = np.mean([one.images for one in learned])
    neurons = np.mean([(one.names >= 0).sum() for one in learned])
    rates = [one.rate for one in learned]
    return (
        f"{images:.0f} images shown, {neurons:.1f} neurons have learned, "
        f"{np.mean(rates):.1f} ({min(rates):.1f} to {max(rates):.1f}) images/s"
    )


def compete(images: NDArray[np.float64]) -> float:
    """Return images per second with all gates on until somebody spikes."""
    neurons = new_neurons()
    start = time.process_time()
    for image in images:
        for _ in range(LONGEST):
            if neurons.run_period(AMPLITUDE * image, lambda _: GATE).any():
                break
    return len(images) / (time.process_time() - start)


def compare(batch: int, seconds: float, wanted: float, ours: list[Learned]) -> None:
    """Let BindsNET train until it recognises as much; print who is quicker."""
    for progress in learn(digits(), batch, seconds):
        print(told(batch, progress), flush=True)
        if progress.share >= wanted:
            break
    reached = "reaches" if progress.share >= wanted else "does not reach"
    rate = np.mean([one.rate for one in ours])
    duration = np.mean([one.images / one.rate for one in ours])
    print(
        f"BindsNET, batch {batch}, {reached} {wanted:.1%}; ratio of images/s "
        f"{rate / progress.rate:.1f}, of training times "
        f"{progress.seconds / duration:.0f}"
    )


def main() -> None:
    """Learn, test and print the ratios."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 150.0
    images = load_images("mnist", full=False)
    recruited = [recruit(images, first) for first in FIRSTS]
    share = tell("recruited", recruited, images)
    tell("taught", [taught(images, first) for first in FIRSTS], images)
    alone = compete(black(images.train_images[:COMPETING]))
    print(f"all gates on, one image after the other: {alone:.1f} images/s")
    for batch, reference in REFERENCE.items():
        if installed():
            compare(batch, seconds, share, recruited)
        else:
            print(f"BindsNET is not installed; batch {batch}: {reference} images/s")


if __name__ == "__main__":
    main()
