"""The PCU demonstration: its runs fit the bench, the fit, the table and the report."""

from __future__ import annotations

import pytest

from labneuro import workspace
from labneuro.analysis import pcu as fit
from labneuro.bench import load_bench
from labneuro.demos import pcu
from labneuro.demos.catalog import demo_function
from labneuro.demos.pcu_table import WEIGHED
from labneuro.instruments.device_circuit import device_circuit
from labneuro.protocols.recipe import load_recipe

RUNS = {one.name: one for one in pcu.MEASUREMENTS}


def recipe_of(name, *, quick):
    one = RUNS[name]
    return load_recipe(one.recipe, (*one.changes, *(one.quick if quick else ())))


def test_it_is_in_the_catalog():
    assert demo_function("pcu") is pcu.run


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_every_run_fits_its_bench_and_warns_of_nothing(name, quick):
    bench = load_bench(pcu.BENCH)
    plan = recipe_of(name, quick=quick).protocol.plan(bench.device)
    plan.check(bench.safe_limits, device_circuit(bench))
    assert plan.steps
    assert plan.warnings == ()


def test_every_shipped_recipe_is_run_and_has_a_caption():
    shipped = [n for n in workspace.entries("recipe") if n.startswith("pcu/")]
    assert sorted(one.recipe for one in pcu.MEASUREMENTS) == sorted(shipped)
    assert set(pcu._CAPTIONS) == set(RUNS)
    assert set(WEIGHED) <= set(RUNS)


def test_the_fit_reads_every_run():
    for name in RUNS:
        protocol = type(recipe_of(name, quick=True).protocol).__name__
        assert protocol in fit._READERS


@pytest.mark.parametrize("quick", [False, True])
def test_what_the_paper_quotes_is_measured(quick):
    """Times, read voltages and pulses; ten operators in the full demonstration."""
    first, second = (
        recipe_of(f"{name}-retention", quick=quick).protocol
        for name in ("multistate", "binary")
    )
    assert (first.duration, first.step_pulses.read_voltage) == (600.0, 0.01)
    assert (second.duration, second.binary.read_voltage) == (1000.0, 0.1)
    pulses = recipe_of("step-pulses", quick=quick).protocol.step_pulses
    assert (pulses.first, pulses.increment, pulses.width) == (0.2, 0.1, 0.02)
    operators = [
        recipe_of(name, quick=quick).protocol.operators
        for name in ("multiplier", "divider", "softmax")
    ]
    assert operators == ([4] * 3 if quick else [10] * 3)
