"""Convolutions that turn a picture into tokens, taught to name what they see.

The paper's ResNet-18 and DistilRoBERTa come pretrained. The small convolutions here
take their first lessons from the scenes themselves: each patch is asked for the
attributes of the object whose centre lies in it, or for "none". The heads that are
asked are thrown away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from labneuro.data.clevr import ATTRIBUTES

if TYPE_CHECKING:
    from labneuro.networks.vqa_task import VqaData

_RATE = 4e-3
_FIRST_FEATURES = 32


def make_backbone(width: int, patches: int) -> nn.Sequential:
    """Return the convolutions: (batch, 3, side, side) to (batch, width, patches, ...).

    Parameters
    ----------
    width : int
        Features of a token.
    patches : int
        Tokens along a side of the picture.
    """
    return nn.Sequential(
        nn.Conv2d(3, _FIRST_FEATURES, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(_FIRST_FEATURES, width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(patches),
        nn.Conv2d(width, width, 1),
    )


def pretrain(
    backbone: nn.Sequential, data: VqaData, *, steps: int, batch: int, seed: int
) -> dict[str, float]:
    """Teach a backbone to name the object of each patch; its tokens get rms 1.

    Parameters
    ----------
    backbone : Sequential
        Of :func:`make_backbone`; trained in place.
    data : VqaData
        Pictures and what is in their patches.
    steps, batch : int
        AdamW's steps (rate 4e-3, half-cosine decline) and pictures in each.
    seed : int
        Of the pictures' order; the heads come from torch's default generator.

    Returns
    -------
    dict of str to float
        Share of the objects that are named rightly, by attribute, on these pictures.
    """
    last = backbone[-1]
    assert isinstance(last, nn.Conv2d)  # noqa: S101  narrows the type
    heads = {
        name: nn.Linear(last.out_channels, len(values) + 1)
        for name, values in ATTRIBUTES.items()
    }
    parameters = [*backbone.parameters()]
    for head in heads.values():
        parameters += head.parameters()
    optimizer = torch.optim.AdamW(parameters, lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    generator = np.random.default_rng((seed, steps))
    for _ in range(steps):
        chosen = generator.integers(0, len(data.images), batch)
        tokens = _tokens(backbone, data.images[chosen])
        loss = torch.stack(
            [
                functional.cross_entropy(
                    head(tokens).flatten(0, 1), data.patch_values[name][chosen].ravel()
                )
                for name, head in heads.items()
            ]
        ).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return _finish(backbone, last, heads, data)


@torch.no_grad()
def _finish(
    backbone: nn.Sequential, last: nn.Conv2d, heads: dict[str, nn.Linear], data: VqaData
) -> dict[str, float]:
    """Measure what was learnt and give the tokens an rms of 1."""
    shown = slice(0, 500)
    tokens = _tokens(backbone, data.images[shown])
    right = {}
    for name, head in heads.items():
        wanted = data.patch_values[name][shown]
        present = wanted < len(ATTRIBUTES[name])
        said = head(tokens).argmax(-1)
        right[name] = float((said == wanted)[present].float().mean())
    scale = tokens.square().mean().sqrt()
    for parameter in last.parameters():
        parameter.div_(scale)
    return right


def _tokens(backbone: nn.Sequential, images: torch.Tensor) -> torch.Tensor:
    tokens: torch.Tensor = backbone(images)
    return tokens.flatten(2).transpose(1, 2)
