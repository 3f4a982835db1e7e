"""Fits of the computing units: diodes, step law, switching, operators, whole runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from labneuro.analysis import pcu
from labneuro.analysis.pcu import fit_runs
from labneuro.analysis.pcu_diode import NAMES, diode_law, fit_diode
from labneuro.analysis.pcu_operators import (
    Answers,
    answers_of,
    codebook_rows,
    error_row,
    fit_shape,
    joined,
    product_row,
    scaled,
    unit_loads,
    weight_load,
)
from labneuro.analysis.pcu_programming import (
    fit_step_law,
    joined_programmings,
    programming_rows,
    programmings,
    weight_noise,
)
from labneuro.analysis.pcu_switching import retention_rows, switching_of
from labneuro.bench import load_bench, load_card
from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.devices.catalog import load_parameters
from labneuro.devices.pcu_array import draw_array
from labneuro.errors import FitError
from labneuro.networks.codebook import codebook_of
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labneuro.data.reader import RunFile

KNOWN = {"temperature": 298.15, "lead_resistance": 1.0}
VOLTS = np.concatenate(
    [np.linspace(-0.3, 0.2, 26), np.linspace(0.22, 0.4, 10), np.linspace(0.42, 0.7, 15)]
)
BAND = np.repeat([0, 1, 2], [26, 10, 15]).astype(np.int32)
NOISE = np.array([8e-13, 1e-11, 1e-9])[BAND]


def number(value: object) -> float:
    """Return an entry of a row that is a number."""
    assert isinstance(value, float | int)
    return float(value)


def run_of(**attributes: str) -> RunFile:
    """Return what stands for a run that is refused by its attributes alone."""
    return cast("RunFile", SimpleNamespace(**attributes))


def noise_of(fit):
    """Return the noise of each reading as a fit found it."""
    return np.array([fit.noise[int(one)] for one in BAND])


def curve(truth, seed):
    """Return a diode curve with the noise of the instrument."""
    clean = diode_law(VOLTS, np.array(truth), 298.15, 1.0)
    return clean + NOISE * np.random.default_rng(seed).standard_normal(len(VOLTS))


def test_intervals_of_diodes_cover_the_truth():
    """120 diodes of the card's spread: 92 to 98 % of the 360 intervals cover."""
    generator, hits = np.random.default_rng(1), np.zeros(3)
    for seed in range(120):
        truth = (1e-9 * np.exp(0.043 * generator.standard_normal()), 2.0, 50.0)
        fit = fit_diode(VOLTS, curve(truth, seed), BAND, **KNOWN)
        for place, (one, true) in enumerate(zip(fit.parameters, truth, strict=True)):
            assert one.name == NAMES[place]
            hits[place] += one.interval[0] <= true <= one.interval[1]
    assert 0.92 <= hits.sum() / 360 <= 0.98
    assert hits.min() >= 0.9 * 120


def test_a_diode_fit_tells_the_noise_and_the_covariance():
    fit = fit_diode(VOLTS, curve((1e-9, 2.0, 50.0), 7), BAND, **KNOWN)
    assert fit.values == pytest.approx([1e-9, 2.0, 50.0], rel=2e-3)
    for band, noise in fit.noise.items():
        assert noise == pytest.approx(NOISE[band == BAND][0], rel=0.6)
    errors = [number(one.standard_error) for one in fit.parameters]
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), errors, rtol=1e-9)
    least = np.sum((fit.residual / noise_of(fit)) ** 2)
    for place, error in enumerate(errors):  # it is the minimum by its own weights
        for side in (-0.3, 0.3):
            beside = fit.values.copy()
            beside[place] += side * error
            miss = curve((1e-9, 2.0, 50.0), 7) - diode_law(VOLTS, beside, 298.15, 1.0)
            assert np.sum((miss / noise_of(fit)) ** 2) > least
    correlation = fit.covariance[0, 1] / errors[0] / errors[1]
    assert correlation > 0.5  # I0 and n go together


@pytest.mark.parametrize(
    ("voltage", "current", "told"),
    [
        (VOLTS[:4], VOLTS[:4], "at least 8 readings"),
        (-np.abs(VOLTS), -np.ones(51), "no forward current"),
        (VOLTS, 1.0 - VOLTS, "does not grow"),
    ],
)
def test_refuses_what_is_no_diode(voltage, current, told):
    with pytest.raises(FitError, match=told):
        fit_diode(voltage, current, BAND[: len(voltage)], **KNOWN)


TRUE_LAW = (0.12, 0.15, 0.15, 1e-6, 1e-3)


