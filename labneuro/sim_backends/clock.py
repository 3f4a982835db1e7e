"""The time that all simulated instruments of a bench share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod


class Clock(ABC):
    """Bench time in seconds since the bench was switched on."""

    @property
    @abstractmethod
    def now(self) -> float:
        """Bench time in s."""

    @abstractmethod
    def advance(self, duration: float) -> None:
        """Let `duration` seconds of bench time pass."""

    def catch_up(self) -> None:  # noqa: B027  nothing to do for a clock that jumps
        """Let bench time catch up with the wall, for a clock that runs with it."""


class VirtualClock(Clock):
    """A clock that jumps: an operation takes its bench time and no other."""

    def __init__(self) -> None:
        self.time = 0.0

    @property
    def now(self) -> float:
        """Bench time in s."""
        return self.time

    def advance(self, duration: float) -> None:
        """Jump ahead by `duration` seconds."""
        if duration > 0.0:
            self.time += duration


class RealClock(Clock):
    """A clock that runs with the wall: an operation sleeps for as long as it takes.

    Within an operation bench time moves by what the operation takes and by nothing
    else, so a busy computer does not move a pulse against a reading. Between messages
    it catches up with the wall.
    """

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._time = 0.0

    @property
    def now(self) -> float:
        """Bench time in s."""
        return self._time

    def advance(self, duration: float) -> None:
        """Let `duration` seconds pass; sleep until the wall has got there."""
        if duration <= 0.0:
            return
        self._time += duration
        ahead = self._start + self._time - time.monotonic()
        if ahead > 0.0:
            time.sleep(ahead)

    def catch_up(self) -> None:
        """Move on to where the wall is."""
        self._time = max(self._time, time.monotonic() - self._start)
