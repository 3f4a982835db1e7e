"""The resistive-switching synapse: a bounded conductance, set and reset by voltage.

Between its lowest and highest value the conductance moves only beyond two thresholds.
Above `set_voltage` it tends to what the gate's compliance allows, below minus
`reset_voltage` to its lowest value, each with a rate ``expm1(beyond / scale) / time``,
where `beyond` is how far the voltage is beyond the threshold; the rate is 0 at the
threshold. The gate's share runs from 0 at `gate_threshold` to 1 at `full_gate`: it
scales the compliance and the rate of a reset. Below `gate_threshold` the cell is open.

At constant voltage this is exact. Each time a threshold is crossed, the rate is drawn
anew (cycle-to-cycle).

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": the Pd/HfO2/Ta cells of Figures 4 and 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numba import njit

from labneuro.devices.base import TwoTerminalDevice
from labneuro.devices.random_streams import normal, streams
from labneuro.errors import CardError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

UNITS = {
    "lowest_conductance": "S",
    "medium_conductance": "S",
    "highest_conductance": "S",
    "set_voltage": "V",
    "set_voltage_scale": "V",
    "set_time": "s",
    "reset_voltage": "V",
    "reset_voltage_scale": "V",
    "reset_time": "s",
    "gate_threshold": "V",
    "full_gate": "V",
    "step_noise": "",
    "conductance_spread": "",
}
_MAY_BE_ZERO = ("step_noise", "conductance_spread")


@dataclass(frozen=True)
class RsSynapseParameters:
    """Parameters of one synapse or of a population's mean, in SI units.

    Attributes
    ----------
    lowest_conductance, medium_conductance, highest_conductance : float
        Bounds, and where a new synapse is. S
    set_voltage, reset_voltage : float
        Nothing moves from minus `reset_voltage` to `set_voltage`. V
    set_voltage_scale, reset_voltage_scale, set_time, reset_time : float
        The rate is ``expm1(beyond / scale) / time``. V, s
    gate_threshold, full_gate : float
        Gate voltages at which the cell opens and at which it is fully on. V
    step_noise : float
        Standard deviation of the logarithm of the rate from event to event.
    conductance_spread : float
        That of both bounds' logarithms from device to device.
    """

    lowest_conductance: float
    medium_conductance: float
    highest_conductance: float
    set_voltage: float
    set_voltage_scale: float
    set_time: float
    reset_voltage: float
    reset_voltage_scale: float
    reset_time: float
    gate_threshold: float
    full_gate: float
    step_noise: float
    conductance_spread: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _MAY_BE_ZERO:
                if not value >= 0:
                    raise CardError(f"{field.name}: must not be negative, not {value}")
            elif not value > 0:
                raise CardError(f"{field.name}: must be above 0, not {value}")
        order = (
            self.lowest_conductance,
            self.medium_conductance,
            self.highest_conductance,
        )
        if not (order[0] <= order[1] <= order[2] and order[0] < order[2]):
            raise CardError(
                "medium_conductance: must lie from lowest_conductance to "
                f"highest_conductance, {order[0]} to {order[2]} S, not {order[1]} S"
            )
        if not self.full_gate > self.gate_threshold:
            raise CardError(
                f"full_gate: must be above gate_threshold, {self.gate_threshold} V, "
                f"not {self.full_gate} V"
            )


def draw_synapse(
    mean: RsSynapseParameters, seed: int, index: int = 0
) -> RsSynapseParameters:
    """Draw synapse `index` of a seed around a card's mean."""
    step = np.random.default_rng((seed, index)).standard_normal()
    factor = math.exp(mean.conductance_spread * step)
    return replace(
        mean,
        lowest_conductance=mean.lowest_conductance * factor,
        medium_conductance=mean.medium_conductance * factor,
        highest_conductance=mean.highest_conductance * factor,
    )


_NAMES = [field.name for field in fields(RsSynapseParameters)]
(
    _LOWEST,
    _MEDIUM,
    _HIGHEST,
    SET,
    _SET_SCALE,
    _SET_TIME,
    RESET,
    _RESET_SCALE,
    _RESET_TIME,
    GATE,
    _FULL,
    _NOISE,
    _,
) = range(len(_NAMES))
# Columns of the state: conductance, direction of the event that is on, its factor.
G, EVENT, FACTOR = range(3)
_LARGEST_EXPONENT = 20.0
_ARRIVED = 1e-4  # of a target: a conductance as near to it does not move any more
_SHARE = 0.02  # of the conductance that may move while a voltage counts as constant


@njit(cache=True)
def gate_share(p, gate):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return how far a gate voltage opens the transistor, from 0 to 1."""
    return min(max((gate - p[GATE]) / (p[_FULL] - p[GATE]), 0.0), 1.0)


@njit(cache=True)
def direction(p, volts, share):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return 1 where a voltage sets a synapse, -1 where it resets it, else 0."""
    if share <= 0.0:
        return 0.0
    if volts > p[SET]:
        return 1.0
    return -1.0 if -volts > p[RESET] else 0.0


