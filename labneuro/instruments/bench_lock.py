"""One process at a time holds a bench: a lock on its file and on every address.

The lock is the operating system's own, so it cannot outlive its holder and cannot be
taken from a live one. What stands in the lock file only tells who holds it. A watchdog
inherits the lock: a bench whose controller died stays locked until it is safe.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
import os
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyvisa import rname

from labneuro.errors import BenchInUseError, SafeStateError
from labneuro.instruments.processes import ProcessIdentity, is_alive, this_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labneuro.bench import BenchConfig

_MOST_READ = 4096
_TRIES = 5
_BEYOND = 1 << 30  # byte that Windows locks, so that the content stays readable
_log = logging.getLogger(__name__)


class Holder(NamedTuple):
    """Who holds a lock.

    Attributes
    ----------
    bench : str
        The bench file.
    owner, host : str
        User and computer.
    pid : int
        Process.
    started : str
        When the process started, as in `ProcessIdentity`.
    since : float
        Unix time in s.
    """

    bench: str
    owner: str
    host: str
    pid: int
    started: str
    since: float

    @property
    def is_alive(self) -> bool:
        """Whether that very process still runs, or may do so where nobody knows."""
        identity = ProcessIdentity(self.host, self.pid, self.started)
        return is_alive(identity) is not False


def runtime_folder() -> Path:
    """Return this user's folder for lock files, made if it is missing.

    Raises
    ------
    BenchInUseError
        If it belongs to somebody else, who could then hold or fake any lock.
    """
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if given and Path(given).is_dir():
        folder = Path(given) / "labneuro"
    else:
        user = os.getuid() if hasattr(os, "getuid") else _user()
        folder = Path(tempfile.gettempdir()) / f"labneuro-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid():
        raise BenchInUseError(f"{folder}: this folder of locks belongs to another user")
    return folder


@contextmanager
def hold_bench(config: BenchConfig) -> Iterator[tuple[int, ...]]:
    """Hold a bench, or refuse at once if another process holds part of it.

    Two bench files that name one instrument exclude each other. A simulated bench of
    this process needs no lock.

    Yields
    ------
    tuple of int
        The lock files' descriptors: a process that inherits them holds the lock, too.

    Raises
    ------
    BenchInUseError
        Naming the holder: owner, host, process and age.
    """
    if config.simulated:
        yield ()
        return
    keys = {f"bench {config.path.resolve()}": "the bench"}
    for name, instrument in config.instruments.items():
        keys[f"instrument {_canonical(instrument.address)}"] = f"instruments.{name}"
    mine = json.dumps(_myself(config)._asdict()).encode()
    with ExitStack() as held:
        locks = []
        for key in sorted(keys):  # one order for all: no two wait for each other
            lock = _take(key, f"{config.path}: {keys[key]}")
            locks.append(lock)
            held.push(lambda kind, _, __, lock=lock: _give_back(lock, kind))
        for lock in locks:
            os.lseek(lock, 0, os.SEEK_SET)
            os.write(lock, mine)
        yield tuple(locks)


def _canonical(address: str) -> str:
    """Return what all spellings of an address have in common."""
    name = address.strip().upper()
    try:
        name = rname.to_canonical_name(name)
    except rname.InvalidResourceName:
        return name  # a serial number
    return "::".join(_number(part) for part in name.upper().split("::"))


def _number(part: str) -> str:
    """Return a USB number in decimal; it may be written in hexadecimal."""
    try:
        return str(int(part, 0))
    except ValueError:
        return part


def _path(key: str) -> Path:
    name = hashlib.sha256(key.encode()).hexdigest()[:24]
    return runtime_folder() / f"{name}.lock"


def _take(key: str, what: str) -> int:
    """Take the lock of a key; return its descriptor."""
    path = _path(key)
    for _ in range(_TRIES):
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock_or_refuse(lock, what)
            if _is_still(path, lock):
                _take_over(lock, what)
                return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)  # somebody has removed the file meanwhile
    raise BenchInUseError(f"{what}: {path} is removed again and again")


def _is_still(path: Path, lock: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False


def _take_over(lock: int, what: str) -> None:
    """Empty a lock file; say so if its holder ended without giving it back."""
    stale = _holder(lock)
    if stale is not None:
        _log.warning("%s: lock taken over from %s, which has ended", what, _tell(stale))
    os.ftruncate(lock, 0)


def _give_back(lock: int, kind: type[BaseException] | None) -> None:
    """Close a lock file; a watchdog that has yet to make the bench safe holds on."""
    if kind is None or not issubclass(kind, SafeStateError):
        os.ftruncate(lock, 0)
    os.close(lock)


def _lock_or_refuse(lock: int, what: str) -> None:
    if not _lock(lock):
        raise BenchInUseError(_refusal(what, _holder(lock)))


def _lock(lock: int) -> bool:
    """Lock a file for as long as it is open; whether that was possible."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415  this system only

            os.lseek(lock, _BEYOND, os.SEEK_SET)
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
            os.lseek(lock, 0, os.SEEK_SET)
        else:
            import fcntl  # noqa: PLC0415  not on Windows

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _holder(lock: int) -> Holder | None:
    """Return who wrote a lock file; None if it is empty or unreadable."""
    os.lseek(lock, 0, os.SEEK_SET)
    try:
        found = json.loads(os.read(lock, _MOST_READ))
        holder = Holder(**{key: found[key] for key in Holder._fields})
        return holder._replace(pid=int(holder.pid), since=float(holder.since))
    except (ValueError, TypeError, KeyError):
        return None


def _refusal(what: str, holder: Holder | None) -> str:
    if holder is None:
        return f"{what} is in use by another process"
    line = f"{what} is in use by {_tell(holder)}, with {holder.bench}"
    if holder.is_alive:
        return line
    return f"{line}; it has ended, its watchdog still makes the bench safe"


def _tell(holder: Holder) -> str:
    age = _age(max(0.0, time.time() - holder.since))
    return f"{holder.owner} on {holder.host}, process {holder.pid}, for {age}"


def _age(seconds: float) -> str:
    for unit, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def _myself(config: BenchConfig) -> Holder:
    process = this_process()
    return Holder(
        bench=str(config.path),
        owner=_user(),
        host=process.host,
        pid=process.pid,
        started=process.start,
        since=time.time(),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown user"
