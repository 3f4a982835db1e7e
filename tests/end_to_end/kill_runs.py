"""Kill real runs at random moments, recover and resume them, and count what was lost.

A helper process that has imported everything forks one process a run, so that a kill
costs no imports. Every run has the same seed: whatever is recovered must be, bit for
bit, the beginning of the run that nothing killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field, fields
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

import labneuro
from labneuro.data.claim import journal_of, part_of
from labneuro.data.reader import RunFile
from labneuro.data.recovery import needs_recovery, recover
from labneuro.data.validation import validate
from labneuro.errors import LabneuroError
from labneuro.protocols.resuming import plots_of

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

SEED = 11
_PATIENCE = 120.0  # s; a run takes about one
CHANGES = ["events=30", "pulse_fields={start: 0.19 V/um, stop: 0.23 V/um, points: 30}"]
_HELPER = """
import json, os, sys
from labneuro.bench import load_bench
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import resume, run

bench = load_bench("hnno-sim")

def tell(event):
    print("step", event.done, event.total, event.readings, flush=True)

def work(job):
    if job["resume"]:
        resume(job["path"], on_progress=tell)
    else:
        recipe = load_recipe("hnno/firing", job["changes"])
        run(recipe, bench, job["path"], seed=job["seed"], on_progress=tell)

work(json.loads(sys.stdin.readline()))  # imports everything, fills caches
child = 0
for line in sys.stdin:
    if child:
        os.waitpid(child, 0)  # only now may its number be used again
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the orders are not for a run
        try:
            work(json.loads(line))
        except BaseException as error:
            print("error", repr(error), flush=True)
        os._exit(0)
    print("started", child, flush=True)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    print("\\nended", flush=True)  # a line that the kill cut is ended first
"""


@dataclass
class Tally:
    """What a number of kills did.

    Attributes
    ----------
    kills : int
        Processes that died by SIGKILL, within first and within resumed parts.
    too_late : int
        Processes that had ended before their kill came.
    before_file : int
        Kills before the run had anything on disk.
    acknowledged, recovered : int
        Readings told by progress events before a kill, and readings in the files
        after recovery.
    lost : int
        Readings that were acknowledged and are not recovered, or are not the same.
    unreadable : int
        Files that are not valid after recovery.
    completed : int
        Runs that were resumed to their end and are valid.
    faults : list of str
        A line on each thing that went wrong.
    """

    kills: int = 0
    too_late: int = 0
    before_file: int = 0
    acknowledged: int = 0
    recovered: int = 0
    lost: int = 0
    unreadable: int = 0
    completed: int = 0
    faults: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Return the counts, one a line."""
        counts = [one.name for one in fields(self) if one.name != "faults"]
        return "\n".join(f"{name:14}{getattr(self, name):8}" for name in counts)


