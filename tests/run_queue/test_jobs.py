"""From a recipe and a bench to a job and back."""

from __future__ import annotations

import re

import pytest

from labneuro import workspace
from labneuro.bench import load_bench
from labneuro.errors import (
    BenchConfigError,
    InputError,
    LimitError,
    NotInWorkspaceError,
    RecipeError,
    RunFileError,
)
from labneuro.protocols.recipe import load_recipe
from labneuro.run_queue.jobs import bench_of, file_of, make_job, recipe_of

CHANGES = ("points=5", "sweeps=2")


def test_job_keeps_what_was_asked_for(lab):
    """Recipe with its changes, bench, device, seed, folder."""
    job = make_job("hnno/resistance", "hnno-sim", changes=CHANGES, seed=7)
    bench = load_bench("hnno-sim")
    assert (job.recipe_name, job.changes) == ("hnno/resistance", CHANGES)
    assert (job.bench_path, job.bench_name) == (str(bench.path), "hnno-sim")
    assert (job.device_id, job.seed) == (bench.device.id, 7)
    assert (job.folder, job.file) == (str(lab), None)


def test_recipe_is_the_one_that_was_added(lab, queue):
    """A recipe that is edited later, or removed, does not change what waits."""
    path = lab / "protocols" / "mine.yaml"
    shipped = workspace.find("recipe", "hnno/resistance").read_text(encoding="utf-8")
    path.write_text(shipped, encoding="utf-8")
    before = load_recipe("mine", CHANGES)
    entry = queue.add(make_job("mine", "hnno-sim", changes=CHANGES))
    path.unlink()
    assert recipe_of(entry) == before


@pytest.mark.parametrize("name", sorted(workspace.entries("recipe")))
def test_every_shipped_recipe_comes_back_equal(queue, name):
    """Through YAML and the queue's file, to the last digit."""
    benches = {"hybrid": "ts-scope-sim", "fmes": "fmes-sim", "pcu": "pcu-sim"}
    own = {
        "hybrid/threshold-switching": "ts-sim",
        "hybrid/neuron-firing": "neuron-sim",
        "hybrid/synapse-learning": "synapses-sim",
        "hybrid/inhibition-truth": "lia-sim",
        "hybrid/network-training": "snn-sim",
        "hybrid/network-inference": "snn-sim",
    }
    bench = own.get(name) or benches.get(name.partition("/")[0], "hnno-sim")
    assert recipe_of(queue.add(make_job(name, bench))) == load_recipe(name)


def test_protocol_that_is_gone_is_told(queue, add):
    """A queue may be older than the program that runs it."""
    entry = add()
    text = entry.job.recipe_text.replace("ResistanceRead", "Old")
    object.__setattr__(entry.job, "recipe_text", text)
    with pytest.raises(RecipeError, match="protocol: no 'Old'; known are: Resist"):
        recipe_of(entry)


@pytest.mark.parametrize(
    ("recipe", "bench", "options", "kind", "told"),
    [
        ("none", "hnno-sim", {}, NotInWorkspaceError, "no recipe 'none'"),
        ("hnno/resistance", "none", {}, NotInWorkspaceError, "no bench 'none'"),
        ("hnno/resistance", "hnno-sim", {"changes": ["x=1"]}, RecipeError, "x: unkn"),
        (
            "hnno/firing",
            "hnno-sim",
            {"changes": ["settings.pulses.reset_field=0.4 V/um"]},
            LimitError,
            r"step 1 .*voltage -8 V is beyond .*6 V",
        ),
        ("hnno/resistance", "hnno-bench", {"seed": 1}, InputError, "is not simulated"),
        ("hnno/resistance", "hnno-sim", {"seed": 2**63}, InputError, r"2\*\*63 - 1"),
        ("hnno/resistance", "hnno-sim", {"out": "x.txt"}, RunFileError, r"end in .h5"),
        ("hnno/resistance", "hnno-sim", {"out": "no/x.h5"}, RunFileError, "no folder"),
        ("hnno/resistance", "hnno-sim", {"out": "there.h5"}, RunFileError, "exists"),
        ("hnno/resistance", "hnno-sim", {"out": "part.h5"}, RunFileError, "exists"),
    ],
)
def test_wrong_job_is_refused_at_once(lab, recipe, bench, options, kind, told):
    """Whatever can be known beforehand."""
    (lab / "there.h5").touch()
    (lab / "part.h5.part").touch()
    with pytest.raises(kind, match=told) as caught:
        make_job(recipe, bench, **options)
    assert "\n" not in str(caught.value)


def test_changed_bench_is_refused(benches, add):
    """What was checked is not what would be run."""
    entry = add(benches[0])
    assert bench_of(entry.job).name == "left"
    text = benches[0].read_text(encoding="utf-8")
    benches[0].write_text(text + "# moved\n", encoding="utf-8")
    with pytest.raises(
        BenchConfigError, match=r"left\.yaml: has changed since[^;]*; a"
    ):
        bench_of(entry.job)


def test_exchanged_device_is_named(benches, add):
    """The most dangerous change of a bench is another device."""
    entry = add(benches[0])
    text = benches[0].read_text(encoding="utf-8")
    benches[0].write_text(text.replace("H-NNO-simulated", "chip-4"), encoding="utf-8")
    told = "its device was 'H-NNO-simulated', now 'chip-4'"
    with pytest.raises(BenchConfigError, match=told):
        bench_of(entry.job)


def test_default_file_is_of_this_entry_alone(lab, add):
    """Recipe, device, time and number of the entry, in the folder of the adding."""
    entries = [add(), add()]
    bench = load_bench("hnno-sim")
    paths = [file_of(one, recipe_of(one), bench) for one in entries]
    for entry, path in zip(entries, paths, strict=True):
        assert path.parent == lab
        assert re.fullmatch(
            rf"hnno-resistance_H-NNO-simulated_\d{{8}}-\d{{6}}_q{entry.number}\.h5",
            path.name,
        )


def test_file_is_checked_again_when_its_turn_comes(lab, add):
    """Somebody may have made it meanwhile."""
    entry = add(out="x.h5")
    bench, recipe = load_bench("hnno-sim"), recipe_of(entry)
    assert file_of(entry, recipe, bench) == lab / "x.h5"
    (lab / "x.h5").touch()
    with pytest.raises(RunFileError, match=r"x\.h5: exists already"):
        file_of(entry, recipe, bench)
