"""``labneuro demo``: measure, fit, simulate, figures, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labneuro.cli.output import progress


def demo(
    system: Annotated[str, typer.Option(help="Which system to show.")] = "hnno",
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path(
        "demo-out"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer events and images: a smoke test.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of bench and network.")] = 7,
) -> None:
    """Measure a simulated device over VISA, fit it, run its network, write a report."""
    from labneuro.demos.catalog import demo_function

    with progress("demo") as report:
        lines = demo_function(system)(out, quick=quick, seed=seed, progress=report)
    for line in lines:
        typer.echo(line)
