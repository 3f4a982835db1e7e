"""The queue's file: order, claims, several processes, damage."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labneuro
from labneuro.errors import InputError, LabneuroError, QueueError
from labneuro.instruments.processes import ProcessIdentity, this_process
from labneuro.run_queue.entry import Job, State
from labneuro.run_queue.store import QueueStore, default_queue

ELSEWHERE = ProcessIdentity("elsewhere", 4, "boot:7")


def job(bench="a", **changes):
    """Return a job on a bench."""
    given_ = Job(
        recipe_name="hnno/resistance",
        recipe_text="protocol: ResistanceRead\n",
        recipe_path="/lab/protocols/x.yaml",
        changes=("points=3", "sweeps=2"),
        bench_path=f"/lab/{bench}.yaml",
        bench_sha256="00",
        device_id="chip 3",
        seed=None,
        folder="/lab",
        file=None,
    )
    return replace(given_, **changes)


# ---- one process


def test_entries_are_kept_in_order(queue):
    """What was added is there after opening again, whole and in order."""
    jobs = [job("b"), job("a", seed=3), job("a", file="x.h5"), job("b", changes=())]
    for one in jobs:
        assert queue.add(one).state is State.WAITING
    queue.close()
    with QueueStore(queue.path) as again:
        assert [entry.job for entry in again.entries()] == jobs
        assert [entry.number for entry in again.entries()] == [1, 2, 3, 4]


def test_file_uses_a_write_ahead_log(queue):
    """Readers and a writer do not wait for each other."""
    with sqlite3.connect(queue.path) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_default_queue_is_in_the_workspace(lab, tmp_path, monkeypatch):
    """The current folder, or the one that the environment names."""
    assert default_queue() == lab / "queue.sqlite3"
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("LABNEURO_WORKSPACE", str(other))
    assert default_queue() == other / "queue.sqlite3"


def test_one_run_a_bench(queue):
    """First come first served; a bench in use is passed over until it is free."""
    for bench in ("a", "a", "b", "a"):
        queue.add(job(bench))
    first, second = queue.claim(this_process()), queue.claim(this_process())
    assert (first.number, second.number) == (1, 3)
    assert queue.claim(this_process()) is None
    assert queue.end(first, State.DONE).state is State.DONE
    assert queue.claim(this_process()).number == 2


def test_claim_of_one_bench(queue):
    """Only what is asked for is taken."""
    for bench in ("a", "b"):
        queue.add(job(bench))
    assert queue.claim(this_process(), bench_path="/lab/b.yaml").number == 2
    assert queue.claim(this_process(), bench_path="/lab/b.yaml") is None


def test_claim_notes_who_and_when(queue):
    """Time, host, process."""
    queue.add(job())
    entry = queue.claim(this_process())
    assert entry.runner == this_process()
    assert entry.state is State.RUNNING
    assert entry.started >= entry.added
    assert entry.ended is None
    assert 0 <= entry.age < 60


def test_the_file_itself_forbids_two_runs_on_a_bench(queue):
    """Whoever writes into it."""
    for _ in range(2):
        queue.add(job())
    queue.claim(this_process())
    database = sqlite3.connect(queue.path)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        database.execute("UPDATE entries SET state = 'running'")
    database.close()


def test_only_the_runner_settles_its_entry(queue):
    """A process that was taken for dead finds the entry settled."""
    queue.add(job())
    entry = queue.claim(this_process())
    queue.end(entry, State.INTERRUPTED, "gone")
    assert queue.end(entry, State.DONE).state is State.INTERRUPTED
    assert queue.entry(1).reason == "gone"


def test_run_file_is_taken_once(queue):
    """Two waiting entries never write the same file; later the name is free."""
    queue.add(job(file="x.h5"))
    with pytest.raises(
        InputError, match=r"/lab/x\.h5: entry 1 of the queue will write"
    ):
        queue.add(job(file="x.h5"))
    queue.remove(1)
    assert queue.add(job(file="x.h5")).number == 2


# ---- removing


def test_removed_entry_does_not_run(queue):
    """It stays in the file, and its number is not used again."""
    for _ in range(2):
        queue.add(job())
    queue.remove(1)
    assert queue.claim(this_process()).number == 2
    assert queue.entry(1).state is State.REMOVED
    with pytest.raises(InputError, match="entry 1 is removed already"):
        queue.remove(1)


@pytest.mark.parametrize("number", [0, -1, 2, 10**30])
def test_unknown_entry(queue, number):
    """Any number that was not given."""
    queue.add(job())
    with pytest.raises(InputError, match=f"there is no entry {number}"):
        queue.remove(number)


@pytest.mark.parametrize("force", [False, True])
def test_running_entry_is_not_removed(queue, force):
    """A run that goes on is stopped where it runs."""
    queue.add(job())
    queue.claim(this_process())
    with pytest.raises(InputError, match=r"entry 1 is run by process \d+ on [^;]*$"):
        queue.remove(1, force=force)
    assert queue.entry(1).state is State.RUNNING


def test_entry_of_another_machine_is_removed_by_force(queue):
    """Only people can know whether that machine still runs it."""
    queue.add(job())
    queue.claim(ELSEWHERE)
    with pytest.raises(InputError, match="cannot be told, --force removes it"):
        queue.remove(1)
    queue.remove(1, force=True)
    assert queue.entry(1).state is State.REMOVED


# ---- several processes

CLAIM = """
import sys
from labneuro.run_queue.entry import State
from labneuro.instruments.processes import this_process
from labneuro.run_queue.store import QueueStore
with QueueStore(sys.argv[1]) as queue:
    print("ready", flush=True)
    input()
    while (entry := queue.claim(this_process())) is not None:
        print(entry.number, flush=True)
        queue.end(entry, State.DONE)
