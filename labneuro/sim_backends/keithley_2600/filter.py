"""The digital filter of a Series 2600B meter: moving average, repeat average, median.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. F, "Filters", p. 2-72, and
``smuX.measure.filter.*``.
"""

from __future__ import annotations

from collections import deque
from statistics import fmean, median
from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_2600.datasheet import OVERFLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOVING_AVERAGE, REPEAT_AVERAGE, MEDIAN = 0, 1, 2

Values = tuple[float, ...]


class ReadingFilter:
    """Stack of readings of one channel's filter."""

    def __init__(self) -> None:
        self._letters = ""
        self._stack: deque[Values] = deque()

    def clear(self) -> None:
        """Forget the readings on the stack."""
        self._stack.clear()

    def begin(self, letters: str) -> None:
        """Make ready for readings of a function; another function empties the stack."""
        if letters != self._letters:
            self._letters = letters
            self.clear()

    def missing(self, settings: Mapping[str, float]) -> int:
        """Return how many further readings :meth:`apply` will ask for."""
        count = int(settings["filter.count"])
        if settings["filter.type"] == REPEAT_AVERAGE:
            return count - 1
        return max(0, count - 1 - len(self._stack))

    def apply(
        self, fresh: Values, settings: Mapping[str, float], again: Callable[[], Values]
    ) -> Values:
        """Return the filtered reading.

        Parameters
        ----------
        fresh : tuple of float
            A reading that has just been made.
        settings : mapping
            ``filter.type`` and ``filter.count``.
        again : callable
            Makes a further reading.

        Returns
        -------
        tuple of float
            An overflow among the readings makes the result an overflow.
        """
        count = int(settings["filter.count"])
        kind = settings["filter.type"]
        if kind == REPEAT_AVERAGE:
            stack = [fresh, *(again() for _ in range(count - 1))]
        else:
            self._stack.append(fresh)
            # At first further readings fill the stack: every result is a full one.
            while len(self._stack) < count:
                self._stack.append(again())
            while len(self._stack) > count:
                self._stack.popleft()
            stack = list(self._stack)
        combine = median if kind == MEDIAN else fmean
        return tuple(
            OVERFLOW if OVERFLOW in column else combine(column)
            for column in zip(*stack, strict=True)
        )
