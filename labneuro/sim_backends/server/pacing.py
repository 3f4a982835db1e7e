"""A real clock for a server that must not sleep.

One thread answers all clients, so an operation that takes two seconds on the bench
cannot sleep there. The clock of a served bench therefore moves ahead at once, and the
server holds the reply back until it is due. Scripts run in threads of their own
instruments; they do sleep, so that what happens on the bench meanwhile happens to them.
"""

from __future__ import annotations

import threading
import time

from labneuro.sim_backends.clock import RealClock

_MOST_AHEAD = 0.05  # s that a script may run ahead of the wall before it sleeps


class PacedClock(RealClock):
    """A real clock that sleeps in every thread but the server's own."""

    def __init__(self) -> None:
        super().__init__()
        self.keep(0)

    def keep(self, thread: int) -> None:
        """Take note of the thread that must not sleep."""
        self._keeper = thread
        self._local = threading.local()

    def _go_to(self, moment: float) -> None:
        step = moment - self._time
        if step <= 0.0:
            return
        self._time = moment
        if threading.get_ident() != self._keeper:
            self._pace(step)

    def _pace(self, duration: float) -> None:
        """Sleep once what this thread is ahead of the wall is worth it."""
        now = time.monotonic()
        local = self._local
        ahead = getattr(local, "ahead", 0.0) - (now - getattr(local, "since", now))
        ahead = max(0.0, ahead) + duration
        if ahead > _MOST_AHEAD:
            time.sleep(ahead)
            ahead, now = 0.0, time.monotonic()
        local.ahead, local.since = ahead, now


def pace(clock: RealClock, thread: int) -> PacedClock:
    """Turn a bench's real clock into a paced one.

    Every instrument holds the clock already, so the object stays and changes its class.

    Parameters
    ----------
    clock : RealClock
        The clock of a bench.
    thread : int
        Identity of the thread that must not sleep.
    """
    clock.__class__ = PacedClock
    assert isinstance(clock, PacedClock)  # noqa: S101  for the type checker
    clock.keep(thread)
    return clock
