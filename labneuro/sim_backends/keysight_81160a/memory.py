"""Arbitrary waveforms of the 81160A: volatile memory, user and built-in waveforms.

References
----------
See :mod:`labneuro.sim_backends.keysight_81160a.limits`; the words and the rules of the
``DATA`` subsystem are those of the maker's 33250A (source d), whose User's Guide the
81160A's follows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.keysight_81160a import limits
from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.syntax import ScpiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.int16]

VOLATILE = "VOLATILE"
_NAME = re.compile(rf"[A-Z][A-Z0-9_]{{0,{limits.LONGEST_NAME - 1}}}", re.ASCII)
_BUILT_IN_POINTS = 1024  # chosen; the maker's points were not found


class WaveformMemory:
    """The waveforms of the instrument; its two channels share the user waveforms.

    Attributes
    ----------
    volatile : dict of int to ndarray of int16
        What each channel's volatile memory holds, -8191 to 8191; empty at first.
    user : dict of str to ndarray of int16
        Named waveforms, which a reset leaves alone.
    """

    def __init__(self) -> None:
        self.volatile: dict[int, Codes] = {}
        self.user: dict[str, Codes] = {}
        self._built_in = _built_in_waveforms()

    def codes(self, channel: int, name: str) -> Codes:
        """Return a waveform.

        Raises
        ------
        ScpiError
            -224 if there is none of that name.
        """
        if name == VOLATILE and channel in self.volatile:
            return self.volatile[channel]
        for store in (self.user, self._built_in):
            if name in store:
                return store[name]
        raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)

    def shares(self, channel: int, name: str) -> NDArray[np.float64]:
        """Return a waveform between -1 (low level) and 1 (high level)."""
        return self.codes(channel, name) / limits.FULL_SCALE

    def store_block(self, channel: int, block: bytes, *, big_endian: bool) -> None:
        """Take signed 16-bit points into the volatile memory."""
        kind = np.dtype(">i2" if big_endian else "<i2")
        if len(block) % kind.itemsize:
            raise ScpiError(syntax.INVALID_BLOCK_DATA)
        self._store(channel, np.frombuffer(block, dtype=kind))

    def store_codes(self, channel: int, codes: Sequence[float]) -> None:
        """Take DAC values into the volatile memory."""
        self._store(channel, np.rint(codes))

    def store_shares(self, channel: int, shares: Sequence[float]) -> None:
        """Take values between -1 and 1 into the volatile memory."""
        self._store(channel, np.rint(np.asarray(shares) * limits.FULL_SCALE))

    def _store(self, channel: int, codes: NDArray[np.generic]) -> None:
        if len(codes) > limits.MOST_POINTS:
            raise ScpiError(syntax.TOO_MUCH_DATA)
        values = codes.astype(np.float64)
        if len(codes) < limits.FEWEST_POINTS or np.abs(values).max() > 8191:  # noqa: PLR2004  full scale
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
        self.volatile[channel] = values.astype(np.int16)

    def copy(self, channel: int, target: str, source: str) -> None:
        """Copy a waveform to a user waveform of a name of its own.

        Raises
        ------
        ScpiError
            -224 for a name that cannot be used or an unknown source, -221 where all
            places are taken.
        """
        if not _NAME.fullmatch(target) or target in (VOLATILE, *self._built_in):
            raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)
        codes = self.codes(channel, source)
        if target not in self.user and not self.free:
            raise ScpiError(syntax.SETTINGS_CONFLICT)
        self.user[target] = codes.copy()

    def delete(self, channel: int, name: str) -> None:
        """Delete a user waveform or the volatile one."""
        if name == VOLATILE and channel in self.volatile:
            del self.volatile[channel]
        elif name in self.user:
            del self.user[name]
        else:
            raise ScpiError(syntax.ILLEGAL_PARAMETER_VALUE)

    def delete_all(self, channel: int) -> None:
        """Delete all user waveforms and the channel's volatile one."""
        self.user.clear()
        self.volatile.pop(channel, None)

    @property
    def free(self) -> int:
        """Number of user waveforms that still fit."""
        return limits.USER_WAVEFORMS - len(self.user)

    def catalog(self, channel: int) -> str:
        """Return the names of all waveforms that a channel can play."""
        volatile = (VOLATILE,) if channel in self.volatile else ()
        return _quoted((*limits.BUILT_IN_WAVEFORMS, *volatile, *self.user))

    def user_catalog(self) -> str:
        """Return the names of the user waveforms; an empty string if there is none."""
        return _quoted(tuple(self.user)) if self.user else '""'

    def peak_to_peak(self, channel: int, name: str) -> float:
        """Return the span of a waveform as a share of the full one."""
        shares = self.shares(channel, name)
        return float(np.ptp(shares) / 2.0)


def _quoted(names: tuple[str, ...]) -> str:
    return ",".join(f'"{name}"' for name in names)


def _built_in_waveforms() -> dict[str, Codes]:
    x = np.arange(_BUILT_IN_POINTS) / _BUILT_IN_POINTS
    beats = ((0.2, 0.025, 0.12), (0.37, 0.01, -0.15), (0.4, 0.012, 1.0))
    heart = sum(
        size * np.exp(-(((x - place) / width) ** 2))
        for place, width, size in (*beats, (0.43, 0.012, -0.25), (0.65, 0.045, 0.25))
    )
    shapes = {
        "EXP_RISE": -np.exp(-5.0 * x),
        "EXP_FALL": np.exp(-5.0 * x),
        "NEG_RAMP": -x,
        "SINC": np.sinc(10.0 * (x - 0.5)),
        "CARDIAC": heart,
    }
    return {name: _spanned(np.asarray(shape)) for name, shape in shapes.items()}


def _spanned(shape: NDArray[np.float64]) -> Codes:
    """Scale a shape to the full span."""
    share = (shape - shape.min()) / np.ptp(shape)
    codes: Codes = np.rint((2.0 * share - 1.0) * limits.FULL_SCALE).astype(np.int16)
    return codes
