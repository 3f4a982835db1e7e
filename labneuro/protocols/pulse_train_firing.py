"""Pulse trains on a threshold switch: how many pulses until it first fires."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.protocols.switch_captures import (
    COMMON,
    EventDrawing,
    EventMeasurement,
    first_above,
    waveform_plot,
)
from labneuro.protocols.switch_events import Duration, SwitchEvents
from labneuro.units import Volt  # noqa: TC001  pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench
    from labneuro.instruments.roles import Capture
    from labneuro.protocols.base import Drawing, Measurement

WAVEFORM = -1
"""What the column of the first firing says in rows that are points of a waveform."""

_READINGS = (
    *COMMON,
    Column("first_fire", "", "pulse that fired first, 0 none, -1 waveform", "i4"),
    Column("refire", "", "pulse that was above the firing current next, 0 none", "i4"),
    Column("firing_time", "s", "from the first pulse's edge to the first firing"),
    Column("refire_delay", "s", "from the edge of the refiring pulse to the firing"),
)
_LATE = 0.8  # of a gap: from there on its current is what has not relaxed


class PulseTrainFiring(SwitchEvents):
    """Trains of equal pulses: pulses to the first firing, and the firing after it.

    Between the pulses the device stays at the monitor voltage. `current` in the row of
    an event is that at the end of the gap after the first firing: what is above
    `readout.relaxed_current` has not relaxed, and the next pulse finds the device on.

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
    pulses_each : int
        Pulses of a train.
    gap : float
        Pause after each pulse, at the monitor voltage, in s.
    """

    summary: ClassVar[str] = "pulse trains: number of pulses to the first firing"
    readings: ClassVar[tuple[Column, ...]] = _READINGS
    of_a_point: ClassVar[dict[str, float]] = {
        "first_fire": WAVEFORM,
        "refire": 0,
        "firing_time": math.nan,
        "refire_delay": math.nan,
    }

    amplitudes: Annotated[
        tuple[Annotated[Volt, Field(gt=0)], ...], Field(min_length=1, max_length=50)
    ] = (1.0, 1.1, 1.2, 1.3, 1.4)
    width: Duration = 250e-6
    gap: Duration = 250e-6
    pulses_each: Annotated[int, Field(ge=1, le=1000)] = 10

    def pulses(self, amplitude: float) -> tuple[tuple[float, float], ...]:
        """Return level and duration of a train's parts, from its first edge on."""
        one = (amplitude, self.width), (self.monitor_voltage, self.gap)
        return (*(one * self.pulses_each), (self.monitor_voltage, self.monitor))

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table, the counts of all trains and some waveforms."""
        del device
        events = np.arange(self.events, dtype=np.float64)
        counts = Plot(
            name="counts",
            title="Pulses to the first firing of each train",
            signal=Column("first_fire", "", "pulse that fired first, NaN if none"),
            axes=(
                Axis(COMMON[2], np.array(self.amplitudes)),
                Axis(Column("event", "", "event"), events),
            ),
            errors=False,
            auxiliary=(Column("refire", "", "pulse that fired next, NaN if none"),),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="current",
            readings_axis="time",
            plots=(counts, waveform_plot(self)),
            default="counts",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return EventDrawing(self, _Counts(self))

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return EventMeasurement(self, bench)

    def judge(self, capture: Capture) -> dict[str, float]:
        """Return what the columns of an event say, from its capture."""
        found = {
            **dict.fromkeys(("current", "firing_time", "refire_delay"), math.nan),
            "first_fire": 0.0,
            "refire": 0.0,
        }
        firings = self._firings(capture)
        if firings:
            number, moment = firings[0]
            found["first_fire"] = number + 1
            found["firing_time"] = number * self._period + moment
            found["current"] = self._gap_current(capture, number)
        if len(firings) > 1:
            number, moment = firings[1]
            found["refire"] = number + 1
            found["refire_delay"] = moment
        return found

    @property
    def _period(self) -> float:
        return self.width + self.gap

    def _firings(self, capture: Capture) -> list[tuple[int, float]]:
        """Return each pulse that fired, from 0, and the moment from its edge in s."""
        readout = self.readout
        level = readout.firing_current * readout.resistance
        volts = capture.voltage[readout.monitor]
        found = []
        for number in range(self.pulses_each):
            time = capture.time - number * self._period
            on = (time >= 0.0) & (time <= self.width)
            low, high = first_above(time[on], volts[on], level)
            if not math.isnan(high):
                found.append((number, 0.5 * (low + high)))
        return found

    def _gap_current(self, capture: Capture, number: int) -> float:
        begin = number * self._period + self.width
        time = capture.time - begin
        late = (time >= _LATE * self.gap) & (time < 0.99 * self.gap)
        return float(np.nanmean(self.current(capture)[late]))


class _Counts:
    """Pulses to the first and to the next firing, by amplitude; NaN if none."""

    def __init__(self, protocol: PulseTrainFiring) -> None:
        shape = len(protocol.amplitudes), protocol.events
        self._counts = {name: np.full(shape, np.nan) for name in ("signal", "refire")}

    def __call__(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        for name, column in (("signal", "first_fire"), ("refire", "refire")):
            counts = np.asarray(rows[column], dtype=np.float64)
            self._counts[name][index] = np.where(counts > 0, counts, np.nan)
        return {"counts": self._counts}
