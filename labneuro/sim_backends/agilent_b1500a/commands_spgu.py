"""Commands of the SPGU.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, p. 2-53 to 2-63 and chapter 4,
``STGP`` p. 4-189.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.agilent_b1500a import datasheet, errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError
from labneuro.sim_backends.agilent_b1500a.flex import Command, show
from labneuro.sim_backends.agilent_b1500a.spgu import (
    BOTH,
    COUNT,
    DURATION,
    FREE_RUN,
    PulseTimes,
)

if TYPE_CHECKING:
    from labneuro.sim_backends.agilent_b1500a.flex import Arguments
    from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A
    from labneuro.sim_backends.agilent_b1500a.spgu import SpguChannel

SHEET = datasheet.SPGU


def _stepped(value: float, step: float) -> float:
    return round(round(value / step) * step, 12)


class SpguCommands:
    """Commands of the pulse generators.

    Parameters
    ----------
    frame : AgilentB1500A
        The instrument.
    """

    def __init__(self, frame: AgilentB1500A) -> None:
        self._frame = frame

    def _channel(self, numbers: Arguments) -> SpguChannel:
        return self._frame.spgu(numbers.channel(0))

    def _operation(self, numbers: Arguments) -> None:
        self._frame.train.arbitrary = numbers.one_of(0, (0, 1))
        # SIM also puts every SPGU output that is on to 0 V.
        for channel in self._frame.spgus.values():
            if channel.on:
                channel.switch_on()

    def _run_mode(self, numbers: Arguments) -> None:
        mode = numbers.whole(0, FREE_RUN, DURATION)
        condition = 0.0
        if mode == COUNT:
            condition = numbers.whole(1, *SHEET.counts, 1)
        elif mode == DURATION:
            condition = numbers.real(1, *SHEET.duration, SHEET.duration[0])
        self._frame.train.run_mode, self._frame.train.condition = mode, condition

    def _ask_run_mode(self, _: Arguments) -> str:
        train = self._frame.train
        return f"{train.run_mode},{train.condition:g}"

    def _period(self, numbers: Arguments) -> None:
        period = numbers.real(0, *SHEET.period)
        self._frame.train.period = _stepped(period, SHEET.time_step)

    def _mode(self, numbers: Arguments) -> None:
        channel = self._channel(numbers)
        channel.settings.mode = numbers.whole(1, 0, BOTH)

    def _times(self, numbers: Arguments) -> None:
        channel, source = self._channel(numbers), numbers.one_of(1, (1, 2))
        delay, width = numbers.real(2, *SHEET.delay), numbers.real(3, *SHEET.width)
        leading = numbers.real(4, *SHEET.edge)
        trailing = numbers.real(5, *SHEET.edge, leading)
        channel.settings.times[source] = PulseTimes(
            _stepped(delay, SHEET.time_step),
            _stepped(width, SHEET.time_step),
            _stepped(leading, SHEET.edge_step),
            _stepped(trailing, SHEET.edge_step),
        )

    def _ask_times(self, numbers: Arguments) -> str:
        channel, source = self._channel(numbers), numbers.one_of(1, (1, 2))
        return ",".join(show(time) for time in channel.settings.times[source])

    def _levels(self, numbers: Arguments) -> None:
        channel, source = self._channel(numbers), numbers.one_of(1, (0, 1, 2))
        most = SHEET.open_voltage
        base = numbers.real(2, -most, most)
        channel.set_levels(source, base, numbers.real(3, -most, most, base))

    def _ask_levels(self, numbers: Arguments) -> str:
        channel, source = self._channel(numbers), numbers.one_of(1, (0, 1, 2))
        return ",".join(show(level) for level in channel.settings.levels[source])

    def _load(self, numbers: Arguments) -> None:
        channel = self._channel(numbers)
        channel.settings.load = numbers.real(1, *SHEET.load)

    def _switch(self, numbers: Arguments) -> None:
        channel, before = self._channel(numbers), self._channel(numbers).settings.switch
        channel.settings.switch = (
            numbers.one_of(1, (0, 1)),
            numbers.one_of(2, (0, 1), before[1]),
            numbers.real(3, *SHEET.delay, before[2]),
            numbers.real(4, *SHEET.width, before[3]),
        )

    def _ask_switch(self, numbers: Arguments) -> str:
        state, normal, delay, width = self._channel(numbers).settings.switch
        return f"{state},{normal},{show(delay)},{show(width)}"

    def _trigger(self, numbers: Arguments) -> None:
        self._channel(numbers).settings.trigger = numbers.whole(1, 0, 3)

    # -- action ------------------------------------------------------------------------

    def _update(self, numbers: Arguments) -> None:
        chosen = numbers.channels() or tuple(self._frame.spgus)
        channels = [self._frame.spgu(number) for number in chosen]
        if len(numbers) and not all(channel.on for channel in channels):
            raise FlexError(errors.OUTPUT_OFF)
        for channel in channels:
            channel.update()

    def _start(self, _: Arguments) -> None:
        train, channels = self._frame.train, self._frame.spgus.values()
        if not all(one.fits(train.period) for one in channels if one.on):
            raise FlexError(errors.PARAMETER)
        for channel in channels:
            channel.start(train)

    def _stop(self, _: Arguments) -> None:
        for channel in self._frame.spgus.values():
            channel.stop()

    def _running(self, _: Arguments) -> str:
        now = self._frame.clock.now
        busy = any(one.busy_until > now for one in self._frame.spgus.values())
        return str(int(busy))

    def table(self) -> dict[str, Command]:
        """Return the commands by header."""
        channel, train = self._channel, self._frame
        return {
            "SIM": Command(self._operation, 1, 1),
            "SIM?": Command(lambda _: str(train.train.arbitrary)),
            "SPRM": Command(self._run_mode, 1, 2),
            "SPRM?": Command(self._ask_run_mode),
            "SPPER": Command(self._period, 1, 1),
            "SPPER?": Command(lambda _: show(train.train.period)),
            "SPM": Command(self._mode, 2, 2),
            "SPM?": Command(lambda one: str(channel(one).settings.mode), 1, 1),
            "SPT": Command(self._times, 5, 6),
            "SPT?": Command(self._ask_times, 2, 2),
            "SPV": Command(self._levels, 3, 4),
            "SPV?": Command(self._ask_levels, 2, 2),
            "SER": Command(self._load, 2, 2),
            "SER?": Command(lambda one: show(channel(one).settings.load), 1, 1),
            "ODSW": Command(self._switch, 2, 5),
            "ODSW?": Command(self._ask_switch, 1, 1),
            "STGP": Command(self._trigger, 2, 2),
            "STGP?": Command(lambda one: str(channel(one).settings.trigger), 1, 1),
            "SPUPD": Command(self._update, 0, 20),
            "SRP": Command(self._start),
            "SPP": Command(self._stop),
            "SPST?": Command(self._running),
        }


def commands(frame: AgilentB1500A) -> dict[str, Command]:
    """Return the commands of the pulse generators."""
    return SpguCommands(frame).table()
