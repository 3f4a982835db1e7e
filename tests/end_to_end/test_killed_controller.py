"""A controller that dies in mid-pulse: the watchdog switches every output off in time.

The simulated bench is served by a process of its own, on the real clock; what its
outputs did is read from its log.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from labneuro import workspace
from labneuro.bench import load_bench
from labneuro.errors import BenchInUseError
from labneuro.instruments.bench_lock import hold_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not hasattr(os, "killpg"), reason="signals and process groups are of POSIX"
)
PATIENCE = 60.0
IN_TIME = 1.5  # s from the end of the controller to the last output's going off
PULSING = """
import sys, time
import numpy as np
from labneuro.bench import load_bench
from labneuro.instruments.connection import connect
from labneuro.instruments.roles import Waveform
with connect(load_bench(sys.argv[1])) as bench:
    meter, pulses = bench.source_meter, bench.pulse_generator
    meter.configure(
        compliance_current=1e-3, current_range=1e-3, power_line_cycles=1.0
    )
    meter.output_on()
    pulses.load(Waveform(((2.0, 60.0),)))
    pulses.output_on()
    pulses.fire()
    print(bench.watchdog.pid, flush=True)
    while True:  # reads go on while the pulse lasts
        meter.sweep(np.zeros(2), 0.01)
"""


class Entry(NamedTuple):
    """A line of the bench's log."""

    time: float
    wall: float
    terminal: str
    on: bool


class Bench(NamedTuple):
    """A served bench, and the file that names its addresses."""

    file: Path
    control: tuple[str, int]

    def log(self) -> list[Entry]:
        with (
            socket.create_connection(self.control, PATIENCE) as client,
            client.makefile("rw") as lines,
        ):
            lines.write("log\n")
            lines.flush()
            return [
                Entry(**one) for one in json.loads(lines.readline().partition(" ")[2])
            ]

    def on(self) -> set[str]:
        state = {entry.terminal: entry.on for entry in self.log()}
        return {terminal for terminal, on in state.items() if on}

    def wait_off(self) -> float:
        """Return when the last output went off, in Unix time."""
        end = time.monotonic() + PATIENCE
        while self.on():
            assert time.monotonic() < end, f"still on: {self.on()}"
        return max(entry.wall for entry in self.log())


def is_free_after(served: Bench, patience: float) -> bool:
    """Whether the watchdog ends and gives the lock back in time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            with hold_bench(load_bench(served.file)):
                return True
        except BenchInUseError as error:
            told = str(error)
            if "its watchdog still makes the bench safe" not in told:
                raise
    return False


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    path = tmp_path / "addresses.json"
    words = ["bench", "serve", "hnno-sim", "--port", "0", "--clock", "real"]
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "labneuro", *words),
            *("--no-port-mapper", "--addresses", str(path)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "Ctrl-C stops\n" in process.stdout
        addresses = json.loads(path.read_text(encoding="utf-8"))
        shipped = workspace.find("bench", "hnno-sim").read_text(encoding="utf-8")
        bench = yaml.safe_load(shipped)
        bench["visa_library"] = "@py"
        for name, instrument in bench["instruments"].items():
            instrument["address"] = addresses[name][request.param]
        file = tmp_path / "served.yaml"
        file.write_text(yaml.safe_dump(bench), encoding="utf-8")
        host, _, port = addresses["smu"]["control"].rpartition(":")
        yield Bench(file, (host, int(port)))
        process.terminate()


@pytest.fixture
def controller(served: Bench) -> Iterator[subprocess.Popen[str]]:
    """A process in mid-pulse, in a process group of its own."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PULSING, str(served.file)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0, "no pulse"
        assert served.on() == {"smu.smua", "afg.ch1"}
        yield process
        process.kill()


@pytest.mark.parametrize("served", ["vxi11"], indirect=True)
def test_every_output_is_off_in_time_after_a_kill(
    served: Bench, controller: subprocess.Popen[str]
) -> None:
    """Even if its whole process group is killed; the bench stays locked until then."""
    killed = time.time()
    os.killpg(controller.pid, signal.SIGKILL)
    off = served.wait_off()
    assert 0.0 < off - killed < IN_TIME
    assert is_free_after(served, PATIENCE)


@pytest.mark.parametrize("served", ["raw"], indirect=True)
def test_a_run_that_is_killed_leaves_nothing_on(served: Bench) -> None:
    """By the command; another one is refused meanwhile, in one line."""
    words = [sys.executable, "-W", "ignore", "-m", "labneuro"]
    # A run of twenty minutes: it does not end by itself meanwhile.
    run = [*words, "run", "hnno/state-map", "--bench", str(served.file)]
    out = str(served.file.with_name("run.h5"))
    with subprocess.Popen([*run, "--out", out], stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + PATIENCE
        while served.on() != {"smu.smua", "afg.ch1"}:
            assert process.poll() is None
            assert time.monotonic() < end
        check = [*words, "bench", "check", str(served.file)]
        refused = subprocess.run(check, capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert f"process {process.pid}, for " in refused.stderr
        assert refused.stderr.count("\n") == 1
        killed = time.time()
        process.kill()
        assert 0.0 < served.wait_off() - killed < IN_TIME
    assert is_free_after(served, PATIENCE)


@pytest.mark.parametrize("served", ["hislip"], indirect=True)
def test_a_controller_that_hangs_is_noticed(
    served: Bench, controller: subprocess.Popen[str]
) -> None:
    """Stopped in mid-pulse it sends no heartbeat; going on it finds its run void."""
    stopped = time.time()
    os.killpg(controller.pid, signal.SIGSTOP)
    off = served.wait_off()
    assert 0.0 < off - stopped < 1.0 + IN_TIME


@pytest.mark.parametrize("served", ["hislip"], indirect=True)
def test_a_signal_ends_in_good_order(
    served: Bench, controller: subprocess.Popen[str]
) -> None:
    """The controller itself switches off, and sends its watchdog away."""
    controller.send_signal(signal.SIGTERM)
    assert controller.wait(PATIENCE) != 0
    assert served.on() == set()
    with hold_bench(load_bench(served.file)):
        pass
