"""The VISA backend ``@labneuro``: any VISA client meets the simulated instruments.

``pyvisa.ResourceManager("<bench>@labneuro")``, where the bench is a file or a name in a
workspace, opens a simulated bench. Options follow after a question mark, for instance
``hnno-sim?seed=7&clock=real&fresh=mine@labneuro``: seed and clock override the bench
file, another token after ``fresh`` makes a bench of its own. Without a bench
(``"@labneuro"``) it is ``hnno-sim``, the one that labneuro ships.

Errors of instruments go to the instruments' queues. A VISA error means a time-out, a
wrong name or a wrong session; whatever else is raised is a fault of the simulation.

References
----------
IVI VPP-4.3, The VISA Library.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pyvisa import constants, errors, rname
from pyvisa.constants import EventType, StatusCode
from pyvisa.util import LibraryPath
from pyvisa_sim.highlevel import SimVisaLibrary

from labneuro.sim_backends.faults import ConnectionDroppedError
from labneuro.sim_backends.simulated_bench import parse_address
from labneuro.sim_backends.visa.locks import LOCKS
from labneuro.sim_backends.visa.powered_benches import PoweredBench, power_off, power_on
from labneuro.sim_backends.visa.session import InstrumentSession, wait_for_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import SupportsInt

DEFAULT_BENCH = "hnno-sim"
_SUCCESS = StatusCode.success
_EVENTS = (EventType.service_request, EventType.all_enabled)


class _EventContext(NamedTuple):
    """What an event says about itself until it is closed."""

    event_type: EventType


class LabneuroVisaLibrary(SimVisaLibrary):
    """VISA functions on simulated benches.

    The class carries a name of its own because clients treat one that is called
    ``SimVisaLibrary`` in a special way.
    """

    sessions: dict[int, Any]

    @staticmethod
    def get_library_paths() -> tuple[LibraryPath, ...]:
        """Return the bench that is meant where none is named."""
        return (LibraryPath(DEFAULT_BENCH, "default"),)

    @staticmethod
    def get_debug_info() -> dict[str, str]:
        """Return what ``pyvisa-info`` shows of this backend."""
        return {"Benches": "a bench file or name, see labneuro bench list"}

    def _init(self) -> None:
        self.sessions = {}
        self._handles = itertools.count(1)

    def _register(self, obj: object) -> int:
        handle = next(self._handles)
        self.sessions[handle] = obj
        return handle

    def _bench(self) -> PoweredBench:
        return power_on(str(self.library_path))

    def vendor_library(self, name: str) -> object:
        """Return what stands for a maker's library on this bench.

        Raises
        ------
        BenchConfigError
            If there is none of that name.
        """
        return self._bench().vendor_library(name)

    def power_off(self) -> None:
        """Switch the bench off: whoever names it next meets it as new."""
        power_off(str(self.library_path))
        self._registry.pop((type(self), self.library_path), None)

    def _fail(self, session: int | None, status: StatusCode) -> NoReturn:
        self.handle_return_value(session, status)
        raise errors.VisaIOError(status)

    def _session(self, session: int) -> InstrumentSession:
        """Return a session; being invalid or locked out is a VISA error."""
        found = self.sessions.get(session)
        if not isinstance(found, InstrumentSession):
            self._fail(None, StatusCode.error_invalid_object)
        if found.dropped:
            self._fail(session, StatusCode.error_connection_lost)
        if LOCKS.refuse(found):
            self._fail(session, StatusCode.error_resource_locked)
        return found

    def open_default_resource_manager(self) -> tuple[int, StatusCode]:
        """Open the resource manager and switch the bench on."""
        self._bench()
        handle = self._register(self)
        return handle, self.handle_return_value(handle, _SUCCESS)

    def list_resources(self, session: int, query: str = "?*::INSTR") -> tuple[str, ...]:
        """Return the addresses of the bench's instruments that match a query."""
        if session not in self.sessions:
            self._fail(None, StatusCode.error_invalid_object)
        found: tuple[str, ...] = rname.filter(list(self._bench().stations), query)
        return found

    def parse_resource_extended(
        self, session: int, resource_name: str
    ) -> tuple[Any, StatusCode]:
        """Return what a resource name says, its keywords in any case."""
        with contextlib.suppress(rname.InvalidResourceName):
            resource_name = str(parse_address(resource_name))
        found: tuple[Any, StatusCode]
        found = super().parse_resource_extended(session, resource_name)
        return found

    def open(
        self,
        session: int,
        resource_name: str,
        access_mode: constants.AccessModes = constants.AccessModes.no_lock,
        open_timeout: SupportsInt = constants.VI_TMO_IMMEDIATE,
    ) -> tuple[int, StatusCode]:
        """Open a session with the instrument of a resource name, in any case.

        Raises
        ------
        pyvisa.errors.VisaIOError
            If the name is wrong, nothing has that address or it is locked.
        """
        try:
            address = parse_address(resource_name)
        except rname.InvalidResourceName:
            self._fail(None, StatusCode.error_invalid_resource_name)
        powered = self._bench()
        station = powered.find(address)
        if station is None:
            self._fail(None, StatusCode.error_resource_not_found)
        opened = InstrumentSession(session, powered, station)
        handle = self._register(opened)
        if access_mode != constants.AccessModes.no_lock:
            kind = constants.Lock(int(access_mode))
            _, status = LOCKS.take(opened, kind, None)
            if status < 0:
                self.close(handle)
                self._fail(None, status)
        return handle, self.handle_return_value(handle, _SUCCESS)

    def close(self, session: int) -> StatusCode:
        """Close a session, an event or the resource manager."""
        closed = self.sessions.pop(session, None)
        if closed is None:
            self._fail(None, StatusCode.error_invalid_object)
        if isinstance(closed, InstrumentSession):
            with closed.lock:
                closed.close()
        self._last_status_in_session.pop(session, None)
        self._last_status = _SUCCESS
        return _SUCCESS

    def write(self, session: int, data: bytes) -> tuple[int, StatusCode]:
        """Send a message; the END signal is implied with its last byte."""
        current = self.sessions.get(session)
        if (
            current.__class__ is not InstrumentSession
            or LOCKS.holders
            or current.dropped
        ):
            current = self._session(session)
        with current.lock:
            try:
                if current.plain and data.__class__ is bytes:
                    current.station.write(data, current.timeout)
                else:
                    current.write(bytes(data))
            except ConnectionDroppedError:
                current.drop()
                self._fail(session, StatusCode.error_connection_lost)
        self._last_status = self._last_status_in_session[session] = _SUCCESS
        return len(data), _SUCCESS

    def read(self, session: int, count: int) -> tuple[bytes, StatusCode]:
        """Read at most `count` bytes of a reply.

        Raises
        ------
        pyvisa.errors.VisaIOError
            If no reply comes within the session's time-out.
        """
        current = self.sessions.get(session)
        if (
            current.__class__ is not InstrumentSession
            or LOCKS.holders
            or current.dropped
        ):
            current = self._session(session)
        with current.lock:
            if current.plain:
                content, status = current.station.read(
                    count, current.termchar, current.timeout
                )
            else:
                content, status = current.read(count)
        if status is _SUCCESS:
            self._last_status = self._last_status_in_session[session] = status
        else:
            self.handle_return_value(session, status)
        return content, status

    def get_attribute(
        self, session: int, attribute: constants.ResourceAttribute
    ) -> tuple[Any, StatusCode]:
        """Return an attribute of a session or of an event."""
        found = self.sessions.get(session)
        if isinstance(found, _EventContext):
            return found.event_type, _SUCCESS
        if not isinstance(found, InstrumentSession):
            self._fail(None, StatusCode.error_invalid_object)
        value, status = found.get_attribute(attribute)
        return value, self.handle_return_value(session, status)

    def set_attribute(
        self,
        session: int,
        attribute: constants.ResourceAttribute,
        attribute_state: object,
    ) -> StatusCode:
        """Set an attribute of a session."""
        current = self._session(session)
        status = current.set_attribute(attribute, attribute_state)
        return self.handle_return_value(session, status)

    def read_stb(self, session: int) -> tuple[int, StatusCode]:
        """Return the status byte of a serial poll."""
        current = self._session(session)
        with current.lock:
            value = current.station.status_byte()
        return value, self.handle_return_value(session, _SUCCESS)

    def assert_trigger(
        self,
        session: int,
        protocol: constants.TriggerProtocol,
    ) -> StatusCode:
        """Send a group execute trigger."""
        current = self._session(session)
        with current.lock:
            current.station.trigger(current.timeout)
        return self.handle_return_value(session, _SUCCESS)

    def clear(self, session: int) -> StatusCode:
        """Send a device clear."""
        current = self._session(session)
        with current.lock:
            current.clear()
        return self.handle_return_value(session, _SUCCESS)

    def flush(self, session: int, mask: constants.BufferOperation) -> StatusCode:
        """Flush buffers: only discarding what was not read has an effect."""
        current = self._session(session)
        operation = constants.BufferOperation
        discard = operation.discard_read_buffer | operation.discard_receive_buffer
        with current.lock:
            if mask & discard:
                current.discard_input()
        return self.handle_return_value(session, _SUCCESS)

    def lock(
        self,
        session: int,
        lock_type: constants.Lock,
        timeout: int,
        requested_key: str | None = None,
    ) -> tuple[str, StatusCode]:
        """Lock an instrument for this session, or for all that know the key."""
        current = self.sessions.get(session)
        if not isinstance(current, InstrumentSession):
            self._fail(None, StatusCode.error_invalid_object)
        with current.lock:
            key, status = LOCKS.take(current, lock_type, requested_key)
        return key, self.handle_return_value(session, status)

    def unlock(self, session: int) -> StatusCode:
        """Undo the latest lock."""
        current = self._session(session)
        with current.lock:
            status = LOCKS.give_back(current)
        return self.handle_return_value(session, status)

    def gpib_control_ren(
        self,
        session: int,
        mode: constants.RENLineOperation,
    ) -> StatusCode:
        """Set remote or local: a simulated front panel has nobody before it."""
        self._session(session)
        return self.handle_return_value(session, _SUCCESS)

    def enable_event(
        self,
        session: int,
        event_type: EventType,
        mechanism: constants.EventMechanism,
        context: None = None,
    ) -> StatusCode:
        """Ask to be told of service requests."""
        current = self._session(session)
        if event_type != EventType.service_request:
            self._fail(session, StatusCode.error_invalid_event)
        with current.lock:
            current.on_event = lambda event: self._call_handlers(session, event)
            current.enable_requests(mechanism)
        return self.handle_return_value(session, _SUCCESS)

    def disable_event(
        self,
        session: int,
        event_type: EventType,
        mechanism: constants.EventMechanism,
    ) -> StatusCode:
        """Stop being told of service requests."""
        current = self.sessions.get(session)
        if isinstance(current, InstrumentSession) and event_type in _EVENTS:
            with current.lock:
                current.disable_requests(mechanism)
        return _SUCCESS

    def discard_events(
        self,
        session: int,
        event_type: EventType,
        mechanism: constants.EventMechanism,
    ) -> StatusCode:
        """Empty the queue of events."""
        current = self.sessions.get(session)
        if isinstance(current, InstrumentSession) and event_type in _EVENTS:
            with current.lock:
                current.events.clear()
        return _SUCCESS

    def wait_on_event(
        self,
        session: int,
        in_event_type: EventType,
        timeout: int | None,
    ) -> tuple[EventType, int, StatusCode]:
        """Wait for a service request.

        Raises
        ------
        pyvisa.errors.VisaIOError
            If none comes within `timeout` ms, or if it was never enabled.
        """
        current = self._session(session)
        if in_event_type not in _EVENTS:
            self._fail(session, StatusCode.error_invalid_event)
        if not current.mechanisms & constants.EventMechanism.queue:
            self._fail(session, StatusCode.error_not_enabled)
        endless = timeout is None or timeout == constants.VI_TMO_INFINITE
        seconds = math.inf if endless or timeout is None else timeout / 1000.0
        event = wait_for_event(current, seconds)
        if event is None:
            self._fail(session, StatusCode.error_timeout)
        context = self._register(_EventContext(event))
        return event, context, self.handle_return_value(session, _SUCCESS)

    def install_handler(
        self,
        session: int,
        event_type: EventType,
        handler: Callable[..., Any],
        user_handle: object,
    ) -> tuple[Callable[..., Any], Any, Any, StatusCode]:
        """Have a function called at every service request."""
        current = self._session(session)
        current.handlers.append((handler, user_handle))
        status = self.handle_return_value(session, _SUCCESS)
        return handler, user_handle, handler, status

    def uninstall_handler(
        self,
        session: int,
        event_type: EventType,
        handler: Callable[..., Any],
        user_handle: object = None,
    ) -> StatusCode:
        """Stop calling a function."""
        current = self._session(session)
        if (handler, user_handle) in current.handlers:
            current.handlers.remove((handler, user_handle))
        return self.handle_return_value(session, _SUCCESS)

    def _call_handlers(self, session: int, event: EventType) -> None:
        current = self._session(session)
        for handler, user_handle in list(current.handlers):
            context = self._register(_EventContext(event))
            handler(session, event, context, user_handle)
            self.sessions.pop(context, None)
