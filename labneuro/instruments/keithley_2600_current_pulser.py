"""A Keithley 2600 channel as the current pulser of a bench."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from labneuro.errors import LimitError
from labneuro.instruments.keithley_2600_channels import OVERFLOW
from labneuro.instruments.keithley_2600_output import (
    IN_COMPLIANCE,
    LONGEST_SCRIPT,
    MOST_READINGS,
    READING_OVERHEAD,
    Keithley2600Output,
)
from labneuro.instruments.keithley_2600_scripts import call
from labneuro.instruments.roles import CurrentPulser, PulseVoltages, VoltageReadings
from labneuro.instruments.stress import PULSER, Levels
from labneuro.units import show

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.instruments.guard import Guard
    from labneuro.instruments.keithley_2600 import Keithley2600
    from labneuro.instruments.roles import CurrentPulses
    from labneuro.safety import Limits

MOST_TRAINS = 20
"""Trains that one call carries, so that it stays far below 1000 characters."""

READING_ALLOWANCE = 40e-6
"""Time in s that a reading may take beside its integration."""


class Keithley2600CurrentPulser(Keithley2600Output, CurrentPulser):
    """One channel of a 2600 that sources current pulses and measures the voltage.

    Each pulse is a loop of a script: level, reading, 0 A, reading. Its edges follow the
    instrument's clock, so that width and period are kept as long as a reading takes no
    more than its integration and `READING_ALLOWANCE`, by which both readings come
    early. A reading that takes longer lengthens its pulse; the time stamps tell.

    Parameters
    ----------
    driver : Keithley2600
        The instrument.
    channel : str
        ``"smua"`` or ``"smub"``.
    limits : Limits or Guard
        What may be set at most; checked before anything is sent. The compliance
        voltage counts as the level of every pulse.

    Raises
    ------
    BenchConfigError
        If there is no such channel.

    References
    ----------
    Keithley Series 2600B Reference Manual, 2600BS-901-01 Rev. C (2016), section 7:
    smuX.source.leveli, limitv, rangei; timer.reset, timer.measure.t.
    """

    ranges: ClassVar[dict[str, tuple[float, float, str]]] = {
        "compliance_voltage": (0.02, 200.0, "V"),
        "largest_current": (1e-9, 1.5, "A"),
        "voltage_range": (0.02, 200.0, "V"),
        "power_line_cycles": (0.001, 25.0, ""),
    }
    sourced: ClassVar[tuple[str, str]] = ("current", "A")
    output: ClassVar[str] = PULSER

    def __init__(
        self, driver: Keithley2600, channel: str, limits: Limits | Guard
    ) -> None:
        super().__init__(driver, channel, limits)
        self._compliance = self._most = math.nan

    def configure(
        self,
        *,
        compliance_voltage: float,
        largest_current: float,
        voltage_range: float,
        power_line_cycles: float,
    ) -> None:
        """Prepare current sourcing at 0 A with the output still off.

        Parameters
        ----------
        compliance_voltage : float
            Limit in V, either sign, 20 mV to 200 V.
        largest_current : float
            Largest magnitude of a pulse in A, 1 nA to 1.5 A.
        voltage_range : float
            Largest voltage to be measured in V, 20 mV to 200 V; the range is fixed.
        power_line_cycles : float
            Integration time in power-line cycles, 0.001 to 25.

        Raises
        ------
        LimitError
            If a value is beyond the bench's limits or the instrument's range.
        InstrumentError
            If the instrument reports an error.
        """
        self._check_range("compliance_voltage", compliance_voltage)
        self._check_range("largest_current", largest_current)
        self._check_range("voltage_range", voltage_range)
        self._check_range("power_line_cycles", power_line_cycles)
        self.limits.check("voltage", compliance_voltage, f"{self._where} compliance")
        self.guard.comply(largest_current, self._where, PULSER)
        self._begin()
        channel = self.channel
        channel.source_current_autorange = False
        channel.source_current_range = largest_current
        channel.source_current = 0.0
        channel.compliance_voltage = compliance_voltage
        self._limit_power()
        channel.voltage_autorange = False
        channel.voltage_range = voltage_range
        channel.source_delay = 0
        self._compliance, self._most = compliance_voltage, largest_current
        self._finish(power_line_cycles)

    @property
    def _reading(self) -> float:
        """What a reading takes at most beside its waits, in s."""
        return self._aperture + READING_ALLOWANCE

    def pulses(self, pulses: CurrentPulses) -> PulseVoltages:
        """Send all pulses as one script: one call, one binary read-back.

        Parameters
        ----------
        pulses : CurrentPulses
            At most 25 000 with readings, in 20 trains.

        Raises
        ------
        LimitError
            If a level is beyond the configured one, if the bench's limits forbid the
            pulses, or if they do not fit the instrument.
        InstrumentError
            If the instrument reports an error or does not answer.
        """
        self._require_configured()
        self._check_pulses(pulses)
        gap = pulses.period - pulses.width
        shape = tuple(
            (
                math.copysign(self._compliance, level) if level else 0.0,
                count * (pulses.silent + 1),
            )
            for level, count in pulses.trains
        )
        for volts, count in shape:
            one = Levels(PULSER, ((volts, pulses.width), (0.0, gap)), count)
            self.guard.play(one, self._where)
        levels, counts = (
            "{" + ", ".join(f"{value:.10g}" for value in column) + "}"
            for column in zip(*pulses.trains, strict=True)
        )
        command = call(
            "pulses",
            self._name,
            len(pulses.trains),
            levels,
            counts,
            self._reading,
            pulses.width,
            pulses.period,
            pulses.silent,
        )
        values = self._measure(command, 2 * pulses.count, pulses.duration)
        return PulseVoltages(
            peak=_volts(values[0::2]),
            residual=_volts(values[1::2]),
            peak_time=values[0::2, 1] - values[0, 1],
            residual_time=values[1::2, 1] - values[0, 1],
            in_compliance=bool((values[:, 2].astype(np.int64) & IN_COMPLIANCE).any()),
            start=self._first_time(),
        )

    def watch(self, count: int, interval: float) -> VoltageReadings:
        """Measure the voltage at 0 A, the first time after one interval.

        Parameters
        ----------
        count : int
            Number of readings, at most 50 000.
        interval : float
            From one to the next in s.

        Raises
        ------
        LimitError
            If the instrument cannot hold so many readings, or not for so long.
        InstrumentError
            If the instrument reports an error or does not answer.
        """
        self._require_configured()
        self._check_script(count, count * interval, "readings")
        if not self._reading <= interval:
            raise LimitError(
                f"{self._where}: an interval of {show(interval, 's')} is shorter than "
                f"a reading of {show(self._reading, 's')}"
            )
        command = call("watch", self._name, count, self._reading, interval)
        values = self._measure(command, count, count * interval)
        time = values[:, 1] - values[0, 1]
        return VoltageReadings(_volts(values), time, self._first_time())

    def _measure(
        self, command: str, count: int, duration: float
    ) -> NDArray[np.float64]:
        """Run a function of the script, with room for what readings take."""
        return self._take(command, count, duration + count * READING_OVERHEAD)

    def _check_pulses(self, pulses: CurrentPulses) -> None:
        if not 0 < len(pulses.trains) <= MOST_TRAINS:
            raise LimitError(
                f"{self._where}: {len(pulses.trains)} trains; 1 to {MOST_TRAINS}"
            )
        for level, count in pulses.trains:
            self.limits.check("current", level, self._where)
            if not abs(level) <= self._most:
                raise LimitError(
                    f"{self._where}: a pulse of {show(level, 'A')} is beyond the "
                    f"configured {show(self._most, 'A')}"
                )
            self._check_script(2 * count, 0.0, "readings")
        if pulses.silent < 0:
            raise LimitError(f"{self._where}: {pulses.silent} silent rounds; 0 or more")
        self._check_script(2 * pulses.count, pulses.duration, "readings")
        gap = pulses.period - pulses.width
        if not self._reading <= min(pulses.width, gap):
            raise LimitError(
                f"{self._where}: a pulse of {show(pulses.width, 's')} every "
                f"{show(pulses.period, 's')} leaves no room for two readings of "
                f"{show(self._reading, 's')}"
            )

    def _check_script(self, count: int, duration: float, what: str) -> None:
        if not 0 < count <= MOST_READINGS:
            raise LimitError(
                f"{self._where}: {count} {what}; 1 to {MOST_READINGS} a script"
            )
        if not duration <= LONGEST_SCRIPT:
            raise LimitError(
                f"{self._where}: a script of {show(duration, 's')}; at most "
                f"{show(LONGEST_SCRIPT, 's')}"
            )


def _volts(values: NDArray[np.float64]) -> NDArray[np.float64]:
    readings = values[:, 0]
    return np.where(np.abs(readings) >= OVERFLOW, np.nan, readings)
