"""Signals while a bench is connected: the first stops in good order, a second hurries.

Python raises `KeyboardInterrupt` wherever the program happens to be, also in the middle
of switching outputs off. While a bench is connected a guard takes the signals: the
first one raises as usual, or waits where outputs are being made safe; later ones never
raise, they shorten the waits that are left.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class HurryError(Exception):
    """A step towards the safe state is given up: a second signal has come."""


class _Gate:
    """Whether a second signal may end what the main thread does just now."""

    is_open = False


_gate = _Gate()
_active: list[SignalGuard] = []


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def step() -> Iterator[None]:
    """Let a second signal end this block with `HurryError`; the caller catches it."""
    try:
        _gate.is_open = _in_main_thread()
        yield
    finally:
        _gate.is_open = False


class SignalGuard:
    """Takes SIGINT, SIGTERM and SIGHUP for as long as it is entered.

    A signal that was ignored before (``nohup``) stays ignored. Outside the main thread
    the guard does nothing, since no signal is handled there.

    Parameters
    ----------
    hurry : callable
        Called at a second signal: shortens the waits that are left.

    Attributes
    ----------
    hurried : bool
        Whether a second signal has come.
    """

    def __init__(self, hurry: Callable[[], None]) -> None:
        self.hurried = False
        self._hurry = hurry
        self._before: dict[int, Any] = {}
        self._holding = 0
        self._stopping = False
        self._noted: int | None = None

    def __enter__(self) -> SignalGuard:
        """Take the signals from now on."""
        if _in_main_thread():
            _active.append(self)
            for number in (getattr(signal, name, None) for name in _NAMES):
                if number is None:
                    continue
                before = signal.getsignal(number)
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = before
                    signal.signal(number, self._take)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give the signals back; one that has waited is delivered now."""
        for number, before in self._before.items():
            signal.signal(number, before)
        if self in _active:
            _active.remove(self)
        if kind is None and self._noted is not None:
            self._deliver(self._noted, None)

    def hold(self) -> None:
        """Let no signal raise from here on until the guard is left."""
        self._holding += 1

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no signal raise in this block; the first is delivered after it."""
        self._holding += 1
        try:
            yield
        finally:
            self._holding -= 1
        if self._noted is not None and not self._holding:
            number, self._noted = self._noted, None
            self._deliver(number, None)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            self.hurried = True
            self._hurry()
            if _gate.is_open:
                _gate.is_open = False
                raise HurryError("given up at a second signal")
            return
        self._stopping = True
        if self._holding:
            self._noted = number
            return
        self._deliver(number, frame)
        self._stopping = False  # whoever took the signal before us goes on

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        before = self._before[number]
        if callable(before):
            before(number, frame)
        else:
            raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let no signal end this block; the first one raises after it."""
    if not _in_main_thread():
        yield
    elif _active:
        with _active[-1].held():
            yield
    else:
        with SignalGuard(lambda: None) as guard, guard.held():
            yield
