import numpy as np
import pytest
from scipy import stats

from labneuro.analysis.resistance import fit_resistance, fit_runs
from labneuro.errors import FitError

LEVELS = np.linspace(-0.1, 0.1, 21)


def test_exact_line_gives_exact_numbers():
    fit = fit_resistance(LEVELS, LEVELS / 1e5 + 2e-9)
    assert fit.resistance.value == pytest.approx(1e5, rel=1e-10)
    assert fit.offset_current.value == pytest.approx(2e-9, rel=1e-6)
    assert fit.residual_deviation < 1e-18


def test_fit_agrees_with_linear_regression():
    generator = np.random.default_rng(0)
    current = LEVELS / 1e5 + generator.normal(0.0, 1e-8, 21)
    fit = fit_resistance(LEVELS, current)
    line = stats.linregress(LEVELS, current)
    assert fit.resistance.value == pytest.approx(1.0 / line.slope, rel=1e-12)
    assert fit.resistance.standard_error == pytest.approx(
        line.stderr / line.slope**2, rel=1e-9
    )
    assert fit.offset_current.standard_error == pytest.approx(
        line.intercept_stderr, rel=1e-9
    )


def test_interval_covers_the_truth():
    """Of 1000 curves 95 %: outside 927..970 with probability 0.3 %."""
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(1000):
        noise = generator.normal(0.0, 3e-8, 21)
        low, high = fit_resistance(LEVELS, LEVELS / 1e5 + noise).resistance.interval
        assert low is not None
        covered += low <= 1e5 and (high is None or high >= 1e5)
    assert 927 <= covered <= 970


def test_points_beyond_the_linear_range_are_left_out():
    voltage = np.linspace(-0.5, 0.5, 101)
    fit = fit_resistance(voltage, voltage / 1e5 + voltage**3)
    inner = np.abs(voltage) <= 0.1 + 1e-9
    assert len(fit.voltage) == inner.sum() == 21
    assert fit_resistance(voltage, voltage / 1e5, linear_range=0.5).voltage.size == 101


def test_noise_that_hides_the_slope_opens_the_interval():
    generator = np.random.default_rng(5)
    fit = fit_resistance(LEVELS, LEVELS / 1e5 + generator.normal(0.0, 2e-6, 21))
    assert fit.resistance.interval[1] is None


@pytest.mark.parametrize(
    ("voltage", "current", "message"),
    [
        ([0.0, 0.1], [0.0, 1.0], "3 points"),
        ([0.05] * 5, [1.0] * 5, "different voltages"),
        ([0.0, 0.05, 0.1], [0.0, -1.0, -2.0], "does not rise"),
        ([0.0, 0.05, 0.1], [0.0, np.nan, 1.0], "finite"),
        ([0.0, 0.05], [0.0], "equally long"),
        ([0.5, 0.6, 0.7], [1.0, 2.0, 3.0], "within 0.1 V"),
    ],
)
def test_curves_without_a_resistance_are_refused(voltage, current, message):
    with pytest.raises(FitError, match=message):
        fit_resistance(voltage, current)


def test_runs_give_a_calibrated_model(write_run):
    generator = np.random.default_rng(1)
    levels = np.tile(LEVELS, 5)
    readings = {
        "step": np.repeat(np.arange(5, dtype="i4"), 21),
        "time": np.tile(np.arange(21.0), 5),
        "voltage": levels,
        "current": levels / 9e4 + generator.normal(0.0, 1e-9, 105),
    }
    path = write_run("r.h5", "ResistanceRead", readings)
    model = fit_runs([path])
    error = model.parameter("resistance").standard_error
    assert error is not None
    assert abs(model["resistance"] - 9e4) < 4 * error
    assert model.source_runs[0].path == str(path)
    assert model.goodness_of_fit["degrees_of_freedom"] == 103.0


def test_other_protocols_are_refused(write_run, truth):
    path = write_run("f.h5", "FiringProbability", truth.readings(states=((0.0, 0),)))
    with pytest.raises(FitError, match=r"f\.h5: protocol 'FiringProbability'"):
        fit_runs([path])
    with pytest.raises(FitError, match="no run file"):
        fit_runs([])
