"""A run whose disk is full, at any place: a safe end, what was measured kept.

The system itself refuses to let a file grow beyond a limit, as a full disk does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import labneuro
from labneuro.data import recovery
from labneuro.data.checks import check_file
from labneuro.data.claim import part_of
from labneuro.data.reader import RunFile
from labneuro.data.recovery import needs_recovery, recover
from labneuro.protocols.resuming import plots_of

pytest.importorskip("resource", reason="only POSIX limits the size of files")

CHILD = """
import resource, sys
from pathlib import Path
from labneuro.bench import load_bench
from labneuro.errors import RunFileError
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
recipe = load_recipe("hnno/firing", ["events=200"])
bench = load_bench("hnno-sim")

def tell(event):
    told.append(event.readings)
    if ending and event.done == 3:
        limit(Path(f"{name}.h5{ending}").stat().st_size + room)

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

for name in sys.argv[1:]:
    told = []
    ending = name.rstrip("0123456789")
    room = int(name.removeprefix(ending))
    limit(hard if ending else room)
    try:
        run(recipe, bench, f"{name}.h5", on_progress=tell)
        end = "completed"
    except RunFileError as error:
        end = str(error)
    limit(hard)
    print(name, sum(told), end, sep="\\t", flush=True)
"""
AT_START = ["0", "4096", "1048575"]
IN_A_RUN = [".part0", ".part500", ".part20000", ".part50000"]  # bytes left at step 3


def test_nothing_acknowledged_is_lost(tmp_path, monkeypatch):
    """Each size ends in one line or a whole run; each file is valid or recovered."""
    monkeypatch.setattr(recovery, "validate", check_file)  # saves seconds
    answer = subprocess.run(
        [sys.executable, "-c", CHILD, *AT_START, *IN_A_RUN],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(labneuro.__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    lines = [line.split("\t") for line in answer.stdout.splitlines()]
    assert [line[0] for line in lines] == [*AT_START, *IN_A_RUN]
    for name, told, end in lines:
        path = tmp_path / f"{name}.h5"
        if name in AT_START:
            assert (told, path.exists(), part_of(path).exists()) == ("0", False, False)
            assert "cannot be created: File too large" in end
            continue
        assert "could not be stored" in end
        if needs_recovery(path):
            recover(path, plots_of)
        assert check_file(path) == []
        with RunFile.open(path) as run:
            assert run.rows >= int(told) >= 416
            assert run.status.startswith(("failed: ", "recovered: "))
