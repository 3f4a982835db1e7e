"""Quantities: what is read, what is refused, and how faults are told."""

from __future__ import annotations

import math
from typing import Annotated

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from labneuro.errors import InputError, UnitError
from labneuro.units import (
    InputModel,
    Second,
    Volt,
    VoltPerMetre,
    check_unit,
    parse,
    round_off_noise,
    show,
    shown,
    validate_input,
)

PREFIXES = {
    "G": 1e9,
    "M": 1e6,
    "k": 1e3,
    "": 1.0,
    "m": 1e-3,
    "u": 1e-6,
    "µ": 1e-6,
    "n": 1e-9,
    "p": 1e-12,
}


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("0.19 V/um", "V/m", 190_000.0),
        ("0.19 V/µm", "V/m", 190_000.0),
        ("1.9e5V/m", "V/m", 190_000.0),
        ("190 kV / m", "V/m", 190_000.0),
        ("100 us", "s", 1e-4),
        ("0.1 ms", "s", 1e-4),
        ("2 min", "s", 120.0),
        ("-3.8 V", "V", -3.8),
        ("+.5 mV", "V", 0.5e-3),
        (" 10 V\n", "V", 10.0),
        ("2 mA", "A", 2e-3),
        ("100 kohm", "ohm", 1e5),
        ("100 kΩ", "ohm", 1e5),
        ("2 V*s/s", "V", 2.0),
        ("4 m^2/m", "m", 4.0),
        ("3 1/s", "Hz", 3.0),
        ("10 %", "", 0.1),
        ("1e4", "", 1e4),
        (10, "", 10.0),
        (0.5, "", 0.5),
    ],
)
def test_reads_quantity(text, unit, value):
    """A number and a unit give the SI value to the last bit."""
    assert parse(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit", "told"),
    [
        ("1,5 V", "V", "write a number and a unit such as '1.5 V'"),
        ("1 000 V", "V", "is not a quantity"),
        ("1.2.3 V", "V", "is not a quantity"),
        ("V", "V", "is not a quantity"),
        ("--3 V", "V", "is not a quantity"),
        ("3 V 4", "V", "is not a quantity"),
        ("1 V + 2 V", "V", "is not a quantity"),
        ("1/3 V", "V", "is not a quantity"),
        ("2**3 V", "V", "is not a quantity"),
        ("9**9**9**9 V", "V", "is not a quantity"),
        ("1 V**9**9**9", "V", "is not a quantity"),
        ("51/s", "Hz", "is not a quantity"),
        ("٣ V", "V", "is not a quantity"),
        ("", "V", "is not a quantity"),
        ("nan V", "V", "is not a quantity"),
        pytest.param("1" * 500 + " V", "V", "is not a quantity", id="too long"),
        ("1e400 V", "V", "is not a finite quantity"),
        ("1e308 kV", "V", "is not a finite quantity"),
        ("3 v", "V", "v is not a known unit"),
        ("3 A", "V", "A is a unit of something else"),
        ("3 V", "", "V is a unit of something else"),
        ("3", "V", "has no unit; write for example '3 V'"),
        (3.0, "V", "3.0 has no unit; write for example '3.0 V'"),
        (True, "", "True is not a quantity in plain numbers"),
        (None, "V", "None is not a quantity in V"),
        ([1], "V", "is not a quantity in V"),
        (math.nan, "", "nan is not a finite quantity"),
        pytest.param(10**400, "", "is not a finite quantity", id="beyond floats"),
        pytest.param(1 << 50_000, "V", "has no unit", id="thousands of digits"),
    ],
)
def test_refuses_quantity(text, unit, told):
    """What is no quantity of the wanted kind is refused in one line."""
    with pytest.raises(UnitError) as caught:
        parse(text, unit)
    message = str(caught.value)
    assert told in message
    assert "\n" not in message
    assert len(message) < 300


@given(
    mantissa=st.floats(1e-3, 1e3),
    sign=st.sampled_from(["", "-", "+"]),
    prefix=st.sampled_from(sorted(PREFIXES)),
    unit=st.sampled_from(["V", "A", "W", "ohm", "s", "m", "Hz"]),
    space=st.sampled_from(["", " ", "  "]),
)
def test_text_round_trip(mantissa, sign, prefix, unit, space):
    """A value written with any prefix is read as the same SI float."""
    wanted = mantissa * PREFIXES[prefix] * (-1 if sign == "-" else 1)
    read = parse(f"{sign}{mantissa!r}{space}{prefix}{unit}", unit)
    assert math.isclose(read, wanted, rel_tol=1e-12)


@given(
    mantissa=st.floats(1e-3, 1e3),
    above=st.sampled_from(sorted(PREFIXES)),
    below=st.sampled_from(sorted(PREFIXES)),
)
def test_field_round_trip(mantissa, above, below):
    """A field may carry a prefix in the numerator and in the denominator."""
    wanted = mantissa * PREFIXES[above] / PREFIXES[below]
    read = parse(f"{mantissa!r} {above}V/{below}m", "V/m")
    assert math.isclose(read, wanted, rel_tol=1e-12)


@given(st.text(max_size=40))
@example("1e-3")
@example("0x10 V")
@example("1 °C")
@example("1 V#")
def test_junk_text_is_refused_or_finite(text):
    """Whatever the text, the answer is a finite float or one clear error."""
    for unit in ("V", ""):
        answer = read_or_refuse(text, unit)
        assert len(answer) < 300 if isinstance(answer, str) else math.isfinite(answer)


