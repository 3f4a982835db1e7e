"""Encoder-decoder of the MDETR kind: picture and question in, answer and boxes out.

A convolutional backbone turns the picture into tokens, an embedding the words; both go
through one Transformer encoder. A decoder with object queries and one answer query
reads them: the queries give boxes and attributes, the answer query the answer. The
paper's backbone (ResNet-18) and text encoder (DistilRoBERTa, pretrained) are a small
convolutional stem and a word embedding here; layers, queries and width are free, so
that 6 + 6 layers and 25 queries are a matter of settings.

References
----------
A. Kamath et al., "MDETR - Modulated detection for end-to-end multi-modal
understanding", ICCV 2021; Z. Zhan et al., Adv. Sci. 12 (2025) e04706: "VQA Task".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from labneuro.data.clevr import ATTRIBUTES
from labneuro.networks.vqa_backbone import make_backbone

PHRASES = 2
"""Phrases of a question that the network tells apart."""


@dataclass(frozen=True)
class VqaShape:
    """Size of the network.

    Attributes
    ----------
    width : int
        Features of a token.
    heads : int
        Attention heads.
    encoder_layers, decoder_layers : int
        Transformer layers; the paper has 6 and 6.
    queries : int
        Object queries; the paper has 25.
    feed_forward : int
        Hidden units of a layer.
    words, answers : int
        Size of the vocabularies; word 0 is padding.
    longest : int
        Words of the longest question.
    patches : int
        Tokens along a side of the picture.
    """

    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    queries: int
    feed_forward: int
    words: int
    answers: int
    longest: int
    patches: int


class VqaAnswer(NamedTuple):
    """What the network says.

    Attributes
    ----------
    answer : Tensor, shape (batch, answers)
        Logits.
    boxes : Tensor, shape (batch, queries, 4)
        Centre right, down, width, height, in shares of the picture.
    attributes : dict of str to Tensor, shape (batch, queries, values + 1)
        Logits of each attribute; the last value is "no object".
    phrases : Tensor, shape (batch, patches**2, PHRASES)
        Logits of a phrase of the question speaking of the object in a patch.
    encoded : Tensor, shape (batch, tokens, width)
        What the encoder says.
    """

    answer: torch.Tensor
    boxes: torch.Tensor
    attributes: dict[str, torch.Tensor]
    phrases: torch.Tensor
    encoded: torch.Tensor


class VqaNetwork(nn.Module):
    """The network, of torch's own layers; `analogize` turns it into an analog one."""

    def __init__(self, shape: VqaShape) -> None:
        super().__init__()
        width = shape.width
        self.shape = shape
        self.backbone = make_backbone(width, shape.patches)
        self.words = nn.Embedding(shape.words, width, padding_idx=0)
        # In torch's spread of 1 the places would outshout the picture's tokens.
        self.image_place = nn.Parameter(0.5 * torch.randn(shape.patches**2, width))
        self.word_place = nn.Parameter(0.5 * torch.randn(shape.longest, width))
        self.queries = nn.Parameter(torch.randn(shape.queries + 1, width))
        common = (width, shape.heads, shape.feed_forward, 0.0, nn.Softplus())
        self.encoder = nn.ModuleList(
            nn.TransformerEncoderLayer(*common, batch_first=True, norm_first=True)
            for _ in range(shape.encoder_layers)
        )
        self.decoder = nn.ModuleList(
            nn.TransformerDecoderLayer(*common, batch_first=True, norm_first=True)
            for _ in range(shape.decoder_layers)
        )
        self.encoded_norm, self.decoded_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.answer = nn.Linear(width, shape.answers)
        self.box = nn.Sequential(nn.Linear(width, width), nn.Softplus())
        self.box_out = nn.Linear(width, 4)
        self.attributes = nn.ModuleDict(
            {name: nn.Linear(width, len(v) + 1) for name, v in ATTRIBUTES.items()}
        )
        self.phrases = nn.Linear(width, PHRASES)

    def tokens(
        self, images: torch.Tensor, words: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the encoder's input and which of its places are padding."""
        seen = self.backbone(images).flatten(2).transpose(1, 2) + self.image_place
        read = self.words(words) + self.word_place[: words.shape[1]]
        seen_is_padding = torch.zeros(seen.shape[:2], dtype=torch.bool)
        padding = torch.cat([seen_is_padding, words == 0], dim=1)
        return torch.cat([seen, read], dim=1), padding

    def forward(self, images: torch.Tensor, words: torch.Tensor) -> VqaAnswer:
        """Answer questions.

        Parameters
        ----------
        images : Tensor of float32, shape (batch, 3, side, side)
            About -1 to 1.
        words : Tensor of int64, shape (batch, up to longest)
            Words by number, 0 after the last.
        """
        value, padding = self.tokens(images, words)
        for layer in self.encoder:
            value = layer(value, src_key_padding_mask=padding)
        memory = self.encoded_norm(value)
        asked = self.queries.expand(len(images), -1, -1)
        for layer in self.decoder:
            asked = layer(asked, memory, memory_key_padding_mask=padding)
        asked = self.decoded_norm(asked)
        objects = asked[:, :-1]
        return VqaAnswer(
            self.answer(asked[:, -1]),
            torch.sigmoid(self.box_out(self.box(objects))),
            {name: head(objects) for name, head in self.attributes.items()},
            self.phrases(memory[:, : self.shape.patches**2]),
            memory,
        )

    @torch.no_grad()
    def attention_maps(self, images: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Return how much each word of each question looks at each patch.

        Returns
        -------
        Tensor, shape (layers, batch, words, patches, patches)
            Weights of the encoder, averaged over heads.
        """
        value, padding = self.tokens(images, words)
        maps = []
        count = self.shape.patches
        for layer in self.encoder:
            assert isinstance(layer, nn.TransformerEncoderLayer)  # noqa: S101  type
            normed = layer.norm1(value)
            _, weights = layer.self_attn(
                *(normed,) * 3, key_padding_mask=padding, need_weights=True
            )
            shown = weights[:, count**2 :, : count**2]
            maps.append(shown.unflatten(-1, (count, count)))
            value = layer(value, src_key_padding_mask=padding)
        return torch.stack(maps)
