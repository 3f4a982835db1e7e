"""Add and normalise in the analog domain: layer and batch normalisation.

The text does not say how mean and deviation are formed: for layer normalisation they
are ideal here and dividers divide. A batch normalisation that is trained is a fixed
gain and offset for each feature: gains are weights in M1 with their noise.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: section 2.4, "RGB-T Tracking Task".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from labneuro.networks.analog_operators import line_scale
from labneuro.networks.fast_normal import normals

if TYPE_CHECKING:
    from labneuro.networks.analog_operators import AnalogOperators


class AnalogLayerNorm(nn.Module):
    """Layer normalisation by dividers; mean, deviation, gain and offset are ideal.

    The text does not say how mean and deviation are formed.
    """

    def __init__(self, operators: AnalogOperators, source: nn.LayerNorm) -> None:
        super().__init__()
        self.operators = operators
        self.axes = tuple(range(-len(source.normalized_shape), 0))
        self.own = nn.ParameterDict(dict(source.named_parameters()))
        self.eps = source.eps

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Return the normalised values, of the same shape."""
        centred = value - value.mean(self.axes, keepdim=True)
        variance = centred.square().mean(self.axes, keepdim=True)
        answer = self.operators.divide(centred, (variance + self.eps).sqrt())
        if "weight" in self.own:
            answer = answer * self.own["weight"]
        return answer + self.own["bias"] if "bias" in self.own else answer


class AnalogAddNormalise(nn.Module):
    """``normalise(x + y)``: currents add exactly, the normalisation is a layer."""

    def __init__(self, normalise: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise

    def forward(self, value: torch.Tensor, branch: torch.Tensor) -> torch.Tensor:
        """Return the normalised sum."""
        answer: torch.Tensor = self.normalise(value + branch)
        return answer


class TokenBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of the last axis, in the place of layer normalisation."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002  torch's name
        """Return the normalised values, shape (..., features)."""
        return super().forward(input.flatten(0, -2)).view_as(input)


class AnalogBatchNorm(nn.Module):
    """Batch normalisation as gains in M1; in training it also learns the statistics.

    All gains are one line, so that the largest of them sets the noise.
    """

    programming: torch.Tensor

    def __init__(self, operators: AnalogOperators, source: nn.BatchNorm1d) -> None:
        super().__init__()
        self.operators = operators
        self.source = source
        self.register_buffer("programming", torch.zeros(source.num_features))
        self.program()

    def program(self) -> None:
        """Draw the errors of a new programming from torch's default generator."""
        self.programming = normals(self.source.num_features)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Return the normalised values, of the same shape."""
        answer: torch.Tensor = self.source(value)
        kind = self.operators.weight_noise
        if self.operators.ideal or kind == "none":
            return answer
        statistics = self.source.running_var
        assert statistics is not None  # noqa: S101  analogize takes no other
        gain = (statistics + self.source.eps).rsqrt()
        if self.source.weight is not None:
            gain = gain * self.source.weight.detach()
        sigma = self.operators.codebook.weight_noise * line_scale(gain[None]).view(())
        fresh = self.training or kind == "read"
        drawn = normals(*gain.shape) if fresh else self.programming
        return answer + sigma * drawn * value
