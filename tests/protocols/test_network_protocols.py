"""The network's protocols over VISA: reading, training, teaching, inference."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from labneuro.bench import load_bench, load_card
from labneuro.data.digit_font import digit_patterns
from labneuro.data.reader import RunFile
from labneuro.devices.catalog import load_device
from labneuro.devices.hybrid_network import HybridNetworkDevice
from labneuro.errors import InstrumentError
from labneuro.instruments.connection import connect
from labneuro.protocols.network_bench import (
    BurstTrain,
    GateLevels,
    NetworkBench,
    NetworkReading,
    SpikeChannels,
)
from labneuro.protocols.network_inference import DigitTest, NetworkInference
from labneuro.protocols.network_rows import (
    count_spikes,
    firing_event,
    recognised,
    select,
    spike_levels,
    spikes_in,
    weight_maps,
)
from labneuro.protocols.network_tasks import (
    ANSWER,
    READ,
    TEACH,
    TEST,
    TRAIN,
    BurstSchedule,
    training_tasks,
)
from labneuro.protocols.network_training import NetworkTraining
from labneuro.protocols.recipe import load_recipe
from labneuro.protocols.runner import run

HIDDEN = (7, *(0,) * 9)
SMALL = NetworkTraining(
    layers=(2,), hidden=HIDDEN, neurons=(1,), test=DigitTest(noisy=(0,), window=5)
)
TEACHING = [
    "layers=[2]",
    "hidden=[7, 0, 0, 0, 0, 0, 0, 0, 0, 0]",
    "neurons=[1]",
    "second_bursts={first: 5, increment: 2, most: 40}",
    "test=null",
]


@pytest.fixture(scope="module")
def bench():
    """The shipped bench."""
    return load_bench("snn-sim")


@pytest.fixture(scope="module")
def fresh(bench):
    """The network that stands on it, untouched."""
    card = load_card("hybrid-network")
    found = load_device("hybrid_network", card, "card", draw=True, seed=1)
    assert bench.simulation.drawn_by == 1
    assert isinstance(found, HybridNetworkDevice)
    return found


def test_first_layer_learns_and_is_read(bench, fresh):
    """Read, shown one digit, read again: a lone winner has the digit, others do not.

    The synapses as the meter sees them are the device's within 1 %.
    """
    black = (np.flatnonzero(digit_patterns()[1]) + 1).tolist()
    with connect(bench) as connected:
        network = NetworkBench(
            connected,
            BurstTrain(pulses=40),
            SpikeChannels(),
            NetworkReading(),
            GateLevels(),
        )
        network.prepare(1.6)
        before = network.read(1, 4) / 0.1
        network.watch(12)
        winner, shown = 0, 0
        while not winner:
            shown += 1
            network.show(black, learn=True)
            burst = network.play(4 + shown % 9, 1.6)
            winner = firing_event(spikes_in(burst.levels, 0.75), burst.pulses).winner
        after = network.read(1, winner) / 0.1
        assert not any(connected.errors().values())
    np.testing.assert_allclose(before, fresh.layers[0].conductance[3], rtol=0.01)
    driven = np.isin(np.arange(30), np.array(black) - 1)
    assert after[driven].min() > 600e-6
    assert after[~driven].max() < 120e-6
    assert burst.levels.max() == pytest.approx(1.5, rel=0.05)


def test_second_layer_is_taught_and_the_file_holds_it(bench, tmp_path):
    """From about 42 uS, only the synapse of the hidden neuron rises above 800 uS."""
    path = tmp_path / "run.h5"
    run(load_recipe("hybrid/network-training", TEACHING), bench, path)
    with RunFile.open(path) as file:
        rows = file.readings()
    before, after = weight_maps(rows, 2)
    assert np.isnan(after[1:]).all()
    assert before[0].max() < 50e-6
    assert np.flatnonzero(after[0] > 800e-6).tolist() == [6]
    assert np.sort(after[0])[-2] < 50e-6
    pulses = select(rows, kind=1)["pulses"]
    assert pulses.max() > pulses.min()  # longer and longer
    spikes = spikes_in(spike_levels(select(rows, kind=1, pulses=pulses.max())), 0.75)
    assert spikes.sum(axis=0).tolist() == [1, *[0] * 9]


def test_a_run_is_not_taken_up_by_a_network_that_has_forgotten(bench):
    """The same synapses are read again; others than were left end the run."""
    with connect(bench) as connected:
        execution = SMALL.measurement(connected)
        execution.prepare()
        block = execution.measure(0)
        assert "are as they were left" in execution.restore([block.rows])
        other = dict(block.rows)
        other["conductance"] = 1.2 * np.asarray(other["conductance"], dtype=float)
        with pytest.raises(InstrumentError, match=r"synapse 1 of neuron 1 .* new run"):
            execution.restore([other])


def test_inference_counts_and_draws_again(bench):
    """An untrained network spikes in its first layer; plots follow from the rows."""
    protocol = NetworkInference(layers=(1,), test=DigitTest(noisy=(2,), window=14))
    with connect(bench) as connected:
        execution = protocol.measurement(connected)
        execution.prepare()
        block = execution.measure(0)
    rates = block.plots["first_rates"]["signal"]
    again = protocol.drawing().add(0, block.rows)["first_rates"]["signal"]
    np.testing.assert_array_equal(again, rates)
    counts = count_spikes(block.rows, 0.75)
    assert counts.sum() > 10
    np.testing.assert_allclose(rates[0], counts / (14 * 500e-6))
    layout = protocol.layout(bench.device)
    assert set(block.rows) == {column.name for column in layout.readings}


def test_tasks_in_order():
    """Read, train, read, who answers, read, teach, read, test; blocks or turns."""
    protocol = NetworkTraining(events=2, test=DigitTest(noisy=(0, 3)))
    kinds = [(task.kind, task.layer) for task in training_tasks(protocol)]
    assert kinds == [
        (READ, 1),
        (TRAIN, 1),
        (TRAIN, 1),
        (READ, 1),
        (ANSWER, 1),
        (READ, 2),
        *[(TEACH, 2)] * 10,
        (READ, 2),
        *[(TEST, 1), (TEST, 2)] * 2,
    ]
    turns = [task.digits for task in training_tasks(protocol) if task.kind == TRAIN]
    assert [sorted(turn) for turn in turns] == [list(range(10))] * 2
    assert turns[0] != turns[1]
    blocks = training_tasks(protocol.model_copy(update={"order": "block"}))
    assert [t.digits for t in blocks if t.kind == TRAIN] == [(d, d) for d in range(10)]


def test_a_held_clock_has_one_long_half_period():
    """From the last pulse on it stays high for another period; nothing else moves."""
    train = BurstTrain(pulses=3, quiet=3, hold_clock=True)
    plain = train.model_copy(update={"hold_clock": False})
    levels, times = np.array(train.clock).T
    assert times.sum() == pytest.approx(train.duration)
    assert train.duration - plain.duration == pytest.approx(train.period)
    assert times[10] == pytest.approx(1.5 * train.period)
    assert levels[10] == train.level
    np.testing.assert_allclose(np.delete(times, 10), 0.5 * train.period)


def test_firing_events():
    """A spike that meets a pulse learns; one after the last pulse is interrupted."""
    spikes = np.zeros((7, 10), dtype=bool)
    assert firing_event(spikes, 5).winner == 0
    spikes[3, 4] = True
    assert firing_event(spikes, 5).winner == 5
    assert firing_event(spikes, 3).winner == 0
    assert firing_event(spikes, 3).interrupted.tolist() == spikes[3].tolist()
    spikes[6, 4] = True
    again = firing_event(spikes, 5)
    assert (again.winner, again.periods) == (0, 1)
    spikes[3, 1] = True
    assert firing_event(spikes, 5).complete.sum() == 1
    assert firing_event(spikes, 5).winner == 0


def test_recognition_wants_the_own_neuron_alone():
    """Not a tie, not silence, not another one."""
    counts = np.zeros((10, 10))
    counts[0, 0], counts[1, 2], counts[3, [3, 4]] = 3, 2, 5
    assert np.flatnonzero(recognised(counts)).tolist() == [0]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"layers": (2, 1)}, "the first one before the second"),
        ({"bursts": {"first": 5, "most": 4}}, "must not be below first"),
        ({"hidden": (1, 2)}, "hidden"),
        ({"neurons": (1, 1)}, "neurons: a number is given twice"),
        ({"test": {"noisy": (0, 0)}}, "given twice"),
        ({"channels": {"first": ("ch1",)}}, "together 10 channels"),
        ({"channels": {"clock": "a"}}, "a channel is given twice"),
        ({"reading": {"voltage": "0.3 V"}}, "less than or equal to 0.2"),
    ],
)
def test_what_cannot_be_is_refused(parameters, told):
    """One clear line for each."""
    with pytest.raises(ValidationError, match=told):
        NetworkTraining.model_validate(parameters)


def test_bursts_of_a_schedule():
    """From the first to the longest one."""
    assert BurstSchedule(first=3, increment=4, most=12).pulses == (3, 7, 11)
