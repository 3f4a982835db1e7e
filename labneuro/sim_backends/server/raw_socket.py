"""A raw socket: messages and replies with a line feed after each, nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labneuro.sim_backends.server.desk import Client, Desk
from labneuro.sim_backends.server.sockets import prepare
from labneuro.sim_backends.visa.framing import split_messages

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_MESSAGE = 256 * 1024 * 1024
"""Bytes of a message after which a client that sends no line feed is cut off."""


def cut_stream(stream: bytes) -> tuple[list[bytes], bytes]:
    r"""Cut what came over a socket into messages and the beginning of the next.

    Examples
    --------
    >>> cut_stream(b"*CLS\r\n\n*ID")
    ([b'*CLS\r'], b'*ID')
    """
    if b"#" in stream:  # there may be a block, whose line feeds are data
        return split_messages(stream)
    *lines, rest = stream.split(b"\n")
    return [line for line in lines if line not in (b"", b"\r")], rest


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
        self._rest = b""
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
        if self._rest or b"#" in data or data.find(b"\n") != len(data) - 1:
            self._take(self._rest + data)
        elif data not in (b"\n", b"\r\n"):
            self.desk.submit(self, data)  # the usual case: one message and no more

    def _take(self, stream: bytes) -> None:
        messages, self._rest = cut_stream(stream)
        for message in messages:
            self.desk.submit(self, message)
        if len(self._rest) > LONGEST_MESSAGE:
            self.drop()

    def deliver(self, content: bytes) -> None:
        """Send a reply."""
        self._transport.write(content)
        self._acknowledge()  # sending has made the kernel forget, too

    def drop(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def pause_writing(self) -> None:
        """Take no more messages while the client does not read its replies."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Take messages again."""
        self._transport.resume_reading()

    def eof_received(self) -> bool:
        """Take the end of the client's messages; replies may still go out."""
        self._ended = True
        if self._rest.strip():
            rest, self._rest = self._rest, b""
            self.desk.submit(self, rest)
        return self.desk.owes(self)

    def nothing_owed(self) -> None:
        """Close the connection of a client that has ended."""
        if self._ended:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        self.desk.leave(self)
