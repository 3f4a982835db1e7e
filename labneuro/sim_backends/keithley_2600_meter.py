"""The meter of one channel of a Series 2600B.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.measure.*``, p. 9-214 to
9-235.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends import keithley_2600_datasheet as datasheet
from labneuro.sim_backends.keithley_2600_buffer import Circumstances, as_buffer
from labneuro.sim_backends.keithley_2600_filter import ReadingFilter
from labneuro.sim_backends.keithley_2600_ranges import AMPS, VOLTS, MeasureRange, Scale
from labneuro.sim_backends.keithley_2600_source import ON
from labneuro.sim_backends.tsp_runtime import TspObject
from labneuro.sim_backends.tsp_values import (
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

    from labneuro.sim_backends.keithley_2600_buffer import ReadingBuffer
    from labneuro.sim_backends.keithley_2600_datasheet import ModelSheet
    from labneuro.sim_backends.keithley_2600_noise import NoiseStream
    from labneuro.sim_backends.keithley_2600_source import Source
    from labneuro.sim_backends.wiring import Circuit, Drive, Reading

OVERFLOW = datasheet.OVERFLOW
AUTOZERO_OFF, AUTOZERO_ONCE, AUTOZERO_AUTO = 0, 1, 2
DELAY_AUTO = -1.0
_FILTER_AND_COUNT = 5025
_NEVER = float("inf")
_AUTO_MEASURE, _AUTO_SOURCE, _FOUR_WIRE = 0x04, 0x08, 0x10
_REL, _COMPLIANCE, _FILTERED = 0x20, 0x40, 0x80
_NAMES = {"i": "Current", "v": "Voltage", "r": "Ohms", "p": "Watts"}
_SOURCE_NAMES = {AMPS: "Current", VOLTS: "Voltage"}


class Meter:
    """What one channel measures.

    Parameters
    ----------
    sheet : ModelSheet
        The model's data sheet.
    source : Source
        The channel's source.
    drive : Drive
        The channel's output on the circuit.
    circuit : Circuit
        The wiring.
    noise : NoiseStream
        Standard normal variates.
    line_frequency : float
        In Hz.
    limited, overflowed : callable
        Called with whether the source is at its limit when that changes, and with
        whether a reading overflowed when that changes.
    """

    def __init__(
        self,
        sheet: ModelSheet,
        source: Source,
        drive: Drive,
        circuit: Circuit,
        noise: NoiseStream,
        line_frequency: float,
        limited: Callable[[bool], None],
        overflowed: Callable[[bool], None],
    ) -> None:
        self._source = source
        self._drive = drive
        self._circuit = circuit
        self._clock = circuit.clock
        self._noise = noise
        self._line_frequency = line_frequency
        self._tell_limited, self._tell_overflowed = limited, overflowed
        self._limited = self._overflowed = False
        self.ranges = {AMPS: MeasureRange(sheet.current), VOLTS: MeasureRange(sheet.voltage)}
        self.settings: dict[str, float] = {}
        self.four_wire = False
        self.filter = ReadingFilter()
        self._zeroed: OrderedDict[float, float] = OrderedDict()
        self._zero_due = _NEVER
        self._prepared_nplc = 0.0
        self.lua = self._lua_table()
        self._defaults = {**self.settings, "delay": sheet.measure_delay}
        self.reset()

    def reset(self) -> None:
        """Return to the defaults."""
        self.settings.update(self._defaults)
        self.four_wire = False
        for one in self.ranges.values():
            one.reset()
        self._zeroed.clear()
        self.filter.clear()
        self.refresh()

    # -- making ready ------------------------------------------------------------------

    def refresh(self) -> None:
        """Make ready after a change of a setting of the meter or the source."""
        settings = self.settings
        nplc = settings["nplc"]
        if nplc != self._prepared_nplc:
            self._prepared_nplc = nplc
            self.aperture = nplc / self._line_frequency
            self._scales = {
                quantity: one.prepare(nplc) for quantity, one in self.ranges.items()
            }
        self._choose_scales()
        rel = any(settings[f"rel.enable{letter}"] for letter in "ivrp")
        self._plain = settings["count"] == 1 and not self._filters_on and not rel
        self._plan_autozero()

    def set_line_frequency(self, frequency: float) -> None:
        """Set the power-line frequency in Hz, which an NPLC is a period of."""
        self._line_frequency = frequency
        self._prepared_nplc = 0.0
        self.refresh()

    def _choose_scales(self) -> None:
        self._amps = self._scales[AMPS][self._index(AMPS)]
        self._volts = self._scales[VOLTS][self._index(VOLTS)]
        self._auto_amps, self._auto_volts = self._ranges_itself(AMPS), self._ranges_itself(VOLTS)
        self._before = {
            letter: datasheet.MEASURE_OVERHEAD + self._delay(letter) for letter in "ivrp"
        }
        self._base_status = {letter: self._status_bits(letter) for letter in "ivrp"}
        self._records = {letter: self._circumstances(letter) for letter in "ivrp"}

    def _ranges_itself(self, quantity: int) -> bool:
        return self.ranges[quantity].auto and quantity != self._source.function

    def _index(self, quantity: int) -> int:
        """Return the range in use: the source's own where both functions agree."""
        one = self.ranges[quantity]
        if quantity == self._source.function:
            return one.fit(self._source.ranges[quantity].sheet.full_scale)
        return one.index

    def _delay(self, letter: str) -> float:
        """Return the pause before a reading; the automatic one is for current only."""
        delay = self.settings["delay"]
        if delay != DELAY_AUTO:
            return delay
        return 0.0 if letter == "v" else self._amps.delay * self.settings["delayfactor"]

    def _status_bits(self, letter: str) -> int:
        source = self._source
        auto = (letter != "v" and self._auto_amps) or (letter != "i" and self._auto_volts)
        return (
            (_AUTO_MEASURE if auto else 0)
            | (_AUTO_SOURCE if source.ranges[source.function].auto else 0)
            | (_FOUR_WIRE if self.four_wire else 0)
            | (_REL if self.settings[f"rel.enable{letter}"] else 0)
            | (_FILTERED if self._filters_on else 0)
        )

    @property
    def _filters_on(self) -> bool:
        return bool(self.settings["filter.enable"])

    def _circumstances(self, letter: str) -> Circumstances:
        source = self._source
        scale = self._volts if letter == "v" else self._amps
        return Circumstances(
            _NAMES[letter],
            scale.full_scale,
            _SOURCE_NAMES[source.function],
            source.ranges[source.function].sheet.full_scale,
            "On" if source.output == ON else "Off",
        )

    # -- one reading -------------------------------------------------------------------

    def current(self, target: Any = None, _second: object = None) -> float:  # noqa: ANN401  as Lua calls it
        """Measure current: the short way for a single plain reading.

        Returns
        -------
        float
            Current in A.
        """
        if not self._plain:
            return self.measure("i", target)[0]
        if target is not None:
            as_buffer(target, 1).begin()
        start = self._get_ready("i")
        value = self._read_amps(self._convert())
        if target is not None:
            status = self._base_status["i"] | (_COMPLIANCE if self._limited else 0)
            target.record(value, start, self._source.level, status, self._records["i"])
        return value

    def _get_ready(self, letter: str) -> float:
        """Let overhead, delay and autozero pass; return when the integration starts."""
        clock = self._clock
        clock.advance(self._before[letter])
        start = clock.now
        if start >= self._zero_due:
            self._zero()
            start = clock.now
        return start

    def _convert(self) -> Reading:
        reading = self._circuit.measure(self._drive, self.aperture)
        if reading.limited is not self._limited:
            self._note_limited(reading.limited)
        return reading

    def _note_limited(self, state: bool) -> None:
        self._limited = state
        self._tell_limited(state)

    def _read_amps(self, reading: Reading) -> float:
        """Return the current of a conversion on its range, converting again to range."""
        value, scale = reading.current, self._amps
        while self._auto_amps and not scale.lower < abs(value) <= scale.span:
            if not self._move_range(AMPS, value):
                break
            value, scale = self._convert().current, self._amps
        return self._on_scale(value, scale)

    def _read_volts(self, reading: Reading) -> float:
        value, scale = reading.voltage, self._volts
        while self._auto_volts and not scale.lower < abs(value) <= scale.span:
            if not self._move_range(VOLTS, value):
                break
            value, scale = self._convert().voltage, self._volts
        return self._on_scale(value, scale)

    def _move_range(self, quantity: int, value: float) -> bool:
        """Change to the range that a value needs; False if it is in use already."""
        one = self.ranges[quantity]
        index = one.fit(abs(value), datasheet.OVER_MEASURE)
        if index == one.index:
            return False
        one.index = index
        self._choose_scales()
        pause = self._delay("i") if quantity == AMPS else 0.0
        self._clock.advance(datasheet.MEASURE_RANGE_CHANGE + pause)
        return True

    def _on_scale(self, value: float, scale: Scale) -> float:
        if scale.deviation:
            value += scale.deviation * self._noise.draw()
        if -scale.span <= value <= scale.span:
            if self._overflowed:
                self._note_overflow(state=False)
            return round(value * scale.per_step) * scale.step
        self._note_overflow(state=True)
        return OVERFLOW

    def _note_overflow(self, *, state: bool) -> None:
        self._overflowed = state
        self._tell_overflowed(state)

    def _sample(self, letters: str) -> tuple[float, tuple[float, ...]]:
        """Return start time and values of one conversion."""
        start = self._get_ready("i" if "i" in letters else letters[0])
        reading = self._convert()
        amps = self._read_amps(reading) if letters != "v" else 0.0
        volts = self._read_volts(reading) if letters != "i" else 0.0
        return start, tuple(_derive(letter, volts, amps) for letter in letters)

    # -- measurements ------------------------------------------------------------------

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
        self.filter.begin(letters)
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
        start = self._clock.now
        reading = self._convert()
        if letter == "i":
            value = self._on_scale(reading.current, self._amps)
        else:
            value = self._on_scale(reading.voltage, self._volts)
        self._store((letter,), start, (value,), (buffer,))

    def hold_range(self, quantity: int, limit: float) -> None:
        """Take the range that holds a limit, so that no reading has to find one."""
        if self._ranges_itself(quantity):
            self.ranges[quantity].index = self.ranges[quantity].fit(limit)
            self._choose_scales()

    def _measure_once(
        self, letters: str, buffers: Sequence[ReadingBuffer | None]
    ) -> tuple[float, ...]:
        start, values = self._sample(letters)
        if self._filters_on:
            values = self.filter.apply(
                values, self.settings, lambda: self._sample(letters)[1]
            )
        values = tuple(
            self._relative(letter, value)
            for letter, value in zip(letters, values, strict=True)
        )
        self._store(letters, start, values, buffers)
        return values

    def _store(
        self,
        letters: Iterable[str],
        start: float,
        values: tuple[float, ...],
        buffers: Sequence[ReadingBuffer | None],
    ) -> None:
        limited = _COMPLIANCE if self._limited else 0
        for letter, value, buffer in zip(letters, values, buffers, strict=False):
            if buffer is not None:
                status = self._base_status[letter] | limited
                record = self._records[letter]
                buffer.record(value, start, self._source.level, status, record)

    def _relative(self, letter: str, value: float) -> float:
        if self.settings[f"rel.enable{letter}"] and value != OVERFLOW:
            return value - self.settings[f"rel.level{letter}"]
        return value

    def compliance(self) -> bool:
        """Whether the source is at its limit now (``source.compliance``)."""
        reading = self._circuit.measure(self._drive, 0.0)
        if reading.limited is not self._limited:
            self._note_limited(reading.limited)
        return self._limited

    # -- autozero ----------------------------------------------------------------------

    def _plan_autozero(self) -> None:
        mode = self.settings["autozero"]
        self._zero_due = _NEVER
        if mode == AUTOZERO_AUTO:
            self._zero_due = self._zeroed.get(self.aperture, -_NEVER)

    def _zero(self) -> None:
        """Take the two reference conversions and remember until when they hold."""
        self._clock.advance(2.0 * (self.aperture + datasheet.MEASURE_OVERHEAD))
        valid = max(
            datasheet.AUTOZERO_VALID, datasheet.AUTOZERO_APERTURES * self.aperture
        )
        self._zeroed[self.aperture] = self._clock.now + valid
        self._zeroed.move_to_end(self.aperture)
        if len(self._zeroed) > datasheet.AUTOZERO_CACHE:
            self._zeroed.popitem(last=False)
        self._plan_autozero()

    # -- attributes --------------------------------------------------------------------

    def _set_autozero(self, value: object) -> None:
        mode = whole(AUTOZERO_OFF, AUTOZERO_AUTO)(value)
        if mode == AUTOZERO_ONCE:
            self._zero()
            mode = AUTOZERO_OFF
        self.settings["autozero"] = mode
        self.refresh()

    def set_range(self, quantity: int, value: object) -> None:
        """Choose the lowest range that holds a value; ends automatic choice."""
        one = self.ranges[quantity]
        wanted = abs(within(-one.largest, one.largest)(value))
        one.auto = False
        one.index = one.fit(wanted)
        self.refresh()

    def _set_auto(self, quantity: int, value: object) -> None:
        # 2 is AUTORANGE_FOLLOW_LIMIT, of the high-capacitance mode.
        self.ranges[quantity].auto = bool(whole(0, 2)(value))
        self.refresh()

    def _set_lowest(self, quantity: int, value: object) -> None:
        one = self.ranges[quantity]
        wanted = abs(within(-one.largest, one.largest)(value))
        one.lowest = 0
        one.lowest = one.fit(wanted)
        if one.auto:
            one.index = max(one.index, one.lowest)
        self.refresh()

    def _set_count(self, value: object) -> None:
        count = whole(1, 10_000_000)(value)
        if count > 1 and self.settings["filter.count"] > 1 and self._filters_on:
            raise TspProblem(_FILTER_AND_COUNT)
        self.settings["count"] = count
        self.refresh()

    def _setting_changed(self, name: str) -> None:
        if name.startswith("filter."):
            self.filter.clear()
        self.refresh()

    def _lua_table(self) -> TspObject:
        table = TspObject()
        averaging, relative = TspObject(), TspObject()
        changed = self._setting_changed
        add_settings(table, self.settings, _SETTINGS, changed=changed)
        add_settings(averaging, self.settings, _FILTER_SETTINGS, "filter.", changed)
        add_settings(relative, self.settings, _REL_SETTINGS, "rel.", changed)
        table.objects.update(filter=averaging, rel=relative)  # type: ignore[call-overload]
        table.setters["autozero"] = self._set_autozero
        table.setters["count"] = self._set_count
        for quantity, letter in ((AMPS, "i"), (VOLTS, "v")):
            self._add_quantity(table, quantity, letter)
        for letters in ("v", "r", "p", "iv"):
            table.functions[letters] = self._measurement(letters)
        table.functions["i"] = self.current
        for letters in ("i", "v", "r", "p", "iv"):
            table.functions[f"overlapped{letters}"] = self._overlapped(letters)
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
        one = self.ranges[quantity]
        table.getters.update(
            {
                f"range{letter}": lambda: one.full_scale(self._index(quantity)),
                f"autorange{letter}": lambda: int(one.auto),
                f"lowrange{letter}": lambda: one.full_scale(one.lowest),
            }
        )
        table.setters.update(
            {
                f"range{letter}": lambda value: self.set_range(quantity, value),
                f"autorange{letter}": lambda value: self._set_auto(quantity, value),
                f"lowrange{letter}": lambda value: self._set_lowest(quantity, value),
            }
        )


