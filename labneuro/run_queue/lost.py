"""Entries whose process died: what became of their runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labneuro.data.reader import RunFile
from labneuro.data.run_file import COMPLETED, INTERRUPTED, journal_of, part_of
from labneuro.errors import RunFileError
from labneuro.instruments.processes import is_alive
from labneuro.run_queue.entry import QueueEntry, State

if TYPE_CHECKING:
    from labneuro.run_queue.store import QueueStore


def settle_lost(store: QueueStore) -> list[QueueEntry]:
    """Settle every entry that is running by the book though its process is dead.

    Parameters
    ----------
    store : QueueStore
        The queue.

    Returns
    -------
    list of QueueEntry
        Those entries: interrupted, or, where the run had ended before the process did,
        as its file says.
    """
    lost = [
        entry
        for entry in store.entries()
        if entry.state is State.RUNNING
        and entry.runner is not None
        and is_alive(entry.runner) is False
    ]
    return [store.end(entry, *_what_became(entry)) for entry in lost]


def recoverable(entry: QueueEntry) -> str:
    """Return what is left of an interrupted run and what to do with it.

    Parameters
    ----------
    entry : QueueEntry
        The entry.

    Returns
    -------
    str
        One line naming the file; ``"no run file"`` where there is none.
    """
    left = _remains(entry)
    if left is None:
        return "no run file"
    return f"readings in {left}; continue with 'labneuro resume {left}'"


def _what_became(entry: QueueEntry) -> tuple[State, str]:
    status = final_status(entry)
    if status == COMPLETED:
        return State.DONE, ""
    if status is not None and status != INTERRUPTED:
        return State.FAILED, status.removeprefix("failed: ")
    return State.INTERRUPTED, f"{entry.runner} died; {recoverable(entry)}"


def final_status(entry: QueueEntry) -> str | None:
    """Return how the run of an entry ended, as its file says.

    Parameters
    ----------
    entry : QueueEntry
        The entry.

    Returns
    -------
    str or None
        None if there is no file of a run that ended by itself.
    """
    path = None if entry.run_file is None else Path(entry.run_file)
    if path is None or not path.exists() or part_of(path).exists():
        return None
    try:
        with RunFile.open(path) as run:
            return None if run.unfinished else run.status
    except RunFileError:  # unreadable: whoever recovers it will be told why
        return None


def has_remains(entry: QueueEntry) -> bool:
    """Return whether a run of the entry left a file that can be taken up again."""
    return _remains(entry) is not None


def _remains(entry: QueueEntry) -> Path | None:
    if entry.run_file is None:
        return None
    path = Path(entry.run_file)
    names = (part_of(path), journal_of(path), path)
    return next((one for one in names if one.exists()), None)
