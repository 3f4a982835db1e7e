"""Noisy product of weights, 784 x 100 at batch 128, beside ideal torch and aihwkit.

Every vector meets weight noise of its own ("per read"). labneuro's is the inference
layer's forward pass; aihwkit's is the inference tile with its weight noise per
multiplication (``w_noise``, additive and constant) and everything else that is analog
off (no converters' bounds, no output noise), so that both compute the same thing. All
run in one process, interleaved, without gradients; the ratios are medians over rounds.

The limit: at least 2.5 times aihwkit. aihwkit's wheels need the torch that they were
built with; its source distribution 1.2.0 builds against the pinned one (cmake, ninja,
pybind11, OpenBLAS; ``-DUSE_CUDA=OFF``). Where aihwkit is not installed, the ratio to
ideal torch stands beside the reference machine's: aihwkit 82 to 83 thousand samples a
second, ideal torch 389 to 438.

Run: ``OMP_NUM_THREADS=1 python benchmarks/analog_vmm.py [rounds]``, all on one thread.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import torch

from labneuro.networks.analog_layers import AnalogLinear
from labneuro.networks.analog_operators import AnalogOperators
from labneuro.networks.codebook import PAPER_WEIGHT_NOISE, Codebook

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS, OUTPUTS, BATCH = 784, 100, 128
CALLS = 20


def peer(weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Return aihwkit's layer with the same weights, or None where it is missing."""
    try:
        layers = import_module("aihwkit.nn")
        configs = import_module("aihwkit.simulator.configs")
    except ImportError:
        return None
    config = configs.InferenceRPUConfig()
    config.forward.inp_res = config.forward.out_res = -1
    config.forward.inp_bound = config.forward.out_bound = 0.0
    config.forward.noise_management = configs.NoiseManagementType.NONE
    config.forward.bound_management = configs.BoundManagementType.NONE
    config.forward.out_noise = 0.0
    config.forward.w_noise = PAPER_WEIGHT_NOISE
    config.forward.w_noise_type = configs.WeightNoiseType.ADDITIVE_CONSTANT
    layer: torch.nn.Module = layers.AnalogLinear(
        INPUTS, OUTPUTS, bias=False, rpu_config=config
    )
    layer.set_weights(weight)  # type: ignore[operator]  # aihwkit's own method
    return layer.eval()


def measure(
    layers: dict[str, Callable[[torch.Tensor], torch.Tensor]],
    value: torch.Tensor,
    rounds: int,
) -> dict[str, list[float]]:
    """Return the seconds of a call in each round, by name."""
    taken: dict[str, list[float]] = {name: [] for name in layers}
    with torch.no_grad():
        for _ in range(rounds):
            for name, layer in layers.items():
                start = time.perf_counter()
                for _ in range(CALLS):
                    layer(value)
                taken[name].append((time.perf_counter() - start) / CALLS)
    return taken


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    torch.manual_seed(0)
    weight = torch.rand(OUTPUTS, INPUTS) * 2 - 1
    value = torch.rand(BATCH, INPUTS)
    operators = AnalogOperators(
        Codebook({}, {}, PAPER_WEIGHT_NOISE), "codebook", "read"
    )
    own = AnalogLinear(operators, torch.nn.Parameter(weight)).eval()
    other = peer(weight)
    layers: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "labneuro, noise per read": own,
        "ideal torch": lambda x: torch.nn.functional.linear(x, weight),
    }
    if other is not None:
        layers["aihwkit, noise per read"] = other
    ideal = value @ weight.T
    for name, layer in layers.items():
        with torch.no_grad():
            spread = torch.stack([layer(value) - ideal for _ in range(CALLS)]).std()
        print(f"{name:<26} noise of an output {spread:.4f}")
    taken = measure(layers, value, rounds)
    for name, times in taken.items():
        rate = BATCH / np.median(times) / 1e3
        print(f"{name:<26} {rate:8.1f} thousand samples a second")
    mine = np.array(taken["labneuro, noise per read"])
    for name, times in taken.items():
        if not name.startswith("labneuro"):
            print(f"{np.median(np.array(times) / mine):.2f}  labneuro over {name}")
    print("reference: aihwkit 82-83, ideal torch 389-438 thousand (0.19 to 0.21);")
    print("2.5 times aihwkit is 0.47 to 0.53 of ideal torch")


if __name__ == "__main__":
    main()
