"""Weights that are device voltages, moved by pulses along measured curves.

A train of potentiating pulses takes the postsynaptic voltage (PSV) along
``G(P) = B (1 - exp(-P / A)) + Gmin`` from the lowest to the highest value, a depressing
train back along its own curve. From any voltage on the way, one pulse is therefore an
affine step towards the curve's end: ``G + (1 - exp(-1 / A)) (E - G)`` with
``E = Gmin + B`` (potentiation) or ``E = Gmax - B`` (depression); n of these steps are
the closed form of n pulses. Each pulse adds its own noise and stops at the bounds.

A number of pulses that is asked for as a fraction is rounded at random, up as often as
its fractional part says, so that small gradients count in the mean.

References
----------
P.-Y. Chen, X. Peng and S. Yu, "NeuroSim: a circuit-level macro model for benchmarking
neuro-inspired architectures in online learning", IEEE Trans. CAD 37 (2018) 3067,
doi:10.1109/TCAD.2018.2789723 (the curve with A and B).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numba import njit
from scipy.special import ndtri

from labneuro.errors import CalibrationError
from labneuro.networks.counter_random import DRAW_RANGE, draw, stream_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.calibration import CalibratedModel

DEVICE_MODEL = "fmes"
OPEN = "open"
UP_FACTOR, UP_OFFSET, DOWN_FACTOR, DOWN_OFFSET, LOWEST, HIGHEST, NOISE = range(7)
STEP_SIZE = 8
"""Numbers of a device's step table; the eighth fills half a cache line."""
_KINDS = (
    "potentiation_a",
    "depression_a",
    "lowest",
    "highest",
    "pulses",
    "pulse_noise",
)
_LABEL = re.compile(r"potentiation_a_(open|([0-9.]+)ohm)")
_SMALLEST_SPREAD_FACTOR = 0.1  # a drawn range or A is not below this share of its mean
_LEVELS = 4096
_levels = ndtri((np.arange(_LEVELS) + 0.5) / _LEVELS)
_NORMAL = (_levels / _levels.std()).astype(np.float32)
_SPLIT = np.uint64(0x5851F42D4C957F2D)  # tells the noise's stream from the rounding's
_SCALE = np.float32(DRAW_RANGE)
_MOST = np.float32(1000)  # pulses of one request: beyond the end of any range


@dataclass(frozen=True)
class PulseCurve:
    """Potentiation and depression at one regulating resistance.

    Attributes
    ----------
    label : str
        ``"500ohm"`` and so on, or ``"open"``.
    potentiation_a, depression_a : float
        A of either curve, in pulses; negative where steps grow along the train.
    lowest, highest : float
        Ends of the range of the postsynaptic voltage. V
    pulses : float
        Pulses from one end to the other.
    pulse_noise : float
        Cycle-to-cycle standard deviation of one pulse's change over the range.
    spread : dict of str to float
        Standard deviation between devices of any of these, by its name here.
    """

    label: str
    potentiation_a: float
    depression_a: float
    lowest: float
    highest: float
    pulses: float
    pulse_noise: float
    spread: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"curve {self.label}"
        for name in ("potentiation_a", "depression_a"):
            if getattr(self, name) == 0:
                raise CalibrationError(f"{where}: {name} must not be 0")
        if not self.highest > self.lowest:
            raise CalibrationError(
                f"{where}: highest ({self.highest} V) must be above lowest "
                f"({self.lowest} V)"
            )
        if not self.pulses >= 1:
            raise CalibrationError(f"{where}: pulses must be 1 or more")
        if not self.pulse_noise >= 0:
            raise CalibrationError(f"{where}: pulse_noise must not be negative")

    @property
    def resistance(self) -> float:
        """Regulating resistance in ohm; infinity for open."""
        return math.inf if self.label == OPEN else float(self.label[: -len("ohm")])

    @property
    def span(self) -> float:
        """Width of the range in V."""
        return self.highest - self.lowest

    @property
    def upper_end(self) -> float:
        """Voltage that endless potentiation tends to (or comes from, for A < 0), V."""
        return self.lowest + self.span / -math.expm1(-self.pulses / self.potentiation_a)

    @property
    def lower_end(self) -> float:
        """Voltage that endless depression tends to (or comes from, for A < 0), V."""
        return self.highest - self.span / -math.expm1(-self.pulses / self.depression_a)

    @property
    def symmetry_point(self) -> float:
        """Voltage at which a pulse up and a pulse down are equally large, within range.

        Alternating pulses take a device there, whatever it held before. V
        """
        up = -math.expm1(-1.0 / self.potentiation_a)
        down = -math.expm1(-1.0 / self.depression_a)
        if up + down == 0:
            return 0.5 * (self.lowest + self.highest)
        point = (up * self.upper_end + down * self.lower_end) / (up + down)
        return min(max(point, self.lowest), self.highest)


