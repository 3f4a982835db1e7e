"""What an acquisition is to be, what was kept of it, and the waveforms made of that."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.keysight_msox3000 import datasheet
from labneuro.sim_backends.keysight_msox3000.settings import trigger_level
from labneuro.sim_backends.keysight_msox3000.traces import Trace, digitised
from labneuro.sim_backends.sampling import Filter

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
    from labneuro.sim_backends.keysight_msox3000.settings import (
        Channel,
        Settings,
        Trigger,
    )
    from labneuro.sim_backends.sampling import Signal

    Array = NDArray[np.float64]


def terminal(source: str) -> str:
    """Return the input of a source: ``"ch1"`` of ``"CHAN1"``, or nothing."""
    if source.startswith("CHAN"):
        return f"ch{source[4:]}"
    return f"d{source[3:]}" if source.startswith("DIG") else ""


@dataclass(frozen=True)
class Plan:
    """What an acquisition shall be, from the settings when it was armed.

    Attributes
    ----------
    settings : Settings
        A copy.
    only : set of str, optional
        Sources that were named; otherwise the displayed ones are acquired.
    left : float
        Time of the first point from the trigger in s.
    range : float
        Length in s.
    rate : float
        Samples per second.
    points : int
        Samples.
    oversampling : float
        Conversions per sample.
    wanted : int
        Triggers until it is complete.
    """

    settings: Settings
    only: frozenset[str] | None
    left: float
    range: float
    rate: float
    points: int
    oversampling: float
    wanted: int

    @classmethod
    def of(
        cls, settings: Settings, continuous: bool, only: Collection[str] | None = None
    ) -> Plan:
        """Return the plan for settings.

        Parameters
        ----------
        settings : Settings
            The instrument's.
        continuous : bool
            Whether it runs on, which halves the memory.
        only : set of str, optional
            Sources in place of the displayed ones.
        """
        settings = copy.deepcopy(settings)
        if only is not None:
            for number, channel in enumerate(settings.channels, 1):
                channel.display = f"CHAN{number}" in only
        base = settings.timebase
        fastest, memory = _resources(settings, continuous)
        rate = datasheet.sample_rate(base.range, memory, fastest)
        return cls(
            settings,
            None if only is None else frozenset(only),
            base.position - datasheet.REFERENCES[base.reference] * base.range,
            base.range,
            rate,
            max(1, round(rate * base.range)),
            fastest / rate,
            _wanted(settings),
        )

    @property
    def trigger(self) -> Trigger:
        """The trigger's settings."""
        return self.settings.trigger

    @property
    def before(self) -> float:
        """Length before the trigger in s."""
        return max(0.0, -self.left)

    @property
    def after(self) -> float:
        """From the trigger to the last point in s."""
        return max(0.0, self.left + self.range)

    @property
    def dead(self) -> float:
        """From one trigger until the next one counts, in s."""
        busy = self.before + self.after + datasheet.REARM
        return max(self.trigger.holdoff, busy)

    @property
    def automatic(self) -> bool:
        """Whether it triggers by itself."""
        return self.trigger.sweep == "AUTO" or self.settings.timebase.mode == "ROLL"

    @property
    def pulses(self) -> bool:
        """Whether it waits for a pulse width."""
        return self.trigger.mode == "GLIT"

    @property
    def longest_pulse(self) -> float:
        """How long a pulse must be remembered to judge its width, in s."""
        trigger = self.trigger
        return max(trigger.range_longest, trigger.greater_than, trigger.less_than)

    @property
    def trigger_source(self) -> str:
        """The source that the trigger mode looks at."""
        return self.trigger.pulse_source if self.pulses else self.trigger.source

    @property
    def trigger_input(self) -> str:
        """The input of that source, or nothing."""
        return terminal(self.trigger_source)

    @property
    def inputs(self) -> list[str]:
        """Inputs that must be watched."""
        used = [f"CHAN{n}" for n, one in enumerate(self.settings.channels, 1)]
        shown = [one.display for one in self.settings.channels]
        used += [f"DIG{n}" for n in range(datasheet.DIGITAL_CHANNELS)]
        shown += [one.display for one in self.settings.digital]
        names = [terminal(s) for s, on in zip(used, shown, strict=True) if on]
        extra = self.trigger_input
        return names + [extra] * (bool(extra) and extra not in names)

    def gain(self, source: str) -> float:
        """Return what is shown per volt at the input."""
        if not source.startswith("CHAN"):
            return 1.0
        channel = self.settings.channels[int(source[4:]) - 1]
        return -channel.probe if channel.invert else channel.probe


