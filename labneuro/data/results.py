"""Results that are added to a run file after the run, beside the raw readings."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

import labneuro
from labneuro.data import nexus
from labneuro.data.claim import part_of
from labneuro.data.disk import flush_and_trim, reason, sync_folder
from labneuro.data.layout import check_name
from labneuro.data.opening import (
    FAULTS,
    as_text,
    open_run,
    read_array,
    read_json,
    read_text,
    reading,
)
from labneuro.data.provenance import to_json
from labneuro.errors import RunFileError, UnitError
from labneuro.units import check_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_GROUP = "analysis"


def add_analysis(
    path: str | Path,
    name: str,
    results: Mapping[str, NDArray[Any] | float | str],
    software: Mapping[str, str],
    parameters: Mapping[str, Any],
    units: Mapping[str, str] | None = None,
) -> None:
    """Add results to a finished run file; older ones of the same name are replaced.

    The results are written to a copy that then takes the file's place, so that nothing
    that happens meanwhile can harm the readings.

    Parameters
    ----------
    path : path
        The run file.
    name : str
        Name of the analysis.
    results : mapping of str to ndarray, float or str
        The results.
    software : mapping of str to str
        Versions, such as :func:`labneuro.data.provenance.software_versions` returns.
    parameters : mapping
        What the analysis was told; JSON.
    units : mapping of str to str, optional
        Units of the results; dimensionless where not given.

    Raises
    ------
    RunFileError
        If the file is not a finished run, or cannot be written.
    """
    path = Path(path)
    units = units or {}
    _check(path, name, results, units)
    texts = {
        "software": to_json(dict(software), "software"),
        "parameters": to_json(dict(parameters), "parameters"),
    }
    try:
        handle, copied = tempfile.mkstemp(".tmp", f".{path.name}.", path.parent)
        os.close(handle)
        copy = Path(copied)
        try:
            shutil.copy2(path, copy)
            with h5py.File(copy, "r+") as file:
                file.attrs["file_update_time"] = nexus.now()
                _write(file[nexus.ENTRY], name, results, units, texts)
                flush_and_trim(file)
            copy.replace(path)
        finally:
            copy.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FAULTS as error:
        raise RunFileError(
            f"{path}: analysis {name!r} cannot be added: {reason(error)}"
        ) from error


def _check(
    path: Path, name: str, results: Mapping[str, object], units: Mapping[str, str]
) -> None:
    check_name(name, "analysis")
    for result in results:
        check_name(result, f"analysis {name!r}: result")
    for result, unit in units.items():
        if result not in results:
            raise RunFileError(f"analysis {name!r}: a unit for no result {result!r}")
        try:
            check_unit(unit)
        except UnitError as error:
            raise RunFileError(f"analysis {name!r}: {result}: {error}") from error
    with open_run(path) as file, reading(path, "the status"):
        status = as_text(file[nexus.ENTRY].attrs["status"])
    if status == nexus.RUNNING:
        raise RunFileError(f"{path}: the run is not finished")
    if part_of(path).exists():
        raise RunFileError(
            f"{path}: the run is being resumed, or was killed while it was; see "
            f"'labneuro data recover {path}'"
        )


def _write(
    entry: h5py.Group,
    name: str,
    results: Mapping[str, NDArray[Any] | float | str],
    units: Mapping[str, str],
    texts: Mapping[str, str],
) -> None:
    if _GROUP not in entry:
        nexus.group(entry, _GROUP, "NXcollection")
    parent = entry[_GROUP]
    if name in parent:
        del parent[name]
    process = nexus.group(parent, name, "NXprocess")
    nexus.text(process, "program", "labneuro")
    nexus.text(process, "version", labneuro.__version__)
    nexus.text(process, "date", nexus.now())
    for key, content in texts.items():
        nexus.text(process, key, content)
    values = nexus.group(process, "results", "NXcollection")
    for key, value in results.items():
        if isinstance(value, str):
            nexus.text(values, key, value)
        else:
            dataset = values.create_dataset(key, data=np.asarray(value))
            dataset.attrs["units"] = units.get(key, "")


def read_analysis(process: h5py.Group) -> dict[str, Any]:
    """Return results with what made them.

    Parameters
    ----------
    process : h5py.Group
        The NXprocess that :func:`add_analysis` wrote.

    Returns
    -------
    dict
        ``results``, ``units``, ``software``, ``parameters`` and ``date``.
    """
    group = process["results"]
    results: dict[str, Any] = {}
    units = {}
    for name, dataset in group.items():
        if h5py.check_string_dtype(dataset.dtype):
            results[name] = read_text(group, name)
        else:
            array = read_array(dataset)
            results[name] = array.item() if array.ndim == 0 else array
            units[name] = as_text(dataset.attrs["units"])
    return {
        "results": results,
        "units": units,
        "software": read_json(process, "software"),
        "parameters": read_json(process, "parameters"),
        "date": read_text(process, "date"),
    }
