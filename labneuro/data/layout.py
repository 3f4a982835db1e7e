"""What a run file will hold: columns of the raw table, and plots of fixed shape.

A measurement protocol declares a :class:`RunLayout`; the writer creates everything in
it up front, and the reader and the validator find it again in the file.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.errors import RunFileError, UnitError
from labneuro.units import check_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

READINGS = "readings"
ERRORS_SUFFIX = "_errors"
RESERVED = frozenset(
    {
        READINGS,
        "analysis",
        "blocks",
        "configuration",
        "definition",
        "duration",
        "end_time",
        "events",
        "instrument",
        "sample",
        "start_time",
        "status",
        "title",
    }
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_DTYPES = ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_SCALES = ("linear", "log")
_ARGUMENTS = ("signal", "errors")


@dataclass(frozen=True)
class Column:
    """One quantity of a table or a plot.

    Parameters
    ----------
    name : str
        Letters, digits and underscores, a letter first.
    unit : str
        Unit of the numbers; ``""`` where they are dimensionless.
    long_name : str
        What an axis label says, without the unit.
    dtype : str
        ``"f8"``, ``"i4"`` and so on: little-endian floats and integers.

    Raises
    ------
    RunFileError
        If the name, the unit or the type cannot be stored.

    Examples
    --------
    >>> Column("amplitude", "V", "pulse amplitude").dtype
    'f8'
    """

    name: str
    unit: str
    long_name: str
    dtype: str = "f8"

    def __post_init__(self) -> None:
        check_name(self.name, "column")
        if self.dtype not in _DTYPES:
            allowed = ", ".join(_DTYPES)
            raise RunFileError(
                f"column {self.name!r}: type {self.dtype!r} is not one of {allowed}"
            )
        try:
            check_unit(self.unit)
        except UnitError as error:
            raise RunFileError(f"column {self.name!r}: {error}") from error

    @property
    def storage(self) -> np.dtype[Any]:
        """The type in the file: the same bytes on every machine."""
        return np.dtype(self.dtype).newbyteorder("<")

    @property
    def fill(self) -> float:
        """What an entry holds before it is measured: NaN, or 0 for integers."""
        return math.nan if self.dtype.startswith("f") else 0


@dataclass(frozen=True, eq=False)
class Axis:
    """An axis of a plot, known before the run starts.

    Parameters
    ----------
    column : Column
        The quantity along the axis.
    values : ndarray, shape (n,)
        Its values in the column's unit; they need not ascend.
    """

    column: Column
    values: NDArray[Any]

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=self.column.storage)
        if values.ndim != 1 or values.size == 0:
            raise RunFileError(
                f"axis {self.column.name!r}: needs one dimension and at least one "
                f"value, not shape {values.shape}"
            )
        values.setflags(write=False)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, eq=False)
class Plot:
    """A plot of fixed shape, created up front and rewritten as the run goes on.

    Parameters
    ----------
    name, title : str
        Name of the group in the file, and what stands above the plot.
    signal : Column
        The quantity that is drawn.
    axes : tuple of Axis
        One for each dimension of the signal, slowest first.
    errors : bool
        Whether standard errors of the signal are kept beside it.
    auxiliary : tuple of Column
        Quantities of the signal's shape that viewers draw with it.
    further : tuple of Column
        Quantities of the signal's shape that viewers do not draw, such as the counts
        behind a probability.
    scale : mapping of str to str
        ``"log"`` or ``"linear"`` by name, for the signal and the axes.
    """

    name: str
    title: str
    signal: Column
    axes: tuple[Axis, ...]
    errors: bool = True
    auxiliary: tuple[Column, ...] = ()
    further: tuple[Column, ...] = ()
    scale: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name, "plot")
        where = f"plot {self.name!r}"
        if self.name in RESERVED:
            raise RunFileError(f"{where}: this name is taken by the file format")
        if not self.axes:
            raise RunFileError(f"{where}: needs at least one axis")
        _check_unique(("title", *_ARGUMENTS[1:], *self._names()), where)
        if self.signal.dtype[0] != "f":
            raise RunFileError(f"{where}: the signal must be a float")
        for column in (*self.auxiliary, *self.further):
            if column.name in _ARGUMENTS:
                raise RunFileError(f"{where}: no column may be called {column.name!r}")
        self._check_scale(where)

    def _names(self) -> list[str]:
        names = [column.name for column in self.columns]
        return [*names, *(axis.column.name for axis in self.axes)]

    def _check_scale(self, where: str) -> None:
        drawn = (self.signal.name, *(axis.column.name for axis in self.axes))
        for name, scale in self.scale.items():
            if name not in drawn or scale not in _SCALES:
                raise RunFileError(
                    f"{where}: scale {name!r}: {scale!r} is wrong; the names are "
                    f"{', '.join(drawn)}, the scales {', '.join(_SCALES)}"
                )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the signal."""
        return tuple(axis.values.size for axis in self.axes)

    @property
    def error_column(self) -> Column | None:
        """The column of the signal's standard errors, where they are kept."""
        if not self.errors:
            return None
        name, unit = self.signal.name + ERRORS_SUFFIX, self.signal.unit
        label = f"standard error of {self.signal.long_name}"
        return Column(name, unit, label, self.signal.dtype)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column of the signal's shape, the signal first."""
        errors = self.error_column
        return (
            self.signal,
            *((errors,) if errors else ()),
            *self.auxiliary,
            *self.further,
        )


@dataclass(frozen=True, eq=False)
class RunLayout:
    """Everything that a run of one protocol stores.

    Parameters
    ----------
    readings : tuple of Column
        The raw table, a row a reading.
    readings_signal, readings_axis : str
        Which of its columns viewers draw, and against which.
    plots : tuple of Plot
        The plots.
    default : str
        The plot that viewers show first, or ``"readings"``.

    Raises
    ------
    RunFileError
        If names are given twice or refer to nothing.
    """

    readings: tuple[Column, ...]
    readings_signal: str
    readings_axis: str
    plots: tuple[Plot, ...]
    default: str

    def __post_init__(self) -> None:
        names = [column.name for column in self.readings]
        _check_unique(names, READINGS)
        for key in ("readings_signal", "readings_axis"):
            _check_known(getattr(self, key), names, key)
        if self.readings_signal == self.readings_axis:
            raise RunFileError(
                f"readings_signal: {self.readings_signal!r} is the axis already"
            )
        plots = [plot.name for plot in self.plots]
        _check_unique(plots, "plots")
        _check_known(self.default, [*plots, READINGS], "default")

    def plot(self, name: str) -> Plot:
        """Return a plot by name.

        Raises
        ------
        RunFileError
            If there is none; names those that there are.
        """
        _check_known(name, [plot.name for plot in self.plots], "plot")
        return next(plot for plot in self.plots if plot.name == name)


def check_name(name: str, what: str) -> None:
    """Raise unless `name` can name a group or a data set.

    Raises
    ------
    RunFileError
        Naming `what` and the characters that are allowed.
    """
    if not _NAME.fullmatch(name):
        raise RunFileError(
            f"{what} {name!r}: a name is a letter, then at most 62 letters, digits "
            "and underscores"
        )


def _check_unique(names: Iterable[str], where: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise RunFileError(f"{where}: the name {name!r} is given twice")


def _check_known(name: str, known: list[str], key: str) -> None:
    if name not in known:
        raise RunFileError(f"{key}: no {name!r}; there are {', '.join(known)}")
