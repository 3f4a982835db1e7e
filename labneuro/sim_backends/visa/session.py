"""One client's session with one simulated instrument: attributes, events.

References
----------
IVI VPP-4.3, The VISA Library: sections 3 (attributes, events, locking) and 6 (I/O).
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from pyvisa import constants
from pyvisa.constants import EventMechanism, EventType, ResourceAttribute, StatusCode
from pyvisa_sim.sessions.session import Session as AttributeStore

from labneuro.sim_backends.visa.framing import split_messages
from labneuro.sim_backends.visa.locks import LOCKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.visa.powered_benches import PoweredBench
    from labneuro.sim_backends.visa.station import Station

_HANDLER = EventMechanism.handler
_QUEUE = EventMechanism.queue
_NEWLINE = 10
_SPEC_VERSION = 0x00700200  # VPP-4.3 revision 7.2
_LONGEST_QUEUE = 50  # VI_ATTR_MAX_QUEUE_LENGTH


class InstrumentSession:
    """A session as viOpen returns it.

    Parameters
    ----------
    manager : int
        Session of the resource manager.
    powered : PoweredBench
        The bench.
    station : Station
        The instrument.
    """

    def __init__(
        self,
        manager: int,
        powered: PoweredBench,
        station: Station,
    ) -> None:
        self.station = station
        address = station.address
        self.lock = powered.lock
        self.stream = address.resource_class == "SOCKET"
        kind = AttributeStore.get_session_class(
            address.interface_type_const, address.resource_class
        )
        self._store = kind(manager, str(address), address)
        self._store.attrs.update(_identity(powered, station))
        self.dropped = False
        self._outgoing = b""
        self._incoming = b""
        self.mechanisms = 0
        self.handlers: list[tuple[Callable[..., object], object]] = []
        self.events: deque[EventType] = deque()
        self.on_event: Callable[[EventType], None] | None = None
        self.plain = False
        self._refresh()

    def _refresh(self) -> None:
        """Keep the attributes that every operation needs at hand."""

        def value(attribute: ResourceAttribute) -> Any:  # noqa: ANN401  as VISA has it
            return self._store.get_attribute(attribute)[0]

        milliseconds = value(ResourceAttribute.timeout_value)
        endless = milliseconds == constants.VI_TMO_INFINITE
        self.timeout = math.inf if endless else milliseconds / 1000.0
        enabled = value(ResourceAttribute.termchar_enabled)
        character = bytes([value(ResourceAttribute.termchar) & 0xFF])
        self.termchar: bytes | None = character if enabled else None
        self.send_end = bool(value(ResourceAttribute.send_end_enabled))
        self._suppress_end = bool(value(ResourceAttribute.suppress_end_enabled))
        # The usual case, in which the station can be asked without detour.
        self.plain = self.send_end and not self.stream and not self._outgoing

    def get_attribute(self, attribute: ResourceAttribute) -> tuple[Any, StatusCode]:
        """Return an attribute's value and the status."""
        if attribute == ResourceAttribute.resource_lock_state:
            return LOCKS.state(self), StatusCode.success
        value, status = self._store.get_attribute(attribute)
        if status == StatusCode.success and not isinstance(value, int | str):
            return 0, StatusCode.error_nonsupported_attribute  # no default is known
        return value, status

    def set_attribute(
        self,
        attribute: ResourceAttribute,
        state: Any,  # noqa: ANN401  as VISA has it
    ) -> StatusCode:
        """Set an attribute; returns the status."""
        status: StatusCode = self._store.set_attribute(attribute, state)
        self._refresh()
        return status

    def write(self, data: bytes) -> None:
        """Send bytes to the instrument."""
        data = self._outgoing + data
        self._outgoing = b""
        if self.stream:
            messages, self._outgoing = split_messages(data)
            for message in messages:
                self.station.write(message, self.timeout)
        elif self.send_end:
            self.plain = True
            self.station.write(data, self.timeout)
        else:
            self._outgoing = data

    def drop(self) -> None:
        """Take note that the connection is cut: nothing passes any more."""
        self.dropped = True
        self.station.discard_reply()

    def read(self, count: int) -> tuple[bytes, StatusCode]:
        """Read at most `count` bytes from the instrument."""
        if self.stream:
            return self._read_stream(count)
        return self.station.read(count, self.termchar, self.timeout)

    def _read_stream(self, count: int) -> tuple[bytes, StatusCode]:
        """Read from a socket, where no END signal says that a reply is complete."""
        while True:
            have = self._incoming
            end = count
            if self.termchar is not None:
                found = have.find(self.termchar, 0, count)
                end = found + 1 if found >= 0 else count
                if found >= 0:
                    self._incoming = have[end:]
                    return have[:end], StatusCode.success_termination_character_read
            if len(have) >= count:
                self._incoming = have[count:]
                return have[:count], StatusCode.success_max_count_read
            if have and not self._suppress_end:
                self._incoming = b""
                return have, StatusCode.success
            more, status = self.station.read(count, None, self.timeout)
            if status < 0:
                return b"", status
            self._incoming += more

    def clear(self) -> None:
        """Take a device clear."""
        self._outgoing = self._incoming = b""
        self.station.clear()

    def discard_input(self) -> None:
        """Forget what has come from the instrument and was not read."""
        self._incoming = b""
        self.station.discard_reply()

    def enable_requests(self, mechanism: int) -> None:
        """Listen to service requests by queue, handler or both."""
        self.mechanisms |= mechanism
        if self._hear not in self.station.listeners:
            self.station.listeners.append(self._hear)

    def disable_requests(self, mechanism: int) -> None:
        """Stop listening by the given mechanisms."""
        self.mechanisms &= ~mechanism
        if not self.mechanisms and self._hear in self.station.listeners:
            self.station.listeners.remove(self._hear)

    def _hear(self) -> None:
        if self.mechanisms & _QUEUE and len(self.events) < _LONGEST_QUEUE:
            self.events.append(EventType.service_request)
        if self.mechanisms & _HANDLER and self.on_event is not None:
            self.on_event(EventType.service_request)

    def close(self) -> None:
        """End the session: its locks and its listening end with it."""
        self.disable_requests(EventMechanism.all)
        LOCKS.release_all(self)


