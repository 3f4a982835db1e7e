"""The self-sensitizable H-NdNiO3 neuron: a hydrogen gradient and a firing sigmoid.

A pulse of field E fires with the hazard ``softplus((E - E0 + s) / w) / t0``, which over
a pulse of exactly t0 = 100 us is the measured sigmoid of midpoint ``E0 - s`` and slope
``w``, and for any other width or wave form its only consistent continuation. The
hydrogen gradient, expressed as the midpoint shift s, moves towards ``s_inf(E)`` while
the field is above a floor, and the shift that a pulse leaves acts from the pulse's end
on. A reverse field restores the initial state. A firing drops the resistance by about
one order of magnitude; it recovers by itself or at once under a reverse field. A pulse
fires at most once: a device that fired stays spiking until the pulse ends.

Every advance is exact for a piecewise-constant field: the outcome does not depend on
how a pulse is cut into steps.

References
----------
T. Zhang et al., "Self-sensitizable neuromorphic device based on adaptive hydrogen
gradient": Figure 2, Experimental procedures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numba import njit

from labneuro.devices.base import TwoTerminalDevice
from labneuro.devices.random_streams import exponential, normal, streams
from labneuro.errors import CardError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNITS = {
    "channel_length": "m",
    "reference_pulse_width": "s",
    "midpoint": "V/m",
    "slope": "V/m",
    "floor_field": "V/m",
    "saturation_shift": "V/m",
    "shift_field_scale": "V/m",
    "sensitization_time": "s",
    "retention_time": "s",
    "reset_field": "V/m",
    "reset_time": "s",
    "resistance": "ohm",
    "spike_contrast": "",
    "relaxation_time": "s",
    "midpoint_spread": "V/m",
    "slope_spread": "",
    "shift_spread": "",
    "resistance_spread": "",
    "resistance_noise": "",
    "sensitization_noise": "",
    "midpoint_drift": "V/m",
    "drift_onset": "",
}
_POSITIVE = (
    "channel_length",
    "reference_pulse_width",
    "slope",
    "shift_field_scale",
    "sensitization_time",
    "retention_time",
    "reset_field",
    "reset_time",
    "resistance",
    "spike_contrast",
    "relaxation_time",
    "drift_onset",
)


@dataclass(frozen=True)
class HnnoParameters:
    """Parameters of one device or of a population's mean, in SI units.

    Attributes
    ----------
    channel_length : float
        Distance between the electrodes; field = voltage / length. m
    reference_pulse_width : float
        Pulse width at which the firing probability is the sigmoid. s
    midpoint, slope : float
        Field of 50 % firing probability and logistic width, initial state. V/m
    floor_field : float
        Field below which nothing moves: the noise filter. V/m
    saturation_shift, shift_field_scale : float
        ``s_inf(E) = saturation_shift (1 - exp(-(E - floor) / scale))``. V/m
    sensitization_time : float
        Time under field in which the shift goes 1 - 1/e of its way. s
    retention_time : float
        Time in which a shift fades at rest. s
    reset_field, reset_time : float
        Reverse fields beyond ``-reset_field`` restore, in this time. V/m, s
    resistance : float
        Non-spiking resistance. ohm
    spike_contrast : float
        Non-spiking over spiking resistance.
    relaxation_time : float
        Time in which the logarithm of the resistance recovers after a spike. s
    midpoint_spread : float
        Device-to-device standard deviation of the midpoint. V/m
    slope_spread, shift_spread, resistance_spread : float
        Device-to-device standard deviation of the logarithms.
    resistance_noise, sensitization_noise : float
        Cycle-to-cycle standard deviation of the logarithms of resistance (drawn at
        every reset) and of the sensitization rate (drawn at every pulse).
    midpoint_drift, drift_onset : float
        Midpoint drift a decade of firing cycles beyond the onset. V/m, cycles
    """

    channel_length: float
    reference_pulse_width: float
    midpoint: float
    slope: float
    floor_field: float
    saturation_shift: float
    shift_field_scale: float
    sensitization_time: float
    retention_time: float
    reset_field: float
    reset_time: float
    resistance: float
    spike_contrast: float
    relaxation_time: float
    midpoint_spread: float
    slope_spread: float
    shift_spread: float
    resistance_spread: float
    resistance_noise: float
    sensitization_noise: float
    midpoint_drift: float
    drift_onset: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _POSITIVE and not value > 0:
                raise CardError(f"{field.name}: must be above 0, not {value}")
            if not value >= 0:
                raise CardError(f"{field.name}: must not be negative, not {value}")

    def threshold(self, shift: float = 0.0, probability: float = 0.1) -> float:
        """Return the field of a given firing probability, in V/m, after a shift.

        The paper's spiking threshold is the field of 10 %.
        """
        odds = probability / (1.0 - probability)
        return self.midpoint - shift + self.slope * float(np.log(odds))

    def shift_after(self, field: float, pulses: int) -> float:
        """Return the midpoint shift that `pulses` reference pulses leave, in V/m."""
        exposure = pulses * self.reference_pulse_width / self.sensitization_time
        return self.saturated_shift(field) * -float(np.expm1(-exposure))

    def saturated_shift(self, field: float) -> float:
        """Return the midpoint shift that endless pulses of `field` leave, in V/m."""
        return float(
            sensitized_shift(
                field, self.floor_field, self.saturation_shift, self.shift_field_scale
            )
        )


def draw_population(
    mean: HnnoParameters, count: int, seed: int
) -> list[HnnoParameters]:
    """Draw devices around a card's mean with its device-to-device spread.

    Parameters
    ----------
    mean : HnnoParameters
        The card.
    count : int
        Number of devices.
    seed : int
        Device k of a seed is the same whatever the count.

    Returns
    -------
    list of HnnoParameters, length `count`
    """
    return [_draw_device(mean, seed, index) for index in range(count)]


def _draw_device(mean: HnnoParameters, seed: int, index: int) -> HnnoParameters:
    generator = np.random.default_rng((seed, index))
    step = generator.standard_normal(4)
    return replace(
        mean,
        midpoint=mean.midpoint + mean.midpoint_spread * step[0],
        slope=mean.slope * float(np.exp(mean.slope_spread * step[1])),
        saturation_shift=mean.saturation_shift
        * float(np.exp(mean.shift_spread * step[2])),
        resistance=mean.resistance * float(np.exp(mean.resistance_spread * step[3])),
    )


@njit(cache=True)
def firing_probability(
    field: float, midpoint: float, slope: float
) -> float:  # pragma: no cover  compiled
    """Return the probability that one reference pulse fires; fields in V/m."""
    return 1.0 / (1.0 + np.exp(-(field - midpoint) / slope))


@njit(cache=True)
def sensitized_shift(
    field: float, floor: float, saturation: float, scale: float
) -> float:  # pragma: no cover  compiled
    """Return the midpoint shift that endless pulses of `field` lead to, in V/m."""
    if field <= floor:
        return 0.0
    return -saturation * np.expm1(-(field - floor) / scale)


# Columns of the state array: one row a device.
_SHIFT, _MOVING, _SPIKE, _FUSE, _CYCLES, _LN_NOISE, _RATE, _PHASE, _FIRED = range(9)
_STATE_SIZE = 9
# What the field does: restore, nothing, fire only, fire and sensitize.
_RESTORED, _AT_REST, _UNDER_FLOOR, _UNDER_PULSE = -1.0, 0.0, 1.0, 2.0
# Columns of the parameter array.
_NAMES = [field.name for field in fields(HnnoParameters)]
_COLUMN = {name: index for index, name in enumerate(_NAMES)}
_LENGTH = _COLUMN["channel_length"]
_PULSE = _COLUMN["reference_pulse_width"]
_MIDPOINT = _COLUMN["midpoint"]
_SLOPE = _COLUMN["slope"]
_FLOOR = _COLUMN["floor_field"]
_SATURATION = _COLUMN["saturation_shift"]
_SCALE = _COLUMN["shift_field_scale"]
_T_SENSITIZE = _COLUMN["sensitization_time"]
_T_RETAIN = _COLUMN["retention_time"]
_RESET = _COLUMN["reset_field"]
_T_RESET = _COLUMN["reset_time"]
_RESISTANCE = _COLUMN["resistance"]
_CONTRAST = _COLUMN["spike_contrast"]
_T_RELAX = _COLUMN["relaxation_time"]
_NOISE_R = _COLUMN["resistance_noise"]
_NOISE_S = _COLUMN["sensitization_noise"]
_DRIFT = _COLUMN["midpoint_drift"]
_ONSET = _COLUMN["drift_onset"]


@njit(cache=True)
def _softplus(x: float) -> float:  # pragma: no cover  compiled
    return max(x, 0.0) + np.log1p(np.exp(-abs(x)))


@njit(cache=True)
def _phase_of(field, p):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    if field > p[_FLOOR]:
        return _UNDER_PULSE
    if field > 0.0:
        return _UNDER_FLOOR
    return _RESTORED if field <= -p[_RESET] else _AT_REST


@njit(cache=True)
def _enter(s, p, stream, index, phase):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Draw what a new reset or a new pulse draws once."""
    s[_PHASE] = phase
    s[_FIRED] = 0.0
    if phase == _RESTORED:
        s[_LN_NOISE] = p[_NOISE_R] * normal(stream, index)
    elif phase == _UNDER_PULSE:
        s[_CYCLES] += 1.0
        s[_RATE] = np.exp(p[_NOISE_S] * normal(stream, index))