def _resources(settings: Settings, continuous: bool) -> tuple[float, float]:
    """Return highest rate and memory: channels 1 and 2, 3 and 4 share theirs."""
    on = [channel.display for channel in settings.channels]
    shared = (on[0] and on[1]) or (on[2] and on[3])
    memory: float = datasheet.MEMORY / (2 if shared else 1)
    if continuous:
        memory /= 2
    if any(digital.display for digital in settings.digital):
        memory /= 2
    if settings.acquire.mode == "SEGM":
        memory /= settings.acquire.segments
    return datasheet.FASTEST_RATE / (2 if shared else 1), max(memory, 1.0)


def _wanted(settings: Settings) -> int:
    acquire = settings.acquire
    if acquire.mode == "SEGM":
        return acquire.segments
    return acquire.count if acquire.type == "AVER" else 1


def path_filter(plan: Plan, name: str) -> Filter:
    """Return the time constants of an input."""
    if name.startswith("d"):
        return Filter(_time_constant(datasheet.BANDWIDTH))
    channel = plan.settings.channels[int(name[2:]) - 1]
    limited = channel.bandwidth_limit
    corner = datasheet.LIMITED_BANDWIDTH if limited else datasheet.BANDWIDTH
    coupled = channel.coupling == "AC"
    slow = _time_constant(datasheet.AC_COUPLING) if coupled else math.inf
    return Filter(_time_constant(corner), slow)


def _time_constant(corner: float) -> float:
    return 1.0 / (2.0 * math.pi * corner)


@dataclass(frozen=True)
class Shot:
    """What was kept for one trigger.

    Attributes
    ----------
    trigger : float
        Bench time in s.
    signals : dict of str to Signal
        By input.
    """

    trigger: float
    signals: dict[str, Signal]

    @classmethod
    def of(cls, plan: Plan, signals: dict[str, Signal], trigger: float) -> Shot:
        """Keep the stretch that belongs to a trigger."""
        begin = trigger + plan.left - datasheet.LONGEST_SKEW - 2.0 / plan.rate
        end = trigger + plan.left + plan.range + datasheet.LONGEST_SKEW
        return cls(
            trigger, {name: one.between(begin, end) for name, one in signals.items()}
        )


