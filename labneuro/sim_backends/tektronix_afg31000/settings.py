"""The settings of one channel of the AFG31000 and the ranges that are always the same.

References
----------
Letters as in :mod:`labneuro.sim_backends.tektronix_afg31000.limits`. The defaults of
modulation and sweep are those of the AFG3000 front panel as remembered; no source was
found for them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Extreme
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.tektronix_afg31000 import limits

if TYPE_CHECKING:
    from labneuro.sim_backends.tektronix_afg31000.waveform_files import ArbitraryFile

TOLERANCE = 1e-9
"""Relative: settings meet as decimal numbers."""


@dataclass
class Settings:
    """All settings of a channel with their defaults.

    Attributes
    ----------
    run_mode : str
        ``"CONT"``, ``"BURS"``, ``"SWE"`` or a modulation: only one at a time.
    high, low, high_limit, low_limit : float
        Levels of the open output in V.
    width, duty : float
        Pulse width in s and duty cycle in %; `hold` says which one is set.
    cycles : float
        Cycles of a burst; may be infinite.
    load : float
        Load that the client means, in ohm; may be infinite.
    phase : float
        In rad.
    am_depth, pwm_deviation, noise_level : float
        In %.
    fm_deviation, fsk_frequency, sweep_start, sweep_stop : float
        In Hz.
    pm_deviation : float
        In rad.
    am_rate, fm_rate, pm_rate, fsk_rate, pwm_rate : float
        Internal modulation frequency in Hz.
    am_shape, fm_shape, pm_shape, pwm_shape : str
        Internal modulating waveform.
    file, am_file, fm_file, pm_file, pwm_file : ArbitraryFile, optional
        What ``EFILe`` stands for.
    """

    shape: str = "SIN"
    frequency: float = 1e6
    high: float = 1.0
    low: float = -1.0
    high_limit: float = math.inf
    low_limit: float = -math.inf
    unit: str = "VPP"
    load: float = 50.0
    inverted: bool = False
    output: bool = False
    phase: float = 0.0
    symmetry: float = 50.0
    width: float = 0.5e-6
    duty: float = 50.0
    hold: str = "DUTY"
    leading: float = limits.FASTEST_EDGE
    trailing: float = limits.FASTEST_EDGE
    delay: float = 0.0
    run_mode: str = "CONT"
    burst_mode: str = "TRIG"
    cycles: float = 5.0
    trigger_delay: float = 0.0
    idle: str = "OFF"
    file: ArbitraryFile | None = None
    combined: str = ""
    noise_level: float = 10.0
    am_depth: float = 50.0
    am_rate: float = 10e3
    am_shape: str = "SIN"
    am_source: str = "INT"
    am_file: ArbitraryFile | None = None
    fm_deviation: float = 1e6
    fm_rate: float = 10e3
    fm_shape: str = "SIN"
    fm_source: str = "INT"
    fm_file: ArbitraryFile | None = None
    pm_deviation: float = 0.5 * math.pi
    pm_rate: float = 10e3
    pm_shape: str = "SIN"
    pm_source: str = "INT"
    pm_file: ArbitraryFile | None = None
    fsk_frequency: float = 1e6
    fsk_rate: float = 50.0
    fsk_source: str = "INT"
    pwm_deviation: float = 5.0
    pwm_rate: float = 10e3
    pwm_shape: str = "SIN"
    pwm_source: str = "INT"
    pwm_file: ArbitraryFile | None = None
    sweep_start: float = 100e3
    sweep_stop: float = 1e6
    sweep_time: float = 10e-3
    hold_time: float = 0.0
    return_time: float = 1e-3
    spacing: str = "LIN"
    sweep_mode: str = "AUTO"


class Range(NamedTuple):
    """Lowest, highest and default value of a setting."""

    low: float
    high: float
    default: float

    def resolve(self, value: float | Extreme) -> float:
        """Return a value after the check of its range.

        Raises
        ------
        ScpiError
            -222 if it lies outside.
        """
        if isinstance(value, Extreme):
            by_name = {Extreme.MINIMUM: self.low, Extreme.MAXIMUM: self.high}
            return by_name.get(value, self.default)
        if not self.low - _slack(self.low) <= value <= self.high + _slack(self.high):
            raise ScpiError(syntax.DATA_OUT_OF_RANGE)
        return min(max(value, self.low), self.high)

    def named(self, which: str) -> float:
        """Return what a query with ``MIN``, ``MAX`` or ``DEF`` asks for."""
        return {"MIN": self.low, "MAX": self.high, "DEF": self.default}[which]


def _slack(end: float) -> float:
    """Return what rounding in binary may add to the end of a range."""
    return TOLERANCE * abs(end) + 1e-15


_RATE = Range(limits.LOWEST_RATE, limits.HIGHEST_RATE, 10e3)

FIXED_RANGES = {
    "phase": Range(-math.pi, math.pi, 0.0),
    "symmetry": Range(0.0, 100.0, 50.0),
    "trigger_delay": Range(0.0, limits.LONGEST_TRIGGER_DELAY, 0.0),
    "noise_level": Range(0.0, 50.0, 10.0),  # (b)
    "am_depth": Range(0.0, 120.0, 50.0),  # (b)
    "am_rate": _RATE,
    "fm_rate": _RATE,
    "pm_rate": _RATE,
    "pwm_rate": _RATE,
    "pm_deviation": Range(0.0, math.pi, 0.5 * math.pi),  # (f)
    "fsk_rate": Range(limits.LOWEST_RATE, limits.HIGHEST_KEY_RATE, 50.0),
    "sweep_time": Range(1e-3, limits.LONGEST_SWEEP, 10e-3),
    "hold_time": Range(0.0, limits.LONGEST_SWEEP, 0.0),
    "return_time": Range(0.0, limits.LONGEST_SWEEP, 1e-3),
}

_DECIMALS = {
    **dict.fromkeys(("am_depth", "noise_level", "pwm_deviation", "symmetry"), 1),
    **dict.fromkeys(("am_rate", "fm_rate", "pm_rate", "pwm_rate", "fsk_rate"), 3),
    **dict.fromkeys(("fm_deviation", "fsk_frequency", "sweep_start", "sweep_stop"), 6),
}


def rounded(name: str, value: float) -> float:
    """Return a setting as the instrument keeps it.

    Depth 0.1 %, modulation frequency 1 mHz (b); frequencies 1 uHz (b); percentages
    0.1 % (no source but the depth's); the others as they are.

    Examples
    --------
    >>> rounded("am_depth", 33.33), rounded("fsk_rate", 10.12345)
    (33.3, 10.123)
    """
    return round(value, _DECIMALS[name]) if name in _DECIMALS else value
