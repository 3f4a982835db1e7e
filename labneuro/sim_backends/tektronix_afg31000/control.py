"""Setting a channel of the AFG31000: what a new value does to the other settings.

Levels are kept as those of the open output; the load setting only scales what the
client says and reads. A value out of range is refused (-222, nothing changes). A
setting that another one has made impossible is clipped, and -221 says so.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Amount, Extreme
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.ranges import (
    EDGES_IN_PERIOD,
    EDGES_IN_WIDTH,
    ChannelRanges,
)
from labneuro.sim_backends.tektronix_afg31000.settings import (
    TOLERANCE,
    Range,
    Settings,
    rounded,
)

if TYPE_CHECKING:
    from labneuro.sim_backends.tektronix_afg31000.memory import WaveformMemory
    from labneuro.sim_backends.tektronix_afg31000.waveform_files import ArbitraryFile

# Vpp of a wave of 1 Vrms, manual 071-1639 (VOLTage:UNIT).
_PEAK_TO_PEAK = {"SQU": 2.0, "PULS": 2.0, "RAMP": 2.0 * math.sqrt(3.0)}
_SINE_PEAK_TO_PEAK = 2.0 * math.sqrt(2.0)
# What the highest frequency of the shape bounds, and the run mode that uses it.
_DEPENDENT = (
    ("sweep_start", "SWE"),
    ("sweep_stop", "SWE"),
    ("fsk_frequency", "FSK"),
    ("fm_deviation", "FM"),
    ("pwm_deviation", "PWM"),
)


class ChannelControl(ChannelRanges):
    """A channel's settings as a client reads and writes them.

    Parameters
    ----------
    model : AfgModel
        What the instrument can do.
    memory : WaveformMemory
        The instrument's waveform memories.
    """

    def __init__(self, model: limits.AfgModel, memory: WaveformMemory) -> None:
        super().__init__(model)
        self._memory = memory

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
            "sweep_center": lambda: self._sweep()[0],
            "sweep_span": lambda: self._sweep()[1],
        }
        if name in derived:
            return float(f"{derived[name]():.11E}")
        return float(getattr(self.settings, name))

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
            setattr(self.settings, name, rounded(name, number))
        else:
            setter(number)
        self.fit()

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

    def _sweep(self) -> tuple[float, float]:
        """Return center and span of the sweep, in Hz."""
        start, stop = self.settings.sweep_start, self.settings.sweep_stop
        return 0.5 * (start + stop), stop - start

    def _set_sweep(self, center: float, span: float) -> None:
        lowest = limits.LOWEST_FREQUENCY  # rounding must not lead below it
        settings = self.settings
        settings.sweep_start = max(round(center - 0.5 * span, 6), lowest)
        settings.sweep_stop = max(round(center + 0.5 * span, 6), lowest)

    def _set_sweep_center(self, value: float) -> None:
        self._set_sweep(value, self._sweep()[1])

    def _set_sweep_span(self, value: float) -> None:
        self._set_sweep(self._sweep()[0], value)

    def set_hold(self, hold: str) -> None:
        """Hold pulse width or duty cycle when the period changes."""
        width = self.width
        self.settings.hold = hold
        self._set_width(width)

    def set_shape(self, shape: str) -> None:
        """Choose the shape; a user memory or a file must hold a waveform.

        A run mode that cannot play it becomes the continuous one (manual 071-1639,
        FREQuency:MODE; taken to hold for modulation too).
        """
        self.check_shape(shape, self.settings.file)
        self.settings.shape = shape
        if not limits.carries(self.settings.run_mode, shape):
            self.settings.run_mode = "CONT"
        self.fit()

    def check_shape(self, shape: str, file: ArbitraryFile | None) -> None:
        """Check that a waveform is there.

        Raises
        ------
        ScpiError
            -220 if the shape is an empty user memory or a file not yet named.
        """
        is_empty = shape.startswith("USER") and shape not in self._memory.content
        if is_empty or (shape == "EFIL" and file is None):
            raise ScpiError(syntax.PARAMETER_ERROR)

    def switch(self, run_mode: str, on: bool) -> None:
        """Switch a run mode on, in place of any other, or off.

        Raises
        ------
        ScpiError
            -221 if the shape cannot be played in it; nothing changes.
        """
        settings = self.settings
        if not on:
            if settings.run_mode == run_mode:
                settings.run_mode = "CONT"
            return
        if not limits.carries(run_mode, settings.shape):
            raise ScpiError(syntax.SETTINGS_CONFLICT)
        settings.run_mode = run_mode
        self.fit()

    def set_modulator(self, kind: str, shape: str) -> None:
        """Choose the modulating waveform of ``"am"``, ``"fm"``, ``"pm"``, ``"pwm"``."""
        self.check_shape(shape, getattr(self.settings, f"{kind}_file"))
        setattr(self.settings, f"{kind}_shape", shape)

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
        fits = (
            self._fit_frequency,
            self._fit_amplitude,
            self._fit_pulse,
            self._fit_modulation,
        )
        if any([fit() for fit in fits]):  # noqa: C419  every one of them must be made
            raise ScpiError(syntax.SETTINGS_CONFLICT)

    def _fit_frequency(self) -> bool:
        highest = self._model.highest_frequency(self.settings.shape)
        if self.settings.frequency <= highest * (1 + TOLERANCE):
            return False
        self.settings.frequency = highest
        return True

    def _fit_amplitude(self) -> bool:
        settings = self.settings
        most = self._model.largest_amplitude(settings.frequency)
        clipped = self._amplitude() > most * (1 + TOLERANCE)
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
        most = min(self.width / EDGES_IN_WIDTH, self.period / (2 * EDGES_IN_PERIOD))
        if self._edges() > most * (1 + TOLERANCE):
            edge = max(0.5 * most, limits.FASTEST_EDGE)
            settings.leading = min(settings.leading, edge)
            settings.trailing = min(settings.trailing, edge)
            clipped = True
        allowed, width = self._range_width(), self.width
        fitted = min(max(width, allowed.low), allowed.high)
        if abs(fitted - width) > TOLERANCE * width:
            self._set_width(fitted)
            clipped = True
        room = self._range_delay().high
        if settings.delay > room * (1 + TOLERANCE):
            settings.delay = room
            clipped = True
        return clipped

    def _fit_modulation(self) -> bool:
        """Clip what the shape or the pulse makes impossible.

        Only what the present run mode uses counts as a conflict.
        """
        clipped = set()
        settings = self.settings
        for name, run_mode in _DEPENDENT:
            highest = self.range(name).high
            if getattr(settings, name) > highest * (1 + TOLERANCE):
                setattr(settings, name, highest)
                clipped.add(run_mode)
        return settings.run_mode in clipped

    def copy(self) -> Settings:
        """Return a copy of the settings."""
        return replace(self.settings)
