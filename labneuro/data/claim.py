"""The name of a new run, taken before any instrument is touched.

Whatever can be wrong with a file's name, its folder or the disk shows here, in one
line, and two runs that start in the same second never get the same name.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labneuro.data.disk import reason
from labneuro.data.journal import PART, SUFFIX
from labneuro.errors import RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAULTS = (OSError, RuntimeError)  # h5py raises either when a write fails
ROOM = 2**20  # bytes; a run file without readings takes a tenth of it
_MOST_NAMES = 10_000


@dataclass
class Claim:
    """A name that is ours.

    Attributes
    ----------
    path : Path
        The run file when it is complete.
    taken : bool
        Whether a writer has taken it over; then the end of the claim leaves its files.
    """

    path: Path
    taken: bool = False


def part_of(path: Path) -> Path:
    """Return the name of a run's file while the run goes on."""
    return path.with_name(path.name + PART)


def journal_of(path: Path) -> Path:
    """Return the name of a run's journal."""
    return path.with_name(path.name + SUFFIX)


@contextlib.contextmanager
def claim(
    path: Path, *, numbered: bool = False, resumed: bool = False
) -> Iterator[Claim]:
    """Take the name of a run; free it at the end unless a writer took it over.

    Parameters
    ----------
    path : Path
        Where the complete file will be; ends in ``.h5``.
    numbered : bool
        Take ``NAME-2.h5``, ``NAME-3.h5`` and so on where the name is not free.
    resumed : bool
        The file is there and will be continued.

    Yields
    ------
    Claim
        The name; its ``.part`` exists.

    Raises
    ------
    RunFileError
        If the name is taken, the folder is missing or may not be written, or the disk
        is full.
    """
    ours = _first_free(path) if numbered else Claim(path)
    if not numbered:
        _take(path, resumed=resumed)
    try:
        with refusing(ours.path):
            _try_room(part_of(ours.path))
        yield ours
    finally:
        if not ours.taken:
            part_of(ours.path).unlink(missing_ok=True)


def _first_free(path: Path) -> Claim:
    for number in itertools.count(1):
        name = path.name if number == 1 else f"{path.stem}-{number}{path.suffix}"
        one = path.with_name(name)
        others = (one, part_of(one), journal_of(one))
        if number < _MOST_NAMES and any(os.path.lexists(other) for other in others):
            continue
        try:
            _take(one, resumed=False)
        except RunFileError as error:
            # Another run was quicker: look for the next name.
            if isinstance(error.__cause__, FileExistsError) and number < _MOST_NAMES:
                continue
            raise
        return Claim(one)
    raise AssertionError("the numbers do not end")  # pragma: no cover


def _take(path: Path, *, resumed: bool) -> None:
    with refusing(path):
        _check_target(path, resumed=resumed)
        part_of(path).touch(exist_ok=False)  # from here on the name is ours


def _check_target(path: Path, *, resumed: bool) -> None:
    if path.suffix != ".h5":
        raise RunFileError(f"{path}: the name of a run file must end in .h5")
    if not path.parent.is_dir():
        raise RunFileError(f"{path}: there is no folder {str(path.parent)!r}")
    if path.exists() and not resumed:
        raise RunFileError(f"{path}: exists already; choose another name")
    journal = journal_of(path)
    if os.path.lexists(journal) and not os.path.lexists(part_of(path)):
        raise RunFileError(
            f"{journal}: exists: it may hold the readings of a killed run; see "
            f"'labneuro data recover {path}', or choose another name"
        )


def _try_room(part: Path) -> None:
    if not hasattr(os, "posix_fallocate"):  # only POSIX can ask
        return
    with part.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, ROOM)


@contextlib.contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn whatever the system raises at a new file into one line.

    Parameters
    ----------
    path : Path
        The run file.

    Raises
    ------
    RunFileError
        In place of any error of the system or of HDF5.
    """
    try:
        yield
    except RunFileError:
        raise
    except FileExistsError as error:
        raise RunFileError(
            f"{part_of(path)}: exists: another run is writing it, or was killed while "
            f"it did; see 'labneuro data recover {path}', or choose another name"
        ) from error
    except FAULTS as error:
        raise RunFileError(f"{path}: cannot be created: {reason(error)}") from error
