"""Analog layers: linear, activations, softmax, attention.

Each layer keeps the parameters of the layer that it stands for, so that an optimiser
made before goes on working, and asks shared
:class:`~labneuro.networks.analog_operators.AnalogOperators` for everything analog.

Weight noise is Gaussian; its standard deviation is the calibrated share of the largest
weight of each output's line. ``"programming"``: in evaluation the weights that
:func:`program` drew, in training a fresh programming at every pass, as training cannot
know which one the hardware will get. ``"read"``: every vector meets weights of its own;
drawn as what it is exactly, a Gaussian on each output whose variance is the sum of the
squared inputs times the line's variance.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: sections 2.2 and 2.4, "Hardware Simulation".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from labneuro.networks.analog_operators import line_scale
from labneuro.networks.fast_normal import normals

if TYPE_CHECKING:
    from labneuro.networks.analog_operators import AnalogOperators


class AnalogLinear(nn.Module):
    """A linear layer whose weights are multistate memristors.

    Parameters
    ----------
    operators : AnalogOperators
        Mode and weight noise.
    weight : Parameter, shape (outputs, inputs)
        The weights.
    bias : Parameter, shape (outputs,), optional
        Added exactly: currents add on a line.
    """

    programming: torch.Tensor

    def __init__(
        self,
        operators: AnalogOperators,
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.operators = operators
        self.weight = weight
        self.bias = bias
        self.register_buffer(
            "programming", torch.zeros_like(weight, requires_grad=False)
        )
        self.program()

    def program(self) -> None:
        """Draw the errors of a new programming from torch's default generator."""
        self.programming = normals(*self.weight.shape)

    def noisy(self, weight: torch.Tensor) -> torch.Tensor:
        """Return weights as programmed: drawn anew in training."""
        sigma = self.operators.codebook.weight_noise
        if self.operators.ideal or self.operators.weight_noise != "programming":
            return weight
        drawn = normals(*weight.shape) if self.training else self.programming
        return weight + sigma * line_scale(weight) * drawn

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Return the outputs, shape (..., outputs)."""
        answer = functional.linear(value, self.noisy(self.weight), self.bias)
        if self.operators.ideal or self.operators.weight_noise != "read":
            return answer
        sigma = self.operators.codebook.weight_noise
        return add_read_noise(answer, value, sigma * line_scale(self.weight).view(-1))


def add_read_noise(
    answer: torch.Tensor, value: torch.Tensor, deviation: torch.Tensor
) -> torch.Tensor:
    """Add what weights drawn anew for every vector add.

    Parameters
    ----------
    answer : Tensor, shape (..., outputs)
        Product of the inputs and the mean weights; the noise is added in place.
    value : Tensor, shape (..., inputs)
        The inputs.
    deviation : Tensor, shape (outputs,)
        Standard deviation of the weights of each line.
    """
    length = torch.linalg.vector_norm(value.detach(), dim=-1, keepdim=True)
    noise = normals(*answer.shape).mul_(length).mul_(deviation)
    return answer.add_(noise)


class AnalogActivation(nn.Module):
    """An activation of units: ``"softplus"``, ``"gelu"`` or ``"sigmoid"``."""

    def __init__(self, operators: AnalogOperators, kind: str) -> None:
        super().__init__()
        self.operators = operators
        self.kind = kind

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Return the activations, of the same shape."""
        answer: torch.Tensor = getattr(self.operators, self.kind)(value)
        return answer


class AnalogSoftmax(nn.Module):
    """A softmax of multipliers, exponentials and dividers along one axis."""

    def __init__(self, operators: AnalogOperators, dim: int = -1) -> None:
        super().__init__()
        self.operators = operators
        self.dim = dim

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Return the shares, of the same shape."""
        return self.operators.softmax(value, self.dim)


def scaled_attention(
    operators: AnalogOperators,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None = None,
    dropout: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return attention of analog products and an analog softmax.

    Parameters
    ----------
    operators : AnalogOperators
        Mode and codebook.
    query, key, value : Tensor, shape (..., n, k), (..., m, k), (..., m, v)
        The operands of the dynamic products.
    mask : Tensor, broadcast to (..., n, m), optional
        Added to the logits; -inf takes a place out.
    dropout : float
        Share of weights set to 0 (training only).

    Returns
    -------
    tuple of Tensor, shapes (..., n, v) and (..., n, m)
        The answer and the attention weights.
    """
    scaled = query / math.sqrt(query.shape[-1])
    logits = operators.product(scaled, key.transpose(-1, -2))
    weights = operators.softmax(logits if mask is None else logits + mask)
    kept = functional.dropout(weights, dropout) if dropout else weights
    return operators.product(kept, value), weights


