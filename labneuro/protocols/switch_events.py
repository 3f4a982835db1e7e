"""Pulse events of a threshold switch, seen by an oscilloscope; shared by protocols.

Every event begins from the same history: a conditioning pulse fires the device, and it
rests. A device that is only asked again after a pulse without a firing would answer
from what that pulse left in it. Many events are one waveform of the generator and one
divided memory of the oscilloscope, so that no message falls between them.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Column
from labneuro.instruments.roles import VerticalScale
from labneuro.instruments.stress import GENERATOR, Levels
from labneuro.protocols.base import MeasurementProtocol, Plan, Step
from labneuro.units import Ampere, InputModel, Ohm, Second, Volt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.roles import Capture

BEFORE = 50e-6
"""What a capture shows before its pulse, in s."""
_SPARE = 1e-3  # s at 0 V after an event: the capture has ended, the next may come
_SCREEN = 0.8  # of its height: up to there the finer channel shows the current
Duration = Annotated[Second, Field(gt=0, le=10)]


class Conditioning(InputModel):
    """What comes before each event, so that all begin alike.

    Attributes
    ----------
    amplitude : float
        Of a pulse that fires for sure, in V; below every amplitude of the events, as
        the oscilloscope must tell them apart.
    width : float
        Its length in s.
    rest : float
        Time at 0 V after it, in s.
    """

    amplitude: Annotated[Volt, Field(gt=0)] = 0.8
    width: Duration = 5e-3
    rest: Duration = 10e-3


class Readout(InputModel):
    """How the current is seen: two channels at the read-out resistor.

    Attributes
    ----------
    resistance : float
        The read-out resistor with what the two inputs of 1 Mohm put beside it, in ohm.
    trigger : str
        Channel that sees the generator.
    pulse, monitor : str
        Channels that see the read-out resistor, the latter at a finer range.
    pulse_range, monitor_range : float
        Full height of their screens in V; 0 V lies an eighth above the bottom.
    firing_current : float
        The device has fired once the current is above this, in A.
    relaxed_current : float
        At the monitor voltage it has relaxed once the current is below this, in A.
    """

    resistance: Annotated[Ohm, Field(gt=0)] = 19.23e3
    trigger: str = "ch1"
    pulse: str = "ch3"
    monitor: str = "ch4"
    pulse_range: Annotated[Volt, Field(gt=0)] = 2.0
    monitor_range: Annotated[Volt, Field(gt=0)] = 0.16
    firing_current: Annotated[Ampere, Field(gt=0)] = 5e-6
    relaxed_current: Annotated[Ampere, Field(gt=0)] = 1e-6

    @model_validator(mode="after")
    def _visible(self) -> Readout:
        if self.pulse == self.monitor:
            raise ValueError("monitor: must be another channel than pulse")
        for key in ("firing_current", "relaxed_current"):
            if getattr(self, key) * self.resistance > 0.8 * self.monitor_range:
                raise ValueError(
                    f"{key}: its voltage at the read-out resistor is off the screen of "
                    f"{self.monitor_range:g} V"
                )
        return self

    @property
    def scales(self) -> dict[str, VerticalScale]:
        """What the oscilloscope captures."""
        return {
            self.pulse: VerticalScale(self.pulse_range, 0.375 * self.pulse_range),
            self.monitor: VerticalScale(self.monitor_range, 0.375 * self.monitor_range),
        }


class SwitchEvents(MeasurementProtocol):
    """Events at several amplitudes; a step is all events of one amplitude.

    Attributes
    ----------
    amplitudes : tuple of float
        Levels of the pulses in V, at the open output of the generator.
    events : int
        Events at each amplitude.
    width : float
        Length of a pulse in s.
    monitor_voltage : float
        Level after each pulse in V, too small to do anything to the device.
    monitor : float
        How long the device is watched after the event's last pulse, in s.
    series_resistance : float
        All that is in series with the device, in ohm: read-out, the resistor before
        the device and the generator's own; kept for the fit.
    source_share : float
        What the inputs before the device leave of the generator's voltage while no
        current flows through the device; kept for the fit.
    conditioning : Conditioning
        What comes before each event.
    readout : Readout
        How the current is seen.
    segments : int
        Events of one capture.
    waveforms : int
        Events of each amplitude whose current is kept as a waveform.
    points : int
        Points of such a waveform.
    """

    device_models = ("threshold_switch",)
    readings: ClassVar[tuple[Column, ...]]
    """Columns of the readings table, :data:`switch_captures.COMMON` first."""
    of_a_point: ClassVar[dict[str, float]]
    """What the event's own columns say in rows that are points of a waveform."""

    amplitudes: Annotated[
        tuple[Annotated[Volt, Field(gt=0)], ...], Field(min_length=1, max_length=50)
    ] = (1.0, 1.1, 1.2, 1.3, 1.4)
    events: Annotated[int, Field(ge=1, le=10_000)] = 100
    width: Duration = 1e-3
    monitor_voltage: Annotated[Volt, Field(ge=1e-3, le=0.1)] = 0.05
    monitor: Duration = 3e-3
    series_resistance: Annotated[Ohm, Field(gt=0)] = 20.28e3
    source_share: Annotated[float, Field(gt=0, le=1)] = 0.99895  # 1 of 1.00105 Mohm
    conditioning: Conditioning = Conditioning()
    readout: Readout = Readout()
    segments: Annotated[int, Field(ge=1, le=100)] = 25
    waveforms: Annotated[int, Field(ge=1, le=100)] = 1
    points: Annotated[int, Field(ge=10, le=20_000)] = 1000

    @model_validator(mode="after")
    def _events_fit(self) -> SwitchEvents:
        if min(self.amplitudes) < 1.1 * self.conditioning.amplitude:
            raise ValueError(
                "conditioning.amplitude: must be at least 10 % below every amplitude"
            )
        if self.waveforms > self.events:
            raise ValueError("waveforms: must not be more than events")
        on = self.monitor_voltage / self.series_resistance
        if not self.readout.relaxed_current < on:
            raise ValueError(
                "readout.relaxed_current: must be below the current of a device that "
                f"is on at monitor_voltage, {on:.3g} A"
            )
        return self

    def pulses(self, amplitude: float) -> tuple[tuple[float, float], ...]:
        """Return level and duration of an event's parts, from its first edge on."""
        return (
            (amplitude, self.width),
            (self.monitor_voltage, self.monitor),
        )

    def event(self, amplitude: float) -> tuple[tuple[float, float], ...]:
        """Return level and duration of all parts, from the conditioning on."""
        first = self.conditioning
        return (
            (first.amplitude, first.width),
            (0.0, first.rest),
            *self.pulses(amplitude),
            (0.0, _SPARE),
        )

    @property
    def watched(self) -> float:
        """From an event's first edge to its end, in s."""
        return math.fsum(time for _, time in self.pulses(1.0))

    @property
    def grid(self) -> NDArray[np.float64]:
        """Times of the kept waveforms from the first edge, in s, shape (points,)."""
        return np.linspace(-BEFORE, self.watched, self.points)

    @abstractmethod
    def judge(self, capture: Capture) -> dict[str, float]:
        """Return what the event's own columns say, from its capture.

        Parameters
        ----------
        capture : Capture
            Both channels of the read-out, times from the event's first edge.
        """

    def current(self, capture: Capture) -> NDArray[np.float64]:
        """Return the current in A, of the finer channel where its screen shows it.

        Parameters
        ----------
        capture : Capture
            Both channels of the read-out.
        """
        readout = self.readout
        coarse, fine = (
            capture.voltage[one] for one in (readout.pulse, readout.monitor)
        )
        shown = np.abs(fine) < _SCREEN * readout.monitor_range
        return np.asarray(np.where(shown, fine, coarse) / readout.resistance)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step an amplitude."""
        del device
        return Plan(tuple(self._step(amplitude) for amplitude in self.amplitudes))

    def _step(self, amplitude: float) -> Step:
        event = self.event(amplitude)
        pulses = 1 + sum(level == amplitude for level, _ in event)
        return Step(
            label=f"{self.events} events at {amplitude:g} V",
            levels=(Levels(GENERATOR, event, self.events),),
            current=0.0,
            pulses=self.events * pulses,
            duration=self.events * math.fsum(time for _, time in event),
        )
