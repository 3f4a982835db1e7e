"""The ranges of a channel's settings, which depend on the other settings."""

from __future__ import annotations

import math

from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.settings import (
    FIXED_RANGES,
    TOLERANCE,
    Range,
    Settings,
)

EDGES_IN_PERIOD = 0.8  # width <= period - 0.8 (leading + trailing), manual 071-1639
EDGES_IN_WIDTH = 0.625  # width >= 0.625 (leading + trailing), manual 071-1639


class ChannelRanges:
    """A channel's settings and what each of them may be.

    Parameters
    ----------
    model : AfgModel
        What the instrument can do.
    """

    def __init__(self, model: limits.AfgModel) -> None:
        self._model = model
        self.settings = self.defaults()

    def defaults(self) -> Settings:
        """Return the settings of a reset."""
        window = self._model.window
        return Settings(high_limit=window, low_limit=-window)

    @property
    def window(self) -> float:
        """No level of the open output lies beyond, of either sign, in V."""
        return self._model.window

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

    def range(self, name: str) -> Range:
        """Return the range of a numeric setting, which depends on the others."""
        if name in FIXED_RANGES:
            return FIXED_RANGES[name]
        found: Range = getattr(self, f"_range_{name}")()
        return found

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
        longest = self.period - EDGES_IN_PERIOD * self._edges()
        least = max(self._model.shortest_pulse, EDGES_IN_WIDTH * self._edges())
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
        both = min(width / EDGES_IN_WIDTH, (self.period - width) / EDGES_IN_PERIOD)
        longest = min(both - other, limits.SLOWEST_EDGE)
        return Range(limits.FASTEST_EDGE, longest, limits.FASTEST_EDGE)

    def _range_leading(self) -> Range:
        return self._range_edge(self.settings.trailing)

    def _range_trailing(self) -> Range:
        return self._range_edge(self.settings.leading)

    def _range_delay(self) -> Range:
        room = self.period - self.width - EDGES_IN_PERIOD * self._edges()
        return Range(0.0, max(0.0, room), 0.0)

    def _range_sweep_start(self) -> Range:
        frequency = self._range_frequency()
        return frequency._replace(default=min(100e3, frequency.high))

    def _range_sweep_stop(self) -> Range:
        return self._range_frequency()

    def _range_fsk_frequency(self) -> Range:
        return self._range_frequency()

    def _range_sweep_center(self) -> Range:
        """Return the centers that keep the span."""
        settings, frequency = self.settings, self._range_frequency()
        half = 0.5 * abs(settings.sweep_stop - settings.sweep_start)
        return Range(frequency.low + half, frequency.high - half, 550e3)

    def _range_sweep_span(self) -> Range:
        """Return the spans that keep the center; negative ones sweep down."""
        settings, frequency = self.settings, self._range_frequency()
        center = 0.5 * (settings.sweep_start + settings.sweep_stop)
        most = 2.0 * min(center - frequency.low, frequency.high - center)
        return Range(-most, most, min(900e3, most))

    def _range_fm_deviation(self) -> Range:
        # Half of the highest frequency, as the AFG3000C data sheet has it as
        # remembered; no source was found.
        most = 0.5 * self._model.highest_frequency(self.settings.shape)
        return Range(0.0, most, min(1e6, most))

    def _range_pwm_deviation(self) -> Range:
        """Return the deviations that leave pulse and pause, manual 071-1639."""
        edges = max(self._model.shortest_pulse, EDGES_IN_PERIOD * self._edges())
        room = min(self.width, self.period - self.width) - edges
        tenths = math.floor(1000.0 * room / self.period + TOLERANCE)  # its resolution
        most = max(0.0, 0.1 * tenths)
        return Range(0.0, most, min(5.0, most))
