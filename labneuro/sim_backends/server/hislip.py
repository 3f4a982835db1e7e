"""HiSLIP: a synchronous channel for messages, an asynchronous one beside it.

All instruments share one port; the sub-address says which is meant: ``hislip0`` for the
first of the bench file, ``hislip1`` for the second, or the instrument's name. The
server works in synchronized mode and speaks version 1.0.

References
----------
IVI-6.1, IVI High-Speed LAN Instrument Protocol, revision 1.1, sections 3 (overview,
synchronized mode), 6 (protocol) and 8 (interrupted, status).
"""

from __future__ import annotations

import asyncio
import itertools
import struct
import time
from typing import TYPE_CHECKING

from pyvisa.constants import Lock

from labneuro.sim_backends.server import intake
from labneuro.sim_backends.server.desk import Client, Desk
from labneuro.sim_backends.server.hislip_messages import (
    HEADER_SIZE,
    Error,
    FatalError,
    HeaderError,
    Kind,
    Message,
    pack,
    take,
)
from labneuro.sim_backends.server.intake import LONGEST_MESSAGE, Allowance
from labneuro.sim_backends.server.sockets import prepare
from labneuro.sim_backends.visa.station import MESSAGE_AVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_PORT = 4880
_VERSION = 0x0100  # 1.0
_VENDOR = 0x4C4E  # "LN", not registered
_LARGEST_PAYLOAD = LONGEST_MESSAGE
_LONGEST_SUB_ADDRESS = 256  # IVI-6.1, 6.1
_CLIENT_MESSAGE_SIZE = 1 << 20  # until the client says what it takes
_RMT_DELIVERED = 1
_MOST_UNDERWAY = 200  # message numbers that can be on their way while a lock ends
_LOOKS, _PAUSE = 100, 0.001  # how often to look for them, and s between
_SUCCESS, _SHARED_RELEASED, _FAILURE, _LOCK_ERROR = 1, 2, 0, 3
_PATIENCE = 10.0  # s in which a client's asynchronous channel must follow


class HislipPort:
    """The port on which all instruments are reached by sub-address.

    Parameters
    ----------
    desks : mapping of str to Desk
        By sub-address, in small letters.
    quick : bool
        Whether what comes is acknowledged at once.
    """

    def __init__(self, desks: Mapping[str, Desk], quick: bool = True) -> None:
        self.desks = desks
        self.quick = quick
        self.sessions: dict[int, HislipSession] = {}
        self.channels: set[Channel] = set()
        self._numbers = itertools.cycle(range(1, 1 << 16))

    def new_channel(self) -> Channel:
        """Return the protocol of a new connection."""
        return Channel(self)

    def find(self, sub_address: str) -> Desk | None:
        """Return the desk of a sub-address; none is the first instrument's."""
        if not sub_address:
            return next(iter(self.desks.values()))
        return self.desks.get(sub_address.lower())

    def new_session(self, desk: Desk, channel: Channel) -> HislipSession:
        """Begin a session on its synchronous channel."""
        number = next(one for one in self._numbers if one not in self.sessions)
        session = HislipSession(self, number, desk, channel)
        self.sessions[number] = session
        return session

    def drop_all(self) -> None:
        """Cut every connection."""
        for channel in list(self.channels):
            channel.transport.abort()


