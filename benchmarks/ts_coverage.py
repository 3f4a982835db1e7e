"""Closing the loop of the threshold switch: how often 95 % intervals cover the card.

Devices are drawn from the card's device-to-device spread; each is measured over the
whole VISA stack (single pulses and trains), fitted, and compared with its own truth.
Amplitudes are drawn, too, within 30 mV of those of the paper: the generator's rounding
of the monitor level differs from device to device then, as it would between set-ups.
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from labneuro.analysis.threshold_switch import fit_switch, held_parameters, read_run
from labneuro.bench import BenchConfig, load_bench
from labneuro.counting import wilson_interval
from labneuro.devices.threshold_switch import draw_device
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

QUANTITIES = (
    "growth_rate",
    "growth_voltage",
    "rate_noise",
    "leak_time",
    "relaxation_time",
    "thickening_time",
    "thickest_bridge",
)
RECIPES = ("hybrid/firing-pulse", "hybrid/pulse-train-firing")
_JITTER = 0.03  # V
_OTHER_NOISE = 1_000_000  # from the noise seed of a device's run to that of its next
_EVERY = 20  # devices from one table to the next


def drawn_bench(folder: Path, seed: int) -> BenchConfig:
    """Return the shipped bench with the device of a seed, drawn from the card."""
    shipped = load_bench("ts-scope-sim")
    path = folder / "drawn.yaml"
    drawn = f"  draw_device: true\n  device_seed: {seed}\n"
    path.write_text(shipped.text + drawn, encoding="utf-8")
    return load_bench(path)


def measure_and_fit(seed: int, events: int) -> dict[str, bool | None]:
    """Measure the device of a seed; return which intervals cover its truth.

    Parameters
    ----------
    seed : int
        Of the device, its noise and its amplitudes.
    events : int
        Single pulses at each of five amplitudes; as many trains at each.

    Returns
    -------
    dict of str to bool or None
        None where the events did not determine the parameter.
    """
    shifts = np.random.default_rng(seed).uniform(-_JITTER, _JITTER, 5)
    levels = np.round(np.linspace(1.0, 1.4, 5) + shifts, 3)
    amplitudes = ", ".join(f"{level} V" for level in levels)
    changes = [f"amplitudes=[{amplitudes}]", f"events={events}"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench, paths = drawn_bench(folder, seed), []
        for number, recipe in enumerate(RECIPES):
            paths.append(folder / f"{number}.h5")
            # With one seed both runs would meet the same rates, firing by firing.
            noise = seed + number * _OTHER_NOISE
            run(load_recipe(recipe, changes), bench, paths[-1], seed=noise)
        fit = fit_switch("drawn", [read_run(path)[1] for path in paths])
    truth = draw_device(held_parameters(), seed)
    covered: dict[str, bool | None] = {}
    for quantity in QUANTITIES:
        found = fit.model.parameters[quantity]
        low, high = found.interval
        value = getattr(truth, quantity)
        covered[quantity] = (
            None
            if found.standard_error is None
            else (low is None or low <= value) and (high is None or value <= high)
        )
    return covered


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=120)
    parser.add_argument("--first", type=int, default=0, help="seed of the first device")
    parser.add_argument("--events", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    found: list[dict[str, bool | None]] = []
    with ProcessPoolExecutor(chosen.processes) as pool:
        measure = partial(measure_and_fit, events=chosen.events)
        seeds = range(chosen.first, chosen.first + chosen.devices)
        for seed, covered in zip(seeds, pool.map(measure, seeds), strict=True):
            found.append(covered)
            missed = [name for name, hit in covered.items() if hit is False]
            print(f"device {seed}: missed {', '.join(missed) or 'none'}", flush=True)
            if len(found) % _EVERY == 0:
                show(found, chosen.events)
    show(found, chosen.events)


def show(found: list[dict[str, bool | None]], events: int) -> None:
    """Print the share of intervals that cover the truth, by parameter.

    Parameters
    ----------
    found : list of dict
        As :func:`measure_and_fit` returns them.
    events : int
        Pulses and trains at each amplitude.
    """
    print(
        f"{len(found)} devices over VISA, {events} pulses and trains at "
        "each of 5 amplitudes; share of 95 % intervals that cover the truth"
    )
    for name in QUANTITIES:
        hits = [one[name] for one in found if one[name] is not None]
        count, total = sum(map(bool, hits)), len(hits)
        if not total:
            continue
        low, high = wilson_interval(count, total)
        print(
            f"{name:16} {count / total:6.1%} of {total}  (95 % interval {low:.1%} to "
            f"{high:.1%})"
        )


if __name__ == "__main__":
    main()
