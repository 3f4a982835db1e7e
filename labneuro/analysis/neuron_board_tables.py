"""Tables of a calibrated neuron board: what figures and reports show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import special, stats

from labneuro.analysis.spikes import joined_shapes
from labneuro.analysis.threshold_switch_integration import rate_factor
from labneuro.counting import LEVEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from labneuro.analysis.neuron_board import BoardFit
    from labneuro.analysis.neuron_board_data import FiringRun
    from labneuro.analysis.threshold_switch_integration import IntegrationFit

    Array = NDArray[np.float64]

Row: TypeAlias = dict[str, float | str | None]
_MOST_PULSES = 400  # of one integration, in the law's mean
_FEWEST = 2  # intervals with which their mean has an error


def tables(boards: Sequence[BoardFit]) -> dict[str, list[Row]]:
    """Return every table, the boards' rows one after the other.

    Parameters
    ----------
    boards : sequence of BoardFit
        The fits.

    Returns
    -------
    dict of str to list of dict
        ``frequency`` (a row an amplitude: spikes, rate with its interval, and what the
        law says), ``pulses_to_fire`` (a row an amplitude and number of pulses),
        ``spike_identity`` (a row an amplitude and one for all), ``refractory``,
        ``synapse_steps`` (a row a train and synapse) and ``held``. SI units.
    """
    makers = {
        "frequency": _frequency,
        "pulses_to_fire": _pulses_to_fire,
        "spike_identity": _identity,
        "refractory": _refractory,
        "synapse_steps": _steps,
        "held": _held,
    }
    return {
        name: [
            {"device_id": board.device_id, **row}
            for board in boards
            for row in make(board)
        ]
        for name, make in makers.items()
    }


def _frequency(board: BoardFit) -> Iterator[Row]:
    for run in board.firing:
        for level, trains in run.spikes.items():
            spikes = sum(map(len, trains))
            gaps = np.concatenate([np.diff(one) for one in trains])
            low, high = mean_interval(gaps)
            pulsed = len(trains) * run.clocking.pulses * run.clocking.period
            law = (
                None
                if board.integration is None
                else law_rate(board.integration, run, level)
            )
            yield {
                "amplitude": level,
                "spikes": spikes,
                "duration": pulsed,
                "counted_rate": spikes / pulsed,
                "rate": 1.0 / float(gaps.mean()) if gaps.size else None,
                "rate_low": None if high is None else 1.0 / high,
                "rate_high": 1.0 / low if low is not None and low > 0.0 else None,
                "law_rate": law,
            }


def mean_interval(values: Array) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a mean; None where there are too few values.

    Parameters
    ----------
    values : ndarray
        Independent values.
    """
    if len(values) < _FEWEST:
        return None, None
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = float(stats.t.ppf(0.5 + LEVEL / 2.0, len(values) - 1)) * error
    return mean - reach, mean + reach


def law_rate(fit: IntegrationFit, run: FiringRun, amplitude: float) -> float:
    """Return the spikes per second of the fitted law, without missed firings.

    Parameters
    ----------
    fit : IntegrationFit
        The law.
    run : FiringRun
        For its clock.
    amplitude : float
        In V.
    """
    clocking, values = run.clocking, fit.parameters()
    pulses = np.arange(_MOST_PULSES, dtype=np.float64)
    factor = rate_factor(
        values,
        fit.held,
        np.asarray(run.share * amplitude),
        clocking.width,
        pulses=pulses,
        width=clocking.width,
        gap=clocking.period - clocking.width,
    )
    not_yet = special.ndtr(np.log(factor) / values[2])
    # One more period passes while node 1 is grounded.
    return 1.0 / (clocking.period * (2.0 + float(not_yet.sum())))


def _pulses_to_fire(board: BoardFit) -> Iterator[Row]:
    for run in board.firing:
        for level in run.spikes:
            seen = [one for one in run.integrations if one.amplitude == level]
            counts = [one.pulses for one in seen if math.isfinite(one.time_high)]
            for pulses in sorted(set(counts)):
                yield {
                    "amplitude": level,
                    "pulses": pulses,
                    "firings": counts.count(pulses),
                    "of": len(counts),
                }


def _identity(board: BoardFit) -> Iterator[Row]:
    for run in board.firing:
        together = joined_shapes(list(run.shapes.values()))
        for level, shapes in (*run.shapes.items(), (None, together)):
            if not len(shapes):
                continue
            alike = shapes.correlations()
            yield {
                "amplitude": level,
                "spikes": len(shapes),
                "lowest_correlation": _finite(float(np.min(alike))),
                "mean_correlation": _finite(float(np.mean(alike))),
                **_spread("width", shapes.width),
                **_spread("height", shapes.height),
            }


def _refractory(board: BoardFit) -> Iterator[Row]:
    for run in board.firing:
        for level in run.spikes:
            yield {
                "amplitude": level,
                **_spread("grounded", run.grounded[level]),
                **_spread("recovery", run.recovery[level]),
            }


def _steps(board: BoardFit) -> Iterator[Row]:
    for run in board.learning:
        before: dict[int, float] = {}
        for row in run.rows:
            last = before.get(row.synapse)
            yield {
                "pulses": row.pulses,
                "synapse": row.synapse,
                "spikes": row.spikes,
                "conductance": row.conductance,
                "standard_error": _finite(row.standard_error),
                "step": None if last is None else row.conductance - last,
                "interrupted": float(row.interrupted),
            }
            before[row.synapse] = row.conductance


def _held(board: BoardFit) -> Iterator[Row]:
    for name in board.held:
        yield {"parameter": name, "value": board.model.parameters[name].value}


def _spread(name: str, values: Array) -> Row:
    """Return mean and standard deviation of values; None where there are none."""
    if not len(values):
        return {name: None, f"{name}_deviation": None}
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {name: float(np.mean(values)), f"{name}_deviation": deviation}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
