"""Events of the Series 2600B: who posts them, who listens, who waits for them.

Every trigger object posts events under numbers (``EVENT_ID``) and listens to those that
its stimulus names. An event happens at an instant of bench time; what it sets off at
that instant happens in the order of posting.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 4 "Triggering", p. 4-1 and
following (events, event detectors, overruns).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import ILLEGAL, TspProblem, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NO_EVENT = 0
# Event numbers: lines 1 to 14, then as below; the manual gives names, no numbers.
TSPLINK_EVENTS, TSPLINK_LINES = 21, 3
COMMAND_EVENT, DISPLAY_EVENT = 30, 40
LAN_EVENTS, LAN_LINES = 51, 8
TIMER_EVENTS, TIMERS = 61, 8
BLENDER_EVENTS, BLENDERS = 71, 6
GENERATOR_EVENTS, GENERATORS = 81, 2
CHANNEL_EVENTS, PER_CHANNEL = 100, 10
_FOREIGN = (
    DISPLAY_EVENT,
    *range(TSPLINK_EVENTS, TSPLINK_EVENTS + TSPLINK_LINES),
    *range(LAN_EVENTS, LAN_EVENTS + LAN_LINES),
)
# Events that may follow from one at the same instant; objects that set each other off
# in a ring without a delay are cut off here.
_MOST_AT_ONCE = 1000


def numbered(objects: Iterable[TspObject]) -> TspObject:
    """Return the table of like objects by their numbers, from 1.

    Its type is not that of an object with attributes: the keithley2600 driver would
    take what stands at a number for a value.
    """
    return TspObject("table", objects=dict(enumerate(objects, start=1)))


class EventHub:
    """Hands every event to those that listen to its number."""

    def __init__(self) -> None:
        self._listeners: dict[int, list[Stimulus]] = {one: [] for one in _FOREIGN}
        self._posted: deque[int] = deque()
        self._busy = False

    def announce(self, event: int) -> None:
        """Make the number of an event known."""
        self._listeners.setdefault(event, [])

    def move(self, stimulus: Stimulus, event: int) -> None:
        """Let a stimulus listen to another event, or to none.

        Raises
        ------
        TspProblem
            If there is no such event.
        """
        if event and event not in self._listeners:
            raise TspProblem(ILLEGAL)
        if stimulus.event:
            self._listeners[stimulus.event].remove(stimulus)
        if event:
            self._listeners[event].append(stimulus)
        stimulus.event = event

    def post(self, event: int) -> None:
        """Let an event happen now."""
        self._posted.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            self._hand_out()
        finally:
            self._posted.clear()
            self._busy = False

    def _hand_out(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            if not self._posted:
                return
            for stimulus in tuple(self._listeners[self._posted.popleft()]):
                stimulus.act()


class Stimulus:
    """The input of a trigger object: the event that it responds to.

    Parameters
    ----------
    hub : EventHub
        Where events are posted.
    act : callable
        Called when the event happens.

    Attributes
    ----------
    event : int
        Number of the event; 0 for none.
    """

    __slots__ = ("_hub", "act", "event")

    def __init__(self, hub: EventHub, act: Callable[[], None]) -> None:
        self._hub = hub
        self.act = act
        self.event = NO_EVENT

    def set(self, value: object) -> None:
        """Choose the event by its number, as a script does."""
        self._hub.move(self, int(number(value)))

    def reset(self) -> None:
        """Respond to nothing."""
        self._hub.move(self, NO_EVENT)


class EventDetector:
    """Remembers that an event has happened until someone takes notice.

    Parameters
    ----------
    overrun_noted : callable, optional
        Called with whether an event came while one was still remembered, when that
        changes.

    Attributes
    ----------
    detected, overrun : bool
    waiter : callable or None
        Who waits now; called at the event, which is then not remembered.
    """

    __slots__ = ("_tell", "detected", "overrun", "waiter")

    def __init__(self, overrun_noted: Callable[[bool], None] | None = None) -> None:
        self._tell = overrun_noted
        self.detected = self.overrun = False
        self.waiter: Callable[[], None] | None = None

    def note(self) -> None:
        """Take an event."""
        if self.waiter is not None:
            waiter, self.waiter = self.waiter, None
            waiter()
        elif self.detected:
            self._set_overrun(state=True)
        else:
            self.detected = True

    def set(self) -> None:
        """Go into the detected state without an event: never an overrun."""
        if self.waiter is not None or not self.detected:
            self.note()

    def take(self) -> bool:
        """Take notice: return whether there was an event, and forget it."""
        found, self.detected = self.detected, False
        return found

    def clear(self) -> None:
        """Forget event and overrun."""
        self.detected = False
        self._set_overrun(state=False)

    def _set_overrun(self, *, state: bool) -> None:
        if state is not self.overrun:
            self.overrun = state
            if self._tell is not None:
                self._tell(state)
