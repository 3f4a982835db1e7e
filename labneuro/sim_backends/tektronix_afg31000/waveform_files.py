"""Arbitrary waveform files of the AFG31000 (``.tfwx``) and the AFG3000 (``.tfw``).

Both have a header of 512 bytes: magic word, version, number of points and a flag for
the preview that follows. A ``.tfwx`` file is little-endian, holds amplitude and offset
in V before its end, and signed points of which 32764 and -32764 are the highest and
the lowest; a ``.tfw`` file is big-endian with points of 0 to 16382.

References
----------
Public writers of these files: source (g) of the limits for ``.tfwx``, Tektronix's
example "AFG3000C - Passing a Waveform File into Internal Memory" (2016) and its
translations for ``.tfw``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.tektronix_afg31000.storage_errors import MASS_STORAGE_ERROR

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER_SIZE = 512
_VERSION = 20050114
_LEVELS_AT = 440
_FULL_SCALE = 32764
_NEW_MAGIC, _OLD_MAGIC = b"TEKAFG30K", b"TEKAFG3000"
_NEW_START, _OLD_START = struct.Struct("<16s2Ii"), struct.Struct(">16s2Ii")
_LEVELS = struct.Struct("<2d")


class ArbitraryFile(NamedTuple):
    """A waveform from a file.

    Attributes
    ----------
    name : str
        The file as the client named it.
    shares : ndarray
        Points as shares of the way from low to high level, 0 to 1.
    amplitude, offset : float
        Peak-to-peak voltage and middle in V, for the advanced mode.
    """

    name: str
    shares: NDArray[np.float64]
    amplitude: float = 1.0
    offset: float = 0.0


def read_waveform(name: str, content: object) -> ArbitraryFile:
    """Read a waveform file.

    Raises
    ------
    ScpiError
        -250 if it is none (the manual says "an error"; its number was not found).
    """
    if not isinstance(content, bytes) or len(content) < _HEADER_SIZE:
        raise ScpiError(MASS_STORAGE_ERROR)
    if content.startswith(_OLD_MAGIC):
        points = _points(content, _OLD_START, ">u2") & limits.DATA_BITS
        shares = np.minimum(points / limits.FULL_SCALE, 1.0)
        return ArbitraryFile(name, shares)
    if not content.startswith(_NEW_MAGIC):
        raise ScpiError(MASS_STORAGE_ERROR)
    points = _points(content, _NEW_START, "<i2")
    shares = np.clip(0.5 + 0.5 * points / _FULL_SCALE, 0.0, 1.0)
    return ArbitraryFile(name, shares, *_LEVELS.unpack_from(content, _LEVELS_AT))


def _points(content: bytes, start: struct.Struct, kind: str) -> NDArray[np.int64]:
    _, _, count, _ = start.unpack_from(content)
    points = np.frombuffer(content[_HEADER_SIZE:], dtype=np.uint8)
    if count < limits.FEWEST_POINTS or len(points) != count * np.dtype(kind).itemsize:
        raise ScpiError(MASS_STORAGE_ERROR)
    return points.view(kind).astype(np.int64)


def write_waveform(
    shares: NDArray[np.float64], amplitude: float = 1.0, offset: float = 0.0
) -> bytes:
    """Return a ``.tfwx`` file without a preview.

    Parameters
    ----------
    shares : ndarray
        Points, 0 to 1.
    amplitude, offset : float
        Peak-to-peak voltage and middle in V. What the instrument writes for a waveform
        of its edit memory was not found.

    Examples
    --------
    >>> read_waveform("x", write_waveform(np.array([0.0, 1.0]))).shares.tolist()
    [0.0, 1.0]
    """
    header = bytearray(_HEADER_SIZE)
    _NEW_START.pack_into(header, 0, _NEW_MAGIC, _VERSION, len(shares), 0)
    _LEVELS.pack_into(header, _LEVELS_AT, amplitude, offset)
    points = np.rint((2.0 * shares - 1.0) * _FULL_SCALE).astype("<i2")
    return bytes(header) + points.tobytes()
