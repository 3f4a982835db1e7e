"""What the 81160A's outputs play: trains of cycles that wait for a trigger."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labneuro.sim_backends.keysight_81160a import limits
from labneuro.sim_backends.waveforms import Cycle, RepeatedCycle, burst_changes

if TYPE_CHECKING:
    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.keysight_81160a.channel import PulseChannel
    from labneuro.sim_backends.wiring import Circuit

_MOST_WRITTEN_OUT = 512  # level changes of a train that is planned in one go


def mirrored(cycle: Cycle, about: float) -> Cycle:
    """Return a cycle with its levels mirrored about a voltage in V."""
    changes = [(time, 2.0 * about - level) for time, level in cycle.changes]
    return Cycle(cycle.period, changes)


class Train:
    """The cycles that one trigger starts on one output.

    Parameters
    ----------
    drive : Drive
        The output.
    cycle : Cycle
        What is repeated.
    cycles : float
        How often; may be infinite.
    idle : float
        Level in V before and after.
    delay : float
        From the trigger to the first cycle, in s.
    """

    __slots__ = ("_changes", "cycle", "cycles", "delay", "drive", "idle")

    def __init__(
        self, drive: Drive, cycle: Cycle, cycles: float, idle: float, delay: float
    ) -> None:
        self.drive = drive
        self.cycle = cycle
        self.cycles = cycles
        self.idle = idle
        self.delay = delay
        self._changes: list[tuple[float, float]] | None = None
        if cycles * len(cycle.changes) <= _MOST_WRITTEN_OUT:
            relative = burst_changes(cycle, int(cycles), idle)
            self._changes = [(delay + time, level) for time, level in relative]

    @property
    def duration(self) -> float:
        """From the trigger to the end of the last cycle, in s."""
        return self.delay + self.cycles * self.cycle.period

    def start(self, circuit: Circuit, clock: Clock, every: float = math.inf) -> None:
        """Play from the clock's present on, again after `every` s if that is finite."""
        now = clock.now
        if self._changes is not None and math.isinf(every):
            plan = [(now + time, level) for time, level in self._changes]
            self.drive.schedule(plan)
            return
        self.drive.schedule(())
        self.drive.plan = RepeatedCycle(
            self.cycle, now + self.delay, self.cycles, self.idle, clock, every
        )
        circuit.replanned()


class ChannelOutput:
    """The two connectors of a channel: the output and its complement.

    Parameters
    ----------
    channel : PulseChannel
        Whose settings they play.
    drives : tuple of (Drive, Drive)
        Output and complementary output.
    circuit, clock
        The bench's.
    """

    def __init__(
        self,
        channel: PulseChannel,
        drives: tuple[Drive, Drive],
        circuit: Circuit,
        clock: Clock,
    ) -> None:
        self._channel = channel
        self._drives = drives
        self._circuit = circuit
        self._clock = clock
        self._armed: list[Train] = []
        self._busy_until = -math.inf

    def refresh(self) -> None:
        """Put the channel's settings on the circuit; the waveform begins anew."""
        of = self._channel.settings
        self._armed = []
        self._busy_until = -math.inf
        on = [
            drive
            for drive, state in zip(
                self._drives, (of.output, of.complement), strict=True
            )
            if state
        ]
        for drive in self._drives:
            if drive not in on:
                drive.open()
        if not on:
            return
        cycle = self._channel.cycle()
        idle = self._channel.idle_level(cycle)
        for drive in on:
            if drive is self._drives[0]:
                self._play(drive, cycle, idle)
            else:
                about = of.offset
                self._play(drive, mirrored(cycle, about), 2.0 * about - idle)

    def _play(self, drive: Drive, cycle: Cycle, idle: float) -> None:
        of = self._channel.settings
        # Only pulses have a delay of their own.
        delay = (of.delay if of.shape == "PULS" else 0.0) + limits.TRIGGER_LATENCY
        if of.shape == "DC" or of.continuous:
            first = cycle.last if delay else cycle.first
            drive.voltage_source(first, of.source)
            if len(cycle.changes) > 1:
                train = Train(drive, cycle, math.inf, 0.0, delay % cycle.period)
                train.start(self._circuit, self._clock)
            return
        drive.voltage_source(idle, of.source)
        if of.arm_source == "INT2":
            self._repeat(drive, cycle, idle, delay)
        elif not of.gated:  # no gate level comes over a trigger wire: it stays idle
            self._armed.append(Train(drive, cycle, of.count, idle, delay))

    def _repeat(self, drive: Drive, cycle: Cycle, idle: float, delay: float) -> None:
        """Let the internal trigger start the cycles, or gate them half of its period.

        Triggers that come while the cycles run are ignored.
        """
        of = self._channel.settings
        every = of.trigger_period
        gate = math.ceil(0.5 * every / cycle.period - 1e-9)
        train = Train(drive, cycle, gate if of.gated else of.count, idle, delay)
        busy = train.cycles * cycle.period
        train.start(self._circuit, self._clock, math.ceil(busy / every - 1e-9) * every)

    def trigger(self) -> bool:
        """Take a trigger; returns whether it started something."""
        now = self._clock.now
        if not self._armed or now < self._busy_until:
            return False
        # Before anything starts: a trigger may come back over a wire.
        self._busy_until = now + self._armed[0].duration
        for train in self._armed:
            train.start(self._circuit, self._clock)
        return True
