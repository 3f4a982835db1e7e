"""A run that ended early is taken up at its next step, if all is as it was."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from labneuro.bench import load_bench
from labneuro.data import recovery
from labneuro.data.checks import check_file
from labneuro.data.claim import journal_of, part_of
from labneuro.data.reader import RunFile
from labneuro.errors import InputError, InstrumentError, RunFileError
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.resuming import plots_of
from labneuro.protocols.runner import Progress, resume, run

FIELDS = "pulse_fields={start: 0.2 V/um, stop: 0.22 V/um, points: 3}"
CASES = {
    "firing": ("hnno/firing", ["events=30", FIELDS]),
    "resistance": ("hnno/resistance", ["sweeps=4", "points=3"]),
    "sensitization": (
        "hnno/sensitization",
        ["pulses=30", "trains=3", "fields=[0.19 V/um]"],
    ),
    "states": (
        "hnno/state-map",
        ["events=30", FIELDS, "accumulating_fields=[0.19 V/um]", "kinetics.pulses=[]"],
    ),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(recovery, "validate", check_file)


@pytest.fixture
def bench():
    """Return the shipped simulated bench."""
    return load_bench("hnno-sim")


def stop_after(count):
    """Return a progress function that interrupts after so many steps."""

    def on_progress(event):
        if event.done == count:
            raise KeyboardInterrupt

    return on_progress


@pytest.fixture
def interrupted(connected, bench, tmp_path):
    """Return a firing-probability run of 4 steps that ended after 2."""
    path = tmp_path / "x.h5"
    recipe = load_recipe(*CASES["firing"])
    with pytest.raises(KeyboardInterrupt):
        run(recipe, bench, path, seed=5, on_progress=stop_after(2))
    return path


def tree(path):
    """Return every group and data set of a file with type, rank and attributes."""
    found = {}

    def look(name, item):
        kind = (item.dtype, item.ndim) if isinstance(item, h5py.Dataset) else None
        found[name] = (kind, sorted(item.attrs))

    with h5py.File(path) as file:
        file.visititems(look)
        found["/"] = (None, sorted(file.attrs))
    return found


@pytest.mark.parametrize("case", CASES)
def test_resumed_twice_it_is_like_a_run_that_ran_through(
    connected, bench, tmp_path, case
):
    """Same tree, same steps, valid, and plots that its readings give."""
    recipe = load_recipe(*CASES[case])
    whole = run(recipe, bench, tmp_path / "whole.h5", seed=5)
    path = tmp_path / "x.h5"
    with pytest.raises(KeyboardInterrupt):
        run(recipe, bench, path, seed=5, on_progress=stop_after(1))
    with pytest.raises(KeyboardInterrupt):
        resume(path, on_progress=stop_after(2))
    seen: list[Progress] = []
    assert resume(path, on_progress=seen.append) == path
    assert seen[0].done == 3
    assert check_file(path) == []
    assert tree(path) == tree(whole)
    assert list(tmp_path.glob("*.part")) == list(tmp_path.glob("*.jsonl")) == []
    with RunFile.open(whole) as one, RunFile.open(path) as two:
        assert two.status == "completed"
        np.testing.assert_array_equal(one.readings()["step"], two.readings()["step"])
        kinds = [event.kind for event in two.events()]
        assert set(kinds) == {"resumed"}
        for run_file in (one, two):
            for name, arrays in plots_of(run_file).items():
                np.testing.assert_array_equal(
                    run_file.plot(name).signal, arrays["signal"]
                )


def test_gap_and_seed_are_recorded(connected, interrupted):
    """The event says how long, what was there, and the new seed, which differs."""
    _, world = connected
    resume(interrupted)
    with RunFile.open(interrupted) as run_file:
        first, second = run_file.events()
        assert run_file.seed == 5
    assert "46 readings of 2 steps before; it was 'interrupted'; seed " in first.message
    assert "initial resistance" in second.message
    _, seed = world.done("connect")
    assert seed != 5
    assert first.message.endswith(f"seed {seed}")


def test_device_is_reset_and_compared(connected, interrupted):
    """The prologue's own reset train goes before the next event."""
    _, world = connected
    before = len(world.trains)
    resume(interrupted)
    assert [len(train) for train in world.trains[before:]] == [16, 30, 30]


def test_other_device_in_its_place_is_refused(connected, interrupted):
    """Another initial resistance is another device; what was measured is kept."""
    _, world = connected
    world.reading = lambda current: 3.0 * current
    with pytest.raises(InstrumentError, match="this is another device"):
        resume(interrupted)
    assert not any(world.outputs.values())
    with RunFile.open(interrupted) as run_file:
        assert run_file.rows == 46
        assert run_file.status.startswith("failed: ")


def test_completed_run_is_refused(connected, bench, tmp_path):
    """There is nothing to resume, and nothing is touched."""
    path = run(load_recipe(*CASES["firing"]), bench, tmp_path / "x.h5")
    before = path.read_bytes()
    with pytest.raises(RunFileError, match="is completed: nothing to resume"):
        resume(path)
    assert path.read_bytes() == before


