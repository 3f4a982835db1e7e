"""The SCPI engine: what every SCPI instrument does with a message.

A SCPI instrument is a table of :class:`~labneuro.sim_backends.scpi.tree.Command` and
the methods that the table names. This module adds the message exchange protocol, the
common commands of IEEE 488.2, the status system and the error queue.

References
----------
IEEE Std 488.2-1992, sections 6 (message exchange) and 10 (common commands); SCPI-99
volume 1, chapters 4 and 5, volume 2, chapters 20 and 21.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from labneuro.sim_backends.base import Reply, SimulatedInstrument
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.common import COMMON_COMMANDS
from labneuro.sim_backends.scpi.status import ErrorQueue, Status
from labneuro.sim_backends.scpi.syntax import ScpiError, Unit, read_units
from labneuro.sim_backends.scpi.tree import Command, CommandTree, read_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.sim_backends.base import Surroundings

_LONGEST_REMEMBERED = 256
_MOST_REMEMBERED = 4096


class _Call(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[object, ...]
    is_query: bool


_Program = tuple[_Call, ...]


class ScpiInstrument(SimulatedInstrument):
    """An instrument that speaks SCPI.

    A subclass gives the identity and the table of its commands, and says what a reset
    and a trigger do.
    """

    identity: ClassVar[str]
    options: ClassVar[str] = "0"
    commands: ClassVar[tuple[Command, ...]] = ()
    error_texts: ClassVar[Mapping[int, str]] = syntax.ERROR_TEXTS
    error_queue_length: ClassVar[int] = 20
    no_error: ClassVar[str] = '0,"No error"'
    scpi_version: ClassVar[str] = "1999.0"

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        errors = ErrorQueue(self.error_texts, self.error_queue_length, self.no_error)
        self.status = Status(errors)
        self._programs: dict[bytes, tuple[_Program, ...]] = {}
        self.power_on_clear = True
        self.memories: dict[int, object] = {}

    @abstractmethod
    def reset(self) -> None:
        """Bring all settings to their defaults, as ``*RST``."""

    @abstractmethod
    def group_trigger(self) -> None:
        """Take a trigger, as ``*TRG``."""

    def write(self, message: bytes) -> None:
        """Take one whole message; its answers become one response message."""
        programs = self._programs.get(message)
        if programs is None:
            programs = self._compile(message)
        for program in programs:
            if self._replies:
                self.query_interrupted()
            self._execute(program)
        if self.status.service_enable:
            self.status.update_request(bool(self._replies))

    def _execute(self, program: _Program) -> None:
        answers: list[bytes] = []
        for function, arguments, is_query in program:
            try:
                answer = function(self, *arguments)
            except ScpiError as error:
                self.status.report(error.code)
                continue
            if is_query:
                answers.append(
                    answer.encode("latin-1")
                    if type(answer) is str
                    else self._encode(answer)
                )
        if answers:
            self._replies.append(Reply(self.clock.now, b";".join(answers)))

    def _encode(self, answer: Any) -> bytes:  # noqa: ANN401  whatever a query returns
        """Write an answer: booleans and integers as NR1, floats as the maker does."""
        if isinstance(answer, bytes):
            return answer
        if isinstance(answer, str):
            return answer.encode("latin-1")
        if isinstance(answer, float):
            return self.format_number(answer).encode()
        return str(int(answer)).encode()

    def format_number(self, value: float) -> str:
        """Write a number as this maker does; SCPI's own way is NR3."""
        return f"{value:.9E}"

    def _compile(self, message: bytes) -> tuple[_Program, ...]:
        """Read a message into calls, and remember it if it is short."""
        programs: list[_Program] = []
        calls: list[_Call] = []
        path: tuple[str, ...] = ()
        try:
            for unit in read_units(message.decode("latin-1")):
                call, path = _compile_unit(_tree(type(self)), unit, path)
                calls.append(call)
                if unit.ends_message:
                    programs.append(tuple(calls))
                    calls, path = [], ()
        except ScpiError as error:
            # What came before the error is carried out, what follows is lost.
            calls.append(_Call(_fail, (error.code,), is_query=False))
        if calls:
            programs.append(tuple(calls))
        compiled = tuple(programs)
        if len(message) <= _LONGEST_REMEMBERED:
            if len(self._programs) >= _MOST_REMEMBERED:
                self._programs.clear()
            self._programs[message] = compiled
        return compiled

    def next_reply(self) -> Reply | None:
        """Take the oldest response message, or None while there is none."""
        replies = self._replies
        reply = replies.popleft() if replies else None
        if self.status.service_enable:
            self.status.update_request(bool(replies))
        return reply

    def query_interrupted(self) -> bool:
        """Drop what was not read and report -410: a new message came first."""
        self._replies.clear()
        self.status.report(syntax.QUERY_INTERRUPTED)
        return True

    def query_unanswered(self) -> None:
        """Report -420: a client wanted to read although it had asked nothing."""
        self.status.report(syntax.QUERY_UNTERMINATED)

    def report_failure(self, code: int | None) -> None:
        """Enter an error of the hardware into the queue."""
        self.status.report(syntax.HARDWARE_ERROR if code is None else code)

    def status_byte(self) -> int:
        """Return the status byte of a serial poll; the request for service ends."""
        return self.status.poll(bool(self._replies))

    def clear(self) -> None:
        """Take a device clear: input and output are emptied, settings stay."""
        self._replies.clear()

    def snapshot(self) -> object:
        """Return a copy of all settings, for ``*SAV``."""
        raise ScpiError(syntax.UNDEFINED_HEADER)

    def restore(self, snapshot: object) -> None:
        """Take settings from :meth:`snapshot`, for ``*RCL``."""
        raise ScpiError(syntax.UNDEFINED_HEADER)


def _fail(_: ScpiInstrument, code: int) -> None:
    raise ScpiError(code)


@lru_cache(maxsize=64)
def _tree(kind: type[ScpiInstrument]) -> CommandTree:
    return CommandTree((*COMMON_COMMANDS, *kind.commands))


def _compile_unit(
    tree: CommandTree, unit: Unit, path: tuple[str, ...]
) -> tuple[_Call, tuple[str, ...]]:
    """Resolve a unit; returns its call and the header path for the next unit.

    A header starts where the one before it ended (less its last node) unless it begins
    with a colon; common commands leave the path alone (IEEE 488.2 annex A).
    """
    header = unit.header
    if header.startswith("*"):
        nodes: tuple[str, ...] = (header,)
    elif header.startswith(":"):
        nodes = tuple(header[1:].split(":"))
        path = nodes[:-1]
    else:
        nodes = (*path, *header.split(":"))
        path = nodes[:-1]
    command, numbers = tree.find(nodes)
    function = command.query if unit.is_query else command.write
    if function is None:
        raise ScpiError(syntax.UNDEFINED_HEADER)
    wanted = command.query_arguments if unit.is_query else command.arguments
    arguments = (*numbers, *read_arguments(wanted, unit.elements))
    return _Call(function, arguments, unit.is_query), path
