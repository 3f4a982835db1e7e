"""Instruments that are programmed in TSP, the Lua of Keithley instruments.

A message is one or several lines. A line is a piece of Lua, an IEEE 488.2 common
command (``*IDN?``), ``abort``, or one of the lines ``loadscript``, ``loadandrunscript``
and ``endscript`` between which a script is stored. Each ``print`` is one response
message.

While a script runs, further messages wait for its end, as in the instrument's input
buffer; ``abort`` and a device clear end it. :meth:`TspInstrument.write` returns when
the message has been dealt with or after a moment of wall time, whichever is first, so
only scripts that take long on the wall run on beside other instruments: whoever
operates those must call :meth:`TspInstrument.wait_idle` first.

References
----------
Series 2600B Reference Manual 2600BS-901-01, "Remote communications", "TSP operation",
"Common commands".
"""

from __future__ import annotations

import re
import threading
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from labneuro.sim_backends.base import Reply, SimulatedInstrument, Surroundings
from labneuro.sim_backends.clock import RealClock
from labneuro.sim_backends.tsp import errors as tsp_errors
from labneuro.sim_backends.tsp.common import CommonCommands
from labneuro.sim_backends.tsp.errors import ErrorQueue
from labneuro.sim_backends.tsp.format import NumberFormat, Printable
from labneuro.sim_backends.tsp.runtime import (
    OutOfMemoryError,
    ScriptError,
    TspObject,
    TspRuntime,
    is_lua_table,
    split_position,
)
from labneuro.sim_backends.tsp.status import EAV, MAV, RegisterLayout, StatusModel
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    number,
    whole,
    within,
)
from labneuro.sim_backends.tsp.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

# Wall time that the sender of a message waits for its end.
_GRACE = 0.25
# A device clear waits this long for a script to end; Lua's own C functions cannot be
# interrupted.
_CLEAR_PATIENCE = 10.0
_NAP = 0.02  # s of wall time between looks at the stop flag in a real delay
_LONGEST_DELAY = 100e3  # s; 2600BS-901-01, delay()
# The output queue blocks print when it is full; its size is chosen.
_OUTPUT_LIMIT = 64 * 1024 * 1024
_SCRIPT_LINE = re.compile(r"\s*(loadscript|loadandrunscript)(?:\s+(\w+))?\s*$")
_NAN = 9.91e37
_PROMPTING = {"prompts": 0.0, "prompts4882": 1.0, "showerrors": 0.0}  # at power-on
_LONGEST_PRINT = 10_000_000  # items; keeps a slip of the pen from filling the memory


_check_delay = within(0.0, _LONGEST_DELAY)


class TspTiming(NamedTuple):
    """Bench time that the instrument's own work takes, in s.

    Attributes
    ----------
    message : float
        Taking in a message and parsing it.
    output : float
        Each ``print``.
    """

    message: float
    output: float


class _Loading(NamedTuple):
    """A script whose lines are being received."""

    runs: bool
    name: str
    lines: list[str]


