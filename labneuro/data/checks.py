"""The checks of a run file: structure, sizes, units, checksums, what must be there.

The validators of NeXus pass a file without a default plot or with unknown units, and
know nothing of our block checksums; these checks find them.
"""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from labneuro.data import nexus
from labneuro.data.columns import block_checksum
from labneuro.data.disk import reason
from labneuro.data.layout import ERRORS_SUFFIX, READINGS
from labneuro.data.opening import (
    FAULTS,
    as_text,
    open_run,
    read_array,
    read_json,
    read_text,
)
from labneuro.errors import RunFileError, UnitError
from labneuro.units import check_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ENTRY = f"/{nexus.ENTRY}"
_GROUPS = {
    "instrument": "NXinstrument",
    "sample": "NXsample",
    "configuration": "NXcollection",
    "blocks": "NXcollection",
    "events": "NXcollection",
    READINGS: "NXdata",
}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a run file.

    Parameters
    ----------
    path : str
        Where in the file; an attribute follows an ``@``.
    message : str
        What is wrong, in one line.
    """

    path: str
    message: str


def check_file(path: Path) -> list[Problem]:
    """Check a run file in this process.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    list of Problem
        Empty where the file is valid. No file makes this raise, but some damaged ones
        make the HDF5 library crash or hang:
        :func:`labneuro.data.validation.validate` withstands that too.
    """
    try:
        file = open_run(path)
    except RunFileError as error:
        return [Problem("/", str(error).removeprefix(f"{path}: "))]
    try:
        return [problem for check in _CHECKS for problem in _guarded(check, file)]
    finally:
        with contextlib.suppress(*FAULTS):  # nothing was written: nothing is lost
            file.close()


def _guarded(
    check: Callable[[h5py.File], Iterator[Problem]], file: h5py.File
) -> list[Problem]:
    found: list[Problem] = []
    try:
        found.extend(check(file))
    except FAULTS as error:
        what = check.__name__.strip("_").replace("_", " ")
        found.append(Problem(_ENTRY, f"{what} cannot be read: {reason(error)}"))
    return found


def _links(file: h5py.File) -> Iterator[Problem]:
    found: list[Problem] = []

    def look(name: str, link: object) -> None:
        if not isinstance(link, h5py.HardLink):
            kind = type(link).__name__
            found.append(Problem(f"/{name}", f"is a {kind}; a run file has none"))

    file.visititems_links(look)
    yield from found


def _status(file: h5py.File) -> Iterator[Problem]:
    entry = file[nexus.ENTRY]
    where = f"{_ENTRY}@status"
    if "status" not in entry.attrs:
        yield Problem(where, "is missing")
        return
    status = as_text(entry.attrs["status"])
    if not status:
        yield Problem(where, "is empty")
    if status == nexus.RUNNING:
        yield Problem(where, "the run was killed before it could finish its file")
        return
    for name in ("start_time", "end_time"):
        yield from _time(entry, name)


def _time(entry: h5py.Group, name: str) -> Iterator[Problem]:
    where = f"{_ENTRY}/{name}"
    if name not in entry:
        yield Problem(where, "is missing")
        return
    text = read_text(entry, name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        yield Problem(where, f"{text!r} is not an ISO 8601 time")
        return
    if moment.tzinfo is None:
        yield Problem(where, f"{text!r} has no time zone")


def _default_plot(file: h5py.File) -> Iterator[Problem]:
    place, path = file, "/"
    for nx_class in ("NXentry", "NXdata"):
        where = f"{path}@default"
        if "default" not in place.attrs:
            yield Problem(where, "is missing: viewers find no plot")
            return
        name = as_text(place.attrs["default"])
        if name not in place:
            yield Problem(where, f"there is no group {name!r}")
            return
        place, path = place[name], f"{path.rstrip('/')}/{name}"
        if _nx_class(place) != nx_class:
            yield Problem(path, f"the default leads here, but this is no {nx_class}")
            return


def _groups(file: h5py.File) -> Iterator[Problem]:
    entry = file[nexus.ENTRY]
    for name, nx_class in _GROUPS.items():
        child = entry.get(name)
        if not isinstance(child, h5py.Group):
            yield Problem(f"{_ENTRY}/{name}", "this group is missing")
        elif _nx_class(child) != nx_class:
            yield Problem(f"{_ENTRY}/{name}@NX_class", f"must be {nx_class!r}")


def _plots(file: h5py.File) -> Iterator[Problem]:
    for child in file[nexus.ENTRY].values():
        if isinstance(child, h5py.Group) and _nx_class(child) == "NXdata":
            yield from _plot(child)


def _plot(group: h5py.Group) -> Iterator[Problem]:
    signal = _named(group, group.attrs.get("signal"))
    if signal is None:
        yield Problem(f"{group.name}@signal", "names no data set of this group")
        return
    axes = [as_text(axis) for axis in np.atleast_1d(group.attrs.get("axes", []))]
    if len(axes) != signal.ndim:
        yield Problem(
            f"{group.name}@axes",
            f"names {len(axes)} axes, the signal has {signal.ndim} dimensions",
        )
        return
    for index, axis in enumerate(axes):
        yield from _axis(group, axis, signal.shape[index])
    for name in np.atleast_1d(group.attrs.get("auxiliary_signals", [])):
        if _named(group, name) is None:
            where = f"{group.name}@auxiliary_signals"
            yield Problem(where, f"there is no data set {as_text(name)!r}")
    for name, dataset in group.items():
        if name not in (*axes, "title"):
            yield from _column(group, axes, dataset, signal)


def _axis(group: h5py.Group, name: str, size: int) -> Iterator[Problem]:
    axis = _named(group, name)
    if axis is None:
        yield Problem(f"{group.name}@axes", f"there is no data set {name!r}")
    elif axis.shape != (size,):
        yield Problem(axis.name, f"has shape {axis.shape}, the signal needs ({size},)")


def _column(
    group: h5py.Group, axes: list[str], dataset: h5py.Dataset, signal: h5py.Dataset
) -> Iterator[Problem]:
    if dataset.shape != signal.shape:
        kind = "errors" if dataset.name.endswith(ERRORS_SUFFIX) else "column"
        yield Problem(
            dataset.name,
            f"{kind} of shape {dataset.shape}, the signal has {signal.shape}",
        )
        return
    for index, name in enumerate(axes):
        axis = _named(group, name)
        if axis is not None and axis not in _scales(dataset, index):
            yield Problem(dataset.name, f"the dimension scale {name!r} is not attached")


def _scales(dataset: h5py.Dataset, index: int) -> list[h5py.Dataset]:
    try:
        return list(dataset.dims[index].values())
    except FAULTS:  # a reference to something that is gone
        return []


def _units(file: h5py.File) -> Iterator[Problem]:
    found: list[Problem] = []

    def look(_: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            found.extend(_unit(item))

    file[nexus.ENTRY].visititems(look)
    yield from found


def _unit(dataset: h5py.Dataset) -> Iterator[Problem]:
    where = f"{dataset.name}@units"
    if "units" in dataset.attrs:
        try:
            check_unit(as_text(dataset.attrs["units"]))
        except UnitError as error:
            yield Problem(where, str(error))
    elif _nx_class(dataset.parent) == "NXdata" and dataset.dtype.kind in "iuf":
        yield Problem(where, "is missing")


def _readings(file: h5py.File) -> Iterator[Problem]:
    group = file[nexus.ENTRY][READINGS]
    columns = [as_text(name) for name in group.attrs["columns"]]
    missing = [name for name in columns if _named(group, name) is None]
    for name in missing:
        yield Problem(f"{group.name}/{name}", "this column is missing")
    if not missing:
        yield from _blocks(file, [group[name] for name in columns])


def _blocks(file: h5py.File, columns: list[h5py.Dataset]) -> Iterator[Problem]:
    lengths = {column.shape[0] for column in columns}
    if len(lengths) > 1:
        where = f"{_ENTRY}/{READINGS}"
        yield Problem(where, f"columns differ in length: {sorted(lengths)}")
        return
    arrays = [read_array(column) for column in columns]
    table = file[nexus.ENTRY]["blocks/table"]
    if table.dtype != nexus.BLOCK:
        yield Problem(table.name, f"its type must be {nexus.BLOCK}")
        return
    rows = read_array(table)
    starts = list(itertools.accumulate(rows["count"].tolist(), initial=0))
    if rows["first_row"].tolist() != starts[:-1] or starts[-1] != arrays[0].size:
        yield Problem(
            table.name, f"its blocks do not make up {arrays[0].size} readings"
        )
        return
    for row in rows:
        yield from _checksum(row, arrays)


def _checksum(row: Any, arrays: list[np.ndarray[Any, Any]]) -> Iterator[Problem]:  # noqa: ANN401  a record
    first, count = int(row["first_row"]), int(row["count"])
    if block_checksum(arrays, first, count) != int(row["crc32"]):
        yield Problem(
            f"{_ENTRY}/{READINGS}",
            f"readings {first} to {first + count - 1} (step {int(row['step'])}) were "
            "changed: wrong checksum",
        )


def _configuration(file: h5py.File) -> Iterator[Problem]:
    group = file[nexus.ENTRY]["configuration"]
    for name in (*nexus.PLAIN_TEXTS, *nexus.JSON_TEXTS, "simulated"):
        if not isinstance(group.get(name), h5py.Dataset):
            yield Problem(f"{group.name}/{name}", "is missing")
        elif name != "simulated":
            yield from _text(group, name)


def _text(group: h5py.Group, name: str) -> Iterator[Problem]:
    read = read_json if name in nexus.JSON_TEXTS else read_text
    try:
        read(group, name)
    except FAULTS as error:
        kind = "the JSON of a mapping" if read is read_json else "text"
        yield Problem(f"{group.name}/{name}", f"is not {kind}: {reason(error)}")


def _layout(file: h5py.File) -> Iterator[Problem]:
    try:
        nexus.read_layout(file[nexus.ENTRY])
    except RunFileError as error:
        yield Problem(_ENTRY, str(error))


def _named(group: h5py.Group, name: object) -> h5py.Dataset | None:
    """Return a data set of a group, or None where there is none of that name."""
    if name is None:
        return None
    found = group.get(as_text(name))
    return found if isinstance(found, h5py.Dataset) else None


def _nx_class(group: h5py.Group) -> str:
    return as_text(group.attrs.get("NX_class", ""))


_CHECKS = (
    _links,
    _status,
    _default_plot,
    _groups,
    _plots,
    _units,
    _readings,
    _configuration,
    _layout,
)
