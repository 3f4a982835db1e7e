"""IEEE 488.2 common commands of a TSP instrument, which are not Lua.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, "Common commands".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labneuro.sim_backends.tsp.status import OPERATION_COMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.sim_backends.tsp.instrument import TspInstrument

_COMMAND = re.compile(r"(\*[A-Za-z]+\??)\s*(\d+)?\s*;?\s*$")
_REGISTER_LIMIT = 255


class CommonCommands:
    """The common commands of one instrument.

    Parameters
    ----------
    instrument : TspInstrument
        Whom they command.
    """

    def __init__(self, instrument: TspInstrument) -> None:
        self._instrument = instrument
        self._queries: dict[str, Callable[[], object]] = {
            "*IDN?": lambda: instrument.identity,
            "*ESE?": lambda: instrument.status.standard.enable,
            "*ESR?": instrument.status.standard.read_event,
            "*OPC?": self._complete,
            "*SRE?": lambda: instrument.status.request_enable,
            "*STB?": instrument.status.byte,
            "*TST?": lambda: 0,
        }
        self._commands: dict[str, Callable[[], None]] = {
            "*CLS": self._clear,
            "*OPC": self._note_complete,
            "*RST": instrument.reset,
            "*TRG": instrument.command_trigger,
            "*WAI": instrument.wait_complete,
        }
        self._settings: dict[str, Callable[[int], None]] = {
            "*ESE": self._enable_standard,
            "*SRE": self._enable_request,
        }

    def execute(self, line: str) -> None:
        """Run one line that begins with an asterisk."""
        match = _COMMAND.match(line)
        name, argument = match.groups() if match else ("", None)
        name = name.upper()
        if name in self._queries and argument is None:
            self._instrument.reply(str(self._queries[name]()).encode("latin-1"))
        elif name in self._commands and argument is None:
            self._commands[name]()
        elif name in self._settings and argument is not None:
            self._set(name, int(argument))
        else:
            # The line is then taken for Lua, where it cannot begin with an asterisk.
            self._instrument.execute(line)

    def _set(self, name: str, value: int) -> None:
        if value > _REGISTER_LIMIT:
            self._instrument.errors.add(-222)
        else:
            self._settings[name](value)

    def _clear(self) -> None:
        self._instrument.status.clear()
        self._instrument.errors.clear()
        self._instrument.clear_output()

    def _complete(self) -> int:
        self._instrument.wait_complete()
        return 1

    def _note_complete(self) -> None:
        self._instrument.wait_complete()
        self._instrument.status.standard.pulse(OPERATION_COMPLETE)

    def _enable_standard(self, value: int) -> None:
        self._instrument.status.standard.enable = value
        self._instrument.status.standard.propagate()

    def _enable_request(self, value: int) -> None:
        self._instrument.status.request_enable = value & ~64
