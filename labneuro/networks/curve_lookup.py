"""Look-up of measured curves: one table a unit, cells of straight lines, all compiled.

A value's cell is found by a product, not by a search, because the cells are equally
wide; beyond the measured inputs one more cell at each end holds the last answer or goes
on along a line through it.
"""

# The compiled functions carry no annotations: numba infers their types.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN202

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numba import njit

from labneuro.networks.fast_normal import fresh_key, normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Table = NDArray[np.float32]

CELLS = 256
_PARALLEL_FROM = 1 << 17  # elements that are worth another thread
_ZERO, _ONE, _TOP = np.float32(0), np.float32(1), np.float32(CELLS + 1)


@dataclass(frozen=True)
class CurveTable:
    """Curves of several units, ready for look-up.

    Attributes
    ----------
    low, high : float
        First and last measured input.
    start, rise : ndarray of float32, shape (units x (CELLS + 2),)
        Value at input 0 and slope of each cell's line, unit after unit.
    noise_start, noise_rise : ndarray of float32, shape (units x (CELLS + 2),)
        The same for the standard deviation.
    """

    low: float
    high: float
    start: Table
    rise: Table
    noise_start: Table
    noise_rise: Table

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.start) // (CELLS + 2)

    @property
    def noisy(self) -> bool:
        """Whether any answer has a deviation."""
        return bool(self.noise_start.any() or self.noise_rise.any())


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
    start, rise = _cells(inputs, mean, grid, upper_slope=upper_slope)
    noise_start, noise_rise = _cells(inputs, deviation, grid, upper_slope=upper_slope)
    low, high = float(inputs[0]), float(inputs[-1])
    return CurveTable(low, high, start, rise, noise_start, noise_rise)


def _cells(
    inputs: Array, answers: Array, grid: Array, *, upper_slope: bool
) -> tuple[Table, Table]:
    values = np.stack([np.interp(grid, inputs, row) for row in answers])
    rise = np.diff(values, axis=1) / np.diff(grid)
    start = values[:, :-1] - rise * grid[:-1]
    last = values[:, -1:]
    # In proportion to the input, so that a gain error stays a gain error.
    above = last / grid[-1] if upper_slope else np.zeros_like(last)
    rise = np.concatenate([np.zeros_like(last), rise, above], axis=1)
    start = np.concatenate([values[:, :1], start, last - above * grid[-1]], axis=1)
    return start.astype(np.float32).ravel(), rise.astype(np.float32).ravel()


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
def _rows(x, y, unit, low, scale, start, rise):  # pragma: no cover  compiled
    """Look rows up."""
    cells = np.empty(x.shape[1], np.uint32)
    for i in range(x.shape[0]):
        _find(x[i], cells, unit, low, scale)
        for j in range(x.shape[1]):
            y[i, j] = start[cells[j]] + rise[cells[j]] * x[i, j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _add_noise(  # pragma: no cover  compiled
    x, y, unit, low, scale, start, rise, key, first
):
    """Add the noise of each answer; `first` is the counter of the first."""
    cells = np.empty(x.shape[1], np.uint32)
    for i in range(x.shape[0]):
        _find(x[i], cells, unit, low, scale)
        for j in range(x.shape[1]):
            deviation = start[cells[j]] + rise[cells[j]] * x[i, j]
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
    shown, answers = x.view(-1, columns).numpy(), y.view(-1, columns).numpy()
    places = _unit_places(columns, table.units)
    scale = np.float32(CELLS / (table.high - table.low))
    common = (places, np.float32(table.low), scale)
    key = fresh_key() if noise and table.noisy else None

    def work(part: slice) -> None:
        _rows(shown[part], answers[part], *common, table.start, table.rise)
        if key is not None:
            noises = (table.noise_start, table.noise_rise, key, part.start * columns)
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
