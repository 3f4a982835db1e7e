"""``labneuro data``: list, show, validate, recover and export run files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labneuro.cli.output import table

app = typer.Typer(
    no_args_is_help=True, help="List, show, validate, recover and export run files."
)
_File = Annotated[Path, typer.Argument(help="Run file.")]


@app.command("list")
def list_files(
    folder: Annotated[Path, typer.Argument(help="Folder of run files.")] = Path(),
) -> None:
    """List the run files of a folder; unreadable ones with their reason."""
    from labneuro.data.listing import list_runs

    entries = list_runs(folder)
    if not entries:
        typer.echo(f"{folder}: no run files")
        return
    rows = [
        (
            one.name,
            one.recipe or "-",
            one.device or "-",
            one.readings if one.readings >= 0 else "-",
            one.started[:19].replace("T", " ") or "-",
            one.status,
        )
        for one in entries
    ]
    table(("FILE", "RECIPE", "DEVICE", "READINGS", "STARTED", "STATUS"), rows)


@app.command("show")
def show(file: _File) -> None:
    """Show what a run file holds."""
    from labneuro.data.reader import RunFile

    with RunFile.open(file) as run:
        rows = run.summary()
    table(("WHAT", "VALUE"), rows)


@app.command("validate")
def validate(file: _File) -> None:
    """Check a run file; exit code 1 and a line a problem where it is not valid."""
    from labneuro.data.validation import validate as find_problems
    from labneuro.errors import EXIT_FAILED

    problems = find_problems(file)
    for problem in problems:
        typer.echo(f"{file}: {problem.path}: {problem.message}")
    if problems:
        raise typer.Exit(EXIT_FAILED)
    typer.echo(f"{file}: valid")


@app.command("recover")
def recover(
    file: Annotated[
        Path, typer.Argument(help="NAME.h5, NAME.h5.part or NAME.h5.journal.jsonl.")
    ],
) -> None:
    """Make a valid run file of what a killed run left."""
    from labneuro.data.recovery import recover as rebuild
    from labneuro.protocols.resuming import plots_of

    found = rebuild(file, plots_of)
    typer.echo(
        f"{found.path}: {found.readings} readings of {found.steps} steps, "
        f"{found.events} events, from {_SOURCES[found.source]}"
    )
    if found.torn or found.lost:
        typer.echo(
            f"{found.path}: {found.torn} torn lines of the journal skipped, "
            f"{found.lost} blocks behind them lost"
        )


_SOURCES = {
    "journal": "the journal",
    "part": "the part, without a journal",
    "complete": "the file itself: only its ending had been left undone",
}


@app.command("export")
def export(
    file: _File,
    out: Annotated[
        Path | None,
        typer.Option(help="File to create, .csv or .nc; default: FILE with .csv."),
    ] = None,
    plot: Annotated[
        str | None, typer.Option(help="The plot to write to .nc; default: the main.")
    ] = None,
) -> None:
    """Write the readings as CSV, or a plot as netCDF."""
    from labneuro.data.export import export as write

    typer.echo(str(write(file, out or file.with_suffix(".csv"), plot)))
