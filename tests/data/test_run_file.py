"""The writer: created whole, appended in blocks, never losing what it acknowledged."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labneuro
from labneuro.data import run_file
from labneuro.data.checks import check_file
from labneuro.data.journal import read_journal
from labneuro.data.reader import RunFile
from labneuro.data.run_file import RunWriter, journal_of, part_of
from labneuro.errors import LimitError, RunFileError


def names(folder):
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_whole_tree_is_there_before_the_first_reading(create, tmp_path):
    """Everything but the readings is in the file as soon as it is created."""
    with create(tmp_path / "a.h5") as writer:
        assert names(tmp_path) == ["a.h5.journal.jsonl", "a.h5.part"]
        content = read_journal(journal_of(writer.path))
        (tmp_path / "image.h5").write_bytes(content.image)
        with RunFile.open(tmp_path / "image.h5") as run:
            assert run.status == "running"
            assert run.recipe_text == "protocol: FiringProbability\n"
            assert run.rows == 0
            assert np.isnan(run.plot("firing_probability").signal).all()
            assert (run.plot("firing_probability").auxiliary["spikes"] == 0).all()


def test_finished_run_has_its_name_and_no_journal(create, rows, tmp_path):
    """After the run there is the file alone, completed and valid."""
    with create(tmp_path / "a.h5") as writer:
        writer.append(0, rows(0, 4))
        assert writer.rows == 4
    assert names(tmp_path) == ["a.h5"]
    assert check_file(tmp_path / "a.h5") == []
    with RunFile.open(tmp_path / "a.h5") as run:
        assert run.status == "completed"
        assert run.start_time < run.end_time


REFUSED = [
    ("a.hdf5", lambda _: None, "must end in .h5"),
    ("nowhere/a.h5", lambda _: None, "there is no folder"),
    ("a.h5", lambda path: path.write_text(""), "exists already"),
    ("a.h5", lambda path: path.mkdir(), "exists already"),
    ("a.h5", lambda path: part_of(path).write_text(""), "another run is writing it"),
    ("a.h5", lambda path: journal_of(path).mkdir(), "readings of a killed run"),
    ("a.h5", lambda path: journal_of(path).write_text(""), "a.h5.journal.jsonl: exi"),
    ("a" * 300 + ".h5", lambda _: None, "File name too long"),
]


@pytest.mark.parametrize(("name", "prepare", "message"), REFUSED)
def test_create_refused(create, tmp_path, name, prepare, message):
    """A file that cannot be is refused in one line and leaves nothing behind."""
    path = tmp_path / name
    prepare(path)
    before = names(tmp_path)
    with pytest.raises(RunFileError, match=message) as caught:
        create(path)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)
    assert names(tmp_path) == before


def test_read_only_folder_is_refused(create, tmp_path, monkeypatch):
    """A folder that may not be written is named with the system's reason."""

    def refuse(self, **_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(RunFileError, match="cannot be created: Permission denied"):
        create(tmp_path / "a.h5")


def test_two_runs_of_one_name_collide_before_anything_is_measured(create, tmp_path):
    """The second of two runs in one second is refused; the first goes on."""
    with create(tmp_path / "a.h5") as writer:
        with pytest.raises(RunFileError, match="another run is writing it"):
            create(tmp_path / "a.h5")
        writer.log("step", "still here", 0.0)
    assert check_file(tmp_path / "a.h5") == []


@given(st.lists(st.integers(0, 40), max_size=5), st.integers(0, 2**32))
@settings(max_examples=15)
def test_round_trip(create, tmp_path_factory, counts, seed):
    """Readings come back bit for bit, NaN and infinity included."""
    path = tmp_path_factory.mktemp("round") / "a.h5"
    generator = np.random.default_rng(seed)
    blocks = [
        {
            "time": generator.normal(size=count),
            "pulse": generator.integers(-(2**31), 2**31, count),
            "current": generator.choice([np.nan, np.inf, 1e-300, -0.0], count),
            "spike": generator.integers(0, 256, count),
        }
        for count in counts
    ]
    with create(path) as writer:
        for step, block in enumerate(blocks):
            writer.append(step, block)
    assert check_file(path) == []
    with RunFile.open(path) as run:
        readings = run.readings()
    for name, column in readings.items():
        wanted = [block[name] for block in blocks]
        joined = np.concatenate([np.zeros(0), *wanted]).astype(column.dtype)
        assert column.tobytes() == joined.tobytes()


def test_refused_rows_change_nothing(create, rows, tmp_path):
    """Rows that do not fit are refused and the run goes on."""
    with create(tmp_path / "a.h5") as writer:
        writer.append(0, rows(0, 2))
        with pytest.raises(RunFileError, match="do not fit i4"):
            writer.append(1, {**rows(1, 2), "pulse": [0.5, 1.5]})
        writer.append(1, rows(1, 2))
    with RunFile.open(tmp_path / "a.h5") as run:
        assert run.readings()["time"].tolist() == [0, 1 / 1024, 1, 1 + 1 / 1024]


def test_update_rewrites_only_what_is_given(create, tmp_path):
    """A later update leaves the other columns as they were."""
    first, second = np.full((3, 4), 0.25), np.full((3, 4), 0.5)
    with create(tmp_path / "a.h5") as writer:
        writer.update("firing_probability", signal=first, errors=first)
        writer.update("firing_probability", signal=second)
        with pytest.raises(RunFileError, match="no 'bend'"):
            writer.update("bend", signal=first)
    with RunFile.open(tmp_path / "a.h5") as run:
        plot = run.plot()
    assert (plot.signal == 0.5).all()
    assert plot.errors is not None
    assert (plot.errors == 0.25).all()


def test_event_with_any_text_is_kept(create, tmp_path):
    """Garbage from an instrument does not break the log."""
    with create(tmp_path / "a.h5") as writer:
        writer.log("error", "µ \x00 \ud800 end", 1.5)
    with RunFile.open(tmp_path / "a.h5") as run:
        (event,) = run.events()
    assert (event.time, event.kind) == (1.5, "error")
    assert event.message == "µ \\x00 \\ud800 end"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LimitError("3 V is too much"), "failed: 3 V is too much"),
        (ZeroDivisionError("by 0"), "failed: ZeroDivisionError('by 0')"),
        (KeyboardInterrupt(), "interrupted"),
        (LimitError("two\nlines"), "failed: two lines"),
        (LimitError("µ" * 900), "failed: " + "µ" * 251),
    ],
)
def test_exception_keeps_the_readings(create, rows, tmp_path, error, status):
    """A run that fails keeps its readings in a valid file that says how it ended."""

    def fail():
        with create(tmp_path / "a.h5") as writer:
            writer.append(0, rows(0, 3))
            raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
    assert names(tmp_path) == ["a.h5"]
    assert check_file(tmp_path / "a.h5") == []
    with RunFile.open(tmp_path / "a.h5") as run:
        assert (run.status, run.rows) == (status, 3)