def _derive(letter: str, volts: float, amps: float) -> float:
    if letter == "v":
        return volts
    if letter == "i":
        return amps
    if OVERFLOW in (volts, amps):
        return OVERFLOW
    if letter == "p":
        return volts * amps
    return volts / amps if amps else OVERFLOW


def _delay(value: object) -> float:
    if number(value) == DELAY_AUTO:
        return DELAY_AUTO
    return within(0.0, _NEVER)(value)


_SWITCH = one_of((0, 1))
_SETTINGS = (
    Setting("nplc", 1.0, within(*datasheet.NPLC_RANGE)),
    Setting("count", 1, whole(1, 10_000_000)),
    Setting("interval", 0.0, within(0.0, 1e6)),
    Setting("delay", 0.0, _delay),
    Setting("delayfactor", 1.0, within(0.0, 1e6)),
    Setting("highcrangedelayfactor", 10.0, within(1.0, 99.0)),
    Setting("autozero", AUTOZERO_AUTO, whole(0, 2)),
    Setting("analogfilter", 1, _SWITCH),
)
_FILTER_SETTINGS = (
    Setting("count", 1, whole(1, 100)),
    Setting("enable", 0, _SWITCH),
    Setting("type", 1, whole(0, 2)),
)
_REL_SETTINGS = tuple(
    setting
    for letter in "ivrp"
    for setting in (
        Setting(f"enable{letter}", 0, _SWITCH),
        Setting(f"level{letter}", 0.0, number),
    )
)
