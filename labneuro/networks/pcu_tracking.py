"""RGB-T tracking with perovskite units: four numbers, precision curves.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: section 2.4; section 4, "RGB-T Tracking
Task".
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labneuro.data.lasher import RgbtSequence, load_sequence, sequence_names
from labneuro.errors import InputError
from labneuro.networks.analog_layers import program
from labneuro.networks.codebook import codebook_of
from labneuro.networks.pcu_settings import PcuTrackingSettings
from labneuro.networks.pcu_study import PAPER_TRACKING, StudyResult, tuned_networks
from labneuro.networks.pcu_tuning import IDEAL, WITH_BYPASS, TuningTask
from labneuro.networks.rgbt_sequences import LABEL, make_sequences
from labneuro.networks.tracking_model import Tracker, TrackerShape
from labneuro.networks.tracking_task import TrackingData

if TYPE_CHECKING:
    import torch
    from torch import nn

    from labneuro.calibration import CalibratedModel
    from labneuro.networks.catalog import Progress
    from labneuro.networks.pcu_tuning import VariantRow

    Curve = tuple[tuple[float, ...], tuple[float, ...]]

__all__ = ["PcuTrackingSettings", "simulate"]

_TRAIN_SEED, _TEST_SEED = 1, 2
_CURVE_POINTS = 41


def simulate(
    model: CalibratedModel,
    settings: PcuTrackingSettings,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> StudyResult:
    """Train, replace operators, fine-tune and test over several seeds.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"pcu"``, with a codebook.
    settings : PcuTrackingSettings
        Data, network and training.
    seed : int
        Seed of the first network; the others count up from it. The sequences are the
        same for all.
    progress : callable, optional
        Called with a label, the steps done and the steps in total.

    Returns
    -------
    StudyResult

    Raises
    ------
    CalibrationError
        If the model has no codebook.
    InputError
        If LasHeR's files are missing or damaged.
    """
    sized = settings.sized()
    codebook = codebook_of(model)
    task = _Task(sized, *_sequences(sized))
    rows: list[VariantRow] = []
    curves: dict[str, Curve] = {}
    for found in tuned_networks(task, codebook, sized, seed, progress):
        rows += found.rows
        if not curves:
            program(found.tuned)
            curves = {
                IDEAL: task.curve(found.ideal),
                WITH_BYPASS: task.curve(found.tuned),
            }
    data = "LasHeR" if settings.lasher else LABEL
    return StudyResult(
        "pcu-tracking",
        data,
        settings,
        model,
        tuple(rows),
        PAPER_TRACKING,
        curves=curves,
    )


def _sequences(
    settings: PcuTrackingSettings,
) -> tuple[list[RgbtSequence], list[RgbtSequence]]:
    if not settings.lasher:
        return (
            make_sequences(
                settings.sequences,
                _TRAIN_SEED,
                frames=settings.frames,
                side=settings.side,
            ),
            make_sequences(
                settings.test_sequences,
                _TEST_SEED,
                frames=settings.frames,
                side=settings.side,
            ),
        )
    names = sequence_names(settings.lasher)
    wanted = settings.sequences + settings.test_sequences
    if len(names) < wanted:
        raise InputError(
            f"{settings.lasher}: {len(names)} sequences; sequences and test_sequences "
            f"ask for {wanted}"
        )
    loaded = [
        load_sequence(
            Path(settings.lasher) / name, side=settings.side, limit=settings.frames
        )
        for name in names[:wanted]
    ]
    short = [one.name for one in loaded if len(one.boxes) < settings.frames]
    if short:
        raise InputError(
            f"{settings.lasher}: {short[0]} has fewer than {settings.frames} frames"
        )
    return loaded[: settings.sequences], loaded[settings.sequences :]


class _Task(TuningTask):
    """The tracker and its sequences."""

    def __init__(
        self,
        settings: PcuTrackingSettings,
        train: list[RgbtSequence],
        test: list[RgbtSequence],
    ) -> None:
        self._settings = settings
        self._shape = TrackerShape(
            settings.width,
            settings.heads,
            settings.layers,
            settings.fusion_layers,
            settings.patch,
            settings.template,
            settings.search,
        )
        self._train = TrackingData(train, self._shape)
        self._test = TrackingData(test, self._shape)

    def make(self, seed: int) -> Tracker:
        """Return a fresh network."""
        return Tracker(self._shape)

    def loss(self, network: Tracker, seed: int, step: int) -> torch.Tensor:
        """Return the loss of crops drawn by seed and step."""
        generator = np.random.default_rng((seed, step))
        return self._train.loss(network, self._settings.batch, generator)

    def scores(self, network: Tracker) -> dict[str, float]:
        """Return precision and normalised precision."""
        found = self._test.test(network)
        return {
            "precision": found.precision(self._settings.precision_threshold),
            "normalised precision": found.normalised_precision(),
        }

    def features(self, network: Tracker) -> torch.Tensor:
        """Return the fused search tokens."""
        return self._test.features(network)

    def curve(self, network: nn.Module) -> Curve:
        """Return thresholds in pixels and the precision at each."""
        assert isinstance(network, Tracker)  # noqa: S101  narrows the type
        found = self._test.test(network)
        highest = 5.0 * self._settings.precision_threshold
        levels = np.linspace(0.0, highest, _CURVE_POINTS)
        return (
            tuple(float(level) for level in levels),
            tuple(found.precision(float(level)) for level in levels),
        )
