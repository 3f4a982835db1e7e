"""The hybrid-neuron demonstration: its runs fit their benches and its fits."""

from __future__ import annotations

import pytest

from labneuro.analysis import neuron_board, threshold_switch
from labneuro.bench import load_bench
from labneuro.demos import hybrid
from labneuro.demos.catalog import demo_function
from labneuro.instruments.device_circuit import device_circuit
from labneuro.protocols.neuron_firing import NeuronFiring
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.switch_events import SwitchEvents

RUNS = {
    one.name: (bench, one)
    for bench, part in hybrid.MEASUREMENTS.items()
    for one in part
}


def recipe_of(name, *, quick):
    _, one = RUNS[name]
    return load_recipe(one.recipe, (*one.changes, *(one.quick if quick else ())))


def test_it_is_in_the_catalog():
    assert demo_function("hybrid") is hybrid.run


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_every_run_fits_its_bench(name, quick):
    bench = load_bench(RUNS[name][0])
    plan = recipe_of(name, quick=quick).protocol.plan(bench.device)
    plan.check(bench.safe_limits, device_circuit(bench))
    assert plan.steps


@pytest.mark.parametrize("model", hybrid.FITS)
def test_the_fits_take_the_runs_they_are_given(model):
    """Each run is of a protocol that the fit of the model reads."""
    modules = {"threshold_switch": threshold_switch, "neuron_board": neuron_board}
    for name in hybrid.FITS[model]:
        protocol = type(recipe_of(name, quick=True).protocol).__name__
        assert protocol in vars(modules[model])["_READERS"]


@pytest.mark.parametrize("quick", [False, True])
def test_amplitudes_that_the_paper_quotes_are_measured(quick):
    protocol = recipe_of("neuron-firing", quick=quick).protocol
    assert isinstance(protocol, NeuronFiring)
    assert {1.4, 1.8, 2.0} <= set(protocol.amplitudes)
    for name, volts in (("firing-pulse", 1.2), ("pulse-train-firing", 1.1)):
        events = recipe_of(name, quick=quick).protocol
        assert isinstance(events, SwitchEvents)
        assert volts in events.amplitudes


def test_every_fitted_parameter_has_its_card():
    """The numbers of the board come from its own card, the synapses' from theirs."""
    switch, board = (hybrid.card_values(model) for model in hybrid.FITS)
    assert switch["growth_rate"] == pytest.approx(439.8)
    assert board["growth_rate"] == pytest.approx(197.47)
    assert board["depression_enabled"] == 0.0
    assert board["highest_conductance"] == pytest.approx(980e-6)
