"""The parts of `make torture` as calls for processes that work side by side."""

from __future__ import annotations

import logging
import os
import resource
import tempfile
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.torture import bad_input, sandbox
from tests.torture.fault_matrix import Matrix
from tests.torture.kill_runs import KILLED_RUNS, kill_runs
from tests.torture.material import good_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.torture.fault_matrix import Verdict
    from tests.torture.judging import Tally
    from tests.torture.kill_runs import Tally as KillTally
    from tests.torture.sandbox import Outcome

FAULTS, KILLS, BAD_INPUT, SANDBOX = "faults", "kills", "bad input", "sandbox"
_FILES = ("bench loader", "recipe loader", "card loader", "run file opener")
_EXAMPLES_OF_FILES, _EXAMPLES = 250, 3000
_LIVES, _LIVES_SERVED = 21, 17


class Part(NamedTuple):
    """A piece of work for one process.

    Attributes
    ----------
    table : str
        Which table its result belongs to.
    name : str
        What it does.
    function : callable
    arguments : tuple
    """

    table: str
    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


class Result(NamedTuple):
    """What a piece of work found and took.

    Attributes
    ----------
    part : Part
    content : object
    wall, cpu : float
        Time in s; that of the processors is of this process and its children.
    """

    part: Part
    content: Any
    wall: float
    cpu: float


def work(part: Part) -> Result:
    """Do a part, in a folder of its own for locks and temporary files."""
    logging.getLogger("labneuro").setLevel(logging.ERROR)  # locks of the killed
    started, before = monotonic(), _cpu()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder  # also of the watchdogs
        content = part.function(*part.arguments)
    return Result(part, content, monotonic() - started, _cpu() - before)


def _cpu() -> float:
    found = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return sum(one.ru_utime + one.ru_stime for one in found)


def compile_all() -> None:
    """Fill numba's cache."""
    with tempfile.TemporaryDirectory() as folder:
        Matrix(Path(folder)).compile_all()


def judge_faults(number: int, count: int) -> list[Verdict]:
    """Judge every n-th cell of the fault matrix, from a given one on."""
    with tempfile.TemporaryDirectory() as folder:
        matrix = Matrix(Path(folder))
        cases = list(matrix.cases(picks=1))
        return [matrix.judge(case) for case in cases[number::count]]


def kill(index: int) -> KillTally:
    """Kill runs of one recipe."""
    run = KILLED_RUNS[index]
    return kill_runs(run, _LIVES_SERVED if run.served else _LIVES)


def try_bad_input() -> list[Tally]:
    """Try every reader."""
    with tempfile.TemporaryDirectory() as folder:
        material = good_files(Path(folder))
        return [
            target.try_all(_EXAMPLES_OF_FILES if target.name in _FILES else _EXAMPLES)
            for target in bad_input.targets(Path(folder), *material)
        ]


def try_sandbox() -> list[Outcome]:
    """Try every way out of the Lua sandbox."""
    return list(sandbox.outcomes())


def all_parts(pieces: int) -> list[Part]:
    """Return all the work, what takes long first.

    Parameters
    ----------
    pieces : int
        Into how many the fault matrix is divided.
    """
    # The sandbox in a process that did nothing else: it looks at memory's growth.
    parts = [Part(SANDBOX, SANDBOX, try_sandbox)]
    order = sorted(range(len(KILLED_RUNS)), key=lambda one: not KILLED_RUNS[one].served)
    for index in order:
        run = KILLED_RUNS[index]
        parts.append(Part(KILLS, f"{run.recipe}, {run.where}", kill, (index,)))
    parts.append(Part(BAD_INPUT, BAD_INPUT, try_bad_input))
    for number in range(pieces):
        name = f"{number + 1} of {pieces}"
        parts.append(Part(FAULTS, name, judge_faults, (number, pieces)))
    return parts
