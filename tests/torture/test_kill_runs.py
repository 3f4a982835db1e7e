"""Runs that are killed lose nothing and leave nothing on; `make torture` kills more."""

from __future__ import annotations

import pytest

from tests.torture import kill_processes, kill_runs
from tests.torture.kill_processes import HungError
from tests.torture.kill_runs import IN_TIME, KILLED_RUNS, RUN, Lives

ALL_KILLED = 2  # the number of a life in which recovery and resumption are killed, too
RESUMPTION_KILLED = 5
IN_PROCESS = KILLED_RUNS[0]
SERVED = KILLED_RUNS[6]._replace(
    changes=("captures=3", "points=50", "channels={ch1: {range: 2 V, offset: 0.5 V}}")
)


@pytest.fixture(autouse=True, scope="module")
def _own_locks(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("locks")))
        yield


@pytest.fixture(scope="module")
def lives(tmp_path_factory):
    with Lives(IN_PROCESS, tmp_path_factory.mktemp("lives"), seed=1) as found:
        yield found


@pytest.fixture
def tally(lives):
    lives.tally = kill_runs.Tally(IN_PROCESS)
    return lives.tally


def test_killed_runs_lose_nothing(lives, tally):
    """A life in which all is killed, and one of which only the run is killed."""
    for number in (ALL_KILLED, 1):
        lives.live(number)
    assert tally.faults == []
    assert (tally.lost, tally.unreadable, tally.lives) == (0, 0, 2)
    assert tally.killed + tally.too_late >= 2
    assert tally.completed + tally.not_begun == 2


def test_a_lost_step_would_be_found(lives, tally, monkeypatch):
    """The judge itself can fail."""
    whole = kill_runs.blocks_of

    def short_of_one(path):
        found, status = whole(path)
        return found[1:], status

    monkeypatch.setattr(kill_runs, "blocks_of", short_of_one)
    lives.lasted[RUN] = 1e3  # so that the kill comes too late: all is acknowledged
    lives.live(7)
    assert tally.lost > 0
    assert "are not as they were acknowledged" in tally.faults[0]


def test_a_hang_is_named(lives, monkeypatch):
    """What does not end in time is killed; the error tells where it was."""
    monkeypatch.setattr(kill_processes, "_COMMAND", 0.0)
    with pytest.raises(HungError, match=r"(?s)data list.*no end within 0 s.*thread"):
        lives.processes.execute(["data", "list"])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_served_bench_is_off_after_each_kill(tmp_path):
    """The watchdog survives the kill of a process group."""
    with Lives(SERVED, tmp_path, seed=3) as lives:
        lives.live(RESUMPTION_KILLED)
        tally = lives.tally
    assert tally.faults == []
    assert (tally.lost, tally.unreadable, tally.left_on) == (0, 0, 0)
    assert tally.killed >= 1
    assert all(seconds <= IN_TIME for seconds in tally.off_after)
