"""Single pulses that fire a threshold switch or do not, watched until it relaxes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.protocols.switch_captures import (
    COMMON,
    NEVER,
    EventDrawing,
    EventMeasurement,
    falls_below,
    first_above,
    waveform_plot,
)
from labneuro.protocols.switch_events import SwitchEvents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench
    from labneuro.instruments.roles import Capture
    from labneuro.protocols.base import Drawing, Measurement

WAVEFORM = -1
"""What the column of outcomes says in rows that are points of a waveform."""

_READINGS = (
    *COMMON,
    Column("fired", "", "1 fired, 0 did not, -1 point of a waveform", "i1"),
    Column("integration_low", "s", "integration time, at least"),
    Column("integration_high", "s", "integration time, at most; infinite if censored"),
    Column("relaxation_low", "s", "relaxation time, at least"),
    Column("relaxation_high", "s", "relaxation time, at most; infinite if censored"),
)
_VALUES = tuple(column.name for column in _READINGS[len(COMMON) + 1 :])
_END = 0.05  # of the pulse, at its end: where the current of an event is read


class FiringPulse(SwitchEvents):
    """Single pulses: integration time, then relaxation time at the monitor voltage.

    The integration time runs from the pulse's edge to the sample in which the current
    has risen above `readout.firing_current`; a pulse that ends before is censored. The
    relaxation time runs from the end of the pulse to where the current at the monitor
    voltage falls below `readout.relaxed_current`. Both are kept as the two samples that
    enclose them.

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

    summary: ClassVar[str] = "single pulses: integration and relaxation times"
    readings: ClassVar[tuple[Column, ...]] = _READINGS
    of_a_point: ClassVar[dict[str, float]] = {
        "fired": WAVEFORM,
        **dict.fromkeys(_VALUES, math.nan),
    }

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table, the times of all events and some waveforms."""
        del device
        amplitudes = Axis(COMMON[2], np.array(self.amplitudes))
        events = Column("event", "", "event")
        times = Plot(
            name="times",
            title="Integration and relaxation time of each event",
            signal=Column("integration_time", "s", "integration time, NaN if censored"),
            axes=(amplitudes, Axis(events, np.arange(self.events, dtype=np.float64))),
            errors=False,
            auxiliary=(
                Column("relaxation_time", "s", "relaxation time, NaN if censored"),
            ),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="current",
            readings_axis="time",
            plots=(times, waveform_plot(self)),
            default="times",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return EventDrawing(self, _Times(self))

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return EventMeasurement(self, bench)

    def judge(self, capture: Capture) -> dict[str, float]:
        """Return what the columns of an event say, from its capture."""
        found = dict(zip(_VALUES, (*NEVER, *NEVER), strict=True))
        readout = self.readout
        time, volts = capture.time, capture.voltage[readout.monitor]
        on = (time >= 0.0) & (time <= self.width)
        low, high = first_above(
            time[on], volts[on], readout.firing_current * readout.resistance
        )
        fired = not math.isnan(high)
        found["fired"] = float(fired)
        found["integration_low"] = low if fired else self.width
        found["integration_high"] = high if fired else math.inf
        if fired:
            after = time > self.width
            level = readout.relaxed_current * readout.resistance
            low, high = falls_below(time[after], volts[after], level)
            found["relaxation_low"] = low - self.width
            found["relaxation_high"] = high - self.width
        end = (time > (1.0 - _END) * self.width) & (time <= self.width)
        found["current"] = float(np.nanmean(self.current(capture)[end]))
        return found


class _Times:
    """Both times of each event, by amplitude; NaN where they are censored."""

    def __init__(self, protocol: FiringPulse) -> None:
        shape = len(protocol.amplitudes), protocol.events
        self._times = {
            name: np.full(shape, np.nan) for name in ("signal", "relaxation_time")
        }

    def __call__(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        names = {"signal": "integration", "relaxation_time": "relaxation"}
        for name, prefix in names.items():
            low = np.asarray(rows[f"{prefix}_low"], dtype=np.float64)
            high = np.asarray(rows[f"{prefix}_high"], dtype=np.float64)
            middle = 0.5 * (low + high)
            self._times[name][index] = np.where(np.isfinite(middle), middle, np.nan)
        return {"times": self._times}
