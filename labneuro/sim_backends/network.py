"""The linear part of a circuit: what sources and resistors do to device and readings.

Nodal analysis, solved once for each combination of source modes. The result is a set of
coefficients: the Thevenin source that the device sees and every reading are sums of the
sources' levels and of the device's current, so that an instant costs a few products.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

OPEN, VOLTAGE, CURRENT = 0, 1, 2
GROUND_NODE = -1
LEAK = 1e-16  # siemens to ground at every node: an open node sits at 0 V, not nowhere
_CLAMPED_TO_CURRENT = 1e-15  # siemens beside a voltage source that is at its limit
_CLAMPED_TO_VOLTAGE = 1e3  # siemens behind a current source that is at its limit
_LARGEST_LEVEL = 1e4  # V or A: beyond any instrument
OVER = 1 + 1e-9  # a source exactly at its limit is not beyond it
# Below this a resistor's current is an unknown of its own: beside its conductance, the
# leak of a node that nothing else holds would be lost in rounding.
_OWN_UNKNOWN_BELOW = 1e3  # ohm


class Source:
    """One source of the network: its kind, its level and how far it may go.

    Attributes
    ----------
    node : int
        Node that it drives; -1 is ground.
    mode : int
        ``OPEN``, ``VOLTAGE`` or ``CURRENT``.
    level : float
        Open-circuit voltage in V or short-circuit current in A.
    resistance : float
        Series or parallel resistance in ohm.
    limit : float
        Largest current in A of a voltage source, largest voltage in V of a current
        source.
    """

    __slots__ = ("level", "limit", "mode", "node", "resistance")

    def __init__(
        self,
        node: int,
        mode: int = OPEN,
        level: float = 0.0,
        resistance: float = math.inf,
        limit: float = math.inf,
    ) -> None:
        self.node = node
        self.mode = mode
        self.level = level
        self.resistance = resistance
        self.limit = limit

    @property
    def conductance(self) -> float:
        """Conductance to ground that the source adds to its node, in S."""
        return 0.0 if self.mode == OPEN else 1.0 / self.resistance

    def clamped(self, sign: float) -> Source:
        """Return what takes this source's place when it is at its limit."""
        if self.mode == VOLTAGE:
            return Source(
                self.node, CURRENT, sign * self.limit, 1.0 / _CLAMPED_TO_CURRENT
            )
        return Source(self.node, VOLTAGE, sign * self.limit, 1.0 / _CLAMPED_TO_VOLTAGE)


class Sum(NamedTuple):
    """A quantity as a sum over source levels and the device's operating point.

    Attributes
    ----------
    terms : tuple of (Source, float)
        Sources that count, and their coefficients.
    per_amp, per_volt : float
        Coefficients of the device's current and voltage.
    """

    terms: tuple[tuple[Source, float], ...]
    per_amp: float
    per_volt: float

    def value(self, device_current: float, device_voltage: float) -> float:
        """Return the quantity at the sources' present levels."""
        total = self.per_amp * device_current + self.per_volt * device_voltage
        for source, coefficient in self.terms:
            total += coefficient * source.level
        return total


class Limit(NamedTuple):
    """A limited quantity of one source.

    Attributes
    ----------
    source : int
        Index of the source.
    bound : float
        Largest magnitude, in A or V.
    terms : tuple of (Source, float)
        As of :class:`Sum`: current of a voltage source, voltage of a current source.
    per_amp, per_volt : float
        As of :class:`Sum`.
    """

    source: int
    bound: float
    terms: tuple[tuple[Source, float], ...]
    per_amp: float
    per_volt: float


class _Unit(NamedTuple):
    """One quantity at 1, all others at 0: a source level, or the device's v or i."""

    solution: NDArray[np.float64]  # node voltages, then currents of small resistors
    source: int | None = None
    device_current: float = 0.0


