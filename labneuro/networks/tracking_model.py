"""RGB-T tracker of the TBSI kind: one ViT for both cameras, bridged by the template.

Template and search crops of each camera become tokens; a shared ViT works on each
camera's tokens. In chosen layers a bridge joins the cameras: the two templates are
fused, the fused template asks one camera's search tokens (attention), and the other
camera's search tokens ask the fused template, and the other way round. The head adds
the cameras and gives a score, an offset and a size for each search token. Layer
normalisation is batch normalisation throughout, as in the paper.

References
----------
T. Hui et al., "Bridging search region interaction with template for RGB-T tracking",
CVPR 2023; Z. Zhan et al., Adv. Sci. 12 (2025) e04706: "RGB-T Tracking Task".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from labneuro.networks.analog_norm import TokenBatchNorm


@dataclass(frozen=True)
class TrackerShape:
    """Size of the tracker; ViT-Tiny has width 192, 3 heads, 12 layers.

    Attributes
    ----------
    width, heads, layers : int
        Of the ViT.
    fusion_layers : tuple of int
        After which layers the cameras meet, counted from 1; the paper: 4, 7, 10.
    patch : int
        Pixels along a patch.
    template, search : int
        Pixels along the crops.
    """

    width: int
    heads: int
    layers: int
    fusion_layers: tuple[int, ...]
    patch: int
    template: int
    search: int

    @property
    def template_tokens(self) -> int:
        """Tokens of a template crop."""
        return (self.template // self.patch) ** 2

    @property
    def search_side(self) -> int:
        """Tokens along a search crop."""
        return self.search // self.patch


class TrackerAnswer(NamedTuple):
    """What the tracker says of a search crop.

    Attributes
    ----------
    score : Tensor, shape (batch, tokens)
        Logit of the target's centre being in a token's patch.
    boxes : Tensor, shape (batch, tokens, 4)
        Centre right, down, width, height, in shares of the crop.
    fused : Tensor, shape (batch, tokens, width)
        Search tokens of both cameras, added.
    """

    score: torch.Tensor
    boxes: torch.Tensor
    fused: torch.Tensor


class _Block(nn.Module):
    """A ViT layer with batch normalisation."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention = TokenBatchNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.before_layers = TokenBatchNorm(width)
        self.layers = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        normed = self.before_attention(value)
        value = value + self.attention(normed, normed, normed, need_weights=False)[0]
        fed: torch.Tensor = value + self.layers(self.before_layers(value))
        return fed


class _Bridge(nn.Module):
    """The single Transformer layer by which the cameras meet."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.fuse = nn.Linear(2 * width, width)
        self.norm = TokenBatchNorm(width)
        self.gather = nn.MultiheadAttention(width, heads, batch_first=True)
        self.spread = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(
        self, first: torch.Tensor, second: torch.Tensor, templates: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        fused = self.fuse(torch.cat([first[:, :templates], second[:, :templates]], -1))
        return (
            self._take(first, second, fused, templates),
            self._take(second, first, fused, templates),
        )

    def _take(
        self,
        to: torch.Tensor,
        source: torch.Tensor,
        fused: torch.Tensor,
        templates: int,
    ) -> torch.Tensor:
        """Give one camera's search tokens what the template finds in the other's."""
        other = self.norm(source[:, templates:])
        medium = fused + self.gather(fused, other, other, need_weights=False)[0]
        own = self.norm(to[:, templates:])
        search = (
            to[:, templates:] + self.spread(own, medium, medium, need_weights=False)[0]
        )
        return torch.cat([to[:, :templates] + fused, search], dim=1)


class Tracker(nn.Module):
    """The tracker, of torch's own layers; `analogize` turns it into an analog one."""

    def __init__(self, shape: TrackerShape) -> None:
        super().__init__()
        width = shape.width
        self.shape = shape
        self.visible = nn.Conv2d(3, width, shape.patch, stride=shape.patch)
        self.thermal = nn.Conv2d(1, width, shape.patch, stride=shape.patch)
        places = shape.template_tokens + shape.search_side**2
        self.place = nn.Parameter(0.2 * torch.randn(places, width))
        self.blocks = nn.ModuleList(
            _Block(width, shape.heads) for _ in range(shape.layers)
        )
        self.bridges = nn.ModuleDict(
            {str(n): _Bridge(width, shape.heads) for n in shape.fusion_layers}
        )
        self.norm = TokenBatchNorm(width)
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.GELU())
        self.head = nn.Linear(width, 5)

    def forward(
        self,
        template: tuple[torch.Tensor, torch.Tensor],
        search: tuple[torch.Tensor, torch.Tensor],
    ) -> TrackerAnswer:
        """Find the target of the template crops in the search crops.

        Parameters
        ----------
        template, search : tuple of Tensor, shapes (batch, 3 and 1, side, side)
            Visible and thermal crops, about -1 to 1.
        """
        embeds = (self.visible, self.thermal)
        first, second = (
            torch.cat([embed(z).flatten(2), embed(x).flatten(2)], -1).transpose(1, 2)
            + self.place
            for embed, z, x in zip(embeds, template, search, strict=True)
        )
        count = self.shape.template_tokens
        batch = len(first)
        for number, block in enumerate(self.blocks, 1):
            first, second = block(torch.cat([first, second])).split(batch)
            if str(number) in self.bridges:
                first, second = self.bridges[str(number)](first, second, count)
        fused = self.norm((first + second)[:, count:])
        answer = self.head(self.hidden(fused))
        return TrackerAnswer(answer[..., 0], self._boxes(answer[..., 1:]), fused)

    def _boxes(self, answer: torch.Tensor) -> torch.Tensor:
        """Return boxes: a token's own patch and an offset of up to a patch."""
        side = self.shape.search_side
        axis = (torch.arange(side) + 0.5) / side
        down, right = torch.meshgrid(axis, axis, indexing="ij")
        middle = torch.stack([right.flatten(), down.flatten()], dim=-1)
        centre = middle + torch.tanh(answer[..., :2]) / side
        return torch.cat([centre, torch.sigmoid(answer[..., 2:])], dim=-1)
