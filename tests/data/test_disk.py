"""The disk is asked for room before HDF5 writes."""

import errno
import os
import resource
from contextlib import contextmanager

import h5py
import pytest

from labneuro.data.disk import flush_and_trim, reason, reserve


@contextmanager
def largest_file(size):
    """Let no file grow beyond `size` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_room_is_reserved_and_given_back(tmp_path):
    """The file has the room meanwhile, and its own size in the end."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.flush()
        before = path.stat().st_size
        reserve(file, 100_000)
        assert path.stat().st_size >= before + 100_000
        flush_and_trim(file)
    assert path.stat().st_size == before


def test_reserving_keeps_what_is_there(tmp_path):
    """Reserved room changes no data."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = range(100)
        reserve(file, 100_000)
        reserve(file, 100_000)
        file["y"] = range(1000)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["x"][99] == 99
        assert file["y"][999] == 999


def test_no_room_is_refused_and_the_file_stays_whole(tmp_path):
    """A refusal comes before HDF5 has written anything."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = range(100)
        file.flush()
        with (
            largest_file(path.stat().st_size + 1000),
            pytest.raises(OSError, match="File too large"),
        ):
            reserve(file, 100_000)
        flush_and_trim(file)
    with h5py.File(path) as file:
        assert list(file["x"]) == list(range(100))


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (OSError(errno.EACCES, "anything"), os.strerror(errno.EACCES)),
        (
            RuntimeError(
                "Can't write\n(errno = 28, error message = 'x',\n offset = 1)"
            ),
            os.strerror(errno.ENOSPC),
        ),
        (KeyError("a b\n c"), "'a b\\n c'"),
        (ValueError("one\n  two"), "one two"),
        (ValueError("x" * 999), "x" * 200),
        (SystemError("<cyfunction>"), "the HDF5 library failed"),
    ],
)
def test_reason_is_one_line(error, wanted):
    """Long messages of HDF5 become the system's own words."""
    assert reason(error) == wanted
