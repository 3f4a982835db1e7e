"""The watchdog's own process: makes a bench safe once its controller is gone.

Run as ``python -m labneuro.instruments.watchdog_process``. It reads its orders as one
line of JSON from standard input, answers ``armed`` when it could act at once, and then
takes a ``beat`` a line. ``disarm`` ends it; the end of the input or silence makes it
act. It imports nothing but pyvisa, so that it is armed while the controller still opens
its instruments.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

LOOK = 0.05
"""s between two looks at the controller."""
OPENING, ANSWER = 700, 500  # ms for a connection and for a message
_PERSISTENCE = 30.0  # s for which a connection is tried again
_PAUSE = 0.2
_TIMES, _AGAIN = 2, 0.3  # sent, and s between
_STAGE = 0.7  # s that relays wait for the stimuli before them
_LONGEST_COMPUTING = 60.0  # s for which a controller without heartbeat may compute
_WORKING = ("R", "D")  # states of a thread (proc(5)): on a processor, in the disk


def main() -> int:
    """Watch a controller; return 0 once the bench is known to be safe, else 3."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # it ends when its controller does
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    orders = json.loads(sys.stdin.readline())
    try:
        manager = _load(orders["library"])
    except Exception as error:  # whatever it is, the controller must hear of it
        _say(f"failed: {' '.join(str(error).split())}")
        return 1
    _say("armed")
    reason = Watch(orders["pid"], orders["timeout"]).wait()
    if not reason:
        return 0
    began = time.monotonic()
    unsafe = make_safe(manager, orders["instruments"])
    duration = time.monotonic() - began
    result = "; ".join(unsafe) or "every instrument has its safe commands"
    line = f"labneuro watchdog: {reason}: {result} ({duration:.2f} s)"
    _record(Path(orders["log"]), line)
    _say(line)
    return 3 if unsafe else 0


def _load(library: str) -> Any:  # noqa: ANN401  pyvisa is imported here only
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of interfaces that this computer lacks
        import pyvisa  # noqa: PLC0415  a failure is to be told

        return pyvisa.ResourceManager(library)


def _say(line: str) -> None:
    with suppress(OSError, ValueError):  # nobody may be left to listen
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _record(log: Path, line: str) -> None:
    with suppress(OSError, ValueError):  # the terminal may be closed
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    with suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")


class Watch:
    """Waits for the controller's end or silence.

    Parameters
    ----------
    pid : int
        The controller's process.
    timeout : float
        Longest silence in s.
    """

    def __init__(self, pid: int, timeout: float) -> None:
        self._pid = pid
        self._timeout = timeout
        self._words: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._parent = os.getppid()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self._words.put(line.strip())
        self._words.put(None)

    def wait(self) -> str:
        """Return why the bench must be made safe; empty once it is disarmed."""
        silence = 0.0
        while True:
            try:
                word = self._words.get(timeout=LOOK)
            except queue.Empty:
                # Looks are counted, not the clock: it may be this process that slept.
                silence += LOOK
                if reason := self._suspicion(silence):
                    return reason
            else:
                if word is None:
                    return f"controller {self._pid} has ended"
                if word == "disarm":
                    return ""
                silence = 0.0

    def _suspicion(self, silence: float) -> str:
        """Return why a controller that is silent must be taken for lost, if it must."""
        if os.getppid() != self._parent:  # a child of its own may keep the pipe open
            return f"controller {self._pid} has ended"
        if silence < self._timeout:
            return ""
        if silence < self._timeout + _LONGEST_COMPUTING and is_working(self._pid):
            return ""
        return f"no heartbeat of controller {self._pid} for {silence:.1f} s"


def is_working(pid: int) -> bool:
    """Whether a thread of a process is computing or in the disk; Linux only.

    A computation that keeps Python's interpreter lock holds up the heartbeat, and a
    stopped or deadlocked process does so, too: the state of its threads tells them
    apart.
    """
    tasks = Path(f"/proc/{pid}/task")
    try:
        states = [
            (task / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
            for task in tasks.iterdir()
        ]
    except (OSError, IndexError):
        return False
    return any(state in _WORKING for state in states)


def make_safe(
    manager: Any,  # noqa: ANN401  a pyvisa.ResourceManager
    recipes: list[dict[str, Any]],
) -> list[str]:
    """Send every instrument its safe commands; return what could not be reached.

    Instruments of one stage are served at the same time: one that hangs does not keep
    another one's output on.

    Parameters
    ----------
    manager : pyvisa.ResourceManager
        Opens the connections.
    recipes : list of dict
        ``name``, ``address``, ``settings`` of the connection, ``messages``, ``stage``.
    """
    failures: dict[str, str] = {}
    threads = []
    for stage in sorted({recipe["stage"] for recipe in recipes}):
        started = [
            threading.Thread(target=_rescue, args=(manager, one, failures), daemon=True)
            for one in recipes
            if one["stage"] == stage
        ]
        for thread in started:
            thread.start()
        end = time.monotonic() + _STAGE
        for thread in started:
            thread.join(max(0.0, end - time.monotonic()))
        threads += started
    for thread in threads:
        thread.join(_PERSISTENCE + (OPENING + ANSWER) / 1000.0)
    return [f"{name} NOT made safe: {reason}" for name, reason in failures.items()]


def _rescue(
    manager: Any,  # noqa: ANN401  a pyvisa.ResourceManager
    recipe: dict[str, Any],
    failures: dict[str, str],
) -> None:
    """Bring one instrument to its safe state; try again while it cannot be reached.

    Twice: what the controller sent last may still be on its way.
    """
    end = time.monotonic() + _PERSISTENCE
    name = recipe["name"]
    failures[name] = "no answer"
    sent = 0
    while sent < _TIMES:
        try:
            _send(manager, recipe)
        except Exception as error:
            failures[name] = " ".join(str(error).split())
            if time.monotonic() > end:
                return
            time.sleep(_PAUSE)
        else:
            failures.pop(name, None)
            sent += 1
            if sent < _TIMES:
                time.sleep(_AGAIN)


def _send(manager: Any, recipe: dict[str, Any]) -> None:  # noqa: ANN401  as above
    resource = manager.open_resource(
        recipe["address"], open_timeout=OPENING, timeout=ANSWER, **recipe["settings"]
    )
    try:
        with suppress(Exception):  # a connection without device clear is good enough
            resource.clear()
        for message in recipe["messages"]:
            resource.write_raw(f"{message}\n".encode())
    finally:
        resource.close()


if __name__ == "__main__":
    code = main()
    os._exit(code)  # no thread that still waits for an instrument keeps the lock
