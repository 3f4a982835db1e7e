"""Small-signal resistance: straight line through a current-voltage curve.

A straight line has a closed least-squares solution, so no iterative fit is used. The
current is regressed on the voltage because the source level is exact beside the
reading; the resistance is the inverse of the slope, and so are the ends of its
interval.

References
----------
T. Zhang et al., "Self-sensitizable neuromorphic device based on adaptive hydrogen
gradient": Experimental procedures (linear fit from -0.1 V to 0.1 V).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from labneuro.analysis.sources import source_run, versions
from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.counting import LEVEL
from labneuro.data.reader import RunFile
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

PROTOCOL = "ResistanceRead"
LINEAR_RANGE = 0.1  # V
_ROUNDING = 1e-9  # of a volt: a level that was stored as 0.1 V belongs to the range
_FEWEST_POINTS = 3


@dataclass(frozen=True)
class ResistanceFit:
    """Straight line through a current-voltage curve.

    Attributes
    ----------
    resistance : FittedParameter
        Inverse slope in ohm; its interval is open at the top where the slope may be 0.
    offset_current : FittedParameter
        Current at 0 V, in A.
    residual_deviation : float
        Standard deviation of the current around the line, in A.
    degrees_of_freedom : int
        Points less two.
    covariance : ndarray, shape (2, 2)
        Of resistance and offset current.
    voltage, current : ndarray, shape (points,)
        The points used.
    """

    resistance: FittedParameter
    offset_current: FittedParameter
    residual_deviation: float
    degrees_of_freedom: int
    covariance: NDArray[np.float64]
    voltage: NDArray[np.float64]
    current: NDArray[np.float64]


def fit_resistance(
    voltage: ArrayLike,
    current: ArrayLike,
    *,
    linear_range: float = LINEAR_RANGE,
    level: float = LEVEL,
) -> ResistanceFit:
    """Fit resistance and offset current.

    Parameters
    ----------
    voltage, current : array_like, shape (points,)
        Readings in V and A; points beyond the linear range are left out.
    linear_range : float
        Largest magnitude of the voltage that is used, in V.
    level : float
        Confidence level of the intervals (t distribution).

    Returns
    -------
    ResistanceFit

    Raises
    ------
    FitError
        If fewer than three points or a single voltage lie in the range, a reading is
        not finite, or the current does not rise with the voltage.
    """
    v, i = _linear_part(voltage, current, linear_range)
    freedom = len(v) - 2
    design = np.column_stack((v, np.ones_like(v)))
    conductance, offset = np.linalg.lstsq(design, i, rcond=None)[0]
    if conductance <= 0.0:
        raise FitError("current does not rise with the voltage: no resistance")
    residual = i - design @ (conductance, offset)
    deviation = float(np.sqrt(residual @ residual / freedom))
    covariance = deviation**2 * np.linalg.inv(design.T @ design)
    errors = np.sqrt(np.diag(covariance))
    reach = float(stats.t.ppf(0.5 + level / 2.0, freedom)) * errors
    ends = conductance - reach[0], conductance + reach[0]
    to_resistance = np.diag((-1.0 / conductance**2, 1.0))
    return ResistanceFit(
        resistance=_parameter(
            "resistance",
            "ohm",
            (1.0 / conductance, errors[0] / conductance**2),
            (1.0 / ends[1], 1.0 / ends[0] if ends[0] > 0.0 else None),
        ),
        offset_current=_parameter(
            "offset_current",
            "A",
            (offset, errors[1]),
            (offset - reach[1], offset + reach[1]),
        ),
        residual_deviation=deviation,
        degrees_of_freedom=freedom,
        covariance=to_resistance @ covariance @ to_resistance,
        voltage=v,
        current=i,
    )


def _parameter(
    name: str,
    unit: str,
    estimate: tuple[float, float],
    interval: tuple[float, float | None],
) -> FittedParameter:
    low, high = interval
    return FittedParameter(
        name=name,
        unit=unit,
        value=float(estimate[0]),
        standard_error=float(estimate[1]),
        interval=(float(low), None if high is None else float(high)),
    )


def _linear_part(
    voltage: ArrayLike, current: ArrayLike, linear_range: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    v, i = np.asarray(voltage, float).ravel(), np.asarray(current, float).ravel()
    if v.shape != i.shape:
        raise FitError("voltage and current: must be equally long rows")
    if not (np.isfinite(v).all() and np.isfinite(i).all()):
        raise FitError("voltage and current: every reading must be finite")
    used = np.abs(v) <= linear_range + _ROUNDING
    v, i = v[used], i[used]
    if len(v) < _FEWEST_POINTS or np.ptp(v) == 0.0:
        raise FitError(
            f"a resistance needs {_FEWEST_POINTS} points at different voltages within "
            f"{linear_range:.3g} V, got {len(v)} points"
        )
    return v, i


def resistance_of_run(run: RunFile) -> ResistanceFit:
    """Fit the readings of one ResistanceRead run, all sweeps together.

    Raises
    ------
    FitError
        If the run is of another protocol or its readings are no line.
    """
    if run.protocol != PROTOCOL:
        raise FitError(
            f"{run.path}: protocol {run.protocol!r} measures no I-V curve; "
            f"wanted {PROTOCOL}"
        )
    readings = run.readings()
    try:
        return fit_resistance(readings["voltage"], readings["current"])
    except FitError as error:
        raise FitError(f"{run.path}: {error}") from error


def fit_runs(paths: Sequence[Path]) -> CalibratedModel:
    """Fit one resistance to ResistanceRead runs, all readings together.

    Parameters
    ----------
    paths : sequence of Path
        Run files.

    Returns
    -------
    CalibratedModel
        Of model ``"resistance"``.

    Raises
    ------
    FitError
        If there is no file, or one holds no current-voltage curve.
    """
    if not paths:
        raise FitError("no run file to fit")
    fits = []
    for path in paths:
        with RunFile.open(path) as run:
            fits.append(resistance_of_run(run))
    fit = fit_resistance(
        np.concatenate([one.voltage for one in fits]),
        np.concatenate([one.current for one in fits]),
    )
    return CalibratedModel(
        model="resistance",
        parameters=(fit.resistance, fit.offset_current),
        covariance_of=("resistance", "offset_current"),
        covariance=tuple(tuple(map(float, row)) for row in fit.covariance),
        valid_range={"voltage": (float(fit.voltage.min()), float(fit.voltage.max()))},
        goodness_of_fit={
            "residual_deviation": fit.residual_deviation,
            "degrees_of_freedom": float(fit.degrees_of_freedom),
        },
        source_runs=tuple(source_run(Path(path)) for path in paths),
        software=versions(),
    )
