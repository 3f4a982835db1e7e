"""One channel of the 81160A: what a client may set, and the rules that refuse it.

A value beyond its own range is refused with -222 whatever the other settings are. What
contradicts other settings is refused with -221 only while an output of the channel is
on, and so is switching it on: the manual says that the check is enabled by switching on
the output (source a of the limits, p. 580). A refused command changes nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labneuro.sim_backends import waveforms
from labneuro.sim_backends.keysight_81160a import limits, settings
from labneuro.sim_backends.keysight_81160a.settings import ChannelSettings, Range
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Amount, Extreme
from labneuro.sim_backends.scpi.syntax import ScpiError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from labneuro.sim_backends.keysight_81160a.memory import WaveformMemory

_LEVELS = ("high", "low", "amplitude", "offset")
_AT_LOAD = _LEVELS  # kept as those of the open output, said as those at the load
_LIMITS = ("high_limit", "low_limit")
_COUNTS = ("cycles", "count")
_SQUARE_FORMS = ("SQU", "PULS")
_HIGHEST_POWER = 100.0  # dBm, beyond any range: its power of ten may overflow

_PERIODS = Range(1.0 / limits.HIGHEST_SINE, 1e6, limits.DEFAULT_PERIOD)
_EDGES = Range(limits.FASTEST_EDGE, limits.SLOWEST_EDGE, limits.FASTEST_EDGE)
_TRIGGER_PERIODS = Range(
    limits.SHORTEST_TRIGGER_PERIOD,
    limits.LONGEST_TRIGGER_PERIOD,
    limits.DEFAULT_TRIGGER_PERIOD,
)
_WIDEST = limits.WIDEST_LIMIT
_AMPLITUDES = Range(
    limits.SMALLEST_AMPLITUDE, limits.LARGEST_AMPLITUDE, limits.DEFAULT_AMPLITUDE
)
_HALF = 0.5 * limits.DEFAULT_AMPLITUDE

# Ranges; those of `_AT_LOAD` are of the open output.
_RANGES = {
    "high": Range(limits.SMALLEST_AMPLITUDE - limits.WINDOW, limits.WINDOW, _HALF),
    "low": Range(-limits.WINDOW, limits.WINDOW - limits.SMALLEST_AMPLITUDE, -_HALF),
    "amplitude": _AMPLITUDES,
    "offset": Range(-limits.WINDOW, limits.WINDOW, 0.0),
    "high_limit": Range(limits.LIMIT_DISTANCE - _WIDEST, _WIDEST, _WIDEST),
    "low_limit": Range(-_WIDEST, _WIDEST - limits.LIMIT_DISTANCE, -_WIDEST),
    "load": Range(limits.LOWEST_LOAD, limits.HIGHEST_LOAD, 50.0),
    "phase": Range(-360.0, 360.0, 0.0),
    "burst_phase": Range(-360.0, 360.0, 0.0),
    "square_duty": Range(limits.LOWEST_SQUARE_DUTY, limits.HIGHEST_SQUARE_DUTY, 50.0),
    "symmetry": Range(0.0, 100.0, 100.0),
    "width": Range(limits.SHORTEST_PULSE, limits.LONGEST_PULSE, limits.DEFAULT_WIDTH),
    "duty": Range(limits.LOWEST_DUTY, limits.HIGHEST_DUTY, 10.0),
    "delay": Range(0.0, limits.LONGEST_DELAY, 0.0),
    "trailing_delay": Range(
        limits.SHORTEST_PULSE,
        limits.LONGEST_DELAY + limits.LONGEST_PULSE,
        limits.DEFAULT_WIDTH,
    ),
    "leading": _EDGES,
    "trailing": _EDGES,
    "cycles": Range(
        limits.FEWEST_BURST_CYCLES, limits.MOST_CYCLES, limits.FEWEST_BURST_CYCLES
    ),
    "count": Range(1, limits.MOST_CYCLES, 1),
    "trigger_period": _TRIGGER_PERIODS,
    "trigger_frequency": Range(
        1.0 / _TRIGGER_PERIODS.high,
        1.0 / _TRIGGER_PERIODS.low,
        1.0 / _TRIGGER_PERIODS.default,
    ),
}


def _frequency(of: ChannelSettings, value: float) -> ChannelSettings:
    return _period(of, 1.0 / limits.round_digits(value, 12))


def _period(of: ChannelSettings, value: float) -> ChannelSettings:
    return of.changed(period=value)


def _width(of: ChannelSettings, value: float) -> ChannelSettings:
    return of.changed(width=value, duty=100.0 * value / of.period)


def _duty(of: ChannelSettings, value: float) -> ChannelSettings:
    return of.changed(duty=value, width=value / 100.0 * of.period)


def _trailing_delay(of: ChannelSettings, value: float) -> ChannelSettings:
    width = _RANGES["width"].resolve(limits.round_digits(value - of.delay))
    return _width(of, width)


def _leading(of: ChannelSettings, value: float) -> ChannelSettings:
    trailing = value if of.same_edges else of.trailing
    return of.changed(leading=value, trailing=trailing)


def _trailing(of: ChannelSettings, value: float) -> ChannelSettings:
    return of.changed(trailing=value, same_edges=False)


def _levels(of: ChannelSettings, amplitude: float, offset: float) -> ChannelSettings:
    return of.changed(high=offset + 0.5 * amplitude, low=offset - 0.5 * amplitude)


def _count(of: ChannelSettings, value: float) -> ChannelSettings:
    """Set the cycles of a trigger: a burst if they are more than one (source b)."""
    several = value > 1
    return of.changed(burst=several, cycles=int(value) if several else of.cycles)


_CHANGES: dict[str, Callable[[ChannelSettings, float], ChannelSettings]] = {
    "frequency": _frequency,
    "period": _period,
    "width": _width,
    "duty": _duty,
    "trailing_delay": _trailing_delay,
    "leading": _leading,
    "trailing": _trailing,
    "amplitude": lambda of, value: _levels(of, value, of.offset),
    "offset": lambda of, value: _levels(of, of.amplitude, value),
    "count": _count,
    "cycles": lambda of, value: of.changed(cycles=int(value)),
    "trigger_frequency": lambda of, value: of.changed(trigger_period=1.0 / value),
}

_DERIVED: dict[str, Callable[[ChannelSettings], float]] = {
    "frequency": lambda of: 1.0 / of.period,
    "width": lambda of: of.pulse_width,
    "duty": lambda of: 100.0 * of.pulse_width / of.period,
    "trailing_delay": lambda of: of.delay + of.pulse_width,
    "count": lambda of: of.count,
    "trigger_frequency": lambda of: 1.0 / of.trigger_period,
}


class PulseChannel:
    """A channel's settings, what they may be, and its waveform.

    Parameters
    ----------
    number : int
        1 or 2.
    memory : WaveformMemory
        The instrument's waveforms.
    generator : numpy.random.Generator
        For the noise.
    """

    def __init__(
        self, number: int, memory: WaveformMemory, generator: np.random.Generator
    ) -> None:
        self.number = number
        self._memory = memory
        self._generator = generator
        self.settings = ChannelSettings()

    def get(self, name: str) -> float:
        """Return a numeric setting as the client reads it."""
        of = self.settings
        if name in _AT_LOAD:
            volts: float = getattr(of, name) * of.factor
            return limits.round_voltage(volts) + 0.0
        value = _DERIVED[name](of) if name in _DERIVED else getattr(of, name)
        return value if isinstance(value, int) else limits.round_digits(value, 12)

    def range(self, name: str) -> Range:
        """Return the range of a numeric setting.

        That of frequency and period depends on the shape, that of levels on the load.
        """
        if name in ("frequency", "period"):
            highest = limits.highest_frequency(self.settings.shape)
            if name == "period":
                return _PERIODS._replace(low=1.0 / highest)
            return Range(limits.LOWEST_FREQUENCY, highest, 1.0 / limits.DEFAULT_PERIOD)
        allowed = _RANGES[name]
        return allowed.scaled(self.settings.factor) if name in _AT_LOAD else allowed

    def set(self, name: str, value: float | Extreme) -> None:
        """Set a numeric setting.

        Raises
        ------
        ScpiError
            -222 for a value out of range or beyond the voltage limits, -221 for one
            that contradicts another setting while the output is on.
        """
        number = self.range(name).resolve(value)
        if name in _AT_LOAD:
            number = limits.round_voltage(number) / self.settings.factor
        elif name in _LIMITS:
            number = limits.round_voltage(number)
        elif name not in _COUNTS:
            number = limits.round_digits(number, 12 if name == "frequency" else 9)
        if name in _CHANGES:
            self.adopt(_CHANGES[name](self.settings, number), level=name in _LEVELS)
        else:
            self.adopt(self.settings.changed(**{name: number}), level=name in _LEVELS)

    def adopt(self, new: ChannelSettings, *, level: bool = False) -> None:
        """Take new settings unless a rule refuses them.

        Parameters
        ----------
        new : ChannelSettings
            The settings.
        level : bool
            Whether it was a level that was set.

        Raises
        ------
        ScpiError
            -222 or -221.
        """
        if settings.outside_limits(new):
            code = syntax.DATA_OUT_OF_RANGE if level else syntax.SETTINGS_CONFLICT
            raise ScpiError(code)
        if (new.output or new.complement) and settings.conflict(new):
            raise ScpiError(syntax.SETTINGS_CONFLICT)
        self.settings = new

    def set_word(self, name: str, value: object) -> None:
        """Set a switch or a word."""
        changes = {name: value}
        of = self.settings
        if name == "hold":
            width = of.pulse_width
            changes |= {"width": width, "duty": 100.0 * width / of.period}
        elif name == "same_edges" and value:
            changes["trailing"] = of.leading
        self.adopt(of.changed(**changes))

    def set_source(self, value: float) -> None:
        """Set the source resistance in ohm."""
        if value not in limits.SOURCE_RESISTANCES:
            raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)
        self.adopt(self.settings.changed(source=value))

    def set_unit(self, unit: str) -> None:
        """Choose the unit of the amplitude."""
        self.settings = self.settings.changed(unit=unit)

    def set_waveform(self, name: str) -> None:
        """Choose what the shape USER plays."""
        self._memory.codes(self.number, name)
        self.settings = self.settings.changed(waveform=name)

    def set_amplitude(self, value: Amount | Extreme) -> None:
        """Set the amplitude in the unit of its suffix or in the channel's."""
        if isinstance(value, Extreme):
            self.set("amplitude", value)
            return
        self.set("amplitude", self._to_peak_to_peak(value.value, value.suffix))

    def _rms_factor(self) -> float:
        """Return Vpp over Vrms; the 33250A has the same (source d)."""
        shape = self.settings.shape
        if shape in _SQUARE_FORMS:
            return 2.0
        return 2.0 * math.sqrt(3.0 if shape == "RAMP" else 2.0)

    def _to_peak_to_peak(self, value: float, suffix: str) -> float:
        unit = suffix.replace("VPP", "V") or self.settings.unit
        if unit == "DBM":
            if value > _HIGHEST_POWER:
                raise ScpiError(syntax.DATA_OUT_OF_RANGE)
            power = 1e-3 * 10.0 ** (value / 10.0)
            return self._rms_factor() * math.sqrt(power * self.settings.load)
        return value * self._rms_factor() if unit == "VRMS" else value

    def amplitude(self, volts: float | None = None) -> float:
        """Return the amplitude, or another one in V, in the channel's unit."""
        value = self.get("amplitude") if volts is None else volts
        if self.settings.unit == "VPP":
            return value
        rms = value / self._rms_factor()
        if self.settings.unit == "VRMS":
            return limits.round_digits(rms)
        # Levels that contradict each other while the output is off have no power.
        power = max(rms**2 / self.settings.load / 1e-3, 1e-30)
        return limits.round_digits(10.0 * math.log10(power))

    def _turn(self) -> float:
        of = self.settings
        return (of.phase if of.continuous else of.burst_phase) / 360.0

    def cycle(self) -> waveforms.Cycle:
        """Return one cycle of the output, in V of the open output."""
        of, turn = self.settings, self._turn()
        low, high = of.levels
        if of.shape == "DC":
            return waveforms.constant_cycle(of.offset, of.period)
        if of.shape == "NOIS":
            return waveforms.noise_cycle(of.low, of.high, self._generator)
        if of.shape == "PULS":
            return settings.pulse(of)
        if of.shape == "SQU":
            return settings.square(of, turn)
        if of.shape == "USER":
            shares = self._memory.shares(self.number, of.waveform)
            levels = of.offset + 0.5 * (high - low) * shares
            return waveforms.arbitrary_cycle(levels, of.period, turn)
        symmetry = of.symmetry / 100.0
        return waveforms.shape_cycle(of.shape, of.period, low, high, turn, symmetry)

    def idle_level(self, cycle: waveforms.Cycle) -> float:
        """Return the open-circuit level between bursts, in V.

        It is that of the burst phase, low for a pulse or a square wave.
        """
        of = self.settings
        if of.shape == "USER":
            return cycle.first
        low, high = of.levels
        share = settings.idle_share(of.shape, self._turn(), of.symmetry / 100.0)
        return of.offset + 0.5 * (high - low) * share
