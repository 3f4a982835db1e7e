"""Logistic regression by Newton's method: the core of every firing-probability fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.analysis.binomial import log_likelihood

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ITERATIONS = 60
_HALVINGS = 30
_TOLERANCE = 1e-10  # of the log-likelihood, far below any critical value
_RIDGE = 1e-12  # keeps a step finite where the counts hold no information


class LogisticFit(NamedTuple):
    """Coefficients at the maximum of the likelihood.

    Attributes
    ----------
    coefficients : ndarray, shape (columns,)
        Effect of each design column on the logarithm of the odds.
    log_likelihood : float
        Its maximum, without the binomial coefficients.
    information : ndarray, shape (columns, columns)
        Fisher information of the coefficients.
    """

    coefficients: NDArray[np.float64]
    log_likelihood: float
    information: NDArray[np.float64]


def maximise(
    design: NDArray[np.float64],
    spikes: NDArray[np.float64],
    trials: NDArray[np.float64],
    *,
    offset: float | NDArray[np.float64] = 0.0,
    start: NDArray[np.float64] | None = None,
) -> LogisticFit:
    """Return the maximum-likelihood coefficients of ``logit P = offset + design @ c``.

    The log-likelihood is concave; Newton's step is halved until it climbs. Where the
    maximum lies at infinity (separated counts) the climb ends at its plateau.

    Parameters
    ----------
    design : ndarray, shape (cells, columns)
        Regressors, of order 1.
    spikes, trials : ndarray, shape (cells,)
        Counts.
    offset : float or ndarray, shape (cells,)
        Known part of the logit.
    start : ndarray, shape (columns,), optional
        First guess; zero if absent.
    """
    columns = design.shape[1]
    coefficients = np.zeros(columns) if start is None else start
    logit = offset + design @ coefficients
    value = log_likelihood(logit, spikes, trials)
    for _ in range(_ITERATIONS):
        gradient, information = _derivatives(design, logit, spikes, trials)
        scale = _RIDGE * (np.trace(information) + 1.0)
        step = np.linalg.solve(information + scale * np.eye(columns), gradient)
        expected = float(gradient @ step)
        if expected < _TOLERANCE:
            break
        for _ in range(_HALVINGS):
            trial_logit = offset + design @ (coefficients + step)
            trial_value = log_likelihood(trial_logit, spikes, trials)
            if trial_value >= value:
                break
            step = step / 2.0
        else:
            break
        coefficients, logit, value = coefficients + step, trial_logit, trial_value
    return LogisticFit(
        coefficients, value, _derivatives(design, logit, spikes, trials)[1]
    )


def probability(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of given log-odds, safe from overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)), dtype=np.float64)


def _derivatives(
    design: NDArray[np.float64],
    logit: NDArray[np.float64],
    spikes: NDArray[np.float64],
    trials: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    share = probability(logit)
    gradient = design.T @ (spikes - trials * share)
    weighted = design * (trials * share * (1.0 - share))[:, None]
    return gradient, design.T @ weighted
