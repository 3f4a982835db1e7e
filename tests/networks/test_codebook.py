"""Tests of labneuro/networks/codebook.py and pcu_card_model.py."""

import numpy as np
import pytest

from labneuro.calibration import CalibratedModel, FittedParameter, load
from labneuro.errors import CalibrationError
from labneuro.networks.codebook import (
    ONE_OPERAND,
    PAPER_WEIGHT_NOISE,
    TWO_OPERANDS,
    codebook_of,
)


def _model(tables, noise=0.02, model="pcu"):
    parameter = FittedParameter(
        name="weight_noise", unit="", value=noise, standard_error=None
    )
    return CalibratedModel(model=model, parameters=(parameter,), tables=tables)


def _rows(units=(0, 1), inputs=(0.0, 1.0, 2.0)):
    return [
        {"unit": unit, "input": x, "mean": x + unit, "deviation": 0.1}
        for unit in units
        for x in inputs
    ]


def test_rows_come_in_any_order():
    rows = _rows()
    curve = codebook_of(_model({"codebook_softplus": rows[::-1]})).curve("softplus")
    np.testing.assert_array_equal(curve.inputs, [0, 1, 2])
    np.testing.assert_array_equal(curve.mean, [[0, 1, 2], [1, 2, 3]])
    assert (curve.deviation == 0.1).all()


def test_surface_is_a_grid_a_unit():
    rows = [
        {"unit": 7, "input": x, "second_input": y, "mean": 10 * x + y, "deviation": 0}
        for y in (1.0, 3.0)
        for x in (1.0, 2.0)
    ]
    surface = codebook_of(_model({"codebook_divider": rows})).surface("divider")
    np.testing.assert_array_equal(surface.mean, [[[11, 13], [21, 23]]])


def _without(key):
    return [{k: v for k, v in row.items() if k != key} for row in _rows()]


@pytest.mark.parametrize(
    ("name", "rows", "told"),
    [
        ("softplus", _without("mean"), "'codebook_softplus': mean: None"),
        ("softplus", [], "unit: no row"),
        ("softplus", _rows()[:-1], "every unit needs the same input values"),
        ("softplus", _rows() + _rows()[:1], "none twice"),
        ("softplus", _rows(inputs=(1.0,)), "at least 2 of each"),
        ("sigmoid", [{**r, "deviation": -1} for r in _rows()], "deviation: must be 0"),
        ("sigmoid", [{**r, "input": "x"} for r in _rows()], "input: 'x', wanted"),
        ("divider", _rows(), "'codebook_divider': second_input: None"),
    ],
)
def test_damaged_table_is_told(name, rows, told):
    with pytest.raises(CalibrationError, match=told):
        codebook_of(_model({"codebook_" + name: rows}))


def test_wrong_models_are_told():
    with pytest.raises(CalibrationError, match="model of 'hnno', wanted 'pcu'"):
        codebook_of(_model({}, model="hnno"))
    with pytest.raises(CalibrationError, match="weight_noise: must be 0 to 1, not 2"):
        codebook_of(_model({}, noise=2.0))
    empty = codebook_of(_model({}))
    with pytest.raises(CalibrationError, match="no table 'codebook_softmax'; there"):
        empty.curve("softmax")
    with pytest.raises(CalibrationError, match="'codebook_divider'"):
        empty.surface("divider")


def test_card_model_is_near_ideal_and_survives_a_file(pcu_model, codebook, tmp_path):
    """Each unit is within its circuit's errors; the file says the same."""
    assert set(codebook.curves) == set(ONE_OPERAND)
    assert set(codebook.surfaces) == set(TWO_OPERANDS)
    assert codebook.weight_noise == PAPER_WEIGHT_NOISE
    for name in (*ONE_OPERAND, *TWO_OPERANDS):
        assert 1e-4 < codebook.mean_error(name) < 0.12, name
    softplus = codebook.curve("softplus")
    spread = softplus.mean.std(axis=0)[-1] / softplus.mean[:, -1].mean()
    assert 1e-4 < spread < 0.05
    pcu_model.save(tmp_path / "pcu.json")
    again = codebook_of(load(tmp_path / "pcu.json", "pcu"))
    np.testing.assert_array_equal(
        again.surface("multiplier").mean, codebook.surface("multiplier").mean
    )
