"""The threshold-switching memristor Ti/Au/SiO2:Ag/Ag/Au: integrates, fires, relaxes.

Two states: the integration x (silver that has drifted towards a bridge) and the bridge
y; the device is on while y is above 0.5. With the voltage across it, x grows as
``rate sinh(V / scale)`` and leaks; at x = 1 the bridge forms within microseconds and x
collapses. A current above the latch current holds and thickens the bridge; below it the
bridge dissolves by itself. Gating the latch by the current, not by the voltage, is what
lets the device switch fully behind a series resistor, and two states are what lets it
integrate over a gap between pulses and yet forget soon after it fired.

The two rate equations are integrated with error control (Dormand and Prince, order 5),
the voltage behind the series resistance solved at every stage. The rate of integration
is drawn anew after every firing: integration times are stochastic.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 2.
J. R. Dormand, P. J. Prince, J. Comput. Appl. Math. 6 (1980) 19-26.
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
    from numpy.typing import NDArray

UNITS = {
    "growth_rate": "1/s",
    "growth_voltage": "V",
    "leak_time": "s",
    "bridging_time": "s",
    "collapse_time": "s",
    "thickening_time": "s",
    "relaxation_time": "s",
    "thickest_bridge": "",
    "latch_current": "A",
    "bridging_voltage": "V",
    "bridging_voltage_width": "V",
    "off_conductance": "S",
    "on_conductance": "S",
    "integration_width": "",
    "bridge_width": "",
    "rate_noise": "",
    "rate_spread": "",
}
_MAY_BE_ZERO = ("rate_noise", "rate_spread")


@dataclass(frozen=True)
class ThresholdSwitchParameters:
    """Parameters of one device or of a population's mean, in SI units.

    Attributes
    ----------
    growth_rate, growth_voltage : float
        x grows by ``growth_rate sinh(V / growth_voltage)``. 1/s, V
    leak_time : float
        Time in which x fades. s
    bridging_time, collapse_time : float
        Time in which y forms once x is 1, and in which x then collapses. s
    thickening_time, thickest_bridge : float
        y grows on to `thickest_bridge` while the current latches it. s
    relaxation_time : float
        Time in which y dissolves without the latch. s
    latch_current : float
        Current that holds the bridge. A
    bridging_voltage, bridging_voltage_width : float
        No bridge forms below this voltage. V
    off_conductance, on_conductance : float
        S
    integration_width, bridge_width : float
        Widths of the transitions in x and y.
    rate_noise : float
        Firing-to-firing standard deviation of the logarithm of the growth rate.
    rate_spread : float
        The same from device to device.
    """

    growth_rate: float
    growth_voltage: float
    leak_time: float
    bridging_time: float
    collapse_time: float
    thickening_time: float
    relaxation_time: float
    thickest_bridge: float
    latch_current: float
    bridging_voltage: float
    bridging_voltage_width: float
    off_conductance: float
    on_conductance: float
    integration_width: float
    bridge_width: float
    rate_noise: float
    rate_spread: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _MAY_BE_ZERO:
                if not value >= 0:
                    raise CardError(f"{field.name}: must not be negative, not {value}")
            elif not value > 0:
                raise CardError(f"{field.name}: must be above 0, not {value}")


def draw_device(
    mean: ThresholdSwitchParameters, seed: int, index: int = 0
) -> ThresholdSwitchParameters:
    """Draw device `index` of a seed around a card's mean."""
    step = np.random.default_rng((seed, index)).standard_normal()
    factor = math.exp(mean.rate_spread * step)
    return replace(mean, growth_rate=mean.growth_rate * factor)


_NAMES = [field.name for field in fields(ThresholdSwitchParameters)]
(
    _G0,
    _V0,
    _TX,
    _TSET,
    _TC,
    _TG,
    _TY,
    _YM,
    _IH,
    _VB,
    _WB,
    _GOFF,
    _GON,
    _WX,
    _WY,
    _NOISE,
    _,
) = range(len(_NAMES))
# Columns of the state: x, y, this firing's rate factor, the next step in s, firings.
_X, _Y, _RATE, _STEP, _FIRED = range(5)
_STATE_SIZE = 5

ON = 0.5
"""The bridge above which the device is on."""
_COLLAPSE = 0.8  # bridge at which x collapses
_LARGEST_VOLTAGE = 3.0  # V; the growth law is not followed beyond it
_CLEAR = 12.0  # widths of the bridge away from switching
_FARTHEST = 60.0  # widths beyond which a transition is complete
_TOLERANCE = 1e-7  # of x and y a step
_FIRST_STEP = 1e-7  # s
_SHORTEST_STEP = 1e-13  # s
_AT_REST_X, _AT_REST_Y = 0.9, 0.3  # below both and without voltage all is exponential

