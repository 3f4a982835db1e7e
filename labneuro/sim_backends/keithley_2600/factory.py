"""The pulse tests of the Series 2600B's factory functions: set-up, checks, running.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. C, ``ConfigPulse...()`` p. 7-36,
``InitiatePulseTest()``; Series 2600A Reference Manual p. 574 (dual pulses).
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.buffer import ReadingBuffer
from labneuro.sim_backends.keithley_2600.channel import Channel
from labneuro.sim_backends.keithley_2600.pulse import PulseTrain, run_trains
from labneuro.sim_backends.keithley_2600.source import ON
from labneuro.sim_backends.tsp.values import NotANumberError, TspProblem, number

if TYPE_CHECKING:
    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.keithley_2600.digital import DigitalPort, TriggerLine
    from labneuro.sim_backends.keithley_2600.source import Source

_DEFAULT_TIMEOUT = 10.0  # s, [2600B] Rev. C p. 7-36
# Of two trains the longer pulses outlast the others by this (2600A p. 574).
_APART = 40e-6  # s


class _Synchronised(NamedTuple):
    """A train and the digital lines that it obeys and drives."""

    train: PulseTrain
    sync_in: TriggerLine | None
    sync_out: TriggerLine | None
    timeout: float
    abort: bool


class PulseTests:
    """Pulse trains by their tags.

    Parameters
    ----------
    clock : Clock
        Bench time.
    digital : DigitalPort
        The lines for synchronisation.
    """

    def __init__(self, clock: Clock, digital: DigitalPort) -> None:
        self._clock = clock
        self._digital = digital
        self._tests: dict[float, _Synchronised] = {}

    def configure(
        self,
        channel: Any = None,  # noqa: ANN401  what the factory script passes on
        buffer: Any = None,  # noqa: ANN401
        tag: Any = None,  # noqa: ANN401
        function: Any = None,  # noqa: ANN401
        values: Any = None,  # noqa: ANN401
        sync: Any = None,  # noqa: ANN401
    ) -> tuple[bool, str]:
        """Set up a train under a tag.

        Parameters
        ----------
        channel : Channel
        buffer : ReadingBuffer or None
        tag : float
        function : float
            1 for volt, 0 for ampere.
        values : Lua table
            ``bias``, ``limit``, ``ton``, ``toff``, and the levels by number.
        sync : Lua table
            ``input``, ``output``, ``timeout``, ``abort``, all optional.

        Returns
        -------
        bool
            Whether the train can run.
        str
            What is wrong, or that nothing is.
        """
        misplaced = _misplaced(channel, buffer)
        if misplaced:
            return False, misplaced
        try:
            train = _train(channel, buffer, int(number(function)), values)
            test = self._synchronised(train, sync)
            key = number(tag)
        except (NotANumberError, TspProblem):
            return False, "a parameter is missing or not allowed"
        problem = _range_problem(train) or train.problem()
        if problem:
            return False, problem
        self._tests[key] = test
        return True, "No errors"

    def run(self, first: object = None, second: object = None) -> tuple[bool, str]:
        """Run one train, or two that begin together.

        Returns
        -------
        bool
            Whether all pulses were put out.
        str
            What went wrong, or that nothing did.
        """
        tags = [number(first)] + ([] if second is None else [number(second)])
        tests = [self._tests.get(tag) for tag in tags]
        known = [test for test in tests if test is not None]
        problem = _run_problem(known) if len(known) == len(tags) else "unknown tag"
        if problem:
            return False, problem
        trains = [test.train for test in known]
        with ExitStack() as pulses:
            for train in trains:
                pulses.enter_context(train.source.pulsing())
            complete = run_trains(trains, self._clock, lambda: _synchronise(known))
        if complete:
            return True, "No errors"
        return False, "timer timeout: no trigger on sync_in"

    def _synchronised(self, train: PulseTrain, sync: Any) -> _Synchronised:  # noqa: ANN401  a Lua table
        timeout, abort = sync["timeout"], sync["abort"]
        return _Synchronised(
            train,
            self._line(sync["input"]),
            self._line(sync["output"]),
            _DEFAULT_TIMEOUT if timeout is None else number(timeout),
            abort is not False,
        )

    def _line(self, value: object) -> TriggerLine | None:
        if value is None:
            return None
        index = int(number(value)) - 1
        if not 0 <= index < len(self._digital.triggers):
            raise TspProblem(1801)
        return self._digital.triggers[index]


def _misplaced(channel: object, buffer: object) -> str | None:
    if not isinstance(channel, Channel):
        return "smu is not a source-measure unit"
    if buffer is not None and not isinstance(buffer, ReadingBuffer):
        return "buffer is not a reading buffer"
    return None


def _train(
    channel: Channel,
    buffer: ReadingBuffer | None,
    function: int,
    values: Any,  # noqa: ANN401  a Lua table
) -> PulseTrain:
    levels = tuple(number(values[k]) for k in range(1, len(values) + 1))
    if not levels:
        raise TspProblem(1400, 1)
    return PulseTrain(
        channel.source,
        channel.meter,
        function,
        number(values["bias"]),
        levels,
        number(values["limit"]),
        number(values["ton"]),
        number(values["toff"]),
        buffer,
    )


def _range_problem(train: PulseTrain) -> str | None:
    if train.width <= 0.0 or train.gap <= 0.0:
        return "ton and toff must be above 0"
    top = max(abs(level) for level in (train.bias, *train.levels))
    ranges = train.source.ranges[train.function]
    extent = ranges.sheets[ranges.fit(top)].full_scale
    source, limit = train.source, abs(train.limit)
    with source.pulsing():
        problem = _area_problem(source, train.function, top, limit, extent)
    if problem:
        return "level and limit lie outside the area of pulses"
    steady = _area_problem(source, train.function, top, limit, extent) is None
    if not steady and train.width >= datasheet.LONGEST_PULSE:
        return "ton is too long"
    return None


def _area_problem(
    source: Source, function: int, level: float, limit: float, extent: float
) -> TspProblem | None:
    try:
        source.check(function, level, limit, extent)
    except TspProblem as problem:
        return problem
    return None


def _run_problem(tests: list[_Synchronised]) -> str | None:
    trains = [test.train for test in tests]
    if any(train.source.output != ON for train in trains):
        return "output is off"
    if len(trains) == 1:
        return None
    first, second = trains
    if first.source is second.source:
        return "both tags are of one source-measure unit"
    if first.width <= second.width + _APART:
        return "ton of the first tag must be more than 40 us longer"
    if first.gap != second.gap or len(first.levels) != len(second.levels):
        return "toff and points of both tags must be equal"
    return None


def _synchronise(tests: list[_Synchronised]) -> bool:
    for test in tests:
        if test.sync_in is not None:
            found = test.sync_in.wait(test.timeout)
            if not found and test.abort:
                return False
    for test in tests:
        if test.sync_out is not None:
            test.sync_out.assert_edge()
    return True
