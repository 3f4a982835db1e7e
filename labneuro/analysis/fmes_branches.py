"""Branch parameters of the FMES synapse by generalised least squares.

First two linear branches with self-discharge are fitted (:mod:`fmes_search`) to at most
two trains and two sweeps. Where they leave residuals that follow each other, the
crowding fast, middle and growing slow branch with self-discharge is fitted to the same
readings, as its solver takes twenty times longer, and kept if the likelihood pays for
it by the Bayesian information criterion; else the linear form is fitted to all
readings. What the meter's gain may be wrong by is added to the covariance run by run.

References
----------
G. Schwarz, Ann. Stat. 6, 461 (1978), doi:10.1214/aos/1176344136: the criterion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from labneuro.analysis.fmes_search import CROWDED, LINEAR, Search
from labneuro.calibration import FittedParameter
from labneuro.counting import LEVEL
from labneuro.devices.fmes_parameters import UNITS, FmesParameters
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.fmes_noise import Noise
    from labneuro.analysis.fmes_schedule import Block
    from labneuro.analysis.fmes_solver import Solution

GAIN_ACCURACY = 3e-4
"""Systematic share of all readings of a run, chosen: above the 0.015 to 0.02 % of
reading that the data sheet gives for a 2600B's lower voltage and current ranges."""
_UNDETERMINED = 1.0  # standard error of a logarithm: a factor of 2.7 either way
_LONG_BLOCK = 50  # readings
_CORRELATED = 6.0  # standard errors
_MOST = {"PotentiationDepression": 2, "CurrentVoltage": 2}


@dataclass(frozen=True)
class BranchFit:
    """Branches of one device.

    Attributes
    ----------
    form : str
        :data:`LINEAR` or :data:`CROWDED`.
    parameters : FmesParameters
        The device, charge noise included.
    fitted : dict of str to FittedParameter
        What was fitted, with 95 % intervals.
    covariance_of : tuple of str
        Parameters with a standard error, in the order of `covariance`.
    covariance : ndarray
        Their covariance matrix.
    held : tuple of str
        Parameters that were not fitted, or that the data do not determine.
    noise : Noise
        Of pulses and readings.
    deviance : float
        Twice the negative logarithm of the likelihood.
    blocks : tuple of Block
        The data.
    predicted : tuple of ndarray
        What the fit makes of each block.
    whitened : tuple of ndarray
        Residuals of each block as independent numbers of deviation 1.
    path : float
        Resistance of relays and leads in ohm, 0 if not fitted.
    """

    form: str
    parameters: FmesParameters
    fitted: dict[str, FittedParameter]
    covariance_of: tuple[str, ...]
    covariance: NDArray[np.float64]
    held: tuple[str, ...]
    noise: Noise
    deviance: float
    blocks: tuple[Block, ...]
    predicted: tuple[NDArray[np.float64], ...]
    whitened: tuple[NDArray[np.float64], ...]
    path: float

    @property
    def correlation(self) -> float:
        """Correlation of whitened residuals two readings apart: peaks with peaks."""
        long = [one for one in self.whitened if one.shape[1] >= _LONG_BLOCK]
        square = sum(float(np.sum(one**2)) for one in long)
        product = sum(float(np.sum(one[:, 2:] * one[:, :-2])) for one in long)
        return product / square if square > 0.0 else 0.0


def fit_branches(blocks: Sequence[Block]) -> BranchFit:
    """Fit the branches of one device.

    Parameters
    ----------
    blocks : sequence of Block
        From :func:`~labneuro.analysis.fmes_schedule.blocks_of`.

    Raises
    ------
    FitError
        If there is no block.
    """
    if not blocks:
        raise FitError("no reading to fit branches to")
    few = thinned(blocks)
    simple = _fitted(Search(few, LINEAR))
    if misses(simple):
        rich = _fitted(Search(few, CROWDED, simple.parameters))
        price = np.log(sum(block.measured.size for block in few))
        dearer = (len(rich.covariance_of) - len(simple.covariance_of)) * price
        if simple.deviance - rich.deviance > dearer:
            return rich
    return simple if len(few) == len(blocks) else _fitted(Search(blocks, LINEAR))


