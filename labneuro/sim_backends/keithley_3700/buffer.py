"""Reading buffers of the Series 3700A's multimeter.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``bufferVar.*`` and
``dmm.makebuffer()``. A ``collect...`` setting of a filled buffer is refused with 5032,
as ESRF's public driver notes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from labneuro.sim_backends.tsp.format import Printable
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    one_of,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LARGEST_CAPACITY = 650_000
"""Readings; ``dmm.buffer.maxcapacity`` as ESRF's public driver read it."""
SWITCHED_ON = 1_577_836_800
"""UTC in s when the bench is switched on: 2020-01-01, so that a run repeats."""
_NOT_EMPTY = 5032
_SWITCH = one_of((0, 1))
_SETTINGS = (
    Setting("appendmode", 0, _SWITCH),
    Setting("cachemode", 1, _SWITCH),
    Setting("collectchannels", 1, _SWITCH),
    Setting("collecttimestamps", 1, _SWITCH),
    Setting("timestampresolution", 1e-9, within(1e-9, 1e3)),
)
_FIXED_WHEN_FILLED = ("collectchannels", "collecttimestamps")


class Record(NamedTuple):
    """One reading.

    Attributes
    ----------
    value : float
        In `unit`.
    time : float
        Bench time in s.
    unit : str
        Such as ``"Volts DC"``.
    channel : str
        What was closed for it, or ``"None"``.
    status : int
        Status bits.
    """

    value: float
    time: float
    unit: str
    channel: str = "None"
    status: int = 0

    @property
    def seconds(self) -> float:
        """Whole seconds of the time stamp, in UTC."""
        return float(SWITCHED_ON + int(self.time))

    @property
    def fraction(self) -> float:
        """What the time stamp has beyond whole seconds, in s."""
        return self.time - int(self.time)


class Column(Printable):
    """One recall attribute of a buffer.

    Parameters
    ----------
    read : callable
        Returns items of the buffer by a slice.
    """

    def __init__(
        self, read: Callable[[slice], NDArray[np.float64] | list[str]]
    ) -> None:
        self._read = read

    def items_between(self, first: int, last: int) -> NDArray[np.float64] | list[str]:
        """Return items `first` to `last` (from 1), as far as there are any."""
        return self._read(slice(max(first, 1) - 1, max(last, 0)))

    def item(self, index: int) -> object:
        """Return one item, or nil where there is none."""
        found = self.items_between(int(index), int(index))
        if len(found) == 0:
            return None
        value = found[0]
        return value if isinstance(value, str) else float(value)


class DmmBuffer(Printable):
    """Readings of the multimeter with channels, units and time stamps.

    Parameters
    ----------
    capacity : int
        Room for readings.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._settings: dict[str, Any] = {}
        self._records: list[Record] = []
        self._table = self._lua_table()

    def __len__(self) -> int:
        return len(self._records)

    def begin(self, count: int) -> None:
        """Make room for `count` readings; without append mode it starts afresh.

        Raises
        ------
        TspProblem
            If they do not fit.
        """
        if not self._settings["appendmode"]:
            self.clear()
        if len(self._records) + count > self.capacity:
            raise TspProblem(4900, len(self._records) + count)

    def store(self, record: Record) -> None:
        """Add a reading."""
        self._records.append(record)

    def clear(self) -> None:
        """Forget all readings."""
        self._records.clear()

    def items_between(self, first: int, last: int) -> NDArray[np.float64] | list[str]:
        """Return readings `first` to `last` (from 1), as far as there are any."""
        return self._numbers("value").items_between(first, last)

    def lua_object(self) -> TspObject:
        """Return the buffer as an instrument object."""
        return self._table

    # -- what Lua sees -----------------------------------------------------------------

    def _lua_table(self) -> TspObject:
        table = TspObject(
            "reading_buffer",
            getters={
                "n": lambda: len(self._records),
                "capacity": lambda: self.capacity,
                "basetimeseconds": lambda: self._base(lambda record: record.seconds),
                "basetimefractional": lambda: self._base(
                    lambda record: record.fraction
                ),
            },
            functions={"clear": self.clear, "clearcache": lambda: None},
            item=self._numbers("value").item,
            handle=self,
        )
        add_settings(table, self._settings, _SETTINGS)
        for name in _FIXED_WHEN_FILLED:
            table.setters[name] = self._only_empty(table.setters[name])
        for name, column in self._columns().items():
            table.objects[name] = TspObject(item=column.item, handle=column)
        return table

    def _only_empty(self, setter: Callable[[object], None]) -> Callable[[object], None]:
        def set_when_empty(value: object) -> None:
            if self._records:
                raise TspProblem(_NOT_EMPTY)
            setter(value)

        return set_when_empty

    def _base(self, read: Callable[[Record], float]) -> float:
        return read(self._records[0]) if self._records else 0.0

    def _columns(self) -> dict[str, Column]:
        return {
            "readings": self._numbers("value"),
            "statuses": self._numbers("status"),
            "seconds": self._numbers("seconds"),
            "ptpseconds": self._numbers("seconds"),
            "fractionalseconds": self._numbers("fraction"),
            "relativetimestamps": Column(self._elapsed),
            "channels": self._texts(lambda record: record.channel),
            "units": self._texts(lambda record: record.unit),
            "formattedreadings": self._texts(
                lambda record: f"{record.value:.9e} {record.unit}"
            ),
            "dates": self._texts(lambda record: _written(record, "%m/%d/%Y")),
            "times": self._texts(lambda record: _written(record, "%H:%M:%S")),
            "timestamps": self._texts(_time_stamp),
        }

    def _numbers(self, name: str) -> Column:
        def read(part: slice) -> NDArray[np.float64]:
            return np.array(
                [getattr(record, name) for record in self._records[part]], dtype=float
            )

        return Column(read)

    def _texts(self, write: Callable[[Record], str]) -> Column:
        return Column(lambda part: [write(record) for record in self._records[part]])

    def _elapsed(self, part: slice) -> NDArray[np.float64]:
        times = np.array([record.time for record in self._records[part]], dtype=float)
        return times - (self._records[0].time if self._records else 0.0)


def _written(record: Record, form: str) -> str:
    return time.strftime(form, time.gmtime(record.seconds))


def _time_stamp(record: Record) -> str:
    date_and_time = _written(record, "%m/%d/%Y %H:%M:%S")
    return f"{date_and_time}.{round(record.fraction * 1e9):09d}"
