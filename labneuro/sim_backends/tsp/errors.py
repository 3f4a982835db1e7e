"""The error queue of a TSP instrument."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from labneuro.sim_backends.tsp.runtime import TspObject

if TYPE_CHECKING:
    from collections.abc import Callable

SYNTAX, RUN_TIME, NO_MEMORY = -285, -286, -225
QUERY_UNTERMINATED = -420
INTERNAL = 900
NODE = 1
RECOVERABLE = 20
_QUEUE_LENGTH = 1000  # chosen: the manual gives no length
_OVERFLOW = -350

# Numbers and texts of the Series 2600 error list, as far as this simulation can meet
# them. Two are the manual's own (5052, p. 9-334; -286 and -285, p. 8-2 of Rev. C); the
# others are as the public qkit driver for the 2636A lists them
# (qkit/drivers/Keithley_2636A.py, err_msg, from the reference manual's summary list).
TEXTS = {
    -420: "Query Unterminated",
    -350: "Queue Overflow",
    -292: "Referenced name does not exist",
    -286: "TSP Runtime error at line {}: {}",
    -285: "TSP Syntax error at line {}: {}",
    -225: "Out of Memory or TSP Memory allocation error",
    -224: "Illegal Parameter Value",
    -222: "Parameter Data Out of Range",
    -221: "Settings Conflict",
    802: "Output Blocked By Interlock",
    INTERNAL: "Internal System Error",
    1100: "Command Unavailable",
    1101: "Parameter Too Big",
    1102: "Parameter Too Small",
    1114: "{}",
    1115: "Parameter error {}",
    1400: "Expected at least {} parameters",
    1401: "Parameter {} is invalid",
    1404: "Invalid byte order",
    1405: "Invalid ASCII precision",
    1406: "Invalid data format",
    1700: "Display area boundary exceeded",
    1800: "Invalid Digital Trigger Mode",
    1801: "Invalid digital I/O Line",
    2203: "Cannot open file",
    2216: "Invalid drive",
    2401: "Invalid specified connection",
    2411: "TSPnet connection failed",
    4900: "Reading buffer index {} is invalid",
    4903: "Reading buffer expired",
    5005: "Value too big for range",
    5007: "Operation would exceed safe operating area of the instrument",
    5008: "Operation not permitted while output is on",
    5011: "Operation not permitted while cal is locked",
    5013: "Cannot save cal data - unlock before save",
    5014: "Cannot restore cal data - unlock before restore",
    5016: "Cannot change cal date - unlock before operation",
    5017: "Cannot change cal constants - unlock before operation",
    5019: "Cannot unlock - invalid password",
    5025: "Cannot set filter.count > 1 when measure.count > 1",
    5032: "Cannot change this setting unless buffer is cleared",
    5033: "Reading buffer not found within device",
    5040: "Cannot use same reading buffer for multiple overlapped measurements",
    5042: "Invalid while overlapped measure",
    5047: "Minimum timestamp resolution is 1us",
    5048: "Contact check not valid with HIGH-Z output off",
    5050: "I limit too low for contact check",
    5052: "Interlock engaged; system stabilizing",
    5059: "trigger.source.action enabled without configuration",
    5060: "trigger.measure.action enabled without configuration",
    5061: "Operation not permitted while OUTPUT is off",
    5065: "I range too low for contact check",
    5066: "source.offlimiti too low for contact check",
    5069: "Autorange locked for HighC mode",
}

_UNLISTED = "Device-specific error"

# Bits of the standard event register by the hundreds of a negative code (IEEE 488.2).
_COMMAND, _EXECUTION, _DEVICE, _QUERY = 32, 16, 8, 4
_BITS = {1: _COMMAND, 2: _EXECUTION, 3: _DEVICE, 4: _QUERY}


class ErrorQueue:
    """Errors in the order in which they came.

    Parameters
    ----------
    noted : callable
        Called with the standard event bit of every error.
    """

    def __init__(self, noted: Callable[[int], None]) -> None:
        self._entries: deque[tuple[int, str]] = deque()
        self._noted = noted
        self.total = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, code: int, *details: object) -> None:
        """Put an error into the queue.

        Parameters
        ----------
        code : int
            Number in the instrument's list.
        *details
            What fills the gaps of its text.
        """
        self.total += 1
        self._noted(_BITS.get(-code // 100, _DEVICE) if code < 0 else _DEVICE)
        if len(self._entries) >= _QUEUE_LENGTH:
            self._entries[-1] = (_OVERFLOW, TEXTS[_OVERFLOW])
            return
        self._entries.append((code, TEXTS.get(code, _UNLISTED).format(*details)))

    def next(self) -> tuple[int, str, int, int]:
        """Take the oldest error: code, message, severity, node."""
        if not self._entries:
            return 0, "Queue Is Empty", 0, NODE
        code, message = self._entries.popleft()
        return code, message, RECOVERABLE, NODE

    def clear(self) -> None:
        """Forget all errors."""
        self._entries.clear()

    def lua_object(self) -> TspObject:
        """Return the ``errorqueue`` of the instrument's Lua."""
        return TspObject(
            getters={"count": lambda: len(self._entries)},
            functions={"next": self.next, "clear": self.clear},
        )
