"""Checks of what scripts give to attributes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    NotANumberError,
    Setting,
    TspProblem,
    add_settings,
    number,
    one_of,
    text,
    whole,
    within,
)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_and_numerals(value):
    assert number(value) == number(repr(value)) == value


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, "boolean"), (None, "nil"), ("high", "string"), (object(), "table")],
)
def test_what_is_no_number_is_named_as_lua_names_it(value, kind):
    with pytest.raises(NotANumberError, match=f"number expected, got {kind}"):
        number(value)


@given(st.floats(-10, 10))
def test_bounds_are_part_of_the_range(value):
    check = within(-1.0, 2.0)
    if -1.0 <= value <= 2.0:
        assert check(value) == value
    else:
        with pytest.raises(TspProblem) as caught:
            check(value)
        assert caught.value.code == (1101 if value > 0 else 1102)


def test_not_a_number_is_within_no_bounds():
    with pytest.raises(TspProblem):
        within(-1.0, 1.0)(math.nan)


def test_whole_numbers_are_cut():
    assert whole(0, 5)(3.9) == 3.0


def test_choices_and_texts():
    assert one_of((0, 1))(1) == 1.0
    with pytest.raises(TspProblem) as caught:
        one_of((0, 1), 1406)(2)
    assert caught.value.code == 1406
    assert text("a") == "a"
    with pytest.raises(TspProblem):
        text(1.0)


def test_settings_tell_of_their_changes():
    values: dict[str, float] = {}
    changes: list[str] = []
    target = TspObject()
    setting = Setting("x", 1.0, within(0.0, 5.0))
    add_settings(target, values, [setting], "group.", changes.append)
    assert target.getters["x"]() == 1.0
    target.setters["x"](4)
    assert values == {"group.x": 4.0}
    assert changes == ["group.x"]
    with pytest.raises(TspProblem):
        target.setters["x"](6)
    assert values == {"group.x": 4.0}