"""
ADD = """
import sys
from labneuro.run_queue.entry import Job
from labneuro.run_queue.store import QueueStore
job = Job(recipe_name="r", recipe_text="", recipe_path=None, changes=(),
          bench_path="/b", device_id="d", bench_sha256="", seed=None, folder="/",
          file=None)
print("ready", flush=True)
input()
for _ in range(5):
    with QueueStore(sys.argv[1], create=True) as queue:
        print(queue.add(job).number)
"""


def race(script, path, count):
    """Return what each of several processes that start at the same moment prints."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(labneuro.__file__).parent.parent,
        )
        for _ in range(count)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    answers = [racer.communicate(timeout=60) for racer in racers]
    assert [err for _, err in answers] == [""] * count
    return [[int(line) for line in out.split()] for out, _ in answers]


def test_two_processes_never_claim_the_same_entry(queue):
    """Every entry is run exactly once; each process works in order."""
    for number in range(40):
        queue.add(job(f"bench-{number % 3}"))
    claimed = race(CLAIM, queue.path, 2)
    assert Counter(chain(*claimed)) == Counter(range(1, 41))
    assert {entry.state for entry in queue.entries()} == {State.DONE}


def test_processes_make_and_fill_a_queue_together(tmp_path):
    """Nobody's entry is lost, also while the file is being made."""
    numbers = race(ADD, tmp_path / "q.sqlite3", 3)
    assert sorted(chain(*numbers)) == list(range(1, 16))


# ---- wrong files


def text_file(path):
    path.write_bytes(b"no database at all" * 100)


def empty_file(path):
    path.write_bytes(b"")


def other_database(path):
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE entries (number INTEGER)")
    database.commit()
    database.close()


def folder(path):
    path.mkdir()


def newer(path):
    QueueStore(path, create=True).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 7")
    database.close()


def shorter(path):
    with QueueStore(path, create=True) as queue:
        for _ in range(30):
            queue.add(job())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def forged(path):
    with QueueStore(path, create=True) as queue:
        queue.add(job())
    database = sqlite3.connect(path)
    database.execute("UPDATE entries SET recipe_text = 'protocol: Other'")
    database.commit()
    database.close()


def deleted(path):
    with QueueStore(path, create=True) as queue:
        for _ in range(3):
            queue.add(job())
    database = sqlite3.connect(path)
    database.execute("DELETE FROM entries WHERE number = 2")
    database.commit()
    database.close()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (text_file, "file is not a database"),
        (empty_file, "is not a queue of labneuro"),
        (other_database, "is not a queue of labneuro"),
        (folder, "unable to open database file"),
        (newer, "is a queue of version 7; this labneuro knows version 2"),
        (shorter, "malformed"),
        (forged, "entry 1 is damaged: wrong checksum"),
        (deleted, "is damaged: it holds 2 of 3 entries"),
    ],
)
def test_wrong_file_is_one_line(tmp_path, spoil, told):
    """It says which file and what is wrong with it, and is left as it is."""
    path = tmp_path / "q.sqlite3"
    spoil(path)
    before = None if path.is_dir() else path.read_bytes()
    with pytest.raises(QueueError, match=told) as caught, QueueStore(path) as queue:
        queue.entries()
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("spoil", [text_file, other_database, folder, newer])
def test_wrong_file_is_not_made_a_queue(tmp_path, spoil):
    """Adding to something else does not spoil it."""
    path = tmp_path / "q.sqlite3"
    spoil(path)
    with pytest.raises(QueueError):
        QueueStore(path, create=True)


def test_missing_file_is_made_by_adding_only(tmp_path):
    """Looking at a queue that is not there leaves nothing behind."""
    with pytest.raises(InputError, match="there is no queue; 'labneuro queue add'"):
        QueueStore(tmp_path / "q.sqlite3")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_one_line(queue):
    """What does not fit is not half there."""
    queue.add(job())
    pages = queue._database.execute("PRAGMA page_count").fetchone()[0]
    queue._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(QueueError, match="database or disk is full"):
        queue.add(job(recipe_text="x" * 100_000))
    assert len(queue.entries()) == 1
    assert queue.claim(this_process()).number == 1


def test_what_the_file_cannot_hold_is_one_line(queue):
    """Numbers beyond 64 bits, names that are no text."""
    for wrong in (job(seed=2**70), job(folder="\udcff")):
        with pytest.raises(QueueError, match=r"queue\.sqlite3: "):
            queue.add(wrong)
    assert queue.entries() == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return the bytes of a queue of three entries, and its jobs."""
    path = tmp_path_factory.mktemp("sound") / "q.sqlite3"
    jobs = [job("a"), job("b", seed=5), job("a", file="x.h5")]
    with QueueStore(path, create=True) as queue:
        for one in jobs:
            queue.add(one)
    return path.read_bytes(), jobs


@given(st.data())
@settings(max_examples=150)
def test_damage_is_told_or_does_not_matter(sound, tmp_path, data):
    """Any bytes changed or cut off: the jobs as they were, or one line."""
    content, jobs = bytearray(sound[0]), sound[1]
    place = st.integers(0, len(content) - 1)
    for where in data.draw(st.lists(place, min_size=1, max_size=4)):
        content[where] ^= data.draw(st.integers(1, 255))
    length = data.draw(st.just(len(content)) | place)
    for left in tmp_path.iterdir():
        left.unlink()
    path = tmp_path / "q.sqlite3"
    path.write_bytes(content[:length])
    try:
        with QueueStore(path) as queue:
            found = queue.entries()
            claimed = queue.claim(this_process())
    except LabneuroError as error:
        told = str(error)
    else:
        told = ""
        assert [entry.job for entry in found] == jobs
        assert claimed is not None
        assert claimed.number == 1
    assert "\n" not in told
