"""Working through the queue: order, failures, safety, interruption."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest

from labneuro.data.reader import RunFile
from labneuro.errors import (
    BenchInUseError,
    InstrumentError,
    LimitError,
    QueueError,
    RunFileError,
    SafeStateError,
)
from labneuro.instruments.processes import this_process
from labneuro.protocols import runner
from labneuro.run_queue import worker
from labneuro.run_queue.entry import OnFailure, QueueEntry, State
from labneuro.run_queue.worker import QueueRunner


class Runs:
    """Stands for the runner: keeps the seeds, raises what a seed is to raise."""

    def __init__(self):
        self.seeds = []
        self.paths = []
        self.intervals = []
        self.raises = {}

    def __call__(self, recipe, bench, path, *, seed, on_progress, fsync_interval):
        self.seeds.append(seed)
        self.intervals.append(fsync_interval)
        self.paths.append(path)
        if seed in self.raises:
            raise self.raises[seed]
        return path


@pytest.fixture
def runs(monkeypatch):
    """Put a stand-in in place of the runner."""
    stand_in = Runs()
    monkeypatch.setattr(worker, "run", stand_in)
    return stand_in


def states(queue):
    """Return the state of every entry."""
    return [str(entry.state) for entry in queue.entries()]


# ---- what goes well


def test_entries_run_in_order(queue, add, runs):
    """First added, first run; each is told when it is done."""
    for seed in (3, 1, 2):
        add(seed=seed)
    told: list[QueueEntry] = []
    count = QueueRunner(queue, tell=told.append).run_all()
    assert runs.seeds == [3, 1, 2]
    assert count == Counter({State.DONE: 3})
    assert [entry.number for entry in told] == [1, 2, 3]
    assert [entry.run_file for entry in told] == [str(path) for path in runs.paths]
    assert all(entry.ended >= entry.started for entry in queue.entries())


def test_readings_reach_the_disk_as_asked(queue, add, runs):
    """As each entry says, or as the one who runs the queue says for all."""
    add(fsync_interval=0.0)
    add(fsync_interval=5.0)
    add()
    QueueRunner(queue, limit=2).run_all()
    QueueRunner(queue, fsync_interval=0.25).run_all()
    assert runs.intervals == [0.0, 5.0, 0.25]


def test_run_makes_the_file(queue, add, lab):
    """A whole run on the simulated bench."""
    add(changes=["points=3", "sweeps=2"], seed=5, out="x.h5")
    events = []

    @contextmanager
    def watch(entry):
        yield lambda event: events.append((entry.number, event.done, event.total))

    QueueRunner(queue, watch=watch).run_all()
    with RunFile.open(lab / "x.h5") as run:
        assert (run.status, run.seed, run.rows) == ("completed", 5, 6)
        assert run.recipe_name == "hnno/resistance"
    assert events == [(1, 1, 2), (1, 2, 2)]
    assert queue.entry(1).state is State.DONE


def test_what_is_added_meanwhile_runs_too(queue, add, runs):
    """The queue is looked at again after each run."""
    add(seed=1)

    def tell(entry):
        if entry.number == 1:
            add(seed=2)

    QueueRunner(queue, tell=tell).run_all()
    assert runs.seeds == [1, 2]


def test_limit(queue, add, runs):
    """No more entries than asked for."""
    for seed in range(3):
        add(seed=seed)
    QueueRunner(queue, limit=2).run_all()
    assert runs.seeds == [0, 1]
    assert states(queue) == ["done", "done", "waiting"]


def test_one_bench_only(queue, add, runs, benches):
    """The others wait for somebody else."""
    for seed, bench in enumerate((benches[0], benches[1], benches[0])):
        add(bench, seed=seed)
    QueueRunner(queue, bench_path=str(benches[0])).run_all()
    assert runs.seeds == [0, 2]
    assert states(queue) == ["done", "waiting", "done"]


def test_bench_in_use_is_passed_over(queue, add, runs, benches):
    """Another live process runs on it."""
    for seed, bench in enumerate((benches[0], benches[0], benches[1])):
        add(bench, seed=seed)
    queue.claim(this_process())
    QueueRunner(queue).run_all()
    assert runs.seeds == [2]
    assert states(queue) == ["running", "waiting", "done"]


# ---- what fails

FAULTS = [
    (InstrumentError("smu: no\n answer"), "smu: no answer"),
    (RunFileError("x.h5: exists"), "x.h5: exists"),
    (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
    (ZeroDivisionError("division"), "ZeroDivisionError: division"),
    (AssertionError(), "AssertionError"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_failed_run_is_kept_with_its_reason(queue, add, runs, fault, reason):
    """One line; the later ones go on."""
    runs.raises[1] = fault
    for seed in (1, 2):
        add(seed=seed)
    count = QueueRunner(queue).run_all()
    assert count == Counter({State.FAILED: 1, State.DONE: 1})
    assert runs.seeds == [1, 2]
    assert queue.entry(1).reason == reason


def test_failure_stops_by_choice(queue, add, runs):
    """Later entries wait."""
    runs.raises[2] = InstrumentError("no answer")
    for seed in (1, 2, 3):
        add(seed=seed)
    QueueRunner(queue, on_failure=OnFailure.STOP).run_all()
    assert states(queue) == ["done", "failed", "waiting"]
    QueueRunner(queue, on_failure=OnFailure.STOP).run_all()
    assert states(queue) == ["done", "failed", "done"]


def test_changed_bench_fails_without_a_run(queue, add, runs, benches):
    """Nothing is touched."""
    add(benches[0])
    with benches[0].open("a", encoding="utf-8") as file:
        file.write("# another\n")
    QueueRunner(queue).run_all()
    assert runs.seeds == []
    assert "has changed since" in queue.entry(1).reason


# ---- what is unsafe


def behind(error):
    """Return an error that came after another one, in cleaning up."""
    try:
        try:
            raise error
        finally:
            raise RunFileError("x.h5: disk full")
    except RunFileError as last:
        return last


def interrupted_at(error):
    """Return a Ctrl-C that came while an error was on its way."""
    last = KeyboardInterrupt()
    last.__context__ = error
    return last


@pytest.mark.parametrize(
    "fault",
    [
        SafeStateError("smu: not off"),
        behind(SafeStateError("smu: not off")),
        interrupted_at(SafeStateError("smu: not off")),
    ],
    ids=["alone", "behind another", "behind Ctrl-C"],
)
@pytest.mark.parametrize("on_failure", list(OnFailure))
def test_nothing_runs_after_an_unsafe_state(queue, add, runs, fault, on_failure):
    """Whatever was asked for and whatever was raised last."""
    runs.raises[1] = fault
    for seed in (1, 2):
        add(seed=seed)
    with pytest.raises(SafeStateError, match="smu: not off"):
        QueueRunner(queue, on_failure=on_failure).run_all()
    assert states(queue) == ["failed", "waiting"]
    assert queue.entry(1).reason == "smu: not off"


def test_nothing_runs_after_a_limit(queue, add, runs):
    """The plan was within the limits when it was added: something is wrong."""
    runs.raises[1] = LimitError("step 1: voltage 9 V is beyond the limit")
    for seed in (1, 2):
        add(seed=seed)
    with pytest.raises(LimitError):
        QueueRunner(queue).run_all()
    assert states(queue) == ["failed", "waiting"]


def test_unsafe_state_is_told_before_a_lost_queue(queue, add, runs, monkeypatch):
    """A queue that cannot be written does not hide that an output may be on."""
    runs.raises[1] = SafeStateError("smu: not off")
    add(seed=1)

    def end(*words):
        raise QueueError("q.sqlite3: database or disk is full")

    monkeypatch.setattr(queue, "end", end)
    with pytest.raises(SafeStateError, match="smu: not off"):
        QueueRunner(queue).run_all()


# ---- what is interrupted


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_interruption_ends_orderly(queue, add, runs, error):
    """The entry says so, later ones wait, the interruption goes on."""
    runs.raises[1] = error
    for seed in (1, 2):
        add(seed=seed)
    with pytest.raises(type(error)):
        QueueRunner(queue).run_all()
    assert states(queue) == ["interrupted", "waiting"]
    assert queue.entry(1).reason == "stopped by Ctrl-C or a signal; no run file"


def test_second_interruption_does_not_lose_the_first(queue, add, runs, monkeypatch):
    """Ctrl-C again while the entry is being settled."""
    runs.raises[1] = KeyboardInterrupt()
    add(seed=1)
    end = queue.end

    def end_interrupted(*words):
        signal.raise_signal(signal.SIGINT)
        return end(*words)

    monkeypatch.setattr(queue, "end", end_interrupted)
    with pytest.raises(KeyboardInterrupt):
        QueueRunner(queue).run_all()
    assert states(queue) == ["interrupted"]


def test_entry_of_a_dead_process_is_settled_and_the_next_runs(queue, add, runs):
    """After a kill the queue goes on with what waits."""
    for seed in (1, 2):
        add(seed=seed)
    dead = replace(this_process(), start=this_process().start + "1")
    queue.claim(dead)
    told: list[QueueEntry] = []
    QueueRunner(queue, tell=told.append).run_all()
    assert [(entry.number, str(entry.state)) for entry in told] == [
        (1, "interrupted"),
        (2, "done"),
    ]
    assert runs.seeds == [2]


def stopped_run(queue, add, lab):
    """Return an entry of four steps that was interrupted after the second."""
    add(changes=["points=3", "sweeps=4"], out="x.h5", seed=5)

    @contextmanager
    def watch(entry):
        def on_progress(event):
            if event.done == 2:
                raise KeyboardInterrupt

        yield on_progress

    with pytest.raises(KeyboardInterrupt):
        QueueRunner(queue, watch=watch).run_all()
    entry = queue.entry(1)
    path = lab / "x.h5"
    assert entry.reason == (
        f"stopped by Ctrl-C or a signal; readings in {path}; continue with "
        f"'labneuro resume {path}'"
    )
    return path


def test_interrupted_run_is_left_unless_asked_for(queue, add, lab):
    """Whether to go on with a device that was left alone is for people to say."""
    stopped_run(queue, add, lab)
    assert QueueRunner(queue).run_all() == Counter()
    assert states(queue) == ["interrupted"]


def test_interrupted_run_is_taken_up(queue, add, lab):
    """At the step at which it stopped, into the same file."""
    path = stopped_run(queue, add, lab)
    with RunFile.open(path) as run:
        before = run.readings()["current"]
        assert (run.status, run.rows) == ("interrupted", 6)
    count = QueueRunner(queue, resume_interrupted=True).run_all()
    assert count == Counter({State.DONE: 1})
    with RunFile.open(path) as run:
        assert (run.status, run.rows) == ("completed", 12)
        assert (run.readings()["current"][:6] == before).all()
        assert "resumed" in [event.kind for event in run.events()]


def test_run_that_was_taken_up_by_hand_is_done(queue, add, lab):
    """``labneuro resume`` has finished it: nothing is measured again."""
    path = stopped_run(queue, add, lab)
    runner.resume(path)
    content = path.read_bytes()
    QueueRunner(queue, resume_interrupted=True).run_all()
    assert states(queue) == ["done"]
    assert path.read_bytes() == content


def test_interrupted_before_its_file_begins_anew(queue, add, runs):
    """There is nothing to take up."""
    runs.raises[1] = KeyboardInterrupt()
    add(seed=1)
    with pytest.raises(KeyboardInterrupt):
        QueueRunner(queue).run_all()
    runs.raises.clear()
    QueueRunner(queue, resume_interrupted=True).run_all()
    assert runs.seeds == [1, 1]
    assert states(queue) == ["done"]


def test_bench_that_others_use_keeps_its_entries_waiting(queue, add, runs, benches):
    """Someone works with it outside the queue; other benches go on."""
    runs.raises[1] = BenchInUseError("left.yaml is in use by ada")
    for seed, bench in ((1, benches[0]), (2, benches[0]), (3, benches[1])):
        add(bench, seed=seed)
    count = QueueRunner(queue).run_all()
    assert runs.seeds == [1, 3]
    assert count == Counter({State.WAITING: 1, State.DONE: 1})
    assert states(queue) == ["waiting", "waiting", "done"]
    entry = queue.entry(1)
    assert (entry.reason, entry.run_file) == ("left.yaml is in use by ada", None)
    runs.raises.clear()
    QueueRunner(queue).run_all()
    assert runs.seeds == [1, 3, 1, 2]


def test_interrupted_run_stays_so_while_others_use_its_bench(
    queue, add, lab, monkeypatch
):
    """What it has measured is not forgotten."""
    path = stopped_run(queue, add, lab)

    def in_use(*words, **options):
        raise BenchInUseError("hnno-sim is in use by ada")

    with monkeypatch.context() as patch:
        patch.setattr(worker, "resume", in_use)
        count = QueueRunner(queue, resume_interrupted=True).run_all()
    assert count == Counter({State.INTERRUPTED: 1})
    entry = queue.entry(1)
    assert (entry.state, entry.run_file) == (State.INTERRUPTED, str(path))
    assert entry.reason.startswith(f"hnno-sim is in use by ada; readings in {path}")
    assert QueueRunner(queue, resume_interrupted=True).run_all()[State.DONE] == 1
