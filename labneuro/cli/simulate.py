"""``labneuro simulate``: a network with a calibrated model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path(
        "network-out"
    ),
) -> None:
    """Run a network simulator with a calibrated model."""
    from importlib import import_module

    from labneuro import calibration
    from labneuro.errors import InputError
    from labneuro.networks.catalog import load_network
    from labneuro.units import validate_input
    from labneuro.workspace import apply_change

    loaded = load_network(network)
    parameters: dict[str, Any] = {}
    for change in changes or []:
        apply_change(parameters, change)
    settings = validate_input(loaded.settings, parameters, "--set", InputError)
    calibrated = calibration.load(model, loaded.entry.device_model)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made: {error.strerror}") from error
    with progress(network) as report:
        result = loaded.simulate(calibrated, settings, seed=seed, progress=report)
    typer.echo(result.accuracy_table)
    figures = import_module(loaded.entry.figures)
    for path in figures.save_network_result(result, out):
        typer.echo(str(path))
