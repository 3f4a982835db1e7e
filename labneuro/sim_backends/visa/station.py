"""An instrument at its address: what several clients share of it.

Virtual time
------------
An instrument carries out a message at once and lets the bench clock jump by what it
takes; on hardware the client would still be where it was, and would wait when it
reads. So every station remembers how far its instrument is ahead of the client
(:attr:`Station.lead`). A read waits that time, or times out if it is longer than the
time-out and finds the reply later; waiting anywhere lets every instrument's lead
shrink. On a real clock a write lasts as long as the operation does, and there is no
lead.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from pyvisa.constants import StatusCode

from labneuro.errors import InstrumentError, LabneuroError
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.visa.framing import cut_terminator

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyvisa.rname import ResourceName

    from labneuro.sim_backends.base import Reply, SimulatedInstrument
    from labneuro.sim_backends.faults import Faults

MESSAGE_AVAILABLE = 0x10
REQUEST_SERVICE = 0x40
_SLICE = 0.02  # s of wall time between two looks at a running script


class Neighbours:
    """The stations of one bench, and those where a script runs on."""

    def __init__(self) -> None:
        self.stations: list[Station] = []
        self.running: list[Station] = []


class Station:
    """One instrument of a powered bench, with the state that belongs to its address.

    Parameters
    ----------
    name : str
        The instrument's name on the bench.
    address : ResourceName
        Its VISA resource name, parsed.
    instrument : SimulatedInstrument
        The instrument.
    neighbours : Neighbours
        All stations of the bench; this one adds itself.
    faults : Faults
        What goes wrong between instrument and client.
    """

    def __init__(
        self,
        name: str,
        address: ResourceName,
        instrument: SimulatedInstrument,
        neighbours: Neighbours,
        faults: Faults,
    ) -> None:
        self.name = name
        self.faults = faults
        self.address = address
        self.instrument = instrument
        self.lead = 0.0
        self.listeners: list[Callable[[], None]] = []
        self._neighbours = neighbours
        neighbours.stations.append(self)
        self._clock = instrument.clock
        self._virtual = isinstance(instrument.clock, VirtualClock)
        self._mark = 0.0
        self._due: Reply | None = None
        self._pending = b""
        self._position = 0
        self._request_seen = False

    def write(self, data: bytes, timeout: float) -> None:
        """Take what a client sent up to END.

        Parameters
        ----------
        data : bytes
            The message, with or without CR LF or LF at its end.
        timeout : float
            Wall time in s to wait for scripts that run on other instruments.

        Raises
        ------
        InstrumentError
            If the simulated instrument itself fails: never a client's fault.
        """
        if self._pending or self._due is not None:
            self._interrupt()
        self._begin(timeout)
        instrument, clock = self.instrument, self._clock
        before = clock.now
        taker = self.faults if self.faults else instrument
        try:
            taker.write(cut_terminator(data))
        except LabneuroError:
            raise
        except Exception as error:
            raise self._model_failure(f"the message {data[:80]!r}", error) from error
        if instrument.busy or self._neighbours.running:
            self._follow(before)
        elif self._virtual:
            self.lead += clock.now - before
        if self.listeners:
            self.announce_request()

    def _begin(self, timeout: float) -> None:
        """Let scripts elsewhere end, then bench time catch up with the wall."""
        if self._neighbours.running:
            self._await_neighbours(timeout)
        if not self._neighbours.running:
            self._clock.catch_up()

    def _follow(self, since: float) -> None:
        """Account for a message of `since` while scripts run, here or elsewhere."""
        if self.is_running:
            self.settle()
        elif self.instrument.busy:
            self._neighbours.running.append(self)
            self._mark = since
        elif self._virtual:
            self.lead += self._clock.now - since

    def read(
        self, count: int, termchar: bytes | None, timeout: float
    ) -> tuple[bytes, StatusCode]:
        """Give a client at most `count` bytes of the reply.

        Parameters
        ----------
        count : int
            Most bytes to return.
        termchar : bytes, optional
            Character that ends the read, if any.
        timeout : float
            Time-out in s; infinite means no time-out.

        Returns
        -------
        bytes
            What was read.
        StatusCode
            Success (END), termination character, maximum count, or time-out.
        """
        if not self._pending and not self._fetch(timeout):
            return b"", StatusCode.error_timeout
        pending, begin = self._pending, self._position
        last = len(pending)
        end = begin + count
        if termchar is not None:
            found = pending.find(termchar, begin, end)
            end = end if found < 0 else found + 1
        if end >= last:
            self._pending, self._position = b"", 0
            return pending[begin:], StatusCode.success
        self._position = end
        chunk = pending[begin:end]
        if termchar is not None and chunk.endswith(termchar):
            return chunk, StatusCode.success_termination_character_read
        return chunk, StatusCode.success_max_count_read

    def _fetch(self, timeout: float) -> bool:
        """Make the next reply pending; False if the time-out comes first."""
        reply = self._due or self.instrument.next_reply()
        if reply is None and self._neighbours.running:
            self._await_reply(timeout)
            reply = self.instrument.next_reply()
        lost = False
        if reply is not None and self._due is None and self.faults:
            reply = self.faults.distort(reply)
            lost = reply is None
        if reply is None:
            if not self.instrument.busy and not lost:
                self.instrument.query_unanswered()
            self._elapse(0.0 if math.isinf(timeout) else timeout)
            return False
        ahead = reply.ready - self._client_time()
        if ahead > timeout:
            self._due = reply
            self._elapse(timeout)
            return False
        if ahead > 0.0:
            self._elapse(ahead)
        self._due = None
        self._pending = reply.content + reply.terminator
        self._position = 0
        if self.listeners:
            self.announce_request()
        return True

    def _client_time(self) -> float:
        """Return where the client is, in bench time in s."""
        if self._neighbours.running and self.is_running:
            return self._mark - self.lead
        return self._clock.now - self.lead

    def _elapse(self, duration: float) -> None:
        """Let the client wait; a script that runs moves the clock by itself."""
        if self._neighbours.running and self.is_running:
            self._mark += duration
        else:
            self.wait(duration)

    def _interrupt(self) -> None:
        """Tell the instrument that its reply was not read to the end."""
        if self.instrument.query_interrupted():
            self._pending, self._position, self._due = b"", 0, None

    def wait(self, duration: float) -> None:
        """Let the client wait `duration` s: first for what is ahead of it."""
        beyond = duration - self.lead
        for station in self._neighbours.stations:
            station.lead = max(0.0, station.lead - duration)
        if beyond > 0.0:
            self._clock.advance(beyond)

    def _await_neighbours(self, timeout: float) -> None:
        """Let scripts on other instruments end first: results must not depend on luck.

        A script that does not end within the time-out goes on beside what follows.
        """
        for station in list(self._neighbours.running):
            if station is not self:
                station.wait_idle(timeout)
                station.settle()

    def _await_reply(self, timeout: float) -> None:
        self._await_neighbours(timeout)
        deadline = time.monotonic() + _finite(timeout)
        instrument = self.instrument
        while instrument.busy and not instrument.message_available:
            left = deadline - time.monotonic()
            if left <= 0.0 or self.wait_idle(min(left, _SLICE)):
                break
        self.settle()

    def wait_idle(self, timeout: float) -> bool:
        """Wait at most `timeout` s of wall time until no script runs; whether so."""
        try:
            return self.instrument.wait_idle(_finite(timeout))
        except LabneuroError:
            raise
        except Exception as error:
            raise self._model_failure("a script", error) from error

    def settle(self) -> None:
        """Account for a script that has ended since the last look."""
        if self.is_running and not self.instrument.busy:
            self._neighbours.running.remove(self)
            if self._virtual:
                self.lead += max(0.0, self._clock.now - self._mark)
            if self.listeners:
                self.announce_request()

    @property
    def is_running(self) -> bool:
        """Whether a script was running at the last look."""
        return self in self._neighbours.running

    def status_byte(self) -> int:
        """Return the status byte of a serial poll.

        A client that polls waits: what the instrument was ahead is then past.
        """
        self.settle()
        if not self.is_running:
            self.wait(self.lead)
        value = self.instrument.status_byte()
        if self._pending or self._due is not None:
            value |= MESSAGE_AVAILABLE
        if self._request_seen:
            value |= REQUEST_SERVICE
            self._request_seen = False
        return value

    def announce_request(self) -> None:
        """Tell the clients that listen if the instrument requests service."""
        if self.instrument.status_byte() & REQUEST_SERVICE:
            self._request_seen = True
            for listener in list(self.listeners):
                listener()

    def await_request(self, timeout: float) -> None:
        """Give a running script, then the clock, until the time-out to ask for service.

        Parameters
        ----------
        timeout : float
            In s: wall time for a script, bench time for the clock.
        """
        if self.is_running:
            self.wait_idle(timeout)
            self.settle()
        if not self._request_seen and not math.isinf(timeout):
            self.wait(timeout)
            self.announce_request()

    def clear(self) -> None:
        """Take a device clear: what runs is aborted, what was to be read is gone."""
        self._pending, self._position, self._due = b"", 0, None
        try:
            self.instrument.clear()
        except LabneuroError:
            raise
        except Exception as error:
            raise self._model_failure("a device clear", error) from error
        self.settle()

    def trigger(self, timeout: float) -> None:
        """Take a group execute trigger."""
        self._await_neighbours(timeout)
        before = self._clock.now
        try:
            self.instrument.group_trigger()
        except LabneuroError:
            raise
        except Exception as error:
            raise self._model_failure("a trigger", error) from error
        if self._virtual and not self.is_running:
            self.lead += self._clock.now - before

    def discard_reply(self) -> None:
        """Forget the rest of a reply that was partly read."""
        self._pending, self._position = b"", 0

    def _model_failure(self, what: str, error: Exception) -> InstrumentError:
        return InstrumentError(
            f"{self.name}: the simulated {type(self.instrument).__name__} failed on "
            f"{what}: {type(error).__name__}: {error}"
        )


def _finite(timeout: float) -> float:
    return min(timeout, threading.TIMEOUT_MAX)
