"""Field sweeps: equidistant, free of rounding noise, ascending."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from labneuro.protocols.sweeps import FieldSweep


def test_values_are_as_written():
    """The values are those that a user would write down."""
    sweep = FieldSweep(start=0.17e6, stop=0.23e6, points=13)
    assert sweep.values.tolist() == [(170 + 5 * k) * 1e3 for k in range(13)]


@given(
    start=st.floats(1.0, 1e8),
    width=st.floats(1.0, 1e8),
    points=st.integers(2, 1000),
)
def test_values_are_equidistant(start, width, points):
    """First and last are the ends, all steps alike, to the millivolt per metre."""
    values = FieldSweep(start=start, stop=start + width, points=points).values
    assert len(values) == points
    assert values[0] == pytest.approx(start, abs=1e-3)
    assert values[-1] == pytest.approx(start + width, abs=1e-3)
    steps = np.diff(values)
    assert np.allclose(steps, width / (points - 1), rtol=1e-6, atol=2e-3)


@pytest.mark.parametrize(
    ("start", "stop", "points", "told"),
    [
        (2e5, 2e5, 3, "stop: must be above start"),
        (3e5, 2e5, 3, "stop: must be above start"),
        (0.0, 2e5, 3, "greater than or equal to 1"),
        (-1e5, 2e5, 3, "greater than or equal to 1"),
        (1e5, 2e5, 1, "greater than or equal to 2"),
        (1e5, 2e5, 1001, "less than or equal to 1000"),
        (1e5, float("inf"), 3, "finite"),
        (1e5, "0.2 V", 3, "is not a quantity in V/m"),
    ],
)
def test_refuses_what_is_no_sweep(start, stop, points, told):
    """A sweep ascends and has at least two points."""
    with pytest.raises(ValidationError, match=told):
        FieldSweep(start=start, stop=stop, points=points)
