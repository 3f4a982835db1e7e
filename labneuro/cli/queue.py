"""``labneuro queue``: runs that wait for their turn."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labneuro.cli.measure import Fsync
from labneuro.cli.output import progress, table
from labneuro.run_queue.entry import OnFailure, State

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from labneuro.protocols.runner import Progress
    from labneuro.run_queue.entry import QueueEntry
    from labneuro.run_queue.store import QueueStore

app = typer.Typer(no_args_is_help=True, help="Queue runs and work through them.")
_Queue = Annotated[
    Path | None,
    typer.Option(
        "--queue", help="Queue file; default: queue.sqlite3 in the workspace."
    ),
]
_DAY, _HOUR, _MINUTE = 86400, 3600, 60  # s


def _open(path: Path | None, *, create: bool = False) -> QueueStore:
    from labneuro.run_queue.store import QueueStore, default_queue

    return QueueStore(path or default_queue(), create=create)


@app.command("add")
def add(
    recipe: Annotated[str, typer.Argument(help="Recipe by name or by path.")],
    bench: Annotated[str, typer.Option("--bench", help="Bench by name or by path.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a parameter: key=value; may be repeated."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of a simulated bench.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Run file to create; default: a dated name in this folder."),
    ] = None,
    fsync: Fsync = 1.0,
    queue: _Queue = None,
) -> None:
    """Check a run as 'plan' does and append it to the queue."""
    from labneuro.run_queue.jobs import make_job

    job = make_job(
        recipe, bench, changes=changes or (), seed=seed, out=out, fsync_interval=fsync
    )
    with _open(queue, create=True) as store:
        entry = store.add(job)
    typer.echo(f"entry {entry.number}: {job.recipe_name} on {job.bench_name}")


@app.command("list")
def list_entries(
    every: Annotated[
        bool, typer.Option("--all", help="Show removed entries, too.")
    ] = False,
    queue: _Queue = None,
) -> None:
    """Show the entries: state, time in that state, reason or run file."""
    from labneuro.run_queue.lost import settle_lost

    with _open(queue) as store:
        settle_lost(store)
        rows = [
            (
                entry.number,
                entry.state,
                age(entry.age),
                entry.job.recipe_name,
                " ".join(entry.job.changes) or "-",
                entry.job.bench_name,
                entry.job.device_id,
                _note(entry),
            )
            for entry in store.entries()
            if every or entry.state is not State.REMOVED
        ]
    table(("NO", "STATE", "FOR", "RECIPE", "CHANGES", "BENCH", "DEVICE", "NOTE"), rows)


@app.command("run")
def run(
    bench: Annotated[
        str | None, typer.Option("--bench", help="Only entries of this bench.")
    ] = None,
    on_failure: Annotated[
        OnFailure, typer.Option(help="What to do after a run that failed.")
    ] = OnFailure.CONTINUE,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Most entries to run.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume-interrupted", help="Take up interrupted runs, too."),
    ] = False,
    fsync: Annotated[
        float | None,
        typer.Option(
            "--fsync",
            min=0.0,
            help="Most seconds until readings survive a power cut; default: as added.",
        ),
    ] = None,
    queue: _Queue = None,
) -> None:
    """Run what waits, in order; exit code 1 if a run failed."""
    from labneuro import workspace
    from labneuro.errors import EXIT_FAILED
    from labneuro.run_queue.worker import QueueRunner

    path = None if bench is None else str(workspace.find("bench", bench))
    with _open(queue) as store:
        count = QueueRunner(
            store, path, on_failure, limit, resume, _watch, _tell, fsync
        ).run_all()
        _sum_up(count, store)
    if any(number for state, number in count.items() if state is not State.DONE):
        raise typer.Exit(EXIT_FAILED)


@app.command("remove")
def remove(
    number: Annotated[int, typer.Argument(help="Entry, as 'queue list' shows it.")],
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also one that a process of another machine may be running."
        ),
    ] = False,
    queue: _Queue = None,
) -> None:
    """Take an entry out of the queue; not while it is running."""
    from labneuro.run_queue.lost import settle_lost

    with _open(queue) as store:
        settle_lost(store)
        store.remove(number, force=force)
    typer.echo(f"entry {number}: removed")


@contextlib.contextmanager
def _watch(entry: QueueEntry) -> Iterator[Callable[[Progress], None]]:
    with progress(f"{entry.number} {entry.job.recipe_name}") as report:

        def on_progress(event: Progress) -> None:
            report(event.label, event.done, event.total)

        yield on_progress


def _tell(entry: QueueEntry) -> None:
    typer.echo(f"entry {entry.number}: {entry.state}: {_note(entry)}")


def _note(entry: QueueEntry) -> str:
    if entry.state is State.RUNNING:
        return f"{entry.runner}: {entry.run_file or 'starting'}"
    return entry.reason or entry.run_file or "-"


def _sum_up(count: Counter[State], store: QueueStore) -> None:
    entries = store.entries()
    waiting = sum(entry.state is State.WAITING for entry in entries)
    words = [f"{number} {state}" for state, number in count.items()] or ["nothing run"]
    typer.echo(f"{', '.join(words)}; {waiting} waiting")
    for entry in entries:
        if entry.state is State.RUNNING:
            typer.echo(f"{entry.job.bench_name} is in use: {entry.runner}")


def age(seconds: float) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> age(45.3), age(150), age(7500), age(3 * 86400 + 7200)
    ('45 s', '2 min 30 s', '2 h 5 min', '3 d 2 h')
    """
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"
