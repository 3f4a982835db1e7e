"""Bench time: a clock that jumps and a clock that sleeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends.clock import RealClock, VirtualClock


@given(st.lists(st.floats(0, 1e3)))
def test_virtual_clock_adds_up(durations):
    """Bench time is the sum of what operations took."""
    virtual = VirtualClock()
    for duration in durations:
        before = virtual.now
        virtual.advance(duration)
        assert virtual.now == before + duration
    assert virtual.now == pytest.approx(sum(durations))


@pytest.mark.parametrize("duration", [0.0, -1.0, float("-inf")])
def test_time_does_not_go_back(duration, monkeypatch):
    """An operation cannot take less than no time."""
    slept: list[float] = []
    monkeypatch.setattr("labneuro.sim_backends.clock.time.sleep", slept.append)
    virtual = VirtualClock()
    virtual.advance(5.0)
    virtual.advance(duration)
    assert virtual.now == 5.0
    RealClock().advance(duration)
    assert slept == []


def test_real_clock_sleeps_and_runs_with_the_wall(monkeypatch):
    """An operation takes its time; bench time starts at switching on."""
    wall = {"now": 100.0}

    def sleep(duration):
        wall["now"] += duration

    monkeypatch.setattr(
        "labneuro.sim_backends.clock.time.monotonic", lambda: wall["now"]
    )
    monkeypatch.setattr("labneuro.sim_backends.clock.time.sleep", sleep)
    real = RealClock()
    assert real.now == 0.0
    real.advance(0.5)
    assert real.now == 0.5
    wall["now"] += 2.0
    assert real.now == 0.5
    real.catch_up()
    assert real.now == 2.5


def test_a_late_computer_does_not_move_operations_against_each_other(monkeypatch):
    """Sleep that lasts too long is made up for by the next one."""
    wall = {"now": 0.0}
    slept = []

    def sleep(duration):
        slept.append(duration)
        wall["now"] += duration + 0.006

    monkeypatch.setattr(
        "labneuro.sim_backends.clock.time.monotonic", lambda: wall["now"]
    )
    monkeypatch.setattr("labneuro.sim_backends.clock.time.sleep", sleep)
    real = RealClock()
    real.advance(0.01)
    real.advance(0.005)
    real.advance(0.02)
    assert real.now == pytest.approx(0.035)
    assert slept == pytest.approx([0.01, 0.019])


# ---- a served bench: operations do not sleep, scripts do in between


@pytest.fixture
def deferring(monkeypatch):
    """Return a deferring clock on a wall that stands still, and its scripts' naps."""
    wall, naps = {"now": 100.0}, []

    def sleep(duration):
        naps.append(duration)
        wall["now"] += duration

    monkeypatch.setattr(
        "labneuro.sim_backends.clock.time.monotonic", lambda: wall["now"]
    )
    monkeypatch.setattr("labneuro.sim_backends.turn.time.sleep", sleep)
    clock = RealClock()
    clock.defer()
    return clock, naps, wall


def test_an_operation_of_a_deferring_clock_does_not_sleep(deferring):
    """Bench time moves at once."""
    clock, naps, _ = deferring
    clock.advance(3.0)
    assert clock.now == 3.0
    clock.catch_up()
    assert clock.now == 3.0
    assert naps == []


def test_a_script_sleeps_once_it_is_worth_it(deferring):
    """What took wall time by itself is not slept again."""
    clock, naps, wall = deferring
    for _ in range(10):
        clock.advance(0.02)
        clock.keep_pace()
    assert naps == pytest.approx([0.06, 0.06, 0.06])
    wall["now"] += 0.015
    clock.advance(0.05)
    clock.keep_pace()
    assert naps[3:] == pytest.approx([0.055])


def test_others_have_their_turn_while_a_script_sleeps(deferring, monkeypatch):
    """The turn is given away, and had again afterwards."""
    clock, _, _ = deferring
    seen = []
    monkeypatch.setattr(
        "labneuro.sim_backends.turn.time.sleep",
        lambda _: seen.append(clock.turn._owner),
    )
    with clock.turn, clock.turn:
        clock.advance(1.0)
        clock.keep_pace()
        seen.append(clock.turn._depth)
    assert seen == [0, 2]
    assert clock.turn._owner == 0


def test_what_is_due_happens_on_the_way(deferring):
    """Also when nobody sleeps until then."""
    clock, _, _ = deferring
    seen: list[float] = []
    clock.at(0.5, lambda: seen.append(clock.now))
    clock.advance(2.0)
    assert (seen, clock.now) == ([0.5], 2.0)
