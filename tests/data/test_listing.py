"""A folder is listed whatever lies in it."""

import pytest

from labneuro.data import listing
from labneuro.data.claim import journal_of, part_of
from labneuro.data.listing import list_runs, read_entry
from labneuro.errors import RunFileError


def test_every_kind_of_file_is_told(run_path, tmp_path):
    """Finished, damaged, foreign, killed: each with its state, none fatal."""
    content = run_path.read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[:3000])
    (tmp_path / "notes.h5").write_text("no HDF5")
    (tmp_path / "notes.txt").write_text("not listed")
    part_of(tmp_path / "killed.h5").write_bytes(content)
    journal_of(tmp_path / "alone.h5").write_text("")
    found = {one.name: one for one in list_runs(tmp_path)}
    assert list(found) == [
        "alone.h5.journal.jsonl",
        "cut.h5",
        "killed.h5.part",
        "notes.h5",
        "run.h5",
    ]
    run = found["run.h5"]
    assert (run.recipe, run.device, run.readings) == ("hnno/firing", "HNNO-1", 15)
    assert run.status == "completed"
    assert found["killed.h5.part"].status == "killed; recover it"
    assert "truncated" in found["cut.h5"].status
    assert found["notes.h5"].status == "is not an HDF5 file"
    assert found["notes.h5"].readings == -1
    assert "recover it" in found["alone.h5.journal.jsonl"].status


def test_file_that_kills_the_reader_is_told(run_path, tmp_path, monkeypatch):
    """The next process goes on after it."""
    for name in ("a.h5", "b.h5", "c.h5"):
        (tmp_path / name).write_bytes(run_path.read_bytes())
    calls = []

    def read(paths):
        calls.append([path.name for path in paths])
        done = [read_entry(path) for path in paths]
        return (
            done[: [path.name for path in paths].index("b.h5")]
            if len(calls) == 1
            else done
        )

    monkeypatch.setattr(listing, "_read_apart", read)
    found = list_runs(tmp_path)
    assert calls[1] == ["c.h5", "run.h5"]
    assert [one.readings for one in found] == [15, -1, 15, 15]
    assert "HDF5 library fails" in found[1].status


def test_missing_folder(tmp_path):
    """It is named with the system's reason."""
    with pytest.raises(RunFileError, match="none: cannot be read: No such file"):
        list_runs(tmp_path / "none")
