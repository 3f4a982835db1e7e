"""What the MSO-X 3104T can do: rates, memory, bandwidth, noise, ranges.

References
----------
Keysight, InfiniiVision 3000T X-Series User's Guide, chapters 2 (Horizontal), 3
(Vertical), 13 (Acquisition control, page 221: sample rate = samples / time) and
Programmer's Guide, chapters 12 (CHANnel), 31 (TRIGger), 34 (WAVeform). The data sheet
was not found: numbers marked "not found" are known from the product's short
specification or are chosen.
"""

from __future__ import annotations

import math

DIVISIONS = 10
"""Horizontal divisions of the screen."""
VERTICAL_DIVISIONS = 8
ANALOG_CHANNELS = 4
DIGITAL_CHANNELS = 16
POD_CHANNELS = 8

FASTEST_RATE = 5e9
"""Samples per second with one channel of each pair on; half with both."""
MEMORY = 4_000_000
"""Samples of one channel; half with both of a pair on, and half while it runs."""
MEASUREMENT_RECORD = 62_500
"""Most points of the record that is read while the oscilloscope runs."""
AVERAGED_POINTS = 1000
"""Most points that are read in average mode (Programmer's Guide, page 1093)."""
AVERAGED_RECORD = 50_000
"""Most points that are averaged; chosen."""
FEWEST_POINTS = 100
MOST_POINTS = 8_000_000

BANDWIDTH = 1e9
LIMITED_BANDWIDTH = 20e6
AC_COUPLING = 10.0
"""Corner of the AC coupling in Hz (User's Guide, chapter 3)."""
TRIGGER_REJECT = 50e3
"""Corner of the trigger's low- and high-frequency reject in Hz (User's Guide)."""
FIFTY_OHM = 50.0
MEGOHM = 1e6

# Vertical noise of this model: not found. Chosen so that the screen's noise is about
# one code, as on 8-bit oscilloscopes of this bandwidth.
NOISE_FLOOR = 150e-6
"""Input noise in Vrms at the most sensitive range."""
NOISE_OF_RANGE = 1.0 / 800.0
"""Further noise in Vrms as a share of the screen's height."""

AUTO_TRIGGER = 50e-3
"""Time in s after which the AUTO sweep triggers by itself; not found, chosen."""
REARM = 1e-6
"""From the end of an acquisition to the next trigger in s; not found, from the update
rate of a million waveforms a second."""
MESSAGE_TIME = 1e-3
"""Time in s that a message takes; not found, chosen as usual for USB and LAN."""

SMALLEST_RANGE = 8e-3
LARGEST_RANGE = 40.0
LARGEST_FIFTY_OHM_RANGE = 8.0
"""V of the whole screen with a 1:1 probe (Programmer's Guide, :CHANnel<n>:RANGe)."""
SHORTEST_TIME = 5e-9
LONGEST_TIME = 500.0
"""s of the whole screen: 500 ps/div for the 1 GHz models (not found) to 50 s/div."""
SMALLEST_PROBE = 0.001
LARGEST_PROBE = 10_000.0
LONGEST_SKEW = 100e-9
SHORTEST_HOLDOFF = 40e-9
LONGEST_HOLDOFF = 10.0
LARGEST_THRESHOLD = 8.0
LOGIC = {"TTL": 1.4, "CMOS": 2.5, "ECL": -1.3}
"""Thresholds by logic family in V (Programmer's Guide, :DIGital<d>:THReshold)."""
LARGEST_EXTERNAL = 8.0
MOST_AVERAGES = 65_536
MOST_SEGMENTS = 1000

# Codes of the WORD format; a BYTE is the upper half. 0 is a hole, 1 and 255 clipped.
CODE = 256
CENTRE = 128 * CODE
CLIPPED_LOW = 1 * CODE
CLIPPED_HIGH = 255 * CODE
CODES = 254
"""BYTE codes over the screen's height."""
BITS = 8
MOST_BITS = 12
"""Resolution of the high-resolution mode at slow sweeps (User's Guide, chapter 13)."""

INVALID = 9.9e37
"""What a measurement gives that cannot be made."""

# Fractions of the screen left of the time reference (:TIMebase:REFerence).
REFERENCES = {"LEFT": 0.1, "CENT": 0.5, "RIGH": 0.9}


def sample_rate(duration: float, memory: float, fastest: float) -> float:
    """Return the sample rate for a screen's length.

    The steps 1, 2, 5 are chosen: the instrument's own list was not found.

    Parameters
    ----------
    duration : float
        Length of the screen in s.
    memory : float
        Samples that fit.
    fastest : float
        Highest rate in samples/s.

    Examples
    --------
    >>> sample_rate(1e-3, 4e6, 5e9), sample_rate(1e-7, 4e6, 5e9)
    (2500000000.0, 5000000000.0)
    """
    wanted = min(fastest, memory / duration)
    divisor = max(1.0, fastest / wanted)
    decade = 10.0 ** math.floor(math.log10(divisor) + 1e-12)
    for step in (1.0, 2.0, 5.0, 10.0):
        if step * decade >= divisor * (1.0 - 1e-9):
            return fastest / (step * decade)
    return fastest / (10.0 * decade)


def noise(screen: float) -> float:
    """Return the input noise in Vrms for the screen's height in V at the input."""
    return math.hypot(NOISE_FLOOR, NOISE_OF_RANGE * screen)
