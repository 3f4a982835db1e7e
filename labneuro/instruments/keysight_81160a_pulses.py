"""An 81160A output as the pulse generator of a bench."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from labneuro.errors import BenchConfigError, InstrumentError, LimitError
from labneuro.instruments import shutdown
from labneuro.instruments.arbitrary_waveform import REST_CODE, round_up, sample
from labneuro.instruments.guard import Guard
from labneuro.instruments.roles import PulseGenerator
from labneuro.instruments.stress import CLOCK, GENERATOR, Levels
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from labneuro.instruments.keysight_81160a import (
        Keysight81160A,
        Keysight81160AChannel,
    )
    from labneuro.instruments.roles import Waveform
    from labneuro.safety import Limits

_CHANNELS = {"ch1": 1, "ch2": 2}
_OPEN_LOAD = 1e6  # ohm, the highest that can be set: a load of high resistance
_SMALLEST_SPAN = 0.1  # V of the open output
_WIDEST_SPAN = 10.0  # V of the open output
_HIGHEST_LIMIT = 10.0  # V
_HIGHEST_PULSE = 9.9995  # V, 10 V of the open output at the load above
_SHORTEST_PULSE, _LONGEST_TIME = 1.5e-9, 1e6  # s
_EDGE = 1e-9  # s
_SHORTEST_GAP = 1.6e-9  # s: period >= width + 1.6 edge, User's Guide p. 142
_TRIGGER_LEVEL = 1.0  # V
_SAME = 1e-9  # relative difference of durations that are one


@dataclass(frozen=True)
class PulseTrain:
    """Equal rectangular pulses from 0 V, as the pulse function plays them.

    Attributes
    ----------
    level : float
        In V, either sign.
    width, delay, period : float
        In s; the delay is that of the first pulse after the trigger.
    count : int
        Number of pulses.
    """

    level: float
    width: float
    delay: float
    period: float
    count: int


@dataclass(frozen=True, eq=False)
class WaveformPoints:
    """An arbitrary waveform as the instrument plays it.

    Attributes
    ----------
    codes : ndarray of int16, shape (points,)
        -8191 at the low level to 8191 at the high one; the first and the last are 0 V.
    frequency : float
        Of the whole waveform, in Hz.
    low, high : float
        Levels in V.
    """

    codes: NDArray[np.int16]
    frequency: float
    low: float
    high: float


def as_pulse_train(waveform: Waveform) -> PulseTrain | None:
    """Return a waveform as equal pulses if it is exactly that.

    Parameters
    ----------
    waveform : Waveform
        Segments of level and duration.

    Returns
    -------
    PulseTrain, optional
        None if it is not, or if pulses of that size cannot be played.
    """
    if not all(0.0 < time < math.inf for _, time in waveform.segments):
        return None
    parts = _joined(waveform)
    delay = parts.pop(0)[1] if parts and parts[0][0] == 0.0 else 0.0
    if parts and parts[-1][0] == 0.0:
        parts.pop()  # the output rests at 0 V afterwards anyway
    pulses, gaps = parts[::2], parts[1::2]
    if not (pulses and _are_equal(pulses) and _are_equal(gaps, level=0.0)):
        return None
    level, width = pulses[0]
    gap = gaps[0][1] if gaps else _SHORTEST_GAP
    train = PulseTrain(level, width, delay, width + gap, len(pulses))
    return train if _can_be_played(train, gap) else None


def as_points(waveform: Waveform) -> WaveformPoints:
    """Return a waveform as points.

    A level is met within a 16382nd of the span, 0.61 mV at most, and 0 V exactly.

    Parameters
    ----------
    waveform : Waveform
        Levels to 5 V of either sign, or to 10 V of one sign; see
        `arbitrary_waveform.sample` for the durations.

    Raises
    ------
    LimitError
        If the waveform does not fit.
    """
    sampled = sample(waveform)
    codes = sampled.codes.astype(np.int32) - REST_CODE
    top = 0.5 * sampled.amplitude
    if sampled.amplitude < _SMALLEST_SPAN:
        share = sampled.amplitude / _SMALLEST_SPAN
        codes = np.rint(codes * share).astype(np.int32)
        top = 0.5 * _SMALLEST_SPAN
    low, high = -top, top
    if sampled.amplitude > _WIDEST_SPAN:
        if codes.min() < 0 < codes.max():
            raise LimitError(
                f"levels of {show(min(waveform.levels), 'V')} and "
                f"{show(max(waveform.levels), 'V')}: the generator plays levels of "
                f"both signs up to {show(0.5 * _WIDEST_SPAN, 'V')}"
            )
        if top > _HIGHEST_PULSE:
            raise LimitError(
                f"a level of {show(top, 'V')}: the generator plays up to "
                f"{show(_HIGHEST_PULSE, 'V', 5)}"
            )
        # Of one sign: 0 V becomes the end of the span.
        sign = 1 if codes.max() > 0 else -1
        codes = 2 * codes - sign * REST_CODE
        low, high = (0.0, top) if sign > 0 else (-top, 0.0)
    return WaveformPoints(codes.astype(np.int16), sampled.frequency, low, high)


def _joined(waveform: Waveform) -> list[tuple[float, float]]:
    """Return the segments with neighbours of the same level made one."""
    groups = itertools.groupby(waveform.segments, key=lambda segment: segment[0])
    return [(level, math.fsum(time for _, time in group)) for level, group in groups]


def _are_equal(parts: list[tuple[float, float]], level: float | None = None) -> bool:
    """Whether all parts have the same duration and the same, or a given, level."""
    wanted = parts[0][0] if parts and level is None else level
    return all(
        one == wanted and abs(time - parts[0][1]) <= _SAME * time for one, time in parts
    )


def _can_be_played(train: PulseTrain, gap: float) -> bool:
    return (
        _SMALLEST_SPAN <= abs(train.level) <= _HIGHEST_PULSE
        and train.width >= _SHORTEST_PULSE
        and gap >= _SHORTEST_GAP
        and max(train.delay, train.period) <= _LONGEST_TIME
    )


class Keysight81160APulseGenerator(PulseGenerator):
    """One output of an 81160A that plays a waveform once for each trigger.

    Equal rectangular pulses are played by the pulse function, as a burst if they are
    several; anything else from the arbitrary memory. A new waveform of another kind or
    timing finds the output switched off for a moment, since settings that contradict
    each other on the way are refused while it is on; a new level does not. The external
    trigger is taken on its falling edge, the first one of a source meter's low trigger
    pulse.

    Parameters
    ----------
    driver : Keysight81160A
        The instrument.
    channel : str
        ``"ch1"`` or ``"ch2"``.
    limits : Limits or Guard
        What may be set at most; checked before anything is sent.

    Raises
    ------
    BenchConfigError
        If there is no such channel.
    """

    role: ClassVar[str] = GENERATOR

    def __init__(
        self, driver: Keysight81160A, channel: str, limits: Limits | Guard
    ) -> None:
        if channel not in _CHANNELS:
            raise BenchConfigError(
                f"roles: {channel!r} is no channel of {driver.name}; ch1 or ch2"
            )
        self.driver = driver
        self.channel: Keysight81160AChannel = driver.channels[_CHANNELS[channel]]
        self.guard = Guard.of(limits)
        self.limits = self.guard.limits
        self._where = f"{driver.name} {channel}"
        self._loaded: PulseTrain | WaveformPoints | None = None
        self._on = self._manual = False

    def load(self, waveform: Waveform) -> None:
        """Make `waveform` the answer to the next triggers; 0 V before and after.

        Parameters
        ----------
        waveform : Waveform
            Levels within the limits; see `as_points` for what is not made of equal
            pulses.

        Raises
        ------
        LimitError
            If a level is beyond the limits or the waveform does not fit.
        InstrumentError
            If the instrument reports an error.
        """
        levels = Levels(self.role, waveform.segments)
        self.guard.check(levels, self._where)
        train = as_pulse_train(waveform)
        points = None if train else as_points(waveform)
        self.guard.load(levels, self._where)
        held, self._loaded = self._loaded, None
        self._listen()
        if train:
            self._load_pulses(train, held)
        elif points:
            self._load_points(points, held)
        self.driver.check_errors()
        self._loaded = train or points

    def output_on(self) -> None:
        """Switch the output on; it rests at 0 V until a trigger.

        Raises
        ------
        InstrumentError
            If no waveform is loaded or the instrument reports an error.
        """
        if self._loaded is None:
            raise InstrumentError(f"{self._where}: load a waveform first")
        self._listen()
        self.guard.switch_on(self.role)
        self.channel.output_enabled = True
        self._on = True
        self.driver.check_errors()

    def fire(self) -> None:
        """Play the waveform once now, by a command in place of the trigger line.

        A command triggers only a channel that does not listen to the line; it listens
        again from the next :meth:`load` or :meth:`output_on` on, since a change of the
        source would end what runs.

        Raises
        ------
        InstrumentError
            If the instrument reports an error.
        """
        self.guard.trigger(1, self._where)
        self._obey()
        self.driver.trigger()
        self.driver.check_errors()

    def join(self) -> None:
        """Play whenever the other channel is fired; until the next load or output_on.

        Raises
        ------
        InstrumentError
            If the instrument reports an error.
        """
        self._obey()
        self.driver.check_errors()

    def _obey(self) -> None:
        """Take triggers from commands, which reach all channels that do so."""
        if not self._manual:
            self.channel.trigger_source = "manual"
            self._manual = True

    def _listen(self) -> None:
        """Take triggers from the line again."""
        if self._manual:
            self.channel.trigger_source = "external"
            self._manual = False

    def make_safe(self) -> None:
        """Switch both connectors off, and read that back.

        Raises
        ------
        SafeStateError
            If the instrument does not confirm that the output is off.
        """
        channel = self.channel
        self._loaded, self._on, self._manual = None, False, False
        shutdown.make_safe(
            self._where,
            (
                ("device clear", self.driver.device_clear),
                ("output off", lambda: setattr(channel, "output_enabled", False)),
                (
                    "complement off",
                    lambda: setattr(channel, "complement_enabled", False),
                ),
            ),
            lambda: (
                channel.output_enabled is False and channel.complement_enabled is False
            ),
        )
        self.guard.release(self.role)

    def _load_pulses(
        self, train: PulseTrain, held: PulseTrain | WaveformPoints | None
    ) -> None:
        if train == held:
            return
        if isinstance(held, PulseTrain):
            same_sign = (train.level > 0.0) == (held.level > 0.0)
            if same_sign and replace(held, level=train.level) == train:
                self._set_pulse_level(train.level)
                return
        self._reconfigure(lambda: self._set_pulses(train), first=held is None)

    def _load_points(
        self, points: WaveformPoints, held: PulseTrain | WaveformPoints | None
    ) -> None:
        if isinstance(held, WaveformPoints) and (held.low < 0.0 < held.high) == (
            points.low < 0.0 < points.high
        ):
            self._change_points(points, held)
        else:
            self._reconfigure(lambda: self._set_points(points), first=held is None)

    def _change_points(self, points: WaveformPoints, held: WaveformPoints) -> None:
        """Send what differs from the waveform that the instrument plays."""
        if not np.array_equal(held.codes, points.codes):
            self.channel.upload(points.codes)
        if held.frequency != points.frequency:
            self.channel.frequency = points.frequency
        if held.high != points.high or held.low != points.low:
            self._reconfigure(lambda: self._set_levels(points), first=False)

    def _reconfigure(self, change: Callable[[], None], *, first: bool) -> None:
        """Make a change with the output off; then it is as it was."""
        on, self._on = self._on, False
        self.channel.output_enabled = False
        if first:
            self._prepare()
        change()
        if first:
            self._limit()
        if on:
            self.channel.output_enabled = True
            self._on = True

    def _prepare(self) -> None:
        """Set what all waveforms have in common."""
        channel, driver = self.channel, self.driver
        channel.complement_enabled = False
        channel.limits_enabled = False
        channel.load_resistance = _OPEN_LOAD
        channel.amplitude_unit = "VPP"
        channel.trigger_sense = "edge"
        channel.trigger_source = "external"
        driver.trigger_slope = "negative"
        driver.trigger_level = _TRIGGER_LEVEL
        driver.big_endian = True

    def _limit(self) -> None:
        """Let the instrument refuse what is beyond the limits, too."""
        if self.limits.voltage < _HIGHEST_LIMIT:
            # Rounded as levels of points are: one at the limit must not be refused.
            limit = min(round_up(self.limits.voltage), _HIGHEST_LIMIT)
            self.channel.high_limit = limit
            self.channel.low_limit = -limit
            self.channel.limits_enabled = True

    def _set_pulses(self, train: PulseTrain) -> None:
        channel = self.channel
        channel.shape = "pulse"
        channel.inverted = train.level < 0.0
        # The level at rest first: it is 0 V under any limit.
        if train.level > 0.0:
            channel.low = 0.0
        else:
            channel.high = 0.0
        self._set_pulse_level(train.level)
        channel.pulse_hold = "width"
        channel.leading_edge = _EDGE
        channel.trailing_edge = _EDGE
        channel.period = train.period
        channel.pulse_width = train.width
        channel.pulse_delay = train.delay
        channel.burst_enabled = train.count > 1
        if train.count > 1:
            channel.burst_cycles = train.count

    def _set_pulse_level(self, level: float) -> None:
        if level > 0.0:
            self.channel.high = level
        else:
            self.channel.low = level

    def _set_points(self, points: WaveformPoints) -> None:
        channel = self.channel
        channel.upload(points.codes)
        channel.shape = "arbitrary"
        channel.inverted = False
        channel.frequency = points.frequency
        channel.burst_enabled = False
        self._set_levels(points)

    def _set_levels(self, points: WaveformPoints) -> None:
        self.channel.low = points.low
        self.channel.high = points.high


class Keysight81160AClockGenerator(Keysight81160APulseGenerator):
    """The output that plays the clock beside the pulses of the other one."""

    role = CLOCK
