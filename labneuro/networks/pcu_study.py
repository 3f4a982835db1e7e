"""The fine-tuning studies: networks of several seeds, four numbers side by side."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

from scipy.special import stdtrit

from labneuro.counting import LEVEL
from labneuro.networks.pcu_tuning import (
    IDEAL,
    UNCORRECTED,
    VARIANTS,
    WITH_BYPASS,
    WITHOUT_BYPASS,
    VariantRow,
    four_numbers,
    tuning_plan,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from labneuro.calibration import CalibratedModel
    from labneuro.networks.catalog import Progress
    from labneuro.networks.codebook import Codebook
    from labneuro.networks.pcu_settings import TuningSettings
    from labneuro.networks.pcu_tuning import TuningTask
    from labneuro.units import InputModel


PAPER_VQA = {
    IDEAL: 0.993,
    UNCORRECTED: 0.907,
    WITHOUT_BYPASS: 0.964,
    WITH_BYPASS: 0.992,
}
"""Accuracies on CLEVR itself that the paper quotes (section 2.5)."""
PAPER_TRACKING = {IDEAL: 0.641, WITH_BYPASS: 0.621}
"""Precision on LasHeR itself that the paper quotes (section 2.4)."""


class TunedNetwork(NamedTuple):
    """One network of a study.

    Attributes
    ----------
    rows : list of VariantRow
        A row a variant.
    ideal, tuned : Module
        The network as it was trained, and tuned with bypass.
    """

    rows: list[VariantRow]
    ideal: nn.Module
    tuned: nn.Module


def tuned_networks(
    task: TuningTask,
    codebook: Codebook,
    settings: TuningSettings,
    seed: int,
    progress: Progress | None,
) -> Iterator[TunedNetwork]:
    """Train, try and tune the networks of a study, one after the other.

    Parameters
    ----------
    task : TuningTask
        What is learnt.
    codebook : Codebook
        The measured operators.
    settings : TuningSettings
        How many networks, how long and how fast.
    seed : int
        Seed of the first network; the others count up from it.
    progress : callable, optional
        Called with a label, the steps done and the steps in total.

    Yields
    ------
    TunedNetwork
    """
    plan = tuning_plan(settings)
    for number in range(settings.seeds):
        label = f"network {number + 1} of {settings.seeds}"
        told = progress or _no_progress
        yield TunedNetwork(
            *four_numbers(task, codebook, plan, seed + number, told, label)
        )


def _no_progress(label: str, done: int, total: int) -> None:
    """Report nothing."""


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
    half_width : float
        Half of the 95 % interval of the mean (Student's t); nan for one seed.
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
    half_width: float
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
            _half_width(values),
            fmean(row.feature_error for row in group),
            self.paper.get(variant) if main else None,
        )

    def gain(self, better: str, worse: str) -> tuple[float, float]:
        """Return by how much one variant's main score exceeds another's.

        Network by network, so that what all variants of a network share drops out.

        Returns
        -------
        tuple of float
            Mean over the networks and half of its 95 % interval (nan for one).
        """
        score = next(iter(self.rows[0].scores))
        first, second = (
            [row.scores[score] for row in self.rows if row.variant == name]
            for name in (better, worse)
        )
        gains = [a - b for a, b in zip(first, second, strict=True)]
        return fmean(gains), _half_width(gains)

    @property
    def accuracy_table(self) -> str:
        """The summary as a text table, one line a variant and score, and the gains."""
        lines = [
            f"data: {self.data}",
            f"{'variant':<27}{'score':<22}{'mean':>7}{'sd':>7}{'+-95 %':>8}"
            f"{'feature error':>15}{'paper, own data':>17}",
        ]
        lines += [
            f"{part.variant:<27}{part.score:<22}{part.mean:>7.1%}"
            f"{_percent(part.standard_deviation):>7}{_percent(part.half_width):>8}"
            f"{part.feature_error:>15.3f}{_percent(part.paper):>17}"
            for part in self.summary()
        ]
        for worse in (UNCORRECTED, WITHOUT_BYPASS):
            mean, half = self.gain(WITH_BYPASS, worse)
            lines.append(
                f"{WITH_BYPASS} over {worse}, network by network: {mean:+.1%} +- "
                f"{_percent(half)}"
            )
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
            "gains": {
                worse: [_or_none(value) for value in self.gain(WITH_BYPASS, worse)]
                for worse in (UNCORRECTED, WITHOUT_BYPASS)
            },
            "rows": [asdict(row) for row in self.rows],
            "curves": self.curves,
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _half_width(values: list[float]) -> float:
    """Return half of the 95 % interval of the mean, nan for a single value."""
    count = len(values)
    if count == 1:
        return math.nan
    reach = float(stdtrit(count - 1, 0.5 + 0.5 * LEVEL))
    return reach * stdev(values) / math.sqrt(count)


def _percent(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.1%}"


def _or_none(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
