"""Standard normal variates, drawn in batches because one at a time is slow."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

    Attributes
    ----------
    draw : callable
        Returns the next variate; a plain iterator step, because every reading takes it.
    """

    def __init__(self, generator: np.random.Generator, *, enabled: bool) -> None:
        self._generator = generator
        self._enabled = enabled
        self.draw: Callable[[], float] = chain.from_iterable(self._batches()).__next__

    def _batches(self) -> Iterator[list[float]]:
        while self._enabled:
            yield self._generator.standard_normal(_BATCH).tolist()[::-1]
        while True:
            yield [0.0] * _BATCH
