"""The meter of one channel of a Series 2600B: counts, filter, relative, buffers.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.measure.*``, p. 9-214 to
9-235.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.buffer import (
    LARGEST_CAPACITY,
    Circumstances,
    as_buffer,
)
from labneuro.sim_backends.keithley_2600.converter import (
    AUTOZERO_AUTO,
    AUTOZERO_OFF,
    AUTOZERO_ONCE,
    LETTERS,
    OVERFLOW,
    Converter,
)
from labneuro.sim_backends.keithley_2600.filter import ReadingFilter
from labneuro.sim_backends.keithley_2600.meter_table import meter_table
from labneuro.sim_backends.keithley_2600.overlapped_reading import sample_steps
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS
from labneuro.sim_backends.keithley_2600.source import ON
from labneuro.sim_backends.tsp.values import TspProblem, whole, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.keithley_2600.buffer import ReadingBuffer
    from labneuro.sim_backends.keithley_2600.overlapped import Steps
    from labneuro.sim_backends.keithley_2600.source import Source

_FILTER_AND_COUNT, _AUTO_LOCKED = 5025, 5069
_FOLLOW = 2  # AUTORANGE_FOLLOW_LIMIT
# Status bits of readings: 2600BS-901-01 Rev. F p. 9-34.
_AUTO_MEASURE, _AUTO_SOURCE, _FOUR_WIRE = 0x04, 0x08, 0x10
_REL, _COMPLIANCE, _FILTERED = 0x20, 0x40, 0x80
# "Current" is the manual's example (Rev. C p. 7-26); the others follow it.
_NAMES = {"i": "Current", "v": "Voltage", "r": "Ohms", "p": "Watts"}
_SOURCE_NAMES = {AMPS: "Current", VOLTS: "Voltage"}


class Meter:
    """What one channel measures.

    Parameters
    ----------
    converter : Converter
        Makes single readings.
    source : Source
        The channel's source.
    clock : Clock
        Bench time.
    line_frequency : float
        In Hz.
    default_delay : float
        Default of ``measure.delay`` in s; -1 is automatic.
    """

    def __init__(
        self,
        converter: Converter,
        source: Source,
        clock: Clock,
        line_frequency: float,
        default_delay: float,
    ) -> None:
        self.converter = converter
        self._source = source
        self._clock = clock
        self._line_frequency = line_frequency
        self._filter = ReadingFilter()
        self._records: dict[str, Circumstances] = {}
        self._readers: dict[int, Callable[[], tuple[float, float]]] = {}
        self._pair_reader: Callable[[], tuple[float, float, float]] | None = None
        self.settings: dict[str, float] = {}
        self.four_wire = False
        self.lua = meter_table(self)
        self._defaults = {**self.settings, "delay": default_delay}
        converter.rescaled = self._forget_readers
        self.reset()

    def reset(self) -> None:
        """Return to the defaults."""
        self.settings.update(self._defaults)
        self.four_wire = False
        self.converter.reset()
        self._filter.clear()
        self.refresh()

    def refresh(self) -> None:
        """Make ready after a change of a setting of the meter or the source."""
        settings = self.settings
        self.converter.refresh(settings, self._line_frequency)
        self._filters = bool(settings["filter.enable"])
        rel = any(settings[f"rel.enable{letter}"] for letter in LETTERS)
        self._plain = settings["count"] == 1 and not self._filters and not rel
        self._base_status = {letter: self._status_bits(letter) for letter in LETTERS}
        self._records.clear()

    def follow_mode(self) -> None:
        """Take over that the high-capacitance mode was switched (2657A p. 3-66)."""
        one, state = self.converter.ranges[AMPS], self._source.high_capacitance
        if state:
            one.floor = one.holding(datasheet.HIGH_C_LOWEST)
            one.lowest = max(one.lowest, one.floor)
            one.place = max(one.place, one.floor)
            one.auto = one.follow = True
        elif one.floor:
            one.floor = 0
            one.follow = False
        self.refresh()

    def set_line_frequency(self, frequency: float) -> None:
        """Set the power-line frequency in Hz, of which an NPLC is a period."""
        self._line_frequency = frequency
        self.refresh()

    # -- measurements ------------------------------------------------------------------

    def single(self, quantity: int) -> Callable[..., float]:
        """Return the function that makes plain readings of a quantity.

        Returns
        -------
        callable
            Takes a buffer or nothing; returns the current in A or the voltage in V.
        """
        letter = "iv"[quantity]
        converter, source, readers = self.converter, self._source, self._readers
        records = self._records

        def measure(target: Any = None) -> float:  # noqa: ANN401  as Lua calls it
            if not self._plain:
                return self.measure(letter, target)[0]
            read = readers.get(quantity) or self._reader(quantity)
            if target is None:
                return read()[1]
            as_buffer(target, 1).begin()
            start, value = read()
            status = self._base_status[letter]
            if converter.limited:
                status |= _COMPLIANCE
            record = records.get(letter) or self._circumstances(letter)
            target.record(value, start, source.level, status, record)
            return value

        return measure

    def _reader(self, quantity: int) -> Callable[[], tuple[float, float]]:
        self._readers[quantity] = reader = self.converter.reader(quantity)
        return reader

    def both(self) -> Callable[..., tuple[float, ...]]:
        """Return the function that makes plain readings of current and voltage at once.

        Returns
        -------
        callable
            Takes two buffers, one or none; returns the current in A and the voltage
            in V.
        """
        converter, source, records = self.converter, self._source, self._records

        def measure(first: Any = None, second: Any = None) -> tuple[float, ...]:  # noqa: ANN401  as Lua calls it
            if not self._plain:
                return self.measure("iv", first, second)
            if first is not None:
                as_buffer(first, 1).begin()
            if second is not None:
                as_buffer(second, 2).begin()
            start, amps, volts = (self._pair_reader or self._new_pair_reader())()
            level, statuses = source.level, self._base_status
            limited = _COMPLIANCE if converter.limited else 0
            if first is not None:
                record = records.get("i") or self._circumstances("i")
                first.record(amps, start, level, statuses["i"] | limited, record)
            if second is not None:
                record = records.get("v") or self._circumstances("v")
                second.record(volts, start, level, statuses["v"] | limited, record)
            return amps, volts

        return measure

    def _new_pair_reader(self) -> Callable[[], tuple[float, float, float]]:
        self._pair_reader = reader = self.converter.pair_reader()
        return reader

    def _forget_readers(self) -> None:
        self._readers.clear()
        self._pair_reader = None
        self._records.clear()

    def measure(self, letters: str, *targets: Any) -> tuple[float, ...]:  # noqa: ANN401  as Lua calls it
        """Make ``measure.count`` readings.

        Parameters
        ----------
        letters : str
            ``"i"``, ``"v"``, ``"r"``, ``"p"`` or ``"iv"``.
        *targets : ReadingBuffer or None
            A buffer for each letter, or none.

        Returns
        -------
        tuple of float
            The last readings, in the order of `letters`.
        """
        buffers = [
            None if target is None else as_buffer(target, position)
            for position, target in enumerate(targets[: len(letters)], start=1)
        ]
        for buffer in buffers:
            if buffer is not None:
                buffer.begin()
        return self.collect(letters, buffers)

    def collect(
        self, letters: str, buffers: Sequence[ReadingBuffer | None]
    ) -> tuple[float, ...]:
        """Make ``measure.count`` readings and add them to buffers.

        Returns
        -------
        tuple of float
            The last readings.
        """
        self._filter.begin(letters)
        begin = 0.0
        values: tuple[float, ...] = ()
        for turn in range(int(self.settings["count"])):
            if turn:
                self._clock.advance(self._pause(begin, turn))
            start, values = self._measure_once(letters, buffers, first=not turn)
            begin = begin if turn else start
        return values

    def _pause(self, begin: float, turn: int) -> float:
        """Return how long to wait for a reading of a count.

        The interval is from start to start (2600BS-901-01 Rev. F p. 9-227), counted
        from the first.
        """
        due = begin + turn * self.settings["interval"]
        return due - datasheet.MEASURE_OVERHEAD - self._clock.now

    def read_now(self, letter: str, buffer: ReadingBuffer) -> None:
        """Integrate from now on, without overhead or delay, into a buffer."""
        start, value = self.converter.read_now(letter)
        self._store(letter, start, (value,), (buffer,))

    def _measure_once(
        self, letters: str, buffers: Sequence[ReadingBuffer | None], *, first: bool
    ) -> tuple[float, tuple[float, ...]]:
        start, values = self.converter.sample(letters, first=first)
        return start, self._finish(
            letters,
            start,
            values,
            buffers,
            lambda: self.converter.sample(letters, first=False)[1],
        )

    def collect_steps(
        self, letters: str, buffers: Sequence[ReadingBuffer | None]
    ) -> Steps[None]:
        """Do what :meth:`collect` does as an overlapped operation."""
        self._filter.begin(letters)
        begin = 0.0
        for turn in range(int(self.settings["count"])):
            if turn:
                yield max(0.0, self._pause(begin, turn))
            one = yield from self._sample_steps(letters, first=not turn)
            begin = begin if turn else one[0]
            further = []
            for _ in range(self._filter.missing(self.settings) if self._filters else 0):
                another = yield from self._sample_steps(letters, first=False)
                further.append(another[1])
            self._finish(letters, *one, buffers, iter(further).__next__)

    def _sample_steps(
        self, letters: str, *, first: bool
    ) -> Steps[tuple[float, tuple[float, ...]]]:
        return sample_steps(self.converter, self._clock, letters, first=first)

    def _finish(
        self,
        letters: str,
        start: float,
        values: tuple[float, ...],
        buffers: Sequence[ReadingBuffer | None],
        again: Callable[[], tuple[float, ...]],
    ) -> tuple[float, ...]:
        """Filter a reading, which may need further ones, relate and store it."""
        if self._filters:
            values = self._filter.apply(values, self.settings, again)
        values = tuple(
            self._relative(letter, value)
            for letter, value in zip(letters, values, strict=True)
        )
        self._store(letters, start, values, buffers)
        return values

    def _relative(self, letter: str, value: float) -> float:
        if self.settings[f"rel.enable{letter}"] and value != OVERFLOW:
            return value - self.settings[f"rel.level{letter}"]
        return value

    def _store(
        self,
        letters: Iterable[str],
        start: float,
        values: tuple[float, ...],
        buffers: Sequence[ReadingBuffer | None],
    ) -> None:
        limited = _COMPLIANCE if self.converter.limited else 0
        level = self._source.level
        for letter, value, buffer in zip(letters, values, buffers, strict=False):
            if buffer is not None:
                status = self._base_status[letter] | limited
                buffer.record(value, start, level, status, self._circumstances(letter))

    def _status_bits(self, letter: str) -> int:
        source, converter = self._source, self.converter
        auto = (letter != "v" and converter.auto_amps) or (
            letter != "i" and converter.auto_volts
        )
        return (
            (_AUTO_MEASURE if auto else 0)
            | (_AUTO_SOURCE if source.ranges[source.function].auto else 0)
            | (_FOUR_WIRE if self.four_wire else 0)
            | (_REL if self.settings[f"rel.enable{letter}"] else 0)
            | (_FILTERED if self._filters else 0)
        )

    def _circumstances(self, letter: str) -> Circumstances:
        scale = self.converter.volts if letter == "v" else self.converter.amps
        known = self._records.get(letter)
        if known is not None:
            return known
        source = self._source
        record = Circumstances(
            _NAMES[letter],
            scale.full_scale,
            _SOURCE_NAMES[source.function],
            source.ranges[source.function].sheet.full_scale,
            "On" if source.output == ON else "Off",
        )
        self._records[letter] = record
        return record

    # -- attributes --------------------------------------------------------------------

    def set_autozero(self, value: object) -> None:
        """Choose when the reference conversions are made."""
        mode = whole(AUTOZERO_OFF, AUTOZERO_AUTO)(value)
        if mode == AUTOZERO_ONCE:
            self.converter.take_references()
            mode = AUTOZERO_OFF
        self.settings["autozero"] = mode
        self.refresh()

    def set_range(self, quantity: int, value: object) -> None:
        """Choose the lowest range that holds a value; ends automatic choice."""
        one = self.converter.ranges[quantity]
        wanted = abs(within(-one.largest, one.largest)(value))
        if quantity == AMPS and self._source.high_capacitance:
            raise TspProblem(_AUTO_LOCKED)
        one.auto = one.follow = False
        one.place = one.holding(wanted)
        self.refresh()

    def set_auto(self, quantity: int, value: object) -> None:
        """Choose how a range is chosen: fixed, automatic, that of the limit."""
        modes = _FOLLOW if quantity == AMPS else 1
        mode = whole(0, modes)(value)
        if quantity == AMPS and self._source.high_capacitance:
            raise TspProblem(_AUTO_LOCKED)
        one = self.converter.ranges[quantity]
        if not mode:
            one.place = self.converter.index(quantity)
        one.auto, one.follow = bool(mode), mode == _FOLLOW
        self.refresh()

    def get_auto(self, quantity: int) -> int:
        """Return how a range is chosen."""
        one = self.converter.ranges[quantity]
        return _FOLLOW if one.follow else int(one.auto)

    def set_lowest(self, quantity: int, value: object) -> None:
        """Set the lowest range of automatic choice."""
        one = self.converter.ranges[quantity]
        one.set_lowest(abs(within(-one.largest, one.largest)(value)))
        self.refresh()

    def set_count(self, value: object) -> None:
        """Set how many readings a measurement makes."""
        count = whole(1, LARGEST_CAPACITY)(value)
        if count > 1 and self.settings["filter.count"] > 1 and self._filters:
            raise TspProblem(_FILTER_AND_COUNT)
        self.settings["count"] = count
        self.refresh()

    def setting_changed(self, name: str) -> None:
        """Make ready after a change of a setting."""
        if name.startswith("filter."):
            self._filter.clear()
        self.refresh()
