"""Status registers and error queue of a SCPI instrument.

References
----------
IEEE Std 488.2-1992, section 11 (status reporting); SCPI-99 volume 1, chapter 9.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from labneuro.sim_backends.scpi import syntax

if TYPE_CHECKING:
    from collections.abc import Mapping

# Standard event status register.
OPERATION_COMPLETE = 0x01
QUERY_ERROR = 0x04
DEVICE_ERROR = 0x08
EXECUTION_ERROR = 0x10
COMMAND_ERROR = 0x20
# Status byte.
ERROR_AVAILABLE = 0x04
QUESTIONABLE_SUMMARY = 0x08
MESSAGE_AVAILABLE = 0x10
EVENT_SUMMARY = 0x20
REQUEST_SERVICE = 0x40
OPERATION_SUMMARY = 0x80

_BYTE = 0xFF
_REGISTER = 0x7FFF
# Error number (hundreds) -> bit of the standard event status register.
_EVENT_OF = {1: COMMAND_ERROR, 2: EXECUTION_ERROR, 3: DEVICE_ERROR, 4: QUERY_ERROR}


class EventRegister:
    """A condition register with its event and enable registers, 15 bits."""

    def __init__(self) -> None:
        self.condition = 0
        self.event = 0
        self.enable = 0

    def set_enable(self, mask: int) -> None:
        """Choose the bits of the event register that the summary reports."""
        self.enable = mask & _REGISTER

    def set_condition(self, condition: int) -> None:
        """Take a new condition; bits that rise are remembered as events."""
        self.event |= condition & ~self.condition
        self.condition = condition

    def take_event(self) -> int:
        """Return the event register and clear it."""
        event, self.event = self.event, 0
        return event


class ErrorQueue:
    """The error/event queue: first in, first out, the last place for the overflow.

    Parameters
    ----------
    texts : dict of int to str
        The maker's error texts.
    length : int
        Number of entries that it holds.
    empty : str
        The answer while there is no error.
    """

    def __init__(self, texts: Mapping[int, str], length: int, empty: str) -> None:
        self._texts = texts
        self._length = length
        self._empty = empty
        self._entries: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, code: int) -> int:
        """Add an error; returns the code that was entered (-350 once it is full)."""
        if len(self._entries) >= self._length:
            self._entries[-1] = code = syntax.QUEUE_OVERFLOW
        else:
            self._entries.append(code)
        return code

    def pop(self) -> str:
        """Take the oldest error, as the instrument writes it."""
        if not self._entries:
            return self._empty
        code = self._entries.popleft()
        return f'{code},"{self._texts.get(code, "Device-specific error")}"'

    def clear(self) -> None:
        """Forget all errors."""
        self._entries.clear()


class Status:
    """The registers behind the status byte.

    Parameters
    ----------
    errors : ErrorQueue
        The instrument's error queue.
    """

    def __init__(self, errors: ErrorQueue) -> None:
        self.errors = errors
        self.operation = EventRegister()
        self.questionable = EventRegister()
        # Without the power-on bit: a bench is met warmed up, that event long read.
        self.event_status = 0
        self.event_enable = 0
        self.service_enable = 0
        self._reasons = 0
        self._requested = False

    def report(self, code: int) -> None:
        """Enter an error into the queue and its class into the event register."""
        self.event_status |= _EVENT_OF.get(-code // 100, DEVICE_ERROR)
        self.errors.push(code)

    def set_event_enable(self, mask: int) -> None:
        """Set the standard event status enable register (8 bits)."""
        self.event_enable = mask & _BYTE

    def set_service_enable(self, mask: int) -> None:
        """Set the service request enable register (8 bits without RQS)."""
        self.service_enable = mask & _BYTE & ~REQUEST_SERVICE

    def take_event_status(self) -> int:
        """Return the standard event status register and clear it."""
        value, self.event_status = self.event_status, 0
        return value

    def clear(self) -> None:
        """Clear events and errors, as ``*CLS``."""
        self.event_status = 0
        self.operation.event = self.questionable.event = 0
        self.errors.clear()

    def _bits(self, message_available: bool) -> int:
        bits = MESSAGE_AVAILABLE if message_available else 0
        if self.errors:
            bits |= ERROR_AVAILABLE
        if self.questionable.event & self.questionable.enable:
            bits |= QUESTIONABLE_SUMMARY
        if self.event_status & self.event_enable:
            bits |= EVENT_SUMMARY
        if self.operation.event & self.operation.enable:
            bits |= OPERATION_SUMMARY
        return bits

    def status_byte(self, message_available: bool) -> int:
        """Return the status byte with the master summary in bit 6, as ``*STB?``."""
        bits = self._bits(message_available)
        return bits | (REQUEST_SERVICE if bits & self.service_enable else 0)

    def update_request(self, message_available: bool) -> None:
        """Request service if an enabled bit has risen; stop when none is left."""
        reasons = self._bits(message_available) & self.service_enable
        if reasons & ~self._reasons:
            self._requested = True
        elif not reasons:
            self._requested = False
        self._reasons = reasons

    def poll(self, message_available: bool) -> int:
        """Return the status byte of a serial poll, which ends the service request."""
        self.update_request(message_available)
        bits = self._bits(message_available)
        if self._requested:
            bits |= REQUEST_SERVICE
            self._requested = False
        return bits
