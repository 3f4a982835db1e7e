"""The operators of a calibrated model as a network meets them: errors, noise, energy.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figures 2d, 2e and 3c-g.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch

from labneuro.networks.analog_layers import AnalogLinear, scaled_attention
from labneuro.networks.analog_operators import AnalogOperators
from labneuro.networks.codebook import Codebook, codebook_of
from labneuro.networks.pcu_energy import (
    BlockSize,
    EnergyAssumptions,
    EnergyRow,
    compared_energy,
    measured_costs,
)
from labneuro.networks.pcu_settings import PcuOperatorsSettings

if TYPE_CHECKING:
    from labneuro.calibration import CalibratedModel
    from labneuro.networks.analog_operators import Mode
    from labneuro.networks.catalog import Progress


__all__ = ["PcuOperatorsSettings", "simulate"]

PAPER_ERRORS = {
    "multiplier": 0.0661,
    "divider": 0.0566,
    "softmax": 0.0131,
    "product with weights": 0.0078,
}
"""Mean relative errors that the paper quotes (sections 2.1, 2.2)."""
_QUICK_VECTORS = 20
_COMPARED: tuple[Mode, Mode] = ("ideal", "codebook")


@dataclass(frozen=True)
class OperatorRow:
    """Error of one operator.

    Attributes
    ----------
    operator : str
        Name.
    error : float
        Mean of abs(answer - ideal) over the scale.
    scale : str
        What the error is relative to.
    paper : float or None
        The paper's; its normalisation is stated only as "relative".
    """

    operator: str
    error: float
    scale: str
    paper: float | None = None


@dataclass(frozen=True)
class OperatorStudy:
    """What the operator study found.

    Attributes
    ----------
    settings : PcuOperatorsSettings
        The settings it ran with.
    model : CalibratedModel
        The units' calibrated model.
    codebook : Codebook
        Its tables, for figures.
    rows : tuple of OperatorRow
        Errors.
    energy : tuple of EnergyRow
        Of one pass of a block.
    costs, chosen : EnergyAssumptions
        What the energy rests on, and the same without the model.
    """

    settings: PcuOperatorsSettings
    model: CalibratedModel
    codebook: Codebook
    rows: tuple[OperatorRow, ...]
    energy: tuple[EnergyRow, ...]
    costs: EnergyAssumptions
    chosen: EnergyAssumptions

    @property
    def accuracy_table(self) -> str:
        """Errors and energies as a text table."""
        lines = [f"{'operator':<22}{'error':>8}{'paper':>8}  relative to"]
        lines += [
            f"{row.operator:<22}{row.error:>8.2%}{_share(row.paper):>8}  {row.scale}"
            for row in self.rows
        ]
        return "\n".join([*lines, *self._cost_lines(), *self._energy_lines()])

    def _cost_lines(self) -> list[str]:
        """Return what a unit of each operator carries, measured beside chosen."""
        head = f"{'a unit of':<12}{'units':>6}{'current':>13}{'voltage':>11}"
        lines = [f"{head}{'chosen':>19}  mark"]
        for name, cost in self.costs.costs.items():
            other = self.chosen.costs[name]
            both = f"{other.current:.3g} A, {other.voltage:.3g} V"
            lines.append(
                f"{name:<12}{cost.units:>6}{cost.current:>11.3g} A"
                f"{cost.voltage:>9.3g} V{both:>19}  {cost.mark}"
            )
        same = self.costs.time == self.chosen.time
        mark = "chosen" if same else "measured"
        return [*lines, f"time of an operation: {self.costs.time:.3g} s  {mark}"]

    def _energy_lines(self) -> list[str]:
        """Return the energy of each part, with measured costs and without."""
        head = f"{'energy of a block':<24}{'J':>10}{'all chosen':>12}{'paper':>10}"
        return [
            f"{head}  mark",
            *(
                f"{row.part:<24}{row.energy:>10.3g}{_joule(row.assumed):>12}"
                f"{_joule(row.paper):>10}  {row.mark}"
                for row in self.energy
            ),
        ]

    def to_json(self) -> str:
        """Return all numbers as JSON text, the same for the same seed and settings."""
        content = {
            "network": "pcu-operators",
            "settings": self.settings.model_dump(mode="json"),
            "source_runs": [run.model_dump() for run in self.model.source_runs],
            "weight_noise": self.codebook.weight_noise,
            "rows": [asdict(row) for row in self.rows],
            "energy": [asdict(row) for row in self.energy],
            "costs": asdict(self.costs),
            "chosen_costs": asdict(self.chosen),
        }
        return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _joule(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def simulate(
    model: CalibratedModel,
    settings: PcuOperatorsSettings,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> OperatorStudy:
    """Ask every operator of a calibrated model and estimate a block's energy.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"pcu"``, with a codebook.
    settings : PcuOperatorsSettings
        Sizes.
    seed : int
        Seed of vectors and noise.
    progress : callable, optional
        Called with a label, the steps done and the steps in total.

    Returns
    -------
    OperatorStudy

    Raises
    ------
    CalibrationError
        If the model has no codebook.
    """
    torch.manual_seed(seed)
    codebook = codebook_of(model)
    count = (
        min(settings.vectors, _QUICK_VECTORS) if settings.quick else settings.vectors
    )
    rows = [
        OperatorRow(
            name,
            codebook.mean_error(name),
            "the ideal" if name in codebook.surfaces else "the largest ideal",
            PAPER_ERRORS.get(name),
        )
        for name in (*codebook.curves, *codebook.surfaces)
    ]
    rows += _weight_rows(codebook, settings, count)
    if "multiplier" in codebook.surfaces and "softmax" in codebook.curves:
        rows.append(_attention_row(codebook, settings))
    size = BlockSize(
        settings.tokens, settings.width, settings.heads, settings.feed_forward
    )
    chosen = EnergyAssumptions()
    costs = measured_costs(model, chosen)
    if progress is not None:
        progress("operators", 1, 1)
    energy = tuple(compared_energy(size, costs, chosen))
    return OperatorStudy(settings, model, codebook, tuple(rows), energy, costs, chosen)


def _weight_rows(
    codebook: Codebook, settings: PcuOperatorsSettings, count: int
) -> list[OperatorRow]:
    """Return errors of products of uniform vectors and uniform weights."""
    weight = torch.rand(settings.outputs, settings.inputs) * 2 - 1
    value = torch.rand(count, settings.inputs)
    operators = AnalogOperators(codebook, "codebook", "read")
    layer = AnalogLinear(operators, torch.nn.Parameter(weight)).eval()
    with torch.no_grad():
        ideal = value @ weight.T
        error = (layer(value) - ideal).abs().mean()
    full = value.sum(dim=1).mean()
    size = f"{settings.outputs} x {settings.inputs}"
    return [
        OperatorRow(
            "product with weights",
            float(error / full),
            f"full scale (all weights 1), {size}",
            PAPER_ERRORS["product with weights"],
        ),
        OperatorRow(
            "product with weights", float(error / ideal.abs().mean()), "mean |ideal|"
        ),
    ]


def _attention_row(codebook: Codebook, settings: PcuOperatorsSettings) -> OperatorRow:
    """Return the error of scaled dot-product attention of normal operands."""
    shape = (1, settings.heads, settings.tokens, settings.width // settings.heads)
    query, key, value = (torch.randn(shape) for _ in range(3))
    answers = []
    with torch.no_grad():
        for mode in _COMPARED:
            operators = AnalogOperators(codebook, mode)
            answers.append(scaled_attention(operators, query, key, value)[0])
    error = (answers[1] - answers[0]).square().mean() / answers[0].square().mean()
    return OperatorRow("attention", float(error.sqrt()), "rms of the ideal (rms error)")
