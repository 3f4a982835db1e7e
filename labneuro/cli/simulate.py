"""``labneuro simulate``: a network with a calibrated model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labneuro.cli.output import progress


def simulate(
    network: Annotated[str, typer.Argument(help="Network, such as fashion-snn.")],
    model: Annotated[Path, typer.Option(help="Calibrated model (JSON).")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: key=value; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="First seed.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("network"),
) -> None:
    """Run a network simulator with a calibrated model."""
    from labneuro.networks.catalog import network_entry

    entry = network_entry(network)
    with progress(network) as report:
        written = entry.run(model, changes or [], seed, out, report)
    for line in written:
        typer.echo(line)
