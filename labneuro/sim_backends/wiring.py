"""The circuit that joins instruments and device: sources, resistors, one device.

Here the device has two terminals; :mod:`labneuro.sim_backends.port_circuit` lives with
a device of many.

Every instrument output is a real source: a voltage behind a resistance or a current
beside one, with its limit; every voltage input is a resistance to ground; every relay
contact is a resistance or nothing (:mod:`labneuro.sim_backends.drives`). The linear
part is solved once for each combination of source modes and contacts
(:mod:`labneuro.sim_backends.network`, cached); what is left at any instant is the
device behind one Thevenin source. Levels are piecewise constant in time, so the device
model can advance exactly from one change to the next; a device whose own voltage moves
in between says for how long it may be taken as steady.
"""

from __future__ import annotations

import math
from collections import deque
from time import time as wall_clock
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from labneuro.errors import BenchConfigError
from labneuro.sim_backends.drives import Contact, Drive, Probe
from labneuro.sim_backends.network import GROUND_NODE, Network

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labneuro.devices.base import TwoTerminalDevice
    from labneuro.sim_backends.clock import Clock

GROUND = "ground"
_D = TypeVar("_D", bound=Drive)
_MOST_LOGGED = 100_000
MOST_NETWORKS = 256  # kept solved; a switch that walks a large array makes many


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


class Switched(NamedTuple):
    """An output has been switched on or off.

    Attributes
    ----------
    time : float
        Bench time in s.
    wall : float
        Unix time in s.
    terminal : str
        The output, such as ``"smu.smua"``.
    on : bool
        Whether it is on from then on.
    """

    time: float
    wall: float
    terminal: str
    on: bool


