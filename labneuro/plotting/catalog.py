"""The figure of a run file, by its measurement protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labneuro.analysis.counts import StateCounts
from labneuro.analysis.hnno import pulses_of_run
from labneuro.analysis.hnno_tables import cell_rows, state_rows, train_rows
from labneuro.analysis.neuron_board_data import firing_run, learning_run
from labneuro.analysis.resistance import resistance_of_run
from labneuro.analysis.states import fit_states
from labneuro.analysis.threshold_switch_data import (
    firing_times,
    switching_voltages,
    train_counts,
)
from labneuro.errors import InputError
from labneuro.plotting.captures import capture_figure
from labneuro.plotting.fmes import (
    current_voltage_figure,
    learn_forget_figure,
    paired_pulse_figure,
    potentiation_figure,
)
from labneuro.plotting.fmes_endurance import endurance_figure
from labneuro.plotting.fmes_pulses import pulse_response_figure
from labneuro.plotting.hybrid import (
    firing_pulse_figure,
    pulse_train_figure,
    switching_figure,
)
from labneuro.plotting.hybrid_board import (
    inhibition_figure,
    learning_figure,
    neuron_firing_figure,
)
from labneuro.plotting.hybrid_training import inference_figure, training_figure
from labneuro.plotting.pcu import (
    diode_figure,
    operator_figure,
    product_figure,
    programming_figure,
    retention_figure,
)
from labneuro.plotting.pcu import switching_figure as binary_switching_figure
from labneuro.plotting.resistance import resistance_fit
from labneuro.plotting.sigmoids import sigmoid_figure
from labneuro.plotting.trains import TrainReadings, train_figure
from labneuro.units import parse, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from labneuro.data.reader import RunFile


def run_figure(run: RunFile) -> Figure:
    """Draw the main figure of a run.

    Parameters
    ----------
    run : RunFile
        An open run file.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If there is no figure for the run's protocol.
    FitError
        If the run holds nothing to draw.
    """
    if run.protocol not in _FIGURES:
        raise InputError(
            f"{run.path}: no figure for protocol {run.protocol!r}; there are figures "
            f"for {', '.join(_FIGURES)}"
        )
    return _FIGURES[run.protocol](run)


def _sigmoids(run: RunFile) -> Figure:
    counts = StateCounts.gather([pulses_of_run(run)])
    states = fit_states(counts)
    return sigmoid_figure(cell_rows(counts, states), state_rows(states))


def _train(run: RunFile) -> Figure:
    rows = train_rows([pulses_of_run(run)])
    return train_figure(rows, first_train(run))


def first_train(run: RunFile, field: float | None = None) -> TrainReadings:
    """Return the readings of a run's first train at a field.

    Parameters
    ----------
    run : RunFile
        A SensitizationTrain run.
    field : float, optional
        The accumulating field in V/m; the highest one if absent.

    Raises
    ------
    InputError
        If the run has no train at that field.
    """
    readings = run.readings()
    fields = readings["accumulating_field"]
    chosen = float(np.max(fields)) if field is None else field
    there = (fields == chosen) & (readings["spike"] >= 0)
    if not there.any():
        raise InputError(f"{run.path}: no train at {show(chosen, 'V/m')}")
    place = np.flatnonzero(there)
    pulses = readings["accumulated_pulses"][place]
    resets = np.flatnonzero(np.diff(pulses) <= 0)
    place = place[: resets[0] + 1] if resets.size else place
    return TrainReadings(
        chosen,
        np.asarray(readings["resistance"][place], dtype=np.float64),
        np.asarray(readings["spike"][place], dtype=np.int64),
    )


def _resistance(run: RunFile) -> Figure:
    return resistance_fit(resistance_of_run(run))


def _captures(run: RunFile) -> Figure:
    readings = run.readings()
    begins = np.flatnonzero(np.diff(readings["step"])) + 1
    parts = {name: np.split(column, begins) for name, column in readings.items()}
    count = len(parts["step"])
    return capture_figure(
        [{name: parts[name][number] for name in parts} for number in range(count)]
    )


def _spiking(run: RunFile) -> tuple[float, float]:
    """Return the clock's period in s and the level of a spike in V."""
    given = run.parameters
    period, level = given["train"]["period"], given["channels"]["level"]
    return parse(period, "s"), parse(level, "V")


_FIGURES: dict[str, Callable[[RunFile], Figure]] = {
    "FiringProbability": _sigmoids,
    "SensitizationTrain": _train,
    "StateMap": _sigmoids,
    "ResistanceRead": _resistance,
    "PulseCapture": _captures,
    "PotentiationDepression": lambda run: potentiation_figure(run.readings()),
    "PairedPulse": lambda run: paired_pulse_figure(run.readings()),
    "CurrentVoltage": lambda run: current_voltage_figure(run.readings()),
    "LearnForget": lambda run: learn_forget_figure(run.readings()),
    "ThresholdSwitching": lambda run: switching_figure(
        run.readings(), switching_voltages(run)
    ),
    "FiringPulse": lambda run: firing_pulse_figure(run.readings(), firing_times(run)),
    "PulseTrainFiring": lambda run: pulse_train_figure(
        run.readings(), train_counts(run)
    ),
    "PulseResponse": lambda run: pulse_response_figure(run.readings()),
    "Endurance": lambda run: endurance_figure(run.readings()),
    "NeuronFiring": lambda run: neuron_firing_figure(run.readings(), firing_run(run)),
    "SynapseLearning": lambda run: learning_figure(run.readings(), learning_run(run)),
    "InhibitionTruth": lambda run: inhibition_figure(
        run.readings(), run.parameters["conditions"]
    ),
    "NetworkTraining": lambda run: training_figure(run.readings(), *_spiking(run)),
    "NetworkInference": lambda run: inference_figure(run.readings(), *_spiking(run)),
    "DiodeSweep": lambda run: diode_figure(run.readings()),
    "IncrementalStepPulse": lambda run: programming_figure(run.readings()),
    "ResistiveSwitching": lambda run: binary_switching_figure(run.readings()),
    "Retention": lambda run: retention_figure(run.readings()),
    "OperatorSweep": lambda run: operator_figure(
        run.readings(), str(run.parameters["operator"])
    ),
    "VectorMatrixProduct": lambda run: product_figure(run.readings()),
}
