"""Figures of the H-NNO neuron."""

from labneuro.plotting.resistance import resistance_fit
from labneuro.plotting.sigmoids import firing_sigmoids, sigmoid_figure
from labneuro.plotting.thresholds import threshold_against_field
from labneuro.plotting.trains import TrainReadings, sensitization_train, train_figure

__all__ = [
    "TrainReadings",
    "firing_sigmoids",
    "resistance_fit",
    "sensitization_train",
    "sigmoid_figure",
    "threshold_against_field",
    "train_figure",
]
