"""A simulated 81160A on a small circuit."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keysight_81160a.instrument import Keysight81160A
from labneuro.sim_backends.wiring import Circuit


class Table:
    """An 81160A with 50 ohm on each connector of channel 1."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        ends = ("gen.ch1", "gen.ch1_complement")
        loads = [(end, "ground", 50.0) for end in ends]
        self.circuit = Circuit(self.clock, [[end] for end in ends], resistors=loads)
        surroundings = Surroundings(
            self.clock, self.circuit, np.random.default_rng(1), noise=False
        )
        self.generator = Keysight81160A("gen", surroundings)

    def send(self, *messages: str) -> None:
        """Send messages."""
        for message in messages:
            self.generator.write(message.encode("latin-1"))

    def ask(self, message: str) -> str:
        """Send a query and read the answer."""
        self.send(message)
        reply = self.generator.next_reply()
        assert reply is not None, f"no answer to {message}"
        return reply.content.decode("latin-1")

    def value(self, message: str) -> float:
        """Ask for a number."""
        return float(self.ask(message))

    def errors(self) -> list[int]:
        """Take all errors."""
        found = []
        while (code := int(self.ask(":SYST:ERR?").partition(",")[0])) != 0:
            found.append(code)
        return found


@pytest.fixture
def table() -> Table:
    """Return an 81160A with 50 ohm on each connector of channel 1."""
    return Table()