def read_or_refuse(text: str, unit: str) -> float | str:
    """Return what was read, or the message; any other error fails the test."""
    try:
        return parse(text, unit)
    except UnitError as error:
        return str(error)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_no_other_type_is_a_quantity_with_unit(value):
    """Only text carries a unit."""
    with pytest.raises(UnitError):
        parse(value, "V")


@given(
    st.floats(1e-9, 1e8) | st.floats(-1e8, -1e-9),
    st.sampled_from(["V", "A", "s", "ohm", "V/m"]),
)
def test_shown_value_is_read_again(value, unit):
    """What is shown to a user is a quantity that labneuro reads."""
    assert math.isclose(parse(show(value, unit), unit), value, rel_tol=0.6e-3)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.8, "V", "3.8 V"),
        (1e-4, "s", "100 us"),
        (190e3, "V/m", "0.19 V/um"),
        (999.96, "V", "1 kV"),
        (-0.1, "V", "-100 mV"),
        (0.0, "A", "0 A"),
        (0.5, "", "0.5"),
        (1e-15, "A", "0.001 pA"),
        (math.inf, "V", "inf V"),
    ],
)
def test_shows_handy_prefix(value, unit, text):
    """The prefix brings the number between 1 and 1000 where there is one."""
    assert show(value, unit) == text


@given(st.integers(1, 10**6), st.integers(0, 12))
def test_rounding_keeps_short_decimals(digits, places):
    """A number of few digits comes out as if it had been written down."""
    value = digits / 10**places
    assert round_off_noise(value * (1 + 1e-16)) == value


@pytest.mark.parametrize("unit", ["", "V", "V/um", "1/s", "V^2/Hz", "A/V**2", "Ω", "%"])
def test_known_units(unit):
    """What a column may be measured in."""
    check_unit(unit)


@pytest.mark.parametrize(
    "unit", ["furlongs per fortnight", "V**9**9**9", "3", "Foo", "V;", "m" * 101]
)
def test_unknown_units(unit):
    """What is no unit is refused, and at once."""
    with pytest.raises(UnitError, match="is not a known unit"):
        check_unit(unit)


class Pulse(InputModel):
    amplitude: Volt = 1.0
    width: Annotated[Second, Field(gt=0)]


class Train(InputModel):
    pulse: Pulse
    maybe: Pulse | None = None
    fields: tuple[VoltPerMetre, ...] = ()
    count: int = 1


def test_code_uses_si_floats():
    """In code a bare number is in SI, text still has its unit."""
    pulse = Pulse(amplitude=2, width="3 ms")
    assert (pulse.amplitude, pulse.width) == (2.0, 3e-3)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e999, "1 A", True, None])
def test_code_refuses_what_is_no_number(value):
    """Also in code a quantity is finite and of its dimension."""
    with pytest.raises(ValidationError):
        Pulse(amplitude=value, width=1.0)


@given(st.floats(-1e300, 1e300))
def test_json_form_has_units(value):
    """The JSON form is text with a unit and is read again to 15 digits."""
    dumped = Pulse(amplitude=value, width=1.0).model_dump(mode="json")
    assert dumped["amplitude"].endswith(" V")
    read = validate_input(Pulse, dumped, "f", InputError)
    assert math.isclose(read.amplitude, value, rel_tol=1e-14, abs_tol=1e-320)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (3, "f.yaml: expected keys and values, found int"),
        ({}, "f.yaml: pulse: this key is missing"),
        ({"pulse": {"width": 3}}, "f.yaml: pulse.width: 3 has no unit; write for"),
        (
            {"pulse": {"width": "1 s", "with": 1}},
            "f.yaml: pulse.with: unknown key; known keys are amplitude, width",
        ),
        (
            {"pulse": {"width": "1 s"}, "maybe": {"a": 1, "width": "1 s"}},
            "f.yaml: maybe.a: unknown key; known keys are amplitude, width",
        ),
        (
            {"puls": 1, "pulse": {"width": "1 s"}},
            "f.yaml: puls: unknown key; known keys are count, fields, maybe, pulse",
        ),
        (
            {"pulse": {"width": "-1 s"}},
            "f.yaml: pulse.width: Input should be greater than 0, not '-1 s'",
        ),
        (
            {"pulse": {"width": "1 s"}, "fields": ["1 V/m", "2 V"]},
            "f.yaml: fields.1: '2 V' is not a quantity in V/m: V is a unit of "
            "something else",
        ),
        (
            {"pulse": {}, "count": "many"},
            "f.yaml: pulse.width: this key is missing (and 1 more)",
        ),
    ],
)
def test_first_fault_in_one_line(content, told):
    """The message names file, key, value and what is allowed."""
    with pytest.raises(InputError) as caught:
        validate_input(Train, content, "f.yaml", InputError)
    assert str(caught.value).startswith(told)


def test_fault_of_a_huge_value_is_short():
    """A message is bounded whatever the input holds."""
    bomb: list[object] = ["x"]
    for _ in range(100):
        bomb = [bomb] * 10
    with pytest.raises(InputError) as caught:
        validate_input(Train, {"pulse": bomb}, "f", InputError)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000, list(range(10_000)), 1 << 50_000],
    ids=["text", "list", "int"],
)
def test_values_are_shown_short(value):
    """Any value is shown in at most a hundred characters."""
    assert 0 < len(shown(value)) <= 100