def test_caller_says_how_the_run_ended(create, tmp_path):
    """A status that was set wins over the exception's."""

    def stop():
        with create(tmp_path / "a.h5") as writer:
            writer.status = "stopped for safety"
            raise LimitError("interlock")

    with pytest.raises(LimitError):
        stop()
    with RunFile.open(tmp_path / "a.h5") as run:
        assert run.status == "stopped for safety"


def test_failing_end_does_not_hide_the_first_error(create, rows, tmp_path):
    """The exception of the run comes out, with a note on the file."""

    def fail():
        with create(tmp_path / "a.h5") as writer:
            writer.append(0, rows(0, 3))
            (tmp_path / "a.h5").write_text("someone else's")
            raise LimitError("the first")

    with pytest.raises(LimitError, match="the first") as caught:
        fail()
    (note,) = caught.value.__notes__
    assert "its 3 readings are in a.h5.part and in the journal" in note
    assert (tmp_path / "a.h5").read_text() == "someone else's"
    with RunFile.open(tmp_path / "a.h5.part") as run:
        assert run.rows == 3


def test_finished_writer_takes_no_more(create, rows, tmp_path):
    """After the end, appending is refused and ending again does nothing."""
    with create(tmp_path / "a.h5") as writer:
        writer.finish("completed early")
        with pytest.raises(RunFileError, match="the run is finished"):
            writer.append(0, rows(0, 1))
    with RunFile.open(tmp_path / "a.h5") as run:
        assert run.status == "completed early"


@contextmanager
def full_disk(monkeypatch):
    """Let every request for room fail, as on a full disk."""

    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        yield


def test_full_disk_keeps_what_was_measured(create, rows, tmp_path, monkeypatch):
    """The run ends in one line, and its file is valid with all that came before."""

    def fill():
        with create(tmp_path / "a.h5") as writer:
            writer.append(0, rows(0, 6))
            with full_disk(monkeypatch):
                writer.append(1, rows(1, 6))

    with pytest.raises(RunFileError, match="No space left on device; the 6 readings"):
        fill()
    assert names(tmp_path) == ["a.h5"]
    assert check_file(tmp_path / "a.h5") == []
    with RunFile.open(tmp_path / "a.h5") as run:
        assert run.rows == 6
        assert "No space left" in run.status


