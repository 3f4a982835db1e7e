"""What of the AFG31000 waits for a trigger: bursts and single sweeps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.playing import WrittenPlan, attach
from labneuro.sim_backends.waveforms import (
    Changes,
    Cycle,
    RepeatedCycle,
    burst_changes,
)

if TYPE_CHECKING:
    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.tektronix_afg31000.waves import SweptWave
    from labneuro.sim_backends.wiring import Circuit

_MOST_WRITTEN_OUT = 512  # level changes of a burst that is planned in one go


class Triggered(ABC):
    """Something that an output plays when a trigger comes."""

    @abstractmethod
    def trigger(self, now: float) -> None:
        """Start at a bench time in s, unless it runs."""


class Burst(Triggered):
    """A burst that waits for its trigger.

    Parameters
    ----------
    drive : Drive
        The output.
    circuit : Circuit
        What the output is on.
    cycle : Cycle
        What is repeated.
    cycles : float
        How often; may be infinite.
    idle : float
        Level before and after in V.
    delay : float
        From the trigger to the burst, in s.
    """

    __slots__ = (
        *("_busy_until", "_changes", "_circuit", "_cycle", "_cycles"),
        *("_delay", "_drive", "_idle"),
    )

    def __init__(
        self,
        drive: Drive,
        circuit: Circuit,
        cycle: Cycle,
        cycles: float,
        idle: float = 0.0,
        delay: float = 0.0,
    ) -> None:
        self._drive = drive
        self._circuit = circuit
        self._cycle = cycle
        self._cycles = cycles
        self._idle = idle
        self._delay = delay + limits.TRIGGER_LATENCY
        self._busy_until = -math.inf
        self._changes: Changes | None = None
        if cycles * len(cycle.changes) <= _MOST_WRITTEN_OUT:
            relative = burst_changes(cycle, int(cycles), idle)
            self._changes = [(self._delay + time, level) for time, level in relative]

    @property
    def duration(self) -> float:
        """Time from the trigger to the end of the last cycle, in s."""
        return self._delay + self._cycles * self._cycle.period

    def play(self, now: float, every: float = math.inf) -> None:
        """Play from a bench time on, and again after each `every` s."""
        plan = RepeatedCycle(
            self._cycle,
            now + self._delay,
            self._cycles,
            self._idle,
            self._circuit.clock,
            every,
        )
        attach(self._drive, plan, self._circuit)

    def repeat(self, now: float, timer: float) -> None:
        """Let the internal timer repeat the burst.

        Triggers that come while the burst runs are ignored, so it repeats with the
        first multiple of the timer's period that is not shorter.
        """
        every = math.inf
        if math.isfinite(self._cycles):
            every = next_multiple(self.duration, timer)
        self.play(now, every)

    def trigger(self, now: float) -> None:
        """Start the burst unless it runs."""
        if now < self._busy_until:
            return
        changes = self._changes
        if changes is None:
            self.play(now)
        else:
            self._drive.schedule([(now + time, level) for time, level in changes])
        self._busy_until = now + self.duration


class SingleSweep(Triggered):
    """A sweep that waits for its trigger at the start frequency.

    Parameters
    ----------
    drive : Drive
        The output.
    circuit : Circuit
        What the output is on.
    wave : SweptWave
        What it plays.
    clock : Clock
        The bench's clock.
    """

    def __init__(
        self, drive: Drive, circuit: Circuit, wave: SweptWave, clock: Clock
    ) -> None:
        self._circuit = circuit
        self._wave = wave
        self._plan = WrittenPlan(wave, clock.now, clock)
        attach(drive, self._plan, circuit)

    def trigger(self, now: float) -> None:
        """Start the sweep unless it runs; the phase goes on."""
        self._circuit.live()
        if self._wave.is_running(now):
            return
        self._wave.start(now, self._plan.end)
        self._plan.cut(now)
        self._circuit.replanned()


def next_multiple(duration: float, period: float) -> float:
    """Return the first multiple of a period in s that is not shorter than `duration`.

    Examples
    --------
    >>> next_multiple(2.5, 1.0), next_multiple(2.0, 1.0)
    (3.0, 2.0)
    """
    return math.ceil(duration / period - 1e-9) * period
