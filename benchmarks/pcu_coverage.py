"""Closing the loop: how often the 95 % intervals of diode fits cover the truth.

Arrays of nine units are drawn around the card, each is measured over the whole VISA
stack into a run file with the shipped recipe, fitted, and compared with its own
parameters. Readings carry noise and no gain error, and the temperature is known: the
intervals are those of the noise alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labneuro.analysis.pcu import fit_runs
from labneuro.analysis.pcu_diode import NAMES
from labneuro.bench import BenchConfig, load_bench, load_card
from labneuro.counting import wilson_interval
from labneuro.devices.catalog import load_parameters
from labneuro.devices.pcu_array import draw_array
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

if TYPE_CHECKING:
    from labneuro.devices.pcu_parameters import PcuParameters

BENCH, RECIPE, CARD = "pcu-sim", "pcu/diodes", "pcu"


def drawn_bench(folder: Path, seed: int) -> BenchConfig:
    """Return the shipped bench, but with the array that a seed draws."""
    text = load_bench(BENCH).text
    path = folder / "drawn.yaml"
    path.write_text(
        text.replace("device_seed: 1", f"device_seed: {seed}"), encoding="utf-8"
    )
    return load_bench(path)


def true_units(seed: int) -> list[PcuParameters]:
    """Return the parameters of the nine units of a seed."""
    return draw_array(load_parameters("pcu", load_card(CARD), CARD), seed)


def covered(seed: int, folder: Path) -> dict[str, list[bool]]:
    """Return which intervals cover the truth, by parameter, a unit each."""
    path = folder / f"diodes-{seed}.h5"
    run(load_recipe(RECIPE), drawn_bench(folder, seed), path, seed=seed)
    rows = fit_runs([path]).tables["diodes"]
    path.unlink()
    found: dict[str, list[bool]] = {name: [] for name in NAMES}
    for row, unit in zip(rows, true_units(seed), strict=True):
        for name in NAMES:
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            found[name].append(bool(low <= getattr(unit, name) <= high))
    return found


def main() -> None:
    """Print coverage and its own interval, parameter by parameter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrays", type=int, default=12)
    arrays = parser.parse_args().arrays
    begin = time.perf_counter()
    total: dict[str, list[bool]] = {name: [] for name in NAMES}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, arrays + 1):
            for name, hits in covered(seed, Path(folder)).items():
                total[name] += hits
    for name, hits in total.items():
        low, high = wilson_interval(sum(hits), len(hits))
        print(
            f"{name}: {sum(hits)} of {len(hits)} covered, {np.mean(hits):.1%} "
            f"({float(low):.1%} to {float(high):.1%})"
        )
    print(f"{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()
