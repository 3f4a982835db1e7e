"""The linear part of a circuit around a device of many terminals.

Nodes without a device terminal are taken out by star-mesh elimination, which loses
nothing in rounding; what is left is the mesh that the device sees. A device's operating
point then gives every node's voltage, and every source's current: that of a stiff
source as the sum of all other currents of the nodes that it holds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.port_mesh import PortMesh
from labneuro.devices.star_mesh import eliminate, substitute
from labneuro.sim_backends.network import (
    CURRENT,
    GROUND_NODE,
    LEAK,
    OPEN,
    OVER,
    VOLTAGE,
    Source,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_STIFF = 1e-3  # siemens: above it a current is not taken from a voltage difference


class PortNetwork:
    """Sources and resistors around a device of many terminals, solved.

    Parameters
    ----------
    size : int
        Number of nodes beside ground.
    sources : sequence of Source
        All sources; the network follows their levels, not changes of their modes.
    resistors : sequence of (int, int, float)
        Two nodes and ohm.
    terminals : tuple of int
        Node of each terminal of the device; -1 is ground.
    limited : frozenset of int
        Sources that stand at their limit.

    Attributes
    ----------
    mesh : PortMesh
        What the device sees.
    """

    def __init__(
        self,
        size: int,
        sources: Sequence[Source],
        resistors: Sequence[tuple[int, int, float]],
        terminals: tuple[int, ...],
        limited: frozenset[int] = frozenset(),
    ) -> None:
        self._size, self._sources, self._resistors = size, sources, resistors
        self._terminals = terminals
        self.limited = limited
        self._clamped: dict[tuple[int, bool], PortNetwork] = {}
        self._place = np.array([source.node for source in sources], dtype=np.int64)
        self._own = np.array([source.conductance for source in sources])
        modes = np.array([source.mode for source in sources], dtype=np.int64)
        # By its own law a source's current is `gain * level - own * voltage`.
        self._gain = np.where(modes == VOLTAGE, self._own, 1.0 * (modes == CURRENT))
        by_level, by_port = self._reduce()
        self._follow_kirchhoff(by_level, by_port)
        # At the sources' nodes; the row that is added is that of ground.
        self._by_level, self._by_port = (
            np.vstack([table, np.zeros(table.shape[1])])[self._place]
            for table in (by_level, by_port)
        )
        self._watch_limits()

    def clamp(self, index: int, *, positive: bool) -> PortNetwork:
        """Return the network in which a source stands at its limit (cached)."""
        key = (index, positive)
        network = self._clamped.get(key)
        if network is None:
            sources = list(self._sources)
            sources[index] = sources[index].clamped(1.0 if positive else -1.0)
            limited = self.limited | {index}
            network = PortNetwork(
                self._size, sources, self._resistors, self._terminals, limited
            )
            self._clamped[key] = network
        return network

    def levels(self) -> NDArray[np.float64]:
        """Return the sources' present levels in V or A, shape (sources,)."""
        return np.array([source.level for source in self._sources])

    def injected(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the current into each node of the mesh in A, shape (nodes,)."""
        return np.asarray(self._injection @ levels)

    def read(
        self,
        levels: NDArray[np.float64],
        voltages: NDArray[np.float64],
        currents: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what all sources show at an operating point of the device.

        Parameters
        ----------
        levels : ndarray, shape (sources,)
            In V or A.
        voltages, currents : ndarray, shape (terminals,)
            Of the device, in V and A.

        Returns
        -------
        volts, amps : ndarray, shape (sources,)
            Voltage of each source's node in V and current into the node in A.
        """
        at_ports = voltages[self._first_terminal]
        volts = self._by_level @ levels + self._by_port @ at_ports
        amps = self._gain * levels - self._own * volts
        if len(self._stiff):
            nodes = self._of_levels @ levels + self._of_ports @ at_ports
            amps[self._stiff] = (
                nodes + self._of_sources @ amps + self._of_terminals @ currents
            )
        return volts, amps

    def first_beyond(
        self, volts: NDArray[np.float64], amps: NDArray[np.float64]
    ) -> int:
        """Return the first source beyond its limit: number from 1 with sign, or 0."""
        if not self._any_limit:
            return 0
        value = np.where(self._limits_current, amps, volts)
        beyond = np.flatnonzero(np.abs(value) > self._bound)
        if not len(beyond):
            return 0
        first = int(beyond[0])
        return first + 1 if value[first] > 0.0 else -first - 1

    def _reduce(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Take all nodes out on which no terminal of the device lies.

        Return what each node's voltage is of every source's level, shape (nodes,
        sources), and of the voltage of each node of the mesh, shape (nodes, ports).
        """
        size = self._size
        between, ground = np.zeros((size, size)), np.full(size, LEAK)
        for first, second, ohm in self._resistors:
            if first == second:
                continue
            if GROUND_NODE in (first, second):
                ground[max(first, second)] += 1.0 / ohm
            else:
                between[first, second] += 1.0 / ohm
                between[second, first] += 1.0 / ohm
        into = np.zeros((size, len(self._sources)))
        for index, node in enumerate(self._place):
            if node != GROUND_NODE:
                ground[node] += self._own[index]
                into[node, index] = self._gain[index]
        ports = sorted({node for node in self._terminals if node != GROUND_NODE})
        order = np.array([n for n in range(size) if n not in ports], dtype=np.int64)
        shares, totals = eliminate(between, ground, into, order)
        places = {node: place for place, node in enumerate(ports)}
        places[GROUND_NODE] = GROUND_NODE
        self.mesh = PortMesh(
            [places[node] for node in self._terminals],
            between[np.ix_(ports, ports)],
            ground[ports],
        )
        self._injection = into[ports].copy()
        into[ports] = 0.0
        firsts = [self._terminals.index(node) for node in ports]
        self._first_terminal = np.array(firsts, dtype=np.int64)
        by_level, by_port = np.zeros_like(into), np.zeros((size, len(ports)))
        by_port[ports, range(len(ports))] = 1.0
        substitute(into, order, shares, totals, by_level)
        substitute(np.zeros_like(by_port), order, shares, totals, by_port)
        return by_level, by_port

    def _follow_kirchhoff(
        self, by_level: NDArray[np.float64], by_port: NDArray[np.float64]
    ) -> None:
        """Find what adds up to the current of each stiff source.

        The current of a stiff source is lost in rounding as conductance times a tiny
        voltage difference; as the sum of all currents out of its nodes it is exact.
        """
        owner = self._clusters()
        held = {index: np.flatnonzero(owner == index) for index in set(owner.tolist())}
        held.pop(-1, None)
        self._stiff = np.array(sorted(held), dtype=np.int64)
        of_nodes = np.zeros((len(held), self._size))
        self._of_sources = np.zeros((len(held), len(self._sources)))
        self._of_terminals = np.zeros((len(held), len(self._terminals)))
        for row, index in enumerate(self._stiff):
            nodes = set(held[int(index)].tolist())
            of_nodes[row, list(nodes)] = LEAK
            for first, second, ohm in self._resistors:
                if (first in nodes) is not (second in nodes):
                    inside, outside = sorted(
                        (first, second), key=lambda node: node not in nodes
                    )
                    of_nodes[row, inside] += 1.0 / ohm
                    if outside != GROUND_NODE:
                        of_nodes[row, outside] -= 1.0 / ohm
            for other, node in enumerate(self._place):
                self._of_sources[row, other] = -float(node in nodes and other != index)
            for terminal, node in enumerate(self._terminals):
                self._of_terminals[row, terminal] = float(node in nodes)
        self._of_levels, self._of_ports = of_nodes @ by_level, of_nodes @ by_port

    def _clusters(self) -> NDArray[np.int64]:
        """Return the stiff source that holds each node through small resistors, or -1.

        A resistor joins what two sources hold only if one of them holds nothing, the
        smallest resistor first: between two stiff sources the largest counts.
        """
        group = np.arange(self._size)
        owner = np.full(self._size, -1)
        for index in np.argsort(-self._own, kind="stable"):
            node = self._place[index]
            if self._own[index] > _STIFF and node != GROUND_NODE and owner[node] < 0:
                owner[node] = index
        small = [one for one in self._resistors if one[2] < 1.0 / _STIFF]
        for first, second, _ in sorted(small, key=lambda one: one[2]):
            if GROUND_NODE in (first, second) or group[first] == group[second]:
                continue
            one, other = owner[first], owner[second]
            if one < 0 or other < 0:
                joined = (group == group[first]) | (group == group[second])
                group[joined] = group[first]
                owner[joined] = max(one, other)
        return owner

    def _watch_limits(self) -> None:
        kinds = np.array([source.mode for source in self._sources], dtype=np.int64)
        self._limits_current = kinds == VOLTAGE
        self._bound = np.array(
            [
                math.inf
                if source.mode == OPEN or index in self.limited
                else source.limit * OVER
                for index, source in enumerate(self._sources)
            ]
        )
        self._any_limit = bool(np.any(np.isfinite(self._bound)))
