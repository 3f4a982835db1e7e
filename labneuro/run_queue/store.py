"""A queue of runs in a file, safe for several processes."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from labneuro import workspace
from labneuro.errors import InputError
from labneuro.instruments.processes import is_alive
from labneuro.run_queue.database import open_database, telling, transaction
from labneuro.run_queue.entry import Job, QueueEntry, State
from labneuro.run_queue.rows import checksum, read_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from labneuro.instruments.processes import ProcessIdentity

FILE_NAME = "queue.sqlite3"
_ONE = "SELECT * FROM entries WHERE number = ?"


def default_queue() -> Path:
    """Return the queue of the user's workspace."""
    return workspace.workspaces()[0] / FILE_NAME


class QueueStore:
    """Entries of a queue in a file; a context manager.

    Every change is one transaction, on disk before the call returns. Several processes
    may work on one queue; the file must be on a disk of their machine.

    Parameters
    ----------
    path : path
        The file.
    create : bool
        Make it if there is none.

    Raises
    ------
    InputError
        If there is no such file and none is to be made.
    QueueError
        If the file cannot be opened or is no queue.
    """

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        self.path = Path(path).absolute()
        self._database = open_database(self.path, create=create)

    def add(self, job: Job) -> QueueEntry:
        """Append a job.

        Parameters
        ----------
        job : Job
            What to run.

        Returns
        -------
        QueueEntry
            It, waiting.

        Raises
        ------
        InputError
            If an entry that waits or runs will write the same run file.
        """
        values = vars(job) | {
            "changes": json.dumps(job.changes),
            "checksum": "",
            "added": _now(),
        }
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        with self._transaction():
            taken = self._select(
                "file IS NOT NULL AND folder = ? AND file = ? "
                "AND state IN ('waiting', 'running')",
                (job.folder, job.file),
            )
            if taken:
                raise InputError(
                    f"{Path(job.folder, job.file or '')}: entry {taken[0].number} of "
                    "the queue will write this file; choose another name"
                )
            added = self._database.execute(
                f"INSERT INTO entries ({names}) VALUES ({marks})",  # noqa: S608  our names
                values,
            )
            number = int(added.lastrowid or 0)
            self._seal(number)
        return self.entry(number)

    def entries(self) -> list[QueueEntry]:
        """Return all entries, in the order in which they were added."""
        with telling(self.path):
            return self._select("1", ())

    def entry(self, number: int) -> QueueEntry:
        """Return an entry.

        Raises
        ------
        InputError
            If there is none of that number.
        """
        with telling(self.path):
            found = self._select("CAST(number AS TEXT) = ?", (str(number),))
        if not found:
            raise InputError(f"{self.path}: there is no entry {number}")
        return found[0]

    def remove(self, number: int, *, force: bool = False) -> None:
        """Take an entry out of the queue; it stays in the file as removed.

        Parameters
        ----------
        number : int
            The entry.
        force : bool
            Also an entry of which cannot be told whether its process still runs.

        Raises
        ------
        InputError
            If there is no such entry, or it is running.
        """
        with self._transaction():
            entry = self.entry(number)
            if entry.state is State.REMOVED:
                raise InputError(f"{self.path}: entry {number} is removed already")
            alive = entry.runner is not None and is_alive(entry.runner)
            if entry.state is State.RUNNING and not (force and alive is None):
                unknown = "; whether that still runs cannot be told, --force removes it"
                raise InputError(
                    f"{self.path}: entry {number} is run by {entry.runner}"
                    f"{unknown if alive is None else ''}"
                )
            self._set(entry, state=State.REMOVED, ended=_now())

    def claim(
        self,
        runner: ProcessIdentity,
        *,
        bench_path: str | None = None,
        states: Iterable[State] = (State.WAITING,),
        avoid: Iterable[str] = (),
    ) -> QueueEntry | None:
        """Take the first entry whose bench nobody uses; from then on it is running.

        Parameters
        ----------
        runner : ProcessIdentity
            Who takes it.
        bench_path : str, optional
            Only an entry of this bench.
        states : iterable of State
            Which entries may be taken.
        avoid : iterable of str
            Paths of benches that are not to be used.

        Returns
        -------
        QueueEntry or None
            None if no entry can be taken.
        """
        wanted, unwanted = json.dumps(list(states)), json.dumps(list(avoid))
        with self._transaction():
            found = self._select(
                "state IN (SELECT value FROM json_each(?)) "
                "AND bench_path = coalesce(?, bench_path) AND bench_path NOT IN "
                "(SELECT bench_path FROM entries WHERE state = 'running' "
                "UNION SELECT value FROM json_each(?)) LIMIT 1",
                (wanted, bench_path, unwanted),
            )
            if not found:
                return None
            self._set(
                found[0],
                state=State.RUNNING,
                reason="",
                started=_now(),
                ended=None,
                host=runner.host,
                pid=runner.pid,
                process_start=runner.start,
            )
            return self.entry(found[0].number)

    def note_run_file(self, entry: QueueEntry, path: Path) -> None:
        """Keep where the run of an entry writes, before it does."""
        with self._transaction():
            self._set(entry, run_file=str(path))

    def end(self, entry: QueueEntry, state: State, reason: str = "") -> QueueEntry:
        """Keep how a run ended, unless somebody has settled that meanwhile.

        Parameters
        ----------
        entry : QueueEntry
            As it was claimed.
        state : State
            What became of it.
        reason : str
            Why, in one line.

        Returns
        -------
        QueueEntry
            As it stands now.
        """
        with self._transaction():
            now = self.entry(entry.number)
            if now.state is State.RUNNING and now.runner == entry.runner:
                fresh = {"started": None, "ended": None, "run_file": None}
                moments = fresh if state is State.WAITING else {"ended": _now()}
                self._set(now, state=state, reason=reason, **moments)
        return self.entry(entry.number)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _select(self, condition: str, values: tuple[object, ...]) -> list[QueueEntry]:
        where, _, limit = condition.partition(" LIMIT ")
        rows = self._database.execute(
            f"SELECT * FROM entries WHERE {where} ORDER BY number "  # noqa: S608  our words
            f"LIMIT {limit or -1}",
            values,
        ).fetchall()
        return [read_entry(row, self.path) for row in rows]

    def _set(self, entry: QueueEntry, **values: object) -> None:
        changes = ", ".join(f"{name} = :{name}" for name in values)
        self._database.execute(
            f"UPDATE entries SET {changes} WHERE number = :number",  # noqa: S608  our names
            values | {"number": entry.number},
        )
        self._seal(entry.number)

    def _seal(self, number: int) -> None:
        rows = self._database.execute(_ONE, (number,))
        self._database.execute(
            "UPDATE entries SET checksum = ? WHERE number = ?",
            (checksum(rows.fetchone()), number),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with telling(self.path), transaction(self._database):
            yield


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
