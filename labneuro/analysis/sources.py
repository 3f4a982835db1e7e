"""What a fit was made from and with: run files by device, versions of software."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING, TypeVar

import labneuro
from labneuro.calibration import SourceRun
from labneuro.data.reader import sha256
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


Data = TypeVar("Data")
Fit = TypeVar("Fit")


def source_run(path: Path) -> SourceRun:
    """Return a run file's path and the SHA-256 of its content."""
    return SourceRun(path=str(path), sha256=sha256(path))


def fit_by_device(
    paths: Sequence[Path],
    read: Callable[[Path], tuple[str, Data]],
    fit: Callable[[str, Sequence[Data]], Fit],
) -> list[Fit]:
    """Fit the runs of each device together.

    Parameters
    ----------
    paths : sequence of Path
        Run files, of one device or of several.
    read : callable
        Returns the device and the data of a run file.
    fit : callable
        Fits a device, named first, to its data in the order of `paths`.

    Returns
    -------
    list
        One fit a device, in the order in which the devices come first.

    Raises
    ------
    FitError
        If there is no file; what `read` and `fit` raise, with the files' names.
    """
    if not paths:
        raise FitError("no run file to fit")
    by_device: dict[str, list[tuple[Path, Data]]] = {}
    for path in paths:
        device_id, data = read(path)
        by_device.setdefault(device_id, []).append((path, data))
    found = []
    for device_id, runs in by_device.items():
        try:
            found.append(fit(device_id, [data for _, data in runs]))
        except FitError as error:
            names = ", ".join(str(path) for path, _ in runs)
            raise FitError(f"{names}: {error}") from error
    return found


def versions() -> dict[str, str]:
    """Return the versions of what makes a fit."""
    return {
        "labneuro": labneuro.__version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("numpy", "scipy")},
    }
