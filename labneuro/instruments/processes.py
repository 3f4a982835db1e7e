"""Which process is at work, so that others can tell whether it still is."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PROC = Path("/proc")
_BOOT = _PROC / "sys" / "kernel" / "random" / "boot_id"
_DEAD = ("Z", "X")  # exited, though its parent has not asked for its exit code yet
_START = 19  # field 22 of /proc/PID/stat, counted from the state (field 3)


@dataclass(frozen=True)
class ProcessIdentity:
    """A process, told apart from a later one that got the same number.

    Attributes
    ----------
    host : str
        Name of the machine.
    pid : int
        Number of the process.
    start : str
        When it started, as its system tells it; ``""`` where the system does not.

    References
    ----------
    proc_pid_stat(5): state is field 3, start time in clock ticks since boot field 22.
    """

    host: str
    pid: int
    start: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@lru_cache(maxsize=4)
def _identity(pid: int) -> ProcessIdentity:
    return ProcessIdentity(socket.gethostname(), pid, _start_of(pid) or "")


def this_process() -> ProcessIdentity:
    """Return the identity of the calling process."""
    return _identity(os.getpid())


def is_alive(process: ProcessIdentity) -> bool | None:
    """Return whether a process still runs; None where that cannot be told from here.

    Parameters
    ----------
    process : ProcessIdentity
        As it noted itself.

    Returns
    -------
    bool or None
        None for a process of another machine, or without a start time.
    """
    boot = _boot()
    same_boot = bool(boot) and process.start.startswith(f"{boot}:")
    if process.host != socket.gethostname() and not same_boot:
        return None  # a renamed machine is still this one, as long as it is up
    start = _start_of(process.pid)
    if start is None:
        return None
    if not start:
        return False
    return start == process.start if process.start else None


def _start_of(pid: int) -> str | None:
    """Return when a process started, "" if there is none, None if unknown."""
    if _PROC.joinpath("self", "stat").exists():
        return _start_by_proc(pid)
    return _start_by_ps(pid)


def _start_by_proc(pid: int) -> str:
    try:
        text = _PROC.joinpath(str(pid), "stat").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # gone
        return ""
    # The program's name stands in brackets and may hold anything.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in _DEAD else f"{_boot()}:{fields[_START]}"


def _start_by_ps(pid: int) -> str | None:
    ps = None if sys.platform == "win32" else shutil.which("ps")
    if ps is None:
        return None
    words = (ps, "-o", "state=", "-o", "lstart=", "-p", str(pid))
    answer = subprocess.run(  # noqa: S603  fixed words and a number, no shell
        words, capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    state, _, start = answer.stdout.strip().partition(" ")
    return "" if state[:1] in (*_DEAD, "") else " ".join(start.split())


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="utf-8").strip()
    except OSError:  # no Linux
        return ""
