"""Where all clients of one served instrument meet.

The instrument takes one message after the other and every reply goes to the client
whose message made it. A client waits its turn while another one holds a lock, or while
a script that another one started still runs.

All of this happens in the thread of the server's event loop; only scripts run elsewhere
(:mod:`labneuro.sim_backends.tsp.worker`).
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, cast

from labneuro.errors import LabneuroError
from labneuro.sim_backends.clock import RealClock
from labneuro.sim_backends.faults import ConnectionDroppedError
from labneuro.sim_backends.visa.locks import LOCKS
from labneuro.sim_backends.visa.station import REQUEST_SERVICE

if TYPE_CHECKING:
    from pyvisa.constants import Lock, StatusCode

    from labneuro.sim_backends.visa.powered_benches import PoweredBench
    from labneuro.sim_backends.visa.session import InstrumentSession
    from labneuro.sim_backends.visa.station import Station

_log = logging.getLogger(__name__)

_WHOLE = 1 << 62  # more bytes than any reply has
_SHORTEST_LOOK, _LONGEST_LOOK = 0.001, 0.02  # s between looks at a running script
_TRIGGER = None  # in place of a message


class Client(ABC):
    """One client's connection with one instrument.

    Parameters
    ----------
    desk : Desk
        The instrument's.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.station = desk.station
        self.backlog = 0

    @abstractmethod
    def deliver(self, content: bytes) -> None:
        """Send a response message; without a line feed it is one that was cut short."""

    @abstractmethod
    def drop(self) -> None:
        """Cut the connection."""

    def request_service(self, status: int) -> None:  # noqa: B027  not every way of connecting has it
        """Tell the client that the instrument requests service."""

    def nothing_owed(self) -> None:  # noqa: B027  only a socket that has ended cares
        """Take note that all messages are done and all replies delivered."""


class _Held(NamedTuple):
    """A reply that is not due yet."""

    due: float
    client: Client
    content: bytes


