"""Products and quotients of signals by measured surfaces, as a few matrix products.

A unit's relative answer ``r(x, y) = measured / ideal`` is a sum of few products of a
function of x and a function of y (the singular value decomposition of its grid). So a
sum over k of measured products is a matrix product of twice or thrice the inner size,
not a look-up for each pair. What the truncation leaves out is kept as
`ProductTable.truncation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from labneuro.networks.codebook import Curve
from labneuro.networks.curve_lookup import CurveTable, curve_table, look_up
from labneuro.networks.fast_normal import normals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.networks.codebook import Codebook, Surface

    Array = NDArray[np.float64]

RANK = 2
_SMALLEST = 1e-20
_GELU_RANGE = 8.0
_GELU_POINTS = 257


@dataclass(frozen=True)
class ProductTable:
    """A two-operand operator in factors.

    Attributes
    ----------
    first, second : tuple of CurveTable
        Factors of x and of y, the largest first.
    first_top, second_top : float
        Largest operand that was measured.
    deviation : Tensor, shape (units,)
        Relative standard deviation of single answers (rms over the grid).
    truncation : float
        Largest relative error of the factors against the measured surfaces.
    """

    first: tuple[CurveTable, ...]
    second: tuple[CurveTable, ...]
    first_top: float
    second_top: float
    deviation: torch.Tensor
    truncation: float

    def matrix_product(
        self, first: torch.Tensor, second: torch.Tensor, *, noise: bool
    ) -> torch.Tensor:
        """Return the sums of measured products; see ``AnalogOperators.product``."""
        left, right = first, second.transpose(-1, -2).contiguous()
        factors_left = _factors(self.first, left, self.first_top)
        factors_right = _factors(self.second, right, self.second_top)
        answer = factors_left @ factors_right.transpose(-1, -2)
        if noise and bool(self.deviation.any()):
            # Independent answers: the variance of a sum is the sum of the variances.
            spread = _repeated(self.deviation, left.shape[-1])
            variance = (left * spread).square() @ right.square().transpose(-1, -2)
            answer += variance.clamp_min_(0).sqrt_() * normals(*variance.shape)
        return answer

    def quotient(
        self, dividend: torch.Tensor, divisor: torch.Tensor, *, noise: bool
    ) -> torch.Tensor:
        """Return measured quotients; see ``AnalogOperators.divide``."""
        # One gain for both leaves the quotient as it is.
        largest = torch.maximum(dividend.abs().amax(), divisor.amax())
        gain = self.first_top / largest.clamp_min(_SMALLEST)
        x, y = dividend.abs() * gain, (divisor * gain).expand_as(dividend)
        ratio = torch.zeros_like(x)
        for of_x, of_y in zip(self.first, self.second, strict=True):
            ratio += look_up(of_x, x) * look_up(of_y, y)
        answer = dividend / divisor * ratio
        if noise and bool(self.deviation.any()):
            spread = _repeated(self.deviation, answer.shape[-1])
            answer += answer * spread * normals(*answer.shape)
        return answer


def _factors(
    tables: tuple[CurveTable, ...], value: torch.Tensor, top: float
) -> torch.Tensor:
    """Return value times each factor at its magnitude, side by side: (..., n, k r)."""
    size = value.abs()
    gain = top / size.amax(dim=(-2, -1), keepdim=True).clamp_min(_SMALLEST)
    size *= gain
    return torch.cat([look_up(table, size) * value for table in tables], dim=-1)


def _repeated(deviation: torch.Tensor, count: int) -> torch.Tensor:
    return deviation[torch.arange(count) % len(deviation)]


def product_table(
    surface: Surface, *, divide: bool = False, rank: int = RANK
) -> ProductTable:
    """Return a surface in factors.

    Parameters
    ----------
    surface : Surface
        Of a multiplier or a divider.
    divide : bool
        Whether it divides.
    rank : int
        Number of factors.
    """
    x, y = surface.first[:, None], surface.second
    ratio = surface.mean / (x / y if divide else x * y)
    left, size, right = np.linalg.svd(ratio, full_matrices=False)
    rank = min(rank, size.shape[-1])
    root = np.sqrt(size[:, :rank])
    of_x = np.swapaxes(left[:, :, :rank], 1, 2) * root[:, :, None]
    of_y = right[:, :rank] * root[:, :, None]
    rebuilt = np.einsum("urx,ury->uxy", of_x, of_y)
    relative = surface.deviation / np.maximum(np.abs(surface.mean), _SMALLEST)
    spread = np.sqrt(np.mean(relative**2, axis=(1, 2)))
    return ProductTable(
        tuple(_plain(surface.first, of_x[:, k]) for k in range(rank)),
        tuple(_plain(surface.second, of_y[:, k]) for k in range(rank)),
        float(surface.first[-1]),
        float(surface.second[-1]),
        torch.from_numpy(spread.astype(np.float32)),
        float(np.max(np.abs(rebuilt / ratio - 1.0))),
    )


def _plain(inputs: Array, values: Array) -> CurveTable:
    return curve_table(inputs, values, np.zeros_like(values))


def gelu_curve(codebook: Codebook, slope: float) -> Curve:
    """Return the curve of GELU, x sigmoid(slope x), of sigmoid unit and multiplier.

    Unit k uses sigmoid k and multiplier k. The multiplier's operands are abs(x) and
    the gate; 8 and 1 are the top of its grid. A gate below 0 is cut at 0.

    Parameters
    ----------
    codebook : Codebook
        Has ``sigmoid`` and ``multiplier``.
    slope : float
        1.702 for GELU.
    """
    gate, surface = codebook.curve("sigmoid"), codebook.surface("multiplier")
    x = np.linspace(-_GELU_RANGE, _GELU_RANGE, _GELU_POINTS)
    units = max(len(gate.mean), len(surface.mean))
    means, spreads = [], []
    for unit in range(units):
        row, face = unit % len(gate.mean), unit % len(surface.mean)
        level = np.interp(slope * x, gate.inputs, gate.mean[row]).clip(0.0)
        noise = np.interp(slope * x, gate.inputs, gate.deviation[row])
        ratio, relative = _at(surface, face, np.abs(x) / _GELU_RANGE, level)
        means.append(x * level * ratio)
        spreads.append(np.abs(x) * ratio * np.hypot(noise, relative * level))
    return Curve(x, np.array(means), np.array(spreads))


def _at(
    surface: Surface, unit: int, first: Array, second: Array
) -> tuple[Array, Array]:
    """Return relative answer and relative deviation at shares of the grid's top."""
    ideal = surface.first[:, None] * surface.second
    ratio = surface.mean[unit] / ideal
    relative = surface.deviation[unit] / np.maximum(surface.mean[unit], _SMALLEST)
    x = np.clip(first * surface.first[-1], surface.first[0], surface.first[-1])
    y = np.clip(second * surface.second[-1], surface.second[0], surface.second[-1])
    place = np.interp(x, surface.first, np.arange(surface.first.size))
    low = np.minimum(place.astype(int), surface.first.size - 2)
    share = place - low
    found = []
    for table in (ratio, relative):
        along = np.array([np.interp(y, surface.second, row) for row in table])
        points = np.arange(x.size)
        found.append((1 - share) * along[low, points] + share * along[low + 1, points])
    return found[0], found[1]
