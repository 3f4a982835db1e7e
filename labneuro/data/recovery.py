"""Recover the run that a killed process left: a part, a journal, or both.

The journal is the authority: it holds every acknowledged reading. The part serves where
there is no readable journal, and for plots that nothing can compute again. Nothing is
removed before the recovered file is on disk, checked and in its place.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from labneuro.data import nexus
from labneuro.data.claim import ROOM, journal_of, part_of
from labneuro.data.disk import flush_and_trim, reason, sync_folder
from labneuro.data.file_lock import take_lock
from labneuro.data.journal import PART, SUFFIX, Event, JournalContent, read_journal
from labneuro.data.opening import FAULTS, reading
from labneuro.data.reader import RunFile
from labneuro.data.rebuilding import (
    Salvage,
    append_events,
    append_readings,
    copied_plots,
    end_run,
    keep_whole_blocks,
    write_plots,
)
from labneuro.data.validation import validate
from labneuro.errors import InvalidRunFileError, LabneuroError, RunFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import ArrayLike

    Replot = Callable[[RunFile], Mapping[str, Mapping[str, ArrayLike]]]

RECOVERED = "recovered"
_UNFINISHED = f"/{nexus.ENTRY}@status"
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Recovery:
    """What was recovered.

    Attributes
    ----------
    path : Path
        The run file; it is valid.
    readings, steps, events : int
        What it holds.
    torn : int
        Lines of the journal that were not whole: never acknowledged, or damaged later.
    lost : int
        Acknowledged blocks that stand behind a damaged line and are not in the file.
    source : str
        ``"journal"``, ``"part"``, or ``"complete"`` where the run had been finished and
        only its journal was left over.
    """

    path: Path
    readings: int
    steps: int
    events: int
    torn: int
    lost: int
    source: str


def run_path(path: str | Path) -> Path:
    """Return the run file that a part, a journal or the file itself stands for."""
    path = Path(path)
    for ending in (SUFFIX, PART):
        if path.name.endswith(ending):
            return path.with_name(path.name.removesuffix(ending))
    return path


def needs_recovery(path: Path) -> bool:
    """Return whether a killed or a live run left a part or a journal.

    Parameters
    ----------
    path : Path
        The run file.
    """
    return part_of(path).exists() or journal_of(path).exists()


def recover(path: str | Path, replot: Replot | None = None) -> Recovery:
    """Make a valid run file of what a killed run left.

    Parameters
    ----------
    path : path
        ``NAME.h5``, which is missing or cannot be read, ``NAME.h5.part`` or
        ``NAME.h5.journal.jsonl``.
    replot : callable, optional
        Returns the plots of a run from its readings; without it, and where it fails,
        they come from the part, or stay empty and an event says so.

    Returns
    -------
    Recovery
        What the file holds.

    Raises
    ------
    RunFileError
        If there is nothing to recover, a live process writes the run, or the result
        cannot be stored; then everything is left as it was.
    InvalidRunFileError
        If neither journal nor part can be read.
    """
    target = run_path(path)
    if not needs_recovery(target):
        raise RunFileError(
            f"{target}: nothing to recover: there is neither {part_of(target).name} "
            f"nor {journal_of(target).name}"
        )
    try:
        with _ours(target):
            return _recover(target, replot)
    except RunFileError:
        raise
    except FAULTS as error:
        raise RunFileError(f"{target}: cannot be recovered: {reason(error)}") from error


@contextlib.contextmanager
def _ours(target: Path) -> Iterator[None]:
    """Hold the locks of journal and part, so that no live run is touched."""
    with contextlib.ExitStack() as held:
        for one in (journal_of(target), part_of(target)):
            if not one.is_file():
                continue
            file = held.enter_context(one.open("rb"))
            if not take_lock(file.fileno()):
                raise RunFileError(f"{target}: {_owner(target)}")
            if one == part_of(target):
                file.close()  # the HDF5 library wants the lock for itself
        yield


def _owner(target: Path) -> str:
    try:
        writer = read_journal(journal_of(target)).writer
    except InvalidRunFileError:
        writer = "another process"
    return f"is being written by {writer}; there is nothing to recover yet"


def _recover(target: Path, replot: Replot | None) -> Recovery:
    finished = target.is_file() and not validate(target)
    if _never_began(target):
        _remove_leftovers(target)
        if not finished:
            raise RunFileError(
                f"{target}: nothing to recover: the run was killed before it began; "
                "its empty part was removed"
            )
        return _already_there(target, None)
    content, damage = _content(target)
    if finished and (content is None or not _continues(content, target)):
        return _already_there(target, content)
    if content is not None and content.base is not None and not finished:
        raise InvalidRunFileError(
            f"{target}: the journal continues this file, but it is missing or damaged"
        )
    salvage = Salvage(target, part_of(target), content)
    if damage:
        salvage.note(damage)
    with _temporary(target) as file:
        _start(file, target, salvage)
        rows = _fill(file, salvage, replot)
        problems = validate(file)
        if problems:
            first = problems[0]
            raise RunFileError(
                f"{target}: what was recovered is not valid: {first.path}: "
                f"{first.message}; journal and part are kept"
            )
        _put(file, target, replace=finished)
    _remove_leftovers(target)
    return rows


def _content(target: Path) -> tuple[JournalContent | None, str]:
    """Return the journal, or None and what is wrong with it."""
    journal = journal_of(target)
    if not journal.is_file():
        return None, f"there was no {journal.name}; the readings come from the part"
    try:
        return read_journal(journal), ""
    except InvalidRunFileError as error:
        if not _is_hdf5(part_of(target)):
            raise
        text = str(error).removeprefix(f"{journal}: ")
        return None, f"{journal.name} {text}; the readings come from the part"


def _never_began(target: Path) -> bool:
    """Whether a kill came between the claim of a name and the end of its first line."""
    part, journal = part_of(target), journal_of(target)
    if not part.is_file() or part.stat().st_size > ROOM or any(part.read_bytes()):
        return False
    return not journal.is_file() or b"\n" not in journal.read_bytes()


def _is_hdf5(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_HDF5)) == _HDF5


def _continues(content: JournalContent, target: Path) -> bool:
    """Whether a journal continues a finished file, as that of a resumed run does."""
    if content.base is None:
        return False
    with RunFile.open(target) as run:
        return run.base() == content.base


def _already_there(target: Path, content: JournalContent | None) -> Recovery:
    """Remove what a kill at the very end, or the very beginning, left over."""
    with RunFile.open(target) as run:
        rows, blocks, events = run.rows, run.blocks(), run.events()
    part = part_of(target)
    left = 0
    if content is not None:
        left = content.rows + (content.base.rows if content.base else 0)
    elif _is_hdf5(part):
        _check_openable(part, str(part))
        with RunFile.open(part) as run:
            left = run.rows
    if left > rows:
        raise RunFileError(
            f"{target}: exists already, with fewer readings than {part.name} and its "
            "journal hold; move it away first"
        )
    _remove_leftovers(target)
    return Recovery(target, rows, len(blocks), len(events), 0, 0, "complete")


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(".tmp", f".{target.name}.", target.parent)
    os.close(handle)
    path = Path(name)
    try:
        known = [one for one in (journal_of(target), part_of(target)) if one.exists()]
        path.chmod(known[0].stat().st_mode & 0o777)
        yield path
    except RunFileError as error:  # nobody knows the name of the temporary file
        raise type(error)(str(error).replace(str(path), str(target))) from error
    finally:
        path.unlink(missing_ok=True)


def _start(file: Path, target: Path, salvage: Salvage) -> None:
    """Write the file as it was before the journal's first block."""
    content = salvage.content
    if content is None:
        _start_from_part(file, salvage)
        return
    if content.base is not None:
        file.write_bytes(target.read_bytes())
        return
    file.write_bytes(content.image)
    _check_openable(file, f"{journal_of(target)}: the image of the run")


