"""Whatever is not a run file is refused in one line that says what it is."""

import json
import subprocess
import sys

import h5py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.data.opening import as_text, open_run, read_array, read_json
from labneuro.data.reader import RunFile
from labneuro.errors import InvalidRunFileError, RunFileError


def foreign(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1


def later(path):
    with h5py.File(path, "w") as file:
        file.attrs["labneuro_format"] = 2


def no_entry(path):
    with h5py.File(path, "w") as file:
        file.attrs["labneuro_format"] = 1


def odd_format(path):
    with h5py.File(path, "w") as file:
        file.attrs["labneuro_format"] = "one"


@pytest.mark.parametrize(
    ("prepare", "error", "message"),
    [
        (lambda _: None, RunFileError, "no such file"),
        (lambda path: path.mkdir(), RunFileError, "is a folder"),
        (lambda path: path.write_bytes(b""), InvalidRunFileError, "is not an HDF5"),
        (lambda path: path.write_text("{}"), InvalidRunFileError, "is not an HDF5"),
        (foreign, InvalidRunFileError, "is HDF5, but not a run file of labneuro"),
        (later, InvalidRunFileError, "has format 2; this version reads format 1"),
        (no_entry, InvalidRunFileError, "has no group '/entry'"),
        (odd_format, InvalidRunFileError, "the root attributes cannot be read"),
    ],
)
def test_refused(tmp_path, prepare, error, message):
    """Each wrong file has its own line, which begins with its name."""
    path = tmp_path / "a.h5"
    prepare(path)
    with pytest.raises(RunFileError, match=message) as caught:
        RunFile.open(path)
    assert type(caught.value) is error
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_unreadable_file_is_refused(run_path, monkeypatch):
    """A file that may not be read is named with the system's reason."""

    def refuse(*_):
        raise PermissionError(13, "Unable to open")

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(RunFileError, match="may not be read: Permission denied"):
        open_run(run_path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.99])
def test_truncated_file_is_refused(run_path, share):
    """A file that lost its end is refused."""
    whole = run_path.read_bytes()
    run_path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InvalidRunFileError, match=r"is truncated|is not an HDF5"):
        open_run(run_path)


@given(st.binary(max_size=2000))
def test_no_bytes_make_a_traceback(tmp_path, content):
    """Bytes that are no HDF5 file are refused, also behind its signature."""
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    told = "is not an HDF5 file|is truncated|cannot be opened"
    with pytest.raises(InvalidRunFileError, match=told):
        open_run(path)


def test_file_being_written_is_refused(create, tmp_path):
    """A reader is told that live views do not come from the file."""
    script = (
        "import sys; from labneuro.data.opening import open_run; from pathlib import "
        "Path\ntry: open_run(Path(sys.argv[1]))\nexcept OSError as error: print(error)"
    )
    with create(tmp_path / "a.h5") as writer:
        answer = subprocess.run(
            [sys.executable, "-c", script, str(writer.part)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
    assert "is being written; a live view follows the run's events" in answer.stdout


def test_array_that_claims_more_than_the_file_is_not_read(tmp_path):
    """A small file cannot make a reader fill the memory."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        huge = file.create_dataset("x", shape=(10**12,), dtype="f8", chunks=(1024,))
        file.flush()
        with pytest.raises(ValueError, match="/x claims more data than the file"):
            read_array(huge)


def test_compressed_array_is_read(tmp_path):
    """A file that was repacked with compression stays readable."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        zeros = file.create_dataset("x", data=[0.0] * 50_000, compression="gzip")
        file.flush()
        assert (tmp_path / "a.h5").stat().st_size < zeros.nbytes
        assert read_array(zeros).size == 50_000


def test_text_is_read_however_it_is_kept():
    """HDF5 gives bytes or text; numbers are no text."""
    assert as_text(b"\xc2\xb5") == as_text("µ") == "µ"
    with pytest.raises(TypeError, match="int in place of text"):
        as_text(1)


def test_json_must_be_a_mapping(tmp_path):
    """Parameters that are no mapping are refused."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = json.dumps([1, 2])
        with pytest.raises(TypeError, match="JSON of list, not of a mapping"):
            read_json(file, "x")
