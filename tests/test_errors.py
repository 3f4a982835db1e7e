"""The error tree: every error has a builtin, an exit code and a line about itself."""

from __future__ import annotations

import inspect

import pytest

from labneuro import errors

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.LabneuroError)
]
BRANCHES = [kind for kind in TREE if kind is not errors.LabneuroError]


@pytest.mark.parametrize("kind", BRANCHES)
def test_error_specialises_a_builtin(kind):
    """Code that knows nothing of labneuro can catch the error for what it is."""
    builtins = {base for base in kind.__mro__ if base.__module__ == "builtins"}
    assert builtins - {Exception, BaseException, object}


@pytest.mark.parametrize("kind", TREE)
def test_message_is_kept_as_written(kind):
    """The builtin's own way to print must not change the line (KeyError would)."""
    assert str(kind("bench.yaml: seed: 3")) == "bench.yaml: seed: 3"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.LabneuroError, 1),
        (errors.InstrumentError, 1),
        (errors.RunFileError, 1),
        (errors.InvalidRunFileError, 1),
        (errors.CalibrationError, 1),
        (errors.FitError, 1),
        (errors.InputError, 2),
        (errors.UnitError, 2),
        (errors.BenchConfigError, 2),
        (errors.RecipeError, 2),
        (errors.CardError, 2),
        (errors.NotInWorkspaceError, 2),
        (errors.LimitError, 3),
        (errors.SafeStateError, 3),
    ],
)
def test_exit_codes(kind, code):
    """1 failed, 2 wrong usage, 3 stopped for safety."""
    assert kind.exit_code == code


def test_every_error_is_told_in_a_docstring():
    """Each class says in one line when it is raised."""
    assert all(inspect.getdoc(kind) for kind in TREE)
    assert len(BRANCHES) >= 10
