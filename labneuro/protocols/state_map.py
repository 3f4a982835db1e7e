"""State map: the firing sigmoid of the initial state and of sensitized states.

A sensitized state lives until the next reset, and the reset of each counted event
restores the initial state. So every event brings its own state with it: reset, the
accumulating pulses, a rest, one probing pulse, the reading, reset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

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
    Duration,
    EventBench,
    EventSettings,
    PulseEvent,
    Sensitization,
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
from labneuro.units import InputModel, VoltPerMetre, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_Field = Annotated[VoltPerMetre, Field(gt=0)]
_Pulses = Annotated[int, Field(ge=1, le=10_000)]


class Kinetics(InputModel):
    """States on the way: fewer accumulating pulses at one field.

    Attributes
    ----------
    field : float
        Accumulating field in V/m.
    pulses : tuple of int
        Numbers of accumulating pulses.
    """

    field: _Field = 0.19e6
    pulses: tuple[_Pulses, ...] = (1, 2, 4, 8)


class StateMap(MeasurementProtocol):
    """Firing probability of the initial state, of each sensitized state, and again.

    Attributes
    ----------
    pulse_fields : FieldSweep
        Fields of the probing pulse.
    events : int
        Events at each field in each state, at least 30 as in the paper.
    accumulating_fields : tuple of float
        Fields in V/m that sensitize, one of them in the noise-filter range.
    accumulating_pulses : int
        Pulses without reset at each of them, at least 30 as in the paper.
    kinetics : Kinetics
        States after fewer pulses.
    interval : float
        Between accumulating pulses in s.
    rest : float
        From the last accumulating pulse to the probing pulse in s: a spike on the way
        must have relaxed.
    settings : EventSettings
        Pulses and reading.
    """

    summary: ClassVar[str] = "firing sigmoid of each state, and the initial one again"
    device_models: ClassVar[tuple[str, ...]] = ("hnno",)

    pulse_fields: FieldSweep = FieldSweep(start=0.165e6, stop=0.22e6, points=12)
    events: Annotated[int, Field(ge=30, le=50_000)] = 45
    accumulating_fields: Annotated[tuple[_Field, ...], Field(min_length=1)] = (
        0.15e6, 0.165e6, 0.17e6, 0.18e6, 0.19e6, 0.22e6,
    )  # fmt: skip
    accumulating_pulses: Annotated[int, Field(ge=30, le=10_000)] = 30
    kinetics: Kinetics = Kinetics()
    interval: Duration = 1e-3
    rest: Duration = 0.2
    settings: EventSettings = EventSettings()

    @model_validator(mode="after")
    def _pulse_within_interval(self) -> StateMap:
        width = self.settings.pulses.width
        if self.interval <= width:
            raise ValueError(
                f"interval: must be above the pulse width of {show(width, 's')}, not "
                f"{show(self.interval, 's')}"
            )
        return self

    @property
    def states(self) -> tuple[Sensitization, ...]:
        """Every state in the order measured; the initial one is first and last."""
        times = (self.interval, self.rest)
        full = [
            Sensitization(field, self.accumulating_pulses, *times)
            for field in self.accumulating_fields
        ]
        part = [
            Sensitization(self.kinetics.field, pulses, *times)
            for pulses in self.kinetics.pulses
        ]
        return (INITIAL, *full, *part, INITIAL)

    @property
    def events_in_order(self) -> tuple[PulseEvent, ...]:
        """The event of each step after the baseline."""
        return tuple(
            PulseEvent(state, float(field))
            for state in self.states
            for field in self.pulse_fields.values
        )

    def plan(self, device: DeviceConfig) -> Plan:
        """Return the baseline read and one train of events a state and field."""
        length = channel_length(device)
        current = self.settings.read.current_range
        probes = (
            probe_step(event, self.events, self.settings, length, current)
            for event in self.events_in_order
        )
        return Plan((baseline_step(self.settings, length), *probes))

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the firing probability of every state."""
        del device
        numbers = np.arange(len(self.states), dtype=np.float64)
        sigmoids = Plot(
            name="state_map",
            title="Firing probability of each state; the first and last are initial",
            signal=PROBABILITY,
            axes=(
                Axis(Column("state", "", "state in the order measured"), numbers),
                Axis(
                    Column("pulse_field", "V/m", "pulse field"),
                    self.pulse_fields.values,
                ),
            ),
            further=COUNTS,
        )
        return pulse_layout(sigmoids)

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
    """Spikes and trials in each state at each field."""

    def __init__(self, protocol: StateMap) -> None:
        self._points = protocol.pulse_fields.points
        self._tally = Tally((len(protocol.states), self._points))

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        if index == 0:
            return {}
        self._tally.add(divmod(index - 1, self._points), rows["spike"])
        return {"state_map": self._tally.arrays()}


class _Execution(Measurement):
    def __init__(self, protocol: StateMap, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._events = EventBench(bench, protocol.settings)
        self._order = protocol.events_in_order
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        self._events.prepare()

    def measure(self, index: int) -> Block:
        if index == 0:
            return Block(self._events.baseline(0))
        rows = self._events.probe(index, self._order[index - 1], self._protocol.events)
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return self._events.take_up(steps)
