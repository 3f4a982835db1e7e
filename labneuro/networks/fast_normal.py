"""Standard normal numbers by counter, fast: the inverse distribution from a table.

A 24-bit draw picks one of equally likely cells and a place in it; between the cells'
borders the inverse distribution is a straight line. The distribution is normal to 1e-4
(Kolmogorov's distance) with unit variance, and ends at +-3.9: for noise, not for tails.
"""

# The compiled functions carry no annotations: numba infers their types.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numba import njit
from scipy.special import ndtri

from labneuro.networks.counter_random import draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CELL_BITS = 12
_PLACE_BITS = 24 - _CELL_BITS
_CELLS = 1 << _CELL_BITS
_SHIFT = np.uint32(_PLACE_BITS)
_MASK = np.uint32((1 << _PLACE_BITS) - 1)
_PLACES = np.float32(1.0 / (1 << _PLACE_BITS))
_OUTERMOST = 0.1  # of a cell: where the outermost borders stand


def _table() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return lower border and width of each cell, scaled to unit variance."""
    share = np.arange(_CELLS + 1, dtype=np.float64)
    share[0], share[-1] = _OUTERMOST, _CELLS - _OUTERMOST
    border = ndtri(share / _CELLS)
    low, width = border[:-1], np.diff(border)
    # Second moment of a uniform piece: its middle squared and its width squared / 12.
    moment = np.mean((low + 0.5 * width) ** 2 + width**2 / 12.0)
    scale = moment**-0.5
    return (low * scale).astype(np.float32), (width * scale).astype(np.float32)


_LOW, _WIDTH = _table()


@njit(cache=True)
def normal(key, counter):  # pragma: no cover  compiled
    """Return normal number `counter` of a stream as a float32."""
    word = draw(key, counter)
    cell = word >> _SHIFT
    return _LOW[cell] + _WIDTH[cell] * (np.float32(word & _MASK) * _PLACES)


@njit(cache=True, nogil=True)
def _fill(target: NDArray[np.float32], key: np.uint64) -> None:  # pragma: no cover
    for n in range(target.size):
        target[n] = normal(key, n)


def fresh_key() -> np.uint64:
    """Return the key of a new stream, drawn from torch's default generator.

    So ``torch.manual_seed`` makes everything that draws here repeatable.
    """
    return np.uint64(torch.randint(0, 2**62, (1,)).item())


def normals(*shape: int) -> torch.Tensor:
    """Return standard normal numbers of a shape, float32, from a fresh stream."""
    target = torch.empty(shape)
    _fill(target.view(-1).numpy(), fresh_key())
    return target
