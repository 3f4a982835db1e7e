"""Two-terminal devices that a circuit couples, solved and advanced together.

At an instant each device is replaced by its tangent, a conductance and a current, and
Newton's rule is repeated on the nodes until every device agrees with its tangent. A
device is looked at along a load line like the one that it stands behind, where a steep
characteristic is as tame as a flat one. In time each device moves behind what the
circuit and the tangents of the others make, foreseen along a parabola and averaged over
the step (third order); the step follows from how far they were from what was foreseen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.devices.port_mesh import GROUND_NODE
from labneuro.devices.star_mesh import node_voltages
from labneuro.errors import LabneuroError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.devices.base import TwoTerminalDevice
    from labneuro.devices.port_mesh import PortMesh

_LINES = (1e-3, 1e6)  # ohm of the load lines along which devices are looked at
_ROUNDS = 60
_UNDAMPED = 20  # rounds; then half steps
_CLOSE = 1e-10  # relative, of the last correction; one more would be far smaller
_NUDGE, _LEAST_NUDGED = 1e-5, 0.1  # relative, and of V: for a tangent
_STIFFEST = 1e9  # S
_STEP_ERROR = 1e-7  # of the source voltage, between what was foreseen and found
_LEFT = 1e3  # errors beyond which a path has ended: a level or a relay has changed
_FIRST_SHARE = 1e-3  # of the time for which a device is steady
_GROWTH = (0.2, 2.0)
_TINY = 1e-15  # V
_OPEN = 5e-16  # S; an open node has less to ground, one with a source at its limit more


class Tangents(NamedTuple):
    """Coupled devices at an operating point, each with the slope there.

    Attributes
    ----------
    voltage, current : ndarray, shape (devices,)
        Across each device in V, into its first terminal in A.
    conductance : ndarray, shape (devices,)
        Slope in S.
    """

    voltage: NDArray[np.float64]
    current: NDArray[np.float64]
    conductance: NDArray[np.float64]

    @property
    def driven(self) -> NDArray[np.float64]:
        """What each device puts out at 0 V along its tangent, in A."""
        return np.asarray(self.conductance * self.voltage - self.current)


def coupled(mesh: PortMesh) -> list[list[int]]:
    """Return the devices of a mesh in groups that share a node or a conductance.

    A device of which one end hangs on nothing takes part in no exchange of currents
    and is alone, whatever lies at its other end.

    Parameters
    ----------
    mesh : PortMesh
        Device k lies between the terminals 2 k and 2 k + 1.
    """
    loose = _loose_nodes(mesh)
    group = list(range(len(mesh.ground)))
    pairs = list(zip(mesh.nodes[0::2], mesh.nodes[1::2], strict=True))
    alone = [max(ends) == GROUND_NODE or bool(loose & set(ends)) for ends in pairs]
    links = [(int(one), int(other)) for one, other in np.argwhere(mesh.between > 0.0)]
    links += [
        ends
        for ends, single in zip(pairs, alone, strict=True)
        if not single and GROUND_NODE not in ends
    ]
    for one, other in links:
        old, new = group[one], group[other]
        if old != new:
            group = [new if of == old else of for of in group]
    found: dict[object, list[int]] = {}
    for device, (ends, single) in enumerate(zip(pairs, alone, strict=True)):
        key = ("alone", device) if single else group[max(ends)]
        found.setdefault(key, []).append(device)
    return list(found.values())


def _loose_nodes(mesh: PortMesh) -> set[int]:
    """Return the nodes on which one terminal lies and that lead nowhere."""
    single = mesh.incidence.sum(axis=0) == 1.0
    leading = (mesh.ground > _OPEN) | np.any(mesh.between > 0.0, axis=1)
    return set(np.flatnonzero(single & ~leading).tolist())


class CoupledDevices:
    """A group of devices that a circuit couples.

    Parameters
    ----------
    mesh : PortMesh
        The circuit; device k lies between the terminals 2 k and 2 k + 1.
    members : list of int
        Numbers of the group's devices.
    devices : sequence of TwoTerminalDevice
        The devices themselves.
    """

    def __init__(
        self,
        mesh: PortMesh,
        members: list[int],
        devices: Sequence[TwoTerminalDevice],
    ) -> None:
        self.members = members
        self._mesh, self._devices = mesh, devices
        self._path: _Path | None = None
        pairs = [mesh.pair(2 * member, 2 * member + 1) for member in members]
        self._weights = np.array([pair.weights for pair in pairs])
        self._lines = np.clip([pair.series for pair in pairs], *_LINES)

    def solve(self, injected: NDArray[np.float64]) -> Tangents:
        """Return the operating point of all devices of the group.

        Parameters
        ----------
        injected : ndarray, shape (nodes,)
            Current into each node of the mesh in A.

        Raises
        ------
        LabneuroError
            If none is found.
        """
        along = self._weights @ injected
        for count in range(_ROUNDS):
            tangents = self._tangents(along)
            volts = self._drops(injected, tangents)
            change = volts - tangents.voltage
            amps = tangents.current + tangents.conductance * change
            scale = np.maximum(abs(volts), abs(amps) / tangents.conductance)
            if np.all(abs(change) <= _CLOSE * scale + _TINY):
                return Tangents(volts, amps, tangents.conductance)
            step = volts + self._lines * amps - along
            along = along + (step if count < _UNDAMPED else 0.5 * step)
        raise LabneuroError(
            f"no operating point of {len(self.members)} coupled devices was found in "
            f"{_ROUNDS} rounds: the circuit may have several or none"
        )

    def steady_for(self, injected: NDArray[np.float64]) -> float:
        """Return for how long the first to move may be taken as steady, in s."""
        sources = self._sources(injected, self.solve(injected))
        return self._steady(sources)

    def advance(self, injected: NDArray[np.float64], duration: float) -> None:
        """Let the devices live for a time in s behind constant sources."""
        left = duration
        while left > 0.0:
            path = self._follow(injected)
            step = min(path.next, left)
            sources = path.mean(step).tolist()
            for device, (volt, ohm) in zip(self._devices, sources, strict=True):
                device.advance_behind(volt, ohm, step)
            path.step = step
            left -= step

    def _follow(self, injected: NDArray[np.float64]) -> _Path:
        """Return the path that the sources are on, a new one if they have left it."""
        found = self.solve(injected)
        sources = self._sources(injected, found)
        path = self._path
        if path is not None:
            missed = abs(sources - path.end(path.step))
            error = missed[:, 0] + missed[:, 1] * abs(found.current)
            scale = np.max(abs(sources[:, 0]) + abs(found.voltage))
            worst = float(np.max(error) / (_STEP_ERROR * scale + _TINY))
            if worst < _LEFT:
                path.go(sources, worst)
                return path
        path = self._path = _Path(sources, _FIRST_SHARE * self._steady(sources))
        return path

    def _steady(self, sources: NDArray[np.float64]) -> float:
        return min(
            device.steady_for(*source)
            for device, source in zip(self._devices, sources.tolist(), strict=True)
        )

    def _tangents(self, along: NDArray[np.float64]) -> Tangents:
        """Return the devices' tangents where they cut their load lines."""
        found = np.empty((len(along), 3))
        lines = self._lines.tolist()
        for row, (device, source, line) in enumerate(
            zip(self._devices, along.tolist(), lines, strict=True)
        ):
            volt, amp = device.operating_point(source, line)
            nudged = source + _NUDGE * max(abs(source), _LEAST_NUDGED)
            other_volt, other_amp = device.operating_point(nudged, line)
            rise, flow = other_volt - volt, other_amp - amp
            slope = flow / rise if rise > 0.0 else _STIFFEST
            found[row] = volt, amp, min(max(slope, 1.0 / _STIFFEST**2), _STIFFEST)
        return Tangents(found[:, 0], found[:, 1], found[:, 2])

    def _drops(
        self, injected: NDArray[np.float64], tangents: Tangents
    ) -> NDArray[np.float64]:
        """Return the voltages across devices that follow their tangents, in V."""
        mesh = self._mesh.with_conductances(self.members, tangents.conductance)
        into = mesh.inject_between(injected, tangents.driven, self.members)
        nodes = node_voltages(mesh.between, mesh.ground, into)
        at = self._mesh.at_terminals(nodes)
        return np.asarray((at[0::2] - at[1::2])[self.members])

    def _sources(
        self, injected: NDArray[np.float64], tangents: Tangents
    ) -> NDArray[np.float64]:
        """Return the source that each device sees beyond which the others lie.

        Open voltage in V and resistance in ohm, shape (devices, 2).
        """
        found = np.empty((len(self.members), 2))
        driven = tangents.driven
        for row, member in enumerate(self.members):
            others = [index for index in range(len(self.members)) if index != row]
            names = [self.members[index] for index in others]
            mesh = self._mesh.with_conductances(names, tangents.conductance[others])
            into = mesh.inject_between(injected, driven[others], names)
            pair = mesh.pair(2 * member, 2 * member + 1)
            found[row] = pair.weights @ into, pair.series
        return found


