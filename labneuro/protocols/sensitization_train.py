"""Sensitization: identical weak pulses without reset, the response after each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.instruments.stress import GENERATOR, Levels
from labneuro.protocols.base import (
    Block,
    Drawing,
    Measurement,
    MeasurementProtocol,
    Plan,
    Step,
)
from labneuro.protocols.pulse_events import (
    Duration,
    EventBench,
    EventSettings,
    channel_length,
    level,
    reset_train,
)
from labneuro.protocols.pulse_steps import (
    COUNTS,
    PROBABILITY,
    Tally,
    baseline_step,
    pulse_layout,
    read_levels,
    resumption,
)
from labneuro.units import VoltPerMetre, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench


class SensitizationTrain(MeasurementProtocol):
    """Trains of weak pulses without reset, several trains at each field.

    Attributes
    ----------
    fields : tuple of float
        Accumulating fields in V/m, one of them in the noise-filter range.
    pulses : int
        Pulses of a train, at least 30 as in the paper.
    trains : int
        Repetitions at each field, a reset before each: the probability after n pulses
        is counted over them.
    interval : float
        From pulse to pulse in s; long enough for a spike to relax without reset.
    settings : EventSettings
        Pulses and reading.
    """

    summary: ClassVar[str] = "weak pulses without reset, the response after each"
    device_models: ClassVar[tuple[str, ...]] = ("hnno",)

    fields: Annotated[
        tuple[Annotated[VoltPerMetre, Field(gt=0)], ...], Field(min_length=1)
    ] = (0.15e6, 0.17e6, 0.18e6, 0.19e6)
    pulses: Annotated[int, Field(ge=30, le=1_000_000)] = 40
    trains: Annotated[int, Field(ge=1, le=10_000)] = 30
    interval: Duration = 0.2
    settings: EventSettings = EventSettings()

    @model_validator(mode="after")
    def _read_within_interval(self) -> SensitizationTrain:
        shortest = self.settings.pulses.width + self.settings.read.duration + 1e-3
        if self.interval < shortest:
            raise ValueError(
                f"interval: a pulse and its reading take {shortest:.4g} s, "
                f"longer than {self.interval:.4g} s"
            )
        return self

    def plan(self, device: DeviceConfig) -> Plan:
        """Return the baseline read and every train."""
        length = channel_length(device)
        settings = self.settings
        reset = reset_train(settings, length)
        trains = [
            Step(
                label=f"train of {self.pulses} at {show(field, 'V/m')}",
                levels=(
                    Levels(GENERATOR, reset.waveform.segments),
                    Levels(
                        GENERATOR,
                        ((level(field, length), settings.pulses.width),),
                        self.pulses,
                    ),
                    read_levels(settings, self.pulses + 1),
                ),
                current=settings.read.current_range,
                pulses=self.pulses,
                duration=reset.period + self.pulses * self.interval,
            )
            for field in self.fields
            for _ in range(self.trains)
        ]
        return Plan((baseline_step(settings, length), *trains))

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the probability against the pulse number."""
        del device
        numbers = np.arange(1, self.pulses + 1, dtype=np.float64)
        response = Plot(
            name="sensitization",
            title="Firing probability against pulse number",
            signal=PROBABILITY,
            axes=(
                Axis(
                    Column("accumulating_field", "V/m", "accumulating field"),
                    np.array(self.fields),
                ),
                Axis(Column("pulse_number", "", "pulse number"), numbers),
            ),
            further=COUNTS,
        )
        return pulse_layout(response)

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
    """Spikes and trials at each field after each number of pulses."""

    def __init__(self, protocol: SensitizationTrain) -> None:
        self._trains = protocol.trains
        self._tally = Tally((len(protocol.fields), protocol.pulses))

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        if index == 0:
            return {}
        row = (index - 1) // self._trains
        spikes = np.asarray(rows["spike"])[1:]
        self._tally.spikes[row] += spikes == 1
        self._tally.trials[row] += spikes >= 0
        return {"sensitization": self._tally.arrays()}


class _Execution(Measurement):
    def __init__(self, protocol: SensitizationTrain, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._events = EventBench(bench, protocol.settings)
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        self._events.prepare()

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        if index == 0:
            return Block(self._events.baseline(0))
        row = (index - 1) // protocol.trains
        rows = self._events.accumulate(
            index, protocol.fields[row], protocol.pulses, protocol.interval
        )
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return self._events.take_up(steps)
