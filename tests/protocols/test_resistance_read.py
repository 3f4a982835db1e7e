"""ResistanceRead: the sweep, its mean curve, and what is no sweep."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.errors import InstrumentError
from labneuro.protocols.resistance_read import ResistanceRead


@pytest.mark.parametrize("points", [3, 7, 20, 21, 1001])
def test_levels_are_symmetric(points):
    """From minus to plus the voltage, with an exact zero where there is one."""
    levels = ResistanceRead(voltage=0.1, points=points).levels
    assert len(levels) == points
    assert (levels[0], levels[-1]) == (-0.1, 0.1)
    assert (levels == -levels[::-1]).all()
    assert (points % 2 == 0) == (0.0 not in levels)


def test_plan_has_a_step_a_sweep(make_bench):
    """Extremes are the sweep's; the time is settling and integration."""
    bench, _ = make_bench()
    plan = ResistanceRead(points=21, sweeps=5).plan(bench.config.device)
    assert len(plan.steps) == 5
    assert (plan.lowest_voltage, plan.highest_voltage) == (-0.1, 0.1)
    assert plan.duration == pytest.approx(5 * 21 * (2e-3 + 0.02))
    assert plan.pulses == 0


def test_slope_is_the_resistance(make_bench):
    """The mean curve of the sweeps is that of the device."""
    bench, world = make_bench()
    protocol = ResistanceRead(sweeps=3)
    run = protocol.measurement(bench)
    run.prepare()
    blocks = [run.measure(index) for index in range(3)]
    curve = blocks[-1].plots["current_voltage"]
    slope = np.polyfit(protocol.levels, curve["signal"], 1)[0]
    assert 1 / slope == pytest.approx(world.device.resistance)
    assert [set(block.rows["step"].tolist()) for block in blocks] == [{0}, {1}, {2}]
    assert np.isnan(blocks[0].plots["current_voltage"]["errors"]).all()


def test_errors_are_standard_errors_of_the_mean(make_bench):
    """Three sweeps with known scatter."""
    bench, world = make_bench()
    run = ResistanceRead(sweeps=3).measurement(bench)
    run.prepare()
    offsets = iter([1e-9, 2e-9, 6e-9])
    world.reading = lambda current: 0 * current + next(offsets)
    for index in range(3):
        curve = run.measure(index).plots["current_voltage"]
    assert curve["signal"] == pytest.approx(3e-9)
    assert curve["errors"] == pytest.approx(np.std([1, 2, 6], ddof=1) / 3**0.5 * 1e-9)


def test_compliance_is_the_range(make_bench):
    """A small-signal reading needs no more current than its range."""
    bench, world = make_bench()
    ResistanceRead(current_range=10e-6).measurement(bench).prepare()
    assert world.done("configure") == [(10e-6, 10e-6)]
    # The generator holds the other electrode at 0 V: off, it would leave it open.
    assert world.outputs == {"pulse_generator": True, "source_meter": True}


@pytest.mark.parametrize("fault", ["overflow", "limited"])
def test_limited_current_is_no_resistance(make_bench, fault):
    """A device below the range's resistance is told, not fitted."""
    bench, world = make_bench()
    run = ResistanceRead().measurement(bench)
    run.prepare()
    world.in_compliance = fault == "limited"
    if fault == "overflow":
        world.reading = lambda current: np.where(current > 0, np.nan, current)
    with pytest.raises(InstrumentError, match="raise current_range"):
        run.measure(0)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"voltage": 0.11}, "less than or equal to 0.1"),
        ({"voltage": -0.1}, "greater than or equal to"),
        ({"voltage": "100 mA"}, "is not a quantity in V"),
        ({"points": 2}, "greater than or equal to 3"),
        ({"points": 10_001}, "less than or equal to 10000"),
        ({"sweeps": 0}, "greater than or equal to 1"),
        ({"current_range": 0.0}, "greater than 0"),
        ({"power_line_cycles": 30}, "less than or equal to 25"),
        ({"settling": -1e-3}, "greater than or equal to 0"),
        ({"settling": float("inf")}, "finite"),
        ({"volt": 0.1}, "Extra inputs are not permitted"),
    ],
)
def test_refuses_parameters(parameters, told):
    """What is no small-signal sweep is refused."""
    with pytest.raises(ValidationError, match=told):
        ResistanceRead.model_validate(parameters)
