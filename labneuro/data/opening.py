"""Open a run file with a clear word where that fails, and read from it with care.

Nothing in a file is trusted: a damaged or hostile one must end in one line, never in a
traceback or in an attempt to read more than the file holds.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from labneuro.data.disk import reason
from labneuro.data.nexus import ENTRY, FORMAT, JSON_TEXTS
from labneuro.errors import InvalidRunFileError, RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# What h5py and our own reading raise on a damaged file.
FAULTS = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
    MemoryError,
    OverflowError,
    SystemError,
)
_MEANINGS = (
    ("file signature not found", "is not an HDF5 file"),
    ("truncated file", "is truncated: its end is missing"),
    ("unable to lock file", "is being written; a live view follows the run's events"),
    (
        "already open for write",
        "is being written; a live view follows the run's events",
    ),
)
_LARGEST_DEFLATION = 1100  # deflate shrinks at most 1032-fold (zlib technical notes)


def open_run(path: Path) -> h5py.File:
    """Open a run file for reading.

    Parameters
    ----------
    path : Path
        A run file, complete or ``.part``.

    Returns
    -------
    h5py.File
        Open for reading.

    Raises
    ------
    RunFileError
        If there is no such file, or it cannot be opened now.
    InvalidRunFileError
        If it is no run file: not HDF5, truncated, foreign, or of a later format.
    """
    if path.is_dir():
        raise RunFileError(f"{path}: is a folder, not a run file")
    if not path.exists():
        raise RunFileError(f"{path}: no such file")
    try:
        file = h5py.File(path, "r")
    except FAULTS as error:
        raise _opening_error(path, error) from error
    try:
        with reading(path, "the root attributes"):
            _check_format(path, file)
    except BaseException:
        file.close()
        raise
    return file


def _opening_error(path: Path, error: Exception) -> RunFileError:
    for sign, meaning in _MEANINGS:
        if sign in str(error):
            kind = RunFileError if "being written" in meaning else InvalidRunFileError
            return kind(f"{path}: {meaning}")
    if isinstance(error, PermissionError):
        return RunFileError(f"{path}: may not be read: {reason(error)}")
    return InvalidRunFileError(f"{path}: cannot be opened: {reason(error)}")


def _check_format(path: Path, file: h5py.File) -> None:
    version = file.attrs.get("labneuro_format")
    if version is None:
        raise InvalidRunFileError(
            f"{path}: is HDF5, but not a run file of labneuro (it has no attribute "
            "'labneuro_format')"
        )
    if int(version) != FORMAT:
        raise InvalidRunFileError(
            f"{path}: has format {int(version)}; this version reads format {FORMAT}"
        )
    if not isinstance(file.get(ENTRY), h5py.Group):
        raise InvalidRunFileError(f"{path}: has no group '/{ENTRY}'")
    _check_closed(path, file)


def _check_closed(path: Path, file: h5py.File) -> None:
    """Refuse a file that would make its reader read other files."""

    def is_external(name: str, link: Any) -> str | None:  # noqa: ANN401  of h5py
        return name if isinstance(link, h5py.ExternalLink) else None

    def is_elsewhere(name: str, item: Any) -> str | None:  # noqa: ANN401  of h5py
        inside = not isinstance(item, h5py.Dataset)
        return None if inside or not (item.external or item.is_virtual) else name

    leading = file.visititems_links(is_external) or file.visititems(is_elsewhere)
    if leading is not None:
        raise InvalidRunFileError(
            f"{path}: '/{leading}' leads to another file; a run file holds all its data"
        )


@contextlib.contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever reading a damaged file raises into one line.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What is being read.

    Raises
    ------
    InvalidRunFileError
        In place of any error of h5py, NumPy or JSON.
    """
    try:
        yield
    except InvalidRunFileError:
        raise
    except FAULTS as error:
        raise InvalidRunFileError(
            f"{path}: {what} cannot be read: {reason(error)}"
        ) from error


def as_text(value: object) -> str:
    """Return an attribute or a scalar as text, however HDF5 kept it."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, str):
        return value
    raise TypeError(f"{type(value).__name__} in place of text")


def read_text(parent: h5py.Group, name: str) -> str:
    """Return a scalar of text.

    Raises
    ------
    LookupError, TypeError, ValueError
        If there is none, or it is no text.
    """
    return as_text(parent[name][()])


def read_json(parent: h5py.Group, name: str) -> dict[str, Any]:
    """Return a mapping that was stored as JSON.

    Raises
    ------
    LookupError, TypeError, ValueError
        If there is none, or it is no such mapping.
    """
    value = json.loads(read_text(parent, name))
    if not isinstance(value, dict):
        raise TypeError(f"{name}: JSON of {type(value).__name__}, not of a mapping")
    return value


def read_array(dataset: h5py.Dataset) -> NDArray[Any]:
    """Return a whole data set, unless it claims to be larger than its file.

    Raises
    ------
    ValueError
        If it does.
    """
    size = Path(dataset.file.filename).stat().st_size
    if dataset.compression is not None:
        size *= _LARGEST_DEFLATION
    if dataset.nbytes > size:
        raise ValueError(f"{dataset.name} claims more data than the file has bytes")
    return np.asarray(dataset[()])


def read_configuration(entry: h5py.Group) -> dict[str, Any]:
    """Return the configuration of a run: texts, parsed JSON, seed.

    Parameters
    ----------
    entry : h5py.Group
        The NXentry of a run file.

    Returns
    -------
    dict
        By the names in the file; ``card_text`` and ``seed`` are None where absent.
    """
    group = entry["configuration"]
    content: dict[str, Any] = {"card_text": None, "seed": None}
    for name in group:
        if name in JSON_TEXTS:
            content[name] = read_json(group, name)
        elif name == "seed":
            content[name] = int(group[name][()])
        elif name == "simulated":
            content[name] = bool(group[name][()])
        else:
            content[name] = read_text(group, name)
    return content
