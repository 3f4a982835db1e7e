"""The command: help, exit codes, and one line for every wrong use."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro import __version__, workspace
from labneuro.cli import main as command_line
from labneuro.errors import FitError, LimitError, SafeStateError

COMMANDS = (
    "demo",
    "init",
    "bench list",
    "bench show",
    "bench check",
    "bench serve",
    "protocol list",
    "protocol show",
    "plan",
    "run",
    "data show",
    "data validate",
    "queue add",
    "queue list",
    "queue run",
    "queue remove",
    "fit",
    "simulate",
    "plot",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(labneuro, command):
    """Each has a help text that names it."""
    answer = labneuro(*command.split(), "--help")
    assert answer.code == 0
    assert f"labneuro {command}" in " ".join(answer.out.split())
    assert answer.err == ""


def test_version(labneuro):
    """The version is that of the package."""
    assert labneuro("--version") == (0, f"labneuro {__version__}\n", "")


@pytest.mark.parametrize("words", [(), ("bench",), ("protocol",), ("data",)])
def test_no_command_shows_the_help(labneuro, words):
    """Without a command the help is shown; it is wrong usage for a script."""
    answer = labneuro(*words)
    assert answer.code == 2
    assert "Usage: labneuro" in answer.out


WRONG = [
    ("frob", "No such command 'frob'; try 'labneuro --help'"),
    ("bench frob", "No such command 'frob'; try 'labneuro bench --help'"),
    ("bench show", "Missing argument 'bench'; try 'labneuro bench show --help'"),
    ("bench show a b", "Got unexpected extra argument"),
    ("bench show nope", "no bench 'nope'; known are: fmes-sim, hnno-bench, hnno-sim"),
    ("bench check nope", "no bench 'nope'; known are: "),
    ("protocol show nope", "no recipe 'nope'; known are: fmes/current-voltage"),
    ("plan hnno/firing", "Missing option '--bench'; try 'labneuro plan --help'"),
    ("plan nope --bench hnno-sim", "no recipe 'nope'; known are: fmes/current-voltage"),
    ("plan hnno/firing --bench nope", "no bench 'nope'; known are: "),
    ("plan hnno/firing --bench", "Option '--bench' requires an argument"),
    ("plan hnno/firing --bench hnno-sim --set events", "--set 'events': write key=val"),
    (
        "plan hnno/firing --bench hnno-sim --set events=1",
        "firing.yaml with --set: events: Input should be greater than or equal to 30",
    ),
    (
        "plan hnno/firing --bench hnno-sim --set event=40",
        "firing.yaml with --set: event: unknown key; known keys are events, pulse_fi",
    ),
    (
        "plan hnno/firing --bench hnno-sim --set settings.read.volts=1",
        "settings.read.volts: unknown key; known keys are current_range, delay",
    ),
    ("run hnno/firing --bench hnno-sim --seed -1", "Invalid value for '--seed'"),
    ("run hnno/firing --bench hnno-sim --seed x", "Invalid value for '--seed'"),
    ("run hnno/firing --bench hnno-sim --sed 1", "No such option: --sed"),
    (
        "run hnno/firing --bench hnno-bench --seed 1",
        "seed: bench 'hnno-bench' is not s",
    ),
    ("fit x.h5", "Missing option '--model'"),
    ("simulate nope --model m.json", "no network 'nope'; known are: fashion-snn"),
    ("demo --system nope", "'nope'"),
    ("init", "Missing argument 'folder'"),
]


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[words for words, _ in WRONG])
def test_wrong_use_is_one_line_and_code_2(labneuro, words, told):
    """One line on stderr says what is wrong and what is allowed; nothing is made."""
    answer = labneuro(*words.split())
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("labneuro: error: ")
    assert answer.err.count("\n") == 1
    assert told in answer.err


@pytest.mark.parametrize(
    "words",
    [
        "data show x.h5",
        "fit x.h5 --model hnno --out m.json",
        "plot x.h5",
        "simulate fashion-snn --model m.json",
    ],
)
def test_missing_file_is_one_line_and_code_1(labneuro, lab, words):
    """A file that is not there is told by its name, and no result is written."""
    before = sorted(lab.rglob("*.json"))
    answer = labneuro(*words.split())
    assert answer.code == 1
    assert answer.err.count("\n") == 1
    assert "x.h5" in answer.err or "m.json" in answer.err
    assert sorted(lab.rglob("*.json")) == before


def test_limit_is_code_3(labneuro):
    """A set-point beyond a limit is told with step, value and limit."""
    answer = labneuro(
        *("plan", "hnno/firing", "--bench", "hnno-sim", "--set"),
        "pulse_fields={start: 0.2 V/um, stop: 0.4 V/um, points: 3}",
    )
    assert answer.code == 3
    assert answer.err == (
        "labneuro: error: step 4 (50 events at 0.4 V/um): voltage 8 V is beyond the "
        "limit of 6 V (device limit)\n"
    )


@pytest.mark.parametrize("words", [("plan", "nope", "--bench", "b"), ("frob",)])
def test_traceback_on_request(labneuro, words):
    """--traceback shows where an error came from; the exit code stays."""
    plain, loud = labneuro(*words), labneuro("--traceback", *words)
    assert "Traceback" not in plain.err
    assert loud.code == plain.code == 2
    assert loud.err.endswith(plain.err)


def test_traceback_may_stand_anywhere(labneuro):
    """The option need not come before the command."""
    answer = labneuro("bench", "show", "nope", "--traceback")
    assert answer.code == 2
    assert "Traceback (most recent call last)" in answer.err
    assert "NotInWorkspaceError" in answer.err


word = st.sampled_from(
    [
        *("bench", "list", "show", "protocol", "plan", "data", "fit", "plot", "init"),
        *("hnno-sim", "hnno/firing", "StateMap", "x.h5", ".", "--bench", "--set"),
        *("events=40", "events=x", "a.b.c=1", "settings=", "--model", "hnno", "--out"),
        *("--no-steps", "--help", "--traceback", "--version", "--", "-", "", "\0"),
    ]
) | st.text(max_size=5)


@given(st.lists(word, max_size=6))
def test_any_words_are_answered(labneuro, words):
    """Whatever the words, there is an answer and a known exit code."""
    answer = labneuro(*words)
    assert answer.code in (0, 1, 2, 3)
    if answer.code == 0:
        assert answer.out
    elif "--traceback" not in words:
        assert "Traceback" not in answer.err
        assert answer.err.count("\n") == (1 if answer.err else 0)


def raising(error):
    """Return a command that raises."""

    def list_benches():
        raise error

    return list_benches


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (FitError("no\n  fit"), 1, "labneuro: error: no fit\n"),
        (LimitError("too high"), 3, "labneuro: error: too high\n"),
        (SafeStateError("not off"), 3, "labneuro: error: not off\n"),
        (
            OSError(28, "No space left"),
            1,
            "labneuro: error: [Errno 28] No space left\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_exit_code_of_each_error(labneuro, monkeypatch, error, code, line):
    """What a command raises becomes a line and a code."""
    monkeypatch.setattr(workspace, "entries", lambda kind: raising(error)())
    answer = labneuro("bench", "list")
    assert (answer.code, answer.err) == (code, line)


def test_bug_is_not_hidden(labneuro, monkeypatch):
    """An error that labneuro did not mean to raise comes out as it is."""
    monkeypatch.setattr(
        workspace, "entries", lambda kind: raising(ZeroDivisionError())()
    )
    with pytest.raises(ZeroDivisionError):
        labneuro("bench", "list")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signals_end_orderly(labneuro, monkeypatch, name):
    """A signal leaves the command by the same way as Ctrl-C."""
    if not hasattr(signal, name):
        pytest.skip(f"no {name} here")
    monkeypatch.setattr(
        workspace, "entries", lambda kind: signal.raise_signal(getattr(signal, name))
    )
    assert labneuro("bench", "list").code == 130


def test_entry_leaves_with_the_code(monkeypatch):
    """The console script hands the code to the shell."""
    monkeypatch.setattr(sys, "argv", ["labneuro", "frob"])
    with pytest.raises(SystemExit) as caught:
        command_line.entry()
    assert caught.value.code == 2


def test_help_imports_nothing_heavy():
    """--help must be quick: numpy and its like load inside the commands."""
    code = (
        "import sys\n"
        "from labneuro.cli.main import main\n"
        "main(['run', '--help'])\n"
        "heavy = {'numpy', 'pint', 'h5py', 'numba', 'torch', 'pyvisa',\n"
        "         'pymeasure', 'matplotlib', 'scipy', 'pandas', 'yaml'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_module_runs_the_command():
    """``python -m labneuro`` is the command."""
    answer = subprocess.run(
        [sys.executable, "-m", "labneuro", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout == f"labneuro {__version__}\n"
