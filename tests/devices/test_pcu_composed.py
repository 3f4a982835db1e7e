"""GELU and softmax of units."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax as ideal_softmax

from labneuro.bench import load_card
from labneuro.devices.pcu_cell import cell_elements
from labneuro.devices.pcu_composed import SoftmaxUnits, gelu, softmax
from labneuro.devices.pcu_operators import grouped, nominal_unit
from labneuro.devices.pcu_parameters import UNITS, PcuParameters

CARD = PcuParameters(**load_card("pcu").values(UNITS, "pcu"))
NOMINAL = nominal_unit(CARD)


def triples(units):
    return grouped(cell_elements(units))


def test_gelu_follows_its_formula():
    x = np.linspace(-3.0, 3.0, 31)
    off = cell_elements([CARD], binary=CARD.binary_low)
    found = gelu(x[:, None], off, triples([CARD] * 3), NOMINAL)[:, 0]
    ideal = x / (1 + np.exp(-1.702 * x))
    assert np.abs(found - ideal).max() < 0.05 * 3.0
    assert found[15] == pytest.approx(0.0, abs=0.01)


def test_softmax_of_units_alike():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(50, 5))
    triple = triples([CARD] * 15)
    units = SoftmaxUnits(triple, cell_elements([CARD] * 5), triple)
    found = softmax(logits, 0.5, units, NOMINAL)
    ideal = ideal_softmax(0.5 * logits, axis=1)
    assert found.shape == (50, 5)
    assert np.mean(np.abs(found - ideal)) < 0.01
    np.testing.assert_allclose(
        softmax(logits + 3.0, 0.5, units, NOMINAL), found, rtol=1e-6
    )
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=0.08)
