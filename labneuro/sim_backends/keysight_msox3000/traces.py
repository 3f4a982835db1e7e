"""Waveforms as the oscilloscope keeps them: codes and what they mean.

Codes are kept as words of 16 bits; a byte is the upper half. Word 0 is a hole, bytes 1
and 255 are what left the screen (Programmer's Guide, :WAVeform:DATA?).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.keysight_msox3000 import datasheet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """A waveform.

    Attributes
    ----------
    words : ndarray of uint16, shape (points,)
        The codes.
    y_increment : float
        Volts (or what else it shows) of one code of a byte.
    y_origin : float
        Volts at the centre of the screen.
    x_increment, x_origin : float
        Time between points and time of the first one from the trigger, in s.
    paired : bool
        Whether the points are minimum and maximum in turn.
    logic : bool
        Whether the words are bits of digital channels.
    count : int
        Acquisitions that it is the average of.
    """

    words: NDArray[np.uint16]
    y_increment: float
    y_origin: float
    x_increment: float
    x_origin: float
    paired: bool = False
    logic: bool = False
    count: int = 1

    @cached_property
    def values(self) -> Array:
        """Volts (or what else it shows) of each point."""
        if self.logic:
            return self.words.astype(np.float64)
        codes = self.words.astype(np.float64) - datasheet.CENTRE
        return codes * (self.y_increment / datasheet.CODE) + self.y_origin

    @property
    def clipped_low(self) -> bool:
        """Whether it left the screen at the bottom."""
        return bool((self.words <= datasheet.CLIPPED_LOW).any())

    @property
    def clipped_high(self) -> bool:
        """Whether it left the screen at the top."""
        return bool((self.words >= datasheet.CLIPPED_HIGH).any())

    @property
    def step(self) -> float:
        """Time in s between points that stand for different times."""
        return self.x_increment * (2 if self.paired else 1)

    def thinned(self, most: float) -> Trace:
        """Return at most `most` points: every n-th one, or pair."""
        have = self.words.size
        if have <= most:
            return self
        every = math.ceil(have / most)
        if self.paired:
            pairs = self.words.reshape(-1, 2)[::every][: have // 2 // every]
            words = np.ascontiguousarray(pairs).ravel()
        else:
            words = np.ascontiguousarray(self.words[::every][: have // every])
        return replace(self, words=words, x_increment=self.x_increment * every)


def digitised(
    volts: Array, screen: float, offset: float, bits: float
) -> NDArray[np.uint16]:
    """Turn voltages into codes.

    Parameters
    ----------
    volts : ndarray
        As shown.
    screen, offset : float
        V over the screen and at its centre.
    bits : float
        Resolution, 8 to 12.

    Returns
    -------
    ndarray of uint16
        From ``CLIPPED_LOW`` to ``CLIPPED_HIGH``.
    """
    grain = 2.0 ** (math.floor(bits) - datasheet.BITS)
    scale = datasheet.CODES / screen * grain
    codes = (volts - offset) * scale
    np.rint(codes, out=codes)
    codes *= datasheet.CODE / grain
    codes += datasheet.CENTRE
    np.clip(codes, datasheet.CLIPPED_LOW, datasheet.CLIPPED_HIGH, out=codes)
    return codes.astype(np.uint16)


def drawn(values: Array, like: Trace, screen: float, offset: float) -> Trace:
    """Return a calculated waveform with the time axis of another one.

    Parameters
    ----------
    values : ndarray, shape (points,)
        What it shows.
    like : Trace
        Whose time axis it has.
    screen, offset : float
        Height of its screen, 0 for one that fits, and the value at the centre.
    """
    finite = values[np.isfinite(values)]
    if screen <= 0.0:
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        # A quarter more than it needs, so that nothing looks clipped.
        screen = 1.25 * float(high - low) or max(1.0, abs(float(high)))
        offset = 0.5 * float(high + low)
    words = digitised(
        np.nan_to_num(values, nan=offset), screen, offset, datasheet.MOST_BITS
    )
    return replace(
        like,
        words=words,
        y_increment=screen / datasheet.CODES,
        y_origin=offset,
        paired=False,
        logic=False,
    )
