"""Training and test of the RGB-T tracker on sequences.

Training shows a template of one frame and a search crop of another, around the target
but not centred on it. A test follows the target frame by frame from the first box, all
sequences side by side; each search crop is centred on the last box that was found.

Precision is the share of frames whose centre is off by at most a threshold in pixels
(LasHeR: 20 at full size); normalised precision divides the error by the size of the
true box and is the mean share over thresholds from 0 to 0.5. First frames do not count.

References
----------
C. Li et al., IEEE Trans. Image Process. 31 (2021) 392; M. Mueller et al.,
"TrackingNet", ECCV 2018 (normalised precision).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from labneuro.networks.box_loss import corners, generalised_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labneuro.data.lasher import RgbtSequence
    from labneuro.networks.tracking_model import Tracker, TrackerShape

    Crops = tuple[torch.Tensor, torch.Tensor]

_TEMPLATE_SCALE = 2.0  # crop over target
_SEARCH_SCALE = 4.0
_JITTER = 0.25  # of the search crop, in training
NORMALISED_THRESHOLDS = np.linspace(0.0, 0.5, 51)


class TrackingScores(NamedTuple):
    """Errors of a test, frame by frame without the first.

    Attributes
    ----------
    distance : ndarray, shape (frames,)
        Of the centres, in pixels.
    normalised : ndarray, shape (frames,)
        The same over the true box's size.
    """

    distance: NDArray[np.float64]
    normalised: NDArray[np.float64]

    def precision(self, threshold: float) -> float:
        """Return the share of frames within a distance in pixels."""
        return float((self.distance <= threshold).mean())

    def normalised_precision(self) -> float:
        """Return the mean share over the normalised thresholds."""
        within = self.normalised[:, None] <= NORMALISED_THRESHOLDS
        return float(within.mean())


class TrackingData:
    """Sequences of equal frames as tensors."""

    def __init__(self, sequences: Sequence[RgbtSequence], shape: TrackerShape) -> None:
        self.shape = shape
        self.visible = _tensor([one.visible for one in sequences])
        self.thermal = _tensor([one.thermal for one in sequences])
        boxes = np.stack([one.boxes for one in sequences]).astype(np.float32)
        boxes[..., :2] += 0.5 * boxes[..., 2:]
        self.boxes = torch.from_numpy(boxes)  # centre, width, height in pixels

    def crops(
        self,
        sequence: torch.Tensor,
        frame: torch.Tensor,
        window: torch.Tensor,
        side: int,
    ) -> Crops:
        """Return crops of both cameras.

        Parameters
        ----------
        sequence, frame : Tensor of int64, shape (batch,)
            Which frames.
        window : Tensor, shape (batch, 3)
            Centre right, down and side of each crop in pixels.
        side : int
            Pixels along the crops.
        """
        height, width = self.visible.shape[-2:]
        step = (torch.arange(side) + 0.5) / side - 0.5
        x = window[:, 0, None] + window[:, 2, None] * step
        y = window[:, 1, None] + window[:, 2, None] * step
        x, y = 2 * x / width - 1, 2 * y / height - 1
        grid = torch.stack(
            [x[:, None, :].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)], -1
        )
        visible, thermal = (
            functional.grid_sample(
                camera[sequence, frame].float() / 127.5 - 1.0,
                grid,
                padding_mode="border",
                align_corners=False,
            )
            for camera in (self.visible, self.thermal)
        )
        return visible, thermal

    def loss(
        self, network: Tracker, batch: int, generator: np.random.Generator
    ) -> torch.Tensor:
        """Return the loss of a batch: score, L1 and generalised IoU."""
        count, frames = self.boxes.shape[:2]
        sequence, shown = (
            torch.from_numpy(generator.integers(0, high, batch))
            for high in (count, frames)
        )
        first = torch.from_numpy(generator.integers(0, max(frames // 3, 1), batch))
        box = self.boxes[sequence, shown]
        window = search_window(box)
        jitter = generator.uniform(-_JITTER, _JITTER, (batch, 2)).astype(np.float32)
        window[:, :2] += torch.from_numpy(jitter) * window[:, 2:]
        zoom = generator.uniform(0.8, 1.25, batch).astype(np.float32)
        window[:, 2] *= torch.from_numpy(zoom)
        said = network(
            self.template(sequence, first),
            self.crops(sequence, shown, window, self.shape.search),
        )
        target = _inside(box, window)
        side = self.shape.search_side
        cell = (target[:, :2] * side).long().clamp(0, side - 1)
        place = cell[:, 1] * side + cell[:, 0]
        found = said.boxes[torch.arange(batch), place]
        overlap = generalised_iou(corners(found), corners(target)).mean()
        return (
            functional.cross_entropy(said.score, place)
            + 5.0 * functional.l1_loss(found, target)
            + 2.0 * (1.0 - overlap)
        )

    def template(self, sequence: torch.Tensor, frame: torch.Tensor) -> Crops:
        """Return template crops of both cameras around the true boxes."""
        window = _window(self.boxes[sequence, frame], _TEMPLATE_SCALE)
        return self.crops(sequence, frame, window, self.shape.template)

    @torch.no_grad()
    def follow(self, network: Tracker) -> torch.Tensor:
        """Return the boxes that the tracker finds, as `boxes`, given the first."""
        network.eval()
        count, frames = self.boxes.shape[:2]
        sequence = torch.arange(count)
        template = self.template(sequence, torch.zeros_like(sequence))
        found = [self.boxes[:, 0]]
        for frame in range(1, frames):
            window = search_window(found[-1])
            shown = torch.full_like(sequence, frame)
            crops = self.crops(sequence, shown, window, self.shape.search)
            said = network(template, crops)
            best = said.boxes[sequence, said.score.argmax(dim=1)]
            centre = window[:, :2] + (best[:, :2] - 0.5) * window[:, 2:]
            centre = centre.clamp_min(0.0).minimum(self._extent())
            # A box that shrinks to nothing or fills the frame would lose the target.
            size = (best[:, 2:] * window[:, 2:]).clamp(2.0, float(self._extent().min()))
            found.append(
                torch.cat([centre, 0.7 * found[-1][:, 2:] + 0.3 * size], dim=1)
            )
        return torch.stack(found, dim=1)

    def _extent(self) -> torch.Tensor:
        height, width = self.visible.shape[-2:]
        return torch.tensor([float(width), float(height)])

    def test(self, network: Tracker) -> TrackingScores:
        """Follow all targets and compare."""
        found = self.follow(network)[:, 1:, :2]
        difference = (found - self.boxes[:, 1:, :2]).flatten(0, 1)
        size = self.boxes[:, 1:, 2:].flatten(0, 1)
        return TrackingScores(
            torch.linalg.vector_norm(difference, dim=-1).numpy().astype(np.float64),
            torch.linalg.vector_norm(difference / size, dim=-1)
            .numpy()
            .astype(np.float64),
        )

    @torch.no_grad()
    def features(self, network: Tracker) -> torch.Tensor:
        """Return the fused search tokens of each sequence's second frame."""
        network.eval()
        sequence = torch.arange(len(self.boxes))
        template = self.template(sequence, torch.zeros_like(sequence))
        window = search_window(self.boxes[:, 0])
        ones = torch.ones_like(sequence)
        crops = self.crops(sequence, ones, window, self.shape.search)
        answer: torch.Tensor = network(template, crops).fused
        return answer


def _tensor(frames: list[NDArray[np.uint8]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(frames))


def _window(box: torch.Tensor, scale: float) -> torch.Tensor:
    """Return square crops of `scale` times the targets' mean side."""
    side = scale * box[:, 2:].prod(dim=1, keepdim=True).sqrt()
    return torch.cat([box[:, :2], side], dim=1)


def search_window(box: torch.Tensor) -> torch.Tensor:
    """Return the search crops around boxes: centre and side, shape (batch, 3)."""
    return _window(box, _SEARCH_SCALE)


def _inside(box: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Return boxes in shares of their crops."""
    centre = (box[:, :2] - window[:, :2]) / window[:, 2:] + 0.5
    return torch.cat([centre, box[:, 2:] / window[:, 2:]], dim=1)
