"""Tables and progress as every command shows them."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PLAIN_INTERVAL = 2.0  # seconds between plain progress lines


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in aligned columns on stdout."""
    cells = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    for row in cells:
        line = "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        )
        typer.echo(line.rstrip())


@contextmanager
def progress(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show progress on stderr: a bar with time left on a terminal, lines elsewhere.

    Yields
    ------
    callable
        ``report(label, done, total)``.
    """
    if sys.stderr.isatty():
        with _bar(title) as report:
            yield report
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str) -> Iterator[Callable[[str, int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def report(label: str, done: int, total: int) -> None:
            text = f"{title}: {label}" if label else title
            bar.update(task, description=text, completed=done, total=total)

        yield report


def _lines(title: str) -> Callable[[str, int, int], None]:
    last = time.monotonic()

    def report(label: str, done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last >= _PLAIN_INTERVAL:
            last = time.monotonic()
            typer.echo(f"{title}: {done}/{total} {label}".rstrip(), err=True)

    return report
