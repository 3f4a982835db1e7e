"""Fit of the neuron board: waveforms to firings, firings to the law, synapses."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labneuro.analysis import neuron_board
from labneuro.analysis.catalog import fit_function
from labneuro.analysis.neuron_board import calibrate, fit_board
from labneuro.analysis.neuron_board_data import (
    Clocking,
    FiringRun,
    Integration,
    Learned,
    LearningRun,
    firing_run,
)
from labneuro.analysis.spikes import SpikeShapes
from labneuro.bench import load_card
from labneuro.calibration import SourceRun
from labneuro.devices.catalog import load_parameters
from labneuro.devices.neuron_board import NeuronBoardPopulation
from labneuro.devices.neuron_board_solver import NODES
from labneuro.errors import FitError
from labneuro.protocols.neuron_firing import NeuronFiring

QUIET, PULSES, INTERVAL = 3, 30, 1e-6
CLOCKING = Clocking(500e-6, 5e-6, 250e-6, QUIET, PULSES)
TRUTH = {"growth_rate": 190.0, "growth_voltage": 0.62, "rate_noise": 0.08}
LEAK, SHARE = 5e-3, 0.8


@pytest.fixture
def recorded():
    """A NeuronFiring run of two amplitudes from the solver, and when it fired."""
    parameters = load_parameters("neuron_board", load_card("neuron-board"), "card")
    moments, parts = {}, []
    protocol = NeuronFiring(train={"quiet": QUIET, "pulses": PULSES})
    for step, volts in enumerate((1.6, 2.0)):
        board = NeuronBoardPopulation([parameters], seed=step)
        board.run([0.0, 0.0], QUIET)
        start = board.time
        rows = board.record([volts, 0.0], PULSES, INTERVAL)
        again = NeuronBoardPopulation([parameters], seed=step)
        again.run([0.0, 0.0], QUIET)
        fired = again.run([volts, 0.0], PULSES).fired_at[0]
        moments[volts] = fired[np.isfinite(fired)]
        columns = dict(zip(NODES, rows.T, strict=True))
        count = len(rows)
        parts.append(
            {
                "step": np.full(count, step),
                "amplitude": np.full(count, volts),
                "time": start + INTERVAL * np.arange(count),
                "node_1": columns["node_1"],
                "node_2": columns["node_2"],
                "spike": 1.5 * columns["spike"],
                "l2": 1.5 * columns["l2"],
            }
        )
    readings = {key: np.concatenate([one[key] for one in parts]) for key in parts[0]}
    run: Any = SimpleNamespace(
        path="run.h5",
        parameters=protocol.model_dump(mode="json"),
        readings=lambda: readings,
    )
    return run, moments


def test_firings_of_waveforms_are_the_solver_s(recorded):
    """Each firing in the pulse and between the samples where the solver put it."""
    run, moments = recorded
    found = firing_run(run)
    for volts, expected in moments.items():
        seen = [
            one
            for one in found.integrations
            if one.amplitude == volts and math.isfinite(one.time_high)
        ]
        assert len(seen) == len(expected) > 2
        begin = 0
        for one, moment in zip(seen, expected, strict=True):
            pulse = begin + one.pulses - 1
            assert one.spiked
            start = CLOCKING.pulse_start(pulse)
            assert one.time_low - 2e-6 <= moment - start <= one.time_high + 2e-6
            begin = pulse + 2
        assert len(found.shapes[volts]) >= len(expected) - 1
        assert found.grounded[volts] == pytest.approx(500e-6, abs=2e-6)
        assert found.recovery[volts] == pytest.approx(750e-6, abs=2e-6)


def test_missing_nodes_are_named(recorded):
    run, _ = recorded
    readings = run.readings()
    del readings["node_2"]
    with pytest.raises(FitError, match=r"run\.h5: readings: node_2: .* not captured"):
        firing_run(run)
    run.parameters["train"].pop("quiet")
    readings["node_2"] = readings["node_1"]
    with pytest.raises(FitError, match=r"train\.quiet: this key is missing"):
        firing_run(run)


def integrated(volts, rate):
    """Return pulse and time of a firing by stepping x from pulse to pulse."""
    ceiling = rate * math.sinh(SHARE * volts / TRUTH["growth_voltage"]) * LEAK
    x = 0.0
    for pulse in range(PULSES):
        end = ceiling + (x - ceiling) * math.exp(-CLOCKING.width / LEAK)
        if end > 1.0:
            moment = LEAK * math.log((ceiling - x) / (ceiling - 1.0))
            return pulse + 1, moment
        x = end * math.exp(-(CLOCKING.period - CLOCKING.width) / LEAK)
    return PULSES, math.inf


def synthetic(seed, events=40, volts=(1.4, 1.6, 1.8, 2.0)):
    """Return a run whose firings follow the law, without its waveforms."""
    draw = np.random.default_rng(seed)
    found, empty = [], np.empty(0)
    for level in volts:
        for _ in range(events):
            factor = math.exp(TRUTH["rate_noise"] * draw.standard_normal())
            pulses, moment = integrated(level, factor * TRUTH["growth_rate"])
            low = CLOCKING.width if math.isinf(moment) else max(moment - 1e-6, 0.0)
            found.append(Integration(level, pulses, low, moment + 1e-6, spiked=True))
    shapes = SpikeShapes(empty, np.empty((0, 0)), empty, empty)
    return FiringRun(
        clocking=CLOCKING,
        share=SHARE,
        integrations=tuple(found),
        spikes={level: [np.array([0.0, 2e-3, 4.1e-3])] for level in volts},
        shapes=dict.fromkeys(volts, shapes),
        grounded=dict.fromkeys(volts, empty),
        recovery=dict.fromkeys(volts, empty),
        disagreements=0,
    )


def test_the_law_is_found_again():
    """Three numbers within their errors; the rate that it says follows the pulses."""
    board = fit_board("B1", [synthetic(1)])
    for name, truth in TRUTH.items():
        found = board.model.parameters[name]
        assert found.standard_error is not None
        assert abs(found.value - truth) < 3.0 * found.standard_error
        low, high = found.interval
        assert low is not None
        assert high is not None
        assert low < found.value < high
    model = calibrate([board])
    assert "leak_time" in board.held
    frequency = model.tables["frequency"]
    laws = [row["law_rate"] for row in frequency]
    assert laws == sorted(laws)  # type: ignore[type-var]  # numbers all
    pulses = [
        one.pulses for one in synthetic(1, 400).integrations if one.amplitude == 2.0
    ]
    assert laws[-1] == pytest.approx(1.0 / (500e-6 * (1.0 + np.mean(pulses))), rel=0.03)
    assert frequency[0]["rate"] == pytest.approx(2.0 / 4.1e-3)
    assert [row["recovery"] for row in model.tables["refractory"]] == [None] * 4


def test_one_amplitude_is_refused():
    with pytest.raises(FitError, match="two amplitudes"):
        fit_board("B1", [synthetic(1, volts=(1.8,))])


def learning(*rows):
    return LearningRun(1.9, CLOCKING, tuple(Learned(*row) for row in rows))


def test_synapses_are_read_from_trains_that_were_not_interrupted():
    run = learning(
        (0, 1, 0, 401e-6, 1e-7, False),
        (0, 2, 0, 399e-6, 1e-7, False),
        (40, 1, 5, 979e-6, 2e-7, False),
        (40, 2, 5, 43e-6, 1e-7, False),
        (80, 1, 6, 50e-6, 1e-7, True),
        (80, 2, 6, 43e-6, 1e-7, True),
    )
    board = fit_board("B1", [run])
    model = calibrate([board])
    assert board.integration is None
    assert model["lowest_conductance"] == pytest.approx(43e-6)
    assert model["medium_conductance"] == pytest.approx(400e-6)
    assert model["highest_conductance"] == pytest.approx(979e-6)
    assert model.covariance_of == (
        "lowest_conductance",
        "medium_conductance",
        "highest_conductance",
    )
    steps = [row["step"] for row in model.tables["synapse_steps"]]
    assert steps[:2] == [None, None]
    np.testing.assert_allclose(
        np.array(steps[2:], dtype=float), [578e-6, -356e-6, -929e-6, 0.0], atol=1e-9
    )


def test_runs_are_gathered_by_board(monkeypatch):
    """Two boards make a population; their spread is that of the growth rate."""
    runs = {"a.h5": ("B1", synthetic(1)), "b.h5": ("B2", synthetic(2))}
    monkeypatch.setattr(neuron_board, "read_run", lambda path: runs[path.name])
    monkeypatch.setattr(
        neuron_board, "source_run", lambda path: SourceRun(path=str(path), sha256="0")
    )
    model = fit_function("neuron_board")([Path("a.h5"), Path("b.h5")])
    assert model.model == "neuron_board"
    assert {row["device_id"] for row in model.tables["frequency"]} == {"B1", "B2"}
    assert "growth_rate" in model.population_spread
    assert model.goodness_of_fit["integrations"] == 320
    with pytest.raises(FitError, match="no run file"):
        neuron_board.fit_runs([])
