"""A simulated MSO-X 3104T with a source at its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keysight_msox3000.instrument import KeysightMsox3104T
from labneuro.sim_backends.wiring import Circuit

if TYPE_CHECKING:
    from collections.abc import Callable


class Table:
    """An oscilloscope with a source of 50 ohm on channel 1 and bit 3."""

    def __init__(self, *, noise: bool = False, seed: int = 1) -> None:
        self.clock = VirtualClock()
        nets = [["source", "scope.ch1", "scope.d3"]]
        self.circuit = Circuit(self.clock, nets)
        generator = np.random.default_rng(seed)
        surroundings = Surroundings(self.clock, self.circuit, generator, noise=noise)
        self.scope = KeysightMsox3104T("scope", surroundings)
        self.source = self.circuit.drive("source")
        self.source.voltage_source(0.0, 50.0)

    def send(self, *messages: str) -> None:
        """Send messages."""
        for message in messages:
            self.scope.write(message.encode("latin-1"))

    def ask_bytes(self, message: str) -> bytes:
        """Send a query and read the answer."""
        self.send(message)
        reply = self.scope.next_reply()
        assert reply is not None, f"no answer to {message}"
        return reply.content

    def ask(self, message: str) -> str:
        """Send a query and read the answer as text."""
        return self.ask_bytes(message).decode("latin-1")

    def value(self, message: str) -> float:
        """Ask for a number."""
        return float(self.ask(message))

    def error(self) -> int:
        """Take the oldest error."""
        return int(self.ask(":SYST:ERR?").partition(",")[0])

    def pulse(self, delay: float, width: float, level: float = 1.0) -> None:
        """Plan a pulse from now."""
        now = self.clock.now
        self.source.schedule([(now + delay, level), (now + delay + width, 0.0)])

    def square(self, period: float, level: float = 1.0, cycles: int = 200) -> None:
        """Plan a square wave from now: high for the first half."""
        now = self.clock.now
        self.source.schedule(
            [
                (now + (cycle + half / 2) * period, level * (1 - half))
                for cycle in range(cycles)
                for half in (0, 1)
            ]
        )


@pytest.fixture
def make_table() -> Callable[..., Table]:
    """Return a maker of tables: ``noise`` and ``seed``."""
    return Table


@pytest.fixture
def table() -> Table:
    """Return a table without noise."""
    return Table()
