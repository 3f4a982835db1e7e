"""The controller's side of the watchdog: starts it, feeds it, sends it away."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from labneuro.errors import InstrumentError, SafeStateError
from labneuro.instruments.addresses import connection_settings
from labneuro.instruments.bench_lock import runtime_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from labneuro.bench import BenchConfig

BEAT = 0.2
"""s between two heartbeats."""
_ARMING = 30.0  # s for the process to start on a busy computer
_LEAVING = 5.0  # s for it to end once disarmed
_MODULE = "labneuro.instruments.watchdog_process"
_log = logging.getLogger(__name__)


class Watchdog:
    """A process that makes the bench safe if this one ends or falls silent.

    It is in a session of its own: Ctrl-C and the end of a terminal do not reach it.

    Parameters
    ----------
    orders : mapping
        What `orders_for` made.
    inherited : sequence of int
        Descriptors that stay open in it: the bench's locks.
    """

    def __init__(
        self, orders: Mapping[str, Any], inherited: Sequence[int] = ()
    ) -> None:
        searched = os.pathsep.join(place or os.curdir for place in sys.path)
        self._process = subprocess.Popen(  # noqa: S603  this interpreter, our module
            [sys.executable, "-P", "-m", _MODULE],
            env={**os.environ, "PYTHONPATH": searched},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            pass_fds=tuple(inherited) if os.name == "posix" else (),
        )
        self._answer = ""
        self._answered, self._done = threading.Event(), threading.Event()
        self._lost = False
        self._write(json.dumps(orders))
        self._thread = threading.Thread(
            target=self._beat, name="watchdog heartbeat", daemon=True
        )
        self._thread.start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def wait_armed(self) -> None:
        """Wait until it could act at once; no output may go on before.

        Raises
        ------
        InstrumentError
            If it does not start.
        """
        if not self._answered.wait(_ARMING) or self._answer != "armed":
            reason = self._answer.partition("failed: ")[2] or "no answer"
            raise InstrumentError(f"the watchdog does not start: {reason}")

    def check(self) -> None:
        """Raise if it has acted or is gone: then the outputs are off or unguarded.

        Raises
        ------
        InstrumentError
            With what it said at the end.
        """
        if self._lost or self._process.poll() is not None:
            self._thread.join(_LEAVING)
            reason = self._answer.partition("labneuro watchdog: ")[2]
            raise InstrumentError(
                f"stopped, since the watchdog has ended: {reason or 'no reason given'}"
            )

    def disarm(self) -> None:
        """Send it away: the bench is safe."""
        self._stop_beating()
        try:
            self._write("disarm")
        except OSError:
            _log.warning("the watchdog had ended before: %s", self._answer)
        self._close(self._process.stdin)
        try:
            self._process.wait(_LEAVING)
        except subprocess.TimeoutExpired:
            _log.warning("watchdog %d does not end", self.pid)
        self._close(self._process.stdout)

    def release(self) -> None:
        """Leave the bench to it: it is not known to be safe."""
        self._stop_beating()
        self._close(self._process.stdin)
        self._close(self._process.stdout)

    def _stop_beating(self) -> None:
        self._done.set()
        self._thread.join(_ARMING)

    @staticmethod
    def _close(stream: Any) -> None:  # noqa: ANN401  a pipe's end or None
        try:
            if stream is not None:
                stream.close()
        except OSError as error:  # it had ended with a line unread
            _log.debug("a pipe of the watchdog: %s", error)

    def _write(self, line: str) -> None:
        stream = self._process.stdin
        if stream is not None:
            stream.write(line.encode() + b"\n")
            stream.flush()

    def _read(self) -> str:
        stream = self._process.stdout
        return stream.readline().decode().strip() if stream is not None else ""

    def _beat(self) -> None:
        self._answer = self._read()
        self._answered.set()
        while not self._done.wait(BEAT):
            try:
                self._write("beat")
            except OSError:
                self._answer = self._read()
                self._lost = True
                return


def orders_for(
    config: BenchConfig, safe_messages: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return what a watchdog must know of a bench.

    Parameters
    ----------
    config : BenchConfig
        The bench.
    safe_messages : mapping of str to sequence of str
        What makes an instrument safe, by its name on the bench.
    """
    # Relays move when nothing drives them.
    relays = config.roles.get("switch_matrix", "")
    return {
        "pid": os.getpid(),
        "library": config.visa_library,
        "timeout": config.watchdog.timeout,
        "log": str(runtime_folder() / "watchdog.log"),
        "instruments": [
            {
                "name": name,
                "address": config.instruments[name].address,
                "settings": connection_settings(config.instruments[name].address),
                "messages": list(messages),
                "stage": int(name == relays),
            }
            for name, messages in safe_messages.items()
            if messages
        ],
    }


@contextmanager
def watch(orders: Mapping[str, Any], inherited: Sequence[int]) -> Iterator[Watchdog]:
    """Have a bench watched; disarmed only where the block ends without doubt.

    A `SafeStateError` leaves the bench to the watchdog: it tries on by connections of
    its own.
    """
    watchdog = Watchdog(orders, inherited)
    try:
        yield watchdog
    except SafeStateError:
        watchdog.release()
        raise
    except BaseException:
        watchdog.disarm()
        raise
    watchdog.disarm()