def misses(fit: BranchFit) -> bool:
    """Return whether residuals follow each other more than noise does.

    The test: their correlation against its standard error, over the blocks that are
    long enough to show it.
    """
    count = sum(one.size for one in fit.whitened if one.shape[1] >= _LONG_BLOCK)
    return count > 0 and abs(fit.correlation) * np.sqrt(count) > _CORRELATED


def thinned(blocks: Sequence[Block]) -> list[Block]:
    """Return at most two trains and two sweeps, the ends included, and the pairs.

    Learning trains, which are the longest, stay where there is no sweep.
    """
    kept = set(range(len(blocks)))
    swept = any(block.name == "CurrentVoltage" for block in blocks)
    for name, most in (_MOST | {"LearnForget": 0 if swept else 1}).items():
        own = [place for place, block in enumerate(blocks) if block.name == name]
        chosen = np.linspace(0, len(own) - 1, min(most, len(own))).round().astype(int)
        kept -= set(own) - {own[place] for place in chosen}
    return [blocks[place] for place in sorted(kept)]


def _fitted(search: Search) -> BranchFit:
    """Run a search and tell what it found."""
    found, noise = search.run()
    device, path = search.device(found.unknown), search.path(found.unknown)
    predicted = tuple(block.predict(device, path) for block in search.blocks)
    covariance, errors = _covariance(search, found, predicted, noise)
    values = np.exp(found.unknown)
    fitted = {
        name: _parameter(name, values[place], errors[place])
        for place, name in enumerate(search.names)
    }
    fitted["charge_noise"] = _charge_noise(noise)
    known = [
        place
        for place, name in enumerate(search.names)
        if fitted[name].standard_error is not None
    ]
    scale = values[known]
    held = {name for name, one in fitted.items() if one.standard_error is None}
    held |= set(UNITS) - set(fitted)
    return BranchFit(
        form=search.form,
        parameters=replace(device, charge_noise=noise.charge),
        fitted=fitted,
        covariance_of=tuple(search.names[place] for place in known),
        covariance=covariance[np.ix_(known, known)] * np.outer(scale, scale),
        held=tuple(name for name in UNITS if name in held),
        noise=noise,
        deviance=search.deviance(found.unknown),
        blocks=search.blocks,
        predicted=predicted,
        whitened=tuple(search.white(search.residuals(found.unknown), noise)),
        path=path,
    )


def _covariance(
    search: Search,
    found: Solution,
    predicted: Sequence[NDArray[np.float64]],
    noise: Noise,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return covariance and standard errors of the logarithms."""
    jacobian = found.jacobian
    covariance = np.linalg.pinv(jacobian.T @ jacobian, hermitian=True)
    projector = covariance @ jacobian.T
    covariance = covariance + _systematic(search, predicted, noise, projector)
    errors = np.sqrt(np.diag(covariance))
    # A direction that moves nothing has no error by the pseudo-inverse, but none.
    silent = np.sum(jacobian**2, axis=0) < 1.0 / _UNDETERMINED**2
    return covariance, np.where(silent, np.inf, errors)


def _systematic(
    search: Search,
    predicted: Sequence[NDArray[np.float64]],
    noise: Noise,
    projector: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the covariance that a wrong gain of each run's meter brings."""
    whole = [
        np.broadcast_to(one, block.measured.shape)
        for one, block in zip(predicted, search.blocks, strict=True)
    ]
    white = search.white(whole, noise)
    total = np.zeros((len(projector), len(projector)))
    for name in dict.fromkeys(search.keys):
        parts = zip(white, search.keys, strict=True)
        own = [one.ravel() * (key == name) for one, key in parts]
        moved = GAIN_ACCURACY * (projector @ np.concatenate(own))
        total += np.outer(moved, moved)
    return total


def _parameter(name: str, value: float, error: float) -> FittedParameter:
    """Return a parameter whose logarithm has a normal error."""
    known = bool(error < _UNDETERMINED)
    reach = float(stats.norm.ppf(0.5 + LEVEL / 2.0)) * float(error)
    return FittedParameter(
        name=name,
        unit=UNITS.get(name, "ohm"),
        value=float(value),
        standard_error=float(value * error) if known else None,
        interval=(
            (float(value * np.exp(-reach)), float(value * np.exp(reach)))
            if known
            else (None, None)
        ),
    )


def _charge_noise(noise: Noise) -> FittedParameter:
    error = np.inf if noise.charge_error is None else noise.charge_error / noise.charge
    return _parameter("charge_noise", noise.charge, float(error))
