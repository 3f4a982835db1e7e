"""Tests of labneuro/networks/fashion_snn_settings.py."""

import pytest

from labneuro.errors import InputError
from labneuro.networks.fashion_snn_settings import FashionSnnSettings
from labneuro.units import validate_input


def read(**texts):
    return validate_input(FashionSnnSettings, texts, "--set", InputError)


def test_defaults_are_the_network_of_the_paper():
    """784-500-10 over 20 steps in batches of 128 at five brightnesses, three seeds."""
    settings = FashionSnnSettings()
    assert (settings.hidden, settings.time_steps, settings.batch) == (500, 20, 128)
    assert settings.brightness == (1.0, 0.5, 0.3, 0.2, 0.1)
    assert settings.seeds >= 3
    assert not settings.full


def test_every_value_can_be_text():
    """The command line gives text: numbers, switches, lists and quantities."""
    settings = read(
        epochs="7",
        learning_rate="1e-3",
        full="true",
        brightness="1.0, 0.25",
        gain="0.04 V/um",
        reset_after_spike="yes",
    )
    assert settings.epochs == 7
    assert settings.learning_rate == 1e-3
    assert settings.full
    assert settings.brightness == (1.0, 0.25)
    assert settings.gain == 40_000.0
    assert settings.reset_after_spike


def test_single_brightness_needs_no_list():
    """A number alone is a list of one."""
    assert read(brightness=0.5).brightness == (0.5,)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"epoch": "3"}, "epoch: unknown key"),
        ({"epochs": "0"}, "epochs"),
        ({"hidden": "many"}, "hidden"),
        ({"brightness": "1.0,0"}, "brightness"),
        ({"brightness": "1.5"}, "brightness"),
        ({"brightness": ""}, "brightness"),
        ({"brightness": []}, "brightness"),
        ({"brightness": "0.5,0.5"}, "given twice"),
        ({"gain": "0.05"}, "gain"),
        ({"gain": "5 V"}, "not a quantity in V/m"),
        ({"gain": "0 V/m"}, "gain"),
        ({"rest_below_floor": "-1 V/m"}, "rest_below_floor"),
        ({"images": "cifar"}, "fashion-mnist"),
    ],
)
def test_wrong_setting_is_one_clear_line(texts, message):
    """The message names the key and is one line."""
    with pytest.raises(InputError) as caught:
        read(**texts)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