def test_full_disk_at_creation_leaves_nothing(create, tmp_path, monkeypatch):
    """A disk that cannot hold the empty file is found before any output goes on."""

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(RunFileError, match="cannot be created: No space left"):
        create(tmp_path / "a.h5")
    assert names(tmp_path) == []


def test_rows_that_the_journal_missed_are_dropped(create, rows, tmp_path, monkeypatch):
    """What was never acknowledged is not in the finished file."""

    def refuse(*_):
        raise OSError(28, "No space left on device")

    def fill():
        with create(tmp_path / "a.h5") as writer:
            writer.append(0, rows(0, 6))
            monkeypatch.setattr(writer._journal, "block", refuse)
            writer.append(1, rows(1, 6))

    with pytest.raises(RunFileError, match="the 6 readings before are kept"):
        fill()
    assert check_file(tmp_path / "a.h5") == []
    with RunFile.open(tmp_path / "a.h5") as run:
        assert run.rows == 6


def test_each_append_is_in_the_journal_when_it_returns(create, rows, tmp_path):
    """A block is acknowledged only when the journal has it."""
    with create(tmp_path / "a.h5") as writer:
        for step in range(3):
            writer.append(step, rows(step, 2))
            content = read_journal(journal_of(writer.path))
            assert content.rows == writer.rows == 2 * (step + 1)
            assert content.blocks[-1][0].step == step
            assert content.blocks[-1][0].time == step + 1 / 1024


def test_file_and_journal_are_forced_to_disk(create, rows, tmp_path, monkeypatch):
    """The journal at the start, the file and the folder before the journal goes."""
    synced = []
    real = os.fsync

    def record(handle):
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        real(handle)

    monkeypatch.setattr(os, "fsync", record)
    with create(tmp_path / "a.h5") as writer:
        assert synced == ["a.h5.journal.jsonl", tmp_path.name]
        writer.append(0, rows(0, 2))
    assert synced[2:] == ["a.h5.part", tmp_path.name]


def test_journal_rebuilds_the_run(create, rows, layout, tmp_path):
    """Image and blocks alone give every reading, whatever became of the HDF5 file."""
    with create(tmp_path / "a.h5") as writer:
        for step in range(4):
            writer.append(step, rows(step, 3 + step))
        content = read_journal(journal_of(writer.path))
    rebuilt: dict[str, list[np.ndarray]] = {one.name: [] for one in layout.readings}
    for block, data in content.blocks:
        start = 0
        for column in layout.readings:
            size = column.storage.itemsize * block.count
            part = np.frombuffer(data[start : start + size], column.storage)
            rebuilt[column.name].append(part)
            start += size
        assert start == len(data)
    with RunFile.open(tmp_path / "a.h5") as run:
        for name, column in run.readings().items():
            np.testing.assert_array_equal(np.concatenate(rebuilt[name]), column)


CHILD = """
import pickle, sys
from labneuro.data.run_file import RunWriter
with open(sys.argv[1], "rb") as file:
    path, layout, provenance, instruments, blocks = pickle.load(file)
writer = RunWriter.create(path, layout, provenance, instruments)
for step, rows in enumerate(blocks):
    writer.append(step, rows)
    print(writer.rows, flush=True)
    if step + 1 == int(sys.argv[2]):
        sys.stdin.read()
"""


