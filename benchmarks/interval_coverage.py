"""Closing the loop: how often the 95 % intervals cover the truth of the card.

Devices are drawn from the card's device-to-device spread, each is measured over the
whole VISA stack into a run file, fitted, and compared with its own true parameters.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from labneuro.analysis.hnno import fit_runs
from labneuro.bench import BenchConfig, load_bench, load_card
from labneuro.counting import wilson_interval
from labneuro.devices.catalog import load_parameters
from labneuro.devices.hnno import draw_population
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

QUANTITIES = ("midpoint", "slope", "threshold")


def drawn_bench(folder: Path, seed: int) -> BenchConfig:
    """Return the shipped bench with the device of a seed, drawn from the card."""
    shipped = load_bench("hnno-sim")
    path = folder / "drawn.yaml"
    drawn = f"  draw_device: true\n  device_seed: {seed}\n"
    path.write_text(shipped.text + drawn, encoding="utf-8")
    return load_bench(path)


def measure_and_fit(seed: int, folder: Path) -> dict[str, bool]:
    """Measure the device of a seed; return which intervals cover its truth."""
    path = folder / f"device-{seed}.h5"
    run(load_recipe("hnno/firing"), drawn_bench(folder, seed), path, seed=seed)
    model = fit_runs([path])
    path.unlink()
    device = draw_population(
        load_parameters("hnno", load_card("hnno"), "hnno"), 1, seed
    )[0]
    truth = {
        "midpoint": device.midpoint,
        "slope": device.slope,
        "threshold": device.threshold(),
    }
    covered = {}
    for name in QUANTITIES:
        low, high = model.parameter(name).interval
        covered[name] = (low is None or low <= truth[name]) and (
            high is None or truth[name] <= high
        )
    return covered


def coverage(devices: int) -> dict[str, int]:
    """Return how many of the devices' intervals cover the truth, by quantity."""
    counts = dict.fromkeys(QUANTITIES, 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in range(devices):
            for quantity, hit in measure_and_fit(seed, folder).items():
                counts[quantity] += hit
    return counts


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=200)
    devices = parser.parse_args().devices
    print(f"{devices} devices over VISA; share of 95 % intervals covering the truth")
    for name, count in coverage(devices).items():
        low, high = wilson_interval(count, devices)
        print(
            f"{name:10} {count / devices:6.1%}  (95 % interval {low:.1%} to {high:.1%})"
        )


if __name__ == "__main__":
    main()
