"""How a connection is set up so that small messages pass without delay."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)  # Linux only


def _nothing() -> None:
    """Leave the acknowledgement to the operating system."""


def prepare(
    transport: asyncio.BaseTransport, quick: bool = True
) -> Callable[[], object]:
    """Set up a client's connection; return what to call after each receive.

    A client that sends two messages in a row, such as a setting and a query, holds the
    second back until the first is acknowledged (Nagle's algorithm), and the kernel
    holds an acknowledgement back for about 40 ms in the hope of a reply to send it
    with. Linux forgets the wish for a quick acknowledgement, so it is said every time.

    Parameters
    ----------
    transport : asyncio transport
        The connection.
    quick : bool
        Whether to acknowledge at once.
    """
    connection = transport.get_extra_info("socket")
    # A client that vanished without a word is found out and its locks are released.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not quick or _QUICK_ACK is None:
        return _nothing
    return partial(connection.setsockopt, socket.IPPROTO_TCP, _QUICK_ACK, 1)
