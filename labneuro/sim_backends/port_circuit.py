"""The circuit with a device of many terminals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from labneuro.errors import LabneuroError
from labneuro.sim_backends.port_network import PortNetwork
from labneuro.sim_backends.wiring import MOST_NETWORKS, Circuit, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from labneuro.devices.base import MultiTerminalDevice
    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.drives import Drive

_MOST_ROUNDS = 1000


class _Found(NamedTuple):
    """An operating point, and what every drive shows at it."""

    network: PortNetwork
    injected: NDArray[np.float64]
    volts: NDArray[np.float64]
    amps: NDArray[np.float64]

    def reading(self, drive: Drive) -> Reading:
        index = drive.index
        volts, amps = float(self.volts[index]), float(self.amps[index])
        return Reading(volts, amps, index in self.network.limited)


class PortCircuit(Circuit):
    """Sources, resistors and a device of many terminals, living on the bench's clock.

    Parameters
    ----------
    clock, nets, resistors, tips
        As for :class:`~labneuro.sim_backends.wiring.Circuit`.
    board : MultiTerminalDevice
        The device under test; its terminals are ``device.<name>``, and those that are
        on no net are open.
    """

    def __init__(
        self,
        clock: Clock,
        nets: Sequence[Sequence[str]],
        board: MultiTerminalDevice,
        resistors: Sequence[tuple[str, str, float]] = (),
        tips: Mapping[str, float] | None = None,
    ) -> None:
        self._found: _Found | None = None
        self._end: _Found | None = None
        self._port_networks: dict[tuple[object, ...], PortNetwork] = {}
        super().__init__(clock, nets, None, resistors, tips)
        self.board = board
        self._evolves = True
        for name in board.terminals:
            self._join_new(f"device.{name}")
        self._ports = tuple(self.node(f"device.{name}") for name in board.terminals)

    def changed(self) -> None:
        """Forget the operating point: a source has changed its level."""
        self._found = None

    def rewired(self) -> None:
        """Forget the network: a source has changed its mode, resistance or limit."""
        super().rewired()
        self._found = None

    def _apply_changes(self) -> None:
        super()._apply_changes()
        self._found = None

    def _live_steadily(self, until: float) -> None:
        """Live at most up to `until`, and up to the device's next event."""
        time = self._time
        found = self._found or self._find()
        averaged = self._averages
        before = [found.reading(one.drive) for one in averaged]
        for probe in self._recorders:
            probe.record(time, float(found.volts[probe.index]))
        mesh = found.network.mesh
        steady = self.board.steady_for(mesh, found.injected)
        event = max(time + steady, math.nextafter(time, math.inf))
        # Not the difference of two bench times, which would miss an event by rounding.
        duration = steady if event <= until else until - time
        self.board.advance_behind(mesh, found.injected, duration)
        self._time = min(event, until)
        self._found, self._end = None, None
        for average, first in zip(averaged, before, strict=True):
            average.add(first, self._read_end(average.drive), self._time - time)

    def _read(self, drive: Drive) -> Reading:
        return (self._found or self._find()).reading(drive)

    def _read_end(self, drive: Drive) -> Reading:
        """Read the end of the step that has been lived, before anything jumps."""
        if self._end is None:
            self._end = self._operating_point()
        return self._end.reading(drive)

    def _find(self) -> _Found:
        """Let the device settle; return the operating point."""
        for _ in range(_MOST_ROUNDS):
            found = self._operating_point()
            if not self.board.settle(found.network.mesh, found.injected):
                self._found = found
                return found
        raise LabneuroError(
            f"the device does not settle at {self._time:.9g} s: it still switches "
            f"after {_MOST_ROUNDS} rounds; look for a feedback without delay"
        )

    def _operating_point(self) -> _Found:
        """Find the operating point; a source beyond its limit becomes the limit."""
        network = self._port_network()
        while True:
            levels = network.levels()
            injected = network.injected(levels)
            point = self.board.operating_point(network.mesh, injected)
            volts, amps = network.read(levels, *point)
            beyond = network.first_beyond(volts, amps)
            if not beyond:
                return _Found(network, injected, volts, amps)
            network = network.clamp(abs(beyond) - 1, positive=beyond > 0)

    def _port_network(self) -> PortNetwork:
        modes = ((drive.mode, drive.resistance, drive.limit) for drive in self.drives)
        key = (self._closed, self._nodes, *modes)
        network = self._port_networks.get(key)
        if network is None:
            if len(self._port_networks) >= MOST_NETWORKS:
                self._port_networks.clear()
            resistors = (*self._resistors, *self._closed)
            drives = tuple(self.drives)
            network = PortNetwork(self._nodes, drives, resistors, self._ports)
            self._port_networks[key] = network
        return network
