"""Cards: quantities in SI units, and every fault told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from labneuro.devices.cards import Card, CardEntry
from labneuro.errors import CardError

UNITS = {"midpoint": "V/m", "contrast": ""}


def entry(value):
    """Return an entry of a card."""
    return CardEntry(value=value, mark="chosen", source="a test")


def card(**values):
    """Return a card with these values."""
    return Card(
        model="m",
        description="d",
        citation="c",
        parameters={key: entry(value) for key, value in values.items()},
    )


def test_values_are_in_si_units():
    """Quantities are converted, bare numbers stay."""
    values = card(midpoint="0.21 V/um", contrast=10).values(UNITS, "m.yaml")
    assert values == {"midpoint": 210e3, "contrast": 10.0}


def test_override_replaces_a_value():
    """A bench file may set another value; the card itself stays."""
    one = card(midpoint="0.21 V/um", contrast=10)
    assert one.values(UNITS, "f", {"contrast": "20"})["contrast"] == 20.0
    assert one.values(UNITS, "f")["contrast"] == 10.0


@pytest.mark.parametrize(
    ("values", "overrides", "told"),
    [
        (
            {"midpoint": "0.21 V/um"},
            None,
            "m.yaml: parameters.contrast: this key is missing",
        ),
        (
            {"midpoint": "0.21 V/um", "contrast": 10, "slop": 1},
            None,
            "m.yaml: parameters.slop: unknown; known: contrast, midpoint",
        ),
        (
            {"midpoint": "0.21 V/um", "contrast": 10},
            {"slop": 1},
            "m.yaml: parameters.slop: unknown; known: contrast, midpoint",
        ),
        (
            {"midpoint": "0.21 V", "contrast": 10},
            None,
            "m.yaml: parameters.midpoint: '0.21 V' is not a quantity in V/m: V is a "
            "unit of something else",
        ),
        (
            {"midpoint": 210e3, "contrast": 10},
            None,
            "m.yaml: parameters.midpoint: 210000.0 has no unit; write for example "
            "'210000.0 V/m'",
        ),
        (
            {"midpoint": "0.21 V/um", "contrast": "10 V"},
            None,
            "m.yaml: parameters.contrast: '10 V' is not a quantity in plain numbers: "
            "V is a unit of something else",
        ),
    ],
)
def test_faults_name_card_and_parameter(values, overrides, told):
    """The line names file, key, value and what is allowed."""
    with pytest.raises(CardError) as caught:
        card(**values).values(UNITS, "m.yaml", overrides)
    assert str(caught.value) == told


@pytest.mark.parametrize("value", [True, None, [1], float("nan"), float("inf")])
def test_entry_needs_a_number(value):
    """What is no number is no value of a card."""
    with pytest.raises(ValidationError):
        entry(value)
