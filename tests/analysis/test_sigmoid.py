import numpy as np
import pytest
from scipy import optimize, stats

from labneuro.analysis.binomial import log_likelihood
from labneuro.analysis.profile import critical_value
from labneuro.analysis.sigmoid import bootstrap_p_value, fit_sigmoid
from labneuro.errors import FitError

FIELDS = np.linspace(0.19e6, 0.23e6, 9)
TRIALS = np.full(9, 40)
SPIKES = np.array([1, 3, 7, 11, 22, 27, 34, 38, 39])


def _value(midpoint, slope):
    return log_likelihood((FIELDS - midpoint) / slope, SPIKES * 1.0, TRIALS * 1.0)


def test_fit_is_the_maximum_that_a_general_minimiser_finds():
    fit = fit_sigmoid(FIELDS, SPIKES, TRIALS)
    found = optimize.minimize(
        lambda p: -_value(p[0] * 1e5, p[1] * 1e3),
        (2.1, 6.0),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12},
    )
    assert fit.midpoint.value == pytest.approx(found.x[0] * 1e5, rel=1e-6)
    assert fit.slope.value == pytest.approx(found.x[1] * 1e3, rel=1e-5)
    assert fit.threshold.value == pytest.approx(
        fit.midpoint.value - fit.slope.value * np.log(9.0), rel=1e-12
    )


def test_interval_ends_lie_on_the_profile():
    """At each end the best likelihood left over is lower by half of chi-square."""
    fit = fit_sigmoid(FIELDS, SPIKES, TRIALS)
    best = _value(fit.midpoint.value, fit.slope.value)
    profiles = {
        "midpoint": lambda s, end: _value(end, s * 1e3),
        "slope": lambda s, end: _value(s * 1e5, end),
        "threshold": lambda s, end: _value(end + s * 1e3 * np.log(9), s * 1e3),
    }
    ranges = {"midpoint": (1, 30), "slope": (1.9, 2.3), "threshold": (1, 30)}
    for name, profile in profiles.items():
        for end in getattr(fit, name).interval:
            highest = optimize.minimize_scalar(
                lambda s, end, profile=profile: -profile(s, end),
                args=(end,),
                bounds=ranges[name],
                method="bounded",
            )
            drop = 2.0 * (best + highest.fun)
            assert drop == pytest.approx(critical_value(), rel=0.02), name


def test_covariance_is_the_inverse_of_the_curvature():
    fit = fit_sigmoid(FIELDS, SPIKES, TRIALS)
    steps = np.array([5.0, 1.0])
    centre = np.array([fit.midpoint.value, fit.slope.value])
    curvature = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            a, b = np.eye(2)[i] * steps, np.eye(2)[j] * steps
            curvature[i, j] = (
                _value(*(centre + a + b))
                - _value(*(centre + a - b))
                - _value(*(centre - a + b))
                + _value(*(centre - a - b))
            ) / (4 * steps[i] * steps[j])
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(-curvature), rtol=1e-3)


def test_equal_fields_are_added_up_and_order_does_not_matter():
    whole = fit_sigmoid(FIELDS, SPIKES, TRIALS)
    first = SPIKES // 2
    order = np.random.default_rng(1).permutation(18)
    parts = fit_sigmoid(
        np.tile(FIELDS, 2)[order],
        np.concatenate((first, SPIKES - first))[order],
        np.repeat([20, 20], 9)[order],
    )
    assert parts.midpoint == whole.midpoint
    assert parts.degrees_of_freedom == whole.degrees_of_freedom == 7


def test_weak_curve_has_open_intervals():
    """Two fields whose shares hardly differ do not bound midpoint, slope, threshold."""
    fit = fit_sigmoid([0.2e6, 0.21e6], [14, 16], [30, 30])
    assert fit.slope.interval[0] is not None
    assert fit.slope.interval[1] is None
    assert None in fit.midpoint.interval
    assert fit.threshold.interval[0] is None


