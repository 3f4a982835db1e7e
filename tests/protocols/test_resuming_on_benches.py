"""Runs on simulated benches, stopped and taken up, end as one that ran through."""

from __future__ import annotations

import re
from typing import Any

import h5py
import numpy as np
import pytest

from labneuro.bench import load_bench
from labneuro.data import recovery
from labneuro.data.checks import check_file
from labneuro.data.reader import RunFile
from labneuro.devices import catalog
from labneuro.errors import LimitError, RunFileError
from labneuro.instruments.device_circuit import device_circuit
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.resuming import past_of, plots_of
from labneuro.protocols.runner import check_rest, resume, run
from labneuro.sim_backends import simulated_bench
from labneuro.workspace import shipped_workspace

RESISTORS = 'resistors={500 ohm: "m1001,m1002", open: ""}'
FIELDS = "pulse_fields={start: 0.2 V/um, stop: 0.22 V/um, points: 3}"
FIRING = ("hnno/firing", ["events=30", FIELDS])
TRAINS = (
    "hnno/sensitization",
    ["pulses=30", "trains=3", "fields=[0.19 V/um]", "interval=100 ms"],
)
SHIPPED = load_bench(shipped_workspace() / "sim_backends" / "hnno-sim.yaml")
CASES = {
    "PulseCapture": (
        "hybrid/pulse-capture",
        "ts-scope-sim",
        ["captures=3", "points=50", "channels={ch1: {range: 2 V, offset: 0.5 V}}"],
    ),
    "PotentiationDepression": (
        "fmes/potentiation",
        "fmes-sim",
        ["pulses=3", "cycles=2"],
    ),
    "PairedPulse": (
        "fmes/paired-pulse",
        "fmes-sim",
        ["intervals=[3 ms, 10 ms, 20 ms]", "repeats=1"],
    ),
    "CurrentVoltage": (
        "fmes/current-voltage",
        "fmes-sim",
        ["rates=[200 mV/s, 100 mV/s, 50 mV/s]", "increment=200 mV"],
    ),
    "LearnForget": (
        "fmes/learn-forget",
        "fmes-sim",
        [
            "phases=[{resistor: 500 ohm, pulses: 3}, {resistor: open, pulses: 3}, "
            "{resistor: 500 ohm, pulses: 2}]",
            "readings=2",
            "repeats=3",
        ],
    ),
    "ThresholdSwitching": (
        "hybrid/threshold-switching",
        "ts-sim",
        ["cycles=3", "increment=50 mV"],
    ),
    "FiringPulse": (
        "hybrid/firing-pulse",
        "ts-scope-sim",
        ["amplitudes=[1.1 V, 1.2 V, 1.3 V]", "events=2", "points=50"],
    ),
    "PulseTrainFiring": (
        "hybrid/pulse-train-firing",
        "ts-scope-sim",
        ["amplitudes=[1.1 V, 1.2 V, 1.3 V]", "events=2", "points=50"],
    ),
    "NeuronFiring": (
        "hybrid/neuron-firing",
        "neuron-sim",
        ["amplitudes=[2.0 V]", "train={pulses: 5, quiet: 3}", "points=50"],
    ),
    "InhibitionTruth": (
        "hybrid/inhibition-truth",
        "lia-sim",
        ["conditions=[[], [1], [10]]", "points=50"],
    ),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(recovery, "validate", check_file)


def stop_after(count):
    """Return a progress function that interrupts after so many steps."""

    def on_progress(event):
        if event.done == count:
            raise KeyboardInterrupt

    return on_progress


def interrupt(recipe, bench, path, after=1, **options):
    """Run up to a step; return the file."""
    with pytest.raises(KeyboardInterrupt):
        run(recipe, bench, path, on_progress=stop_after(after), **options)
    return path


def tree(path):
    """Return every group and data set of a file with type, columns and attributes."""
    found = {}

    def look(name, item):
        kind = (item.dtype, item.shape[1:]) if isinstance(item, h5py.Dataset) else None
        found[name] = (kind, sorted(item.attrs))

    with h5py.File(path) as file:
        file.visititems(look)
    return found


@pytest.mark.parametrize("case", CASES)
def test_resumed_twice_is_like_a_run_that_ran_through(case, lab):
    """Same schema and rows, valid, plots from its readings, two gaps on record."""
    name, bench_name, changes = CASES[case]
    recipe, bench = load_recipe(name, changes), load_bench(bench_name)
    whole = run(recipe, bench, lab / "whole.h5", seed=5)
    path = interrupt(recipe, bench, lab / "x.h5", seed=5)
    with pytest.raises(KeyboardInterrupt):
        resume(path, on_progress=stop_after(2))
    resume(path)
    assert check_file(path) == []
    assert tree(path) == tree(whole)
    with RunFile.open(whole) as one, RunFile.open(path) as two:
        assert (two.status, two.rows) == ("completed", one.rows)
        assert one.readings().keys() == two.readings().keys()
        np.testing.assert_array_equal(one.readings()["step"], two.readings()["step"])
        gaps = [event.message for event in two.events() if event.kind == "resumed"]
        assert re.findall(r"of (\d) steps before", "".join(gaps)) == ["1", "2"]
        for plot, arrays in plots_of(two).items():
            np.testing.assert_array_equal(two.plot(plot).signal, arrays["signal"])
            assert two.plot(plot).signal.shape == one.plot(plot).signal.shape


def changed_bench(lab, bench, old, new):
    """Return a bench whose file says something else."""
    assert old in bench.text
    path = lab / "sim_backends" / f"{bench.name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(bench.text.replace(old, new), encoding="utf-8")
    return load_bench(path)


REFUSED = {
    "bench": ("timeout: 10 s", "timeout: 11 s", r"\.timeout is '11 s', the run had"),
    "card": ("card: fmes", "card: fmes-2b", r"simulation\.card is 'fmes-2b', the run"),
    "limit": (
        "{voltage: 1 V",
        "{exposure: 500 V*s, voltage: 1 V",
        "exposure is '500 V",
    ),
    "device": ("  id: ", "  id: other-", "device id is 'other-"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_changed_is_one_line(what, lab):
    """Bench, card, limits and device: the key and both values, nothing is touched."""
    old, new, message = REFUSED[what]
    recipe, bench = load_recipe("fmes/paired-pulse", ["repeats=1"]), "fmes-sim"
    path = interrupt(recipe, load_bench(bench), lab / "x.h5")
    before = path.read_bytes()
    other = changed_bench(lab, load_bench(bench), old, new)
    with pytest.raises(RunFileError, match=message) as caught:
        resume(path, other)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert list(lab.glob("*.part")) == []


def test_changed_numbers_of_the_card_are_one_line(lab, shipped):
    """The card has its old name and another number."""
    cards = lab / "sim_backends" / "cards"
    cards.mkdir(parents=True, exist_ok=True)
    text = (shipped / "sim_backends/cards/hnno.yaml").read_text(encoding="utf-8")
    (cards / "mine.yaml").write_text(text, encoding="utf-8")
    bench = changed_bench(lab, SHIPPED, "card: hnno", "card: mine")
    path = interrupt(load_recipe(*FIRING), bench, lab / "x.h5")
    assert "0.210 V/um" in text
    edited = text.replace("0.210 V/um", "0.2 V/um")
    (cards / "mine.yaml").write_text(edited, encoding="utf-8")
    with pytest.raises(
        RunFileError, match=r"card: .*midpoint.value is '0.2 V/um', the"
    ):
        resume(path, bench)


@pytest.fixture
def met(monkeypatch):
    """Return a list of the devices that simulated benches were given."""
    devices = []
    load: Any = catalog.load_device

    def look(*arguments, **options):
        device = load(*arguments, **options)
        devices.append(device.parameters)
        return device

    monkeypatch.setattr(f"{simulated_bench.__name__}.load_device", look)
    return devices


def test_resumed_run_meets_the_device_that_was_drawn(lab, met):
    """Other noise, the same device; the file tells what drew it."""
    bench = changed_bench(lab, SHIPPED, "seed: 1", "seed: 1\n  draw_device: true")
    path = interrupt(load_recipe(*FIRING), bench, lab / "x.h5", 2, seed=5)
    resume(path, bench)
    run(load_recipe(*FIRING), SHIPPED, lab / "mean.h5", seed=5)
    drawn, again, mean = met
    assert drawn == again != mean
    with RunFile.open(path) as run_file:
        assert (run_file.seed, run_file.extras["device_seed"]) == (5, 1)
        line = run_file.events()[1].message
    now, before = map(float, re.findall(r"(\S+) ohm", line))
    assert now == pytest.approx(before, rel=0.05)


def test_device_of_its_own_seed(lab, met):
    """The draw has a seed of its own where the file gives one."""
    for words in ("", "\n  device_seed: 1", "\n  device_seed: 2"):
        text = f"seed: 1\n  draw_device: true{words}"
        bench = changed_bench(lab, SHIPPED, "seed: 1", text)
        simulated_bench.SimulatedBench(bench, seed=9)
    assert met[0] == met[1] != met[2]


def test_run_that_does_not_tell_who_drew_its_device_is_refused(lab):
    """As one of an earlier version does not."""
    bench = changed_bench(lab, SHIPPED, "seed: 1", "seed: 1\n  draw_device: true")
    path = interrupt(load_recipe(*FIRING), bench, lab / "x.h5")
    with h5py.File(path, "r+") as file:
        found = file["entry/configuration/extras"]
        text = found[()].decode().replace('"device_seed": 1', '"colour": 1')
        found[()] = text
    with pytest.raises(RunFileError, match="drew the device is 1, the run had not giv"):
        resume(path, bench)


# ---- exposure over all parts


def limited(lab, exposure):
    """Return the H-NNO bench with a limit of exposure."""
    text = f"{{exposure: {exposure!r} V*s, voltage: 6 V"
    return changed_bench(lab, SHIPPED, "{voltage: 6 V", text)


def had(bench, steps):
    """Return the exposure of some steps."""
    limits, circuit = bench.safe_limits, device_circuit(bench)
    return sum(step.stress(limits, circuit).exposure for step in steps)


def planned(bench, path):
    """Return what a run has still to do, and what it has had."""
    return check_rest(past_of(path), bench)


def test_exposure_goes_on_at_every_resumption(lab):
    """Steps, the unfinished one, and the prologue of each part: none is forgotten."""
    bench = limited(lab, 1.0)
    recipe = load_recipe(*TRAINS)
    plan = recipe.protocol.plan(bench.device)
    limits = bench.safe_limits
    steps = [step.stress(limits, None).exposure for step in plan.steps]
    path = interrupt(recipe, bench, lab / "x.h5", 2)
    first = planned(bench, path)
    assert first.exposure >= sum(steps[:3])
    assert [step.label for step in first.prologue] == ["resumption: reset and read"]
    with pytest.raises(KeyboardInterrupt):
        resume(path, bench, on_progress=stop_after(3))
    second = planned(bench, path)
    prologue = first.prologue[0].stress(limits, None).exposure
    assert prologue > 0.0
    assert second.exposure >= first.exposure + prologue + sum(steps[2:4])
    with RunFile.open(path) as run_file:
        assert (
            f"exposure up to {first.exposure!r} V*s; " in run_file.events()[0].message
        )


def test_resuming_does_not_renew_the_limit(lab):
    """What is just enough for the whole plan is too little with a resumption."""
    roomy = limited(lab, 1.0)
    recipe = load_recipe(*TRAINS)
    path = interrupt(recipe, roomy, lab / "probe.h5", 2)
    rest = planned(roomy, path)
    needed = rest.exposure + had(roomy, (*rest.prologue, *rest.steps[rest.done :]))
    whole = had(roomy, rest.steps)
    assert whole < needed
    tight = limited(lab, float(f"{(whole + needed) / 2:.6g}"))
    path = interrupt(recipe, tight, lab / "x.h5", 2)
    with pytest.raises(LimitError) as caught:
        resume(path, tight)
    assert re.fullmatch(
        r"step 4 \(train of 30 at 0.19 V/um\), \S+ \S+ before it was resumed: exposure "
        r"\S+ \S+ is beyond the limit of \S+ \S+ \(device limit\)",
        str(caught.value),
    )
    with RunFile.open(path) as run_file:
        assert run_file.status == "interrupted"
    enough = limited(lab, float(f"{needed * 1.001:.6g}"))
    path = interrupt(recipe, enough, lab / "y.h5", 2)
    resume(path, enough)
    assert check_file(path) == []


def test_prologue_itself_may_be_too_much(lab):
    """Then the step before which it comes is named."""
    roomy = limited(lab, 1.0)
    recipe = load_recipe(*TRAINS)
    plan = recipe.protocol.plan(roomy.device)
    whole = had(roomy, plan.steps)
    again = had(roomy, recipe.protocol.prologue(roomy.device))
    assert again > 0.0
    tight = limited(lab, float(f"{whole + 0.5 * again:.6g}"))
    path = interrupt(recipe, tight, lab / "x.h5", len(plan.steps) - 1)
    told = r"^before step 4 \(resumption: reset and read\), .* is beyond the limit of"
    with pytest.raises(LimitError, match=told):
        resume(path, tight)
