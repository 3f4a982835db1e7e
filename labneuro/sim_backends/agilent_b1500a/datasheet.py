"""What the modules of the B1500A can do: ranges, resolution, limits, noise, times.

References
----------
Agilent B1500A User's Guide, Edition 10, tables 4-1, 4-2, 4-7, 4-8 (ranges, resolution,
largest current and voltage), p. 4-12; Edition 13, p. 4-19 (output resistance, shortest
pulse measurement). Agilent B1500A/B1505A Programming Guide, Edition 11, p. 4-39 (AIT).
What is marked *chosen* was not found.
"""

from __future__ import annotations

from typing import NamedTuple

PARALLEL_RESISTANCE = 1e13  # ohm beside a current source, User's Guide ed. 13 p. 4-19
SERIES_RESISTOR = 1e6  # ohm, SSR
FORCE_COUNTS = 20_000  # set resolution is range / 20000, tables 4-1 and 4-8
FAST_COUNTS = 20_000  # measurement resolution, high-speed converter, table 4-8
FINE_COUNTS = 1_000_000  # measurement resolution, high-resolution converter, table 4-1
OVER_RANGE = 1.15  # a current range measures up to 115 %, User's Guide ed. 7 p. 7-52
SAMPLE_TIME = 16e-6  # s a sample; shortest pulse measurement, ed. 13 p. 4-19
FINE_SAMPLE_TIME = 80e-6  # s a step of the high-resolution converter; chosen
SAMPLES_PER_CYCLE = 128  # high-speed converter in a power-line cycle, p. 4-39
SET_TIME = 0.2e-3  # s for a change of the output; chosen
RANGE_CHANGE_TIME = 1e-3  # s; chosen
READ_OVERHEAD = 50e-6  # s a measurement beside the integration; chosen
SWITCH_TIME = 2e-3  # s for the output relay; chosen
INTERLOCK_VOLTAGE = 42.0
"""Largest voltage in V while the interlock is open; from memory of the User's Guide."""
FILTER_TIME = 0.42e-3  # s rise time with FL on, measured by users of the instrument
# Standard deviation of one fast sample, in steps of its resolution; chosen.
FAST_NOISE = 0.5
# Of the high-resolution converter at one power-line cycle, in steps; chosen.
FINE_NOISE = 2.0
INITIAL_COMPLIANCE = 100e-6  # A after CN, as *LRN? shows it
INITIAL_VOLTAGE_RANGE = 200  # 20 V
LOWEST_CURRENT_RANGE_OFFSET = 20  # the range of code c is 10^(c - 20) A, p. 1-43


class VoltageRange(NamedTuple):
    """A voltage range: its code in commands, its code in binary data, full scale."""

    code: int
    binary: int
    full_scale: float


# Codes of the 0.5 V and 5 V ranges in binary data were not found: 8 and 9 are chosen.
_V0_5 = VoltageRange(5, 8, 0.5)
_V2 = VoltageRange(20, 11, 2.0)
_V5 = VoltageRange(50, 9, 5.0)
_V20 = VoltageRange(200, 12, 20.0)
_V40 = VoltageRange(400, 13, 40.0)
_V100 = VoltageRange(1000, 14, 100.0)
_V200 = VoltageRange(2000, 15, 200.0)

SAME_VOLTAGE_RANGE = {11: 20, 12: 200, 13: 400, 14: 1000, 15: 2000}
"""Old codes of voltage ranges; the instrument answers with the others."""


class SmuSheet(NamedTuple):
    """The data sheet of a source/monitor unit.

    Attributes
    ----------
    voltages : tuple of VoltageRange
        Ascending.
    currents : tuple of int
        Codes of the current ranges, ascending.
    area : tuple of (float, float)
        Largest current in A up to a voltage in V, ascending in voltage.
    power : float
        Largest power compliance in W.
    resistance : float
        Output resistance in ohm.
    """

    model: str
    voltages: tuple[VoltageRange, ...]
    currents: tuple[int, ...]
    area: tuple[tuple[float, float], ...]
    power: float
    resistance: float

    @property
    def largest_voltage(self) -> float:
        """In V."""
        return self.voltages[-1].full_scale

    @property
    def largest_current(self) -> float:
        """In A."""
        return current_range(self.currents[-1])

    @property
    def least_current(self) -> float:
        """Smallest current compliance in A; a tenth of the lowest range is chosen."""
        return 0.1 * current_range(self.currents[0])

    def current_at(self, voltage: float) -> float:
        """Return the largest current in A at a voltage."""
        return next(
            (amps for volts, amps in self.area if abs(voltage) <= volts * _ROUNDING),
            0.0,
        )

    def voltage_at(self, current: float) -> float:
        """Return the largest voltage in V at a current."""
        return max(
            (volts for volts, amps in self.area if abs(current) <= amps * _ROUNDING),
            default=0.0,
        )


_ROUNDING = 1.0 + 1e-9
_MEDIUM = (_V0_5, _V2, _V5, _V20, _V40, _V100)
_MEDIUM_AREA = ((20.0, 0.1), (40.0, 0.05), (100.0, 0.02))

SMUS = {
    "B1510A": SmuSheet(
        "B1510A",
        (_V2, _V20, _V40, _V100, _V200),
        tuple(range(11, 21)),
        ((20.0, 1.0), (40.0, 0.5), (100.0, 0.125), (200.0, 0.05)),
        20.0,
        0.2,
    ),
    "B1511A": SmuSheet("B1511A", _MEDIUM, tuple(range(11, 20)), _MEDIUM_AREA, 2.0, 0.3),
    "B1511B": SmuSheet("B1511B", _MEDIUM, tuple(range(11, 20)), _MEDIUM_AREA, 2.0, 0.3),
    "B1517A": SmuSheet("B1517A", _MEDIUM, tuple(range(9, 20)), _MEDIUM_AREA, 2.0, 0.3),
}
SPGUS = ("B1525A",)
SLOTS = 10
DEFAULT_MODULES = {"slot1": "B1517A", "slot2": "B1517A", "slot5": "B1525A"}

# Fast samples by current range in the automatic mode, before the factor; chosen.
_INITIAL_SAMPLES = {9: 1023, 10: 256, 11: 64, 12: 16, 13: 4}


def initial_samples(range_code: int) -> int:
    """Return how many samples the automatic mode takes on a current range."""
    return _INITIAL_SAMPLES.get(range_code, 1)


def current_range(code: int) -> float:
    """Return the full scale in A of a current range, by its code."""
    return float(f"1e{code - LOWEST_CURRENT_RANGE_OFFSET}")


class SpguSheet(NamedTuple):
    """Limits of the B1525A pulse generator; times in s.

    The bounds of period, voltage, count and duration are those that public drivers
    quote from the guide; those of delay, width and edges are chosen within them.
    """

    resistance: float = 50.0
    open_voltage: float = 40.0
    period: tuple[float, float] = (20e-9, 10.0)
    delay: tuple[float, float] = (0.0, 9.99)
    width: tuple[float, float] = (10e-9, 9.99)
    edge: tuple[float, float] = (8e-9, 0.4)
    time_step: float = 10e-9
    edge_step: float = 2e-9
    voltage_step: float = 1e-3
    load: tuple[float, float] = (0.1, 1e6)
    counts: tuple[int, int] = (1, 1_000_000)
    duration: tuple[float, float] = (1e-6, 31_556_926.0)


SPGU = SpguSheet()
