"""The status model of a TSP instrument: register sets, summary bits, status byte.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 12 "Status model", and the
register descriptions from p. 9-280 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ALL_BITS = 0x7FFF
MSB, SSB, EAV, QSB, MAV, ESB, MSS, OSB = (1 << bit for bit in range(8))
OPERATION_COMPLETE, USER_REQUEST, POWER_ON = 1, 64, 128
_BYTE_CONSTANTS: dict[str | int, object] = {
    "MEASUREMENT_SUMMARY_BIT": MSB,
    "MSB": MSB,
    "SYSTEM_SUMMARY_BIT": SSB,
    "SSB": SSB,
    "ERROR_AVAILABLE": EAV,
    "EAV": EAV,
    "QUESTIONABLE_SUMMARY_BIT": QSB,
    "QSB": QSB,
    "MESSAGE_AVAILABLE": MAV,
    "MAV": MAV,
    "EVENT_SUMMARY_BIT": ESB,
    "ESB": ESB,
    "MASTER_SUMMARY_STATUS": MSS,
    "MSS": MSS,
    "OPERATION_SUMMARY_BIT": OSB,
    "OSB": OSB,
}


class RegisterLayout(NamedTuple):
    """One register set of the status model.

    Attributes
    ----------
    summary : int
        Bit of the parent register (or status byte) that sums it up.
    bits : mapping of str to int
        Names of its bits: bit numbers, long names and short.
    children : mapping of str to RegisterLayout
        Register sets that feed it.
    """

    summary: int
    bits: Mapping[str, int]
    children: Mapping[str, RegisterLayout] = {}


class RegisterSet:
    """Condition, transition filters, event and enable register, and their summary.

    Parameters
    ----------
    layout : RegisterLayout
        Its bits and children.
    notify : callable
        Called with whether an enabled event bit is set, when that may have changed.
    """

    def __init__(self, layout: RegisterLayout, notify: Callable[[bool], None]) -> None:
        self.condition = self.event = self.enable = self.negative = 0
        self.positive = ALL_BITS
        self._notify = notify
        self.layout = layout
        self.children = {
            name: RegisterSet(child, self._summary_of(child))
            for name, child in layout.children.items()
        }

    def _summary_of(self, child: RegisterLayout) -> Callable[[bool], None]:
        bit = 1 << child.summary
        return lambda state: self.set_bit(bit, on=state)

    def set_bit(self, bit: int, *, on: bool) -> None:
        """Set or clear a condition bit (given by its weight)."""
        before = self.condition
        after = before | bit if on else before & ~bit
        if before == after:
            return
        self.condition = after
        self.event |= (after & ~before & self.positive) | (
            before & ~after & self.negative
        )
        self.propagate()

    def pulse(self, bit: int) -> None:
        """Set an event bit of something that happens and is over."""
        self.set_bit(bit, on=True)
        self.set_bit(bit, on=False)

    def propagate(self) -> None:
        """Tell the parent whether an enabled event is set."""
        self._notify(bool(self.event & self.enable))

    def read_event(self) -> int:
        """Return the event register and clear it."""
        value, self.event = self.event, 0
        self.propagate()
        return value

    def reset(self) -> None:
        """Set the filters and the enable register to their defaults."""
        self.enable = self.negative = self.event = 0
        self.positive = ALL_BITS
        for child in self.children.values():
            child.reset()
        self.propagate()

    def lua_object(self) -> TspObject:
        """Return the register set as an instrument object."""
        what = TspObject(
            getters={
                "condition": lambda: self.condition,
                "event": self.read_event,
                "enable": lambda: self.enable,
                "ntr": lambda: self.negative,
                "ptr": lambda: self.positive,
            },
            setters={
                "enable": self._setter("enable"),
                "ntr": self._setter("negative"),
                "ptr": self._setter("positive"),
            },
        )
        for name, bit in self.layout.bits.items():
            what.objects[name] = 1 << bit
        for name, child in self.children.items():
            what.objects[name] = child.lua_object()
        return what

    def _setter(self, name: str) -> Callable[[object], None]:
        check = whole(0, 0xFFFF)

        def set_register(value: object) -> None:
            setattr(self, name, int(check(value)) & ALL_BITS)
            self.propagate()

        return set_register


class StatusModel:
    """All register sets of an instrument and the status byte that sums them up.

    Parameters
    ----------
    layout : mapping of str to RegisterLayout
        The register sets directly below the status byte; one must be ``standard``.
    queues : callable
        Returns the bits ``EAV`` and ``MAV`` of the queues now.
    """

    def __init__(
        self, layout: Mapping[str, RegisterLayout], queues: Callable[[], int]
    ) -> None:
        self._queues = queues
        self._summaries = 0
        self._requested = 0
        self.request_enable = self.node_enable = 0
        self.registers = {
            name: RegisterSet(child, self._summary_of(child))
            for name, child in layout.items()
        }
        self.standard = self.registers["standard"]
        self.standard.event = POWER_ON

    def _summary_of(self, child: RegisterLayout) -> Callable[[bool], None]:
        bit = 1 << child.summary

        def note(state: bool) -> None:
            self._summaries = self._summaries | bit if state else self._summaries & ~bit

        return note

    def byte(self) -> int:
        """Return the status byte with the master summary (``*STB?``)."""
        value = self._summaries | self._queues()
        return value | MSS if value & self.request_enable else value

    def poll(self) -> int:
        """Return the status byte with the service request, and serve the request."""
        value = self.byte() & ~MSS
        asking = value & self.request_enable
        fresh = asking & ~self._requested
        self._requested = asking
        return value | MSS if fresh else value

    def clear(self) -> None:
        """Clear all event registers (``*CLS``)."""
        pending = list(self.registers.values())
        while pending:
            register = pending.pop()
            register.read_event()
            pending.extend(register.children.values())

    def reset(self) -> None:
        """Set all filters and enable registers to their defaults."""
        self.request_enable = self.node_enable = 0
        for register in self.registers.values():
            register.reset()

    def lua_object(self) -> TspObject:
        """Return the ``status`` of the instrument's Lua."""
        what = TspObject(
            getters={
                "condition": self.byte,
                "request_enable": lambda: self.request_enable,
                "request_event": lambda: self.byte() & self.request_enable,
                "node_enable": lambda: self.node_enable,
                "node_event": lambda: self.byte() & self.node_enable,
            },
            setters={
                "request_enable": self._setter("request_enable"),
                "node_enable": self._setter("node_enable"),
            },
            functions={"reset": self.reset},
            objects=dict(_BYTE_CONSTANTS),
        )
        for name, register in self.registers.items():
            what.objects[name] = register.lua_object()
        return what

    def _setter(self, name: str) -> Callable[[object], None]:
        check = whole(0, 255)
        return lambda value: setattr(self, name, int(check(value)) & ~MSS)
