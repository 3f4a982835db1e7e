"""What instruments put on the circuit: outputs, voltage inputs, relay contacts."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.network import CURRENT, OPEN, VOLTAGE, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from labneuro.sim_backends.wiring import Circuit

MEGOHM_INPUT = 1e6
"""Input resistance of an oscilloscope in ohm."""
MOST_RECORDED = 1 << 20
"""Voltage changes that a probe keeps; then the older half is dropped."""


class Drive(Source):
    """One instrument output on the circuit.

    Set-points act from the clock's present time on; the circuit first lives up to it.

    Attributes
    ----------
    on : bool
        Whether the output is on: it sources and does not rest. The circuit keeps a log.
    resting : bool
        Whether the instrument calls the output off although it holds it at 0 V.
    """

    __slots__ = ("_circuit", "index", "on", "plan", "resting", "terminal")

    def __init__(self, circuit: Circuit, terminal: str, node: int, index: int) -> None:
        super().__init__(node)
        self.terminal = terminal
        self.index = index
        self._circuit = circuit
        self.on = self.resting = False
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
        on = mode != OPEN and not self.resting
        if on is not self.on:
            self.on = on
            circuit.switched(self)

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


class Probe(Drive):
    """A voltage input: a resistance to ground that can record what it sees.

    Between the node and the input lies the resistance of the probe tip, 9 Mohm in a 10x
    probe: with an input of 1 Mohm a tenth of the node's voltage arrives.

    Parameters
    ----------
    circuit, terminal, node, index
        As for :class:`Drive`.
    tip : float
        Resistance of the probe tip in ohm.

    Attributes
    ----------
    when_full : callable, optional
        Called when ``MOST_RECORDED`` changes are kept, before the older half of what
        it has not forgotten is dropped.
    """

    __slots__ = ("_division", "_times", "_volts", "recording", "tip", "when_full")

    def __init__(
        self, circuit: Circuit, terminal: str, node: int, index: int, tip: float = 0.0
    ) -> None:
        super().__init__(circuit, terminal, node, index)
        self.tip = tip
        self.resting = True  # an input drives nothing
        self.recording = False
        self.when_full: Callable[[], None] | None = None
        self._times: list[float] = []
        self._volts: list[float] = []
        self.load(MEGOHM_INPUT)

    def load(self, resistance: float) -> None:
        """Set the input's resistance to ground in ohm; infinity opens it."""
        self._division = 1.0
        if math.isinf(resistance):
            self.open()
            return
        self._division = resistance / (resistance + self.tip)
        self.voltage_source(0.0, resistance + self.tip)

    def voltage(self) -> float:
        """Return the voltage at the input now, in V."""
        return self._circuit.measure(self, 0.0).voltage * self._division

    def start(self) -> None:
        """Record from now on; what was recorded is forgotten."""
        self._circuit.live()
        self._times, self._volts = [], []
        self.recording = True
        self._circuit.recorders_changed()

    def stop(self) -> None:
        """Stop recording; what was recorded stays."""
        self._circuit.live()
        self.recording = False
        self._circuit.recorders_changed()

    def record(self, time: float, node_voltage: float) -> None:
        """Take note that the node's voltage holds from a bench time on."""
        volts = node_voltage * self._division
        if self._volts and self._volts[-1] == volts:
            return
        self._times.append(time)
        self._volts.append(volts)
        if len(self._times) >= MOST_RECORDED:
            if self.when_full is not None:
                self.when_full()
            if len(self._times) >= MOST_RECORDED:
                del self._times[: MOST_RECORDED // 2]
                del self._volts[: MOST_RECORDED // 2]

    def trace(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what was recorded up to now.

        Returns
        -------
        times : ndarray, shape (changes,)
            Bench times in s.
        volts : ndarray, shape (changes,)
            Voltage at the input in V from that time to the next; the last one holds up
            to the circuit's present.
        """
        self._circuit.live()
        return np.array(self._times), np.array(self._volts)

    def forget(self, before: float) -> None:
        """Drop what had ended before a bench time in s."""
        last = int(np.searchsorted(self._times, before, side="right")) - 1
        if last > 0:
            del self._times[:last]
            del self._volts[:last]


class Contact:
    """A relay contact between two terminals, open at first.

    Parameters
    ----------
    circuit : Circuit
        The wiring.
    nodes : tuple of int
        The two nodes.
    resistance : float
        Of the closed contact, in ohm.
    """

    __slots__ = ("_circuit", "_closed", "nodes", "resistance")

    def __init__(
        self, circuit: Circuit, nodes: tuple[int, int], resistance: float
    ) -> None:
        self._circuit = circuit
        self._closed = False
        self.nodes = nodes
        self.resistance = resistance

    @property
    def closed(self) -> bool:
        """Whether the contact is closed."""
        return self._closed

    def close(self) -> None:
        """Close the contact now."""
        self._move(closed=True)

    def open(self) -> None:
        """Open the contact now."""
        self._move(closed=False)

    def _move(self, *, closed: bool) -> None:
        if closed is not self._closed:
            self._circuit.live()
            self._closed = closed
            self._circuit.contacts_changed()
