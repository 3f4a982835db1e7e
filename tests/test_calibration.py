"""The calibrated model: what is saved is loaded, what is wrong is told."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from labneuro import calibration
from labneuro.calibration import CalibratedModel, FittedParameter, SourceRun
from labneuro.errors import CalibrationError

MODEL = CalibratedModel(
    model="hnno",
    parameters=(
        FittedParameter(
            name="midpoint",
            unit="V/m",
            value=2.1e5,
            standard_error=300.0,
            interval=(2.09e5, None),
        ),
        FittedParameter(name="slope", unit="V/m", value=5.7e3, standard_error=None),
        FittedParameter(name="gain", unit="", value=3.0, standard_error=0.5),
    ),
    covariance_of=("midpoint", "gain"),
    covariance=((9e4, 75.0), (75.0, 0.25)),
    valid_range={"field": (1.7e5, 2.3e5)},
    goodness_of_fit={"deviance": 11.0},
    population_spread={"midpoint": 3e3},
    tables={"states": [{"state": "initial", "pulses": 0, "shift": None}]},
    source_runs=(SourceRun(path="a.h5", sha256="0" * 64),),
    software={"labneuro": "0.1.0"},
)


@pytest.fixture
def saved(tmp_path):
    """Return the path of a saved model."""
    path = tmp_path / "m.json"
    MODEL.save(path)
    return path


def test_saved_is_loaded(saved):
    """Nothing is lost or changed on the way through the file."""
    loaded = calibration.load(saved, "hnno")
    assert loaded == MODEL
    assert loaded["midpoint"] == 2.1e5
    assert loaded.parameter("midpoint").interval == (2.09e5, None)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives(tmp_path, value):
    """A number comes back to the last bit."""
    parameter = FittedParameter(name="a", unit="", value=value, standard_error=value)
    CalibratedModel(model="m", parameters=(parameter,)).save(tmp_path / "m.json")
    assert calibration.load(tmp_path / "m.json")["a"] == value


FAULTS = [
    ("210000.0", "NaN", "parameters.0.value: Input should be a finite number"),
    ("210000.0", "1e999", "parameters.0.value: Input should be a finite number"),
    ("210000.0", '"2"', "parameters.0.value: Input should be a valid number"),
    ("210000.0", "true", "parameters.0.value: Input should be a valid number"),
    ("210000.0", "null", "parameters.0.value: Input should be a valid number"),
    ('"value": 210000.0,', "", "parameters.0.value: Field required"),
    ('"schema_version": 1', '"schema_version": 2', "schema_version: Input should be 1"),
    ('"name": "slope"', '"name": "gain"', "a parameter is given twice"),
    ('"name": "slope"', '"name": "slope", "name": "x"', "a key is given twice"),
    ('"tables"', '"table"', "table: Extra inputs are not permitted"),
    ("0.25\n", "0.25, 1\n", "covariance: must be 2 x 2, as covariance_of"),
    ('"midpoint",\n  "gain"', '"midpoint",\n  "x"', "covariance_of: no parameter 'x'"),
    ('"midpoint",\n  "gain"', '"gain",\n  "gain"', "covariance_of: 'gain' twice"),
    ("{\n", "[\n", "is not a JSON file"),
]


@pytest.mark.parametrize(("old", "new", "told"), FAULTS, ids=range(len(FAULTS)))
def test_wrong_file_is_told(saved, old, new, told):
    """The line names the file and the fault."""
    text = saved.read_text()
    assert old in text
    saved.write_text(text.replace(old, new, 1))
    with pytest.raises(CalibrationError) as caught:
        calibration.load(saved)
    assert str(caught.value).startswith(f"{saved}: ")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "null", "[" * 10_000, "\ufeff{}", "\0"]
)
def test_other_text_is_no_model(saved, text):
    """Text of any kind is refused with the file's name."""
    saved.write_text(text, encoding="utf-8")
    with pytest.raises(CalibrationError, match=re.escape(f"{saved}: ")):
        calibration.load(saved)


def test_unreadable_files_are_told(tmp_path):
    """The operating system's reason is passed on."""
    with pytest.raises(CalibrationError, match="No such file"):
        calibration.load(tmp_path / "none.json")
    with pytest.raises(CalibrationError, match="Is a directory"):
        calibration.load(tmp_path)
    (tmp_path / "m.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(CalibrationError, match="is not a JSON file"):
        calibration.load(tmp_path / "m.json")


def test_other_device_model_is_refused(saved):
    """A network that needs one device model does not take another's."""
    with pytest.raises(CalibrationError, match="is a model of 'hnno', wanted 'fmes'"):
        calibration.load(saved, "fmes")


def test_unknown_parameter_lists_the_known():
    """A misspelt name is told with those that there are."""
    with pytest.raises(
        CalibrationError, match="no 'mid'; it has midpoint, slope, gain"
    ):
        MODEL["mid"]


def test_fit_cannot_make_a_model_without_numbers():
    """NaN and infinity are no estimates."""
    with pytest.raises(ValidationError):
        FittedParameter(name="a", unit="", value=float("nan"), standard_error=None)


json_like = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "model", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(key=st.sampled_from(sorted(CalibratedModel.model_fields)), value=json_like)
def test_any_value_is_loaded_or_told(saved, key, value):
    """No content makes a traceback."""
    content = {**MODEL.model_dump(mode="json"), key: value}
    saved.write_text(json.dumps(content))
    assert isinstance(load_or_refuse(saved), CalibratedModel | str)


def load_or_refuse(path) -> CalibratedModel | str:
    """Return the model or the message; any other error fails the test."""
    try:
        return calibration.load(path)
    except CalibrationError as error:
        return str(error)


def test_drawn_parameters_follow_the_covariance():
    """Means, variances and covariance of 20 000 draws; false alarm below 1e-6."""
    count = 20_000
    drawn = MODEL.draw(count, seed=1)
    assert set(drawn) == {"midpoint", "gain"}
    values = np.stack([drawn["midpoint"] - 2.1e5, drawn["gain"] - 3.0])
    whitened = np.linalg.solve(np.linalg.cholesky(np.array(MODEL.covariance)), values)
    # The scatter of n standard normal pairs: trace and means are chi-square.
    edge = stats.chi2.ppf([1e-7, 1 - 1e-7], 2 * count)
    assert edge[0] < (whitened**2).sum() < edge[1]
    assert (whitened.mean(axis=1) ** 2).sum() * count < stats.chi2.ppf(1 - 1e-7, 2)
    correlation = np.arctanh(np.corrcoef(whitened)[0, 1]) * np.sqrt(count - 3)
    assert abs(correlation) < stats.norm.ppf(1 - 1e-7)


def test_draws_repeat_by_seed():
    """One seed gives the same draws, another one others."""
    first, again, other = (MODEL.draw(5, seed)["gain"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_draw_needs_a_covariance():
    """Without covariance, or with one that cannot be, there is nothing to draw."""
    with pytest.raises(CalibrationError, match="'hnno': no covariance"):
        MODEL.model_copy(update={"covariance_of": (), "covariance": ()}).draw(1, 0)
    wrong = MODEL.model_copy(update={"covariance": ((1.0, 2.0), (2.0, 1.0))})
    with pytest.raises(CalibrationError, match="positive-semidefinite"):
        wrong.draw(1, 0)
