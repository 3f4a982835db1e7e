"""The circuit that joins instruments and device: sources, resistors, one device.

Every instrument output is a real source: a voltage behind a resistance or a current
beside one, with its limit. The linear part is solved once for each combination of
source modes (:mod:`labneuro.sim_backends.network`, cached); what is left at any instant
is the device behind one Thevenin source. Levels are piecewise constant in time, so the
device model can advance exactly from one change to the next.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from labneuro.errors import BenchConfigError
from labneuro.sim_backends.network import (
    CURRENT,
    GROUND_NODE,
    OPEN,
    VOLTAGE,
    Network,
    Source,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labneuro.devices.base import TwoTerminalDevice
    from labneuro.sim_backends.clock import Clock

GROUND = "ground"


class Reading(NamedTuple):
    """Averages over an aperture at one output.

    Attributes
    ----------
    voltage : float
        Mean voltage of the terminal against ground, in V.
    current : float
        Mean current out of the instrument into the terminal, in A.
    limited : bool
        Whether the output was at its limit when the aperture ended.
    """

    voltage: float
    current: float
    limited: bool


class Drive(Source):
    """One instrument output on the circuit.

    Set-points act from the clock's present time on; the circuit first lives up to it.
    """

    __slots__ = ("_circuit", "index", "plan", "terminal")

    def __init__(self, circuit: Circuit, terminal: str, node: int, index: int) -> None:
        super().__init__(node)
        self.terminal = terminal
        self.index = index
        self._circuit = circuit
        self.plan: deque[tuple[float, float]] = deque()

    def _set(self, mode: int, level: float, resistance: float, limit: float) -> None:
        circuit = self._circuit
        circuit.live()
        self.mode = mode
        self.resistance = resistance
        self.limit = limit
        self.level = level
        if self.plan:
            self.plan.clear()
            circuit.replanned()
        circuit.rewired()

    def open(self) -> None:
        """Disconnect the output (relay open)."""
        self._set(OPEN, 0.0, math.inf, math.inf)

    def voltage_source(
        self, level: float, resistance: float, limit: float = math.inf
    ) -> None:
        """Source a voltage.

        Parameters
        ----------
        level : float
            Open-circuit voltage in V.
        resistance : float
            Output resistance in ohm, above 0.
        limit : float
            Largest current in either direction, in A.
        """
        self._set(VOLTAGE, level, resistance, limit)

    def current_source(
        self, level: float, resistance: float = 1e15, limit: float = math.inf
    ) -> None:
        """Source a current.

        Parameters
        ----------
        level : float
            Short-circuit current in A.
        resistance : float
            Parallel resistance in ohm.
        limit : float
            Largest voltage of either sign, in V.
        """
        self._set(CURRENT, level, resistance, limit)

    def set_level(self, level: float) -> None:
        """Change the level of the present source, in V or A, and drop its plan."""
        circuit = self._circuit
        circuit.live()
        self.level = level
        if self.plan:
            self.plan.clear()
            circuit.replanned()
        circuit.changed()

    def schedule(self, changes: Iterable[tuple[float, float]]) -> None:
        """Plan level changes ahead; replaces what was planned.

        Parameters
        ----------
        changes : iterable of (float, float)
            Bench time in s (ascending, not in the past) and level in V or A.
        """
        circuit = self._circuit
        circuit.live()
        self.plan = deque(changes)
        circuit.replanned()


class Circuit:
    """Sources, resistors and one device, living on the bench's clock.

    Parameters
    ----------
    clock : Clock
        The bench's clock.
    nets : sequence of sequence of str
        Terminals (``"afg.ch1"``, ``"device.Au"``) that are joined; a net that holds
        ``"ground"`` is ground.
    resistors : sequence of (str, str, float)
        A terminal of each of two nets (or ``"ground"``), and ohm.
    device : TwoTerminalDevice, optional
        The device under test; its terminals are ``device.<name>``.

    Raises
    ------
    BenchConfigError
        If a terminal is on two nets or a device terminal on none.
    """

    def __init__(
        self,
        clock: Clock,
        nets: Sequence[Sequence[str]],
        device: TwoTerminalDevice | None = None,
        resistors: Sequence[tuple[str, str, float]] = (),
    ) -> None:
        self.clock = clock
        self.device = device
        self.drives: list[Drive] = []
        self._node_of: dict[str, int] = {GROUND: GROUND_NODE}
        self._nodes = 0
        for net in nets:
            self._join(net)
        self._resistors = [
            (self.node(first), self.node(second), ohm)
            for first, second, ohm in resistors
        ]
        self._ports = (
            tuple(self.node(f"device.{name}") for name in device.terminals)
            if device is not None
            else ()
        )
        self._time = clock.now
        self._planned: list[Drive] = []
        self._next_change = math.inf
        # The operating point: None when a level, a mode or the device has changed.
        self._solved: Network | None = None
        self._device_voltage = self._device_current = 0.0
        # The network of the present modes, with no source at its limit.
        self._network: Network | None = None
        self._networks: dict[tuple[object, ...], Network] = {}

    def _join(self, net: Sequence[str]) -> None:
        grounded = GROUND in net
        index = GROUND_NODE if grounded else self._nodes
        self._nodes += not grounded
        for terminal in net:
            if terminal in self._node_of and terminal != GROUND:
                raise BenchConfigError(f"wiring.nets: {terminal!r} is on two nets")
            self._node_of[terminal] = index

    def node(self, terminal: str) -> int:
        """Return the node of a terminal; -1 is ground.

        Raises
        ------
        BenchConfigError
            If the terminal is on no net.
        """
        if terminal not in self._node_of:
            raise BenchConfigError(f"wiring.nets: {terminal!r} is on no net")
        return self._node_of[terminal]

    def drive(self, terminal: str) -> Drive:
        """Return a new output on a terminal; on no net it drives nothing but itself."""
        if terminal not in self._node_of:
            self._join([terminal])
        drive = Drive(self, terminal, self._node_of[terminal], len(self.drives))
        self.drives.append(drive)
        self._networks.clear()
        self.rewired()
        return drive

    def changed(self) -> None:
        """Forget the operating point: a source has changed its level."""
        self._solved = None

    def rewired(self) -> None:
        """Forget the network: a source has changed its mode, resistance or limit."""
        self._solved = self._network = None

    def replanned(self) -> None:
        """Look for the next planned level change: a plan has changed."""
        self._planned = [drive for drive in self.drives if drive.plan]
        self._next_change = min(
            (drive.plan[0][0] for drive in self._planned), default=math.inf
        )

    def live(self) -> None:
        """Let the device live up to the clock's present time."""
        now = self.clock.now
        if self._time < now:
            self._live_until(now)
        elif self._next_change <= now:
            self._apply_changes()

    def _live_until(self, stop: float) -> None:
        device, time = self.device, self._time
        while time < stop:
            until = self._next_change
            until = min(until, stop)
            if until > time:
                if device is not None:
                    if self._solved is None:
                        self._solve()
                    device.advance(self._device_voltage, until - time)
                    self._solved = None
                self._time = time = until
            if self._next_change <= until:
                self._apply_changes()

    def _apply_changes(self) -> None:
        now, upcoming = self._time, math.inf
        for drive in self._planned:
            plan = drive.plan
            while plan:
                change = plan[0][0]
                if change > now:
                    upcoming = min(upcoming, change)
                    break
                drive.level = plan.popleft()[1]
        self._next_change = upcoming
        self._solved = None

    def measure(self, drive: Drive, aperture: float) -> Reading:
        """Let `aperture` seconds pass and return the averages at an output.

        Parameters
        ----------
        drive : Drive
            The output that measures.
        aperture : float
            Integration time in s; 0 reads the instant.
        """
        self.live()
        if aperture <= 0.0:
            return self._read(drive)
        self.clock.advance(aperture)
        stop = self._time + aperture
        if self._next_change >= stop:
            reading = self._read(drive)
            self._live_until(stop)
            return reading
        return self._average(drive, stop)

    def _average(self, drive: Drive, stop: float) -> Reading:
        begin, volts, amps, limited = self._time, 0.0, 0.0, False
        while self._time < stop:
            until = min(stop, self._next_change)
            if until > self._time:
                weight = until - self._time
                reading = self._read(drive)
                self._live_until(until)
                volts += reading.voltage * weight
                amps += reading.current * weight
                limited = reading.limited
            elif self._next_change <= self._time:
                self._apply_changes()
        span = stop - begin
        return Reading(volts / span, amps / span, limited)

    def _read(self, drive: Drive) -> Reading:
        network = self._solved or self._solve()
        index = drive.index
        point = self._device_current, self._device_voltage
        return Reading(
            network.voltage[index].value(*point),
            network.current[index].value(*point),
            index in network.limited,
        )

    def _solve(self) -> Network:
        """Find the operating point; a source beyond its limit becomes the limit."""
        network = self._network or self._base_network()
        device = self.device
        current = across = 0.0
        while True:
            if device is not None:
                voltage = 0.0
                for source, coefficient in network.source_terms:
                    voltage += coefficient * source.level
                across, current = device.operating_point(voltage, network.series)
            free = network.free_below
            if -free < current < free:
                break
            beyond = _first_beyond(network, current, across)
            if not beyond:
                break
            network = network.clamp(abs(beyond) - 1, positive=beyond > 0)
        self._device_voltage, self._device_current = across, current
        self._solved = network
        return network

    def _base_network(self) -> Network:
        key = tuple(
            (drive.mode, drive.resistance, drive.limit) for drive in self.drives
        )
        network = self._networks.get(key)
        if network is None:
            network = Network(
                self._nodes, list(self.drives), self._resistors, self._ports
            )
            self._networks[key] = network
        self._network = network
        return network


def _first_beyond(network: Network, current: float, across: float) -> int:
    """Return the first source beyond its limit: number from 1 with its sign, or 0."""
    for index, bound, terms, per_amp, per_volt in network.limits:
        value = per_amp * current + per_volt * across
        for source, coefficient in terms:
            value += coefficient * source.level
        if value > bound:
            return index + 1
        if value < -bound:
            return -index - 1
    return 0
