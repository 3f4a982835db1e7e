"""A sandboxed Lua for instruments that run scripts.

Lua 5.1 through lupa, closed by the prelude: no file, no operating system, no Python
object, a bound on memory and on instructions, and a flag that stops a script whatever
it does. Not interruptible is only what Lua's own C functions do in one call; the
prelude refuses patterns that could take for ever.

References
----------
Series 2600B Reference Manual 2600BS-901-01, "Introduction to TSP operation" and
"Fundamentals of programming for TSP".
"""

from __future__ import annotations

import inspect
import random
import re
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NoReturn

import lupa.lua51 as lupa

from labneuro.sim_backends.tsp.values import NotANumberError, TspProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labneuro.sim_backends.clock import Clock

# The prelude aborts a script that holds more than 64 MiB; a single request beyond this
# fails at once. The room between lets lupa itself go on.
MEMORY_END = 256 * 1024 * 1024
HOOK_EVERY = (
    10_000  # instructions between two looks at the stop flag, as in the prelude
)
_UNBOUNDED = 1 << 40  # bytes, when no user code runs: lupa's own calls are unprotected
_NO_MEMORY = "not enough memory"
_POSITION = re.compile(r'^(?:\[string "[^"]*"\]|tsp|\(tsp\)):(\d+): ')


class TspFault(Exception):  # noqa: N818  a Lua run-time error, not one of labneuro's
    """A firmware function found a mistake that aborts the script."""


