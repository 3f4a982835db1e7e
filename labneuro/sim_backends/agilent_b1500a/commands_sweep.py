"""Commands that set up sweeps, pulses and sampling.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, chapter 4. Bounds of times and
counts as public drivers quote them from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.agilent_b1500a import errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError
from labneuro.sim_backends.agilent_b1500a.flex import Command
from labneuro.sim_backends.agilent_b1500a.formats import CURRENT, VOLTAGE
from labneuro.sim_backends.agilent_b1500a.setup import (
    PulseSource,
    PulseTiming,
    SampledSource,
    SampleTiming,
    SweepSource,
    SweepTiming,
)

if TYPE_CHECKING:
    from labneuro.sim_backends.agilent_b1500a.flex import Arguments
    from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A
    from labneuro.sim_backends.agilent_b1500a.smu import Smu

_CODES = (-1_000_000, 1_000_000)
_LONGEST_HOLD, _HOLD_STEP = 655.35, 0.01  # s
_LONGEST_DELAY, _DELAY_STEP = 65.535, 1e-4  # s
_LONGEST_STEP_DELAY = 1.0  # s
_MOST_STEPS = 10_001
_LEAST_POWER = 1e-3  # W
_LOGARITHMIC = (2, 4)
_PULSE_WIDTH = (0.5e-3, 2.0)  # s
_PULSE_PERIOD = (5e-3, 5.0)  # s
_LONG_PULSE = 0.1  # s
_SHORT_REST, _LONG_REST = 2e-3, 10e-3  # s between a pulse and the next
_SAMPLE_INTERVAL = (1e-4, 65.535)  # s
_SHORT_INTERVAL = 2e-3  # s; below it the bias may come after the sampling began
_EARLY_HOLD = (-0.09, -1e-4)  # s
_MOST_SAMPLES = 100_001
_QUANTITIES = {1: VOLTAGE, 2: CURRENT}
_ROUNDING = 1.0 + 1e-9


def _rounded(value: float, step: float) -> float:
    return round(round(value / step) * step, 9)


class SweepCommands:
    """Commands that set up measurement modes.

    Parameters
    ----------
    frame : AgilentB1500A
        The instrument.
    """

    def __init__(self, frame: AgilentB1500A) -> None:
        self._frame = frame

    def _staircase(
        self,
        smu: Smu,
        quantity: str,
        numbers: Arguments,
        begin: int,
        mode: int,
        steps: int,
    ) -> SweepSource:
        """Return a staircase from range, start, stop, [step,] compliance, power."""
        code = numbers.whole(begin, *_CODES)
        start, stop = numbers.real(begin + 1), numbers.real(begin + 2)
        rest = begin + (3 if steps else 4)
        if not steps:
            steps = numbers.whole(begin + 3, 1, _MOST_STEPS)
        power = numbers.real(rest + 1, _LEAST_POWER, smu.sheet.power, 0.0)
        if mode in _LOGARITHMIC and start * stop <= 0.0:
            raise FlexError(errors.PARAMETER)
        compliance = numbers.optional(rest)
        largest = max(start, stop, key=abs)
        limited = power > 0.0
        smu.checked(quantity, code, largest, compliance, power=limited)
        output = smu.checked(quantity, code, start, compliance, power=limited)
        return SweepSource(smu.number, mode, output, stop, steps, power)

    def _sweep(self, quantity: str) -> Command:
        def run(numbers: Arguments) -> None:
            smu, mode = self._frame.smu(numbers.channel(0)), numbers.whole(1, 1, 4)
            source = self._staircase(smu, quantity, numbers, 2, mode, 0)
            one = self._frame.setup
            one.sweep, one.synchronous = source, None
            one.further.clear()

        return Command(run, 6, 8)

    def _synchronous(self, quantity: str) -> Command:
        def run(numbers: Arguments) -> None:
            smu, primary = self._frame.smu(numbers.channel(0)), self._primary()
            if primary.output.quantity != quantity or primary.channel == smu.number:
                raise FlexError(errors.PARAMETER)
            self._frame.setup.synchronous = self._staircase(
                smu, quantity, numbers, 1, primary.mode, primary.steps
            )

        return Command(run, 4, 6)

    def _primary(self) -> SweepSource:
        one = self._frame.setup
        primary = one.sweep or one.pulse_sweep
        if primary is None:
            raise FlexError(errors.PARAMETER)
        return primary

    def _further(self, numbers: Arguments) -> None:
        number, primary = numbers.whole(0, 2, 10), self._primary()
        smu = self._frame.smu(numbers.channel(1))
        quantity = _QUANTITIES[numbers.one_of(2, (1, 2))]
        self._frame.setup.further[number] = self._staircase(
            smu, quantity, numbers, 3, primary.mode, primary.steps
        )

    def _forget_further(self, _: Arguments) -> None:
        self._frame.setup.further.clear()

    def _abort(self, numbers: Arguments) -> None:
        abort, post = numbers.one_of(0, (1, 2)), numbers.one_of(1, (1, 2), 1)
        self._frame.setup.abort, self._frame.setup.post = abort, post

    def _timing(self, numbers: Arguments) -> None:
        hold = numbers.real(0, 0.0, _LONGEST_HOLD)
        delay = numbers.real(1, 0.0, _LONGEST_DELAY)
        step = numbers.real(2, 0.0, _LONGEST_STEP_DELAY, 0.0)
        trigger = numbers.real(3, 0.0, delay * _ROUNDING, 0.0)
        measure = numbers.real(4, 0.0, _LONGEST_DELAY, 0.0)
        fine = [_rounded(one, _DELAY_STEP) for one in (delay, step, trigger, measure)]
        self._frame.setup.timing = SweepTiming(_rounded(hold, _HOLD_STEP), *fine)

    def _count_steps(self, _: Arguments) -> str:
        primary = self._frame.setup.sweep or self._frame.setup.pulse_sweep
        return str(len(primary.levels()) if primary else 0)

    # -- pulses ------------------------------------------------------------------------

    def _pulse_timing(self, numbers: Arguments) -> None:
        hold = numbers.real(0, 0.0, _LONGEST_HOLD)
        width = _rounded(numbers.real(1, *_PULSE_WIDTH), _DELAY_STEP)
        period = numbers.real(2, -1.0, _PULSE_PERIOD[1], 0.0)
        if period > 0.0:
            rest = _SHORT_REST if width <= _LONG_PULSE else _LONG_REST
            if period * _ROUNDING < max(_PULSE_PERIOD[0], width + rest):
                raise FlexError(errors.PARAMETER)
            period = _rounded(period, _DELAY_STEP)
        elif period not in (0.0, -1.0):
            raise FlexError(errors.PARAMETER)
        late = -1.0 if len(numbers) <= 3 else numbers.real(3, 0.0, width)  # noqa: PLR2004  the fourth number is the delay
        self._frame.setup.pulse_timing = PulseTiming(
            _rounded(hold, _HOLD_STEP), width, period, late
        )

    def _pulse(self, quantity: str) -> Command:
        def run(numbers: Arguments) -> None:
            smu = self._frame.smu(numbers.channel(0))
            code = numbers.whole(1, *_CODES)
            base, peak = numbers.real(2), numbers.real(3)
            self._same_side(quantity, base, peak)
            smu.checked(quantity, code, peak, numbers.optional(4))
            output = smu.checked(quantity, code, base, numbers.optional(4))
            pulses = self._frame.setup.pulses
            pulses.pop(smu.number, None)
            pulses[smu.number] = PulseSource(output, peak)

        return Command(run, 4, 5)

    @staticmethod
    def _same_side(quantity: str, *levels: float) -> None:
        """Refuse currents of different signs: their pulse would cross zero."""
        if quantity == CURRENT and min(levels) * max(levels) < 0.0:
            raise FlexError(errors.PARAMETER)

    def _pulse_sweep(self, quantity: str) -> Command:
        def run(numbers: Arguments) -> None:
            smu, mode = self._frame.smu(numbers.channel(0)), numbers.whole(1, 1, 4)
            base = numbers.real(3)
            inner = type(numbers)((*numbers.values[:3], *numbers.values[4:]))
            source = self._staircase(smu, quantity, inner, 2, mode, 0)
            self._same_side(quantity, base, source.output.level, source.stop)
            smu.checked(quantity, numbers.whole(2, *_CODES), base, numbers.optional(7))
            one = self._frame.setup
            one.pulse_sweep, one.synchronous = source._replace(base=base), None

        return Command(run, 7, 9)

    # -- sampling ----------------------------------------------------------------------

    def _sample_timing(self, numbers: Arguments) -> None:
        interval = numbers.real(1, *_SAMPLE_INTERVAL)
        hold = numbers.real(0)
        if hold < 0.0:
            numbers.real(0, *_EARLY_HOLD)
            if interval >= _SHORT_INTERVAL:
                raise FlexError(errors.PARAMETER)
        else:
            numbers.real(0, 0.0, _LONGEST_HOLD)
        number = numbers.whole(2, 1, _MOST_SAMPLES)
        base = numbers.real(3, 0.0, _LONGEST_HOLD, 0.0)
        step = 1e-5 if interval < _SHORT_INTERVAL else 1e-3
        self._frame.setup.sample_timing = SampleTiming(
            _rounded(hold, _DELAY_STEP if hold < 0.0 else _HOLD_STEP),
            _rounded(interval, step),
            number,
            _rounded(base, _HOLD_STEP),
        )

    def _sample_mode(self, numbers: Arguments) -> None:
        self._frame.setup.sample_mode = numbers.whole(0, 1, 7)

    def _sample(self, quantity: str) -> Command:
        def run(numbers: Arguments) -> None:
            smu = self._frame.smu(numbers.channel(0))
            code = numbers.whole(1, *_CODES)
            base, bias = numbers.real(2), numbers.real(3)
            smu.checked(quantity, code, bias, numbers.optional(4))
            output = smu.checked(quantity, code, base, numbers.optional(4))
            self._frame.setup.samples[smu.number] = SampledSource(output, bias)

        return Command(run, 4, 5)

    def _forget_samples(self, numbers: Arguments) -> None:
        samples = self._frame.setup.samples
        for channel in numbers.channels() or tuple(samples):
            samples.pop(channel, None)

    def _sample_abort(self, numbers: Arguments) -> None:
        abort, post = numbers.one_of(0, (1, 2)), numbers.one_of(1, (1, 2), 2)
        one = self._frame.setup
        one.sample_abort, one.sample_post = abort, post

    def table(self) -> dict[str, Command]:
        """Return the commands by header."""
        return {
            "WV": self._sweep(VOLTAGE),
            "WI": self._sweep(CURRENT),
            "WSV": self._synchronous(VOLTAGE),
            "WSI": self._synchronous(CURRENT),
            "WNX": Command(self._further, 6, 8),
            "WNCC": Command(self._forget_further),
            "WM": Command(self._abort, 1, 2),
            "WT": Command(self._timing, 2, 5),
            "WNU?": Command(self._count_steps),
            "PT": Command(self._pulse_timing, 2, 4),
            "PV": self._pulse(VOLTAGE),
            "PI": self._pulse(CURRENT),
            "PWV": self._pulse_sweep(VOLTAGE),
            "PWI": self._pulse_sweep(CURRENT),
            "MT": Command(self._sample_timing, 3, 4),
            "ML": Command(self._sample_mode, 1, 1),
            "MV": self._sample(VOLTAGE),
            "MI": self._sample(CURRENT),
            "MCC": Command(self._forget_samples, 0, 10),
            "MSC": Command(self._sample_abort, 1, 2),
        }


def commands(frame: AgilentB1500A) -> dict[str, Command]:
    """Return the commands that set up sweeps, pulses and sampling."""
    return SweepCommands(frame).table()