class _Path:
    """Where the sources that devices see have been going, as a parabola.

    Parameters
    ----------
    sources : ndarray, shape (devices, 2)
        Open voltage in V and resistance in ohm, now.
    first : float
        The first step in s.

    Attributes
    ----------
    next : float
        The longest step now, in s.
    step : float
        The last step, in s.
    """

    def __init__(self, sources: NDArray[np.float64], first: float) -> None:
        self._now = sources
        self._slope = self._rise = self._bend = np.zeros_like(sources)
        self._before = self.step = 0.0
        self.next = first

    def mean(self, step: float) -> NDArray[np.float64]:
        """Return the mean over the next `step` seconds; no resistance below half."""
        found = self._now + step * (self._rise / 2.0 + step * self._bend / 6.0)
        found[:, 1] = np.maximum(found[:, 1], 0.5 * self._now[:, 1])
        return found

    def end(self, step: float) -> NDArray[np.float64]:
        """Return what is foreseen for the end of the next `step` seconds."""
        return np.asarray(self._now + step * (self._rise + step * self._bend / 2.0))

    def go(self, sources: NDArray[np.float64], worst: float) -> None:
        """Take note of the sources after the last step, and of its relative error."""
        step, before = self.step, self._before
        slope = (sources - self._now) / step
        if before:
            self._bend = 2.0 * (slope - self._slope) / (step + before)
        self._rise = slope + 0.5 * step * self._bend
        self._now, self._slope, self._before = sources, slope, step
        factor = worst ** (-1.0 / 3.0) if worst > 0.0 else math.inf
        # A step that was cut short at the end says nothing against the longer one.
        longer = step * min(max(0.9 * factor, _GROWTH[0]), _GROWTH[1])
        self.next = max(longer, self.next) if worst < 1.0 else longer
