"""Firing probability against pulse field, from counted pulse-and-reset events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.protocols.base import (
    Block,
    Drawing,
    Measurement,
    MeasurementProtocol,
    Plan,
    Step,
)
from labneuro.protocols.pulse_events import (
    INITIAL,
    EventBench,
    EventSettings,
    PulseEvent,
    channel_length,
)
from labneuro.protocols.pulse_steps import (
    COUNTS,
    PROBABILITY,
    Tally,
    baseline_step,
    probe_step,
    pulse_layout,
    resumption,
)
from labneuro.protocols.sweeps import FieldSweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench


class FiringProbability(MeasurementProtocol):
    """Pulse, read, reset: at least 30 times at each field.

    Attributes
    ----------
    pulse_fields : FieldSweep
        Fields of the probing pulse.
    events : int
        Pulse-and-reset events at each field, at least 30 as in the paper.
    settings : EventSettings
        Pulses and reading.
    """

    summary: ClassVar[str] = "spikes counted over pulse-and-reset events at each field"
    device_models: ClassVar[tuple[str, ...]] = ("hnno",)

    pulse_fields: FieldSweep = FieldSweep(start=0.19e6, stop=0.23e6, points=9)
    events: Annotated[int, Field(ge=30, le=50_000)] = 50
    settings: EventSettings = EventSettings()

    def plan(self, device: DeviceConfig) -> Plan:
        """Return the baseline read and one train of events a field."""
        length = channel_length(device)
        current = self.settings.read.current_range
        probes = [
            probe_step(
                PulseEvent(INITIAL, field), self.events, self.settings, length, current
            )
            for field in self.pulse_fields.values
        ]
        return Plan((baseline_step(self.settings, length), *probes))

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the firing probability with its counts."""
        del device
        fields = self.pulse_fields.values
        curve = Plot(
            name="firing_probability",
            title="Firing probability of the initial state",
            signal=PROBABILITY,
            axes=(Axis(Column("pulse_field", "V/m", "pulse field"), fields),),
            further=COUNTS,
        )
        return pulse_layout(curve)

    def prologue(self, device: DeviceConfig) -> tuple[Step, ...]:
        """Return the reset and the reading before a run goes on."""
        return resumption(self.settings, device)

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Counts(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Counts(Drawing):
    """Spikes and trials at each field."""

    def __init__(self, protocol: FiringProbability) -> None:
        self._tally = Tally((protocol.pulse_fields.points,))

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        if index == 0:
            return {}
        self._tally.add((index - 1,), rows["spike"])
        return {"firing_probability": self._tally.arrays()}


class _Execution(Measurement):
    def __init__(self, protocol: FiringProbability, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._events = EventBench(bench, protocol.settings)
        self._fields = protocol.pulse_fields.values
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        self._events.prepare()

    def measure(self, index: int) -> Block:
        if index == 0:
            return Block(self._events.baseline(0))
        point = index - 1
        event = PulseEvent(INITIAL, float(self._fields[point]))
        rows = self._events.probe(index, event, self._protocol.events)
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return self._events.take_up(steps)
