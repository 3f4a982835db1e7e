"""Waveform memories of the AFG31000: two edit memories and four user memories.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639, ``DATA`` (``TRACe``) subsystem.
Where the manual's text was not found, the comment says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Extreme
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000 import limits
from labneuro.sim_backends.waveforms import shape_cycle

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDIT_MEMORIES = ("EMEM", "EMEM2")
USER_MEMORIES = ("USER", "USER2", "USER3", "USER4")
_MIDDLE = limits.FULL_SCALE // 2
_BIG_ENDIAN = np.dtype(">u2")
# Names of DATA:DEFine and the shapes they stand for.
_DEFINABLE = {"SIN": "SIN", "SQU": "SQU", "PULS": "SQU", "RAMP": "RAMP"}


class WaveformMemory:
    """What is stored in the waveform memories.

    Attributes
    ----------
    content : dict of str to ndarray of uint16
        Points by memory, 0 to ``FULL_SCALE``; a user memory that is not in it is empty.
    locked : set of str
        User memories that cannot be overwritten.
    """

    def __init__(self) -> None:
        self.content: dict[str, NDArray[np.uint16]] = {}
        self.locked: set[str] = set()
        self.erase()

    def erase(self) -> None:
        """Empty the user memories and flatten the edit memories."""
        self.content = {name: _flat(limits.DEFAULT_POINTS) for name in EDIT_MEMORIES}
        self.locked.clear()

    def load(self, name: str, shares: NDArray[np.float64]) -> None:
        """Take a waveform by shares of the way from low to high level, 0 to 1."""
        if len(shares) > limits.MOST_POINTS:
            raise ScpiError(syntax.TOO_MUCH_DATA)
        self.content[name] = _points(shares)

    def shares(self, name: str) -> NDArray[np.float64]:
        """Return a waveform as shares of the way from low to high level, 0 to 1."""
        points = self.content[name].astype(np.float64)
        return np.minimum(points / limits.FULL_SCALE, 1.0)

    def write_block(self, name: str, block: bytes) -> None:
        """Take a waveform: 16 bit a point, big endian, the upper two bits ignored."""
        if len(block) % _BIG_ENDIAN.itemsize:
            raise ScpiError(syntax.INVALID_BLOCK_DATA)
        points = np.frombuffer(block, dtype=_BIG_ENDIAN) & limits.DATA_BITS
        if len(points) > limits.MOST_POINTS:
            raise ScpiError(syntax.TOO_MUCH_DATA)
        if len(points) < limits.FEWEST_POINTS:
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
        self.content[name] = points.astype(np.uint16)

    def read_block(self, name: str) -> bytes:
        """Return a waveform as :meth:`write_block` takes it."""
        return self.content[name].astype(_BIG_ENDIAN).tobytes()

    def set_points(self, name: str, count: float | Extreme) -> None:
        """Change a waveform's length; new points repeat the last (no source found)."""
        size = _count(count)
        old = self.content[name]
        new = np.full(size, old[-1], dtype=np.uint16)
        new[: len(old)] = old[:size]
        self.content[name] = new

    def define(self, name: str, what: str | float | None) -> None:
        """Reset a waveform: to a number of flat points or to a built-in shape.

        The flat level, and the length of a shape, were not found in a source.
        """
        if what is None or isinstance(what, int | float):
            count = limits.DEFAULT_POINTS if what is None else _count(what)
            self.content[name] = _flat(count)
        elif what == "NOIS":
            noise = np.random.default_rng(0).normal(0.5, 1 / 6, limits.DEFAULT_POINTS)
            self.content[name] = _points(np.clip(noise, 0.0, 1.0))
        else:
            self.content[name] = _shape(_DEFINABLE[what])

    def set_value(self, name: str, point: int, value: int) -> None:
        """Set one point; the first is number 1."""
        if not 0 <= value <= limits.DATA_BITS:
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
        self.content[name][self._index(name, point)] = value

    def value(self, name: str, point: int) -> int:
        """Return one point; the first is number 1."""
        return int(self.content[name][self._index(name, point)])

    def draw_line(self, name: str, begin: int, first: int, end: int, last: int) -> None:
        """Interpolate linearly from one point to another."""
        start, stop = self._index(name, begin), self._index(name, end)
        if stop < start or not (0 <= min(first, last) <= max(first, last) <= 0x3FFF):  # noqa: PLR2004  14 bit
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
        line = np.linspace(first, last, stop - start + 1)
        self.content[name][start : stop + 1] = np.rint(line).astype(np.uint16)

    def copy(self, source: str, target: str) -> None:
        """Copy one memory to another; an empty source, a locked target are errors."""
        if source not in self.content or target in self.locked:
            raise ScpiError(syntax.SETTINGS_CONFLICT)
        self.content[target] = self.content[source].copy()

    def delete(self, name: str) -> None:
        """Empty a user memory."""
        if name in self.locked:
            raise ScpiError(syntax.SETTINGS_CONFLICT)
        self.content.pop(name, None)

    def lock(self, name: str, locked: bool) -> None:
        """Lock or unlock a user memory."""
        (self.locked.add if locked else self.locked.discard)(name)

    def catalog(self) -> str:
        """Return the names of the memories that hold a waveform."""
        names = [name for name in USER_MEMORIES if name in self.content]
        names += EDIT_MEMORIES
        return ",".join(f'"{name}{"" if name[-1].isdigit() else 1}"' for name in names)

    def _index(self, name: str, point: int) -> int:
        if not 1 <= point <= len(self.content[name]):
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
        return point - 1


def _flat(count: int) -> NDArray[np.uint16]:
    return np.full(count, _MIDDLE, dtype=np.uint16)


def _points(shares: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.rint(shares * limits.FULL_SCALE).astype(np.uint16)


def _shape(shape: str) -> NDArray[np.uint16]:
    cycle = shape_cycle(shape, 1.0, 0.0, 1.0, turn=0.0, symmetry=0.5)
    times = np.arange(limits.DEFAULT_POINTS) / limits.DEFAULT_POINTS
    begins = np.array([time for time, _ in cycle.changes])
    levels = np.array([level for _, level in cycle.changes])
    return _points(levels[np.searchsorted(begins, times, side="right") - 1])


def _count(count: float | Extreme) -> int:
    ends = {Extreme.MINIMUM: limits.FEWEST_POINTS, Extreme.MAXIMUM: limits.MOST_POINTS}
    if isinstance(count, Extreme):
        return ends.get(count, limits.DEFAULT_POINTS)
    if not limits.FEWEST_POINTS <= count <= limits.MOST_POINTS:
        raise ScpiError(syntax.DATA_OUT_OF_RANGE)
    return int(count)
