"""Plans: extremes, duration and the check of every set-point."""

from __future__ import annotations

import pytest

from labneuro.errors import LimitError
from labneuro.protocols.base import Plan, Step
from labneuro.safety import Limits

PLAN = Plan(
    (
        Step("first", (0.0, 3.8), 1e-4, 10, 0.5),
        Step("second", (-3.8, 0.1), 2e-4, 5, 0.25),
    )
)


def test_plan_sums_its_steps():
    """Extremes, pulses and duration are those of the steps."""
    assert (PLAN.lowest_voltage, PLAN.highest_voltage) == (-3.8, 3.8)
    assert (PLAN.pulses, PLAN.duration) == (15, 0.75)


def test_empty_plan_does_nothing():
    """No step: no voltage, no time."""
    plan = Plan(())
    assert (plan.lowest_voltage, plan.highest_voltage, plan.duration) == (0.0, 0.0, 0)
    plan.check(Limits(voltage=1e-9, current=1e-9))


def test_check_passes_at_the_limit():
    """A limit is the largest value that is allowed."""
    PLAN.check(Limits(voltage=3.8, current=2e-4))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(voltage=3.7), "step 1 (first): voltage 3.8 V is beyond the limit"),
        (Limits(current=1.5e-4), "step 2 (second): current 200 uA is beyond the limit"),
    ],
)
def test_check_names_the_step(limits, told):
    """The line names step, value and limit."""
    with pytest.raises(LimitError) as caught:
        PLAN.check(limits)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize("position", range(4))
def test_every_level_is_checked(position):
    """No level of a step hides behind another, whatever its sign."""
    for value in (5.0, -5.0, float("nan"), float("inf")):
        levels = [0.0] * 4
        levels[position] = value
        with pytest.raises(LimitError):
            Plan((Step("s", tuple(levels), 0.0, 0, 0.0),)).check(Limits(voltage=4.0))
