"""Least squares for predictions that cost much: derivatives are used more than once.

Levenberg's and Marquardt's method. Derivatives are differences, a prediction each, and
are kept as long as the steps that they propose do what they promise; the last step is
always taken with derivatives of its own place.

References
----------
D. W. Marquardt, J. Soc. Ind. Appl. Math. 11, 431 (1963), doi:10.1137/0111030.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Residual = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_DIFFERENCE = 1e-3  # of the unknowns, which are logarithms
_LARGEST_STEP = 1.0
_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-9, 1e6
_EASE = 10.0  # by which damping changes
_KEPT_PROMISE = 0.5  # of the promised gain, below which derivatives are made anew
_TINY = 1e-12


class Solution(NamedTuple):
    """A minimum.

    Attributes
    ----------
    unknown : ndarray, shape (unknowns,)
    residual : ndarray, shape (residuals,)
    jacobian : ndarray, shape (residuals, unknowns)
    """

    unknown: NDArray[np.float64]
    residual: NDArray[np.float64]
    jacobian: NDArray[np.float64]


def derivatives(
    function: Residual, at: NDArray[np.float64], value: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return one-sided differences, shape (residuals, unknowns)."""
    steps = _DIFFERENCE * np.eye(len(at))
    return np.column_stack([function(at + one) - value for one in steps]) / _DIFFERENCE


def least_squares(
    function: Residual,
    start: NDArray[np.float64],
    *,
    reach: float,
    precision: float,
    most: int,
) -> Solution:
    """Return where half the sum of squares is least.

    Parameters
    ----------
    function : callable
        Residuals of the unknowns.
    start : ndarray
        First unknowns.
    reach : float
        How far from the start the unknowns may go.
    precision : float
        Gain of half the sum of squares that is not worth a step any more.
    most : int
        Steps, tried ones included.
    """
    at, value = start, function(start)
    jacobian, fresh = derivatives(function, at, value), True
    damping = _DAMPING
    for _ in range(most):
        move, promise = _step(jacobian, value, damping)
        if promise < precision and fresh:
            break
        if promise >= precision:
            tried = np.clip(at + move, start - reach, start + reach)
            found = function(tried)
            gain = 0.5 * float(value @ value - found @ found)
            if gain > 0.0:
                at, value, fresh = tried, found, False
                damping = max(damping / _EASE, _LEAST_DAMPING)
            elif fresh:
                damping = min(damping * _EASE, _MOST_DAMPING)
                continue
            if gain > _KEPT_PROMISE * promise:
                continue
        jacobian, fresh = derivatives(function, at, value), True
    if not fresh:
        jacobian = derivatives(function, at, value)
    return Solution(at, value, jacobian)


def _step(
    jacobian: NDArray[np.float64], value: NDArray[np.float64], damping: float
) -> tuple[NDArray[np.float64], float]:
    """Return the damped step, and what it promises to gain."""
    square, slope = jacobian.T @ jacobian, jacobian.T @ value
    size = np.diag(square)
    damped = square + np.diag(damping * size + _TINY * (1.0 + size.max()))
    move = np.clip(-np.linalg.solve(damped, slope), -_LARGEST_STEP, _LARGEST_STEP)
    return move, float(-slope @ move - 0.5 * move @ square @ move)
