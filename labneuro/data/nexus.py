"""The NeXus tree of a run file: how it is created and how a layout is read from it.

Viewers find the main plot by the ``default`` attributes and draw a group by ``signal``
and ``axes``; xarray finds named coordinates by HDF5 dimension scales. Both are written.

References
----------
NeXus manual, base classes NXroot, NXentry, NXdata, NXprocess (manual.nexusformat.org).
HDF5 Dimension Scale Specification, The HDF Group.
silx documentation, ``SILX_style``; H5Web documentation, "NeXus specification support".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

import labneuro
from labneuro.data.layout import (
    ERRORS_SUFFIX,
    READINGS,
    Axis,
    Column,
    Plot,
    RunLayout,
    check_name,
)
from labneuro.data.provenance import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labneuro.data.provenance import InstrumentRecord, Provenance

FORMAT = 1
ENTRY = "entry"
RUNNING = "running"
STYLE = "SILX_style"
BLOCK = np.dtype(
    [
        ("step", "<i8"),
        ("first_row", "<i8"),
        ("count", "<i8"),
        ("crc32", "<u4"),
        ("time", "<f8"),
    ]
)
EVENTS = ("time", "kind", "message")
JSON_TEXTS = ("parameters", "limits", "extras", "versions")
PLAIN_TEXTS = ("recipe_name", "recipe_text", "protocol", "bench_name", "bench_text")
_ROWS_PER_CHUNK = 1024
_TEXT = h5py.string_dtype()
_LONGEST_STATUS = 511
_STATUS = h5py.string_dtype(length=_LONGEST_STATUS + 1)


def now() -> str:
    """Return the time of day in ISO 8601 with its zone."""
    return datetime.now(UTC).astimezone().isoformat()


def clean(text: str) -> str:
    r"""Return text that HDF5 can store: NUL and lone surrogates become escapes.

    Examples
    --------
    >>> clean("garbage \x00 from a line")
    'garbage \\x00 from a line'
    """
    whole = text.encode("utf-8", errors="backslashreplace").decode("utf-8")
    return whole.replace("\x00", "\\x00")


def status_text(status: str) -> bytes:
    """Return a status as the file keeps it: one line, cut to its room."""
    line = clean(" ".join(status.split())).encode()
    return line[:_LONGEST_STATUS].decode(errors="ignore").encode()


def group(parent: h5py.Group, name: str, nx_class: str) -> h5py.Group:
    """Create a group of a NeXus class."""
    child = parent.create_group(name)
    child.attrs["NX_class"] = nx_class
    return child


def text(parent: h5py.Group, name: str, content: str) -> h5py.Dataset:
    """Create a scalar of text."""
    return parent.create_dataset(name, data=clean(content), dtype=_TEXT)


def create_tree(
    file: h5py.File,
    file_name: str,
    layout: RunLayout,
    provenance: Provenance,
    instruments: Sequence[InstrumentRecord],
    versions: dict[str, str],
) -> None:
    """Create the whole tree of a run in an empty file.

    Parameters
    ----------
    file : h5py.File
        An empty file, open for writing.
    file_name : str
        Name that the file will have when the run is complete.
    layout : RunLayout
        What the run stores.
    provenance : Provenance
        What the run is.
    instruments : sequence of InstrumentRecord
        The instruments of the bench.
    versions : dict of str to str
        Versions of the software.
    """
    start = now()
    file.attrs.update(
        {
            "NX_class": "NXroot",
            "default": ENTRY,
            "file_name": file_name,
            "file_time": start,
            "HDF5_Version": h5py.version.hdf5_version,
            "h5py_version": h5py.version.version,
            "creator": "labneuro",
            "creator_version": labneuro.__version__,
            "labneuro_format": FORMAT,
        }
    )
    entry = group(file, ENTRY, "NXentry")
    entry.attrs["default"] = layout.default
    text(entry, "title", provenance.title)
    text(entry, "start_time", start)
    _create_ending(entry)
    _create_instruments(entry, instruments)
    sample = group(entry, "sample", "NXsample")
    text(sample, "name", provenance.device_id)
    text(sample, "description", f"device model {provenance.device_model}")
    text(sample, "device_model", provenance.device_model)
    _create_configuration(entry, provenance, versions)
    _create_readings(entry, layout)
    for plot in layout.plots:
        _create_plot(entry, plot)


def _create_ending(entry: h5py.Group) -> None:
    """Make room for the ending now, so that a full disk cannot prevent it."""
    entry.attrs.create("status", status_text(RUNNING), dtype=_STATUS)
    entry.create_dataset("end_time", data="", dtype=h5py.string_dtype(length=40))
    # Whole milliseconds, because NeXus wants an integer here.
    entry.create_dataset("duration", data=np.int64(0)).attrs["units"] = "ms"


def _create_instruments(
    entry: h5py.Group, instruments: Iterable[InstrumentRecord]
) -> None:
    parent = group(entry, "instrument", "NXinstrument")
    for record in instruments:
        check_name(record.name, "instrument")
        child = group(parent, record.name, "NXcollection")
        for key in ("model", "identity", "address"):
            text(child, key, getattr(record, key))
        where = f"settings of {record.name}"
        text(child, "settings", to_json(record.settings, where))


def _create_configuration(
    entry: h5py.Group, provenance: Provenance, versions: dict[str, str]
) -> None:
    parent = group(entry, "configuration", "NXcollection")
    for key in PLAIN_TEXTS:
        text(parent, key, getattr(provenance, key))
    for key in ("parameters", "limits", "extras"):
        text(parent, key, to_json(getattr(provenance, key), key))
    text(parent, "versions", to_json(versions, "versions"))
    parent["simulated"] = bool(provenance.simulated)
    if provenance.card_text is not None:
        text(parent, "card_text", provenance.card_text)
    if provenance.seed is not None:
        parent["seed"] = np.int64(provenance.seed)


def _create_readings(entry: h5py.Group, layout: RunLayout) -> None:
    parent = group(entry, READINGS, "NXdata")
    parent.attrs["signal"] = layout.readings_signal
    parent.attrs["axes"] = [layout.readings_axis]
    parent.attrs["columns"] = [column.name for column in layout.readings]
    for column in layout.readings:
        _describe(_extendable(parent, column.name, column.storage), column)
    _attach(parent, [layout.readings_axis], [column.name for column in layout.readings])
    blocks = group(entry, "blocks", "NXcollection")
    _extendable(blocks, "table", BLOCK, rows=64)
    events = group(entry, "events", "NXcollection")
    for name, dtype in zip(EVENTS, (np.dtype("<f8"), _TEXT, _TEXT), strict=True):
        _extendable(events, name, dtype, rows=64)
    events["time"].attrs["units"] = "s"


def _extendable(
    parent: h5py.Group, name: str, dtype: object, rows: int = _ROWS_PER_CHUNK
) -> h5py.Dataset:
    return parent.create_dataset(
        name, shape=(0,), maxshape=(None,), chunks=(rows,), dtype=dtype
    )


def _create_plot(entry: h5py.Group, plot: Plot) -> None:
    parent = group(entry, plot.name, "NXdata")
    axes = [axis.column.name for axis in plot.axes]
    parent.attrs["signal"] = plot.signal.name
    parent.attrs["axes"] = axes
    if plot.auxiliary:
        names = [column.name for column in plot.auxiliary]
        parent.attrs["auxiliary_signals"] = names
    if plot.scale:
        parent.attrs[STYLE] = _style(plot)
    text(parent, "title", plot.title)
    for axis in plot.axes:
        dataset = parent.create_dataset(axis.column.name, data=axis.values)
        _describe(dataset, axis.column)
    for column in plot.columns:
        # Filled now, so that an update writes in place and never moves anything.
        filled = np.full(plot.shape, column.fill, column.storage)
        _describe(parent.create_dataset(column.name, data=filled), column)
    _attach(parent, axes, [column.name for column in plot.columns])


def _style(plot: Plot) -> str:
    axes = [plot.scale.get(axis.column.name, "linear") for axis in plot.axes]
    signal = plot.scale.get(plot.signal.name, "linear")
    # H5Web reads the key in the singular, silx the one in the plural.
    style = {
        "axes_scale_type": axes,
        "axes_scale_types": axes,
        "signal_scale_type": signal,
    }
    return json.dumps(style)


def _describe(dataset: h5py.Dataset, column: Column) -> None:
    dataset.attrs["units"] = column.unit
    dataset.attrs["long_name"] = column.long_name


def _attach(parent: h5py.Group, axes: Sequence[str], names: Iterable[str]) -> None:
    for axis in axes:
        parent[axis].make_scale(axis)
    for name in names:
        if name not in axes:
            for index, axis in enumerate(axes):
                parent[name].dims[index].attach_scale(parent[axis])


def read_layout(entry: h5py.Group) -> RunLayout:
    """Read back what a run stores.

    Parameters
    ----------
    entry : h5py.Group
        The NXentry of a run file.

    Returns
    -------
    RunLayout
        The layout that the file was created with; plots in order of their names.
    """
    readings = entry[READINGS]
    reserved = {READINGS, "analysis"}
    plots = [
        _read_plot(entry[name], name)
        for name in entry
        if name not in reserved and entry[name].attrs.get("NX_class") == "NXdata"
    ]
    return RunLayout(
        readings=tuple(
            _read_column(readings, name) for name in readings.attrs["columns"]
        ),
        readings_signal=readings.attrs["signal"],
        readings_axis=readings.attrs["axes"][0],
        plots=tuple(plots),
        default=entry.attrs["default"],
    )


def _read_column(parent: h5py.Group, name: str) -> Column:
    dataset = parent[name]
    unit, label = dataset.attrs["units"], dataset.attrs["long_name"]
    return Column(name, unit, label, dataset.dtype.str[1:])


def _read_plot(parent: h5py.Group, name: str) -> Plot:
    signal = _read_column(parent, parent.attrs["signal"])
    axes = tuple(
        Axis(_read_column(parent, axis), parent[axis][()])
        for axis in parent.attrs["axes"]
    )
    drawn = tuple(parent.attrs.get("auxiliary_signals", ()))
    known = {"title", signal.name, *drawn, *(axis.column.name for axis in axes)}
    errors = signal.name + ERRORS_SUFFIX
    further = [other for other in parent if other not in {*known, errors}]
    return Plot(
        name=name,
        title=parent["title"][()].decode(),
        signal=signal,
        axes=axes,
        errors=errors in parent,
        auxiliary=tuple(_read_column(parent, one) for one in drawn),
        further=tuple(_read_column(parent, one) for one in further),
        scale=_read_scale(parent, signal, axes),
    )


def _read_scale(
    parent: h5py.Group, signal: Column, axes: Sequence[Axis]
) -> dict[str, str]:
    if STYLE not in parent.attrs:
        return {}
    style: dict[str, Any] = json.loads(parent.attrs[STYLE])
    names = [axis.column.name for axis in axes]
    scale = dict(zip(names, style["axes_scale_types"], strict=True))
    return {**scale, signal.name: style["signal_scale_type"]}
