"""Commands of the program memory, of pauses and of trigger ports.

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, ``PA`` and ``OSX`` p. 4-147,
``TGP`` table 4-31 p. 4-197.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.agilent_b1500a import errors
from labneuro.sim_backends.agilent_b1500a.errors import FlexError
from labneuro.sim_backends.agilent_b1500a.flex import Command, show
from labneuro.sim_backends.agilent_b1500a.program import MOST_PROGRAMS

if TYPE_CHECKING:
    from labneuro.sim_backends.agilent_b1500a.flex import Arguments
    from labneuro.sim_backends.agilent_b1500a.instrument import AgilentB1500A

_LONGEST_PAUSE = 99.9999  # s
_PAUSE_STEP = 1e-4  # s
_EXT_IN, _EXT_OUT, _PORTS = -1, -2, 16
_INPUT, _OUTPUT = 1, 2
_EDGE, _HIGH, _NEGATIVE = 2, 1, 2
_MOST_CALLED = 8
_LARGEST_VARIABLE = 99
_LARGEST_NUMBER = 1e99


class ProgramCommands:
    """Program memory, pauses and triggers.

    Parameters
    ----------
    frame : AgilentB1500A
        The instrument.
    """

    def __init__(self, frame: AgilentB1500A) -> None:
        self._frame = frame

    def _store(self, numbers: Arguments) -> None:
        self._frame.program.open(numbers.whole(0, 1, MOST_PROGRAMS))

    def _end(self, _: Arguments) -> None:
        if not self._frame.program.storing:
            raise FlexError(errors.TERMINATOR)
        self._frame.program.close()

    def _do(self, numbers: Arguments) -> None:
        memory = self._frame.program
        called = [numbers.whole(i, 1, MOST_PROGRAMS) for i in range(len(numbers))]
        programs = [memory.program(number) for number in called]
        self._frame.replay([unit for program in programs for unit in program])

    def _run(self, numbers: Arguments) -> None:
        start = numbers.whole(0, 1, MOST_PROGRAMS)
        stop = numbers.whole(1, start, MOST_PROGRAMS)
        stored = self._frame.program.programs
        chosen = [n for n in sorted(stored) if start <= n <= stop]
        self._frame.replay([unit for number in chosen for unit in stored[number]])

    def _scratch(self, numbers: Arguments) -> None:
        memory = self._frame.program
        if len(numbers):
            number = numbers.whole(0, 1, MOST_PROGRAMS)
            memory.program(number)
            del memory.programs[number]
        else:
            memory.programs.clear()

    def _list(self, numbers: Arguments) -> str:
        stored = self._frame.program.programs
        if not len(numbers):
            return ",".join(str(n) for n in (len(stored), *sorted(stored)))
        number = numbers.whole(0, 1, MOST_PROGRAMS)
        units = self._frame.program.program(number)
        return ";".join([f"ST{number}", *(unit.text() for unit in units), "END"])

    def _variable(self, numbers: Arguments) -> None:
        kind = numbers.one_of(0, (0, 1))
        number = numbers.whole(1, 1, _LARGEST_VARIABLE)
        value = numbers.real(2, -_LARGEST_NUMBER, _LARGEST_NUMBER)
        if kind == 0 and value % 1:
            raise FlexError(errors.PARAMETER)
        self._frame.program.variables[kind, number] = value

    def _ask_variable(self, numbers: Arguments) -> str:
        kind = numbers.one_of(0, (0, 1))
        number = numbers.whole(1, 1, _LARGEST_VARIABLE)
        value = self._frame.program.variables.get((kind, number), 0.0)
        return show(value) if kind else str(int(value))

    # -- pauses ------------------------------------------------------------------------

    def _pause(self, numbers: Arguments) -> None:
        self._wait(numbers.real(0, -_LONGEST_PAUSE, _LONGEST_PAUSE, -1.0))

    def _pause_for_port(self, numbers: Arguments) -> None:
        self._input_port(numbers)
        self._wait(numbers.real(1, -_LONGEST_PAUSE, _LONGEST_PAUSE, -1.0))

    def _wait_for_port(self, numbers: Arguments) -> None:
        self._input_port(numbers)
        numbers.one_of(1, (1, 2), 1)
        self._frame.pause()

    def _wait_for_trigger(self, numbers: Arguments) -> None:
        numbers.one_of(0, (1, 2), 1)
        self._frame.pause()

    def _wait(self, duration: float) -> None:
        if duration < 0.0:
            self._frame.pause()
        else:
            self._frame.clock.advance(round(duration / _PAUSE_STEP) * _PAUSE_STEP)

    def _input_port(self, numbers: Arguments) -> int:
        return self._port(numbers, _INPUT)

    def _port(self, numbers: Arguments, wanted: int) -> int:
        """Return a port that is set up as `wanted`; error 620 if it is not."""
        port = numbers.whole(0, _EXT_OUT, _PORTS)
        if self._frame.setup.ports.get(port, (0, 0, 0))[0] != wanted:
            raise FlexError(errors.TRIGGER_PORT)
        return port

    # -- triggers ----------------------------------------------------------------------

    def _trigger_port(self, numbers: Arguments) -> None:
        port = numbers.values[0]
        allowed = {_EXT_IN: (_INPUT,), _EXT_OUT: (_OUTPUT,)}
        known = (*range(1, _PORTS + 1), _EXT_IN, _EXT_OUT)
        if port not in known:
            raise FlexError(errors.TRIGGER_PORT)
        terminal = numbers.one_of(1, allowed.get(int(port), (_INPUT, _OUTPUT)))
        polarity, kind = numbers.one_of(2, (1, 2)), numbers.whole(3, 0, 3, 0)
        self._frame.setup.ports[int(port)] = (terminal, polarity, kind)

    def _clear_ports(self, numbers: Arguments) -> None:
        ports = self._frame.setup.ports
        indices = range(len(numbers))
        chosen = [numbers.whole(i, _EXT_OUT, _PORTS) for i in indices] or list(ports)
        for port in chosen:
            ports.pop(port, None)

    def _send(self, numbers: Arguments) -> None:
        port = self._port(numbers, _OUTPUT)
        level = numbers.one_of(1, (0, 1, _EDGE), _EDGE)
        polarity = self._frame.setup.ports[port][1]
        # A level counts as an edge where it is the active one of the port's logic.
        active = (level == _HIGH) != (polarity == _NEGATIVE)
        if level == _EDGE or active:
            self._frame.send_port(port)

    def _send_external(self, _: Arguments) -> None:
        self._frame.send_port(_EXT_OUT)

    def _trigger_mode(self, numbers: Arguments) -> None:
        self._frame.setup.trigger_mode = numbers.whole(0, 1, 4)

    def _gate_input(self, numbers: Arguments) -> None:
        self._frame.setup.step_trigger_case = numbers.one_of(0, (1, 2))

    def _gate_output(self, name: str, numbers: Arguments) -> None:
        self._frame.setup.gate_outputs[name] = numbers.one_of(0, (1, 2))

    def table(self) -> dict[str, Command]:
        """Return the commands by header."""
        return {
            "ST": Command(self._store, 1, 1),
            "END": Command(self._end),
            "DO": Command(self._do, 1, _MOST_CALLED),
            "RU": Command(self._run, 2, 2),
            "SCR": Command(self._scratch, 0, 1),
            "LST?": Command(self._list, 0, 3),
            "VAR": Command(self._variable, 3, 3),
            "VAR?": Command(self._ask_variable, 2, 2),
            "PA": Command(self._pause, 0, 1),
            "PAX": Command(self._pause_for_port, 1, 2),
            "WS": Command(self._wait_for_trigger, 0, 1),
            "WSX": Command(self._wait_for_port, 1, 2),
            "TM": Command(self._trigger_mode, 1, 1),
            "TGP": Command(self._trigger_port, 3, 4),
            "TGPC": Command(self._clear_ports, 0, _PORTS + 2),
            "TGSI": Command(self._gate_input, 1, 1),
            "TGSO": Command(lambda one: self._gate_output("TGSO", one), 1, 1),
            "TGXO": Command(lambda one: self._gate_output("TGXO", one), 1, 1),
            "TGMO": Command(lambda one: self._gate_output("TGMO", one), 1, 1),
            "OS": Command(self._send_external),
            "OSX": Command(self._send, 1, 2),
        }


def commands(frame: AgilentB1500A) -> dict[str, Command]:
    """Return the commands of program memory, pauses and triggers."""
    return ProgramCommands(frame).table()
