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
# the same characters in a Lua comment are no block. A quantifier keeps what it took
# (`++`, `*+`): a long line of blanks and commas would otherwise take for ever.
_HEADER_AND_LENGTH = (
    rb"[ \t]*+[:*]?[A-Za-z][\w:]*+[ \t]++(?:[^\"'#\n;]*,[ \t]*+)?#([1-9])"
)
_BLOCK_HERE = re.compile(_HEADER_AND_LENGTH)
_BLOCK_BEHIND = re.compile(rb"[;\n]" + _HEADER_AND_LENGTH)


def _find_block(data: bytes, position: int, *, begins: bool) -> tuple[int, int] | None:
    """Return begin and end of the first block from `position` on.

    Parameters
    ----------
    data : bytes
        The stream.
    position : int
        Where to look from.
    begins : bool
        Whether a message begins there, so that a header may stand right there.
    """
    match = _BLOCK_HERE.match(data, position) if begins else None
    if match is None:
        match = _BLOCK_BEHIND.search(data, position)
    while match is not None:
        begin = match.end() + int(match.group(1))
        digits = data[match.end() : begin]
        if digits.isdigit():
            return match.start(), begin + int(digits)
        match = _BLOCK_BEHIND.search(data, match.end())
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
    position = 0
    if b"#" in data:  # else nothing can be a block
        while block := _find_block(data, position, begins=not position):
            position = block[1]
            if position >= len(data):
                return data
    # The carriage return may be the last byte of a block.
    cut = 2 if data.endswith(b"\r\n") and position <= len(data) - 2 else 1
    return data[:-cut]


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
    begin = 0
    block = _find_block(stream, 0, begins=True) if b"#" in stream else None
    while begin < len(stream):
        end, block = _message_end(stream, begin, block)
        if end is None:
            break
        message = cut_terminator(stream[begin:end])
        if message:
            messages.append(message)
        begin = end
        # A block whose header follows this very newline has been found already.
        if block is not None and block[0] < begin - 1:
            block = _find_block(stream, begin, begins=True)
    return messages, stream[begin:]


def awaited_size(rest: bytes) -> int:
    """Return how long the beginning of a message must become to end its last block.

    Parameters
    ----------
    rest : bytes
        As :func:`split_messages` returns it.

    Returns
    -------
    int
        Bytes; 0 if no block is incomplete.

    Examples
    --------
    >>> awaited_size(b"DATA #15ab"), awaited_size(b"*IDN")
    (13, 0)
    """
    block = _find_block(rest, 0, begins=True) if b"#" in rest else None
    while block is not None and block[1] <= len(rest):
        block = _find_block(rest, block[1], begins=False)
    return 0 if block is None else block[1]


def _message_end(
    stream: bytes, begin: int, block: tuple[int, int] | None
) -> tuple[int | None, tuple[int, int] | None]:
    """Return where a message ends, or None if it is not complete, and the next block.

    The block is the first from `begin` on; what is returned has been looked at last.
    """
    newline = stream.find(b"\n", begin)
    while block is not None and (newline < 0 or block[0] < newline):
        if block[1] >= len(stream):
            return (len(stream) if block[1] == len(stream) else None), block
        newline = stream.find(b"\n", block[1])
        if stream[block[1] : block[1] + 1] not in (b";", b",", b"\r", b"\n"):
            return block[1], block
        block = _find_block(stream, block[1], begins=False)
    return (newline + 1 if newline >= 0 else None), block
