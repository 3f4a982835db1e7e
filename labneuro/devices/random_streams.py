"""A random stream of its own for every device of a population.

A device's stream depends on the seed and on the device's index alone, so device 7 of a
population of 10 and of 1000 live the same life. SplitMix64 (Steele, Lea and Flood,
OOPSLA 2014, doi:10.1145/2660193.2660195): 64 bits of state, compiled, no set-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = (np.uint64(shift) for shift in (30, 27, 31, 11))
_TO_UNIT = 1.0 / 9007199254740992.0


def streams(seed: int, count: int) -> NDArray[np.uint64]:
    """Return the start of `count` independent streams.

    Parameters
    ----------
    seed : int
        Any non-negative integer.
    count : int
        Number of devices.

    Returns
    -------
    ndarray of uint64, shape (count,)
        One stream a device; pass one-element views to :func:`uniform`.
    """
    return np.array(
        [
            np.random.SeedSequence((seed, index)).generate_state(1, np.uint64)[0]
            for index in range(count)
        ],
        dtype=np.uint64,
    )


@njit(cache=True)
def uniform(stream: NDArray[np.uint64], index: int) -> float:
    """Draw from (0, 1) and move the stream on."""
    stream[index] += _GOLDEN
    word = stream[index]
    word = (word ^ (word >> _S30)) * _MIX_1
    word = (word ^ (word >> _S27)) * _MIX_2
    word ^= word >> _S31
    return (float(word >> _S11) + 0.5) * _TO_UNIT


@njit(cache=True)
def normal(stream: NDArray[np.uint64], index: int) -> float:
    """Draw from the standard normal distribution (Box-Muller)."""
    radius = np.sqrt(-2.0 * np.log(uniform(stream, index)))
    return radius * np.cos(2.0 * np.pi * uniform(stream, index))


@njit(cache=True)
def exponential(stream: NDArray[np.uint64], index: int) -> float:
    """Draw from the exponential distribution with mean 1."""
    return -np.log(uniform(stream, index))
