"""Limits: nothing beyond them passes, and the tighter of two wins."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from labneuro.errors import LimitError
from labneuro.safety import UNITS, Limits, tightest

LIMITS = Limits(voltage=6.0, current=2e-3)
positive = st.floats(1e-12, 1e12)
some_limits = st.fixed_dictionaries({}, optional=dict.fromkeys(UNITS, positive))


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


@pytest.mark.parametrize(
    ("quantity", "told"),
    [
        ("voltage", "voltage 2 V is beyond the limit of 1 V"),
        ("current", "current 2 A is beyond the limit of 1 A"),
        ("power", "power 2 W is beyond the limit of 1 W"),
        ("charge", "charge per pulse 2 C is beyond the limit of 1 C"),
        ("step_voltage", "step between set-points 2 V is beyond the limit of 1 V"),
        ("exposure", "exposure 2 V*s is beyond the limit of 1 V*s"),
    ],
)
def test_every_quantity_has_its_word_unit_and_origin(quantity, told):
    """The message says whose limit it is."""
    limits = Limits(**{quantity: 1.0}).named("device limit")
    limits.check(quantity, 1.0, "step 1")
    with pytest.raises(LimitError) as caught:
        limits.check(quantity, 2.0, "step 1")
    assert str(caught.value) == f"step 1: {told} (device limit)"


def test_message_tells_close_values_apart():
    """A value just beyond the limit does not look like the limit."""
    with pytest.raises(LimitError, match=r"6\.000001 V is beyond the limit of 6 V"):
        LIMITS.check("voltage", 6.000001, "smu")


@given(st.lists(some_limits, min_size=1, max_size=5))
def test_tightest_is_the_smallest_of_each(several):
    """The result allows what all allow, and nothing else; the winner's name stays."""
    named = [Limits(**one).named(f"limit {n}") for n, one in enumerate(several)]
    found = tightest(named)
    for quantity in UNITS:
        values = [one.get(quantity, math.inf) for one in several]
        smallest = min(values)
        assert getattr(found, quantity) == smallest
        if smallest < math.inf:
            assert found.origin(quantity) == f"limit {values.index(smallest)}"
        else:
            assert (found.origin(quantity), found.told(quantity)) == ("", "none")


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


def test_origins_are_no_keys_of_a_file():
    """What a bench file may say, and what a run file keeps, are the limits alone."""
    found = tightest([LIMITS.named("device limit"), Limits(power=1e-3)])
    assert found.model_dump(mode="json", exclude_defaults=True) == {
        "voltage": "6.0 V",
        "current": "0.002 A",
        "power": "0.001 W",
    }
    with pytest.raises(ValidationError):
        Limits.model_validate({"_origins": {}})


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, "3 A", "inf V", True])
def test_a_limit_is_a_positive_voltage(value):
    """A limit that is none is refused."""
    with pytest.raises(ValidationError):
        Limits(voltage=value)
