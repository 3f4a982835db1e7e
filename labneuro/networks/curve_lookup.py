"""Look-up of measured curves: one table a unit, cells of straight lines, all compiled.

A value's cell is found by a product, not by a search, because the cells are equally
wide; beyond the measured inputs one more cell at each end holds the last answer or goes
on along a line through it.

What makes it fast: a cell's value and slope lie side by side, so that one cache line
holds both; values go through in blocks that leave the tables in the first cache; the
block after next is fetched ahead.
"""

# The compiled functions carry no annotations: numba infers their types.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN202

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from llvmlite import ir  # type: ignore[import-untyped]  # no stubs; numba brings it
from numba import njit, types
from numba.extending import intrinsic

from labneuro.networks.fast_normal import fresh_key, normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Table = NDArray[np.complex64]

CELLS = 256
_PARALLEL_FROM = 1 << 17  # elements that are worth another thread
_BLOCK = 256  # values that are looked up at a time
_AHEAD = 2 * _BLOCK
_CACHE_LINE = 16  # float32 values
_ZERO, _ONE, _TOP = np.float32(0), np.float32(1), np.float32(CELLS + 1)


@dataclass(frozen=True)
class CurveTable:
    """Curves of several units, ready for look-up.

    Attributes
    ----------
    low, high : float
        First and last measured input.
    lines : ndarray of complex64, shape (units x (CELLS + 2),)
        Of each cell's line the value at input 0 (real part) and the slope (imaginary
        part), unit after unit.
    noise_lines : ndarray of complex64, shape (units x (CELLS + 2),)
        The same for the standard deviation.
    """

    low: float
    high: float
    lines: Table
    noise_lines: Table

    @cached_property
    def first(self) -> np.float32:
        """The first measured input as the loops take it."""
        return np.float32(self.low)

    @cached_property
    def scale(self) -> np.float32:
        """Cells in a unit of the input."""
        return np.float32(CELLS / (self.high - self.low))

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.lines) // (CELLS + 2)

    @cached_property
    def noisy(self) -> bool:
        """Whether any answer has a deviation."""
        return bool(self.noise_lines.any())


def curve_table(
    inputs: Array, mean: Array, deviation: Array, *, upper_slope: bool = False
) -> CurveTable:
    """Return curves as equally wide cells.

    Parameters
    ----------
    inputs : ndarray, shape (n,)
        In ascending order.
    mean, deviation : ndarray, shape (units, n)
        Answers of each unit.
    upper_slope : bool
        Whether a curve goes on above its last input in proportion to the input, as
        softplus does; otherwise the last answer is held.
    """
    grid = np.linspace(inputs[0], inputs[-1], CELLS + 1)
    return CurveTable(
        float(inputs[0]),
        float(inputs[-1]),
        _lines(inputs, mean, grid, upper_slope=upper_slope),
        _lines(inputs, deviation, grid, upper_slope=upper_slope),
    )


def _lines(inputs: Array, answers: Array, grid: Array, *, upper_slope: bool) -> Table:
    values = np.stack([np.interp(grid, inputs, row) for row in answers])
    rise = np.diff(values, axis=1) / np.diff(grid)
    start = values[:, :-1] - rise * grid[:-1]
    last = values[:, -1:]
    # In proportion to the input, so that a gain error stays a gain error.
    above = last / grid[-1] if upper_slope else np.zeros_like(last)
    rise = np.concatenate([np.zeros_like(last), rise, above], axis=1)
    start = np.concatenate([values[:, :1], start, last - above * grid[-1]], axis=1)
    return (start + 1j * rise).astype(np.complex64).ravel()


