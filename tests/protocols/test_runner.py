"""The runner: rows in order, a safe end whatever happens, what was measured is kept."""

from __future__ import annotations

import re
import signal
from dataclasses import replace

import numpy as np
import pytest

from labneuro.bench import load_bench
from labneuro.data.reader import RunFile
from labneuro.errors import (
    BenchConfigError,
    InputError,
    InstrumentError,
    LimitError,
    RecipeError,
    RunFileError,
)
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import Progress, check_plan, default_path, run

SMALL = (
    "events=30",
    "pulse_fields={start: 0.2 V/um, stop: 0.22 V/um, points: 3}",
)


@pytest.fixture
def recipe():
    """Return a short firing-probability recipe: a baseline and three fields."""
    return load_recipe("hnno/firing", SMALL)


@pytest.fixture
def bench():
    """Return the shipped simulated bench."""
    return load_bench("hnno-sim")


# ---- the plan


def test_too_high_field_is_refused_before_anything(connected, bench, tmp_path):
    """Step, value and limit are named; no instrument is touched, no file made."""
    _, world = connected
    recipe = load_recipe(
        "hnno/firing", ["pulse_fields={start: 0.2 V/um, stop: 0.31 V/um, points: 12}"]
    )
    with pytest.raises(LimitError) as caught:
        run(recipe, bench, tmp_path / "x.h5")
    assert str(caught.value) == (
        "step 13 (50 events at 0.31 V/um): voltage 6.2 V is beyond the limit of 6 V "
        "(device limit)"
    )
    assert world.log == []
    assert list(tmp_path.iterdir()) == []


def test_too_strong_reset_is_refused(bench):
    """The reverse pulse is a set-point like any other."""
    recipe = load_recipe("hnno/firing", ["settings.pulses.reset_field=0.4 V/um"])
    with pytest.raises(LimitError, match=r"step 1 \(baseline.*voltage -8 V"):
        check_plan(recipe.protocol, bench)


def test_too_high_range_is_refused(bench):
    """A measuring range beyond the current limit is no way around it."""
    recipe = load_recipe("hnno/resistance", ["current_range=10 mA"])
    with pytest.raises(LimitError, match="current 10 mA is beyond the limit of 2 mA"):
        check_plan(recipe.protocol, bench)


def test_bench_needs_a_current_limit(bench, recipe, write):
    """Without a limit there is no compliance to set."""
    text = bench.text.replace(", current: 2 mA", "").replace(", current: 10 mA", "")
    unlimited = load_bench(write("b.yaml", text))
    with pytest.raises(
        BenchConfigError, match=r"b.yaml: limits.current: this key is mi"
    ):
        check_plan(recipe.protocol, unlimited)


def test_protocol_is_for_its_device_models(bench, recipe, write):
    """H-NNO protocols refuse another device; a resistance can be read of any."""
    other = load_bench(
        write("b.yaml", bench.text.replace("model: hnno", "model: fmes"))
    )
    with pytest.raises(
        RecipeError, match="FiringProbability measures hnno; the device"
    ):
        check_plan(recipe.protocol, other)
    assert check_plan(load_recipe("hnno/resistance").protocol, other).steps


def test_seed_is_for_simulated_benches(connected, recipe, tmp_path):
    """A seed on hardware would be recorded and do nothing."""
    _, world = connected
    with pytest.raises(InputError, match="seed: bench 'hnno-bench' is not simulated"):
        run(recipe, load_bench("hnno-bench"), tmp_path / "x.h5", seed=1)
    assert world.log == []


# ---- a run that succeeds