def resistance_labels(model: CalibratedModel) -> list[str]:
    """Return the labels of the resistances in a model, rising, open last.

    Raises
    ------
    CalibrationError
        If the model is of another device, or has no curve at all.
    """
    if model.model != DEVICE_MODEL:
        raise CalibrationError(
            f"the network needs {DEVICE_MODEL!r}, not a model of {model.model!r}"
        )
    found: dict[str, float] = {}
    for parameter in model.parameters:
        match = _LABEL.fullmatch(parameter.name)
        if match:
            found[match[1]] = math.inf if match[1] == OPEN else float(match[2])
    if not found:
        raise CalibrationError(
            "calibrated model: no potentiation_a_<resistance>: it holds no curves"
        )
    return sorted(found, key=found.__getitem__)


def pulse_curve(model: CalibratedModel, label: str) -> PulseCurve:
    """Return the curves at one resistance.

    Parameters
    ----------
    model : CalibratedModel
        Of device model ``"fmes"``.
    label : str
        One of :func:`resistance_labels`.

    Raises
    ------
    CalibrationError
        If a number is missing or cannot be.
    """
    known = resistance_labels(model)
    if label not in known:
        raise CalibrationError(
            f"calibrated model: no curve at {label!r}; it has {', '.join(known)}"
        )
    values = {kind: model[f"{kind}_{label}"] for kind in _KINDS}
    spread = {
        kind: model.population_spread[f"{kind}_{label}"]
        for kind in _KINDS
        if f"{kind}_{label}" in model.population_spread
    }
    return PulseCurve(label=label, spread=spread, **values)


class SynapseArray:
    """Devices in rows (inputs) and columns (outputs), each with its own curve.

    Parameters
    ----------
    curve : PulseCurve
        The mean device.
    rows, columns : int
        Size of the array.
    seed : int
        Seed of the devices and of their first voltages, which fill the range evenly.
    path : int
        Which array of the network this is: arrays of one seed differ by it.
    spread, noise : bool
        Whether devices differ and whether pulses are noisy, as the curve says.

    Attributes
    ----------
    voltage : Tensor of float32, shape (rows, columns)
        PSV of each device in V; the training moves it in place.
    steps : Tensor of float32, shape (rows, columns, 8)
        One pulse up (factor, offset in V), one down, the bounds in V, the noise in V.
    """

    def __init__(
        self,
        curve: PulseCurve,
        rows: int,
        columns: int,
        seed: int,
        path: int = 0,
        *,
        spread: bool = True,
        noise: bool = True,
    ) -> None:
        self.curve = curve
        generator = np.random.default_rng((seed, path))
        devices = _draw_devices(curve, (rows, columns), generator, spread=spread)
        steps = np.zeros((rows, columns, STEP_SIZE), np.float32)
        low, high = devices["lowest"], devices["highest"]
        span, pulses = high - low, devices["pulses"]
        for factor, offset, start, sign, name in (
            (UP_FACTOR, UP_OFFSET, low, 1.0, "potentiation_a"),
            (DOWN_FACTOR, DOWN_OFFSET, high, -1.0, "depression_a"),
        ):
            share = -np.expm1(-1.0 / devices[name])
            end = start + sign * span / -np.expm1(-pulses / devices[name])
            steps[..., factor] = 1.0 - share
            steps[..., offset] = share * end
        steps[..., LOWEST], steps[..., HIGHEST] = low, high
        if noise:
            steps[..., NOISE] = devices["pulse_noise"] * span
        first = low + span * generator.random((rows, columns))
        self.steps = torch.from_numpy(steps)
        self.voltage = torch.from_numpy(
            np.clip(first.astype(np.float32), steps[..., LOWEST], steps[..., HIGHEST])
        )

    def pulse(self, requested: torch.Tensor, seed: int, *path: int) -> torch.Tensor:
        """Apply pulses to every device, in place.

        Parameters
        ----------
        requested : Tensor of float32, shape (rows, columns)
            Pulses asked for: positive potentiates, negative depresses; fractions are
            rounded at random.
        seed : int
            Seed of the rounding and the noise.
        *path : int
            What these pulses are for, such as a step number.

        Returns
        -------
        Tensor of int32, shape (rows, columns)
            Pulses that were sent, with their sign.
        """
        sent = torch.zeros(self.voltage.shape, dtype=torch.int32)
        pulse_each(
            self.voltage.numpy(),
            self.steps.numpy(),
            requested.to(torch.float32).contiguous().numpy(),
            sent.numpy(),
            stream_key(seed, *path),
        )
        return sent


