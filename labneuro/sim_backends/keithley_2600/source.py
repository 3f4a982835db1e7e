"""The source of one channel of a Series 2600B: levels, ranges, limits, output.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.source.*``, p. 9-237 to
9-255; output-off modes p. 2-41.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS, SourceRange
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    TOO_BIG,
    TOO_SMALL,
    Setting,
    TspProblem,
    add_settings,
    number,
    one_of,
    whole,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.keithley_2600.datasheet import ModelSheet
    from labneuro.sim_backends.wiring import Drive

OFF, ON, HIGH_Z = 0, 1, 2
NORMAL, ZERO = 0, 1
DELAY_AUTO = -1.0
_INTERLOCK, _BEYOND_RANGE, _UNSAFE = 802, 5005, 5007
_INTERLOCKED_FROM = 20.0  # V; the 200 V range needs the interlock
_SWITCH = one_of((0, 1))
_NUMBERS = (float, int)  # as Lua's numbers arrive; not bool


class Source:
    """What one channel puts out.

    Parameters
    ----------
    sheet : ModelSheet
        The model's data sheet.
    drive : Drive
        Its output on the circuit.
    clock : Clock
        Bench time.
    interlock : callable
        Whether the interlock is engaged.

    Attributes
    ----------
    changed : callable
        Called after a change that the meter must know.
    """

    def __init__(
        self,
        sheet: ModelSheet,
        drive: Drive,
        clock: Clock,
        interlock: Callable[[], bool],
    ) -> None:
        self._sheet = sheet
        self._drive = drive
        self._clock = clock
        self._interlock = interlock
        self.changed: Callable[[], None] = _nobody
        sourcing = tuple(one for one in sheet.current if one.source_step > 0.0)
        self.ranges = {AMPS: SourceRange(sourcing), VOLTS: SourceRange(sheet.voltage)}
        self.settings: dict[str, float] = {}
        self.limits = {AMPS: 0.0, VOLTS: 0.0}
        self.function, self.output = VOLTS, OFF
        self.lua = self._lua_table()
        self._defaults = dict(self.settings)
        self.reset()

    def reset(self) -> None:
        """Turn off and return to the defaults."""
        self.settings.update(self._defaults)
        self.function, self.output = VOLTS, OFF
        self.limits = {
            AMPS: self._sheet.default_current_limit,
            VOLTS: self._sheet.default_voltage_limit,
        }
        for one in self.ranges.values():
            one.reset()
        self.apply()

    # -- the output --------------------------------------------------------------------

    @property
    def level(self) -> float:
        """Level of the present function as it is put out, in V or A."""
        return self._level if self.output == ON else 0.0

    def apply(self) -> None:
        """Make the circuit's drive what the settings say."""
        self._active = active = self.ranges[self.function]
        self._level = active.quantised(active.level)
        self._pause = self._delay()
        self._inverse_step = 1.0 / active.sheet.source_step
        self._step = active.sheet.source_step
        self._span, self._lower = active.span, active.lower
        if self.output != ON:
            self._apply_off()
        elif self.function == VOLTS:
            self._drive.voltage_source(
                self._level, datasheet.OUTPUT_RESISTANCE, self._limit(AMPS)
            )
        else:
            self._drive.current_source(
                self._level, datasheet.PARALLEL_RESISTANCE, self._limit(VOLTS)
            )
        self._quick = (
            self.function if self.output == ON and not self.settings["limitp"] else None
        )
        self.changed()

    def _apply_off(self) -> None:
        mode = self.settings["offmode"]
        if HIGH_Z in (self.output, mode):
            self._drive.open()
        elif mode == ZERO:
            self._drive.voltage_source(
                0.0, datasheet.OUTPUT_RESISTANCE, self._zero_limit()
            )
        elif self.settings["offfunc"] == VOLTS:
            self._drive.voltage_source(
                0.0, datasheet.OUTPUT_RESISTANCE, self.settings["offlimiti"]
            )
        else:
            self._drive.current_source(
                0.0, datasheet.PARALLEL_RESISTANCE, self.settings["offlimitv"]
            )

    def _zero_limit(self) -> float:
        """Return the current limit of output-off mode ZERO (Rev. B p. 7-227)."""
        if self.function == VOLTS:
            return self.limits[AMPS]
        current = self.ranges[AMPS]
        return max(abs(current.level), 0.1 * current.sheet.full_scale)

    def _limit(self, of: int) -> float:
        power = self.settings["limitp"]
        if power and self._level:
            return min(self.limits[of], power / abs(self._level))
        return self.limits[of]

    def put_out(self, level: float) -> None:
        """Change the level at once, without the time that a command takes.

        For sweeps and pulses, whose levels :meth:`hold_range` has passed.
        """
        self._active.level = level
        self._level = self._active.quantised(level)
        if self.output == ON:
            self._drive.set_level(self._level)

    def settle(self) -> None:
        """Let the source delay pass."""
        if self._pause:
            self._clock.advance(self._pause)

    def hold_range(self, level: float) -> None:
        """Take the range that a sweep needs for its largest level, for all of it."""
        active = self._active
        index = active.best(abs(level))
        extent = active.sheets[index].full_scale
        self.check(self.function, level, self.limits[1 - self.function], extent)
        self._change_range(self.function, index)
        self.apply()

    def check(self, function: int, level: float, limit: float, extent: float) -> None:
        """Refuse what lies beyond the area of steady operation.

        Parameters
        ----------
        function : int
            ``VOLTS`` or ``AMPS``.
        level : float
            Largest level to be put out.
        limit : float
            Limit of the other quantity.
        extent : float
            Full scale of the source range.
        """
        pair = (extent, limit) if function == VOLTS else (limit, extent)
        if not self._sheet.allows(*pair):
            raise TspProblem(_UNSAFE)
        volts = extent if function == VOLTS else limit
        if volts > _INTERLOCKED_FROM and not self._interlock():
            raise TspProblem(_INTERLOCK)
        if abs(level) > extent * datasheet.OVER_SOURCE:
            raise TspProblem(_BEYOND_RANGE)

    # -- attributes --------------------------------------------------------------------

    def set_quickly(self, function: int, value: Any) -> None:  # noqa: ANN401  whatever the script gives
        """Set a level in V or A: the short way where no range or limit changes."""
        if self._quick == function and type(value) in _NUMBERS:
            magnitude = -value if value < 0.0 else value
            if self._lower < magnitude <= self._span:
                self._clock.advance(datasheet.SOURCE_TIME)
                self._active.level = value
                self._level = level = round(value * self._inverse_step) * self._step
                self._drive.set_level(level)
                if self._pause:
                    self._clock.advance(self._pause)
                return
        self.set_level(function, value)

    def set_level(self, function: int, value: object) -> None:
        """Set the level of a function in V or A; takes effect if it is the present."""
        level = number(value)
        chosen = self.ranges[function]
        if abs(level) > chosen.largest * datasheet.OVER_SOURCE:
            raise TspProblem(TOO_BIG if level > 0.0 else TOO_SMALL)
        index = chosen.best(abs(level))
        if self.output == ON and function == self.function:
            extent = chosen.sheets[index].full_scale
            self.check(function, level, self.limits[1 - function], extent)
            self._clock.advance(datasheet.SOURCE_TIME)
        chosen.level = level
        self._change_range(function, index)
        self.apply()
        if self.output == ON and function == self.function:
            self.settle()

    def _change_range(self, function: int, index: int) -> None:
        chosen = self.ranges[function]
        if index == chosen.index:
            return
        chosen.index = index
        if self.output == ON and function == self.function:
            self._clock.advance(datasheet.SOURCE_RANGE_CHANGE)

    def set_range(self, function: int, value: object) -> None:
        """Choose the lowest range that holds a value; ends automatic choice."""
        chosen = self.ranges[function]
        wanted = abs(within(-chosen.largest, chosen.largest)(value))
        index = next(
            i
            for i, one in enumerate(chosen.sheets)
            if wanted <= one.full_scale * (1 + 1e-9)
        )
        if self.output == ON and function == self.function:
            extent = chosen.sheets[index].full_scale
            self.check(function, chosen.level, self.limits[1 - function], extent)
        chosen.auto = False
        self._change_range(function, index)
        self.apply()

    def set_auto(self, function: int, value: object) -> None:
        """Switch automatic choice of the range."""
        chosen = self.ranges[function]
        chosen.auto = bool(_SWITCH(value))
        if chosen.auto:
            self._change_range(function, chosen.best(abs(chosen.level)))
        self.apply()

    def set_lowest(self, function: int, value: object) -> None:
        """Set the lowest range of automatic choice."""
        chosen = self.ranges[function]
        wanted = abs(within(-chosen.largest, chosen.largest)(value))
        chosen.lowest = chosen.fit(wanted / datasheet.OVER_SOURCE)
        if chosen.auto and chosen.index < chosen.lowest:
            self._change_range(function, chosen.lowest)
        self.apply()

    def set_limit(self, of: int, value: object) -> None:
        """Set the limit of a quantity in V or A."""
        sheet = self._sheet
        bounds = sheet.voltage_limits if of == VOLTS else sheet.current_limits
        limit = within(*bounds)(value)
        if self.output == ON and self.function != of:
            active = self.ranges[self.function]
            self.check(self.function, active.level, limit, active.sheet.full_scale)
        self.limits[of] = limit
        self.apply()

    def set_function(self, value: object) -> None:
        """Source volt or ampere."""
        function = int(_SWITCH(value))
        if self.output == ON and function != self.function:
            active = self.ranges[function]
            limit = self.limits[1 - function]
            self.check(function, active.level, limit, active.sheet.full_scale)
            self._clock.advance(datasheet.FUNCTION_CHANGE)
        self.function = function
        self.apply()

    def set_output(self, value: object) -> None:
        """Turn the output on or off."""
        output = int(whole(OFF, HIGH_Z)(value))
        if output == ON and self.output != ON:
            active = self.ranges[self.function]
            limit = self.limits[1 - self.function]
            self.check(self.function, active.level, limit, active.sheet.full_scale)
        self.output = output
        self.apply()

    def _delay(self) -> float:
        """Return the pause after a change in s; automatic: until the range settles."""
        delay = self.settings["delay"]
        if delay != DELAY_AUTO:
            return delay
        return self.ranges[AMPS].sheet.settling if self.function == AMPS else 0.0

    def _setting_changed(self, _name: str) -> None:
        self.apply()

    def _lua_table(self) -> TspObject:
        table = TspObject()
        add_settings(table, self.settings, _SETTINGS, changed=self._setting_changed)
        table.getters["func"] = lambda: self.function
        table.setters["func"] = self.set_function
        table.getters["output"] = lambda: self.output
        table.setters["output"] = self.set_output
        for function, letter in ((AMPS, "i"), (VOLTS, "v")):
            self._add_quantity(table, function, letter)
        return table

    def _add_quantity(self, table: TspObject, function: int, letter: str) -> None:
        chosen = self.ranges[function]
        table.getters.update(
            {
                f"level{letter}": lambda: chosen.level,
                f"range{letter}": lambda: chosen.sheet.full_scale,
                f"autorange{letter}": lambda: int(chosen.auto),
                f"lowrange{letter}": lambda: chosen.sheets[chosen.lowest].full_scale,
                f"limit{letter}": lambda: self.limits[function],
            }
        )
        table.setters.update(
            {
                f"level{letter}": partial(self.set_quickly, function),
                f"range{letter}": lambda value: self.set_range(function, value),
                f"autorange{letter}": lambda value: self.set_auto(function, value),
                f"lowrange{letter}": lambda value: self.set_lowest(function, value),
                f"limit{letter}": lambda value: self.set_limit(function, value),
            }
        )


def _nobody() -> None:
    """Stand for whoever is to be told of changes, before there is one."""


def _delay(value: object) -> float:
    if number(value) == DELAY_AUTO:
        return DELAY_AUTO
    return within(0.0, math.inf)(value)


_SETTINGS = (
    Setting("delay", 0.0, _delay),
    Setting("limitp", 0.0, within(0.0, 1e4)),
    Setting("offmode", NORMAL, whole(0, 2)),
    Setting("offfunc", VOLTS, _SWITCH),
    Setting("offlimiti", 1e-3, within(100e-12, 1.5)),  # default: Rev. F p. 67
    Setting("offlimitv", 40.0, within(20e-3, 200.0)),  # default: Rev. F p. 67
    Setting("highc", 0, _SWITCH),
    Setting("sink", 0, _SWITCH),
    Setting("settling", 0, one_of((0, 1, 2, 3, 4, 128))),
    Setting("outputenableaction", 0, _SWITCH),
)
