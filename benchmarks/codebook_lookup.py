"""Look-up of a measured activation beside the plain one of torch, interleaved.

Softplus and GELU of ten units over activations of three sizes, without gradient. With
answer noise every element also gets a normal number and a deviation of its own; its
ratio is printed beside and has no limit. The limit: at most 1.5 times plain. A ratio is
the median over rounds of the ratio of the two times in the same round; the times are
those of the processor, so that other work on the machine does not count.

Run: ``python benchmarks/codebook_lookup.py [rounds] [threads]``, one thread by default.
With more, processor time counts every thread.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from labneuro.bench import load_card
from labneuro.devices.pcu_parameters import UNITS, PcuParameters
from labneuro.networks.analog_operators import AnalogOperators
from labneuro.networks.codebook import codebook_of
from labneuro.networks.pcu_card_model import card_model

if TYPE_CHECKING:
    from collections.abc import Callable

    Ways = tuple[Callable[[torch.Tensor], torch.Tensor], ...]

SHAPES = ((128, 100), (64, 50, 256), (32, 200, 768))
ELEMENTS = 5_000_000  # that a round looks up, at least once


def seconds(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> float:
    """Return the processor time of one call, averaged over a few."""
    calls = max(1, ELEMENTS // x.numel() // 10)
    start = time.process_time()
    for _ in range(calls):
        function(x)
    return (time.process_time() - start) / calls


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    print(f"{rounds} rounds, {threads} thread(s)")
    card = PcuParameters(**load_card("pcu").values(UNITS, "pcu"))
    codebook = codebook_of(card_model(card))
    mean, noisy = (
        AnalogOperators(codebook, "codebook", answer_noise=noise)
        for noise in (False, True)
    )
    plain: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "softplus": functional.softplus,
        "gelu": functional.gelu,
    }
    with torch.no_grad():
        for shape in SHAPES:
            x = 3.0 * torch.randn(shape)
            for name, function in plain.items():
                ways: Ways = (function, getattr(mean, name), getattr(noisy, name))
                times = [[seconds(way, x) for way in ways] for _ in range(rounds + 2)]
                taken = np.array(times[2:], dtype=np.float64)
                ratio, with_noise = np.median(taken[:, 1:] / taken[:, :1], axis=0)
                own, other = (1e9 * np.median(taken[:, :2], axis=0) / x.numel())[::-1]
                print(
                    f"{name:<9}{shape!s:<16} look-up {own:5.2f} ns, plain {other:5.2f} "
                    f"ns: {ratio:.2f} (limit 1.5), with noise {with_noise:.2f}"
                )


if __name__ == "__main__":
    main()
