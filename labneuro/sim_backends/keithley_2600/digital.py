"""The digital I/O port of the Series 2600B: lines as bits and as triggers.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 4 "Digital I/O", p. 4-27 and
following (trigger modes), p. 4-40; Series 2600 Reference Manual 2600S-901-01 Rev. C,
p. 12-20 (trigger modes).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_2600.datasheet import TRIGGER_TIME
from labneuro.sim_backends.keithley_2600.events import (
    EventDetector,
    Stimulus,
    numbered,
)
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    number,
    whole,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.keithley_2600.events import EventHub
    from labneuro.sim_backends.keithley_2600.overlapped import OverlappedOperations
    from labneuro.sim_backends.keithley_2600.status import TriggerStatus

LINES = 14
_ALL = (1 << LINES) - 1
_BYPASS, _RISING, _SYNCHRONOUSA, _SYNCHRONOUS, _RISINGA, _RISINGM = 0, 2, 4, 5, 7, 8
_BAD_LINE = 1801
MODES: dict[str | int, object] = {
    "TRIG_BYPASS": _BYPASS,
    "TRIG_FALLING": 1,
    "TRIG_RISING": _RISING,
    "TRIG_EITHER": 3,
    "TRIG_SYNCHRONOUSA": _SYNCHRONOUSA,
    "TRIG_SYNCHRONOUS": _SYNCHRONOUS,
    "TRIG_SYNCHRONOUSM": 6,
    "TRIG_RISINGA": _RISINGA,
    "TRIG_RISINGM": _RISINGM,
}
_LATCHING = (_SYNCHRONOUSA, _SYNCHRONOUS)
_check_timeout = within(0.0, 1e6)


class TriggerLine:
    """One line as a trigger.

    A line in bypass mode, as after a reset, is a plain bit: it neither asserts nor
    detects. What an edge looks like (polarity) does not matter to the simulated wiring:
    a receiver takes note of a pulse when it begins, and a line in a mode that detects
    takes every edge that it is sent.

    Parameters
    ----------
    line : int
        Number of the line, from 1: also that of its event.
    hub : EventHub
    operations : OverlappedOperations
        By which scripts wait.
    send : callable
        Puts an edge on the line.
    overrun_noted : callable
        Called with whether a pulse was asked for while one was put out.
    """

    def __init__(
        self,
        line: int,
        hub: EventHub,
        operations: OverlappedOperations,
        send: Callable[[], None],
        overrun_noted: Callable[[bool], None],
    ) -> None:
        self._event, self._hub, self._send = line, hub, send
        hub.announce(line)
        self._operations = operations
        self._clock: Clock = operations.clock
        self._tell_overrun = overrun_noted
        self._settings: dict[str, float] = {}
        self._detector = EventDetector()
        self._latched = False
        self._active_until = -math.inf
        self.bit = True  # pulled up
        self._stimulus = Stimulus(hub, self._respond)
        self.lua = TspObject(
            getters={
                "overrun": lambda: self._detector.overrun,
                "stimulus": lambda: self._stimulus.event,
            },
            setters={"stimulus": self._stimulus.set},
            functions={
                "assert": self.assert_edge,
                "release": self.release,
                "clear": self.clear,
                "wait": self.wait,
                "reset": self.reset,
            },
            objects={"EVENT_ID": line},
        )
        add_settings(self.lua, self._settings, _SETTINGS, changed=self._changed)

    def reset(self) -> None:
        """Return to the defaults."""
        for setting in _SETTINGS:
            self._settings[setting.name] = float(setting.default)
        self._stimulus.reset()
        self.release()
        self.clear()

    @property
    def state(self) -> bool:
        """Whether the line is high."""
        mode = self._mode
        if mode == _BYPASS:
            return self.bit
        active = self._clock.now < self._active_until
        if mode == _RISINGM:
            return active
        return not (active or self._latched)

    @property
    def _mode(self) -> int:
        """The mode; ``TRIG_RISING`` goes by the bit that was written."""
        mode = int(self._settings["mode"])
        if mode != _RISING:
            return mode
        return _RISINGA if self.bit else _RISINGM

    def _changed(self, _name: str) -> None:
        self._latched, self._active_until = False, -math.inf

    def _respond(self) -> None:
        """Put out a trigger, because the event of the stimulus has happened."""
        if self._clock.now < self._active_until:
            self._tell_overrun(True)
        else:
            self.assert_edge()

    def assert_edge(self) -> None:
        """Put a trigger on the line."""
        mode = self._mode
        if mode == _BYPASS:
            return
        width = self._settings["pulsewidth"] or math.inf  # 0: until it is released
        if mode == _SYNCHRONOUSA:
            self._latched = False  # its output trigger is to let the line go
        else:
            self._active_until = self._clock.now + width
        self._send()

    def release(self) -> None:
        """Let the line go that is latched or held by a pulse without end."""
        self._latched, self._active_until = False, -math.inf

    def take(self) -> None:
        """Take an edge from outside."""
        mode = self._mode
        if mode in (_BYPASS, _RISINGM):
            return
        self._latched = mode in _LATCHING
        self._operations.stir()
        self._detector.note()
        self._hub.post(self._event)

    def clear(self) -> None:
        """Forget what was detected."""
        self._detector.clear()
        self._tell_overrun(False)

    def wait(self, timeout: object = None) -> bool:
        """Wait at most `timeout` s for an edge; tell whether there was one."""
        found = self._operations.wait_for(self._detector, _check_timeout(timeout))
        if found:
            self._clock.advance(TRIGGER_TIME)
        return found


class DigitalPort:
    """The port's lines.

    Parameters
    ----------
    hub : EventHub
    operations : OverlappedOperations
        By which scripts wait.
    senders : sequence of callable
        Put an edge on each line.
    status : TriggerStatus
        Where overruns show.
    """

    def __init__(
        self,
        hub: EventHub,
        operations: OverlappedOperations,
        senders: Sequence[Callable[[], None]],
        status: TriggerStatus,
    ) -> None:
        self._protected = 0
        self.triggers = [
            TriggerLine(line, hub, operations, send, status.overrun("digio", line))
            for line, send in enumerate(senders, start=1)
        ]

    def reset(self) -> None:
        """Return to the defaults; the lines keep their state."""
        self._protected = 0
        for trigger in self.triggers:
            trigger.reset()

    def lua_object(self) -> TspObject:
        """Return the ``digio`` of the instrument's Lua."""
        return TspObject(
            getters={"writeprotect": lambda: self._protected},
            setters={"writeprotect": self._set_protected},
            functions={
                "readbit": lambda line=None: int(self._line(line).state),
                "writebit": self._write_bit,
                "readport": self._read_port,
                "writeport": self._write_port,
            },
            objects={**MODES, "trigger": numbered(line.lua for line in self.triggers)},
        )

    def _line(self, value: object) -> TriggerLine:
        line = int(number(value))
        if not 1 <= line <= LINES:
            raise TspProblem(_BAD_LINE)
        return self.triggers[line - 1]

    def _set_protected(self, value: object) -> None:
        self._protected = int(whole(0, _ALL)(value))

    def _read_port(self) -> int:
        return sum(line.state << index for index, line in enumerate(self.triggers))

    def _write_bit(self, line: object = None, value: object = None) -> None:
        chosen = self._line(line)
        self._write(chosen, self.triggers.index(chosen), high=bool(number(value)))

    def _write_port(self, value: object = None) -> None:
        state = int(whole(0, _ALL)(value))
        for index, line in enumerate(self.triggers):
            self._write(line, index, high=bool(state >> index & 1))

    def _write(self, line: TriggerLine, index: int, *, high: bool) -> None:
        if not self._protected >> index & 1:
            line.bit = high


_SETTINGS = (
    Setting("mode", _BYPASS, whole(_BYPASS, _RISINGM)),
    Setting("pulsewidth", 10e-6, within(0.0, 1e6)),
)
