from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labneuro.errors import FitError, InputError
from labneuro.plotting.catalog import first_train, run_figure
from labneuro.protocols.catalog import protocol_class, protocol_names
from labneuro.protocols.network_bench import Burst
from labneuro.protocols.network_rows import INFERENCE, RowTable
from labneuro.protocols.threshold_switching import ThresholdSwitching


def _run(protocol, readings) -> Any:
    return SimpleNamespace(
        protocol=protocol, path="run.h5", readings=lambda: dict(readings)
    )


@pytest.fixture
def train_run(trains):
    """Trains in the order of a run: all pulses of a train, then the next."""
    count = len(trains["spike"])
    events = np.arange(count) % 50
    order = np.lexsort(
        (trains["accumulated_pulses"], events, trains["accumulating_field"])
    )
    readings = {name: column[order] for name, column in trains.items()}
    readings["resistance"] = np.where(readings["spike"] == 1, 1e4, 1e5)
    return _run("SensitizationTrain", readings)


@pytest.fixture
def captures():
    """Two captures of 50 points on two channels."""
    time = np.linspace(-1e-3, 2e-3, 50)
    return {
        "step": np.repeat([0, 1], 50),
        "time": np.tile(time, 2),
        "voltage_ch1": np.ones(100),
        "voltage_ch3": np.repeat([0.25, 0.5], 50),
    }


@pytest.fixture
def synapse():
    """Readings of the FMES protocols: two resistors, two cycles, a switched train."""
    ohms, cycles = np.repeat([500.0, np.inf], 8), np.tile(np.repeat([0, 1], 4), 2)
    pulse, volts = np.tile([1, 2, 3, 4], 4), np.linspace(0.01, 0.02, 16)
    pairs = {"interval": np.tile([0.01, 0.1], 8), "index": 1.0 + volts}
    phase = np.repeat([0, 1, -1], [6, 6, 4])
    return {
        "PotentiationDepression": {
            "resistance": ohms,
            "cycle": cycles,
            "pulse": pulse,
            "residual": volts,
            "peak": volts + 0.1,
        },
        "PairedPulse": {"resistance": ohms, **pairs},
        "CurrentVoltage": {
            "resistance": ohms,
            "rate": np.tile([0.05, 0.1], 8),
            "voltage": volts,
            "current": 1e-3 * volts,
        },
        "LearnForget": {
            "step": np.zeros(16, dtype=int),
            "resistance": ohms,
            "phase": phase,
            "time": np.arange(16.0),
            "voltage": volts,
        },
        "PulseResponse": {
            "resistance": ohms,
            "current": np.tile([5e-4, 1e-3], 8),
            "width": np.tile([1e-3, 1e-3, 2e-3, 2e-3], 4),
            "peak": volts + 0.1,
            "residual": volts,
        },
        "Endurance": {
            "resistance": ohms,
            "current": np.tile([1e-3, 1e-3, -1e-3, -1e-3], 4),
            "pulses_before": np.tile(np.repeat([0, 40], 4), 2),
            "pulse": pulse,
            "residual": volts,
        },
    }


@pytest.fixture
def switch():
    """Runs of a threshold switch: two cycles, two pulses, two trains."""
    levels = ThresholdSwitching().levels
    volts = np.tile(levels, 2)
    point = np.tile([-1, 0], 2)
    event = {
        "step": np.zeros(4, dtype=int),
        "event": np.repeat([0, 1], 2),
        "amplitude": np.full(4, 1.2),
        "time": np.where(point < 0, 1e-3, np.nan),
        "current": np.full(4, 1e-5),
    }
    readings = {
        "ThresholdSwitching": {
            "step": np.repeat([0, 1], len(levels)),
            "voltage": volts,
            "current": np.where(volts > 0.4, 1e-5, 1e-8),
        },
        "FiringPulse": event
        | {
            "fired": np.array([-1, 1, -1, 0]),
            "integration_low": np.array([np.nan, 6e-4, np.nan, 1e-3]),
            "integration_high": np.array([np.nan, 6.1e-4, np.nan, np.inf]),
            "relaxation_low": np.array([np.nan, 4e-4, np.nan, np.nan]),
            "relaxation_high": np.array([np.nan, 4.1e-4, np.nan, np.nan]),
        },
        "PulseTrainFiring": event
        | {"first_fire": np.array([-1, 3, -1, 0]), "refire": np.array([0, 4, 0, 0])},
    }
    runs = {name: _run(name, columns) for name, columns in readings.items()}
    for name, run in runs.items():
        run.parameters = protocol_class(name)().model_dump(mode="json")
    return runs


