"""Roles: what a measurement protocol may ask of an instrument.

A protocol never names a driver. Each role is an abstract class that one channel of an
instrument fills; its set-points are checked against the bench's limits before they are
sent.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from labneuro.errors import BenchConfigError, InstrumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

_POLL = 1e-3  # s that a look at an oscilloscope may take, bench time
_LOOKS, _REST = 16, 0.25  # looks between two pauses, and a pause beside their time


@dataclass(frozen=True)
class Waveform:
    """A piecewise-constant voltage that a pulse generator plays once a trigger.

    Attributes
    ----------
    segments : tuple of (float, float)
        Level in V and duration in s of each part, in order. Before and after, the
        output is at 0 V.
    """

    segments: tuple[tuple[float, float], ...]

    @property
    def duration(self) -> float:
        """Length in s."""
        return math.fsum(duration for _, duration in self.segments)

    @property
    def levels(self) -> tuple[float, ...]:
        """Every level in V."""
        return tuple(level for level, _ in self.segments)


@dataclass(frozen=True)
class TriggeredReads:
    """A train of triggers with one small-signal current reading after each.

    Attributes
    ----------
    count : int
        Number of triggers.
    read_voltage : float
        Level applied for the reading, in V; 0 V in between.
    read_delay : float
        From the trigger to the read level, in s.
    settling : float
        From the read level to the start of the integration, in s.
    period : float
        From a trigger to the next at the least, in s: what the steps above and the
        integration leave of it is waited out after the reading.
    trigger_line : str
        Output that triggers, such as ``"digio1"``.
    """

    count: int
    read_voltage: float
    read_delay: float
    settling: float
    period: float
    trigger_line: str


@dataclass(frozen=True)
class CurrentReadings:
    """Currents as the source meter stored them.

    Attributes
    ----------
    voltage : ndarray, shape (readings,)
        Source level in V.
    current : ndarray, shape (readings,)
        Current in A; NaN where the range overflowed.
    time : ndarray, shape (readings,)
        The instrument's time stamps in s since the first reading's.
    in_compliance : bool
        Whether the source was in compliance after the last reading.
    """

    voltage: NDArray[np.float64]
    current: NDArray[np.float64]
    time: NDArray[np.float64]
    in_compliance: bool


@dataclass(frozen=True)
class CurrentPulses:
    """Current pulses without a pause between the trains; 0 A between the pulses.

    Attributes
    ----------
    trains : tuple of (float, int)
        Level in A and number of pulses of each train, in order.
    width : float
        Length of a pulse in s.
    period : float
        From the start of a pulse to the start of the next, in s.
    silent : int
        How often all trains are sent, at the same pace, before they are measured.
    """

    trains: tuple[tuple[float, int], ...]
    width: float
    period: float
    silent: int = 0

    @property
    def count(self) -> int:
        """Number of measured pulses."""
        return sum(count for _, count in self.trains)

    @property
    def sent(self) -> int:
        """Number of all pulses, silent ones included."""
        return self.count * (self.silent + 1)

    @property
    def duration(self) -> float:
        """Length in s."""
        return self.sent * self.period


@dataclass(frozen=True)
class PulseVoltages:
    """Two voltages of each current pulse as the instrument stored them.

    Attributes
    ----------
    peak : ndarray, shape (pulses,)
        Voltage at the end of the pulse, the current still on, in V; NaN where the range
        overflowed.
    residual : ndarray, shape (pulses,)
        Voltage at the end of the period, at 0 A, in V.
    peak_time, residual_time : ndarray, shape (pulses,)
        The instrument's time stamps of both in s since the first reading's.
    in_compliance : bool
        Whether any reading was taken while the voltage was held by its limit.
    start : float
        The instrument's clock at the first reading in s: orders several of these.
    """

    peak: NDArray[np.float64]
    residual: NDArray[np.float64]
    peak_time: NDArray[np.float64]
    residual_time: NDArray[np.float64]
    in_compliance: bool
    start: float


@dataclass(frozen=True)
class VoltageReadings:
    """Voltages at 0 A as the instrument stored them.

    Attributes
    ----------
    voltage : ndarray, shape (readings,)
        In V; NaN where the range overflowed.
    time : ndarray, shape (readings,)
        The instrument's time stamps in s since the first reading's.
    start : float
        The instrument's clock at the first reading in s.
    """

    voltage: NDArray[np.float64]
    time: NDArray[np.float64]
    start: float


@dataclass(frozen=True)
class VerticalScale:
    """What an oscilloscope's screen shows of one channel.

    Attributes
    ----------
    range : float
        Full height of the screen in V.
    offset : float
        Voltage at its centre in V.
    """

    range: float
    offset: float = 0.0


@dataclass(frozen=True)
class ScopeTrigger:
    """The edge that an oscilloscope waits for.

    Attributes
    ----------
    source : str
        Channel, or ``"external"``.
    level : float
        In V.
    rising : bool
        Whether the edge rises.
    """

    source: str
    level: float
    rising: bool = True


@dataclass(frozen=True)
class Capture:
    """What an oscilloscope saw.

    Attributes
    ----------
    time : ndarray, shape (points,)
        In s from the trigger.
    voltage : dict of str to ndarray, shape (points,)
        In V, by channel.
    clipped : dict of str to bool
        Whether a channel left the screen.
    """

    time: NDArray[np.float64]
    voltage: dict[str, NDArray[np.float64]]
    clipped: dict[str, bool]


class SafeInstrument(ABC):
    """Anything with an output that must end in a defined state."""

    @abstractmethod
    def make_safe(self) -> None:
        """Bring the output to 0 and switch it off, whatever ran before."""


class SourceMeter(SafeInstrument):
    """One channel that sources a voltage and measures the current."""

    @abstractmethod
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
            Limit in A; set in the instrument before the output goes on.
        current_range : float
            Largest current to be measured in A; the instrument takes the range that
            holds it.
        power_line_cycles : float
            Integration time in power-line cycles.
        """

    @abstractmethod
    def output_on(self) -> None:
        """Switch the output on, at 0 V."""

    @abstractmethod
    def sweep(self, voltages: NDArray[np.float64], settling: float) -> CurrentReadings:
        """Measure the current at each level as one script on the instrument.

        Parameters
        ----------
        voltages : ndarray, shape (points,)
            Levels in V.
        settling : float
            Wait from level to integration in s.
        """

    @abstractmethod
    def triggered_reads(self, reads: TriggeredReads) -> CurrentReadings:
        """Run a whole train as one script: one upload, one binary read-back."""


