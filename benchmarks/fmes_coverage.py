"""Closing the loop: how often the 95 % intervals of FMES fits cover the truth.

Devices are drawn around a card, each is measured over the whole VISA stack into run
files (potentiation and depression, paired pulses, I-V staircases, learning and
forgetting, all shorter than the shipped recipes), fitted, and compared with its own
parameters. Simulated readings are ideally calibrated, and intervals allow for a gain
that may be wrong: so the readings of each run are multiplied by a gain that is drawn as
wide as the allowance. The truth of A is the curve of the same device without any noise,
fitted the same way: the exponential misses that curve, so A has no other truth.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from labneuro.analysis.fmes_branches import GAIN_ACCURACY
from labneuro.analysis.fmes_curves import fit_curve
from labneuro.analysis.fmes_device import FmesDeviceFit, fit_device
from labneuro.analysis.fmes_runs import (
    DeviceRuns,
    Piece,
    Train,
    label_of,
    read_pieces,
)
from labneuro.analysis.fmes_schedule import train_block
from labneuro.bench import BenchConfig, load_bench, load_card
from labneuro.counting import wilson_interval
from labneuro.devices.catalog import load_parameters
from labneuro.devices.fmes import FmesParameters, draw_device
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

CARD = "fmes-2b"
BRANCHES = (
    "fast_resistance",
    "fast_capacitance",
    "slow_resistance",
    "slow_capacitance",
    "slow_leak",
    "charge_noise",
)
READ = ("residual", "peak", "first", "second", "current", "voltage")
RECIPES = {
    "potentiation": """\
protocol: PotentiationDepression
description: Short trains for the closed loop.
parameters:
  pulses: 40
  cycles: 3
  resistors: {500 ohm: "1101", open: ""}
  pulser: {voltage_range: 1 V, power_line_cycles: 0.01}
""",
    "pairs": """\
protocol: PairedPulse
description: Few pairs for the closed loop.
parameters:
  intervals: [1 ms, 10 ms, 100 ms]
  repeats: 5
  resistors: {7 kohm: "1105"}
  pulser: {voltage_range: 1 V, power_line_cycles: 0.01}
""",
    "sweeps": """\
protocol: CurrentVoltage
description: Coarse staircases for the closed loop.
parameters:
  increment: 20 mV
  rates: [0.05 V/s, 0.1 V/s, 0.2 V/s, 0.4 V/s]
  current_range: 5 mA
  resistors: {500 ohm: "1101", open: ""}
""",
    "learning": """\
protocol: LearnForget
description: A short train and a long decay for the closed loop.
parameters:
  phases: [{resistor: open, pulses: 300}]
  readings: 60
  interval: 5 s
  pulser: {voltage_range: 1 V, power_line_cycles: 0.01}
""",
}


def drawn_bench(folder: Path, seed: int) -> BenchConfig:
    """Return the shipped bench, but with the device that a seed draws."""
    text = load_bench("fmes-sim").text.replace("card: fmes\n", f"card: {CARD}\n")
    path = folder / "drawn.yaml"
    path.write_text(
        f"{text}  draw_device: true\n  device_seed: {seed}\n", encoding="utf-8"
    )
    return load_bench(path)


def measure(seed: int, folder: Path) -> DeviceRuns:
    """Measure the device of a seed with every recipe."""
    bench = drawn_bench(folder, seed)
    pieces: list[Piece] = []
    for place, (name, text) in enumerate(RECIPES.items()):
        recipe = folder / f"{name}.yaml"
        recipe.write_text(text, encoding="utf-8")
        path = folder / f"{name}-{seed}.h5"
        run(load_recipe(recipe), bench, path, seed=len(RECIPES) * seed + place)
        pieces += read_pieces(path)[1]
        path.unlink()
    return with_gains(DeviceRuns(f"drawn-{seed}", tuple(pieces)), seed)


def with_gains(runs: DeviceRuns, seed: int) -> DeviceRuns:
    """Return runs as meters read them whose gain is not quite 1, run by run."""
    generator = np.random.default_rng((seed, 1))
    paths = dict.fromkeys(piece.path for piece in runs.pieces)
    gain = {path: 1.0 + GAIN_ACCURACY * generator.standard_normal() for path in paths}
    pieces = tuple(
        replace(
            piece,
            **{
                name: getattr(piece, name) * gain[piece.path]
                for name in READ
                if hasattr(piece, name)
                and not (name == "voltage" and hasattr(piece, "current"))
            },
        )
        for piece in runs.pieces
    )
    return DeviceRuns(runs.device_id, pieces)


def true_device(seed: int) -> FmesParameters:
    """Return the parameters of the device of a seed."""
    return draw_device(load_parameters("fmes", load_card(CARD), CARD), seed)


def true_bends(device: FmesParameters, train: Train) -> tuple[float, float]:
    """Return k of the curves that a train has without any noise."""
    cycles = len(train.residual)
    quiet = replace(device, charge_noise=0.0)
    block = train_block(train, cycles=cycles, residual_only=True)
    volts = block.predict(quiet, 0.5).reshape(train.residual.shape)
    return fit_curve(volts[1:]).bends


def covered(fit: FmesDeviceFit, device: FmesParameters) -> dict[str, bool]:
    """Return which intervals cover the truth."""
    found = {}
    for name in BRANCHES:
        one = fit.parameters[name]
        found[name] = _inside(getattr(device, name), one.interval)
    for train in fit.runs.of(Train):
        label = label_of(train.resistance)
        bends = true_bends(device, train)
        for direction, bend in zip(("potentiation", "depression"), bends, strict=True):
            name = f"{direction}_a_{label}"
            a = train.residual.shape[2] / bend
            found[name] = _inside(a, fit.parameters[name].interval)
    return found


def _inside(value: float, ends: tuple[float | None, float | None]) -> bool:
    low, high = ends
    return (low is None or low <= value) and (high is None or value <= high)


def coverage(devices: int, first: int = 0) -> Counter[str]:
    """Return how many of the devices' intervals cover the truth, by quantity."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in range(first, first + devices):
            fit = fit_device(measure(seed, folder))
            for quantity, hit in covered(fit, true_device(seed)).items():
                counts[quantity] += hit
    return counts


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=104)
    parser.add_argument("--first", type=int, default=0, help="seed of the first device")
    chosen = parser.parse_args()
    begun = time.perf_counter()
    counts = coverage(chosen.devices, chosen.first)
    seconds = time.perf_counter() - begun
    print(f"{chosen.devices} devices over VISA in {seconds:.0f} s; card {CARD}")
    print("share of 95 % intervals covering the truth")
    for name, count in counts.items():
        low, high = wilson_interval(count, chosen.devices)
        print(
            f"{name:22} {count / chosen.devices:6.1%}  (95 % interval {low:.1%} to "
            f"{high:.1%})"
        )


if __name__ == "__main__":
    main()
