"""Rows of a calibrated model's tables as the figures need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from labneuro.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel

Row: TypeAlias = Mapping[str, Any]


def device_rows(
    model: CalibratedModel, table: str, device_id: str | None = None
) -> list[Row]:
    """Return the rows of one device.

    Parameters
    ----------
    model : CalibratedModel
        The model.
    table : str
        Name of the table.
    device_id : str, optional
        The device; the first one if absent.

    Raises
    ------
    CalibrationError
        If the model has no such table or no row of that device.
    """
    rows = model.tables.get(table, [])
    if not rows:
        raise CalibrationError(
            f"calibrated model {model.model!r}: no rows in table {table!r}, which this "
            "figure shows"
        )
    devices = list(dict.fromkeys(str(row.get("device_id")) for row in rows))
    wanted = devices[0] if device_id is None else device_id
    if wanted not in devices:
        raise CalibrationError(
            f"table {table!r}: no device {wanted!r}; there are {', '.join(devices)}"
        )
    return [row for row in rows if str(row.get("device_id")) == wanted]


def column(rows: Sequence[Row], name: str) -> NDArray[np.float64]:
    """Return a column, NaN where a row has no number."""
    values = [row.get(name) for row in rows]
    return np.array([np.nan if one is None else one for one in values], dtype=float)


def error_bars(
    rows: Sequence[Row], value: str, low: str, high: str
) -> NDArray[np.float64]:
    """Return the arms below and above a value, shape (2, rows); 0 where open."""
    middle = column(rows, value)
    arms = np.array((middle - column(rows, low), column(rows, high) - middle))
    return np.asarray(np.nan_to_num(np.maximum(arms, 0.0), nan=0.0))


def of_state(rows: Sequence[Row], field: float, pulses: int) -> list[Row]:
    """Return the rows of one state."""
    return [
        row
        for row in rows
        if row["accumulating_field"] == field and row["accumulated_pulses"] == pulses
    ]
