"""Plans: extremes, duration and the check of every set-point."""

from __future__ import annotations

import pytest

from labneuro.errors import LimitError
from labneuro.instruments.stress import (
    GENERATOR,
    METER,
    DeviceCircuit,
    DeviceTerminal,
    Levels,
)
from labneuro.protocols.base import Extreme, Plan, Step
from labneuro.safety import Limits

PLAN = Plan(
    (
        Step(
            "first",
            (Levels(GENERATOR, ((3.8, 1e-3), (0.0, 1e-3)), 10),),
            1e-4,
            10,
            0.5,
        ),
        Step(
            "second",
            (
                Levels(GENERATOR, ((-3.8, 2e-3),), 5),
                Levels(METER, ((0.1, 1e-2),), 5),
            ),
            2e-4,
            5,
            0.25,
            compliance=1e-3,
        ),
    )
)
# The generator at one terminal, the source meter at the other.
IN_SERIES = DeviceCircuit(
    (DeviceTerminal((GENERATOR,)), DeviceTerminal((METER,))), {GENERATOR: 50.0}
)


def test_plan_sums_its_steps():
    """Extremes, pulses and duration are those of the steps."""
    assert (PLAN.lowest_voltage, PLAN.highest_voltage) == (-3.8, 3.8)
    assert (PLAN.pulses, PLAN.duration) == (15, 0.75)


def test_extremes_name_value_and_step():
    """Without a source meter in use, only the generator's 50 ohm bound the current."""
    assert PLAN.extremes(Limits(), IN_SERIES) == (
        Extreme("voltage", 3.9, 2),
        Extreme("current", 3.8 / 50.0, 1),
        Extreme("power", 0.2888, 1),
        Extreme("charge", 76e-6, 1),
        Extreme("step_voltage", 3.8, 1),
        Extreme("exposure", 0.081, 0),
    )


def test_the_bench_limit_is_the_compliance_where_a_step_has_none():
    """The current bound is the compliance that the source meter will be given."""
    step = Step("s", (Levels(METER, ((0.1, 1.0),)),), 0.0, 0, 1.0)
    for limits, bound in ((Limits(current=2e-3), 2e-3), (Limits(), 0.1 / 50.0)):
        assert step.stress(limits, IN_SERIES).current == pytest.approx(bound)


def test_empty_plan_does_nothing():
    """No step: no voltage, no time."""
    plan = Plan(())
    assert (plan.lowest_voltage, plan.highest_voltage, plan.duration) == (0.0, 0.0, 0)
    assert {one.value for one in plan.extremes(Limits())} == {0.0}
    plan.check(Limits(voltage=1e-9, current=1e-9, exposure=1e-9))


def test_check_passes_at_the_limits():
    """A limit is the largest value that is allowed."""
    PLAN.check(
        Limits(
            voltage=3.9,
            current=0.076,
            power=0.2888,
            charge=76e-6,
            step_voltage=3.8,
            exposure=0.081,
        ),
        IN_SERIES,
    )


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"voltage": 3.7}, "step 1 (first): voltage 3.8 V is beyond the limit of 3.7"),
        (
            {"voltage": 3.85},
            "step 2 (second), across the device: voltage 3.9 V is beyond the limit",
        ),
        ({"current": 1.5e-4}, "step 1 (first): current 76 mA is beyond the limit"),
        ({"power": 0.28}, "step 1 (first): power 288.8 mW is beyond the limit"),
        ({"charge": 70e-6}, "step 1 (first): charge per pulse 76 uC is beyond"),
        ({"step_voltage": 3.0}, "step 1 (first): step between set-points 3.8 V is"),
        ({"exposure": 0.08}, "step 2 (second): exposure 81 mV*s is beyond the limit"),
    ],
)
def test_check_names_the_step(limits, told):
    """The line names step, value and limit."""
    with pytest.raises(LimitError) as caught:
        PLAN.check(Limits(**limits), IN_SERIES)
    assert str(caught.value).startswith(told)


def test_range_and_compliance_are_checked_without_a_circuit():
    """A measuring range beyond the current limit is refused, and a compliance is."""
    with pytest.raises(LimitError, match=r"step 2 \(second\): current 200 uA"):
        PLAN.check(Limits(current=1.5e-4))
    with pytest.raises(LimitError, match=r"second\): compliance: current 1 mA"):
        PLAN.check(Limits(current=5e-4))


def test_the_instruments_limit_is_named():
    """What an instrument cannot put out is refused before it is asked to."""
    own = Limits(voltage=3.0).named("instrument limit")
    circuit = DeviceCircuit(IN_SERIES.terminals, {}, {GENERATOR: own})
    with pytest.raises(LimitError, match=r"3\.8 V is .* of 3 V \(instrument limit\)$"):
        PLAN.check(Limits(), circuit)


@pytest.mark.parametrize("position", range(4))
def test_every_level_is_checked(position):
    """No level of a step hides behind another, whatever its sign."""
    for value in (5.0, -5.0, float("nan"), float("inf")):
        levels = [0.0] * 4
        levels[position] = value
        segments = tuple((level, 1e-3) for level in levels)
        step = Step("s", (Levels(GENERATOR, segments),), 0.0, 0, 0.0)
        with pytest.raises(LimitError):
            Plan((step,)).check(Limits(voltage=4.0))
