"""The shipped card's parameters, with and without its noise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labneuro.bench import load_card
from labneuro.devices.hnno import UNITS, HnnoParameters


@pytest.fixture(scope="session")
def card_parameters():
    """Return the H-NNO card's mean device."""
    return HnnoParameters(**load_card("hnno").values(UNITS, "hnno"))


@pytest.fixture(scope="session")
def quiet(card_parameters):
    """Return the mean device without cycle-to-cycle noise and drift."""
    return replace(
        card_parameters,
        resistance_noise=0.0,
        sensitization_noise=0.0,
        midpoint_drift=0.0,
    )
