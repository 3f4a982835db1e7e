"""What stands in the queue: a job, fixed when it was added, and what became of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labneuro.instruments.processes import ProcessIdentity


class State(StrEnum):
    """How far an entry is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    REMOVED = "removed"


class OnFailure(StrEnum):
    """Whether later entries run after one has failed."""

    CONTINUE = "continue"
    STOP = "stop"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run as it was asked for; it stays as it is whatever happens to the files.

    Attributes
    ----------
    recipe_name, recipe_text : str
        The recipe, as YAML with the changes made.
    recipe_path : str or None
        Its file, absolute.
    changes : tuple of str
        The changes that were made to the recipe, ``"key=value"``.
    bench_path : str
        The bench file, absolute.
    bench_sha256 : str
        Hash of its text.
    device_id : str
        The device that was mounted.
    seed : int or None
        Seed of a simulated bench, in place of the bench file's.
    folder : str
        Where the run file goes, absolute.
    file : str or None
        Its name; None for a dated one.
    fsync_interval : float
        Longest time in s that readings may wait for their fsync.
    """

    recipe_name: str
    recipe_text: str
    recipe_path: str | None
    changes: tuple[str, ...]
    bench_path: str
    bench_sha256: str
    device_id: str
    seed: int | None
    folder: str
    file: str | None
    fsync_interval: float = 1.0

    @property
    def bench_name(self) -> str:
        """The bench's name."""
        return Path(self.bench_path).stem


@dataclass(frozen=True, kw_only=True)
class QueueEntry:
    """A job in the queue.

    Attributes
    ----------
    number : int
        Its number; never used again.
    job : Job
        What to run.
    state : State
        How far it is.
    reason : str
        Why it failed or was interrupted, in one line.
    added : datetime
        When it was added.
    started, ended : datetime or None
        When its run started and ended.
    run_file : str or None
        The file of its run, once there is one.
    runner : ProcessIdentity or None
        Who runs or ran it.
    """

    number: int
    job: Job
    state: State
    reason: str
    added: datetime
    started: datetime | None
    ended: datetime | None
    run_file: str | None
    runner: ProcessIdentity | None

    @property
    def age(self) -> float:
        """Seconds since the entry came into its state."""
        since = self.ended or self.started or self.added
        return max((datetime.now(UTC) - since).total_seconds(), 0.0)


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
