"""Messages of HiSLIP: a header of 16 bytes, then the payload.

References
----------
IVI-6.1, IVI High-Speed LAN Instrument Protocol, revision 1.1, tables 3 (header), 4
(message types), 9 (fatal errors) and 10 (errors).
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

_HEADER = struct.Struct("!2sBBIQ")
HEADER_SIZE = _HEADER.size
_PROLOGUE = b"HS"


class Kind(IntEnum):
    """Message types of HiSLIP 1."""

    INITIALIZE = 0
    INITIALIZE_RESPONSE = 1
    FATAL_ERROR = 2
    ERROR = 3
    ASYNC_LOCK = 4
    ASYNC_LOCK_RESPONSE = 5
    DATA = 6
    DATA_END = 7
    DEVICE_CLEAR_COMPLETE = 8
    DEVICE_CLEAR_ACKNOWLEDGE = 9
    ASYNC_REMOTE_LOCAL_CONTROL = 10
    ASYNC_REMOTE_LOCAL_RESPONSE = 11
    TRIGGER = 12
    INTERRUPTED = 13
    ASYNC_INTERRUPTED = 14
    ASYNC_MAX_MSG_SIZE = 15
    ASYNC_MAX_MSG_SIZE_RESPONSE = 16
    ASYNC_INITIALIZE = 17
    ASYNC_INITIALIZE_RESPONSE = 18
    ASYNC_DEVICE_CLEAR = 19
    ASYNC_SERVICE_REQUEST = 20
    ASYNC_STATUS_QUERY = 21
    ASYNC_STATUS_RESPONSE = 22
    ASYNC_DEVICE_CLEAR_ACKNOWLEDGE = 23
    ASYNC_LOCK_INFO = 24
    ASYNC_LOCK_INFO_RESPONSE = 25


class FatalError(IntEnum):
    """Control codes of FatalError: the connection ends."""

    UNIDENTIFIED = 0
    BAD_HEADER = 1
    CHANNELS_MISSING = 2
    INITIALIZATION = 3


class Error(IntEnum):
    """Control codes of Error: the connection goes on."""

    UNIDENTIFIED = 0
    UNKNOWN_TYPE = 1
    MESSAGE_TOO_LARGE = 4


class Message(NamedTuple):
    """A message as it came; `kind` may be none of :class:`Kind`."""

    kind: int
    control: int
    parameter: int
    payload: bytes


class HeaderError(ValueError):
    """What came is no HiSLIP header."""


def pack(
    kind: int, control: int = 0, parameter: int = 0, payload: bytes = b""
) -> bytes:
    """Return the bytes of a message.

    Examples
    --------
    >>> pack(Kind.ASYNC_STATUS_RESPONSE, 0x50).hex()
    '48531650000000000000000000000000'
    """
    return _HEADER.pack(_PROLOGUE, kind, control, parameter, len(payload)) + payload


def take(buffer: bytearray, longest: int) -> Message | None:
    """Take the first message off a buffer, or return None while it is not complete.

    Raises
    ------
    HeaderError
        If the buffer does not begin with a header, or its payload is beyond `longest`.
    """
    if len(buffer) < HEADER_SIZE:
        return None
    prologue, kind, control, parameter, length = _HEADER.unpack_from(buffer)
    if prologue != _PROLOGUE:
        raise HeaderError("poorly formed message header")
    if length > longest:
        raise HeaderError(f"a payload of {length} bytes is too long")
    end = HEADER_SIZE + length
    if len(buffer) < end:
        return None
    payload = bytes(buffer[HEADER_SIZE:end])
    del buffer[:end]
    return Message(kind, control, parameter, payload)