class Network:
    """Sources and resistors around one device, solved.

    Parameters
    ----------
    size : int
        Number of nodes beside ground.
    sources : sequence of Source
        All sources; the network follows their levels, not changes of their modes.
    resistors : sequence of (int, int, float)
        Two nodes and ohm.
    ports : tuple of int
        The device's two nodes, or empty without a device.
    limited : frozenset of int
        Sources that stand at their limit.

    Attributes
    ----------
    source_terms : tuple of (Source, float)
        Sources and coefficients of the open-circuit voltage that the device sees.
    series : float
        Resistance that the device sees, in ohm.
    voltage, current : list of Sum
        Of each source: voltage of its node in V, current into the node in A.
    limits : tuple of Limit
        What to check at an operating point.
    free_below : float
        Device current in A below which nothing can be at its limit, whatever the
        levels; 0 if there is none.
    """

    def __init__(
        self,
        size: int,
        sources: Sequence[Source],
        resistors: Sequence[tuple[int, int, float]],
        ports: tuple[int, ...],
        limited: frozenset[int] = frozenset(),
    ) -> None:
        self._size = size
        self._sources = sources
        self._resistors = resistors
        small = [index for index, one in enumerate(resistors) if _is_small(one[2])]
        self._rows = {index: size + row for row, index in enumerate(small)}
        self._unknowns = size + len(small)
        self._ports = ports
        self.limited = limited
        self._clamped: dict[tuple[int, bool], Network] = {}
        # With the device as a given voltage between its ports, node voltages are exact
        # even where a source at its limit leaves a node to next to no conductance.
        matrix = self._matrix()
        joined = self._join_ports(matrix)
        self._by_level = [
            _Unit(self._response(joined, source), index)
            for index, source in enumerate(sources)
        ]
        unknowns = self._unknowns
        grown = len(joined) > unknowns
        self._by_volt = _Unit(joined[:, unknowns] if grown else _no(unknowns))
        self._by_amp = _Unit(_no(unknowns), device_current=1.0)
        self.series = 0.0
        self.source_terms: tuple[tuple[Source, float], ...] = ()
        if ports:
            self._see_from_ports(np.linalg.inv(matrix).astype(np.float64), *ports)
        self._residual = self._stiffest()
        self.voltage = [self._voltage(source.node) for source in sources]
        self.current = [self._current(index) for index in range(len(sources))]
        self.limits = self._limits()
        self.free_below = min(map(_free_below, self.limits), default=math.inf)

    def clamp(self, index: int, *, positive: bool) -> Network:
        """Return the network in which a source stands at its limit (cached)."""
        key = (index, positive)
        network = self._clamped.get(key)
        if network is None:
            sources = list(self._sources)
            sources[index] = sources[index].clamped(1.0 if positive else -1.0)
            network = Network(
                self._size,
                sources,
                self._resistors,
                self._ports,
                self.limited | {index},
            )
            self._clamped[key] = network
        return network

    def _matrix(self) -> NDArray[np.float64]:
        matrix = np.zeros((self._unknowns, self._unknowns))
        matrix[: self._size, : self._size] = np.eye(self._size) * LEAK
        for index, (first, second, ohm) in enumerate(self._resistors):
            row = self._rows.get(index)
            if row is None:
                _stamp(matrix, first, second, 1.0 / ohm)
            else:
                _stamp_row(matrix, row, (first, second))
                matrix[row, row] = -ohm
        for source in self._sources:
            _stamp(matrix, source.node, GROUND_NODE, source.conductance)
        return matrix

    def _join_ports(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the inverse of the network with a voltage between the ports."""
        if len(set(self._ports)) < len(("first", "second")):
            return np.linalg.inv(matrix).astype(np.float64)
        size = self._unknowns
        grown = np.zeros((size + 1, size + 1))
        grown[:size, :size] = matrix
        _stamp_row(grown, size, self._ports)
        return np.linalg.inv(grown).astype(np.float64)

    def _response(
        self, inverse: NDArray[np.float64], source: Source
    ) -> NDArray[np.float64]:
        """Return all node voltages at unit level of a source."""
        column = _column(inverse, source.node)
        return column * source.conductance if source.mode == VOLTAGE else column

    def _see_from_ports(
        self, impedance: NDArray[np.float64], first: int, second: int
    ) -> None:
        """Find the Thevenin source that the device sees."""
        transfer = np.subtract(_column(impedance, first), _column(impedance, second))
        self.series = _at(transfer, first) - _at(transfer, second)
        responses = [self._response(impedance, source) for source in self._sources]
        self.source_terms = self._terms(
            [_at(volts, first) - _at(volts, second) for volts in responses]
        )

    def _stiffest(self) -> dict[int, int]:
        """Map each node to the source whose current follows from Kirchhoff's law.

        The current of a stiff source is lost in rounding as conductance times a tiny
        voltage difference; as the sum of all other currents of its node it is exact.
        """
        chosen: dict[int, int] = {}
        for index, source in enumerate(self._sources):
            best = chosen.get(source.node)
            if (source.node != GROUND_NODE and source.conductance > 0.0) and (
                best is None or source.conductance > self._sources[best].conductance
            ):
                chosen[source.node] = index
        return chosen

    def _terms(self, by_level: list[float]) -> tuple[tuple[Source, float], ...]:
        return tuple(
            (source, coefficient)
            for source, coefficient in zip(self._sources, by_level, strict=True)
            if coefficient != 0.0 and source.mode != OPEN
        )

    def _sum(self, rule: Callable[[_Unit], float]) -> Sum:
        """Return a quantity of which a rule tells the value at each unit."""
        by_level = [rule(unit) for unit in self._by_level]
        return Sum(self._terms(by_level), rule(self._by_amp), rule(self._by_volt))

    def _voltage(self, node: int) -> Sum:
        return self._sum(lambda unit: _at(unit.solution, node))

    def _current(self, index: int) -> Sum:
        source = self._sources[index]
        if source.mode == OPEN:
            return Sum((), 0.0, 0.0)
        if self._residual.get(source.node) == index:
            return self._sum(lambda unit: self._kirchhoff(index, unit))
        return self._sum(lambda unit: self._ohmic(index, unit))

    def _ohmic(self, index: int, unit: _Unit) -> float:
        """Return a source's current from its own law."""
        source = self._sources[index]
        own = 1.0 if index == unit.source else 0.0
        volt = _at(unit.solution, source.node)
        if source.mode == VOLTAGE:
            return source.conductance * (own - volt)
        return own - source.conductance * volt

    def _kirchhoff(self, index: int, unit: _Unit) -> float:
        """Return a source's current as the sum of all others of its node."""
        node = self._sources[index].node
        volt = _at(unit.solution, node)
        amps = LEAK * volt
        for other, source in enumerate(self._sources):
            if other != index and source.node == node and source.mode != OPEN:
                amps -= self._ohmic(other, unit)
        for place, (first, second, _) in enumerate(self._resistors):
            if node in (first, second) and first != second:
                along = self._through(place, unit)
                amps += along if node == first else -along
        for sign, port in zip((1.0, -1.0), self._ports, strict=False):
            amps += sign * unit.device_current * (node == port)
        return amps

    def _through(self, index: int, unit: _Unit) -> float:
        """Return the current of a resistor from its first to its second node."""
        if index in self._rows:
            return float(unit.solution[self._rows[index]])
        first, second, ohm = self._resistors[index]
        return (_at(unit.solution, first) - _at(unit.solution, second)) / ohm

    def _limits(self) -> tuple[Limit, ...]:
        found = []
        for index, source in enumerate(self._sources):
            if source.mode == OPEN or index in self.limited:
                continue
            of = self.current if source.mode == VOLTAGE else self.voltage
            bound = source.limit * OVER
            if bound != math.inf and _can_reach(of[index], bound):
                found.append(Limit(index, bound, *of[index]))
        return tuple(found)


def _can_reach(quantity: Sum, bound: float) -> bool:
    """Whether a quantity may get to a bound: an output that is alone never does."""
    if quantity.per_amp or abs(quantity.per_volt) * _LARGEST_LEVEL > bound:
        return True
    return any(abs(part) * _LARGEST_LEVEL > bound for _, part in quantity.terms)


def _free_below(limit: Limit) -> float:
    """Return a device current below which a quantity is below its bound for sure."""
    rest = abs(limit.per_volt) + sum(abs(part) for _, part in limit.terms)
    left = limit.bound - rest * _LARGEST_LEVEL
    if left <= 0.0:
        return 0.0
    return left / abs(limit.per_amp) if limit.per_amp else math.inf


def _no(size: int) -> NDArray[np.float64]:
    return np.zeros(size)


def _at(values: NDArray[np.float64], node: int) -> float:
    return float(values[node]) if node >= 0 else 0.0


def _column(impedance: NDArray[np.float64], node: int) -> NDArray[np.float64]:
    return impedance[:, node] if node >= 0 else np.zeros(len(impedance))


def _is_small(ohm: float) -> bool:
    return ohm < _OWN_UNKNOWN_BELOW


def _stamp_row(matrix: NDArray[np.float64], row: int, nodes: Sequence[int]) -> None:
    """Make an unknown a current from the first to the second node."""
    for sign, node in zip((1.0, -1.0), nodes, strict=True):
        if node >= 0:
            matrix[row, node] += sign
            matrix[node, row] += sign


def _stamp(
    matrix: NDArray[np.float64], first: int, second: int, conductance: float
) -> None:
    for node in (first, second):
        if node >= 0:
            matrix[node, node] += conductance
    if first >= 0 and second >= 0:
        matrix[first, second] -= conductance
        matrix[second, first] -= conductance
