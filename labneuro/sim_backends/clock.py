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
    """A clock that runs with the wall: an operation sleeps for as long as it takes."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def now(self) -> float:
        """Bench time in s."""
        return time.monotonic() - self._start

    def advance(self, duration: float) -> None:
        """Sleep for `duration` seconds."""
        if duration > 0.0:
            time.sleep(duration)
