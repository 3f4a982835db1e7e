"""One process a bench: live holders are never robbed, dead ones leave nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from labneuro.bench import load_bench
from labneuro.errors import BenchInUseError, SafeStateError
from labneuro.instruments import bench_lock
from labneuro.instruments.bench_lock import hold_bench, runtime_folder

HOLD = """
import sys
from labneuro.bench import load_bench
from labneuro.instruments.bench_lock import hold_bench
with hold_bench(load_bench(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def bench():
    return load_bench("hnno-bench")


@pytest.fixture
def holder(bench):
    """Return another process that holds the bench."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(bench.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def locks():
    return sorted(runtime_folder().glob("*.lock"))


def test_the_refusal_names_the_live_holder(bench, holder):
    """In one line: owner, host, process and age; twice, for nothing was taken."""
    for _ in range(2):
        with pytest.raises(BenchInUseError) as caught, hold_bench(bench):
            pytest.fail("stolen")
        told = str(caught.value)
        assert told.startswith(f"{bench.path}: ")
        assert f" on {os.uname().nodename}, process {holder.pid}, for " in told
        assert "its watchdog" not in told


def test_a_killed_holder_leaves_the_bench_free_and_a_note(bench, holder, caplog):
    holder.kill()
    holder.wait()
    with hold_bench(bench):
        assert len(locks()) == 1 + len(bench.instruments)
    assert f"process {holder.pid}, for" in caplog.text
    assert "taken over" in caplog.text


def test_another_bench_file_with_the_same_instrument_is_refused(bench, holder, write):
    """However its address is spelt."""
    smu = bench.instruments["smu"].address
    text = bench.text.replace(smu, smu.lower().replace("tcpip0", "tcpip"))
    text = text.replace("::0x0699::", "::0x0698::")
    other = load_bench(write("other.yaml", text))
    with pytest.raises(BenchInUseError, match=r"instruments\.smu is in use by"):
        hold_bench(other).__enter__()
    holder.kill()
    holder.wait()
    with hold_bench(other):
        pass


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("TCPIP::a.lab::INSTR", "tcpip0::A.LAB::inst0::instr"),
        ("USB::0x0699::0x0358::C01::INSTR", "USB0::1689::856::C01::0::INSTR"),
        ("GPIB0::9", "gpib::9::INSTR"),
        (" ab123/4 ", "AB123/4"),
    ],
)
def test_spellings_of_one_address_are_one(first, second):
    assert bench_lock._canonical(first) == bench_lock._canonical(second)


def test_what_is_given_back_is_free_without_a_note(bench, caplog):
    for _ in range(2):
        with hold_bench(bench) as held:
            assert len(held) == 1 + len(bench.instruments)
            with pytest.raises(BenchInUseError), hold_bench(bench):
                pytest.fail("held twice")
    assert caplog.text == ""


def test_an_end_in_doubt_leaves_the_holder_named(bench):
    """Whoever has inherited the lock holds it on."""

    def end_in_doubt(held):
        for lock in held:
            stack.callback(os.close, os.dup(lock))
        raise SafeStateError("not off")

    with ExitStack() as stack:
        with pytest.raises(SafeStateError), hold_bench(bench) as held:
            end_in_doubt(held)
        with pytest.raises(BenchInUseError, match=f"process {os.getpid()}"):
            hold_bench(bench).__enter__()
    with hold_bench(bench):
        pass


@pytest.mark.parametrize(
    "change",
    [{"pid": 2**22 + 1}, {"started": "boot:1"}, {"started": "another:1"}],
    ids=["dead", "number used again", "before a restart"],
)
def test_a_process_is_known_by_more_than_its_number(bench, change):
    with hold_bench(bench):
        found = bench_lock.Holder(**json.loads(locks()[0].read_text(encoding="utf-8")))
    assert found.is_alive
    assert not found._replace(**change).is_alive


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', "\0" * 9000])
def test_an_unreadable_note_is_no_obstacle(bench, content, caplog):
    with hold_bench(bench):
        pass
    for path in locks():
        path.write_text(content, encoding="utf-8")
    with hold_bench(bench):
        assert bench_lock.Holder(**json.loads(locks()[0].read_text())).is_alive


def test_a_removed_lock_file_does_not_rob_anyone_twice(bench):
    """A file that is put in its place meanwhile is not taken for the lock."""
    with hold_bench(bench) as held:
        path = locks()[0]
        path.unlink()
        assert not any(bench_lock._is_still(path, lock) for lock in held)


def test_a_simulated_bench_needs_no_lock():
    simulated = load_bench("hnno-sim")
    with hold_bench(simulated) as first, hold_bench(simulated) as second:
        assert first == second == ()
    assert locks() == []


def test_a_folder_of_somebody_else_is_not_trusted(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    runtime_folder_of_another = pytest.raises(BenchInUseError, match="another user")
    with runtime_folder_of_another:
        runtime_folder()
