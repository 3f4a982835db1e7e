"""Star-mesh elimination: nodes of a resistive network taken out, without a subtraction.

A node that nothing but resistors and sources touches is replaced by the conductances
that it makes between its neighbours. Every number is a sum and a quotient of positive
ones, so each is right to rounding, however far the conductances lie apart: a route of
relays that leads nowhere keeps its leak of 1e-16 S beside 100 S.

References
----------
W. K. Grassmann, M. I. Taksar and D. P. Heyman, "Regenerative analysis and steady state
distributions for Markov chains", Oper. Res. 33 (1985) 1107: the same elimination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True)
def _eliminate(between, ground, injection, order, shares, totals):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    size = between.shape[0]
    for step in range(order.size):
        node = order[step]
        total = ground[node]
        for other in range(size):
            total += between[node, other]
        totals[step] = total
        for other in range(size):
            shares[step, other] = between[node, other] / total
        for one in range(size):
            share = shares[step, one]
            if share == 0.0:
                continue
            for other in range(size):
                if other != one:
                    between[one, other] += share * between[node, other]
            ground[one] += share * ground[node]
            injection[one] += share * injection[node]
        between[node, :] = 0.0
        between[:, node] = 0.0


def eliminate(
    between: NDArray[np.float64],
    ground: NDArray[np.float64],
    injection: NDArray[np.float64],
    order: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take nodes out of a network, in place.

    Parameters
    ----------
    between : ndarray, shape (nodes, nodes)
        Conductance between two nodes in S, symmetric, 0 on the diagonal.
    ground : ndarray, shape (nodes,)
        Conductance from each node to ground in S; every node leads there somehow.
    injection : ndarray, shape (nodes, any)
        Current into each node in A, for any number of cases at once.
    order : ndarray, shape (eliminated,)
        The nodes to take out, in order.

    Returns
    -------
    shares : ndarray, shape (eliminated, nodes)
        Weights of the voltages of the nodes that were left then in each node's own.
    totals : ndarray, shape (eliminated,)
        Sum of all conductances at each node then, in S.
    """
    shares = np.zeros((len(order), len(between)))
    totals = np.zeros(len(order))
    _eliminate(between, ground, injection, order, shares, totals)
    return shares, totals


@njit(cache=True)
def _substitute(injection, order, shares, totals, voltages):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for step in range(order.size - 1, -1, -1):
        node = order[step]
        voltages[node] += injection[node] / totals[step]
        for other in range(shares.shape[1]):
            if shares[step, other] != 0.0:
                voltages[node] += shares[step, other] * voltages[other]


def substitute(
    injection: NDArray[np.float64],
    order: NDArray[np.int64],
    shares: NDArray[np.float64],
    totals: NDArray[np.float64],
    voltages: NDArray[np.float64],
) -> None:
    """Find the voltages of the nodes that were taken out, in place.

    Parameters
    ----------
    injection, order, shares, totals
        As :func:`eliminate` has left and returned them.
    voltages : ndarray, shape (nodes, any)
        Of the nodes that were left in V, 0 for the others, which are found.
    """
    _substitute(injection, order, shares, totals, voltages)


def node_voltages(
    between: NDArray[np.float64],
    ground: NDArray[np.float64],
    injection: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the voltages of all nodes of a network in V, shape (nodes,).

    Parameters
    ----------
    between, ground
        As for :func:`eliminate`; they are not changed.
    injection : ndarray, shape (nodes,)
        Current into each node in A.
    """
    order = np.arange(len(ground))
    into = injection.reshape(-1, 1).copy()
    shares, totals = eliminate(between.copy(), ground.copy(), into, order)
    voltages = np.zeros_like(into)
    substitute(into, order, shares, totals, voltages)
    return voltages[:, 0]
