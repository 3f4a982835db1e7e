"""The thread in which a TSP instrument runs what it is sent.

A client must be able to poll, time out and send a device clear while a script runs, so
a message is handed to a thread of the instrument's own; the sender waits for the end
only for a moment.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.turn import Turn

_EXIT_PATIENCE = 1.0  # s to wait at interpreter exit for a script that is being stopped


class _Message(NamedTuple):
    """What came, and what takes it in place of the worker's own function."""

    text: str
    handle: Callable[[str], None] | None = None


class _State:
    """What worker and thread share; holds no reference to the instrument."""

    def __init__(self) -> None:
        self.inbox: SimpleQueue[_Message | None] = SimpleQueue()
        self.lock = threading.Lock()
        self.idle = threading.Event()
        self.idle.set()
        self.pending = 0
        self.failure: BaseException | None = None

    def done(self) -> None:
        with self.lock:
            self.pending -= 1
            if self.pending == 0:
                self.idle.set()


class Worker:
    """Runs messages one after the other in a thread of its own.

    Parameters
    ----------
    handle : bound method
        Takes one message; its object is only weakly referred to.
    stop : bound method
        Makes a running `handle` end soon.
    turn : Turn
        Of the bench; who waits for a message gives it away.
    """

    def __init__(
        self, handle: Callable[[str], None], stop: Callable[[], None], turn: Turn
    ) -> None:
        self._turn = turn
        self._handle: weakref.WeakMethod[Any] = weakref.WeakMethod(handle)
        self._stop: weakref.WeakMethod[Any] = weakref.WeakMethod(stop)
        self._state = _State()
        self._thread: threading.Thread | None = None
        weakref.finalize(self, self._state.inbox.put, None)
        _workers.add(self)

    @property
    def busy(self) -> bool:
        """Whether a message runs or waits to run."""
        return not self._state.idle.is_set()

    def submit(
        self, message: str, grace: float, handle: Callable[[str], None] | None = None
    ) -> None:
        """Queue a message and wait for its end, at most `grace` s.

        A message that comes while another runs waits its turn without being waited for.

        Parameters
        ----------
        message : str
            The message.
        grace : float
            Wall time in s.
        handle : callable, optional
            Takes this one in place of the worker's own function.

        Raises
        ------
        BaseException
            What an earlier or this message's handling raised: a fault of the model.
        """
        state = self._state
        self._raise_failure()
        with state.lock:
            waits = state.pending > 0
            state.pending += 1
            state.idle.clear()
        if self._thread is None:
            self._start()
        state.inbox.put(_Message(message, handle))
        if not waits and self._wait(grace):
            self._raise_failure()

    def _wait(self, timeout: float) -> bool:
        with self._turn.released():
            return self._state.idle.wait(timeout)

    def wait_idle(self, timeout: float) -> bool:
        """Wait at most `timeout` s of wall time until nothing runs.

        Raises
        ------
        BaseException
            What the handling of a message raised.
        """
        ended = self._wait(timeout)
        self._raise_failure()
        return ended

    def discard(self) -> None:
        """Drop the messages that wait to run."""
        while not self._state.inbox.empty():
            if self._state.inbox.get() is not None:
                self._state.done()

    def shut_down(self) -> None:
        """Stop what runs and end the thread, for the end of the interpreter."""
        self.discard()
        stop = self._stop()
        if stop is not None:
            stop()
        self._state.inbox.put(None)
        if self._thread is not None:
            self._thread.join(_EXIT_PATIENCE)

    def _raise_failure(self) -> None:
        failure, self._state.failure = self._state.failure, None
        if failure is not None:
            raise failure

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=_serve, args=(self._state, self._handle), daemon=True, name="tsp"
        )
        self._thread.start()


def _serve(state: _State, target: weakref.WeakMethod[Any]) -> None:
    while (message := state.inbox.get()) is not None:
        handle = message.handle or target()
        try:
            if handle is not None:
                handle(message.text)
        except BaseException as failure:
            state.failure = failure
        finally:
            del handle, message
            state.done()


_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


@atexit.register
def _shut_down_all() -> None:
    for worker in list(_workers):
        worker.shut_down()