class TspInstrument(SimulatedInstrument):
    """An instrument with a TSP script processor.

    A subclass says what objects its Lua has (:meth:`tsp_globals`) and how it resets.

    Parameters
    ----------
    name : str
        Name on the bench.
    surroundings : Surroundings
        What it shares with the bench.

    Attributes
    ----------
    errors : ErrorQueue
    status : StatusModel
    number_format : NumberFormat
    runtime : TspRuntime
    prompting : dict of str to float
        Whether there are ``prompts``, whether also after common commands
        (``prompts4882``), and whether errors are sent (``showerrors``).
    """

    identity: ClassVar[str]
    status_layout: ClassVar[Mapping[str, RegisterLayout]]
    timing: ClassVar[TspTiming]
    factory_scripts: ClassVar[tuple[str, ...]]
    # An endless loop without a device clear ends after some ten seconds.
    instruction_limit: ClassVar[int] = 1_000_000_000

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        self._real = isinstance(self.clock, RealClock)
        self._loading: _Loading | None = None
        self._output_size = 0
        self._output_lock = threading.Lock()
        self.prompting: dict[str, float] = dict(_PROMPTING)
        self.status = StatusModel(self.status_layout, self._queue_bits)
        self.errors = ErrorQueue(self.status.standard.pulse)
        self.runtime = TspRuntime(
            {
                "say": self._say,
                "delay": self.delay,
                "printnumber": self._print_number,
                "printbuffer": self._print_buffer,
                "syntax_error": self._syntax_error,
                "time": lambda: float(int(time.time())),
                "refuse": self._refuse,
            },
            self.errors.add,
            self.instruction_limit,
            self.clock,
        )
        self.number_format = NumberFormat(self.runtime.set_number_format)
        self._common = CommonCommands(self)
        self._worker = Worker(self._handle, self._stop, self.clock.turn)
        standard = {
            "errorqueue": self.errors.lua_object(),
            "status": self.status.lua_object(),
            "format": self.number_format.lua_object(),
        }
        for key, value in (standard | self.tsp_globals()).items():
            self.runtime.set_global(key, value)
        self.runtime.set_functions(
            {
                "reset": self.reset,
                "waitcomplete": self.wait_complete,
                "opc": self._operation_complete,
            }
        )
        for script in self.factory_scripts:
            self.runtime.run_factory_script(script, self.factory_functions())

    # -- what a model adds -------------------------------------------------------------

    @abstractmethod
    def tsp_globals(self) -> dict[str, object]:
        """Return the instrument's own Lua globals: objects and numbers by name."""

    @abstractmethod
    def factory_functions(self) -> dict[str, Callable[..., object]]:
        """Return what the factory scripts may call, by name."""

    @abstractmethod
    def reset(self) -> None:
        """Return to the default settings (``reset()``, ``*RST``)."""

    @abstractmethod
    def command_trigger(self) -> None:
        """Take a trigger from the command interface (``*TRG``, GET)."""

    def wait_complete(self) -> None:
        """Wait for overlapped commands; everything here completes in order."""

    # -- the bench's side --------------------------------------------------------------

    def write(self, message: bytes) -> None:
        """Take one whole message, run it, and wait a moment for its end."""
        text = message.decode("latin-1")
        if text.strip() == "abort":
            self._abort()
            return
        self._worker.submit(text, _GRACE)

    def write_within(
        self, message: bytes, around: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Take one whole message within a context that lasts until it has been run."""
        text = message.decode("latin-1")
        if text.strip() == "abort":
            self._abort()
            return

        def handle(text: str) -> None:
            with around():
                self._handle(text)

        self._worker.submit(text, _GRACE, handle)

    @property
    def busy(self) -> bool:
        """Whether a script still runs although :meth:`write` has returned."""
        return self._worker.busy

    def wait_idle(self, timeout: float) -> bool:
        """Wait at most `timeout` s of wall time until no script runs."""
        return self._worker.wait_idle(timeout)

    def report_failure(self, code: int | None) -> None:
        """Enter an error of the hardware into the queue."""
        self.errors.add(tsp_errors.INTERNAL if code is None else code)

    def status_byte(self) -> int:
        """Return the status byte as a serial poll reads it."""
        return self.status.poll()

    def query_unanswered(self) -> None:
        """Note that a client read while nothing was there to be read."""
        self.errors.add(tsp_errors.QUERY_UNTERMINATED)

    def clear(self) -> None:
        """Take a device clear: abort what runs, empty input and output."""
        self._abort()
        self._loading = None
        self.clear_output()

    def group_trigger(self) -> None:
        """Take a group execute trigger."""
        self.command_trigger()

    def reply(self, content: bytes) -> None:
        """Queue a response message; a full output queue blocks the script."""
        while self._output_size > _OUTPUT_LIMIT and not self.runtime.stopping:
            self.clock.turn.sleep(_NAP)
        with self._output_lock:
            self._output_size += len(content)
        super().reply(content)

    def next_reply(self) -> Reply | None:
        """Take the oldest response message, or None while there is none."""
        oldest = super().next_reply()
        if oldest is not None:
            with self._output_lock:
                self._output_size -= len(oldest.content)
        return oldest

    def clear_output(self) -> None:
        """Forget all response messages that were not read."""
        while self.next_reply() is not None:
            pass

    def add_prompt_settings(self, node: TspObject) -> None:
        """Give the local node the attributes that say what answers a message."""
        settings = [
            Setting(name, value, whole(0, 1)) for name, value in _PROMPTING.items()
        ]
        add_settings(node, self.prompting, settings)

    def _abort(self) -> None:
        self._worker.discard()
        if self.busy:
            self._stop()
            self._worker.wait_idle(_CLEAR_PATIENCE)

    def _stop(self) -> None:
        self.runtime.stop("User Abort")

    def _queue_bits(self) -> int:
        return (EAV if len(self.errors) else 0) | (MAV if self.message_available else 0)

    # -- messages ----------------------------------------------------------------------

    def _handle(self, message: str) -> None:
        """Run one message, in the worker's thread."""
        with self.clock.turn:
            self.clock.advance(self.timing.message)
        self.runtime.begin()
        for line in message.splitlines() or [message]:
            if self.runtime.stopping:
                break
            self._handle_line(line)
            with self.clock.turn:
                self._answer(line)
            self.clock.keep_pace()

    def _answer(self, line: str) -> None:
        """Send errors and a prompt after a command message, if they are wanted.

        References
        ----------
        2600BS-901-01 Rev. B p. 7-142: TSP? while anything is in the error queue.
        """
        settings = self.prompting
        while settings["showerrors"] and len(self.errors):
            code, text, severity, node = self.errors.next()
            number = self.number_format.number
            words = (number(code), text, number(severity), number(node))
            self.reply("\t".join(words).encode("latin-1"))
        common = line.lstrip().startswith("*")
        if settings["prompts"] and (settings["prompts4882"] or not common):
            waits = b"TSP?" if len(self.errors) else b"TSP>"
            self.reply(b">>>>" if self._loading is not None else waits)

    def _handle_line(self, line: str) -> None:
        stripped = line.strip()
        if stripped == "abort":
            self._loading = None
        elif self._loading is not None:
            self._load_line(line, stripped)
        elif match := _SCRIPT_LINE.match(line):
            kind, name = match.groups()
            self._loading = _Loading(kind == "loadandrunscript", name or "", [])
        elif stripped.startswith("*"):
            with self.clock.turn:
                self._common.execute(stripped)
        elif stripped:
            self.execute(line)

    def _load_line(self, line: str, stripped: str) -> None:
        loading = self._loading
        if loading is None or stripped != "endscript":
            if loading is not None:
                loading.lines.append(line)
            return
        self._loading = None
        self.runtime.store(loading.name, "\n".join(loading.lines))
        if loading.runs:
            self.execute(f"{loading.name or 'script.anonymous'}.run()")

    def execute(self, source: str) -> None:
        """Run a piece of Lua; mistakes go to the error queue."""
        try:
            self.runtime.execute(source)
        except SyntaxError as error:
            self._report(tsp_errors.SYNTAX, error.lineno, error.msg)
        except OutOfMemoryError:
            self._report(tsp_errors.NO_MEMORY)
        except ScriptError as error:
            self._report(tsp_errors.RUN_TIME, error.line, error.problem)

    def _report(self, code: int, *details: object) -> None:
        with self.clock.turn:
            self.errors.add(code, *details)

    def _refuse(self, code: object = None) -> None:
        """Enter an error that a function of the firmware's Lua has found."""
        self.errors.add(int(number(code)))

    def _syntax_error(self, problem: str) -> None:
        self.errors.add(tsp_errors.SYNTAX, *split_position(problem))

    def _operation_complete(self) -> None:
        self.wait_complete()
        self.status.standard.pulse(1)

    # -- functions of the instrument's Lua ---------------------------------------------

    def delay(self, seconds: object) -> None:
        """Let time pass; a real clock's delay ends early when the script is stopped."""
        duration = _check_delay(seconds)
        if not self._real:
            self.clock.advance(duration)
            return
        end = self.clock.now + duration
        while (left := end - self.clock.now) > 0.0 and not self.runtime.stopping:
            self.clock.advance(min(left, _NAP))
            self.clock.rest()

    def _say(self, text: str) -> None:
        self.clock.advance(self.timing.output)
        self.reply(text.encode("latin-1"))

    def _print_number(self, *values: object) -> None:
        self.clock.advance(self.timing.output)
        columns = [np.array([number(value)]) for value in values]
        self.reply(self.number_format.block(columns))

    def _print_buffer(
        self, first: object = None, last: object = None, *sources: object
    ) -> None:
        self.clock.advance(self.timing.output)
        begin, end = int(number(first)), int(number(last))
        if not sources:
            raise TspProblem(1400, 3)
        columns = [self._column(source, begin, end) for source in sources]
        self.reply(self.number_format.block(columns))

    def _column(
        self,
        source: Any,  # noqa: ANN401  whatever the script gives
        begin: int,
        end: int,
    ) -> NDArray[np.float64] | list[str]:
        """Return items `begin` to `end` of a buffer or table; 9.91e37 where is none."""
        if not -_LONGEST_PRINT < end - begin < _LONGEST_PRINT:
            raise TspProblem(4900, end)
        if isinstance(source, Printable):
            values = source.items_between(begin, end)
        elif is_lua_table(source):
            kept = range(max(begin, 1), min(end, len(source)) + 1)
            values = np.array([number(source[index]) for index in kept], dtype=float)
        else:
            raise TspProblem(1401, 3)
        before = max(0, min(1, end + 1) - begin)
        behind = max(0, end - begin + 1) - before - len(values)
        if not before and not behind:
            return values
        self.errors.add(4900, begin if before else end)
        if isinstance(values, list):
            return ["nil"] * before + values + ["nil"] * behind
        return np.pad(values, (before, behind), constant_values=_NAN)