def test_rows_are_in_order(connected, bench, recipe, tmp_path):
    """Step by step, event by event; the plot holds the counts of the rows."""
    _, world = connected
    path = run(recipe, bench, tmp_path / "x.h5")
    assert path == tmp_path / "x.h5"
    with RunFile.open(path) as file:
        rows, plot, status = file.readings(), file.plot(), file.status
    assert status == "completed"
    assert rows["step"].tolist() == [0] * 16 + [1] * 30 + [2] * 30 + [3] * 30
    assert rows["event"].tolist() == [*range(16), *range(30), *range(30), *range(30)]
    fired = [[bool(event) for event in train] for train in world.trains[1:]]
    assert rows["spike"][16:].tolist() == [one for train in fired for one in train]
    assert plot.auxiliary["spikes"].tolist() == [sum(train) for train in fired]
    assert plot.signal == pytest.approx(np.array([sum(train) / 30 for train in fired]))
    assert plot.axes["pulse_field"].tolist() == [0.2e6, 0.21e6, 0.22e6]


def test_everything_needed_to_repeat_is_kept(connected, bench, recipe, tmp_path):
    """Recipe with its changes, bench, card, seed, limits, identities."""
    with RunFile.open(run(recipe, bench, tmp_path / "x.h5", seed=42)) as file:
        assert file.seed == 42
        assert file.protocol == "FiringProbability"
        assert file.parameters["events"] == 30
        assert file.recipe_text == recipe.text
        assert file.bench_text == bench.text
        assert file.card_text is not None
        assert file.card_text.startswith("# Mark of each number")
        assert file.limits == {"voltage": "6.0 V", "current": "0.002 A"}
        assert (file.device_id, file.device_model) == ("H-NNO-simulated", "hnno")
        assert file.simulated
        assert "FAKE,smu" in str(file.summary())


def test_seed_of_the_bench_file_is_kept(connected, bench, recipe, tmp_path):
    """Without another seed the bench file's is recorded."""
    assert bench.simulation is not None
    with RunFile.open(run(recipe, bench, tmp_path / "x.h5")) as file:
        assert file.seed == bench.simulation.seed


def test_hardware_keeps_neither_card_nor_seed(connected, recipe, tmp_path):
    """On hardware there is nothing simulated to record."""
    with RunFile.open(run(recipe, load_bench("hnno-bench"), tmp_path / "x.h5")) as file:
        assert (file.seed, file.card_text, file.simulated) == (None, None, False)


def test_progress_follows_each_step(connected, bench, recipe, tmp_path):
    """A step is announced when its readings are on disk."""
    seen = []

    def on_progress(event: Progress) -> None:
        with RunFile.open(tmp_path / "x.h5.part") as file:
            assert file.readings()["step"].max() == event.done - 1
        seen.append((event.done, event.total, event.readings))

    run(recipe, bench, tmp_path / "x.h5", on_progress=on_progress)
    assert seen == [(1, 4, 16), (2, 4, 30), (3, 4, 30), (4, 4, 30)]


def test_outputs_are_off_at_the_end(connected, bench, recipe, tmp_path):
    """A run that succeeds ends with every output safe, stimulus first."""
    _, world = connected
    run(recipe, bench, tmp_path / "x.h5")
    assert not any(world.outputs.values())
    assert world.done("make safe")[:2] == ["pulse_generator", "source_meter"]


def test_instrument_errors_are_logged(connected, bench, recipe, tmp_path):
    """What waits in an error queue at the end is kept with the run."""
    connected[0].drivers["afg"].errors.append('-222,"Data out of range"')
    with RunFile.open(run(recipe, bench, tmp_path / "x.h5")) as file:
        events = [(event.kind, event.message) for event in file.events()]
    assert ("instrument error", 'afg: -222,"Data out of range"') in events


# ---- a run that fails


STAGES = [
    ("configure 1", 0),
    ("load 1", 0),
    ("output on 1", 0),
    ("output on 2", 0),
    ("reads 1", 0),
    ("load 3", 16),
    ("reads 2", 16),
    ("reads 3", 46),
    ("reads 4", 76),
]


