"""What keeps one client of a served bench from filling the memory or the time.

A line may be only so long, a block only so large, and a client may send only so many
messages in a slice of time; what it sends beyond waits in its socket.
"""

from __future__ import annotations

import time

from labneuro.sim_backends.visa.framing import awaited_size, split_messages

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of a message that has no line feed and no block yet."""
LONGEST_MESSAGE = 64 * 1024 * 1024
"""Bytes of a message with its blocks: twice the largest waveform memory."""
MOST_MESSAGES = 20_000
"""Messages of one client in a second."""
MOST_WAITING = 1000
"""Messages of one client that may wait for a script to end."""
TURN = 0.005
"""Seconds after which a client with many messages lets the others have their turn."""
NAP = 0.02
"""Seconds between looks at a script that others wait for."""
_SLICES = 10  # a second
_LONGEST_LENGTH = 11  # bytes of '#9' and nine digits


class OverlongError(ValueError):
    """A client sends a message that does not end."""


class Intake:
    """Cuts what one client sends into messages and holds the beginning of the next.

    Attributes
    ----------
    size : int
        Bytes that wait for the rest of their message.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._tail = b""
        self._awaited = 0
        self.size = 0

    def take(self, data: bytes) -> list[bytes]:
        """Take what has come and return the messages that are complete.

        Raises
        ------
        OverlongError
            If a message is longer than it may be; what was held is dropped.
        """
        self._parts.append(data)
        self.size += len(data)
        messages: list[bytes] = []
        if self._may_be_complete(data):
            messages = self._cut()
        if max(self.size, self._awaited) > LONGEST_MESSAGE:
            self._refuse(f"a message of more than {LONGEST_MESSAGE} bytes")
        if self.size > LONGEST_LINE and not self._awaited:
            self._refuse(f"a line of more than {LONGEST_LINE} bytes")
        return messages

    def rest(self) -> bytes:
        """Return the beginning of a message that will not go on, and forget it."""
        found = b"".join(self._parts)
        self._keep(b"")
        return found

    def _may_be_complete(self, data: bytes) -> bool:
        """Whether to look: looking at every piece of a long message takes too long."""
        if self._awaited:
            return self.size >= self._awaited
        seen = self._tail + data
        self._tail = seen[-_LONGEST_LENGTH:]
        return b"\n" in data or b"#" in seen

    def _cut(self) -> list[bytes]:
        messages, rest = cut_stream(b"".join(self._parts))
        self._keep(rest)
        return messages

    def _keep(self, rest: bytes) -> None:
        self._parts = [rest] if rest else []
        self.size = len(rest)
        self._tail = rest[-_LONGEST_LENGTH:]
        self._awaited = awaited_size(rest)

    def _refuse(self, what: str) -> None:
        self._keep(b"")
        raise OverlongError(f"{what} did not end")


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


class Allowance:
    """Counts the messages of one client in slices of a second.

    Parameters
    ----------
    a_second : int
        Messages in a second.
    """

    def __init__(self, a_second: int) -> None:
        self._a_slice = self._left = max(1, a_second // _SLICES)
        self._end = time.monotonic() + 1.0 / _SLICES

    def spend(self) -> float:
        """Count a message; return how long the next one must wait, in s."""
        self._left -= 1
        if self._left > 0:
            return 0.0
        now = time.monotonic()
        wait = max(0.0, self._end - now)
        self._left = self._a_slice
        self._end = now + wait + 1.0 / _SLICES
        return wait