class Desk:
    """Takes the messages of an instrument's clients and hands out the replies.

    Parameters
    ----------
    powered : PoweredBench
        The bench.
    station : Station
        The instrument.
    """

    def __init__(self, powered: PoweredBench, station: Station) -> None:
        self.station = station
        self.instrument = station.instrument
        self.clients: set[Client] = set()
        self._lock = powered.lock
        self._stations = tuple(powered.stations.values())
        self._clock = powered.bench.clock
        self._paced = isinstance(self._clock, RealClock)
        self._loop = asyncio.get_running_loop()
        self._talker: Client | None = None
        self._waiting: deque[tuple[Client, bytes | None]] = deque()
        self._listeners: list[Client] = []
        self._held: deque[_Held] = deque()
        self._busy_until = 0.0
        self._look: asyncio.TimerHandle | None = None
        self._looks = 0
        self._lock_waiters: list[asyncio.Future[None]] = []

    # -- messages ----------------------------------------------------------------------

    def submit(self, client: Client, message: bytes | None) -> None:
        """Take a message, or None for a trigger, as soon as it is the client's turn."""
        if client.backlog or self._must_wait(client):
            if self._aborts(client, message):
                self._execute(client, message)
                return
            client.backlog += 1
            self._waiting.append((client, message))
        else:
            self._execute(client, message)

    def trigger(self, client: Client) -> None:
        """Take a group execute trigger."""
        self.submit(client, _TRIGGER)

    def _must_wait(self, client: Client) -> bool:
        if LOCKS.holders and self.is_locked_out(client):
            return True
        return self.station.is_running and self._talker is not client

    def _aborts(self, client: Client, message: bytes | None) -> bool:
        """Whether a message shall end the script that others wait for."""
        if message is None or message.strip() != b"abort":
            return False
        return self.station.is_running and not self.is_locked_out(client)

    def _execute(self, client: Client, message: bytes | None) -> None:
        station = self.station
        self._talker = client
        with self._lock:
            begin = self._catch_up() if self._paced else 0.0
            before = self._clock.now
            try:
                if message is None:
                    station.trigger(0.0)
                else:
                    station.write(message, 0.0)
                if station.is_running:
                    self._look_again()
                elif self._paced:
                    start = max(begin, self._busy_until)
                    self._busy_until = start + self._clock.now - before
                self._hand_out(client)
            except LabneuroError as error:
                self._fail(client, error)

    def _catch_up(self) -> float:
        """Let bench time catch up with the wall; return the wall's time in s."""
        if not any(station.is_running for station in self._stations):
            self._clock.catch_up()
        return time.monotonic()

    def _hand_out(self, client: Client) -> None:
        """Pass on every reply that the instrument has, now or when it is due."""
        while self.instrument.message_available:
            before = self._clock.now
            content, _ = self.station.read(_WHOLE, None, math.inf)
            if self._paced and (late := self._clock.now - before) > 0.0:
                self._busy_until = max(self._busy_until, time.monotonic()) + late
            if not content:
                continue  # a fault has swallowed it
            if self._held or (self._paced and self._busy_until > time.monotonic()):
                self._hold(_Held(self._busy_until, client, content))
            else:
                client.deliver(content)

    def _fail(self, client: Client, error: LabneuroError) -> None:
        """Cut a connection: a fault asks for it, or the simulation itself failed."""
        if not isinstance(error, ConnectionDroppedError):
            _log.error("%s", error)
        client.drop()

    def beat(self) -> None:
        """Notice what a clock that runs with the wall has brought about meanwhile."""
        client = self._talker
        with self._lock:
            self._catch_up()
            if self._listeners:
                self.station.announce_request()
            if client is not None and not self.station.is_running:
                self._hand_out(client)

    def _hold(self, held: _Held) -> None:
        self._held.append(held)
        if len(self._held) == 1:
            self._loop.call_later(held.due - time.monotonic(), self._release)

    def _release(self) -> None:
        while self._held and self._held[0].due <= time.monotonic() + _SHORTEST_LOOK:
            held = self._held.popleft()
            held.client.deliver(held.content)
            self._settle_up(held.client)
        if self._held:
            due = self._held[0].due
            self._loop.call_later(due - time.monotonic(), self._release)

    # -- scripts that run on -----------------------------------------------------------

    def _look_again(self) -> None:
        if self._look is None:
            pause = min(_SHORTEST_LOOK * 1.5**self._looks, _LONGEST_LOOK)
            self._look = self._loop.call_later(pause, self._look_now)

    def _look_now(self) -> None:
        """Look at a running script: pass on what it said, notice its end."""
        self._look = None
        self._looks = min(self._looks + 1, 20)
        client, station = self._talker, self.station
        with self._lock:
            try:
                station.wait_idle(0.0)
                station.settle()
                if self._listeners:
                    station.announce_request()
                if client is not None:
                    self._hand_out(client)
            except LabneuroError as error:
                station.settle()
                if client is not None:
                    self._fail(client, error)
        if station.is_running:
            self._look_again()
            return
        self._looks = 0
        if client is not None:
            self._settle_up(client)
        self._pump()

    def owes(self, client: Client) -> bool:
        """Whether a reply for a client may still come."""
        if client.backlog or (self.station.is_running and self._talker is client):
            return True
        return any(held.client is client for held in self._held)

    def _settle_up(self, client: Client) -> None:
        if not self.owes(client):
            client.nothing_owed()

    def _pump(self) -> None:
        """Carry out the messages that waited and need not wait any longer."""
        waiting, self._waiting = self._waiting, deque()
        blocked: set[Client] = set()
        for client, message in waiting:
            if client in blocked or self._must_wait(client):
                blocked.add(client)
                self._waiting.append((client, message))
            else:
                client.backlog -= 1
                self._execute(client, message)
                self._settle_up(client)

    # -- what else a client may ask ----------------------------------------------------

    def status_byte(self) -> int:
        """Return the status byte of a serial poll."""
        with self._lock:
            return self.station.status_byte()

    def clear(self, client: Client) -> None:
        """Take a device clear: abort what runs, forget what the client expects."""
        with self._lock:
            try:
                self.station.clear()
            except LabneuroError as error:
                self._fail(client, error)
        self._forget(client)
        self._busy_until = 0.0
        self._pump()

    def interrupted(self) -> bool:
        """Tell the instrument that its reply was not read; whether that is lost."""
        with self._lock:
            return self.instrument.query_interrupted()

    def unanswered(self, timeout: float) -> None:
        """Let a client wait in vain: the instrument may report it."""
        with self._lock:
            if not self.instrument.busy:
                self.instrument.query_unanswered()
            if not self._paced:
                self.station.wait(timeout)

    @property
    def is_paced(self) -> bool:
        """Whether bench time runs with the wall."""
        return self._paced

    def _forget(self, client: Client) -> None:
        """Drop the client's messages that wait and the replies that are held."""
        self._waiting = deque(one for one in self._waiting if one[0] is not client)
        self._held = deque(one for one in self._held if one.client is not client)
        client.backlog = 0

    def listen(self, client: Client) -> None:
        """Tell a client of service requests from now on."""
        if client not in self._listeners:
            self._listeners.append(client)
        if self._hear not in self.station.listeners:
            self.station.listeners.append(self._hear)

    def stop_listening(self, client: Client) -> None:
        """Tell a client of service requests no longer."""
        if client in self._listeners:
            self._listeners.remove(client)
        if not self._listeners and self._hear in self.station.listeners:
            self.station.listeners.remove(self._hear)

    def _hear(self) -> None:
        # Another thread may have asked, where a bench is served beside its own process.
        self._loop.call_soon_threadsafe(self._pass_request_on)

    def _pass_request_on(self) -> None:
        with self._lock:
            status = self.instrument.status_byte() | REQUEST_SERVICE
        for client in list(self._listeners):
            client.request_service(status)

    def leave(self, client: Client) -> None:
        """Forget a client: its locks, its messages, its listening end with it."""
        self.clients.discard(client)
        self.stop_listening(client)
        self._forget(client)
        with self._lock:
            LOCKS.release_all(_as_session(client))
        self._lock_freed()

    # -- locks -------------------------------------------------------------------------

    def is_locked_out(self, client: Client) -> bool:
        """Whether another client's lock keeps this one out."""
        return LOCKS.refuse(_as_session(client))

    def holds_exclusively(self, client: Client) -> bool:
        """Whether the client has the exclusive lock."""
        holder = LOCKS.holders.get(self.station)
        return holder is not None and holder.exclusive is _as_session(client)

    def lock_holders(self) -> tuple[bool, int]:
        """Return whether there is an exclusive lock, and how many clients hold one."""
        holder = LOCKS.holders.get(self.station)
        if holder is None:
            return False, 0
        exclusive = holder.exclusive is not None
        return exclusive, len(set(map(id, holder.sharers))) + exclusive

    async def take_lock(
        self, client: Client, kind: Lock, key: str | None, timeout: float
    ) -> StatusCode:
        """Take a lock; wait at most `timeout` s of wall time for another's to go."""
        deadline = time.monotonic() + timeout
        while True:
            with self._lock:
                _, status = LOCKS.take(_as_session(client), kind, key)
            left = deadline - time.monotonic()
            if status >= 0 or left <= 0.0:
                return status
            await self.lock_change(left)

    async def lock_change(self, timeout: float) -> None:
        """Wait until a lock is given back, at most `timeout` s."""
        change = self._loop.create_future()
        self._lock_waiters.append(change)
        await asyncio.wait([change], timeout=timeout)
        if change in self._lock_waiters:
            self._lock_waiters.remove(change)

    def give_lock_back(self, client: Client) -> StatusCode:
        """Undo the client's latest lock."""
        with self._lock:
            status = LOCKS.give_back(_as_session(client))
        self._lock_freed()
        return status

    def _lock_freed(self) -> None:
        waiters, self._lock_waiters = self._lock_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._pump()


def _as_session(client: Client) -> InstrumentSession:
    """Let a client stand where the locks expect a session: they use its station."""
    return cast("InstrumentSession", client)
