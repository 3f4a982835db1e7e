"""Visual question answering with perovskite units: four numbers, attention maps.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: sections 2.4, 2.5 and 4 ("VQA Task"),
Figures 4 and 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from labneuro.data.clevr import load_clevr
from labneuro.networks.clevr_style import make_scenes
from labneuro.networks.clevr_style_questions import ANSWERS, WORDS
from labneuro.networks.codebook import codebook_of
from labneuro.networks.pcu_settings import PcuVqaSettings
from labneuro.networks.pcu_study import (
    PAPER_VQA,
    AttentionPicture,
    StudyResult,
    tuned_networks,
)
from labneuro.networks.pcu_tuning import TuningTask
from labneuro.networks.vqa_backbone import pretrain
from labneuro.networks.vqa_model import VqaNetwork, VqaShape
from labneuro.networks.vqa_task import VqaData

if TYPE_CHECKING:
    from labneuro.calibration import CalibratedModel
    from labneuro.data.clevr import SceneSet
    from labneuro.networks.catalog import Progress
    from labneuro.networks.pcu_tuning import VariantRow


__all__ = ["PcuVqaSettings", "simulate"]

_TRAIN_SEED, _TEST_SEED = 1, 2
_PICTURES = 3


def simulate(
    model: CalibratedModel,
    settings: PcuVqaSettings,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> StudyResult:
    """Train, replace operators, fine-tune and test over several seeds.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"pcu"``, with a codebook.
    settings : PcuVqaSettings
        Data, network and training.
    seed : int
        Seed of the first network; the others count up from it. The pictures are the
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
        If CLEVR's files are missing or damaged.
    """
    sized = settings.sized()
    codebook = codebook_of(model)
    train, test = _scenes(sized)
    words, answers = _vocabularies(train, test)
    longest = max(len(q.words) for part in (train, test) for q in part.questions)
    data = [
        VqaData(part, words, answers, longest, sized.patches) for part in (train, test)
    ]
    task = _Task(sized, data[0], data[1], (words, answers), longest)
    rows: list[VariantRow] = []
    pictures: tuple[AttentionPicture, ...] = ()
    for found in tuned_networks(task, codebook, sized, seed, progress):
        rows += found.rows
        if not pictures:
            assert isinstance(found.tuned, VqaNetwork)  # noqa: S101  narrows the type
            pictures = _pictures(found.tuned, test, data[1], answers)
    return StudyResult(
        "pcu-vqa", test.label, settings, model, tuple(rows), PAPER_VQA, pictures
    )


def _scenes(settings: PcuVqaSettings) -> tuple[SceneSet, SceneSet]:
    if settings.clevr:
        train, test = (
            load_clevr(settings.clevr, split, side=settings.side, limit=count)
            for split, count in (
                ("train", settings.images),
                ("val", settings.test_images),
            )
        )
        return train, test
    objects = settings.least_objects, settings.most_objects
    train, test = (
        make_scenes(
            count,
            seed,
            side=settings.side,
            objects=objects,
            questions=settings.questions,
            arrangement=settings.arrangement,
        )
        for count, seed in (
            (settings.images, _TRAIN_SEED),
            (settings.test_images, _TEST_SEED),
        )
    )
    return train, test


def _vocabularies(*sets: SceneSet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return words and answers: the generator's and what real questions add."""
    words = dict.fromkeys(WORDS)
    answers = dict.fromkeys(ANSWERS)
    for part in sets:
        for question in part.questions:
            words.update(dict.fromkeys(question.words))
            answers[question.answer] = None
    return tuple(words), tuple(answers)


class _Task(TuningTask):
    """The VQA network and its scenes."""

    def __init__(
        self,
        settings: PcuVqaSettings,
        train: VqaData,
        test: VqaData,
        vocabularies: tuple[tuple[str, ...], tuple[str, ...]],
        longest: int,
    ) -> None:
        self._settings = settings
        self._train, self._test = train, test
        self._sizes = len(vocabularies[0]) + 1, len(vocabularies[1])
        self._longest = longest

    def make(self, seed: int) -> VqaNetwork:
        """Return a fresh network whose backbone can see."""
        own = self._settings
        network = VqaNetwork(
            VqaShape(
                own.width,
                own.heads,
                own.encoder_layers,
                own.decoder_layers,
                own.queries,
                own.feed_forward,
                *self._sizes,
                self._longest,
                own.patches,
            )
        )
        pretrain(
            network.backbone,
            self._train,
            steps=own.backbone_steps,
            batch=own.batch,
            seed=seed,
        )
        return network

    def loss(self, network: VqaNetwork, seed: int, step: int) -> torch.Tensor:
        """Return the loss of questions drawn by seed and step."""
        generator = np.random.default_rng((seed, step))
        chosen = generator.integers(0, len(self._train), self._settings.batch)
        return self._train.loss(network, chosen)

    def scores(self, network: VqaNetwork) -> dict[str, float]:
        """Return the accuracy, over all and by kind of question."""
        right = self._test.right(network)
        return {"accuracy": float(right.mean())} | self._test.by_kind(right)

    def features(self, network: VqaNetwork) -> torch.Tensor:
        """Return the encoder's output."""
        return self._test.features(network)


@torch.no_grad()
def _pictures(
    network: VqaNetwork, scenes: SceneSet, data: VqaData, answers: tuple[str, ...]
) -> tuple[AttentionPicture, ...]:
    """Return the last encoder layer's maps for questions about different pictures."""
    network.eval()
    found = []
    for number in range(0, len(data), max(1, len(data) // _PICTURES))[:_PICTURES]:
        question = scenes.questions[number]
        images = data.images[question.image : question.image + 1]
        tokens = data.tokens[number : number + 1]
        maps = network.attention_maps(images, tokens)[-1, 0, : len(question.words)]
        said = answers[int(network(images, tokens).answer.argmax())]
        found.append(
            AttentionPicture(
                scenes.images[question.image].transpose(1, 2, 0),
                question.words,
                question.answer,
                said,
                maps.numpy().astype(np.float64),
            )
        )
    return tuple(found)
