"""``labneuro plot``: the figure of a run file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    file: Annotated[Path, typer.Argument(help="Run file.")],
    out: Annotated[
        Path | None, typer.Option(help="PNG to write; default: beside the run file.")
    ] = None,
) -> None:
    """Draw the main figure of a run file as PNG."""
    from labneuro.data.reader import RunFile
    from labneuro.plotting.catalog import run_figure
    from labneuro.plotting.style import save

    with RunFile.open(file) as run:
        figure = run_figure(run)
    path = out or file.with_suffix(".png")
    save(figure, path)
    typer.echo(str(path))
