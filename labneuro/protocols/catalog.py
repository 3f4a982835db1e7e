"""The measurement protocols by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from labneuro.errors import RecipeError
from labneuro.units import shown

if TYPE_CHECKING:
    from labneuro.protocols.base import MeasurementProtocol

_MODULES = {
    "ResistanceRead": "labneuro.protocols.resistance_read",
    "FiringProbability": "labneuro.protocols.firing_probability",
    "SensitizationTrain": "labneuro.protocols.sensitization_train",
    "StateMap": "labneuro.protocols.state_map",
    "PulseCapture": "labneuro.protocols.pulse_capture",
    "PotentiationDepression": "labneuro.protocols.potentiation_depression",
    "PairedPulse": "labneuro.protocols.paired_pulse",
    "CurrentVoltage": "labneuro.protocols.current_voltage",
    "LearnForget": "labneuro.protocols.learn_forget",
    "ThresholdSwitching": "labneuro.protocols.threshold_switching",
    "FiringPulse": "labneuro.protocols.firing_pulse",
    "PulseTrainFiring": "labneuro.protocols.pulse_train_firing",
    "PulseResponse": "labneuro.protocols.pulse_response",
    "Endurance": "labneuro.protocols.endurance",
    "NeuronFiring": "labneuro.protocols.neuron_firing",
    "SynapseLearning": "labneuro.protocols.synapse_learning",
    "InhibitionTruth": "labneuro.protocols.inhibition_truth",
    "NetworkTraining": "labneuro.protocols.network_training",
    "NetworkInference": "labneuro.protocols.network_inference",
    "DiodeSweep": "labneuro.protocols.diode_sweep",
    "IncrementalStepPulse": "labneuro.protocols.incremental_step_pulse",
    "ResistiveSwitching": "labneuro.protocols.resistive_switching",
    "Retention": "labneuro.protocols.retention",
    "OperatorSweep": "labneuro.protocols.operator_sweep",
    "VectorMatrixProduct": "labneuro.protocols.vector_matrix_product",
}


def protocol_names() -> tuple[str, ...]:
    """Return the names of all measurement protocols."""
    return tuple(_MODULES)


def protocol_class(name: str) -> type[MeasurementProtocol]:
    """Return a measurement protocol by its name.

    Raises
    ------
    RecipeError
        If there is none of that name; lists the names.
    """
    if name not in _MODULES:
        raise RecipeError(
            f"protocol: no {shown(name)}; known are: {', '.join(protocol_names())}"
        )
    found: type[MeasurementProtocol] = getattr(import_module(_MODULES[name]), name)
    return found
