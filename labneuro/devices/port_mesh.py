"""The circuit around a device of many terminals, as the device sees it.

It is handed over in conductance form: the distinct nodes on which the terminals lie,
the conductances between them and to ground, and a current into each node. A node that
an instrument drives stiffly has a large conductance, an open one 1e-16 S; both are
plain numbers, where the impedance form would have to tell 1e16 ohm from 1e16 ohm and a
bit. A terminal on ground has no node: its voltage is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from labneuro.devices.star_mesh import eliminate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

GROUND_NODE = -1
_MOST_KEPT = 64  # inverses; a board has few switch positions
_HOLD = 1e-14  # of its own conductance: holds a node that nothing else does
_REFINEMENTS = 2


@njit(cache=True)
def _currents(own, places, volts, found):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Note the terminals' voltages in row 0; return the currents into the device."""
    at, driven = found[0], found[1]
    into = -driven
    for terminal in range(len(places)):
        node = places[terminal]
        at[terminal] = volts[node] if node >= 0 else 0.0
    for terminal in range(len(places)):
        for other in range(len(places)):
            into[terminal] += own[terminal, other] * at[other]
    return into


@njit(cache=True)
def _residual(between, ground, volts, injected):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return what of the injected currents the mesh leaves over; exact in rounding."""
    left = injected - ground * volts
    for node in range(len(ground)):
        for other in range(len(ground)):
            left[node] -= between[node, other] * (volts[node] - volts[other])
    return left


@njit(cache=True)
def _solve(between, ground, places, inverse, own, injected, found):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Solve and refine; row 1 of `found` holds what is driven, then the currents."""
    volts = np.zeros(len(ground))
    for _ in range(_REFINEMENTS + 1):
        into = _currents(own, places, volts, found)
        left = _residual(between, ground, volts, injected)
        for terminal in range(len(places)):
            if places[terminal] >= 0:
                left[places[terminal]] -= into[terminal]
        for node in range(len(ground)):
            for other in range(len(ground)):
                volts[node] += inverse[node, other] * left[other]
    found[1] = _currents(own, places, volts, found)


class PortPair(NamedTuple):
    """What is seen between two terminals while nothing flows into the device.

    Attributes
    ----------
    weights : ndarray, shape (nodes,)
        In ohm: their product with the injected currents is the open voltage in V.
    series : float
        Resistance between the two in ohm, at most 2e16.
    """

    weights: NDArray[np.float64]
    series: float


