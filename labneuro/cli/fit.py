"""``labneuro fit``: run files to a calibrated model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labneuro.cli.output import table


def fit(
    files: Annotated[list[Path], typer.Argument(help="Run files.")],
    model: Annotated[str, typer.Option(help="Device model to fit.")],
    out: Annotated[Path, typer.Option(help="Calibrated model to write (JSON).")],
    store: Annotated[
        bool, typer.Option("--store", help="Keep the results in the run files, too.")
    ] = False,
) -> None:
    """Fit a device model to run files and write the calibrated model."""
    from labneuro.analysis.catalog import fit_function
    from labneuro.analysis.store import store_in_runs
    from labneuro.calibration import CalibratedModel
    from labneuro.errors import CalibrationError

    calibrated: CalibratedModel = fit_function(model)(files)
    if store:
        calibrated = store_in_runs(files, calibrated)
    try:
        calibrated.save(out)
    except OSError as error:
        raise CalibrationError(f"{out}: cannot be written: {error.strerror}") from error
    rows = [
        (
            one.name,
            f"{one.value:.6g}",
            "-" if one.standard_error is None else f"{one.standard_error:.2g}",
            _interval(one.interval),
            one.unit or "1",
        )
        for one in calibrated.parameters
    ]
    table(("PARAMETER", "VALUE", "STANDARD ERROR", "95 % INTERVAL", "UNIT"), rows)
    for name, value in calibrated.goodness_of_fit.items():
        typer.echo(f"{name}: {value:.4g}")
    typer.echo(str(out))


def _interval(interval: tuple[float | None, float | None]) -> str:
    low, high = (("open" if end is None else f"{end:.6g}") for end in interval)
    return f"{low} ... {high}"
