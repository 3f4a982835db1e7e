"""Overlap of boxes for losses.

References
----------
H. Rezatofighi et al., "Generalized intersection over union", CVPR 2019.
"""

from __future__ import annotations

import torch

_SMALLEST = 1e-9


def corners(boxes: torch.Tensor) -> torch.Tensor:
    """Return left, top, right, bottom of boxes given by centre, width and height."""
    centre, half = boxes[..., :2], 0.5 * boxes[..., 2:]
    return torch.cat([centre - half, centre + half], dim=-1)


def generalised_iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the generalised intersection over union, -1 to 1.

    Parameters
    ----------
    first, second : Tensor, shape (..., 4)
        Left, top, right, bottom.

    Returns
    -------
    Tensor, shape (...)
    """
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low).clamp_min(0).prod(-1)
    area = [
        (box[..., 2:] - box[..., :2]).clamp_min(0).prod(-1) for box in (first, second)
    ]
    union = area[0] + area[1] - shared
    around_low = torch.minimum(first[..., :2], second[..., :2])
    around_high = torch.maximum(first[..., 2:], second[..., 2:])
    around = (around_high - around_low).clamp_min(0).prod(-1)
    iou = shared / union.clamp_min(_SMALLEST)
    return iou - (around - union) / around.clamp_min(_SMALLEST)
