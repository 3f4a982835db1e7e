"""A queue in a process of its own that is killed or stopped in the middle of a run."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import labneuro as package
from labneuro.cli.main import main
from labneuro.data.reader import RunFile
from labneuro.data.validation import validate

# The command itself, but for a progress that stops after each step until it is let go.
RUN = """
import contextlib, os, sys
from labneuro.cli import queue
from labneuro.cli.main import main

@contextlib.contextmanager
def watch(entry):
    def on_progress(event):
        print(entry.number, event.done, flush=True)
        sys.stdin.readline()
    yield on_progress

queue._watch = watch
os.environ["LABNEURO_WORKSPACE"] = sys.argv[1]
sys.exit(main(["queue", "run", *sys.argv[2:]]))
"""
PATIENCE = 60.0


@pytest.fixture
def labneuro(lab, capsys):
    """Return a function that runs a command in the lab and gives what it prints."""

    def run(*words):
        assert main(words) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def entries(labneuro):
    """Add two runs of four steps."""
    steps = ("--set", "points=3", "--set", "sweeps=4")
    for name in ("a.h5", "b.h5"):
        words = ("queue", "add", "hnno/resistance", "--bench", "hnno-sim")
        labneuro(*words, *steps, "--out", name)


@pytest.fixture
def start(lab):
    """Return a function that starts a queue and waits for the second step."""
    started = []

    def begin(*words):
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(lab), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(package.__file__).parent.parent,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "1 1\n"
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "1 2\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate(timeout=PATIENCE)


def column(text, name):
    """Return a column of what ``queue list`` shows."""
    head, *rows = text.splitlines()
    place = head.index(name)
    return [row[place:].split("  ")[0].strip() for row in rows]


def test_killed_queue_goes_on(lab, labneuro, entries, start):
    """SIGKILL in the middle of a run: it is named, the next runs, then it resumes."""
    process = start()
    assert column(labneuro("queue", "list"), "STATE") == ["running", "waiting"]
    process.kill()
    process.wait(PATIENCE)

    listed = labneuro("queue", "list")
    part = lab / "a.h5.part"
    assert column(listed, "STATE") == ["interrupted", "waiting"]
    assert f"died; readings in {part}; continue with 'labneuro resume {part}'" in listed

    assert "entry 2: done" in labneuro("queue", "run")
    assert column(labneuro("queue", "list"), "STATE") == ["interrupted", "done"]
    assert part.exists()

    assert "entry 1: done" in labneuro("queue", "run", "--resume-interrupted")
    assert column(labneuro("queue", "list"), "STATE") == ["done", "done"]
    for name in ("a.h5", "b.h5"):
        assert validate(lab / name) == []
        with RunFile.open(lab / name) as run:
            assert (run.status, run.rows) == ("completed", 12)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_stopped_queue_ends_orderly(lab, labneuro, entries, start, name):
    """Code 130; what was measured is in a finished file; the next entry waits."""
    process = start()
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, "")
    assert re.match(
        r"entry 1: interrupted: stopped by Ctrl-C or a signal; .*a\.h5", out
    )
    assert column(labneuro("queue", "list"), "STATE") == ["interrupted", "waiting"]
    with RunFile.open(lab / "a.h5") as run:
        assert (run.status, run.rows) == ("interrupted", 6)


def test_second_queue_leaves_a_bench_in_use_alone(lab, labneuro, entries, start):
    """Two processes, one bench: the second takes nothing, the first goes on."""
    process = start()
    out = labneuro("queue", "run")
    assert out.startswith("nothing run; 1 waiting\nhnno-sim is in use: process ")
    assert f"process {process.pid} " in out
    out, err = process.communicate(timeout=PATIENCE)  # no more input: it runs freely
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "2 done; 0 waiting"
    assert column(labneuro("queue", "list"), "STATE") == ["done", "done"]
