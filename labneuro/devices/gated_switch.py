"""A threshold switch in series with a transistor, whose gate limits the current.

The switch is ohmic at any instant and the transistor follows the square law, so one
current is to be found. While the switch lives, the transistor is replaced by its
tangent, for the time in which the switch's conductance stays within about 5 %.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 2 and measurement method, an
external BS170 with a DC source at its gate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from numba import njit

from labneuro.devices import threshold_switch, transistor
from labneuro.devices.base import MultiTerminalDevice
from labneuro.devices.threshold_switch import (
    ThresholdSwitchDevice,
    ThresholdSwitchParameters,
)
from labneuro.devices.transistor import TransistorParameters, drain_current

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.devices.port_mesh import PortMesh

UNITS = {**threshold_switch.UNITS, **transistor.UNITS}
_TOP, _GATE, _SOURCE = range(3)
_STIFFEST = 1e9  # ohm of a saturated transistor's tangent
_NUDGE = 1e-6  # relative, for the tangent
_SMALLEST = 1e-9  # V
_HALVINGS = 200
_THROUGH = np.array([1.0, 0.0, -1.0])  # a current, by terminal


@dataclass(frozen=True)
class GatedSwitchParameters:
    """Parameters of a switch and of its series transistor.

    Attributes
    ----------
    switch : ThresholdSwitchParameters
        The threshold switch, from terminal ``top`` to the transistor's drain.
    transistor : TransistorParameters
        The transistor, with the terminals ``gate`` and ``source``.
    """

    switch: ThresholdSwitchParameters
    transistor: TransistorParameters


_SWITCH_NAMES = [field.name for field in fields(ThresholdSwitchParameters)]


def gated_switch_parameters(**values: float) -> GatedSwitchParameters:
    """Return the parameters from one flat set of numbers.

    Parameters
    ----------
    **values : float
        Those of :data:`UNITS`, in SI units.

    Raises
    ------
    CardError
        If a number is out of its range.
    """
    switch = {name: values[name] for name in _SWITCH_NAMES}
    rest = {name: values[name] for name in transistor.UNITS}
    return GatedSwitchParameters(
        ThresholdSwitchParameters(**switch), TransistorParameters(**rest)
    )


def flat_values(parameters: GatedSwitchParameters) -> dict[str, float]:
    """Return the numbers of :data:`UNITS`, in SI units."""
    return {**asdict(parameters.switch), **asdict(parameters.transistor)}


def draw_gated_switch(mean: GatedSwitchParameters, seed: int) -> GatedSwitchParameters:
    """Draw a device of a seed: its switch varies, its transistor does not."""
    return replace(mean, switch=threshold_switch.draw_device(mean.switch, seed))


@njit(cache=True)
def _series_current(  # pragma: no cover  compiled
    volts: float, ohm: float, overdrive: float, lifting: float, gain: float
) -> float:
    """Return the current through a resistance and a transistor in series, in A.

    The overdrive falls by `lifting` times the current. By halving: the transistor's
    current rises with its voltage, which falls with the current.
    """
    low, high = min(volts / ohm, 0.0), max(volts / ohm, 0.0)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        left = volts - ohm * middle
        if drain_current(left, overdrive - lifting * middle, gain) > middle:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


class _Around(NamedTuple):
    """What the device sees of the circuit while no current flows into it.

    Attributes
    ----------
    volts, rise : ndarray, shape (terminals,)
        Of the terminals, in V, and by how much each rises for a current out of the
        upper end and into the lower one, in ohm.
    voltage, series : float
        Open voltage from top to source in V, and resistance in ohm.
    overdrive : float
        Of the gate above source and threshold, in V.
    lifting : float
        By how much a current lowers it, in ohm.
    """

    volts: NDArray[np.float64]
    rise: NDArray[np.float64]
    voltage: float
    series: float
    overdrive: float
    lifting: float


class GatedSwitchDevice(MultiTerminalDevice):
    """One threshold switch with a transistor between it and its lower terminal.

    Parameters
    ----------
    parameters : GatedSwitchParameters
        Those of both.
    seed : int
        Seed of the switch's random stream.
    """

    names: ClassVar[tuple[str, ...]] = ("top", "gate", "source")

    def __init__(self, parameters: GatedSwitchParameters, seed: int) -> None:
        self.parameters = parameters
        self.switch = ThresholdSwitchDevice(parameters.switch, seed)
        self._mesh: PortMesh | None = None
        self._injected = b""
        self._around: _Around | None = None
        self._found: tuple[_Around, float] | None = None
        self._current = 0.0

    @property
    def terminals(self) -> tuple[str, ...]:
        """The switch's upper end, the transistor's gate and its source."""
        return self.names

    def _see(self, mesh: PortMesh, injected: NDArray[np.float64]) -> _Around:
        """Return what the circuit is to the device, from memory if nothing changed."""
        given = injected.tobytes()
        seen = self._around
        if seen is not None and mesh is self._mesh and given == self._injected:
            return seen
        nothing = np.zeros((len(self.names), len(self.names)))
        probe = np.zeros(len(self.names))
        probe[_TOP], probe[_SOURCE] = 1.0, -1.0
        volts, _ = mesh.solve(injected, nothing)
        rise, _ = mesh.solve(np.zeros(len(injected)), nothing, probe)
        threshold = self.parameters.transistor.transistor_threshold
        seen = self._around = _Around(
            volts,
            rise,
            float(volts[_TOP] - volts[_SOURCE]),
            float(rise[_TOP] - rise[_SOURCE]),
            float(volts[_GATE] - volts[_SOURCE]) - threshold,
            float(rise[_GATE] - rise[_SOURCE]),
        )
        self._mesh, self._injected = mesh, given
        return seen

    def _solve(self, around: _Around) -> tuple[float, float]:
        """Return the current through both in A, and the resistance before both."""
        conductance = self.switch.conductance
        ohm = around.series + 1.0 / conductance
        found = self._found
        if found is None or found[0] is not around or found[1] != conductance:
            self._current = _series_current(
                around.voltage,
                ohm,
                around.overdrive,
                around.lifting,
                self.parameters.transistor.transistor_gain,
            )
            self._found = around, conductance
        return self._current, ohm

    def operating_point(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the terminals' voltages in V and currents in A."""
        around = self._see(mesh, injected)
        current, _ = self._solve(around)
        return around.volts - current * around.rise, current * _THROUGH

    def _behind(
        self, mesh: PortMesh, injected: NDArray[np.float64]
    ) -> tuple[float, float]:
        """Return the source in V and the resistance in ohm that the switch sees."""
        around = self._see(mesh, injected)
        current, ohm = self._solve(around)
        drop = around.voltage - ohm * current
        gain = self.parameters.transistor.transistor_gain
        nudge = max(abs(drop) * _NUDGE, _SMALLEST)
        overdrive = around.overdrive - around.lifting * current
        rise = drain_current(drop + nudge, overdrive, gain)
        rise -= drain_current(drop - nudge, overdrive, gain)
        lifted = drain_current(drop, overdrive + nudge, gain)
        lifted -= drain_current(drop, overdrive - nudge, gain)
        fall = 2.0 * nudge + around.lifting * lifted
        slope = min(fall / rise, _STIFFEST) if rise > 0.0 else _STIFFEST
        return around.voltage - drop + slope * current, around.series + slope

    def advance_behind(
        self, mesh: PortMesh, injected: NDArray[np.float64], duration: float
    ) -> None:
        """Let the switch live behind circuit and transistor."""
        self.switch.advance_behind(*self._behind(mesh, injected), duration)

    def steady_for(self, mesh: PortMesh, injected: NDArray[np.float64]) -> float:
        """Return how long the switch's conductance stays within about 5 %, in s."""
        return self.switch.steady_for(*self._behind(mesh, injected))
