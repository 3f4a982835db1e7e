"""Tests of labneuro/plotting/pcu_networks.py: what the energy figure shows."""

from typing import Any

import pytest

from labneuro.networks.pcu_energy import (
    BlockSize,
    EnergyAssumptions,
    OperatorCost,
    compared_energy,
)
from labneuro.plotting.pcu_networks import energy_figure

SIZE = BlockSize(10, 8, 2, 16)
CHOSEN = EnergyAssumptions()


def _drawn(assumptions):
    rows = compared_energy(SIZE, assumptions, CHOSEN)
    axes: Any = energy_figure(tuple(rows)).axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    return rows, axes, texts


def test_energies_of_measured_loads_stand_beside_those_of_chosen_costs():
    """Only parts that differ are marked: softplus and the sum that holds it."""
    carried = OperatorCost(1, 2e-6, 0.5, "measured")
    assumptions = EnergyAssumptions(costs=CHOSEN.costs | {"softplus": carried})
    rows, axes, texts = _drawn(assumptions)
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([1e3 * row.energy for row in rows])
    marks = {line.get_label(): line for line in axes.lines}
    chosen = marks["all costs chosen"]
    assert list(chosen.get_ydata(orig=True)) == ["softplus", "pcu"]
    assert chosen.get_xdata()[0] == pytest.approx(1e3 * 160 * 3e-5 * 0.7 * 1e-7)
    assert "here, measured loads" in texts
    assert axes.get_xlabel() == "energy of one pass of a block (mJ)"


def test_without_measured_loads_the_figure_says_that_costs_are_chosen():
    _, axes, texts = _drawn(CHOSEN)
    assert "here, all costs chosen" in texts
    assert [line.get_label() for line in axes.lines] == ["paper, for its own block"]
