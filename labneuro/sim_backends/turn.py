"""Whose turn it is to touch a bench: one thread at a time, scripts or messages.

Instruments share a circuit, a device and a clock. Messages are carried out in the
thread of whoever sends them, scripts in threads of their own instruments. What a script
asks of its instrument is one turn, and so is a message: neither meets what another one
has half done. A message goes first, and whoever waits lets others have their turn.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GIVE_WAY = 0.5e-3  # s of wall time in which a message that waits gets its turn


class Turn:
    """The turn of a script; a context manager that a thread may enter again.

    Attributes
    ----------
    waiting : int
        Threads that scripts let go first.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._counting = threading.Lock()
        self._lock = threading.Lock()
        self._owner = 0
        self._depth = 0

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._owner != me:
            if self.waiting:
                time.sleep(_GIVE_WAY)
            self._lock.acquire()
            self._owner = me
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = 0
            self._lock.release()

    def enter_first(self) -> None:
        """Take the turn before any script that does not wait yet."""
        me = threading.get_ident()
        if self._owner != me:
            self._acquire_first()
            self._owner = me
        self._depth += 1

    def _acquire_first(self) -> None:
        with self._counting:
            self.waiting += 1
        try:
            self._lock.acquire()
        finally:
            with self._counting:
                self.waiting -= 1

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let others have their turn for the length of a block."""
        me = threading.get_ident()
        if self._owner != me:
            yield
            return
        depth, self._depth, self._owner = self._depth, 0, 0
        self._lock.release()
        try:
            yield
        finally:
            self._acquire_first()
            self._owner, self._depth = me, depth

    def sleep(self, duration: float) -> None:
        """Sleep while others have their turn.

        Parameters
        ----------
        duration : float
            Wall time in s.
        """
        with self.released():
            time.sleep(duration)

    def give_way(self) -> None:
        """Let one that waits have its turn."""
        if self.waiting:
            self.sleep(_GIVE_WAY)


class MessageLock:
    """The lock of whoever sends messages to a bench; it has the turn meanwhile.

    Waiting for a script to end gives the turn away and keeps the lock.

    Parameters
    ----------
    turn : Turn
        Of the bench.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._senders = threading.RLock()

    def __enter__(self) -> None:
        self._senders.acquire()
        try:
            self._turn.enter_first()
        except BaseException:
            self._senders.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._turn.__exit__()
        self._senders.release()
