"""``labneuro data``: show and validate run files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labneuro.cli.output import table

app = typer.Typer(no_args_is_help=True, help="Show and validate run files.")
_File = Annotated[Path, typer.Argument(help="Run file.")]


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
