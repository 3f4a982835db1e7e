"""BindsNET's DiehlAndCook2015 of 100 neurons: accuracy and rate while it learns MNIST.

250 steps an image, intensity 128, excitation 22.5 and inhibition 120 as in BindsNET's
own MNIST example, Poisson spikes. Its time is processor time in training, one thread:
encoding, running and resetting, with the excitatory spikes recorded, which its naming
needs. After growing numbers of images learning is off, the neurons are named by
BindsNET's ``assign_labels`` from up to 500 images that it has seen (with their labels:
the only use of labels), and ``all_activity`` names the test images. Naming and test are
not in the time. In a batch the updates of its images are summed, BindsNET's default.

Run: ``python benchmarks/bindsnet_digits.py [batch] [seconds] [wanted share]``; it stops
when the share of test images is reached, or after so many seconds of training.
"""

import importlib
import importlib.util
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labneuro.data.images import CLASSES, ImageSet, load_images
from labneuro.errors import NotInWorkspaceError

NEURONS, STEPS, INTENSITY = 100, 250, 128.0
EXCITATION, INHIBITION = 22.5, 120.0
NAMING, TEST_BATCH = 500, 50  # images; a batch without learning
FIRST_MARK, GROWTH = 64, 2  # images before the first test, and from test to test
TESTS = slice(300, 1000)  # of the shipped test images


@dataclass(frozen=True)
class Progress:
    """How far BindsNET has come.

    Attributes
    ----------
    images : int
        Trained so far.
    seconds : float
        Of processor time, in training.
    share : float
        Of the test images recognised.
    tested_per_second : float
        Images per second without learning, in batches of 50.
    """

    images: int
    seconds: float
    share: float
    tested_per_second: float

    @property
    def rate(self) -> float:
        """Images per second in training."""
        return self.images / self.seconds


def installed() -> bool:
    """Return whether BindsNET can be found."""
    return importlib.util.find_spec("bindsnet") is not None


class Network:
    """DiehlAndCook2015 with what training and test need.

    Parameters
    ----------
    batch : int
        Images at a time in training.
    seed : int
        Of torch's random numbers.
    """

    def __init__(self, batch: int, seed: int = 0) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.torch.set_num_threads(1)  # two wait for each other on a busy machine
        self.torch.manual_seed(seed)
        self._poisson = importlib.import_module("bindsnet.encoding").poisson
        self._naming = importlib.import_module("bindsnet.evaluation")
        monitors = importlib.import_module("bindsnet.network.monitors")
        models = importlib.import_module("bindsnet.models")
        self._network = models.DiehlAndCook2015(
            n_inpt=784,
            n_neurons=NEURONS,
            exc=EXCITATION,
            inh=INHIBITION,
            inpt_shape=(1, 28, 28),
            batch_size=batch,
        )
        self._spikes = monitors.Monitor(
            self._network.layers["Ae"], state_vars=["s"], time=STEPS
        )
        self._network.add_monitor(self._spikes, name="spikes")

    def show(self, images: NDArray[np.uint8]) -> Any:  # noqa: ANN401  torch's tensor
        """Show a batch; return who spiked, shape (images, steps, neurons)."""
        rates = self.torch.from_numpy(images.astype(np.float32)) * (INTENSITY / 255.0)
        spikes = self._poisson(rates, time=STEPS).unsqueeze(2)
        self._network.run({"X": spikes}, time=STEPS)
        found = self._spikes.get("s").permute((1, 0, 2)).clone()
        self._network.reset_state_variables()
        return found

    def answer(self, images: NDArray[np.uint8]) -> Any:  # noqa: ANN401  torch's tensor
        """Show images without learning; return spike counts, (images, 1, neurons)."""
        self._network.train(False)
        parts = [
            self.show(images[first : first + TEST_BATCH]).sum(1, keepdim=True)
            for first in range(0, len(images), TEST_BATCH)
        ]
        self._network.train(True)
        return self.torch.cat(parts)

    def share(self, images: ImageSet, seen: int) -> tuple[float, float]:
        """Name the neurons; return the share recognised and images per second."""
        own = slice(max(seen - NAMING, 0), seen)
        labels = self.torch.from_numpy(images.train_labels[own].astype(np.int64))
        names, _, _ = self._naming.assign_labels(
            self.answer(images.train_images[own]).float(), labels, CLASSES
        )
        start = time.process_time()
        counts = self.answer(images.test_images[TESTS])
        rate = len(counts) / (time.process_time() - start)
        found = self._naming.all_activity(counts.float(), names, CLASSES).numpy()
        return float((found == images.test_labels[TESTS]).mean()), rate


def learn(
    images: ImageSet, batch: int, seconds: float, seed: int = 0
) -> Iterator[Progress]:
    """Train on images in their order; yield the progress after growing numbers.

    Parameters
    ----------
    images : ImageSet
        Each training image is shown once.
    batch : int
        Images at a time.
    seconds : float
        Of training, after which the last progress is told.
    seed : int
        Of the network.
    """
    network = Network(batch, seed)
    spent, mark = 0.0, FIRST_MARK
    last = len(images.train_images) - batch
    for first in range(0, last + 1, batch):
        start = time.process_time()
        network.show(images.train_images[first : first + batch])
        spent += time.process_time() - start
        seen, over = first + batch, spent > seconds or first + batch > last
        if seen >= mark or over:
            mark *= GROWTH
            share, rate = network.share(images, seen)
            yield Progress(seen, spent, share, rate)
        if over:
            return


def digits() -> ImageSet:
    """Return MNIST, whole where it is found, else the shipped subset.

    The subset's test images come first in both.
    """
    subset = load_images("mnist", full=False)
    try:
        whole = load_images("mnist", full=True)
    except NotInWorkspaceError:
        return subset
    return ImageSet(
        whole.name,
        whole.train_images,
        whole.train_labels,
        subset.test_images,
        subset.test_labels,
    )


def told(batch: int, progress: Progress) -> str:
    """Return a line on the progress."""
    return (
        f"BindsNET, batch {batch}: {progress.share:.1%} after {progress.images} "
        f"images, {progress.rate:.1f} images/s, {progress.seconds:.0f} s of training; "
        f"{progress.tested_per_second:.1f} images/s without learning"
    )


def main() -> None:
    """Train until the wanted share or the time is reached."""
    given = [float(part) for part in sys.argv[1:]] + [None] * 3
    batch, seconds, wanted = int(given[0] or 1), given[1] or 120.0, given[2] or 0.713
    images = digits()
    print(f"{len(images.train_images)} training images of {images.name}")
    for progress in learn(images, batch, seconds):
        print(told(batch, progress), flush=True)
        if progress.share >= wanted:
            break


if __name__ == "__main__":
    main()
