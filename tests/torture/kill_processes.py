"""Starts commands of labneuro in processes of their own and kills them.

Every wait has a limit; what goes beyond it is named, with the stacks of its threads.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import labneuro

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

_STARTING = 300.0  # s to import and compile everything on a busy computer
_COMMAND = 300.0  # s for a command; each takes a few
_ENDING = 60.0  # s from a kill to the end of the process
_DUMPING = 1.0  # s for a process to write its stacks
_TOLD = 3000  # characters of a log


class HungError(AssertionError):
    """Something did not end in its time; the message says what."""


class Told(NamedTuple):
    """A step that a progress event acknowledged.

    Attributes
    ----------
    readings : int
    digest : str
        Of the readings.
    """

    readings: int
    digest: str


@dataclass
class Ended:
    """How a command ended.

    Attributes
    ----------
    words : list of str
        The command.
    told : dict of int to Told
        What was acknowledged, by step.
    code : int
        Exit code; a signal's number if `by_signal`.
    by_signal : bool
        Whether a signal ended it.
    killed_at : float
        Unix time of the kill in s.
    lasted : float
        From start to end in s.
    log : str
        What it printed, the last of it.
    """

    words: list[str]
    told: dict[int, Told] = field(default_factory=dict)
    code: int = -1
    by_signal: bool = False
    killed_at: float = 0.0
    lasted: float = 0.0
    log: str = ""

    @property
    def killed(self) -> bool:
        """Whether the kill came before the end."""
        return self.by_signal and self.code == signal.SIGKILL


class Kill(NamedTuple):
    """A kill to come.

    Attributes
    ----------
    after : float
        s from the start of the process.
    group : bool
        Whether its process group dies, too.
    """

    after: float
    group: bool


class Processes:
    """A helper that forks commands; see `kill_helper`.

    Parameters
    ----------
    folder : Path
        Where the commands work and what they print is kept.
    first : sequence of sequence of str
        Commands that the helper carries out itself at its start. The first of them
        may fail: it compiles what is not in numba's cache, which on a busy computer
        takes longer than the time-out of an instrument.
    """

    def __init__(self, folder: Path, first: Sequence[Sequence[str]]) -> None:
        root = str(Path(labneuro.__file__).parent.parent)
        self._log = folder / "commands.log"
        with (folder / "helper.log").open("wb") as errors:
            self._helper = subprocess.Popen(
                [sys.executable, "-m", "tests.torture.kill_helper"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._unread = b""
        self._child = 0
        try:
            self._start(first, folder / "helper.log")
        except BaseException:
            self._helper.kill()
            raise

    def _start(self, first: Sequence[Sequence[str]], log: Path) -> None:
        self._order(first)
        ready = self._line(time.monotonic() + _STARTING, "the helper's first commands")
        assert not any(ready["ready"][1:]), log.read_text("utf-8")
        assert ready["threads"] == 1, "a process with threads is not to be forked"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        try:
            self._helper.stdin.close()
            self._helper.wait(_ENDING)
        finally:
            self._helper.kill()
            self._helper.wait(_ENDING)
            self._helper.stdout.close()

    def execute(self, words: Sequence[str], kill: Kill | None = None) -> Ended:
        """Carry out a command, kill it if told to, and return how it ended.

        Parameters
        ----------
        words : sequence of str
            Of the command line.
        kill : Kill, optional
            When and what to kill.

        Raises
        ------
        HungError
            If it does not end in time; it has then been killed.
        """
        end = Ended(list(words))
        self._log.write_bytes(b"")
        self._order({"words": end.words, "log": str(self._log)})
        limit = time.monotonic() + _STARTING
        self._child = self._line(limit, f"{' '.join(words)}: fork")["started"]
        started = time.monotonic()
        try:
            self._follow(end, kill, started)
        except HungError as error:
            raise HungError(f"{' '.join(words)}: {error}{self._stacks()}") from error
        end.lasted = time.monotonic() - started
        end.log = self._log.read_text("utf-8", "replace")[-_TOLD:]
        return end

    def _follow(self, end: Ended, kill: Kill | None, started: float) -> None:
        limit = started + _COMMAND
        strike = None if kill is None else started + kill.after
        while True:
            found = self._next(limit if strike is None else strike)
            if found is None:
                if strike is None or kill is None:
                    raise HungError(f"no end within {_COMMAND:g} s")
                end.killed_at = time.time()
                (os.killpg if kill.group else os.kill)(self._child, signal.SIGKILL)
                strike, limit = None, time.monotonic() + _ENDING
            elif "ended" in found:
                end.code, end.by_signal = found["ended"], found["by_signal"]
                return
            else:
                end.told[found["step"]] = Told(found["readings"], found["digest"])

    def _stacks(self) -> str:
        """Let a process that hangs write where it is; then kill it."""
        os.kill(self._child, signal.SIGUSR1)
        ended = self._next(time.monotonic() + _DUMPING)
        os.kill(self._child, signal.SIGKILL)
        while ended is None or "ended" not in ended:
            ended = self._line(time.monotonic() + _ENDING, "a killed process")
        return f"\n{self._log.read_text('utf-8', 'replace')[-_TOLD:]}"

    def _order(self, content: object) -> None:
        assert self._helper.stdin is not None
        self._helper.stdin.write(json.dumps(content).encode() + b"\n")
        self._helper.stdin.flush()

    def _line(self, limit: float, what: str) -> dict[str, Any]:
        found = self._next(limit)
        if found is None:
            raise HungError(f"{what}: no answer in time")
        return found

    def _next(self, limit: float) -> dict[str, Any] | None:
        """Return the helper's next line; None if there is none until the limit."""
        assert self._helper.stdout is not None
        number = self._helper.stdout.fileno()
        while b"\n" not in self._unread:
            left = max(limit - time.monotonic(), 0.0)
            if not select.select([number], [], [], left)[0]:
                return None
            content = os.read(number, 65536)
            assert content, "the helper has ended"
            self._unread += content
        line, _, self._unread = self._unread.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found