def test_only_the_end_was_missing(connected, bench, tmp_path):
    """All steps are there: no instrument is touched."""
    _, world = connected
    path = tmp_path / "x.h5"
    with pytest.raises(KeyboardInterrupt):
        run(load_recipe(*CASES["firing"]), bench, path, on_progress=stop_after(4))
    connections = len(world.done("connect"))
    resume(path)
    assert len(world.done("connect")) == connections
    with RunFile.open(path) as run_file:
        assert (run_file.status, run_file.rows) == ("completed", 106)


CHANGED = [
    ("voltage: 6 V", "voltage: 5 V", r"device\.limits\.voltage is '5 V', the run had"),
    ("id: H-NNO-simulated", "id: other", "device id is 'other', the run had 'H-NNO-s"),
    ("timeout: 10 s", "timeout: 11 s", r"smu\.timeout is '11 s', the run had '10 s'"),
    ("  clock: virtual\n", "", r"simulation\.clock is not given, the run had 'virt"),
]


@pytest.mark.parametrize(("old", "new", "message"), CHANGED)
def test_changed_bench_is_refused(
    connected, bench, interrupted, write, old, new, message
):
    """The key and both values are named; nothing is touched."""
    _, world = connected
    assert old in bench.text
    other = load_bench(write("hnno-sim.yaml", bench.text.replace(old, new)))
    connections = len(world.done("connect"))
    with pytest.raises(RunFileError, match=message):
        resume(interrupted, other)
    assert len(world.done("connect")) == connections


def test_comment_in_the_bench_is_no_change(connected, bench, interrupted, write):
    """The content counts."""
    other = load_bench(write("hnno-sim.yaml", f"# moved\n{bench.text}"))
    assert check_file(resume(interrupted, other)) == []


def test_changed_recipe_is_refused(connected, bench, lab, shipped):
    """The recipe's file has another value now; --set of the run still counts."""
    text = (shipped / "protocols/hnno/firing.yaml").read_text()
    recipe_file = lab / "protocols" / "mine.yaml"
    recipe_file.write_text(text)
    with pytest.raises(KeyboardInterrupt):
        run(
            load_recipe("mine", ["events=30"]), bench, "x.h5", on_progress=stop_after(2)
        )
    recipe_file.write_text(text.replace("points: 9", "points: 8"))
    with pytest.raises(
        RunFileError, match=r"mine\.yaml: pulse_fields\.points is 8, the run had 9"
    ):
        resume("x.h5")
    recipe_file.unlink()
    resume("x.h5")


def test_missing_bench_is_told(connected, interrupted, monkeypatch):
    """With the remedy."""
    from labneuro.protocols import resuming

    def none(name):
        from labneuro.errors import NotInWorkspaceError

        raise NotInWorkspaceError(f"no bench {name!r}")

    monkeypatch.setattr(resuming, "load_bench", none)
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    with pytest.raises(RunFileError, match="give it with --bench"):
        resuming.bench_of_run(interrupted)


def test_failing_connection_leaves_the_file(connected, interrupted, monkeypatch):
    """Nothing was measured: the file is as it was, its name is free."""
    from labneuro.protocols import runner

    def fail(config, seed=None):
        raise InstrumentError("smu does not answer")

    before = interrupted.read_bytes()
    monkeypatch.setattr(runner, "connect", fail)
    with pytest.raises(InstrumentError):
        resume(interrupted)
    assert interrupted.read_bytes() == before
    assert not part_of(interrupted).exists()
    assert not journal_of(interrupted).exists()


def test_name_is_checked_before_the_instruments(connected, bench, tmp_path):
    """A file that exists is refused before anything is connected."""
    _, world = connected
    (tmp_path / "x.h5").write_text("precious")
    with pytest.raises(RunFileError, match="exists already"):
        run(load_recipe(*CASES["firing"]), bench, tmp_path / "x.h5")
    assert world.log == []


def test_runs_of_one_second_do_not_collide(connected, bench, lab, monkeypatch):
    """Without --out the second gets a number."""
    from labneuro.protocols import runner

    monkeypatch.setattr(runner, "default_path", lambda *_: lab / "x.h5")
    recipe = load_recipe(*CASES["firing"])
    assert [run(recipe, bench).name for _ in range(2)] == ["x.h5", "x-2.h5"]


def test_recipe_of_another_version_is_told(connected, interrupted):
    """A recipe in the file that this version cannot read ends in one line."""
    with h5py.File(interrupted, "r+") as file:
        del file["entry/configuration/recipe_text"]
        file["entry/configuration/recipe_text"] = "protocol: Bend\n"
    with pytest.raises(InputError, match=r"x\.h5: recipe: protocol: no 'Bend'"):
        resume(interrupted)
