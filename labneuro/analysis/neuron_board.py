"""Fit of the neuron board: run files in, calibrated model out.

NeuronFiring runs give the law of integration of the board's threshold switch, by its
censored likelihood; SynapseLearning runs the conductances that its synapses reach.
Parameters have the names of ThresholdSwitchParameters and RsSynapseParameters. What the
runs do not determine is held at the shipped card and named in the table ``held``.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, stats

from labneuro.analysis.device_fit import FittedModel
from labneuro.analysis.neuron_board_data import (
    FiringRun,
    Integration,
    LearningRun,
    firing_run,
    learning_run,
)
from labneuro.analysis.neuron_board_tables import tables
from labneuro.analysis.population import combine
from labneuro.analysis.sources import fit_by_device, source_run, versions
from labneuro.analysis.threshold_switch_integration import (
    IntegrationFit,
    Observations,
    fit_observations,
)
from labneuro.bench import load_card
from labneuro.calibration import CalibratedModel, FittedParameter
from labneuro.counting import LEVEL
from labneuro.data.reader import RunFile
from labneuro.devices.catalog import load_parameters
from labneuro.devices.rs_synapse import UNITS as SYNAPSE_UNITS
from labneuro.devices.threshold_switch import UNITS as SWITCH_UNITS
from labneuro.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labneuro.analysis.neuron_board_data import Learned
    from labneuro.devices.threshold_switch import ThresholdSwitchParameters

MODEL = "neuron_board"
CARD = "neuron-board"
"""Card of what is held."""
_FEWEST_AMPLITUDES = 2
_CHAIN = 0.003  # of a conductance: relays, probes, source meter; chosen
_NORMAL = float(stats.norm.ppf(0.5 + LEVEL / 2.0))


@dataclass(frozen=True)
class BoardFit:
    """Everything that was fitted to one board.

    Attributes
    ----------
    device_id : str
        The board.
    firing : tuple of FiringRun
        Its NeuronFiring runs.
    learning : tuple of LearningRun
        Its SynapseLearning runs.
    integration : IntegrationFit or None
        None without NeuronFiring runs.
    held : tuple of str
        Parameters of the switch that were not fitted.
    model : FittedModel
        All parameters.
    """

    device_id: str
    firing: tuple[FiringRun, ...]
    learning: tuple[LearningRun, ...]
    integration: IntegrationFit | None
    held: tuple[str, ...]
    model: FittedModel


Data = FiringRun | LearningRun
_READERS: dict[str, Callable[[RunFile], Data]] = {
    "NeuronFiring": firing_run,
    "SynapseLearning": learning_run,
}


def fit_runs(paths: Sequence[Path]) -> CalibratedModel:
    """Fit the neuron board to run files.

    Parameters
    ----------
    paths : sequence of Path
        NeuronFiring and SynapseLearning runs, in any mixture.

    Returns
    -------
    CalibratedModel
        Of model ``"neuron_board"``.

    Raises
    ------
    FitError
        If there is no file, a run is of another protocol, or the runs of a board
        determine nothing.
    """
    files = [Path(path) for path in paths]
    fits = fit_by_device(files, read_run, fit_board)
    sources = tuple(map(source_run, files))
    return calibrate(fits).model_copy(update={"source_runs": sources})


def read_run(path: Path) -> tuple[str, Data]:
    """Return the device and the data of a run file.

    Raises
    ------
    FitError
        If the run is of another protocol.
    """
    with RunFile.open(path) as run:
        if run.protocol not in _READERS:
            raise FitError(
                f"{path}: protocol {run.protocol!r} is none of a neuron board; "
                f"allowed are {', '.join(_READERS)}"
            )
        return run.device_id, _READERS[run.protocol](run)


def held_parameters() -> ThresholdSwitchParameters:
    """Return the switch of the shipped board, of which the data replace some."""
    found: ThresholdSwitchParameters = load_parameters(
        MODEL, load_card(CARD), CARD
    ).switch
    return found


def observations(runs: Sequence[FiringRun]) -> Observations:
    """Return the integrations of runs as the law takes them.

    Parameters
    ----------
    runs : sequence of FiringRun
        Of one board.

    Raises
    ------
    FitError
        If there are not two amplitudes.
    """
    rows = [_row(run, one) for run in runs for one in run.integrations]
    if len({row[0] for row in rows}) < _FEWEST_AMPLITUDES:
        raise FitError(
            "growth_voltage: one amplitude does not determine it; measure firing at "
            "two amplitudes or more"
        )
    voltage, width, gap, low, time_low, high, time_high = np.array(rows).T.copy()
    return Observations(
        voltage=voltage,
        monitor=np.zeros(len(rows)),
        width=width,
        gap=gap,
        pulses_low=low,
        time_low=time_low,
        pulses_high=high,
        time_high=time_high,
        ended=np.isfinite(time_high),
        weight=np.ones(len(rows)),
    )


def _integration(
    runs: Sequence[FiringRun], held: ThresholdSwitchParameters
) -> IntegrationFit:
    """Fit the law with the leak time held.

    With firings known within a pulse the leak time has no regular likelihood: it grows
    as the leak time falls, until the first firing comes earlier than any that the pulse
    before would have left over.
    """
    return fit_observations(observations(runs), held, leak_known=True)


def _row(run: FiringRun, one: Integration) -> tuple[float, ...]:
    clocking, before = run.clocking, one.pulses - 1.0
    fired = math.isfinite(one.time_high)
    return (
        run.share * one.amplitude,
        clocking.width,
        clocking.period - clocking.width,
        *(before, one.time_low),
        *(before if fired else 0.0, one.time_high),
    )


def fit_board(device_id: str, runs: Sequence[Data]) -> BoardFit:
    """Fit all runs of one board together.

    Parameters
    ----------
    device_id : str
        The board.
    runs : sequence
        Its data.

    Raises
    ------
    FitError
        If the trains do not determine the law of integration.
    """
    firing = tuple(run for run in runs if isinstance(run, FiringRun))
    learning = tuple(run for run in runs if isinstance(run, LearningRun))
    held = held_parameters()
    integration = _integration(firing, held) if firing else None
    fitted = _fitted(integration)
    known = {one.name for one in fitted}
    names = tuple(one.name for one in fields(held) if known and one.name not in known)
    synapses = _synapses(learning)
    rest = [_parameter(name, getattr(held, name)) for name in names]
    blocks = [] if integration is None else [integration.fit.natural_covariance]
    blocks += [np.array([[(one.standard_error or 0.0) ** 2]]) for one in synapses]
    model = FittedModel(
        parameters={one.name: one for one in (*fitted, *synapses, *rest)},
        covariance_of=tuple(one.name for one in (*fitted, *synapses)),
        covariance=np.asarray(linalg.block_diag(*blocks)),
        deviance=0.0 if integration is None else -2.0 * integration.fit.log_likelihood,
        degrees_of_freedom=sum(len(run.integrations) for run in firing) - len(fitted),
        probability=np.empty(0),
    )
    return BoardFit(device_id, firing, learning, integration, names, model)


def _fitted(integration: IntegrationFit | None) -> list[FittedParameter]:
    """Return the law's parameters with their intervals."""
    if integration is None:
        return []
    fit = integration.fit
    return [
        _parameter(name, fit.value(name), fit.standard_error(name), fit.interval(name))
        for name in fit.names
    ]


