"""Tests of labneuro/analysis/fmes*.py on runs measured over VISA."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labneuro.analysis.fmes import calibrate, fit_runs
from labneuro.analysis.fmes_branches import fit_branches, misses, thinned
from labneuro.analysis.fmes_device import fit_device
from labneuro.analysis.fmes_runs import (
    DeviceRuns,
    Pairs,
    PulseTiming,
    Sweep,
    Train,
    label_of,
    read_pieces,
)
from labneuro.analysis.fmes_schedule import blocks_of
from labneuro.analysis.fmes_search import CROWDED, LINEAR, device_of
from labneuro.analysis.fmes_sensitivity import sensitivity
from labneuro.bench import load_bench, load_card
from labneuro.data.reader import sha256
from labneuro.devices.catalog import load_parameters
from labneuro.errors import FitError
from labneuro.networks.adaptive_digits_replay import branch_parameters
from labneuro.networks.pulse_update import pulse_curve, resistance_labels
from labneuro.plotting.fmes_fits import FIGURES
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "fmes_coverage.py"


def load_benchmark():
    """Return the benchmark as a module."""
    spec = importlib.util.spec_from_file_location("fmes_coverage", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def closed_loop(tmp_path_factory):
    """Return the benchmark, and runs of the device that seed 3 draws."""
    folder = tmp_path_factory.mktemp("loop")
    benchmark = load_benchmark()
    return benchmark, benchmark.measure(3, folder)


@pytest.fixture(scope="module")
def fit(closed_loop):
    return fit_device(closed_loop[1])


def test_most_intervals_of_a_drawn_device_cover(closed_loop, fit):
    """The short form of the benchmark: at most two of ten intervals miss."""
    benchmark, _ = closed_loop
    found = benchmark.covered(fit, benchmark.true_device(3))
    assert len(found) == 10
    assert sum(found.values()) >= 8
    truth = benchmark.true_device(3)
    for name in benchmark.BRANCHES:
        assert fit.parameters[name].value == pytest.approx(
            getattr(truth, name), rel=0.35 if name == "charge_noise" else 0.25
        )
    assert fit.branches.form == LINEAR
    assert not misses(fit.branches)


def test_networks_load_the_calibrated_model(fit):
    """Curves and branches have the names that the networks ask for."""
    model = calibrate([fit])
    assert resistance_labels(model) == ["500ohm", "open"]
    curve = pulse_curve(model, "open")
    assert curve.highest == fit.curves["open"].highest
    assert curve.pulses == 40
    device = branch_parameters(model)
    assert device.slow_capacitance == fit.parameters["slow_capacitance"].value
    assert device.charge_noise == fit.parameters["charge_noise"].value
    matrix = np.array(model.covariance)
    assert np.linalg.eigvalsh(matrix / np.sqrt(np.outer(*[np.diag(matrix)] * 2)))[
        0
    ] > -(1e-9)
    states = {row["parameter"]: row["state"] for row in model.tables["branches"]}
    assert states["fast_crowding"] == "held"
    assert states["slow_leak"] == "fitted"
    for name in FIGURES:
        assert FIGURES[name](model).axes


def test_several_devices_make_a_population(fit):
    """Means of the devices, and what they scatter by beyond their own errors."""
    other = replace(fit, runs=DeviceRuns("other", fit.runs.pieces))
    model = calibrate([fit, other])
    assert model["highest_open"] == pytest.approx(fit.parameters["highest_open"].value)
    assert model.population_spread["highest_open"] == 0.0
    assert {row["device_id"] for row in model.tables["curves"]} == {"drawn-3", "other"}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """Return runs of the mean device without any noise."""
    folder = tmp_path_factory.mktemp("quiet")
    text = load_bench("fmes-sim").text.replace("card: fmes\n", "card: fmes-2b\n")
    (folder / "bench.yaml").write_text(
        text + "  noise: false\n  overrides: {charge_noise: 0}\n", encoding="utf-8"
    )
    recipes = {
        "trains": """\
protocol: PotentiationDepression
description: short
parameters: {pulses: 20, resistors: {500 ohm: "1101", open: ""}}
""",
        "sweeps": """\
protocol: CurrentVoltage
description: short
parameters:
  {increment: 20 mV, rates: [0.2 V/s], current_range: 5 mA, resistors: {1 kohm: "1102"}}
