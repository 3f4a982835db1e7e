"""What is due at a bench time happens then, whoever lets the time pass."""

from __future__ import annotations

import math

import pytest

from labneuro.sim_backends.clock import RealClock, VirtualClock


@pytest.mark.parametrize("kind", [VirtualClock, RealClock])
def test_appointments_are_kept_in_order(kind):
    clock, kept = kind(), []
    start = clock.now
    for delay in (0.02, 0.01, 0.03):
        clock.at(start + delay, lambda delay=delay: kept.append((delay, clock.now)))
    clock.advance(0.025)
    assert [delay for delay, _ in kept] == [0.01, 0.02]
    assert [time - start for _, time in kept] == pytest.approx([0.01, 0.02])
    assert clock.now - start == pytest.approx(0.025)
    clock.advance_to(start + 0.03)
    assert [delay for delay, _ in kept] == [0.01, 0.02, 0.03]
    assert clock.due == math.inf


def test_an_appointment_makes_the_next():
    clock, times = VirtualClock(), []

    def tick():
        times.append(clock.now)
        clock.at(clock.now + 0.5, tick)

    clock.at(0.5, tick)
    clock.advance(2.25)
    assert times == [0.5, 1.0, 1.5, 2.0]
    assert clock.due == 2.5


def test_what_is_cancelled_does_not_happen():
    clock, kept = VirtualClock(), []
    first = clock.at(1.0, lambda: kept.append(1))
    clock.at(2.0, lambda: kept.append(2))
    clock.cancel(first)
    assert clock.due == 2.0
    clock.advance(3.0)
    assert kept == [2]


def test_a_clock_that_runs_catches_up_with_what_was_due():
    clock, kept = RealClock(), []
    clock.at(1e-9, lambda: kept.append(clock.now))
    clock.catch_up()
    assert len(kept) == 1
    assert clock.now >= kept[0]
