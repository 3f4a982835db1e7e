"""Training loss and test of the VQA network on a set of scenes.

The loss is MDETR's kind: cross-entropy of the answer, and for each object the query
that fits it best (assignment problem) is asked for its box (L1 and generalised IoU) and
its attributes. In the place of MDETR's soft-token and contrastive losses, which tie
objects to the words that mean them, each patch is asked which phrases of the question
speak of the object in it. Where a set has no boxes and no phrases (CLEVR's own files)
only the answers train.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch.nn import functional

from labneuro.data.clevr import ATTRIBUTES, KINDS
from labneuro.errors import InputError
from labneuro.networks.box_loss import corners, generalised_iou
from labneuro.networks.vqa_model import PHRASES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.data.clevr import Question, SceneObject, SceneSet
    from labneuro.networks.vqa_model import VqaAnswer, VqaNetwork

_BOX_WEIGHT, _IOU_WEIGHT, _ATTRIBUTE_WEIGHT, _PHRASE_WEIGHT = 2.0, 1.0, 0.5, 6.0
_SPOKEN_WEIGHT = 2.0  # most patches are not spoken of
_TEST_BATCH = 250


class VqaData:
    """Scenes and questions as tensors.

    Parameters
    ----------
    scenes : SceneSet
        Generated or CLEVR's own.
    words, answers : sequence of str
        Vocabularies; a word that is not among them is an error.
    longest : int
        Words of the longest question.
    patches : int
        Patches along a side of the picture.
    """

    def __init__(
        self,
        scenes: SceneSet,
        words: tuple[str, ...],
        answers: tuple[str, ...],
        longest: int,
        patches: int,
    ) -> None:
        self.label = scenes.label
        self.images = torch.from_numpy(scenes.images.astype(np.float32) / 127.5 - 1.0)
        self.image_of = np.array([one.image for one in scenes.questions])
        self.tokens = _tokens(scenes.questions, words, longest)
        self.answers = torch.tensor([answers.index(q.answer) for q in scenes.questions])
        self.kinds = np.array([KINDS.index(one.kind) for one in scenes.questions])
        self.boxes = scenes.boxes
        self.attributes = [
            {
                name: np.array([values.index(getattr(one, name)) for one in scene])
                for name, values in ATTRIBUTES.items()
            }
            for scene in scenes.scenes
        ]
        places = [_patches(scene, patches) for scene in scenes.scenes]
        self.patch_values = self._patch_values(places, patches)
        self.phrases = _phrases(scenes.questions, places, patches)

    def _patch_values(
        self, places: list[NDArray[np.int64]], patches: int
    ) -> dict[str, torch.Tensor]:
        """Return by attribute what each patch holds, the last value for nothing."""
        found = {
            name: np.full((len(places), patches**2), len(values))
            for name, values in ATTRIBUTES.items()
        }
        for row, (place, values) in enumerate(
            zip(places, self.attributes, strict=True)
        ):
            for name, table in found.items():
                table[row, place] = values[name]
        return {name: torch.from_numpy(table) for name, table in found.items()}

    def __len__(self) -> int:
        """Return the number of questions."""
        return len(self.answers)

    def loss(self, network: VqaNetwork, chosen: NDArray[np.int64]) -> torch.Tensor:
        """Return the loss over some questions."""
        places = self.image_of[chosen]
        said = network(self.images[places], self.tokens[chosen])
        loss = functional.cross_entropy(said.answer, self.answers[chosen])
        if self.phrases is not None:
            loss = loss + _PHRASE_WEIGHT * functional.binary_cross_entropy_with_logits(
                said.phrases,
                self.phrases[chosen],
                pos_weight=torch.tensor(_SPOKEN_WEIGHT),
            )
        return loss if self.boxes is None else loss + self._object_loss(said, places)

    def _object_loss(self, said: VqaAnswer, places: NDArray[np.int64]) -> torch.Tensor:
        batch, query, target, wanted = self._matched(said, places)
        found = said.boxes[batch, query]
        box_loss = functional.l1_loss(found, target)
        iou = generalised_iou(corners(found), corners(target)).mean()
        attribute_loss = torch.zeros(())
        for name, logits in said.attributes.items():
            none = logits.shape[-1] - 1
            labels = torch.full(logits.shape[:2], none)
            labels[batch, query] = wanted[name]
            weight = torch.ones(logits.shape[-1])
            weight[none] = 0.3  # most queries find nothing
            attribute_loss = attribute_loss + functional.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), weight
            )
        return (
            _BOX_WEIGHT * box_loss
            + _IOU_WEIGHT * (1.0 - iou)
            + _ATTRIBUTE_WEIGHT * attribute_loss
        )

    def _matched(
        self, said: VqaAnswer, places: NDArray[np.int64]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """Return batch, query, box and attributes of all objects, matched."""
        assert self.boxes is not None  # noqa: S101  the caller asked
        logs = {
            name: logits.detach().log_softmax(-1).numpy()
            for name, logits in said.attributes.items()
        }
        found = said.boxes.detach().numpy()
        rows, queries, targets = [], [], []
        wanted: dict[str, list[NDArray[np.int64]]] = {name: [] for name in ATTRIBUTES}
        for row, place in enumerate(places):
            target = self.boxes[place]
            cost = 5.0 * np.abs(found[row][:, None] - target).sum(axis=-1)
            for name, log in logs.items():
                cost -= log[row][:, self.attributes[place][name]]
            query, column = linear_sum_assignment(cost)
            rows.append(np.full(query.size, row))
            queries.append(query)
            targets.append(target[column])
            for name in ATTRIBUTES:
                wanted[name].append(self.attributes[place][name][column])
        return (
            torch.from_numpy(np.concatenate(rows)),
            torch.from_numpy(np.concatenate(queries)),
            torch.from_numpy(np.concatenate(targets)),
            {k: torch.from_numpy(np.concatenate(v)) for k, v in wanted.items()},
        )

    @torch.no_grad()
    def right(self, network: VqaNetwork) -> NDArray[np.bool_]:
        """Return which questions the network answers rightly, in evaluation mode."""
        network.eval()
        found = []
        for first in range(0, len(self), _TEST_BATCH):
            part = slice(first, first + _TEST_BATCH)
            said = network(self.images[self.image_of[part]], self.tokens[part])
            found.append(said.answer.argmax(dim=1) == self.answers[part])
        return torch.cat(found).numpy()

    def by_kind(self, right: NDArray[np.bool_]) -> dict[str, float]:
        """Return the share of right answers by kind of question."""
        return {
            kind: float(right[self.kinds == place].mean())
            for place, kind in enumerate(KINDS)
            if (self.kinds == place).any()
        }

    @torch.no_grad()
    def features(self, network: VqaNetwork, count: int = 100) -> torch.Tensor:
        """Return the encoder's output for the first questions."""
        network.eval()
        part = slice(0, count)
        said = network(self.images[self.image_of[part]], self.tokens[part])
        return said.encoded


