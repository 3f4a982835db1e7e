"""What every device model offers, whoever uses it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labneuro.devices.port_mesh import PortMesh


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


class MultiTerminalDevice(ABC):
    """A device of any number of terminals as a circuit sees it, and its state in time.

    The circuit around it is a :class:`~labneuro.devices.port_mesh.PortMesh`, which
    stays the same object while nothing but levels changes, and the current that its
    sources inject into each of the mesh's nodes.

    The circuit calls :meth:`settle` until it says that nothing has changed, reads the
    operating point, asks :meth:`steady_for`, advances by that or less, reads the end of
    the step without settling, and begins anew. So a device jumps in :meth:`settle`
    alone, and an average over a jump is right.
    """

    @property
    @abstractmethod
    def terminals(self) -> tuple[str, ...]:
        """The terminals' names, constant; those that a bench does not wire are open."""

    @abstractmethod
    def operating_point(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the terminals' voltages and currents; the state does not change.

        Parameters
        ----------
        mesh : PortMesh
            The circuit around the device.
        injected : ndarray, shape (nodes,)
            Current that its sources put into each node of the mesh, in A.

        Returns
        -------
        voltages, currents : ndarray, shape (terminals,)
            Voltage against ground in V, current into the device in A. On each node the
            voltages are the same, and the currents are what the mesh leaves over.
        """

    @abstractmethod
    def advance_behind(
        self, mesh: PortMesh, injected: NDArray[np.float64], duration: float
    ) -> None:
        """Let the state move for a time, up to an event but not through it.

        Parameters
        ----------
        mesh, injected
            As for :meth:`operating_point`, constant meanwhile.
        duration : float
            In s; exactly what :meth:`steady_for` has said, or less.
        """

    def steady_for(self, mesh: PortMesh, injected: NDArray[np.float64]) -> float:
        """Return for how many seconds voltages and currents may be taken as constant.

        At most up to the next event inside, which is then landed on exactly; above 0.

        Parameters
        ----------
        mesh, injected
            As for :meth:`operating_point`.
        """
        return math.inf

    def settle(self, mesh: PortMesh, injected: NDArray[np.float64]) -> bool:
        """Let happen what is due at this instant; return whether anything has changed.

        Called at the begin of every step and whenever a level around has changed: an
        edge at a clock input is found here, by comparison with what was seen last.

        Parameters
        ----------
        mesh, injected
            As for :meth:`operating_point`.
        """
        return False
