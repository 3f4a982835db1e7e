"""A simulated bench that a process of its own serves on the real clock."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import yaml

from labneuro import workspace
from labneuro.bench import load_bench
from labneuro.errors import BenchInUseError
from labneuro.instruments.bench_lock import hold_bench
from tests.torture.kill_processes import HungError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRANSPORTS = ("raw", "hislip", "vxi11")
_STARTING = 300.0  # s for the server on a busy computer
_ANSWER = 20.0  # s for the control port
_WATCHDOG = 45.0  # s; a watchdog gives up after 30
_LOOK = 0.02


class Outputs(NamedTuple):
    """What the outputs did after a kill.

    Attributes
    ----------
    were_on : int
        Outputs that were on at the kill or went on after it.
    still_on : tuple of str
        Those that are on although the watchdog has ended.
    off_after : float
        s from the kill to the last output's going off.
    """

    were_on: int
    still_on: tuple[str, ...]
    off_after: float


class ServedBench:
    """What a served bench did, by its own log.

    Parameters
    ----------
    files : dict of str to Path
        Bench file by transport.
    control : tuple of (str, int)
        The control port.
    """

    def __init__(self, files: dict[str, Path], control: tuple[str, int]) -> None:
        self.files = files
        self._control = control

    def log(self) -> list[tuple[float, str, bool]]:
        """Return Unix time in s, terminal and state of every switching."""
        with (
            socket.create_connection(self._control, _ANSWER) as client,
            client.makefile("rw") as lines,
        ):
            lines.write("log\n")
            lines.flush()
            word, _, content = lines.readline().partition(" ")
        assert word == "ok", content
        return [
            (one["wall"], one["terminal"], one["on"]) for one in json.loads(content)
        ]

    def on(self) -> set[str]:
        """Return the outputs that are on."""
        state = {terminal: on for _, terminal, on in self.log()}
        return {terminal for terminal, on in state.items() if on}

    def wait_free(self, file: Path) -> None:
        """Wait until the watchdog of a killed controller gives the bench back.

        Raises
        ------
        HungError
            If it keeps the bench longer than it may try.
        """
        limit = time.monotonic() + _WATCHDOG
        while True:
            try:
                with hold_bench(load_bench(file)):
                    return
            except BenchInUseError as error:
                if time.monotonic() > limit:
                    raise HungError(f"watchdog: {error}") from error
            time.sleep(_LOOK)

    def after_kill(self, file: Path, killed: float) -> Outputs:
        """Wait for the watchdog and return what the outputs did.

        Parameters
        ----------
        file : Path
            The controller's bench file.
        killed : float
            Unix time of the kill in s.
        """
        self.wait_free(file)
        log = self.log()
        state = {terminal: on for wall, terminal, on in log if wall <= killed}
        later = [one for one in log if one[0] > killed]
        were_on = {terminal for terminal, on in state.items() if on}
        were_on |= {terminal for _, terminal, on in later if on}
        state |= {terminal: on for _, terminal, on in later}
        still_on = tuple(sorted(terminal for terminal, on in state.items() if on))
        off = max((wall for wall, _, on in later if not on), default=killed)
        return Outputs(len(were_on), still_on, off - killed)


@contextmanager
def serve(name: str, folder: Path) -> Iterator[ServedBench]:
    """Serve a bench in a process of its own; files and addresses go to a folder.

    Raises
    ------
    HungError
        If it does not start in time.
    """
    path = folder / f"{name}-addresses.json"
    words = ["bench", "serve", name, "--port", "0", "--clock", "real"]
    words += ["--no-port-mapper", "--addresses", str(path)]
    with (
        (folder / f"{name}-server.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "labneuro", *words],
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            addresses = _addresses(process, path)
            host, _, port = next(iter(addresses.values()))["control"].rpartition(":")
            files = {
                transport: _bench_file(name, addresses, transport, folder)
                for transport in TRANSPORTS
            }
            yield ServedBench(files, (host, int(port)))
        finally:
            process.kill()


def _addresses(
    process: subprocess.Popen[bytes], path: Path
) -> dict[str, dict[str, str]]:
    """Wait until the server has told where it listens."""
    limit = time.monotonic() + _STARTING
    while time.monotonic() < limit:
        assert process.poll() is None, "the server has ended"
        try:
            found: dict[str, dict[str, str]] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):  # not there yet, or not all of it
            time.sleep(_LOOK)
        else:
            return found
    raise HungError("bench serve: no addresses in time")


def _bench_file(
    name: str, addresses: dict[str, dict[str, str]], transport: str, folder: Path
) -> Path:
    """Write the bench file of a controller."""
    shipped = workspace.find("bench", name).read_text(encoding="utf-8")
    bench = yaml.safe_load(shipped)
    bench["visa_library"] = "@py"
    for instrument, described in bench["instruments"].items():
        described["address"] = addresses[instrument][transport]
    file = folder / f"{name}-{transport}.yaml"
    file.write_text(yaml.safe_dump(bench), encoding="utf-8")
    return file
