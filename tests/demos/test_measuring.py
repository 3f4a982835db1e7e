"""What demonstrations share: the folder, the runs, and which changes are made."""

from __future__ import annotations

import pytest

from labneuro.bench import load_bench
from labneuro.data.reader import RunFile
from labneuro.demos.measuring import Measurement, make_folder, measure
from labneuro.errors import InputError


def test_the_folder_loses_the_runs_of_an_earlier_demonstration(tmp_path):
    out = tmp_path / "a" / "b"
    make_folder(out, ["x"])
    (out / "x.h5").touch()
    (out / "mine.h5").touch()
    make_folder(out, ["x"])
    assert [one.name for one in out.iterdir()] == ["mine.h5"]


def test_a_folder_that_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(InputError, match=r"--out .*file: cannot be used"):
        make_folder(path, [])


@pytest.mark.parametrize(("quick", "repeats"), [(False, 2), (True, 1)])
def test_quick_changes_come_last(tmp_path, quick, repeats):
    told = []
    runs = measure(
        [
            Measurement(
                "pairs",
                "fmes/paired-pulse",
                ("intervals=[10 ms]", 'resistors={open: ""}', "repeats=2"),
                ("repeats=1",),
            )
        ],
        load_bench("fmes-sim"),
        tmp_path,
        quick=quick,
        seed=3,
        progress=lambda *what: told.append(what),
    )
    with RunFile.open(runs["pairs"]) as run:
        assert run.rows == repeats
        assert run.seed == 3
    assert {label for label, _, _ in told} == {"measuring pairs"}
    assert told[-1][1:] == (1, 1)
