"""Kill real runs at random moments, recover and resume them, and count what was lost.

A life of a run: it is killed; what is left is recovered, which may be killed, too; it
is resumed, which may be killed, too; it is resumed to its end. A served bench must have
every output off within 1.5 s of a kill.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.data.checks import check_file
from labneuro.data.claim import journal_of, part_of
from labneuro.data.reader import RunFile
from labneuro.data.recovery import needs_recovery
from tests.torture.kill_helper import digest_of
from tests.torture.kill_processes import HungError, Kill, Processes, Told
from tests.torture.served_bench import TRANSPORTS, Outputs, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.torture.kill_processes import Ended
    from tests.torture.served_bench import ServedBench

SEED = 20261122
IN_TIME = 1.5
"""s from a kill to the last output's going off."""
RUN, RESUME, RECOVER = "run", "resume", "recover"
_NEVER_BEGAN = "before it began"
_NOTHING_TO_DO = (_NEVER_BEGAN, "is completed", "nothing to recover")
_SHORTEST = 0.5  # s that a recovery takes at least


class KilledRun(NamedTuple):
    """A recipe whose runs are killed.

    Attributes
    ----------
    recipe, bench : str
        By name.
    changes : tuple of str
        As for ``--set``: many steps, about a second.
    served : bool
        Whether the bench is served by another process on the real clock.
    """

    recipe: str
    bench: str
    changes: tuple[str, ...]
    served: bool = False

    @property
    def where(self) -> str:
        """Where the bench is."""
        return "served" if self.served else "in the process"


_FIRING = KilledRun(
    "hnno/firing",
    "hnno-sim",
    ("events=30", "pulse_fields={start: 0.19 V/um, stop: 0.23 V/um, points: 30}"),
)
_STATE_MAP = KilledRun(
    "hnno/state-map",
    "hnno-sim",
    (
        "events=30",
        "pulse_fields={start: 0.18 V/um, stop: 0.22 V/um, points: 3}",
        "accumulating_fields=[0.18 V/um, 0.19 V/um]",
        "kinetics={pulses: []}",
    ),
)
_POTENTIATION = KilledRun(
    "fmes/potentiation",
    "fmes-sim",
    ("pulses=10", "cycles=2", "discharge={channels: '1101', duration: 20 ms}"),
)
_CAPTURE = KilledRun(
    "hybrid/pulse-capture",
    "ts-scope-sim",
    ("captures=8", "points=50", "channels={ch1: {range: 2 V, offset: 0.5 V}}"),
)
_SHORT_FIRING = _FIRING._replace(
    changes=(
        "events=30",
        "pulse_fields={start: 0.19 V/um, stop: 0.23 V/um, points: 14}",
    )
)
_LONG_POTENTIATION = _POTENTIATION._replace(
    changes=("cycles=4", "pulses=20", "discharge={channels: '1101', duration: 50 ms}")
)
KILLED_RUNS = (
    _FIRING,
    _STATE_MAP,
    _POTENTIATION,
    _CAPTURE,
    _SHORT_FIRING._replace(served=True),
    _LONG_POTENTIATION._replace(served=True),
    _CAPTURE._replace(served=True),
)


@dataclass
class Tally:
    """What the kills of one recipe's runs did.

    Attributes
    ----------
    run : KilledRun
    lives : int
        Runs that were begun.
    kills : dict of str to int
        Processes that died by SIGKILL, by command.
    groups : int
        Kills of a whole process group.
    too_late : int
        Commands that had ended before their kill came.
    not_begun : int
        Runs killed before they had anything to keep.
    acknowledged : int
        Readings told by progress events before a kill.
    lost : int
        Of these, readings that are not in the file, bit for bit.
    unreadable, recovered : int
        Files that are not valid after recovery, and those that are.
    completed : int
        Runs that were resumed to their end and are whole.
    with_output, left_on : int
        Kills while an output was on, and those of them after which one was on for
        longer than 1.5 s.
    off_after : list of float
        s from the kill to the last output's going off.
    faults : list of str
        A line on each thing that went wrong.
    """

    run: KilledRun
    lives: int = 0
    kills: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys((RUN, RESUME, RECOVER), 0)
    )
    groups: int = 0
    too_late: int = 0
    not_begun: int = 0
    acknowledged: int = 0
    lost: int = 0
    unreadable: int = 0
    recovered: int = 0
    completed: int = 0
    with_output: int = 0
    left_on: int = 0
    off_after: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def killed(self) -> int:
        """All kills."""
        return sum(self.kills.values())