def _parameter(
    name: str,
    value: float,
    error: float | None = None,
    interval: tuple[float | None, float | None] = (None, None),
) -> FittedParameter:
    unit = SWITCH_UNITS.get(name, SYNAPSE_UNITS.get(name, ""))
    return FittedParameter(
        name=name, unit=unit, value=value, standard_error=error, interval=interval
    )


def _synapses(runs: Sequence[LearningRun]) -> list[FittedParameter]:
    """Return where the synapses begin and what they reach, by their readings.

    Of the trains only the last one that was not interrupted tells what is reached.
    """
    places: dict[str, list[Learned]] = {
        "lowest_conductance": [],
        "medium_conductance": [],
        "highest_conductance": [],
    }
    for run in runs:
        places["medium_conductance"] += [row for row in run.rows if row.pulses == 0]
        done = [row for row in run.rows if row.spikes and not row.interrupted]
        if done:
            first, second = done[-2:]
            places["highest_conductance"].append(first)
            places["lowest_conductance"].append(second)
    return [_mean(name, rows) for name, rows in places.items() if rows]


def _mean(name: str, rows: Sequence[Learned]) -> FittedParameter:
    """Return the mean of readings, its error of their noise, spread and chain."""
    values = np.array([row.conductance for row in rows])
    within = np.array([row.standard_error for row in rows])
    count, mean = len(rows), float(values.mean())
    spread = float(values.std(ddof=1)) if count > 1 else 0.0
    noise = float(np.sqrt(np.nanmean(within**2))) if np.isfinite(within).any() else 0.0
    random, chain = max(spread, noise) / math.sqrt(count), _CHAIN * mean
    quantile = _NORMAL
    if count > 1:
        quantile = float(stats.t.ppf(0.5 + LEVEL / 2.0, count - 1))
    error = math.hypot(random, chain)
    reach = math.hypot(quantile * random, _NORMAL * chain)
    return _parameter(name, mean, error, (mean - reach, mean + reach))


def calibrate(boards: Sequence[BoardFit]) -> CalibratedModel:
    """Make the calibrated model of one board or of a population.

    Parameters
    ----------
    boards : sequence of BoardFit
        One a board, at least one.
    """
    models = [board.model for board in boards]
    fit = combine(models)
    return CalibratedModel(
        model=MODEL,
        **fit.entries,
        valid_range=_valid_range(boards),
        goodness_of_fit=_goodness(boards),
        tables=tables(boards),
        software=versions(),
    )


def _valid_range(boards: Sequence[BoardFit]) -> dict[str, tuple[float, float]]:
    volts = [level for one in boards for run in one.firing for level in run.spikes]
    volts += [run.amplitude for one in boards for run in one.learning]
    return {"amplitude": (min(volts), max(volts))}


def _goodness(boards: Sequence[BoardFit]) -> dict[str, float]:
    runs = [run for one in boards for run in one.firing]
    seen = [one for run in runs for one in run.integrations]
    ended = [one for one in seen if math.isfinite(one.time_high)]
    return {
        "integrations": float(len(seen)),
        "censored_integrations": float(len(seen) - len(ended)),
        "missed_firings": float(sum(not one.spiked for one in ended)),
        "spikes_seen_otherwise": float(sum(run.disagreements for run in runs)),
    }
