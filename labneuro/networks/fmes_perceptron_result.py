"""Results of the perceptron of FMES synapses: accuracies, weight maps, histograms."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from labneuro.counting import wilson_interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel
    from labneuro.units import InputModel

IDEAL = "ideal"
"""Label of the same network without devices."""
PAPER_ACCURACY = {"8000ohm": 0.90, "open": 0.89}
"""Accuracies that the paper quotes after 100 epochs (Figure 4d)."""


@dataclass(frozen=True)
class TrainingRow:
    """One trained network.

    Attributes
    ----------
    label : str
        Regulating resistance, or :data:`IDEAL`.
    seed : int
        Seed of devices, weights, order and pulses.
    correct, total : int
        Test images classified rightly after the last epoch, and all of them.
    history : tuple of float
        Accuracy on the test images after each epoch.
    loss : tuple of float
        Mean cross-entropy over the training images, during each epoch.
    pulses_per_device : float
        Mean number of pulses that a device has seen.
    """

    label: str
    seed: int
    correct: int
    total: int
    history: tuple[float, ...]
    loss: tuple[float, ...]
    pulses_per_device: float

    @property
    def accuracy(self) -> float:
        """Share of test images classified rightly after the last epoch."""
        return self.correct / self.total


@dataclass(frozen=True)
class WeightPicture:
    """Weights of one network before and after its training.

    Attributes
    ----------
    label : str
        Regulating resistance.
    map_before, map_after : ndarray of float, shape (10, 28, 28)
        Weight from each pixel to each class through all hidden neurons (the product of
        the two layers).
    voltage_before, voltage_after : ndarray of float, shape (devices,)
        PSV of every device. V
    """

    label: str
    map_before: NDArray[np.float64]
    map_after: NDArray[np.float64]
    voltage_before: NDArray[np.float64]
    voltage_after: NDArray[np.float64]


@dataclass(frozen=True)
class TrainingSummary:
    """One resistance over all seeds.

    Attributes
    ----------
    label : str
        Regulating resistance, or :data:`IDEAL`.
    seeds : int
        Number of networks.
    mean, standard_deviation : float
        Of the final accuracy over the seeds; the deviation is nan for one seed.
    interval_low, interval_high : float
        95 % Wilson interval of the mean for the number of test images.
    pulses_per_device : float
        Mean number of pulses that a device has seen.
    paper : float or None
        The paper's accuracy.
    """

    label: str
    seeds: int
    mean: float
    standard_deviation: float
    interval_low: float
    interval_high: float
    pulses_per_device: float
    paper: float | None


@dataclass(frozen=True)
class FmesPerceptronResult:
    """What a simulation of the perceptron found.

    Attributes
    ----------
    settings : InputModel
        The settings it ran with.
    model : CalibratedModel
        The synapse's calibrated model.
    rows : tuple of TrainingRow
        One row a resistance and seed.
    pictures : tuple of WeightPicture
        Weights of the first seed at each resistance.
    """

    settings: InputModel
    model: CalibratedModel
    rows: tuple[TrainingRow, ...]
    pictures: tuple[WeightPicture, ...]

    def summary(self) -> list[TrainingSummary]:
        """Return mean, spread and interval by resistance, in the order of the rows."""
        labels = dict.fromkeys(row.label for row in self.rows)
        return [_summary([r for r in self.rows if r.label == one]) for one in labels]

    @property
    def accuracy_table(self) -> str:
        """The summary as a text table, one line a resistance."""
        lines = [
            f"{'resistance':>10}  {'accuracy':>8}  {'sd':>6}  {'95 % interval':>15}  "
            f"{'pulses/device':>13}  {'paper':>6}"
        ]
        lines += [
            f"{part.label:>10}  {part.mean:>8.1%}  "
            f"{_percent(part.standard_deviation):>6}  "
            f"{part.interval_low:>6.1%} - {part.interval_high:>6.1%}  "
            f"{part.pulses_per_device:>13.1f}  {_percent(part.paper):>6}"
            for part in self.summary()
        ]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return all numbers as JSON text, the same for the same seed and settings."""
        content = {
            "network": "fmes-mnist",
            "settings": self.settings.model_dump(mode="json"),
            "synapse": {
                part.name: {"value": part.value, "unit": part.unit}
                for part in self.model.parameters
            },
            "source_runs": [run.model_dump() for run in self.model.source_runs],
            "summary": [
                {key: _or_none(value) for key, value in asdict(part).items()}
                for part in self.summary()
            ],
            "rows": [asdict(row) for row in self.rows],
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _summary(group: list[TrainingRow]) -> TrainingSummary:
    accuracies = [row.accuracy for row in group]
    mean, total = fmean(accuracies), group[0].total
    low, high = wilson_interval(round(mean * total), total)
    return TrainingSummary(
        label=group[0].label,
        seeds=len(group),
        mean=mean,
        standard_deviation=stdev(accuracies) if len(group) > 1 else math.nan,
        interval_low=float(low),
        interval_high=float(high),
        pulses_per_device=fmean(row.pulses_per_device for row in group),
        paper=PAPER_ACCURACY.get(group[0].label),
    )


def _percent(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"


def _or_none(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
