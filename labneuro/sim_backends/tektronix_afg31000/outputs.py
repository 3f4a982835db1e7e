"""What the AFG31000's outputs play, by the settings of the channels and the sequence.

Each output is a voltage behind 50 ohm; switched off, its relay is open. A change of a
setting starts the waveform anew.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.bursts import (
    Burst,
    SingleSweep,
    Triggered,
    next_multiple,
)
from labneuro.sim_backends.tektronix_afg31000.playing import WrittenPlan, attach
from labneuro.sim_backends.tektronix_afg31000.sequencer import Walker, rest_level
from labneuro.sim_backends.tektronix_afg31000.settings import Range

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.tektronix_afg31000.channel import AfgChannel
    from labneuro.sim_backends.tektronix_afg31000.sequence import Sequence
    from labneuro.sim_backends.wiring import Circuit

TIMER = Range(limits.SHORTEST_TIMER, limits.LONGEST_TIMER, 1e-3)
"""Of the internal trigger, in s."""


class Outputs:
    """Both outputs on the circuit.

    Parameters
    ----------
    circuit : Circuit
        The wiring.
    drives : mapping of str to Drive
        The outputs ``"ch1"`` and ``"ch2"``.
    channels : mapping of int to AfgChannel
        By number.
    sequence : Sequence
        The table of the advanced mode.

    Attributes
    ----------
    trigger_source : str
        ``"TIM"`` or ``"EXT"``.
    timer : float
        Period of the internal trigger in s.
    in_sequence_mode : bool
        Whether the advanced mode is on.
    """

    def __init__(
        self,
        circuit: Circuit,
        drives: Mapping[str, Drive],
        channels: Mapping[int, AfgChannel],
        sequence: Sequence,
    ) -> None:
        self._circuit = circuit
        self._clock = circuit.clock
        self._drives = drives
        self._channels = channels
        self._sequence = sequence
        self.trigger_source = "TIM"
        self.timer = TIMER.default
        self.in_sequence_mode = False
        self._waiting: dict[int, Triggered] = {}
        self._armed: tuple[Triggered, ...] = ()
        self._walkers: dict[int, Walker] = {}

    def reset(self) -> None:
        """Go back to the basic mode and to its defaults."""
        self.trigger_source = "TIM"
        self.timer = TIMER.default
        self.in_sequence_mode = False
        self._walkers = {}
        self.refresh()

    def refresh(self, number: int | None = None) -> None:
        """Put one channel's settings, or those of both, on the circuit."""
        for which in self._channels if number is None else (number,):
            self._waiting.pop(which, None)
            if self.in_sequence_mode:
                self._switch(which)
            else:
                self._drive(which)
        self._armed = tuple(self._waiting.values())

    def _drive(self, number: int) -> None:
        """Play a channel in the basic mode."""
        channel, drive = self._channels[number], self._drives[f"ch{number}"]
        if not channel.settings.output:
            drive.open()
            return
        mode = channel.settings.run_mode
        if mode == "BURS":
            self._drive_burst(number)
        elif mode == "SWE":
            drive.voltage_source(channel.levels[0], limits.OUTPUT_RESISTANCE)
            self._sweep(number)
        elif mode in limits.MODULATIONS:
            drive.voltage_source(channel.levels[0], limits.OUTPUT_RESISTANCE)
            score = channel.modulated(self._clock.now)
            plan = WrittenPlan(score, self._clock.now, self._clock)
            attach(drive, plan, self._circuit)
        else:
            cycle = channel.cycle()
            drive.voltage_source(cycle.first, limits.OUTPUT_RESISTANCE)
            if len(cycle.changes) > 1:
                Burst(drive, self._circuit, cycle, math.inf).play(self._clock.now)

    def _drive_burst(self, number: int) -> None:
        channel, drive = self._channels[number], self._drives[f"ch{number}"]
        settings, cycle = channel.settings, channel.cycle()
        idle = channel.idle_level(cycle)
        drive.voltage_source(idle, limits.OUTPUT_RESISTANCE)
        if settings.burst_mode == "GAT":
            return
        burst = Burst(
            drive, self._circuit, cycle, settings.cycles, idle, settings.trigger_delay
        )
        if self.trigger_source == "TIM":
            burst.repeat(self._clock.now, self.timer)
        else:
            self._waiting[number] = burst

    def _sweep(self, number: int) -> None:
        """Let a sweep repeat by itself or by the timer, or wait for its trigger."""
        channel, drive = self._channels[number], self._drives[f"ch{number}"]
        duration, now = channel.sweep_duration, self._clock.now
        if channel.settings.sweep_mode == "MAN" and self.trigger_source == "EXT":
            wave = channel.swept(math.inf, math.inf)
            self._waiting[number] = SingleSweep(drive, self._circuit, wave, self._clock)
            return
        is_timed = channel.settings.sweep_mode == "MAN"
        every = next_multiple(duration, self.timer) if is_timed else duration
        plan = WrittenPlan(channel.swept(now, every), now, self._clock)
        attach(drive, plan, self._circuit)

    def _switch(self, number: int) -> None:
        """Open or close an output's relay in the advanced mode; what plays goes on."""
        drive, walker = self._drives[f"ch{number}"], self._walkers.get(number)
        self._circuit.live()
        plan, drive.plan = drive.plan, deque()
        if self._channels[number].settings.output:
            rest = rest_level(self._sequence, self._channels[number], number)
            level = rest if walker is None else drive.level
            drive.voltage_source(level, limits.OUTPUT_RESISTANCE)
        else:
            level = drive.level
            drive.open()
            drive.set_level(level)
        attach(drive, plan if walker is not None else deque(), self._circuit)

    def set_sequence_mode(self, on: bool) -> None:
        """Choose between the basic and the advanced mode; what plays ends."""
        if on != self.in_sequence_mode:
            self._walkers = {}
            self.in_sequence_mode = on
            self.refresh()

    def run_sequence(self) -> None:
        """Check the sequence and play it on both channels, in the advanced mode.

        Raises
        ------
        ScpiError
            -221 in the basic mode, or if the table is not complete.
        """
        if not self.in_sequence_mode:
            raise ScpiError(syntax.SETTINGS_CONFLICT)
        self._sequence.check()
        self.stop_sequence()
        table = self._sequence.copy()
        for number, channel in self._channels.items():
            walker = Walker(table, channel, number, self._clock.now)
            walker.attach(self._drives[f"ch{number}"], self._circuit, self._clock)
            self._walkers[number] = walker

    def stop_sequence(self) -> None:
        """Stop the sequence; the outputs rest at their offsets."""
        self._walkers = {}
        if self.in_sequence_mode:
            self.refresh()

    @property
    def sequence_runs(self) -> bool:
        """Whether the sequence plays or waits for an event."""
        return bool(self._walkers)

    def trigger(self, events: tuple[str, ...]) -> None:
        """Take a trigger: start what waits for one.

        Parameters
        ----------
        events : tuple of str
            What it is for the advanced mode.
        """
        now = self._clock.now
        for waiting in self._armed:
            waiting.trigger(now)
        for walker in self._walkers.values():
            walker.trigger(now, events)

    def abort(self) -> None:
        """Reset the trigger system: a running burst ends at once."""
        for number in list(self._waiting):
            self.refresh(number)
