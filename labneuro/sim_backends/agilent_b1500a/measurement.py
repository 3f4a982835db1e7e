"""The measurement modes of the B1500A, carried out on the circuit.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, chapter 2 (remote mode functions),
p. 1-26 to 1-40 (order of the data).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.agilent_b1500a import errors, setup
from labneuro.sim_backends.agilent_b1500a.errors import FlexError
from labneuro.sim_backends.agilent_b1500a.formats import (
    INDEX,
    INTERMEDIATE,
    INVALID,
    LAST,
    MISCELLANEOUS,
    NORMAL,
    OTHER_COMPLIANCE,
    OVERFLOW,
    SHORT_BINARY,
    TIME,
    Element,
)

if TYPE_CHECKING:
    from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A
    from labneuro.sim_backends.agilent_b1500a.setup import SampledSource, SweepSource
    from labneuro.sim_backends.agilent_b1500a.smu import Smu

# Types of trigger outputs (TGP), Programming Guide ed. 11, table 4-31, p. 4-197.
MEASUREMENT_DONE, STEP_SET, STEP_DONE = 1, 2, 3
_LONG_PULSE = 0.1  # s; from here on the automatic period leaves 10 ms, not 2 ms
_SHORT_REST, _LONG_REST = 2e-3, 10e-3
_LATE = 1e-9  # s, rounding of the clock


class Measurement:
    """One execution of ``XE``.

    Parameters
    ----------
    frame : AgilentB1500A
        The instrument.
    """

    def __init__(self, frame: AgilentB1500A) -> None:
        self._frame = frame
        self._clock = frame.clock
        self._setup = frame.setup
        self._data: list[Element] = []

    def run(self) -> list[Element]:
        """Measure as ``MM`` says and return the data in their order."""
        frame, mode = self._frame, self._setup.mode
        if not self._setup.channels:
            raise FlexError(errors.CHANNEL_COUNT)
        self._channels = [frame.active(one) for one in self._setup.channels]
        {
            setup.SPOT: self._spot,
            setup.STAIRCASE: self._staircase,
            setup.PULSED_SPOT: self._pulsed_spot,
            setup.PULSED_SWEEP: self._pulsed_sweep,
            setup.PULSED_BIAS: self._pulsed_bias,
            setup.SAMPLING: self._sampling,
            setup.MULTI_CHANNEL: self._multi_channel,
        }[mode]()
        frame.announce(MEASUREMENT_DONE)
        return self._data

    # -- readings ----------------------------------------------------------------------

    def spot(self, smu: Smu, kind: str, ranging: int) -> Element:
        """Take one reading, with the compliance of other channels in its status."""
        return self._marked(smu.measure(kind, ranging), smu)

    def _marked(self, element: Element, smu: Smu) -> Element:
        if element.status == NORMAL and any(
            other.limited() for other in self._frame.smus.values() if other is not smu
        ):
            return element._replace(status=OTHER_COMPLIANCE)
        return element

    def _stamp(self, channel: int) -> list[Element]:
        one = self._setup
        if not one.time_stamps or one.form in SHORT_BINARY:
            return []
        time = self._clock.now - self._frame.timer_start
        return [Element(NORMAL, channel, TIME, time)]

    def _read(self, *, pulsed: bool = False, overhead: bool = True) -> list[Element]:
        """Measure every channel, one after the other."""
        found: list[Element] = []
        for smu in self._channels:
            for kind in smu.kinds():
                found += self._stamp(smu.number)
                reading = smu.measure(
                    kind, smu.set_range(kind), pulsed=pulsed, overhead=overhead
                )
                found.append(self._marked(reading, smu))
        return found

    def _spot(self) -> None:
        self._data += self._read()

    # -- sweeps ------------------------------------------------------------------------

    def _sources(self, primary: SweepSource | None) -> list[SweepSource]:
        """Return primary and synchronous source of a sweep, ready for it."""
        if primary is None:
            raise FlexError(errors.PARAMETER)
        sources = [primary]
        if self._setup.synchronous is not None:
            sources.append(self._setup.synchronous)
        return sources

    def _ready(self, sources: list[SweepSource]) -> list[list[float]]:
        """Put the sources to their start and return their levels."""
        smus = [self._frame.active(source.channel) for source in sources]
        first = sources[0]
        levels = [source.levels(first.mode, first.steps) for source in sources]
        for smu, source, own in zip(smus, sources, levels, strict=True):
            smu.apply(source.output)
            smu.hold_range(own)
        return levels

    def _staircase(self) -> None:
        sources = self._sources(self._setup.sweep)
        self._climb(sources, self._ready(sources))

    def _multi_channel(self) -> None:
        primary = self._setup.sweep
        if primary is None:
            raise FlexError(errors.PARAMETER)
        further = self._setup.further
        sources = [primary, *(further[number] for number in sorted(further))]
        self._climb(sources, self._ready(sources))

    def _climb(self, sources: list[SweepSource], levels: list[list[float]]) -> None:
        """Go through a staircase, reading at every step."""
        timing, clock = self._setup.timing, self._clock
        smus = [self._frame.active(source.channel) for source in sources]
        clock.advance(timing.hold)
        steps = list(zip(*levels, strict=True))
        for number, step in enumerate(steps):
            for smu, source, level in zip(smus, sources, step, strict=True):
                smu.put_out(level, _limit(source, level))
            self._frame.announce(STEP_SET)
            clock.advance(timing.delay)
            begin = clock.now
            found = self._read()
            self._frame.announce(STEP_DONE)
            clock.advance(timing.step_delay - (clock.now - begin))
            found += self._source_data(sources, step, last=number == len(steps) - 1)
            self._data += found
            if self._stops(found):
                self._fill(found, len(steps) - 1 - number)
                self._finish(sources, aborted=True)
                return
        self._finish(sources, aborted=False)

    def _finish(self, sources: list[SweepSource], *, aborted: bool) -> None:
        start = aborted or self._setup.post == setup.AFTER_START
        for source in sources:
            smu = self._frame.smus[source.channel]
            smu.put_out(source.output.level if start else source.stop)

    def _stops(self, found: list[Element]) -> bool:
        return self._setup.abort == setup.ABORT and any(
            not one.source and one.status != NORMAL for one in found
        )

    def _fill(self, pattern: list[Element], points: int) -> None:
        """Add data without meaning for the points that an abort leaves out."""
        empty = [one._replace(value=INVALID, status=OVERFLOW) for one in pattern]
        self._data += empty * points

    def _source_data(
        self, sources: list[SweepSource], step: tuple[float, ...], *, last: bool
    ) -> list[Element]:
        """Return the level of the source that ``FMT`` asks for, if any."""
        wanted = self._setup.data_mode - 1
        if not 0 <= wanted < len(sources):
            return []
        source = sources[wanted]
        smu = self._frame.smus[source.channel]
        quantity = source.output.quantity
        return [
            Element(
                LAST if last else INTERMEDIATE,
                source.channel,
                quantity,
                smu.quantised(step[wanted]),
                smu.binary_range(quantity, smu.output_range),
                source=True,
            )
        ]

    # -- pulses ------------------------------------------------------------------------

    def _pulser(self) -> tuple[Smu, float]:
        """Return the SMU that pulses and its peak, at its base."""
        pulses = self._setup.pulses
        if not pulses:
            raise FlexError(errors.PARAMETER)
        channel, source = next(reversed(pulses.items()))
        smu = self._frame.active(channel)
        smu.apply(source.output)
        smu.hold_range([source.output.level, source.peak])
        return smu, source.peak

    def _pulse(self, smu: Smu, peak: float, base: float) -> list[Element]:
        """Put out one pulse and read at its end."""
        timing, clock = self._setup.pulse_timing, self._clock
        begin = clock.now
        smu.step(peak)
        self._frame.announce(STEP_SET)
        readings = sum(
            one.duration(kind, pulsed=True)
            for one in self._channels
            for kind in one.kinds()
        )
        late = timing.trigger_delay
        clock.advance(late if late >= 0.0 else timing.width - readings)
        found = self._read(pulsed=True, overhead=False)
        clock.advance(begin + timing.width - clock.now)
        smu.step(base)
        clock.advance(begin + self._period() - clock.now)
        return found

    def _period(self) -> float:
        timing = self._setup.pulse_timing
        if timing.period > 0.0:
            return timing.period
        rest = _SHORT_REST if timing.width <= _LONG_PULSE else _LONG_REST
        return timing.width + rest

    def _pulsed_spot(self) -> None:
        smu, peak = self._pulser()
        self._clock.advance(self._setup.pulse_timing.hold)
        self._data += self._pulse(smu, peak, smu.output.level)

    def _pulsed_sweep(self) -> None:
        sources = self._sources(self._setup.pulse_sweep)
        levels = self._ready(sources)
        pulser = self._frame.active(sources[0].channel)
        base = sources[0].base
        pulser.step(base)
        self._clock.advance(self._setup.pulse_timing.hold)
        steps = list(zip(*levels, strict=True))
        for number, step in enumerate(steps):
            for source, level in zip(sources[1:], step[1:], strict=True):
                self._frame.smus[source.channel].put_out(level)
            found = self._pulse(pulser, step[0], base)
            found += self._source_data(sources, step, last=number == len(steps) - 1)
            self._data += found
            if self._stops(found):
                self._fill(found, len(steps) - 1 - number)
                break
        self._finish(sources[1:], aborted=False)

    def _pulsed_bias(self) -> None:
        sources = self._sources(self._setup.sweep)
        pulser, peak = self._pulser()
        base = pulser.output.level
        levels = self._ready(sources)
        self._clock.advance(self._setup.pulse_timing.hold)
        steps = list(zip(*levels, strict=True))
        for number, step in enumerate(steps):
            for source, level in zip(sources, step, strict=True):
                smu = self._frame.smus[source.channel]
                smu.put_out(level, _limit(source, level))
            found = self._pulse(pulser, peak, base)
            found += self._source_data(sources, step, last=number == len(steps) - 1)
            self._data += found
            if self._stops(found):
                self._fill(found, len(steps) - 1 - number)
                self._finish(sources, aborted=True)
                return
        self._finish(sources, aborted=False)

    # -- sampling ----------------------------------------------------------------------

    def _sampling(self) -> None:
        one, clock, frame = self._setup, self._clock, self._frame
        timing = one.sample_timing
        biased = [(frame.active(ch), source) for ch, source in one.samples.items()]
        for smu, source in biased:
            smu.apply(source.output)
            smu.hold_range([source.output.level, source.bias])
        clock.advance(timing.base_hold)
        # A negative hold time starts the sampling before the bias.
        start = clock.now + max(0.0, timing.bias_hold)
        bias_time = clock.now + max(0.0, -timing.bias_hold)
        pending = True
        for index, time in one.sample_times():
            if pending and bias_time <= start + time:
                clock.advance(bias_time - clock.now)
                self._bias(biased)
                pending = False
            if not self._sample(index, start + time):
                break
        for smu, source in biased:
            smu.put_out(source.output.level if one.sample_post == 1 else source.bias)

    @staticmethod
    def _bias(biased: list[tuple[Smu, SampledSource]]) -> None:
        for smu, source in biased:
            smu.step(source.bias)

    def _sample(self, index: int, due: float) -> bool:
        """Take one sample if it is not too late for it; False ends the sampling."""
        clock, one = self._clock, self._setup
        if clock.now > due + _LATE:
            return True
        clock.advance(due - clock.now)
        found = self._read(overhead=False)
        if one.data_mode:
            found.insert(0, Element(NORMAL, MISCELLANEOUS, INDEX, float(index)))
        self._data += found
        return one.sample_abort != setup.ABORT or not self._limits(found)

    @staticmethod
    def _limits(found: list[Element]) -> bool:
        return any(one.status != NORMAL for one in found)


def _limit(source: SweepSource, level: float) -> float:
    """Return the compliance at a level, with that of the power."""
    compliance = source.output.compliance
    if source.power and level:
        return min(compliance, source.power / abs(level))
    return compliance
