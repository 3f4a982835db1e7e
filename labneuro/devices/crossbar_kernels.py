"""Compiled core of the crossbar: line solves and the conjugate gradients over them.

With bit lines b and word lines w, cells g and wires as tridiagonal matrices, Kirchhoff
says ``W w = f + g b`` along the word lines and ``B b = g w`` along the bit lines.
Eliminating w leaves ``(B - g W^-1 g) b = g W^-1 f``: symmetric, positive definite, and
near B, whose lines are solved directly. Alternating line solves are the plain iteration
for it; conjugate gradients preconditioned by B do the same work a step and converge
where most of the current is lost on the wires.

Arrays are laid out (word line, bit line); four word lines are swept together, so that
their chains of dependent operations overlap.
"""

# Compiled functions carry no annotations: numba infers their types.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, fastmath={"contract", "reassoc"})
def word_pivots(cell, wire, first, pivots):  # pragma: no cover  compiled
    """Factor the word lines: inverse pivots; driven at the left, open at the right.

    `load` is what a node sees to its left and through its cell; written as sums of
    positive terms, it keeps its precision however good the wires are.
    """
    rows, columns = cell.shape
    for i in range(rows):
        load = cell[i, 0] + first
        for j in range(columns - 1):
            pivots[i, j] = 1.0 / (load + wire)
            load = cell[i, j + 1] + wire * load * pivots[i, j]
        pivots[i, columns - 1] = 1.0 / load


@njit(cache=True, fastmath={"contract", "reassoc"})
def bit_pivots(cell, wire, last, pivots):  # pragma: no cover  compiled
    """Factor the bit lines: inverse pivots; sunk at the bottom, open at the top.

    Eliminated from the bottom up, which is where the lines are tied.
    """
    rows, columns = cell.shape
    load = cell[rows - 1] + last
    for i in range(rows - 1, 0, -1):
        for j in range(columns):
            pivots[i, j] = 1.0 / (load[j] + wire)
            load[j] = cell[i - 1, j] + wire * load[j] * pivots[i, j]
    for j in range(columns):
        pivots[0, j] = 1.0 / load[j]


@njit(cache=True, fastmath={"contract", "reassoc"})
def _four_words(wire, p, x, i):  # pragma: no cover  compiled
    """Solve word lines i to i + 3 in place."""
    columns = x.shape[1]
    a = b = c = d = 0.0
    for j in range(columns):
        a = (x[i, j] + wire * a) * p[i, j]
        b = (x[i + 1, j] + wire * b) * p[i + 1, j]
        c = (x[i + 2, j] + wire * c) * p[i + 2, j]
        d = (x[i + 3, j] + wire * d) * p[i + 3, j]
        x[i, j], x[i + 1, j], x[i + 2, j], x[i + 3, j] = a, b, c, d
    for j in range(columns - 2, -1, -1):
        a = x[i, j] + wire * p[i, j] * a
        b = x[i + 1, j] + wire * p[i + 1, j] * b
        c = x[i + 2, j] + wire * p[i + 2, j] * c
        d = x[i + 3, j] + wire * p[i + 3, j] * d
        x[i, j], x[i + 1, j], x[i + 2, j], x[i + 3, j] = a, b, c, d


@njit(cache=True, fastmath={"contract", "reassoc"})
def solve_words(wire, p, x):  # pragma: no cover  compiled
    """Solve the word lines for the right-hand sides x, in place."""
    rows, columns = x.shape
    whole = rows - rows % 4
    for i in range(0, whole, 4):
        _four_words(wire, p, x, i)
    for i in range(whole, rows):
        a = 0.0
        for j in range(columns):
            a = (x[i, j] + wire * a) * p[i, j]
            x[i, j] = a
        for j in range(columns - 2, -1, -1):
            a = x[i, j] + wire * p[i, j] * a
            x[i, j] = a


