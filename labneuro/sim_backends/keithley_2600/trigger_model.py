"""The remote trigger model of one channel of a Series 2600B.

Idle, arm layer, trigger layer: at each event detector the model waits for the event of
its stimulus, or goes on at once if that is 0; each action block acts if it is enabled
and posts its event. A level changes at the instant at which the source detector lets
the model on, so that timers place pulse edges exactly; the time that the model itself
takes for a point passes after the point.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 4 "Remote trigger model" and
``smuX.trigger.*``, p. 9-254 to 9-277; Rev. C p. 3-37 (layers, asynchronous mode); Rev.
C p. 7-254 (automatic clearing); Series 2600A Reference Manual p. 19-103 (abort).
Whether a disabled action posts its event was not found; here it does.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.buffer import as_buffer
from labneuro.sim_backends.keithley_2600.events import EventDetector, Stimulus
from labneuro.sim_backends.keithley_2600.overlapped import Operation
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS
from labneuro.sim_backends.keithley_2600.status import CHANNEL_OVERRUNS
from labneuro.sim_backends.keithley_2600.sweep import (
    ASYNCHRONOUS,
    ENABLED,
    IDLE,
    LIMIT_AUTO,
    SweepPlan,
)
from labneuro.sim_backends.tsp.values import TspProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from labneuro.sim_backends.keithley_2600.buffer import ReadingBuffer
    from labneuro.sim_backends.keithley_2600.meter import Meter
    from labneuro.sim_backends.keithley_2600.overlapped import Steps
    from labneuro.sim_backends.keithley_2600.source import Source
    from labneuro.sim_backends.keithley_2600.status import ChannelStatus
    from labneuro.sim_backends.keithley_2600.triggering import Triggering

_BUSY, _SHARED_BUFFER = 5042, 5040
_EVENTS = (
    "SWEEPING",
    "ARMED",
    "SOURCE_COMPLETE",
    "MEASURE_COMPLETE",
    "PULSE_COMPLETE",
    "SWEEP_COMPLETE",
    "IDLE",
)
_DETECTORS = ("arm", "source", "measure", "endpulse")


class TriggerModel:
    """Sweeps and overlapped measurements of one channel.

    Parameters
    ----------
    source : Source
    meter : Meter
    status : ChannelStatus
        Where it shows what runs.
    triggering : Triggering
        Events and overlapped operations of the instrument.
    """

    def __init__(
        self,
        source: Source,
        meter: Meter,
        status: ChannelStatus,
        triggering: Triggering,
    ) -> None:
        self._source, self._meter, self._status = source, meter, status
        self._hub, self._operations = triggering.hub, triggering.operations
        self._plan = SweepPlan(source)
        first = triggering.new_channel_events()
        self._events = {name: first + k for k, name in enumerate(_EVENTS)}
        for event in self._events.values():
            self._hub.announce(event)
        self._detectors = {
            name: EventDetector(triggering.status.overrun(status.name, bit))
            for name, bit in zip(_DETECTORS, CHANNEL_OVERRUNS.values(), strict=True)
        }
        self._stimuli = {
            name: Stimulus(self._hub, self._gate(name)) for name in _DETECTORS
        }
        self._sweep: Operation | None = None
        self._measurement: Operation | None = None
        self._reading = False
        self._read_out = EventDetector()
        self._bias = 0.0
        self._limits: dict[int, float] = {}
        self.lua = self._lua_table()

    def reset(self) -> None:
        """End what runs and return to the defaults."""
        self.abort()
        self._plan.reset()
        for name in _DETECTORS:
            self._stimuli[name].reset()
            self._detectors[name].clear()

    def abort(self) -> None:
        """End what runs (``smuX.abort()``); the source stays as it is."""
        for operation in (self._sweep, self._measurement):
            if operation is not None:
                operation.stop()
        self._operations.show_end()

    def _gate(self, name: str) -> Callable[[], None]:
        """Return what lets an event into a detector: only while a sweep runs."""
        detector = self._detectors[name]

        def take() -> None:
            if self._sweep is not None:
                detector.note()

        return take

    # -- sweeps ------------------------------------------------------------------------

    def initiate(self) -> None:
        """Begin the sweep that is set up (``smuX.trigger.initiate()``)."""
        self._refuse_second()
        self._plan.check()
        for detector in self._detectors.values():
            detector.clear()
        self._prepare()
        self._status.sweeping(True)
        endless = self._plan.endless
        self._sweep = operation = Operation(self._operations, endless=endless)
        operation.run(self._sweep_steps(), self._sweep_ended)

    def _refuse_second(self) -> None:
        if self._sweep is not None or self._measurement is not None:
            raise TspProblem(_BUSY)

    def _prepare(self) -> None:
        source, settings = self._source, self._plan.settings
        self._limits = dict(source.limits)
        self._bias = source.ranges[source.function].level
        if settings["source.action"]:
            self._prepare_source()
        for target in self._plan.targets if settings["measure.action"] else ():
            target.begin()

    def _prepare_source(self) -> None:
        """Take function, limits and range of the sweep; if refused, none of them."""
        source, plan = self._source, self._plan
        function = source.function
        source.set_function(plan.function)
        self._bias = source.ranges[source.function].level
        source.pulsed = plan.settings["endpulse.action"] == IDLE
        for quantity, name in ((AMPS, "source.limiti"), (VOLTS, "source.limitv")):
            if plan.settings[name] != LIMIT_AUTO:
                source.limits[quantity] = plan.settings[name]
        try:
            source.hold_range(max((self._bias, *plan.levels), key=abs))
        except TspProblem:
            source.function = function
            self._restore_limits()
            raise

    def _restore_limits(self) -> None:
        source = self._source
        source.pulsed = False
        source.limits.update(self._limits)
        source.apply()

    def _sweep_ended(self) -> None:
        self._sweep = None
        self._restore_limits()
        self._status.measuring(False)
        self._operations.when_seen(lambda: self._status.sweeping(False))
        self._post("IDLE")

    def _sweep_steps(self) -> Steps[None]:
        settings = self._plan.settings
        self._post("SWEEPING")
        asynchronous = None
        if settings["measure.action"] == ASYNCHRONOUS:
            asynchronous = Operation(self._operations, counts=False)
            asynchronous.run(self._asynchronous_steps())
        try:
            for _ in _counted(settings["arm.count"]):
                yield from self._arm()
                for turn in _counted(settings["count"]):
                    yield from self._point(turn)
                if self._reading:
                    yield self._read_out
                if settings["source.action"] and settings["endsweep.action"] == IDLE:
                    self._source.put_out(self._bias)
                self._post("SWEEP_COMPLETE")
        finally:
            if asynchronous is not None:
                asynchronous.stop()

    def _arm(self) -> Steps[None]:
        yield from self._await("arm")
        if self._plan.settings["autoclear"]:
            for detector in self._detectors.values():
                detector.take()
        self._post("ARMED")

    def _point(self, turn: int) -> Steps[None]:
        """Go once through the trigger layer."""
        settings, source = self._plan.settings, self._source
        yield from self._await("source")
        if settings["source.action"]:
            levels = self._plan.levels
            source.put_out(levels[turn % len(levels)])
            yield source.pause
        self._post("SOURCE_COMPLETE")
        if settings["measure.action"] != ASYNCHRONOUS:
            yield from self._await("measure")
            if settings["measure.action"] == ENABLED:
                yield from self._measure()
            self._post("MEASURE_COMPLETE")
        elif not self._stimuli["measure"].event:
            self._detectors["measure"].set()
        yield from self._await("endpulse")
        if settings["source.action"] and settings["endpulse.action"] == IDLE:
            source.put_out(self._bias)
        self._post("PULSE_COMPLETE")
        yield datasheet.SWEEP_SOURCE_TIME

    def _asynchronous_steps(self) -> Steps[None]:
        """Measure at each event, beside what the source does."""
        while True:
            yield self._detectors["measure"]
            yield from self._measure()
            self._post("MEASURE_COMPLETE")
            if self._read_out.waiter is not None:
                self._read_out.note()

    def _measure(self) -> Steps[None]:
        self._reading = True
        self._status.measuring(True)
        try:
            yield from self._meter.collect_steps(self._plan.letters, self._plan.targets)
        finally:
            self._reading = False
            self._status.measuring(False)

    def _await(self, name: str) -> Steps[None]:
        if self._stimuli[name].event:
            yield self._detectors[name]

    def _post(self, name: str) -> None:
        self._hub.post(self._events[name])

    # -- overlapped measurements -------------------------------------------------------

    def overlapped(self, letters: str) -> Callable[..., None]:
        """Return a measurement that goes on while further commands are taken.

        Parameters
        ----------
        letters : str
            ``"i"``, ``"v"``, ``"r"``, ``"p"`` or ``"iv"``.
        """

        def measure_into(first: Any = None, second: Any = None) -> None:  # noqa: ANN401  as Lua calls it
            buffers = [
                as_buffer(target, position)
                for position, target in enumerate((first, second)[: len(letters)], 1)
            ]
            if len(set(map(id, buffers))) < len(buffers):
                raise TspProblem(_SHARED_BUFFER)
            self._refuse_second()
            for buffer in buffers:
                buffer.begin()
            self._measurement = operation = Operation(self._operations)
            operation.run(self._overlapped_steps(letters, buffers), self._measured)

        return measure_into

    def _overlapped_steps(
        self, letters: str, buffers: list[ReadingBuffer]
    ) -> Steps[None]:
        self._status.measuring(True)
        yield from self._meter.collect_steps(letters, buffers)

    def _measured(self) -> None:
        self._measurement = None
        self._status.measuring(False)

    # -- what Lua sees -----------------------------------------------------------------

    def _lua_table(self) -> Any:  # noqa: ANN401  a TspObject, whose parts are filled in
        table = self._plan.lua
        table.functions["initiate"] = self.initiate
        for name in _DETECTORS:
            part: Any = table.objects[name]
            stimulus, detector = self._stimuli[name], self._detectors[name]
            part.getters["stimulus"] = _event_of(stimulus)
            part.setters["stimulus"] = stimulus.set
            part.functions["set"] = detector.set
        for name, event in self._events.items():
            table.objects[f"{name}_EVENT_ID"] = event
        return table


def _event_of(stimulus: Stimulus) -> Callable[[], int]:
    return lambda: stimulus.event


def _counted(setting: float) -> Iterable[int]:
    """Return the turns of a count, of which 0 means without end."""
    return range(int(setting)) if setting else count()
