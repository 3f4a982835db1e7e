"""Crossbar solves beside badcrossbar and CrossSim, in one process on one thread.

One array of each size: cells uniform in conductance between 1 Mohm and 10 kohm, 1 ohm
segments, one vector of inputs. Solvers take turns; printed are medians, their ratios
and the largest relative error against the direct sparse solution. badcrossbar is on
PyPI (it needs the cairo library to import); CrossSim is not, so that its reference
figure, 1.8 to 2.4 ms for a pair of arrays and no answer at 256 x 256, stands in.
"""

from __future__ import annotations

import importlib
import logging
import os
import statistics
import time
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy starts its threads

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from labneuro.devices.crossbar import Crossbar, CrossbarWires

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Solver = Callable[[], NDArray[np.float64]]

SEGMENT = 1.0  # ohm
SIZES = (64, 256)
ROUNDS = {64: 9, 256: 5}
REPEATS = {64: 20, 256: 5}
CROSSSIM_SIZE = 64
CROSSSIM_PAIR = (1.8e-3, 2.4e-3)  # s for two arrays on a 2-core reference machine


def exact(
    conductance: NDArray[np.float64], voltage: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the bit lines' currents in A by a direct sparse solution."""
    rows, columns = conductance.shape
    word = np.arange(rows * columns).reshape(rows, columns)
    bit = word + rows * columns
    wire = 1.0 / SEGMENT
    parts = []
    for a, b, siemens in (
        (word[:, :-1], word[:, 1:], wire),
        (bit[:-1], bit[1:], wire),
        (word, bit, conductance),
    ):
        values = np.broadcast_to(siemens, a.shape)
        for i, j, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
            parts.append((i.ravel(), j.ravel(), sign * values.ravel()))
    parts.append((word[:, 0], word[:, 0], np.full(rows, wire)))
    parts.append((bit[-1], bit[-1], np.full(columns, wire)))
    i, j, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    right = np.zeros(2 * rows * columns)
    right[word[:, 0]] = wire * voltage
    volts = spsolve(coo_matrix((values, (i, j))).tocsc(), right)
    return np.asarray(volts[bit[-1]] * wire)


def own(conductance: NDArray[np.float64], voltage: NDArray[np.float64]) -> Solver:
    """Return our solve, the array's set-up included."""
    wires = CrossbarWires(SEGMENT, SEGMENT)
    return lambda: Crossbar(conductance, wires).solve(voltage).output


def bad(
    conductance: NDArray[np.float64], voltage: NDArray[np.float64]
) -> Solver | None:
    """Return badcrossbar's solve of output currents, or none without it."""
    try:
        badcrossbar = importlib.import_module("badcrossbar")
    except ImportError as error:  # the package itself, or the cairo library under it
        print(f"  badcrossbar: {error}")
        return None
    logging.disable(logging.INFO)
    applied, resistance = voltage[:, None], 1.0 / conductance

    def solve() -> NDArray[np.float64]:
        found = badcrossbar.compute(
            applied, resistance, SEGMENT, node_voltages=False, all_currents=False
        )
        return np.asarray(found.currents.output).ravel()

    return solve


def timed(solver: Solver, repeats: int) -> float:
    """Return the mean wall time of a solve in s."""
    start = time.perf_counter()
    for _ in range(repeats):
        solver()
    return (time.perf_counter() - start) / repeats


def medians(solvers: dict[str, Solver], size: int) -> dict[str, float]:
    """Return each solver's median wall time in s, taking turns."""
    times: dict[str, list[float]] = {name: [] for name in solvers}
    for solver in solvers.values():
        solver()
    for _ in range(ROUNDS[size]):
        for name, solver in solvers.items():
            repeats = REPEATS[size] if name == "labneuro" else 1
            times[name].append(timed(solver, repeats))
    return {name: statistics.median(found) for name, found in times.items()}


def compare(size: int) -> None:
    """Time all solvers on one array and print."""
    rng = np.random.default_rng(size)
    conductance = rng.uniform(1e-6, 1e-4, (size, size))
    voltage = rng.uniform(0.0, 1.0, size)
    reference = exact(conductance, voltage)
    lost = 1.0 - reference.sum() / (voltage @ conductance).sum()
    print(f"{size} x {size}, 1 ohm segments, {100 * lost:.0f} % of the current lost:")
    solvers: dict[str, Solver] = {"labneuro": own(conductance, voltage)}
    peer = bad(conductance, voltage)
    if peer is not None:
        solvers["badcrossbar"] = peer
    found = medians(solvers, size)
    for name, median in found.items():
        error = np.abs(solvers[name]() / reference - 1.0).max()
        print(f"  {name}: {1e3 * median:.3f} ms, largest error {error:.1e}")
    ours = found["labneuro"]
    if peer is None:
        print("  badcrossbar: not installed")
    else:
        ratio = found["badcrossbar"] / ours
        print(f"  badcrossbar takes {ratio:.0f} times as long (wanted at least 100)")
    print("  CrossSim: not installed (it is not on PyPI)")
    if size == CROSSSIM_SIZE:
        low, high = (0.5 * pair / ours for pair in CROSSSIM_PAIR)
        print(
            f"    its reference figure is {low:.0f} to {high:.0f} times as long "
            "(wanted at least 2; another machine's)"
        )


if __name__ == "__main__":
    for array_size in SIZES:
        compare(array_size)
