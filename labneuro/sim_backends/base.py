"""What every simulated instrument has in common, whatever language it speaks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from labneuro.errors import BenchConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import numpy as np

    from labneuro.sim_backends.clock import Clock
    from labneuro.sim_backends.drives import Drive, Probe
    from labneuro.sim_backends.wiring import Circuit


@dataclass(frozen=True)
class Surroundings:
    """What an instrument shares with its bench.

    Attributes
    ----------
    clock : Clock
        Bench time.
    circuit : Circuit
        The wiring that the outputs drive.
    generator : numpy.random.Generator
        This instrument's own stream of noise, from the bench's seed.
    line_frequency : float
        Power-line frequency in Hz.
    noise : bool
        Whether readings carry the instrument's noise.
    modules : mapping of str to str
        Plug-in modules by slot, as the bench file names them.
    """

    clock: Clock
    circuit: Circuit
    generator: np.random.Generator
    line_frequency: float = 50.0
    noise: bool = True
    modules: Mapping[str, str] = field(default_factory=dict)


class Terminals(NamedTuple):
    """An instrument's terminals on the circuit.

    Attributes
    ----------
    outputs, inputs : tuple of str
        Sources and voltage inputs.
    contacts : tuple of str
        Ends of relay contacts.
    """

    outputs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every terminal."""
        return self.outputs + self.inputs + self.contacts


class Reply(NamedTuple):
    """A response message and the bench time at which it can be read.

    Attributes
    ----------
    ready : float
        Bench time in s.
    content : bytes
        The message without its terminator.
    terminator : bytes
        What follows it; a message that was cut short has none.
    """

    ready: float
    content: bytes
    terminator: bytes = b"\n"


class BenchInstrument:
    """An instrument that stands on a simulated bench, however it is spoken to.

    Parameters
    ----------
    name : str
        Name on the bench, such as ``"smu"``.
    surroundings : Surroundings
        What it shares with the bench.

    Attributes
    ----------
    interlock_open : bool
        Whether the lid of the test fixture is open, for those that have an interlock.

    Raises
    ------
    BenchConfigError
        If it cannot hold a module that the bench file names.
    """

    terminals: ClassVar[tuple[str, ...]] = ()
    inputs: ClassVar[tuple[str, ...]] = ()
    trigger_outputs: ClassVar[tuple[str, ...]] = ()
    interlock_open: bool = False
    trigger_inputs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        self.name = name
        self.clock = surroundings.clock
        self.circuit = surroundings.circuit
        self.generator = surroundings.generator
        self.line_frequency = surroundings.line_frequency
        self.noise = surroundings.noise
        self.modules = surroundings.modules
        circuit, terminals = self.circuit, self.terminals_with(self.modules)
        self.drives: dict[str, Drive] = {
            terminal: circuit.drive(f"{name}.{terminal}")
            for terminal in terminals.outputs
        }
        self.probes: dict[str, Probe] = {
            terminal: circuit.probe(f"{name}.{terminal}")
            for terminal in terminals.inputs
        }
        self.trigger_lines: dict[str, list[Callable[[], None]]] = {
            line: [] for line in self.trigger_outputs
        }

    @classmethod
    def terminals_with(cls, modules: Mapping[str, str]) -> Terminals:
        """Return the terminals of an instrument with these modules by slot.

        Raises
        ------
        BenchConfigError
            If it cannot hold one of them; the message names the slot.
        """
        for slot, module in modules.items():
            raise BenchConfigError(
                f"modules.{slot}: {module!r}: this model has no slots for modules"
            )
        return Terminals(cls.terminals, cls.inputs)

    def trigger_in(self, line: str) -> None:
        """Take an edge on an external trigger input."""

    def send_trigger(self, line: str) -> None:
        """Put an edge on an external trigger output."""
        for receive in self.trigger_lines[line]:
            receive()


class SimulatedInstrument(BenchInstrument, ABC):
    """An instrument that takes messages and gives replies on a simulated bench.

    Parameters
    ----------
    name, surroundings
        As for :class:`BenchInstrument`.
    """

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        super().__init__(name, surroundings)
        self._replies: deque[Reply] = deque()

    @abstractmethod
    def write(self, message: bytes) -> None:
        """Take one whole message (what the client sent up to END, terminator cut)."""

    def write_within(
        self, message: bytes, around: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Take one whole message within a context.

        Parameters
        ----------
        message : bytes
            As for :meth:`write`.
        around : callable
            Returns what is entered before the message is carried out and left after,
            wherever that happens.
        """
        with around():
            self.write(message)

    def reply(self, content: bytes) -> None:
        """Queue a response message, without terminator, readable from now on."""
        self._replies.append(Reply(self.clock.now, content))

    def next_reply(self) -> Reply | None:
        """Take the oldest response message, or None while there is none."""
        return self._replies.popleft() if self._replies else None

    @property
    def message_available(self) -> bool:
        """Whether a response waits to be read (MAV)."""
        return bool(self._replies)

    @property
    def busy(self) -> bool:
        """Whether something still runs although :meth:`write` has returned."""
        return False

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing runs; False if `timeout` s of wall time went by first."""
        return True

    def query_interrupted(self) -> bool:
        """Take note that a new message came before a reply was read to its end.

        Returns
        -------
        bool
            Whether what was not read is lost; otherwise it stays to be read.
        """
        return False

    def query_unanswered(self) -> None:
        """Take note that a client tried to read and nothing was there to be sent."""

    def report_failure(self, code: int | None) -> None:
        """Enter an error of the hardware into the instrument's own queue.

        Parameters
        ----------
        code : int, optional
            Its number; the maker's number for a hardware error if not given.

        Raises
        ------
        BenchConfigError
            If the instrument has no error queue.
        """
        raise BenchConfigError(
            f"faults: {self.name!r} has no error queue for error {code}"
        )

    @abstractmethod
    def status_byte(self) -> int:
        """Return the IEEE 488.2 status byte as a serial poll reads it."""

    @abstractmethod
    def clear(self) -> None:
        """Take a device clear: abort what runs, empty input and output."""

    @abstractmethod
    def group_trigger(self) -> None:
        """Take a group execute trigger (GET), as ``*TRG``."""
