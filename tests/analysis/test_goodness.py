import numpy as np
import pytest
from scipy import stats

from labneuro.analysis.counts import PulseRows, StateCounts
from labneuro.analysis.goodness import _moments, deviance_p_value
from labneuro.analysis.sensitization_fit import search_law
from labneuro.analysis.sigmoid import fit_sigmoid


@pytest.mark.parametrize("trials", [1, 7, 30, 400])
@pytest.mark.parametrize("share", [1e-4, 0.02, 0.2, 0.5])
def test_moments_of_a_cell_are_those_of_the_binomial(share, trials):
    k = np.arange(trials + 1)
    weight = stats.binom.pmf(k, trials, share)
    best = stats.binom.logpmf(k, trials, k / trials)
    cell = 2.0 * (best - stats.binom.logpmf(k, trials, share))
    mean = weight @ cell
    found = _moments(np.array([share]), np.array([float(trials)]))
    if trials * share * (1.0 - share) < 25.0:
        assert found[0][0] == pytest.approx(mean, rel=1e-6)
        assert found[1][0] == pytest.approx(weight @ (cell - mean) ** 2, rel=1e-6)
    assert found[0][0] == pytest.approx(mean, rel=0.02)


def test_plenty_of_counts_give_chi_square():
    share, trials = np.full(40, 0.3), np.full(40, 1e5)
    value = deviance_p_value(45.0, share, trials, 2)
    assert value == pytest.approx(stats.chi2.sf(45.0, 38), rel=1e-9)


def test_no_freedom_is_no_evidence():
    assert deviance_p_value(0.0, np.full(2, 0.5), np.full(2, 30.0), 2) == 1.0
    assert deviance_p_value(9.0, np.full(5, 1e-6), np.full(5, 30.0), 2) == 1.0


def test_p_values_of_true_sigmoids_are_uniform():
    """Kolmogorov-Smirnov over 400 data sets of 30 events: false alarm 0.1 %."""
    generator = np.random.default_rng(8)
    fields = np.linspace(0.17e6, 0.23e6, 13)
    share = 1.0 / (1.0 + np.exp(-(fields - 0.21e6) / 5750.0))
    values = [
        fit_sigmoid(fields, generator.binomial(30, share), np.full(13, 30)).p_value
        for _ in range(400)
    ]
    assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_p_values_of_sparse_trains_are_uniform(truth):
    """Most cells expect no spike; chi-square would give 1 nearly always.

    Kolmogorov-Smirnov over 40 devices: false alarm 0.1 %.
    """
    values = []
    for seed in range(40):
        readings = truth.train_readings(
            fields=(0.15e6, 0.17e6, 0.18e6, 0.19e6), seed=seed
        )
        trains = PulseRows.from_readings(readings, "trains")
        counts = StateCounts.gather([truth.rows(seed=seed), trains])
        search = search_law(counts)
        odds = np.exp(search.likelihood.logit(search.best))
        deviance = search.best.deviance
        values.append(deviance_p_value(deviance, odds / (1 + odds), counts.trials, 6))
    assert stats.kstest(values, "uniform").pvalue > 1e-3
