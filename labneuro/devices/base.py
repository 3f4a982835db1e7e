"""What every device model offers, whoever uses it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar


class TwoTerminalDevice(ABC):
    """One device as a circuit sees it: a current for a voltage, and a state in time.

    A simulated bench holds one; a population is advanced by the model's own compiled
    functions, which this object calls too, so that both speak of the same physics.
    """

    terminals: ClassVar[tuple[str, str]]
    evolves: ClassVar[bool] = False
    """Whether voltage or current move while the source does not: the device then says
    by :meth:`steady_for` how closely it must be followed."""

    @abstractmethod
    def operating_point(
        self, source_voltage: float, series: float
    ) -> tuple[float, float]:
        """Return voltage and current of the device behind a real voltage source.

        Parameters
        ----------
        source_voltage : float
            Open-circuit voltage from the first to the second terminal, in V.
        series : float
            Resistance of the source, in ohm.

        Returns
        -------
        tuple of float
            Voltage across the device in V, current into its first terminal in A.
        """

    @abstractmethod
    def advance(self, voltage: float, duration: float) -> None:
        """Let the state move for `duration` seconds at a constant `voltage` in V."""

    def advance_behind(
        self, source_voltage: float, series: float, duration: float
    ) -> None:
        """Let the state move for `duration` seconds behind a real voltage source.

        Parameters
        ----------
        source_voltage, series : float
            As for :meth:`operating_point`, constant meanwhile.
        duration : float
            In s.
        """
        voltage, _ = self.operating_point(source_voltage, series)
        self.advance(voltage, duration)

    def steady_for(self, source_voltage: float, series: float) -> float:
        """Return for how many seconds the operating point may be taken as constant.

        Parameters
        ----------
        source_voltage, series : float
            As for :meth:`operating_point`.
        """
        return math.inf
