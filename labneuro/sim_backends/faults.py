"""Faults on demand: what can go wrong with an instrument and its connection.

A fault stands in the bench file (``simulation: faults:``), is injected by a test
(:func:`inject`), or is switched on over the control port of a served bench. It strikes
at the n-th message that the instrument gets, with a probability at each, or at every
one; ``containing`` narrows the messages that count.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from labneuro.errors import BenchConfigError, InstrumentError
from labneuro.sim_backends.wiring import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labneuro.bench import FaultConfig
    from labneuro.sim_backends.base import Reply, SimulatedInstrument
    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.wiring import Circuit

WRONG_IDENTITY = b"ACME INSTRUMENTS,MODEL 1,0,0"
_BEYOND = 1e30  # V and A: beyond any range
_PRINTABLE = (33, 127)
_AT_REPLY = ("time-out", "garbage", "truncated block", "slow reply")
_beyond: WeakKeyDictionary[Circuit, set[Drive]] = WeakKeyDictionary()


class ConnectionDroppedError(InstrumentError):
    """The connection between a client and a simulated instrument was cut."""


class Faults:
    """The faults of one instrument.

    Parameters
    ----------
    instrument : SimulatedInstrument
        The instrument.
    seed : int
        Of the bench: what happens with a probability is repeatable.
    """

    def __init__(self, instrument: SimulatedInstrument, seed: int) -> None:
        self._instrument = instrument
        self._generator = np.random.default_rng((seed, 0xFA))
        self._active: list[tuple[FaultConfig, list[int]]] = []
        self._at_reply: deque[FaultConfig] = deque()
        self._identity_asked = False

    def __bool__(self) -> bool:
        return bool(self._active or self._at_reply)

    @property
    def active(self) -> tuple[FaultConfig, ...]:
        """The faults that are switched on."""
        return tuple(config for config, _ in self._active)

    def add(self, config: FaultConfig) -> None:
        """Switch a fault on; its count of messages begins at 0."""
        self._active.append((config, [0]))

    def remove(self, config: FaultConfig) -> None:
        """Switch a fault off."""
        self._active = [one for one in self._active if one[0] is not config]
        self._close_interlock()

    def clear(self) -> None:
        """Switch all faults off."""
        self._active.clear()
        self._at_reply.clear()
        self._close_interlock()

    def _close_interlock(self) -> None:
        if not any(one.kind == "interlock open" for one in self.active):
            self._instrument.interlock_open = False

    def _take(self, message: bytes) -> list[FaultConfig]:
        """Return the faults that strike at a message."""
        text = message.decode("latin-1")
        due = []
        for config, count in self._active:
            if config.containing.lower() not in text.lower():
                continue
            count[0] += 1
            if config.at is not None:
                strikes = count[0] == config.at
            elif config.probability is not None:
                strikes = bool(self._generator.random() < config.probability)
            else:
                strikes = True
            if strikes:
                due.append(config)
        return due

    def write(self, message: bytes) -> None:
        """Let the instrument take a message, or not.

        Raises
        ------
        ConnectionDroppedError
            If the connection drops; the instrument has not got the message.
        """
        due = self._take(message)
        kinds = {config.kind for config in due}
        if "dropped connection" in kinds:
            name = self._instrument.name
            raise ConnectionDroppedError(f"{name}: the connection was dropped")
        asked = b"*IDN?" in message.upper()
        self._identity_asked = asked and "wrong identity" in kinds
        if "interlock open" in kinds:
            self._instrument.interlock_open = True
        self._at_reply.extend(config for config in due if config.kind in _AT_REPLY)
        if "over-range" in kinds:
            self._instrument.write_within(message, self._out_of_range)
        else:
            self._instrument.write(message)
        for config in due:
            if config.kind == "error in queue":
                self._instrument.report_failure(config.code)

    @contextmanager
    def _out_of_range(self) -> Iterator[None]:
        """Let every reading of the instrument be beyond any range.

        A script may be long: other instruments go on meanwhile, with their own readings
        or, by a fault of their own, without.
        """
        circuit = self._instrument.circuit
        own = self._instrument.drives.values()
        replaced: dict[str, Callable[[Drive, float], Reading]] = vars(circuit)
        beyond = _beyond.setdefault(circuit, set())
        with circuit.clock.turn:
            beyond.update(own)
            replaced["measure"] = partial(_measure, circuit, beyond)
        try:
            yield
        finally:
            with circuit.clock.turn:
                beyond.difference_update(own)
                if not beyond:
                    del replaced["measure"]

    def distort(self, reply: Reply) -> Reply | None:
        """Return a reply as it arrives; None if it is lost."""
        if self._identity_asked:
            self._identity_asked = False
            reply = reply._replace(content=WRONG_IDENTITY)
        found: Reply | None = reply
        while self._at_reply and found is not None:
            config = self._at_reply.popleft()
            found = self._distorted(config, found)
        return found

    def _distorted(self, config: FaultConfig, reply: Reply) -> Reply | None:
        if config.kind == "time-out":
            return None
        if config.kind == "slow reply":
            return reply._replace(ready=reply.ready + config.delay)
        length = len(reply.content)
        if config.kind == "truncated block":
            half = reply.content[: length // 2]
            return reply._replace(content=half, terminator=b"")
        noise = self._generator.integers(*_PRINTABLE, max(1, length), dtype=np.uint8)
        return reply._replace(content=noise.tobytes())


def _measure(
    circuit: Circuit, beyond: set[Drive], drive: Drive, aperture: float
) -> Reading:
    reading = type(circuit).measure(circuit, drive, aperture)
    return Reading(_BEYOND, _BEYOND, False) if drive in beyond else reading


@contextmanager
def inject(library: str, config: FaultConfig) -> Iterator[None]:
    """Switch a fault on at a bench of this process for the length of a block.

    Parameters
    ----------
    library : str
        The VISA library's specification, such as ``"hnno-sim@labneuro"``.
    config : FaultConfig
        The fault.

    Raises
    ------
    BenchConfigError
        If the bench has no such instrument.
    """
    # Imported here: the powered benches put the faults of their files into stations.
    from labneuro.sim_backends.visa.powered_benches import power_on  # noqa: PLC0415

    faults = power_on(library).faults
    if config.instrument not in faults:
        known = ", ".join(faults)
        raise BenchConfigError(
            f"faults: instrument {config.instrument!r} is unknown; known: {known}"
        )
    faults[config.instrument].add(config)
    try:
        yield
    finally:
        faults[config.instrument].remove(config)
