"""Commands of the SMUs: switches, sources, high-speed spot measurement, converters.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, chapter 4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from labneuro.sim_backends.agilent_b1500a import errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError
from labneuro.sim_backends.agilent_b1500a.flex import Command
from labneuro.sim_backends.agilent_b1500a.formats import (
    CURRENT,
    NORMAL,
    TIME,
    VOLTAGE,
    Element,
)
from labneuro.sim_backends.agilent_b1500a.measurement import Measurement
from labneuro.sim_backends.agilent_b1500a.smu import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.agilent_b1500a.flex import Arguments
    from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A
    from labneuro.sim_backends.agilent_b1500a.smu import Smu
    from labneuro.sim_backends.agilent_b1500a.spgu import SpguChannel

_MOST = 20
_CODES = (-1_000_000, 1_000_000)
_OLD_OPERATIONS = 4
_RATES = (11, 100)


class SmuCommands:
    """Commands that concern single channels.

    Parameters
    ----------
    frame : AgilentB1500A
        The instrument.
    """

    def __init__(self, frame: AgilentB1500A) -> None:
        self._frame = frame

    # -- switches ----------------------------------------------------------------------

    def _channels(self, numbers: Arguments) -> list[Smu | SpguChannel]:
        """Return the channels named, or all; none is touched if one is wrong."""
        known: dict[int, Smu | SpguChannel] = {**self._frame.smus, **self._frame.spgus}
        chosen = numbers.channels() or tuple(known)
        if len(set(chosen)) != len(chosen):
            raise FlexError(errors.CHANNEL_COUNT)
        if any(number not in known for number in chosen):
            raise FlexError(errors.NO_MODULE)
        return [known[number] for number in chosen]

    def _smus(self, numbers: Arguments, begin: int = 0) -> list[Smu]:
        chosen = numbers.channels(begin) or tuple(self._frame.smus)
        return [self._frame.smu(number) for number in chosen]

    def _on(self, numbers: Arguments) -> None:
        for channel in self._channels(numbers):
            channel.switch_on()

    def _off(self, numbers: Arguments) -> None:
        for channel in self._channels(numbers):
            channel.switch_off()

    def _each_active(self, act: Callable[[Smu], None]) -> Callable[[Arguments], None]:
        """Return a command that acts on the SMUs named, or on all that are on."""

        def run(numbers: Arguments) -> None:
            if len(numbers):
                chosen = [self._frame.active(one) for one in numbers.channels()]
            else:
                chosen = [smu for smu in self._frame.smus.values() if smu.on]
            for smu in chosen:
                act(smu)

        return run

    # -- sources -----------------------------------------------------------------------

    def _force(self, quantity: str, numbers: Arguments) -> Smu:
        smu = self._frame.active(numbers.channel(0))
        code, level = numbers.whole(1, *_CODES), numbers.real(2)
        output = smu.checked(quantity, code, level, numbers.optional(3))
        polarity = numbers.one_of(4, (0, 1), 0)
        compliance_range = smu.range_of(OTHER[quantity], numbers.whole(5, *_CODES, 0))
        smu.saved = None
        smu.apply(replace(output, polarity=polarity, compliance_range=compliance_range))
        self._frame.sourced(smu.number)
        return smu

    def _source(self, quantity: str) -> Command:
        def run(numbers: Arguments) -> None:
            self._force(quantity, numbers)

        return Command(run, 3, 6)

    def _timed_source(self, quantity: str) -> Command:
        def run(numbers: Arguments) -> None:
            begin = self._frame.clock.now
            smu = self._force(quantity, numbers)
            self._frame.give([self._stamp(smu.number, begin)])

        return Command(run, 3, 6)

    def _stamp(self, channel: int, time: float) -> Element:
        # TSR may have cleared the timer just now, at this very source.
        since = max(0.0, time - self._frame.timer_start)
        return Element(NORMAL, channel, TIME, since)

    # -- high-speed spot measurement ---------------------------------------------------

    def _read(self, kinds: str, *, timed: bool = False) -> Command:
        """Return a command that measures at once, such as ``TI`` or ``TTIV``."""

        def run(numbers: Arguments) -> None:
            smu = self._frame.active(numbers.channel(0))
            ranges = [
                smu.range_of(kind, numbers.whole(index, *_CODES, 0))
                for index, kind in enumerate(kinds, start=1)
            ]
            found = []
            if timed:
                found.append(self._stamp(smu.number, self._frame.clock.now))
            measurement = Measurement(self._frame)
            for kind, code in zip(kinds, ranges, strict=True):
                found.append(measurement.spot(smu, kind, code))
            self._frame.give(found)

        return Command(run, 1, 1 + len(kinds))

    # -- settings of a channel ---------------------------------------------------------

    def _filter(self, numbers: Arguments) -> None:
        state = bool(numbers.one_of(0, (0, 1)))
        for smu in self._smus(numbers, 1):
            smu.settings.filter = state

    def _series_resistor(self, numbers: Arguments) -> None:
        smu = self._frame.smu(numbers.channel(0))
        smu.settings.series_resistor = bool(numbers.one_of(1, (0, 1)))
        if smu.on:
            smu.apply(smu.output)

    def _operation(self, numbers: Arguments) -> None:
        smu = self._frame.smu(numbers.channel(0))
        smu.settings.operation = numbers.whole(1, 0, _OLD_OPERATIONS)

    def _current_range(self, numbers: Arguments) -> None:
        smu = self._frame.smu(numbers.channel(0))
        smu.settings.current_range = smu.range_of(CURRENT, numbers.whole(1, *_CODES))

    def _voltage_range(self, numbers: Arguments) -> None:
        smu = self._frame.smu(numbers.channel(0))
        smu.settings.voltage_range = smu.range_of(VOLTAGE, numbers.whole(1, *_CODES))

    def _auto_rule(self, numbers: Arguments) -> None:
        smu = self._frame.smu(numbers.channel(0))
        rule, rate = numbers.whole(1, 1, 3), numbers.whole(2, *_RATES, 50)
        smu.settings.auto_rule, smu.settings.auto_rate = rule, rate

    def _converter(self, numbers: Arguments) -> None:
        smu = self._frame.smu(numbers.channel(0))
        smu.settings.converter = numbers.whole(1, 0, 2)

    # -- converters --------------------------------------------------------------------

    def _integration(self, numbers: Arguments) -> None:
        converter, mode = numbers.whole(0, 0, 2), numbers.whole(1, 0, 3)
        self._frame.converters.choose(converter, mode, numbers.optional(2))

    def _average(self, numbers: Arguments) -> None:
        number, mode = numbers.whole(0, -100, 1023), numbers.one_of(1, (0, 1), 0)
        self._frame.converters.average(number, mode)

    def _autozero(self, numbers: Arguments) -> None:
        self._frame.converters.autozero = bool(numbers.one_of(0, (0, 1)))

    def table(self) -> dict[str, Command]:
        """Return the commands by header."""
        return {
            "CN": Command(self._on, 0, _MOST),
            "CNX": Command(self._on, 0, _MOST),
            "CL": Command(self._off, 0, _MOST),
            "DZ": Command(self._each_active(lambda smu: smu.zero()), 0, _MOST),
            "RZ": Command(self._each_active(lambda smu: smu.restore()), 0, _MOST),
            "IN": Command(self._each_active(lambda smu: smu.initialise()), 0, _MOST),
            "DV": self._source(VOLTAGE),
            "DI": self._source(CURRENT),
            "TDV": self._timed_source(VOLTAGE),
            "TDI": self._timed_source(CURRENT),
            "TV": self._read(VOLTAGE),
            "TI": self._read(CURRENT),
            "TIV": self._read(CURRENT + VOLTAGE),
            "TTV": self._read(VOLTAGE, timed=True),
            "TTI": self._read(CURRENT, timed=True),
            "TTIV": self._read(CURRENT + VOLTAGE, timed=True),
            "FL": Command(self._filter, 1, 1 + _MOST),
            "SSR": Command(self._series_resistor, 2, 2),
            "CMM": Command(self._operation, 2, 2),
            "RI": Command(self._current_range, 2, 2),
            "RV": Command(self._voltage_range, 2, 2),
            "RM": Command(self._auto_rule, 2, 3),
            "AAD": Command(self._converter, 2, 2),
            "AIT": Command(self._integration, 2, 3),
            "AV": Command(self._average, 1, 2),
            "AZ": Command(self._autozero, 1, 1),
        }


def commands(frame: AgilentB1500A) -> dict[str, Command]:
    """Return the commands of the SMUs."""
    return SmuCommands(frame).table()
