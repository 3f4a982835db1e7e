"""A run through the command line, with everything that happens to it written down.

The run goes through :func:`labneuro.cli.main.main` in this process, on a simulated
bench in virtual time; what is observed is the bench itself, not what the run says.
"""

from __future__ import annotations

import contextlib
import io
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from labneuro.cli.main import main
from labneuro.data.run_file import RunWriter
from labneuro.instruments.connection import ConnectedBench
from labneuro.protocols import runner
from labneuro.protocols.catalog import protocol_class
from labneuro.sim_backends.network import OPEN
from labneuro.sim_backends.visa.powered_benches import PoweredBench
from labneuro.sim_backends.visa.station import Station

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from labneuro.bench import FaultConfig

    Rows = dict[str, NDArray[np.generic]]

CONNECT, PREPARE, SAFE, AFTER = "connect", "prepare", "make_safe", "after"


class Message(NamedTuple):
    """A message that an instrument got.

    Attributes
    ----------
    instrument : str
    number : int
        Among the instrument's messages, from 1 on.
    phase : str
        What the run was doing: ``"connect"``, ``"prepare"``, ``"step 3"``,
        ``"make_safe"`` or ``"after"``.
    answered : bool
        Whether a reply was there at once.
    """

    instrument: str
    number: int
    phase: str
    answered: bool


class LastingFault(NamedTuple):
    """A fault that begins at an instrument's n-th message and stays."""

    number: int
    config: FaultConfig


@dataclass
class Observation:
    """What one run did.

    Attributes
    ----------
    code : int
        Exit code.
    stderr : str
    crash : str
        Traceback of what the command line did not catch; empty otherwise.
    messages : list of Message
    unsafe : list of str
        Outputs that were on when the bench was switched off.
    acknowledged : list of dict
        Rows of the steps that a progress event told of.
    """

    code: int = -1
    stderr: str = ""
    crash: str = ""
    messages: list[Message] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    acknowledged: list[Rows] = field(default_factory=list)

    def count(self, instrument: str) -> int:
        """Return how many messages an instrument got."""
        return sum(one.instrument == instrument for one in self.messages)


class _Watcher:
    """Writes down what happens between run and bench."""

    def __init__(self, lasting: LastingFault | None) -> None:
        self.seen = Observation()
        self.phase = CONNECT
        self._lasting = lasting
        self._written: Rows = {}
        self._counts: dict[str, int] = {}
        self._in_safe_state = 0

    def write(self, original: Callable[..., None]) -> Callable[..., None]:
        def write(station: Station, data: bytes, timeout: float) -> None:
            name = station.name
            number = self._counts[name] = self._counts.get(name, 0) + 1
            lasting = self._lasting
            if lasting and (name, number) == (
                lasting.config.instrument,
                lasting.number,
            ):
                station.faults.add(lasting.config)
            answered = False
            try:
                original(station, data, timeout)
                answered = station.instrument.message_available
            finally:
                phase = SAFE if self._in_safe_state else self.phase
                self.seen.messages.append(Message(name, number, phase, answered))

        return write

    def make_safe(self, original: Callable[..., None]) -> Callable[..., None]:
        def make_safe(bench: ConnectedBench) -> None:
            self._in_safe_state += 1
            try:
                original(bench)
            finally:
                self._in_safe_state -= 1
                self.phase = AFTER

        return make_safe

    def switch_off(self, original: Callable[..., None]) -> Callable[..., None]:
        def switch_off(powered: PoweredBench) -> None:
            for name, instrument in powered.bench.instruments.items():
                for terminal, drive in instrument.drives.items():
                    still = drive.level == 0.0 and not drive.plan
                    if drive.mode != OPEN and not still:
                        self.seen.unsafe.append(f"{name}.{terminal}: {drive.level:g}")
            original(powered)

        return switch_off

    def append(self, original: Callable[..., None]) -> Callable[..., None]:
        def append(writer: RunWriter, step: int, rows: Rows) -> None:
            original(writer, step, rows)
            self._written = {name: column.copy() for name, column in rows.items()}

        return append

    def progress(self, *arguments: object) -> object:
        self.seen.acknowledged.append(self._written)
        return runner_progress(*arguments)

    def measurement(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def measurement(protocol: object, bench: ConnectedBench) -> Any:
            return _Followed(original(protocol, bench), self)

        return measurement


runner_progress: Callable[..., object] = runner.Progress


class _Followed:
    """A measurement that says what it is doing."""

    def __init__(self, measurement: Any, watcher: _Watcher) -> None:
        self._measurement = measurement
        self._watcher = watcher

    def prepare(self) -> None:
        self._watcher.phase = PREPARE
        self._measurement.prepare()

    def measure(self, index: int) -> object:
        self._watcher.phase = f"step {index}"
        return self._measurement.measure(index)

    def __getattr__(self, name: str) -> object:
        return getattr(self._measurement, name)


@contextlib.contextmanager
def _watched(watcher: _Watcher, protocol: str) -> Iterator[None]:
    places: list[tuple[type, str, Callable[..., Any]]] = [
        (Station, "write", watcher.write),
        (ConnectedBench, "make_safe", watcher.make_safe),
        (PoweredBench, "switch_off", watcher.switch_off),
        (RunWriter, "append", watcher.append),
        (protocol_class(protocol), "measurement", watcher.measurement),
    ]
    with contextlib.ExitStack() as stack:
        for owner, name, wrap in places:
            wrapped = wrap(getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, wrapped))
        stack.enter_context(mock.patch.object(runner, "Progress", watcher.progress))
        yield


def observe(
    protocol: str,
    recipe: str,
    bench: Path,
    out: Path,
    changes: Sequence[str] = (),
    lasting: LastingFault | None = None,
) -> Observation:
    """Run a recipe by the command line and return what happened.

    Parameters
    ----------
    protocol : str
        Name of the recipe's measurement protocol.
    recipe : str
        By name.
    bench : Path
        Bench file.
    out : Path
        Run file to create.
    changes : sequence of str
        As for ``--set``.
    lasting : LastingFault, optional
        A fault that begins in mid-run.
    """
    watcher = _Watcher(lasting)
    words = ["run", recipe, "--bench", str(bench), "--out", str(out)]
    for change in changes:
        words += ["--set", change]
    told, said = io.StringIO(), io.StringIO()
    seen = watcher.seen
    with (
        _watched(watcher, protocol),
        contextlib.redirect_stderr(told),
        contextlib.redirect_stdout(said),
    ):
        try:
            seen.code = main(words)
        except Exception:
            seen.crash = traceback.format_exc()
    seen.stderr = told.getvalue()
    return seen
