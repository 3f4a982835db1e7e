"""Everything that is fitted to the runs of one FMES device."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

from labneuro.analysis.fmes_branches import fit_branches
from labneuro.analysis.fmes_curves import (
    CurveFit,
    a_interval,
    covariance_from_rest,
    fit_curve,
    nonlinearity,
)
from labneuro.analysis.fmes_measures import dynamic_range, normal
from labneuro.analysis.fmes_pairs import PairDecay, fit_pairs
from labneuro.analysis.fmes_runs import (
    DeviceRuns,
    Learning,
    Pairs,
    Response,
    Sweep,
    Train,
    label_of,
)
from labneuro.analysis.fmes_schedule import blocks_of
from labneuro.calibration import FittedParameter
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.fmes_branches import BranchFit

_DIRECTIONS = ("potentiation", "depression")


@dataclass(frozen=True)
class FmesDeviceFit:
    """Everything that was fitted to one device.

    Attributes
    ----------
    runs : DeviceRuns
        The data.
    curves : dict of str to CurveFit
        Potentiation and depression by label, of all cycles but the first.
    cycles : dict of str to list of CurveFit
        The same, each cycle of each train by itself.
    pairs : dict of str to PairDecay
        Paired-pulse decay by label.
    branches : BranchFit or None
        The branches; None where the runs do not determine them.
    parameters : dict of str to FittedParameter
        Everything with a name of its own.
    covariance_of : tuple of str
        Parameters that `covariance` speaks of.
    covariance : ndarray
        Their covariance matrix.
    """

    runs: DeviceRuns
    curves: dict[str, CurveFit]
    cycles: dict[str, list[CurveFit]]
    pairs: dict[str, PairDecay]
    branches: BranchFit | None
    parameters: dict[str, FittedParameter]
    covariance_of: tuple[str, ...]
    covariance: NDArray[np.float64]


def fit_device(runs: DeviceRuns) -> FmesDeviceFit:
    """Fit one device.

    Branches need sweeps, or a learning train, beside pulses: pulses alone say little of
    the slow branch.

    Parameters
    ----------
    runs : DeviceRuns
        What was measured on it.

    Raises
    ------
    FitError
        If trains at one resistance differ in their pulses.
    """
    trains = _by_label(runs.of(Train))
    curves = {label: fit_curve(_steady(label, own)) for label, own in trains.items()}
    cycles = {
        label: [fit_curve(train.residual[c : c + 1]) for train, c in _each(own)]
        for label, own in trains.items()
    }
    pairs = {label: fit_pairs(_joined(own)) for label, own in _pairs_of(runs).items()}
    branches = None
    slow = runs.of(Sweep) or runs.of(Learning)
    fast = runs.of(Train) or runs.of(Pairs) or runs.of(Response) or runs.of(Learning)
    if slow and fast:
        branches = fit_branches(blocks_of(runs.pieces))
    parameters, names, covariance = _parameters(curves, trains, branches)
    return FmesDeviceFit(
        runs, curves, cycles, pairs, branches, parameters, names, covariance
    )


def _by_label(trains: Sequence[Train]) -> dict[str, list[Train]]:
    found: defaultdict[str, list[Train]] = defaultdict(list)
    for train in sorted(trains, key=lambda one: one.resistance):
        found[label_of(train.resistance)].append(train)
    return dict(found)


def _each(trains: Sequence[Train]) -> list[tuple[Train, int]]:
    return [(train, cycle) for train in trains for cycle in range(len(train.residual))]


def _steady(label: str, trains: Sequence[Train]) -> NDArray[np.float64]:
    """Return all cycles but each train's first, which begins at rest."""
    first = trains[0]
    for train in trains:
        if (
            train.timing != first.timing
            or train.residual.shape[2] != (first.residual.shape[2])
        ):
            raise FitError(
                f"{train.path}: its pulses at {label} differ from those of "
                f"{first.path}; fit them apart"
            )
    return np.concatenate(
        [train.residual[min(1, len(train.residual) - 1) :] for train in trains]
    )