def _tokens(
    questions: tuple[Question, ...], words: tuple[str, ...], longest: int
) -> torch.Tensor:
    """Return the words of each question by number, 0 after the last."""
    number = {word: place + 1 for place, word in enumerate(words)}
    tokens = np.zeros((len(questions), longest), np.int64)
    for row, question in zip(tokens, questions, strict=True):
        unknown = [word for word in question.words if word not in number]
        if unknown or len(question.words) > longest:
            fault = f"word {unknown[0]!r}" if unknown else "length"
            raise InputError(
                f"question {' '.join(question.words)!r}: {fault} is not in the "
                "network's vocabulary"
            )
        row[: len(question.words)] = [number[word] for word in question.words]
    return torch.from_numpy(tokens)


def _patches(scene: tuple[SceneObject, ...], patches: int) -> NDArray[np.int64]:
    """Return the patch in which each object of a scene has its centre."""
    centre = np.array([one.place for one in scene]).reshape(-1, 2)
    cell = np.clip((centre * patches).astype(np.int64), 0, patches - 1)
    return cell[:, 1] * patches + cell[:, 0]


def _phrases(
    questions: tuple[Question, ...], places: list[NDArray[np.int64]], patches: int
) -> torch.Tensor | None:
    """Return which phrase speaks of which patch, 0 or 1; None if that is unknown."""
    if not any(one.phrases for one in questions):
        return None
    spoken = np.zeros((len(questions), patches**2, PHRASES), np.float32)
    for row, question in zip(spoken, questions, strict=True):
        for number, objects in enumerate(question.phrases):
            row[places[question.image][list(objects)], number] = 1.0
    return torch.from_numpy(spoken)
