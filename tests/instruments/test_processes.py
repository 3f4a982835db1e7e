"""Which process is at work, and whether it still is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from labneuro.instruments import processes
from labneuro.instruments.processes import ProcessIdentity, is_alive, this_process

ASK = (
    "from labneuro.instruments.processes import this_process\n"
    "me = this_process()\n"
    "print(me.host, me.pid, me.start, sep='\\t', flush=True)\n"
    "input()\n"
)


@pytest.fixture
def other():
    """Return a running process and its identity, as it tells it itself."""
    with subprocess.Popen(
        [sys.executable, "-c", ASK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        host, pid, start = process.stdout.readline().rstrip("\n").split("\t")
        yield process, ProcessIdentity(host, int(pid), start)
        process.kill()


def test_this_process_is_alive():
    """A process sees itself; its identity does not change."""
    assert is_alive(this_process()) is True
    assert this_process() == this_process()


def test_other_process_until_its_death(other):
    """Dead as soon as it is killed, also before its parent has asked for its code."""
    process, identity = other
    assert process.pid == identity.pid
    assert is_alive(identity) is True
    process.kill()
    process.stdout.read()  # ends when the process does
    process.wait()
    assert is_alive(identity) is False


def test_zombie_is_dead(other):
    """Exited and not yet waited for."""
    process, identity = other
    process.kill()
    process.stdout.read()
    while is_alive(identity):  # pipes close a moment before the state changes
        continue
    assert process.returncode is None
    assert is_alive(identity) is False


def test_number_used_again_is_another_process():
    """A later process with the same number started at another time."""
    assert is_alive(replace(this_process(), start=this_process().start + "1")) is False


def test_other_machine_cannot_be_judged():
    """Numbers of another machine say nothing here."""
    assert is_alive(ProcessIdentity("elsewhere", 1, "boot:7")) is None


def test_renamed_machine_is_the_same():
    """A laptop in another network has another name and the same processes."""
    if not this_process().start.count(":"):
        pytest.skip("this system does not number its starts")
    assert is_alive(replace(this_process(), host="renamed")) is True


def test_process_before_a_restart_is_dead():
    """Of this machine, but of an earlier start of it."""
    _, _, ticks = this_process().start.rpartition(":")
    assert is_alive(replace(this_process(), start=f"earlier:{ticks}")) is False


def test_without_proc_ps_is_asked(other, monkeypatch, tmp_path):
    """Other systems have ps."""
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    process, identity = other
    start = processes._start_of(process.pid)
    if start is None:
        pytest.skip("no ps here")
    here = replace(identity, start=start)
    assert len(start.split()) == 5
    assert is_alive(here) is True
    process.kill()
    process.wait()
    assert is_alive(here) is False


def test_unknown_start_is_not_judged(monkeypatch, tmp_path):
    """A system that tells nothing: nobody is declared dead."""
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert is_alive(this_process()) is None
