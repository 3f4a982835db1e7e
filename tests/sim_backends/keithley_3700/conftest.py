"""A simulated 3706A on a small circuit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from labneuro.sim_backends.base import Surroundings
from labneuro.sim_backends.clock import VirtualClock
from labneuro.sim_backends.keithley_3700.instrument import Keithley3706A
from labneuro.sim_backends.wiring import Circuit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from labneuro.devices.base import TwoTerminalDevice
    from labneuro.sim_backends.drives import Drive

PATIENCE = 30.0  # s of wall time for what ends by itself


class SwitchBench:
    """A 3706A, ``sw``, and what it is wired to; a source drives ``source.out``."""

    def __init__(
        self,
        nets: Sequence[Sequence[str]] = (),
        device: TwoTerminalDevice | None = None,
        resistors: Sequence[tuple[str, str, float]] = (),
        modules: Mapping[str, str] | None = None,
        *,
        noise: bool = False,
    ) -> None:
        self.clock = VirtualClock()
        self.circuit = Circuit(self.clock, nets, device, resistors)
        self.source: Drive = self.circuit.drive("source.out")
        surroundings = Surroundings(
            self.clock,
            self.circuit,
            np.random.default_rng(1),
            50.0,
            noise,
            modules or {},
        )
        self.switch = Keithley3706A("sw", surroundings)

    def send(self, *messages: str) -> None:
        """Send messages; wait for the end of what they start."""
        for message in messages:
            self.switch.write(message.encode("latin-1"))
            assert self.switch.wait_idle(PATIENCE)

    def ask(self, message: str) -> str:
        """Send a message that has one reply, and read it."""
        self.send(message)
        reply = self.switch.next_reply()
        assert reply is not None, message
        assert self.switch.next_reply() is None, message
        return reply.content.decode("latin-1")

    def show(self, expression: str) -> str:
        """Print an expression."""
        return self.ask(f"print({expression})")

    def values(self, expression: str) -> list[float]:
        """Print numbers."""
        return [float(word) for word in self.show(expression).split("\t")]

    def value(self, expression: str) -> float:
        """Print a number."""
        return float(self.show(expression))

    def numbers(self, message: str) -> list[float]:
        """Send a message that prints a buffer in ASCII, and read it."""
        return [float(word) for word in self.ask(message).split(", ")]

    def closed(self) -> str:
        """Return what is closed."""
        return self.show('channel.getclose("allslots")')

    def error(self) -> tuple[int, str]:
        """Take the oldest error: number and text."""
        code, text, *_ = self.show("errorqueue.next()").split("\t")
        return int(float(code)), text

    def time_of(self, message: str) -> float:
        """Send a message and return the bench time that it took beyond an empty one."""
        start = self.clock.now
        self.send("local nothing")
        between = self.clock.now
        self.send(message)
        return (self.clock.now - between) - (between - start)


@pytest.fixture
def switch() -> SwitchBench:
    """Return a 3706A with a 3730 in slot 1, wired to nothing."""
    return SwitchBench()


@pytest.fixture
def two_cards() -> SwitchBench:
    """Return a 3706A with a 3730 in slots 1 and 2."""
    return SwitchBench(modules={"slot1": "3730", "slot2": "3730"})


@pytest.fixture
def make_switch() -> Callable[..., SwitchBench]:
    """Return a function that sets up a 3706A in a circuit."""
    return SwitchBench