""",
    }
    paths = []
    for name, recipe in recipes.items():
        (folder / f"{name}.yaml").write_text(recipe, encoding="utf-8")
        paths.append(folder / f"{name}.h5")
        recipe_ = load_recipe(folder / f"{name}.yaml")
        run(recipe_, load_bench(folder / "bench.yaml"), paths[-1])
    return paths


def test_every_reading_is_predicted_at_its_own_instant(quiet):
    """Without noise the played schedules meet what was read over VISA.

    The simulated relays and leads have 0.5 ohm.
    """
    device = load_parameters("fmes", load_card("fmes-2b"), "fmes-2b")
    for path, most in zip(quiet, (2e-6, 2e-7), strict=True):
        for block in blocks_of(read_pieces(path)[1]):
            gap = block.measured - block.predict(device, 0.5)
            assert np.abs(gap).max() < most


@pytest.mark.parametrize("card", ["fmes-2b", "fmes"])
def test_sensitivity_is_that_of_longer_pulses(quiet, card):
    """A pulse that lasts longer moves later readings, not earlier ones."""
    device = load_parameters("fmes", load_card(card), card)
    block = blocks_of(read_pieces(quiet[0])[1])[0]
    group = block.groups(40)
    found = sensitivity(block, device, 0.5, group)
    assert found.shape == (80, 40)
    assert np.abs(found[:20, 10]).max() < 1e-12
    assert found[20, 10] > 1e-3  # V for a pulse of e times the charge
    longer = block.predict(device, 0.5, np.where(np.arange(40) == 10, 1.02, 1.0))
    change = (longer - block.predict(device, 0.5)) / np.log(1.02)
    assert np.abs(change - found[:, 10]).max() < 0.03 * np.abs(change).max()


def test_pulses_of_a_group_vary_independently(quiet):
    """What a group does is the sum of its pulses over the root of their number."""
    device = load_parameters("fmes", load_card("fmes-2b"), "fmes-2b")
    block = blocks_of(read_pieces(quiet[0])[1])[0]
    each = sensitivity(block, device, 0.5, block.groups(400))
    pairs = sensitivity(block, device, 0.5, block.groups(20))
    assert pairs.shape == (80, 20)
    wanted = (each[:, 6] + each[:, 7]) / np.sqrt(2.0)
    assert pairs[:, 3] == pytest.approx(wanted, abs=1e-4 * np.abs(wanted).max())


def crowded_blocks():
    """Return two trains, a sweep and pairs of the card `fmes`, predicted with noise."""
    truth = load_parameters("fmes", load_card("fmes"), "fmes")
    generator = np.random.default_rng(2)
    timing = PulseTiming(1e-3, 1e-3, 2e-3, 2e-4)
    volts = np.append(np.arange(0.0, 0.8, 0.02), np.arange(0.8, 0.0, -0.02))
    where, none = Path("x.h5"), np.zeros(3)
    pieces: list[Train | Pairs | Sweep] = [
        Train(where, 500.0, timing, np.zeros((1, 2, 20)), np.zeros((1, 2, 20))),
        Train(where, np.inf, timing, np.zeros((1, 2, 20)), np.zeros((1, 2, 20))),
        Pairs(Path("p.h5"), 7e3, timing, np.array([1e-3, 1e-2, 0.1]), none, none),
        *(
            Sweep(Path("s.h5"), resistance, 0.05, 0.02, time, volts, 0.0 * volts)
            for resistance in (500.0, np.inf)
            for time in [0.4 * np.arange(1.0, len(volts) + 1.0)]
        ),
    ]
    blocks = []
    for block in blocks_of(pieces):
        noise = 3e-7 if block.name == "CurrentVoltage" else 5e-5
        factor = np.exp(truth.charge_noise * generator.standard_normal(block.pulses))
        read = block.predict(truth, 0.5, factor)
        read = read + noise * generator.standard_normal((1, len(read)))
        blocks.append(replace(block, measured=read))
    return truth, blocks


def test_nonlinear_branches_are_found_with_their_intervals():
    """Crowding, growth and self-discharge within three standard errors and 20 %."""
    truth, blocks = crowded_blocks()
    fit = fit_branches(blocks)
    assert fit.form == CROWDED
    assert not misses(fit)
    wrong = {
        name: (one.value - getattr(truth, name)) / one.standard_error
        for name, one in fit.fitted.items()
        if name != "path_resistance" and one.standard_error is not None
    }
    assert {"fast_crowding", "slow_growth", "slow_leak"} <= set(wrong)
    assert max(map(abs, wrong.values())) < 3.0
    assert fit.parameters.slow_growth == pytest.approx(truth.slow_growth, rel=0.2)


def test_a_long_train_is_left_out_only_where_there_are_sweeps():
    """What tells of the slow branch stays."""
    _, blocks = crowded_blocks()
    long = replace(blocks[0], name="LearnForget")
    assert long not in thinned([long, *blocks])
    assert thinned([long]) == [long]


def test_runs_of_a_file_are_told_by_their_hash(quiet):
    """Trains alone: curves, no branches; the source is kept with its hash."""
    model = fit_runs(quiet[:1])
    assert model.source_runs[0].sha256 == sha256(quiet[0])
    assert model.tables["branches"] == []
    assert model["pulses_500ohm"] == 20
    names = [one.name for one in model.parameters]
    assert "slow_capacitance" not in names


def test_unusable_files_are_told(write_run, truth):
    """No file, or a run of another protocol."""
    with pytest.raises(FitError, match="no run file"):
        fit_runs([])
    other = write_run("firing.h5", "FiringProbability", truth.readings())
    with pytest.raises(FitError, match=r"FiringProbability.*allowed are Potentiation"):
        fit_runs([other])


def test_labels_are_those_of_the_networks():
    assert [label_of(value) for value in (500.0, 1e6, np.inf)] == [
        "500ohm",
        "1000000ohm",
        "open",
    ]
    assert device_of({"slow_resistance": 1.0, "slow_capacitance": 1.0}).linear
