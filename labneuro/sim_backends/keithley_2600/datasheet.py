"""What the data sheets say of the Series 2600B: ranges, resolution, noise, timing.

References
----------
[1] Keithley 2600B Series data sheet (2636B), p. 10 and p. 30:
    38.142.81.21:8001/manual/keithley/2636b/1-datasheet-english
[2] SPEC-2602B Rev. B (2601B, 2602B, 2604B), p. 2.
[3] 2606B data sheet, p. 5 (its derating note lists the ranges of the 261xB and 263xB).
[4] Series 2600B Reference Manual 2600BS-901-01, Rev. B, C and F.
[5] Model 2657A Reference Manual 2657A-901-01 Rev. B, p. 2-73 (measure auto delay).
[6] Series 2600A Reference Manual 2600AS-901-01 Rev. B, p. 4-5 (duty cycle equation).
[7] Model 2657A Reference Manual 2657A-901-01 Rev. B, p. 3-66 (high-capacitance mode).
[8] Series 2600A Reference Manual, p. 19-136 and following (261xA defaults); Series 2600
    Reference Manual 2600S-901-01 Rev. A, table 6-1 (ranges of the 2611 and 2612).

The 2636B's own accuracy page was not found in public text. Where a figure is of a
sister model with the same range, or continues a row by its evident rule, the table says
so. Readings are ideally calibrated: no gain or offset error is simulated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from labneuro.sim_backends.tsp.instrument import TspTiming

# Rates of [1] p. 30 at 0.001 NPLC and 60 Hz: 20 000 readings/s to memory, 7000/s source
# and measure by script, 8100/s with a digital I/O trigger, 10 500/s measure and print
# by script, 1900/s single measurements over GPIB, 12 000/s source and measure by sweep.
_READING = 1 / 20_000
MEASURE_OVERHEAD = _READING - 0.001 / 60  # s beside the integration of each reading
SOURCE_TIME = 1 / 7000 - _READING  # s for a script to change the level
SWEEP_SOURCE_TIME = 1 / 12_000 - _READING  # s for the trigger model to change it
TRIGGER_TIME = 1 / 8100 - _READING  # s to take an edge on a digital line
_OUTPUT_TIME = 1 / 10_500 - _READING
TIMING = TspTiming(message=1 / 1900 - 1 / 10_500, output=_OUTPUT_TIME)
# Largest, typical: [1] p. 30.
MEASURE_RANGE_CHANGE = 150e-6
SOURCE_RANGE_CHANGE = 2.5e-3
FUNCTION_CHANGE = 1e-3

OVER_SOURCE = 1.01  # source levels go to 101 % of range: [4] Rev. F p. 172, 20.2 V
OVER_MEASURE = 1.02  # readings go to 102 % of range: 2651A-901-01 Rev. A p. 2-66
HIGH_C_LOWEST = 1e-6  # A; the high-capacitance mode has no range below: [7]
OVERFLOW = 9.91e37  # [4] Rev. F p. 551
NPLC_RANGE = (0.001, 25.0)
# The reference conversions of autozero are kept for the last ten NPLC settings and
# expire after a time that depends on the aperture ([4] Rev. F p. 539, which gives no
# figure); chosen here: 10 s and at least 100 apertures.
AUTOZERO_CACHE = 10
AUTOZERO_VALID = 10.0
AUTOZERO_APERTURES = 100.0


class RangeSheet(NamedTuple):
    """One range.

    Attributes
    ----------
    full_scale : float
        In V or A.
    source_step : float
        Programming resolution in V or A; 0 where the range only measures.
    resolution : float
        Display resolution in V or A.
    noise : float
        Typical peak-to-peak noise 0.1 Hz to 10 Hz, in V or A.
    settling : float
        Automatic measure delay in s.
    derating : tuple of float
        Error term to add at 0.1, 0.01 and 0.001 NPLC, as a fraction of range.
    """

    full_scale: float
    source_step: float
    resolution: float
    noise: float
    settling: float
    derating: tuple[float, float, float]

    def noise_deviation(self, nplc: float) -> float:
        """Return the standard deviation of a reading at an integration time.

        The slow noise, peak to peak over 6.6, falls with the root of the time; below
        1 NPLC the derating of [1] p. 10 note 2, taken as three standard deviations and
        interpolated in logarithms, is added in squares.
        """
        slow = self.noise / 6.6 / math.sqrt(max(nplc, 1.0))
        return math.hypot(slow, self._derated(nplc) * self.full_scale / 3.0)

    def _derated(self, nplc: float) -> float:
        decade = max(0.0, -math.log10(nplc))
        if decade <= 1.0:
            return self.derating[0] * decade
        first = min(int(decade), len(self.derating) - 1)
        low, high = self.derating[first - 1], self.derating[first]
        return low * (high / low) ** (decade - first)


# [1] p. 10 note 2 and [3]: per 0.1, 0.01, 0.001 NPLC.
_V_LOWEST = (1e-4, 8e-4, 8e-3)
_V_OTHERS = (1e-4, 7e-4, 6e-3)
_I_LOW = (1e-4, 1e-3, 1e-2)
_I_MIDDLE = (1e-4, 5e-4, 5e-3)
_I_HIGH = (1e-4, 5e-4, 1.1e-2)

_VOLTAGE = (
    # Steps of the ranges 200 mV to 200 V: 5 uV to 5 mV, as [2] for 100 mV (5 uV) and
    # 1 V (50 uV), a decade each. Noise: [2] for 100 mV and 1 V; chosen for 20 V and
    # 200 V between and beyond [2]'s 6 V (100 uV) and 40 V (500 uV).
    RangeSheet(0.2, 5e-6, 1e-7, 20e-6, 0.0, _V_LOWEST),
    RangeSheet(2.0, 50e-6, 1e-6, 50e-6, 0.0, _V_OTHERS),
    RangeSheet(20.0, 500e-6, 1e-5, 300e-6, 0.0, _V_OTHERS),
    RangeSheet(200.0, 5e-3, 1e-4, 2e-3, 0.0, _V_OTHERS),
)
_CURRENT_FROM_100_NA = (
    # Steps, resolution and noise: [2], the same ranges of the 2601B. Settling to 0.1 %:
    # [4] Rev. F p. 188.
    RangeSheet(100e-9, 2e-12, 100e-15, 5e-12, 15e-3, _I_LOW),
    RangeSheet(1e-6, 20e-12, 1e-12, 25e-12, 2.5e-3, _I_MIDDLE),
    RangeSheet(10e-6, 200e-12, 10e-12, 60e-12, 500e-6, _I_MIDDLE),
    RangeSheet(100e-6, 2e-9, 100e-12, 3e-9, 150e-6, _I_MIDDLE),
    RangeSheet(1e-3, 20e-9, 1e-9, 6e-9, 100e-6, _I_MIDDLE),
    RangeSheet(10e-3, 200e-9, 10e-9, 200e-9, 80e-6, _I_MIDDLE),
    RangeSheet(100e-3, 2e-6, 100e-9, 600e-9, 80e-6, _I_MIDDLE),
    RangeSheet(1.0, 20e-6, 1e-6, 70e-6, 120e-6, _I_HIGH),
    RangeSheet(1.5, 20e-6, 1e-6, 150e-6, 120e-6, _I_HIGH),
)
_CURRENT_BELOW_100_NA = (
    # Not in [2]. Steps and resolution continue the rows by decades; noise is chosen
    # below the step from 100 nA; settling as the 2657A's automatic delay [5], that of
    # 100 pA as of 1 nA.
    RangeSheet(100e-12, 0.0, 0.1e-15, 40e-15, 1.0, _I_LOW),
    RangeSheet(1e-9, 20e-15, 1e-15, 100e-15, 1.0, _I_LOW),
    RangeSheet(10e-9, 200e-15, 10e-15, 700e-15, 150e-3, _I_LOW),
)


@dataclass(frozen=True)
class ModelSheet:
    """One model of the series.

    Attributes
    ----------
    model : str
        Model number.
    firmware, serial : str
        Revision of the firmware and serial number; both are examples.
    channels : tuple of str
        Its source-measure units.
    voltage, current : tuple of RangeSheet
        Ranges, ascending.
    areas : tuple of (float, float)
        Corners of the area in which it may stay: volt, ampere.
    voltage_limits, current_limits : tuple of float
        Smallest and largest limit.
    default_voltage_limit, default_current_limit : float
        After reset, in V and A.
    measure_delay : float
        Default of ``measure.delay``: -1 is automatic.
    pulse_current : RangeSheet
        The current range that is there for pulses only.
    pulse_area : tuple of float
        Corner of the extended area, for pulses only: volt, ampere.
    """

    model: str
    firmware: str
    serial: str
    channels: tuple[str, ...]
    voltage: tuple[RangeSheet, ...]
    current: tuple[RangeSheet, ...]
    areas: tuple[tuple[float, float], ...]
    voltage_limits: tuple[float, float]
    current_limits: tuple[float, float]
    default_voltage_limit: float
    default_current_limit: float
    measure_delay: float
    pulse_current: RangeSheet
    pulse_area: tuple[float, float]

    @property
    def identity(self) -> str:
        """Maker, model, serial number and firmware, as ``*IDN?`` gives them."""
        return (
            f"Keithley Instruments Inc., Model {self.model}, {self.serial}, "
            f"{self.firmware}"
        )

    def allows(self, volts: float, amps: float, *, pulsed: bool = False) -> bool:
        """Whether volts and amps together lie in an area where it may stay.

        Parameters
        ----------
        volts, amps : float
            In V and A.
        pulsed : bool
            Whether they last for a pulse only: then the extended area counts too.
        """
        areas = (*self.areas, self.pulse_area) if pulsed else self.areas
        return any(
            volts <= area_volts * OVER_SOURCE and amps <= area_amps * OVER_SOURCE
            for area_volts, area_amps in areas
        )


# Pulses only ([8] table 6-1, note 1). Step, resolution and noise continue [2]'s 3 A
# range; settling as that of 1 A.
_PULSE_CURRENT = RangeSheet(10.0, 200e-6, 10e-6, 1e-3, 120e-6, _I_HIGH)
# The table of widths and duty cycles of the extended area was not found. The 10 A range
# is bounded by the duty cycle equation of [6] on the ranges with the low amplifier
# voltage, up to 20 V.
_PULSE_AREA = (20.0, 10.0)
_AREAS = ((20.0, 1.5), (200.0, 0.1))

# Areas: [4] Rev. F p. 172, figure 65: 1.5 A to 20 V, 100 mA to 200 V. Limits and their
# defaults: [4] Rev. F p. 565; those of the 2612A as of the 2612B.
SHEETS = {
    "2636B": ModelSheet(
        model="2636B",
        firmware="3.4.2",
        serial="4000001",
        channels=("smua", "smub"),
        voltage=_VOLTAGE,
        current=_CURRENT_BELOW_100_NA + _CURRENT_FROM_100_NA,
        areas=_AREAS,
        voltage_limits=(20e-3, 200.0),
        current_limits=(100e-12, 1.5),
        default_voltage_limit=20.0,
        default_current_limit=0.1,
        measure_delay=-1.0,
        pulse_current=_PULSE_CURRENT,
        pulse_area=_PULSE_AREA,
    ),
    "2612A": ModelSheet(
        model="2612A",
        firmware="2.2.6",
        serial="1400001",
        channels=("smua", "smub"),
        voltage=_VOLTAGE,
        current=_CURRENT_FROM_100_NA,
        areas=_AREAS,
        voltage_limits=(20e-3, 200.0),
        current_limits=(10e-9, 3.0),
        default_voltage_limit=20.0,
        default_current_limit=0.1,
        measure_delay=0.0,
        pulse_current=_PULSE_CURRENT,
        pulse_area=_PULSE_AREA,
    ),
}

# Not in any page found: output resistance in volt mode at the sense point and parallel
# resistance in ampere mode; both far from anything that matters to a device.
OUTPUT_RESISTANCE = 0.01  # ohm
PARALLEL_RESISTANCE = 1e14  # ohm

LONGEST_PULSE = 10.0  # s, where the duty cycle must be below 1: [6]
_COOLING_POWER = 56.0  # W, [6]
_AMPLIFIER_VOLTAGE = ((20.0, 40.0), (200.0, 220.0))  # V by voltage range, [6] table 4-3


def largest_duty_cycle(
    voltage_range: float,
    pulse: tuple[float, float],
    bias: tuple[float, float] = (0.0, 0.0),
    ambient: float = 23.0,
) -> float:
    """Return the largest duty cycle that the cooling allows.

    Parameters
    ----------
    voltage_range : float
        Voltage source or measure range in V.
    pulse, bias : tuple of float
        Volt and ampere at pulse and bias level; the voltage is negative when the
        instrument sinks power.
    ambient : float
        Temperature in degrees Celsius.

    Returns
    -------
    float
        Duty cycle, at most 1. Below 1 a pulse must be shorter than 10 s.

    Examples
    --------
    The manual's first example: a 2611A charges a 5 V battery with 1.5 A at 50 C.

    >>> round(100 * largest_duty_cycle(20.0, (5.0, 1.5), ambient=50.0), 1)
    47.0

    Notes
    -----
    ``[(P_CS - P_DER - (V_OA - V_B) I_B) / ((V_OA - V_P) I_P)]^2`` with 1 W of derating
    for each degree above 30 C [6].
    """
    amplifier = next(v for top, v in _AMPLIFIER_VOLTAGE if voltage_range <= top)
    pulse_volts, pulse_amps = pulse
    bias_volts, bias_amps = bias
    power = _COOLING_POWER - max(0.0, ambient - 30.0)
    power -= (amplifier - bias_volts) * abs(bias_amps)
    load = (amplifier - pulse_volts) * abs(pulse_amps)
    if load <= 0.0:
        return 1.0
    return min(1.0, max(0.0, power / load) ** 2)
