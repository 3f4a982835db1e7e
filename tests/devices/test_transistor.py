"""The square law of a transistor."""

from __future__ import annotations

import pytest

from labneuro.devices.transistor import TransistorParameters, drain_current
from labneuro.errors import CardError

GAIN = 0.104


def test_the_data_sheets_resistance_fully_on():
    """1.2 ohm at 10 V at the gate, 8 V above the threshold, and a small voltage."""
    assert 1e-3 / drain_current(1e-3, 8.0, GAIN) == pytest.approx(1.2, rel=0.01)


def test_it_saturates_at_half_the_gain_times_the_overdrive_squared():
    transistor = TransistorParameters(2.0, GAIN)
    expected = 0.5 * GAIN * 0.02**2
    assert transistor.saturation_current(2.02) == pytest.approx(expected)
    for volts in (0.02, 0.1, 3.0):
        assert drain_current(volts, 0.02, GAIN) == pytest.approx(expected)
    assert drain_current(0.01, 0.02, GAIN) == pytest.approx(0.75 * expected)


def test_nothing_flows_below_the_threshold():
    assert drain_current(1.0, -0.1, GAIN) == 0.0
    assert TransistorParameters(2.0, GAIN).saturation_current(1.9) == 0.0


def test_source_and_drain_may_be_exchanged():
    """At -V from drain to source the gate is higher above the drain, by V."""
    for volts in (0.01, 0.3, 2.0):
        forward = drain_current(volts, 0.1 + volts, GAIN)
        assert drain_current(-volts, 0.1, GAIN) == pytest.approx(-forward)


@pytest.mark.parametrize("name", ["transistor_threshold", "transistor_gain"])
def test_refuses_numbers_that_are_none(name):
    values = {"transistor_threshold": 2.0, "transistor_gain": GAIN, name: 0.0}
    with pytest.raises(CardError, match=f"{name}: must be above 0"):
        TransistorParameters(**values)
