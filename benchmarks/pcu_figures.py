"""The operators of the PCU card beside the paper's figures and the reference numbers.

Prints nominal errors (all units alike) and errors over ten operators drawn from the
card's spread, untrimmed and with one gain trimmed; fits of softplus and sigmoid.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import curve_fit
from scipy.special import softmax as ideal_softmax

from labneuro.bench import load_card
from labneuro.devices.pcu_cell import CellElements, cell_elements, cell_points
from labneuro.devices.pcu_composed import SoftmaxUnits, gelu, softmax
from labneuro.devices.pcu_operators import (
    disturbing_voltages,
    divide,
    grouped,
    matrix_product,
    multiply,
    nominal_unit,
    sigmoid,
    softplus,
)
from labneuro.devices.pcu_parameters import UNITS, PcuParameters, draw_units

CARD = PcuParameters(**load_card("pcu").values(UNITS, "pcu"))
NOMINAL = nominal_unit(CARD)
OPERATORS = 10
DRAWS = 100


def triples(units: list[PcuParameters]) -> CellElements:
    """Return operators of three units, all memristors low-resistive."""
    return grouped(cell_elements(units))


def report(name: str, found: np.ndarray, ideal: np.ndarray) -> None:
    """Print the mean relative error, untrimmed and after one gain an operator."""
    gain = np.mean(found / ideal, axis=(0, 1), keepdims=True)
    raw = np.mean(np.abs(found / ideal - 1.0))
    trimmed = np.mean(np.abs(found / gain / ideal - 1.0))
    print(f"{name}: {100 * raw:.2f} % untrimmed, {100 * trimmed:.2f} % gain trimmed")


def log_domain() -> None:
    """Multipliers and dividers over the grid of operands."""
    grid = np.linspace(50e-9, 500e-9, 10)
    x, y = grid[:, None, None], grid[None, :, None]
    reference = NOMINAL.reference_current
    drawn = draw_units(CARD, 3 * OPERATORS * DRAWS, seed=1)
    for name, units in (
        ("nominal", triples([CARD] * 3)),
        (f"{OPERATORS * DRAWS} drawn", triples(drawn)),
    ):
        report(f"multiplier, {name}", multiply(x, y, units, NOMINAL), x * y / reference)
        report(f"divider, {name}", divide(x, y, units, NOMINAL), reference * x / y)
    errors = [
        np.mean(np.abs(operator(x, y, units, NOMINAL) / ideal - 1.0), axis=(0, 1))
        for operator, ideal in (
            (multiply, x * y / reference),
            (divide, reference * x / y),
        )
    ]
    for name, error in zip(("multiplier", "divider"), errors, strict=True):
        tens = error.reshape(DRAWS, OPERATORS).mean(axis=1)
        print(f"  ten {name}s: {100 * tens.mean():.2f} +- {100 * tens.std():.2f} %")


def activations() -> None:
    """Softplus and sigmoid: fits over their ranges."""
    unit = cell_elements([CARD], multistate=1e-4)
    for low, high in ((-0.969, 0.531), (-0.5, 0.5), (-0.5, 1.0)):
        x = np.linspace(low, high, 301)
        current = softplus(x, unit) * 1e6
        (a, k), _ = curve_fit(
            lambda v, a, k: a * np.logaddexp(0, k * v), x, current, (5, 14)
        )
        rest = np.abs(current - a * np.logaddexp(0, k * x)).max() / current.max()
        print(f"softplus {low} to {high} V: A {a:.3f} uA, K {k:.2f} /V, off {rest:.2%}")
    first, _ = disturbing_voltages(unit, CARD.multistate_dead_zone, CARD.binary_set)
    print(f"  M1 (10 kohm) leaves its dead zone at {first[0]:.3f} V across the unit")
    x = np.linspace(-0.3, 0.3, 301)
    for saturation in (1e-9, 50e-9):
        for off in (1e-10, 1e-9):
            unit = cell_elements([CARD], binary=off)
            unit = unit._replace(
                forward=np.array([saturation]), backward=np.array([saturation])
            )
            level = sigmoid(x, unit) / saturation
            bend = np.abs(level - np.tanh(0.5 * x / CARD.emission_voltage)).max()
            print(f"sigmoid, I0 {saturation:.0e} A, M2 {off:.0e} S: bent by {bend:.2%}")


def composed() -> None:
    """Softmax of ten inputs, GELU, and the 1x3 by 3x1000 product."""
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(1000, OPERATORS))
    drawn = draw_units(CARD, 7 * OPERATORS, seed=2)
    n = 3 * OPERATORS
    units = SoftmaxUnits(
        triples(drawn[:n]),
        cell_elements(drawn[2 * n :]),
        triples(drawn[n : 2 * n]),
    )
    found = softmax(logits, 0.5, units, NOMINAL)
    ideal = ideal_softmax(0.5 * logits, axis=1)
    print(
        f"softmax of 10: {np.mean(np.abs(found / ideal - 1)):.2%} relative, "
        f"{np.mean(np.abs(found - ideal)):.2%} of full scale 1"
    )
    x = np.linspace(-3.0, 3.0, 61)[:, None]
    off = cell_elements([CARD], binary=CARD.binary_low)
    got = gelu(x, off, triples([CARD] * 3), NOMINAL)
    ideal = x / (1.0 + np.exp(-1.702 * x))
    print(f"GELU, nominal: {np.mean(np.abs(got - ideal)) / 3:.2%} of full scale")
    weights = rng.uniform(1e-5, 1e-4, (3, 1))
    cells = cell_elements(draw_units(CARD, 3, seed=4), multistate=weights[:, 0])
    cells = CellElements(*(np.asarray(part)[:, None] for part in cells))
    inputs = rng.uniform(0.0, 1.0, (1000, 3))
    ideal = inputs @ weights
    for name, volts, diodes in (
        ("M1 alone, 0 to 0.1 V", 0.1 * inputs, False),
        ("with D1, 0 to 0.5 V", 0.5 * inputs, True),
        ("with D1, 0.5 to 2.5 V", 0.5 + 2.0 * inputs, True),
    ):
        current = matrix_product(volts, cells, through_diodes=diodes)
        fit = np.polyval(np.polyfit(ideal[:, 0], current[:, 0], 1), ideal[:, 0])
        off = np.mean(np.abs(current[:, 0] - fit)) / np.ptp(fit)
        worst = cell_points(volts[:, :, None], cells).multistate_voltage.max()
        worst = volts.max() if not diodes else worst
        print(f"VMM {name}: {off:.2%} of the range off a line, M1 sees {worst:.2f} V")


if __name__ == "__main__":
    log_domain()
    activations()
    composed()
