"""Ranges, resolutions and defaults of the 81160A.

Sources, by letter in the comments below:

* (a) Keysight, 81150A and 81160A User's Guide (page as on easymanua.ls): p. 126 trigger
  output, p. 142 pulse period, p. 221 shortest pulse, p. 504 error queue, p. 567 digital
  thresholds, p. 580 when errors are checked, p. 612 pattern memory.
* (b) PyMeasure 0.16, ``keysight81160A`` and its tests with the instrument: limits of
  the settings, each taken by the instrument right after a reset.
* (c) public drivers of the 81150A, which shares the manual (PIEC, exopy_hqc_legacy):
  source impedances, number of user waveforms, words of the trigger subsystem.
* (d) Agilent, 33250A User's Guide, the maker's generator with the same words.
* (e) Agilent, 81101A Reference Guide, the predecessor: voltage limits, load.

"Chosen" means that no source was found.
"""

from __future__ import annotations

import math

SHAPES = ("SINusoid", "SQUare", "RAMP", "PULSe", "NOISe", "DC", "USER")  # (b)

LOWEST_FREQUENCY = 1e-6  # Hz (a), (b)
HIGHEST_SINE, HIGHEST_OTHER = 500e6, 330e6  # Hz (b), (a) p. 142
DEFAULT_PERIOD = 1e-6  # s (a) p. 142

# Voltages of the open output; into 50 ohm they are half of it (b).
SMALLEST_AMPLITUDE, LARGEST_AMPLITUDE = 0.1, 10.0
LARGEST_FAST_SINE = 6.0  # of a sine above 330 MHz (b)
WINDOW = 10.0  # no level lies beyond, of either sign (b)
DEFAULT_AMPLITUDE = 2.0  # chosen
VOLTAGE_DIGITS = 4  # levels at the load have steps of 0.1 mV; chosen

# Limits of the levels, at the load whatever it is (b).
WIDEST_LIMIT, LIMIT_DISTANCE = 10.0, 0.01

SOURCE_RESISTANCES = (5.0, 50.0)  # ohm (c)
LOWEST_LOAD, HIGHEST_LOAD = 0.3, 1e6  # ohm (b), (c)

SHORTEST_PULSE, LONGEST_PULSE = 1.5e-9, 1e6  # s (a) p. 221, (b)
DEFAULT_WIDTH = 100e-9  # s; chosen
LONGEST_DELAY = 1e6  # s; chosen
FASTEST_EDGE, SLOWEST_EDGE = 1e-9, 1e3  # s (b)
EDGES_IN_PERIOD = 1.6  # period >= width + 1.6 edge (a) p. 142
TIGHTEST_PERIOD = SHORTEST_PULSE + EDGES_IN_PERIOD * FASTEST_EDGE
"""What the fastest pulse needs; (a) allows periods down to 3.03 ns with it."""
LOWEST_DUTY, HIGHEST_DUTY = 0.15, 99.99  # % (b)
# (b), with the six decimals that PyMeasure sends and the instrument takes.
LOWEST_SQUARE_DUTY, HIGHEST_SQUARE_DUTY = 0.000151, 99.999849  # %

MOST_CYCLES, FEWEST_BURST_CYCLES = 2_147_483_647, 2  # (b)
SHORTEST_TRIGGER_PERIOD, LONGEST_TRIGGER_PERIOD = 3.03e-9, 1e6  # s (b)
DEFAULT_TRIGGER_PERIOD = 10e-6  # s; chosen
TRIGGER_LATENCY = 0.0  # s; not found
TRIGGER_LEVEL = 10.0  # V of either sign; chosen
TRIGGER_RESISTANCES = (50.0, 10e3)  # ohm (c), (e)

FULL_SCALE = 8191  # DAC value of the high level; the low one has the minus sign (b)
FEWEST_POINTS, MOST_POINTS = 2, 131_072  # (c); the most of the 81160A was not found
USER_WAVEFORMS = 4  # (c)
LONGEST_NAME = 12  # (b)
BUILT_IN_WAVEFORMS = ("EXP_RISE", "EXP_FALL", "NEG_RAMP", "SINC", "CARDIAC")  # (d)

DEFAULT_WAVEFORM = "EXP_RISE"  # (d)

MOST_PATTERN_BITS = 2 * 1024 * 1024  # two channels (a) p. 612
SHORTEST_PATTERN = 2  # chosen
PRBS_LENGTHS = (7, 9, 11, 15, 23, 31)  # (a) p. 612

ERROR_QUEUE = 30  # (a) p. 504
EDGE_STEPS = 32
"""Steps in which an edge is put on the circuit."""
SHORT_EDGE = 1e-5
"""An edge below this share of the pulse's width is one step in its middle."""


def highest_frequency(shape: str) -> float:
    """Return the highest frequency of a shape in Hz.

    Noise and DC have no frequency: any is kept for the next shape.
    """
    return HIGHEST_SINE if shape in ("SIN", "NOIS", "DC") else HIGHEST_OTHER


def load_factor(load: float, source: float) -> float:
    """Return the voltage at a load over that of the open output.

    Parameters
    ----------
    load, source : float
        Load and source resistance in ohm.

    Examples
    --------
    >>> load_factor(50.0, 50.0)
    0.5
    """
    return load / (load + source)


def round_voltage(value: float) -> float:
    """Round a voltage at the load to the resolution of levels.

    Examples
    --------
    >>> round_voltage(0.12345678), round_voltage(3.80049)
    (0.1235, 3.8005)
    """
    return round(value, VOLTAGE_DIGITS)


def round_digits(value: float, digits: int = 9) -> float:
    """Round to significant digits; nine for times is chosen.

    Examples
    --------
    >>> round_digits(1.23456789012e-6)
    1.23456789e-06
    """
    return float(f"{value:.{digits - 1}E}") if math.isfinite(value) else value
