"""Images mapped to regulating resistances and replayed on stored weights.

Every device of an output receives the same potentiating pulses; its resistance alone,
which is its pixel, decides where its voltage goes. Beside a large resistance or none
the device charges; beside a small one charge that it stores flows off through it, even
during the pulses, down to what that resistance can hold.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from labneuro.devices.fmes import BRANCHES, OPEN, FmesParameters, FmesPopulation
from labneuro.errors import CalibrationError
from labneuro.networks.pulse_update import pulse_curve, resistance_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel


PULSE_CURRENT = 1e-3
PULSE_WIDTH = 1e-3
PULSE_GAP = 1e-3
_REST = 100.0  # s, of a voltage source at a stored weight; branches take seconds
_HALF = 128  # of 255
_NEUTRAL = {"pulse_threshold": 1e-6, "fade_onset": 1e4}


def mapped_levels(
    image: NDArray[np.uint8], levels: int, mapping: str
) -> NDArray[np.intp]:
    """Return the number of the resistance of each pixel, 0 the smallest.

    Parameters
    ----------
    image : ndarray of uint8
        Brightness of each pixel.
    levels : int
        How many resistances there are.
    mapping : str
        ``"levels"`` or ``"threshold"``.
    """
    if mapping == "threshold":
        return np.where(image >= _HALF, levels - 1, 0).astype(np.intp)
    return np.rint(image * ((levels - 1) / 255.0)).astype(np.intp)


class CurveReplay:
    """Replay along the measured potentiation curves.

    From any voltage, n pulses at a resistance take a device by ``1 - exp(-n / A)`` of
    the way to the end of that resistance's curve: upwards on the curve itself, and
    downwards by the same law from a voltage beyond its end, which the measured curve
    does not show and the exponential implies.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"fmes"``.
    seed : int
        Seed of the noise.
    noise : bool
        Whether pulses are noisy, as the model says.
    """

    def __init__(self, model: CalibratedModel, seed: int, *, noise: bool) -> None:
        curves = [pulse_curve(model, label) for label in resistance_labels(model)]
        for curve in curves:
            if curve.potentiation_a < 0:
                raise CalibrationError(
                    f"curve {curve.label}: potentiation_a < 0 has no end to replay to; "
                    "replay by the device"
                )
        self.levels = len(curves)
        self._a = np.array([curve.potentiation_a for curve in curves])
        self._end = np.array([curve.upper_end for curve in curves])
        spans = np.array([curve.span * curve.pulse_noise for curve in curves])
        self._noise = spans if noise else np.zeros_like(spans)
        self._generator = np.random.default_rng(seed)

    def __call__(
        self, voltage: NDArray[np.float64], level: NDArray[np.intp], pulses: int
    ) -> NDArray[np.float64]:
        """Return the voltages in V after an image.

        Parameters
        ----------
        voltage : ndarray
            PSV of each device of an output. V
        level : ndarray of int
            Number of each device's resistance.
        pulses : int
            Pulses of the image.
        """
        a, end = self._a[level], self._end[level]
        moved = end + (voltage - end) * np.exp(-pulses / a)
        # Noise of each pulse decays on the way like the voltage itself.
        share = np.expm1(-2.0 * pulses / a) / np.expm1(-2.0 / a)
        deviation = self._noise[level] * np.sqrt(share)
        return np.asarray(moved + deviation * self._generator.standard_normal(len(a)))


class DeviceReplay:
    """Replay through the branches of the calibrated device.

    The devices of an output keep their branch charges from image to image; at first all
    branches of a device are at its stored voltage, as after a rest.

    Parameters
    ----------
    model : CalibratedModel
        With a fitted number for every branch that the device has, by the names of
        :class:`~labneuro.devices.fmes.FmesParameters`.
    seed : int
        Seed of the noise.
    noise : bool
        Whether pulses are noisy, as the model says.
    """

    def __init__(self, model: CalibratedModel, seed: int, *, noise: bool) -> None:
        parameters = branch_parameters(model)
        labels = resistance_labels(model)
        self.levels = len(labels)
        resistances = [pulse_curve(model, label).resistance for label in labels]
        self._resistor = np.minimum(resistances, OPEN)
        if not noise:
            parameters = replace(parameters, charge_noise=0.0)
        self._parameters = parameters
        self._seed = seed
        self._population: FmesPopulation | None = None

    def __call__(
        self, voltage: NDArray[np.float64], level: NDArray[np.intp], pulses: int
    ) -> NDArray[np.float64]:
        """Return the voltages in V after an image, as :class:`CurveReplay` does."""
        if self._population is None:
            devices = [self._parameters] * len(voltage)
            self._population = FmesPopulation(devices, self._seed)
            # At rest: a voltage source has filled every branch up to its own voltage.
            self._population.advance(voltage, 0.0, _REST)
        train = self._population.pulse(
            PULSE_CURRENT, PULSE_WIDTH, PULSE_GAP, self._resistor[level], pulses
        )
        return np.array(train.residual[:, -1])


def make_replay(
    model: CalibratedModel, kind: str, seed: int, *, noise: bool
) -> CurveReplay | DeviceReplay:
    """Return the replay of one output's devices.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"fmes"``.
    kind : str
        ``"curves"`` or ``"device"``.
    seed : int
        Seed of the noise.
    noise : bool
        Whether pulses are noisy.

    Raises
    ------
    CalibrationError
        If the model lacks what the replay needs.
    """
    if kind == "device":
        return DeviceReplay(model, seed, noise=noise)
    return CurveReplay(model, seed, noise=noise)


def branch_parameters(model: CalibratedModel) -> FmesParameters:
    """Return the device's parameters; what was not fitted is absent or 0.

    Raises
    ------
    CalibrationError
        If no branch was fitted.
    """
    fitted = {parameter.name: parameter.value for parameter in model.parameters}
    if not any(fitted.get(f"{name}_capacitance", 0.0) > 0 for name in BRANCHES):
        raise CalibrationError(
            "calibrated model: replay by the device needs its branches "
            "(fast_resistance, fast_capacitance, ...), which were not fitted; "
            "replay by curves"
        )
    names = [one.name for one in fields(FmesParameters)]
    return FmesParameters(
        **{name: fitted.get(name, _NEUTRAL.get(name, 0.0)) for name in names}
    )