def _start_from_part(file: Path, salvage: Salvage) -> None:
    if not _is_hdf5(salvage.part):
        raise InvalidRunFileError(
            f"{salvage.part}: is not HDF5, and there is no journal beside it"
        )
    file.write_bytes(salvage.part.read_bytes())
    _check_openable(file, str(salvage.part))


def _check_openable(file: Path, what: str) -> None:
    """Let another process look first: the HDF5 library crashes on some damage."""
    for problem in validate(file):
        if problem.path == "/":
            raise InvalidRunFileError(f"{what} {problem.message}")


def _fill(file: Path, salvage: Salvage, replot: Replot | None) -> Recovery:
    content = salvage.content
    with _opened(file, salvage) as run:
        if content is None:
            keep_whole_blocks(run)
        else:
            where = str(journal_of(salvage.target))
            append_readings(run, content.blocks, where)
            append_events(run, content.events)
        run[nexus.ENTRY].attrs.modify("status", nexus.status_text(nexus.RUNNING))
    plots, note = _plots(file, salvage, replot)
    if note:
        salvage.note(note)
    with _opened(file, salvage) as run:
        entry = run[nexus.ENTRY]
        for error in write_plots(entry, plots):
            salvage.note(error)
        rows = int(entry["blocks/table"]["count"].sum())
        steps = len(np.unique(entry["blocks/table"]["step"]))
        torn, lost = (content.torn, content.lost) if content else (0, 0)
        status = f"{RECOVERED}: {rows} readings of {steps} steps after a kill"
        if lost:
            salvage.note(f"{lost} blocks behind a damaged line of the journal are lost")
        append_events(run, [Event(0.0, RECOVERED, one) for one in salvage.notes])
        append_events(run, [Event(0.0, RECOVERED, status)])
        end_run(entry, status, salvage)
        events = int(entry["events/time"].shape[0])
        flush_and_trim(run)
    return Recovery(
        salvage.target,
        rows,
        steps,
        events,
        torn,
        lost,
        "journal" if content else "part",
    )