class Runs:
    """Starts runs in processes of their own and kills them.

    Parameters
    ----------
    folder : Path
        Where the run files go.
    """

    def __init__(self, folder: Path) -> None:
        root = str(Path(labneuro.__file__).parent.parent)
        self.folder = folder
        self._helper = subprocess.Popen(
            [sys.executable, "-c", _HELPER],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": root},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._warm_up()

    def _warm_up(self) -> None:
        path = self.folder / "warm-up.h5"
        self._order(path, resume=False)
        while True:
            _, done, total, _ = self._line().split()
            if done == total:
                break

    def _order(self, path: Path, *, resume: bool) -> None:
        assert self._helper.stdin is not None
        job = {"path": str(path), "resume": resume, "seed": SEED, "changes": CHANGES}
        self._helper.stdin.write(json.dumps(job) + "\n")
        self._helper.stdin.flush()

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
        self._helper.stdin.close()
        self._helper.wait(timeout=60)
        self._helper.stdout.close()

    def execute(
        self, path: Path, *, resume: bool = False, kill_after: float | None = None
    ) -> tuple[int, float, str]:
        """Run or resume; return acknowledged readings, seconds, and how it ended.

        The end is ``"killed"``, ``"ended"`` or the error's text.
        """
        self._order(path, resume=resume)
        word, number = self._line().split()
        assert word == "started"
        started = monotonic()
        killed = threading.Event()
        timer = threading.Timer(kill_after or 0.0, lambda: _kill(int(number), killed))
        if kill_after is not None:
            timer.start()
        patience = threading.Timer(_PATIENCE, self._helper.kill)
        patience.start()
        readings, end = 0, "ended"
        while (line := self._line()) != "ended":
            word, _, rest = line.partition(" ")
            if word == "step" and rest.count(" ") == 2:
                readings += int(rest.split()[2])
            elif word == "error":
                end = rest
        lasted = monotonic() - started
        patience.cancel()
        timer.cancel()
        if kill_after is not None:
            timer.join()
        # A kill that came when all was done changed nothing.
        cut = killed.is_set() and (needs_recovery(path) or not path.exists())
        return readings, lasted, "killed" if cut else end

    def _line(self) -> str:
        assert self._helper.stdout is not None
        line = self._helper.stdout.readline()
        assert line, "the helper died"
        return line.rstrip("\n")


def _kill(number: int, killed: threading.Event) -> None:
    os.kill(number, signal.SIGKILL)
    killed.set()


def readings_of(path: Path) -> dict[str, np.ndarray]:
    """Return the readings of a run file."""
    with RunFile.open(path) as run:
        return run.readings()


def kill_runs(folder: Path, runs: int, seed: int) -> Tally:
    """Kill runs at random moments, and each second one again while it is resumed.

    Parameters
    ----------
    folder : Path
        Where the run files go; an empty folder.
    runs : int
        How many runs; there are up to twice as many kills.
    seed : int
        Of the moments.

    Returns
    -------
    Tally
        What was lost.
    """
    moments = np.random.default_rng(seed)
    tally = Tally()
    with Runs(folder) as processes:
        whole = folder / "whole.h5"
        _, lasted, end = processes.execute(whole)
        assert end == "ended", end
        wanted = readings_of(whole)
        for number in range(runs):
            path = folder / f"run-{number}.h5"
            _kill_one(processes, path, moments.uniform(0.0, lasted), tally, wanted)
            if number % 2 and path.exists():
                moment = moments.uniform(0.0, lasted)
                _kill_one(processes, path, moment, tally, wanted, resume=True)
            _complete(processes, path, tally, wanted)
    return tally


def _kill_one(
    processes: Runs,
    path: Path,
    moment: float,
    tally: Tally,
    wanted: dict[str, np.ndarray],
    *,
    resume: bool = False,
) -> None:
    before = len(readings_of(path)["step"]) if resume else 0
    told, _, end = processes.execute(path, resume=resume, kill_after=moment)
    if end != "killed":
        tally.too_late += 1
        return
    tally.kills += 1
    tally.acknowledged += told
    if not needs_recovery(path):
        tally.before_file += 1
        tally.lost += told
        return
    try:
        found = recover(path, plots_of)
    except LabneuroError as error:
        tally.lost += told
        if told or "before it began" not in str(error):
            tally.unreadable += 1
            tally.faults.append(str(error))
        tally.before_file += 1
        return
    problems = validate(path)
    if problems or part_of(path).exists() or journal_of(path).exists():
        tally.unreadable += 1
        tally.faults.append(f"{path.name}: {problems}")
        return
    tally.recovered += found.readings - before
    tally.lost += max(before + told - found.readings, 0)
    first = readings_of(path)
    # A resumed part has another stream of random numbers: only what was told of it.
    count = before if resume else found.readings
    for name, column in first.items():
        if not resume and column.tobytes() != wanted[name][:count].tobytes():
            tally.lost += count
            tally.faults.append(f"{path.name}: {name} differs from the whole run")


def _complete(
    processes: Runs, path: Path, tally: Tally, wanted: dict[str, np.ndarray]
) -> None:
    """Take a run up to its end; it must be like one that nothing interrupted."""
    if not path.exists():
        return
    with RunFile.open(path) as run:
        done, status = run.readings(), run.status
    if status != "completed":
        _, _, end = processes.execute(path, resume=True)
        if end != "ended":
            tally.faults.append(f"{path.name}: {end}")
            return
    with RunFile.open(path) as run:
        now, status = run.readings(), run.status
    kept = all(
        now[key][: len(one)].tobytes() == one.tobytes() for key, one in done.items()
    )
    plan = ("step", "event", "pulse_field")
    same = all(np.array_equal(now[key], wanted[key]) for key in plan)
    if kept and same and status == "completed" and not validate(path):
        tally.completed += 1
    else:
        tally.faults.append(f"{path.name}: not as a run that was never interrupted")
