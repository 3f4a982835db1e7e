"""The catalog of protocols: every name loads, defaults are valid and documented."""

from __future__ import annotations

import inspect

import pytest

from labneuro.bench import load_bench
from labneuro.errors import RecipeError
from labneuro.protocols.base import MeasurementProtocol
from labneuro.protocols.catalog import protocol_class, protocol_names

NAMES = (
    "ResistanceRead",
    "FiringProbability",
    "SensitizationTrain",
    "StateMap",
    "PulseCapture",
    "PotentiationDepression",
    "PairedPulse",
    "CurrentVoltage",
    "LearnForget",
    "ThresholdSwitching",
    "FiringPulse",
    "PulseTrainFiring",
    "PulseResponse",
    "Endurance",
    "NeuronFiring",
    "SynapseLearning",
    "InhibitionTruth",
    "NetworkTraining",
    "NetworkInference",
    "DiodeSweep",
    "IncrementalStepPulse",
    "ResistiveSwitching",
    "Retention",
    "OperatorSweep",
    "VectorMatrixProduct",
)


def test_names():
    """Those of the H-NNO neuron, of every bench, of the FMES synapse."""
    assert protocol_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_protocol_loads_under_its_own_name(name):
    """The class is a protocol, of that name, with a summary and documented fields."""
    found = protocol_class(name)
    assert issubclass(found, MeasurementProtocol)
    assert found.__name__ == name
    assert found.summary
    documented = inspect.getdoc(found) or ""
    assert [key for key in found.model_fields if f"{key} :" not in documented] == []


@pytest.mark.parametrize("name", NAMES)
def test_defaults_plan_and_lay_out(name):
    """With its defaults a protocol fits the shipped bench; layout matches the plan."""
    bench = load_bench("hnno-sim")
    protocol = protocol_class(name)()
    plan = protocol.plan(bench.device)
    plan.check(bench.safe_limits)
    assert plan.duration > 0
    layout = protocol.layout(bench.device)
    assert layout.default in [plot.name for plot in layout.plots]


@pytest.mark.parametrize("name", NAMES)
def test_parameters_survive_json(name):
    """The JSON form is what a recipe would hold."""
    found = protocol_class(name)
    protocol = found()
    assert found.model_validate(protocol.model_dump(mode="json")) == protocol


@pytest.mark.parametrize("name", ["StateMapp", "", "stateMap", "x" * 1000])
def test_unknown_name_lists_the_known(name):
    """The message says what there is, and stays short."""
    with pytest.raises(RecipeError) as caught:
        protocol_class(name)
    assert "known are: ResistanceRead, FiringProbability" in str(caught.value)
    assert len(str(caught.value)) < 1000