def _identity(
    powered: PoweredBench, station: Station
) -> dict[ResourceAttribute, object]:
    """Return the attributes that say what is at the other end."""
    model = powered.bench.config.instruments[station.name].model
    maker, _, number = model.partition(" ")
    attributes: dict[ResourceAttribute, object] = {
        ResourceAttribute.manufacturer_name: maker,
        ResourceAttribute.model_name: number or maker,
        ResourceAttribute.resource_manufacturer_name: "labneuro",
        ResourceAttribute.resource_spec_version: _SPEC_VERSION,
        ResourceAttribute.resource_impl_version: _SPEC_VERSION,
        ResourceAttribute.is_4882_compliant: True,
        ResourceAttribute.termchar: _NEWLINE,
        ResourceAttribute.max_queue_length: _LONGEST_QUEUE,
        ResourceAttribute.interface_number: int(getattr(station.address, "board", 0)),
        # On a socket NI-VISA and pyvisa-py wait for the termination character.
        ResourceAttribute.suppress_end_enabled: station.address.resource_class
        == "SOCKET",
        ResourceAttribute.tcpip_hostname: "",
        ResourceAttribute.tcpip_is_hislip: False,
    }
    for key, name in _USB_NUMBERS.items():
        if hasattr(station.address, name):
            attributes[key] = int(getattr(station.address, name), 0)
    return attributes


_USB_NUMBERS = {
    ResourceAttribute.manufacturer_id: "manufacturer_id",
    ResourceAttribute.model_code: "model_code",
    ResourceAttribute.usb_interface_number: "usb_interface_number",
}


def wait_for_event(session: InstrumentSession, timeout: float) -> EventType | None:
    """Wait until a service request is in a session's queue.

    Parameters
    ----------
    session : InstrumentSession
        The session.
    timeout : float
        Longest wait in s.

    Returns
    -------
    EventType or None
        The event, or None if the time went by.
    """
    deadline = time.monotonic() + timeout
    with session.lock:
        if not session.events:
            session.station.await_request(max(0.0, deadline - time.monotonic()))
        return session.events.popleft() if session.events else None
