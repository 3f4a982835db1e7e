"""Read run files: what was run, readings, plots, and results added later."""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from labneuro.data import nexus
from labneuro.data.columns import block_checksum
from labneuro.data.journal import PART, SUFFIX, Base, Event
from labneuro.data.layout import READINGS, Plot
from labneuro.data.opening import (
    as_text,
    open_run,
    read_array,
    read_configuration,
    read_text,
    reading,
)
from labneuro.data.plot_data import PlotData, read_plot
from labneuro.data.results import add_analysis, read_analysis
from labneuro.errors import InvalidRunFileError, RunFileError
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import h5py
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["PlotData", "RunFile", "add_analysis", "sha256"]


class RunFile:
    """A run file, open for reading; made by :meth:`open`, closed as a context manager.

    A ``.part`` that a killed run left opens too, with the readings that it holds.

    Attributes
    ----------
    path : Path
        The file.
    layout : RunLayout
        The columns and plots that it was created with.
    title, status, start_time, end_time : str
        Title; how the run ended; ISO 8601 times, the last empty while it is running.
    duration : float
        Wall time in s.
    protocol : str
        Name of the measurement protocol.
    parameters, limits, extras, versions : dict
        The protocol's parameters, the limits, the runner's extras, the software.
    recipe_name, recipe_text, bench_name, bench_text : str
        Recipe and bench, with their files' contents.
    card_text : str or None
        Content of the device card.
    seed : int or None
        Seed of the simulated bench.
    simulated : bool
        Whether the instruments were simulated.
    device_id, device_model : str
        The device under test.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file
        self._entry = entry = file[nexus.ENTRY]
        with self._reading("the layout"):
            self.layout = nexus.read_layout(entry)
        with self._reading("the entry"):
            self.title = read_text(entry, "title")
            self.status = as_text(entry.attrs["status"])
            self.start_time = read_text(entry, "start_time")
            self.end_time = read_text(entry, "end_time")
            self.duration = float(entry["duration"][()]) * 1e-3
            self.device_id = read_text(entry, "sample/name")
            self.device_model = read_text(entry, "sample/device_model")
        with self._reading("the configuration"):
            content = read_configuration(entry)
            self.protocol: str = content["protocol"]
            self.parameters: dict[str, Any] = content["parameters"]
            self.limits: dict[str, Any] = content["limits"]
            self.extras: dict[str, Any] = content["extras"]
            self.versions: dict[str, str] = content["versions"]
            self.recipe_name: str = content["recipe_name"]
            self.recipe_text: str = content["recipe_text"]
            self.bench_name: str = content["bench_name"]
            self.bench_text: str = content["bench_text"]
            self.card_text: str | None = content["card_text"]
            self.seed: int | None = content["seed"]
            self.simulated: bool = content["simulated"]

    @classmethod
    def open(cls, path: str | Path) -> RunFile:
        """Open a run file.

        Parameters
        ----------
        path : path
            A file that :class:`labneuro.data.run_file.RunWriter` wrote.

        Raises
        ------
        RunFileError
            If there is no such file, or it is being written.
        InvalidRunFileError
            If it is no run file, or a damaged one.
        """
        path = Path(path)
        with _pointing_to_journal(path):
            file = open_run(path)
            try:
                return cls(path, file)
            except BaseException:
                file.close()
                raise

    def _reading(self, what: str) -> Any:  # noqa: ANN401  contextlib's own type is private
        return reading(self.path, what)

    @property
    def unfinished(self) -> bool:
        """Whether the run was killed before it could finish its file."""
        return self.status == nexus.RUNNING

    @property
    def rows(self) -> int:
        """Number of readings."""
        return int(next(iter(self.readings().values())).size)

    def readings(self) -> dict[str, NDArray[Any]]:
        """Return the raw table; of a killed run, the blocks that are whole.

        Returns
        -------
        dict of str to ndarray, each shape (rows,)
            By column, in the units of :meth:`units`.

        Raises
        ------
        InvalidRunFileError
            If a finished run has not as many readings as were acknowledged.
        """
        return self._table()[1]

    def _table(self) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
        """Return the table of blocks and the readings that it makes up."""
        names = [column.name for column in self.layout.readings]
        with self._reading("the readings"):
            group = self._entry[READINGS]
            columns = [read_array(group[name]) for name in names]
            blocks = read_array(self._entry["blocks/table"])
            if self.unfinished:
                blocks = _whole(blocks, columns)
            count = int(blocks["count"].sum())
            shortest = min(column.size for column in columns)
            if shortest < count:
                raise ValueError(f"{count} were acknowledged, {shortest} are there")
        table = zip(names, columns, strict=True)
        return blocks, {name: column[:count] for name, column in table}

    def blocks(self) -> list[tuple[int, dict[str, NDArray[Any]]]]:
        """Return the readings as they were acknowledged, block by block.

        Returns
        -------
        list of (int, dict of str to ndarray)
            Step of the plan, and its rows by column.

        Raises
        ------
        InvalidRunFileError
            If the table of blocks contradicts the readings.
        """
        table, columns = self._table()
        with self._reading("the table of blocks"):
            found, first = [], 0
            for row in table:
                if int(row["first_row"]) != first or int(row["count"]) < 0:
                    raise ValueError(f"a block does not begin at reading {first}")
                last = first + int(row["count"])
                rows = {name: column[first:last] for name, column in columns.items()}
                found.append((int(row["step"]), rows))
                first = last
        return found

    def base(self) -> Base:
        """Return what the journal of a resumed run notes of this file."""
        table, columns = self._table()
        rows = int(next(iter(columns.values())).size)
        return Base(rows, len(self.events()), zlib.crc32(table.tobytes()))

    def instruments(self) -> dict[str, tuple[str, str]]:
        """Return identity and address of each instrument, by its name."""
        with self._reading("the instruments"):
            group = self._entry["instrument"]
            return {
                name: (
                    read_text(group[name], "identity"),
                    read_text(group[name], "address"),
                )
                for name in group
            }

    def units(self) -> dict[str, str]:
        """Return the units of the readings, by column."""
        return {column.name: column.unit for column in self.layout.readings}

    def plot(self, name: str | None = None) -> PlotData:
        """Return a plot.

        Parameters
        ----------
        name : str, optional
            The plot; the default one where not given.

        Raises
        ------
        RunFileError
            If the run has no such plot; names those it has.
        """
        described = self.layout.plot(self.layout.default if name is None else name)
        with self._reading(f"plot {described.name!r}"):
            return read_plot(self._entry[described.name], described)

    def events(self) -> list[Event]:
        """Return the event log in order."""
        with self._reading("the event log"):
            group = self._entry["events"]
            columns = [read_array(group[name]) for name in nexus.EVENTS]
            return [
                Event(float(time), as_text(kind), as_text(message))
                for time, kind, message in zip(*columns, strict=False)
            ]

    def analyses(self) -> list[str]:
        """Return the names of the results that were added."""
        with self._reading("the analyses"):
            return list(self._entry.get("analysis", ()))

    def analysis(self, name: str) -> dict[str, Any]:
        """Return results that were added by :func:`add_analysis`.

        Returns
        -------
        dict
            ``results``, ``units``, ``software``, ``parameters`` and ``date``.

        Raises
        ------
        RunFileError
            If there are none of that name.
        """
        known = self.analyses()
        if name not in known:
            listed = ", ".join(known) or "none"
            raise RunFileError(
                f"{self.path}: no analysis {name!r}; there are: {listed}"
            )
        with self._reading(f"analysis {name!r}"):
            return read_analysis(self._entry["analysis"][name])

    def to_pandas(self) -> pd.DataFrame:
        """Return the raw table; the frame's ``attrs["units"]`` are its units."""
        import pandas as pd  # noqa: PLC0415  takes 0.4 s, and few callers want it

        frame = pd.DataFrame(self.readings())
        frame.attrs["units"] = self.units()
        return frame

    def to_xarray(self, name: str | None = None) -> xr.Dataset:
        """Return a plot as a data set with named coordinates.

        Parameters
        ----------
        name : str, optional
            The plot; the default one where not given.
        """
        return self.plot(name).to_xarray()

    def summary(self) -> list[tuple[str, str]]:
        """Return what ``data show`` prints: pairs of label and value."""
        layout = self.layout
        source = "simulated" if self.simulated else "real instruments"
        seed = "" if self.seed is None else f", seed {self.seed}"
        columns = ", ".join(
            f"{column.name} ({column.unit})" if column.unit else column.name
            for column in layout.readings
        )
        return [
            ("title", self.title),
            ("status", self.status),
            ("protocol", self.protocol),
            ("recipe", self.recipe_name),
            ("bench", f"{self.bench_name} ({source}{seed})"),
            ("device", f"{self.device_id} ({self.device_model})"),
            ("started", self.start_time),
            ("duration", show(self.duration, "s")),
            ("readings", f"{self.rows} of {columns}"),
            *((f"plot {plot.name}", self._plot_line(plot)) for plot in layout.plots),
            *self._instrument_lines(),
            *(
                (f"analysis {name}", self.analysis(name)["date"])
                for name in self.analyses()
            ),
            ("software", ", ".join(f"{k} {v}" for k, v in self.versions.items() if v)),
        ]

    def _plot_line(self, plot: Plot) -> str:
        size = " x ".join(
            f"{axis.values.size} {axis.column.name}" for axis in plot.axes
        )
        shown = " (shown first)" if plot.name == self.layout.default else ""
        return f"{plot.signal.long_name}, {size}{shown}"

    def _instrument_lines(self) -> list[tuple[str, str]]:
        return [
            (f"instrument {name}", f"{identity} at {address}")
            for name, (identity, address) in self.instruments().items()
        ]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def _pointing_to_journal(path: Path) -> Iterator[None]:
    try:
        yield
    except InvalidRunFileError as error:
        journal = path.with_name(path.name.removesuffix(PART) + SUFFIX)
        if path.name.endswith(PART) and journal.exists():
            raise InvalidRunFileError(
                f"{error}; the run was killed while it wrote, {journal.name} holds "
                "all its readings"
            ) from error
        raise


def _whole(blocks: NDArray[Any], columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the leading blocks that a kill did not cut."""
    for index, block in enumerate(blocks):
        first, count = int(block["first_row"]), int(block["count"])
        if block_checksum(columns, first, count) != int(block["crc32"]):
            return blocks[:index]
    return blocks


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, as calibrated models quote it.

    Raises
    ------
    RunFileError
        If the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {error.strerror}") from error