@pytest.mark.parametrize(
    ("fields", "spikes", "trials", "message"),
    [
        ([1.9e5, 2.0e5, 2.1e5], [0, 0, 0], [30, 30, 30], "no spike in 90 pulses"),
        ([1.9e5, 2.0e5, 2.1e5], [30, 30, 30], [30, 30, 30], "every pulse spiked"),
        ([1.9e5, 2.0e5, 2.1e5], [0, 0, 30], [30, 30, 30], "one step between 200000"),
        ([1.9e5, 2.0e5, 2.1e5], [0, 9, 30], [30, 30, 30], "only 200000 V/m both"),
        ([1.9e5, 2.0e5, 2.1e5], [30, 12, 0], [30, 30, 30], "falls with the field"),
        ([1.9e5, 2.0e5, 2.1e5], [20, 12, 5], [30, 30, 30], "does not rise"),
        ([2.0e5, 2.0e5], [3, 5], [30, 30], "two fields"),
        ([1.9e5, 2.0e5], [3], [30, 30], "equally long"),
        ([1.9e5, np.nan], [3, 4], [30, 30], "finite"),
        ([1.9e5, 2.0e5], [3, 31], [30, 30], "between 0 and the trials"),
        ([], [], [], "two fields"),
    ],
)
def test_counts_without_a_sigmoid_are_refused(fields, spikes, trials, message):
    with pytest.raises(FitError, match=message):
        fit_sigmoid(fields, spikes, trials)


def test_fields_without_trials_do_not_count():
    fit = fit_sigmoid([*FIELDS, 0.3e6], [*SPIKES, 0], [*TRIALS, 0])
    assert fit.midpoint == fit_sigmoid(FIELDS, SPIKES, TRIALS).midpoint


def test_intervals_cover_the_truth():
    """Counts of known truth: 95 % of the intervals hold it.

    With 400 data sets the number covered lies outside 366..393 with probability 0.3 %
    for each of the three (binomial, p = 0.95).
    """
    generator = np.random.default_rng(20)
    midpoint, slope = 0.21e6, 5750.0
    truth = {
        "midpoint": midpoint,
        "slope": slope,
        "threshold": midpoint - slope * np.log(9.0),
    }
    share = 1.0 / (1.0 + np.exp(-(FIELDS - midpoint) / slope))
    covered = dict.fromkeys(truth, 0)
    for _ in range(400):
        fit = fit_sigmoid(FIELDS, generator.binomial(30, share), np.full(9, 30))
        for name, value in truth.items():
            low, high = getattr(fit, name).interval
            covered[name] += (low is None or low <= value) and (
                high is None or value <= high
            )
    for name, count in covered.items():
        assert 366 <= count <= 393, (name, count)


def test_p_values_of_true_sigmoids_are_uniform_by_bootstrap():
    """Kolmogorov-Smirnov over 60 data sets; false alarm 0.1 % by the fixed seed."""
    generator = np.random.default_rng(3)
    share = 1.0 / (1.0 + np.exp(-(FIELDS - 0.21e6) / 5750.0))
    values = []
    for number in range(60):
        fit = fit_sigmoid(FIELDS, generator.binomial(30, share), np.full(9, 30))
        values.append(bootstrap_p_value(fit, repeats=199, seed=number))
    assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_wrong_shape_is_noticed():
    """A plateau at 50 % in the middle is no sigmoid."""
    spikes = [0, 0, 20, 20, 20, 20, 20, 40, 40]
    fit = fit_sigmoid(FIELDS, spikes, TRIALS)
    assert fit.p_value < 1e-6
    assert bootstrap_p_value(fit, repeats=400, seed=1) == pytest.approx(1 / 401)


def test_bootstrap_repeats_with_its_seed():
    fit = fit_sigmoid(FIELDS, SPIKES, TRIALS)
    first = bootstrap_p_value(fit, repeats=50, seed=7)
    assert first == bootstrap_p_value(fit, repeats=50, seed=7)
    assert first != bootstrap_p_value(fit, repeats=50, seed=8)