@pytest.fixture(scope="module")
def pulses():
    """One unit's programmings by the card's law: both directions, 10 % a pulse."""
    rate, dead_zone, scale, low, high = TRUE_LAW
    generator, rows, log = np.random.default_rng(3), [], np.log(2e-6)
    targets = [2e-5, 1e-4, 5e-4, 1e-4, 2e-5] * 4
    for step, target in enumerate(targets):
        side, amplitude, pulse = 0, 0.0, 0
        while True:
            read = np.exp(log + 2e-3 * generator.standard_normal())
            rows.append((step, 11, target, pulse, side * amplitude, read))
            if abs(read / target - 1) < 0.05:
                break
            wanted = 1 if read < target else -1
            amplitude = amplitude + 0.1 if wanted == side else 0.2
            side, pulse = wanted, pulse + 1
            strength = rate * np.expm1((amplitude - dead_zone) / scale)
            strength *= np.exp(0.1 * generator.standard_normal())
            bound = np.log(high if side > 0 else low)
            log = bound + (log - bound) * np.exp(-0.02 * strength)
    names = ("step", "unit", "target", "pulse", "amplitude", "conductance")
    return dict(zip(names, np.array(rows).T, strict=True))


def test_step_law_is_found_again(pulses):
    """Within three standard errors each, and the pulses' noise within a third."""
    law = fit_step_law(pulses, 0.02)
    misses = np.abs(law.values - TRUE_LAW) / law.errors
    assert misses.max() < 3.0
    assert law.errors[1] < 0.02
    assert law.pulse_noise == pytest.approx(0.1, rel=0.35)
    few = {name: column[:5] for name, column in pulses.items()}
    with pytest.raises(FitError, match="needs 20 pulses"):
        fit_step_law(few, 0.02)


def test_programmings_count_pulses_overshoots_and_success(pulses):
    found = programmings(pulses, 0.05)
    assert found.success.all()
    assert len(found.unit) == 20
    assert found.pulses.sum() == np.count_nonzero(pulses["pulse"] > 0)
    rows = {row["group"]: row for row in programming_rows("x", found)}
    assert rows["all"]["reached"] == 20
    low, high = (number(rows["all"][f"share_{end}"]) for end in ("low", "high"))
    assert low < 0.9 < high
    parts = [number(rows[group]["programmings"]) for group in ("up", "down")]
    assert sum(parts) == 20
    assert 0.0 < weight_noise(found) < 0.05
    both = joined_programmings([found, found])
    assert (len(both.unit), both.tolerance) == (40, 0.05)
    strict = programmings(pulses, 1e-6)
    assert not strict.success.any()
    two: dict[str, Iterable[float]] = {
        "step": [0] * 4,
        "unit": [11] * 4,
        "target": [1.0] * 4,
        "pulse": range(4),
        "amplitude": [0.0, 0.2, 0.3, -0.2],
        "conductance": [0.1, 0.5, 1.2, 1.0],
    }
    one = programmings({name: np.array(list(v)) for name, v in two.items()}, 0.02)
    assert (one.pulses[0], one.overshoots[0], bool(one.upward[0])) == (3, 1, True)


def test_hysteresis_gives_both_states_and_where_it_switches():
    """1 mS and 0.1 nS beside a 1 nA diode, switching at 0.6 and -0.6 V."""
    emission, leak = 0.0514, 1e-9
    volts = np.concatenate([np.linspace(0, 0.7, 71), np.linspace(0.7, -0.7, 141)[1:]])
    volts = np.concatenate([volts, np.linspace(-0.7, 0.0, 71)[1:]])
    number = np.arange(len(volts))
    on = (number > 60) & (number < 200)
    diode = leak * -np.expm1(-volts / emission)
    swept = np.where(on, 1e-3, 1e-10) * volts + diode
    others = np.array([0.1, 0.1, 0.3, 0.35, 0.4])
    extra = leak * -np.expm1(-others / emission)
    extra += np.array([1e-3, 1e-10, 1e-10, 1e-10, 1e-10]) * others
    readings = {
        "unit": np.full(len(volts) + 5, 11),
        "cycle": np.zeros(len(volts) + 5),
        "kind": np.concatenate([np.zeros(len(volts)), [1, 2, 3, 3, 3]]),
        "voltage": np.concatenate([volts, others]),
        "current": np.concatenate([swept, extra]),
    }
    found = switching_of(readings, 11, emission)
    assert found.set_voltage[0] == pytest.approx(0.61, abs=0.011)
    assert found.reset_voltage[0] == pytest.approx(-0.6, abs=0.011)
    assert found.high[0] == pytest.approx(1e-3, rel=1e-6)
    assert found.low[0] == pytest.approx(1e-10, rel=1e-3)
    with pytest.raises(FitError, match="no cycle of unit 12"):
        switching_of(readings, 12, emission)


