"""Accuracies of network tests: counts kept, spread over seeds, binomial intervals."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from labneuro.counting import wilson_interval

if TYPE_CHECKING:
    from labneuro.calibration import CalibratedModel
    from labneuro.units import InputModel


@dataclass(frozen=True)
class AccuracyRow:
    """One test of one trained network.

    Attributes
    ----------
    seed : int
        Seed of the weights, the training and the spikes.
    brightness : float
        Factor on every pixel.
    neuron : str
        Kind of neuron, or the control.
    correct, total : int
        Images classified rightly, and all images.
    firing_rate : float
        Mean share of time steps in which a hidden neuron fired.
    """

    seed: int
    brightness: float
    neuron: str
    correct: int
    total: int
    firing_rate: float

    @property
    def accuracy(self) -> float:
        """Share of images classified rightly."""
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        low, high = wilson_interval(self.correct, self.total)
        return float(low), float(high)


@dataclass(frozen=True)
class AccuracySummary:
    """One brightness and one kind of neuron over all seeds.

    Attributes
    ----------
    brightness : float
        Factor on every pixel.
    neuron : str
        Kind of neuron, or the control.
    seeds : int
        Number of independently trained networks.
    mean, standard_deviation : float
        Of the accuracy over the seeds; the deviation is nan for one seed.
    interval_low, interval_high : float
        95 % Wilson interval of the mean accuracy for the number of test images. Every
        seed sees the same images, so their counts are not added up.
    firing_rate : float
        Mean share of time steps in which a hidden neuron fired.
    """

    brightness: float
    neuron: str
    seeds: int
    mean: float
    standard_deviation: float
    interval_low: float
    interval_high: float
    firing_rate: float


def summarize(rows: tuple[AccuracyRow, ...]) -> list[AccuracySummary]:
    """Gather rows by brightness and kind of neuron, in the order of appearance."""
    groups: dict[tuple[float, str], list[AccuracyRow]] = {}
    for row in rows:
        groups.setdefault((row.brightness, row.neuron), []).append(row)
    return [_summary(group) for group in groups.values()]


def _summary(group: list[AccuracyRow]) -> AccuracySummary:
    accuracies = [row.accuracy for row in group]
    mean = fmean(accuracies)
    total = group[0].total
    low, high = wilson_interval(round(mean * total), total)
    return AccuracySummary(
        brightness=group[0].brightness,
        neuron=group[0].neuron,
        seeds=len(group),
        mean=mean,
        standard_deviation=stdev(accuracies) if len(group) > 1 else math.nan,
        interval_low=float(low),
        interval_high=float(high),
        firing_rate=fmean(row.firing_rate for row in group),
    )


@dataclass(frozen=True)
class FashionSnnResult:
    """What a simulation of the fully connected network found.

    Attributes
    ----------
    settings : InputModel
        The settings it ran with.
    model : CalibratedModel
        The neuron's calibrated model.
    rows : tuple of AccuracyRow
        One row a seed, brightness and kind of neuron.
    training_loss : dict of int to tuple of float
        Mean cross-entropy of each epoch, by seed.
    """

    settings: InputModel
    model: CalibratedModel
    rows: tuple[AccuracyRow, ...]
    training_loss: dict[int, tuple[float, ...]]

    def summary(self) -> list[AccuracySummary]:
        """Return mean, spread and interval by brightness and kind of neuron."""
        return summarize(self.rows)

    @property
    def accuracy_table(self) -> str:
        """The summary as a text table, one line a brightness and kind of neuron."""
        lines = [
            f"{'brightness':>10}  {'neuron':<21}  {'accuracy':>8}  {'sd':>6}  "
            f"{'95 % interval':>15}  {'firing':>6}"
        ]
        lines += [
            f"{part.brightness:>10g}  {part.neuron:<21}  {part.mean:>8.1%}  "
            f"{_percent(part.standard_deviation):>6}  "
            f"{part.interval_low:>6.1%} - {part.interval_high:>6.1%}  "
            f"{part.firing_rate:>6.3f}"
            for part in self.summary()
        ]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return everything as JSON text, the same for the same seed and settings."""
        content = {
            "network": "fashion-snn",
            "settings": self.settings.model_dump(mode="json"),
            "neuron": {
                part.name: {"value": part.value, "unit": part.unit}
                for part in self.model.parameters
            },
            "source_runs": [run.model_dump() for run in self.model.source_runs],
            "summary": [_without_nan(asdict(part)) for part in self.summary()],
            "rows": [asdict(row) for row in self.rows],
            "training_loss": {
                str(seed): list(losses) for seed, losses in self.training_loss.items()
            },
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1%}"


def _without_nan(content: dict[str, float | str | int]) -> dict[str, object]:
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in content.items()
    }
