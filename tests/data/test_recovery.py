"""What a killed run left becomes a valid file, and nothing is removed before it is."""

import os

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labneuro.data import recovery
from labneuro.data.checks import check_file
from labneuro.data.claim import claim, journal_of, part_of
from labneuro.data.journal import read_journal
from labneuro.data.reader import RunFile
from labneuro.data.recovery import recover, run_path
from labneuro.data.run_file import RunWriter
from labneuro.data.validation import validate
from labneuro.errors import InvalidRunFileError, LabneuroError, RunFileError

PLOT = np.linspace(0, 1, 12).reshape(3, 4)


def names(folder):
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def drawn(run):
    """Draw one plot of a run from its readings."""
    mean = run.readings()["current"].mean()
    return {"firing_probability": {"signal": np.full((3, 4), mean)}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Validate in this process, which saves a second a time."""
    monkeypatch.setattr(recovery, "validate", check_file)


@pytest.fixture(scope="module")
def left(create, rows, tmp_path_factory):
    """Return part and journal as a kill leaves them: 3 blocks, a plot, an event."""
    path = tmp_path_factory.mktemp("left") / "a.h5"
    with create(path) as writer:
        for step in range(3):
            writer.append(step, rows(step, 5))
        writer.update("firing_probability", signal=PLOT)
        writer.log("step", "three are done", 3.0)
        writer._file.flush()
        return part_of(path).read_bytes(), journal_of(path).read_bytes()


@pytest.fixture
def killed(left, tmp_path):
    """Return the path of a killed run."""
    path = tmp_path / "a.h5"
    part_of(path).write_bytes(left[0])
    journal_of(path).write_bytes(left[1])
    return path


@pytest.mark.parametrize("ending", ["", ".part", ".journal.jsonl"])
def test_any_of_its_names_recovers_a_run(killed, rows, ending):
    """Every reading is there; the result is valid, the leftovers are gone."""
    found = recover(killed.with_name(killed.name + ending), drawn)
    assert found.path == run_path(killed)
    assert (found.readings, found.steps, found.torn, found.lost) == (15, 3, 0, 0)
    assert found.source == "journal"
    assert names(killed.parent) == ["a.h5"]
    assert check_file(killed) == []
    wanted = np.concatenate([rows(step, 5)["current"] for step in range(3)])
    with RunFile.open(killed) as run:
        np.testing.assert_array_equal(run.readings()["current"], wanted)
        assert run.status.startswith("recovered: 15 readings of 3 steps")
        assert (run.plot().signal == wanted.mean()).all()
        kinds = [event.kind for event in run.events()]
        assert kinds == ["step", "recovered"]
        assert found.events == 2
        assert run.start_time < run.end_time


def test_damaged_part_is_opened_elsewhere_first(killed, monkeypatch):
    """The HDF5 library may crash on it; the checks run in another process."""
    monkeypatch.setattr(recovery, "validate", validate)
    journal_of(killed).unlink()
    content = part_of(killed).read_bytes()
    part_of(killed).write_bytes(content[:2000])
    with pytest.raises(InvalidRunFileError, match="truncated"):
        recover(killed, drawn)
    assert names(killed.parent) == ["a.h5.part"]


def test_unreadable_part_does_not_matter(killed):
    """The journal alone is enough."""
    part = part_of(killed)
    part.write_bytes(part.read_bytes()[:3000])
    assert recover(killed, drawn).readings == 15
    assert check_file(killed) == []


@pytest.mark.parametrize(
    ("how", "elsewhere"),
    [
        ("zeroed", False),
        ("half zeroed", True),
        ("first page", False),
        ("old pages", False),
    ],
)
def test_part_that_the_disk_has_spoilt_does_not_matter(
    killed, left, rows, monkeypatch, how, elsewhere
):
    """A disk that refuses to overwrite leaves zeros or old bytes; the journal counts.

    The HDF5 library may crash on such a file: nothing but the journal is trusted.
    """
    if elsewhere:
        monkeypatch.setattr(recovery, "validate", validate)
    content = bytearray(left[0])
    size, half = len(content), len(content) // 2
    spoilt = {
        "zeroed": bytes(size),
        "half zeroed": bytes(content[:half]) + bytes(size - half),
        "first page": bytes(4096) + bytes(content[4096:]),
        "old pages": bytes(content[:half]) + bytes(content[: size - half]),
    }
    part_of(killed).write_bytes(spoilt[how])
    found = recover(killed, drawn)
    assert (found.readings, found.steps, found.source) == (15, 3, "journal")
    assert names(killed.parent) == ["a.h5"]
    assert check_file(killed) == []
    wanted = np.concatenate([rows(step, 5)["current"] for step in range(3)])
    with RunFile.open(killed) as run:
        np.testing.assert_array_equal(run.readings()["current"], wanted)


def test_journal_alone_is_enough(killed):
    """Also without any part."""
    part_of(killed).unlink()
    assert recover(journal_of(killed), drawn).readings == 15


def test_plots_come_from_the_part_where_nothing_draws_them(killed):
    """An event says so."""
    recover(killed)
    with RunFile.open(killed) as run:
        np.testing.assert_array_equal(run.plot().signal, PLOT)
        assert "plots come from the part" in run.events()[1].message


def test_plots_stay_empty_where_there_is_no_source(killed):
    """Unknown is NaN, and an event says why."""

    def fail(run):
        raise RunFileError("no such protocol")

    part_of(killed).unlink()
    recover(killed, fail)
    assert check_file(killed) == []
    with RunFile.open(killed) as run:
        assert np.isnan(run.plot().signal).all()
        message = run.events()[1].message
    assert message == "plots could not be drawn again: no such protocol"


def test_plot_that_does_not_fit_is_left_out(killed):
    """A protocol of another version may draw what the file has not."""
    recover(killed, lambda _: {"bend": {"signal": np.zeros(3)}})
    assert check_file(killed) == []
    with RunFile.open(killed) as run:
        assert "no 'bend'" in run.events()[1].message


def test_part_alone_gives_its_whole_blocks(killed):
    """Without a journal the part is cut back to what is whole."""
    journal_of(killed).unlink()
    with h5py.File(part_of(killed), "r+") as file:
        file["entry/readings/current"][12] = 0.0
    found = recover(killed, drawn)
    assert (found.readings, found.steps, found.source) == (10, 2, "part")
    assert check_file(killed) == []


def test_damaged_file_of_that_name_is_moved_away(killed):
    """Nothing is ever overwritten."""
    killed.write_bytes(b"not a run file")
    recover(killed, drawn)
    assert names(killed.parent) == ["a.h5", "a.h5.damaged"]
    assert check_file(killed) == []
    assert (killed.parent / "a.h5.damaged").read_bytes() == b"not a run file"


def test_live_run_is_refused(create, rows, tmp_path):
    """The line names its process; the run goes on."""
    with create(tmp_path / "a.h5") as writer:
        writer.append(0, rows(0, 2))
        with pytest.raises(RunFileError, match=f"written by process {os.getpid()} on"):
            recover(tmp_path / "a.h5.part")
        writer.append(1, rows(1, 2))
    assert check_file(tmp_path / "a.h5") == []


def test_nothing_to_recover(run_path, tmp_path):
    """A finished run, and no run at all."""
    for path in (run_path, tmp_path / "none.h5"):
        with pytest.raises(RunFileError, match="nothing to recover"):
            recover(path)


def test_journal_that_the_last_kill_left_goes(run_path, left):
    """The kill came between the new name and the end of the journal."""
    before = run_path.read_bytes()
    journal_of(run_path).write_bytes(left[1])
    assert recover(run_path).source == "complete"
    assert names(run_path.parent) == [run_path.name]
    assert run_path.read_bytes() == before


def test_journal_with_more_than_the_file_is_kept(create, left, tmp_path):
    """Another run has the name: nothing is removed."""
    with create(tmp_path / "a.h5"):
        pass
    journal_of(tmp_path / "a.h5").write_bytes(left[1])
    with pytest.raises(RunFileError, match="exists already, with fewer readings"):
        recover(tmp_path / "a.h5")
    assert len(names(tmp_path)) == 2


def test_run_that_never_began_leaves_nothing(tmp_path):
    """A kill between the claim of the name and the first line: nothing was measured."""
    with claim(tmp_path / "a.h5") as name:
        name.taken = True
    journal_of(tmp_path / "a.h5").write_bytes(b'{"kind": "sta')
    with pytest.raises(RunFileError, match="killed before it began"):
        recover(tmp_path / "a.h5")
    assert names(tmp_path) == []


def test_failing_disk_leaves_everything(killed, monkeypatch):
    """What cannot be stored is not lost."""

    def refuse(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recovery, "flush_and_trim", refuse)
    with pytest.raises(RunFileError, match="No space left on device"):
        recover(killed, drawn)
    assert names(killed.parent) == ["a.h5.journal.jsonl", "a.h5.part"]


def test_result_that_is_not_valid_is_not_kept(killed, monkeypatch):
    """The leftovers stay for somebody who knows more."""
    monkeypatch.setattr(
        recovery, "append_readings", lambda run, *_: run.attrs.pop("default")
    )
    with pytest.raises(RunFileError, match="journal and part are kept"):
        recover(killed, drawn)
    assert names(killed.parent) == ["a.h5.journal.jsonl", "a.h5.part"]


def test_resumed_run_that_is_killed_is_recovered(create, rows, tmp_path):
    """File and journal together; analysis that was added before stays out of harm."""
    path = tmp_path / "a.h5"
    with create(path) as writer:
        writer.append(0, rows(0, 5))
        writer.status = "interrupted"
        writer.finish("interrupted")
    with claim(path, resumed=True) as name:
        writer = RunWriter.resume(name)
        writer.append(1, rows(1, 4))
        writer.log("resumed", "after 0 s", 0.0)
        writer._file.close()
        writer._journal.close()
    part_of(path).write_bytes(b"torn")
    content = read_journal(journal_of(path))
    assert content.base is not None
    assert (content.base.rows, content.rows) == (5, 4)
    found = recover(path, drawn)
    assert (found.readings, found.steps) == (9, 2)
    assert check_file(path) == []
    assert names(tmp_path) == ["a.h5"]


@given(st.data())
@settings(max_examples=60)
def test_damaged_journal_gives_a_prefix_or_one_line(tmp_path_factory, left, rows, data):
    """Cut or flipped anywhere: every block up to the damage, or a clear refusal."""
    path = tmp_path_factory.mktemp("damaged") / "a.h5"
    journal = bytearray(left[1])
    # Most of it is the image: half of the damage shall hit the lines behind.
    first = journal.index(b"\n")
    places = st.integers(0, len(journal) - 1) | st.integers(first, len(journal) - 1)
    if data.draw(st.booleans()):
        del journal[data.draw(places) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if journal:
            journal[data.draw(places) % len(journal)] ^= 1 << data.draw(
                st.integers(0, 7)
            )
    journal_of(path).write_bytes(journal)
    try:
        found = recover(path, drawn)
    except LabneuroError as error:
        # Either outcome is right, so that pytest.raises cannot say it.
        assert isinstance(error, InvalidRunFileError)  # noqa: PT017  see above
        assert "\n" not in str(error)  # noqa: PT017  see above
        assert journal_of(path).read_bytes() == journal
        return
    assert found.readings in {0, 5, 10, 15}
    wanted = [rows(step, 5)["time"] for step in range(found.steps)]
    with RunFile.open(path) as run:
        times = run.readings()["time"]
    np.testing.assert_array_equal(times, np.concatenate([np.zeros(0), *wanted]))