class PortMesh:
    """Nodes of a device's terminals and the conductances of the circuit around them.

    It stays the same object while nothing but source levels changes, so that a device
    may keep what it has worked out for it.

    Parameters
    ----------
    nodes : sequence of int
        Of each terminal: its node, from 0 on, or -1 for ground. Every node has one.
    between : ndarray, shape (nodes, nodes)
        Conductance between two nodes in S; symmetric, the diagonal is 0.
    ground : ndarray, shape (nodes,)
        Conductance to ground in S, above 0.

    Attributes
    ----------
    nodes, between, ground
        As given.
    incidence : ndarray, shape (terminals, nodes)
        1 where a terminal lies on a node.
    conductance : ndarray, shape (nodes, nodes)
        The matrix that takes node voltages to the currents that the circuit takes up;
        sources inject the rest.
    """

    def __init__(
        self,
        nodes: Sequence[int],
        between: NDArray[np.float64],
        ground: NDArray[np.float64],
    ) -> None:
        self.nodes = tuple(nodes)
        self.between, self.ground = between, ground
        self.conductance = np.diag(ground + between.sum(axis=1)) - between
        columns = np.arange(len(ground))
        self.incidence = 1.0 * (np.array(self.nodes)[:, None] == columns)
        self._places = np.array(self.nodes, dtype=np.int64)
        self._inverses: dict[bytes, NDArray[np.float64]] = {}

    def pair(self, first: int, second: int) -> PortPair:
        """Return the Thevenin source between two terminals, nothing else connected."""
        return self._between_nodes(self.nodes[first], self.nodes[second])

    def with_conductances(
        self, pairs: Iterable[int], siemens: NDArray[np.float64]
    ) -> PortMesh:
        """Return the mesh with conductances more between pairs of terminals.

        Parameters
        ----------
        pairs : iterable of int
            Pair k is that of the terminals 2 k and 2 k + 1.
        siemens : ndarray, shape (pairs,)
            In S.
        """
        between, ground = self.between.copy(), self.ground.copy()
        for pair, conductance in zip(pairs, siemens.tolist(), strict=True):
            one, other = self.nodes[2 * pair : 2 * pair + 2]
            if one == other:
                continue
            if GROUND_NODE in (one, other):
                ground[max(one, other)] += conductance
            else:
                between[one, other] += conductance
                between[other, one] += conductance
        return PortMesh(self.nodes, between, ground)

    def inject_between(
        self,
        injected: NDArray[np.float64],
        amps: NDArray[np.float64],
        pairs: Iterable[int] | None = None,
    ) -> NDArray[np.float64]:
        """Return the injected currents with those that pairs of terminals put out.

        Parameters
        ----------
        injected : ndarray, shape (nodes,)
            In A.
        amps : ndarray, shape (pairs,)
            Out of the first terminal of each pair and into the second one, in A.
        pairs : iterable of int, optional
            Which pairs; all of them if not given.
        """
        total = np.append(injected, 0.0)  # the last one is ground's
        chosen = range(len(self.nodes) // 2) if pairs is None else pairs
        for pair, amp in zip(chosen, amps.tolist(), strict=True):
            one, other = self.nodes[2 * pair : 2 * pair + 2]
            total[one] += amp
            total[other] -= amp
        return total[:-1]

    def at_terminals(self, nodes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the terminals' voltages from the nodes' ones, in V."""
        return np.append(nodes, 0.0)[self._places]

    def _between_nodes(self, first: int, second: int) -> PortPair:
        size = len(self.ground)
        if first == second:
            return PortPair(np.zeros(size), 0.0)
        kept = [node for node in (first, second) if node != GROUND_NODE]
        order = np.array([n for n in range(size) if n not in kept], dtype=np.int64)
        between, ground, into = self.between.copy(), self.ground.copy(), np.eye(size)
        eliminate(between, ground, into, order)
        if len(kept) == 1:
            sign = 1.0 if first == kept[0] else -1.0
            series = 1.0 / float(ground[kept[0]])
            return PortPair(sign * series * into[kept[0]], series)
        one, other, across = ground[first], ground[second], between[first, second]
        # A triangle of three conductances: no difference of large numbers is taken.
        weight = across * (one + other) + one * other
        weights = (other * into[first] - one * into[second]) / weight
        return PortPair(weights, float((one + other) / weight))

    def solve(
        self,
        injected: NDArray[np.float64],
        conductance: NDArray[np.float64],
        driven: NDArray[np.float64] | float = 0.0,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the operating point of a device that is linear at this instant.

        The currents into the device are ``conductance @ voltages - driven``.

        Parameters
        ----------
        injected : ndarray, shape (nodes,)
            Current that the sources around the device put into each node, in A.
        conductance : ndarray, shape (terminals, terminals)
            The device's, in S.
        driven : ndarray, shape (terminals,), or float
            What the device's own sources put out at each terminal, in A.

        Returns
        -------
        voltages, currents : ndarray, shape (terminals,)
            Of the terminals in V, and into the device in A.
        """
        own = np.ascontiguousarray(conductance, dtype=np.float64)
        found = np.zeros((2, len(self.nodes)))
        found[1] = driven
        inverse = self._inverse(own)
        _solve(self.between, self.ground, self._places, inverse, own, injected, found)
        return found[0], found[1]

    def _inverse(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        key = conductance.tobytes()
        inverse = self._inverses.get(key)
        if inverse is None:
            if len(self._inverses) >= _MOST_KEPT:
                self._inverses.clear()
            matrix = self.conductance + self.incidence.T @ conductance @ self.incidence
            # What holds an otherwise open node is made up for by the refinement.
            matrix += np.diag(_HOLD * np.abs(np.diag(matrix)))
            inverse = np.linalg.inv(matrix).astype(np.float64)
            self._inverses[key] = inverse
        return inverse
