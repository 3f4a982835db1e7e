"""The report's sections: runs, parameters, tables."""

from __future__ import annotations

import pytest

from labneuro.bench import load_bench
from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.demos.measuring import Measurement, measure
from labneuro.demos.report import Report

MODEL = CalibratedModel(
    model="pcu",
    parameters=(
        FittedParameter(
            name="rate", unit="1/s", value=2.0, standard_error=0.5, interval=(1.0, 3.0)
        ),
        FittedParameter(
            name="open_end",
            unit="V",
            value=1.0,
            standard_error=0.5,
            interval=(0.5, None),
        ),
        FittedParameter(name="bare", unit="A", value=1e-6, standard_error=None),
    ),
)


@pytest.fixture
def report():
    return Report("title", "introduction")


def test_runs_are_drawn_under_their_captions(report, tmp_path):
    runs = measure(
        [Measurement("vmm", "pcu/vmm", ("vectors=3",))],
        load_bench("pcu-sim"),
        tmp_path,
        quick=False,
        seed=3,
        progress=lambda *_: None,
    )
    report.runs(runs, {"vmm": "Three sums."}, tmp_path)
    assert (tmp_path / "vmm.png").read_bytes().startswith(b"\x89PNG")
    heading, figure = report.parts
    assert heading == "<h2>Measured over VISA</h2>"
    assert "Three sums. Run file: vmm.h5" in figure


@pytest.mark.parametrize("without", ["", "(held)"])
def test_parameters_stand_beside_the_card(report, without):
    report.parameters(MODEL, {"rate": 2.5}, "some-card", without=without)
    (part,) = report.parts
    assert "<th>card some-card</th>" in part
    assert "<td>rate</td><td>2.5 1/s</td><td>2 1/s (1 1/s to 3 1/s)</td>" in part
    assert "<td>open end</td><td></td><td>1 V (500 mV to open)</td>" in part
    assert f"<td>{f'1 uA {without}'.rstrip()}</td>" in part


def test_a_models_table_goes_without_the_device(report):
    rows = [{"device_id": "x", "device": "x", "two_words": 0.123456, "name": None}]
    report.model_table("some", rows)
    told, table = report.parts
    assert told == "<p>Table some of the model:</p>"
    assert "<th>two words</th><th>name</th>" in table
    assert "<td>0.1235</td><td>-</td>" in table
