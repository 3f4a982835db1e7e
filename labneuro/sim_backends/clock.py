"""The time that all simulated instruments of a bench share, and what is due at a time.

An instrument that works on while others are operated puts what comes next into the
clock's agenda: whoever lets time pass thereby lets it happen, in order, each at its own
time.
"""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from labneuro.sim_backends.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_AHEAD = 0.05  # s that a script may run ahead of the wall before it sleeps


class Appointment:
    """Something that is due at a bench time.

    Attributes
    ----------
    act : callable or None
        Called when it is due; None once it is cancelled.
    """

    __slots__ = ("act",)

    def __init__(self, act: Callable[[], None]) -> None:
        self.act: Callable[[], None] | None = act


class Clock(ABC):
    """Bench time in seconds since the bench was switched on.

    Attributes
    ----------
    due : float
        Bench time in s of the next appointment, or infinity.
    turn : Turn
        Who may touch the bench.
    """

    def __init__(self) -> None:
        self.due = math.inf
        self.turn = Turn()
        self._agenda: list[tuple[float, int, Appointment]] = []
        self._made = 0

    @property
    @abstractmethod
    def now(self) -> float:
        """Bench time in s."""

    @abstractmethod
    def advance(self, duration: float) -> None:
        """Let `duration` seconds of bench time pass."""

    def catch_up(self) -> None:  # noqa: B027  nothing to do for a clock that jumps
        """Let bench time catch up with the wall, for a clock that runs with it."""

    def keep_pace(self) -> None:  # noqa: B027  nothing to do for a clock that jumps
        """Let the wall catch up with a script, for a clock whose operations defer."""

    def rest(self) -> None:
        """Let the wall catch up and others have their turn, amid a long operation."""
        self.keep_pace()
        self.turn.give_way()

    @abstractmethod
    def _go_to(self, moment: float) -> None:
        """Let time pass up to a bench time, if it is ahead, with nothing due before."""

    def at(self, moment: float, act: Callable[[], None]) -> Appointment:
        """Let something happen at a bench time; what is due at once happens in order.

        Parameters
        ----------
        moment : float
            Bench time in s, not in the past.
        act : callable
            Called then; must not let time pass.
        """
        appointment = Appointment(act)
        self._made += 1
        heappush(self._agenda, (moment, self._made, appointment))
        self.due = self._agenda[0][0]
        return appointment

    def cancel(self, appointment: Appointment) -> None:
        """Let nothing happen at an appointment."""
        appointment.act = None
        while self._agenda and self._agenda[0][2].act is None:
            heappop(self._agenda)
        self.due = self._agenda[0][0] if self._agenda else math.inf

    def advance_to(self, moment: float) -> None:
        """Let time pass up to a bench time, and all happen that is due until then."""
        while self.due <= moment:
            self._go_to(self.due)
            appointment = self._agenda[0][2]
            act = appointment.act
            self.cancel(appointment)
            if act is not None:
                act()
        self._go_to(moment)


class VirtualClock(Clock):
    """A clock that jumps: an operation takes its bench time and no other."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    @property
    def now(self) -> float:
        """Bench time in s."""
        return self.time

    def advance(self, duration: float) -> None:
        """Jump ahead by `duration` seconds."""
        if duration > 0.0:
            moment = self.time + duration
            if moment < self.due:
                self.time = moment
            else:
                self.advance_to(moment)

    def _go_to(self, moment: float) -> None:
        self.time = max(self.time, moment)


class RealClock(Clock):
    """A clock that runs with the wall: an operation sleeps for as long as it takes.

    Within an operation bench time moves by what the operation takes and by nothing
    else, so a busy computer does not move a pulse against a reading. Between messages
    it catches up with the wall.

    One thread answers all clients of a served bench and cannot sleep. There operations
    move bench time at once (:meth:`defer`): the server holds the reply back until it is
    due, and scripts sleep between what they do, while others have their turn.
    """

    def __init__(self) -> None:
        super().__init__()
        self._start = time.monotonic()
        self._time = 0.0
        self._ahead: threading.local | None = None

    def defer(self) -> None:
        """Let no operation sleep from now on."""
        self._ahead = threading.local()

    @property
    def now(self) -> float:
        """Bench time in s."""
        return self._time

    def advance(self, duration: float) -> None:
        """Let `duration` seconds pass; sleep until the wall has got there."""
        if duration > 0.0:
            self.advance_to(self._time + duration)

    def _go_to(self, moment: float) -> None:
        step = max(0.0, moment - self._time)
        self._time += step
        if self._ahead is not None:
            self._be_ahead(step)
            return
        ahead = self._start + self._time - time.monotonic()
        if ahead > 0.0:
            time.sleep(ahead)

    def _be_ahead(self, step: float) -> float:
        """Add to what this thread is ahead of the wall, in s; return it."""
        now, local = time.monotonic(), self._ahead
        past = now - getattr(local, "since", now)
        ahead = max(0.0, getattr(local, "time", 0.0) - past) + step
        vars(local).update(time=ahead, since=now)
        return ahead

    def keep_pace(self) -> None:
        """Sleep once what this thread is ahead of the wall is worth it."""
        if self._ahead is not None and (ahead := self._be_ahead(0.0)) > _MOST_AHEAD:
            self.turn.sleep(ahead)

    def catch_up(self) -> None:
        """Move on to where the wall is."""
        self.advance_to(time.monotonic() - self._start)
