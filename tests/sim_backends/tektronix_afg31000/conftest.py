"""A simulated AFG31000 with a resistor, for its tests."""

from __future__ import annotations

import numpy as np
import pytest

from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000
from labneuro.sim_backends.wiring import Circuit

LOAD = 50.0


class Table:
    """An AFG with a resistor on channel 1 and nothing on channel 2."""

    def __init__(self, load=LOAD, kind=TektronixAfg31000):
        self.clock = VirtualClock()
        self.circuit = Circuit(
            self.clock, [["afg.ch1"]], resistors=[("afg.ch1", "ground", load)]
        )
        generator = np.random.default_rng(1)
        surroundings = Surroundings(self.clock, self.circuit, generator)
        self.afg = kind("afg", surroundings)
        self.send("*CLS")

    def send(self, *messages):
        """Send messages."""
        for message in messages:
            self.afg.write(message.encode("latin-1"))

    def ask(self, message):
        """Send a query and read the answer."""
        self.send(message)
        reply = self.afg.next_reply()
        assert reply is not None, f"no answer to {message}"
        return reply.content.decode("latin-1")

    def value(self, message):
        """Ask for a number."""
        return float(self.ask(message))

    def error(self):
        """Take the oldest error."""
        return int(self.ask("SYST:ERR?").partition(",")[0])

    def volts(self, span=0.0):
        """Mean voltage at the load of channel 1 over the next `span` s."""
        return self.circuit.measure(self.afg.drives["ch1"], span).voltage

    def trace(self, step, count):
        """Mean voltages over `count` steps of `step` s."""
        return np.array([self.volts(step) for _ in range(count)])


@pytest.fixture
def table():
    """Return an AFG31102 with 50 ohm on channel 1."""
    return Table()


@pytest.fixture(scope="session")
def make_table():
    """Return a function that sets up a model with a load."""
    return Table
