"""The neuron board's protocols over VISA: what Figures 3 and 4 of the paper show."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.analysis.neuron_board_data import firing_run, learning_run
from labneuro.bench import load_bench
from labneuro.data.reader import RunFile
from labneuro.errors import InstrumentError
from labneuro.instruments.connection import connect
from labneuro.protocols.board_captures import ClockedTrain, SeenNode
from labneuro.protocols.inhibition_truth import InhibitionTruth
from labneuro.protocols.neuron_firing import NeuronFiring
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run
from labneuro.protocols.synapse_learning import SynapseLearning
from labneuro.workspace import shipped_workspace


def quiet_bench(tmp_path, name, overrides):
    """Return a shipped bench whose device has no noise."""
    text = (shipped_workspace() / "sim_backends" / f"{name}.yaml").read_text()
    path = tmp_path / f"{name}.yaml"
    path.write_text(text.replace("seed: 1", f"seed: 1\n  overrides: {overrides}"))
    return load_bench(path)


def measured(protocol, bench, steps=None):
    """Return the blocks of a run, and what the instruments complained about."""
    with connect(bench) as connected:
        execution = protocol.measurement(connected)
        execution.prepare()
        count = len(protocol.plan(bench.device).steps) if steps is None else steps
        blocks = [execution.measure(index) for index in range(count)]
        assert not any(connected.errors().values())
    return blocks


def test_fires_on_the_fifth_pulse_and_rests(tmp_path):
    """1.8 V: fifth pulse, 500 us at ground, 750 us from one pulse to the next."""
    bench = quiet_bench(tmp_path, "neuron-sim", "{rate_noise: 0}")
    recipe = load_recipe(
        "hybrid/neuron-firing",
        ["amplitudes=[1.8 V, 2.0 V]", "captures=1", "train={pulses: 14, quiet: 3}"],
    )
    path = tmp_path / "run.h5"
    run(recipe, bench, path)
    with RunFile.open(path) as file:
        found = firing_run(file)
        readings = file.readings()
    at_1_8 = [one for one in found.integrations if one.amplitude == 1.8]
    assert [one.pulses for one in at_1_8] == [5, 5, 2]
    assert all(one.spiked for one in at_1_8[:2])
    assert [len(trains[0]) for trains in found.spikes.values()] == [2, 3]
    np.testing.assert_allclose(found.grounded[1.8], 500e-6, atol=2e-6)
    np.testing.assert_allclose(found.recovery[1.8], 750e-6, atol=2e-6)
    assert found.shapes[2.0].correlations().min() > 0.99
    assert found.shapes[2.0].width == pytest.approx(250e-6, abs=3e-6)
    assert found.disagreements == 0
    # Ten signals: nine nodes, the spike on both oscilloscopes.
    nodes = {*found_nodes(readings)}
    assert len(nodes) == 10
    difference = readings["spike"] - readings["spike_again"]
    assert np.mean(np.abs(difference) > 0.2) < 0.01
    assert np.abs(readings["input_2"]).max() < 0.1


def found_nodes(readings):
    """Return the columns that are nodes."""
    return [
        name
        for name in readings
        if name not in {"step", "amplitude", "capture", "time"}
    ]


def test_drawing_again_gives_the_same_rates():
    protocol = NeuronFiring(
        amplitudes=(1.8,), captures=1, train=ClockedTrain(quiet=3, pulses=8), points=50
    )
    block = measured(protocol, load_bench("neuron-sim"))[0]
    drawn = protocol.drawing().add(0, block.rows)
    for plot in ("rates", "waveforms"):
        for name, values in block.plots[plot].items():
            np.testing.assert_array_equal(drawn[plot][name], values)
    layout = protocol.layout(load_bench("neuron-sim").device)
    assert set(block.rows) == {column.name for column in layout.readings}


def test_two_synapses_learn_in_place(tmp_path):
    """From 400 uS: the driven one to 980 uS, the other to 42 uS (paper)."""
    bench = quiet_bench(tmp_path, "synapses-sim", "{rate_noise: 0, step_noise: 0}")
    recipe = load_recipe(
        "hybrid/synapse-learning", ["trains=1", "train={pulses: 22, quiet: 3}"]
    )
    path = tmp_path / "run.h5"
    run(recipe, bench, path)
    with RunFile.open(path) as file:
        found = learning_run(file)
        node_1 = file.readings()["node_1"]
    before, after = found.rows[:2], found.rows[2:]
    assert [row.conductance for row in before] == pytest.approx([400e-6] * 2, rel=0.01)
    assert [row.spikes for row in after] == [1, 1]
    # Relays and probes: 980 uS reads 0.2 % low, 42 uS by the probe's 0.1 uS high.
    assert after[0].conductance == pytest.approx(980e-6, rel=0.01)
    assert after[1].conductance == pytest.approx(42e-6, rel=0.04)
    assert not after[0].interrupted
    assert np.nanmax(node_1) > 2.5


def test_a_device_that_has_forgotten_is_not_taken_up():
    protocol = SynapseLearning(trains=1, train=ClockedTrain(quiet=3, pulses=2))
    block = measured(protocol, load_bench("synapses-sim"), 1)[0]
    with connect(load_bench("synapses-sim")) as bench:
        again = protocol.measurement(bench)
        again.prepare()
        assert again.restore([block.rows]) == "both synapses are as they were left"
        other = dict(block.rows)
        other["conductance"] = 1.2 * np.asarray(other["conductance"], dtype=float)
        with pytest.raises(InstrumentError, match=r"synapse 1 has .* begin a new run"):
            again.restore([other])


def test_truth_table_of_the_inhibition_array():
    """Nobody: all high; one winner: only its output; two together: none (Figure 4)."""
    protocol = InhibitionTruth(
        conditions=((), (1,), (5,), (10,), (2, 7)), amplitude=2.1, points=50
    )
    blocks = measured(protocol, load_bench("lia-sim"))
    truth = blocks[-1].plots["truth"]
    expected = np.zeros((5, 10))
    expected[0] = 1.0
    expected[[1, 2, 3], [0, 4, 9]] = 1.0
    np.testing.assert_array_equal(truth["high"], expected)
    assert truth["row"][1:4] == pytest.approx(1.5, rel=0.02)
    assert truth["signal"][0] == pytest.approx(3.0, abs=0.02)


@pytest.mark.parametrize(
    ("protocol", "parameters", "told"),
    [
        (NeuronFiring, {"nodes": {"node_1": {"channel": "ch1"}}}, "'spike' is missing"),
        (
            NeuronFiring,
            {"second_nodes": {"l1": {"channel": "b"}}},
            "'clock' is missing",
        ),
        (
            NeuronFiring,
            {"second_nodes": {"spike": {"channel": "b"}}},
            "'spike' is among nodes",
        ),
        (
            SynapseLearning,
            {"nodes": {"spike": {"channel": "ch1"}, "node_1": {"channel": "ch1"}}},
            "'ch1' is given twice",
        ),
        (SynapseLearning, {"train": {"width": 500e-6}}, "end within the period"),
        (InhibitionTruth, {"conditions": [[11]]}, "row 11 is none of the 10"),
        (InhibitionTruth, {"ground_row": 1}, "another row than driven_row"),
        (InhibitionTruth, {"second_nodes": {"output_05": {"channel": "b"}}}, "driven"),
    ],
)
def test_refuses_parameters(protocol, parameters, told):
    with pytest.raises(ValidationError, match=told):
        protocol.model_validate(parameters)


def test_oscilloscopes_that_disagree_are_refused(tmp_path):
    """The second one sees another node under the spike's name."""
    bench = quiet_bench(tmp_path, "neuron-sim", "{rate_noise: 0}")
    second = {
        "clock": SeenNode(channel="a"),
        "spike_again": SeenNode(channel="a"),
    }
    with pytest.raises(ValidationError, match="given twice"):
        NeuronFiring(second_nodes=second)
    second["spike_again"] = SeenNode(channel="b")
    protocol = NeuronFiring(
        amplitudes=(2.0,),
        captures=1,
        train=ClockedTrain(quiet=3, pulses=8),
        second_nodes=second,
    )
    with pytest.raises(InstrumentError, match="first edge of 'spike_again'"):
        measured(protocol, bench)
