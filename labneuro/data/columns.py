"""Check values against the columns that will hold them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.errors import RunFileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from labneuro.data.layout import Column, Plot


def table_arrays(
    columns: Sequence[Column], rows: Mapping[str, ArrayLike]
) -> list[NDArray[Any]]:
    """Return rows of a table in the types of its columns.

    Parameters
    ----------
    columns : sequence of Column
        The columns of the table.
    rows : mapping of str to array_like, shape (n,)
        Exactly these columns.

    Returns
    -------
    list of ndarray, shape (n,)
        In the order of `columns`.

    Raises
    ------
    RunFileError
        If a column is missing, unknown, of another length or does not fit its type.
    """
    wanted = [column.name for column in columns]
    if set(wanted) != set(rows):
        raise RunFileError(
            f"readings: got the columns {', '.join(rows) or 'none'}; the layout has "
            f"{', '.join(wanted)}"
        )
    arrays = [stored(column, rows[column.name]) for column in columns]
    for column, array in zip(columns, arrays, strict=True):
        if array.ndim != 1 or array.size != arrays[0].size:
            raise RunFileError(
                f"readings: column {column.name!r} has shape {array.shape}, column "
                f"{wanted[0]!r} has {arrays[0].shape}"
            )
    return arrays


def plot_arrays(plot: Plot, given: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """Return columns of a plot in their types.

    Parameters
    ----------
    plot : Plot
        The plot.
    given : mapping of str to array_like
        Some of its columns by name; ``"signal"`` and ``"errors"`` stand for the signal
        and its errors.

    Returns
    -------
    dict of str to ndarray
        By the names in the file, each of the plot's shape.

    Raises
    ------
    RunFileError
        If a column is unknown, of another shape or does not fit its type.
    """
    known = {column.name: column for column in (*plot.auxiliary, *plot.further)}
    known["signal"] = plot.signal
    if plot.error_column:
        known["errors"] = plot.error_column
    arrays = {}
    for name, values in given.items():
        if name not in known:
            raise RunFileError(
                f"plot {plot.name!r}: no column {name!r}; it has {', '.join(known)}"
            )
        array = stored(known[name], values)
        if array.shape != plot.shape:
            raise RunFileError(
                f"plot {plot.name!r}: {name!r} has shape {array.shape}, not "
                f"{plot.shape}"
            )
        arrays[known[name].name] = array
    return arrays


def block_checksum(columns: Sequence[NDArray[Any]], first: int, count: int) -> int:
    """Return the CRC-32 of a block of rows, column after column.

    Parameters
    ----------
    columns : sequence of ndarray, each shape (rows,)
        The whole columns of the table, in its order.
    first, count : int
        The block.
    """
    parts = (column[first : first + count].tobytes() for column in columns)
    return zlib.crc32(b"".join(parts))


def stored(column: Column, values: ArrayLike) -> NDArray[Any]:
    """Return values in the type of a column.

    Parameters
    ----------
    column : Column
        The column.
    values : array_like
        Numbers.

    Returns
    -------
    ndarray
        Of the same shape, contiguous.

    Raises
    ------
    RunFileError
        If the type cannot hold the values; floats are never cut to integers.
    """
    try:
        given = np.asarray(values)
        allowed = "biuf" if column.dtype[0] == "f" else "biu"
        if given.dtype.kind in allowed or given.size == 0:
            with np.errstate(over="ignore"):
                array = np.ascontiguousarray(given, column.storage)
            if _same(given, array):
                return array.reshape(given.shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise RunFileError(f"column {column.name!r}: {error}") from error
    raise RunFileError(
        f"column {column.name!r}: {given.dtype} values do not fit {column.dtype}"
    )


def _same(given: NDArray[Any], array: NDArray[Any]) -> bool:
    """Whether nothing was lost but digits of floats."""
    if given.dtype == array.dtype:
        return True
    if array.dtype.kind == "f":
        return bool(np.array_equal(np.isinf(given), np.isinf(array)))
    return bool(np.array_equal(given, array))
