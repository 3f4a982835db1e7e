"""An SMU of a B1500A as the source meter of a bench."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labneuro.errors import BenchConfigError, InstrumentError, LimitError
from labneuro.instruments import agilent_b1500a, shutdown
from labneuro.instruments.agilent_b1500a_data import (
    ELEMENT,
    END,
    IN_COMPLIANCE,
    TimedCurrents,
    decode_timed_currents,
)
from labneuro.instruments.guard import Guard
from labneuro.instruments.roles import CurrentReadings, SourceMeter
from labneuro.instruments.stress import METER, Levels
from labneuro.units import show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from labneuro.instruments.agilent_b1500a import AgilentB1500A, B1500ASmu
    from labneuro.instruments.roles import TriggeredReads
    from labneuro.safety import Limits

PROGRAM = 1
"""Number of the program in the instrument's memory that this class uses."""
MOST_STORED = 500
"""Readings of one stored program; a longer train runs in parts."""
MOST_STEPS = 1001
"""Points of a staircase that every firmware takes."""

_PAIR = 2 * ELEMENT
_LONGEST_PAUSE = 99.9999  # s, PA
_PAUSE_STEP = 1e-4  # s, PA and WT
_LONGEST_DELAY = 65.535  # s, WT
_OVERHEAD = 30e-3  # s a reading at the most beside its waits, for the time-out only
_ASSUMED_LINE = 50.0  # Hz, for integration times below one cycle
_SHORTEST_TIME = 2e-6  # s, AIT
_RANGES = {
    "compliance_current": (1e-12, agilent_b1500a.LARGEST_CURRENT, "A"),
    "current_range": (1e-12, agilent_b1500a.LARGEST_CURRENT, "A"),
    "power_line_cycles": (1e-4, 100.0, ""),
}
_PORTS = {"ext_out": -2, **{f"dio{number}": number for number in range(1, 17)}}


