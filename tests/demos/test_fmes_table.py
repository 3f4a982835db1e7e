"""The table of quoted figures: each as its definition says, from made-up readings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labneuro.demos import fmes_table
from labneuro.devices.fmes_figures import RANGE_RESISTORS, quoted_figures
from labneuro.errors import InputError


def sweeps():
    """Return three sweeps a resistor: 1 mA a volt, and 1 % more or less."""
    up = np.linspace(0.0, 0.8, 81)
    voltage = np.concatenate([up, up[-2::-1]])
    parts = [
        {
            "step": np.full(voltage.size, step),
            "resistance": np.full(voltage.size, ohm),
            "rate": np.full(voltage.size, 0.05),
            "voltage": voltage,
            "current": 1e-3 * factor * voltage,
        }
        for step, (ohm, factor) in enumerate(
            (ohm, factor) for ohm in (500.0, 8000.0) for factor in (0.99, 1.0, 1.01)
        )
    ]
    return {key: np.concatenate([one[key] for one in parts]) for key in parts[0]}


def pairs():
    """Return two pairs at 10 ms and one at another interval."""
    return {
        "resistance": np.array([7000.0, 7000.0, 7000.0, 500.0]),
        "interval": np.array([0.01, 0.01, 0.1, 0.01]),
        "first": np.array([0.09, 0.1, 1.0, 1.0]),
        "second": np.array([0.108, 0.13, 1.0, 1.0]),
        "index": np.array([1.2, 1.3, 1.0, 1.0]),
    }


def trains():
    """Return two cycles a resistor; in the first the range grows with its number."""
    pulse = np.tile(np.arange(1, 301), 2)
    cycle = np.repeat([0, 1], 300)
    parts = [
        {
            "resistance": np.full(600, ohm),
            "cycle": cycle,
            "pulse": pulse,
            "residual": np.where(
                (cycle == 0) & (pulse == 150), 0.01 * (7 + number), 0.01
            ),
        }
        for number, ohm in enumerate(RANGE_RESISTORS)
    ]
    return {key: np.concatenate([one[key] for one in parts]) for key in parts[0]}


def decay():
    """Return a train that ends at 5 s and a decay of 1 mV a second after it."""
    delay = np.arange(1.0, 121.0)
    return {
        "phase": np.concatenate([np.zeros(5), -np.ones(120)]),
        "time": np.concatenate([np.arange(1.0, 6.0), 5.0 + delay]),
        "voltage": np.concatenate([np.full(5, 9.0), 0.501 - 1e-3 * delay]),
    }


@pytest.fixture
def runs(monkeypatch):
    """Return run files by name, and have them read as the readings above."""
    content = {
        "sweeps": sweeps(),
        "paired-pulse": pairs(),
        "potentiation": trains(),
        "retention": decay(),
    }
    monkeypatch.setattr(fmes_table, "_readings", lambda path: content[path.stem])
    return {name: Path(f"{name}.h5") for name in content}


def test_every_quoted_figure_is_measured(runs):
    """The names are those of the cards' figures, none more and none less."""
    names = [one.name for one in quoted_figures(fmes_table.card_parameters("fmes"))]
    assert sorted(fmes_table.measured_figures(runs)) == sorted(names)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("current at 0.6 V, 500 ohm", 0.6e-3),
        ("current at 0.74 V, 8000 ohm", 0.74e-3),
        ("voltage at 0.5 mA, 8000 ohm", 0.5),
        ("A1, 7000 ohm", 0.095),
        ("A2, 7000 ohm, 10 ms", 0.119),
        ("paired-pulse index A2/A1", 1.25),
        ("dynamic range, 500 ohm", 7.0),
        ("dynamic range, open", 10.0),
        ("retention, 100 s over 1 s, open", 0.401 / 0.5),
    ],
)
def test_value_of_a_figure(runs, name, value):
    assert fmes_table.measured_figures(runs)[name].value == pytest.approx(value)


def test_standard_errors(runs):
    """Of a mean that of its repetitions: the jackknife agrees with sd / sqrt(n)."""
    found = fmes_table.measured_figures(runs)
    current = found["current at 0.6 V, 500 ohm"].error
    assert current == pytest.approx(0.6e-3 * 0.01 / np.sqrt(3))
    assert found["A1, 7000 ohm"].error == pytest.approx(0.005)
    assert found["dynamic range, open"].error is None


def test_rows_stand_beside_the_cards(runs):
    rows = fmes_table.figure_rows(runs)
    assert all(len(row) == len(fmes_table.COLUMNS) for row in rows)
    cells = {row[0]: row[1:] for row in rows}
    paper, linear, crowding, measured = cells["A1, 7000 ohm"]
    assert paper == "94 mV"
    assert (linear, crowding) == ("99.61 mV", "94.18 mV")
    assert measured == "95 mV (standard error 5 mV)"
    assert cells["dynamic range, open"][0] == "at least 6"


def test_a_condition_that_was_not_measured(runs, monkeypatch):
    """The file and the condition are named."""
    lacking = {key: column[:600] for key, column in trains().items()}
    whole = fmes_table._readings
    monkeypatch.setattr(
        fmes_table,
        "_readings",
        lambda path: lacking if path.stem == "potentiation" else whole(path),
    )
    with pytest.raises(InputError, match=r"potentiation\.h5: .*resistance 1000, cycle"):
        fmes_table.measured_figures(runs)


def test_only_cards_of_this_device():
    with pytest.raises(InputError):
        fmes_table.card_parameters("hnno")
