"""The writer of run files: created whole up front, appended block by block.

While a run goes on its file is ``NAME.h5.part`` with the journal
``NAME.h5.journal.jsonl`` beside it; when the run ends, well or badly, it becomes
``NAME.h5`` and the journal goes.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import threading
import time
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import h5py
import numpy as np

from labneuro.data import nexus
from labneuro.data.claim import FAULTS, Claim, claim, journal_of, part_of, refusing
from labneuro.data.columns import plot_arrays, table_arrays
from labneuro.data.disk import flush_and_trim, reason, reserve, sync_folder
from labneuro.data.journal import Block, Event, JournalWriter
from labneuro.data.layout import READINGS
from labneuro.data.provenance import InstrumentRecord, Provenance, software_versions
from labneuro.data.reader import RunFile
from labneuro.errors import LabneuroError, RunFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from numpy.typing import ArrayLike

    from labneuro.data.layout import RunLayout

__all__ = ["InstrumentRecord", "Provenance", "RunWriter", "journal_of", "part_of"]

COMPLETED = "completed"
INTERRUPTED = "interrupted"


class RunWriter:
    """Write the file of one run.

    Made by :meth:`create` or :meth:`resume`; used as a context manager, it finishes the
    file on leaving: as ``"completed"``, or, on an exception, as ``status`` says or
    ``"failed: ..."``.

    Attributes
    ----------
    path, part : Path
        The file when the run is complete, and while it goes on.
    layout : RunLayout
        What is stored.
    status : str or None
        Set it to say why a run ends early; an exception alone says ``"failed: ..."``.
    """

    def __init__(
        self, path: Path, file: h5py.File, journal: JournalWriter, layout: RunLayout
    ) -> None:
        entry = file[nexus.ENTRY]
        self.path = path
        self.part = part_of(path)
        self.layout = layout
        self.status: str | None = None
        self._file = file
        self._journal = journal
        self._entry = entry
        self._columns = [entry[READINGS][column.name] for column in layout.readings]
        self._table = entry["blocks/table"]
        self._events = [entry["events"][name] for name in nexus.EVENTS]
        self._rows = int(self._columns[0].shape[0])
        self._blocks = int(self._table.shape[0])
        self._event_count = int(self._events[0].shape[0])
        self._resumed = False
        self._started = time.monotonic() - float(entry["duration"][()]) * 1e-3
        self._open = True
        self._lock = threading.RLock()

    @classmethod
    def create(
        cls,
        path: str | Path | Claim,
        layout: RunLayout,
        provenance: Provenance,
        instruments: Sequence[InstrumentRecord],
        *,
        fsync_interval: float = 1.0,
    ) -> RunWriter:
        """Create the file of a run, everything in it that is known before the run.

        Parameters
        ----------
        path : path or Claim
            Where the complete file will be; ends in ``.h5``.
        layout : RunLayout
            What the run stores.
        provenance : Provenance
            What the run is.
        instruments : sequence of InstrumentRecord
            The instruments of the bench.
        fsync_interval : float
            Longest time in s that acknowledged readings may wait for their fsync.

        Returns
        -------
        RunWriter
            Ready for readings.

        Raises
        ------
        RunFileError
            If the file exists, or cannot be written where it should be.
        """
        if not isinstance(path, Claim):
            with claim(Path(path)) as claimed:
                return cls.create(
                    claimed,
                    layout,
                    provenance,
                    instruments,
                    fsync_interval=fsync_interval,
                )
        with refusing(path.path):
            image = _new_image(path.path.name, layout, provenance, instruments)
            lines = partial(
                JournalWriter, image=image, fsync_interval=fsync_interval, base=None
            )
            fill = partial(part_of(path.path).write_bytes, image)
            return cls._begin(path, layout, lines, fill)

    @classmethod
    def resume(cls, claimed: Claim, *, fsync_interval: float = 1.0) -> RunWriter:
        """Continue the finished file of a run that did not complete.

        The file stays as it is until the run ends; what comes is written to a copy.

        Parameters
        ----------
        claimed : Claim
            Its name, claimed with ``resumed=True``.
        fsync_interval : float
            Longest time in s that acknowledged readings may wait for their fsync.

        Returns
        -------
        RunWriter
            Ready for further readings; :attr:`rows` counts those that are there.

        Raises
        ------
        RunFileError
            If the file cannot be read or copied, or its run is completed.
        """
        path = claimed.path
        with RunFile.open(path) as run:
            if run.status == COMPLETED or run.unfinished:
                raise RunFileError(f"{path}: status {run.status!r}: nothing to resume")
            base, layout = run.base(), run.layout
        with refusing(path):
            lines = partial(
                JournalWriter, image=b"", fsync_interval=fsync_interval, base=base
            )
            fill = partial(shutil.copyfile, path, part_of(path))
            return cls._begin(claimed, layout, lines, fill, resumed=True)

    @classmethod
    def _begin(
        cls,
        claimed: Claim,
        layout: RunLayout,
        lines: Callable[[Path, str], JournalWriter],
        fill: Callable[[], object],
        *,
        resumed: bool = False,
    ) -> RunWriter:
        """Write the journal, then the file; a kill in between loses nothing."""
        path = claimed.path
        with contextlib.ExitStack() as undo:
            journal = lines(journal_of(path), path.name)
            undo.callback(journal_of(path).unlink)
            undo.callback(journal.close)
            fill()
            sync_folder(path.parent)
            file = h5py.File(part_of(path), "r+")
            undo.callback(file.close)
            writer = cls(path, file, journal, layout)
            if resumed:
                writer._reopen()
            claimed.taken = True
            undo.pop_all()
        return writer

    def _reopen(self) -> None:
        """Let the copy of a finished file say that its run goes on."""
        self._resumed = True
        self._entry.attrs.modify("status", nexus.status_text(nexus.RUNNING))
        self._entry["end_time"][()] = ""
        self._file.flush()

    @property
    def rows(self) -> int:
        """Number of acknowledged readings."""
        return self._rows

    def append(self, step: int, rows: Mapping[str, ArrayLike]) -> None:
        """Append readings; they are acknowledged when this returns.

        Parameters
        ----------
        step : int
            The step of the plan that they belong to.
        rows : mapping of str to array_like, shape (n,)
            Exactly the columns of the layout, each in its unit.

        Raises
        ------
        RunFileError
            If the columns do not fit the layout, or cannot be stored; then none of
            these rows counts.
        """
        arrays = table_arrays(self.layout.readings, rows)
        data = b"".join(array.tobytes() for array in arrays)
        with self._storing(f"readings of step {step}"):
            count = arrays[0].size
            last = self._last_time(rows)
            block = Block(step, self._rows, count, zlib.crc32(data), last)
            reserve(self._file, _room(len(data), len(arrays)))
            for dataset, array in zip(self._columns, arrays, strict=True):
                _extend(dataset, self._rows, array)
            entry = (
                *list(vars(block).values())[:-1],
                math.nan if last is None else last,
            )
            _extend(self._table, self._blocks, np.array([entry], nexus.BLOCK))
            self._file.flush()
            self._journal.block(block, data)
            self._rows += count
            self._blocks += 1

    def update(
        self,
        plot: str,
        /,
        signal: ArrayLike | None = None,
        errors: ArrayLike | None = None,
        **columns: ArrayLike,
    ) -> None:
        """Rewrite columns of a plot.

        Parameters
        ----------
        plot : str
            Name of the plot.
        signal, errors : array_like, optional
            The signal and its standard errors, of the plot's shape.
        **columns : array_like
            Its auxiliary and further columns by name.

        Raises
        ------
        RunFileError
            If a name or a shape does not fit the layout, or storing fails.
        """
        named = {"signal": signal, "errors": errors}
        given = {name: one for name, one in named.items() if one is not None}
        values = plot_arrays(self.layout.plot(plot), {**columns, **given})
        with self._storing(f"plot {plot}"):
            for name, array in values.items():
                self._entry[plot][name][...] = array
            self._file.flush()

    def log(self, kind: str, message: str, time: float) -> None:
        """Add a line to the event log.

        Parameters
        ----------
        kind : str
            One word, such as ``"step"`` or ``"warning"``.
        message : str
            One line for people.
        time : float
            The bench's clock in s.

        Raises
        ------
        RunFileError
            If it cannot be stored.
        """
        event = Event(float(time), nexus.clean(kind), nexus.clean(message))
        with self._storing("an event"):
            reserve(self._file, _room(len(message), len(self._events)))
            for dataset, value in zip(self._events, vars(event).values(), strict=True):
                _extend(dataset, self._event_count, [value])
            self._file.flush()
            self._journal.event(event)
            self._event_count += 1

    def finish(self, status: str = COMPLETED) -> None:
        """Close the run and give its file its name.

        Parameters
        ----------
        status : str
            How the run ended, kept in the file.

        Raises
        ------
        RunFileError
            If that fails; the message says where the readings are.
        """
        with self._lock:
            if not self._open:
                return
            self._open = False
            try:
                self._complete(status)
            except FAULTS as error:
                raise RunFileError(
                    f"{self.path}: the file could not be completed: {reason(error)}; "
                    f"its {self._rows} readings are in {self.part.name} and in the "
                    "journal beside it"
                ) from error

    def _complete(self, status: str) -> None:
        try:
            self._trim()
            self._entry.attrs.modify("status", nexus.status_text(status))
            self._entry["end_time"][()] = nexus.now()
            lasted = round((time.monotonic() - self._started) * 1e3)
            self._entry["duration"][()] = lasted
            flush_and_trim(self._file)
        finally:
            self._journal.close()
            self._file.close()
        if self.path.exists() and not self._resumed:
            raise FileExistsError(f"{self.path.name} has appeared meanwhile")
        self.part.replace(self.path)
        sync_folder(self.path.parent)
        journal_of(self.path).unlink(missing_ok=True)

    def _trim(self) -> None:
        """Drop what was written but never acknowledged."""
        for dataset in self._columns:
            _shrink(dataset, self._rows)
        _shrink(self._table, self._blocks)
        for dataset in self._events:
            _shrink(dataset, self._event_count)

    def _last_time(self, rows: Mapping[str, ArrayLike]) -> float | None:
        axis = np.asarray(rows[self.layout.readings_axis])
        last = float(axis[-1]) if axis.size else math.nan
        return last if math.isfinite(last) else None

    @contextlib.contextmanager
    def _storing(self, what: str) -> Iterator[None]:
        with self._lock:
            if not self._open:
                raise RunFileError(f"{self.path}: {what}: the run is finished")
            try:
                yield
            except FAULTS as error:
                raise RunFileError(
                    f"{self.part}: {what} could not be stored: {reason(error)}; the "
                    f"{self._rows} readings before are kept"
                ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish(self.status or COMPLETED)
            return
        try:
            self.finish(self.status or _ending(error))
        except RunFileError as second:  # the first error is the one to show
            error.add_note(str(second))


def _ending(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return f"failed: {error if isinstance(error, LabneuroError) else repr(error)}"


def _new_image(
    name: str,
    layout: RunLayout,
    provenance: Provenance,
    instruments: Sequence[InstrumentRecord],
) -> bytes:
    """Return the new file's bytes, so that it appears on disk whole or not at all."""
    with h5py.File(name, "w", driver="core", backing_store=False) as file:
        versions = software_versions()
        nexus.create_tree(file, name, layout, provenance, instruments, versions)
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def _room(data: int, datasets: int) -> int:
    """Return the bytes that HDF5 may need for some data: whole chunks, their index."""
    return data + data // 16 + 32_768 * (datasets + 1)


def _extend(dataset: h5py.Dataset, first: int, values: Any) -> None:  # noqa: ANN401  an array or a list of text
    dataset.resize((first + len(values),))
    dataset[first:] = values


def _shrink(dataset: h5py.Dataset, rows: int) -> None:
    if dataset.shape[0] > rows:
        dataset.resize((rows,))