@contextlib.contextmanager
def _opened(file: Path, salvage: Salvage) -> Iterator[h5py.File]:
    with reading(salvage.target, "what is left"), h5py.File(file, "r+") as run:
        yield run


def _plots(
    file: Path, salvage: Salvage, replot: Replot | None
) -> tuple[Mapping[str, Mapping[str, Any]], str]:
    """Return the plots: computed again, else from the part, else none, and why."""
    failure = "nothing is known that computes them"
    with RunFile.open(file) as run:
        if run.rows == 0:
            return {}, ""
        if replot is not None:
            try:
                return replot(run), ""
            except LabneuroError as error:
                failure = str(error)
        layout, rows = run.layout, run.rows
    if salvage.content is None:
        return {}, f"plots are as the part had them: {failure}"
    if _is_hdf5(salvage.part) and _only_unfinished(salvage.part):
        with contextlib.suppress(RunFileError), RunFile.open(salvage.part) as run:
            if run.rows == rows:
                return copied_plots(run, layout), f"plots come from the part: {failure}"
    return {}, f"plots could not be drawn again: {failure}"


def _only_unfinished(part: Path) -> bool:
    return all(problem.path == _UNFINISHED for problem in validate(part))


def _put(file: Path, target: Path, *, replace: bool) -> None:
    """Give the recovered file its name; whatever unreadable has it is moved away."""
    if replace:
        file.replace(target)
    else:
        if os.path.lexists(target):
            target.rename(_spare_name(target))
        try:
            os.link(file, target)  # unlike a rename it never replaces anything
        except FileExistsError as error:
            raise RunFileError(f"{target}: has appeared meanwhile") from error
        except OSError:  # a file system without links
            file.rename(target)
    sync_folder(target.parent)


def _spare_name(target: Path) -> Path:
    number = 1
    while True:
        ending = "" if number == 1 else f"-{number}"
        spare = target.with_name(f"{target.name}.damaged{ending}")
        if not os.path.lexists(spare):
            return spare
        number += 1


def _remove_leftovers(target: Path) -> None:
    # The journal last: as long as it is there, everything is.
    part_of(target).unlink(missing_ok=True)
    journal_of(target).unlink(missing_ok=True)
    sync_folder(target.parent)
