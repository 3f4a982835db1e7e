"""The 8-byte binary data of the B1500A (``FMT13``).

References
----------
Agilent B1500A/B1505A Programming Guide, Edition 11, p. 1-48 to 1-53.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ELEMENT = 8
"""Bytes of a datum."""
END = b"\r\n"
"""What ends a measurement's data in the format ``FMT13``."""
IN_COMPLIANCE = 0x08
"""Status bit: this channel reached its compliance."""

_OVERFLOW, _NO_DATA = 0x01, 0x40
_CURRENT = 0b1000_0001  # measured, current
_TIME = 0b0000_0011
_COUNTS = 1e6  # a range has so many steps, p. 1-37
_INVALID = -(2**31)
_LOWEST_EXPONENT = 20  # the range of code c is 10^(c - 20) A
_SECONDS = 1e-6


class TimedCurrents(NamedTuple):
    """Readings in the order in which they came.

    Attributes
    ----------
    time : ndarray, shape (readings,)
        Time stamps in s.
    current : ndarray, shape (readings,)
        In A; NaN where the range overflowed.
    status : ndarray of int, shape (readings,)
        Status bits.
    """

    time: NDArray[np.float64]
    current: NDArray[np.float64]
    status: NDArray[np.int64]


def decode_timed_currents(content: bytes) -> TimedCurrents:
    """Decode pairs of a time stamp and a current.

    Parameters
    ----------
    content : bytes
        8-byte data without line ends.

    Returns
    -------
    TimedCurrents
        One entry for each pair.

    Raises
    ------
    ValueError
        If the content is something else.
    """
    if not content or len(content) % (2 * ELEMENT):
        raise ValueError(f"{len(content)} bytes are no pairs of time and current")
    pairs = np.frombuffer(content, np.uint8).reshape(-1, 2, ELEMENT)
    times, readings = pairs[:, 0], pairs[:, 1]
    if np.any(times[:, 0] != _TIME) or np.any(readings[:, 0] != _CURRENT):
        raise ValueError("the data are no pairs of time and current")
    weights = 256.0 ** np.arange(5, -1, -1)
    counts = readings[:, 2:6].copy().view(">i4")[:, 0].astype(np.float64)
    ranges = 10.0 ** (readings[:, 1].astype(np.float64) - _LOWEST_EXPONENT)
    status = readings[:, 6].astype(np.int64)
    lost = (status & (_OVERFLOW | _NO_DATA) != 0) | (counts == _INVALID)
    return TimedCurrents(
        time=times[:, 1:7].astype(np.float64) @ weights * _SECONDS,
        current=np.where(lost, np.nan, counts * ranges / _COUNTS),
        status=status,
    )
