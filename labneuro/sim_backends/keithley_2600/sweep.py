"""The trigger model of one channel: sweeps that need no event to go on.

Every detector counts as satisfied, which is what a stimulus of 0 means. A sweep runs to
its end when it is initiated. A model that waits for events of other trigger objects is
refused with error 1100.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 4 "Remote trigger model" and
``smuX.trigger.*``, p. 9-257 to 9-275.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.buffer import as_buffer
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS
from labneuro.sim_backends.tsp.runtime import TspObject, is_lua_table
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    number,
    whole,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.keithley_2600.meter import Meter
    from labneuro.sim_backends.keithley_2600.source import Source

_IDLE, _HOLD = 0, 1
_LIMIT_AUTO = -1.0
_DISABLED, _ENABLED = 0, 1
_NO_SOURCE, _NO_MEASURE, _UNAVAILABLE = 5059, 5060, 1100
_EVENTS = (
    "SWEEPING",
    "ARMED",
    "SOURCE_COMPLETE",
    "MEASURE_COMPLETE",
    "PULSE_COMPLETE",
    "SWEEP_COMPLETE",
    "IDLE",
)
_FIRST_EVENT = 100
_MOST_POINTS = 1_000_000
_STIMULI = (
    "arm.stimulus",
    "source.stimulus",
    "measure.stimulus",
    "endpulse.stimulus",
)


class TriggerModel:
    """Sweeps of one channel.

    Parameters
    ----------
    source : Source
    meter : Meter
    clock : Clock
        Bench time.
    sweeping : callable
        Called with whether a sweep runs.
    """

    def __init__(
        self,
        source: Source,
        meter: Meter,
        clock: Clock,
        sweeping: Callable[[bool], None],
    ) -> None:
        self._source, self._meter, self._clock = source, meter, clock
        self._tell_sweeping = sweeping
        self._settings: dict[str, float] = {}
        self._function = VOLTS
        self._levels: list[float] = []
        self._letters = ""
        self._targets: tuple[Any, ...] = ()
        self.lua = self._lua_table()
        self._defaults = dict(self._settings)

    def reset(self) -> None:
        """Return to the defaults."""
        self._settings.update(self._defaults)
        self._levels, self._letters, self._targets = [], "", ()

    def abort(self) -> None:
        """End what runs (``smuX.abort()``); sweeps here are over when they return."""

    def initiate(self) -> None:
        """Run the sweep that is set up, to its end."""
        settings = self._settings
        if any(settings[name] for name in _STIMULI):
            raise TspProblem(_UNAVAILABLE)
        if settings["source.action"] and not self._levels:
            raise TspProblem(_NO_SOURCE)
        if settings["measure.action"] and not self._letters:
            raise TspProblem(_NO_MEASURE)
        source = self._source
        bias, limits = source.ranges[source.function].level, dict(source.limits)
        self._prepare()
        self._tell_sweeping(True)
        for _ in range(int(max(settings["arm.count"], 1))):
            for turn in range(int(settings["count"])):
                self._point(turn, bias)
            if settings["endsweep.action"] == _IDLE:
                source.put_out(bias)
        self._tell_sweeping(False)
        source.limits.update(limits)
        source.apply()

    def _prepare(self) -> None:
        source, settings = self._source, self._settings
        for target in self._targets:
            target.begin()
        if not settings["source.action"]:
            return
        source.set_function(self._function)
        for quantity, name in ((AMPS, "source.limiti"), (VOLTS, "source.limitv")):
            if settings[name] != _LIMIT_AUTO:
                source.limits[quantity] = settings[name]
        source.hold_range(max(self._levels, key=abs))

    def _point(self, turn: int, bias: float) -> None:
        settings, source = self._settings, self._source
        if settings["source.action"]:
            self._clock.advance(datasheet.SWEEP_SOURCE_TIME)
            source.put_out(self._levels[turn % len(self._levels)])
            source.settle()
        if settings["measure.action"]:
            self._meter.collect(self._letters, self._targets)
        if settings["endpulse.action"] == _IDLE:
            source.put_out(bias)

    # -- attributes --------------------------------------------------------------------

    def _sweep_linear(self, function: int) -> Callable[..., None]:
        def configure(first: Any = None, last: Any = None, points: Any = None) -> None:  # noqa: ANN401  as Lua calls it
            start, stop, count = number(first), number(last), _points(points)
            step = (stop - start) / max(count - 1, 1)
            self._set_levels(function, [start + step * k for k in range(count)])

        return configure

    def _sweep_log(self, function: int) -> Callable[..., None]:
        def configure(
            first: Any = None,  # noqa: ANN401  as Lua calls it
            last: Any = None,  # noqa: ANN401
            points: Any = None,  # noqa: ANN401
            asymptote: Any = 0.0,  # noqa: ANN401
        ) -> None:
            offset = number(asymptote)
            start, stop = number(first) - offset, number(last) - offset
            count = _points(points)
            if start * stop <= 0.0:
                raise TspProblem(1401, 1)
            ratio = (stop / start) ** (1.0 / max(count - 1, 1))
            levels = [offset + start * ratio**k for k in range(count)]
            self._set_levels(function, levels)

        return configure

    def _sweep_list(self, function: int) -> Callable[..., None]:
        def configure(levels: Any = None) -> None:  # noqa: ANN401  a Lua table
            if not is_lua_table(levels):
                raise TspProblem(1401, 1)
            values = [number(levels[k]) for k in range(1, len(levels) + 1)]
            self._set_levels(function, values)

        return configure

    def _set_levels(self, function: int, levels: list[float]) -> None:
        top = self._source.ranges[function].largest * datasheet.OVER_SOURCE
        for level in levels:
            within(-top, top)(level)
        self._function, self._levels = function, levels

    def _measures(self, letters: str) -> Callable[..., None]:
        def configure(first: Any = None, second: Any = None) -> None:  # noqa: ANN401  as Lua calls it
            targets = (first, second)[: len(letters)]
            self._targets = tuple(
                as_buffer(target, position)
                for position, target in enumerate(targets, start=1)
                if target is not None
            )
            self._letters = letters

        return configure

    def _lua_table(self) -> TspObject:
        parts = {
            name: TspObject(functions={"set": lambda: None} if settable else {})
            for name, settable in (
                ("arm", True),
                ("source", True),
                ("measure", True),
                ("endpulse", True),
                ("endsweep", False),
            )
        }
        table = TspObject(functions={"initiate": self.initiate})
        add_settings(table, self._settings, _OWN_SETTINGS)
        for name, settings in _PART_SETTINGS.items():
            add_settings(parts[name], self._settings, settings, f"{name}.")
        for function, letter in ((AMPS, "i"), (VOLTS, "v")):
            sweeps = parts["source"].functions
            sweeps[f"linear{letter}"] = self._sweep_linear(function)
            sweeps[f"log{letter}"] = self._sweep_log(function)
            sweeps[f"list{letter}"] = self._sweep_list(function)
        for letters in ("i", "v", "r", "p", "iv"):
            parts["measure"].functions[letters] = self._measures(letters)
        table.objects.update(parts)
        for offset, name in enumerate(_EVENTS):
            table.objects[f"{name}_EVENT_ID"] = _FIRST_EVENT + offset
        return table


def _points(value: object) -> int:
    return int(whole(1, _MOST_POINTS)(value))


_STIMULUS = Setting("stimulus", 0, within(0, 1e6))
_OWN_SETTINGS = (
    Setting("count", 1, whole(0, _MOST_POINTS)),
    Setting("autoclear", 0, whole(0, 1)),
)
_ACTION = Setting("action", _DISABLED, whole(_DISABLED, 2))
_PART_SETTINGS = {
    "arm": (Setting("count", 1, whole(0, _MOST_POINTS)), _STIMULUS),
    "source": (
        _ACTION,
        _STIMULUS,
        Setting("limiti", _LIMIT_AUTO, within(_LIMIT_AUTO, 10.0)),
        Setting("limitv", _LIMIT_AUTO, within(_LIMIT_AUTO, 200.0)),
    ),
    "measure": (_ACTION, _STIMULUS),
    "endpulse": (Setting("action", _HOLD, whole(_IDLE, _HOLD)), _STIMULUS),
    "endsweep": (Setting("action", _IDLE, whole(_IDLE, _HOLD)),),
}
