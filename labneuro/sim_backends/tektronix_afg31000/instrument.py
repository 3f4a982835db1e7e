"""The Tektronix AFG31000 arbitrary function generator, models AFG31102 and AFG31252.

Each output is a voltage behind 50 ohm; switched off, its relay is open. A burst that
is triggered becomes level changes on the circuit's plan; between bursts the output
rests at its idle level. A change of a setting starts the waveform anew.

What is not simulated: modulation, sweep, gated bursts (a gate level cannot come over a
trigger wire here: a gated output stays idle), the sequencer of the advanced mode and
mass storage; their commands are undefined headers. Trigger slope is kept, but an edge
on the trigger input always counts.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639 (the same command set) and AFG31000
Series Programmer's Manual 077-1148; see the sources of
:mod:`labneuro.sim_backends.tektronix_afg31000.limits`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.instrument import ScpiInstrument
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.channel import AfgChannel, Range, Settings
from labneuro.sim_backends.tektronix_afg31000.commands import COMMANDS, STORED_DEFAULTS
from labneuro.sim_backends.tektronix_afg31000.memory import WaveformMemory
from labneuro.sim_backends.waveforms import (
    Changes,
    Cycle,
    RepeatedCycle,
    burst_changes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.base import Surroundings
    from labneuro.sim_backends.scpi.arguments import Extreme
    from labneuro.sim_backends.scpi.tree import Command
    from labneuro.sim_backends.wiring import Drive

_MOST_WRITTEN_OUT = 512  # level changes of a burst that is planned in one go
_TIMER = Range(limits.SHORTEST_TIMER, limits.LONGEST_TIMER, 1e-3)


class _Burst:
    """A burst that waits for its trigger.

    Attributes
    ----------
    drive : Drive
        The output.
    delay : float
        From the trigger to the burst, in s.
    duration : float
        From the trigger to the end of the last cycle, in s.
    changes : list of (float, float), optional
        Time from the trigger and level, if they are few.
    busy_until : float
        Bench time until which another trigger is ignored.
    """

    __slots__ = ("busy_until", "changes", "cycle", "cycles", "delay", "drive", "idle")

    def __init__(
        self, drive: Drive, cycle: Cycle, cycles: float, idle: float, delay: float
    ) -> None:
        self.drive = drive
        self.cycle = cycle
        self.cycles = cycles
        self.idle = idle
        self.delay = delay + limits.TRIGGER_LATENCY
        self.busy_until = -math.inf
        self.changes: Changes | None = None
        if cycles * len(cycle.changes) <= _MOST_WRITTEN_OUT:
            relative = burst_changes(cycle, int(cycles), idle)
            self.changes = [(self.delay + time, level) for time, level in relative]

    @property
    def duration(self) -> float:
        return self.delay + self.cycles * self.cycle.period


class _Snapshot(NamedTuple):
    channels: tuple[Settings, ...]
    stored: dict[str, Any]
    timer: float
    trigger_source: str


class TektronixAfg31000(ScpiInstrument):
    """A simulated AFG31102: 100 MHz, 20 Vpp from the open output."""

    model: ClassVar[limits.AfgModel] = limits.AFG31102

    terminals: ClassVar[tuple[str, ...]] = ("ch1", "ch2")
    trigger_inputs: ClassVar[tuple[str, ...]] = ("trigger",)
    identity: ClassVar[str] = f"TEKTRONIX,{model.name},C013001,SCPI:99.0 FV:1.6.1"
    commands: ClassVar[tuple[Command, ...]] = COMMANDS

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        self.memory = WaveformMemory()
        self.channels = {
            number: AfgChannel(self.model, self.memory, self.generator)
            for number in (1, 2)
        }
        self.trigger_source = "TIM"
        self.timer = _TIMER.default
        self.stored: dict[str, Any] = dict(STORED_DEFAULTS)
        self.locked_states: set[int] = set()
        self._bursts: dict[int, _Burst] = {}
        self._armed: tuple[_Burst, ...] = ()

    def format_number(self, value: float) -> str:
        """Write a number: infinity as 9.9E+37 (manual 071-1639, BURSt:NCYCles)."""
        if math.isinf(value):
            return "9.9E+37"
        whole = value.is_integer() and abs(value) <= limits.MOST_CYCLES
        return str(int(value)) if whole else f"{value:.10E}"

    def reset(self) -> None:
        """Bring all settings to their defaults; waveform memories stay."""
        for channel in self.channels.values():
            channel.settings = channel.defaults()
        self.trigger_source = "TIM"
        self.timer = _TIMER.default
        self.stored = dict(STORED_DEFAULTS)
        self.refresh()

    def snapshot(self) -> object:
        """Return a copy of all settings."""
        return _Snapshot(
            tuple(channel.copy() for channel in self.channels.values()),
            dict(self.stored),
            self.timer,
            self.trigger_source,
        )

    def restore(self, snapshot: object) -> None:
        """Take settings from :meth:`snapshot`; outputs go off."""
        if not isinstance(snapshot, _Snapshot):
            raise ScpiError(syntax.PARAMETER_ERROR)
        for channel, settings in zip(
            self.channels.values(), snapshot.channels, strict=True
        ):
            channel.settings = settings
            channel.settings = channel.copy()  # the memory keeps its own
            channel.settings.output = False
        self.stored = dict(snapshot.stored)
        self.timer, self.trigger_source = snapshot.timer, snapshot.trigger_source
        self.refresh()

    def refresh(self, number: int | None = None) -> None:
        """Put one channel's settings, or those of both, on the circuit."""
        for which in self.channels if number is None else (number,):
            self._bursts.pop(which, None)
            self._drive(which)
        self._armed = tuple(self._bursts.values())

    def _drive(self, number: int) -> None:
        channel, drive = self.channels[number], self.drives[f"ch{number}"]
        settings = channel.settings
        if not settings.output:
            drive.open()
            return
        cycle = channel.cycle()
        if not settings.burst:
            drive.voltage_source(cycle.first, limits.OUTPUT_RESISTANCE)
            if len(cycle.changes) > 1:
                self._plan(_Burst(drive, cycle, math.inf, 0.0, 0.0), self.clock.now)
            return
        idle = channel.idle_level(cycle)
        drive.voltage_source(idle, limits.OUTPUT_RESISTANCE)
        if settings.burst_mode == "GAT":
            return
        burst = _Burst(drive, cycle, settings.cycles, idle, settings.trigger_delay)
        if self.trigger_source == "TIM":
            self._repeat(burst)
        else:
            self._bursts[number] = burst

    def _repeat(self, burst: _Burst) -> None:
        """Let the internal timer repeat a burst.

        Triggers that come while the burst runs are ignored, so it repeats with the
        first multiple of the timer's period that is not shorter.
        """
        every = math.inf
        if math.isfinite(burst.cycles):
            every = math.ceil(burst.duration / self.timer - 1e-9) * self.timer
        self._plan(burst, self.clock.now, every)

    def _plan(self, burst: _Burst, now: float, every: float = math.inf) -> None:
        burst.drive.schedule(())
        burst.drive.plan = RepeatedCycle(
            burst.cycle,
            now + burst.delay,
            burst.cycles,
            burst.idle,
            self.clock,
            every,
        )
        self.circuit.replanned()

    def trigger_in(self, line: str) -> None:
        """Start the bursts that wait for a trigger and do not run."""
        now = self.clock.now
        for burst in self._armed:
            if now < burst.busy_until:
                continue
            changes = burst.changes
            if changes is None:
                self._plan(burst, now)
            else:
                burst.drive.schedule([(now + time, level) for time, level in changes])
            burst.busy_until = now + burst.duration

    def group_trigger(self) -> None:
        """Force a trigger, as ``*TRG`` and ``TRIGger``."""
        self.trigger_in("bus")

    def abort(self) -> None:
        """Reset the trigger system: a running burst ends at once."""
        for number in list(self._bursts):
            self.refresh(number)

    def set_trigger_source(self, source: str) -> None:
        """Choose between the internal timer and the external input."""
        self.trigger_source = source
        self.refresh()

    def set_timer(self, value: float | Extreme) -> None:
        """Set the period of the internal trigger in s."""
        self.timer = _TIMER.resolve(value)
        self.refresh()

    def change(
        self, number: int, action: Callable[[AfgChannel], None], coupling: str = ""
    ) -> None:
        """Change a channel and put it on the circuit, whatever was clipped.

        Parameters
        ----------
        number : int
            The channel.
        action : callable
            Takes the channel and changes it, or raises and changes nothing.
        coupling : str
            Name of the stored switch that couples the channels, if any.
        """
        both = bool(coupling) and bool(self.stored[f"{coupling}{number}"])
        for which in (number, 3 - number) if both else (number,):
            try:
                action(self.channels[which])
            except ScpiError as error:
                if error.code == syntax.SETTINGS_CONFLICT:
                    self.refresh(which)
                raise
            self.refresh(which)

    def copy_channel(self, source: str, target: str) -> None:
        """Copy all settings of one channel to the other."""
        settings = self.channels[int(source[-1])].copy()
        self.channels[int(target[-1])].settings = settings
        self.refresh(int(target[-1]))

    def memory_changed(self) -> None:
        """Put the channels that play a memory on the circuit anew."""
        for number, channel in self.channels.items():
            if channel.settings.shape in self.memory.content:
                self.refresh(number)


class TektronixAfg31252(TektronixAfg31000):
    """A simulated AFG31252: 250 MHz, 10 Vpp from the open output."""

    model: ClassVar[limits.AfgModel] = limits.AFG31252
    identity: ClassVar[str] = f"TEKTRONIX,{model.name},C013001,SCPI:99.0 FV:1.6.1"
