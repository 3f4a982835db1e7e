"""Random numbers by counter: number n of a stream without drawing the n - 1 before it.

A stream is a 64-bit key, and number n is the SplitMix64 mixture of ``key + n golden``,
the same sequence as :mod:`labneuro.devices.random_streams` walks step by step. Loops
that draw this way have no state to carry, so the compiler vectorises them, and the
numbers do not depend on the order of the work.

References
----------
G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014, doi:10.1145/2660193.2660195.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S40 = (np.uint64(shift) for shift in (30, 27, 31, 40))
DRAW_RANGE = 1 << 24


def stream_key(seed: int, *path: int) -> np.uint64:
    """Return the key of a stream, unrelated to that of any other seed or path.

    Parameters
    ----------
    seed : int
        Any non-negative integer.
    *path : int
        What the stream is for: purpose, step number and so on, each non-negative.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=path)
    return np.uint64(sequence.generate_state(1, np.uint64)[0])


@njit(cache=True)
def draw(key: np.uint64, counter: int) -> np.uint32:  # pragma: no cover  compiled
    """Return draw `counter` of a stream: an integer from 0 to 2**24 - 1.

    24 bits fit a single-precision float exactly, so a comparison with ``p * 2**24``
    has no rounding and p = 1 always comes true.
    """
    word = key + np.uint64(counter) * _GOLDEN
    word = (word ^ (word >> _S30)) * _MIX_1
    word = (word ^ (word >> _S27)) * _MIX_2
    return np.uint32((word ^ (word >> _S31)) >> _S40)
