"""List the run files of a folder, whatever else and however damaged lies in it.

The HDF5 library itself crashes on some damaged files, so the files are read in another
process; the file that it dies on is told, and the next process goes on after it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from labneuro.data.claim import journal_of, part_of
from labneuro.data.journal import PART, SUFFIX
from labneuro.data.opening import FAULTS
from labneuro.data.reader import RunFile
from labneuro.errors import RunFileError

_PATIENCE = 60.0  # s for one process


@dataclass(frozen=True)
class RunEntry:
    """A run file in a list.

    Attributes
    ----------
    name : str
        File name.
    recipe, device, status, started : str
        What it measured, of which device, how it ended, when it began (ISO 8601);
        `status` of an unreadable file says why it is, the others are empty.
    readings : int
        Number of readings; -1 where they cannot be read.
    """

    name: str
    recipe: str
    device: str
    status: str
    started: str
    readings: int


def list_runs(folder: str | Path) -> list[RunEntry]:
    """Return the run files of a folder, in order of their names.

    Parameters
    ----------
    folder : path
        Files that end in ``.h5``, parts of killed or live runs, and journals that have
        neither beside them, are listed.

    Raises
    ------
    RunFileError
        If there is no such folder, or it cannot be read.
    """
    folder = Path(folder)
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise RunFileError(f"{folder}: cannot be read: {error.strerror}") from error
    paths = [folder / name for name in sorted(names) if _is_listed(folder / name)]
    found: list[RunEntry] = []
    while len(found) < len(paths):
        rest = paths[len(found) :]
        told = _read_apart(rest)
        found.extend(told)
        if len(told) < len(rest):
            why = "is so damaged that the HDF5 library fails on it"
            found.append(_unreadable(rest[len(told)], why))
    return found


def _is_listed(path: Path) -> bool:
    if path.name.endswith((".h5", f".h5{PART}")):
        return True
    run = path.with_name(path.name.removesuffix(SUFFIX))
    alone = not run.exists() and not part_of(run).exists()
    return path.name.endswith(f".h5{SUFFIX}") and alone


def _read_apart(paths: list[Path]) -> list[RunEntry]:
    """Read files in another process, as many as it gets to."""
    searched = os.pathsep.join(place for place in sys.path if place)
    command = [sys.executable, "-P", "-m", __name__]
    try:
        answer = subprocess.run(  # noqa: S603  this interpreter and this module
            command,
            env={**os.environ, "PYTHONPATH": searched},
            input=json.dumps([str(path) for path in paths]),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired as late:
        answer = (late.stdout or b"").decode()  # bytes, whatever `text` says
    lines = answer.split("\n")[:-1]  # what follows the last line feed is not whole
    return [RunEntry(**json.loads(line)) for line in lines]


def read_entry(path: Path) -> RunEntry:
    """Read one file in this process; one that cannot be read gives its reason."""
    if path.name.endswith(SUFFIX):
        return _unreadable(path, "killed: only its journal is left; recover it")
    try:
        with RunFile.open(path) as run:
            return RunEntry(
                name=path.name,
                recipe=run.recipe_name,
                device=run.device_id,
                status=_status(path, run),
                started=run.start_time,
                readings=run.rows,
            )
    except FAULTS as error:
        text = " ".join(str(error).split())
        return _unreadable(path, text.removeprefix(f"{path}: "))


def _status(path: Path, run: RunFile) -> str:
    if path.name.endswith(PART):
        return "killed; recover it"  # a live one is locked and does not open
    if journal_of(path).exists():
        return f"{run.status}; a journal is beside it: recover it"
    return run.status


def _unreadable(path: Path, why: str) -> RunEntry:
    return RunEntry(path.name, "", "", why, "", -1)


def _main() -> None:
    """Write an entry a line for each path that standard input names."""
    for path in json.load(sys.stdin):
        sys.stdout.write(json.dumps(asdict(read_entry(Path(path)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
