"""``labneuro resume``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labneuro.cli.measure import Fsync
from labneuro.cli.output import progress


def resume(
    file: Annotated[
        Path, typer.Argument(help="Run file, or the .part or journal of a killed run.")
    ],
    bench: Annotated[
        str | None,
        typer.Option("--bench", help="Its bench, where that is not found by itself."),
    ] = None,
    fsync: Fsync = 1.0,
) -> None:
    """Take up a run that was interrupted, failed or was killed, at its next step."""
    from labneuro.bench import load_bench
    from labneuro.protocols.runner import Progress
    from labneuro.protocols.runner import resume as execute

    config = None if bench is None else load_bench(bench)
    with progress(file.name) as report:

        def on_progress(event: Progress) -> None:
            report(event.label, event.done, event.total)

        finished = execute(file, config, on_progress=on_progress, fsync_interval=fsync)
    typer.echo(str(finished))
