"""``labneuro data``: show and validate."""

from __future__ import annotations

import h5py


def test_show(labneuro, run_file):
    """Protocol, device and number of readings are told."""
    answer = labneuro("data", "show", str(run_file))
    assert answer.code == 0
    for part in ("ResistanceRead", "H-NNO-simulated", "completed", "105"):
        assert part in answer.out


def test_valid_file(labneuro, run_file):
    """A run as it was written is valid."""
    answer = labneuro("data", "validate", str(run_file))
    assert answer == (0, f"{run_file}: valid\n", "")


def test_broken_file_is_code_1(labneuro, run_file):
    """Each problem is a line with file and place."""
    with h5py.File(run_file, "r+") as file:
        del file["entry/readings/current"]
    answer = labneuro("data", "validate", str(run_file))
    assert answer.code == 1
    lines = answer.out.splitlines()
    assert lines
    assert all(line.startswith(f"{run_file}: /") for line in lines)


def test_text_is_no_run_file(labneuro, lab):
    """A file of another kind is told, not opened as one."""
    (lab / "notes.h5").write_text("no HDF5 at all")
    assert labneuro("data", "validate", "notes.h5").code == 1
    answer = labneuro("data", "show", "notes.h5")
    assert answer.code == 1
    assert answer.err.startswith("labneuro: error: notes.h5")
    assert answer.err.count("\n") == 1
