"""Results of the fine-tuning studies: four numbers side by side, over seeds."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from labneuro.networks.pcu_tuning import VARIANTS, VariantRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel
    from labneuro.units import InputModel

PAPER_VQA = {
    "ideal": 0.993,
    "uncorrected": 0.907,
    "fine-tuned without bypass": 0.964,
    "fine-tuned with bypass": 0.992,
}
"""Accuracies on CLEVR itself that the paper quotes (section 2.5)."""
PAPER_TRACKING = {"ideal": 0.641, "fine-tuned with bypass": 0.621}
"""Precision on LasHeR itself that the paper quotes (section 2.4)."""


@dataclass(frozen=True)
class AttentionPicture:
    """A question's picture and where its words look.

    Attributes
    ----------
    image : ndarray of uint8, shape (side, side, 3)
        The picture.
    words : tuple of str
        The question.
    right, said : str
        The right answer and the network's.
    maps : ndarray of float, shape (words, patches, patches)
        Weights of the last encoder layer, over all patches and words they sum to 1 or
        less.
    """

    image: NDArray[np.uint8]
    words: tuple[str, ...]
    right: str
    said: str
    maps: NDArray[np.float64]


@dataclass(frozen=True)
class VariantSummary:
    """One variant and score over all seeds.

    Attributes
    ----------
    variant, score : str
        Which variant, which result.
    seeds : int
        Number of networks.
    mean, standard_deviation : float
        Over the seeds; the deviation is nan for one seed.
    feature_error : float
        Mean of the rows' feature errors.
    paper : float or None
        The paper's figure on its own data set; it is no target for synthetic data.
    """

    variant: str
    score: str
    seeds: int
    mean: float
    standard_deviation: float
    feature_error: float
    paper: float | None


@dataclass(frozen=True)
class StudyResult:
    """What a fine-tuning study found.

    Attributes
    ----------
    network : str
        Name on the command line.
    data : str
        What the networks learnt, such as ``"synthetic CLEVR-style"``.
    settings : InputModel
        The settings it ran with.
    model : CalibratedModel
        The units' calibrated model.
    rows : tuple of VariantRow
        One row a seed and variant.
    paper : dict of str to float
        The paper's figures by variant.
    pictures : tuple of AttentionPicture
        Of the tuned network of the first seed, if it has any.
    curves : dict of str to tuple
        Precision over its threshold by name, if there are any.
    """

    network: str
    data: str
    settings: InputModel
    model: CalibratedModel
    rows: tuple[VariantRow, ...]
    paper: dict[str, float]
    pictures: tuple[AttentionPicture, ...] = ()
    curves: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = field(
        default_factory=dict
    )

    def summary(self) -> list[VariantSummary]:
        """Return every score of every variant."""
        found = []
        for score in self.rows[0].scores:
            for variant in VARIANTS:
                group = [row for row in self.rows if row.variant == variant]
                if group:
                    found.append(self._summary(variant, score, group))
        return found

    def _summary(
        self, variant: str, score: str, group: list[VariantRow]
    ) -> VariantSummary:
        values = [row.scores[score] for row in group]
        main = score == next(iter(group[0].scores))
        return VariantSummary(
            variant,
            score,
            len(values),
            fmean(values),
            stdev(values) if len(values) > 1 else math.nan,
            fmean(row.feature_error for row in group),
            self.paper.get(variant) if main else None,
        )

    @property
    def accuracy_table(self) -> str:
        """The summary as a text table, one line a variant and score."""
        lines = [
            f"data: {self.data}",
            f"{'variant':<27}{'score':<22}{'mean':>7}{'sd':>7}{'feature error':>15}"
            f"{'paper, own data':>17}",
        ]
        lines += [
            f"{part.variant:<27}{part.score:<22}{part.mean:>7.1%}"
            f"{_percent(part.standard_deviation):>7}{part.feature_error:>15.3f}"
            f"{_percent(part.paper):>17}"
            for part in self.summary()
        ]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return all numbers as JSON text, the same for the same seed and settings."""
        content = {
            "network": self.network,
            "data": self.data,
            "settings": self.settings.model_dump(mode="json"),
            "source_runs": [run.model_dump() for run in self.model.source_runs],
            "weight_noise": self.model["weight_noise"],
            "summary": [
                {key: _or_none(value) for key, value in asdict(part).items()}
                for part in self.summary()
            ],
            "rows": [asdict(row) for row in self.rows],
            "curves": self.curves,
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _percent(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"


def _or_none(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
