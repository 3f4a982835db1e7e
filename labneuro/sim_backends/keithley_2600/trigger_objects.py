"""Timers, blenders, generators and the command trigger of the Series 2600B.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F: timers p. 4-11 and 9-375 to 9-380,
event blenders p. 9-369 to 9-373, ``trigger.wait()``, ``trigger.EVENT_ID``; Models
707B/708B Reference Manual p. 3-22 (blender overruns).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labneuro.sim_backends.keithley_2600.events import (
    BLENDER_EVENTS,
    BLENDERS,
    COMMAND_EVENT,
    GENERATOR_EVENTS,
    GENERATORS,
    TIMER_EVENTS,
    TIMERS,
    EventDetector,
    EventHub,
    Stimulus,
    numbered,
)
from labneuro.sim_backends.tsp.runtime import TspObject, is_lua_table
from labneuro.sim_backends.tsp.values import (
    ILLEGAL,
    TOO_SMALL,
    Setting,
    TspProblem,
    add_settings,
    whole,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labneuro.sim_backends.clock import Appointment, Clock
    from labneuro.sim_backends.keithley_2600.overlapped import OverlappedOperations
    from labneuro.sim_backends.keithley_2600.status import TriggerStatus

_DEFAULT_DELAY = 10e-6  # s
_SHORTEST_AVERAGE = 50e-6  # s, of a list of delays
_LONGEST_WAIT = 1e6  # s
_INPUTS = 4
_check_delay = within(8e-6, 100e3)
_check_timeout = within(0.0, _LONGEST_WAIT)
_check_count = whole(0, 1_048_575)


def waiter(
    operations: OverlappedOperations, detector: EventDetector
) -> Callable[..., bool]:
    """Return the ``wait`` function of a trigger object."""

    def wait(timeout: object = None) -> bool:
        return operations.wait_for(detector, _check_timeout(timeout))

    return wait


def flag(value: object) -> bool:
    """Check for a Lua boolean."""
    if not isinstance(value, bool):
        raise TspProblem(ILLEGAL)
    return value


class TriggerObject:
    """What timers, blenders and generators have in common: an event and a detector.

    Parameters
    ----------
    hub : EventHub
    operations : OverlappedOperations
        By which scripts wait.
    event : int
        Number of its event.
    """

    def __init__(
        self, hub: EventHub, operations: OverlappedOperations, event: int
    ) -> None:
        self._hub = hub
        self._event = event
        hub.announce(event)
        self.detector = EventDetector()
        self.lua = TspObject(
            getters={"overrun": lambda: self.detector.overrun},
            functions={
                "clear": self.clear,
                "wait": waiter(operations, self.detector),
                "reset": self.reset,
            },
            objects={"EVENT_ID": event},
        )

    def fire(self) -> None:
        """Post the event."""
        self.detector.note()
        self._hub.post(self._event)

    def clear(self) -> None:
        """Forget event and overrun."""
        self.detector.clear()

    def reset(self) -> None:
        """Return to the defaults."""
        self.clear()


class TriggerTimer(TriggerObject):
    """Posts events after delays, once an event has started it.

    Parameters
    ----------
    hub, operations, event
        As for :class:`TriggerObject`.
    overrun_noted : callable
        Called with whether the timer was started while a delay ran.
    """

    def __init__(
        self,
        hub: EventHub,
        operations: OverlappedOperations,
        event: int,
        overrun_noted: Callable[[bool], None],
    ) -> None:
        super().__init__(hub, operations, event)
        self._clock: Clock = operations.clock
        self._tell_overrun = overrun_noted
        self._settings: dict[str, Any] = {}
        self._delays, self._next = [_DEFAULT_DELAY], 0
        self._left = 0
        self._appointment: Appointment | None = None
        self.stimulus = Stimulus(hub, self.start)
        add_settings(self.lua, self._settings, _TIMER_SETTINGS)
        self.lua.getters.update(
            stimulus=lambda: self.stimulus.event,
            delay=lambda: self._delays[self._next],
            delaylist=lambda: tuple(self._delays),
        )
        self.lua.setters.update(
            stimulus=self.stimulus.set,
            delay=lambda value: self._set_delays([_check_delay(value)]),
            delaylist=self._set_list,
        )

    def reset(self) -> None:
        """Return to the defaults; a delay that runs ends without an event."""
        super().reset()
        if self._appointment is not None:
            self._clock.cancel(self._appointment)
            self._appointment = None
        self.stimulus.reset()
        for setting in _TIMER_SETTINGS:
            self._settings[setting.name] = setting.default
        self._set_delays([_DEFAULT_DELAY])

    def clear(self) -> None:
        """Forget event and overruns."""
        super().clear()
        self._tell_overrun(False)

    def start(self) -> None:
        """Start the delays; while one runs this is an overrun."""
        if self._appointment is not None:
            self._tell_overrun(True)
            return
        self._left = int(self._settings["count"])
        self._begin_delay(self._clock.now)
        if self._settings["passthrough"]:
            self.fire()

    def _begin_delay(self, begin: float) -> None:
        end = begin + self._delays[self._next]
        self._next = (self._next + 1) % len(self._delays)
        self._appointment = self._clock.at(end, lambda: self._expire(end))

    def _expire(self, end: float) -> None:
        """Post the event; begin the next delay where this one ended."""
        self._appointment = None
        if self._left != 1:
            self._left = max(self._left - 1, 0)
            self._begin_delay(end)
        self.fire()

    def _set_delays(self, delays: list[float]) -> None:
        self._delays, self._next = delays, 0

    def _set_list(self, value: Any) -> None:  # noqa: ANN401  a Lua table
        if not is_lua_table(value) or not len(value):
            raise TspProblem(ILLEGAL)
        delays = [_check_delay(value[k]) for k in range(1, len(value) + 1)]
        if len(delays) > 1 and sum(delays) < _SHORTEST_AVERAGE * len(delays):
            raise TspProblem(TOO_SMALL)
        self._set_delays(delays)


class EventBlender(TriggerObject):
    """Posts an event when one or all of up to four events have happened.

    Parameters
    ----------
    hub, operations, event
        As for :class:`TriggerObject`.
    overrun_noted : callable
        Called with whether one came again before all had come.
    """

    def __init__(
        self,
        hub: EventHub,
        operations: OverlappedOperations,
        event: int,
        overrun_noted: Callable[[bool], None],
    ) -> None:
        super().__init__(hub, operations, event)
        self._tell_overrun = overrun_noted
        self._settings: dict[str, Any] = {}
        self._seen: set[int] = set()
        self._inputs = [
            Stimulus(hub, self._input(index)) for index in range(1, _INPUTS + 1)
        ]
        add_settings(self.lua, self._settings, _BLENDER_SETTINGS, changed=self._changed)
        inputs: dict[Any, Stimulus] = dict(enumerate(self._inputs, start=1))
        self.lua.objects["stimulus"] = TspObject(
            getters={index: _event_of(one) for index, one in inputs.items()},
            setters={index: self._setter(one) for index, one in inputs.items()},
        )

    def reset(self) -> None:
        """Return to the defaults."""
        super().reset()
        for one in self._inputs:
            one.reset()
        self._settings["orenable"] = False
        self._seen.clear()

    def clear(self) -> None:
        """Forget event and overruns."""
        super().clear()
        self._tell_overrun(False)

    def _changed(self, _name: str) -> None:
        self._seen.clear()

    def _setter(self, stimulus: Stimulus) -> Callable[[object], None]:
        def set_stimulus(value: object) -> None:
            stimulus.set(value)
            self._seen.clear()

        return set_stimulus

    def _input(self, index: int) -> Callable[[], None]:
        def take() -> None:
            if self._settings["orenable"]:
                self.fire()
                return
            if index in self._seen:
                self._tell_overrun(True)
            self._seen.add(index)
            wanted = (k for k, one in enumerate(self._inputs, start=1) if one.event)
            if self._seen.issuperset(wanted):
                self._seen.clear()
                self.fire()

        return take


def _event_of(stimulus: Stimulus) -> Callable[[], int]:
    return lambda: stimulus.event


class TriggerObjects:
    """The ``trigger`` of the instrument's Lua.

    Parameters
    ----------
    hub : EventHub
    operations : OverlappedOperations
    status : TriggerStatus
        Where overruns show.
    """

    def __init__(
        self, hub: EventHub, operations: OverlappedOperations, status: TriggerStatus
    ) -> None:
        self.command = TriggerObject(hub, operations, COMMAND_EVENT)
        own = (hub, operations)
        self.timers = [
            TriggerTimer(*own, TIMER_EVENTS + k, status.overrun("trigger_timer", k + 1))
            for k in range(TIMERS)
        ]
        self.blenders = [
            EventBlender(
                *own, BLENDER_EVENTS + k, status.overrun("trigger_blender", k + 1)
            )
            for k in range(BLENDERS)
        ]
        self._generators = [
            TriggerObject(hub, operations, GENERATOR_EVENTS + k)
            for k in range(GENERATORS)
        ]
        for generator in self._generators:
            generator.lua.functions["assert"] = generator.fire

    def reset(self) -> None:
        """Return all of them to their defaults."""
        for one in (self.command, *self.timers, *self.blenders, *self._generators):
            one.reset()

    def lua_object(self) -> TspObject:
        """Return the ``trigger`` of the instrument's Lua."""
        lists: dict[str, Sequence[TriggerObject]] = {
            "timer": self.timers,
            "blender": self.blenders,
            "generator": self._generators,
        }
        command = self.command.lua.functions
        return TspObject(
            functions={"wait": command["wait"], "clear": command["clear"]},
            objects={
                "EVENT_ID": COMMAND_EVENT,
                **{
                    name: numbered(one.lua for one in ones)
                    for name, ones in lists.items()
                },
            },
        )


_TIMER_SETTINGS = (
    Setting("count", 1, _check_count),
    Setting("passthrough", False, flag),
)
_BLENDER_SETTINGS = (Setting("orenable", False, flag),)
