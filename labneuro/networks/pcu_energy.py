"""Energy of one pass of a Transformer block: all analog, analog MAC only, and GPU.

Each analog operation costs its units' current times voltage times the time that it
takes, plus a buffer that hands its result on. A full analog block converts between
digital and analog at its ends only; an accelerator whose memristors do nothing but
weight products converts before and after every product with weights and does the rest
digitally.

The paper's own account is in its supplement (Note S4), which is not at hand: which
block, how many tokens and what a conversion costs are not in the text. Every number
here is a parameter; each cost carries the mark `chosen` or `measured`, and what a
measured cost gives stands beside what the chosen one gave. The paper's figures stand
beside the result and are no target.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: section 3, "Conclusion".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from labneuro.errors import InputError

if TYPE_CHECKING:
    from labneuro.calibration import CalibratedModel

PAPER_ENERGY = {"gpu": 5.37e-3, "mac accelerator": 0.32e-3, "pcu": 0.09e-3}
"""J for one operation of a Transformer block that the paper quotes."""
_OPERATORS = ("weight", "multiplier", "divider", "softmax", "softplus", "gelu")


@dataclass(frozen=True)
class OperatorCost:
    """What one operation of one operator takes.

    Attributes
    ----------
    units : int
        Perovskite units that carry the current.
    current : float
        Mean magnitude through each. A
    voltage : float
        Mean magnitude across each. V
    mark : str
        ``"chosen"`` or ``"measured"``.
    """

    units: int
    current: float
    voltage: float
    mark: Literal["chosen", "measured"] = "chosen"

    @property
    def power(self) -> float:
        """Power of one operator at work, in W."""
        return self.units * self.current * self.voltage


def _default_costs() -> dict[str, OperatorCost]:
    return {
        # M1 of 1 uS to 1 mS, small signals: 10 uS at 10 mV.
        "weight": OperatorCost(1, 1e-7, 0.01),
        # 50 to 500 nA through diodes of 1 nA and n = 2.
        "multiplier": OperatorCost(3, 2e-7, 0.27),
        "divider": OperatorCost(3, 2e-7, 0.27),
        # A multiplier, an exponential and a divider for each input.
        "softmax": OperatorCost(7, 2e-7, 0.27),
        "softplus": OperatorCost(1, 3e-5, 0.7),
        # Back-to-back diodes carry their saturation current; then a multiplier.
        "gelu": OperatorCost(4, 1.5e-7, 0.27),
    }


@dataclass(frozen=True)
class EnergyAssumptions:
    """Everything that the energy depends on; all `chosen` unless costs are measured.

    Attributes
    ----------
    costs : dict of str to OperatorCost
        By operator: weight, multiplier, divider, softmax, softplus, gelu.
    time : float
        In which an operator settles. s
    buffer : float
        Energy to hand one analog value on. J
    conversion_in, conversion_out : float
        Energy of one digital-to-analog and one analog-to-digital conversion. J
    digital_operation : float
        Energy of one digital operation with its share of memory. J
    gpu_operation : float
        Energy of one operation on a GPU, all included. J
    """

    costs: dict[str, OperatorCost] = field(default_factory=_default_costs)
    time: float = 1e-7
    buffer: float = 1e-13
    conversion_in: float = 1e-13
    conversion_out: float = 2e-12
    digital_operation: float = 5e-12
    gpu_operation: float = 2e-11

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, float) and not value >= 0:
                raise InputError(f"energy: {name}: must be 0 or more, not {value}")
        missing = [name for name in _OPERATORS if name not in self.costs]
        if missing:
            raise InputError(f"energy: costs: no {missing[0]!r}")


@dataclass(frozen=True)
class BlockSize:
    """A Transformer block and what passes through it.

    Attributes
    ----------
    tokens, width, heads, feed_forward : int
        Of attention and of the feed-forward layers.
    activation : str
        ``"softplus"`` or ``"gelu"``.
    """

    tokens: int
    width: int
    heads: int
    feed_forward: int
    activation: Literal["softplus", "gelu"] = "softplus"

    def operations(self) -> dict[str, int]:
        """Return the number of operations by operator."""
        places = self.tokens**2
        return {
            "weight": self.tokens
            * (4 * self.width**2 + 2 * self.width * self.feed_forward),
            "multiplier": 2 * places * self.width,
            "softmax": places * self.heads,
            self.activation: self.tokens * self.feed_forward,
            "divider": 2 * self.tokens * self.width,
        }

    def results(self) -> dict[str, int]:
        """Return how many values each operator hands on (products add on a line)."""
        found = self.operations()
        found["weight"] = self.tokens * (5 * self.width + self.feed_forward)
        found["multiplier"] = self.tokens * (self.tokens * self.heads + self.width)
        return found


@dataclass(frozen=True)
class EnergyRow:
    """Energy of one part of a block.

    Attributes
    ----------
    part : str
        Which.
    energy : float
        J
    mark : str
        ``"measured"`` or ``"chosen"`` costs, or ``"sum"``.
    paper : float or None
        The paper's for its own block, in J.
    assumed : float or None
        With the chosen costs alone, in J, where :func:`compared_energy` told it.
    """

    part: str
    energy: float
    mark: str
    paper: float | None = None
    assumed: float | None = None


def measured_costs(
    calibrated: CalibratedModel, assumptions: EnergyAssumptions
) -> EnergyAssumptions:
    """Take measured currents, voltages and the time from a calibrated model.

    Parameters named ``<operator>_current`` (A), ``<operator>_voltage`` (V) and
    ``operator_time`` (s) replace the chosen ones, where the model has them. They are
    those of the operands that were measured. No shipped recipe measures the time: the
    source meter integrates for longer than an operator settles.

    Parameters
    ----------
    calibrated : CalibratedModel
        Of the units.
    assumptions : EnergyAssumptions
        The rest.
    """
    values = {parameter.name: parameter.value for parameter in calibrated.parameters}
    costs = dict(assumptions.costs)
    for name, cost in costs.items():
        current, voltage = (
            values.get(f"{name}_{what}") for what in ("current", "voltage")
        )
        if current is not None and voltage is not None:
            costs[name] = OperatorCost(cost.units, current, voltage, "measured")
    time = values.get("operator_time", assumptions.time)
    return replace(assumptions, costs=costs, time=time)


def block_energy(size: BlockSize, assumptions: EnergyAssumptions) -> list[EnergyRow]:
    """Return the energy of each part of the analog block, and of the three ways.

    Parameters
    ----------
    size : BlockSize
        The block.
    assumptions : EnergyAssumptions
        Costs.

    Returns
    -------
    list of EnergyRow
        Operators, hand-over and conversions of the analog block, then ``pcu``,
        ``mac accelerator`` and ``gpu``.
    """
    own = assumptions
    counts, results = size.operations(), size.results()
    rows = [
        EnergyRow(name, count * own.costs[name].power * own.time, own.costs[name].mark)
        for name, count in counts.items()
    ]
    ends = size.tokens * size.width
    rows.append(EnergyRow("hand-over", sum(results.values()) * own.buffer, "chosen"))
    both = own.conversion_in + own.conversion_out
    rows.append(EnergyRow("conversion at the ends", ends * both, "chosen"))
    pcu = sum(row.energy for row in rows)
    # Inputs of query, key and value are the same; then of output and two layers.
    inputs = size.tokens * (3 * size.width + size.feed_forward)
    digital = sum(n for name, n in counts.items() if name != "weight")
    accelerator = (
        counts["weight"] * own.costs["weight"].power * own.time
        + inputs * own.conversion_in
        + results["weight"] * own.conversion_out
        + digital * own.digital_operation
    )
    gpu = sum(counts.values()) * own.gpu_operation
    totals = {"pcu": pcu, "mac accelerator": accelerator, "gpu": gpu}
    rows += [EnergyRow(n, e, "sum", PAPER_ENERGY[n]) for n, e in totals.items()]
    return rows


def compared_energy(
    size: BlockSize, measured: EnergyAssumptions, assumed: EnergyAssumptions
) -> list[EnergyRow]:
    """Return :func:`block_energy` with what other assumptions give beside each part.

    Parameters
    ----------
    size : BlockSize
        The block.
    measured, assumed : EnergyAssumptions
        With costs of a calibrated model, and without.
    """
    pairs = zip(block_energy(size, measured), block_energy(size, assumed), strict=True)
    return [replace(row, assumed=other.energy) for row, other in pairs]
