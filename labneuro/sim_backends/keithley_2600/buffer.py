"""Reading buffers of the Series 2600B.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 3 "Reading buffers" and
``bufferVar.*``, p. 9-22 to 9-36.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.sim_backends.tsp.format import Printable
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    one_of,
    whole,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# The dedicated buffers hold more than 100 000 readings, or more than 50 000 with time
# stamps or source values (SPEC-2600S).
DEDICATED_CAPACITY, DEDICATED_CAPACITY_FULL = 100_000, 50_000
# A buffer on request: bounded by the instrument's memory; chosen.
LARGEST_CAPACITY = 10_000_000
FILL_ONCE, FILL_WINDOW = 0, 1
_NOT_EMPTY, _BAD_INDEX = 5032, 4900


class Circumstances(NamedTuple):
    """What a reading was made under; one object is shared by many readings.

    Attributes
    ----------
    measure_function, source_function : str
    measure_range, source_range : float
        In V or A.
    output : str
        ``"On"`` or ``"Off"``.
    """

    measure_function: str
    measure_range: float
    source_function: str
    source_range: float
    output: str


class Column(Printable):
    """One recall attribute of a buffer, such as its time stamps.

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


class ReadingBuffer(Printable):
    """Readings with time stamps, source values and status.

    Parameters
    ----------
    capacity : int, optional
        Room for readings; without it the buffer is a dedicated one, whose room depends
        on what it collects.
    """

    def __init__(self, capacity: int | None = None) -> None:
        self._capacity = capacity
        self._settings: dict[str, float] = {}
        self.base_time = 0.0
        self._readings = array("d")
        self._times = array("d")
        self._sources = array("d")
        self._statuses = array("d")
        self._records: list[Circumstances] = []
        # Bound once: every reading passes here.
        self._adders = (
            self._readings.append,
            self._times.append,
            self._sources.append,
            self._statuses.append,
            self._records.append,
        )
        self._next = 0
        self._room = 0
        self._table = self._lua_table()
        self._settle()

    @property
    def dedicated(self) -> bool:
        """Whether it is one of the channel's own two buffers."""
        return self._capacity is None

    # -- filling -----------------------------------------------------------------------

    def begin(self) -> None:
        """Make ready for a new measurement: without append mode it starts afresh."""
        if self._readings and not self._appends:
            self.clear()

    def record(
        self,
        reading: float,
        time: float,
        source: float,
        status: float,
        record: Circumstances,
    ) -> None:
        """Store a reading, if there is room.

        Parameters
        ----------
        reading : float
            In the unit of what was measured.
        time : float
            Bench time in s.
        source : float
            Source level in V or A.
        status : float
            Status bits.
        record : Circumstances
            What it was made under.
        """
        if len(self._readings) < self._room:
            if not self._readings:
                self.base_time = time
            add_reading, add_time, add_source, add_status, add_record = self._adders
            add_reading(reading)
            add_time(time)
            add_source(source)
            add_status(status)
            add_record(record)
        elif self._wraps:
            index = self._next % self._room
            self._readings[index] = reading
            self._times[index] = time
            self._sources[index] = source
            self._statuses[index] = status
            self._records[index] = record
            self._next += 1

    def clear(self) -> None:
        """Forget all readings."""
        for values in (self._readings, self._times, self._sources, self._statuses):
            del values[:]
        self._records.clear()
        self._next = 0
        self.base_time = 0.0

    def __len__(self) -> int:
        return len(self._readings)

    def items_between(self, first: int, last: int) -> NDArray[np.float64] | list[str]:
        """Return readings `first` to `last` (from 1), as far as there are any."""
        return self.readings.items_between(first, last)

    # -- what Lua sees -----------------------------------------------------------------

    def lua_object(self) -> TspObject:
        """Return the buffer as an instrument object."""
        return self._table

    def reset(self) -> None:
        """Return a dedicated buffer to its defaults, empty."""
        self.clear()
        self._settings.update(_DEFAULTS)
        self._settle()

    @property
    def capacity(self) -> int:
        """Room for readings with what is collected now."""
        if self._capacity is not None:
            return self._capacity
        full = (
            self._settings["collecttimestamps"]
            or (self._settings["collectsourcevalues"])
        )
        return DEDICATED_CAPACITY_FULL if full else DEDICATED_CAPACITY

    def _settle(self) -> None:
        settings = self._settings
        self._appends = bool(settings["appendmode"])
        self._wraps = settings["fillmode"] == FILL_WINDOW
        count = int(settings["fillcount"])
        self._room = (
            min(count, self.capacity) if self._wraps and count else self.capacity
        )

    def _changed(self, _name: str) -> None:
        self._settle()

    def _lua_table(self) -> TspObject:
        self.readings = self._numbers(self._readings)
        table = TspObject(
            "reading_buffer",
            getters={
                "n": lambda: len(self._readings),
                "next": self._next_index,
                "capacity": lambda: self.capacity,
                "basetimestamp": lambda: self.base_time,
            },
            functions={"clear": self.clear, "clearcache": lambda: None},
            item=self.readings.item,
            handle=self,
        )
        add_settings(table, self._settings, _SETTINGS, changed=self._changed)
        for name in _FIXED_WHEN_FILLED:
            table.setters[name] = self._only_empty(table.setters[name])
        for name, column in self._columns().items():
            table.objects[name] = TspObject(
                # The keithley2600 driver reads its buffers by this function.
                functions={"getreading": column.item},
                item=column.item,
                handle=column,
            )
        return table

    def _next_index(self) -> int:
        """Return where the next reading goes, from 1; a full buffer starts over."""
        count = len(self._readings)
        if count < self._room:
            return count + 1
        return (self._next % self._room + 1) if self._wraps else 1

    def _only_empty(self, setter: Callable[[object], None]) -> Callable[[object], None]:
        def set_when_empty(value: object) -> None:
            if self._readings:
                raise TspProblem(_NOT_EMPTY)
            setter(value)

        return set_when_empty

    def _numbers(self, values: array[float]) -> Column:
        return Column(lambda part: np.array(values[part], dtype=float))

    def _field(self, name: str) -> Column:
        def read(part: slice) -> NDArray[np.float64] | list[str]:
            values = [getattr(record, name) for record in self._records[part]]
            numbers = name.endswith("range")
            return np.array(values, dtype=float) if numbers else values

        return Column(read)

    def _time_stamps(self, part: slice) -> NDArray[np.float64]:
        resolution = self._settings["timestampresolution"]
        elapsed = np.array(self._times[part], dtype=float) - self.base_time
        return np.round(elapsed / resolution) * resolution

    def _columns(self) -> dict[str, Column]:
        return {
            "readings": self.readings,
            "timestamps": Column(self._time_stamps),
            "sourcevalues": self._numbers(self._sources),
            "statuses": self._numbers(self._statuses),
            "measurefunctions": self._field("measure_function"),
            "measureranges": self._field("measure_range"),
            "sourcefunctions": self._field("source_function"),
            "sourceranges": self._field("source_range"),
            "sourceoutputstates": self._field("output"),
        }


_SWITCH = one_of((0, 1))
_SETTINGS = (
    Setting("appendmode", 0, _SWITCH),
    Setting("cachemode", 1, _SWITCH),
    Setting("collecttimestamps", 1, _SWITCH),
    Setting("collectsourcevalues", 0, _SWITCH),
    Setting("fillmode", FILL_ONCE, one_of((FILL_ONCE, FILL_WINDOW))),
    Setting("fillcount", 0, whole(0, LARGEST_CAPACITY)),
    Setting("timestampresolution", 1e-6, within(1e-6, 1e3)),
)
_DEFAULTS = {setting.name: float(setting.default) for setting in _SETTINGS}
_FIXED_WHEN_FILLED = ("collecttimestamps", "collectsourcevalues", "timestampresolution")


def make_buffer(capacity: object) -> ReadingBuffer:
    """Return a buffer that a script asks for (``smuX.makebuffer``)."""
    return ReadingBuffer(int(whole(1, LARGEST_CAPACITY)(capacity)))


def as_buffer(value: object, position: int) -> ReadingBuffer:
    """Check that a script's argument is a reading buffer."""
    if not isinstance(value, ReadingBuffer):
        raise TspProblem(1401, position)
    return value
