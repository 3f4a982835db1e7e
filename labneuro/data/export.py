"""Export run files to formats of other programs."""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from labneuro.data.disk import reason
from labneuro.data.reader import RunFile
from labneuro.errors import InputError, RunFileError

if TYPE_CHECKING:
    from collections.abc import Callable


def export(path: str | Path, out: str | Path, plot: str | None = None) -> Path:
    """Write the content of a run file in another format, told by the file's ending.

    Parameters
    ----------
    path : path
        The run file.
    out : path
        File to create: ``.csv`` for the readings, a column's unit behind its name, or
        ``.nc`` (netCDF 4) for a plot with its coordinates and units.
    plot : str, optional
        Which plot; the default one where not given.

    Returns
    -------
    Path
        The new file.

    Raises
    ------
    InputError
        If the ending is another, or the package that netCDF needs is not installed.
    RunFileError
        If the run file cannot be read, or the new file exists or cannot be written.
    """
    out = Path(out)
    write = _WRITERS.get(out.suffix)
    if write is None:
        known = ", ".join(_WRITERS)
        raise InputError(f"{out}: the name must end in one of {known}")
    with RunFile.open(path) as run:
        try:
            _write_whole(out, lambda file: write(run, file, plot))
        except FileExistsError as error:
            raise RunFileError(f"{out}: exists already; choose another name") from error
        except (OSError, RuntimeError) as error:
            if isinstance(error, RunFileError):
                raise
            raise RunFileError(f"{out}: cannot be written: {reason(error)}") from error
    return out


def _write_whole(out: Path, write: Callable[[Path], None]) -> None:
    """Let a file appear whole or not at all, and never over another."""
    if os.path.lexists(out):
        raise FileExistsError
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        file = Path(folder) / out.name
        write(file)
        if os.path.lexists(out):
            raise FileExistsError
        file.rename(out)


def _write_csv(run: RunFile, file: Path, plot: str | None) -> None:
    if plot is not None:
        raise InputError("plot: a .csv holds the readings; export plots to .nc")
    frame = run.to_pandas()
    units = run.units()
    titles = {name: f"{name} ({unit})" for name, unit in units.items() if unit}
    frame.rename(columns=titles).to_csv(file, index=False)


def _write_netcdf(run: RunFile, file: Path, plot: str | None) -> None:
    if find_spec("h5netcdf") is None:
        raise InputError(".nc needs the package h5netcdf: pip install h5netcdf")
    data = run.to_xarray(plot)
    data.attrs.update(
        run=run.path.name,
        recipe=run.recipe_name,
        device=run.device_id,
        start_time=run.start_time,
    )
    data.to_netcdf(file, engine="h5netcdf")


_WRITERS: dict[str, Callable[[RunFile, Path, str | None], None]] = {
    ".csv": _write_csv,
    ".nc": _write_netcdf,
}
