"""A name is taken before anything is measured, and freed if nothing was."""

import os

import pytest

from labneuro.data.claim import claim, journal_of, part_of
from labneuro.errors import RunFileError


def names(folder):
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_claim_is_freed_at_its_end(tmp_path):
    """Nothing is left of a claim that no writer took over."""
    with claim(tmp_path / "a.h5") as name:
        assert name.path == tmp_path / "a.h5"
        assert names(tmp_path) == ["a.h5.part"]
    assert names(tmp_path) == []


def test_claim_that_was_taken_over_is_left(tmp_path):
    """The files belong to the writer then."""
    with claim(tmp_path / "a.h5") as name:
        name.taken = True
    assert names(tmp_path) == ["a.h5.part"]


@pytest.mark.parametrize("made", [lambda path: path, part_of, journal_of])
def test_next_number_where_the_name_is_taken(tmp_path, made):
    """A file, a live run or the journal of a killed one takes the name."""
    made(tmp_path / "a.h5").write_text("")
    made(tmp_path / "a-2.h5").write_text("")
    with claim(tmp_path / "a.h5", numbered=True) as name:
        assert name.path == tmp_path / "a-3.h5"


def test_runs_of_one_second_get_different_names(tmp_path):
    """Also when each of them saw the name free."""
    with (
        claim(tmp_path / "a.h5", numbered=True) as first,
        claim(tmp_path / "a.h5", numbered=True) as second,
        claim(tmp_path / "a.h5", numbered=True) as third,
    ):
        found = [one.path.name for one in (first, second, third)]
    assert found == ["a.h5", "a-2.h5", "a-3.h5"]


def test_name_taken_in_between_is_passed_over(tmp_path, monkeypatch):
    """The other run came between the look and the creation of the file."""
    real = os.path.lexists
    part_of(tmp_path / "a.h5").write_text("")
    hidden = {part_of(tmp_path / "a.h5")}
    monkeypatch.setattr(
        os.path, "lexists", lambda path: real(path) and path not in hidden
    )
    with claim(tmp_path / "a.h5", numbered=True) as name:
        assert name.path == tmp_path / "a-2.h5"


@pytest.mark.parametrize(
    ("name", "message"),
    [("a.txt", "must end in"), ("none/a.h5", "there is no folder")],
)
def test_numbers_do_not_help_a_wrong_name(tmp_path, name, message):
    """What is wrong with every number ends at once."""
    with (
        pytest.raises(RunFileError, match=message),
        claim(tmp_path / name, numbered=True),
    ):
        pass


def test_full_disk_is_found_at_the_claim(tmp_path, monkeypatch):
    """The room for a new file is asked for, and the name is freed."""

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with (
        pytest.raises(RunFileError, match=r"a\.h5: cannot be created: No space left"),
        claim(tmp_path / "a.h5"),
    ):
        pass
    assert names(tmp_path) == []


def test_journal_of_a_killed_run_is_not_overwritten(tmp_path):
    """It may be all that is left of a night of data."""
    journal_of(tmp_path / "a.h5").write_text("readings")
    with (
        pytest.raises(RunFileError, match=r"data recover .*a\.h5'"),
        claim(tmp_path / "a.h5"),
    ):
        pass
    assert journal_of(tmp_path / "a.h5").read_text() == "readings"