class AnalogAttention(nn.Module):
    """Multi-head attention with all products analog; takes torch's layer's arguments.

    Parameters
    ----------
    operators : AnalogOperators
        Mode, codebook, noise.
    source : MultiheadAttention
        The layer whose parameters it takes over. ``add_bias_kv`` and ``add_zero_attn``
        are not supported; :func:`labneuro.networks.analogize.analogize` leaves such a
        layer as it is.
    """

    in_proj_bias = None  # keeps torch's fused encoder path off
    _qkv_same_embed_dim = False

    def __init__(
        self, operators: AnalogOperators, source: nn.MultiheadAttention
    ) -> None:
        super().__init__()
        self.operators = operators
        self.num_heads, self.embed_dim = source.num_heads, source.embed_dim
        self.batch_first, self.dropout = source.batch_first, source.dropout
        given: dict[str, nn.Parameter | None] = dict(source.named_parameters())
        fused, bias = given.get("in_proj_weight"), given.get("in_proj_bias")
        weights = [
            part
            for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight")
            if (part := given.get(name)) is not None
        ]
        parts = weights if fused is None else fused.chunk(3)
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        self.query, self.key, self.value = (
            AnalogLinear(operators, *_own(weight, part))
            for weight, part in zip(parts, biases, strict=True)
        )
        out_bias = source.out_proj.bias
        self.out_proj = AnalogLinear(operators, source.out_proj.weight, out_bias)

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        key_padding_mask: torch.Tensor | None = None,
        need_weights: bool = True,
        attn_mask: torch.Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return answer and attention weights as ``MultiheadAttention`` does."""
        operands = [query, key, value]
        if query.ndim == 2:  # noqa: PLR2004  without batch
            operands = [part.unsqueeze(0) for part in operands]
        elif not self.batch_first:
            operands = [part.transpose(0, 1) for part in operands]
        layers = (self.query, self.key, self.value)
        q, k, v = (
            self._heads(layer(part))
            for layer, part in zip(layers, operands, strict=True)
        )
        mask = _joined_mask(attn_mask, key_padding_mask, self.num_heads, q)
        rate = self.dropout if self.training else 0.0
        answer, weights = scaled_attention(self.operators, q, k, v, mask, rate)
        answer = self.out_proj(answer.transpose(1, 2).flatten(2))
        shown = weights.mean(dim=1) if average_attn_weights else weights
        if query.ndim == 2:  # noqa: PLR2004  as above
            answer, shown = answer.squeeze(0), shown.squeeze(0)
        elif not self.batch_first:
            answer = answer.transpose(0, 1)
        return answer, shown if need_weights else None

    def _heads(self, value: torch.Tensor) -> torch.Tensor:
        """Split (batch, places, features) into (batch, heads, places, rest)."""
        return value.view(*value.shape[:-1], self.num_heads, -1).transpose(1, 2)


def _own(
    weight: torch.Tensor, bias: torch.Tensor | None
) -> tuple[nn.Parameter, nn.Parameter | None]:
    """Return parameters of a part of a fused projection."""
    return (
        nn.Parameter(weight.detach().clone()),
        None if bias is None else nn.Parameter(bias.detach().clone()),
    )


def _joined_mask(
    attention: torch.Tensor | None,
    padding: torch.Tensor | None,
    heads: int,
    query: torch.Tensor,
) -> torch.Tensor | None:
    """Return both masks as one, added to logits of shape (batch, heads, n, m)."""
    joined: torch.Tensor | None = None
    if attention is not None:
        joined = _additive(attention, query.dtype)
        if joined.ndim == 3:  # noqa: PLR2004  (batch x heads, n, m)
            joined = joined.view(-1, heads, *joined.shape[1:])
    if padding is not None:
        shut = _additive(padding, query.dtype)
        shut = shut.view(-1, 1, 1, shut.shape[-1])
        joined = shut if joined is None else joined + shut
    return joined


def _additive(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(mask, -math.inf)


def program(model: nn.Module) -> None:
    """Program all analog weights of a model anew, from torch's default generator."""
    for module in model.modules():
        if hasattr(module, "programming"):
            module.program()  # type: ignore[operator]  # every such layer has it