class Lives:
    """Lives of one recipe's runs.

    Parameters
    ----------
    run : KilledRun
    folder : Path
        For its files.
    seed : int
        Of the moments.
    """

    def __init__(self, run: KilledRun, folder: Path, seed: int) -> None:
        self.tally = Tally(run)
        self._run = run
        self._folder = folder
        words = f"{run.recipe} {run.where}".encode()
        self._random = np.random.default_rng([seed, *words])
        self._stack = ExitStack()
        self._served: ServedBench | None = None

    def __enter__(self) -> Lives:
        first = self.words("first", self._run.bench)
        self.processes = self._stack.enter_context(
            Processes(
                self._folder,
                [
                    self.words("compiling", self._run.bench),
                    first,
                    ["data", "validate", first[-1]],
                ],
            )
        )
        if self._run.served:
            self._served = self._stack.enter_context(
                serve(self._run.bench, self._folder)
            )
        self._rehearse()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def words(self, name: str, bench: str | Path) -> list[str]:
        words = ["run", self._run.recipe, "--bench", str(bench)]
        for change in self._run.changes:
            words += ["--set", change]
        return [*words, "--out", str(self._folder / f"{name}.h5")]

    def bench(self, number: int) -> str | Path:
        if self._served is None:
            return self._run.bench
        return self._served.files[TRANSPORTS[number % len(TRANSPORTS)]]

    def _rehearse(self) -> None:
        """Take the time of a run and of a recovery; keep what a whole run reads."""
        whole = self.processes.execute(self.words("whole", self.bench(0)))
        assert whole.code == 0, whole.log
        self.wanted = list(whole.told.items())
        half = self.words("half", self.bench(0))
        cut = self.processes.execute(half, Kill(0.5 * whole.lasted, group=False))
        self._check_outputs(cut, self.bench(0), Tally(self._run))
        recovery = self.processes.execute(["data", "recover", half[-1]])
        self.lasted = {RUN: whole.lasted, RECOVER: max(recovery.lasted, _SHORTEST)}

    def live(self, number: int) -> None:
        """Live one life; what hangs is a fault, and its life is over."""
        try:
            _Life(self, number).live()
        except HungError as error:
            self.tally.faults.append(f"run {number} hangs: {error}")

    def execute_killed(
        self, command: str, words: list[str], lasts: float, bench: str | Path
    ) -> Ended:
        """Kill a command at a random moment of the time that it takes; count that."""
        kill = Kill(self._random.uniform(0.0, lasts), bool(self._random.integers(2)))
        end = self.processes.execute(words, kill)
        tally = self.tally
        if not end.killed:
            tally.too_late += 1
            if command in self.lasted and end.code == 0:
                self.lasted[command] = end.lasted  # the computer may be less busy now
            return end
        tally.kills[command] += 1
        tally.groups += kill.group
        tally.acknowledged += sum(one.readings for one in end.told.values())
        if command != RECOVER:
            self._check_outputs(end, bench, tally)
        return end

    def _check_outputs(self, end: Ended, bench: str | Path, tally: Tally) -> None:
        if self._served is None or not end.killed:
            return
        outputs = self._served.after_kill(Path(bench), end.killed_at)
        if not outputs.were_on:
            return
        tally.with_output += 1
        tally.off_after.append(outputs.off_after)
        if outputs.still_on or outputs.off_after > IN_TIME:
            tally.left_on += 1
            tally.faults.append(f"{end.words[0]} killed: {_told(outputs)}")


def _told(outputs: Outputs) -> str:
    if outputs.still_on:
        return f"{', '.join(outputs.still_on)} still on"
    return f"the last output went off after {outputs.off_after:.2f} s"