class Channel(asyncio.Protocol):
    """One TCP connection: which of a session's two channels it is, its start says."""

    transport: asyncio.Transport
    _acknowledge: Callable[[], object]

    def __init__(self, port: HislipPort) -> None:
        self._port = port
        self._buffer = bytearray()
        self._session: HislipSession | None = None
        self._allowance = Allowance(intake.MOST_MESSAGES)
        self._turn: asyncio.TimerHandle | None = None
        self._unread = False
        self._handlers: Mapping[int, Callable[[Message], None]] = {
            Kind.INITIALIZE.value: self._initialize,
            Kind.ASYNC_INITIALIZE.value: self._initialize_async,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a new connection in."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  for the type checker
        self.transport = transport
        self._acknowledge = prepare(transport, self._port.quick)
        self._port.channels.add(self)

    def data_received(self, data: bytes) -> None:
        """Handle the messages that are complete."""
        self._acknowledge()
        self._buffer += data
        if self._turn is None and not self._unread:
            self._go_on()

    def _go_on(self) -> None:
        """Handle what waits, for one turn or as long as the client may."""
        self._turn = None
        end = time.monotonic() + intake.TURN
        wait, more = 0.0, True
        try:
            while more and not wait and not self._unread:
                message = take(self._buffer, _LARGEST_PAYLOAD)
                if message is None:
                    more = False
                    break
                self._handle(message)
                wait = max(self._allowance.spend(), self._congestion())
                if time.monotonic() > end:
                    break
        except HeaderError as error:
            self.give_up(FatalError.BAD_HEADER, str(error))
            return
        self._rest_for(wait, more)

    def _congestion(self) -> float:
        """Return how long to wait for messages that wait for a script, in s."""
        waiting = 0 if self._session is None else self._session.backlog
        return intake.NAP if waiting > intake.MOST_WAITING else 0.0

    def _rest_for(self, wait: float, more: bool) -> None:
        """Take nothing more for `wait` s, or until what waits has had its turn."""
        if self.transport.is_closing() or self._unread:
            return  # goes on, if at all, when the client has read its replies
        if wait or more:
            self.transport.pause_reading()
            loop = asyncio.get_running_loop()
            self._turn = loop.call_later(wait, self._go_on)
        else:
            self.transport.resume_reading()

    def _handle(self, message: Message) -> None:
        handler = self._handlers.get(message.kind)
        if handler is not None:
            handler(message)
        elif self._session is None:
            self.give_up(FatalError.INITIALIZATION, "the session is not initialized")
        else:
            text = f"unrecognized message type {message.kind}".encode()
            self.send(pack(Kind.ERROR, Error.UNKNOWN_TYPE, payload=text))

    def _initialize(self, message: Message) -> None:
        name = message.payload[:_LONGEST_SUB_ADDRESS].decode("ascii", "replace")
        desk = self._port.find(name)
        if self._session is not None or desk is None:
            known = ", ".join(self._port.desks)
            self.give_up(
                FatalError.INITIALIZATION,
                f"no instrument has the sub-address {name!r}; known: {known}",
            )
            return
        self._session = self._port.new_session(desk, self)
        self._handlers = self._session.synchronous_handlers
        answer = _VERSION << 16 | self._session.number
        self.send(pack(Kind.INITIALIZE_RESPONSE, 0, answer))

    def _initialize_async(self, message: Message) -> None:
        session = self._port.sessions.get(message.parameter)
        if self._session is not None or session is None or session.is_complete:
            self.give_up(FatalError.INITIALIZATION, "there is no such session")
            return
        self._session = session
        self._handlers = session.asynchronous_handlers
        session.complete(self)
        self.send(pack(Kind.ASYNC_INITIALIZE_RESPONSE, 0, _VENDOR))

    def send(self, data: bytes) -> None:
        """Send a message."""
        self.transport.write(data)

    def give_up(self, code: FatalError, text: str) -> None:
        """Say what is wrong and end the connection."""
        self.send(pack(Kind.FATAL_ERROR, code, payload=text.encode()))
        self.transport.close()

    def pause_writing(self) -> None:
        """Take no more messages while the client does not read its replies."""
        self._unread = True
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Take messages again."""
        self._unread = False
        if self._turn is None:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the session with either of its channels."""
        del exc
        if self._turn is not None:
            self._turn.cancel()
        self._port.channels.discard(self)
        if self._session is not None:
            self._session.end()


class HislipSession(Client):
    """One client of an instrument over HiSLIP.

    Parameters
    ----------
    port : HislipPort
        Where it came in.
    number : int
        Session identity.
    desk : Desk
        The instrument's.
    channel : Channel
        Its synchronous channel.
    """

    def __init__(
        self, port: HislipPort, number: int, desk: Desk, channel: Channel
    ) -> None:
        super().__init__(desk)
        self.number = number
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._synchronous = channel
        self._asynchronous: Channel | None = None
        self._parts = bytearray()
        self._latest = 0  # message number of the client's latest message
        self._undelivered = False  # a reply was sent and the client has not read it all
        self._clearing = False
        self._most = _CLIENT_MESSAGE_SIZE - HEADER_SIZE
        self._tasks: set[asyncio.Task[None]] = set()
        self._late = self._loop.call_later(_PATIENCE, self._check_complete)
        self.synchronous_handlers = {
            Kind.DATA.value: self._data,
            Kind.DATA_END.value: self._data,
            Kind.TRIGGER.value: self._trigger,
            Kind.DEVICE_CLEAR_COMPLETE.value: self._clear_complete,
        }
        self.asynchronous_handlers = {
            Kind.ASYNC_MAX_MSG_SIZE.value: self._max_message_size,
            Kind.ASYNC_LOCK.value: self._lock,
            Kind.ASYNC_LOCK_INFO.value: self._lock_info,
            Kind.ASYNC_REMOTE_LOCAL_CONTROL.value: self._remote_local,
            # What came on the other channel before shall be dealt with before.
            Kind.ASYNC_STATUS_QUERY.value: self._after_messages(self._status),
            Kind.ASYNC_DEVICE_CLEAR.value: self._after_messages(self._clear),
        }
        desk.clients.add(self)

    def _after_messages(
        self, handle: Callable[[Message], None]
    ) -> Callable[[Message], None]:
        """Let the event loop deal first with what both channels brought together."""

        def soon(message: Message) -> None:
            self._loop.call_soon(handle, message)

        return soon

    @property
    def is_complete(self) -> bool:
        """Whether both channels stand."""
        return self._asynchronous is not None

    def complete(self, channel: Channel) -> None:
        """Take the asynchronous channel in."""
        self._late.cancel()
        self._asynchronous = channel
        self.desk.listen(self)

    def _check_complete(self) -> None:
        text = "the asynchronous channel did not follow"
        self._synchronous.give_up(FatalError.CHANNELS_MISSING, text)

    def end(self) -> None:
        """Close both channels and forget the client."""
        self._late.cancel()
        for task in self._tasks:
            task.cancel()
        if self._port.sessions.pop(self.number, None) is None:
            return
        self._synchronous.transport.close()
        if self._asynchronous is not None:
            self._asynchronous.transport.close()
        self.desk.leave(self)

    def drop(self) -> None:
        """Cut the connection."""
        self._synchronous.transport.abort()

    # -- synchronous channel -----------------------------------------------------------

    def _begin_message(self, message: Message) -> bool:
        """Look at the flags of a message; whether it is to be carried out."""
        if not self.is_complete:
            self._check_complete()
        if self._clearing or not self.is_complete:
            return False
        if message.control & _RMT_DELIVERED:
            self._undelivered = False
        elif self._undelivered and not self._parts:
            self._interrupt(message.parameter)
        self._latest = message.parameter
        return True

    def _interrupt(self, number: int) -> None:
        """Tell both sides that a new message came before the reply had been read."""
        if not self.desk.interrupted():
            return
        self._undelivered = False
        self._synchronous.send(pack(Kind.INTERRUPTED, 0, number))
        self._send_async(Kind.ASYNC_INTERRUPTED, 0, number)

    def _data(self, message: Message) -> None:
        if not self._begin_message(message):
            return
        if message.kind == Kind.DATA:
            self._parts += message.payload
            if len(self._parts) > _LARGEST_PAYLOAD:
                self._parts.clear()
                self._synchronous.send(pack(Kind.ERROR, Error.MESSAGE_TOO_LARGE))
            return
        content = message.payload
        if self._parts:
            content = bytes(self._parts + content)
            self._parts.clear()
        self.desk.submit(self, content)

    def _trigger(self, message: Message) -> None:
        if self._begin_message(message):
            self.desk.trigger(self)

    def _clear_complete(self, message: Message) -> None:
        del message
        self._clearing = self._undelivered = False
        self._parts.clear()
        self._synchronous.send(pack(Kind.DEVICE_CLEAR_ACKNOWLEDGE))

    def deliver(self, content: bytes) -> None:
        """Send a reply, in pieces that the client takes."""
        if self._clearing:
            return
        self._undelivered = True
        most, number = self._most, self._latest
        for begin in range(0, len(content) - most, most):
            part = content[begin : begin + most]
            self._synchronous.send(pack(Kind.DATA, 0, number, part))
        rest = content[(len(content) - 1) // most * most :] if content else b""
        kind = Kind.DATA_END if content.endswith(b"\n") else Kind.DATA
        self._synchronous.send(pack(kind, 0, number, rest))

    # -- asynchronous channel ----------------------------------------------------------

    def _send_async(
        self, kind: Kind, control: int = 0, parameter: int = 0, payload: bytes = b""
    ) -> None:
        if self._asynchronous is not None:
            self._asynchronous.send(pack(kind, control, parameter, payload))

    def request_service(self, status: int) -> None:
        """Tell the client that the instrument requests service."""
        self._send_async(
            Kind.ASYNC_SERVICE_REQUEST, self._with_message_available(status)
        )

    def _with_message_available(self, status: int) -> int:
        return status | MESSAGE_AVAILABLE if self._undelivered else status

    def _max_message_size(self, message: Message) -> None:
        if len(message.payload) == 8:  # noqa: PLR2004  a number of 64 bits
            (size,) = struct.unpack("!Q", message.payload)
            self._most = max(1, min(size, _LARGEST_PAYLOAD) - HEADER_SIZE)
        ours = struct.pack("!Q", _LARGEST_PAYLOAD)
        self._send_async(Kind.ASYNC_MAX_MSG_SIZE_RESPONSE, payload=ours)

    def _status(self, message: Message) -> None:
        if message.control & _RMT_DELIVERED:
            self._undelivered = False
        status = self._with_message_available(self.desk.status_byte())
        self._send_async(Kind.ASYNC_STATUS_RESPONSE, status)

    def _clear(self, message: Message) -> None:
        del message
        self._clearing = True  # until the client has emptied the other channel, too
        self.desk.clear(self)
        self._send_async(Kind.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE)

    def _remote_local(self, message: Message) -> None:
        del message  # nobody stands before a simulated front panel
        self._send_async(Kind.ASYNC_REMOTE_LOCAL_RESPONSE)

    def _lock_info(self, message: Message) -> None:
        del message
        exclusive, holders = self.desk.lock_holders()
        self._send_async(Kind.ASYNC_LOCK_INFO_RESPONSE, int(exclusive), holders)

    def _lock(self, message: Message) -> None:
        if message.control:
            task = self._loop.create_task(self._request_lock(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._loop.call_soon(self._release_lock, message, _LOOKS)

    async def _request_lock(self, message: Message) -> None:
        key = message.payload.decode("latin-1") or None
        kind = Lock.exclusive if key is None else Lock.shared
        timeout = message.parameter / 1000.0
        status = await self.desk.take_lock(self, kind, key, timeout)
        self._send_async(
            Kind.ASYNC_LOCK_RESPONSE, _SUCCESS if status >= 0 else _FAILURE
        )

    def _release_lock(self, message: Message, looks: int) -> None:
        """Give a lock back once the messages before it have been dealt with."""
        ahead = (message.parameter - self._latest) & 0xFFFFFFFF
        if looks and 0 < ahead < _MOST_UNDERWAY:
            self._loop.call_later(_PAUSE, self._release_lock, message, looks - 1)
            return
        exclusive = self.desk.holds_exclusively(self)
        status = self.desk.give_lock_back(self)
        released = _SUCCESS if exclusive else _SHARED_RELEASED
        self._send_async(
            Kind.ASYNC_LOCK_RESPONSE, released if status >= 0 else _LOCK_ERROR
        )
