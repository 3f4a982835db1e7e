"""Rate coding: a pixel of brightness p spikes with probability p at each time step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from labneuro.networks.counter_random import DRAW_RANGE, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray


def brightness_probability(
    images: NDArray[np.uint8], brightness: float = 1.0
) -> NDArray[np.float32]:
    """Return the spike probability of every pixel.

    Parameters
    ----------
    images : ndarray of uint8, shape (images, height, width)
        Pixels, 0 to 255.
    brightness : float
        Factor on every pixel, 0 to 1.

    Returns
    -------
    ndarray of float32, shape (images, height * width)
    """
    flat = images.reshape(len(images), -1)
    return flat * np.float32(brightness / 255.0)


def own_maximum_probability(
    probability: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Divide each image by its own maximum; a black image stays black.

    Parameters
    ----------
    probability : ndarray of float32, shape (images, pixels)
        From :func:`brightness_probability`.

    Returns
    -------
    ndarray of float32, shape (images, pixels)
        With 1 as the largest value of each image.
    """
    maximum = probability.max(axis=1, keepdims=True)
    maximum[maximum == 0] = 1
    return np.asarray(probability / maximum, dtype=np.float32)


def spike_trains(
    probability: NDArray[np.float32], time_steps: int, key: np.uint64
) -> NDArray[np.float32]:
    """Draw independent spikes at each time step.

    Parameters
    ----------
    probability : ndarray of float32, shape (images, pixels)
        Spike probability of each pixel, 0 to 1.
    time_steps : int
        Number of time steps.
    key : uint64
        The stream, from :func:`labneuro.networks.counter_random.stream_key`.

    Returns
    -------
    ndarray of float32, shape (time_steps, images, pixels)
        1 where a pixel spikes, else 0.
    """
    spikes = np.empty((time_steps, *probability.shape), np.float32)
    chance = np.rint(probability * np.float32(DRAW_RANGE)).astype(np.uint32)
    _draw_spikes(chance, spikes, key)
    return spikes


@njit(cache=True, nogil=True)
def _draw_spikes(chance, spikes, key):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202
    time_steps, images, pixels = spikes.shape
    for step in range(time_steps):
        for image in range(images):
            first = (step * images + image) * pixels
            for pixel in range(pixels):
                spikes[step, image, pixel] = np.float32(
                    draw(key, first + pixel) < chance[image, pixel]
                )
