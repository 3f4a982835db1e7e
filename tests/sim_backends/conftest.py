"""A simulated 2636B on a small circuit, for the tests of the TSP instruments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

from labneuro.devices.base import TwoTerminalDevice
from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import RealClock, VirtualClock
from labneuro.sim_backends.keithley_2600.instrument import Keithley2636B
from labneuro.sim_backends.wiring import Circuit

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30.0  # s of wall time for what ends by itself


class Resistor(TwoTerminalDevice):
    """An ohmic device that writes down what it lives through."""

    terminals: ClassVar[tuple[str, str]] = ("high", "low")

    def __init__(self, resistance: float) -> None:
        self.resistance = resistance
        self.lived: list[tuple[float, float]] = []

    def operating_point(
        self, source_voltage: float, series: float
    ) -> tuple[float, float]:
        current = source_voltage / (self.resistance + series)
        return current * self.resistance, current

    def advance(self, voltage: float, duration: float) -> None:
        self.lived.append((voltage, duration))


class SmuBench:
    """A 2636B with a resistor from channel A to ground; channel B is open."""

    def __init__(
        self, load: float = 1e3, *, noise: bool = False, real: bool = False
    ) -> None:
        self.clock = RealClock() if real else VirtualClock()
        self.device = Resistor(load)
        self.circuit = Circuit(
            self.clock,
            [["smu.smua", "device.high"], ["device.low", "ground"]],
            self.device,
        )
        generator = np.random.default_rng(1)
        surroundings = Surroundings(self.clock, self.circuit, generator, 50.0, noise)
        self.smu = Keithley2636B("smu", surroundings)

    def send(self, *messages: str) -> None:
        """Send messages; wait for the end of what they start."""
        for message in messages:
            self.smu.write(message.encode("latin-1"))
            assert self.smu.wait_idle(PATIENCE)

    def replies(self) -> list[bytes]:
        """Take all replies that wait."""
        found = []
        while (reply := self.smu.next_reply()) is not None:
            found.append(reply.content)
        return found

    def ask(self, message: str) -> str:
        """Send a message that has one reply, and read it."""
        self.send(message)
        replies = self.replies()
        assert len(replies) == 1, f"{message}: {replies}"
        return replies[0].decode("latin-1")

    def value(self, expression: str) -> float:
        """Print a number."""
        return float(self.ask(f"print({expression})"))

    def values(self, expression: str) -> list[float]:
        """Print several numbers."""
        return [float(word) for word in self.ask(f"print({expression})").split("\t")]

    def numbers(self, message: str) -> list[float]:
        """Send a message that prints a buffer in ASCII, and read it."""
        return [float(word) for word in self.ask(message).split(", ")]

    def error(self) -> int:
        """Take the oldest error's number."""
        return int(float(self.ask("print(errorqueue.next())").split("\t")[0]))

    def time_of(self, message: str) -> float:
        """Send a message and return the bench time that it took beyond an empty one."""
        start = self.clock.now
        self.send("local nothing")
        between = self.clock.now
        self.send(message)
        return (self.clock.now - between) - (between - start)


@pytest.fixture
def smu_bench() -> SmuBench:
    """Return a 2636B without noise, with 1 kohm on channel A."""
    return SmuBench()


@pytest.fixture
def make_smu_bench() -> Callable[..., SmuBench]:
    """Return a function that sets up a 2636B with a load, noise or a real clock."""
    return SmuBench


@pytest.fixture
def make_resistor() -> Callable[[float], Resistor]:
    """Return a function that makes an ohmic device."""
    return Resistor


@pytest.fixture
def close() -> Callable[..., bool]:
    """Return a comparison of floats that is relative and strict near zero."""
    return lambda a, b, rel=1e-9: math.isclose(a, b, rel_tol=rel, abs_tol=0.0)
