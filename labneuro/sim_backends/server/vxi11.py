"""VXI-11: links to instruments by remote procedure calls.

All instruments share one core channel; the device name says which is meant: ``inst0``
for the first of the bench file, ``inst1`` for the second, or the instrument's name.

References
----------
VXI-11 revision 1.0, TCP/IP Instrument Protocol Specification (1995), section B.6
(network instrument messages) and appendix B (RPCL).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from typing import TYPE_CHECKING

from pyvisa.constants import Lock, StatusCode

from labneuro.sim_backends.server import intake, onc_rpc
from labneuro.sim_backends.server.desk import Client, Desk
from labneuro.sim_backends.server.intake import Allowance
from labneuro.sim_backends.server.onc_rpc import (
    XdrError,
    XdrReader,
    pack_opaque,
    pack_unsigned,
)
from labneuro.sim_backends.server.sockets import prepare
from labneuro.sim_backends.server.vxi11_interrupts import InterruptChannel
from labneuro.sim_backends.visa.station import MESSAGE_AVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.sim_backends.server.onc_rpc import Programs

_log = logging.getLogger(__name__)

CORE, ABORT = (0x0607AF, 1), (0x0607B0, 1)
_OK, _NO_DEVICE, _NO_LINK, _PARAMETER = 0, 3, 4, 5
_NO_CHANNEL, _UNSUPPORTED, _LOCKED, _NO_LOCK, _TIMEOUT = 6, 8, 11, 12, 15
_ABORTED, _HAS_CHANNEL = 23, 29
_WAIT_FOR_LOCK, _END, _TERMCHAR = 1, 8, 128  # operation flags
_COUNT_REACHED, _CHARACTER_SEEN, _END_SEEN = 1, 2, 4  # why a read ended
_LARGEST_WRITE = 1 << 20
_LARGEST_READ = 1 << 24


class Link(Client):
    """One client's link to an instrument.

    Parameters
    ----------
    desk : Desk
        The instrument's.
    connection : CoreConnection
        The core channel that it was made on.
    """

    def __init__(self, desk: Desk, connection: CoreConnection) -> None:
        super().__init__(desk)
        self._connection = connection
        self._parts = bytearray()
        self._mailbox: list[bytes] = []
        self._position = 0
        self._news = asyncio.Event()
        self._aborted = False
        self.handle: bytes | None = None
        desk.clients.add(self)

    def deliver(self, content: bytes) -> None:
        """Keep a reply until it is read."""
        self._mailbox.append(content)
        self._news.set()

    def nothing_owed(self) -> None:
        """Let a read that waits look whether anything can still come."""
        self._news.set()

    def drop(self) -> None:
        """Cut the connection."""
        self._connection.drop()

    def request_service(self, status: int) -> None:
        """Tell the client that the instrument requests service."""
        del status  # it is read by a serial poll
        if self.handle is not None:
            self._connection.interrupt(self.handle)

    def abort(self) -> None:
        """End a read that waits."""
        self._aborted = True
        self._news.set()

    def write(self, data: bytes, ends: bool) -> int:
        """Take a part of a message; returns an error number."""
        if self._mailbox and not self._parts and self.desk.interrupted():
            self._mailbox.clear()
            self._position = 0
        self._parts += data
        if len(self._parts) > intake.LONGEST_MESSAGE:
            self._parts.clear()
            return _PARAMETER
        if ends:
            message = bytes(self._parts)
            self._parts.clear()
            self.desk.submit(self, message)
        return _OK

    async def read(
        self, count: int, timeout: float, termchar: bytes | None
    ) -> tuple[int, int, bytes]:
        """Return error number, reason and at most `count` bytes of a reply."""
        deadline = time.monotonic() + timeout
        self._aborted = False
        while not self._mailbox:
            left = deadline - time.monotonic()
            # Bench time that jumps leaves nothing to wait for but a running script.
            hopeless = not self.desk.is_paced and not self.desk.owes(self)
            if hopeless or left <= 0.0:
                if not self._connection.has_left:  # nobody waits for a dead client
                    self.desk.unanswered(timeout)
                return _TIMEOUT, 0, b""
            self._news.clear()
            with contextlib.suppress(TimeoutError):  # the deadline is looked at above
                await asyncio.wait_for(self._news.wait(), left)
            if self._aborted:
                return _ABORTED, 0, b""
        return self._take(count, termchar)

    def _take(self, count: int, termchar: bytes | None) -> tuple[int, int, bytes]:
        reply, begin = self._mailbox[0], self._position
        end = min(begin + count, len(reply))
        reason = _COUNT_REACHED if end - begin == count else 0
        if termchar is not None and (found := reply.find(termchar, begin, end)) >= 0:
            end = found + 1
            reason |= _CHARACTER_SEEN
        if end == len(reply):
            self._mailbox.pop(0)
            self._position = 0
            reason |= _END_SEEN if reply.endswith(b"\n") else 0  # else it was cut short
        else:
            self._position = end
        return _OK, reason, reply[begin:end]

    def status_byte(self) -> int:
        """Return the status byte of a serial poll."""
        status = self.desk.status_byte()
        return status | MESSAGE_AVAILABLE if self._mailbox else status

    def clear(self) -> None:
        """Take a device clear."""
        self._parts.clear()
        self._mailbox.clear()
        self._position = 0
        self.desk.clear(self)


class Vxi11Ports:
    """The core and the abort channel of all instruments.

    Parameters
    ----------
    desks : mapping of str to Desk
        By device name, in small letters.
    quick : bool
        Whether what comes is acknowledged at once.
    """

    def __init__(self, desks: Mapping[str, Desk], quick: bool = True) -> None:
        self.desks = desks
        self.quick = quick
        self.links: dict[int, Link] = {}
        self.abort_port = 0
        self.numbers = itertools.count(1)
        self._aborts: Programs = {ABORT: {1: self._abort}}

    async def serve_core(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve a core channel until its client leaves; its links end with it."""
        connection = CoreConnection(self, reader, writer)
        try:
            await self.serve(connection.programs, reader, writer)
        finally:
            connection.end()

    async def serve_abort(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve an abort channel until its client leaves."""
        await self.serve(self._aborts, reader, writer)

    async def serve(
        self,
        programs: Programs,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Answer calls of some programs, such as the port mapper's."""
        acknowledge = prepare(writer.transport, self.quick)
        allowance = Allowance(intake.MOST_MESSAGES)
        try:
            while True:
                record = await onc_rpc.read_record(reader)
                acknowledge()
                reply = await onc_rpc.answer(programs, record)
                writer.write(onc_rpc.pack_record(reply))
                await writer.drain()
                # Also without a wait: a flood that is all here would keep the loop.
                await asyncio.sleep(allowance.spend())
        except (asyncio.IncompleteReadError, ConnectionError, XdrError) as error:
            _log.debug("a VXI-11 connection ended: %s", error)
        finally:
            writer.close()

    async def _abort(self, arguments: XdrReader) -> bytes:
        link = self.links.get(arguments.unsigned())
        if link is None:
            return pack_unsigned(_NO_LINK)
        link.abort()
        return pack_unsigned(_OK)


class CoreConnection:
    """One client's core channel with its links.

    Parameters
    ----------
    ports : Vxi11Ports
        Where it came in.
    reader : asyncio.StreamReader
    writer : asyncio.StreamWriter
        The connection.
    """

    def __init__(
        self,
        ports: Vxi11Ports,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._ports = ports
        self._reader = reader
        self._writer = writer
        self._links: dict[int, Link] = {}
        self._interrupts: InterruptChannel | None = None
        # Numbers and names of the procedures: VXI-11, appendix B.
        self.programs: Programs = {
            CORE: {
                10: self._create_link,
                11: self._device_write,
                12: self._device_read,
                13: self._device_readstb,
                14: self._simple(lambda link: link.desk.trigger(link)),
                15: self._simple(Link.clear),
                16: self._simple(lambda _: None),  # device_remote
                17: self._simple(lambda _: None),  # device_local
                18: self._device_lock,
                19: self._device_unlock,
                20: self._device_enable_srq,
                22: self._device_docmd,
                23: self._destroy_link,
                25: self._create_intr_chan,
                26: self._destroy_intr_chan,
            }
        }

    @property
    def has_left(self) -> bool:
        """Whether the client has closed its end and all that it sent is read."""
        return self._reader.at_eof()

    def drop(self) -> None:
        """Cut the connection."""
        self._writer.transport.abort()

    def end(self) -> None:
        """Destroy the links."""
        for number in list(self._links):
            self._destroy(number)
        if self._interrupts is not None:
            self._interrupts.close()

    def interrupt(self, handle: bytes) -> None:
        """Send a service request."""
        if self._interrupts is not None:
            self._interrupts.request_service(handle)

    def _destroy(self, number: int) -> None:
        link = self._links.pop(number)
        self._ports.links.pop(number, None)
        link.desk.leave(link)

    async def _create_link(self, arguments: XdrReader) -> bytes:
        arguments.unsigned()  # the client's identity, for those who look at the wire
        locks, timeout = arguments.unsigned(), arguments.unsigned()
        desk = self._ports.desks.get(arguments.text().lower())
        if desk is None:
            return pack_unsigned(_NO_DEVICE, 0, 0, 0)
        link = Link(desk, self)
        if locks and not await _lock(link, timeout):
            desk.leave(link)
            return pack_unsigned(_LOCKED, 0, 0, 0)
        number = next(self._ports.numbers)
        self._links[number] = self._ports.links[number] = link
        return pack_unsigned(_OK, number, self._ports.abort_port, _LARGEST_WRITE)

    async def _admit(
        self, number: int, flags: int, lock_timeout: int
    ) -> tuple[Link | None, int]:
        """Return a link and an error number: none, no such link, or locked out."""
        link = self._links.get(number)
        if link is None:
            return None, _NO_LINK
        deadline = time.monotonic() + lock_timeout / 1000.0
        while link.desk.is_locked_out(link):
            left = deadline - time.monotonic()
            if not flags & _WAIT_FOR_LOCK or left <= 0.0:
                return None, _LOCKED
            await link.desk.lock_change(left)
        return link, _OK

    async def _device_write(self, arguments: XdrReader) -> bytes:
        number, _, lock_timeout = (arguments.unsigned() for _ in range(3))
        flags, data = arguments.unsigned(), arguments.opaque()
        link, error = await self._admit(number, flags, lock_timeout)
        if link is None:
            return pack_unsigned(error, 0)
        while link.backlog > intake.MOST_WAITING:
            await asyncio.sleep(intake.NAP)
        error = link.write(data, bool(flags & _END))
        return pack_unsigned(error, len(data))

    async def _device_read(self, arguments: XdrReader) -> bytes:
        number, count, timeout, lock_timeout = (arguments.unsigned() for _ in range(4))
        flags, character = arguments.unsigned(), arguments.unsigned()
        link, error = await self._admit(number, flags, lock_timeout)
        if link is None:
            return pack_unsigned(error, 0) + pack_opaque(b"")
        termchar = bytes([character & 0xFF]) if flags & _TERMCHAR else None
        count = min(count, _LARGEST_READ)
        error, reason, data = await link.read(count, timeout / 1000.0, termchar)
        return pack_unsigned(error, reason) + pack_opaque(data)

    async def _device_readstb(self, arguments: XdrReader) -> bytes:
        link, error = await self._generic(arguments)
        return pack_unsigned(error, 0 if link is None else link.status_byte())

    async def _generic(self, arguments: XdrReader) -> tuple[Link | None, int]:
        number, flags, lock_timeout, _ = (arguments.unsigned() for _ in range(4))
        return await self._admit(number, flags, lock_timeout)

    def _simple(self, action: Callable[[Link], None]) -> onc_rpc.Procedure:
        """Return a procedure that does one thing with a link."""

        async def procedure(arguments: XdrReader) -> bytes:
            link, error = await self._generic(arguments)
            if link is not None:
                action(link)
            return pack_unsigned(error)

        return procedure

    async def _device_lock(self, arguments: XdrReader) -> bytes:
        number, flags, timeout = (arguments.unsigned() for _ in range(3))
        link = self._links.get(number)
        if link is None:
            return pack_unsigned(_NO_LINK)
        if link.desk.holds_exclusively(link):
            return pack_unsigned(_LOCKED)  # VXI-11, B.6.9: also by this link itself
        wait = timeout if flags & _WAIT_FOR_LOCK else 0
        return pack_unsigned(_OK if await _lock(link, wait) else _LOCKED)

    async def _device_unlock(self, arguments: XdrReader) -> bytes:
        link = self._links.get(arguments.unsigned())
        if link is None:
            return pack_unsigned(_NO_LINK)
        status = link.desk.give_lock_back(link)
        return pack_unsigned(_OK if status == StatusCode.success else _NO_LOCK)

    async def _device_enable_srq(self, arguments: XdrReader) -> bytes:
        link = self._links.get(arguments.unsigned())
        enable, handle = arguments.unsigned(), arguments.opaque()
        if link is None:
            return pack_unsigned(_NO_LINK)
        link.handle = handle if enable else None
        (link.desk.listen if enable else link.desk.stop_listening)(link)
        return pack_unsigned(_OK)

    async def _device_docmd(self, arguments: XdrReader) -> bytes:
        del arguments  # no instrument here has commands of its own
        return pack_unsigned(_UNSUPPORTED) + pack_opaque(b"")

    async def _destroy_link(self, arguments: XdrReader) -> bytes:
        number = arguments.unsigned()
        if number not in self._links:
            return pack_unsigned(_NO_LINK)
        self._destroy(number)
        return pack_unsigned(_OK)

    async def _create_intr_chan(self, arguments: XdrReader) -> bytes:
        _, port, program, version, family = (arguments.unsigned() for _ in range(5))
        if self._interrupts is not None:
            return pack_unsigned(_HAS_CHANNEL)
        if family != 0:
            return pack_unsigned(_UNSUPPORTED)  # TCP only
        # Only back to the client itself, whatever address it gives.
        host = self._writer.get_extra_info("peername")[0]
        try:
            channel = await InterruptChannel.open(host, port, (program, version))
        except OSError:
            return pack_unsigned(_NO_CHANNEL)
        self._interrupts = channel
        return pack_unsigned(_OK)

    async def _destroy_intr_chan(self, arguments: XdrReader) -> bytes:
        del arguments
        if self._interrupts is None:
            return pack_unsigned(_NO_CHANNEL)
        self._interrupts.close()
        self._interrupts = None
        return pack_unsigned(_OK)


async def _lock(link: Link, timeout: int) -> bool:
    """Take the exclusive lock; whether that worked within `timeout` ms."""
    status = await link.desk.take_lock(link, Lock.exclusive, None, timeout / 1000.0)
    return status >= 0