@pytest.mark.parametrize(("stage", "rows"), STAGES)
@pytest.mark.parametrize(
    "fault",
    [InstrumentError("smu: -350"), KeyboardInterrupt(), ZeroDivisionError("a bug")],
    ids=["instrument", "interrupt", "bug"],
)
def test_any_fault_ends_safe_and_keeps_the_rows(
    connected, bench, recipe, tmp_path, stage, rows, fault
):
    """Outputs off, the file closed with what was measured, the fault passed on."""
    _, world = connected
    world.fail_at, world.fault = stage, fault
    with pytest.raises(type(fault)):
        run(recipe, bench, tmp_path / "x.h5")
    assert not any(world.outputs.values())
    assert {"pulse_generator", "source_meter"} <= set(world.done("make safe"))
    with RunFile.open(tmp_path / "x.h5") as file:
        assert file.rows == rows
        interrupted = isinstance(fault, KeyboardInterrupt)
        assert file.status.startswith("interrupted" if interrupted else "failed: ")
    assert list(tmp_path.glob("*.part")) == []


def test_outputs_go_off_before_the_file_is_closed(
    connected, bench, recipe, tmp_path, monkeypatch
):
    """A slow or full disk must not keep an output on."""
    from labneuro.data.run_file import RunWriter

    _, world = connected
    world.fail_at, world.fault = "reads 2", InstrumentError("smu: -350")
    finish = RunWriter.finish

    def watched(self, status="completed"):
        assert not any(world.outputs.values())
        world.act("finish", status)
        finish(self, status)

    monkeypatch.setattr(RunWriter, "finish", watched)
    with pytest.raises(InstrumentError):
        run(recipe, bench, tmp_path / "x.h5")
    assert world.done("finish") == ["failed: smu: -350"]


def test_full_disk_ends_safe(connected, bench, recipe, tmp_path, monkeypatch):
    """When readings cannot be stored, the outputs still go off."""
    from labneuro.data.run_file import RunWriter

    _, world = connected

    def full(self, step, rows):
        raise RunFileError("no space left on device")

    monkeypatch.setattr(RunWriter, "append", full)
    with pytest.raises(RunFileError, match="no space left"):
        run(recipe, bench, tmp_path / "x.h5")
    assert not any(world.outputs.values())


def test_failing_display_ends_safe(connected, bench, recipe, tmp_path):
    """A fault of the caller's own progress function is no reason to stay on."""
    _, world = connected

    def broken(event):
        raise OSError(event.label)

    with pytest.raises(OSError, match="baseline"):
        run(recipe, bench, tmp_path / "x.h5", on_progress=broken)
    assert not any(world.outputs.values())


def test_sigterm_ends_safe(connected, bench, recipe, tmp_path):
    """The signal's KeyboardInterrupt comes in the middle of a train."""
    from labneuro.cli.main import _stop

    _, world = connected
    before = signal.signal(signal.SIGTERM, _stop)
    try:

        def terminate(event):
            if event.done == 2:
                signal.raise_signal(signal.SIGTERM)

        with pytest.raises(KeyboardInterrupt):
            run(recipe, bench, tmp_path / "x.h5", on_progress=terminate)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not any(world.outputs.values())
    with RunFile.open(tmp_path / "x.h5") as file:
        assert (file.rows, file.status) == (46, "interrupted")


def test_existing_file_is_not_touched(connected, bench, recipe, tmp_path):
    """A run never writes over another; no output goes on for it."""
    _, world = connected
    (tmp_path / "x.h5").write_text("precious")
    with pytest.raises(RunFileError, match="exists already"):
        run(recipe, bench, tmp_path / "x.h5")
    assert (tmp_path / "x.h5").read_text() == "precious"
    assert world.done("output on") == []


# ---- names


@pytest.mark.parametrize(
    ("name", "device", "pattern"),
    [
        ("hnno/firing", "H-NNO-01", r"hnno-firing_H-NNO-01_\d{8}-\d{6}\.h5"),
        ("my recipe", "lot 3/7", r"my-recipe_lot-3-7_\d{8}-\d{6}\.h5"),
    ],
)
def test_default_path_is_one_plain_name(bench, recipe, name, device, pattern):
    """Recipe, device and time, whatever signs they hold."""
    other = bench.model_copy(
        update={"device": bench.device.model_copy(update={"id": device})}
    )
    path = default_path(replace(recipe, name=name), other)
    assert re.fullmatch(pattern, str(path))
