"""``labneuro resume``: what reaches the runner, and what the user sees."""

from __future__ import annotations

from pathlib import Path

from labneuro.protocols import runner


def test_everything_reaches_the_runner(labneuro, monkeypatch):
    """File, bench and interval; progress goes to stderr, the name to stdout."""
    made = []

    def execute(path, bench, *, on_progress, fsync_interval):
        made.append((path, bench and bench.name, fsync_interval))
        on_progress(runner.Progress(2, 2, "last", 30))
        return path

    monkeypatch.setattr(runner, "resume", execute)
    answer = labneuro("resume", "x.h5", "--bench", "hnno-sim", "--fsync", "0")
    assert answer == (0, "x.h5\n", "x.h5: 2/2 last\n")
    assert labneuro("resume", "x.h5").code == 0
    assert made == [(Path("x.h5"), "hnno-sim", 0.0), (Path("x.h5"), None, 1.0)]


def test_completed_run_is_one_line(labneuro, run_file):
    """A refusal ends with exit code 1."""
    answer = labneuro("resume", str(run_file))
    assert answer.code == 1
    assert answer.err.count("\n") == 1
    assert "is completed: nothing to resume" in answer.err


def test_no_file_is_one_line(labneuro, lab):
    """Nor is there a traceback for a file that is not there."""
    answer = labneuro("resume", "none.h5")
    assert answer.code == 1
    assert answer.err == "labneuro: error: none.h5: no such file\n"
