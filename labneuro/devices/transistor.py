"""An n-channel enhancement transistor by the square law.

With the overdrive u = V_GS - V_T above 0 the drain current is ``k (u V - V^2 / 2)`` up
to V = u, and ``k u^2 / 2`` from there on: the transistor saturates, which is what makes
a current limit of it. Below the threshold nothing flows. The channel conducts both ways
with source and drain exchanged; the diode across it is not modelled.

A real transistor does not switch off at its threshold: its current falls by a decade
each 60 to 100 mV there, and limits of microamperes lie in that range. So a gate voltage
for such a limit is the model's, not that of a transistor in a drawer.

References
----------
H. Shichman, D. A. Hodges, IEEE J. Solid-State Circuits SC-3 (1968) 285-289.
"""

from __future__ import annotations

from dataclasses import dataclass

from numba import njit

from labneuro.errors import CardError

UNITS = {"transistor_threshold": "V", "transistor_gain": "A/V^2"}


@dataclass(frozen=True)
class TransistorParameters:
    """Parameters of one transistor, in SI units.

    Attributes
    ----------
    transistor_threshold : float
        Gate voltage V_T from which the channel conducts. V
    transistor_gain : float
        k. A/V^2
    """

    transistor_threshold: float
    transistor_gain: float

    def __post_init__(self) -> None:
        for name in UNITS:
            if not getattr(self, name) > 0:
                raise CardError(f"{name}: must be above 0, not {getattr(self, name)}")

    def saturation_current(self, gate: float) -> float:
        """Return the largest drain current in A at a gate-source voltage in V."""
        overdrive = max(gate - self.transistor_threshold, 0.0)
        return 0.5 * self.transistor_gain * overdrive**2


@njit(cache=True)
def drain_current(  # pragma: no cover  compiled
    volts: float, overdrive: float, gain: float
) -> float:
    """Return the current from drain to source in A.

    Parameters
    ----------
    volts, overdrive : float
        From drain to source, and of the gate above source and threshold, in V.
    gain : float
        In A/V^2.
    """
    above = overdrive - min(volts, 0.0)  # the lower of both ends is the source
    inside = min(abs(volts), max(above, 0.0))
    current = gain * inside * (above - 0.5 * inside)
    return current if volts > 0.0 else -current
