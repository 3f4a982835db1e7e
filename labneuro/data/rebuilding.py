"""Put together a run file from the pieces of a killed run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.data import nexus
from labneuro.data.claim import journal_of
from labneuro.data.columns import block_checksum, plot_arrays
from labneuro.data.layout import READINGS
from labneuro.data.opening import as_text, read_array, read_text
from labneuro.errors import InvalidRunFileError, RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import h5py
    from numpy.typing import ArrayLike, NDArray

    from labneuro.data.journal import Block, Event, JournalContent
    from labneuro.data.layout import RunLayout
    from labneuro.data.reader import RunFile


@dataclass
class Salvage:
    """What is left of a run.

    Attributes
    ----------
    target, part : Path
        The run file to be, and its part.
    content : JournalContent or None
        The journal, where it can be read.
    notes : list of str
        What the event log of the recovered file shall say.
    ended : str
        When anything was last written, in ISO 8601.
    """

    target: Path
    part: Path
    content: JournalContent | None
    notes: list[str] = field(default_factory=list)
    ended: str = ""

    def __post_init__(self) -> None:
        journal = journal_of(self.target)
        times = [one.stat().st_mtime for one in (journal, self.part) if one.exists()]
        moment = datetime.fromtimestamp(max(times, default=0.0), UTC)
        self.ended = moment.astimezone().isoformat()

    def note(self, text: str) -> None:
        """Keep a line for the event log."""
        self.notes.append(nexus.clean(" ".join(text.split())))


def append_readings(
    run: h5py.File, blocks: Sequence[tuple[Block, bytes]], where: str
) -> None:
    """Append the blocks of a journal to a run file.

    Parameters
    ----------
    run : h5py.File
        Open for writing.
    blocks : sequence of (Block, bytes)
        The blocks in order.
    where : str
        The journal, for the message.

    Raises
    ------
    InvalidRunFileError
        If they are not blocks of this file.
    """
    group = run[nexus.ENTRY][READINGS]
    names = [as_text(name) for name in group.attrs["columns"]]
    columns = [group[name] for name in names]
    width = sum(column.dtype.itemsize for column in columns)
    parts: list[list[NDArray[Any]]] = [[] for _ in columns]
    for block, data in blocks:
        if len(data) != block.count * width:
            raise InvalidRunFileError(
                f"{where}: the block of step {block.step} does not fit the columns "
                f"{', '.join(names)}"
            )
        start = 0
        for column, found in zip(columns, parts, strict=True):
            end = start + block.count * column.dtype.itemsize
            found.append(np.frombuffer(data[start:end], column.dtype))
            start = end
    for column, found in zip(columns, parts, strict=True):
        _extend(column, np.concatenate([np.zeros(0, column.dtype), *found]))
    rows = [
        (one.step, one.first_row, one.count, one.crc32, _or_nan(one.time))
        for one, _ in blocks
    ]
    _extend(run[nexus.ENTRY]["blocks/table"], np.array(rows, nexus.BLOCK))


def _or_nan(time: float | None) -> float:
    return math.nan if time is None else time


def append_events(run: h5py.File, events: Iterable[Event]) -> None:
    """Append events to the log of a run file."""
    group = run[nexus.ENTRY]["events"]
    found = list(events)
    if not found:
        return
    _extend(group["time"], np.array([one.time for one in found]))
    _extend(group["kind"], [nexus.clean(one.kind) for one in found])
    _extend(group["message"], [nexus.clean(one.message) for one in found])


def keep_whole_blocks(run: h5py.File) -> None:
    """Cut a part back to the blocks that a kill left whole."""
    entry = run[nexus.ENTRY]
    group = entry[READINGS]
    columns = [group[as_text(name)] for name in group.attrs["columns"]]
    arrays = [read_array(column) for column in columns]
    table = read_array(entry["blocks/table"])
    count = rows = 0
    for block in table:
        first, size = int(block["first_row"]), int(block["count"])
        fits = first == rows and min(array.size for array in arrays) >= first + size
        if not fits or block_checksum(arrays, first, size) != int(block["crc32"]):
            break
        count, rows = count + 1, rows + size
    for column in columns:
        column.resize((rows,))
    entry["blocks/table"].resize((count,))
    shortest = min(entry["events"][name].shape[0] for name in nexus.EVENTS)
    for name in nexus.EVENTS:
        entry["events"][name].resize((shortest,))


def copied_plots(
    part: RunFile, layout: RunLayout
) -> dict[str, dict[str, NDArray[Any]]]:
    """Return the plots of a part by name and by the name of each column."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for plot in layout.plots:
        data = part.plot(plot.name)
        arrays = {"signal": data.signal, **data.auxiliary}
        if data.errors is not None:
            arrays["errors"] = data.errors
        found[plot.name] = arrays
    return found


def write_plots(
    entry: h5py.Group, plots: Mapping[str, Mapping[str, ArrayLike]]
) -> list[str]:
    """Write plots that fit the layout; return a line on each that does not."""
    layout = nexus.read_layout(entry)
    refused = []
    for name, columns in plots.items():
        try:
            arrays = plot_arrays(layout.plot(name), columns)
        except RunFileError as error:
            refused.append(f"a plot could not be drawn again: {error}")
            continue
        for column, array in arrays.items():
            entry[name][column][...] = array
    return refused


def end_run(entry: h5py.Group, status: str, salvage: Salvage) -> None:
    """Let a run end when its last line was written.

    Its duration is that of all its parts together, without the gaps between them.
    """
    entry.attrs.modify("status", nexus.status_text(status))
    entry["end_time"][()] = salvage.ended
    start = read_text(entry, "start_time")
    if salvage.content is not None and salvage.content.base is not None:
        start = salvage.content.started
    ended, started = (datetime.fromisoformat(one) for one in (salvage.ended, start))
    lasted = max((ended - started).total_seconds(), 0.0)
    entry["duration"][()] = np.int64(int(entry["duration"][()]) + round(lasted * 1e3))


def _extend(dataset: h5py.Dataset, values: Any) -> None:  # noqa: ANN401  an array or a list of text
    first = dataset.shape[0]
    dataset.resize((first + len(values),))
    if len(values):
        dataset[first:] = values
