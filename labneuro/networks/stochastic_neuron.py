"""The calibrated H-NNO neuron inside a network: pulse fields, spikes and state.

A weighted sum of input spikes, the drive u, sets the field of one pulse a time step,
``E = rest_field + gain u``, within the window of the pulse generator. The neuron fires
with the measured probability at that field. The physics is that of
:mod:`labneuro.devices.hnno`: its compiled functions are called here, not restated.

References
----------
T. Zhang et al., "Self-sensitizable neuromorphic device based on adaptive hydrogen
gradient": "Applications of self-sensitizable neurons in fully connected spiking neural
networks", Figure 2C-F.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from labneuro.devices.hnno import firing_probability, sensitized_shift
from labneuro.errors import CalibrationError
from labneuro.networks.counter_random import DRAW_RANGE, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel

DEVICE_MODEL = "hnno"
_FITTED = (
    "midpoint",
    "slope",
    "floor_field",
    "saturation_shift",
    "shift_field_scale",
    "sensitization_pulses",
)
_POSITIVE = ("slope", "shift_field_scale", "sensitization_pulses")
TABLE_CELLS = 4096
_ONE = np.float32(1)
_ZERO = np.float32(0)


@dataclass(frozen=True)
class PulsedNeuron:
    """A calibrated neuron with the encoding that turns a drive into a pulse field.

    Attributes
    ----------
    midpoint, slope : float
        Firing sigmoid of the initial state. V/m
    floor_field : float
        Field up to which the state does not move. V/m
    saturation_shift, shift_field_scale : float
        Midpoint shift that endless pulses lead to, and its field scale. V/m
    sensitization_pulses : float
        Pulses in which the shift goes 1 - 1/e of its way.
    rest_field : float
        Field of a pulse without any signal. V/m
    gain : float
        Field for one unit of drive. V/m
    highest_field : float
        Upper end of the pulse window; the lower end is 0, as a pulse is never
        reversed. V/m
    """

    midpoint: float
    slope: float
    floor_field: float
    saturation_shift: float
    shift_field_scale: float
    sensitization_pulses: float
    rest_field: float
    gain: float
    highest_field: float

    @cached_property
    def table(self) -> NDArray[np.float32]:
        """Firing probability in the initial state, shape (4098, 2), for training.

        Row 1 + k is the cell from field ``k spacing`` to ``(k + 1) spacing``, with
        4096 cells up to the highest field: the probability where the cell begins and
        its rise over the cell, both times 2**24, the range of a random draw. Row 0 and
        the last row continue the ends of the window without rise.

        Linear interpolation is within ``(spacing / slope)**2 / 83`` of the device
        function, 1.4e-6 for the paper's slope, at a third of the time that calling the
        exponential takes.
        """
        chance = np.empty(TABLE_CELLS + 1)
        _tabulate(chance, self.highest_field, self.midpoint, self.slope)
        chance *= DRAW_RANGE
        begin = np.concatenate([chance[:1], chance])
        return np.stack([begin, np.diff(begin, append=begin[-1:])], axis=1).astype(
            np.float32
        )


def pulsed_neuron(
    model: CalibratedModel,
    *,
    rest_below_floor: float,
    gain: float,
    highest_field: float,
) -> PulsedNeuron:
    """Join a calibrated model and an encoding.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"hnno"``.
    rest_below_floor : float
        How far below the fitted floor field a neuron without signal rests. V/m
    gain : float
        Field for one unit of drive. V/m
    highest_field : float
        Upper end of the pulse window. V/m

    Returns
    -------
    PulsedNeuron

    Raises
    ------
    CalibrationError
        If the model is of another device, lacks a parameter, or a value makes no sense.
    """
    if model.model != DEVICE_MODEL:
        raise CalibrationError(
            f"calibrated model of {model.model!r}: this network needs {DEVICE_MODEL!r}"
        )
    fitted = {name: model[name] for name in _FITTED}
    for name, value in fitted.items():
        if value < 0 or (name in _POSITIVE and value == 0):
            bound = "above 0" if name in _POSITIVE else "0 or more"
            raise CalibrationError(f"{name}: must be {bound}, not {value}")
    rest_field = fitted["floor_field"] - rest_below_floor
    if not 0 <= rest_field < highest_field:
        raise CalibrationError(
            f"floor_field: {fitted['floor_field']} V/m puts the rest field at "
            f"{rest_field} V/m, outside of the pulse window of 0 to {highest_field} V/m"
        )
    return PulsedNeuron(
        **fitted, rest_field=rest_field, gain=gain, highest_field=highest_field
    )


@dataclass(frozen=True)
class Response:
    """What a layer of neurons did in one presentation.

    Attributes
    ----------
    rate : ndarray of float32, shape (images, neurons)
        Share of time steps with a spike.
    shift : ndarray of float32, shape (images, neurons)
        Midpoint shift after the last pulse, in V/m.
    """

    rate: NDArray[np.float32]
    shift: NDArray[np.float32]


def respond(
    neuron: PulsedNeuron,
    drive: NDArray[np.float32],
    key: np.uint64,
    *,
    self_sensitizable: bool,
    reset_after_spike: bool = False,
) -> Response:
    """Present drives to neurons that start in the initial state.

    Parameters
    ----------
    neuron : PulsedNeuron
        The calibrated neuron.
    drive : ndarray of float32, shape (time_steps, images, neurons)
        Weighted sum of the input spikes at each time step.
    key : uint64
        Random stream; one key gives frozen and self-sensitizable neurons the same luck.
    self_sensitizable : bool
        False freezes every neuron in its initial state.
    reset_after_spike : bool
        A reverse pulse follows each spike and restores the initial state.

    Returns
    -------
    Response

    Notes
    -----
    After a pulse of field E above the floor the shift s moves by
    ``(s_inf(E) - s)(1 - exp(-1 / sensitization_pulses))`` and acts from the next pulse
    on; up to the floor it stays.
    """
    shape = drive.shape[1:]
    rate, shift = np.empty(shape, np.float32), np.empty(shape, np.float32)
    device = np.array(
        [
            neuron.midpoint,
            neuron.slope,
            neuron.floor_field,
            neuron.saturation_shift,
            neuron.shift_field_scale,
            -np.expm1(-1.0 / neuron.sensitization_pulses),
        ],
        dtype=np.float32,
    )
    encoding = np.array(
        [neuron.rest_field, neuron.gain, neuron.highest_field], dtype=np.float32
    )
    _present(
        drive, rate, shift, device, encoding, key, self_sensitizable, reset_after_spike
    )
    return Response(rate, shift)


@njit(cache=True)
def _tabulate(table, highest, midpoint, slope):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202
    spacing = highest / (len(table) - 1)
    for node in range(len(table)):
        table[node] = firing_probability(node * spacing, midpoint, slope)


@njit(cache=True, nogil=True)
def _present(drive, rate, shift, device, encoding, key, moves, resets):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN202
    midpoint, slope, floor, saturation, scale, step_share = device
    rest, gain, highest = encoding
    time_steps, images, neurons = drive.shape
    to_unit = _ONE / np.float32(DRAW_RANGE)
    for image in range(images):
        rate[image, :] = _ZERO
        shift[image, :] = _ZERO
        for step in range(time_steps):
            first = (step * images + image) * neurons
            for cell in range(neurons):
                field = rest + gain * drive[step, image, cell]
                field = min(max(field, _ZERO), highest)
                before = shift[image, cell]
                chance = firing_probability(field, midpoint - before, slope)
                fired = np.float32(draw(key, first + cell)) * to_unit < chance
                rate[image, cell] += np.float32(fired)
                if moves and field > floor:
                    goal = sensitized_shift(field, floor, saturation, scale)
                    shift[image, cell] = before + (goal - before) * step_share
                if fired and resets:
                    shift[image, cell] = _ZERO
        for cell in range(neurons):
            rate[image, cell] /= np.float32(time_steps)