@pytest.fixture
def board():
    """Runs of a neuron board, of its synapses and of an inhibition array."""
    time = np.arange(0.0, 8e-3, 5e-6)
    high = (time > 5e-3) & (time < 5.25e-3)
    count = len(time)
    pulsed = np.where((time % 5e-4) < 2.5e-4, 1.4, 0.0)
    node_1 = np.where((time > 2e-3) & ~((time > 5e-3) & (time < 5.5e-3)), pulsed, 0.0)
    nodes = {
        "time": time,
        "node_1": node_1,
        "node_2": np.where((time > 4.6e-3) & (time < 4.755e-3), 0.9, 0.0),
        "spike": np.where(high, 1.5, 0.0),
    }
    whole = np.zeros(count)
    readings = {
        "NeuronFiring": nodes
        | {"step": whole, "amplitude": whole + 1.8, "capture": whole},
        "SynapseLearning": {
            "step": np.append(whole, [0, 0]),
            "pulses": np.append(whole, [0, 0]) + 8,
            "synapse": np.append(whole, [1, 2]),
            "conductance": np.append(whole + np.nan, [9e-4, 4e-5]),
            **{name: np.append(one, [np.nan] * 2) for name, one in nodes.items()},
        },
        "InhibitionTruth": {
            "condition": np.repeat([1, 2], 100),
            "time": np.tile(np.linspace(0.0, 1e-4, 100), 2),
            "driven": np.tile(np.repeat([0.0, 2.1, 0.0], [10, 80, 10]), 2),
            "output_01": np.full(200, 3.0),
            "output_02": np.repeat([3.0, 0.0], 100),
        },
    }
    runs = {name: _run(name, columns) for name, columns in readings.items()}
    for name, run in runs.items():
        train = {} if name == "InhibitionTruth" else {"train": {"pulses": 8}}
        run.parameters = protocol_class(name)(**train).model_dump(mode="json")
    return runs


@pytest.fixture
def units():
    """Runs of computing units: two readings each."""
    one = {
        name: np.full(2, value)
        for name, value in {
            "step": 0,
            "unit": 11,
            "cycle": 0,
            "state": 0,
            "operator": 0,
            "target": 1e-4,
            "amplitude": 0.2,
            "input": 1.0,
            "current": 1e-6,
        }.items()
    }
    one |= {"voltage": np.array([0.1, 0.2]), "time": np.arange(2.0)}
    one |= {"ideal": np.array([1.0, 2.0]), "answer": np.array([1.1, 2.1])}
    one |= {"conductance": np.array([9e-5, 1e-4])}
    kinds = {"ResistiveSwitching": 0, "OperatorSweep": 1}
    names = (
        "DiodeSweep",
        "IncrementalStepPulse",
        "ResistiveSwitching",
        "Retention",
        "OperatorSweep",
        "VectorMatrixProduct",
    )
    runs = {
        name: _run(name, one | {"kind": np.full(2, kinds.get(name, 0))})
        for name in names
    }
    for name, run in runs.items():
        run.parameters = protocol_class(name)().model_dump(mode="json")
    return runs


