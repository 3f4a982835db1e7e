"""The B1525A pulse generator (SPGU): two channels behind 50 ohm.

Levels are those into the load that ``SER`` tells; the open output is higher. What is
set takes effect with ``SPUPD`` (base voltage) or ``SRP`` (pulses).

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, p. 2-53 to 2-63 (SPGU module),
``SPM``, ``SPT``, ``SPV``, ``SER``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends import waveforms
from labneuro.sim_backends.agilent_b1500a import datasheet, errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError
from labneuro.sim_backends.waveforms import Cycle, RepeatedCycle

if TYPE_CHECKING:
    from labneuro.sim_backends.base import SimulatedInstrument
    from labneuro.sim_backends.drives import Drive

SHEET = datasheet.SPGU
DC, FIRST, SECOND, BOTH = 0, 1, 2, 3
FREE_RUN, COUNT, DURATION = 0, 1, 2


class PulseTimes(NamedTuple):
    """Times of one pulse source in s."""

    delay: float = 0.0
    width: float = 100e-9
    leading: float = 20e-9
    trailing: float = 20e-9


@dataclass
class PulseTrain:
    """Settings common to all SPGU channels.

    Attributes
    ----------
    arbitrary : int
        ``SIM``: 0 pulses, 1 arbitrary waves (not put out).
    period : float
        In s.
    run_mode : int
        ``SPRM``: free run, count, duration.
    condition : float
        Number of pulses, or s.
    """

    arbitrary: int = 0
    period: float = 1e-6
    run_mode: int = FREE_RUN
    condition: float = 0.0

    def cycles(self) -> float:
        """Return how many periods a start puts out."""
        if self.run_mode == COUNT:
            return self.condition
        if self.run_mode == DURATION:
            return max(1.0, math.floor(self.condition / self.period + 1e-9))
        return math.inf


@dataclass
class SpguSettings:
    """Settings of one channel.

    Attributes
    ----------
    mode : int
        ``SPM``: DC, source 1, source 2, both (three levels).
    levels : dict
        Source to base and peak in V.
    times : dict
        Source to its times.
    load : float
        In ohm.
    switch : tuple
        ``ODSW``: state, normal state, delay, width.
    trigger : int
        ``STGP``.
    """

    mode: int = FIRST
    levels: dict[int, tuple[float, float]] = field(
        default_factory=lambda: dict.fromkeys((DC, FIRST, SECOND), (0.0, 0.0))
    )
    times: dict[int, PulseTimes] = field(
        default_factory=lambda: dict.fromkeys((FIRST, SECOND), PulseTimes())
    )
    load: float = 50.0
    switch: tuple[int, int, float, float] = (0, 0, 0.0, 100e-9)
    trigger: int = 0


class SpguChannel:
    """One output of an SPGU module.

    Parameters
    ----------
    number : int
        Channel number: slot, or slot and 02.
    drive : Drive
        Its output on the circuit.
    frame : SimulatedInstrument
        The mainframe.
    """

    def __init__(self, number: int, drive: Drive, frame: SimulatedInstrument) -> None:
        self.number = number
        self._drive = drive
        self._frame = frame
        self.reset()

    def reset(self) -> None:
        """Open the output and return to the initial settings."""
        self.on = False
        self.settings = SpguSettings()
        self.busy_until = -math.inf
        self._drive.open()

    def switch_on(self) -> None:
        """Close the output relay, at 0 V."""
        self._frame.clock.advance(datasheet.SWITCH_TIME)
        self.on = True
        self._drive.voltage_source(0.0, SHEET.resistance)

    def switch_off(self) -> None:
        """Open the output relay."""
        self._frame.clock.advance(datasheet.SWITCH_TIME)
        self.on = False
        self.busy_until = -math.inf
        self._drive.open()

    def set_levels(self, source: int, base: float, peak: float) -> None:
        """Set base and peak in V; error 120 beyond what the output can put out."""
        most = SHEET.open_voltage / self._gain(self.settings.load)
        if max(abs(base), abs(peak)) > most * (1.0 + 1e-9):
            raise FlexError(errors.PARAMETER)
        step = SHEET.voltage_step
        self.settings.levels[source] = (
            round(base / step) * step,
            round(peak / step) * step,
        )

    @staticmethod
    def _gain(load: float) -> float:
        """Return the open voltage for 1 V into a load."""
        return 1.0 + SHEET.resistance / load

    @property
    def _active(self) -> tuple[int, ...]:
        return {DC: (), FIRST: (FIRST,), SECOND: (SECOND,), BOTH: (FIRST, SECOND)}[
            self.settings.mode
        ]

    def base(self) -> float:
        """Return the voltage between pulses, of the open output, in V."""
        source = self._active[0] if self._active else DC
        return self.settings.levels[source][0] * self._gain(self.settings.load)

    def update(self) -> None:
        """Put out the base voltage (``SPUPD``)."""
        if self.on:
            self.busy_until = -math.inf
            self._drive.set_level(self.base())

    def stop(self) -> None:
        """End the pulses and rest at the base voltage."""
        self.update()

    def fits(self, period: float) -> bool:
        """Return whether every pulse in use ends within a period."""
        times = [self.settings.times[source] for source in self._active]
        return all(one.delay + one.width < period for one in times)

    def start(self, train: PulseTrain) -> None:
        """Put out pulses from now on."""
        if not self.on:
            return
        clock = self._frame.clock
        if train.arbitrary or not self._active:
            self.update()
            return
        cycle, base = self._cycle(train.period), self.base()
        cycles = train.cycles()
        self._drive.set_level(base)
        self._drive.plan = RepeatedCycle(cycle, clock.now, cycles, base, clock)
        self.busy_until = clock.now + cycles * train.period
        self._frame.circuit.replanned()

    def _cycle(self, period: float) -> Cycle:
        """Return one period; two sources add up above the base of the first."""
        gain, base = self._gain(self.settings.load), self.base()
        parts = []
        for source in self._active:
            low, high = self.settings.levels[source]
            times = self.settings.times[source]
            parts.append(
                waveforms.pulse_cycle(
                    period,
                    0.0,
                    gain * (high - low),
                    width=times.width,
                    delay=times.delay,
                    leading=times.leading,
                    trailing=times.trailing,
                )
            )
        return _sum_of(parts, base, period)


def _sum_of(parts: list[Cycle], base: float, period: float) -> Cycle:
    """Return the sum of cycles above a base level."""
    times = sorted({time for part in parts for time, _ in part.changes})
    changes = [
        (time, base + sum(_level_at(part, time) for part in parts))
        for time in times
        if time < period
    ]
    return Cycle(period, changes)


def _level_at(cycle: Cycle, time: float) -> float:
    return [level for begin, level in cycle.changes if begin <= time][-1]
