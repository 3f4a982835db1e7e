"""Settings of one channel of the 81160A, and how they become a waveform.

Levels are those of the open output: the load setting only scales what the client says
and reads, as with the 33250A (source d of the limits). Limits of the levels are
voltages at the load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from labneuro.sim_backends import waveforms
from labneuro.sim_backends.keysight_81160a import limits
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Extreme
from labneuro.sim_backends.scpi.syntax import ScpiError

_TOLERANCE = 1e-9  # relative: settings meet as decimal numbers


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
        exact = isinstance(self.high, int)  # a count has no rounding
        below, above = (0.0, 0.0) if exact else (_slack(self.low), _slack(self.high))
        if not self.low - below <= value <= self.high + above:
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
        return min(max(value, self.low), self.high)

    def scaled(self, factor: float) -> Range:
        """Return the range in another unit."""
        return Range(self.low * factor, self.high * factor, self.default * factor)

    def query(self, which: str) -> float:
        """Return the end that ``MIN``, ``MAX`` or ``DEF`` names."""
        return {"MIN": self.low, "MAX": self.high}.get(which, self.default)


def _slack(end: float) -> float:
    """Return what rounding in binary may add to the end of a range."""
    return _TOLERANCE * abs(end)


def exceeds(value: float, bound: float) -> bool:
    """Whether a value lies above a bound by more than rounding in binary."""
    return value > bound + _slack(bound) + 1e-15


@dataclass(frozen=True)
class ChannelSettings:
    """All settings of a channel with their defaults.

    Attributes
    ----------
    period, width, delay, leading, trailing, trigger_period : float
        In s; edges from 10 % to 90 %.
    duty : float
        Duty cycle of a pulse in %; `hold` says whether it or the width is kept.
    high, low : float
        Levels of the open output in V.
    high_limit, low_limit : float
        In V at the load; they count while `limited`.
    phase, burst_phase : float
        In degrees.
    """

    shape: str = "SIN"
    waveform: str = limits.DEFAULT_WAVEFORM
    period: float = limits.DEFAULT_PERIOD
    high: float = limits.DEFAULT_AMPLITUDE / 2.0
    low: float = -limits.DEFAULT_AMPLITUDE / 2.0
    unit: str = "VPP"
    high_limit: float = limits.WIDEST_LIMIT
    low_limit: float = -limits.WIDEST_LIMIT
    limited: bool = False
    load: float = 50.0
    source: float = 50.0
    inverted: bool = False
    output: bool = False
    complement: bool = False
    phase: float = 0.0
    square_duty: float = 50.0
    symmetry: float = 100.0
    width: float = limits.DEFAULT_WIDTH
    duty: float = 10.0
    hold: str = "WIDT"
    delay: float = 0.0
    leading: float = limits.FASTEST_EDGE
    trailing: float = limits.FASTEST_EDGE
    same_edges: bool = True
    burst: bool = False
    burst_mode: str = "TRIG"
    cycles: float = limits.FEWEST_BURST_CYCLES
    burst_phase: float = 0.0
    arm_source: str = "IMM"
    arm_sense: str = "EDGE"
    trigger_period: float = limits.DEFAULT_TRIGGER_PERIOD

    def changed(self, **changes: Any) -> ChannelSettings:  # noqa: ANN401  any setting
        """Return a copy with some settings changed."""
        return replace(self, **changes)

    @property
    def factor(self) -> float:
        """Voltage at the load over that of the open output."""
        return limits.load_factor(self.load, self.source)

    @property
    def amplitude(self) -> float:
        """Peak-to-peak voltage of the open output in V."""
        return self.high - self.low

    @property
    def offset(self) -> float:
        """Middle of the levels of the open output in V."""
        return 0.5 * (self.high + self.low)

    @property
    def pulse_width(self) -> float:
        """Pulse width in s."""
        held = self.hold == "DCYC"
        return self.duty / 100.0 * self.period if held else self.width

    @property
    def pulse_length(self) -> float:
        """Time in s from the begin of a pulse's leading edge to its trailing end."""
        return self.pulse_width + 0.625 * (self.leading + self.trailing)

    @property
    def gated(self) -> bool:
        """Whether a level, not an edge, lets the waveform run."""
        return self.arm_sense == "LEV" or (self.burst and self.burst_mode == "GAT")

    @property
    def continuous(self) -> bool:
        """Whether the waveform runs without a trigger."""
        return self.arm_source in ("IMM", "INT")

    @property
    def count(self) -> int:
        """Cycles that a trigger starts."""
        return int(self.cycles) if self.burst else 1

    @property
    def single_pulse(self) -> bool:
        """Whether a trigger starts one pulse, which has no period."""
        triggered = not self.continuous and not self.gated
        return self.shape == "PULS" and triggered and self.count == 1

    @property
    def levels(self) -> tuple[float, float]:
        """Low and high level of the open output in V, as the polarity has them."""
        return (self.high, self.low) if self.inverted else (self.low, self.high)


