"""Work through a queue: one run after the other, each settled whatever happens."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labneuro.data.run_file import COMPLETED
from labneuro.errors import (
    EXIT_SAFETY,
    BenchInUseError,
    LabneuroError,
    SafeStateError,
)
from labneuro.instruments.processes import this_process
from labneuro.instruments.signals import uninterrupted
from labneuro.protocols.runner import resume, run
from labneuro.run_queue.entry import OnFailure, QueueEntry, State
from labneuro.run_queue.jobs import bench_of, file_of, recipe_of
from labneuro.run_queue.lost import final_status, has_remains, recoverable, settle_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from labneuro.protocols.runner import Progress
    from labneuro.run_queue.store import QueueStore

    Watch = Callable[[QueueEntry], AbstractContextManager[Callable[[Progress], None]]]

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def _unwatched(entry: QueueEntry) -> Iterator[Callable[[Progress], None]]:
    del entry

    def on_progress(event: Progress) -> None:
        _log.debug("%s", event)

    yield on_progress


@dataclass
class QueueRunner:
    """Runs the entries of a queue in their order.

    Several runners may work on one queue at the same time: of each bench one run at a
    time goes on.

    Attributes
    ----------
    store : QueueStore
        The queue.
    bench_path : str or None
        Only entries of this bench.
    on_failure : OnFailure
        Whether later entries run after one has failed. After a run that was stopped for
        safety none does.
    limit : int or None
        Most entries to run.
    resume_interrupted : bool
        Take up interrupted entries, too, at the step at which they stopped.
    fsync_interval : float or None
        Longest time in s that readings may wait for their fsync; None for what each
        entry says.
    watch : callable
        ``watch(entry)`` is entered around each run and gives what is told its progress.
    tell : callable
        ``tell(entry)`` is called with each entry whose fate is settled.
    """

    store: QueueStore
    bench_path: str | None = None
    on_failure: OnFailure = OnFailure.CONTINUE
    limit: int | None = None
    resume_interrupted: bool = False
    watch: Watch = _unwatched
    tell: Callable[[QueueEntry], None] = lambda entry: None
    fsync_interval: float | None = None
    _count: Counter[State] = field(default_factory=Counter)
    _in_use: set[str] = field(default_factory=set)

    def run_all(self) -> Counter[State]:
        """Run entries until none can be taken.

        Returns
        -------
        Counter of State
            How many entries were taken, by what became of them: waiting again where
            something outside the queue uses the bench.

        Raises
        ------
        LabneuroError
            If a run was stopped for safety; its entry is failed, no other runs.
        KeyboardInterrupt
            On Ctrl-C; the entry that ran is interrupted.
        """
        self._count, self._in_use = Counter(), set()
        states = [State.WAITING]
        if self.resume_interrupted:
            states.append(State.INTERRUPTED)
        while self.limit is None or self._count.total() < self.limit:
            for lost in settle_lost(self.store):
                self.tell(lost)
            entry = self.store.claim(
                this_process(),
                bench_path=self.bench_path,
                states=states,
                avoid=self._in_use,
            )
            if entry is None:
                break
            self._run(entry)
            if self.on_failure is OnFailure.STOP and self._count[State.FAILED]:
                break
        return self._count

    def _run(self, entry: QueueEntry) -> None:
        try:
            with self.watch(entry) as on_progress:
                self._execute(entry, on_progress)
        except BaseException as error:  # whatever it was, it is kept; then it goes on
            safety = _stopped_for_safety(error)
            try:
                self._settle(entry, *self._fate(entry, error))
            finally:  # also when the queue's file is out of reach
                if safety is error:
                    raise error  # noqa: TRY201  not the one of the queue
                if safety is not None:
                    raise SafeStateError(one_line(safety)) from error
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, LabneuroError):
                _log.exception("entry %d", entry.number)
        else:
            self._settle(entry, State.DONE, "")

    def _execute(
        self, entry: QueueEntry, on_progress: Callable[[Progress], None]
    ) -> None:
        if final_status(entry) == COMPLETED:  # taken up by hand meanwhile
            return
        bench, recipe = bench_of(entry.job), recipe_of(entry)
        interval = self.fsync_interval
        if interval is None:
            interval = entry.job.fsync_interval
        if entry.run_file is not None and has_remains(entry):
            resume(
                entry.run_file, bench, on_progress=on_progress, fsync_interval=interval
            )
            return
        path = file_of(entry, recipe, bench)
        self.store.note_run_file(entry, path)
        run(
            recipe,
            bench,
            path,
            seed=entry.job.seed,
            on_progress=on_progress,
            fsync_interval=interval,
        )

    def _fate(self, entry: QueueEntry, error: BaseException) -> tuple[State, str]:
        safety = _stopped_for_safety(error)
        if safety is None and isinstance(error, BenchInUseError):
            self._in_use.add(entry.job.bench_path)
            if entry.run_file is None:
                return State.WAITING, one_line(error)
            return State.INTERRUPTED, f"{one_line(error)}; {recoverable(entry)}"
        if safety is not None or isinstance(error, Exception):
            return State.FAILED, one_line(safety or error)
        left = recoverable(self.store.entry(entry.number))
        return State.INTERRUPTED, f"stopped by Ctrl-C or a signal; {left}"

    def _settle(self, entry: QueueEntry, state: State, reason: str) -> None:
        with uninterrupted():
            settled = self.store.end(entry, state, reason)
        self._count[settled.state] += 1
        self.tell(settled)


def one_line(error: BaseException) -> str:
    """Return what an error says, in one line; a bug's with its kind.

    Examples
    --------
    >>> one_line(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    text = " ".join(str(error).split())
    if isinstance(error, LabneuroError | OSError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _stopped_for_safety(error: BaseException) -> LabneuroError | None:
    """Return the error that forbids further runs, also behind the one that came last.

    An output that is not confirmed off stays so whatever was raised after that.
    """
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or any(one is other for other in seen):
            continue
        seen.append(one)
        waiting += [one.__context__, one.__cause__]
    for one in seen:
        if isinstance(one, SafeStateError):
            return one
    if isinstance(error, LabneuroError) and error.exit_code == EXIT_SAFETY:
        return error
    return None
