"""The SQLite file under a queue: made, opened, checked for damage."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from labneuro.errors import InputError, QueueError
from labneuro.run_queue.entry import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_APPLICATION = 0x4C4E5131  # "LNQ1"
_VERSION = 2
_PATIENCE = 10.0  # s that a process waits for others at the file
_PAUSE = 0.02  # s between two tries
_STATES = ", ".join(f"'{state}'" for state in State)
_SCHEMA = f"""
CREATE TABLE entries (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  recipe_name TEXT NOT NULL,
  recipe_text TEXT NOT NULL,
  recipe_path TEXT,
  changes TEXT NOT NULL,
  bench_path TEXT NOT NULL,
  bench_sha256 TEXT NOT NULL,
  device_id TEXT NOT NULL,
  seed INTEGER,
  folder TEXT NOT NULL,
  file TEXT,
  fsync_interval REAL NOT NULL,
  added TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ({_STATES})),
  reason TEXT NOT NULL DEFAULT '',
  started TEXT,
  ended TEXT,
  run_file TEXT,
  host TEXT,
  pid INTEGER,
  process_start TEXT,
  checksum TEXT NOT NULL
);
CREATE UNIQUE INDEX one_run_a_bench ON entries (bench_path) WHERE state = 'running'
"""
# Entries are never deleted: there are as many as numbers were given.
_STATEMENTS = [statement.strip() for statement in _SCHEMA.split(";")]
_COUNTS = """
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'entries'), 0), count(*)
FROM entries
"""


def open_database(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open the file of a queue.

    Parameters
    ----------
    path : Path
        The file, absolute.
    create : bool
        Make it if there is none.

    Returns
    -------
    sqlite3.Connection
        Rows come by name; transactions are begun by hand.

    Raises
    ------
    InputError
        If there is no such file and none is to be made.
    QueueError
        If the file cannot be opened, is no queue, or is damaged.
    """
    if not create and not path.exists():
        raise InputError(f"{path}: there is no queue; 'labneuro queue add' makes one")
    with telling(path):
        database = sqlite3.connect(
            f"{path.as_uri()}?mode={'rwc' if create else 'rw'}",
            uri=True,
            timeout=_PATIENCE,
            isolation_level=None,
        )
        database.row_factory = sqlite3.Row
        try:
            if create:
                _make(database)
            _check(database, path)
        except BaseException:
            database.close()
            raise
    return database


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn whatever SQLite raises, also at what it cannot hold, into one line.

    Parameters
    ----------
    path : Path
        The file, for the message.

    Raises
    ------
    QueueError
        In place of any error of SQLite.
    """
    try:
        yield
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        raise QueueError(f"{path}: {' '.join(str(error).split())}") from error


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Make all that is done inside one change, on disk at the end, or none."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


def _make(database: sqlite3.Connection) -> None:
    if _number(database, "application_id"):
        return
    _use_write_ahead_log(database)
    with transaction(database):
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables or _number(database, "application_id"):
            return
        for statement in _STATEMENTS:
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {_VERSION}")


def _use_write_ahead_log(database: sqlite3.Connection) -> None:
    # SQLite does not wait by itself while another process switches the mode.
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _check(database: sqlite3.Connection, path: Path) -> None:
    if _number(database, "application_id") != _APPLICATION:
        raise QueueError(f"{path}: is not a queue of labneuro")
    version = _number(database, "user_version")
    if version != _VERSION:
        raise QueueError(
            f"{path}: is a queue of version {version}; this labneuro knows "
            f"version {_VERSION}"
        )
    database.execute("PRAGMA synchronous = FULL")
    found = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    if found != "ok":
        raise QueueError(f"{path}: is damaged: {' '.join(found.split())}")
    made = database.execute("SELECT sql FROM sqlite_master WHERE sql LIKE '%entries%'")
    if [row[0] for row in made] != _STATEMENTS:
        raise QueueError(f"{path}: is damaged: its table is another one")
    given, kept = database.execute(_COUNTS).fetchone()
    if given != kept:
        raise QueueError(f"{path}: is damaged: it holds {kept} of {given} entries")


def _number(database: sqlite3.Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])