def _draw_devices(
    curve: PulseCurve,
    shape: tuple[int, int],
    generator: np.random.Generator,
    *,
    spread: bool,
) -> dict[str, NDArray[np.float64]]:
    """Return each device's numbers; the mean's where the population has no spread."""
    drawn = {}
    for kind in _KINDS:
        mean = getattr(curve, kind)
        deviation = curve.spread.get(kind, 0.0) if spread else 0.0
        # Drawn in any case: one kind's spread must not change another's devices.
        drawn[kind] = mean + deviation * generator.standard_normal(shape)
    for kind in ("potentiation_a", "depression_a", "pulses"):
        mean = getattr(curve, kind)
        least = _SMALLEST_SPREAD_FACTOR * abs(mean)
        drawn[kind] = np.copysign(np.maximum(drawn[kind] * np.sign(mean), least), mean)
    least = _SMALLEST_SPREAD_FACTOR * curve.span
    drawn["highest"] = np.maximum(drawn["highest"], drawn["lowest"] + least)
    drawn["pulse_noise"] = np.maximum(drawn["pulse_noise"], 0.0)
    return drawn


@njit(cache=True, nogil=True)
def pulse_device(voltage, steps, count, key, counter):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Return a device's voltage after `count` pulses (down where negative)."""
    up = count > 0
    factor = steps[UP_FACTOR] if up else steps[DOWN_FACTOR]
    offset = steps[UP_OFFSET] if up else steps[DOWN_OFFSET]
    low, high, noise = steps[LOWEST], steps[HIGHEST], steps[NOISE]
    word = np.uint64(counter) << np.uint64(10)
    for _ in range(abs(count)):
        voltage = voltage * factor + offset
        if noise > np.float32(0):
            voltage += noise * _NORMAL[draw(key ^ _SPLIT, word) & np.uint32(4095)]
            word += np.uint64(1)
        voltage = min(max(voltage, low), high)
    return voltage


@njit(cache=True, nogil=True)
def pulse_each(voltage, steps, requested, sent, key):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Round what each device is asked for and apply it."""
    rows, columns = voltage.shape
    for i in range(rows):
        for j in range(columns):
            counter = i * columns + j
            share = np.float32(draw(key, counter)) / _SCALE
            most = abs(requested[i, j]) + share
            count = np.int32(min(most, _MOST))
            if count > 0:
                if requested[i, j] < np.float32(0):
                    count = -count
                sent[i, j] = count
                voltage[i, j] = pulse_device(
                    voltage[i, j], steps[i, j], count, key, counter
                )


@njit(cache=True, nogil=True)
def pulse_row(voltage, steps, strength, demand, chosen, key, first):  # type: ignore[no-untyped-def]  # pragma: no cover  # noqa: ANN001, ANN201  compiled
    """Update one row by ``strength * demand[j]`` pulses; return how many were sent.

    `demand` is in pulses, down where positive (the gradient); `chosen` is scratch of
    the same length; `first` counts the random numbers drawn before this row.
    """
    columns = len(demand)
    scale = strength * _SCALE
    total = np.int32(0)
    for j in range(columns):
        most = np.float32(draw(key, first + j)) + min(
            abs(demand[j]) * scale, _MOST * _SCALE
        )
        count = np.int32(most * np.float32(1.0 / DRAW_RANGE))
        chosen[j] = count
        total += count
    if total == 0:
        return total
    for j in range(columns):
        count = chosen[j]
        if count > 0:
            if demand[j] > np.float32(0):
                count = -count
            voltage[j] = pulse_device(voltage[j], steps[j], count, key, first + j)
    return total
