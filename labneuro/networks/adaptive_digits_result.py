"""Results of the adaptive digits: accuracy against the number of mapped images."""

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

PAPER_TRAINED = 0.95
PAPER_BEFORE = 0.08
PAPER_AFTER = 0.73


@dataclass(frozen=True)
class AdaptationRow:
    """One test of one network.

    Attributes
    ----------
    variant : str
        Mapping, pulses per image and replay that were assumed.
    seed : int
        Seed of the network and of the choice of images.
    mapped : int
        Images mapped so far, all digits together.
    trained_correct, trained_total : int
        Test images of the trained digits: right, and all.
    adapted_correct, adapted_total : int
        Test images of the digits that take their place: right, and all.
    """

    variant: str
    seed: int
    mapped: int
    trained_correct: int
    trained_total: int
    adapted_correct: int
    adapted_total: int

    @property
    def trained_accuracy(self) -> float:
        """Share of right answers on the trained digits."""
        return self.trained_correct / self.trained_total

    @property
    def adapted_accuracy(self) -> float:
        """Share of right answers on the digits that take their place."""
        return self.adapted_correct / self.adapted_total


@dataclass(frozen=True)
class AdaptationSummary:
    """One variant and number of mapped images over all seeds.

    Attributes
    ----------
    variant : str
        Mapping, pulses per image and replay.
    mapped : int
        Images mapped.
    seeds : int
        Number of networks.
    trained : float
        Mean accuracy on the trained digits.
    adapted, standard_deviation : float
        Accuracy on the digits that take their place, mean and deviation over seeds.
    interval_low, interval_high : float
        95 % Wilson interval of `adapted` for the number of test images.
    """

    variant: str
    mapped: int
    seeds: int
    trained: float
    adapted: float
    standard_deviation: float
    interval_low: float
    interval_high: float


@dataclass(frozen=True)
class AdaptiveDigitsResult:
    """What a simulation of the adaptive digits found.

    Attributes
    ----------
    settings : InputModel
        The settings it ran with.
    model : CalibratedModel
        The synapse's calibrated model.
    rows : tuple of AdaptationRow
        One row a variant, seed and number of mapped images.
    trained_maps : ndarray of float, shape (outputs, 28, 28)
        PSV of each output's devices after training, first seed. V
    adapted_maps : dict of str to ndarray
        The same after the last mapped image, by variant. V
    """

    settings: InputModel
    model: CalibratedModel
    rows: tuple[AdaptationRow, ...]
    trained_maps: NDArray[np.float64]
    adapted_maps: dict[str, NDArray[np.float64]]

    def summary(self) -> list[AdaptationSummary]:
        """Return means over the seeds, in the order of the rows."""
        groups: dict[tuple[str, int], list[AdaptationRow]] = {}
        for row in self.rows:
            groups.setdefault((row.variant, row.mapped), []).append(row)
        return [_summary(group) for group in groups.values()]

    @property
    def accuracy_table(self) -> str:
        """The summary as a text table, and the paper's figures below it."""
        lines = [
            f"{'assumed':<28}  {'mapped':>6}  {'trained':>8}  {'adapted':>8}  "
            f"{'sd':>6}  {'95 % interval':>15}"
        ]
        lines += [
            f"{part.variant:<28}  {part.mapped:>6d}  {part.trained:>8.1%}  "
            f"{part.adapted:>8.1%}  {_percent(part.standard_deviation):>6}  "
            f"{part.interval_low:>6.1%} - {part.interval_high:>6.1%}"
            for part in self.summary()
        ]
        lines.append(
            f"paper: trained digits {PAPER_TRAINED:.0%}; the others "
            f"{PAPER_BEFORE:.0%} before and {PAPER_AFTER:.0%} after mapping"
        )
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return all numbers as JSON text, the same for the same seed and settings."""
        content = {
            "network": "fmes-adaptive",
            "settings": self.settings.model_dump(mode="json"),
            "synapse": {
                part.name: {"value": part.value, "unit": part.unit}
                for part in self.model.parameters
            },
            "source_runs": [run.model_dump() for run in self.model.source_runs],
            "paper": {
                "trained": PAPER_TRAINED,
                "before": PAPER_BEFORE,
                "after": PAPER_AFTER,
            },
            "summary": [
                {key: _or_none(value) for key, value in asdict(part).items()}
                for part in self.summary()
            ],
            "rows": [asdict(row) for row in self.rows],
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _summary(group: list[AdaptationRow]) -> AdaptationSummary:
    accuracies = [row.adapted_accuracy for row in group]
    mean, total = fmean(accuracies), group[0].adapted_total
    low, high = wilson_interval(round(mean * total), total)
    return AdaptationSummary(
        variant=group[0].variant,
        mapped=group[0].mapped,
        seeds=len(group),
        trained=fmean(row.trained_accuracy for row in group),
        adapted=mean,
        standard_deviation=stdev(accuracies) if len(group) > 1 else math.nan,
        interval_low=float(low),
        interval_high=float(high),
    )


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1%}"


def _or_none(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
