"""Error numbers and texts of the B1500A, and its error queue.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, ``ERRX?``, ``ERR?``, ``EMG?``. The
pages of chapter 5 (error messages) were not found; numbers and texts stand here as far
as public drivers of the B1500A and of the E5270B quote them. Whatever has no number of
its own here is reported by the nearest general one.
"""

from __future__ import annotations

from collections import deque

UNDEFINED_COMMAND = 100
NUMBER_SYNTAX = 102
TERMINATOR = 103
PARAMETER = 120
CHANNEL = 121
CHANNEL_COUNT = 122
COMPLIANCE = 123
RANGE = 124
NO_MODULE = 153
OUTPUT_OFF = 200
TRIGGER_PORT = 620

MESSAGES = {
    0: "No Error.",
    UNDEFINED_COMMAND: "Undefined GPIB command.",
    NUMBER_SYNTAX: "Incorrect numeric data syntax.",
    TERMINATOR: "Incorrect terminator position.",
    PARAMETER: "Incorrect parameter value.",
    CHANNEL: "Channel number must be 1 to 10.",
    CHANNEL_COUNT: "Number of channels must be corrected.",
    COMPLIANCE: "Compliance must be set correctly.",
    RANGE: "Incorrect range value for this channel.",
    NO_MODULE: "No module for the specified channel.",
    OUTPUT_OFF: "Channel output switch must be ON.",
    TRIGGER_PORT: "TGP specified incorrect I/O port.",
}
SYNTAX_ERRORS = (UNDEFINED_COMMAND, NUMBER_SYNTAX, TERMINATOR)

QUEUE_LENGTH = 30  # ERRX?, Programming Guide ed. 11
OLD_QUERY_LENGTH = 4  # ERR? answers four numbers


class FlexError(Exception):
    """A command cannot be carried out.

    Parameters
    ----------
    code : int
        Error number of the instrument.
    """

    def __init__(self, code: int) -> None:
        super().__init__(MESSAGES[code])
        self.code = code


class ErrorQueue:
    """The errors that wait to be read; what does not fit is dropped."""

    def __init__(self) -> None:
        self._codes: deque[int] = deque()

    def __bool__(self) -> bool:
        return bool(self._codes)

    def add(self, code: int) -> None:
        """Keep an error."""
        if len(self._codes) < QUEUE_LENGTH:
            self._codes.append(code)

    def take(self) -> int:
        """Take the oldest error, or 0."""
        return self._codes.popleft() if self._codes else 0

    def take_old(self, count: int) -> list[int]:
        """Return the first `count` errors, filled up with 0, and empty the queue."""
        codes = [self.take() for _ in range(count)]
        self._codes.clear()
        return codes

    def clear(self) -> None:
        """Forget all errors."""
        self._codes.clear()
