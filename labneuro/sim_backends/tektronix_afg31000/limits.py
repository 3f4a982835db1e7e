"""Ranges of the Tektronix AFG31000 models that are simulated.

Sources, by letter in the comments below:

* (a) Tektronix, AFG31000 Series Programmer's Manual 077-1148: minimum pulse width, as
  quoted in the model table of a public PyMeasure driver.
* (b) Tektronix, AFG3000 Series Programmer Manual 071-1639 (the same command set), as
  quoted command by command in the package tm_devices (``gen_5xiee_afg``).
* (c) tm_devices, ``drivers/afgs/afg31k.py``: limits of the AFG31000 models.
* (d) Tektronix, sample "AFG31000 MATLAB ICT Send Waveform 1" (2023): waveform data.
* (e) European XFEL, Karabo class for the AFG31000: descriptions from the manual.
* (f) A public PyMeasure driver (``tektronix/afg31000.py`` of the fork of
  AlphaOmegaSemiconductor), its descriptions after the Programmer's Manual 077-1148-03.
* (g) A public bridge from the maker's SourceXpress to the AFG31000 advanced mode: its
  comments, the commands it sends, the files it writes.

Where no source was found the comment says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SHAPES = (
    "SINusoid",
    "SQUare",
    "PULSe",
    "RAMP",
    "PRNoise",
    "DC",
    "SINC",
    "GAUSsian",
    "LORentz",
    "ERISe",
    "EDECay",
    "HAVersine",
    "USER[1]",
    "USER2",
    "USER3",
    "USER4",
    "EMEMory[1]",
    "EMEMory2",
    "EFILe",
)
MODULATING_SHAPES = (
    "SINusoid",
    "SQUare",
    "TRIangle",
    "RAMP",
    "NRAMp",
    "PRNoise",
    *SHAPES[-7:],
)

_PLAIN = {"SIN", "SQU", "RAMP", "EFIL", "EMEM", "EMEM2"}
_PLAIN |= {"USER", "USER2", "USER3", "USER4"}
_SMOOTH = _PLAIN | {"SINC", "GAUS", "LOR", "ERIS", "EDEC", "HAV"}
# Carriers of PM, FSK, PWM and the sweep: (b). For AM and FM it does not say them: all
# but pulse, noise and DC.
_CARRIERS = {
    "AM": _SMOOTH,
    "FM": _SMOOTH,
    "PM": _PLAIN,
    "FSK": _PLAIN,
    "SWE": _PLAIN,
    "PWM": {"PULS"},
}
MODULATIONS = ("AM", "FM", "PM", "FSK", "PWM")


def carries(run_mode: str, shape: str) -> bool:
    """Return whether a shape can be played in a run mode.

    Examples
    --------
    >>> carries("PM", "RAMP"), carries("PM", "PULS"), carries("BURS", "PULS")
    (True, False, True)
    """
    return shape in _CARRIERS.get(run_mode, {shape})


OUTPUT_RESISTANCE = 50.0  # ohm
LOWEST_LOAD, HIGHEST_LOAD = 1.0, 10e3  # ohm, or infinite (b)

LOWEST_FREQUENCY = 1e-6  # Hz (c)
SMALLEST_AMPLITUDE = 2e-3  # V peak to peak of the open output (c)
LONGEST_PULSE = 999.99  # s (b)
FASTEST_EDGE, SLOWEST_EDGE = 2.5e-9, 625.0  # s; no source for the AFG31000 was found


@dataclass(frozen=True)
class AfgModel:
    """What one model can do.

    Voltages are those of the open output; into R ohm they are R / (R + 50) of it.

    Attributes
    ----------
    name : str
        As ``*IDN?`` has it.
    sine, square, arbitrary, other : float
        Highest frequency in Hz of sine, of square and pulse, of arbitrary waveforms,
        and of all other shapes.
    window : float
        No level in V lies beyond, of either sign.
    amplitudes : tuple of (float, float)
        Highest frequency in Hz and amplitude in V peak to peak that is had up to it.
    shortest_pulse : float
        In s.
    sequence_rate : float
        Highest sampling rate of the advanced mode, in samples per second.
    """

    name: str
    sine: float
    square: float
    arbitrary: float
    other: float
    window: float
    amplitudes: tuple[tuple[float, float], ...]
    shortest_pulse: float
    sequence_rate: float

    def highest_frequency(self, shape: str) -> float:
        """Return the highest frequency of a shape, in Hz."""
        if shape in ("SQU", "PULS"):
            return self.square
        if shape.startswith(("EMEM", "USER", "EFIL")):
            return self.arbitrary
        # Noise and DC have no frequency: any is kept for the next shape.
        return self.sine if shape in ("SIN", "PRN", "DC") else self.other

    def largest_amplitude(self, frequency: float) -> float:
        """Return the largest amplitude of the open output, in V peak to peak."""
        return next(most for up_to, most in self.amplitudes if frequency <= up_to)


AFG31102 = AfgModel(  # (c), shortest pulse (a), sequence rate (f)
    name="AFG31102",
    sine=100e6,
    square=80e6,
    arbitrary=50e6,
    other=1e6,
    window=10.0,
    amplitudes=((60e6, 20.0), (80e6, 16.0), (math.inf, 12.0)),
    shortest_pulse=6e-9,
    sequence_rate=1e9,
)
AFG31252 = AfgModel(  # (c), shortest pulse (a), sequence rate (f)
    name="AFG31252",
    sine=250e6,
    square=160e6,
    arbitrary=125e6,
    other=2.5e6,
    window=5.0,
    amplitudes=((200e6, 10.0), (math.inf, 8.0)),
    shortest_pulse=4e-9,
    sequence_rate=2e9,
)

LOWEST_DUTY, HIGHEST_DUTY = 0.001, 99.999  # % (b)
MOST_CYCLES = 1_000_000  # or infinite (c)
LONGEST_TRIGGER_DELAY = 85.0  # s (b), (e)
SHORTEST_TIMER, LONGEST_TIMER = 1e-6, 500.0  # s (b), (e)

LOWEST_RATE, HIGHEST_RATE = 2e-3, 50e3  # Hz of an internal modulating wave (b)
HIGHEST_KEY_RATE = 1e6  # Hz of FSK; no source was found
LARGEST_MODULATION = 2.2  # AM shares the amplitude so that 120 % reaches it; as below
LONGEST_SWEEP = 500.0  # s (f); the AFG3000 had 300 s (b)

MOST_ELEMENTS = 256  # of a sequence (f)
SHORTEST_SEQUENCE_TIMER, LONGEST_SEQUENCE_TIMER = 2e-6, 3600.0  # s (f)
LARGEST_SKEW = 320e-9  # s between the channels of a sequence (f)
HIGHEST_SCALE = 1000.0  # % (f)
LARGEST_SEQUENCE_OFFSET = 1e6  # (f)
LOWEST_SEQUENCE_RATE = 1e-6  # samples per second; no source was found

FULL_SCALE = 16382  # waveform data: 0 is the low level, this the high one (d)
DATA_BITS = 0x3FFF  # 14 bit; the two above are ignored (d)
FEWEST_POINTS, MOST_POINTS = 2, 131072  # (c)
DEFAULT_POINTS = 1000  # no source was found

TRIGGER_LATENCY = 0.0  # s; no source was found


def load_factor(load: float) -> float:
    """Return the voltage at a load in ohm over that of the open output.

    Examples
    --------
    >>> load_factor(50.0), load_factor(math.inf)
    (0.5, 1.0)
    """
    return 1.0 if math.isinf(load) else load / (load + OUTPUT_RESISTANCE)


def round_voltage(value: float) -> float:
    """Round a voltage to 0.1 mV or four digits, whichever is coarser.

    The manual (b) gives this resolution for the amplitude; levels and offset get it
    too.

    Examples
    --------
    >>> round_voltage(0.12345678), round_voltage(3.80049)
    (0.1235, 3.8)
    """
    digits = f"{value:.3E}"
    return float(digits) if abs(value) >= 1.0 else round(value, 4)


def round_delay(value: float) -> float:
    """Round a trigger delay to 100 ps or five digits, whichever is coarser (b).

    Examples
    --------
    >>> round_delay(1.23456789), round_delay(1.26e-10)
    (1.2346, 1e-10)
    """
    return round(float(f"{value:.4E}"), 10)
