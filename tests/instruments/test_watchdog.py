"""The watchdog: armed before outputs go on, sent away when all is safe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from labneuro.bench import load_bench
from labneuro.errors import InstrumentError, SafeStateError
from labneuro.instruments import watchdog_process
from labneuro.instruments.catalog import DRIVERS
from labneuro.instruments.watchdog import Watchdog, orders_for, watch
from labneuro.instruments.watchdog_process import Watch, make_safe

pytestmark = pytest.mark.skipif(
    not hasattr(os, "killpg"), reason="signals and process groups are of POSIX"
)
OUTPUTS = ("source_meter", "pulse_generator", "switch_matrix")


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def orders():
    """Return orders for no instrument at all."""
    return orders_for(load_bench("hnno-bench"), {})


@pytest.mark.parametrize("model", DRIVERS)
def test_whatever_has_outputs_can_be_made_safe_without_its_driver(model):
    entry = DRIVERS[model]
    assert bool(entry.safe_messages()) == any(role in entry.roles for role in OUTPUTS)
    assert all("\n" not in message for message in entry.safe_messages())


def test_orders_name_connections_and_messages_relays_last(write):
    text = load_bench("hnno-bench").text
    text = text.replace("roles:\n", "roles:\n  switch_matrix: sw\n")
    text = text.replace(
        "instruments:\n",
        "instruments:\n  sw: {model: Keithley 3706A, address: "
        '"TCPIP0::192.0.2.9::5025::SOCKET"}\n',
    )
    config = load_bench(write("b.yaml", text + "\nwatchdog: {timeout: 2 s}\n"))
    found = orders_for(config, {"smu": ("a", "b"), "sw": ("c",), "afg": ()})
    assert found["pid"] == os.getpid()
    assert found["timeout"] == 2.0
    assert found["library"] == "@py"
    smu, switch = found["instruments"]
    assert (smu["name"], smu["messages"], smu["stage"]) == ("smu", ["a", "b"], 0)
    assert (switch["name"], switch["stage"]) == ("sw", 1)
    assert switch["settings"]["read_termination"] == "\n"
    json.dumps(found)


def test_armed_and_sent_away(orders, capfd):
    with watch(orders, ()) as watchdog:
        watchdog.wait_armed()
        watchdog.check()
        assert os.getsid(watchdog.pid) != os.getsid(0)  # Ctrl-C does not reach it
    assert watchdog._process.returncode == 0
    assert capfd.readouterr().err == ""


def test_a_library_that_is_not_there_is_told(orders):
    with (
        pytest.raises(InstrumentError, match=r"does not start: .*nope"),
        watch({**orders, "library": "@nope"}, ()) as watchdog,
    ):
        watchdog.wait_armed()


def test_a_watchdog_that_is_killed_voids_the_run(orders):
    with watch(orders, ()) as watchdog:
        watchdog.wait_armed()
        os.kill(watchdog.pid, signal.SIGTERM)  # is ignored
        watchdog.check()
        os.kill(watchdog.pid, signal.SIGKILL)
        watchdog._process.wait()
        with pytest.raises(InstrumentError, match="the watchdog has ended"):
            watchdog.check()


def test_a_doubt_at_the_end_is_left_to_it(orders, capfd, tmp_path):
    def end_in_doubt(watchdog):
        watchdog.wait_armed()
        raise SafeStateError("smu is not off")

    with pytest.raises(SafeStateError), watch(orders, ()) as watchdog:
        end_in_doubt(watchdog)
    assert watchdog._process.wait() == 0
    told = f"labneuro watchdog: controller {os.getpid()} has ended: every instrument"
    assert capfd.readouterr().err.startswith(told)
    assert told in (tmp_path / "labneuro" / "watchdog.log").read_text(encoding="utf-8")


def test_it_is_armed_without_the_rest_of_labneuro():
    """It must be quick: pyvisa, and nothing of ours beside it."""
    code = (
        "import sys, labneuro.instruments.watchdog_process as it\n"
        "it._load('@py')\n"
        "ours = {m for m in sys.modules if m.startswith('labneuro')}\n"
        "ours -= {'labneuro', 'labneuro.instruments', it.__name__}\n"
        "heavy = {'pydantic', 'pint', 'h5py', 'pymeasure', 'yaml'}\n"
        "sys.exit(', '.join(sorted(ours | heavy & set(sys.modules))) or 0)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")


class Pipe:
    """Standard input with lines at hand, then nothing more."""

    def __init__(self, *words):
        self._words = iter(words)

    def __iter__(self):
        yield from self._words
        threading.Event().wait()


@pytest.fixture
def watching(monkeypatch):
    """Return a function that watches this process with words on the pipe."""

    def wait(*words, pid=None, working=False, timeout=0.2):
        monkeypatch.setattr(sys, "stdin", Pipe(*words))
        monkeypatch.setattr(watchdog_process, "is_working", lambda pid: working)
        monkeypatch.setattr(watchdog_process, "_LONGEST_COMPUTING", 0.3)
        return Watch(pid or os.getpid(), timeout).wait()

    return wait


def test_silence_is_noticed(watching):
    assert "no heartbeat of controller" in watching("beat\n", "beat\n")
    assert watching("beat\n").endswith("for 0.2 s")


def test_a_computation_is_given_more_time_but_not_for_ever(watching):
    assert watching("beat\n", working=True).endswith("for 0.5 s")


def test_disarmed_is_disarmed(watching):
    assert watching("beat\n", "disarm\n") == ""


def test_the_end_of_the_pipe_is_the_end(monkeypatch):
    monkeypatch.setattr(sys, "stdin", iter(["beat\n"]))
    assert Watch(7, 9.0).wait() == "controller 7 has ended"


def test_an_orphan_knows_even_if_the_pipe_stays_open(watching, monkeypatch):
    parents = iter([1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents, 2))
    assert watching("beat\n", pid=7, timeout=9.0) == "controller 7 has ended"


def test_computing_and_stopped_processes_are_told_apart():
    """A thread that computes in C keeps the lock and with it the heartbeat."""
    if not sys.platform.startswith("linux"):
        pytest.skip("/proc is Linux's")
    busy = "print('go', flush=True); sum(range(10**12))"
    with subprocess.Popen(
        [sys.executable, "-c", busy], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        assert any(watchdog_process.is_working(process.pid) for _ in range(10_000))
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert not watchdog_process.is_working(process.pid)
        process.kill()
    assert not watchdog_process.is_working(process.pid)


class Manager:
    """Opens connections that fail as often as the test wants."""

    def __init__(self, failures):
        self.failures = dict(failures)
        self.sent: list[tuple[str, bytes]] = []

    def open_resource(self, address, **settings):
        assert settings["timeout"] <= 500
        if self.failures.get(address, 0) > 0:
            self.failures[address] -= 1
            raise OSError(f"no route to {address}")
        return Resource(self, address)


class Resource:
    def __init__(self, manager, address):
        self.manager, self.address = manager, address

    def clear(self):
        raise OSError("no device clear here")

    def write_raw(self, message):
        self.manager.sent.append((self.address, message))

    def close(self):
        self.manager.sent.append((self.address, b"closed"))


def recipe(name, stage=0):
    return {
        "name": name,
        "address": f"at {name}",
        "settings": {},
        "messages": ["off", "abort"],
        "stage": stage,
    }


def test_each_gets_its_messages_relays_after_the_stimuli():
    manager = Manager({})
    assert make_safe(manager, [recipe("sw", 1), recipe("smu")]) == []
    assert manager.sent == [
        (f"at {name}", message)
        for name in ("smu", "smu", "sw", "sw")  # twice: for what is on its way
        for message in (b"off\n", b"abort\n", b"closed")
    ]


def test_it_tries_again_and_does_not_let_others_wait(monkeypatch):
    monkeypatch.setattr(watchdog_process, "_PAUSE", 0.0)
    manager = Manager({"at smu": 3})
    assert make_safe(manager, [recipe("smu"), recipe("afg")]) == []
    assert {address for address, _ in manager.sent} == {"at smu", "at afg"}


def test_what_cannot_be_reached_is_named(monkeypatch):
    monkeypatch.setattr(watchdog_process, "_PERSISTENCE", 0.0)
    manager = Manager({"at smu": 10**9})
    assert make_safe(manager, [recipe("smu"), recipe("afg")]) == [
        "smu NOT made safe: no route to at smu"
    ]


def test_a_watchdog_class_can_be_released_at_once(orders):
    """Before it has even started: it acts as soon as it is there."""
    watchdog = Watchdog(orders)
    watchdog.wait_armed()
    watchdog.release()
    assert watchdog._process.wait() == 0