class Average:
    """The averages at an output over a time in which other things happen.

    Parameters
    ----------
    circuit : Circuit
        The wiring.
    drive : Drive
        The output that measures.
    """

    def __init__(self, circuit: Circuit, drive: Drive) -> None:
        self._circuit = circuit
        self.drive = drive
        self._span = self._volts = self._amps = 0.0
        self._limited = False

    def add(self, before: Reading, after: Reading, duration: float) -> None:
        """Take in `duration` seconds between two readings."""
        self._span += duration
        self._volts += 0.5 * (before.voltage + after.voltage) * duration
        self._amps += 0.5 * (before.current + after.current) * duration
        self._limited = after.limited

    def end(self) -> Reading:
        """End now and return the averages."""
        self._circuit.end_average(self)
        if self._span <= 0.0:
            return self._circuit.measure(self.drive, 0.0)
        span = self._span
        return Reading(self._volts / span, self._amps / span, self._limited)


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
        Two terminals (or ``"ground"``) and ohm; a terminal may be on no net.
    device : TwoTerminalDevice, optional
        The device under test; its terminals are ``device.<name>``.
    tips : mapping of str to float
        Resistance in ohm of the probe tip before an input, 0 if not named.

    Attributes
    ----------
    log : deque of Switched
        When which output went on or off; the latest 100 000.

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
        tips: Mapping[str, float] | None = None,
    ) -> None:
        self.clock = clock
        self.device = device
        self.drives: list[Drive] = []
        self.log: deque[Switched] = deque(maxlen=_MOST_LOGGED)
        self._tips = dict(tips or {})
        self._evolves = device is not None and device.evolves
        self._recorders: list[Probe] = []
        self._averages: list[Average] = []
        self._contacts: list[Contact] = []
        self._closed: tuple[tuple[int, int, float], ...] = ()
        self._node_of: dict[str, int] = {GROUND: GROUND_NODE}
        self._nodes = 0
        for net in nets:
            self._join(net)
        for first, second, _ in resistors:
            self._join_new(first)
            self._join_new(second)
        self._resistors = [
            (self.node(first), self.node(second), ohm)
            for first, second, ohm in resistors
        ]
        names = device.terminals if device is not None else ()
        self._ports: tuple[int, ...] = tuple(
            self.node(f"device.{name}") for name in names
        )
        self._time = clock.now
        self._planned: list[Drive] = []
        self._next_change = math.inf
        # The operating point: None when a level, a mode or the device has changed.
        self._solved: Network | None = None
        self._device_voltage = self._device_current = self._source_voltage = 0.0
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

    @property
    def time(self) -> float:
        """Bench time in s up to which the circuit has lived."""
        return self._time

    @property
    def device_nodes(self) -> tuple[int, ...]:
        """The nodes of the device's terminals, in their order; -1 is ground."""
        return self._ports

    def drive(self, terminal: str) -> Drive:
        """Return a new output on a terminal; on no net it drives nothing but itself."""
        return self._add(Drive(self, terminal, self._place(terminal), self._next_index))

    def probe(self, terminal: str) -> Probe:
        """Return a new voltage input on a terminal, of 1 Mohm until it is told else."""
        tip = self._tips.get(terminal, 0.0)
        node = self._place(terminal)
        return self._add(Probe(self, terminal, node, self._next_index, tip))

    def contact(self, first: str, second: str, resistance: float) -> Contact:
        """Return a new relay contact between two terminals, open at first.

        Parameters
        ----------
        first, second : str
            Terminals; on no net they touch nothing else.
        resistance : float
            Of the closed contact, in ohm.
        """
        nodes = (self._place(first), self._place(second))
        contact = Contact(self, nodes, resistance)
        self._contacts.append(contact)
        return contact

    @property
    def _next_index(self) -> int:
        return len(self.drives)

    def _join_new(self, terminal: str) -> bool:
        """Give a terminal that is on no net a net of its own; whether it had none."""
        if terminal in self._node_of:
            return False
        self._join([terminal])
        return True

    def _place(self, terminal: str) -> int:
        if self._join_new(terminal):
            self._networks.clear()
            self.rewired()
        return self._node_of[terminal]

    def _add(self, drive: _D) -> _D:
        self.drives.append(drive)
        self._networks.clear()
        self.rewired()
        return drive

    def contacts_changed(self) -> None:
        """Take note that a relay contact has opened or closed."""
        self._closed = tuple(
            (*contact.nodes, contact.resistance)
            for contact in self._contacts
            if contact.closed
        )
        self.rewired()

    def recorders_changed(self) -> None:
        """Take note that a probe has started or stopped to record."""
        self._recorders = [
            drive
            for drive in self.drives
            if isinstance(drive, Probe) and drive.recording
        ]

    def switched(self, drive: Drive) -> None:
        """Log that an output has gone on or off."""
        entry = Switched(self._time, wall_clock(), drive.terminal, drive.on)
        self.log.append(entry)

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
        while self._time < stop:
            until = min(self._next_change, stop)
            if until > self._time:
                self._live_steadily(until)
            if self._next_change <= self._time:
                self._apply_changes()

    def _live_steadily(self, until: float) -> None:
        """Live at most up to `until`, before which no level changes."""
        device, time = self.device, self._time
        averaged = self._averages
        before = [self._read(one.drive) for one in averaged] if averaged else None
        if device is not None or self._recorders:
            network = self._solved or self._solve()
            for probe in self._recorders:
                node = network.voltage[probe.index]
                volts = node.value(self._device_current, self._device_voltage)
                probe.record(time, volts)
        if device is not None:
            if self._evolves:
                until = self._evolve(device, network, until)
            else:
                device.advance(self._device_voltage, until - time)
            self._solved = None
        self._time = until
        if before is not None:
            for average, first in zip(averaged, before, strict=True):
                last = self._read_end(average.drive) if self._evolves else first
                average.add(first, last, until - time)

    def average(self, drive: Drive) -> Average:
        """Begin to average at an output while the clock goes on with other things."""
        self.live()
        average = Average(self, drive)
        self._averages.append(average)
        return average

    def end_average(self, average: Average) -> None:
        """Live up to now and take nothing more into an average."""
        self.live()
        if average in self._averages:
            self._averages.remove(average)

    def _evolve(
        self, device: TwoTerminalDevice, network: Network, until: float
    ) -> float:
        """Let a device live whose voltage moves by itself; return how far it got."""
        source = (self._source_voltage, network.series)
        steady = device.steady_for(*source)
        until = min(until, max(self._time + steady, math.nextafter(self._time, until)))
        device.advance_behind(*source, until - self._time)
        return until

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
        stop = self._time + aperture
        if self.clock.due <= stop:
            average = self.average(drive)
            self.clock.advance_to(stop)
            return average.end()
        self.clock.advance(aperture)
        if self._next_change >= stop and not self._evolves:
            return self._read(drive)  # the next to look lets the device live up to now
        return self._average(drive, stop)

    def _average(self, drive: Drive, stop: float) -> Reading:
        begin, volts, amps, limited = self._time, 0.0, 0.0, False
        while self._time < stop:
            until = min(stop, self._next_change)
            if until > self._time:
                start, reading = self._time, self._read(drive)
                self._live_steadily(until)
                end = self._read_end(drive) if self._evolves else reading
                half = 0.5 * (self._time - start)
                volts += (reading.voltage + end.voltage) * half
                amps += (reading.current + end.current) * half
                limited = end.limited
            if self._next_change <= self._time:
                self._apply_changes()
        span = stop - begin
        return Reading(volts / span, amps / span, limited)

    def _read(self, drive: Drive) -> Reading:
        network = self._solved or self._solve()
        index = drive.index
        current, across = self._device_current, self._device_voltage
        # Written out: this is the bench's hottest line.
        terms, per_amp, per_volt = network.voltage[index]
        volts = per_amp * current + per_volt * across
        for source, coefficient in terms:
            volts += coefficient * source.level
        terms, per_amp, per_volt = network.current[index]
        amps = per_amp * current + per_volt * across
        for source, coefficient in terms:
            amps += coefficient * source.level
        return Reading(volts, amps, index in network.limited)

    def _read_end(self, drive: Drive) -> Reading:
        """Read the end of the step that has been lived."""
        return self._read(drive)

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
                self._source_voltage = voltage
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
        modes = ((drive.mode, drive.resistance, drive.limit) for drive in self.drives)
        key = (self._closed, *modes)
        network = self._networks.get(key)
        if network is None:
            if len(self._networks) >= MOST_NETWORKS:
                self._networks.clear()
            resistors = (*self._resistors, *self._closed)
            drives = tuple(self.drives)
            network = Network(self._nodes, drives, resistors, self._ports)
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
