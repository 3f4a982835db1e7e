"""The ``dmm`` of the Series 3700A: settings, configurations, readings, buffers.

The 3730 is a matrix card: its channels take no DMM configuration, so measurements by
``dmm.close()`` and by scans go through channel patterns and image steps, as the manual
says of it (p. 11-227).

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``dmm.*``; Series 3700
Reference Manual 3700S-901-01 Rev. C, p. 13-131 (``dmm.connect``). The text of 1114
at ``dmm.close()`` is as in the log of ESRF's public driver.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_3700.buffer import (
    LARGEST_CAPACITY,
    DmmBuffer,
    Record,
)
from labneuro.sim_backends.keithley_3700.channels import CONFLICT, Kind, as_text, refuse
from labneuro.sim_backends.keithley_3700.dmm_lua import dmm_object
from labneuro.sim_backends.keithley_3700.dmm_settings import (
    FUNCTIONS,
    NO_FUNCTION,
    DmmSettings,
    conflict,
)
from labneuro.sim_backends.keithley_3700.meter import OVERFLOW, RANGES, UNITS
from labneuro.sim_backends.tsp.values import TspProblem, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.keithley_3700.meter import Meter
    from labneuro.sim_backends.keithley_3700.switching import Switching
    from labneuro.sim_backends.tsp.runtime import TspObject

CONNECT_ALL, _TWO_WIRE, _SENSE, _AMPS = 7, 1, 2, 4
_OVERHEAD = 0.5e-3  # s a reading beside its integration; chosen
_AUTO_DELAY = 1e-3  # s after a range change; chosen
_LEAST_SHARE = 0.1  # of range: below it autorange goes down a range (manual)
_RTD = {3: "threertd", 4: "fourrtd"}
_REPEAT = 1  # kind of filter


class Dmm:
    """The multimeter.

    Parameters
    ----------
    clock : Clock
        Bench time.
    meter : Meter
        Its input stage.
    switching : Switching
        The relays that lead to it.
    connect : callable
        Moves the relays between its inputs and the analog backplane: 2-wire, sense.
    line_frequency : float
        In Hz.

    Attributes
    ----------
    settings : DmmSettings
    configurations : dict of str to (str, dict)
        User configurations: function and settings by name.
    associated : dict of str to str
        DMM configuration by channel pattern.
    count : int
        Readings that a measurement takes.
    """

    def __init__(
        self,
        clock: Clock,
        meter: Meter,
        switching: Switching,
        connect: Callable[[bool, bool], None],
        line_frequency: float,
    ) -> None:
        self._clock, self._meter, self._switching = clock, meter, switching
        self._connect = connect
        self.settings = DmmSettings(line_frequency)
        self.configurations: dict[str, tuple[str, dict[str, Any]]] = {}
        self.associated: dict[str, str] = {}
        self.count = 1
        self.connection = CONNECT_ALL
        self.failed: dict[str, bool] = {}
        self._recent: deque[float] = deque()
        self._buffers: weakref.WeakSet[DmmBuffer] = weakref.WeakSet()
        self.set_connection(CONNECT_ALL)

    def lua_object(
        self, build: Callable[[TspObject], Any], note: Callable[..., None]
    ) -> TspObject:
        """Return the ``dmm`` of the instrument's Lua.

        Parameters
        ----------
        build : callable
            Makes a Lua table of an instrument object.
        note : callable
            Puts an error into the queue.
        """
        return dmm_object(self, build, note)

    def reset(self, scope: object = "all") -> None:
        """Return the active function or all of them to the defaults."""
        settings = self.settings
        if scope == "active":
            settings.active = settings.defaults(settings.function)
        elif scope == "all":
            settings.reset()
            self.count = 1
            self.set_connection(CONNECT_ALL)
        else:
            raise refuse("active or all expected")
        self._recent.clear()
        self.failed.clear()

    def set_function(self, value: object) -> None:
        """Choose the active function."""
        name = as_text(value)
        if name not in FUNCTIONS:
            raise TspProblem(-224)
        self.settings.function = name
        self._recent.clear()

    def set_connection(self, value: object) -> None:
        """Choose which relays connect the inputs to the analog backplane."""
        bits = int(whole(0, CONNECT_ALL)(value))
        if bits in (_SENSE, _SENSE | _AMPS):
            raise TspProblem(-224)
        self.connection = bits
        self._connect(bool(bits & _TWO_WIRE), bool(bits & _SENSE))

    # -- configurations ----------------------------------------------------------------

    def save_configuration(self, name: object = None) -> None:
        """Keep the active function and its settings under a name."""
        text = as_text(name)
        if not text or text in FUNCTIONS:
            raise refuse("invalid DMM configuration name")
        settings = self.settings
        self.configurations[text] = (settings.function, dict(settings.active))

    def recall_configuration(self, name: object = None) -> None:
        """Make a configuration's function active, with its settings."""
        function, values = self._configuration(as_text(name))
        self.set_function(function)
        self.settings.active = values

    def delete_configuration(self, name: object = None) -> None:
        """Forget a user configuration; patterns that use it get ``nofunction``."""
        text = as_text(name)
        if text not in self.configurations:
            raise refuse("DMM configuration does not exist")
        del self.configurations[text]
        self.associated = {
            pattern: kept for pattern, kept in self.associated.items() if kept != text
        }

    def describe_configuration(
        self, name: object = None, separator: object = ","
    ) -> str:
        """Return function and settings of a configuration, or of ``"active"``."""
        text = as_text(name)
        if text == "active":
            function, values = self.settings.function, self.settings.active
        else:
            function, values = self._configuration(text)
        parts = [f"dmm.func = {function}"]
        parts += [f"dmm.{key} = {value:g}" for key, value in sorted(values.items())]
        return as_text(separator).join(parts)

    def _configuration(self, name: str) -> tuple[str, dict[str, Any]]:
        if name in FUNCTIONS:
            return name, self.settings.defaults(name)
        if name not in self.configurations:
            raise refuse("DMM configuration does not exist")
        return self.configurations[name]

    def function_of(self, configuration: str) -> str:
        """Return the function of a configuration.

        Raises
        ------
        TspProblem
            If there is no such configuration.
        """
        return self._configuration(configuration)[0]

    def associate(self, channels: object = None, configuration: object = None) -> None:
        """Give channel patterns a configuration; matrix channels can have none."""
        items = self._switching.lists.items(channels)
        name = as_text(configuration)
        self._configuration(name)
        if any(item.kind is not Kind.PATTERN for item in items):
            raise refuse("invalid channel type in channel list")
        self.associated.update((item.name, name) for item in items)

    def associations(self, channels: object = None) -> str:
        """Return the configurations of channels and patterns."""
        items = self._switching.lists.items(channels)
        found: list[str] = []
        for item in items:
            if item.kind is Kind.PATTERN:
                found.append(self.associated.get(item.name, NO_FUNCTION))
            else:
                found += [NO_FUNCTION for relay in item.relays if not relay.backplane]
        return ",".join(found)

    def forget_deleted_patterns(self) -> None:
        """Drop the configurations of channel patterns that are gone."""
        patterns = self._switching.lists.patterns
        self.associated = {
            name: kept for name, kept in self.associated.items() if name in patterns
        }

    # -- switching for a measurement ---------------------------------------------------

    def close(self, channel: object = None) -> None:
        """Close a channel pattern alone on its slots and recall its configuration."""
        name, image = self._measurable(channel)
        slots = {relay.slot for relay in image}
        self._switching.exchange(
            [
                relay
                for relay in self._switching.closed()
                if relay.slot in slots or relay.name[1:] in ("911", "912")
            ],
            image,
        )
        self.recall_configuration(self.associated[name])

    def open(self, channel: object = None) -> None:
        """Open the relays of a channel pattern."""
        name, _image = self._measurable(channel)
        self._switching.open_channels(name)

    def _measurable(self, channel: object) -> tuple[str, list[Any]]:
        item = self._switching.lists.single(channel)
        if item.name not in self.associated or item.kind is not Kind.PATTERN:
            raise TspProblem(
                CONFLICT, "Settings conflict with nofunction as DMM function"
            )
        return item.name, list(item.relays)

    # -- measuring ---------------------------------------------------------------------

    def make_buffer(self, capacity: object = None) -> DmmBuffer:
        """Return a new reading buffer."""
        buffer = DmmBuffer(int(whole(1, LARGEST_CAPACITY)(capacity)))
        self._buffers.add(buffer)
        return buffer

    @property
    def used_capacity(self) -> int:
        """Readings for which the buffers that exist have room."""
        return sum(buffer.capacity for buffer in self._buffers)

    def measure(
        self, buffer: object = None, count: int | None = None, channel: str = "None"
    ) -> Record:
        """Take readings, store them, and return the last.

        Parameters
        ----------
        buffer : DmmBuffer, optional
            Where they are stored.
        count : int, optional
            How many; by default ``dmm.measurecount``.
        channel : str
            What is closed for them.
        """
        if self.settings.function == NO_FUNCTION:
            raise conflict()
        if buffer is not None and not isinstance(buffer, DmmBuffer):
            raise TspProblem(1401, 1)
        readings = self.count if count is None else count
        if isinstance(buffer, DmmBuffer):
            buffer.begin(readings)
        record = self._read(channel)
        for left in reversed(range(readings)):
            if isinstance(buffer, DmmBuffer):
                buffer.store(record)
            if left:
                record = self._read(channel)
        return record

    def acquire_rel(self) -> float:
        """Take a reading and make it the offset that is taken away from readings."""
        self.settings.set("rel.enable", 0)
        level = self.measure(count=1).value
        self.settings.set("rel.level", level)
        return level

    def _read(self, channel: str) -> Record:
        function = self.settings.function
        value = self._filtered()
        if value < OVERFLOW:
            value = self._computed(value)
        self._check_limits(value)
        return Record(value, self._clock.now, UNITS[function], channel)

    def _filtered(self) -> float:
        values = self.settings.active
        if not values["filter.enable"]:
            return self._reading()
        count = int(values["filter.count"])
        if values["filter.type"] == _REPEAT:
            return sum(self._reading() for _ in range(count)) / count
        self._recent.append(self._reading())
        while len(self._recent) > count:
            self._recent.popleft()
        return sum(self._recent) / len(self._recent)

    def _reading(self) -> float:
        """Take one reading of the converter, and choose the range where it is free."""
        settings = self.settings
        values = settings.active
        aperture = settings.aperture or 0.0
        self._clock.advance(_OVERHEAD + (aperture if values.get("autozero") else 0.0))
        if settings.function == "temperature":
            return self._temperature(aperture)
        self._meter.divider = bool(values.get("inputdivider"))
        if settings.function not in RANGES:
            return self._meter.measure(settings.function, 0.0, aperture)
        if values["autorange"]:
            self._find_range()
        return self._meter.measure(settings.function, values["range"], aperture)

    def _find_range(self) -> None:
        """Go to the range that suits what is on the input."""
        settings = self.settings
        values, ranges = settings.active, RANGES[settings.function]
        for _ in ranges:
            full = values["range"]
            size = abs(self._meter.measure(settings.function, full, 0.0))
            beyond = size >= OVERFLOW and full < ranges[-1]
            if not beyond and size >= _LEAST_SHARE * full:
                return
            better = ranges[ranges.index(full) + 1] if beyond else settings.fit(size)
            if better == full or (better > full and not beyond):
                return
            values["range"] = better
            if values["autodelay"]:
                self._clock.advance(_AUTO_DELAY)

    def _temperature(self, aperture: float) -> float:
        """Return what an RTD says in degree Celsius; other sensors there are none."""
        values = self.settings.active
        if int(values["transducer"]) not in _RTD:
            return OVERFLOW
        resistance = self._meter.resistance(aperture)
        if resistance >= OVERFLOW:
            return OVERFLOW
        alpha, delta = values["rtdalpha"], values["rtddelta"]
        linear = alpha * (1.0 + delta / 100.0)
        square = -alpha * delta / 1e4
        ratio = resistance / values["rtdzero"]
        root = linear * linear - 4.0 * square * (1.0 - ratio)
        return (-linear + root**0.5) / (2.0 * square) if root >= 0.0 else OVERFLOW

    def _computed(self, value: float) -> float:
        values = self.settings.active
        if values["rel.enable"]:
            value -= values["rel.level"]
        if not values["math.enable"]:
            return float(value)
        percent = values["math.percent"]
        results: dict[int, Callable[[], float]] = {
            0: lambda: value,
            1: lambda: values["math.mxb.mfactor"] * value + values["math.mxb.bfactor"],
            2: lambda: 100.0 * (value - percent) / percent if percent else OVERFLOW,
            3: lambda: 1.0 / value if value else OVERFLOW,
        }
        return float(results[int(values["math.format"])]())

    def _check_limits(self, value: float) -> None:
        values = self.settings.active
        for limit in ("limit1", "limit2"):
            if not values[f"{limit}.enable"]:
                continue
            kept = not values[f"{limit}.autoclear"]
            high, low = f"{limit}.high.fail", f"{limit}.low.fail"
            above = value > values[f"{limit}.high.value"]
            below = value < values[f"{limit}.low.value"]
            self.failed[high] = above or (kept and self.failed.get(high, False))
            self.failed[low] = below or (kept and self.failed.get(low, False))
