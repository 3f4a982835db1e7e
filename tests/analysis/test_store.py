import numpy as np

from labneuro.analysis.hnno import fit_runs
from labneuro.analysis.store import store_in_run
from labneuro.data.reader import RunFile


def test_results_lie_beside_untouched_readings(truth, write_run):
    readings = truth.readings(states=((0.0, 0),), seed=1)
    path = write_run("f.h5", "FiringProbability", readings)
    model = fit_runs([path])
    store_in_run(path, model)
    with RunFile.open(path) as run:
        assert run.analyses() == ["hnno"]
        stored = run.analysis("hnno")
        np.testing.assert_array_equal(run.readings()["spike"], readings["spike"])
    assert stored["results"]["midpoint"] == model["midpoint"]
    assert stored["units"]["midpoint_low"] == "V/m"
    assert stored["software"] == model.software
    np.testing.assert_array_equal(stored["results"]["covariance"], model.covariance)
    assert stored["parameters"]["covariance_of"] == ["midpoint", "slope"]


def test_open_ends_are_stored_as_nan(truth, write_run):
    path = write_run("f.h5", "FiringProbability", truth.readings(states=((0.0, 0),)))
    model = fit_runs([path])
    opened = model.parameters[0].model_copy(
        update={"interval": (None, 1.0), "standard_error": None}
    )
    store_in_run(path, model.model_copy(update={"parameters": (opened,)}))
    with RunFile.open(path) as run:
        stored = run.analysis("hnno")["results"]
    assert np.isnan(stored["midpoint_low"])
    assert np.isnan(stored["midpoint_error"])
    assert stored["midpoint_high"] == 1.0
