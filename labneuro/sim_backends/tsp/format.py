"""How a TSP instrument writes numbers: ASCII with a precision, or binary blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import one_of, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

ASCII, REAL32, REAL64 = 1, 2, 3
_BIG_ENDIAN, _LITTLE_ENDIAN = 0, 1
_KINDS = {REAL32: "f4", REAL64: "f8"}
_ORDERS = {_BIG_ENDIAN: ">", _LITTLE_ENDIAN: "<"}
# Names and values: 2600BS-901-01 Rev. C, format.* (p. 7-95 and following): ASCII 1,
# SREAL 2, DREAL 3; network byte order 0, swapped 1 (default).
_CONSTANTS: dict[str | int, object] = {
    "ASCII": ASCII,
    "SREAL": REAL32,
    "REAL32": REAL32,
    "REAL": REAL64,
    "REAL64": REAL64,
    "DREAL": REAL64,
    "NORMAL": _BIG_ENDIAN,
    "NETWORK": _BIG_ENDIAN,
    "BIGENDIAN": _BIG_ENDIAN,
    "SWAPPED": _LITTLE_ENDIAN,
    "LITTLEENDIAN": _LITTLE_ENDIAN,
}
_BAD_ORDER, _BAD_PRECISION, _BAD_FORMAT = 1404, 1405, 1406
_LARGEST_PRECISION = 16


class Printable(ABC):
    """Something that ``printbuffer`` prints."""

    @abstractmethod
    def items_between(self, first: int, last: int) -> NDArray[np.float64] | list[str]:
        """Return items `first` to `last` (from 1), as far as there are any."""


class NumberFormat:
    """The instrument's ``format`` settings and what they make of numbers.

    Parameters
    ----------
    precision_changed : callable
        Called with the C format for ``print`` when the precision changes.
    """

    def __init__(self, precision_changed: Callable[[str], None]) -> None:
        self._precision_changed = precision_changed
        self.data, self.byte_order, self.precision = ASCII, _LITTLE_ENDIAN, 6

    def reset(self) -> None:
        """Return to ASCII with six digits."""
        self.data, self.byte_order = ASCII, _LITTLE_ENDIAN
        self._set_precision(6)

    def number(self, value: object) -> str:
        """Return one value as ASCII text."""
        if isinstance(value, str):
            return value
        return f"{value:.{self.precision - 1}e}"

    def block(self, columns: Sequence[NDArray[np.float64] | list[str]]) -> bytes:
        """Return columns of equal length, value by value across the columns.

        Parameters
        ----------
        columns : sequence of ndarray or list of str
            Numbers, or texts, which are always written as ASCII.

        Returns
        -------
        bytes
            A response message: values joined by comma and blank, or ``#0`` and binary.
        """
        texts = any(isinstance(column, list) for column in columns)
        if self.data == ASCII or texts:
            rows = zip(*columns, strict=True)
            words = [self.number(value) for row in rows for value in row]
            return ", ".join(words).encode("latin-1")
        kind = _ORDERS[self.byte_order] + _KINDS[self.data]
        return b"#0" + np.column_stack(columns).astype(kind).tobytes()

    def lua_object(self) -> TspObject:
        """Return the ``format`` of the instrument's Lua."""
        return TspObject(
            getters={
                "data": lambda: self.data,
                "byteorder": lambda: self.byte_order,
                "asciiprecision": lambda: self.precision,
            },
            setters={
                "data": self._set_data,
                "byteorder": self._set_byte_order,
                "asciiprecision": self._set_precision,
            },
            objects=dict(_CONSTANTS),
        )

    def _set_data(self, value: Any) -> None:  # noqa: ANN401  whatever the script gives
        self.data = int(one_of((ASCII, REAL32, REAL64), _BAD_FORMAT)(value))

    def _set_byte_order(self, value: Any) -> None:  # noqa: ANN401  as above
        self.byte_order = int(one_of(_ORDERS, _BAD_ORDER)(value))

    def _set_precision(self, value: Any) -> None:  # noqa: ANN401  as above
        digits = whole(0, 99)(value)
        allowed = range(1, _LARGEST_PRECISION + 1)
        self.precision = int(one_of(allowed, _BAD_PRECISION)(digits))
        self._precision_changed(f"%.{self.precision - 1}e")
