"""The GELU of a card's model: drawn units around x sigmoid(1.702 x)."""

from __future__ import annotations

import numpy as np
import pytest


def test_drawn_gelus_scatter_around_the_ideal(pcu_model):
    """Of full scale 4 within 15 % each and 4 % on average; no two units alike."""
    rows = pcu_model.tables["codebook_gelu"]
    unit, x, mean = (
        np.array([row[name] for row in rows], dtype=float)
        for name in ("unit", "input", "mean")
    )
    ideal = x / (1.0 + np.exp(-1.702 * x))
    assert np.abs(mean - ideal).max() < 0.6
    assert np.abs(mean - ideal).mean() < 0.16
    tops = mean[x == x.max()]
    assert len(set(tops)) == len(tops) == len(np.unique(unit))
    assert tops.mean() == pytest.approx(4.0, rel=0.1)