@pytest.fixture
def network():
    """A training run: second layer before and after, one pass of each layer."""
    volts = np.where(np.eye(10, dtype=bool), 1.5, 0.0)
    maps, passes = RowTable(0), [RowTable(2), RowTable(3)]
    maps.reading(np.full(10, 4e-6), 0.1, layer=2, neuron=1, digit=-1)
    taught = RowTable(1)
    current = np.where(np.arange(10) == 6, 9e-5, 4e-6)
    taught.reading(current, 0.1, layer=2, neuron=1, digit=-1, event=-1)
    taught.reading(current, 0.1, layer=2, neuron=1, digit=-1)
    for layer, table in enumerate(passes, 1):
        for digit in range(10):
            burst = Burst(2, volts[[digit, digit]])
            table.burst(burst, kind=INFERENCE, layer=layer, digit=digit, event=1)
    tables = [one.rows() for one in (maps, taught, *passes)]
    rows = {name: np.concatenate([one[name] for one in tables]) for name in tables[0]}
    runs = {name: _run(name, rows) for name in ("NetworkTraining", "NetworkInference")}
    for name, run in runs.items():
        run.parameters = protocol_class(name)().model_dump(mode="json")
    return runs


def test_every_protocol_has_a_figure(
    state_map, train_run, captures, synapse, switch, board, units, network
):
    levels = np.linspace(-0.1, 0.1, 11)
    sweep = {"voltage": levels, "current": levels / 1e5}
    runs = {
        "ResistanceRead": _run("ResistanceRead", sweep),
        "FiringProbability": _run("FiringProbability", state_map),
        "SensitizationTrain": train_run,
        "StateMap": _run("StateMap", state_map),
        "PulseCapture": _run("PulseCapture", captures),
        **{name: _run(name, readings) for name, readings in synapse.items()},
        **switch,
        **board,
        **units,
        **network,
    }
    assert set(runs) == set(protocol_names())
    titles = {name: run_figure(run).axes[-1].get_xlabel() for name, run in runs.items()}
    assert titles == {
        "ResistanceRead": "voltage (V)",
        "FiringProbability": "pulse field (V/µm)",
        "SensitizationTrain": "pulse number since reset",
        "StateMap": "pulse field (V/µm)",
        "PulseCapture": "time from the trigger (ms)",
        "PotentiationDepression": "pulse of the cycle",
        "PairedPulse": "interval between the pulses (s)",
        "CurrentVoltage": "voltage (V)",
        "LearnForget": "time since the train (s)",
        "PulseResponse": "width of the pulse (ms)",
        "Endurance": "pulses before the cycle (thousands)",
        "ThresholdSwitching": "source voltage (V)",
        "FiringPulse": "amplitude (V)",
        "PulseTrainFiring": "pulses to the first firing",
        "NeuronFiring": "input amplitude (V)",
        "SynapseLearning": "time from the first spike (ms)",
        "InhibitionTruth": "",
        "NetworkTraining": "",
        "NetworkInference": "",
        "DiodeSweep": "voltage across the diode (V)",
        "IncrementalStepPulse": "reading",
        "ResistiveSwitching": "configure line 2 to bit line (V)",
        "Retention": "time (s)",
        "OperatorSweep": "ideal answer (reference currents)",
        "VectorMatrixProduct": "sum of target conductance times voltage (uA)",
    }


def test_board_figures_show_nodes_spikes_and_gates(board):
    """Three nodes, one spike and its rate; two synapses; the gate that stays high."""
    *nodes, shapes, rates = run_figure(board["NeuronFiring"]).axes
    assert [axis.get_ylabel() for axis in nodes] == [
        "node 1\n(V)",
        "node 2\n(V)",
        "spike\n(V)",
    ]
    assert shapes.get_title() == "1 of 1 spikes at 1.8 V"
    np.testing.assert_allclose(np.asarray(rates.get_lines()[0].get_ydata()), [250.0])
    conductances = run_figure(board["SynapseLearning"]).axes[0]
    seen = [np.asarray(one.get_ydata()) for one in conductances.get_lines()]
    values = sorted({float(one[0]) for one in seen if one.size})
    np.testing.assert_allclose(values, [40.0, 900.0])
    none, first, table, _ = run_figure(board["InhibitionTruth"]).axes
    assert (none.get_title(), first.get_title()) == ("rows high: none", "rows high: 1")
    image = np.asarray(table.get_images()[0].get_array())
    np.testing.assert_allclose(image, [[3.0, 3.0], [3.0, 0.0]])


