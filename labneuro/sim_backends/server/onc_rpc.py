"""ONC remote procedure calls over TCP and UDP, as far as VXI-11 needs them.

References
----------
RFC 4506 (XDR), RFC 5531 (RPC version 2, record marking), RFC 1833 section 3 (port
mapper version 2).
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_WORD = struct.Struct("!I")
_LAST_FRAGMENT = 0x80000000
_LONGEST_RECORD = 4 * 1024 * 1024  # a call carries at most 1 MiB of a message
_MOST_FRAGMENTS = 10_000
_CALL, _REPLY, _ACCEPTED, _DENIED = 0, 1, 0, 1
_RPC_VERSION = 2
_SUCCESS, _NO_PROGRAM, _WRONG_VERSION, _NO_PROCEDURE, _GARBAGE = range(5)
PORT_MAPPER = (100000, 2)
PORT_MAPPER_PORT = 111
TCP = 6
_GET_PORT, _DUMP = 3, 4


class XdrError(ValueError):
    """What came does not hold what its type asks for."""


class XdrReader:
    """Reads numbers and byte strings off an XDR stream.

    Examples
    --------
    >>> XdrReader(bytes.fromhex("00000002 61620000")).opaque()
    b'ab'
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def unsigned(self) -> int:
        """Read an unsigned integer."""
        try:
            (value,) = _WORD.unpack_from(self._data, self._position)
        except struct.error as error:
            raise XdrError("the arguments are too short") from error
        self._position += _WORD.size
        return int(value)

    def opaque(self) -> bytes:
        """Read bytes of variable length."""
        length = self.unsigned()
        begin, end = self._position, self._position + length
        if end > len(self._data):
            raise XdrError("the arguments are too short")
        self._position = end + -length % 4
        return self._data[begin:end]

    def text(self) -> str:
        """Read a string."""
        return self.opaque().decode("latin-1")


def pack_unsigned(*values: int) -> bytes:
    """Write unsigned integers (or non-negative signed ones, or booleans)."""
    return struct.pack(f"!{len(values)}I", *values)


def pack_opaque(data: bytes) -> bytes:
    """Write bytes of variable length.

    Examples
    --------
    >>> pack_opaque(b"abcde").hex()
    '000000056162636465000000'
    """
    return _WORD.pack(len(data)) + data + bytes(-len(data) % 4)


if TYPE_CHECKING:
    Procedure = Callable[[XdrReader], Awaitable[bytes]]
    Programs = Mapping[tuple[int, int], Mapping[int, Procedure]]


class Call(NamedTuple):
    """A call as it came."""

    transaction: int
    rpc_version: int
    program: int
    version: int
    procedure: int
    arguments: XdrReader


def read_call(record: bytes) -> Call:
    """Read a call.

    Raises
    ------
    XdrError
        If the record is none.
    """
    reader = XdrReader(record)
    transaction, kind = reader.unsigned(), reader.unsigned()
    if kind != _CALL:
        raise XdrError("this is no call")
    rpc_version, program = reader.unsigned(), reader.unsigned()
    version, procedure = reader.unsigned(), reader.unsigned()
    for _ in ("credentials", "verifier"):
        reader.unsigned()
        reader.opaque()
    return Call(transaction, rpc_version, program, version, procedure, reader)


def pack_call(
    transaction: int, program: tuple[int, int], procedure: int, arguments: bytes
) -> bytes:
    """Write a call without credentials."""
    head = (transaction, _CALL, _RPC_VERSION, *program, procedure, 0, 0, 0, 0)
    return pack_unsigned(*head) + arguments


def pack_record(data: bytes) -> bytes:
    """Mark a record for TCP, in one fragment."""
    return _WORD.pack(_LAST_FRAGMENT | len(data)) + data


async def answer(programs: Programs, record: bytes) -> bytes:
    """Carry out a call and return the reply.

    Parameters
    ----------
    programs : mapping
        Procedures by number, by program and version.
    record : bytes
        The call.

    Raises
    ------
    XdrError
        If the record is no call.
    """
    call = read_call(record)
    if call.rpc_version != _RPC_VERSION:
        denied = (call.transaction, _REPLY, _DENIED, 0, _RPC_VERSION, _RPC_VERSION)
        return pack_unsigned(*denied)
    accepted = pack_unsigned(call.transaction, _REPLY, _ACCEPTED, 0, 0)
    return accepted + await _carry_out(programs, call)


async def _carry_out(programs: Programs, call: Call) -> bytes:
    """Return the status of an accepted call and its result."""
    procedures = programs.get((call.program, call.version))
    if procedures is None:
        versions = [version for program, version in programs if program == call.program]
        if not versions:
            return pack_unsigned(_NO_PROGRAM)
        return pack_unsigned(_WRONG_VERSION, min(versions), max(versions))
    if call.procedure == 0:  # every program answers the null procedure
        return pack_unsigned(_SUCCESS)
    procedure = procedures.get(call.procedure)
    if procedure is None:
        return pack_unsigned(_NO_PROCEDURE)
    try:
        return pack_unsigned(_SUCCESS) + await procedure(call.arguments)
    except XdrError:
        return pack_unsigned(_GARBAGE)


async def read_record(reader: asyncio.StreamReader) -> bytes:
    """Read a record from TCP.

    Raises
    ------
    asyncio.IncompleteReadError
        If the connection ends.
    XdrError
        If the record is too long.
    """
    fragments: list[bytes] = []
    size = 0
    for _ in range(_MOST_FRAGMENTS):
        (mark,) = _WORD.unpack(await reader.readexactly(_WORD.size))
        length = mark & ~_LAST_FRAGMENT
        size += length
        if size > _LONGEST_RECORD:
            raise XdrError(f"a record of {length} bytes is too long")
        fragments.append(await reader.readexactly(length))
        if mark & _LAST_FRAGMENT:
            return b"".join(fragments)
    raise XdrError("a record of too many fragments")


def port_mapper(ports: Mapping[tuple[int, int], int]) -> Programs:
    """Return the port mapper's procedures.

    Parameters
    ----------
    ports : mapping
        TCP ports by program and version.
    """

    async def get_port(arguments: XdrReader) -> bytes:
        program, version = arguments.unsigned(), arguments.unsigned()
        protocol = arguments.unsigned()
        found = ports.get((program, version), 0) if protocol == TCP else 0
        return pack_unsigned(found)

    async def dump(arguments: XdrReader) -> bytes:
        del arguments
        entries = (
            pack_unsigned(1, *program, TCP, port) for program, port in ports.items()
        )
        return b"".join(entries) + pack_unsigned(0)

    return {PORT_MAPPER: {_GET_PORT: get_port, _DUMP: dump}}


class PortMapperDatagrams(asyncio.DatagramProtocol):
    """The port mapper over UDP."""

    _transport: asyncio.DatagramTransport

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        # Not every transport of datagrams is a subclass of it.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a call."""
        task = asyncio.get_running_loop().create_task(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, data: bytes, address: tuple[str, int]) -> None:
        try:
            reply = await answer(self._programs, data)
        except XdrError:
            return  # a datagram that is no call gets no answer
        self._transport.sendto(reply, address)
