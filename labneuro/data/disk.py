"""The disk under a run file: space ahead of time, names that survive a reset."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import h5py

_ERROR_NUMBER = re.compile(r"errno = (\d+)")
_LONGEST_REASON = 200


def reserve(file: h5py.File, size: int) -> None:
    """Make sure that a file can grow, before HDF5 starts to write.

    A disk that fills up within a flush leaves HDF5 with a file that it can neither
    complete nor close; asked beforehand, the disk refuses and the file stays whole.

    Parameters
    ----------
    file : h5py.File
        A file open for writing.
    size : int
        Bytes that it may grow by.

    Raises
    ------
    OSError
        If the disk has not that much.
    """
    if not hasattr(os, "posix_fallocate"):  # only POSIX can ask
        return
    handle = file.id.get_vfd_handle()
    end = file.id.get_filesize()
    if os.fstat(handle).st_size < end + size:
        os.posix_fallocate(handle, end, size)


def flush_and_trim(file: h5py.File) -> None:
    """Force a file onto the disk and give back what :func:`reserve` took.

    Parameters
    ----------
    file : h5py.File
        A file open for writing, about to be closed.
    """
    file.flush()
    handle = file.id.get_vfd_handle()
    os.ftruncate(handle, file.id.get_filesize())
    os.fsync(handle)


def sync_folder(folder: Path) -> None:
    """Make a new or changed name in a folder survive a reset of the machine.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    if not hasattr(os, "O_DIRECTORY"):  # only POSIX can open a folder
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reason(error: BaseException) -> str:
    """Return why an operation failed, in one line.

    Parameters
    ----------
    error : BaseException
        An error of the system, or of HDF5, whose messages run over many lines.

    Returns
    -------
    str
        The system's own words where there is an error number.

    Examples
    --------
    >>> reason(OSError(28, "No space left on device"))
    'No space left on device'
    """
    if isinstance(error, SystemError):
        return "the HDF5 library failed"
    text = " ".join(str(error).split())
    found = _ERROR_NUMBER.search(text)
    number = getattr(error, "errno", None) or (int(found[1]) if found else 0)
    return os.strerror(number) if number else text[:_LONGEST_REASON]
