import pytest

from labneuro.analysis import hnno
from labneuro.analysis.catalog import MODELS, fit_function
from labneuro.errors import InputError


def test_every_model_has_a_fit_function():
    assert fit_function("hnno") is hnno.fit_runs
    for name in MODELS:
        assert callable(fit_function(name))


def test_unknown_model_lists_the_known_ones():
    with pytest.raises(
        InputError, match="'diode'; known are: fmes, hnno, neuron_board, pcu"
    ):
        fit_function("diode")
