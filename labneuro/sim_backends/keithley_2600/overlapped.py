"""Overlapped operations of the Series 2600B: what goes on while commands are taken.

A sweep or an overlapped measurement is a generator whose steps are appointments on the
bench's clock: it yields the seconds until it goes on, or the event detector that it
waits for.

On a clock that jumps, a client that polls would poll for ever, for its own waiting
takes no bench time. There a look at a running operation by a later message than the
one that started it stands for such a wait: the first shows it running, the next lets
it come to its end. One that ends before anybody has looked shows as running for a
tenth of a second more, or until the first look. Looks within one script take the time
of a statement.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, ``smuX.abort()``,
``waitcomplete()``, p. 2-62 (sweeps are overlapped).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from labneuro.sim_backends.clock import RealClock
from labneuro.sim_backends.keithley_2600.events import EventDetector
from labneuro.sim_backends.tsp.values import TspProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from labneuro.sim_backends.clock import Appointment, Clock

    T = TypeVar("T")
    Steps = Generator[float | EventDetector, None, T]

_STATEMENT_TIME = 20e-6  # s; chosen: a script's look at a status register
_SHOWN = 0.1  # s that what has ended unseen shows as running; chosen
_FIRST_POLL = 10e-3  # s of bench time for a serial poll; each further one twice as long
_MOST_APPOINTMENTS = 1_000_000  # that a poll lets pass: endless sweeps do not end
_NAP = 0.01  # s of wall time between looks for what comes from outside


class Operation:
    """One overlapped operation.

    Parameters
    ----------
    operations : OverlappedOperations
        Among which it runs.
    counts : bool
        Whether ``waitcomplete`` waits for it.
    endless : bool
        Whether it never comes to an end by itself.
    """

    def __init__(
        self,
        operations: OverlappedOperations,
        *,
        counts: bool = True,
        endless: bool = False,
    ) -> None:
        self._operations = operations
        self._clock = operations.clock
        self._steps: Steps[None] | None = None
        self._ended: Callable[[], None] | None = None
        self._appointment: Appointment | None = None
        self._detector: EventDetector | None = None
        self.endless = endless
        self._counts = counts

    def run(self, steps: Steps[None], ended: Callable[[], None] | None = None) -> None:
        """Run up to where it first waits.

        Parameters
        ----------
        steps : generator
            Yields s until it goes on, or an event detector to wait for.
        ended : callable, optional
            Called at its end, whether it came to it by itself or not.
        """
        self._steps, self._ended = steps, ended
        if self._counts:
            self._operations.begin(self)
        self._go_on()

    def stop(self) -> None:
        """End it now."""
        steps = self._steps
        if steps is None:
            return
        if self._appointment is not None:
            self._clock.cancel(self._appointment)
        if self._detector is not None:
            self._detector.waiter = None
        steps.close()
        self._end()

    def _go_on(self) -> None:
        self._appointment = self._detector = None
        try:
            while self._steps is not None:
                wanted = next(self._steps)
                if isinstance(wanted, EventDetector):
                    if not wanted.take():
                        self._detector = wanted
                        wanted.waiter = self._go_on
                        return
                elif wanted > 0.0:
                    moment = self._clock.now + wanted
                    self._appointment = self._clock.at(moment, self._go_on)
                    return
        except StopIteration:
            self._end()
        except TspProblem as problem:
            self._end()
            self._operations.refuse(problem.code, *problem.details)

    def _end(self) -> None:
        self._steps = None
        if self._counts:
            self._operations.end(self)
        if self._ended is not None:
            self._ended()


class OverlappedOperations:
    """All overlapped operations of an instrument.

    Parameters
    ----------
    clock : Clock
        Bench time.
    stopping : callable
        Whether the script that runs is to stop.
    refuse : callable
        Puts an error's code and details into the instrument's queue.
    end_script : callable
        Ends the script that runs and is to stop.
    """

    def __init__(
        self,
        clock: Clock,
        stopping: Callable[[], bool],
        refuse: Callable[..., None],
        end_script: Callable[[], None],
    ) -> None:
        self._end_script = end_script
        self.clock = clock
        self.refuse = refuse
        self._stopping = stopping
        self._real = isinstance(clock, RealClock)
        self._running: list[Operation] = []
        self._when_idle: list[Callable[[], None]] = []
        self._when_seen: list[Callable[[], None]] = []
        self._message = self._begun = 0
        self._seen = False
        self._poll_time = _FIRST_POLL

    @property
    def active(self) -> bool:
        """Whether anything runs."""
        return bool(self._running)

    def begin(self, operation: Operation) -> None:
        """Take note that an operation begins."""
        self.show_end()
        if not self._running:
            self._begun, self._seen = self._message, False
            self._poll_time = _FIRST_POLL
        self._running.append(operation)

    def end(self, operation: Operation) -> None:
        """Take note that an operation has ended."""
        self._running.remove(operation)
        if not self._running:
            calls, self._when_idle = self._when_idle, []
            for call in calls:
                call()

    def abort(self) -> None:
        """End all of them now."""
        for operation in tuple(self._running):
            operation.stop()
        self.show_end()

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once nothing runs any more; at once if nothing does."""
        if self._running:
            self._when_idle.append(call)
        else:
            call()

    def when_seen(self, call: Callable[[], None]) -> None:
        """Call once a client has seen that an operation ran, or could have."""
        if self._real or self._seen or self._message == self._begun:
            call()
        else:
            self._when_seen.append(call)
            self.clock.at(self.clock.now + _SHOWN, self.show_end)

    def show_end(self) -> None:
        """Let no ended operation show as running any more."""
        calls, self._when_seen = self._when_seen, []
        for call in calls:
            call()

    def wait_in_script(self) -> None:
        """Let a script wait until nothing runs any more."""
        self.wait()
        if self._stopping():
            self._end_script()

    def wait(self) -> None:
        """Wait until nothing runs any more, or a device clear or an abort comes."""
        while self._running and not self._stopping():
            self._let_pass(math.inf)
        self.show_end()

    def wait_for(self, detector: EventDetector, timeout: float) -> bool:
        """Let a script wait at most `timeout` s for an event; tell if there was one."""
        end = self.clock.now + timeout
        while not detector.detected and self.clock.now < end and not self._stopping():
            self._let_pass(end)
        if self._stopping():
            self._end_script()
        return detector.take()

    def _let_pass(self, end: float) -> None:
        """Let time pass to what is next, at most to `end`; on a real clock a moment."""
        moment = min(end, self.clock.due)
        if self._real:
            moment = min(moment, self.clock.now + _NAP)
        if math.isinf(moment):
            self.clock.turn.sleep(_NAP)  # only an event from outside can be next
        else:
            self.clock.advance_to(moment)
            self.clock.rest()

    # -- what a client sees of the progress --------------------------------------------

    def new_message(self) -> None:
        """Take note that a new message is being run."""
        self._message += 1

    def stir(self) -> None:
        """Take note of an event from outside: what runs is to be seen anew."""
        self._seen, self._poll_time = False, _FIRST_POLL

    def look(self) -> None:
        """Let pass what a look at the state takes."""
        if self._seen:
            self.show_end()
        if not self._running:
            self._seen = True
        elif self._message == self._begun or self._real:
            self.clock.advance(_STATEMENT_TIME)
        elif not self._seen:
            self._seen = True
        elif any(operation.endless for operation in self._running):
            self.poll()
        else:
            self._come_to_end(math.inf)

    def fetch(self) -> None:
        """Let pass what comes before a client fetches readings."""
        if self._message != self._begun:
            self._seen = True
        self.look()
        self.show_end()

    def poll(self) -> None:
        """Let pass what comes between serial polls, ever more time."""
        if self._running and not self._real:
            if self._seen:
                self._come_to_end(self.clock.now + self._poll_time)
                self._poll_time *= 2.0
            self._seen = True

    def _come_to_end(self, end: float) -> None:
        for _ in range(_MOST_APPOINTMENTS):
            if not self._running or self.clock.due > end or math.isinf(self.clock.due):
                break
            self.clock.advance_to(self.clock.due)
        if self._running and not math.isinf(end):
            self.clock.advance_to(end)
