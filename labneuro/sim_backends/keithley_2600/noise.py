"""Standard normal variates, drawn in batches because one at a time is slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_BATCH = 4096


class NoiseStream:
    """A stream of standard normal variates.

    Parameters
    ----------
    generator : numpy.random.Generator
        Where they come from.
    enabled : bool
        Otherwise every variate is 0.
    """

    def __init__(self, generator: np.random.Generator, *, enabled: bool) -> None:
        self._generator = generator
        self._enabled = enabled
        self._stock: list[float] = []

    def draw(self) -> float:
        """Return the next variate."""
        if not self._stock:
            self._refill()
        return self._stock.pop()

    def _refill(self) -> None:
        if self._enabled:
            self._stock = self._generator.standard_normal(_BATCH).tolist()
        else:
            self._stock = [0.0] * _BATCH
