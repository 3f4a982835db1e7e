"""What a device is put under: against a walk of every set-point, and against Ohm."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from labneuro.errors import LimitError
from labneuro.instruments.stress import (
    GENERATOR,
    METER,
    DeviceCircuit,
    DeviceTerminal,
    Levels,
    Stress,
    check_stress,
    stress_of,
)
from labneuro.safety import UNITS, Limits

volts = st.sampled_from([0.0, -0.0]) | st.floats(-10.0, 10.0).map(lambda v: round(v, 6))
seconds = st.floats(1e-9, 1e3)
segments = st.lists(st.tuples(volts, seconds), max_size=6).map(tuple)
levels = st.builds(
    Levels, st.sampled_from([GENERATOR, METER]), segments, st.integers(1, 4)
)
SERIES = DeviceCircuit(
    (DeviceTerminal((GENERATOR,)), DeviceTerminal((METER,))),
    {GENERATOR: 50.0},
    {},
    {METER: 2e-3},
)


def walk(several):
    """Return every set-point in order, by output, as (level, duration), rests too."""
    found = {GENERATOR: [(0.0, 0.0)], METER: [(0.0, 0.0)]}
    for one in several:
        for _ in range(one.count):
            found[one.output] += [*one.segments, (0.0, 0.0)]
    return found


def pulses(points):
    """Yield the time that each stretch away from 0 V lasts."""
    lasted = 0.0
    for level, duration in points:
        if level == 0.0:
            yield lasted
            lasted = 0.0
        else:
            lasted += duration
    yield lasted


@given(st.lists(levels, max_size=4), st.floats(1e-12, 1.0))
def test_it_is_what_a_walk_of_all_set_points_finds(several, compliance):
    """Each quantity equals the one found point by point, output against output."""
    walked = walk(several)
    found = stress_of(several, {METER: compliance}, SERIES)
    pairs = itertools.product(walked[GENERATOR], walked[METER])
    voltage = max(abs(high - low) for (high, _), (low, _) in pairs)
    steps = [
        abs(after[0] - before[0])
        for points in walked.values()
        for before, after in itertools.pairwise(points)
    ]
    held = [
        abs(level) * (duration + (2e-3 if output == METER else 0.0))
        for output, points in walked.items()
        for level, duration in points
    ]
    current = min(compliance, voltage / 50.0)
    assert found.voltage == pytest.approx(voltage)
    assert found.step_voltage == max(steps, default=0.0)
    assert found.exposure == pytest.approx(math.fsum(held), rel=1e-11)
    assert found.current == pytest.approx(current)
    assert found.power == pytest.approx(voltage * current)
    charge = current * max(pulses(walked[GENERATOR]))
    assert found.charge == pytest.approx(charge)


@given(
    source=st.floats(-10.0, 10.0),
    read=st.floats(-10.0, 10.0),
    above=st.floats(1.0, 1e6),
    below=st.floats(1.0, 1e6),
    device=st.floats(0.0, 1e9),
)
def test_no_device_draws_more_between_two_resistors(source, read, above, below, device):
    """Whatever its resistance, Ohm's law keeps the device's current below the bound."""
    circuit = DeviceCircuit(
        (DeviceTerminal((), 1.0 / above), DeviceTerminal((), 1.0 / below))
    )
    across = abs(source - read)
    current = across / (above + below + device)
    bound = circuit.largest_current(across, {})
    assert current <= bound * (1 + 1e-12)


@given(
    voltages=st.tuples(*[st.floats(-10.0, 10.0)] * 3),
    resistors=st.tuples(*[st.floats(1.0, 1e6)] * 3),
    inside=st.tuples(*[st.floats(1e-3, 1e6)] * 3),
)
def test_no_device_of_three_terminals_draws_more(voltages, resistors, inside):
    """A star of three resistors as the device: what enters it is bounded."""
    total = [outer + inner for outer, inner in zip(resistors, inside, strict=True)]
    centre = sum(v / r for v, r in zip(voltages, total, strict=True)) / sum(
        1.0 / r for r in total
    )
    entering = sum(
        max(0.0, (v - centre) / r) for v, r in zip(voltages, total, strict=True)
    )
    across = max(voltages) - min(voltages)
    assume(across > 1e-9)
    circuit = DeviceCircuit(tuple(DeviceTerminal((), 1.0 / r) for r in resistors))
    assert entering <= circuit.largest_current(across, {}) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("terminals", "bound"),
    [
        # The threshold switch: 1 kohm to the generator, 20 kohm to ground.
        ((DeviceTerminal((), 1e-3), DeviceTerminal((), 5e-5)), 1e-4),
        # Generator and source meter: the compliance.
        ((DeviceTerminal((GENERATOR,)), DeviceTerminal((METER,))), 2e-3),
        # Generator and ground: 2 V over 50 ohm.
        ((DeviceTerminal((GENERATOR,)), DeviceTerminal((), 0.0, True)), 0.04),
        # A resistor beside the source meter lets more through.
        ((DeviceTerminal((GENERATOR,)), DeviceTerminal((METER,), 1e-3)), 4e-3),
        # Source meters at both sides would both have to let it through.
        ((DeviceTerminal((METER,)), DeviceTerminal((METER,))), 2e-3),
        # Ground and something unknown: no bound.
        ((DeviceTerminal((), 0.0, True), DeviceTerminal((), 0.0, True)), math.inf),
        # Three terminals: all but the most generous one.
        (
            (
                DeviceTerminal((METER,)),
                DeviceTerminal((), 1e-3),
                DeviceTerminal((), 0.0, True),
            ),
            4e-3,
        ),
        # Shorted: nothing passes through it.
        ((DeviceTerminal((), 0.0, True),), 0.0),
    ],
)
def test_the_wiring_bounds_the_current(terminals, bound):
    """At 2 V between the outputs and 2 mA of compliance."""
    circuit = DeviceCircuit(terminals, {GENERATOR: 50.0})
    assert circuit.largest_current(2.0, {METER: 2e-3}) == pytest.approx(bound)
    assert circuit.largest_current(0.0, {METER: 2e-3}) == 0.0


@pytest.mark.parametrize("quantity", ["current", "power", "charge"])
def test_what_is_not_bounded_cannot_be_limited(quantity):
    """The line says which limit cannot be kept, and what would keep it."""
    unbounded = DeviceCircuit((DeviceTerminal((), 0.0, True),) * 2)
    stress = stress_of([Levels(GENERATOR, ((1.0, 1e-3),))], {}, unbounded)
    check_stress(stress, Limits(voltage=1.0), "step 1")
    limits = Limits(**{quantity: 1e-3}).named("device limit")
    with pytest.raises(LimitError) as caught:
        check_stress(stress, limits, "step 1")
    assert str(caught.value).startswith("step 1: nothing in the wiring bounds the ")
    assert "(device limit); a source meter or a resistor" in str(caught.value)


@given(st.lists(levels, min_size=1, max_size=3), st.sampled_from(sorted(UNITS)))
def test_a_limit_at_the_value_passes_and_one_below_does_not(several, quantity):
    """The check is exact: no margin either way."""
    stress = stress_of(several, {METER: 1e-3}, SERIES)
    value = getattr(stress, quantity)
    assume(value > 1e-300)
    check_stress(stress, Limits(**{quantity: value}), "step 1")
    with pytest.raises(LimitError, match=r"is beyond the limit"):
        check_stress(stress, Limits(**{quantity: value * (1 - 1e-9)}), "step 1")


def test_a_level_that_is_none_is_beyond_every_limit():
    """NaN passes nowhere, not even without a limit."""
    stress = stress_of([Levels(GENERATOR, ((math.nan, 1e-3),))], {}, SERIES)
    with pytest.raises(LimitError):
        check_stress(stress, Limits(), "step 1")


def test_without_a_circuit_the_device_is_not_judged():
    """An instrument by itself: its voltages, steps and exposure only."""
    found = stress_of([Levels(GENERATOR, ((2.0, 1e-3),), 3)], {}, None)
    assert found == Stress(voltage=2.0, step_voltage=2.0, exposure=6e-3)
