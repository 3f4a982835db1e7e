"""The digital I/O port of the Series 3700A: lines as bits and as triggers.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``digio.*``. Modes and
error number are those of the Series 2600, which has the same port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

LINES = 14
_ALL = (1 << LINES) - 1
_BYPASS, _LAST_MODE = 0, 8
_BAD_LINE = 1801
_MODES = (
    "BYPASS",
    "FALLING",
    "RISING",
    "EITHER",
    "SYNCHRONOUSA",
    "SYNCHRONOUS",
    "SYNCHRONOUSM",
    "RISINGA",
    "RISINGM",
)
_SETTINGS = (
    Setting("mode", _BYPASS, whole(_BYPASS, _LAST_MODE)),
    Setting("pulsewidth", 10e-6, within(0.0, 1e6)),
    Setting("stimulus", 0, whole(0, 1000)),
)


class TriggerLine:
    """One line as a trigger; in bypass mode it is a plain bit.

    Parameters
    ----------
    line : int
        Its number, from 1.
    send : callable
        Puts an edge on it.
    pause : callable
        Lets time pass, unless the script is stopped.
    """

    def __init__(
        self, line: int, send: Callable[[], None], pause: Callable[[object], None]
    ) -> None:
        self._send, self._pause = send, pause
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
        """Put an edge on the line."""
        if self._settings["mode"] != _BYPASS:
            self._send()

    def take(self) -> None:
        """Take an edge from outside."""
        if self._settings["mode"] != _BYPASS:
            self._overrun = self._overrun or self._detected
            self._detected = True

    def clear(self) -> None:
        """Forget what was detected."""
        self._detected = self._overrun = False

    def wait(self, timeout: object = None) -> bool:
        """Wait at most `timeout` s for an edge; tell whether there was one."""
        if not self._detected:
            self._pause(timeout)
        found = self._detected
        self.clear()
        return found


class DigitalPort:
    """The port's lines.

    Parameters
    ----------
    senders : sequence of callable
        Put an edge on each line.
    pause : callable
        Lets time pass, unless the script is stopped.
    """

    def __init__(
        self, senders: Sequence[Callable[[], None]], pause: Callable[[object], None]
    ) -> None:
        self._bits, self._protected = _ALL, 0
        self.triggers = [
            TriggerLine(line, send, pause) for line, send in enumerate(senders, 1)
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
                "readbit": lambda line=None: self._bits >> _index(line) & 1,
                "writebit": self._write_bit,
                "readport": lambda: self._bits,
                "writeport": lambda value=None: self._write(int(whole(0, _ALL)(value))),
            },
            objects={
                "trigger": TspObject(objects=dict(lines)),
                **{f"TRIG_{name}": mode for mode, name in enumerate(_MODES)},
            },
        )

    def _set_protected(self, value: object) -> None:
        self._protected = int(whole(0, _ALL)(value))

    def _write_bit(self, line: object = None, value: object = None) -> None:
        bit = 1 << _index(line)
        self._write(self._bits | bit if number(value) else self._bits & ~bit)

    def _write(self, bits: int) -> None:
        kept = self._bits & self._protected
        self._bits = bits & ~self._protected | kept


def _index(line: object) -> int:
    chosen = int(number(line))
    if not 1 <= chosen <= LINES:
        raise TspProblem(_BAD_LINE)
    return chosen - 1
