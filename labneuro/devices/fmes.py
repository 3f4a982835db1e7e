"""The FMES synapse: an MXene supercapacitor between two terminals.

Ions that move to and fro between two MXene electrodes store the synapse's weight, which
is the voltage between the terminals. The device is a leak parallel to up to three
branches of a resistance and a capacitance: a fast one that makes the response to a
pulse and to a pair of pulses, a middle one, and a slow one that holds the charge. The
capacitance of the fast branch may fall with its voltage as ions crowd it. The
regulating resistor is no part of the device: it lies beside it, outside.

Linear devices are advanced exactly for piecewise-constant and ramped sources, crowded
ones with error control (:mod:`labneuro.devices.fmes_branches`).

References
----------
S. Zhao, W. Ran et al., "Neuromorphic-computing-based adaptive learning using ion
dynamics in flexible energy storage devices": Figures 1 to 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from labneuro.devices.base import TwoTerminalDevice
from labneuro.devices.fmes_branches import device_current
from labneuro.devices.fmes_parameters import (
    BRANCHES,
    UNITS,
    FmesParameters,
    draw_device,
    draw_population,
)
from labneuro.devices.fmes_population import (
    OPEN,
    FmesPopulation,
    PulseTrain,
    follow,
    live,
    steady_time,
    volts_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BRANCHES",
    "OPEN",
    "UNITS",
    "FmesDevice",
    "FmesParameters",
    "FmesPopulation",
    "PulseTrain",
    "draw_device",
    "draw_population",
]

_STEADY_SHARE = 0.01  # of its swing: what a step may move the recorded voltage by


class FmesDevice(TwoTerminalDevice):
    """One FMES synapse between its positive and its negative electrode.

    Parameters
    ----------
    parameters : FmesParameters
        This device's parameters.
    seed : int
        Seed of its random stream.
    """

    terminals: ClassVar[tuple[str, str]] = ("positive", "negative")
    evolves: ClassVar[bool] = True

    def __init__(self, parameters: FmesParameters, seed: int) -> None:
        self.parameters = parameters
        self.population = FmesPopulation([parameters], seed)
        self._memory = self.population.memory
        self._branches = self._memory.branches[0]
        self._charge = self._memory.charge[0]
        self._leak = parameters.terminal_leak

    @property
    def charge(self) -> NDArray[np.float64]:
        """Charge of the fast, the middle and the slow branch in C, shape (3,)."""
        return self._charge.copy()

    def operating_point(
        self, source_voltage: float, series: float
    ) -> tuple[float, float]:
        """Return voltage in V and current in A behind a real source."""
        voltage = volts_of(self._memory, 0, float(source_voltage), float(series))
        return voltage, device_current(
            self._charge, self._branches, self._leak, voltage
        )

    def advance(self, voltage: float, duration: float) -> None:
        """Let the charges move for `duration` seconds at a constant `voltage` in V."""
        self.advance_behind(voltage, 0.0, duration)

    def advance_behind(
        self, source_voltage: float, series: float, duration: float
    ) -> None:
        """Let the charges move for `duration` seconds behind a real source."""
        live(self._memory, 0, float(source_voltage), float(series), float(duration))

    def steady_for(self, source_voltage: float, series: float) -> float:
        """Return how long voltage and current stay within 1 % of their swing, in s."""
        source, beside = float(source_voltage), float(series)
        return float(steady_time(self._memory, 0, source, beside, _STEADY_SHARE))

    def sweep(
        self, start: float, slope: float, series: float, duration: float, points: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ramp the source linearly and follow the device: closed form where linear.

        No pulse is counted and no noise drawn.

        Parameters
        ----------
        start, slope : float
            Source voltage at the beginning in V and its change in V/s.
        series : float
            Series resistance in ohm.
        duration : float
            In s.
        points : int
            Number of equally spaced times at which the device is read, beginning with
            the first instant.

        Returns
        -------
        voltages, currents : ndarray, shape (points,)
            Voltage across the device in V, current into its first terminal in A.
        """
        step = duration / (points - 1)
        found = np.empty((points, 2))
        for index in range(points):
            source = start + slope * index * step
            if index:
                before = source - slope * step
                follow(self._memory, 0, before, float(slope), float(series), step)
            found[index] = self.operating_point(source, series)
        return found[:, 0], found[:, 1]
