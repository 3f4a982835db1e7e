"""Runs that are killed lose nothing; `make torture` kills many more of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from labneuro.data import recovery
from labneuro.data.checks import check_file

_NAME = "kill_runs"
_SPEC = importlib.util.spec_from_file_location(
    _NAME, Path(__file__).with_name(f"{_NAME}.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
kill_runs = importlib.util.module_from_spec(_SPEC)
sys.modules[_NAME] = kill_runs
_SPEC.loader.exec_module(kill_runs)


def test_killed_runs_lose_nothing(tmp_path, monkeypatch):
    """Six runs, three of them killed again while they are resumed."""
    for module in (kill_runs, recovery):  # checks in this process, which saves seconds
        monkeypatch.setattr(module, "validate", check_file)
    tally = kill_runs.kill_runs(tmp_path, runs=6, seed=20261122)
    assert tally.faults == []
    assert (tally.lost, tally.unreadable) == (0, 0)
    assert tally.kills >= 4
    assert tally.recovered >= tally.acknowledged > 0
    assert tally.completed >= 4
