"""Playing the sequence of the AFG31000's advanced mode on the circuit.

Each channel walks through the table by itself; both have the same lengths and get the
same events, so they keep step. An event jump is made at the end of the loop under way.
While an element waits, its channel keeps the last level. In the continuous mode the
first element repeats; in the triggered mode it plays once for each trigger; in the
gated mode a trigger starts it and a jump event ends it (g). What follows the last
element of a sequence, when jumps are made and what a waiting output holds were not
found for the AFG31000.

References
----------
As in :mod:`labneuro.sim_backends.tektronix_afg31000.sequence`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.tektronix_afg31000.bursts import Triggered
from labneuro.sim_backends.tektronix_afg31000.playing import (
    Score,
    WrittenPlan,
    attach,
    stretched,
)
from labneuro.sim_backends.tektronix_afg31000.settings import TOLERANCE
from labneuro.sim_backends.waveforms import Cycle, Jump, merged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.tektronix_afg31000.channel import AfgChannel
    from labneuro.sim_backends.tektronix_afg31000.sequence import Element, Sequence
    from labneuro.sim_backends.wiring import Circuit

    Array = NDArray[np.float64]

BUS_EVENTS = ("BUS", "MAN")
"""What ``*TRG`` and ``TRIGger`` stand for: the bus, the panel's button."""
EXTERNAL_EVENTS = ("EXT",)
_MOST_LOOPS = 1 << 62


def _open_levels(volts: Array, channel: AfgChannel) -> Array:
    """Return levels at the load as those of the open output."""
    levels: Array = np.clip(volts / channel.factor, -channel.window, channel.window)
    return levels


def rest_level(sequence: Sequence, channel: AfgChannel, number: int) -> float:
    """Return the level of an open output while nothing is played, in V."""
    return float(_open_levels(np.array([sequence.offset[number]]), channel)[0])


class Walker(Score, Triggered):
    """One channel's way through the sequence table.

    Parameters
    ----------
    sequence : Sequence
        The table.
    channel : AfgChannel
        Its load and its window say what the levels become.
    number : int
        The channel's.
    begin : float
        Bench time of the run command, from which the timer counts, in s.
    """

    def __init__(
        self, sequence: Sequence, channel: AfgChannel, number: int, begin: float
    ) -> None:
        self._sequence = sequence
        self._channel = channel
        self._number = number
        self._began = begin
        self._index = 0
        self._loops = 0.0
        self._entered = False
        self._waiting = False
        self._left = False  # by a jump
        self._loop_begin = begin
        self._cycles: dict[int, Cycle] = {}
        self._level = rest_level(sequence, channel, number)
        self._plan: WrittenPlan | None = None
        self._circuit: Circuit | None = None

    def attach(self, drive: Drive, circuit: Circuit, clock: Clock) -> None:
        """Put the channel on the circuit."""
        self._circuit = circuit
        self._plan = WrittenPlan(self, self._began, clock)
        attach(drive, self._plan, circuit)

    @property
    def _element(self) -> Element:
        return self._sequence.elements[self._index]

    @property
    def _waits(self) -> bool:
        """Whether the present element plays on an event only."""
        if self._sequence.run_mode == "SEQ":
            return self._element.wait_state
        return self._sequence.run_mode in ("TRIG", "GAT")

    @property
    def _total(self) -> float:
        """How often the present element is played."""
        mode, element = self._sequence.run_mode, self._element
        if mode in ("CONT", "GAT") or (mode == "SEQ" and element.loop_infinite):
            return math.inf
        return element.loop_count

    def write(self, begin: float, jump: Jump) -> Cycle | None:
        """Write the next loops, or what passes until a timer's event."""
        if self._entered and (self._loops <= 0.0 or self._left):
            self._leave()
        if not self._entered:
            held = self._enter(begin)
            if held is not None:
                return held
            if self._waiting:
                return None
        cycle = self._cycle()
        factor = jump.stretch(begin, cycle.period, len(cycle.changes))
        factor = int(min(factor, self._loops, _MOST_LOOPS))
        self._loops -= factor
        self._loop_begin = begin
        self._level = cycle.last
        end = begin + factor * cycle.period
        if self._jumps_on("TIM") and self._ticks(end) > self._ticks(begin):
            self._left = True
        return stretched(cycle, factor)

    def _ticks(self, time: float) -> int:
        """Return how many events the timer has given up to a bench time."""
        return math.floor((time - self._began) / self._sequence.timer + TOLERANCE)

    def _enter(self, begin: float) -> Cycle | None:
        """Begin an element; returns what is held until the timer lets it begin."""
        self._loops = self._total
        self._left = False
        self._entered = True
        if not self._waits:
            return None
        if self._element.wait_event != "TIM":
            self._waiting = True
            self._loop_begin = begin
            return None
        ticks = self._ticks(begin)
        timer = self._sequence.timer
        late = begin - self._began - ticks * timer
        if late <= TOLERANCE * timer:
            return None
        self._loop_begin = begin + timer - late
        return Cycle(timer - late, [(0.0, self._level)])

    def _leave(self) -> None:
        """Go to the next element, or where a jump leads."""
        self._entered = False
        sequence, element = self._sequence, self._element
        if sequence.run_mode != "SEQ":
            return
        target = self._index + 1
        if self._left and element.jump_type == "IND":
            target = element.jump_index - 1
        elif not self._left and element.goto_state:
            target = element.goto_index - 1
        self._index = target if target < len(sequence.elements) else 0

    def _jumps_on(self, event: str) -> bool:
        element, mode = self._element, self._sequence.run_mode
        if mode == "GAT":
            return element.jump_event == event
        jumps = mode == "SEQ" and element.jump_type != "OFF"
        return jumps and element.jump_event == event

    def _cycle(self) -> Cycle:
        """Return one loop of the present element, in V of the open output."""
        cycle = self._cycles.get(self._index)
        if cycle is None:
            self._cycles[self._index] = cycle = self._make_cycle()
        return cycle

    def _make_cycle(self) -> Cycle:
        sequence, number = self._sequence, self._number
        length = len(next(iter(self._element.waveforms.values())).shares)
        waveform = self._element.waveforms.get(number)
        volts = np.zeros(length)
        if waveform is not None:
            scale = sequence.scale[number] / 100.0
            volts = waveform.offset + waveform.amplitude * (waveform.shares - 0.5)
            volts = volts * scale
        levels = _open_levels(volts + sequence.offset[number], self._channel)
        times = np.arange(length) / sequence.rate
        return Cycle(length / sequence.rate, merged(times, levels))

    def trigger(self, now: float, events: tuple[str, ...] = EXTERNAL_EVENTS) -> None:
        """Take an event at a bench time: start what waits, jump where one may."""
        plan, circuit = self._plan, self._circuit
        if plan is None or circuit is None:
            return
        circuit.live()
        if now < self._loop_begin:
            return
        if self._waiting:
            if self._element.wait_event in events:
                self._waiting = False
                plan.cut(now)
                circuit.replanned()
        elif any(self._jumps_on(event) for event in events):
            period = self._cycle().period
            loops = math.floor((now - self._loop_begin) / period) + 1
            self._left = True
            plan.cut(self._loop_begin + loops * period)
            circuit.replanned()
