from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labneuro.errors import FitError, InputError
from labneuro.plotting.catalog import first_train, run_figure
from labneuro.protocols.catalog import protocol_names


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


def test_every_protocol_has_a_figure(state_map, train_run, captures):
    levels = np.linspace(-0.1, 0.1, 11)
    sweep = {"voltage": levels, "current": levels / 1e5}
    runs = {
        "ResistanceRead": _run("ResistanceRead", sweep),
        "FiringProbability": _run("FiringProbability", state_map),
        "SensitizationTrain": train_run,
        "StateMap": _run("StateMap", state_map),
        "PulseCapture": _run("PulseCapture", captures),
    }
    assert set(runs) == set(protocol_names())
    titles = {name: run_figure(run).axes[-1].get_xlabel() for name, run in runs.items()}
    assert titles == {
        "ResistanceRead": "voltage (V)",
        "FiringProbability": "pulse field (V/µm)",
        "SensitizationTrain": "pulse number since reset",
        "StateMap": "pulse field (V/µm)",
        "PulseCapture": "time from the trigger (ms)",
    }


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
    with pytest.raises(
        InputError, match=r"run\.h5: no figure for protocol 'Endurance'"
    ):
        run_figure(_run("Endurance", {}))


def test_run_without_counts_is_refused(state_map):
    readings = state_map | {"spike": np.full(len(state_map["spike"]), -1)}
    with pytest.raises(FitError, match=r"run\.h5: no counted pulse"):
        run_figure(_run("StateMap", readings))
