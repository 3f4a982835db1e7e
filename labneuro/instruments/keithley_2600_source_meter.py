"""A Keithley 2600 channel as the source meter of a bench."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from labneuro.errors import BenchConfigError, LimitError
from labneuro.instruments.keithley_2600_channels import OVERFLOW
from labneuro.instruments.keithley_2600_output import (
    IN_COMPLIANCE,
    LONGEST_SCRIPT,
    MOST_READINGS,
    READING_OVERHEAD,
    Keithley2600Output,
)
from labneuro.instruments.keithley_2600_scripts import call, store_levels
from labneuro.instruments.roles import CurrentReadings, SourceMeter
from labneuro.instruments.stress import METER, Levels
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from labneuro.instruments.keithley_2600_channels import TriggerLine
    from labneuro.instruments.roles import TriggeredReads

TRIGGER_PULSE = 10e-6
"""Length of a trigger in s, the instrument's default (manual p. 7-59)."""

_MOST_VOLTAGE = 200.0


@dataclass(frozen=True)
class _Block:
    """What one script brought back: readings in A, time in s, status bits."""

    current: NDArray[np.float64]
    time: NDArray[np.float64]
    status: NDArray[np.int64]


class Keithley2600SourceMeter(Keithley2600Output, SourceMeter):
    """One channel of a 2600 that sources a voltage and measures the current."""

    ranges: ClassVar[dict[str, tuple[float, float, str]]] = {
        "compliance_current": (1e-10, 1.5, "A"),
        "current_range": (1e-10, 1.5, "A"),
        "power_line_cycles": (0.001, 25.0, ""),
    }
    sourced: ClassVar[tuple[str, str]] = ("voltage", "V")
    output: ClassVar[str] = METER

    def configure(
        self,
        *,
        compliance_current: float,
        current_range: float,
        power_line_cycles: float,
    ) -> None:
        """Prepare voltage sourcing at 0 V with the output still off.

        Parameters
        ----------
        compliance_current : float
            Limit in A, 100 pA to 1.5 A.
        current_range : float
            Largest current to be measured in A, 100 pA to 1.5 A; the range is fixed.
        power_line_cycles : float
            Integration time in power-line cycles, 0.001 to 25.

        Raises
        ------
        LimitError
            If a value is beyond the bench's limits or the instrument's range.
        InstrumentError
            If the instrument reports an error.
        """
        self._check_range("compliance_current", compliance_current)
        self._check_range("current_range", current_range)
        self._check_range("power_line_cycles", power_line_cycles)
        self.guard.comply(compliance_current, self._where)
        self._begin()
        channel = self.channel
        channel.source_voltage_autorange = False
        channel.source_voltage = 0.0
        channel.compliance_current = compliance_current
        self._limit_power()
        channel.current_autorange = False
        channel.current_range = current_range
        self._finish(power_line_cycles)

    def sweep(self, voltages: NDArray[np.float64], settling: float) -> CurrentReadings:
        """Measure the current at each level as one script on the instrument.

        The source range is the smallest that holds every level.

        Parameters
        ----------
        voltages : ndarray, shape (points,)
            Levels in V, at most 50 000.
        settling : float
            Wait from level to integration in s.

        Raises
        ------
        LimitError
            If a level is beyond the bench's limits or the instrument's range.
        InstrumentError
            If the instrument reports an error or does not answer.
        """
        levels = [float(level) for level in voltages]
        self._check_levels(levels)
        self._check_durations(settling=settling)
        if not 0 < len(levels) <= MOST_READINGS:
            raise LimitError(
                f"{self._where}: a sweep of {len(levels)} points; 1 to {MOST_READINGS}"
            )
        self._require_configured()
        duration = len(levels) * (settling + self._aperture + READING_OVERHEAD)
        if duration > LONGEST_SCRIPT:
            raise LimitError(
                f"{self._where}: a sweep of {show(duration, 's')}; at most "
                f"{show(LONGEST_SCRIPT, 's')}"
            )
        held = settling + self._aperture
        self.guard.play(
            Levels(METER, tuple((one, held) for one in levels)), self._where
        )
        for message in store_levels(levels):
            self.driver.write(message)
        range_ = max(abs(level) for level in levels)
        command = self._sweep_command(range_, len(levels), settling)
        block = self._measure(command, len(levels), duration)
        return _readings(np.asarray(levels), [block])

    def _sweep_command(self, range_: float, count: int, settling: float) -> str:
        return call("sweep", self._name, range_, count, settling)

    def triggered_reads(self, reads: TriggeredReads) -> CurrentReadings:
        """Run a whole train as one script: one message, one binary read-back.

        A train longer than 50 000 readings or about an hour is run in parts; between
        two parts the device rests for as long as the read-back takes.

        Parameters
        ----------
        reads : TriggeredReads
            The train.

        Raises
        ------
        LimitError
            If the read voltage is beyond the bench's limits or the instrument's range.
        BenchConfigError
            If the trigger line is none of the instrument's.
        InstrumentError
            If the instrument reports an error or does not answer.
        """
        line = self._line(reads.trigger_line)
        self._check_train(reads)
        self._require_configured()
        held = reads.settling + self._aperture
        read = Levels(METER, ((reads.read_voltage, held),), reads.count)
        self.guard.trigger(reads.count, self._where, read)
        line.mode = "falling"
        line.pulse_width = TRIGGER_PULSE
        busy = reads.read_delay + reads.settling + self._aperture
        rest = max(0.0, reads.period - busy)
        longest = busy + rest + READING_OVERHEAD
        level = reads.read_voltage
        waits = (reads.read_delay, reads.settling, rest)
        blocks = []
        starts = []
        parts = list(_parts(reads.count, longest))
        for count in parts:
            command = call(
                "train", self._name, line.id, abs(level), count, level, *waits
            )
            blocks.append(self._measure(command, count, count * longest))
            if len(parts) > 1:
                starts.append(self._first_time())
        return _readings(np.full(reads.count, level), blocks, starts)

    def _measure(self, command: str, count: int, duration: float) -> _Block:
        """Run a function of the script and take its readings."""
        current, time, status = self._take(command, count, duration).T
        return _Block(
            np.where(np.abs(current) >= OVERFLOW, np.nan, current),
            time,
            status.astype(np.int64),
        )

    def _line(self, name: str) -> TriggerLine:
        number = name.removeprefix("digio")
        lines = {str(key): line for key, line in self.driver.trigger_lines.items()}
        if name == number or number not in lines:
            raise BenchConfigError(
                f"wiring.triggers: {name!r} is no trigger line of {self.driver.name}; "
                "digio1 to digio14"
            )
        return lines[number]

    def _check_train(self, reads: TriggeredReads) -> None:
        self._check_levels([reads.read_voltage])
        self._check_durations(
            read_delay=reads.read_delay, settling=reads.settling, period=reads.period
        )
        if reads.count < 1:
            raise LimitError(f"{self._where}: a train of {reads.count} triggers")

    def _check_levels(self, levels: Iterable[float]) -> None:
        for level in levels:
            self.limits.check("voltage", level, self._where)
            if not abs(level) <= _MOST_VOLTAGE:
                raise LimitError(
                    f"{self._where}: voltage {show(level, 'V')} is beyond the "
                    f"instrument's {show(_MOST_VOLTAGE, 'V')}"
                )

    def _check_durations(self, **durations: float) -> None:
        for key, duration in durations.items():
            if not 0.0 <= duration < math.inf:
                raise LimitError(f"{self._where}: {key} {show(duration, 's')}")


