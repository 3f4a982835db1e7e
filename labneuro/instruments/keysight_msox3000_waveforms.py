"""Waveforms as a Keysight 3000 X-Series oscilloscope sends them.

References
----------
Keysight, InfiniiVision 3000T X-Series Oscilloscopes Programmer's Guide, chapter 34
(:WAVeform:PREamble?, :WAVeform:DATA?).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import InstrumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHOLE = (0, 1, 2, 3, 6, 9)  # places of whole numbers in a preamble
_HOLE, _CLIPPED_LOW, _CLIPPED_HIGH = 0, 1, 255  # codes of a byte


@dataclass(frozen=True)
class Preamble:
    """How the codes of a waveform become volts and seconds.

    Attributes
    ----------
    format : int
        0 BYTE, 1 WORD, 4 ASCii.
    type : int
        0 normal, 1 peak detect, 2 average, 3 high resolution.
    points, count : int
        Points in the transfer and acquisitions that were averaged.
    x_increment, x_origin : float
        Time between points and of the first one, in s from the trigger.
    x_reference : int
        Point that `x_origin` belongs to.
    y_increment, y_origin : float
        Volts of one code, and at the screen's centre.
    y_reference : int
        Code of the screen's centre.
    """

    format: int
    type: int
    points: int
    count: int
    x_increment: float
    x_origin: float
    x_reference: int
    y_increment: float
    y_origin: float
    y_reference: int

    @classmethod
    def read(cls, reply: str) -> Preamble:
        """Read an answer to ``:WAVeform:PREamble?``.

        Raises
        ------
        InstrumentError
            If it is none.
        """
        parts = reply.strip().split(",")
        try:
            numbers = [float(part) for part in parts]
        except ValueError as error:
            raise InstrumentError(f"{reply!r} is no preamble") from error
        whole = [number for place, number in enumerate(numbers) if place in _WHOLE]
        if (
            len(numbers) != len(fields(cls))
            or not all(math.isfinite(number) for number in numbers)
            or not all(number.is_integer() for number in whole)
        ):
            raise InstrumentError(f"{reply!r} is no preamble")
        return cls(
            format=int(numbers[0]),
            type=int(numbers[1]),
            points=int(numbers[2]),
            count=int(numbers[3]),
            x_increment=numbers[4],
            x_origin=numbers[5],
            x_reference=int(numbers[6]),
            y_increment=numbers[7],
            y_origin=numbers[8],
            y_reference=int(numbers[9]),
        )


@dataclass(frozen=True)
class ScopeWaveform:
    """A waveform as the oscilloscope sent it.

    Attributes
    ----------
    time : ndarray, shape (points,)
        In s from the trigger.
    voltage : ndarray, shape (points,)
        In V; NaN where the oscilloscope has no sample.
    clipped : bool
        Whether it left the screen.
    """

    time: NDArray[np.float64]
    voltage: NDArray[np.float64]
    clipped: bool


def scaled(codes: NDArray[np.uint8], scale: Preamble) -> ScopeWaveform:
    """Turn the codes of bytes into volts and seconds.

    Parameters
    ----------
    codes : ndarray of uint8, shape (points,)
        0 is a hole, 1 and 255 are what left the screen.
    scale : Preamble
        What they mean.
    """
    volts = (np.arange(256.0) - scale.y_reference) * scale.y_increment + scale.y_origin
    volts[_HOLE] = np.nan
    index = np.arange(codes.size, dtype=np.float64) - scale.x_reference
    low, high = int(codes.min()), int(codes.max())
    return ScopeWaveform(
        time=index * scale.x_increment + scale.x_origin,
        voltage=volts[codes],
        clipped=high >= _CLIPPED_HIGH or low <= _CLIPPED_LOW,
    )
