"""The validator withstands any file, also those that break the HDF5 library."""

import sys

import h5py
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labneuro.data import validation
from labneuro.data.validation import Problem, validate


def test_valid_run(run_path):
    """A run as written is valid."""
    assert validate(run_path) == []
    assert validate(str(run_path)) == []


def test_problems_come_back(run_path):
    """What the checks find is told with its place."""
    with h5py.File(run_path, "r+") as file:
        file["entry/readings/current"][7] = 0.0
        del file["entry"].attrs["default"]
    assert [problem.path for problem in validate(run_path)] == [
        "/entry@default",
        "/entry/readings",
        "/entry",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "is not an HDF5 file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(500), "cannot be opened"),
    ],
)
def test_no_run_file_is_one_problem(tmp_path, content, message):
    """Whatever is no run file is one problem at the root."""
    path = tmp_path / "a file.h5"
    if content is not None:
        path.write_bytes(content)
    (problem,) = validate(path)
    assert problem.path == "/"
    assert message in problem.message


@given(st.data())
@settings(max_examples=8)
def test_damaged_file_is_never_a_traceback(write_run, tmp_path_factory, data):
    """Bytes overwritten anywhere are found or harmless; nothing crashes or hangs."""
    path = write_run(tmp_path_factory.mktemp("damaged") / "a.h5")
    content = bytearray(path.read_bytes())
    # Most of what HDF5 needs to find its way lies in bytes that are not zero.
    used = [index for index, byte in enumerate(content) if byte]
    places = data.draw(st.lists(st.sampled_from(used), min_size=1, max_size=20))
    for place in places:
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    for problem in validate(path):
        assert problem.path.startswith("/")
        assert "\n" not in problem.message
        assert "could not be checked" not in problem.message


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("kill -SEGV $$", "is so damaged that the HDF5 library crashes on it"),
        ("exec tail -f /dev/null", "is so damaged that the HDF5 library hangs on it"),
        ("echo No module >&2; exit 1", "could not be checked: No module"),
        ("exit 1", "could not be checked: no reason given"),
    ],
)
def test_failing_checker_is_a_problem(run_path, monkeypatch, script, message):
    """A checker that dies or hangs on a file is told as a problem of the file."""
    fake = run_path.parent / "python"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    monkeypatch.setattr(validation, "_TIME_LIMIT", 0.5)
    assert validate(run_path) == [Problem("/", message)]


def test_modules_of_the_current_folder_are_not_run(run_path, monkeypatch):
    """A run file's folder cannot bring code: it is not searched for modules."""
    (run_path.parent / "json.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(run_path.parent)
    assert validate(run_path) == []
