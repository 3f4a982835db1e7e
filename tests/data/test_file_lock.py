"""The lock lives and dies with its process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import labneuro
from labneuro.data.file_lock import is_locked, take_lock

HOLDER = """
import sys
from labneuro.data.file_lock import take_lock
file = open(sys.argv[1], "rb")
print(take_lock(file.fileno()), flush=True)
sys.stdin.read()
"""


def test_lock_is_free_once_its_process_is_killed(tmp_path):
    """Seen by others while the process lives; gone with it, whatever killed it."""
    path = tmp_path / "j"
    path.write_bytes(b"x")
    root = str(Path(labneuro.__file__).parent.parent)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    with holder, path.open("rb") as file:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert is_locked(file.fileno())
        assert not take_lock(file.fileno())
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert not is_locked(file.fileno())
        assert take_lock(file.fileno())
