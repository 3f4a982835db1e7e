"""The meter of one channel of a Series 2600B: counts, filter, relative, buffers.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.measure.*``, p. 9-214 to
9-235.
"""

from __future__ import annotations

import math
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
    DELAY_AUTO,
    LETTERS,
    OVERFLOW,
    Converter,
)
from labneuro.sim_backends.keithley_2600.filter import ReadingFilter
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS, Scale
from labneuro.sim_backends.keithley_2600.source import ON
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    number,
    one_of,
    whole,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.keithley_2600.buffer import ReadingBuffer
    from labneuro.sim_backends.keithley_2600.source import Source

_FILTER_AND_COUNT = 5025
# Status bits of readings: 2600BS-901-01 Rev. F p. 9-34.
_AUTO_MEASURE, _AUTO_SOURCE, _FOUR_WIRE = 0x04, 0x08, 0x10
_REL, _COMPLIANCE, _FILTERED = 0x20, 0x40, 0x80
# "Current" is the manual's example (Rev. C p. 7-26); the others follow it.
_NAMES = {"i": "Current", "v": "Voltage", "r": "Ohms", "p": "Watts"}
_SOURCE_NAMES = {AMPS: "Current", VOLTS: "Voltage"}
_FUNCTIONS = ("i", "v", "r", "p", "iv")


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
        self._records: dict[str, tuple[Scale, Circumstances]] = {}
        self.settings: dict[str, float] = {}
        self.four_wire = False
        self.lua = self._lua_table()
        self._defaults = {**self.settings, "delay": default_delay}
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

    def set_line_frequency(self, frequency: float) -> None:
        """Set the power-line frequency in Hz, of which an NPLC is a period."""
        self._line_frequency = frequency
        self.refresh()

    # -- measurements ------------------------------------------------------------------

    def current(self, target: Any = None) -> float:  # noqa: ANN401  as Lua calls it
        """Measure current: the short way for a single plain reading.

        Returns
        -------
        float
            Current in A.
        """
        if not self._plain:
            return self.measure("i", target)[0]
        converter = self.converter
        if target is not None:
            as_buffer(target, 1).begin()
        start = converter.get_ready("i")
        value = converter.read_amps(converter.convert())
        if target is not None:
            status = self._base_status["i"] | (_COMPLIANCE if converter.limited else 0)
            level, record = self._source.level, self._circumstances("i")
            target.record(value, start, level, status, record)
        return value

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
        due = self._clock.now
        values: tuple[float, ...] = ()
        for turn in range(int(self.settings["count"])):
            if turn:
                due += self.settings["interval"]
                self._clock.advance(due - self._clock.now)
            values = self._measure_once(letters, buffers)
        return values

    def read_now(self, letter: str, buffer: ReadingBuffer) -> None:
        """Integrate from now on, without overhead or delay, into a buffer."""
        start, value = self.converter.read_now(letter)
        self._store(letter, start, (value,), (buffer,))

    def _measure_once(
        self, letters: str, buffers: Sequence[ReadingBuffer | None]
    ) -> tuple[float, ...]:
        start, values = self.converter.sample(letters)
        if self._filters:
            values = self._filter.apply(
                values, self.settings, lambda: self.converter.sample(letters)[1]
            )
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
        known, record = self._records.get(letter, (None, None))
        if known is scale and record is not None:
            return record
        source = self._source
        record = Circumstances(
            _NAMES[letter],
            scale.full_scale,
            _SOURCE_NAMES[source.function],
            source.ranges[source.function].sheet.full_scale,
            "On" if source.output == ON else "Off",
        )
        self._records[letter] = (scale, record)
        return record

    # -- attributes --------------------------------------------------------------------

    def _set_autozero(self, value: object) -> None:
        mode = whole(AUTOZERO_OFF, AUTOZERO_AUTO)(value)
        if mode == AUTOZERO_ONCE:
            self.converter.take_references()
            mode = AUTOZERO_OFF
        self.settings["autozero"] = mode
        self.refresh()

    def _set_range(self, quantity: int, value: object) -> None:
        """Choose the lowest range that holds a value; ends automatic choice."""
        one = self.converter.ranges[quantity]
        wanted = abs(within(-one.largest, one.largest)(value))
        one.auto = False
        one.place = one.fit(wanted)
        self.refresh()

    def _set_auto(self, quantity: int, value: object) -> None:
        # 2 is AUTORANGE_FOLLOW_LIMIT, of the high-capacitance mode.
        self.converter.ranges[quantity].auto = bool(whole(0, 2)(value))
        self.refresh()

    def _set_lowest(self, quantity: int, value: object) -> None:
        one = self.converter.ranges[quantity]
        one.set_lowest(abs(within(-one.largest, one.largest)(value)))
        self.refresh()

    def _set_count(self, value: object) -> None:
        count = whole(1, LARGEST_CAPACITY)(value)
        if count > 1 and self.settings["filter.count"] > 1 and self._filters:
            raise TspProblem(_FILTER_AND_COUNT)
        self.settings["count"] = count
        self.refresh()

    def _setting_changed(self, name: str) -> None:
        if name.startswith("filter."):
            self._filter.clear()
        self.refresh()

    def _lua_table(self) -> TspObject:
        table, averaging, relative = TspObject(), TspObject(), TspObject()
        changed = self._setting_changed
        add_settings(table, self.settings, _SETTINGS, changed=changed)
        add_settings(averaging, self.settings, _FILTER_SETTINGS, "filter.", changed)
        add_settings(relative, self.settings, _REL_SETTINGS, "rel.", changed)
        table.objects.update({"filter": averaging, "rel": relative})
        table.setters["autozero"] = self._set_autozero
        table.setters["count"] = self._set_count
        for quantity, letter in ((AMPS, "i"), (VOLTS, "v")):
            self._add_quantity(table, quantity, letter)
        for letters in _FUNCTIONS:
            table.functions[letters] = self._measurement(letters)
            table.functions[f"overlapped{letters}"] = self._overlapped(letters)
        table.functions["i"] = self.current
        return table

    def _measurement(self, letters: str) -> Callable[..., Any]:
        if len(letters) == 1:
            return lambda target=None: self.measure(letters, target)[0]
        return lambda first=None, second=None: self.measure(letters, first, second)

    def _overlapped(self, letters: str) -> Callable[..., None]:
        """Return a measurement that gives nothing back, only fills its buffers."""

        def measure_into(first: Any = None, second: Any = None) -> None:  # noqa: ANN401  as Lua calls it
            for position, target in enumerate((first, second)[: len(letters)], start=1):
                as_buffer(target, position)
            self.measure(letters, first, second)

        return measure_into

    def _add_quantity(self, table: TspObject, quantity: int, letter: str) -> None:
        converter, one = self.converter, self.converter.ranges[quantity]
        table.getters.update(
            {
                f"range{letter}": lambda: one.full_scale(converter.index(quantity)),
                f"autorange{letter}": lambda: int(one.auto),
                f"lowrange{letter}": lambda: one.full_scale(one.lowest),
            }
        )
        table.setters.update(
            {
                f"range{letter}": lambda value: self._set_range(quantity, value),
                f"autorange{letter}": lambda value: self._set_auto(quantity, value),
                f"lowrange{letter}": lambda value: self._set_lowest(quantity, value),
            }
        )


def _delay(value: object) -> float:
    if number(value) == DELAY_AUTO:
        return DELAY_AUTO
    return within(0.0, math.inf)(value)


_SWITCH = one_of((0, 1))
_SETTINGS = (
    Setting("nplc", 1.0, within(*datasheet.NPLC_RANGE)),
    Setting("count", 1, whole(1, LARGEST_CAPACITY)),
    Setting("interval", 0.0, within(0.0, 1e6)),
    Setting("delay", 0.0, _delay),
    Setting("delayfactor", 1.0, within(0.0, 1e6)),
    Setting("highcrangedelayfactor", 10.0, within(1.0, 99.0)),
    Setting("autozero", AUTOZERO_AUTO, whole(AUTOZERO_OFF, AUTOZERO_AUTO)),
    Setting("analogfilter", 1, _SWITCH),
)
_FILTER_SETTINGS = (
    Setting("count", 1, whole(1, 100)),
    Setting("enable", 0, _SWITCH),
    Setting("type", 1, whole(0, 2)),
)
_REL_SETTINGS = tuple(
    setting
    for letter in LETTERS
    for setting in (
        Setting(f"enable{letter}", 0, _SWITCH),
        Setting(f"level{letter}", 0.0, number),
    )
)