class Record:
    """A complete acquisition.

    Parameters
    ----------
    plan : Plan
        How it was made.
    shots : list of Shot
        Its triggers: segments, or what is averaged.
    scope : KeysightMsox3104T
        For its noise.
    """

    def __init__(self, plan: Plan, shots: list[Shot], scope: KeysightMsox3104T) -> None:
        self.plan = plan
        self.shots = shots
        self._generator = scope.generator
        self._noise = scope.noise
        self._made: dict[tuple[str, int], Trace | None] = {}

    @property
    def averaged(self) -> bool:
        """Whether the shots are averaged."""
        acquire = self.plan.settings.acquire
        return acquire.type == "AVER" and acquire.mode != "SEGM"

    def time_tag(self, segment: int) -> float:
        """Return a segment's trigger time from the first one's, in s."""
        return self.shots[segment - 1].trigger - self.shots[0].trigger

    def trace(self, source: str, segment: int = 1) -> Trace | None:
        """Return the waveform of a channel, pod or bus; None if it was not acquired.

        Parameters
        ----------
        source : str
            ``"CHAN1"``, ``"DIG3"``, ``"POD1"`` or ``"BUS1"``.
        segment : int
            From 1.
        """
        number = 1 if self.averaged else min(max(segment, 1), len(self.shots))
        key = source, number
        if key not in self._made:
            make = self._analog if source.startswith("CHAN") else self._logic
            self._made[key] = make(source, self.shots[number - 1])
        return self._made[key]

    def _analog(self, source: str, shot: Shot) -> Trace | None:
        plan = self.plan
        channel = plan.settings.channels[int(source[4:]) - 1]
        name = terminal(source)
        if not channel.display or name not in shot.signals:
            return None
        shots = self.shots if self.averaged else [shot]
        every = 1
        if self.averaged:
            every = math.ceil(plan.points / datasheet.AVERAGED_RECORD)
        volts = self._volts(shots[0], name, channel.skew, every)
        for other in shots[1:]:
            volts += self._volts(other, name, channel.skew, every)
        volts *= plan.gain(source) / len(shots)
        gathered = len(shots) * self._gathered
        if self._noise:
            self._add_noise(volts, channel, gathered)
        bits = min(datasheet.MOST_BITS, datasheet.BITS + 0.5 * math.log2(gathered))
        return Trace(
            words=digitised(volts, channel.range, channel.offset, bits),
            y_increment=channel.range / datasheet.CODES,
            y_origin=channel.offset,
            x_increment=every / plan.rate,
            x_origin=plan.left,
            paired=plan.settings.acquire.type == "PEAK",
            count=len(shots),
        )

    @property
    def _gathered(self) -> float:
        """Conversions that make one point."""
        high = self.plan.settings.acquire.type == "HRES"
        return self.plan.oversampling if high else 1.0

    def _volts(self, shot: Shot, name: str, skew: float, every: int) -> Array:
        plan, signal = self.plan, shot.signals[name]
        step, count = every / plan.rate, plan.points // every
        start = shot.trigger + plan.left + skew
        if plan.settings.acquire.type == "PEAK":
            return signal.peaks(start, 2.0 * step, max(1, count // 2))
        if self._gathered > 1.0:
            return signal.averages(start - 0.5 * step, step, count)
        return signal.samples(start, step, count)

    def _add_noise(self, volts: Array, channel: Channel, gathered: float) -> None:
        sigma = datasheet.noise(channel.range / channel.probe) * channel.probe
        if channel.bandwidth_limit:
            sigma *= math.sqrt(datasheet.LIMITED_BANDWIDTH / datasheet.BANDWIDTH)
        draw = self._generator.standard_normal(volts.size, dtype=np.float32)
        draw *= np.float32(sigma / math.sqrt(gathered))
        volts += draw

    def _logic(self, source: str, shot: Shot) -> Trace | None:
        """Return the bits of the digital channels of a source."""
        plan = self.plan
        numbers = _digital_channels(source)
        words = np.zeros(plan.points, dtype=np.uint16)
        seen = False
        for bit, number in enumerate(numbers):
            signal = shot.signals.get(f"d{number}")
            if signal is None or not plan.settings.digital[number].display:
                continue
            level = trigger_level(plan.settings, f"DIG{number}")
            start = shot.trigger + plan.left
            high = signal.samples(start, 1.0 / plan.rate, plan.points) >= level
            words |= high.astype(np.uint16) << np.uint16(bit)
            seen = True
        if not seen:
            return None
        return Trace(words, 1.0, 0.0, 1.0 / plan.rate, plan.left, logic=True)


def _digital_channels(source: str) -> range:
    if source.startswith("DIG"):
        number = int(source[3:])
        return range(number, number + 1)
    if source.startswith("POD"):
        first = (int(source[3:]) - 1) * datasheet.POD_CHANNELS
        return range(first, first + datasheet.POD_CHANNELS)
    return range(datasheet.DIGITAL_CHANNELS)
