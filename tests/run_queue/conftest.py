"""A queue of short jobs on the simulated bench."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labneuro import workspace
from labneuro.run_queue.jobs import make_job
from labneuro.run_queue.store import QueueStore

RECIPE = "hnno/resistance"


@pytest.fixture
def queue(lab):
    """Return an empty queue in a lab workspace of its own."""
    with QueueStore(lab / "queue.sqlite3", create=True) as store:
        yield store


@pytest.fixture
def benches(lab):
    """Return the paths of two benches that are copies of the simulated one."""
    shipped = workspace.find("bench", "hnno-sim")
    return [
        Path(shutil.copy(shipped, lab / "sim_backends" / name))
        for name in ("left.yaml", "right.yaml")
    ]


@pytest.fixture
def add(queue):
    """Return a function that adds a short run and gives its entry."""

    def add_job(bench="hnno-sim", **options):
        return queue.add(make_job(RECIPE, bench, **options))

    return add_job
