"""What a Series 2600B adds to a TSP instrument so that operations can overlap commands.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 4 "Triggering"; ``opc()``,
``waitcomplete()``, "Common commands".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600.digital import DigitalPort
from labneuro.sim_backends.keithley_2600.events import (
    CHANNEL_EVENTS,
    PER_CHANNEL,
    EventHub,
)
from labneuro.sim_backends.keithley_2600.overlapped import OverlappedOperations
from labneuro.sim_backends.keithley_2600.status import TriggerStatus
from labneuro.sim_backends.keithley_2600.trigger_objects import TriggerObjects
from labneuro.sim_backends.tsp.instrument import TspInstrument
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.status import OPERATION_COMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labneuro.sim_backends.base import Surroundings

_ABORTED = "User Abort"
_PROGRESS_QUERIES = ("*ESR?", "*STB?")


class Triggering:
    """Events, trigger objects and overlapped operations of one instrument.

    Parameters
    ----------
    instrument : TspInstrument
        Whose they are.
    senders : sequence of callable
        Put an edge on each digital line.

    Attributes
    ----------
    hub : EventHub
    operations : OverlappedOperations
    status : TriggerStatus
    objects : TriggerObjects
    digital : DigitalPort
    """

    def __init__(
        self, instrument: TspInstrument, senders: Sequence[Callable[[], None]]
    ) -> None:
        self.hub = EventHub()
        self.operations = OverlappedOperations(
            instrument.clock,
            lambda: instrument.runtime.stopping,
            instrument.errors.add,
            lambda: instrument.runtime.fault(_ABORTED),
        )
        self.status = TriggerStatus(instrument.status)
        self.objects = TriggerObjects(self.hub, self.operations, self.status)
        self.digital = DigitalPort(self.hub, self.operations, senders, self.status)
        self._channels = 0

    def new_channel_events(self) -> int:
        """Return the first number for the events of a further channel."""
        self._channels += 1
        return CHANNEL_EVENTS + PER_CHANNEL * (self._channels - 1)

    def reset(self) -> None:
        """Return trigger objects and lines to their defaults."""
        self.operations.abort()
        self.objects.reset()
        self.digital.reset()

    def watched_buffer(self, table: TspObject) -> TspObject:
        """Return a buffer's table: who fetches readings has waited for them."""
        fetch = self.operations.fetch
        for name in ("n", "next"):
            table.getters[name] = _after(fetch, table.getters[name])
        columns: list[Any] = [one for one in table.objects.values() if _is_column(one)]
        for column in (table, *columns):
            column.item = _indexed_after(fetch, column.item)
        for column in columns:
            column.functions["getreading"] = column.item
        return table

    def watched_status(self, table: TspObject) -> TspObject:
        """Return the table of the status model: who reads it looks at the progress."""
        for name in ("condition", "event"):
            if name in table.getters:
                table.getters[name] = _after(self.operations.look, table.getters[name])
        for part in table.objects.values():
            if isinstance(part, TspObject):
                self.watched_status(part)
        if "trigger_overrun" in table.objects:
            # Headings of the manual spell the channels' register with three r.
            table.objects["trigger_overrrun"] = table.objects["trigger_overrun"]
        return table


def _is_column(part: object) -> bool:
    return getattr(part, "item", None) is not None


def _after(
    look: Callable[[], None], read: Callable[[], object]
) -> Callable[[], object]:
    def read_later() -> object:
        look()
        return read()

    return read_later


def _indexed_after(
    look: Callable[[], None], read: Callable[[int], object]
) -> Callable[[int], object]:
    def read_later(index: int) -> object:
        look()
        return read(index)

    return read_later


class TriggeredInstrument(TspInstrument):
    """A TSP instrument with overlapped operations; ``triggering`` is for its subclass.

    Attributes
    ----------
    triggering : Triggering
        Set by the subclass when it makes its Lua globals.
    """

    triggering: Triggering

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        wait = self.triggering.operations.wait_in_script
        self.runtime.set_functions({"waitcomplete": wait})

    def wait_complete(self) -> None:
        """Wait for all overlapped operations (``*WAI``, ``*OPC?``)."""
        self.triggering.operations.wait()

    def status_byte(self) -> int:
        """Return the status byte as a serial poll reads it; who polls, waits."""
        if not self.busy:
            self.triggering.operations.poll()
        return super().status_byte()

    def group_trigger(self) -> None:
        """Take a group execute trigger."""
        self.triggering.operations.new_message()
        super().group_trigger()

    def command_trigger(self) -> None:
        """Take a trigger from the command interface (``*TRG``, GET)."""
        self.triggering.operations.stir()
        self.triggering.objects.command.fire()

    def _abort(self) -> None:
        super()._abort()
        self.triggering.operations.abort()

    def _handle(self, message: str) -> None:
        self.triggering.operations.new_message()
        super()._handle(message)

    def _handle_line(self, line: str) -> None:
        command = line.strip().rstrip(";").upper()
        if self._loading is None and command == "*OPC":
            self._operation_complete()
            return
        if self._loading is None and command in _PROGRESS_QUERIES:
            self.triggering.operations.look()
        super()._handle_line(line)

    def _operation_complete(self) -> None:
        """Set the bit once all that overlaps is complete; do not wait for it."""
        pulse = self.status.standard.pulse
        self.triggering.operations.when_idle(lambda: pulse(OPERATION_COMPLETE))

    def _print_buffer(
        self, first: object = None, last: object = None, *sources: object
    ) -> None:
        self.triggering.operations.fetch()
        super()._print_buffer(first, last, *sources)