class Keithley2612SourceMeter(Keithley2600SourceMeter):
    """One channel of a 2612A or 2612B, whose ranges begin at 100 nA."""

    ranges: ClassVar[dict[str, tuple[float, float, str]]] = {
        "compliance_current": (1e-8, 1.5, "A"),
        "current_range": (1e-7, 1.5, "A"),
        "power_line_cycles": (0.001, 25.0, ""),
    }


def _parts(count: int, period: float) -> Iterator[int]:
    """Cut a train into scripts that buffer and time stamps can hold."""
    most = max(1, min(MOST_READINGS, int(LONGEST_SCRIPT / period)))
    while count > 0:
        yield min(count, most)
        count -= most


def _readings(
    voltage: NDArray[np.float64], blocks: list[_Block], starts: Iterable[float] = ()
) -> CurrentReadings:
    """Join the parts of a train on one time axis."""
    clocks = np.asarray(list(starts) or [0.0])
    times = [
        block.time + start
        for block, start in zip(blocks, clocks - clocks[0], strict=True)
    ]
    time = np.concatenate(times)
    return CurrentReadings(
        voltage=voltage,
        current=np.concatenate([block.current for block in blocks]),
        time=time - time[0],
        in_compliance=bool(blocks[-1].status[-1] & IN_COMPLIANCE),
    )
