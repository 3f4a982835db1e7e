"""The validator of run files, safe for any content.

The HDF5 library itself crashes or hangs on some damaged files (about one in two hundred
random corruptions did), so the checks run in a process of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from labneuro.data.checks import Problem, check_file

__all__ = ["Problem", "validate"]

_TIME_LIMIT = 20.0
_SLOWEST_READING = 1e7
_MEMORY_LIMIT = 2**33


def validate(path: str | Path) -> list[Problem]:
    """Check a run file.

    Parameters
    ----------
    path : path
        Any file.

    Returns
    -------
    list of Problem
        Empty where the file is valid. No content of the file raises, crashes or hangs.
    """
    path = Path(path)
    size = path.stat().st_size if path.is_file() else 0
    searched = os.pathsep.join(place for place in sys.path if place)
    command = [sys.executable, "-P", "-m", __name__, str(path)]
    try:
        answer = subprocess.run(  # noqa: S603  this interpreter and this module
            command,
            env={**os.environ, "PYTHONPATH": searched},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT + size / _SLOWEST_READING,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [Problem("/", "is so damaged that the HDF5 library hangs on it")]
    if answer.returncode < 0:
        return [Problem("/", "is so damaged that the HDF5 library crashes on it")]
    if answer.returncode > 0:
        last = answer.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return [Problem("/", f"could not be checked: {last[0]}")]
    return [Problem(*found) for found in json.loads(answer.stdout)]


def _main() -> None:
    """Check the file that the command line names and write the problems as JSON."""
    path = Path(sys.argv[1])
    _limit_memory(_MEMORY_LIMIT + 4 * path.stat().st_size if path.is_file() else 0)
    found = [(problem.path, problem.message) for problem in check_file(path)]
    sys.stdout.write(json.dumps(found))


def _limit_memory(size: int) -> None:
    """Keep a file that claims to be huge from taking the machine's memory."""
    if os.name == "posix" and size:
        import resource  # noqa: PLC0415  POSIX only

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        allowed = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


if __name__ == "__main__":
    _main()