class ScriptError(Exception):
    """A script could not be compiled or was aborted by a run-time error.

    Attributes
    ----------
    line : int
        Line of the script.
    problem : str
        What Lua says.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"at line {line}: {problem}")
        self.line = line
        self.problem = problem


class OutOfMemoryError(ScriptError):
    """A script wanted more memory than there is."""


@dataclass
class TspObject:
    """An instrument object as Lua sees it.

    Attributes
    ----------
    luatype : str
        Type name that the instrument gives it.
    getters, setters : dict
        Attributes by name; an attribute without setter is read-only.
    functions : dict
        Callables; an instrument object among the first two arguments arrives as its
        `handle`.
    objects : dict
        Constants and further objects by name or number.
    item : callable, optional
        What a number as index returns.
    handle : object, optional
        The Python object that stands for it in arguments.
    """

    luatype: str = "synchronous_table"
    getters: dict[str, Callable[[], object]] = field(default_factory=dict)
    setters: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    functions: dict[str, Callable[..., object]] = field(default_factory=dict)
    objects: dict[str | int, object] = field(default_factory=dict)
    item: Callable[[int], object] | None = None
    handle: object = None


@cache
def _package_text(name: str) -> str:
    folder = resources.files("labneuro.sim_backends")
    return folder.joinpath(name).read_text(encoding="utf-8")


def _no_attributes(_owner: object, _name: object, _setting: bool) -> NoReturn:
    raise AttributeError("no access")


class TspRuntime:
    """One instrument's Lua.

    Parameters
    ----------
    host : mapping of str to callable
        What the prelude needs of the instrument: ``say``, ``delay``, ``printnumber``,
        ``printbuffer``, ``syntax_error``, ``time``.
    refuse : callable
        Called with code and details when a function or an attribute refuses a value
        although the script goes on.
    instruction_limit : int
        A script that runs longer is aborted.
    clock : Clock
        Of the bench: each call is one turn, after which the wall may catch up.
    """

    def __init__(
        self,
        host: Mapping[str, Callable[..., object]],
        refuse: Callable[..., None],
        instruction_limit: int,
        clock: Clock,
    ) -> None:
        self.instruction_limit = instruction_limit
        self._clock = clock
        self._refuse = refuse
        self._instructions = 0
        self._reason: str | None = None
        self._line = 1
        self._random = random.Random(0)  # noqa: S311  Lua's math.random, repeatable
        self._lua = lupa.LuaRuntime(
            register_eval=False,
            register_builtins=False,
            attribute_filter=_no_attributes,
            max_memory=_UNBOUNDED,
            encoding="latin-1",
            unpack_returned_tuples=True,
        )
        self._globals = self._lua.globals()
        self._entry = self._lua.execute(
            _package_text("tsp/prelude.lua"),
            self._lua.table_from(
                {
                    **{name: self._guarded(call) for name, call in host.items()},
                    "stopped": self._stopped,
                    "random": self._random_number,
                    "randomseed": self._random.seed,
                }
            ),
        )
        self._compile = self._entry["compile"]
        self._run = self._entry["run"]
        self._finish = self._entry["finish"]
        self._sethook = self._entry["sethook"]

    # -- instrument objects ------------------------------------------------------------

    def build(self, what: TspObject) -> Any:  # noqa: ANN401  a Lua table
        """Return the Lua table of an instrument object."""
        table = self._lua.table_from
        objects = {
            name: self.build(value) if isinstance(value, TspObject) else value
            for name, value in what.objects.items()
        }
        return self._entry["build"](
            what.luatype,
            table({k: self._in_turn(call) for k, call in what.getters.items()}),
            table({k: self._guarded_setter(call) for k, call in what.setters.items()}),
            table({k: self._guarded(call) for k, call in what.functions.items()}),
            table(objects),
            self._guarded(what.item) if what.item else None,
            what.handle,
        )

    def _guarded(self, call: Callable[..., object]) -> Callable[..., object]:
        """Turn what `call` refuses into the instrument's errors, as Lua calls it.

        Lua drops arguments that a function does not take, and so does this.
        """
        refuse, fault, most = self._refuse, self.fault, _most_arguments(call)
        clock, turn = self._clock, self._clock.turn

        def guarded(*arguments: object) -> object:
            # A loop of few instructions and long calls meets the hook too rarely.
            if self._reason is not None:
                fault(self._reason)
            try:
                if len(arguments) > most:
                    arguments = arguments[:most]
                with turn:
                    result = call(*arguments)
                clock.keep_pace()
            except TspProblem as problem:
                with turn:
                    refuse(problem.code, *problem.details)
            except NotANumberError as mistake:
                fault(str(mistake))
            else:
                return result
            return None

        return guarded

    def _in_turn(self, call: Callable[[], object]) -> Callable[[], object]:
        """Let a getter look at the bench as one turn."""
        turn = self._clock.turn

        def look() -> object:
            with turn:
                return call()

        return look

    def _guarded_setter(self, call: Callable[[Any], None]) -> Callable[[Any], None]:
        """Do the same for a setter, which has one argument: the short way."""
        refuse, fault = self._refuse, self.fault
        clock, turn = self._clock, self._clock.turn

        def guarded(value: object) -> None:
            try:
                with turn:
                    call(value)
                clock.keep_pace()
            except TspProblem as problem:
                with turn:
                    refuse(problem.code, *problem.details)
            except NotANumberError as mistake:
                fault(str(mistake))

        return guarded

    def set_global(self, name: str, value: object) -> None:
        """Make a global of an object, a number or a Lua value."""
        if isinstance(value, TspObject):
            value = self.build(value)
        self._globals[name] = value

    def set_functions(self, functions: dict[str, Callable[..., object]]) -> None:
        """Make Python callables global functions."""
        holder = self.build(TspObject(functions=functions))
        for name in functions:
            self._globals[name] = holder[name]

    def run_factory_script(
        self, file: str, functions: Mapping[str, Callable[..., object]]
    ) -> None:
        """Run a Lua file of this package that defines factory functions.

        It gets a table with `functions`, ``handle`` and ``object``.
        """
        guarded = {name: self._guarded(call) for name, call in functions.items()}
        self._entry["run_factory"](
            _package_text(file), file, self._lua.table_from(guarded)
        )

    def set_number_format(self, text: str) -> None:
        """Set the C format with which ``print`` writes numbers."""
        self._entry["set_number_format"](text)

    # -- scripts -----------------------------------------------------------------------

    def execute(self, source: str) -> None:
        """Compile and run a piece of Lua.

        Raises
        ------
        SyntaxError
            If it does not compile; nothing has run. Carries line and message.
        ScriptError
            If a run-time error aborted it.
        """
        compiled = self._compile(source)
        if isinstance(compiled, tuple):
            line, text = split_position(str(compiled[1]))
            raise SyntaxError(text, ("tsp", line, 0, ""))  # noqa: TRY004  Lua's, not a type
        self._instructions, self._line = 0, 1
        self._lua.set_max_memory(MEMORY_END, total=True)
        problem: ScriptError | None = None
        try:
            self._run(compiled)
        except TspFault as fault:
            problem = ScriptError(self._line, str(fault))
        except lupa.LuaMemoryError:
            problem = OutOfMemoryError(1, _NO_MEMORY)
        except lupa.LuaError as error:
            message, _, _ = str(error).partition("\nstack traceback:")
            problem = ScriptError(*split_position(message))
        finally:
            self._lua.set_max_memory(_UNBOUNDED, total=True)
            self._sethook()  # a C function: runs although every Lua instruction stops
            doom = self._finish()
        if doom != "exit":
            self._raise(doom, problem)

    @staticmethod
    def _raise(doom: object, problem: ScriptError | None) -> None:
        """Raise what ended a script, in the words of what stopped it, if any."""
        if problem is None:
            return
        if isinstance(doom, str):
            kind = OutOfMemoryError if doom == _NO_MEMORY else ScriptError
            raise kind(problem.line, doom)
        raise problem

    def store(self, name: str, source: str) -> None:
        """Make a named script, or the anonymous one for an empty name."""
        self._entry["store"](name, source)

    def fault(self, problem: str) -> NoReturn:
        """Abort the script that runs with a run-time error at its present line."""
        self._line = int(self._entry["line"]())
        raise TspFault(problem)

    def begin(self) -> None:
        """Forget an earlier :meth:`stop`: a new message begins."""
        self._reason = None

    def stop(self, reason: str) -> None:
        """Abort the script that runs; safe to call from another thread."""
        self._reason = reason

    @property
    def stopping(self) -> bool:
        """Whether the script that runs is to stop."""
        return self._reason is not None

    def _stopped(self) -> str | None:
        self._instructions += HOOK_EVERY
        if self._instructions > self.instruction_limit:
            return "instruction limit reached"
        return self._reason

    def _random_number(
        self, low: float | None = None, high: float | None = None
    ) -> float:
        if low is None:
            return self._random.random()
        first, last = (1, int(low)) if high is None else (int(low), int(high))
        return self._random.randint(first, max(first, last))


def _most_arguments(call: Callable[..., object]) -> int:
    function = getattr(call, "__func__", call)
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARARGS:
        return sys.maxsize
    return int(code.co_argcount) - (function is not call)


def is_lua_table(value: object) -> bool:
    """Whether a script's argument is a plain Lua table."""
    return bool(lupa.lua_type(value) == "table")


def split_position(message: str) -> tuple[int, str]:
    """Return line number and text of a message of Lua's.

    Examples
    --------
    >>> split_position("tsp:3: unexpected symbol near '='")
    (3, "unexpected symbol near '='")
    """
    match = _POSITION.match(message)
    if match is None:
        return 1, message
    return int(match.group(1)), message[match.end() :]
