"""The source of one channel of a Series 2600B: levels, ranges, limits, output.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.source.*``, p. 9-237 to
9-255; output-off modes p. 2-41.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS, SourceRange
from labneuro.sim_backends.keithley_2600.source_table import DELAY_AUTO, source_table
from labneuro.sim_backends.tsp.values import (
    TOO_BIG,
    TOO_SMALL,
    TspProblem,
    number,
    one_of,
    whole,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.keithley_2600.datasheet import ModelSheet

OFF, ON, HIGH_Z = 0, 1, 2
ZERO = 1
_INTERLOCK, _BEYOND_RANGE, _UNSAFE = 802, 5005, 5007
_CALIBRATION_LOCKED = 5017
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
    mode_changed : callable
        Called when the high-capacitance mode was switched.
    level : float
        What is put out of the present function, in V or A; 0 while the output is off.
    pulsed : bool
        Whether what is put out are pulses, for which the extended area is allowed.
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
        self.mode_changed: Callable[[], None] = _nobody
        sourcing = [one for one in sheet.current if one.source_step > 0.0]
        currents = SourceRange((*sourcing, sheet.pulse_current))
        self.ranges = {AMPS: currents, VOLTS: SourceRange(sheet.voltage)}
        self.settings: dict[str, float] = {}
        self.limits = {AMPS: 0.0, VOLTS: 0.0}
        self.function, self.output = VOLTS, OFF
        self.level, self.pulsed = 0.0, False
        self.lua = source_table(self)
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
        self.pulsed = False
        self.mode_changed()
        self.apply()

    # -- the output --------------------------------------------------------------------

    @property
    def high_capacitance(self) -> bool:
        """Whether the high-capacitance mode is on."""
        return bool(self.settings["highc"])

    def apply(self) -> None:
        """Make the circuit's drive what the settings say."""
        self._active = active = self.ranges[self.function]
        self._level = active.quantised(active.level)
        self.level = self._level if self.output == ON else 0.0
        self._pause = self._delay()
        self._command_time = datasheet.SOURCE_TIME + self._pause
        self._inverse_step = 1.0 / active.sheet.source_step
        self._step = active.sheet.source_step
        self._span, self._lower = active.span, active.lower
        self._drive.resting = self.output != ON
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
                0.0, datasheet.OUTPUT_RESISTANCE, self.zero_limit()
            )
        elif self.settings["offfunc"] == VOLTS:
            self._drive.voltage_source(
                0.0, datasheet.OUTPUT_RESISTANCE, self.settings["offlimiti"]
            )
        else:
            self._drive.current_source(
                0.0, datasheet.PARALLEL_RESISTANCE, self.settings["offlimitv"]
            )

    def zero_limit(self) -> float:
        """Return the current limit in A of output-off mode ZERO (Rev. B p. 7-227)."""
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
            self.level = self._level
            self._drive.set_level(self._level)

    @property
    def pause(self) -> float:
        """The source delay in s."""
        return self._pause

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
        if not self._sheet.allows(*pair, pulsed=self.pulsed):
            raise TspProblem(_UNSAFE)
        volts = extent if function == VOLTS else limit
        if volts > _INTERLOCKED_FROM and not self._interlock():
            raise TspProblem(_INTERLOCK)
        if abs(level) > extent * datasheet.OVER_SOURCE:
            raise TspProblem(_BEYOND_RANGE)

    # -- attributes --------------------------------------------------------------------

    @contextmanager
    def pulsing(self) -> Iterator[None]:
        """Allow the extended area, for pulses; afterwards limit and range are steady.

        References
        ----------
        2600BS-901-01 Rev. F p. 2-59: pulsing in the extended operating area.
        """
        limits = dict(self.limits)
        self.pulsed = True
        try:
            yield
        finally:
            self.pulsed = False
            active, limit = self.ranges[self.function], self.limits[1 - self.function]
            extent = active.sheet.full_scale
            pair = (extent, limit) if self.function == VOLTS else (limit, extent)
            if not self._sheet.allows(*pair):
                self.limits.update(limits)
                active.index = active.fit(abs(active.level))
                self.apply()

    def set_quickly(self, function: int, value: Any) -> None:  # noqa: ANN401  whatever the script gives
        """Set a level in V or A: the short way where no range or limit changes."""
        if self._quick == function and type(value) in _NUMBERS:
            magnitude = -value if value < 0.0 else value
            if self._lower < magnitude <= self._span:
                self._active.level = value
                self.level = level = round(value * self._inverse_step) * self._step
                self._level = level
                self._drive.set_level(level)
                self._clock.advance(self._command_time)
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
        chosen.level = level
        self._change_range(function, index)
        self.apply()
        if self.output == ON and function == self.function:
            self._clock.advance(self._command_time)

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
        index = chosen.holding(wanted)
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
        chosen.lowest = chosen.holding(wanted)
        if chosen.auto and chosen.index < chosen.lowest:
            self._change_range(function, chosen.lowest)
        self.apply()

    def set_limit(self, of: int, value: object) -> None:
        """Set the limit of a quantity in V or A."""
        limit = within(*self.bounds(of))(value)
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

    def setting_changed(self, _name: str) -> None:
        """Make the circuit's drive what a changed setting says."""
        self.apply()

    def set_high_capacitance(self, value: object) -> None:
        """Switch the high-capacitance mode, which has no current below 1 uA.

        References
        ----------
        2657A-901-01 Rev. B p. 3-66: what the mode raises to 1 uA.
        """
        state = _SWITCH(value)
        self.settings["highc"] = state
        currents = self.ranges[AMPS]
        currents.floor = currents.holding(datasheet.HIGH_C_LOWEST) if state else 0
        if state:
            self.limits[AMPS] = max(self.limits[AMPS], datasheet.HIGH_C_LOWEST)
            currents.lowest = max(currents.lowest, currents.floor)
            currents.index = max(currents.index, currents.floor)
        self.mode_changed()
        self.apply()

    def refuse_calibration(self) -> None:
        """Refuse to change the constants of calibration, which is locked."""
        raise TspProblem(_CALIBRATION_LOCKED)

    def interlock_opened(self) -> None:
        """Turn off what the 200 V range puts out: the interlock has opened."""
        volts = (
            self.ranges[VOLTS].sheet.full_scale
            if self.function == VOLTS
            else self.limits[VOLTS]
        )
        if self.output == ON and volts > _INTERLOCKED_FROM:
            self.output = OFF
            self.apply()
            raise TspProblem(_INTERLOCK)

    def bounds(self, of: int) -> tuple[float, float]:
        """Return the smallest and largest limit of a quantity, in V or A."""
        sheet = self._sheet
        if of == VOLTS:
            return sheet.voltage_limits
        low, high = sheet.current_limits
        if self.high_capacitance:
            low = max(low, datasheet.HIGH_C_LOWEST)
        if self.pulsed:
            high = sheet.pulse_current.full_scale
        return low, high


def _nobody() -> None:
    """Stand for whoever is to be told of changes, before there is one."""
