"""Limits: nothing beyond them passes, and the tighter of two wins."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from labneuro.errors import LimitError
from labneuro.safety import Limits, tightest

LIMITS = Limits(voltage=6.0, current=2e-3)
positive = st.floats(1e-12, 1e12)


@given(value=st.floats(allow_nan=True, allow_infinity=True))
def test_only_what_is_within_passes(value):
    """The check refuses exactly what is not within, NaN and infinity included."""
    if abs(value) <= 6.0:
        LIMITS.check("voltage", value, "step 1")
    else:
        with pytest.raises(LimitError, match=r"^step 1: voltage .* limit of .*6 V$"):
            LIMITS.check("voltage", value, "step 1")


def test_message_names_place_value_and_limit():
    """The user reads what was asked for and what is allowed."""
    with pytest.raises(LimitError) as caught:
        LIMITS.check("current", -0.0025, "step 3 (train)")
    assert str(caught.value) == (
        "step 3 (train): current -2.5 mA is beyond the limit of 2 mA"
    )


def test_message_tells_close_values_apart():
    """A value just beyond the limit does not look like the limit."""
    with pytest.raises(LimitError, match=r"6\.000001 V is beyond the limit of 6 V"):
        LIMITS.check("voltage", 6.000001, "smu")


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=5))
def test_tightest_is_the_smallest_of_each(pairs):
    """The result allows what all allow, and nothing else."""
    found = tightest([Limits(voltage=volt, current=amp) for volt, amp in pairs])
    assert found.voltage == min(volt for volt, _ in pairs)
    assert found.current == min(amp for _, amp in pairs)


@pytest.mark.parametrize(
    ("limits", "voltage", "current"),
    [
        ([], math.inf, math.inf),
        ([Limits()], math.inf, math.inf),
        ([Limits(), Limits(voltage=3.0)], 3.0, math.inf),
        ([Limits(current=1.0), Limits(voltage=3.0)], 3.0, 1.0),
    ],
)
def test_no_limit_is_infinite(limits, voltage, current):
    """A quantity without limit stays so."""
    found = tightest(limits)
    assert (found.voltage, found.current) == (voltage, current)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, "3 A", "inf V", True])
def test_a_limit_is_a_positive_voltage(value):
    """A limit that is none is refused."""
    with pytest.raises(ValidationError):
        Limits(voltage=value)
