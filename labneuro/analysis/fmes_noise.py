"""Noise of FMES readings: the meter's, and the pulses' own that stays in the device.

A block of readings that begins with a discharged device has the covariance
``sigma**2 + s**2 S S'``: white noise of the meter, and the noise s of each pulse's
charge, carried to every later reading by the sensitivities S of the branch model. The
blocks are independent. Both deviations follow from the residuals by maximum likelihood;
whitening needs one singular-value decomposition of S a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_FLOOR = 1e-12  # V or A: below any meter's noise
_SMALLEST, _LARGEST = 1e-4, 0.5  # charge noise that is searched
_START = 0.02
_BEND = 0.03  # step of the logarithms
_BARE_BEND = 2.0  # of the loss by a logarithm: a standard error of a factor e


@dataclass(frozen=True)
class Noise:
    """Deviations that make up the noise.

    Attributes
    ----------
    reading : dict of str to float
        Standard deviation of a reading by the blocks' key, in V or A.
    charge : float
        Standard deviation of the logarithm of a pulse's charge.
    charge_error : float or None
        Standard error of `charge`; None where it is not told from none.
    """

    reading: dict[str, float]
    charge: float
    charge_error: float | None = None


class Spectrum:
    """The sensitivities of a block, decomposed.

    Parameters
    ----------
    sensitivity : ndarray, shape (readings, groups)
        Change of each reading for one unit of charge noise.
    """

    def __init__(self, sensitivity: NDArray[np.float64]) -> None:
        self.vectors, self._singular, self._pulses = np.linalg.svd(
            sensitivity, full_matrices=False
        )
        self.power = self._singular**2

    def whiten(
        self, residual: NDArray[np.float64], reading: float, charge: float
    ) -> NDArray[np.float64]:
        """Return residuals as independent numbers of deviation 1.

        Parameters
        ----------
        residual : ndarray, shape (..., readings)
            In V or A.
        reading, charge : float
            Deviations of the meter and of the pulses.
        """
        total = np.sqrt(reading**2 + charge**2 * self.power)
        along = residual @ self.vectors
        change = along * (1.0 / total - 1.0 / reading)
        return np.asarray(residual / reading + change @ self.vectors.T)

    def likeliest(
        self, residual: NDArray[np.float64], reading: float, charge: float
    ) -> NDArray[np.float64]:
        """Return the likeliest noise of each group of pulses, shape (groups,).

        Parameters
        ----------
        residual : ndarray, shape (readings,)
            In V or A, less what the noise is taken to do by the sensitivities.
        reading, charge : float
            Deviations of the meter and of the pulses.
        """
        share = charge**2 * self._singular / (reading**2 + charge**2 * self.power)
        return np.asarray((share * (residual @ self.vectors)) @ self._pulses)


class _Sums:
    """What the likelihood needs of one block's residuals."""

    def __init__(self, residual: NDArray[np.float64], spectrum: Spectrum) -> None:
        along = residual @ spectrum.vectors
        self.repeats, self.size = residual.shape
        self.power = spectrum.power
        self.inside = np.sum(along**2, axis=0)
        self.outside = max(float(np.sum(residual**2) - np.sum(self.inside)), 0.0)

    def loss(self, reading: float, charge: float) -> float:
        """Return twice the negative logarithm of the likelihood."""
        total = reading**2 + charge**2 * self.power
        rest = self.size - len(self.power)
        logarithm = np.sum(np.log(total)) + rest * np.log(reading**2)
        return float(
            self.repeats * logarithm
            + self.outside / reading**2
            + np.sum(self.inside / total)
        )


def estimate(
    residuals: Sequence[NDArray[np.float64]],
    spectra: Sequence[Spectrum],
    keys: Sequence[str],
    *,
    error: bool = False,
) -> Noise:
    """Return the deviations that make the residuals most likely.

    Parameters
    ----------
    residuals : sequence of ndarray, shape (repeats, readings)
        Of each block.
    spectra : sequence of Spectrum
        Of each block.
    keys : sequence of str
        Blocks of one key have the same deviation of a reading.
    error : bool
        Whether the standard error of the charge noise is wanted, too.
    """
    sums = [_Sums(one, two) for one, two in zip(residuals, spectra, strict=True)]
    names = list(dict.fromkeys(keys))
    member = [names.index(key) for key in keys]
    start = np.log([_rms(residuals, keys, name) for name in names])

    def loss(unknown: NDArray[np.float64]) -> float:
        deviations = np.exp(unknown)
        return sum(
            one.loss(deviations[place], deviations[-1])
            for one, place in zip(sums, member, strict=True)
        )

    first = np.append(start - 0.1, np.log(_START))
    wide = [(value - 8.0, value + 1.0) for value in start]
    found = optimize.minimize(
        loss,
        first,
        method="L-BFGS-B",
        bounds=[*wide, (np.log(_SMALLEST), np.log(_LARGEST))],
    ).x
    charge = float(np.exp(found[-1]))
    share = _last_error(loss, found) if error else None
    reading = dict(zip(names, np.exp(found[:-1]).tolist(), strict=True))
    return Noise(reading, charge, None if share is None else charge * share)


def _last_error(
    loss: Callable[[NDArray[np.float64]], float], found: NDArray[np.float64]
) -> float | None:
    """Return the standard error of the last unknown, the others free.

    None where the loss bends too little to tell it from any smaller one.
    """
    steps = _BEND * np.eye(len(found))
    bend = np.empty((len(found), len(found)))
    for i, one in enumerate(steps):
        for j, two in enumerate(steps[: i + 1]):
            rise = loss(found + one + two) - loss(found + one - two)
            rise += loss(found - one - two) - loss(found - one + two)
            bend[i, j] = bend[j, i] = rise / (4.0 * _BEND**2)
    if bend[-1, -1] <= _BARE_BEND:
        return None
    variance = 2.0 * np.linalg.pinv(bend, hermitian=True)[-1, -1]
    return float(np.sqrt(variance)) if variance > 0.0 else None


def _rms(
    residuals: Sequence[NDArray[np.float64]], keys: Sequence[str], name: str
) -> float:
    own = [one.ravel() for one, key in zip(residuals, keys, strict=True) if key == name]
    return max(float(np.sqrt(np.mean(np.concatenate(own) ** 2))), _FLOOR)
