"""Pulse events: stimulate, read at a small signal, restore. Shared by H-NNO protocols.

Every event follows one trigger. The pulse generator plays the event's waveform, the
source meter reads the resistance at its offset, and a spike is a reading below a stated
fraction of the baseline resistance.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Column
from labneuro.errors import BenchConfigError, InstrumentError
from labneuro.instruments.roles import TriggeredReads, Waveform
from labneuro.units import (
    Ampere,
    InputModel,
    Second,
    Volt,
    VoltPerMetre,
    round_off_noise,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench
    from labneuro.instruments.roles import CurrentReadings

READINGS = (
    Column("step", "", "step of the plan", "i4"),
    Column("event", "", "event within the step", "i4"),
    Column("accumulating_field", "V/m", "field of the sensitizing pulses"),
    Column("accumulated_pulses", "", "sensitizing pulses since the last reset", "i4"),
    Column("pulse_field", "V/m", "field of the probing pulse; 0 for a baseline read"),
    Column("time", "s", "time of the reading since the step's first"),
    Column("voltage", "V", "level of the small-signal reading"),
    Column("current", "A", "current of the small-signal reading"),
    Column("resistance", "ohm", "voltage over current"),
    Column("spike", "", "1 spike, 0 none, -1 baseline read", "i1"),
)
BASELINE_EVENTS = 16
Duration = Annotated[Second, Field(gt=0, le=3600)]
_MOST_SPREAD = 2.0  # highest over lowest baseline reading


class PulseSettings(InputModel):
    """The pulses of an event.

    Attributes
    ----------
    width : float
        Width of sensitizing and probing pulses in s.
    reset_field : float
        Magnitude of the reverse field that restores the initial state, in V/m.
    reset_width : float
        Width of the reset pulse in s.
    reset_delay : float
        From the end of the probing pulse to the reset pulse, in s; the reading falls
        in between.
    recovery : float
        Wait after the reset pulse in s.
    """

    width: Duration = 100e-6
    reset_field: Annotated[VoltPerMetre, Field(gt=0)] = 0.19e6
    reset_width: Duration = 100e-6
    reset_delay: Duration = 5e-3
    recovery: Duration = 2e-3


class ReadSettings(InputModel):
    """The small-signal reading after a pulse.

    Attributes
    ----------
    voltage : float
        Read level in V, inside the linear range of -0.1 V to 0.1 V.
    delay : float
        From the end of the pulse to the read level, in s.
    settling : float
        From the read level to the integration, in s.
    current_range : float
        Measuring range in A. It must also carry the pulse current of the device before
        it spikes: a source meter on a lower range may limit the pulse.
    power_line_cycles : float
        Integration time in power-line cycles.
    spike_below : float
        A reading below this fraction of the baseline resistance is a spike.
    """

    voltage: Annotated[Volt, Field(ge=1e-6, le=0.1)] = 0.1
    delay: Duration = 0.5e-3
    settling: Duration = 0.5e-3
    current_range: Annotated[Ampere, Field(gt=0)] = 100e-6
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 0.01
    spike_below: Annotated[float, Field(gt=0, lt=1)] = 0.5

    @property
    def duration(self) -> float:
        """From the end of the pulse to the end of the reading at 50 Hz, in s."""
        return self.delay + self.settling + self.power_line_cycles / 50.0


class EventSettings(InputModel):
    """Pulses and reading of an event, checked against each other."""

    pulses: PulseSettings = PulseSettings()
    read: ReadSettings = ReadSettings()

    @model_validator(mode="after")
    def _read_before_reset(self) -> EventSettings:
        margin = 1e-3  # the source meter's own time for ranging and storing
        if self.read.duration + margin > self.pulses.reset_delay:
            raise ValueError(
                f"pulses.reset_delay: the reading takes {self.read.duration:.4g} s and "
                f"1 ms of margin, longer than {self.pulses.reset_delay:.4g} s"
            )
        return self


def channel_length(device: DeviceConfig) -> float:
    """Return the channel length of a device in m.

    Raises
    ------
    BenchConfigError
        If the bench file does not give it.
    """
    try:
        return device.geometry["channel_length"]
    except KeyError:
        raise BenchConfigError(
            "device.geometry.channel_length: this key is missing; fields need it"
        ) from None


def level(field: float, length: float) -> float:
    """Return the voltage in V of a field in V/m over a channel length in m.

    Free of rounding noise: a set-point at a limit must not be beyond it.
    """
    return round_off_noise(field * length)


class Sensitization(NamedTuple):
    """How a device is brought into a state before the probing pulse.

    Attributes
    ----------
    field : float
        Accumulating field in V/m; 0 for the initial state.
    pulses : int
        Number of accumulating pulses.
    interval : float
        From pulse to pulse in s.
    rest : float
        From the last accumulating pulse to the probing pulse in s.
    """

    field: float = 0.0
    pulses: int = 0
    interval: float = 0.0
    rest: float = 0.0


INITIAL = Sensitization()


class PulseEvent(NamedTuple):
    """One event: the state it starts from and the probing field in V/m."""

    state: Sensitization
    pulse_field: float


class EventTrain(NamedTuple):
    """An event as instruments know it: a waveform and when to read."""

    waveform: Waveform
    read_delay: float
    period: float


def event_train(
    event: PulseEvent, settings: EventSettings, length: float, *, reset: bool = True
) -> EventTrain:
    """Return the waveform of an event and the time of its reading.

    Parameters
    ----------
    event : PulseEvent
        State and probing field.
    settings : EventSettings
        Widths, delays, reset.
    length : float
        Channel length in m.
    reset : bool
        Whether the event ends with a reset pulse.
    """
    pulses = settings.pulses
    before = _accumulation(event.state, pulses.width, length)
    probe = (level(event.pulse_field, length), pulses.width)
    after: tuple[tuple[float, float], ...] = ()
    if reset:
        gap = (0.0, pulses.reset_delay)
        after = (gap, (level(-pulses.reset_field, length), pulses.reset_width))
    waveform = Waveform((*before.segments, probe, *after))
    pulse_end = before.duration + pulses.width
    busy = pulse_end + pulses.reset_delay + pulses.reset_width
    return EventTrain(waveform, pulse_end + settings.read.delay, busy + pulses.recovery)


@lru_cache(maxsize=64)  # the same before every probing field
def _accumulation(state: Sensitization, width: float, length: float) -> Waveform:
    pulse = (level(state.field, length), width)
    parts = (pulse, (0.0, state.interval - width)) * (state.pulses - 1)
    return Waveform((*parts, pulse, (0.0, state.rest)) if state.pulses else ())


def reset_train(settings: EventSettings, length: float) -> EventTrain:
    """Return a reset pulse alone as an event."""
    pulses = settings.pulses
    waveform = Waveform(((level(-pulses.reset_field, length), pulses.reset_width),))
    delay = pulses.reset_width + pulses.recovery
    return EventTrain(waveform, delay, delay + settings.read.duration + 1e-3)


class EventBench:
    """Plays events on a bench and turns readings into table rows.

    Parameters
    ----------
    bench : ConnectedBench
        The open bench.
    settings : EventSettings
        Pulses and reading.
    """

    def __init__(self, bench: ConnectedBench, settings: EventSettings) -> None:
        self._bench = bench
        self._settings = settings
        self._length = channel_length(bench.config.device)
        self._baseline = 0.0

    def prepare(self) -> None:
        """Configure both instruments and switch the outputs on, at 0 V."""
        read = self._settings.read
        self._bench.source_meter.configure(
            compliance_current=self._bench.limits.current,
            current_range=read.current_range,
            power_line_cycles=read.power_line_cycles,
        )
        self.restore()
        self._bench.source_meter.output_on()
        self._bench.pulse_generator.output_on()

    def restore(self) -> None:
        """Load the reset pulse as the next waveform."""
        train = reset_train(self._settings, self._length)
        self._bench.pulse_generator.load(train.waveform)

    def reads(self, train: EventTrain, count: int) -> CurrentReadings:
        """Trigger `count` events of the loaded waveform and read after each."""
        read = self._settings.read
        return self._bench.source_meter.triggered_reads(
            TriggeredReads(
                count=count,
                read_voltage=read.voltage,
                read_delay=train.read_delay,
                settling=read.settling,
                period=train.period,
                trigger_line=self._bench.trigger_line,
            )
        )

    def baseline(self, step: int) -> dict[str, NDArray[np.generic]]:
        """Reset the device, read the resistance of its initial state, keep it.

        Returns
        -------
        dict of str to ndarray
            Rows of the readings table.

        Raises
        ------
        InstrumentError
            If the readings are no resistance: open or shorted device.
        """
        self.restore()
        readings = self.reads(
            reset_train(self._settings, self._length), BASELINE_EVENTS
        )
        resistance = _resistance(readings)
        self._baseline = float(np.median(resistance))
        lowest, highest = float(np.min(resistance)), float(np.max(resistance))
        if not 0.0 < lowest <= highest < min(_MOST_SPREAD * lowest, np.inf):
            raise InstrumentError(
                "baseline: the small-signal readings are no steady resistance "
                f"(median {self._baseline:.3g} ohm); check contacts and wiring"
            )
        return self._rows(step, PulseEvent(INITIAL, 0.0), readings, spikes=False)

    def take_up(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        """Reset the device of an interrupted run and take up its baseline.

        Parameters
        ----------
        steps : sequence of mapping of str to ndarray
            The rows of the measured steps; the first is the baseline.

        Returns
        -------
        str
            The resistance of the initial state now and before; empty without steps.

        Raises
        ------
        InstrumentError
            If the two differ too much: it is another device, or a damaged one.
        """
        if not steps:
            return ""
        before = np.asarray(steps[0]["resistance"], dtype=np.float64)
        self.baseline(0)
        now, self._baseline = self._baseline, float(np.median(before))
        spread = max(now / self._baseline, self._baseline / now)
        found = f"initial resistance {now:.4g} ohm, {self._baseline:.4g} ohm before"
        if not spread < _MOST_SPREAD:
            raise InstrumentError(
                f"{found}: this is another device, or its state cannot be restored"
            )
        return found

    def probe(
        self, step: int, event: PulseEvent, count: int
    ) -> dict[str, NDArray[np.generic]]:
        """Repeat an event with reset `count` times; return its table rows."""
        train = event_train(event, self._settings, self._length)
        self._bench.pulse_generator.load(train.waveform)
        return self._rows(step, event, self.reads(train, count), spikes=True)

    def accumulate(
        self, step: int, field: float, pulses: int, interval: float
    ) -> dict[str, NDArray[np.generic]]:
        """Reset once, then give identical pulses without reset, reading after each.

        Returns
        -------
        dict of str to ndarray
            Rows of the reading after the reset and of the reading after each pulse.
        """
        self.restore()
        first = self.reads(reset_train(self._settings, self._length), 1)
        restored = self._rows(step, PulseEvent(INITIAL, 0.0), first, spikes=False)
        event = PulseEvent(INITIAL, field)
        train = event_train(event, self._settings, self._length, reset=False)
        self._bench.pulse_generator.load(train.waveform)
        readings = self.reads(train._replace(period=interval), pulses)
        rows = self._rows(step, event, readings, spikes=True)
        rows["accumulating_field"] = np.full(pulses, field)
        rows["accumulated_pulses"] = np.arange(pulses, dtype=np.int32)
        return {name: np.concatenate([restored[name], rows[name]]) for name in rows}

    def _rows(
        self, step: int, event: PulseEvent, readings: CurrentReadings, *, spikes: bool
    ) -> dict[str, NDArray[np.generic]]:
        count = len(readings.current)
        resistance = _resistance(readings)
        spike = np.full(count, -1, dtype=np.int8)
        if spikes:
            if np.isnan(readings.current).any() or readings.in_compliance:
                raise InstrumentError(
                    "a reading overflowed its range or was limited; raise "
                    "read.current_range"
                )
            if not (resistance > 0.0).all():  # noise around no current at all
                raise InstrumentError(
                    "a reading is no resistance; check contacts and wiring"
                )
            limit = self._settings.read.spike_below * self._baseline
            spike = (resistance < limit).astype(np.int8)
        return {
            "step": np.full(count, step, dtype=np.int32),
            "event": np.arange(count, dtype=np.int32),
            "accumulating_field": np.full(count, event.state.field),
            "accumulated_pulses": np.full(count, event.state.pulses, dtype=np.int32),
            "pulse_field": np.full(count, event.pulse_field),
            "time": readings.time,
            "voltage": readings.voltage,
            "current": readings.current,
            "resistance": resistance,
            "spike": spike,
        }


def _resistance(readings: CurrentReadings) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(readings.voltage / readings.current, dtype=np.float64)
