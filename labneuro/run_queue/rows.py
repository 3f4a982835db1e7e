"""Rows of the queue's table, read back as entries."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from labneuro.errors import QueueError
from labneuro.instruments.processes import ProcessIdentity
from labneuro.run_queue.entry import Job, QueueEntry, State, text_sha256

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_JOB = tuple(field.name for field in fields(Job))


def checksum(row: sqlite3.Row) -> str:
    """Return a hash over a row, so that a damaged one is told and not run."""
    values = {name: value for name, value in dict(row).items() if name != "checksum"}
    return text_sha256(json.dumps(values, sort_keys=True))


def read_entry(row: sqlite3.Row, path: Path) -> QueueEntry:
    """Return the entry that a row holds.

    Parameters
    ----------
    row : sqlite3.Row
        A row of the table.
    path : Path
        The file, for the message.

    Raises
    ------
    QueueError
        If the row is not as it was written.
    """
    try:
        whole = checksum(row) == row["checksum"]
        entry = _entry(row)
    except (ValueError, TypeError) as error:
        raise QueueError(
            f"{path}: entry {row['number']} is damaged: {' '.join(str(error).split())}"
        ) from error
    if not whole:
        raise QueueError(f"{path}: entry {entry.number} is damaged: wrong checksum")
    return entry


def _entry(row: sqlite3.Row) -> QueueEntry:
    values: dict[str, Any] = {name: row[name] for name in _JOB}
    return QueueEntry(
        number=row["number"],
        job=Job(**values | {"changes": tuple(json.loads(row["changes"]))}),
        state=State(row["state"]),
        reason=row["reason"],
        added=datetime.fromisoformat(row["added"]),
        started=_moment(row["started"]),
        ended=_moment(row["ended"]),
        run_file=row["run_file"],
        runner=_runner(row),
    )


def _runner(row: sqlite3.Row) -> ProcessIdentity | None:
    if row["pid"] is None:
        return None
    return ProcessIdentity(row["host"], row["pid"], row["process_start"])


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