@njit(cache=True)
def _midpoint_now(s, p):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    midpoint = p[_MIDPOINT] - s[_SHIFT]
    if s[_CYCLES] > p[_ONSET]:
        midpoint += p[_DRIFT] * np.log10(s[_CYCLES] / p[_ONSET])
    return midpoint


@njit(cache=True)
def _move(s, p, phase, field, duration):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Let the hydrogen gradient and the resistance move; the fuse is another matter."""
    if phase == _RESTORED:
        decay = np.exp(-duration / p[_T_RESET])
        s[_MOVING] *= decay
        s[_SPIKE] *= decay
    elif s[_FIRED] == 0.0:
        s[_SPIKE] *= np.exp(-duration / p[_T_RELAX])
    if phase == _UNDER_PULSE:
        goal = sensitized_shift(field, p[_FLOOR], p[_SATURATION], p[_SCALE])
        grow = -np.expm1(-duration * s[_RATE] / p[_T_SENSITIZE])
        s[_MOVING] += (goal - s[_MOVING]) * grow
        return
    if phase != _RESTORED:
        s[_MOVING] *= np.exp(-duration / p[_T_RETAIN])
    s[_SHIFT] = s[_MOVING]


@njit(cache=True)
def _advance_one(state, parameter, stream, index, field, duration):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    """Advance device `index` by `duration` at a constant field; True if it fired."""
    s = state[index]
    p = parameter[index]
    phase = _phase_of(field, p)
    if s[_PHASE] != phase:
        _enter(s, p, stream, index, phase)
    _move(s, p, phase, field, duration)
    if field <= 0.0 or s[_FIRED] != 0.0:
        return False
    hazard = _softplus((field - _midpoint_now(s, p)) / p[_SLOPE])
    s[_FUSE] -= hazard * duration / p[_PULSE]
    if s[_FUSE] > 0.0:
        return False
    s[_FIRED] = 1.0
    s[_SPIKE] = 1.0
    s[_FUSE] = exponential(stream, index)
    return True


@njit(cache=True)
def _advance_all(state, parameter, stream, field, duration, fired):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for index in range(state.shape[0]):
        fired[index] = _advance_one(
            state, parameter, stream, index, field[index], duration
        )


@njit(cache=True)
def _endure(state, parameter, stream, levels, durations, cycles, spikes):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202  compiled
    for index in range(state.shape[0]):
        for _ in range(cycles):
            for part in range(levels.shape[0]):
                if _advance_one(
                    state, parameter, stream, index, levels[part], durations[part]
                ):
                    spikes[index] += 1


class HnnoPopulation:
    """Many devices advanced together, compiled.

    Parameters
    ----------
    devices : list of HnnoParameters
        The parameters of each device, for instance from :func:`draw_population`.
    seed : int
        Seed of the devices' random streams.
    """

    def __init__(self, devices: list[HnnoParameters], seed: int) -> None:
        count = len(devices)
        self._parameter = np.array(
            [[getattr(device, name) for name in _NAMES] for device in devices]
        )
        self._stream = streams(seed, count)
        self._state = np.zeros((count, _STATE_SIZE))
        for index in range(count):
            self._state[index, _FUSE] = exponential(self._stream, index)
            self._state[index, _LN_NOISE] = self._parameter[index, _NOISE_R] * normal(
                self._stream, index
            )
        self._fired = np.zeros(count, dtype=np.bool_)
        self._field = np.zeros(count)

    @property
    def shift(self) -> NDArray[np.float64]:
        """Midpoint shift by sensitization in V/m, shape (devices,)."""
        return self._state[:, _SHIFT].copy()

    @property
    def resistance(self) -> NDArray[np.float64]:
        """Resistance now in ohm, shape (devices,)."""
        state, parameter = self._state, self._parameter
        exponent = state[:, _LN_NOISE] - state[:, _SPIKE] * np.log(
            parameter[:, _CONTRAST]
        )
        return parameter[:, _RESISTANCE] * np.exp(exponent)

    def advance(
        self, field: float | NDArray[np.float64], duration: float
    ) -> NDArray[np.bool_]:
        """Advance all devices at a constant field.

        Parameters
        ----------
        field : float or ndarray, shape (devices,)
            Field in V/m, positive from Au to Pd.
        duration : float
            Time in s.

        Returns
        -------
        ndarray of bool, shape (devices,)
            Which devices fired.
        """
        self._field[:] = field
        _advance_all(
            self._state,
            self._parameter,
            self._stream,
            self._field,
            duration,
            self._fired,
        )
        return self._fired.copy()

    def endure(
        self,
        levels: NDArray[np.float64],
        durations: NDArray[np.float64],
        cycles: int,
    ) -> NDArray[np.int64]:
        """Repeat a piecewise-constant cycle of fields.

        Parameters
        ----------
        levels, durations : ndarray, shape (parts,)
            Fields in V/m and times in s of one cycle.
        cycles : int
            Number of repetitions.

        Returns
        -------
        ndarray of int, shape (devices,)
            Number of firings.
        """
        spikes = np.zeros(len(self._state), dtype=np.int64)
        _endure(
            self._state,
            self._parameter,
            self._stream,
            np.asarray(levels, dtype=np.float64),
            np.asarray(durations, dtype=np.float64),
            cycles,
            spikes,
        )
        return spikes


class HnnoDevice(TwoTerminalDevice):
    """One H-NNO neuron between its Au and its Pd electrode.

    Parameters
    ----------
    parameters : HnnoParameters
        This device's parameters.
    seed : int
        Seed of its random stream.
    """

    terminals: ClassVar[tuple[str, str]] = ("Au", "Pd")

    def __init__(self, parameters: HnnoParameters, seed: int) -> None:
        self.parameters = parameters
        self.population = HnnoPopulation([parameters], seed)
        self._state = self.population._state  # noqa: SLF001  the one-device view of it
        self._parameter = self.population._parameter  # noqa: SLF001
        self._stream = self.population._stream  # noqa: SLF001
        self._resistance = parameters.resistance
        self._log_contrast = float(np.log(parameters.spike_contrast))
        self._per_metre = 1.0 / parameters.channel_length

    @property
    def resistance(self) -> float:
        """Resistance now, in ohm."""
        row = self._state[0]
        exponent = row[_LN_NOISE] - row[_SPIKE] * self._log_contrast
        return self._resistance * float(np.exp(exponent))

    def operating_point(
        self, source_voltage: float, series: float
    ) -> tuple[float, float]:
        """Return voltage in V and current in A: the device is ohmic at any instant."""
        item = self._state[0].item  # plain floats: this is the bench's hottest line
        exponent = item(_LN_NOISE) - item(_SPIKE) * self._log_contrast
        resistance = self._resistance * math.exp(exponent)
        current = source_voltage / (resistance + series)
        return current * resistance, current

    def advance(self, voltage: float, duration: float) -> None:
        """Let the device live for `duration` seconds at a constant `voltage` in V."""
        _advance_one(
            self._state,
            self._parameter,
            self._stream,
            0,
            voltage * self._per_metre,
            duration,
        )