@pytest.fixture
def start_child(tmp_path, layout, provenance, instruments, rows):
    """Start a process that appends 400 blocks of 50 readings and tells each."""
    import pickle

    path = tmp_path / "killed.h5"
    blocks = [rows(step, 50) for step in range(400)]
    task = tmp_path / "task"
    task.write_bytes(pickle.dumps((path, layout, provenance, instruments, blocks)))
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    root = str(Path(labneuro.__file__).parent.parent)

    def start(pause_after):
        child = subprocess.Popen(
            [sys.executable, str(script), str(task), str(pause_after)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
        )
        return child, path

    return start


def kill_after(child, acknowledgements):
    """Kill a child after it has told so many; return the last that it told."""
    last = "0"
    for _ in range(acknowledgements):
        last = child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read().split()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    return int(rest[-1]) if rest else int(last)


def test_killed_between_appends_it_leaves_a_file_with_every_reading(start_child, rows):
    """SIGKILL while the run waits: the part opens, with all that was acknowledged."""
    child, path = start_child(pause_after=7)
    assert kill_after(child, 7) == 350
    assert read_journal(journal_of(path)).rows == 350
    wanted = np.concatenate([rows(step, 50)["current"] for step in range(7)])
    with RunFile.open(part_of(path)) as run:
        assert run.unfinished
        np.testing.assert_array_equal(run.readings()["current"], wanted)
    (problem,) = check_file(part_of(path))
    assert "killed before it could finish" in problem.message


@pytest.mark.parametrize("acknowledgements", [1, 3, 10, 40, 90])
def test_killed_within_an_append_it_loses_nothing(start_child, rows, acknowledgements):
    """SIGKILL in mid-flight: the journal has every acknowledged reading."""
    child, path = start_child(pause_after=0)
    acknowledged = kill_after(child, acknowledgements)
    content = read_journal(journal_of(path))
    assert content.rows >= acknowledged >= 50 * acknowledgements
    wanted = np.concatenate([rows(step, 50)["time"] for step in range(400)])
    times = [np.frombuffer(data[: 8 * 50], "<f8") for _, data in content.blocks]
    np.testing.assert_array_equal(np.concatenate(times), wanted[: content.rows])
    try:
        with RunFile.open(part_of(path)) as run:
            found = run.readings()["time"]
    except RunFileError as error:  # cut within a flush: the message says where to look
        message = str(error)
    else:
        assert found.size >= acknowledged
        np.testing.assert_array_equal(found, wanted[: found.size])
        message = "killed.h5.journal.jsonl holds all its readings"
    assert "killed.h5.journal.jsonl holds all its readings" in message


def test_part_cut_within_its_last_block_gives_the_blocks_before(create, rows, tmp_path):
    """A block whose bytes did not all reach the disk is not passed on."""
    with create(tmp_path / "a.h5") as writer:
        writer.append(0, rows(0, 4))
        writer.append(1, rows(1, 4))
        writer._file.flush()
        (tmp_path / "cut.h5").write_bytes(part_of(writer.path).read_bytes())
    with h5py.File(tmp_path / "cut.h5", "r+") as file:
        file["entry/readings/current"][6] = 0.0
    with RunFile.open(tmp_path / "cut.h5") as run:
        assert run.unfinished
        assert run.rows == 4


def test_hdf5_that_fails_to_write_ends_in_one_line(create, rows, tmp_path, monkeypatch):
    """An error of the HDF5 library is told in the system's words."""
    with create(tmp_path / "a.h5") as writer:

        def fail(*_):
            raise RuntimeError("Can't write\n(errno = 5, error message = 'I/O')")

        with monkeypatch.context() as patch:
            patch.setattr(run_file, "reserve", fail)
            with pytest.raises(RunFileError, match="Input/output error; the 0"):
                writer.append(0, rows(0, 1))
            with pytest.raises(RunFileError, match="an event could not be stored"):
                writer.log("a", "b", 0.0)


def test_unreadable_part_points_to_the_journal(create, tmp_path):
    """A part that a kill made unreadable is refused with a word on the journal."""
    with create(tmp_path / "a.h5") as writer:
        image = part_of(writer.path).read_bytes()
        journal = journal_of(writer.path).read_bytes()
    part_of(tmp_path / "b.h5").write_bytes(image[: len(image) // 2])
    with pytest.raises(RunFileError, match=r"is truncated: its end is missing$"):
        RunFile.open(part_of(tmp_path / "b.h5"))
    journal_of(tmp_path / "b.h5").write_bytes(journal)
    with pytest.raises(RunFileError, match=r"b\.h5\.journal\.jsonl holds all its"):
        RunFile.open(part_of(tmp_path / "b.h5"))


def test_without_posix_the_room_is_not_asked_for(create, rows, tmp_path, monkeypatch):
    """Where the system cannot reserve room, a run works without."""
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.delattr(os, "O_DIRECTORY")
    with create(tmp_path / "a.h5") as writer:
        writer.append(0, rows(0, 1))
    assert check_file(tmp_path / "a.h5") == []


def test_failed_creation_leaves_the_name_free(create, tmp_path):
    """After a refusal the same name can be used at once."""
    journal_of(tmp_path / "a.h5").mkdir()
    with pytest.raises(RunFileError, match=r"journal\.jsonl: exists"):
        create(tmp_path / "a.h5")
    journal_of(tmp_path / "a.h5").rmdir()
    with create(tmp_path / "a.h5") as writer:
        assert isinstance(writer, RunWriter)


def test_full_disk_at_the_journal_leaves_nothing(create, tmp_path, monkeypatch):
    """A journal that cannot be begun takes the part with it."""

    def refuse(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(RunFileError, match="cannot be created: No space left"):
        create(tmp_path / "a.h5")
    assert names(tmp_path) == []
