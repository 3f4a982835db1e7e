"""Simulated pulses per second of wall time: device kernel, and end to end over VISA.

End to end is one sensitization train of 10 000 pulses: plan, VISA session, script
upload, every pulse through the simulated AFG31000, circuit, device and 2636B, binary
read-back, HDF5 file. The device kernel alone does 1e6 endurance cycles. Printed are
rates and their ratio, medians of interleaved rounds in one process.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from labneuro.bench import load_bench, load_card
from labneuro.devices.catalog import load_parameters
from labneuro.devices.hnno import HnnoPopulation
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

PULSES = 10_000
CYCLES = 1_000_000
ROUNDS = 5


def train(folder: Path, number: int) -> float:
    """Return the wall time of one 10 000-pulse run in s."""
    recipe = load_recipe(
        "hnno/sensitization",
        [f"pulses={PULSES}", "trains=1", "fields=[0.19 V/um]", "interval=6 ms"],
    )
    bench = load_bench("hnno-sim")
    start = time.perf_counter()
    run(recipe, bench, folder / f"train-{number}.h5", seed=number)
    return time.perf_counter() - start


def endurance() -> float:
    """Return the wall time of 1e6 pulse-and-reset cycles of one device in s."""
    population = HnnoPopulation(
        [load_parameters("hnno", load_card("hnno"), "hnno")], seed=1
    )
    levels = np.array([0.21e6, 0.0, -0.19e6, 0.0])
    durations = np.array([100e-6, 5e-3, 100e-6, 2e-3])
    start = time.perf_counter()
    population.endure(levels, durations, CYCLES)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    trains, kernels = [], []
    with tempfile.TemporaryDirectory() as name:
        train(Path(name), 99)
        endurance()
        for number in range(ROUNDS):
            trains.append(train(Path(name), number))
            kernels.append(endurance())
    rate = PULSES / statistics.median(trains)
    kernel = statistics.median(kernels)
    print(f"end to end: {rate:,.0f} pulses/s (wanted 20,000)")
    print(f"kernel: 1e6 cycles in {kernel:.2f} s (wanted below 2 s)")
    print(f"kernel pulses over end-to-end pulses: {CYCLES / kernel / rate:.0f}")


if __name__ == "__main__":
    main()
