"""Independent two-terminal devices as one device of many terminals.

Each device has terminals of its own, ``positive_01``, ``negative_01``, ``positive_02``
and so on, and lives on the same clock, selected or not. A device that shares no node
and no resistor with another one stands behind its own Thevenin source and is advanced
as it would be alone (:mod:`labneuro.devices.coupled_devices` has the others).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.base import MultiTerminalDevice
from labneuro.devices.coupled_devices import CoupledDevices, coupled
from labneuro.devices.star_mesh import node_voltages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.devices.base import TwoTerminalDevice
    from labneuro.devices.port_mesh import PortMesh

_MOST_KEPT = 256  # circuits for which the sources are kept
_LEAST_PIN = 1e-3  # S: an error of a device's current in rounding moves no open node
_FEWEST_DIGITS = 2


def array_terminals(names: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the terminals of an array, device by device.

    Parameters
    ----------
    names : sequence of str
        The two terminals of one device.
    count : int
        Number of devices; they count from 01, from 001 where there are 100 or more.
    """
    digits = max(_FEWEST_DIGITS, len(str(count)))
    return tuple(
        f"{name}_{number:0{digits}d}"
        for number in range(1, count + 1)
        for name in names
    )


def member_seed(seed: int, index: int) -> int:
    """Return the seed of an array's device; that of the first one is the array's."""
    if index == 0:
        return seed
    words = np.random.SeedSequence((seed, index)).generate_state(1)
    return int(words[0])


class DeviceArray(MultiTerminalDevice):
    """Devices of one model, each between two terminals of its own.

    Parameters
    ----------
    devices : sequence of TwoTerminalDevice
        The devices, all of one model, each with its own state and random stream.

    Attributes
    ----------
    devices : tuple of TwoTerminalDevice
        As given: ``devices[k]`` lies between the terminals numbered k + 1.
    """

    def __init__(self, devices: Sequence[TwoTerminalDevice]) -> None:
        self.devices = tuple(devices)
        first = self.devices[0]
        self._terminals = array_terminals(first.terminals, len(self.devices))
        self._evolves = first.evolves
        self._views: dict[PortMesh, _View] = {}

    @property
    def terminals(self) -> tuple[str, ...]:
        """The terminals' names: ``positive_01``, ``negative_01``, ``positive_02``..."""
        return self._terminals

    def operating_point(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the terminals' voltages in V and the currents into them in A."""
        view = self._view(mesh)
        volts, amps = self._points(view, injected)
        # Every device as a conductance that has this voltage at this current: of the
        # currents alone, no open node would know its voltage.
        pinned = view.pins
        into = mesh.inject_between(injected, pinned * volts - amps)
        stiffened = view.pinned
        nodes = node_voltages(stiffened.between, stiffened.ground, into)
        currents = np.empty(2 * len(amps))
        currents[0::2], currents[1::2] = amps, -amps
        return mesh.at_terminals(nodes), currents

    def advance_behind(
        self, mesh: PortMesh, injected: NDArray[np.float64], duration: float
    ) -> None:
        """Let every device live for `duration` seconds, selected or not."""
        view = self._view(mesh)
        if not self._evolves:
            volts, _ = self._points(view, injected)
            for device, volt in zip(self.devices, volts.tolist(), strict=True):
                device.advance(volt, duration)
            return
        for index, source in view.sources(injected):
            self.devices[index].advance_behind(*source, duration)
        for group in view.groups:
            group.advance(injected, duration)

    def steady_for(self, mesh: PortMesh, injected: NDArray[np.float64]) -> float:
        """Return for how long the first to move may be taken as steady, in s."""
        if not self._evolves:
            return math.inf
        view = self._view(mesh)
        times = [
            self.devices[index].steady_for(*source)
            for index, source in view.sources(injected)
        ]
        times += [group.steady_for(injected) for group in view.groups]
        return min(times)

    def _points(
        self, view: _View, injected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return voltage across and current into each device, shape (devices,)."""
        points = np.empty((len(self.devices), 2))
        for index, source in view.sources(injected):
            points[index] = self.devices[index].operating_point(*source)
        for group in view.groups:
            found = group.solve(injected)
            points[group.members, 0] = found.voltage
            points[group.members, 1] = found.current
        return points[:, 0], points[:, 1]

    def _view(self, mesh: PortMesh) -> _View:
        view = self._views.get(mesh)
        if view is None:
            if len(self._views) >= _MOST_KEPT:
                self._views.clear()
            view = self._views[mesh] = _View(mesh, self.devices)
        return view


class _View:
    """A circuit as the devices of an array see it."""

    def __init__(self, mesh: PortMesh, devices: Sequence[TwoTerminalDevice]) -> None:
        pairs = [mesh.pair(2 * index, 2 * index + 1) for index in range(len(devices))]
        series = [pair.series for pair in pairs]
        groups = coupled(mesh)
        self._alone = [group[0] for group in groups if len(group) == 1]
        chosen = [pairs[index] for index in self._alone]
        self._series = [pair.series for pair in chosen]
        self._weights = np.array([pair.weights for pair in chosen])
        self.groups = [
            CoupledDevices(mesh, group, [devices[index] for index in group])
            for group in groups
            if len(group) > 1
        ]
        self.pins = np.array(
            [max(_LEAST_PIN, 1.0 / one if one else 0.0) for one in series]
        )
        self.pinned = mesh.with_conductances(range(len(devices)), self.pins)

    def sources(
        self, injected: NDArray[np.float64]
    ) -> list[tuple[int, tuple[float, float]]]:
        """Return the devices that are alone, and the source in V and ohm of each."""
        if not self._alone:
            return []
        volts = (self._weights @ injected).tolist()
        return list(
            zip(self._alone, zip(volts, self._series, strict=True), strict=True)
        )