# Dormand and Prince's fifth-order pair.
_A = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1 / 5, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3 / 40, 9 / 40, 0.0, 0.0, 0.0, 0.0],
        [44 / 45, -56 / 15, 32 / 9, 0.0, 0.0, 0.0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0.0, 0.0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0.0],
        [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
_ERROR = np.array(
    [71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40]
)


@njit(cache=True)
def _transition(z: float) -> float:  # pragma: no cover  compiled
    return 1.0 / (1.0 + np.exp(-min(max(z, -_FARTHEST), _FARTHEST)))


@njit(cache=True)
def _conductance(y, p):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    share = _transition((y - ON) / p[_WY])
    return p[_GOFF] * np.exp(share * np.log(p[_GON] / p[_GOFF]))


@njit(cache=True)
def _rates(x, y, rate, p, source, series):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return dx/dt and dy/dt behind a real source."""
    conductance = _conductance(y, p)
    voltage = abs(source / (1.0 + series * conductance))
    latch = (voltage * conductance / p[_IH]) ** 4
    held = latch / (1.0 + latch)
    forming = max(1.0 - y, 0.0) / p[_TSET]
    bridging = _transition((x - 1.0) / p[_WX]) * _transition(
        (voltage - p[_VB]) / p[_WB]
    )
    share = _transition((y - ON) / p[_WY])
    dx = rate * p[_G0] * np.sinh(min(voltage, _LARGEST_VOLTAGE) / p[_V0])
    dx -= x / p[_TX] + x * _transition((y - _COLLAPSE) / p[_WY]) / p[_TC]
    dy = bridging * forming + held * share * (forming + (p[_YM] - y) / p[_TG])
    dy -= (1.0 - held) * y / p[_TY]
    return dx, dy


PARAMETER_NAMES = tuple(_NAMES)
"""The columns of a device's row of parameters, as :func:`switch_rates` takes it."""
switch_rates = _rates
"""The two rate equations, compiled: x, y, rate factor, parameters, source, series."""
switch_conductance = _conductance
"""Conductance in S of a bridge y and a row of parameters, compiled."""


@njit(cache=True)
def _try_step(s, p, source, series, step, slopes):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Return x, y after a step and its error relative to the tolerance."""
    x = s[_X]
    y = s[_Y]
    for stage in range(7):
        x = s[_X]
        y = s[_Y]
        for before in range(stage):
            x += step * _A[stage, before] * slopes[before, 0]
            y += step * _A[stage, before] * slopes[before, 1]
        slopes[stage] = _rates(x, y, s[_RATE], p, source, series)
    error_x = 0.0
    error_y = 0.0
    for stage in range(7):
        error_x += step * _ERROR[stage] * slopes[stage, 0]
        error_y += step * _ERROR[stage] * slopes[stage, 1]
    return x, y, max(abs(error_x), abs(error_y)) / _TOLERANCE


@njit(cache=True)
def _note_switching(s, p, before, stream, index):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Count a firing; draw the rate of the next one when the device has relaxed."""
    if before <= ON < s[_Y]:
        s[_FIRED] += 1.0
    elif s[_Y] <= ON < before:
        s[_RATE] = np.exp(p[_NOISE] * normal(stream, index))


@njit(cache=True)
def _advance_one(s, p, stream, index, source, series, duration, slopes):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    left = duration
    while left > 0.0:
        if source == 0.0 and s[_X] < _AT_REST_X and s[_Y] < _AT_REST_Y:
            s[_X] *= np.exp(-left / p[_TX])
            s[_Y] *= np.exp(-left / p[_TY])
            return
        step = min(s[_STEP], left)
        x, y, error = _try_step(s, p, source, series, step, slopes)
        if error <= 1.0 or step <= _SHORTEST_STEP:
            before = s[_Y]
            s[_X] = x
            s[_Y] = y
            left = 0.0 if step == left else left - step
            _note_switching(s, p, before, stream, index)
        factor = 5.0 if error == 0.0 else 0.9 * error**-0.2
        proposed = step * min(max(factor, 0.2), 5.0)
        # A step that was cut short at the end says nothing against the longer one.
        s[_STEP] = max(proposed, s[_STEP]) if error <= 1.0 else proposed
        s[_STEP] = max(s[_STEP], _SHORTEST_STEP)


@njit(cache=True)
def _advance_all(state, parameter, stream, source, series, duration):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    slopes = np.zeros((7, 2))
    for index in range(state.shape[0]):
        _advance_one(
            state[index],
            parameter[index],
            stream,
            index,
            source[index],
            series[index],
            duration,
            slopes,
        )


class ThresholdSwitchPopulation:
    """Many devices advanced together, compiled, each behind its own source.

    Parameters
    ----------
    devices : list of ThresholdSwitchParameters
        The parameters of each device.
    seed : int
        Seed of the devices' random streams.
    """

    def __init__(self, devices: list[ThresholdSwitchParameters], seed: int) -> None:
        count = len(devices)
        self.parameter = np.array(
            [[getattr(device, name) for name in _NAMES] for device in devices]
        )
        self._stream = streams(seed, count)
        self.state = np.zeros((count, _STATE_SIZE))
        self.state[:, _STEP] = _FIRST_STEP
        for index in range(count):
            noise = self.parameter[index, _NOISE] * normal(self._stream, index)
            self.state[index, _RATE] = math.exp(noise)
        self._source, self._series = np.zeros(count), np.zeros(count)

    @property
    def integration(self) -> NDArray[np.float64]:
        """State x, shape (devices,)."""
        return self.state[:, _X].copy()

    @property
    def bridge(self) -> NDArray[np.float64]:
        """State y, shape (devices,)."""
        return self.state[:, _Y].copy()

    @property
    def firings(self) -> NDArray[np.int64]:
        """How often each device has switched on, shape (devices,)."""
        return self.state[:, _FIRED].astype(np.int64)

    @property
    def conductance(self) -> NDArray[np.float64]:
        """Conductance now in S, shape (devices,)."""
        pairs = zip(self.state[:, _Y], self.parameter, strict=True)
        return np.array([_conductance(y, p) for y, p in pairs])

    def advance(
        self,
        source_voltage: float | NDArray[np.float64],
        series: float | NDArray[np.float64],
        duration: float,
    ) -> None:
        """Advance all devices behind constant sources.

        Parameters
        ----------
        source_voltage : float or ndarray, shape (devices,)
            Open-circuit voltage in V.
        series : float or ndarray, shape (devices,)
            Series resistance in ohm.
        duration : float
            Time in s.
        """
        self._source[:] = source_voltage
        self._series[:] = series
        _advance_all(
            self.state,
            self.parameter,
            self._stream,
            self._source,
            self._series,
            duration,
        )


class ThresholdSwitchDevice(TwoTerminalDevice):
    """One threshold switch; both polarities are alike.

    Parameters
    ----------
    parameters : ThresholdSwitchParameters
        This device's parameters.
    seed : int
        Seed of its random stream.
    """

    terminals: ClassVar[tuple[str, str]] = ("top", "bottom")
    evolves: ClassVar[bool] = True

    def __init__(self, parameters: ThresholdSwitchParameters, seed: int) -> None:
        self.parameters = parameters
        self.population = ThresholdSwitchPopulation([parameters], seed)
        self._row = self.population.state[0]
        self._values = self.population.parameter[0]
        self._log_ratio = math.log(
            parameters.on_conductance / parameters.off_conductance
        )

    @property
    def conductance(self) -> float:
        """Conductance now, in S."""
        return float(_conductance(self._row[_Y], self._values))

    def operating_point(
        self, source_voltage: float, series: float
    ) -> tuple[float, float]:
        """Return voltage in V and current in A: ohmic at any instant."""
        conductance = self.conductance
        voltage = source_voltage / (1.0 + series * conductance)
        return voltage, voltage * conductance

    def advance(self, voltage: float, duration: float) -> None:
        """Let the device live for `duration` seconds at a constant `voltage` in V."""
        self.population.advance(voltage, 0.0, duration)

    def advance_behind(
        self, source_voltage: float, series: float, duration: float
    ) -> None:
        """Let the device live for `duration` seconds behind a real source."""
        self.population.advance(source_voltage, series, duration)

    def steady_for(self, source_voltage: float, series: float) -> float:
        """Return how long its conductance stays within about 5 %, in s.

        Off, that is until x gets near 1; well on, until the bridge has thinned; while
        it switches, by the rate of y.
        """
        row, p = self._row, self.parameters
        x, y = float(row[_X]), float(row[_Y])
        dx, dy = _rates(x, y, row[_RATE], self._values, source_voltage, series)
        quick = 0.1 * p.bridging_time
        distance = (y - ON) / p.bridge_width
        if distance < -_CLEAR:
            rest = 1.0 - 10.0 * p.integration_width - x
            unfired = rest / dx if dx > 0.0 else math.inf
            unbridged = (ON - _CLEAR * p.bridge_width - y) / dy if dy > 0 else math.inf
            # While x rises by one width, y forms at most e times faster than now.
            width = p.integration_width / dx if dx > 0.0 else math.inf
            return max(unfired, min(unbridged, width) / math.e, quick)
        if distance > _CLEAR:
            thinned = y - ON - _CLEAR * p.bridge_width
            # Behind a constant source the latch is constant, and y thins ever slower.
            return max(thinned / -dy if dy < 0 else math.inf, quick)
        share = 1.0 / (1.0 + math.exp(-distance))
        slope = self._log_ratio * share * (1.0 - share)
        widths = min(0.05 / slope, 0.25)
        return widths * p.bridge_width / abs(dy) if dy else quick
