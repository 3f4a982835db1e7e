"""Pulse trains of the Series 2600B, as its factory pulse functions run them.

The edges lie where the configuration puts them: level changes and readings of a train
are timed by the trigger model, not by commands. A reading ends when its pulse ends.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, "KIPulse factory script", and
``ConfigPulse...()``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.ranges import VOLTS
from labneuro.sim_backends.keithley_2600.source import ON

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.keithley_2600.buffer import ReadingBuffer
    from labneuro.sim_backends.keithley_2600.meter import Meter
    from labneuro.sim_backends.keithley_2600.source import Source


@dataclass(frozen=True)
class PulseTrain:
    """One channel's pulses.

    Attributes
    ----------
    source : Source
    meter : Meter
    function : int
        ``VOLTS`` or ``AMPS``.
    bias : float
        Level between pulses, in V or A.
    levels : tuple of float
        Level of each pulse, in V or A.
    limit : float
        Limit during the pulses, in A or V.
    width, gap : float
        Time at the level and after it, in s.
    buffer : ReadingBuffer or None
        Where the readings go; without one nothing is measured.
    """

    source: Source
    meter: Meter
    function: int
    bias: float
    levels: tuple[float, ...]
    limit: float
    width: float
    gap: float
    buffer: ReadingBuffer | None

    @property
    def reading_time(self) -> float:
        """Integration time of a reading in s; 0 when nothing is measured."""
        return 0.0 if self.buffer is None else self.meter.converter.aperture

    def problem(self) -> str | None:
        """Return why the train cannot run, or None."""
        if self.reading_time > self.width:
            return "measurement takes longer than ton"
        duty = self.width / (self.width + self.gap)
        if duty > self._largest_duty():
            return "duty cycle is too large"
        return None

    def _largest_duty(self) -> float:
        top = max(abs(level) for level in self.levels)
        pulse = (top, self.limit) if self.function == VOLTS else (self.limit, top)
        bias = abs(self.bias)
        rest = (bias, 0.0) if self.function == VOLTS else (0.0, bias)
        extent = next(v for v in (0.2, 2.0, 20.0, 200.0) if pulse[0] <= v * 1.01)
        return datasheet.largest_duty_cycle(extent, pulse, rest)

    def prepare(self) -> None:
        """Set function, limit and ranges for the train; the output must be on."""
        source = self.source
        source.set_function(self.function)
        source.set_limit(1 - self.function, self.limit)
        source.hold_range(max((self.bias, *self.levels), key=abs))
        source.put_out(self.bias)
        if self.buffer is not None:
            self.buffer.begin()
            self.meter.converter.hold_range(1 - self.function, self.limit)

    def read(self) -> None:
        """Measure what the pulse does not set, ending at the pulse's end."""
        if self.buffer is not None:
            letter = "i" if self.function == VOLTS else "v"
            self.meter.read_now(letter, self.buffer)


def run_trains(
    trains: Sequence[PulseTrain], clock: Clock, before_pulse: Callable[[], bool]
) -> bool:
    """Run trains of pulses that begin together.

    Parameters
    ----------
    trains : sequence of PulseTrain
        With equal numbers of pulses; the one with the longest pulses sets the period.
    clock : Clock
        Bench time.
    before_pulse : callable
        Called before each pulse; False ends the trains.

    Returns
    -------
    bool
        Whether all pulses were put out.
    """
    by_width = sorted(trains, key=lambda train: train.width)
    for train in trains:
        train.prepare()
    for index in range(len(by_width[0].levels)):
        if not before_pulse():
            return False
        begin = clock.now
        for train in by_width:
            train.source.put_out(train.levels[index])
        for train in by_width:
            _wait_until(clock, begin + train.width - train.reading_time)
            train.read()
            _wait_until(clock, begin + train.width)
            train.source.put_out(train.bias)
        _wait_until(clock, begin + by_width[-1].width + by_width[-1].gap)
    return True


def output_is_on(train: PulseTrain) -> bool:
    """Whether the channel of a train puts out anything."""
    return train.source.output == ON


def _wait_until(clock: Clock, moment: float) -> None:
    clock.advance(moment - clock.now)
