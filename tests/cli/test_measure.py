"""``labneuro run``: what reaches the runner, and what the user sees."""

from __future__ import annotations

import re

import pytest

from labneuro.protocols import runner


@pytest.fixture
def calls(monkeypatch):
    """Return the calls of the runner, which measures nothing."""
    made = []

    def execute(recipe, bench, path, *, seed, on_progress, fsync_interval):
        made.append((recipe, bench, path, seed, fsync_interval))
        on_progress(runner.Progress(1, 2, "first", 16))
        on_progress(runner.Progress(2, 2, "last", 30))
        return path

    monkeypatch.setattr(runner, "run", execute)
    return made


def test_everything_reaches_the_runner(labneuro, calls):
    """Recipe with changes, bench, seed and file."""
    answer = labneuro(
        *("run", "hnno/firing", "--bench", "hnno-sim", "--seed", "7"),
        *("--set", "events=33", "--out", "y.h5", "--fsync", "0.25"),
    )
    ((recipe, bench, path, seed, fsync),) = calls
    assert fsync == 0.25
    assert (recipe.name, recipe.protocol.events) == ("hnno/firing", 33)
    assert (bench.name, str(path), seed) == ("hnno-sim", "y.h5", 7)
    assert answer.code == 0
    assert answer.out == "y.h5\n"
    assert answer.err.splitlines() == ["hnno/firing: 2/2 last"]


def test_default_name_has_recipe_device_and_time(labneuro, calls):
    """Without --out the file is named by what it is."""
    labneuro("run", "hnno/firing", "--bench", "hnno-sim")
    recipe, bench, path, seed, fsync = calls[0]
    assert (path, seed, fsync) == (None, None, 1.0)
    name = str(runner.default_path(recipe, bench))
    assert re.fullmatch(r"hnno-firing_H-NNO-simulated_\d{8}-\d{6}\.h5", name)


@pytest.mark.parametrize("out", ["y.txt", "none/y.h5", "x.h5"])
def test_wrong_file_is_told(labneuro, run_file, out):
    """A name that is none, a folder that is not there, a file that exists."""
    content = run_file.read_bytes()
    answer = labneuro("run", "hnno/firing", "--bench", "hnno-sim", "--out", out)
    assert answer.code == 1
    assert out in answer.err
    assert answer.err.count("\n") == 1
    assert run_file.read_bytes() == content
