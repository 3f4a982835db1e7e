"""Entries whose process died."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labneuro.data.run_file import journal_of, part_of
from labneuro.instruments.processes import ProcessIdentity, this_process
from labneuro.protocols.runner import run
from labneuro.run_queue.entry import State
from labneuro.run_queue.jobs import bench_of, recipe_of
from labneuro.run_queue.lost import recoverable, settle_lost

DEAD = replace(this_process(), start=this_process().start + "1")


@pytest.fixture
def lost(queue, add, lab):
    """Return an entry, and its run file's name, claimed by a process that is dead."""
    add(changes=["points=3", "sweeps=2"])
    entry = queue.claim(DEAD)
    path = lab / "x.h5"
    queue.note_run_file(entry, path)
    return queue.entry(1), path


def test_live_entry_is_left_alone(queue, add):
    """So is one of another machine."""
    for bench in ("hnno-sim", "ts-scope-sim"):
        add(bench)
    queue.claim(this_process())
    queue.claim(ProcessIdentity("elsewhere", 4, "boot:7"))
    assert settle_lost(queue) == []
    assert {entry.state for entry in queue.entries()} == {State.RUNNING}


def test_process_that_died_before_its_file(queue, lost):
    """There is nothing to recover."""
    (settled,) = settle_lost(queue)
    assert settled.state is State.INTERRUPTED
    assert settled.reason == f"{DEAD} died; no run file"
    assert settle_lost(queue) == []


@pytest.mark.parametrize("name_of", [part_of, journal_of])
def test_what_is_left_is_named(queue, lost, name_of):
    """The file with the readings, and the command that goes on with it."""
    left = name_of(lost[1])
    left.touch()
    (settled,) = settle_lost(queue)
    assert settled.state is State.INTERRUPTED
    assert settled.reason == (
        f"{DEAD} died; readings in {left}; continue with 'labneuro resume {left}'"
    )


def test_run_that_had_ended_is_done(queue, lost):
    """Killed between the end of the run and the note about it: not measured twice."""
    entry, path = lost
    run(recipe_of(entry), bench_of(entry.job), path)
    (settled,) = settle_lost(queue)
    assert (settled.state, settled.reason) == (State.DONE, "")


@pytest.mark.parametrize(
    ("stop", "state", "reason"),
    [
        (KeyboardInterrupt(), "interrupted", "died; readings in"),
        (RuntimeError("broken"), "failed", "RuntimeError('broken')"),
    ],
)
def test_run_that_had_ended_early(queue, lost, stop, state, reason):
    """Its file says how."""
    entry, path = lost

    def on_progress(event):
        raise stop

    with pytest.raises(type(stop)):
        run(recipe_of(entry), bench_of(entry.job), path, on_progress=on_progress)
    (settled,) = settle_lost(queue)
    assert settled.state == state
    assert reason in settled.reason


def test_unreadable_file_is_named(queue, lost):
    """Whoever recovers it will be told what is wrong."""
    lost[1].write_bytes(b"no run file")
    (settled,) = settle_lost(queue)
    assert settled.state is State.INTERRUPTED
    assert str(lost[1]) in settled.reason


def test_entry_without_a_file_has_nothing_left(queue, add):
    """It has not begun to measure."""
    assert recoverable(add()) == "no run file"
