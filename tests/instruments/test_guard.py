"""The guard: what several outputs do together, and what they have done before."""

from __future__ import annotations

import pytest

from labneuro.errors import LimitError
from labneuro.instruments.guard import Guard
from labneuro.instruments.stress import (
    GENERATOR,
    METER,
    DeviceCircuit,
    DeviceTerminal,
    Levels,
)
from labneuro.safety import Limits

CIRCUIT = DeviceCircuit(
    (DeviceTerminal((GENERATOR,)), DeviceTerminal((METER,))),
    {GENERATOR: 50.0},
    {METER: Limits(voltage=200.0, current=1.5).named("instrument limit")},
    {METER: 2e-3},
)
PULSE = Levels(GENERATOR, ((4.0, 1e-3),))
READ = Levels(METER, ((-0.5, 8e-3),), 10)


def make(**limits):
    """Return a guard whose source meter has 1 mA of compliance."""
    guard = Guard(Limits(**limits).named("device limit"), CIRCUIT)
    guard.comply(1e-3, "smu")
    guard.switch_on(METER)
    return guard


def test_the_exposure_is_counted_over_triggers_and_reads():
    """Ten pulses of 4 V, 1 ms and ten readings of 0.5 V, 10 ms with their overhead."""
    guard = make(exposure=0.2)
    guard.load(PULSE, "afg")
    assert guard.exposure == 0.0
    guard.trigger(10, "smu", READ)
    assert guard.exposure == pytest.approx(10 * 4e-3 + 10 * 5e-3)
    guard.trigger(10, "smu", READ)
    with pytest.raises(LimitError) as caught:
        guard.trigger(10, "smu", READ)
    assert str(caught.value) == (
        "smu: exposure 270 mV*s is beyond the limit of 200 mV*s (device limit)"
    )
    assert guard.exposure == pytest.approx(0.18)
    guard.trigger(5, "smu")
    assert guard.exposure == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"voltage": 4.4}, "smu, across the device: voltage 4.5 V is beyond the limit"),
        ({"power": 4.4e-3}, "smu: power 4.5 mW is beyond the limit of 4.4 mW"),
        ({"charge": 0.9e-6}, "smu: charge per pulse 1 uC is beyond the limit of 900"),
    ],
)
def test_outputs_are_judged_together(limits, told):
    """A read level of the other sign adds to the pulse; the compliance bounds all."""
    guard = make(**limits)
    guard.load(PULSE, "afg")
    with pytest.raises(LimitError) as caught:
        guard.trigger(10, "smu", READ)
    assert str(caught.value).startswith(told)
    assert guard.exposure == 0.0


def test_levels_and_steps_are_refused_when_loaded():
    """A waveform beyond the limits never becomes the answer to a trigger."""
    guard = make(voltage=4.5, step_voltage=5.0, exposure=1.0)
    guard.load(PULSE, "afg")
    jump = Levels(GENERATOR, ((-2.0, 1e-3), (4.0, 1e-3)))
    with pytest.raises(LimitError, match="afg: step between set-points 6 V"):
        guard.load(jump, "afg")
    with pytest.raises(LimitError, match=r"afg: voltage -4\.6 V is beyond"):
        guard.load(Levels(GENERATOR, ((-4.6, 1e-3),)), "afg")
    guard.trigger(1, "afg")
    assert guard.exposure == pytest.approx(4e-3)


def test_a_source_meter_that_is_off_bounds_no_current():
    """4 V over the generator's 50 ohm; with the source meter on, its compliance."""
    limits = Limits(current=2e-3)
    guard = Guard(limits, CIRCUIT)
    guard.comply(1e-3, "smu")
    guard.load(PULSE, "afg")
    with pytest.raises(LimitError, match="afg: current 80 mA is beyond"):
        guard.trigger(1, "afg")
    guard.switch_on(METER)
    guard.trigger(1, "afg")
    guard.release(METER)
    with pytest.raises(LimitError, match="afg: current 80 mA is beyond"):
        guard.trigger(1, "afg")


def test_a_released_output_plays_no_more():
    """After its safe state a generator's waveform does not count."""
    guard = make()
    guard.load(PULSE, "afg")
    guard.release(GENERATOR)
    guard.trigger(7, "smu")
    assert guard.exposure == 0.0


def test_the_instruments_own_limit_holds():
    """A compliance or a level that the model cannot do is named as that."""
    guard = Guard(Limits(), CIRCUIT)
    with pytest.raises(LimitError) as caught:
        guard.comply(2.0, "smu")
    assert str(caught.value) == (
        "smu compliance: current 2 A is beyond the limit of 1.5 A (instrument limit)"
    )
    with pytest.raises(LimitError, match=r"of 200 V \(instrument limit\)"):
        guard.play(Levels(METER, ((201.0, 1.0),)), "smu")


def test_limits_alone_make_a_guard_of_one_instrument():
    """A role that is made by hand checks what it can know."""
    guard = Guard.of(Limits(voltage=3.0, current=1e-3, power=1e-9, charge=1e-12))
    assert Guard.of(guard) is guard
    guard.load(Levels(GENERATOR, ((3.0, 1.0),)), "afg")
    guard.trigger(1, "afg")
    assert guard.exposure == pytest.approx(3.0)