def conflict(settings: ChannelSettings) -> bool:
    """Whether settings contradict each other, so that no valid signal comes of them."""
    return _levels_conflict(settings) or _rate_conflicts(settings) or _pulse(settings)


def outside_limits(settings: ChannelSettings) -> bool:
    """Whether a level lies beyond the limits that are switched on."""
    factor = settings.factor
    low, high = settings.low * factor, settings.high * factor
    if settings.shape == "DC":
        low = high = settings.offset * factor
    beyond = exceeds(high, settings.high_limit) or exceeds(settings.low_limit, low)
    return settings.limited and (beyond or settings.low_limit >= settings.high_limit)


def _levels_conflict(settings: ChannelSettings) -> bool:
    if settings.shape == "DC":
        return exceeds(abs(settings.offset), limits.WINDOW)
    amplitude = settings.amplitude
    return (
        exceeds(limits.SMALLEST_AMPLITUDE, amplitude)
        or exceeds(amplitude, limits.LARGEST_AMPLITUDE)
        or exceeds(max(settings.high, -settings.low), limits.WINDOW)
    )


def _rate_conflicts(settings: ChannelSettings) -> bool:
    frequency = 1.0 / settings.period
    if exceeds(frequency, limits.highest_frequency(settings.shape)):
        return True
    fast = settings.shape == "SIN" and exceeds(frequency, limits.HIGHEST_OTHER)
    return fast and exceeds(settings.amplitude, limits.LARGEST_FAST_SINE)


def _pulse(settings: ChannelSettings) -> bool:
    if settings.shape != "PULS":
        return False
    width, edges = settings.pulse_width, settings.leading + settings.trailing
    # Not in the manual that was found: edges of half the width each would overlap.
    if exceeds(0.625 * edges, width) or exceeds(limits.SHORTEST_PULSE, width):
        return True
    slower = max(settings.leading, settings.trailing)
    needed = width + limits.EDGES_IN_PERIOD * slower
    period = max(settings.period, limits.TIGHTEST_PERIOD)
    return not settings.single_pulse and exceeds(needed, period)


def fitted_pulse(settings: ChannelSettings) -> ChannelSettings:
    """Return settings whose pulse fits its period: fast edges, then a narrow pulse."""
    if not _pulse(settings):
        return settings
    edge = limits.FASTEST_EDGE
    room = settings.period - limits.EDGES_IN_PERIOD * edge
    width = max(limits.SHORTEST_PULSE, min(settings.pulse_width, room))
    duty = 100.0 * width / settings.period
    return settings.changed(leading=edge, trailing=edge, width=width, duty=duty)


def pulse(settings: ChannelSettings) -> waveforms.Cycle:
    """Return one pulse without its delay; a single one ends with its trailing edge."""
    low, high = settings.levels
    length = settings.pulse_length
    return waveforms.pulse_cycle(
        length if settings.single_pulse else max(settings.period, length),
        low,
        high,
        width=settings.pulse_width,
        delay=0.0,
        leading=settings.leading,
        trailing=settings.trailing,
        edge_steps=limits.EDGE_STEPS,
        short_edge=limits.SHORT_EDGE,
    )


def square(settings: ChannelSettings, turn: float) -> waveforms.Cycle:
    """Return one cycle of a square wave, `turn` cycles from its rising edge."""
    low, high = settings.levels
    share = settings.square_duty / 100.0
    ends = sorted(((-turn) % 1.0, (share - turn) % 1.0))
    rising_first = ((-turn) % 1.0) <= ((share - turn) % 1.0)
    first, second = (high, low) if rising_first else (low, high)
    changes = [(0.0, second), (ends[0] * settings.period, first)]
    changes.append((ends[1] * settings.period, second))
    return waveforms.Cycle(settings.period, changes[1 if ends[0] == 0.0 else 0 :])


def idle_share(shape: str, turn: float, symmetry: float) -> float:
    """Return the level between bursts, -1 (low) to 1 (high), of a periodic shape."""
    if shape == "SIN":
        return math.sin(2.0 * math.pi * turn)
    if shape == "RAMP":
        place = (turn + 0.5 * symmetry) % 1.0
        rising = 2.0 * place / max(symmetry, _TOLERANCE) - 1.0
        falling = 1.0 - 2.0 * (place - symmetry) / max(1.0 - symmetry, _TOLERANCE)
        return rising if place <= symmetry else falling
    return -1.0 if shape in ("PULS", "SQU") else 0.0
