"""Training loss and test of the VQA network on a set of scenes.

The loss is MDETR's kind: cross-entropy of the answer, and for each object the query
that fits it best (assignment problem) is asked for its box (L1 and generalised IoU) and
its attributes. MDETR's soft-token and contrastive losses are replaced by the
attributes. Where a set has no boxes (CLEVR's own files) only the answers train.
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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.data.clevr import SceneSet
    from labneuro.networks.vqa_model import VqaAnswer, VqaNetwork

_BOX_WEIGHT, _IOU_WEIGHT, _ATTRIBUTE_WEIGHT = 2.0, 1.0, 0.5
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
    """

    def __init__(
        self,
        scenes: SceneSet,
        words: tuple[str, ...],
        answers: tuple[str, ...],
        longest: int,
    ) -> None:
        self.label = scenes.label
        self.images = torch.from_numpy(scenes.images.astype(np.float32) / 127.5 - 1.0)
        self.image_of = np.array([one.image for one in scenes.questions])
        number = {word: place + 1 for place, word in enumerate(words)}
        tokens = np.zeros((len(scenes.questions), longest), np.int64)
        for row, question in zip(tokens, scenes.questions, strict=True):
            unknown = [word for word in question.words if word not in number]
            if unknown or len(question.words) > longest:
                fault = f"word {unknown[0]!r}" if unknown else "length"
                raise InputError(
                    f"question {' '.join(question.words)!r}: {fault} is not in the "
                    "network's vocabulary"
                )
            row[: len(question.words)] = [number[word] for word in question.words]
        self.tokens = torch.from_numpy(tokens)
        self.answers = torch.tensor([answers.index(q.answer) for q in scenes.questions])
        self.kinds = np.array([KINDS.index(one.kind) for one in scenes.questions])
        self.boxes = scenes.boxes
        self.attributes = [
            {
                name: torch.tensor([values.index(getattr(one, name)) for one in scene])
                for name, values in ATTRIBUTES.items()
            }
            for scene in scenes.scenes
        ]

    def __len__(self) -> int:
        """Return the number of questions."""
        return len(self.answers)

    def loss(self, network: VqaNetwork, chosen: NDArray[np.int64]) -> torch.Tensor:
        """Return the loss over some questions."""
        places = self.image_of[chosen]
        said = network(self.images[places], self.tokens[chosen])
        loss = functional.cross_entropy(said.answer, self.answers[chosen])
        if self.boxes is None:
            return loss
        return loss + self._object_loss(said, places)

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
        logs = {k: v.detach().log_softmax(-1) for k, v in said.attributes.items()}
        rows, queries, targets = [], [], []
        wanted: dict[str, list[torch.Tensor]] = {name: [] for name in ATTRIBUTES}
        for row, place in enumerate(places):
            target = torch.from_numpy(self.boxes[place])
            cost = 5.0 * torch.cdist(said.boxes[row].detach(), target, p=1)
            for name, log in logs.items():
                cost = cost - log[row][:, self.attributes[place][name]]
            query, column = linear_sum_assignment(cost.numpy())
            rows.append(np.full(query.size, row))
            queries.append(query)
            targets.append(target[column])
            for name in ATTRIBUTES:
                wanted[name].append(self.attributes[place][name][column])
        return (
            torch.from_numpy(np.concatenate(rows)),
            torch.from_numpy(np.concatenate(queries)),
            torch.cat(targets),
            {name: torch.cat(parts) for name, parts in wanted.items()},
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