class GateSupply(SafeInstrument):
    """One channel that holds the gate of a transistor at a voltage."""

    @abstractmethod
    def hold(self, voltage: float) -> None:
        """Put out a voltage in V until another one is asked for or made safe.

        The current is limited to
        :data:`~labneuro.instruments.stress.GATE_COMPLIANCE`.
        """


class CurrentPulser(SafeInstrument):
    """One channel that sources current pulses and measures the voltage."""

    @abstractmethod
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
            Limit in V, either sign; set in the instrument before the output goes on.
        largest_current : float
            Largest magnitude of a pulse in A; the instrument takes the source range
            that holds it.
        voltage_range : float
            Largest voltage to be measured in V.
        power_line_cycles : float
            Integration time in power-line cycles.
        """

    @abstractmethod
    def output_on(self) -> None:
        """Switch the output on, at 0 A."""

    @abstractmethod
    def pulses(self, pulses: CurrentPulses) -> PulseVoltages:
        """Send all pulses as one script: one call, one binary read-back."""

    @abstractmethod
    def watch(self, count: int, interval: float) -> VoltageReadings:
        """Measure the voltage at 0 A, the first time after one interval.

        Parameters
        ----------
        count : int
            Number of readings.
        interval : float
            From one to the next in s.
        """


class PulseGenerator(SafeInstrument):
    """One channel that plays a waveform once for each external trigger."""

    @abstractmethod
    def load(self, waveform: Waveform) -> None:
        """Make `waveform` the answer to the next triggers; 0 V before and after."""

    @abstractmethod
    def output_on(self) -> None:
        """Switch the output on; it rests at 0 V until a trigger."""

    @abstractmethod
    def fire(self) -> None:
        """Play the waveform once now, by a command in place of the trigger line."""

    def join(self) -> None:
        """Play whenever another channel of the instrument is fired, at that moment.

        Raises
        ------
        BenchConfigError
            If one command cannot fire two channels.
        """
        raise BenchConfigError(
            f"roles.clock_generator: {type(self).__name__} cannot play together with "
            "another channel"
        )


class Oscilloscope(SafeInstrument):
    """An instrument that captures voltages in time.

    Attributes
    ----------
    probes : mapping of str to float
        Division of the probe before a channel, 1 if not named; all voltages here are
        those at the probe's tip.
    """

    probes: Mapping[str, float] = MappingProxyType({})

    @abstractmethod
    def configure(
        self,
        channels: Mapping[str, VerticalScale],
        *,
        duration: float,
        before_trigger: float,
        trigger: ScopeTrigger,
    ) -> None:
        """Choose what the next captures show.

        Parameters
        ----------
        channels : mapping of str to VerticalScale
            Channels to capture, such as ``"ch1"``; the others are off.
        duration : float
            Length of a capture in s.
        before_trigger : float
            Share of it that lies before the trigger, in s.
        trigger : ScopeTrigger
            What to wait for.
        """

    def divide(self, segments: int) -> None:
        """Divide the memory: from now on a capture waits for that many triggers.

        Between two triggers of one capture no message is needed. Lasts until the next
        :meth:`configure`.

        Parameters
        ----------
        segments : int
            Number of triggers; 1 is the whole memory for each.

        Raises
        ------
        BenchConfigError
            If the instrument's memory cannot be divided like that.
        """
        if segments != 1:
            raise BenchConfigError(
                f"roles.oscilloscope: {type(self).__name__} cannot divide its memory"
            )

    @abstractmethod
    def arm(self) -> None:
        """Wait for one trigger from now on; returns once the instrument is ready."""

    @abstractmethod
    def captured(self) -> bool:
        """Whether the trigger has come and the capture is complete."""

    def wait(self, timeout: float) -> None:
        """Wait until the capture is complete.

        Parameters
        ----------
        timeout : float
            In s; polls take time of their own, so it is the least that is waited.

        Raises
        ------
        InstrumentError
            If it is not complete by then: no trigger came.
        """
        polls, deadline = math.ceil(timeout / _POLL) + 1, time.monotonic() + timeout
        while polls > 0 or time.monotonic() < deadline:
            begin = time.monotonic()
            for _ in range(_LOOKS):
                if self.captured():
                    return
            polls -= _LOOKS
            # In proportion to the answers: a quick simulated one is not slept through.
            time.sleep(min(_REST * (time.monotonic() - begin), _LOOKS * _POLL))
        raise InstrumentError(f"no trigger came within {timeout:g} s")

    @abstractmethod
    def fetch(self) -> Capture:
        """Return the capture.

        Raises
        ------
        InstrumentError
            If there is none.
        """

    def fetch_segments(self) -> Iterator[Capture]:
        """Yield the capture of each trigger in turn; one if memory is not divided.

        Raises
        ------
        InstrumentError
            If there is none.
        """
        yield self.fetch()


class SwitchMatrix(SafeInstrument):
    """Relays that route terminals to each other; safe means all of them open."""

    @abstractmethod
    def connect(self, channels: Sequence[str]) -> None:
        """Close exactly these channels, after all others have opened, and verify it.

        Parameters
        ----------
        channels : sequence of str
            Channel numbers, such as ``"1101"``.

        Raises
        ------
        InstrumentError
            If other channels are closed in the end.
        """

    @abstractmethod
    def closed(self) -> tuple[str, ...]:
        """Return the closed channels as the instrument reports them."""
