"""Where a message from a client begins and ends.

On GPIB, USB and VXI-11 the END signal ends a message, and a terminator before it is
cut. On a plain socket only the newline is there. In both cases bytes inside a
definite-length block are data, whatever they look like.

References
----------
IEEE Std 488.2-1992, sections 7.5 (program message terminator) and 7.7.6 (blocks).
"""

from __future__ import annotations

import re

# A block can only stand where a SCPI header and perhaps other parameters went before:
# the same characters in a Lua comment are no block.
_BLOCK_START = re.compile(
    rb"(?:^|;|\n)[ \t]*[:*]?[A-Za-z][\w:]*[ \t]+(?:[^\"'#\n;]*,[ \t]*)?#([1-9])"
)


def _block_end(data: bytes, position: int) -> tuple[int, int] | None:
    """Return begin and end of the first block from `position` on."""
    match = _BLOCK_START.search(data, position)
    while match is not None:
        begin = match.end() + int(match.group(1))
        digits = data[match.end() : begin]
        if digits.isdigit():
            return match.start(), begin + int(digits)
        match = _BLOCK_START.search(data, match.end())
    return None


def cut_terminator(data: bytes) -> bytes:
    r"""Return a message without its CR LF or LF, unless that is data of a block.

    Examples
    --------
    >>> cut_terminator(b"*IDN?\r\n"), cut_terminator(b"DATA #12\r\n")
    (b'*IDN?', b'DATA #12\r\n')
    """
    if not data.endswith(b"\n"):
        return data
    if b"#" in data:  # else nothing can be a block
        position = 0
        while (block := _block_end(data, position)) is not None:
            position = block[1]
            if position >= len(data):
                return data
    return data[:-2] if data.endswith(b"\r\n") else data[:-1]


def split_messages(stream: bytes) -> tuple[list[bytes], bytes]:
    r"""Cut what came over a socket into whole messages and the rest.

    A block that is complete ends its message even where no newline has followed.

    Returns
    -------
    messages : list of bytes
        Whole messages, terminators cut.
    rest : bytes
        The beginning of a message that is still to come.

    Examples
    --------
    >>> split_messages(b"*CLS\r\nDATA #12a\nb\n*ID")
    ([b'*CLS', b'DATA #12a\n', b'b'], b'*ID')
    """
    messages = []
    while stream:
        end = _message_end(stream)
        if end is None:
            break
        message = cut_terminator(stream[:end])
        if message:
            messages.append(message)
        stream = stream[end:]
    return messages, stream


def _message_end(stream: bytes) -> int | None:
    """Return where the first message ends, or None if it is not complete."""
    newline = stream.find(b"\n")
    block = _block_end(stream, 0) if b"#" in stream else None
    while block is not None and (newline < 0 or block[0] < newline):
        if block[1] >= len(stream):
            return len(stream) if block[1] == len(stream) else None
        newline = stream.find(b"\n", block[1])
        if stream[block[1] : block[1] + 1] not in (b";", b",", b"\r", b"\n"):
            return block[1]
        block = _block_end(stream, block[1])
    return newline + 1 if newline >= 0 else None
