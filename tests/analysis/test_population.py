import numpy as np
import pytest

from labneuro.analysis.device_fit import FittedModel
from labneuro.analysis.population import combine
from labneuro.calibration import FittedParameter


def _model(value, error, name="midpoint"):
    known = int(error is not None)
    parameter = FittedParameter(
        name=name,
        unit="V/m",
        value=value,
        standard_error=error,
        interval=(value - 2 * error, value + 2 * error) if known else (None, None),
    )
    return FittedModel(
        parameters={name: parameter},
        covariance_of=(name,) * known,
        covariance=np.full((known, known), (error or 0.0) ** 2),
        deviance=1.0,
        degrees_of_freedom=1,
        probability=np.zeros(1),
    )


def test_mean_and_spread_between_devices():
    """The fits' own variance is taken off: 8 = 9 - 1."""
    fit = combine([_model(value, 1.0) for value in (7.0, 10.0, 13.0)])
    parameter = fit.parameters[0]
    assert parameter.value == 10.0
    assert fit.spread["midpoint"] == pytest.approx(np.sqrt(8.0))
    assert parameter.standard_error == pytest.approx(np.sqrt(9.0 / 3.0))
    low, _ = parameter.interval
    assert low == pytest.approx(10.0 - 4.302653 * np.sqrt(3.0))
    assert fit.covariance[0, 0] == pytest.approx(3.0)


def test_scatter_below_the_errors_is_no_spread():
    fit = combine([_model(10.0, 1.0), _model(10.1, 1.0)])
    assert fit.spread["midpoint"] == 0.0
    assert fit.parameters[0].standard_error == pytest.approx(np.sqrt(0.5))


def test_device_that_does_not_determine_a_parameter_does_not_enter_its_mean():
    fit = combine([_model(10.0, 1.0), _model(12.0, 1.0), _model(1e9, None)])
    assert fit.parameters[0].value == 11.0
    assert fit.covariance_of == ()


def test_parameter_that_no_device_determines_stays_open():
    fit = combine([_model(1.0, None), _model(3.0, None)])
    parameter = fit.parameters[0]
    assert (parameter.value, parameter.standard_error) == (2.0, None)
    assert parameter.interval == (None, None)
    assert fit.spread == {}


def test_spread_of_simulated_devices_is_recovered():
    """Spread 3, errors 1, 400 devices: within 12 %, five standard deviations."""
    generator = np.random.default_rng(0)
    values = generator.normal(50.0, np.sqrt(10.0), 400)
    fit = combine([_model(value, 1.0) for value in values])
    assert fit.spread["midpoint"] == pytest.approx(3.0, rel=0.12)
