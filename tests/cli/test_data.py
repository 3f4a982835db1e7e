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


def test_list(labneuro, run_file, lab):
    """Recipe, device, readings and status of each file; a damaged one is not fatal."""
    (lab / "notes.h5").write_text("no HDF5 at all")
    answer = labneuro("data", "list", str(lab))
    assert answer.code == 0
    head, notes, run = answer.out.splitlines()
    assert head.split() == [
        *("FILE", "RECIPE", "DEVICE", "READINGS", "STARTED", "STATUS")
    ]
    assert "is not an HDF5 file" in notes
    for part in ("x.h5", "hnno/resistance", "H-NNO-simulated", " 105 ", "completed"):
        assert part in run


def test_list_of_nothing(labneuro, lab):
    """An empty folder is told, a missing one is an error."""
    assert labneuro("data", "list").out == ".: no run files\n"
    answer = labneuro("data", "list", "none")
    assert answer.code == 1
    assert answer.err.count("\n") == 1


def test_recover(labneuro, lab, monkeypatch, run_file):
    """What was recovered is told; a second time there is nothing."""
    from labneuro.data import recovery
    from labneuro.data.checks import check_file
    from labneuro.data.claim import part_of

    monkeypatch.setattr(recovery, "validate", check_file)
    with h5py.File(run_file, "r+") as file:
        file["entry"].attrs.modify("status", b"running")
    run_file.rename(part_of(run_file))
    answer = labneuro("data", "recover", "x.h5.part")
    assert answer.code == 0
    assert answer.out == (
        "x.h5: 105 readings of 5 steps, 2 events, from the part, without a journal\n"
    )
    answer = labneuro("data", "recover", "x.h5")
    assert answer.code == 1
    assert "nothing to recover" in answer.err


def test_export(labneuro, run_file, lab):
    """CSV beside the run file unless told otherwise."""
    assert labneuro("data", "export", "x.h5") == (0, "x.csv\n", "")
    assert len((lab / "x.csv").read_text().splitlines()) == 106
    answer = labneuro("data", "export", "x.h5", "--out", "x.xlsx")
    assert answer.code == 2
    assert "must end in one of .csv, .nc" in answer.err
