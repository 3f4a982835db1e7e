"""CurrentVoltage: the staircase, its curves over VISA, and what cannot be swept."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.bench import load_bench
from labneuro.errors import InstrumentError
from labneuro.instruments.connection import connect
from labneuro.protocols.current_voltage import CurrentVoltage

RESISTORS = {"500 ohm": "1101", "8 kohm": "1106"}


def test_levels_go_up_and_down():
    levels = CurrentVoltage(top=0.1, increment=0.02).levels
    expected = [0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.08, 0.06, 0.04, 0.02, 0]
    np.testing.assert_array_equal(levels, expected)


def test_plan_has_a_step_a_resistor_and_rate():
    protocol = CurrentVoltage(rates=(0.05, 0.1), resistors=RESISTORS)
    plan = protocol.plan(load_bench("fmes-sim").device)
    assert len(plan.steps) == 4
    assert plan.highest_voltage == 0.8
    assert plan.steps[0].duration == pytest.approx(60 + 801 * 2e-3 / 0.05)


def test_curves_over_visa_are_those_of_the_card():
    """Card `fmes` at 0.6 V and 50 mV/s: 1.598 mA and 0.473 mA, 0.03 mA of staircase."""
    protocol = CurrentVoltage(increment=2e-3, current_range=5e-3, resistors=RESISTORS)
    with connect(load_bench("fmes-sim"), seed=2) as bench:
        run = protocol.measurement(bench)
        run.prepare()
        blocks = [run.measure(index) for index in range(2)]
        assert bench.errors() == {"smu": [], "switch": []}
    up = protocol.levels[:401]
    for block, expected in zip(blocks, (1.598e-3, 0.473e-3), strict=True):
        current = np.asarray(block.rows["current"], dtype=np.float64)[:401]
        assert np.interp(0.6, up, current) == pytest.approx(expected, abs=0.03e-3)
        steps = np.diff(block.rows["time"])
        np.testing.assert_allclose(steps, 0.04, rtol=0.02)
    again = protocol.drawing()
    for index, block in enumerate(blocks):
        drawn = again.add(index, block.rows)
    np.testing.assert_array_equal(
        drawn["current_voltage"]["signal"],
        blocks[-1].plots["current_voltage"]["signal"],
    )


def test_a_limited_current_is_no_curve():
    protocol = CurrentVoltage(
        increment=50e-3, current_range=1e-3, resistors=RESISTORS, resting=0.0
    )
    with connect(load_bench("fmes-sim"), seed=2) as bench:
        run = protocol.measurement(bench)
        run.prepare()
        with pytest.raises(InstrumentError, match="raise current_range"):
            run.measure(0)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"increment": 0.8}, "must make the top"),
        ({"rates": [10.0]}, "leaves no time"),
        ({"rates": []}, "at least 1 item"),
        ({"resistors": {"0 ohm": "1101"}}, "above 0 ohm"),
    ],
)
def test_refuses_parameters(parameters, told):
    with pytest.raises(ValidationError, match=told):
        CurrentVoltage.model_validate(parameters)
