"""The digital I/O port of the Series 2600B: lines as bits and as triggers.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 4 "Digital I/O", p. 4-40 and
following; Series 2600 Reference Manual 2600S-901-01 Rev. C, p. 12-20 (trigger modes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_2600.datasheet import TRIGGER_TIME
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

LINES = 14
_ALL = (1 << LINES) - 1
_BYPASS, _RISINGM = 0, 8
_BAD_LINE = 1801
_MODES: dict[str | int, object] = {
    "TRIG_BYPASS": _BYPASS,
    "TRIG_FALLING": 1,
    "TRIG_RISING": 2,
    "TRIG_EITHER": 3,
    "TRIG_SYNCHRONOUSA": 4,
    "TRIG_SYNCHRONOUS": 5,
    "TRIG_SYNCHRONOUSM": 6,
    "TRIG_RISINGA": 7,
    "TRIG_RISINGM": _RISINGM,
}


class TriggerLine:
    """One line as a trigger.

    A line in bypass mode, as after a reset, is a plain bit: it neither asserts nor
    detects. What an edge looks like (polarity, width) does not matter to the simulated
    wiring: a receiver takes note of it when it begins.

    Parameters
    ----------
    line : int
        Number of the line, from 1.
    clock : Clock
        Bench time.
    send : callable
        Puts an edge on the line.
    pause : callable
        Lets time pass, unless the script is stopped.
    """

    def __init__(
        self,
        line: int,
        clock: Clock,
        send: Callable[[], None],
        pause: Callable[[float], None],
    ) -> None:
        self._clock, self._send, self._pause = clock, send, pause
        self._settings: dict[str, float] = {}
        self._detected = self._overrun = False
        self.lua = TspObject(
            getters={"overrun": lambda: self._overrun},
            functions={
                "assert": self.assert_edge,
                "release": lambda: None,
                "clear": self.clear,
                "wait": self.wait,
                "reset": self.reset,
            },
            objects={"EVENT_ID": line},
        )
        add_settings(self.lua, self._settings, _SETTINGS)

    def reset(self) -> None:
        """Return to the defaults."""
        for setting in _SETTINGS:
            self._settings[setting.name] = float(setting.default)
        self.clear()

    def assert_edge(self) -> None:
        """Put a trigger on the line."""
        if self._settings["mode"] != _BYPASS:
            self._send()

    def take(self) -> None:
        """Take an edge from outside."""
        if self._settings["mode"] in (_BYPASS, _RISINGM):
            return
        self._overrun = self._overrun or self._detected
        self._detected = True

    def clear(self) -> None:
        """Forget what was detected."""
        self._detected = self._overrun = False

    def wait(self, timeout: object = None) -> bool:
        """Wait at most `timeout` s for an edge; tell whether there was one."""
        limit = within(0.0, 1e6)(timeout)
        if not self._detected:
            self._pause(limit)
        found, self._detected = self._detected, False
        self._overrun = False
        if found:
            self._clock.advance(TRIGGER_TIME)
        return found


class DigitalPort:
    """The port's lines.

    Parameters
    ----------
    clock : Clock
        Bench time.
    senders : sequence of callable
        Put an edge on each line.
    pause : callable
        Lets time pass, unless the script is stopped.
    """

    def __init__(
        self,
        clock: Clock,
        senders: Sequence[Callable[[], None]],
        pause: Callable[[float], None],
    ) -> None:
        self._state = _ALL  # the lines are pulled up
        self._protected = 0
        self.triggers = [
            TriggerLine(line, clock, send, pause)
            for line, send in enumerate(senders, start=1)
        ]

    def reset(self) -> None:
        """Return to the defaults; the lines keep their state."""
        self._protected = 0
        for trigger in self.triggers:
            trigger.reset()

    def lua_object(self) -> TspObject:
        """Return the ``digio`` of the instrument's Lua."""
        lines = enumerate((trigger.lua for trigger in self.triggers), start=1)
        return TspObject(
            getters={"writeprotect": lambda: self._protected},
            setters={"writeprotect": self._set_protected},
            functions={
                "readbit": self._read_bit,
                "writebit": self._write_bit,
                "readport": lambda: self._state,
                "writeport": self._write_port,
            },
            objects={**_MODES, "trigger": TspObject(objects=dict(lines))},
        )

    def _set_protected(self, value: object) -> None:
        self._protected = int(whole(0, _ALL)(value))

    def _read_bit(self, line: object = None) -> int:
        return self._state >> (_line(line) - 1) & 1

    def _write_bit(self, line: object = None, value: object = None) -> None:
        bit = 1 << (_line(line) - 1)
        self._write(self._state | bit if number(value) else self._state & ~bit)

    def _write_port(self, value: object = None) -> None:
        self._write(int(whole(0, _ALL)(value)))

    def _write(self, state: int) -> None:
        free = _ALL & ~self._protected
        self._state = (self._state & self._protected) | (state & free)


def _line(value: object) -> int:
    line = int(number(value))
    if not 1 <= line <= LINES:
        raise TspProblem(_BAD_LINE)
    return line


_SETTINGS = (
    Setting("mode", _BYPASS, whole(_BYPASS, _RISINGM)),
    Setting("pulsewidth", 10e-6, within(0.0, 1e6)),
    Setting("stimulus", 0, within(0, 1e6)),
)
