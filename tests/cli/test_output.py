"""Tables and progress."""

from __future__ import annotations

import sys

import pytest

from labneuro.cli.output import progress, table


def test_columns_are_aligned(capsys):
    """Each column is as wide as its widest cell; no blanks at the end of a line."""
    table(("A", "LONG HEAD", "C"), [("value", 1, "x"), ("v", "wide cell here", "")])
    assert capsys.readouterr().out.splitlines() == [
        "A      LONG HEAD       C",
        "value  1               x",
        "v      wide cell here",
    ]


def test_table_without_rows_is_its_head(capsys):
    """An empty workspace still gives a table."""
    table(("A", "B"), [])
    assert capsys.readouterr().out == "A  B\n"


def test_plain_progress_off_a_terminal(capsys, monkeypatch):
    """A line every two seconds and one at the end, on stderr."""
    now = iter([0.0, 1.0, 2.5, 2.5, 3.0, 3.0, 3.0])
    monkeypatch.setattr("labneuro.cli.output.time.monotonic", lambda: next(now))
    with progress("run") as report:
        report("first", 1, 4)
        report("second", 2, 4)
        report("third", 3, 4)
        report("last", 4, 4)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == ["run: 2/4 second", "run: 4/4 last"]
    assert captured.out == ""


def test_bar_on_a_terminal(capsys, monkeypatch):
    """On a terminal a bar is drawn, on stderr as well."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress("run") as report:
        report("first", 1, 4)
        report("", 4, 4)
    captured = capsys.readouterr()
    assert "run" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_error_inside_passes_through(monkeypatch, terminal):
    """Progress does not swallow what goes wrong."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with pytest.raises(ZeroDivisionError), progress("run"):
        raise ZeroDivisionError
