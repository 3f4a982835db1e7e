"""A served bench on the real clock: replies come when they are due."""

from __future__ import annotations

import threading
import time

import pytest

from labneuro.sim_backends.clock import RealClock
from labneuro.sim_backends.server.pacing import PacedClock, pace


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    naps: list[float] = []
    monkeypatch.setattr("labneuro.sim_backends.server.pacing.time.sleep", naps.append)
    return naps


def test_the_server_thread_never_sleeps(slept: list[float]) -> None:
    clock = pace(RealClock(), threading.get_ident())
    before = clock.now
    clock.advance(3.0)
    assert clock.now == pytest.approx(before + 3.0)
    assert slept == []


def test_a_script_thread_sleeps_once_it_is_worth_it(slept: list[float]) -> None:
    clock = PacedClock()
    clock.keep(threading.get_ident() + 1)
    for _ in range(10):
        clock.advance(0.02)
    assert clock.now == pytest.approx(0.2)
    assert 0.1 < sum(slept) < 0.2 + 1e-9
    assert len(slept) < 10


def test_what_is_due_happens_on_the_way(slept: list[float]) -> None:
    clock = PacedClock()
    clock.keep(threading.get_ident())
    seen: list[float] = []
    clock.at(0.5, lambda: seen.append(clock.now))
    clock.advance(2.0)
    assert seen == [0.5]
    assert clock.now == 2.0
    assert slept == []


def test_a_paced_clock_is_the_same_object() -> None:
    clock = RealClock()
    assert pace(clock, 1) is clock
    clock.catch_up()
    assert 0.0 <= clock.now <= time.monotonic()
