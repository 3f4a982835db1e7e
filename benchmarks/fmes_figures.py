"""Every figure that the FMES paper quotes, beside what each card makes of it.

A figure is met within 2 % of the paper's value, a lower bound at or above it. What the
figures mean exactly is said in `labneuro.devices.fmes_figures`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labneuro.bench import load_card
from labneuro.devices.fmes import UNITS, FmesParameters, FmesPopulation
from labneuro.devices.fmes_figures import quoted_figures
from labneuro.units import show

CARDS = ("fmes-1b", "fmes-2b", "fmes-f", "fmes")
MET = 0.02
RESISTORS = (500.0, 1000.0, 8000.0, np.inf)


def parameters(card: str) -> FmesParameters:
    """Return a card's parameters."""
    values = load_card(card).values(UNITS, card)
    return replace(FmesParameters(**values), charge_noise=0.0)


def shown(value: float, unit: str) -> str:
    """Return a value with its unit."""
    return show(value, unit) if unit else f"{value:.4g}"


def quoted() -> None:
    """Print the table of the quoted figures."""
    columns = {card: quoted_figures(parameters(card)) for card in CARDS}
    print(f"{'figure':34}{'paper':>10}" + "".join(f"{card:>22}" for card in CARDS))
    for row in zip(*columns.values(), strict=True):
        first = row[0]
        bound = ">" if first.at_least else ""
        line = f"{first.name:34}{bound + shown(first.quoted, first.unit):>10}"
        for figure in row:
            mark = " " if abs(figure.deviation) <= MET else "*"
            text = f"{shown(figure.value, figure.unit)} ({figure.deviation:+.1%})"
            line += f"{text + mark:>22}"
        print(line)
    print("* missed by more than 2 %, or below the bound")


def unquoted() -> None:
    """Print what the paper shows without numbers: the course of a train and a pair."""
    for card in CARDS:
        mean = parameters(card)
        devices = FmesPopulation([mean] * len(RESISTORS), 0)
        train = devices.pulse(1e-3, 1e-3, 1e-3, RESISTORS, 150)
        half = (train.residual[:, 37] - train.residual[:, 0]) / (
            train.residual[:, -1] - train.residual[:, 0]
        )
        peaks = train.peak[:, -1] / train.peak[:, 0]
        last = train.residual[-1, -1]
        devices.rest(100.0)
        kept = devices.voltage()[-1] / last
        index = []
        for gap in (1e-3, 1e-2, 1e-1):
            pair = FmesPopulation([mean] * len(RESISTORS), 0).pulse(
                1e-3, 1e-3, gap, RESISTORS, 2
            )
            index.append(pair.peak[:, 1] / pair.peak[:, 0])
        print(f"\n{card}, at 500, 1000, 8000 ohm and open")
        print("  share of the rise at pulse 38 of 150 (linear: 0.25):", half.round(2))
        print("  range of the peaks:", peaks.round(2))
        print("  PPF index at 1 ms:", index[0].round(3))
        print("  PPF index at 10 ms:", index[1].round(3))
        print("  PPF index at 100 ms:", index[2].round(3))
        print(f"  100 s after 150 pulses, open, kept of the last residual: {kept:.2f}")


if __name__ == "__main__":
    quoted()
    unquoted()