@intrinsic
def _fetch(typing_context, values, place):  # pragma: no cover  compiled
    """Ask for a value's cache line without waiting; it may lie beyond the end."""

    def generate(context, builder, signature, given):
        array = context.make_array(signature.args[0])(context, builder, given[0])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(array.data, [given[1]]), byte)
        fetch = builder.module.declare_intrinsic(
            "llvm.prefetch",
            [byte],
            ir.FunctionType(ir.VoidType(), [byte, number, number, number]),
        )
        # To be read, into the nearest cache, as data.
        builder.call(fetch, [address, *(ir.Constant(number, n) for n in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(values, place), generate


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _find(x, cells, unit, low, scale):  # pragma: no cover  compiled
    """Note each value's cell, in the curve that begins at unit[j].

    On its own, so that the compiler vectorises it: arithmetic, no table.
    """
    shift = _ONE - low * scale
    for j in range(x.size):
        place = x[j] * scale + shift
        # Written so that NaN falls into the first cell and stays NaN.
        place = place if place > _ZERO else _ZERO
        place = place if place < _TOP else _TOP
        cells[j] = np.uint32(np.int32(place)) + unit[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _rows(x, y, unit, low, scale, lines):  # pragma: no cover  compiled
    """Look rows up, block by block."""
    columns = x.shape[1]
    every = x.ravel()
    cells = np.empty(_BLOCK, np.uint32)
    for i in range(x.shape[0]):
        for first in range(0, columns, _BLOCK):
            count = min(_BLOCK, columns - first)
            given, answer = x[i, first : first + count], y[i, first : first + count]
            _find(given, cells, unit[first : first + count], low, scale)
            for j in range(0, count, _CACHE_LINE):
                _fetch(every, i * columns + first + _AHEAD + j)
            for j in range(count):
                line = lines[cells[j]]
                answer[j] = line.real + line.imag * given[j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _add_noise(  # pragma: no cover  compiled
    x, y, unit, low, scale, lines, key, first
):
    """Add the noise of each answer; `first` is the counter of the first."""
    cells = np.empty(x.shape[1], np.uint32)
    for i in range(x.shape[0]):
        _find(x[i], cells, unit, low, scale)
        for j in range(x.shape[1]):
            line = lines[cells[j]]
            deviation = line.real + line.imag * x[i, j]
            y[i, j] += deviation * normal(key, first + i * x.shape[1] + j)


def look_up(
    table: CurveTable, value: torch.Tensor, *, noise: bool = False
) -> torch.Tensor:
    """Return each value's measured answer, without gradient.

    Parameters
    ----------
    table : CurveTable
        The curves; the last axis of `value` goes round its units.
    value : Tensor of float32
        Inputs of any shape. NaN gives NaN.
    noise : bool
        Whether single answers deviate from the mean, by torch's default generator.

    Returns
    -------
    Tensor of float32
        Of the same shape.
    """
    x = value.detach().contiguous()
    y = torch.empty_like(x)
    if not x.numel():
        return y
    columns = x.shape[-1] if x.ndim else 1
    shown, answers = (part.numpy().reshape(-1, columns) for part in (x, y))
    common = (_unit_places(columns, table.units), table.first, table.scale)
    key = fresh_key() if noise and table.noisy else None

    def work(part: slice) -> None:
        _rows(shown[part], answers[part], *common, table.lines)
        if key is not None:
            noises = (table.noise_lines, key, part.start * columns)
            _add_noise(shown[part], answers[part], *common, *noises)

    _in_parts(work, len(shown), x.numel())
    return y


@cache
def _unit_places(columns: int, units: int) -> NDArray[np.uint32]:
    """Return where the curve of each column begins."""
    return (np.arange(columns) % units * (CELLS + 2)).astype(np.uint32)


def _in_parts(work: Callable[[slice], None], rows: int, elements: int) -> None:
    """Share rows among as many threads as torch has, this one included."""
    threads = min(torch.get_num_threads(), rows, 1 + elements // _PARALLEL_FROM)
    if threads == 1:  # small tensors would feel the rest
        work(slice(0, rows))
        return
    borders = [rows * number // threads for number in range(threads + 1)]
    first, *others = map(slice, borders[:-1], borders[1:])
    waiting = [_pool().submit(work, part) for part in others]
    work(first)
    for task in waiting:
        task.result()


@cache
def _pool() -> ThreadPoolExecutor:
    """Return the threads that help; they sleep between look-ups."""
    return ThreadPoolExecutor(thread_name_prefix="look-up")
