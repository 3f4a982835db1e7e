"""``labneuro queue``: add, list, run, remove, and every wrong way."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from labneuro.errors import InstrumentError, SafeStateError
from labneuro.instruments.processes import ProcessIdentity, this_process
from labneuro.run_queue import worker
from labneuro.run_queue.jobs import make_job
from labneuro.run_queue.store import QueueStore

ADD = ("queue", "add", "hnno/resistance", "--bench", "hnno-sim")


@pytest.fixture
def intervals():
    """Return the fsync intervals of the runs."""
    return []


@pytest.fixture
def raises(monkeypatch, intervals):
    """Stand in for the runner; return what it raises by seed."""
    faults: dict[int, BaseException] = {}

    def execute(recipe, bench, path, *, seed, on_progress, fsync_interval):
        intervals.append(fsync_interval)
        if seed in faults:
            raise faults[seed]
        return path

    monkeypatch.setattr(worker, "run", execute)
    return faults


@pytest.fixture
def three(lab):
    """Return a queue of three entries with seeds 1 to 3."""
    job = make_job("hnno/resistance", "hnno-sim")
    with QueueStore(lab / "queue.sqlite3", create=True) as queue:
        for seed in (1, 2, 3):
            queue.add(replace(job, seed=seed))
    return queue.path


def test_add_list_run_list(labneuro, lab):
    """The whole way with a real run on the simulated bench."""
    answer = labneuro(*ADD, "--set", "points=3", "--set", "sweeps=2", "--out", "x.h5")
    assert answer == (0, "entry 1: hnno/resistance on hnno-sim\n", "")
    head, row = labneuro("queue", "list").out.splitlines()
    assert head.split() == [
        *("NO", "STATE", "FOR", "RECIPE", "CHANGES", "BENCH", "DEVICE", "NOTE")
    ]
    assert re.fullmatch(
        r"1 +waiting +\d+ s +hnno/resistance +points=3 sweeps=2 +hnno-sim +"
        r"H-NNO-simulated +-",
        row,
    )
    answer = labneuro("queue", "run")
    assert answer.code == 0
    assert answer.out == f"entry 1: done: {lab / 'x.h5'}\n1 done; 0 waiting\n"
    assert answer.err.startswith("1 hnno/resistance: 2/2")
    row = labneuro("queue", "list").out.splitlines()[1]
    assert re.fullmatch(r"1 +done +\d+ s .* +\S+x\.h5", row)
    assert labneuro("data", "validate", "x.h5").code == 0


def test_fsync_reaches_the_runs(labneuro, lab, raises, intervals):
    """From 'queue add', or from 'queue run' for all; a negative one is wrong usage."""
    for fsync in ("0", "2.5"):
        assert labneuro(*ADD, "--fsync", fsync).code == 0
    assert labneuro("queue", "run", "--limit", "1").code == 0
    assert labneuro("queue", "run", "--fsync", "0.5").code == 0
    assert intervals == [0.0, 0.5]
    assert labneuro(*ADD, "--fsync", "-1").code == 2


def test_nothing_to_run(labneuro, three, raises):
    """That is no failure."""
    assert labneuro("queue", "run").out.endswith("3 done; 0 waiting\n")
    assert labneuro("queue", "run") == (0, "nothing run; 0 waiting\n", "")


def test_failed_run_is_code_1(labneuro, three, raises):
    """Later entries run; the reason stays in the list."""
    raises[2] = InstrumentError("smu: no\n answer")
    answer = labneuro("queue", "run")
    assert answer.code == 1
    assert "entry 2: failed: smu: no answer\n" in answer.out
    assert answer.out.endswith("2 done, 1 failed; 0 waiting\n")
    assert re.search(r"\n2 +failed .* smu: no answer\n", labneuro("queue", "list").out)


def test_stop_on_failure(labneuro, three, raises):
    """By choice nothing later runs."""
    raises[2] = InstrumentError("no answer")
    answer = labneuro("queue", "run", "--on-failure", "stop")
    assert (answer.code, answer.out.splitlines()[-1]) == (
        1,
        "1 done, 1 failed; 1 waiting",
    )


def test_unsafe_state_is_code_3(labneuro, three, raises):
    """Nothing later runs, whatever was asked for."""
    raises[1] = SafeStateError("smu: not off")
    answer = labneuro("queue", "run", "--on-failure", "continue")
    assert answer == (
        3,
        "entry 1: failed: smu: not off\n",
        "labneuro: error: smu: not off\n",
    )
    assert labneuro("queue", "list").out.count("waiting") == 2


def test_interruption_is_code_130(labneuro, three, raises):
    """The entry says so, the others wait."""
    raises[1] = KeyboardInterrupt()
    answer = labneuro("queue", "run")
    assert (answer.code, answer.err) == (130, "")
    assert answer.out.startswith("entry 1: interrupted: stopped by Ctrl-C")


def test_limit_and_bench(labneuro, three, raises):
    """As many as asked for, of the bench asked for."""
    assert labneuro("queue", "run", "--bench", "ts-scope-sim").out == (
        "nothing run; 3 waiting\n"
    )
    answer = labneuro("queue", "run", "--limit", "1", "--bench", "hnno-sim")
    assert re.fullmatch(r"entry 1: done: \S+_q1\.h5\n1 done; 2 waiting\n", answer.out)


def test_remove(labneuro, three, raises):
    """A removed entry does not run and is shown on request only."""
    assert labneuro("queue", "remove", "2") == (0, "entry 2: removed\n", "")
    assert "removed" not in labneuro("queue", "list").out
    assert "removed" in labneuro("queue", "list", "--all").out
    assert labneuro("queue", "run").out.endswith("2 done; 0 waiting\n")


def test_entry_of_a_dead_process(labneuro, three):
    """The list tells what became of it, and it can be removed."""
    with QueueStore(three) as queue:
        queue.claim(replace(this_process(), start=this_process().start + "1"))
    listed = labneuro("queue", "list").out
    assert re.search(r"\n1 +interrupted .* process \d+ on \S+ died; no run fi", listed)
    assert labneuro("queue", "remove", "1").code == 0


def test_entry_that_runs(labneuro, three):
    """It is shown with its process, and others of its bench wait."""
    with QueueStore(three) as queue:
        queue.claim(this_process())
    assert re.search(
        r"\n1 +running .* process \d+ on \S+: starting\n", labneuro("queue", "list").out
    )
    answer = labneuro("queue", "run")
    assert answer.code == 0
    assert re.fullmatch(
        r"nothing run; 2 waiting\nhnno-sim is in use: process \d+ on \S+\n", answer.out
    )
    answer = labneuro("queue", "remove", "1")
    assert answer.code == 2
    assert "entry 1 is run by process" in answer.err


def test_entry_of_another_machine(labneuro, three):
    """It can be removed by force only."""
    with QueueStore(three) as queue:
        queue.claim(ProcessIdentity("elsewhere", 4, "boot:7"))
    assert labneuro("queue", "remove", "1").code == 2
    assert labneuro("queue", "remove", "1", "--force").code == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("add nope --bench hnno-sim", 2, "no recipe 'nope'; known are"),
        ("add hnno/resistance --bench nope", 2, "no bench 'nope'; known are"),
        ("add hnno/resistance", 2, "Missing option '--bench'"),
        ("add hnno/resistance --bench hnno-sim --set x", 2, "write key=value"),
        ("add hnno/resistance --bench hnno-sim --seed -1", 2, "Invalid value"),
        (f"add hnno/resistance --bench hnno-sim --seed {2**63}", 2, "is not between"),
        ("add hnno/resistance --bench hnno-sim --out x.txt", 1, "must end in .h5"),
        (
            "add hnno/firing --bench hnno-sim --set "
            "settings.pulses.reset_field=0.4V/um",
            3,
            "step 1 ",
        ),
        ("add hnno/resistance --bench hnno-sim --queue no/q.db", 1, "unable to open"),
        ("add hnno/resistance --bench hnno-sim --queue .", 1, "unable to open"),
        ("list --queue no.db", 2, "no.db: there is no queue; 'labneuro queue add' m"),
        ("list --queue x.db", 1, "x.db: file is not a database"),
        ("run --queue x.db", 1, "x.db: file is not a database"),
        ("remove 1 --queue x.db", 1, "x.db: file is not a database"),
        ("add hnno/resistance --bench hnno-sim --queue x.db", 1, "is not a database"),
        ("remove 7", 2, "queue.sqlite3: there is no entry 7"),
        ("remove 99999999999999999999", 2, "there is no entry 99999999999999999999"),
        ("remove x", 2, "Invalid value"),
        ("run --bench nope", 2, "no bench 'nope'; known are"),
        ("run --limit 0", 2, "Invalid value for '--limit'"),
        ("run --on-failure perhaps", 2, "Invalid value for '--on-failure'"),
        ("frob", 2, "No such command 'frob'"),
    ],
)
def test_wrong_use_is_one_line(labneuro, three, lab, words, code, told):
    """It says what is wrong; the queue stays as it is."""
    (lab / "x.db").write_bytes(b"something else " * 100)
    answer = labneuro("queue", *words.split())
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith("labneuro: error: ")
    assert answer.err.count("\n") == 1
    assert told in answer.err
    assert labneuro("queue", "list").out.count("waiting") == 3
    assert (lab / "x.db").read_bytes() == b"something else " * 100


@pytest.mark.parametrize("command", ["", "add", "list", "run", "remove"])
def test_every_command_explains_itself(labneuro, command):
    """Each has a help text that names it."""
    answer = labneuro("queue", *command.split(), "--help")
    assert answer.code == 0
    assert f"labneuro queue {command}".strip() in " ".join(answer.out.split())