def test_network_figures_show_weights_and_rates(network):
    """Before, when taught, after; two spikes in two periods of 500 us; all digits."""
    before, taught, after, *rest = run_figure(network["NetworkTraining"]).axes
    images = [
        np.asarray(one.get_images()[0].get_array()) for one in (before, taught, after)
    ]
    found = np.array([one[0, 6] for one in images])
    np.testing.assert_allclose(found, [40.0, 900.0, 900.0])
    assert before.get_title() == "second layer, before"
    titles = [axis.get_title() for axis in rest if axis.get_title()]
    assert titles[0].startswith("first layer")
    assert titles[1].endswith("10 of 10 recognised")
    first = run_figure(network["NetworkInference"]).axes[0]
    rates = np.asarray(first.get_images()[0].get_array())
    np.testing.assert_allclose(rates, 2000.0 * np.eye(10))


def test_an_untold_network_is_not_drawn(network):
    """A run without a reading, or without a digit, says so."""
    run = network["NetworkTraining"]
    nothing = {name: column[:0] for name, column in run.readings().items()}
    for name, told in (("Training", "no layer"), ("Inference", "no digit")):
        empty = _run(f"Network{name}", nothing)
        empty.parameters = network[f"Network{name}"].parameters
        with pytest.raises(FitError, match=told):
            run_figure(empty)


def test_a_censored_pulse_is_drawn_at_the_end_of_the_pulse(switch):
    """One firing as a point, one pulse that did not fire as an open triangle."""
    middle = run_figure(switch["FiringPulse"]).axes[1]
    points, triangles, _ = middle.get_lines()
    np.testing.assert_allclose(np.asarray(points.get_ydata()), [0.605])
    np.testing.assert_allclose(np.asarray(triangles.get_ydata()), [1.0])


def test_synapse_figures_tell_the_resistors_apart(synapse):
    pairs = run_figure(_run("PairedPulse", synapse["PairedPulse"])).axes[0]
    legend = pairs.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["500 ohm", "open"]
    readings = synapse["PotentiationDepression"]
    upper, _ = run_figure(_run("PotentiationDepression", readings)).axes
    assert upper.get_title() == "first of 2 cycles"
    first, _ = upper.get_lines()
    np.testing.assert_allclose(
        np.asarray(first.get_ydata()), 1e3 * readings["residual"][:4]
    )
    train, decay = run_figure(_run("LearnForget", synapse["LearnForget"])).axes
    assert np.asarray(train.get_lines()[0].get_xdata()).shape == (12,)
    delays = np.asarray(decay.get_lines()[0].get_xdata())
    np.testing.assert_allclose(delays, [1.0, 2.0, 3.0, 4.0])


def test_captures_are_drawn_channel_by_channel(captures):
    figure = run_figure(_run("PulseCapture", captures))
    upper, lower = figure.axes
    assert [upper.get_ylabel(), lower.get_ylabel()] == ["ch1 (V)", "ch3 (V)"]
    assert upper.get_title() == "2 captures, the first darkest"
    first, second = lower.get_lines()
    times, volts = np.asarray(first.get_xdata()), np.asarray(second.get_ydata())
    np.testing.assert_allclose(times, np.linspace(-1, 2, 50))
    np.testing.assert_allclose(volts, 0.5)


def test_first_train_ends_at_the_next_reset(train_run):
    train = first_train(train_run)
    assert train.field == 0.19e6
    assert len(train.resistance) == len(train.spike) == 30
    assert set(train.resistance[train.spike == 1]) <= {1e4}
    assert first_train(train_run, 0.15e6).field == 0.15e6


def test_field_without_train_is_refused(train_run):
    with pytest.raises(InputError, match=r"run\.h5: no train at 0\.3 V/um"):
        first_train(train_run, 0.3e6)


def test_unknown_protocol_is_refused():
    with pytest.raises(InputError, match=r"run\.h5: no figure for protocol 'Bending'"):
        run_figure(_run("Bending", {}))


def test_run_without_counts_is_refused(state_map):
    readings = state_map | {"spike": np.full(len(state_map["spike"]), -1)}
    with pytest.raises(FitError, match=r"run\.h5: no counted pulse"):
        run_figure(_run("StateMap", readings))
