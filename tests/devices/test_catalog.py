"""Device models by name."""

from __future__ import annotations

import pytest

from labneuro import workspace
from labneuro.devices.cards import Card
from labneuro.devices.catalog import load_device, load_parameters, parameter_units
from labneuro.devices.hnno import HnnoDevice, HnnoParameters
from labneuro.errors import CardError
from labneuro.units import validate_input


@pytest.fixture
def card() -> Card:
    path = workspace.find("card", "hnno")
    return validate_input(Card, workspace.read_yaml(path), str(path), CardError)


def test_parameters_are_the_cards(card: Card) -> None:
    parameters = load_parameters("hnno", card, "hnno")
    assert isinstance(parameters, HnnoParameters)
    assert parameters.channel_length == pytest.approx(20e-6)
    assert parameters.midpoint == pytest.approx(0.21e6)


def test_overrides_replace_the_cards(card: Card) -> None:
    parameters = load_parameters("hnno", card, "hnno", {"midpoint": "0.2 V/um"})
    assert isinstance(parameters, HnnoParameters)
    assert parameters.midpoint == pytest.approx(0.2e6)


def test_drawn_devices_follow_the_seed(card: Card) -> None:
    def resistance(seed: int, draw: bool) -> float:
        device = load_device("hnno", card, "hnno", draw=draw, seed=seed)
        assert isinstance(device, HnnoDevice)
        return device.parameters.resistance

    assert resistance(1, draw=True) == resistance(1, draw=True)
    assert resistance(1, draw=True) != resistance(2, draw=True)
    assert resistance(1, draw=False) == resistance(2, draw=False)


@pytest.mark.parametrize(
    ("model", "overrides", "message"),
    [
        ("flux", {}, "device model 'flux' is unknown; known: fmes, gated_"),
        ("hnno", {"colour": "1"}, "colour: unknown"),
        ("hnno", {"midpoint": "3 V"}, "midpoint"),
        ("hnno", {"slope": "0 V/m"}, "slope: must be above 0"),
    ],
)
def test_what_is_wrong_is_one_line(
    card: Card, model: str, overrides: dict[str, str | float], message: str
) -> None:
    with pytest.raises(CardError, match=message) as caught:
        load_device(model, card, "my card", overrides)
    assert str(caught.value).startswith("my card: ")
    assert "\n" not in str(caught.value)


def test_a_card_for_another_model_is_refused(card: Card) -> None:
    other = card.model_copy(update={"model": "fmes"})
    with pytest.raises(CardError, match="for 'fmes', not for 'hnno'"):
        load_parameters("hnno", other, "hnno")


def test_units_are_listed() -> None:
    assert parameter_units("hnno")["midpoint"] == "V/m"
    assert parameter_units("flux") == {}
