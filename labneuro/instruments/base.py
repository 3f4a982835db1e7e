"""What every driver shares: its connection, its error queue, errors with a name."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from pymeasure.instruments import Instrument
from pyvisa.errors import Error as VisaError

from labneuro.errors import InstrumentError
from labneuro.instruments.addresses import connection_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_ERRORS = 1000
"""Far beyond any error queue: a queue that never ends is an instrument gone wrong."""

_LONGEST_SHOWN = 60


class Driver(ABC):
    """What a bench asks of every driver, however it speaks to its instrument.

    Attributes
    ----------
    name : str
        Its name in messages.
    safe_messages : tuple of str
        What brings every output to its safe state, whatever state the instrument is
        in: a watchdog sends them, one by one, where no driver is left to. Empty if it
        has no outputs.
    """

    name: str
    safe_messages: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def identity(self) -> str:
        """Get maker, model, serial number and firmware."""

    @property
    @abstractmethod
    def errors(self) -> list[str]:
        """Get all errors that wait in the instrument, and empty its queue."""

    @abstractmethod
    def disconnect(self) -> None:
        """Close the connection."""

    def hurry(self, timeout: float) -> None:  # noqa: B027  not every driver waits
        """Wait for no answer longer than `timeout` s from now on."""


class VisaInstrument(Instrument, Driver):
    """A PyMeasure instrument whose failures are `InstrumentError` with its name.

    A driver adds `next_error`, a property that takes the oldest error from the
    instrument's queue as code and message, with code 0 once the queue is empty.

    Parameters
    ----------
    adapter : pymeasure Adapter or str
        Connection or VISA address. Nothing is sent when the object is made.
    name : str
        Its name in messages.
    **connection : object
        Settings of a connection made from an address, such as ``visa_library``.
    """

    next_error: Any

    def __init__(
        self,
        adapter: Any,  # noqa: ANN401  PyMeasure takes an adapter, an address or a number
        name: str,
        **connection: Any,  # noqa: ANN401  handed through to pyvisa
    ) -> None:
        settings = {**connection_settings(adapter), **connection}
        super().__init__(adapter, name, includeSCPI=False, **settings)

    identity = Instrument.measurement(
        "*IDN?",
        """Get maker, model, serial number and firmware.""",
        cast=str,
        maxsplit=0,
    )

    @property
    def errors(self) -> list[str]:
        """Get all errors, each as code and message, and empty the queue."""
        found: list[str] = []
        for _ in range(MOST_ERRORS):
            code, message = self.next_error
            if code == 0:
                return found
            found.append(f"{code} {message}")
        raise InstrumentError(f"{self.name}: the error queue does not end")

    def check_errors(self) -> list[str]:
        """Raise if the instrument has errors in its queue; empties the queue.

        Returns
        -------
        list
            Always empty; PyMeasure expects a list.

        Raises
        ------
        InstrumentError
            With all the errors in one line.
        """
        found = self.errors
        if found:
            raise InstrumentError(f"{self.name} reports {'; '.join(found)}")
        return found

    def clear(self) -> None:
        """Clear the status registers and the error queue."""
        self.write("*CLS")

    def device_clear(self) -> None:
        """Empty the instrument's input and output and stop what it runs."""
        with self._named("device clear"):
            self.adapter.connection.clear()

    def disconnect(self) -> None:
        """Close the connection."""
        try:
            self.shutdown()
        finally:
            self.adapter.close()

    def hurry(self, timeout: float) -> None:
        """Wait for no answer longer than `timeout` s from now on."""
        connection = self.adapter.connection
        connection.timeout = min(connection.timeout, math.ceil(1e3 * timeout))

    @contextmanager
    def patience(self, duration: float) -> Iterator[None]:
        """Wait longer for answers, by `duration` s."""
        connection = self.adapter.connection
        with self._named("setting the time-out"):
            usual = connection.timeout
            connection.timeout = usual + math.ceil(1e3 * duration)
        try:
            yield
        finally:
            with self._named("setting the time-out"):
                connection.timeout = usual

    def write(self, command: str, **options: Any) -> None:  # noqa: ANN401  PyMeasure's
        """Send a message."""
        with self._named(f"writing {_shortened(command)}"):
            super().write(command, **options)

    def write_bytes(self, content: bytes, **options: Any) -> None:  # noqa: ANN401  same
        """Send bytes as they are."""
        with self._named(f"writing {len(content)} bytes"):
            super().write_bytes(content, **options)

    def read(self, **options: Any) -> str:  # noqa: ANN401  PyMeasure's
        """Read a response message."""
        with self._named("reading"):
            return str(super().read(**options))

    def read_bytes(self, count: int, **options: Any) -> bytes:  # noqa: ANN401  same
        """Read `count` bytes."""
        with self._named(f"reading {count} bytes"):
            return bytes(super().read_bytes(count, **options))

    @contextmanager
    def _named(self, action: str) -> Iterator[None]:
        """Turn failures of the connection into errors that name the instrument."""
        try:
            yield
        except (VisaError, OSError, UnicodeDecodeError) as error:
            raise InstrumentError(f"{self.name}: {action} failed: {error}") from error


def _shortened(command: str) -> str:
    """Show the first line of a message, and not all of a long one."""
    shown = command.partition("\n")[0][:_LONGEST_SHOWN]
    return repr(shown if shown == command else f"{shown}...")
