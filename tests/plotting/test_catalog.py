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


def test_every_protocol_has_a_figure(state_map, train_run):
    levels = np.linspace(-0.1, 0.1, 11)
    sweep = {"voltage": levels, "current": levels / 1e5}
    runs = {
        "ResistanceRead": _run("ResistanceRead", sweep),
        "FiringProbability": _run("FiringProbability", state_map),
        "SensitizationTrain": train_run,
        "StateMap": _run("StateMap", state_map),
    }
    assert set(runs) == set(protocol_names())
    titles = {name: run_figure(run).axes[-1].get_xlabel() for name, run in runs.items()}
    assert titles == {
        "ResistanceRead": "voltage (V)",
        "FiringProbability": "pulse field (V/µm)",
        "SensitizationTrain": "pulse number since reset",
        "StateMap": "pulse field (V/µm)",
    }


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
