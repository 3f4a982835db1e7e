"""Fit of one H-NNO device: the law over all its pulses, and each state by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from labneuro.analysis.binomial import deviance, saturated
from labneuro.analysis.counts import PulseRows, StateCounts
from labneuro.analysis.logistic import maximise, probability
from labneuro.analysis.sensitization_fit import (
    INITIAL_PARAMETERS,
    LAW_PARAMETERS,
    LawFit,
    fit_law,
    search_law,
)
from labneuro.analysis.sigmoid import fit_sigmoid
from labneuro.analysis.states import (
    InitialStateReturn,
    StateFit,
    fit_states,
    initial_state_return,
)
from labneuro.counting import LEVEL
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.calibration import FittedParameter


@dataclass(frozen=True)
class FittedModel:
    """Parameters and quality of the fit over all pulses of a device.

    Attributes
    ----------
    parameters : dict of str to FittedParameter
        ``midpoint``, ``slope``, ``threshold`` and, where the device was seen to be
        sensitized, the law's ``floor_field``, ``saturation_shift``,
        ``shift_field_scale`` and ``sensitization_pulses``.
    covariance_of : tuple of str
        Parameters with a standard error, in the order of `covariance`.
    covariance : ndarray
        Their covariance matrix.
    deviance : float
        Against the cells' own shares.
    degrees_of_freedom : int
        Cells less parameters.
    probability : ndarray, shape (cells,)
        Fitted firing probability of each cell.
    """

    parameters: dict[str, FittedParameter]
    covariance_of: tuple[str, ...]
    covariance: NDArray[np.float64]
    deviance: float
    degrees_of_freedom: int
    probability: NDArray[np.float64]


@dataclass(frozen=True)
class DeviceFit:
    """Everything that was fitted to one device.

    Attributes
    ----------
    device_id : str
        The device.
    runs : tuple of PulseRows
        The data, run by run.
    counts : StateCounts
        The data by cell.
    model : FittedModel
        The fit over all pulses.
    sensitization_statistic : float or None
        How much the law lowers the deviance below that of a device that never moves;
        None where no pulse met a sensitized device.
    states : tuple of StateFit
        The sigmoid of each state by itself.
    returns : tuple of InitialStateReturn
        For each run that came back to the initial state: whether it did.
    """

    device_id: str
    runs: tuple[PulseRows, ...]
    counts: StateCounts
    model: FittedModel
    sensitization_statistic: float | None
    states: tuple[StateFit, ...]
    returns: tuple[InitialStateReturn, ...]


def fit_device(device_id: str, runs: Sequence[PulseRows]) -> DeviceFit:
    """Fit all runs of one device together.

    The law of sensitization is kept only where it lowers the deviance beyond what
    chance does to a device that never moves (95 % of chi-square with its four more
    parameters); otherwise the model is the sigmoid alone.

    Parameters
    ----------
    device_id : str
        The device.
    runs : sequence of PulseRows
        Its runs.

    Raises
    ------
    FitError
        If the pulses do not determine midpoint and slope.
    """
    counts = StateCounts.gather(runs)
    model, statistic = None, None
    if counts.sensitized.any():
        search = search_law(counts)
        statistic = _deviance_without_law(counts) - search.best.deviance
        more = len(LAW_PARAMETERS) - len(INITIAL_PARAMETERS)
        if statistic > stats.chi2.ppf(LEVEL, more):
            model = _of_law(fit_law(search))
    if model is None:
        model = _of_sigmoid(counts)
    returns = (initial_state_return(rows) for rows in runs)
    return DeviceFit(
        device_id=device_id,
        runs=tuple(runs),
        counts=counts,
        model=model,
        sensitization_statistic=statistic,
        states=fit_states(counts),
        returns=tuple(one for one in returns if one is not None),
    )


def _deviance_without_law(counts: StateCounts) -> float:
    field = counts.pulse_field
    spread = float(np.std(field)) or 1.0
    x = (field - float(np.mean(field))) / spread
    design = np.column_stack((np.ones_like(x), x))
    found = maximise(design, counts.spikes, counts.trials)
    return saturated(counts.spikes, counts.trials) - 2.0 * found.log_likelihood


def _of_law(law: LawFit) -> FittedModel:
    known = [
        index
        for index, name in enumerate(LAW_PARAMETERS)
        if law.parameters[name].standard_error is not None
    ]
    return FittedModel(
        parameters=law.parameters,
        covariance_of=tuple(LAW_PARAMETERS[index] for index in known),
        covariance=law.covariance[np.ix_(known, known)],
        deviance=law.deviance,
        degrees_of_freedom=law.degrees_of_freedom,
        probability=law.probability,
    )


def _of_sigmoid(counts: StateCounts) -> FittedModel:
    cells = counts.firing_counts()  # without the law the state does not matter
    fit = fit_sigmoid(cells.fields, cells.spikes, cells.trials)
    if None in (*fit.midpoint.interval, *fit.slope.interval):
        raise FitError(
            "midpoint and slope: a flat curve fits these counts as well; measure more "
            "events or a wider range of fields"
        )
    logit = (counts.pulse_field - fit.midpoint.value) / fit.slope.value
    return FittedModel(
        parameters={one.name: one for one in (fit.midpoint, fit.slope, fit.threshold)},
        covariance_of=INITIAL_PARAMETERS,
        covariance=fit.covariance,
        deviance=deviance(logit, counts.spikes, counts.trials),
        degrees_of_freedom=len(logit) - len(INITIAL_PARAMETERS),
        probability=probability(logit),
    )
