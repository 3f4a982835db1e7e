"""Spikes counted at each field, and whether they determine a sigmoid at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_FEWEST_FIELDS = 2


@dataclass(frozen=True)
class FiringCounts:
    """Spikes counted at each field, one entry a field, ascending.

    Attributes
    ----------
    fields : ndarray, shape (fields,)
        Pulse fields in V/m.
    spikes, trials : ndarray, shape (fields,)
        Counts.
    """

    fields: NDArray[np.float64]
    spikes: NDArray[np.float64]
    trials: NDArray[np.float64]

    @classmethod
    def gather(
        cls, fields: ArrayLike, spikes: ArrayLike, trials: ArrayLike
    ) -> FiringCounts:
        """Add up counts at equal fields and sort by field.

        Raises
        ------
        FitError
            If shapes differ, fields are not finite or a count is impossible.
        """
        arrays = [np.atleast_1d(np.asarray(a, float)) for a in (fields, spikes, trials)]
        if len({array.shape for array in arrays}) > 1 or arrays[0].ndim > 1:
            raise FitError("fields, spikes and trials: must be equally long rows")
        field, count, total = arrays
        if not np.isfinite(field).all():
            raise FitError("fields: every one must be finite")
        if np.any(count < 0) or np.any(count > total):
            raise FitError("spikes: must lie between 0 and the trials at every field")
        used = total > 0
        levels, index = np.unique(field[used], return_inverse=True)
        return cls(
            levels,
            np.bincount(index, count[used], len(levels)).astype(np.float64),
            np.bincount(index, total[used], len(levels)).astype(np.float64),
        )


def check_overlap(counts: FiringCounts) -> None:
    """Refuse counts for which no finite midpoint and slope maximise the likelihood.

    The maximum exists when spikes and misses overlap: some field spikes although a
    higher one misses (else the curve is a step), and the other way round.

    Raises
    ------
    FitError
        Naming what the counts lack.

    References
    ----------
    A. Albert, J. A. Anderson, Biometrika 71, 1 (1984), doi:10.2307/2336390.
    """
    spiking = counts.fields[counts.spikes > 0]
    missing = counts.fields[counts.spikes < counts.trials]
    if len(counts.fields) < _FEWEST_FIELDS:
        raise FitError("a sigmoid needs counts at two fields at least")
    if not spiking.size:
        raise FitError(
            f"no spike in {counts.trials.sum():.0f} pulses up to "
            f"{counts.fields[-1]:.6g} V/m: measure at higher fields"
        )
    if not missing.size:
        raise FitError(
            f"every pulse spiked down to {counts.fields[0]:.6g} V/m: "
            "measure at lower fields"
        )
    if missing[-1] <= spiking[0]:
        raise FitError(
            f"firing rises in one step between {missing[-1]:.6g} and "
            f"{spiking[0]:.6g} V/m: the slope needs fields in between"
            if missing[-1] < spiking[0]
            else f"only {spiking[0]:.6g} V/m both spikes and misses: "
            "the slope needs a closer spacing of fields"
        )
    if spiking[-1] <= missing[0]:
        raise FitError("firing probability falls with the field: no sigmoid")
