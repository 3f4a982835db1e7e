"""A process that has imported everything and forks one process for each command.

Each of these is a real command of labneuro in a process, session and process group of
its own; only its imports are paid for already. What its progress events acknowledge is
told on a pipe, a line each; what it prints goes to a log.
"""

from __future__ import annotations

import faulthandler
import gc
import hashlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from labneuro.cli.main import main as command
from labneuro.data.run_file import RunWriter
from labneuro.protocols import runner

if TYPE_CHECKING:
    from collections.abc import Mapping

_CRASHED = 70
_ENDING, _LOOK = 20.0, 0.02  # s


def digest_of(rows: Mapping[str, Any]) -> str:
    """Return a checksum of a step's readings, bit for bit."""
    found = hashlib.sha256()
    for name in sorted(rows):
        found.update(name.encode())
        found.update(np.ascontiguousarray(rows[name]).tobytes())
    return found.hexdigest()


def _say(out: int, **content: object) -> None:
    # One short write: a kill never cuts a line in two.
    os.write(out, json.dumps(content).encode() + b"\n")


def _tell_acknowledged(out: int) -> None:
    """Let every run of this process tell what its progress events acknowledge."""
    append, progress = RunWriter.append, runner.Progress
    digests: dict[int, str] = {}

    def appended(writer: RunWriter, step: int, rows: Mapping[str, Any]) -> None:
        append(writer, step, rows)
        digests[step] = digest_of(rows)

    def told(done: int, total: int, label: str, readings: int) -> object:
        step = done - 1
        _say(out, step=step, total=total, readings=readings, digest=digests[step])
        return progress(done, total, label, readings)

    # Setattr, since these two names are the package's own.
    setattr(RunWriter, "append", appended)  # noqa: B010
    setattr(runner, "Progress", told)  # noqa: B010


def _work(job: dict[str, Any], out: int) -> NoReturn:
    """Be the process of one command."""
    code = _CRASHED
    try:
        os.setsid()
        log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        faulthandler.register(signal.SIGUSR1, file=2)
        _say(out, started=os.getpid())
        code = command(job["words"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    os._exit(code)


def _wait_single() -> int:
    """Wait for the threads of simulated instruments; return how many there are."""
    limit = time.monotonic() + _ENDING
    gc.collect()  # a thread ends once its instrument is gone
    while threading.active_count() > 1 and time.monotonic() < limit:
        time.sleep(_LOOK)
    return threading.active_count()


def main() -> None:
    """Carry out orders from standard input, one after the other."""
    out = os.dup(1)
    os.dup2(2, 1)  # only the lines below go to the pipe
    first = json.loads(sys.stdin.readline())
    codes = [command(words) for words in first]  # imports everything, fills caches
    _tell_acknowledged(out)
    _say(out, ready=codes, threads=_wait_single())
    child = 0
    for line in sys.stdin:
        if child:
            os.waitpid(child, 0)  # only now may its number be used again
        child = os.fork()
        if child == 0:
            _work(json.loads(line), out)
        end = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert end is not None
        _say(out, ended=end.si_status, by_signal=end.si_code != os.CLD_EXITED)


if __name__ == "__main__":
    main()