def test_retention_is_the_slope_over_the_time():
    time = np.arange(0.0, 600.0, 10.0)
    readings = {
        "step": np.zeros(60),
        "unit": np.full(60, 22),
        "state": np.zeros(60),
        "time": time,
        "voltage": np.full(60, 0.01),
        "current": 1e-6 * (1.0 - 1e-5 * time),
    }
    (row,) = retention_rows("x", "multistate", readings)
    assert row["change"] == pytest.approx(-5.9e-3, rel=5e-3)
    assert row["conductance"] == pytest.approx(1e-4, rel=4e-3)
    with pytest.raises(FitError, match="at least three"):
        retention_rows("x", "binary", {n: c[:2] for n, c in readings.items()})


def grid_answers(gains, operator="multiplier"):
    """Return exact answers of operators with one gain each."""
    first, second = (one.ravel() for one in np.meshgrid([1.0, 2.0], [1.0, 3.0]))
    ideal = first * second
    mean = np.outer(gains, ideal)
    return Answers(operator, first, second, ideal, mean, np.zeros_like(mean))


def test_errors_are_relative_and_a_gain_is_trimmed():
    row = error_row(grid_answers([1.1, 0.94]))
    assert row["untrimmed"] == pytest.approx(0.08)
    assert row["trimmed"] == pytest.approx(0.0, abs=1e-12)
    assert (row["normalisation"], row["paper"]) == ("relative", 0.0661)
    half = Answers(
        "softmax",
        np.array([0.2, 0.8]),
        np.full(2, np.nan),
        np.array([0.2, 0.8]),
        np.array([[0.3, 0.8]]),
        np.zeros((1, 2)),
    )
    assert error_row(half)["untrimmed"] == pytest.approx(0.05)
    assert error_row(half)["normalisation"] == "of full scale"


def test_a_gelus_errors_are_of_its_largest_ideal():
    ideal = np.array([-0.1, 0.0, 2.0])
    mean = (ideal + 0.1)[None]
    nothing = np.full(3, np.nan)
    one = Answers("gelu", np.arange(3.0), nothing, ideal, mean, np.zeros((1, 3)))
    assert error_row(one)["untrimmed"] == pytest.approx(0.05)
    assert error_row(one)["normalisation"] == "of full scale"


def test_loads_are_means_whose_product_is_the_power():
    """Curves are left out; a voltage is weighed by its current."""
    readings = {
        "kind": np.array([0, 1, 1, 1, 1]),
        "operator": np.array([-1, 0, 0, 1, 1]),
        "unit_current": np.array([9.0, 1e-6, 3e-6, 2e-6, 2e-6]),
        "unit_power": np.array([9.0, 1e-7, 9e-7, 4e-7, 8e-7]),
    }
    np.testing.assert_allclose(unit_loads(readings), [[2e-6, 0.25], [2e-6, 0.3]])
    earlier = {k: v for k, v in readings.items() if k != "unit_power"}
    assert unit_loads(earlier) == []
    product = {
        "current": np.array([1e-6, 3e-6, 0.0, 4e-6]),
        "voltage": np.array([0.01, 0.03, 0.0, 0.02]),
    }
    assert weight_load(product) == pytest.approx((2e-6, 0.0225))


def test_runs_of_an_operator_are_joined_over_the_same_inputs():
    one = grid_answers([1.0])
    assert joined([one, grid_answers([1.1, 1.2])]).mean.shape == (3, 4)
    other = Answers(one.operator, one.first + 1, *list(vars(one).values())[2:])
    with pytest.raises(FitError, match="differ in their inputs"):
        joined([one, other])


@pytest.mark.parametrize(
    ("operator", "curve_of"),
    [
        ("softplus", lambda v: 5.5e-6 * np.logaddexp(0.0, 13.8 * v) - 1e-8),
        ("sigmoid", lambda v: 1e-9 * np.tanh(0.5 * 19.46 * v) + 2e-11),
    ],
)
def test_a_and_k_are_found_and_scale_the_codebook(operator, curve_of):
    volts = np.linspace(-0.4, 0.4, 41)
    current = curve_of(volts)
    fit = fit_shape(operator, volts, current)
    expected = {"softplus": (5.5e-6, 13.8, -1e-8), "sigmoid": (1e-9, 19.46, 2e-11)}
    got = (fit.height, fit.steepness, fit.offset)
    assert got == pytest.approx(expected[operator], rel=1e-4)
    assert fit.misfit < 1e-6
    nothing = np.full(41, np.nan)
    raw = Answers(operator, volts, nothing, nothing, current[None], np.zeros((1, 41)))
    book = scaled(raw, [fit])
    np.testing.assert_allclose(book.mean[0], book.ideal, atol=0.02)
    with pytest.raises(FitError, match="needs 4 inputs"):
        fit_shape(operator, volts[:3], current[:3])


