"""The FMES demonstration: what it measures is there, and the devices differ."""

from __future__ import annotations

import pytest

from labneuro.bench import load_bench
from labneuro.demos import fmes
from labneuro.demos.catalog import demo_function
from labneuro.instruments.device_circuit import device_circuit
from labneuro.protocols.potentiation_depression import PotentiationDepression
from labneuro.protocols.recipe import load_recipe


def test_it_is_in_the_catalog():
    assert demo_function("fmes") is fmes.run


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("one", fmes.MEASUREMENTS, ids=lambda one: one.name)
def test_every_run_fits_the_bench(one, quick):
    changes = (*one.changes, *(one.quick if quick else ()))
    bench = load_bench(fmes.BENCH)
    plan = load_recipe(one.recipe, changes).protocol.plan(bench.device)
    plan.check(bench.safe_limits, device_circuit(bench))
    assert plan.steps


def test_the_quick_run_has_a_cycle_that_networks_can_learn_with():
    """The first cycle begins at rest and is unlike those that follow."""
    one = next(one for one in fmes.MEASUREMENTS if one.name == "potentiation")
    protocol = load_recipe(one.recipe, (*one.changes, *one.quick)).protocol
    assert isinstance(protocol, PotentiationDepression)
    assert protocol.cycles >= 2


def test_benches_of_the_population_differ_in_their_device_alone(tmp_path):
    shipped = load_bench(fmes.BENCH)
    benches = [fmes.device_bench(tmp_path, number, 3) for number in (1, 2)]
    for number, bench in enumerate(benches, start=1):
        assert bench.simulation is not None
        assert bench.simulation.drawn_by == 300 + number
        assert bench.device.id == f"FMES-simulated-{number:02d}"
        assert (bench.wiring, bench.roles) == (shipped.wiring, shipped.roles)
        assert bench.safe_limits == shipped.safe_limits
    assert benches[0].path != benches[1].path


def test_one_fit_takes_curves_sweeps_and_pairs_that_are_measured():
    """The model that networks load has curves and branches."""
    recipes = {one.name: one.recipe for one in fmes.MEASUREMENTS}
    assert [recipes[name] for name in fmes.FITTED] == [
        "fmes/potentiation",
        "fmes/current-voltage",
        "fmes/paired-pulse",
    ]