class _Life:
    """One run from its first kill to its end."""

    def __init__(self, lives: Lives, number: int) -> None:
        self._lives = lives
        self._tally = lives.tally
        self._number = number
        self._bench = lives.bench(number)
        self._words = lives.words(f"run-{number}", self._bench)
        self._path = Path(self._words[-1])
        self._told: dict[int, Told] = {}
        self._kept: list[tuple[int, Told]] = []

    def live(self) -> None:
        """Kill the run, what recovers it and what resumes it, by the life's number."""
        self._tally.lives += 1
        killed = self._kill(RUN, self._words, self._lives.lasted[RUN])
        if self._number % 2 == 0:
            self._kill_recovery()
            if not self._recover():
                return
        if self._number % 3 != 1 and killed:
            self._kill_resumption()
        if self._recover():
            self._complete()

    def _kill(self, command: str, words: list[str], lasts: float) -> bool:
        end = self._lives.execute_killed(command, words, lasts, self._bench)
        self._told.update(end.told)
        known = any(words in end.log for words in _NOTHING_TO_DO)
        if not end.killed and end.code != 0 and not known:
            self._fault(f"{command}: exit code {end.code}: {end.log[-300:]}")
        return end.killed

    def _kill_recovery(self) -> None:
        if needs_recovery(self._path):
            words = ["data", "recover", str(self._path)]
            self._kill(RECOVER, words, self._lives.lasted[RECOVER])

    def _kill_resumption(self) -> None:
        lasts = self._lives.lasted[RUN]
        if needs_recovery(self._path):  # resuming recovers first
            lasts += self._lives.lasted[RECOVER]
        elif not self._path.exists():
            return
        self._kill(RESUME, ["resume", str(self._path)], lasts)

    def _recover(self) -> bool:
        """Recover what is there; whether there is a run."""
        if not self._path.exists() and not needs_recovery(self._path):
            self._nothing_left()
            return False
        if needs_recovery(self._path):
            words = ["data", "recover", str(self._path)]
            end = self._lives.processes.execute(words)
            if end.code and _NEVER_BEGAN in end.log:
                self._nothing_left()
                return False
            if end.code or needs_recovery(self._path):
                self._unreadable(end.log[-300:])
                return False
            self._tally.recovered += not check_file(self._path)
        return self._check()

    def _nothing_left(self) -> None:
        self._tally.not_begun += 1
        lost = sum(one.readings for one in self._told.values())
        if lost:
            self._tally.lost += lost
            self._fault(f"nothing is left of {lost} readings")

    def _check(self) -> bool:
        """Look for every acknowledged reading; whether the file is valid."""
        problems = check_file(self._path)
        if problems or part_of(self._path).exists() or journal_of(self._path).exists():
            self._unreadable(f"{problems[:2]}")
            return False
        found, _ = blocks_of(self._path)
        there = dict(found)
        lost = [step for step, one in self._told.items() if there.get(step) != one]
        if lost:
            self._tally.lost += sum(self._told[step].readings for step in lost)
            self._fault(f"steps {lost} are not as they were acknowledged")
        if found[: len(self._kept)] != self._kept:
            self._fault("what had been recovered has changed")
        if not self._kept and not self._is_beginning(found):
            self._fault("it is not the beginning of the run that nothing killed")
        self._kept = found
        return True

    def _is_beginning(self, found: list[tuple[int, Told]]) -> bool:
        """Whether a killed run read what the whole one did: same seed, same bench."""
        if self._tally.run.served or self._path_was_resumed():
            return True
        return found == self._lives.wanted[: len(found)]

    def _path_was_resumed(self) -> bool:
        with RunFile.open(self._path) as run:
            return any(event.kind == "resumed" for event in run.events())

    def _complete(self) -> None:
        """Take the run to its end; it must be like one that nothing interrupted."""
        _, status = blocks_of(self._path)
        if status != "completed":
            end = self._lives.processes.execute(["resume", str(self._path)])
            self._told.update(end.told)
            if end.code:
                self._fault(f"resume: exit code {end.code}: {end.log[-300:]}")
                return
        found, status = blocks_of(self._path)
        if not self._check():
            return
        if status == "completed" and _shape(found) == _shape(self._lives.wanted):
            self._tally.completed += 1
        else:
            self._fault(f"{status}, not as a run that was never interrupted")

    def _unreadable(self, reason: str) -> None:
        self._tally.unreadable += 1
        self._fault(f"unreadable: {reason}")

    def _fault(self, line: str) -> None:
        self._tally.faults.append(f"{self._path.name}: {' '.join(line.split())}")


def _shape(blocks: list[tuple[int, Told]]) -> list[tuple[int, int]]:
    return [(step, told.readings) for step, told in blocks]


def blocks_of(path: Path) -> tuple[list[tuple[int, Told]], str]:
    """Return what each step of a file holds, and the run's status."""
    with RunFile.open(path) as run:
        found = [
            (step, Told(len(next(iter(rows.values()))), digest_of(rows)))
            for step, rows in run.blocks()
        ]
        return found, run.status


def kill_runs(
    run: KilledRun,
    lives: int,
    seed: int = SEED,
    *,
    first: int = 0,
    say: Callable[[str], None] | None = None,
) -> Tally:
    """Kill runs of a recipe at random moments.

    Parameters
    ----------
    run : KilledRun
        What is killed.
    lives : int
        How many runs.
    seed : int
        Of the moments.
    first : int
        Number of the first life, which says what is killed besides the run itself.
    say : callable, optional
        Called with a line after each life.

    Returns
    -------
    Tally
        What was lost.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        Lives(run, Path(folder), seed) as living,
    ):
        for number in range(first, first + lives):
            living.live(number)
            if say is not None:
                say(f"{run.recipe}, {run.where}: {number} {living.tally}")
        return living.tally
