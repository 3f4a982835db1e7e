"""One channel of the AFG31000: its settings and the rules between them.

Levels are kept as those of the open output; the load setting only scales what the
client says and reads. A value out of range is refused (-222, nothing changes). A
setting that another one has made impossible is clipped, and -221 says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends import waveforms
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Amount, Extreme
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000 import limits

if TYPE_CHECKING:
    import numpy as np

    from labneuro.sim_backends.tektronix_afg31000.memory import WaveformMemory

_EDGES_IN_PERIOD = 0.8  # width <= period - 0.8 (leading + trailing), manual 071-1639
_EDGES_IN_WIDTH = 0.625  # width >= 0.625 (leading + trailing), manual 071-1639
_TOLERANCE = 1e-9  # relative: settings meet as decimal numbers
# Vpp of a wave of 1 Vrms, manual 071-1639 (VOLTage:UNIT).
_PEAK_TO_PEAK = {"SQU": 2.0, "PULS": 2.0, "RAMP": 2.0 * math.sqrt(3.0)}
_SINE_PEAK_TO_PEAK = 2.0 * math.sqrt(2.0)


@dataclass
class Settings:
    """All settings of a channel with their defaults.

    Attributes
    ----------
    high, low, high_limit, low_limit : float
        Levels of the open output in V.
    width, duty : float
        Pulse width in s and duty cycle in %; `hold` says which one is set.
    cycles : float
        Cycles of a burst; may be infinite.
    load : float
        Load that the client means, in ohm; may be infinite.
    phase : float
        In rad.
    """

    shape: str = "SIN"
    frequency: float = 1e6
    high: float = 1.0
    low: float = -1.0
    high_limit: float = math.inf
    low_limit: float = -math.inf
    unit: str = "VPP"
    load: float = 50.0
    inverted: bool = False
    output: bool = False
    phase: float = 0.0
    symmetry: float = 50.0
    width: float = 0.5e-6
    duty: float = 50.0
    hold: str = "DUTY"
    leading: float = limits.FASTEST_EDGE
    trailing: float = limits.FASTEST_EDGE
    delay: float = 0.0
    burst: bool = False
    burst_mode: str = "TRIG"
    cycles: float = 5.0
    trigger_delay: float = 0.0
    idle: str = "OFF"


class Range(NamedTuple):
    """Lowest, highest and default value of a setting."""

    low: float
    high: float
    default: float

    def resolve(self, value: float | Extreme) -> float:
        """Return a value after the check of its range.

        Raises
        ------
        ScpiError
            -222 if it lies outside.
        """
        if isinstance(value, Extreme):
            by_name = {Extreme.MINIMUM: self.low, Extreme.MAXIMUM: self.high}
            return by_name.get(value, self.default)
        if not self.low - _slack(self.low) <= value <= self.high + _slack(self.high):
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
        return min(max(value, self.low), self.high)


def _slack(end: float) -> float:
    """Return what rounding in binary may add to the end of a range."""
    return _TOLERANCE * abs(end) + 1e-15


_FIXED = {
    "phase": Range(-math.pi, math.pi, 0.0),
    "symmetry": Range(0.0, 100.0, 50.0),
    "trigger_delay": Range(0.0, limits.LONGEST_TRIGGER_DELAY, 0.0),
}


class AfgChannel:
    """A channel's settings, their ranges and its waveform.

    Parameters
    ----------
    model : AfgModel
        What the instrument can do.
    memory : WaveformMemory
        The instrument's waveform memories.
    generator : numpy.random.Generator
        For the noise shape.
    """

    def __init__(
        self,
        model: limits.AfgModel,
        memory: WaveformMemory,
        generator: np.random.Generator,
    ) -> None:
        self._model = model
        self._memory = memory
        self._generator = generator
        self.settings = self.defaults()

    def defaults(self) -> Settings:
        """Return the settings of a reset."""
        window = self._model.window
        return Settings(high_limit=window, low_limit=-window)

    @property
    def period(self) -> float:
        """Period in s."""
        return 1.0 / self.settings.frequency

    @property
    def width(self) -> float:
        """Pulse width in s."""
        settings = self.settings
        held = settings.hold == "WIDT"
        return settings.width if held else settings.duty / 100.0 * self.period

    @property
    def factor(self) -> float:
        """Voltage at the load over that of the open output."""
        return limits.load_factor(self.settings.load)

    def get(self, name: str) -> float:
        """Return a numeric setting as the client reads it."""
        derived = {
            "high": lambda: self.settings.high * self.factor,
            "low": lambda: self.settings.low * self.factor,
            "high_limit": lambda: self.settings.high_limit * self.factor,
            "low_limit": lambda: self.settings.low_limit * self.factor,
            "amplitude": lambda: self._amplitude() * self.factor,
            "offset": lambda: self._offset() * self.factor,
            "period": lambda: self.period,
            "width": lambda: self.width,
            "duty": lambda: 100.0 * self.width / self.period,
        }
        if name in derived:
            return float(f"{derived[name]():.11E}")
        return float(getattr(self.settings, name))

    def range(self, name: str) -> Range:
        """Return the range of a numeric setting, which depends on the others."""
        if name in _FIXED:
            return _FIXED[name]
        found: Range = getattr(self, f"_range_{name}")()
        return found

    def set(self, name: str, value: float | Extreme) -> None:
        """Set a numeric setting.

        Raises
        ------
        ScpiError
            -222 and nothing changes, or -221 and another setting was clipped.
        """
        number = self.range(name).resolve(value)
        setter = getattr(self, f"_set_{name}", None)
        if setter is None:
            setattr(self.settings, name, number)
        else:
            setter(number)
        self.fit()

    def _amplitude(self) -> float:
        return self.settings.high - self.settings.low

    def _offset(self) -> float:
        return 0.5 * (self.settings.high + self.settings.low)

    def _volts(self, low: float, high: float, default: float) -> Range:
        """Return a range of open-circuit voltages as voltages at the load."""
        factor = self.factor
        return Range(low * factor, high * factor, default * factor)

    def _range_high(self) -> Range:
        settings = self.settings
        most = settings.low + self._model.largest_amplitude(settings.frequency)
        least = settings.low + limits.SMALLEST_AMPLITUDE
        return self._volts(least, min(settings.high_limit, most), 1.0)

    def _range_low(self) -> Range:
        settings = self.settings
        most = settings.high - self._model.largest_amplitude(settings.frequency)
        last = settings.high - limits.SMALLEST_AMPLITUDE
        return self._volts(max(settings.low_limit, most), last, -1.0)

    def _range_high_limit(self) -> Range:
        window = self._model.window
        return self._volts(self.settings.high, window, window)

    def _range_low_limit(self) -> Range:
        window = self._model.window
        return self._volts(-window, self.settings.low, -window)

    def _range_amplitude(self) -> Range:
        settings, offset = self.settings, self._offset()
        room = min(settings.high_limit - offset, offset - settings.low_limit)
        most = min(self._model.largest_amplitude(settings.frequency), 2.0 * room)
        return self._volts(limits.SMALLEST_AMPLITUDE, most, 2.0)

    def _range_offset(self) -> Range:
        half, settings = 0.5 * self._amplitude(), self.settings
        if settings.shape == "DC":
            half = 0.0
        return self._volts(settings.low_limit + half, settings.high_limit - half, 0.0)

    def _range_frequency(self) -> Range:
        highest = self._model.highest_frequency(self.settings.shape)
        return Range(limits.LOWEST_FREQUENCY, highest, min(1e6, highest))

    def _range_period(self) -> Range:
        frequency = self._range_frequency()
        return Range(1.0 / frequency.high, 1.0 / frequency.low, 1.0 / frequency.default)

    def _edges(self) -> float:
        return self.settings.leading + self.settings.trailing

    def _range_width(self) -> Range:
        longest = self.period - _EDGES_IN_PERIOD * self._edges()
        least = max(self._model.shortest_pulse, _EDGES_IN_WIDTH * self._edges())
        return Range(
            max(least, limits.LOWEST_DUTY / 100.0 * self.period),
            min(longest, limits.LONGEST_PULSE, limits.HIGHEST_DUTY / 100 * self.period),
            0.5 * self.period,
        )

    def _range_duty(self) -> Range:
        width = self._range_width()
        share = 100.0 / self.period
        return Range(width.low * share, width.high * share, 50.0)

    def _range_edge(self, other: float) -> Range:
        width = self.width
        both = min(width / _EDGES_IN_WIDTH, (self.period - width) / _EDGES_IN_PERIOD)
        longest = min(both - other, limits.SLOWEST_EDGE)
        return Range(limits.FASTEST_EDGE, longest, limits.FASTEST_EDGE)

    def _range_leading(self) -> Range:
        return self._range_edge(self.settings.trailing)

    def _range_trailing(self) -> Range:
        return self._range_edge(self.settings.leading)

    def _range_delay(self) -> Range:
        room = self.period - self.width - _EDGES_IN_PERIOD * self._edges()
        return Range(0.0, max(0.0, room), 0.0)

    def _set_high(self, value: float) -> None:
        self.settings.high = limits.round_voltage(value) / self.factor

    def _set_low(self, value: float) -> None:
        self.settings.low = limits.round_voltage(value) / self.factor

    def _set_high_limit(self, value: float) -> None:
        self.settings.high_limit = limits.round_voltage(value) / self.factor

    def _set_low_limit(self, value: float) -> None:
        self.settings.low_limit = limits.round_voltage(value) / self.factor

    def _set_amplitude(self, value: float) -> None:
        self._set_levels(limits.round_voltage(value) / self.factor, self._offset())

    def _set_offset(self, value: float) -> None:
        self._set_levels(self._amplitude(), limits.round_voltage(value) / self.factor)

    def _set_levels(self, amplitude: float, offset: float) -> None:
        self.settings.high = offset + 0.5 * amplitude
        self.settings.low = offset - 0.5 * amplitude

    def _set_frequency(self, value: float) -> None:
        self.settings.frequency = float(f"{value:.11E}")  # 12 digits, manual 071-1639

    def _set_period(self, value: float) -> None:
        self.settings.frequency = 1.0 / value

    def _set_width(self, value: float) -> None:
        self.settings.width = value
        self.settings.duty = 100.0 * value / self.period

    def _set_duty(self, value: float) -> None:
        self.settings.duty = round(value, 3)  # in steps of 0.001 %, manual 071-1639
        self.settings.width = self.settings.duty / 100.0 * self.period

    def _set_trigger_delay(self, value: float) -> None:
        self.settings.trigger_delay = limits.round_delay(value)

    def set_hold(self, hold: str) -> None:
        """Hold pulse width or duty cycle when the period changes."""
        width = self.width
        self.settings.hold = hold
        self._set_width(width)

    def set_shape(self, shape: str) -> None:
        """Choose the shape; a user memory must hold a waveform."""
        if shape.startswith("USER") and shape not in self._memory.content:
            raise ScpiError(syntax.PARAMETER_ERROR)
        self.settings.shape = shape
        self.fit()

    def set_cycles(self, value: float | Extreme) -> None:
        """Set the number of cycles of a burst, or infinity."""
        allowed = Range(1.0, float(limits.MOST_CYCLES), 5.0)
        is_infinite = not isinstance(value, Extreme) and value == math.inf
        self.settings.cycles = math.inf if is_infinite else allowed.resolve(value)

    def set_load(self, value: float | Extreme) -> None:
        """Say what load the client has: what it reads changes, the output does not."""
        allowed = Range(limits.LOWEST_LOAD, limits.HIGHEST_LOAD, 50.0)
        is_infinite = not isinstance(value, Extreme) and value == math.inf
        if is_infinite and self.settings.unit == "DBM":
            raise ScpiError(syntax.SETTINGS_CONFLICT)  # no power into no load
        load = math.inf if is_infinite else float(round(allowed.resolve(value)))
        self.settings.load = load

    def set_unit(self, unit: str) -> None:
        """Choose the unit of the amplitude."""
        if unit == "DBM" and math.isinf(self.settings.load):
            raise ScpiError(syntax.SETTINGS_CONFLICT)
        self.settings.unit = unit

    def set_amplitude(self, value: Amount | Extreme) -> None:
        """Set the amplitude in the unit of its suffix or in the channel's."""
        if isinstance(value, Extreme):
            self.set("amplitude", value)
            return
        self.set("amplitude", self._to_peak_to_peak(value.value, value.suffix))

    def _rms_factor(self) -> float:
        return _PEAK_TO_PEAK.get(self.settings.shape, _SINE_PEAK_TO_PEAK)

    def _to_peak_to_peak(self, value: float, suffix: str) -> float:
        unit = self.settings.unit if suffix == "" else suffix
        if unit == "DBM":
            if math.isinf(self.settings.load):
                raise ScpiError(syntax.SETTINGS_CONFLICT)
            if value > 100.0:  # noqa: PLR2004  beyond any range; 10 ** it may overflow
                raise ScpiError(syntax.DATA_OUT_OF_RANGE)
            return self._rms_factor() * math.sqrt(
                1e-3 * 10.0 ** (value / 10.0) * self.settings.load
            )
        return value * self._rms_factor() if unit == "VRMS" else value

    def amplitude(self) -> float:
        """Return the amplitude in the channel's unit."""
        value = self.get("amplitude")
        if self.settings.unit == "VPP":
            return value
        rms = value / self._rms_factor()
        if self.settings.unit == "VRMS":
            return rms
        return 10.0 * math.log10(rms**2 / self.settings.load / 1e-3)

    def fit(self) -> None:
        """Clip what no longer fits.

        Raises
        ------
        ScpiError
            -221 if something was clipped.
        """
        if self._fit_frequency() | self._fit_amplitude() | self._fit_pulse():
            raise ScpiError(syntax.SETTINGS_CONFLICT)

    def _fit_frequency(self) -> bool:
        highest = self._model.highest_frequency(self.settings.shape)
        if self.settings.frequency <= highest * (1 + _TOLERANCE):
            return False
        self.settings.frequency = highest
        return True

    def _fit_amplitude(self) -> bool:
        settings = self.settings
        most = self._model.largest_amplitude(settings.frequency)
        clipped = self._amplitude() > most * (1 + _TOLERANCE)
        if clipped:
            self._set_levels(most, self._offset())
        if settings.shape == "DC":
            return clipped  # DC is the offset alone, and reaches further
        before = (settings.high, settings.low)
        settings.low = max(settings.low, settings.low_limit)
        settings.high = min(settings.high, settings.high_limit)
        settings.low = min(settings.low, settings.high - limits.SMALLEST_AMPLITUDE)
        settings.high = max(settings.high, settings.low + limits.SMALLEST_AMPLITUDE)
        return clipped or before != (settings.high, settings.low)

    def _fit_pulse(self) -> bool:
        if self.settings.shape != "PULS":
            return False
        clipped, settings = False, self.settings
        most = min(self.width / _EDGES_IN_WIDTH, self.period / (2 * _EDGES_IN_PERIOD))
        if self._edges() > most * (1 + _TOLERANCE):
            edge = max(0.5 * most, limits.FASTEST_EDGE)
            settings.leading = min(settings.leading, edge)
            settings.trailing = min(settings.trailing, edge)
            clipped = True
        allowed, width = self._range_width(), self.width
        fitted = min(max(width, allowed.low), allowed.high)
        if abs(fitted - width) > _TOLERANCE * width:
            self._set_width(fitted)
            clipped = True
        room = self._range_delay().high
        if settings.delay > room * (1 + _TOLERANCE):
            settings.delay = room
            clipped = True
        return clipped

    def cycle(self) -> waveforms.Cycle:
        """Return one cycle of the output, in V of the open output."""
        settings = self.settings
        low, high = settings.low, settings.high
        if settings.inverted:
            low, high = high, low
        turn = settings.phase / (2.0 * math.pi)
        shape = settings.shape
        if shape == "DC":
            return waveforms.constant_cycle(self._offset(), self.period)
        if shape == "PRN":
            return waveforms.noise_cycle(
                min(low, high), max(low, high), self._generator
            )
        if shape == "PULS":
            return self._pulse(low, high)
        if shape in self._memory.content:
            points = low + (high - low) * self._memory.shares(shape)
            return waveforms.arbitrary_cycle(points, self.period, turn)
        symmetry = settings.symmetry / 100.0
        return waveforms.shape_cycle(shape, self.period, low, high, turn, symmetry)

    def _pulse(self, low: float, high: float) -> waveforms.Cycle:
        settings = self.settings
        return waveforms.pulse_cycle(
            self.period,
            low,
            high,
            width=self.width,
            delay=settings.delay,
            leading=settings.leading,
            trailing=settings.trailing,
        )

    def idle_level(self, cycle: waveforms.Cycle) -> float:
        """Return the open-circuit level between bursts, in V.

        ``STARt`` and ``OFF`` keep the first point of the waveform, ``END`` its last,
        ``DC`` the offset (source (e) of the limits; what ``OFF`` does is not said).
        """
        return {"DC": self._offset(), "END": cycle.last}.get(
            self.settings.idle, cycle.first
        )

    def copy(self) -> Settings:
        """Return a copy of the settings."""
        return replace(self.settings)
