"""Parameters of the FMES synapse, and the draw of devices around a card."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.fmes_branches import BRANCH_SIZE, CAPACITANCE, CROWDING, GROWTH
from labneuro.errors import CardError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNITS = {
    "fast_resistance": "ohm",
    "fast_capacitance": "F",
    "fast_leak": "S",
    "fast_crowding": "1/V",
    "middle_resistance": "ohm",
    "middle_capacitance": "F",
    "middle_leak": "S",
    "slow_resistance": "ohm",
    "slow_capacitance": "F",
    "slow_leak": "S",
    "slow_growth": "1/V",
    "terminal_leak": "S",
    "pulse_threshold": "A",
    "charge_noise": "",
    "capacitance_spread": "",
    "resistance_spread": "",
    "leak_spread": "",
    "capacitance_fade": "",
    "fade_onset": "",
}
BRANCHES = ("fast", "middle", "slow")
_ABOVE_ZERO = ("fade_onset", "pulse_threshold")


@dataclass(frozen=True)
class FmesParameters:
    """Parameters of one device or of a population's mean, in SI units.

    Attributes
    ----------
    fast_resistance, middle_resistance, slow_resistance : float
        Series resistance of each branch. ohm
    fast_capacitance, middle_capacitance, slow_capacitance : float
        Capacitance of each branch; 0: the branch is absent. F
    fast_leak, middle_leak, slow_leak : float
        Conductance across each capacitance: self-discharge. S
    fast_crowding : float
        k in ``C(v) = C / sqrt(1 + (k v)**2)`` of the fast branch; 0: linear. 1/V
    slow_growth : float
        n in ``C(v) = C (1 + (n v)**2)`` of the slow branch; 0: linear. 1/V
    terminal_leak : float
        Conductance between the terminals. S
    pulse_threshold : float
        Short-circuit current of the source above which a pulse is on. A
    charge_noise : float
        Cycle-to-cycle standard deviation of the logarithm of a pulse's charge.
    capacitance_spread, resistance_spread, leak_spread : float
        Device-to-device standard deviation of the logarithms, each branch by itself.
    capacitance_fade, fade_onset : float
        Share of the capacitances that a decade of pulses beyond the onset takes.
    """

    fast_resistance: float
    fast_capacitance: float
    fast_leak: float
    fast_crowding: float
    middle_resistance: float
    middle_capacitance: float
    middle_leak: float
    slow_resistance: float
    slow_capacitance: float
    slow_leak: float
    slow_growth: float
    terminal_leak: float
    pulse_threshold: float
    charge_noise: float
    capacitance_spread: float
    resistance_spread: float
    leak_spread: float
    capacitance_fade: float
    fade_onset: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _ABOVE_ZERO and not value > 0:
                raise CardError(f"{field.name}: must be above 0, not {value}")
            if not value >= 0:
                raise CardError(f"{field.name}: must not be negative, not {value}")
        present = [name for name in BRANCHES if self.branch(name)[CAPACITANCE] > 0]
        if not present:
            raise CardError("slow_capacitance: at least one branch must have one")
        for name in present:
            if not getattr(self, f"{name}_resistance") > 0:
                raise CardError(f"{name}_resistance: must be above 0 in a branch")

    @property
    def linear(self) -> bool:
        """Whether every branch is linear, so that advances are exact."""
        return not np.any(self.branches()[:, [CROWDING, GROWTH]])

    def branch(self, name: str) -> tuple[float, ...]:
        """Return resistance, capacitance, leak, crowding, growth of one, SI units."""
        parts = ("resistance", "capacitance", "leak", "crowding", "growth")
        return tuple(getattr(self, f"{name}_{part}", 0.0) for part in parts)

    def branches(self) -> NDArray[np.float64]:
        """Return the branches as the compiled core takes them.

        Returns
        -------
        ndarray, shape (3, 5)
            Conductance, capacitance, leak, crowding, growth; an absent branch conducts
            nothing.
        """
        table = np.zeros((len(BRANCHES), BRANCH_SIZE))
        table[:, CAPACITANCE] = 1.0
        for index, name in enumerate(BRANCHES):
            resistance, capacitance, *rest = self.branch(name)
            if capacitance > 0:
                table[index] = 1.0 / resistance, capacitance, *rest
        return table


def draw_device(mean: FmesParameters, seed: int, index: int = 0) -> FmesParameters:
    """Draw device `index` of a seed around a card's mean; spreads are log-normal."""
    generator = np.random.default_rng((seed, index))
    changes = {}
    for part, spread in (
        ("resistance", mean.resistance_spread),
        ("capacitance", mean.capacitance_spread),
        ("leak", mean.leak_spread),
    ):
        for name in BRANCHES:
            key = f"{name}_{part}"
            factor = float(np.exp(spread * generator.standard_normal()))
            changes[key] = getattr(mean, key) * factor
    factor = float(np.exp(mean.leak_spread * generator.standard_normal()))
    return replace(mean, terminal_leak=mean.terminal_leak * factor, **changes)


def draw_population(
    mean: FmesParameters, count: int, seed: int
) -> list[FmesParameters]:
    """Draw `count` devices; device k of a seed is the same whatever the count."""
    return [draw_device(mean, seed, index) for index in range(count)]