@njit(cache=True)
def tendency(g, p, volts, share):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return where a conductance tends to in S, and the rate in 1/s without noise.

    The rate is 0 where the conductance does not move.
    """
    way = direction(p, volts, share)
    if way > 0.0:
        target = p[_LOWEST] + share * (p[_HIGHEST] - p[_LOWEST])
        if target - g <= _ARRIVED * target:
            return g, 0.0
        exponent = min((volts - p[SET]) / p[_SET_SCALE], _LARGEST_EXPONENT)
        return target, math.expm1(exponent) / p[_SET_TIME]
    if way < 0.0 and g - p[_LOWEST] > _ARRIVED * p[_LOWEST]:
        exponent = min((-volts - p[RESET]) / p[_RESET_SCALE], _LARGEST_EXPONENT)
        return p[_LOWEST], share * math.expm1(exponent) / p[_RESET_TIME]
    return g, 0.0


@njit(cache=True)
def program(s, p, volts, share, duration, stream, index):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Move a synapse's conductance at a constant voltage, exactly."""
    event = direction(p, volts, share)
    if event != s[EVENT]:
        s[EVENT] = event
        if event != 0.0:
            s[FACTOR] = math.exp(p[_NOISE] * normal(stream, index))
    target, pace = tendency(s[G], p, volts, share)
    if pace > 0.0:
        s[G] = target + (s[G] - target) * math.exp(-pace * s[FACTOR] * duration)


@njit(cache=True)
def constant_time(s, p, volts, share):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return the time in which the conductance moves by about 2 %, in s."""
    target, pace = tendency(s[G], p, volts, share)
    if pace == 0.0:
        return math.inf
    return _SHARE * s[G] / (pace * s[FACTOR] * abs(target - s[G]))


@njit(cache=True)
def _program_all(state, parameter, volts, gate, duration, stream):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for i in range(state.shape[0]):
        share = gate_share(parameter[i], gate[i])
        program(state[i], parameter[i], volts[i], share, duration, stream, i)


class RsSynapsePopulation:
    """Many synapses advanced together, compiled.

    Parameters
    ----------
    synapses : list of RsSynapseParameters
        The parameters of each; all begin at their medium conductance.
    seed : int
        Seed of the synapses' random streams.
    """

    def __init__(self, synapses: list[RsSynapseParameters], seed: int) -> None:
        self.parameter = np.array(
            [[getattr(synapse, name) for name in _NAMES] for synapse in synapses]
        )
        self.stream = streams(seed, len(synapses))
        self.state = np.zeros((len(synapses), 3))
        self.state[:, G] = self.parameter[:, _MEDIUM]
        self.state[:, FACTOR] = 1.0

    def __len__(self) -> int:
        return len(self.state)

    @property
    def conductance(self) -> NDArray[np.float64]:
        """Conductance with the gate on in S, shape (synapses,)."""
        return self.state[:, G].copy()

    def set_conductance(self, conductance: ArrayLike) -> None:
        """Put the synapses at conductances in S, cut at each one's bounds."""
        wanted = np.asarray(conductance, dtype=np.float64)
        low, high = self.parameter[:, _LOWEST], self.parameter[:, _HIGHEST]
        self.state[:, G] = np.clip(wanted, low, high)
        self.state[:, EVENT] = 0.0

    def advance(self, voltage: ArrayLike, gate: ArrayLike, duration: float) -> None:
        """Let the synapses live at constant voltages.

        Parameters
        ----------
        voltage, gate : array_like
            Across each synapse, and at each one's gate, in V; one for all or one each.
        duration : float
            In s.
        """
        shape = (len(self),)
        volts, gates = (
            np.broadcast_to(np.asarray(v, dtype=float), shape).copy()
            for v in (voltage, gate)
        )
        _program_all(self.state, self.parameter, volts, gates, duration, self.stream)


class RsSynapseDevice(TwoTerminalDevice):
    """One synapse with its gate fully on.

    Parameters
    ----------
    parameters : RsSynapseParameters
        This synapse's parameters.
    seed : int
        Seed of its random stream.
    """

    terminals: ClassVar[tuple[str, str]] = ("top", "bottom")
    evolves: ClassVar[bool] = True

    def __init__(self, parameters: RsSynapseParameters, seed: int) -> None:
        self.parameters = parameters
        self.population = RsSynapsePopulation([parameters], seed)

    def operating_point(
        self, source_voltage: float, series: float
    ) -> tuple[float, float]:
        """Return voltage in V and current in A: ohmic at any instant."""
        conductance = float(self.population.state[0, G])
        voltage = source_voltage / (1.0 + series * conductance)
        return voltage, voltage * conductance

    def advance(self, voltage: float, duration: float) -> None:
        """Let the synapse live for `duration` seconds at a constant `voltage` in V."""
        self.population.advance(voltage, self.parameters.full_gate, duration)

    def advance_behind(
        self, source_voltage: float, series: float, duration: float
    ) -> None:
        """Let the synapse live behind a real source, in pieces of about 2 %."""
        left = duration
        while left > 0.0:
            piece = min(left, self.steady_for(source_voltage, series))
            voltage, _ = self.operating_point(source_voltage, series)
            self.advance(voltage, piece)
            left = left - piece if piece < left else 0.0

    def steady_for(self, source_voltage: float, series: float) -> float:
        """Return the time in which the conductance moves by about 2 %, in s."""
        voltage, _ = self.operating_point(source_voltage, series)
        row, values = self.population.state[0], self.population.parameter[0]
        return float(constant_time(row, values, voltage, 1.0))