@njit(cache=True, fastmath={"contract", "reassoc"})
def solve_bits(wire, p, right, x):  # pragma: no cover  compiled
    """Solve the bit lines for `right` into x; return the dot product of both."""
    rows, columns = x.shape
    for j in range(columns):
        x[rows - 1, j] = right[rows - 1, j] * p[rows - 1, j]
    for i in range(rows - 2, -1, -1):
        for j in range(columns):
            x[i, j] = (right[i, j] + wire * x[i + 1, j]) * p[i, j]
    total = 0.0
    for j in range(columns):
        total += x[0, j] * right[0, j]
    for i in range(1, rows):
        for j in range(columns):
            x[i, j] += wire * p[i, j] * x[i - 1, j]
            total += x[i, j] * right[i, j]
    return total


@njit(cache=True, fastmath={"contract", "reassoc"})
def _search(  # pragma: no cover  compiled
    cell, wire, pw, residual, z, direction, image, q, ratio
):
    """Move on to the next direction; q becomes its image; return their product.

    `image` is B times the direction, kept beside it instead of computed anew, for B
    times z is the residual.
    """
    rows, columns = cell.shape
    total = 0.0
    for start in range(0, rows, 4):
        stop = min(start + 4, rows)
        for i in range(start, stop):
            for j in range(columns):
                direction[i, j] = z[i, j] + ratio * direction[i, j]
                image[i, j] = residual[i, j] + ratio * image[i, j]
                q[i, j] = cell[i, j] * direction[i, j]
        solve_words(wire, pw[start:stop], q[start:stop])
        for i in range(start, stop):
            for j in range(columns):
                q[i, j] = image[i, j] - cell[i, j] * q[i, j]
                total += direction[i, j] * q[i, j]
    return total


@njit(cache=True, fastmath={"contract", "reassoc"})
def conjugate_gradients(  # pragma: no cover  compiled
    cell, word_wire, bit_wire, pw, pb, residual, b, tolerance, limit
):
    """Add to b the solution for `residual`, which is consumed; return the iterations.

    Stops when the preconditioned residual, an estimate of the error in the energy norm,
    has fallen below `tolerance` of where a start from zero would stand.
    """
    rows, columns = cell.shape
    z, q = np.empty((rows, columns)), np.empty((rows, columns))
    direction, image = np.zeros((rows, columns)), np.zeros((rows, columns))
    goal, before = -1.0, 0.0
    for iteration in range(limit):
        size = solve_bits(bit_wire, pb, residual, z)
        if iteration == 0:
            goal = tolerance * tolerance * size
        if size <= goal:
            return iteration
        ratio = size / before if iteration else 0.0
        curvature = _search(
            cell, word_wire, pw, residual, z, direction, image, q, ratio
        )
        step = size / curvature
        for i in range(rows):
            for j in range(columns):
                b[i, j] += step * direction[i, j]
                residual[i, j] -= step * q[i, j]
        before = size
    return -1


def linear_lines(
    cell: NDArray[np.float64],
    offset: NDArray[np.float64],
    drive: NDArray[np.float64],
    wires: tuple[float, float, float, float],
    pivots: NDArray[np.float64],
    tolerance: float,
    limit: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return word and bit voltages in V and the iterations; -1: not converged.

    Parameters
    ----------
    cell, offset : ndarray, shape (rows, columns)
        Conductance of each cell in S and what it carries from word to bit line at no
        voltage in A.
    drive : ndarray, shape (rows,)
        Voltages of the drivers in V.
    wires : tuple of float
        Conductances of word segment, bit segment, ways to driver and sink in S.
    pivots : ndarray, shape (2, rows, columns)
        Work space.
    tolerance, limit
        As for :func:`conjugate_gradients`.
    """
    word_wire, bit_wire, first, last = wires
    word_pivots(cell, word_wire, first, pivots[0])
    bit_pivots(cell, bit_wire, last, pivots[1])
    word = -offset
    word[:, 0] += first * drive
    solve_words(word_wire, pivots[0], word)
    residual = cell * word
    residual += offset
    bit = np.zeros_like(cell)
    taken = conjugate_gradients(
        cell, word_wire, bit_wire, *pivots, residual, bit, tolerance, limit
    )
    word = cell * bit
    word -= offset
    word[:, 0] += first * drive
    solve_words(word_wire, pivots[0], word)
    return word, bit, int(taken)
