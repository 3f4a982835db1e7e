"""A raw socket: messages and replies with a line feed after each, nothing else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from labneuro.sim_backends.server import intake
from labneuro.sim_backends.server.desk import Client, Desk
from labneuro.sim_backends.server.intake import Allowance, Intake, OverlongError
from labneuro.sim_backends.server.sockets import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class RawConnection(asyncio.Protocol, Client):
    """One client of an instrument's raw socket.

    Parameters
    ----------
    desk : Desk
        The instrument's.
    quick : bool
        Whether what comes is acknowledged at once.
    """

    _transport: asyncio.Transport
    _acknowledge: Callable[[], object]

    def __init__(self, desk: Desk, quick: bool = True) -> None:
        super().__init__(desk)
        self._quick = quick
        self._intake = Intake()
        self._allowance = Allowance(intake.MOST_MESSAGES)
        self._pending: deque[bytes] = deque()
        self._turn: asyncio.TimerHandle | None = None
        self._unread = False
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a new client in."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  for the type checker
        self._transport = transport
        self._acknowledge = prepare(transport, self._quick)
        self.desk.clients.add(self)

    def data_received(self, data: bytes) -> None:
        """Carry out the messages that are complete."""
        self._acknowledge()
        if self._pending or self._intake.size or not _is_one_line(data):
            self._take(data)
        elif data not in (b"\n", b"\r\n"):
            self.desk.submit(self, data)  # the usual case: one message and no more
            self._rest_for(self._allowance.spend())

    def _take(self, data: bytes) -> None:
        try:
            self._pending += self._intake.take(data)
        except OverlongError as error:
            _log.warning("%s: a client was cut off: %s", self.station.name, error)
            self.drop()
        else:
            if self._turn is None:
                self._go_on()

    def _go_on(self) -> None:
        """Carry out what waits, for one turn or as long as the client may."""
        self._turn = None
        end = time.monotonic() + intake.TURN
        wait = 0.0
        while self._pending and not wait and not self._unread:
            self.desk.submit(self, self._pending.popleft())
            wait = self._allowance.spend()
            if self.backlog > intake.MOST_WAITING:
                wait = max(wait, intake.NAP)
            if time.monotonic() > end:
                break
        self._rest_for(wait)

    def _rest_for(self, wait: float) -> None:
        """Take nothing more for `wait` s, or until what waits has had its turn."""
        if self._transport.is_closing():
            self._pending.clear()
        elif self._unread:
            return  # goes on when the client has read its replies
        elif wait or self._pending:
            self._transport.pause_reading()
            loop = asyncio.get_running_loop()
            self._turn = loop.call_later(wait, self._go_on)
        else:
            self._transport.resume_reading()

    def deliver(self, content: bytes) -> None:
        """Send a reply."""
        self._transport.write(content)
        self._acknowledge()  # sending has made the kernel forget, too

    def drop(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def pause_writing(self) -> None:
        """Take no more messages while the client does not read its replies."""
        self._unread = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Take messages again."""
        self._unread = False
        if self._turn is None:
            self._go_on()

    def eof_received(self) -> bool:
        """Take the end of the client's messages; replies may still go out."""
        self._ended = True
        rest = self._intake.rest()
        if rest.strip():
            self.desk.submit(self, rest)
        return self.desk.owes(self)

    def nothing_owed(self) -> None:
        """Close the connection of a client that has ended."""
        if self._ended:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        if self._turn is not None:
            self._turn.cancel()
        self._pending.clear()
        self.desk.leave(self)


def _is_one_line(data: bytes) -> bool:
    return b"#" not in data and data.find(b"\n") == len(data) - 1
