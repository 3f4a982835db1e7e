"""What programming a memristor asks of a source meter: guards and step pulses.

A crossing of an array is measured beside all other paths through the array. A guard
holds the neighbouring lines at the level of the source, so that what flows through the
others is not measured.

References
----------
Z. Zhan et al., Adv. Sci. 12 (2025) e04706: Figure 2b and "Electrical Characterization"
(incremental step pulses with verify).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labneuro.instruments.roles import CurrentPulser, SourceMeter
from labneuro.instruments.stress import METER, Levels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class StepPulses:
    """Incremental step pulses until a conductance is read.

    While the conductance is on one side of the target, each pulse is higher than the
    one before; once it is beyond (overshoot), pulses of the other sign begin anew.

    Attributes
    ----------
    target : float
        Conductance in S.
    tolerance : float
        Largest relative deviation of a reading that counts as reached.
    first : float
        Magnitude of the first pulse in each direction, in V.
    increment : float
        Growth from a pulse to the next in the same direction, in V.
    largest : float
        Magnitude at which pulses stay, in V.
    width : float
        Of a pulse in s.
    read_voltage : float
        V
    settling : float
        From the read level to the integration, in s.
    most : int
        Pulses at most.
    """

    target: float
    tolerance: float
    first: float
    increment: float
    largest: float
    width: float
    read_voltage: float
    settling: float
    most: int

    def levels(self, aperture: float) -> Levels:
        """Return the set-points at most: every pulse at its largest, either sign.

        Parameters
        ----------
        aperture : float
            Integration time of a reading in s.
        """
        read = (self.read_voltage, self.settling + aperture)
        up, down = (self.largest, self.width), (-self.largest, self.width)
        once = (read, (0.0, 0.0), up, (0.0, 0.0), read, (0.0, 0.0), down, (0.0, 0.0))
        return Levels(METER, once, math.ceil((self.most + 1) / 2))


@dataclass(frozen=True)
class StepPulseReadings:
    """What incremental step pulses did.

    Attributes
    ----------
    amplitude : ndarray, shape (readings,)
        Pulse before each reading in V; 0 before the first.
    current : ndarray, shape (readings,)
        At the read voltage, in A; NaN where the range overflowed.
    time : ndarray, shape (readings,)
        The instrument's time stamps in s since the first reading's.
    limited : bool
        Whether a pulse ended at the compliance: its level was not reached.
    """

    amplitude: NDArray[np.float64]
    current: NDArray[np.float64]
    time: NDArray[np.float64]
    limited: bool


class ProgrammingSourceMeter(SourceMeter):
    """A source meter that programs memristors and guards the lines beside them."""

    @abstractmethod
    def guard_with(self, guard: CurrentPulser, compliance_current: float) -> None:
        """Let another channel follow every level of sweeps until `configure`.

        Its output goes on, at 0 V. Call it between :meth:`configure` and the output.

        Parameters
        ----------
        guard : CurrentPulser
            The role that the other channel fills; it must be configured anew
            afterwards.
        compliance_current : float
            Its limit in A.
        """

    @abstractmethod
    def step_pulses(self, pulses: StepPulses) -> StepPulseReadings:
        """Program by incremental step pulses, as one script on the instrument."""
