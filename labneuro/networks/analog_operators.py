"""Analog operators on tensors: ideal, by the codebook, or with a gradient bypass.

In every mode but ``ideal`` the forward value is the measured one. In mode ``codebook``
an operator passes no gradient on (a look-up has none); in mode ``bypass`` it passes on
the ideal operator's: ``y = codebook(x) + f(x) - stopgrad(f(x))``.

Units take turns along the last axis (activations, softmax) or along the summed axis
(products). Operands of products and divisions are scaled so that the largest of each
matrix is the top of the measured grid (`chosen`: an automatic gain); below and above
the grid the relative error at its edge goes on.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: sections 2.2, 2.3, 2.5, Figure 5b.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch.nn import functional

from labneuro.devices.pcu_composed import GELU_SLOPE
from labneuro.errors import InputError
from labneuro.networks.curve_lookup import curve_table, look_up
from labneuro.networks.product_table import gelu_curve, product_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.networks.codebook import Codebook
    from labneuro.networks.curve_lookup import CurveTable
    from labneuro.networks.product_table import ProductTable

Mode = Literal["ideal", "codebook", "bypass"]
WeightNoise = Literal["none", "programming", "read"]
MODES: tuple[Mode, ...] = get_args(Mode)
_SMALLEST = 1e-20


class _Bypass(torch.autograd.Function):
    """Value of the measured answer, gradient of the ideal one.

    The same value and gradient as ``answer + ideal - stopgrad(ideal)`` without its
    rounding and its two additions.
    """

    @staticmethod
    def forward(
        _ctx: object, _ideal: torch.Tensor, answer: torch.Tensor
    ) -> torch.Tensor:
        return answer.view_as(answer)

    @staticmethod
    def backward(_ctx: object, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0], None


@dataclass
class AnalogOperators:
    """The operators of one codebook; layers share one object.

    Attributes
    ----------
    codebook : Codebook
        What was measured.
    mode : str
        ``"ideal"``, ``"codebook"`` or ``"bypass"``; may be changed at any time.
    weight_noise : str
        Weights deviate not at all, by what one programming left, or anew at each read.
    answer_noise : bool
        Whether single answers of the operators deviate from their mean.
    """

    codebook: Codebook
    mode: Mode = "bypass"
    weight_noise: WeightNoise = "programming"
    answer_noise: bool = True

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"mode: {self.mode!r}; allowed are {', '.join(MODES)}")
        if self.weight_noise not in get_args(WeightNoise):
            allowed = ", ".join(get_args(WeightNoise))
            raise InputError(f"weight_noise: {self.weight_noise!r}; allowed: {allowed}")
        self._curves: dict[str, CurveTable] = {}
        self._products: dict[str, ProductTable] = {}

    @property
    def ideal(self) -> bool:
        """Whether everything is computed without devices."""
        return self.mode == "ideal"

    def softplus(self, value: torch.Tensor) -> torch.Tensor:
        """Return ln(1 + exp(x)) as one diode answers."""
        return self._curve("softplus", value, functional.softplus)

    def sigmoid(self, value: torch.Tensor) -> torch.Tensor:
        """Return the logistic function as two diodes back to back answer."""
        return self._curve("sigmoid", value, torch.sigmoid)

    def gelu(self, value: torch.Tensor) -> torch.Tensor:
        """Return GELU; analog x sigmoid(1.702 x), measured as one or by its parts."""
        return self._curve("gelu", value, functional.gelu)

    def softmax(self, value: torch.Tensor, dim: int = -1) -> torch.Tensor:
        """Return the softmax along an axis; its shares add to 1 only as measured."""
        shares = torch.softmax(value, dim)
        if self.ideal:
            return shares
        turned = shares.movedim(dim, -1)
        return self._curve("softmax", turned, lambda share: share).movedim(-1, dim)

    def product(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Return the matrix product of two signals (a dynamic multiply-accumulate).

        Parameters
        ----------
        first, second : Tensor, shape (..., n, k) and (..., k, m)
            Operands; place j of the summed axis uses multiplier j modulo the units.
        """
        if self.ideal:
            return first @ second
        return self._chosen(
            lambda: first @ second,
            lambda: self._table("multiplier").matrix_product(
                first.detach(), second.detach(), noise=self.answer_noise
            ),
        )

    def divide(self, dividend: torch.Tensor, divisor: torch.Tensor) -> torch.Tensor:
        """Return x / y of dividers, element by element; y above 0, broadcast to x."""
        if self.ideal:
            return dividend / divisor
        return self._chosen(
            lambda: dividend / divisor,
            lambda: self._table("divider").quotient(
                dividend.detach(), divisor.detach(), noise=self.answer_noise
            ),
        )

    def _curve(
        self,
        name: str,
        value: torch.Tensor,
        function: Callable[[torch.Tensor], torch.Tensor],
    ) -> torch.Tensor:
        if self.ideal:
            return function(value)
        return self._chosen(
            lambda: function(value),
            lambda: look_up(self._curve_table(name), value, noise=self.answer_noise),
        )

    def _chosen(
        self,
        ideal: Callable[[], torch.Tensor],
        answer: Callable[[], torch.Tensor],
    ) -> torch.Tensor:
        """Return the measured answer, with the ideal one's gradient if wanted."""
        if self.mode == "bypass" and torch.is_grad_enabled():
            return _Bypass.apply(ideal(), answer())  # type: ignore[no-untyped-call]  # torch's apply
        return answer()

    def _curve_table(self, name: str) -> CurveTable:
        if name not in self._curves:
            curve = (
                gelu_curve(self.codebook, GELU_SLOPE)
                if name == "gelu" and name not in self.codebook.curves
                else self.codebook.curve(name)
            )
            self._curves[name] = curve_table(
                curve.inputs,
                curve.mean,
                curve.deviation,
                upper_slope=name in ("softplus", "gelu", "exponential"),
            )
        return self._curves[name]

    def _table(self, name: str) -> ProductTable:
        if name not in self._products:
            surface = self.codebook.surface(name)
            self._products[name] = product_table(surface, divide=name == "divider")
        return self._products[name]


def line_scale(weight: torch.Tensor) -> torch.Tensor:
    """Return the largest magnitude of each line, shape (outputs, 1, ...)."""
    largest = weight.detach().abs().flatten(1).amax(dim=1)
    return largest.clamp_min(_SMALLEST).view(-1, *(1,) * (weight.ndim - 1))