def _pairs_of(runs: DeviceRuns) -> dict[str, list[Pairs]]:
    found: defaultdict[str, list[Pairs]] = defaultdict(list)
    for pairs in runs.of(Pairs):
        found[label_of(pairs.resistance)].append(pairs)
    return dict(found)


def _joined(pairs: Sequence[Pairs]) -> Pairs:
    columns = (
        np.concatenate([getattr(one, name) for one in pairs])
        for name in ("interval", "first", "second")
    )
    return Pairs(pairs[0].path, pairs[0].resistance, pairs[0].timing, *columns)


def _parameters(
    curves: dict[str, CurveFit],
    trains: dict[str, list[Train]],
    branches: BranchFit | None,
) -> tuple[dict[str, FittedParameter], tuple[str, ...], NDArray[np.float64]]:
    """Return all parameters, and the covariance of those with standard errors."""
    found: list[FittedParameter] = []
    names: list[str] = []
    blocks: list[NDArray[np.float64]] = []
    for label, curve in curves.items():
        found += _of_curve(label, curve)
        found += _range_of(label, curve, trains[label][0])
        own, block = _curve_covariance(label, curve)
        names += own
        blocks.append(block)
    if branches is not None:
        found += branches.fitted.values()
        names += branches.covariance_of
        blocks.append(branches.covariance)
    covariance = linalg.block_diag(*blocks) if blocks else np.empty((0, 0))
    return {one.name: one for one in found}, tuple(names), covariance


def _of_curve(label: str, curve: CurveFit) -> list[FittedParameter]:
    errors = np.sqrt(np.diag(curve.covariance))
    found = []
    for place, name in enumerate(_DIRECTIONS):
        bend, ends = curve.bends[place], curve.bend_interval(place)
        a = curve.pulses / bend if bend else float(curve.pulses * 1e12)
        interval = a_interval(curve.pulses, bend, ends)
        error = None
        if None not in interval:
            error = abs(a / bend) * float(errors[2 + place])
        found += [
            _told(f"{name}_a_{label}", "", a, error, interval),
            _told(
                f"{name}_nonlinearity_{label}",
                "",
                nonlinearity(bend),
                None,
                (nonlinearity(ends[0]), nonlinearity(ends[1])),
            ),
        ]
    found += [
        _told(f"{name}_{label}", "V", value, float(error), None)
        for name, value, error in (
            ("lowest", curve.lowest, errors[0]),
            ("highest", curve.highest, errors[1]),
        )
    ]
    found.append(_told(f"pulses_{label}", "", float(curve.pulses), None, (None, None)))
    span = abs(curve.highest - curve.lowest)
    low, high = curve.noise.pulse_interval
    over = low / span, None if high is None else high / span
    noise = curve.noise.pulse / span
    return [*found, _told(f"pulse_noise_{label}", "", noise, None, over)]


def _range_of(label: str, curve: CurveFit, train: Train) -> list[FittedParameter]:
    noise = covariance_from_rest(curve.noise, curve.bends[0], curve.pulses)
    found = dynamic_range(train.residual[0, 0], noise)
    name = f"dynamic_range_{label}"
    return [_told(name, "", found.value, None, found.interval)]


def _curve_covariance(
    label: str, curve: CurveFit
) -> tuple[list[str], NDArray[np.float64]]:
    """Return the covariance of both ends and of every A that is determined."""
    names, scale, kept = [f"lowest_{label}", f"highest_{label}"], [1.0, 1.0], [0, 1]
    for place, name in enumerate(_DIRECTIONS):
        low, high = curve.bend_interval(place)
        if low > 0.0 or high < 0.0:
            names.append(f"{name}_a_{label}")
            scale.append(-curve.pulses / curve.bends[place] ** 2)
            kept.append(2 + place)
    return names, curve.covariance[np.ix_(kept, kept)] * np.outer(scale, scale)


def _told(
    name: str,
    unit: str,
    value: float,
    error: float | None,
    interval: tuple[float | None, float | None] | None,
) -> FittedParameter:
    """Return a parameter; a normal interval where none is given."""
    if interval is None and error is not None:
        interval = normal(value, error).interval
    return FittedParameter(
        name=name,
        unit=unit,
        value=value,
        standard_error=error,
        interval=interval or (None, None),
    )
