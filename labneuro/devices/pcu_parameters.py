"""Parameters of a perovskite computing unit, and the draw of units around a card."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from labneuro.devices.diode import thermal_voltage
from labneuro.errors import CardError

UNITS = {
    "saturation_current": "A",
    "backward_ratio": "",
    "ideality": "",
    "series_resistance": "ohm",
    "temperature": "K",
    "multistate_low": "S",
    "multistate_high": "S",
    "multistate_dead_zone": "V",
    "multistate_voltage": "V",
    "multistate_rate": "1/s",
    "multistate_retention": "s",
    "multistate_rest": "",
    "multistate_start": "",
    "multistate_noise": "",
    "fluctuation": "",
    "fluctuation_time": "s",
    "binary_low": "S",
    "binary_high": "S",
    "binary_set": "V",
    "binary_reset": "V",
    "binary_voltage": "V",
    "binary_rate": "1/s",
    "binary_width": "",
    "binary_retention": "s",
    "binary_start": "",
    "binary_noise": "",
    "saturation_spread": "",
    "conductance_spread": "",
    "threshold_spread": "",
}
_SHARES = ("multistate_rest", "multistate_start", "binary_start")
_MAY_BE_ZERO = (
    "series_resistance",
    "multistate_noise",
    "fluctuation",
    "binary_noise",
    "saturation_spread",
    "conductance_spread",
    "threshold_spread",
)


@dataclass(frozen=True)
class PcuParameters:
    """Parameters of one unit or of a population's mean, in SI units.

    Attributes
    ----------
    saturation_current : float
        I0 of diode D1. A
    backward_ratio : float
        I0 of the backward diode D2 over that of D1.
    ideality, series_resistance : float
        n and Rs of both diodes. ohm
    temperature : float
        Of the thermal voltage; I0 is that of this temperature. K
    multistate_low, multistate_high : float
        Conductance of M1 with no and with all traps filled. S
    multistate_dead_zone, multistate_voltage, multistate_rate : float
        Filling grows by ``rate (exp((|V| - dead zone) / voltage) - 1)``. V, V, 1/s
    multistate_retention, multistate_rest : float
        Time in which the filling of M1 drifts to its rest. s
    multistate_start, binary_start : float
        State of a fresh device, 0 to 1.
    multistate_noise, binary_noise : float
        Pulse-to-pulse standard deviation of the logarithm of the rate.
    fluctuation, fluctuation_time : float
        Standard deviation of ln(conductance) of M1, correlated over the time. s
    binary_low, binary_high : float
        Conductance of M2 in its high- and low-resistance state. S
    binary_set, binary_reset : float
        Magnitudes beyond which M2's filament grows and dissolves. V
    binary_voltage, binary_rate : float
        As for M1. V, 1/s
    binary_width : float
        Width of the filament's bridging around a growth of one half.
    binary_retention : float
        Time in which the filament dissolves by itself. s
    saturation_spread, conductance_spread, threshold_spread : float
        Device-to-device standard deviation of the logarithm: of each I0, of each
        conductance bound, of dead zone, set and reset voltage.
    """

    saturation_current: float
    backward_ratio: float
    ideality: float
    series_resistance: float
    temperature: float
    multistate_low: float
    multistate_high: float
    multistate_dead_zone: float
    multistate_voltage: float
    multistate_rate: float
    multistate_retention: float
    multistate_rest: float
    multistate_start: float
    multistate_noise: float
    fluctuation: float
    fluctuation_time: float
    binary_low: float
    binary_high: float
    binary_set: float
    binary_reset: float
    binary_voltage: float
    binary_rate: float
    binary_width: float
    binary_retention: float
    binary_start: float
    binary_noise: float
    saturation_spread: float
    conductance_spread: float
    threshold_spread: float

    def __post_init__(self) -> None:
        for field in fields(self):
            self._check(field.name, getattr(self, field.name))
        for kind in ("multistate", "binary"):
            if not getattr(self, f"{kind}_low") < getattr(self, f"{kind}_high"):
                raise CardError(f"{kind}_low: must be below {kind}_high")

    @staticmethod
    def _check(name: str, value: float) -> None:
        if name in _SHARES:
            if not 0 <= value <= 1:
                raise CardError(f"{name}: must lie between 0 and 1, not {value}")
        elif name in _MAY_BE_ZERO:
            if not 0 <= value < math.inf:
                raise CardError(f"{name}: must not be negative, not {value}")
        elif not 0 < value < math.inf:
            raise CardError(f"{name}: must be above 0, not {value}")

    @property
    def emission_voltage(self) -> float:
        """Return n VT in V."""
        return self.ideality * thermal_voltage(self.temperature)


def draw_unit(mean: PcuParameters, seed: int, index: int = 0) -> PcuParameters:
    """Draw unit `index` of a seed around a card's mean; every spread is log-normal."""
    generator = np.random.default_rng((seed, index))
    drawn = {
        "saturation_current": mean.saturation_spread,
        "backward_ratio": math.sqrt(2.0) * mean.saturation_spread,
        "multistate_low": mean.conductance_spread,
        "multistate_high": mean.conductance_spread,
        "binary_low": mean.conductance_spread,
        "binary_high": mean.conductance_spread,
        "multistate_dead_zone": mean.threshold_spread,
        "binary_set": mean.threshold_spread,
        "binary_reset": mean.threshold_spread,
    }
    steps = dict(zip(drawn, generator.standard_normal(len(drawn)), strict=True))
    # D1 and D2 vary alike and independently: their ratio leans on D1's own step.
    shared = (steps["backward_ratio"] - steps["saturation_current"]) / math.sqrt(2.0)
    steps["backward_ratio"] = shared
    changes = {
        name: getattr(mean, name) * math.exp(spread * steps[name])
        for name, spread in drawn.items()
    }
    return replace(mean, **changes)


def draw_units(mean: PcuParameters, count: int, seed: int) -> list[PcuParameters]:
    """Draw `count` units; unit k of a seed is the same whatever the count."""
    return [draw_unit(mean, seed, index) for index in range(count)]