def test_the_codebook_is_what_networks_read():
    """Rows of both kinds go through the networks' own reader."""
    tables = {
        "codebook_multiplier": codebook_rows(grid_answers([1.0, 1.1])),
        "codebook_softmax": codebook_rows(
            Answers(
                "softmax",
                np.array([0.0, 0.5, 1.0]),
                np.full(3, np.nan),
                np.array([0.0, 0.5, 1.0]),
                np.array([[0.0, 0.51, 1.0]]),
                np.full((1, 3), 0.01),
            )
        ),
    }
    noise = FittedParameter(
        name="weight_noise", unit="", value=0.005, standard_error=None
    )
    book = codebook_of(CalibratedModel(model="pcu", parameters=(noise,), tables=tables))
    assert book.surface("multiplier").mean.shape == (2, 2, 2)
    assert book.surface("multiplier").mean[1, 1, 1] == pytest.approx(6.6)
    assert book.curve("softmax").deviation.max() == 0.01
    assert book.weight_noise == 0.005


def test_a_product_adds_the_steps():
    readings = {
        "step": np.repeat([0, 1], 2),
        "target": np.repeat([1e-4, 2e-4], 2),
        "voltage": np.array([0.1, 0.0, 0.0, 0.1]),
        "current": np.array([1.1e-5, 0.0, 0.0, 2.2e-5]),
    }
    row = product_row(readings)
    assert row["untrimmed"] == pytest.approx((0.1e-5 + 0.2e-5) / 2 / 2e-5)
    assert row["trimmed"] == pytest.approx(0.0, abs=1e-12)


def test_no_answer_is_told():
    with pytest.raises(FitError, match="holds no answer"):
        answers_of("divider", {"kind": np.zeros(3)})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One short run each of diodes, step pulses, an operator and a product."""
    folder = tmp_path_factory.mktemp("pcu")
    three = "units=[11, 22, 33]"
    wanted = {
        "diodes": [three],
        "step-pulses": [three, "cycles=1"],
        "multiplier": [
            three,
            "operators=2",
            "repeats=2",
            "inputs={start: 0.5, stop: 2.0, points: 3}",
        ],
        "vmm": ["vectors=20"],
    }
    paths = {}
    for name, changes in wanted.items():
        paths[name] = folder / f"{name}.h5"
        recipe = load_recipe(f"pcu/{name}", changes)
        run(recipe, load_bench("pcu-sim"), paths[name], seed=9)
    return paths


def test_runs_give_the_calibrated_model(runs):
    """Diodes cover the drawn units; the step law is the card's; errors have names."""
    model = fit_runs(list(runs.values()))
    units = draw_array(load_parameters("pcu", load_card("pcu"), "pcu"), 1)
    hits = 0
    for row, place in zip(model.tables["diodes"], (0, 4, 8), strict=True):
        for name in NAMES:
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            hits += low <= getattr(units[place], name) <= high
    assert hits >= 7
    assert model["multistate_dead_zone"] == pytest.approx(0.15, rel=0.1)
    assert model["multistate_rate"] == pytest.approx(0.12, rel=0.3)
    assert model.covariance_of == NAMES
    errors = {row["operator"]: row for row in model.tables["operator_errors"]}
    assert number(errors["multiplier"]["untrimmed"]) < 0.15
    assert number(errors["product"]["untrimmed"]) < 0.01
    assert codebook_of(model).surface("multiplier").mean.shape == (2, 3, 3)
    assert 0.0 < model["weight_noise"] < 0.02
    assert 5e-8 < model["multiplier_current"] < 5e-7
    assert 0.2 < model["multiplier_voltage"] < 0.35
    assert model["weight_current"] == pytest.approx(233e-6 * 0.05, rel=0.3)
    assert model["weight_voltage"] == pytest.approx(0.067, rel=0.2)
    assert len(model.source_runs) == 4
    assert model.population_spread["ideality"] < 1e-3


def test_one_unit_keeps_its_own_interval():
    """Without a population the error is that of the unit's fit."""
    found = pcu._mean("ideality", "", [(2.0, 1e-3)])
    assert found.interval == pytest.approx((2.0 - 1.96e-3, 2.0 + 1.96e-3), abs=1e-6)
    alone = run_of(protocol="ResistanceRead", path="x.h5")
    with pytest.raises(FitError, match="tells nothing of a PCU"):
        pcu._read(alone, pcu._Found())
    other = run_of(protocol="DiodeSweep", path="x.h5", device_model="fmes")
    with pytest.raises(FitError, match="of model 'fmes', wanted 'pcu'"):
        pcu._read(other, pcu._Found())
    with pytest.raises(FitError, match="no run file"):
        fit_runs([])
