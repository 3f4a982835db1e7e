"""The figures that the FMES paper quotes, and what a card makes of them.

I-V: one ramp of 50 mV/s from rest, device and regulating resistor together. Paired
pulse: 1 mA for 1 ms, 10 ms from the end of the first pulse to the second. Dynamic
range: residual PSV at the end of the period after the last of 150 pulses (1 mA, 1 ms,
500 Hz) over that after the first; the peaks, which hold the current times the series
resistance as well, have a much smaller range. Retention: residual PSV, open, 100 s
after over 1 s after a train of 5000 such pulses; the paper says "almost unchanged" and
not how long its train was: the bound of 0.95 and the length are chosen.

References
----------
S. Zhao, W. Ran et al., "Neuromorphic-computing-based adaptive learning using ion
dynamics in flexible energy storage devices": Figures 2b, 3c, 3g, S15.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labneuro.devices.fmes import FmesDevice, FmesPopulation

if TYPE_CHECKING:
    from labneuro.devices.fmes import FmesParameters

SWEEP_RATE = 0.05
"""Sweep rate of the quoted I-V curves, in V/s."""
PULSE_CURRENT = 1e-3
"""Current of the quoted pulses, in A."""
PULSE_WIDTH = 1e-3
"""Width of the quoted pulses, in s."""
TRAIN_GAP = 1e-3
"""Gap between the pulses of a train of 500 Hz, in s."""
TRAIN_PULSES = 150
PAIR_GAP = 0.01
"""Time from the end of the first pulse of a pair to the second, in s."""
PAIR_RESISTOR = 7000.0
"""Regulating resistor of the quoted pair, in ohm."""
RANGE_RESISTORS = (500.0, 1000.0, 8000.0, np.inf)
"""Regulating resistors of the quoted dynamic ranges, in ohm."""
_LONG_TRAIN = 5000
_ALMOST_UNCHANGED = 0.95
_SWEEP_TOP = 0.8  # V
_SWEEP_POINTS = 401  # every 2 mV


class QuotedFigure(NamedTuple):
    """One figure of the paper beside a card's.

    Attributes
    ----------
    name, unit : str
        What it is; the unit is empty for ratios.
    quoted : float
        The paper's value.
    value : float
        The card's value.
    at_least : bool
        Whether the paper's value is a lower bound.
    """

    name: str
    unit: str
    quoted: float
    value: float
    at_least: bool = False

    @property
    def deviation(self) -> float:
        """Relative deviation; of a lower bound only what is missing."""
        relative = self.value / self.quoted - 1.0
        return min(relative, 0.0) if self.at_least else relative


def quoted_figures(parameters: FmesParameters) -> list[QuotedFigure]:
    """Return every quoted figure with the value that a device without noise has.

    Parameters
    ----------
    parameters : FmesParameters
        The card.

    Returns
    -------
    list of QuotedFigure
    """
    quiet = replace(parameters, charge_noise=0.0)
    return [*_currents(quiet), *_pair(quiet), *_ranges(quiet), _retention(quiet)]


def _currents(parameters: FmesParameters) -> list[QuotedFigure]:
    device = FmesDevice(parameters, 0)
    duration = _SWEEP_TOP / SWEEP_RATE
    volts, amps = device.sweep(0.0, SWEEP_RATE, 0.0, duration, _SWEEP_POINTS)

    def total(resistor: float) -> np.ndarray:
        return np.asarray(amps + volts / resistor)

    def current(resistor: float, at: float) -> float:
        return float(np.interp(at, volts, total(resistor)))

    def voltage(resistor: float, at: float) -> float:
        return float(np.interp(at, total(resistor), volts))

    return [
        QuotedFigure("current at 0.6 V, 500 ohm", "A", 1.6e-3, current(500, 0.6)),
        QuotedFigure("current at 0.6 V, 8000 ohm", "A", 0.47e-3, current(8000, 0.6)),
        QuotedFigure("voltage at 0.5 mA, 500 ohm", "V", 0.12, voltage(500, 0.5e-3)),
        QuotedFigure("voltage at 0.5 mA, 8000 ohm", "V", 0.74, voltage(8000, 0.5e-3)),
        QuotedFigure("current at 0.12 V, 500 ohm", "A", 0.5e-3, current(500, 0.12)),
        QuotedFigure("current at 0.74 V, 8000 ohm", "A", 0.5e-3, current(8000, 0.74)),
    ]


def _pair(parameters: FmesParameters) -> list[QuotedFigure]:
    device = FmesPopulation([parameters], 0)
    pair = device.pulse(PULSE_CURRENT, PULSE_WIDTH, PAIR_GAP, PAIR_RESISTOR, 2)
    first, second = (float(peak) for peak in pair.peak[0])
    return [
        QuotedFigure("A1, 7000 ohm", "V", 0.094, first),
        QuotedFigure("A2, 7000 ohm, 10 ms", "V", 0.115, second),
        QuotedFigure("paired-pulse index A2/A1", "", 0.115 / 0.094, second / first),
    ]


def _ranges(parameters: FmesParameters) -> list[QuotedFigure]:
    devices = FmesPopulation([parameters] * len(RANGE_RESISTORS), 0)
    train = devices.pulse(
        PULSE_CURRENT, PULSE_WIDTH, TRAIN_GAP, RANGE_RESISTORS, TRAIN_PULSES
    )
    ratios = train.residual[:, -1] / train.residual[:, 0]
    return [
        QuotedFigure(
            "dynamic range, " + ("open" if np.isinf(ohm) else f"{ohm:.0f} ohm"),
            "",
            6.0,
            float(ratio),
            at_least=True,
        )
        for ohm, ratio in zip(RANGE_RESISTORS, ratios, strict=True)
    ]


def _retention(parameters: FmesParameters) -> QuotedFigure:
    device = FmesPopulation([parameters], 0)
    device.pulse(PULSE_CURRENT, PULSE_WIDTH, TRAIN_GAP, np.inf, _LONG_TRAIN)
    device.rest(1.0)
    early = device.voltage()[0]
    device.rest(99.0)
    late = float(device.voltage()[0] / early)
    name = "retention, 100 s over 1 s, open"
    return QuotedFigure(name, "", _ALMOST_UNCHANGED, late, at_least=True)