class AgilentB1500ASourceMeter(SourceMeter):
    """One SMU that sources a voltage and measures the current, on a fixed range.

    Integration times below one power-line cycle are set as times, a cycle taken as
    1/50 s. The output switch closes at 0 V with the instrument's 100 uA; the compliance
    follows before any level does.

    Parameters
    ----------
    driver : AgilentB1500A
        The instrument.
    channel : str
        ``"smu1"`` to ``"smu10"``, by slot.
    limits : Limits or Guard
        What may be set at most; checked before anything is sent.

    Raises
    ------
    BenchConfigError
        If there is no such channel.
    """

    def __init__(
        self, driver: AgilentB1500A, channel: str, limits: Limits | Guard
    ) -> None:
        known = [f"smu{number}" for number in range(1, agilent_b1500a.SLOTS + 1)]
        if channel not in known:
            raise BenchConfigError(
                f"roles: {channel!r} is no channel of {driver.name}; smu1 to smu10"
            )
        self.driver = driver
        self.channel: B1500ASmu = getattr(driver, channel)
        self.guard = Guard.of(limits)
        self.limits = self.guard.limits
        self._number = int(channel.removeprefix("smu"))
        self._where = f"{driver.name} {channel}"
        self._aperture = math.nan
        self._compliance = math.nan
        self._range = 0
        self._configured = False

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
            Limit in A, 1 pA to 1 A; the module may hold less.
        current_range : float
            Largest current to be measured in A, 1 pA to 1 A; the range is fixed.
        power_line_cycles : float
            Integration time in power-line cycles, 0.0001 to 100; whole numbers above 1.

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
        self._configured = False
        number = self._number
        self._range = -agilent_b1500a.current_range(current_range)
        self.driver.send(
            [
                f"CL {number}",
                "CM 0",
                "FMT 13,0",
                "TSC 1",
                f"FL 0,{number}",
                f"SSR {number},0",
                f"CMM {number},1",
                f"RI {number},{self._range}",
                f"AAD {number},0",
                self._integration(power_line_cycles),
            ]
        )
        self.driver.check_errors()
        self._compliance = compliance_current
        self._configured = True

    def _integration(self, cycles: float) -> str:
        """Return the command for an integration time, and keep the time in s."""
        if cycles >= 1.0:
            whole = round(cycles)
            self._aperture = whole / _ASSUMED_LINE
            return f"AIT 0,2,{whole}"
        steps = max(1, round(cycles / _ASSUMED_LINE / _SHORTEST_TIME))
        self._aperture = steps * _SHORTEST_TIME
        return f"AIT 0,3,{self._aperture:.6f}"

    def output_on(self) -> None:
        """Switch the output on, at 0 V.

        Raises
        ------
        InstrumentError
            If the compliance has not been set by `configure` or the instrument
            reports an error.
        """
        self._require_configured()
        self.guard.switch_on(METER)
        self.driver.send([f"CN {self._number}", self._force(0.0, 0.0)])
        self.driver.check_errors()

    def sweep(self, voltages: NDArray[np.float64], settling: float) -> CurrentReadings:
        """Measure the current at each level as one batch on the instrument.

        Equally spaced levels, there or there and back, are a staircase sweep (``WV``,
        ``XE``); others are a program in the instrument's memory (``ST``, ``DO``). The
        source range is the smallest that holds every level. Settling has a resolution
        of 0.1 ms. At the end the output is at 0 V.

        Parameters
        ----------
        voltages : ndarray, shape (points,)
            Levels in V, at most 1001 of a staircase or 500 others.
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
        self._check_pause("settling", settling)
        stairs = staircase(levels)
        most = MOST_STEPS if stairs else MOST_STORED
        if not 0 < len(levels) <= most:
            raise LimitError(
                f"{self._where}: a sweep of {len(levels)} points; 1 to {most}"
            )
        self._require_configured()
        held = settling + self._aperture
        self.guard.play(
            Levels(METER, tuple((one, held) for one in levels)), self._where
        )
        duration = len(levels) * (held + _OVERHEAD)
        if stairs and settling <= _LONGEST_DELAY:
            found = self._run_staircase(levels, stairs, settling, duration)
        else:
            found = self._run_list(levels, settling, duration)
        return self._readings(np.asarray(levels), [found])

    def _run_staircase(
        self,
        levels: list[float],
        stairs: tuple[int, int],
        settling: float,
        duration: float,
    ) -> TimedCurrents:
        mode, steps = stairs
        number, code = self._number, self._output_range(levels)
        stop = levels[steps - 1]
        self.driver.send(
            [
                "WM 1,1",
                f"WT 0,{settling:.4f}",
                f"WV {number},{mode},{code},{levels[0]:.7g},{stop:.7g},{steps},"
                f"{self._compliance:.7g}",
                f"MM 2,{number}",
                "BC;TSR;XE",
            ]
        )
        size = len(levels) * _PAIR + len(END)
        content = self.driver.read_data(size, duration)
        self.driver.send([self._force(0.0, max(levels, key=abs))])
        self.driver.check_errors()
        return self._decode(content[: -len(END)])

    def _run_list(
        self, levels: list[float], settling: float, duration: float
    ) -> TimedCurrents:
        largest = max(levels, key=abs)
        steps = [
            command
            for level in levels
            for command in (
                self._force(level, largest),
                *_pause(settling),
                f"TTI {self._number},{self._range}",
            )
        ]
        found = self._run_stored(steps, len(levels), duration)
        self.driver.send([self._force(0.0, largest)])
        self.driver.check_errors()
        return found

    def triggered_reads(self, reads: TriggeredReads) -> CurrentReadings:
        """Run a whole train from the instrument's program memory.

        A train of more than 500 readings runs in parts; between two parts the device
        rests for as long as the read-back takes. Waits have a resolution of 0.1 ms.

        Parameters
        ----------
        reads : TriggeredReads
            The train; the trigger line is ``"ext_out"`` or ``"dio1"`` to ``"dio16"``.

        Raises
        ------
        LimitError
            If the read voltage or a wait is beyond the bench's limits or the
            instrument's range.
        BenchConfigError
            If the trigger line is none of the instrument's.
        InstrumentError
            If the instrument reports an error or does not answer.
        """
        port = self._port(reads.trigger_line)
        self._check_train(reads)
        self._require_configured()
        busy = reads.read_delay + reads.settling + self._aperture
        rest = max(0.0, reads.period - busy)
        level = reads.read_voltage
        held = reads.settling + self._aperture
        read = Levels(METER, ((level, held),), reads.count)
        self.guard.trigger(reads.count, self._where, read)
        one = [
            f"OSX {port}",
            *_pause(reads.read_delay),
            self._force(level, level),
            *_pause(reads.settling),
            f"TTI {self._number},{self._range}",
            self._force(0.0, level),
            *_pause(rest),
        ]
        self.driver.send([f"TGP {port},2,2,0", "BC;TSR"])
        longest = busy + rest + _OVERHEAD
        parts: list[TimedCurrents] = []
        for count in _parts(reads.count):
            stored = bool(parts) and count == MOST_STORED
            steps = [] if stored else one * count
            parts.append(self._run_stored(steps, count, count * longest))
            self.driver.check_errors()
        return self._readings(np.full(reads.count, level), parts)

    def _run_stored(
        self, commands: list[str], count: int, duration: float
    ) -> TimedCurrents:
        """Store a program, unless it is there already, run it and take its data."""
        if commands:
            self.driver.send([f"ST {PROGRAM}", *commands, "END"])
            self.driver.check_errors()
        self.driver.write(f"DO {PROGRAM}")
        size = _PAIR + len(END)
        content = self.driver.read_data(count * size, duration)
        lines = [content[size * n : size * n + _PAIR] for n in range(count)]
        return self._decode(b"".join(lines))

    def make_safe(self) -> None:
        """Stop what runs, go to 0 V, switch the output off, and read that back.

        Raises
        ------
        SafeStateError
            If the instrument does not confirm that the output is off.
        """
        driver, number = self.driver, self._number
        self._configured = False
        shutdown.make_safe(
            self._where,
            (
                ("device clear", driver.device_clear),
                ("abort", driver.abort),
                ("0 V", lambda: driver.write(f"DZ {number}")),
                ("output off", lambda: driver.write(f"CL {number}")),
            ),
            lambda: self.channel.state == f"CL{number}",
        )
        self.guard.release(METER)

    # -- parts -------------------------------------------------------------------------

    def _force(self, level: float, largest: float) -> str:
        """Return the command for a level on the range that holds the largest."""
        code = agilent_b1500a.voltage_range(largest)
        return f"DV {self._number},{code},{level:.7g},{self._compliance:.7g}"

    @staticmethod
    def _output_range(levels: list[float]) -> int:
        return agilent_b1500a.voltage_range(max(levels, key=abs))

    def _decode(self, content: bytes) -> TimedCurrents:
        try:
            return decode_timed_currents(content)
        except ValueError as error:
            raise InstrumentError(f"{self._where}: {error}") from error

    @staticmethod
    def _readings(
        voltage: NDArray[np.float64], parts: list[TimedCurrents]
    ) -> CurrentReadings:
        time = np.concatenate([part.time for part in parts])
        return CurrentReadings(
            voltage=voltage,
            current=np.concatenate([part.current for part in parts]),
            time=time - time[0],
            in_compliance=bool(parts[-1].status[-1] & IN_COMPLIANCE),
        )

    def _port(self, name: str) -> int:
        if name not in _PORTS:
            raise BenchConfigError(
                f"wiring.triggers: {name!r} is no trigger line of {self.driver.name}; "
                "ext_out, dio1 to dio16"
            )
        return _PORTS[name]

    def _check_train(self, reads: TriggeredReads) -> None:
        self._check_levels([reads.read_voltage])
        self._check_pause("read_delay", reads.read_delay)
        self._check_pause("settling", reads.settling)
        self._check_pause("period", reads.period)
        if reads.count < 1:
            raise LimitError(f"{self._where}: a train of {reads.count} triggers")

    def _check_levels(self, levels: Iterable[float]) -> None:
        most = agilent_b1500a.LARGEST_VOLTAGE
        for level in levels:
            self.limits.check("voltage", level, self._where)
            if not abs(level) <= most:
                raise LimitError(
                    f"{self._where}: voltage {show(level, 'V')} is beyond the "
                    f"instrument's {show(most, 'V')}"
                )

    def _check_range(self, key: str, value: float) -> None:
        low, high, unit = _RANGES[key]
        if not low <= value <= high:
            raise LimitError(
                f"{self._where}: {key} {show(value, unit)} is not within "
                f"{show(low, unit)} to {show(high, unit)}"
            )

    def _check_pause(self, key: str, duration: float) -> None:
        if not 0.0 <= duration <= _LONGEST_PAUSE:
            raise LimitError(f"{self._where}: {key} {show(duration, 's')}")

    def _require_configured(self) -> None:
        if not self._configured:
            raise InstrumentError(
                f"{self._where}: the compliance is not set; configure it first"
            )


def _pause(duration: float) -> list[str]:
    """Return the command for a wait in s, or none if it is shorter than a step."""
    steps = round(duration / _PAUSE_STEP)
    return [f"PA {steps * _PAUSE_STEP:.4f}"] if steps else []


def _parts(count: int) -> list[int]:
    """Cut a train into what one stored program holds."""
    whole, rest = divmod(count, MOST_STORED)
    return [MOST_STORED] * whole + ([rest] if rest else [])


def staircase(levels: list[float]) -> tuple[int, int] | None:
    """Return sweep mode and steps if levels are a linear staircase, else None.

    Examples
    --------
    >>> staircase([0.0, 0.1, 0.2]), staircase([0.0, 1.0, 1.0, 0.0])
    ((1, 3), (3, 2))
    >>> staircase([0.0, 0.1, 0.3])
    """
    if _linear(levels):
        return 1, len(levels)
    half, odd = divmod(len(levels), 2)
    if not odd and levels == levels[::-1] and _linear(levels[:half]):
        return 3, half
    return None


def _linear(levels: list[float]) -> bool:
    if not levels:
        return False
    even = np.linspace(levels[0], levels[-1], len(levels))
    span = max(abs(levels[0]), abs(levels[-1]))
    return bool(np.allclose(levels, even, rtol=0.0, atol=1e-9 * span))
