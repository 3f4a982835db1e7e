"""Learning and forgetting: a train with switched resistors, and the decay after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.instruments.roles import CurrentPulses
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.current_pulses import (
    OPEN,
    CurrentPulseProtocol,
    PulsedMeasurement,
    resistance_of,
)
from labneuro.units import Ampere, InputModel, Second

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "step: one train and its decay", "i4"),
    Column("phase", "", "phase of the train from 0, -1 in the decay", "i4"),
    Column("resistance", "ohm", "regulating resistance, infinite if open"),
    Column("time", "s", "time of the reading since the step's first"),
    Column("voltage", "V", "voltage at 0 A"),
    Column("peak", "V", "voltage at the end of the pulse before; NaN in the decay"),
    Column("start_voltage", "V", "voltage after the discharge before the step"),
)
_SWITCHING = 0.1  # s expected for the relays of a phase


class LearningPhase(InputModel):
    """Part of a train beside one regulating resistor.

    Attributes
    ----------
    resistor : str
        One of `resistors`.
    pulses : int
        Number of pulses.
    """

    resistor: str = OPEN
    pulses: Annotated[int, Field(ge=1, le=25_000)] = 500


class LearnForget(CurrentPulseProtocol):
    """A train in phases, each beside its own resistor, and the decay after it.

    Attributes
    ----------
    current : float
        Of a pulse in A.
    width : float
        Length of a pulse in s.
    period : float
        From the start of a pulse to that of the next, in s.
    phases : tuple of LearningPhase
        The train; between two phases the relays switch, at 0 A.
    forgetting : str
        The resistor during the decay.
    readings : int
        Readings of the decay.
    interval : float
        From one of them to the next, in s.
    repeats : int
        How often all is done, each time after a discharge.
    resistors : dict of str to str
        Matrix channels, separated by commas, by the resistance that they put beside
        the device; ``open`` is none.
    discharge : Discharge
        How the device is brought to rest before each step.
    pulser : PulserSettings
        Of the source.
    """

    summary: ClassVar[str] = "train with switched resistors, then the decay"

    current: Annotated[Ampere, Field(gt=0)] = 1e-3
    width: Annotated[Second, Field(gt=0)] = 1e-3
    period: Annotated[Second, Field(gt=0)] = 2e-3
    phases: Annotated[
        tuple[LearningPhase, ...], Field(min_length=1, max_length=1000)
    ] = (LearningPhase(),)
    forgetting: str = OPEN
    readings: Annotated[int, Field(ge=1, le=50_000)] = 120
    interval: Annotated[Second, Field(gt=0, le=3600)] = 1.0
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _known_resistors(self) -> LearnForget:
        for name in (self.forgetting, *(phase.resistor for phase in self.phases)):
            if name not in self.resistors:
                raise ValueError(
                    f"resistors: no {name!r}; there are {', '.join(self.resistors)}"
                )
        if self.period <= self.width:
            raise ValueError("period: must be longer than width")
        return self

    @property
    def pulse_count(self) -> int:
        """Pulses of the train."""
        return sum(phase.pulses for phase in self.phases)

    def train(self, phase: LearningPhase) -> CurrentPulses:
        """Return the pulses of a phase."""
        return CurrentPulses(((self.current, phase.pulses),), self.width, self.period)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a repetition."""
        del device
        trains = [self.train(phase) for phase in self.phases]
        decay = self.readings * self.interval
        step = Step(
            label=f"{self.pulse_count} pulses in {len(trains)} phases, then the decay",
            levels=tuple(level for one in trains for level in self.levels(one)),
            current=self.current,
            compliance=self.current,
            pulses=self.pulse_count,
            duration=self.discharge.duration
            + sum(one.duration + _SWITCHING for one in trains)
            + decay,
        )
        return Plan((step,) * self.repeats)

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table, and train and decay apart."""
        del device
        repeats = Axis(Column("repeat", "", "repetition"), np.arange(self.repeats))
        learning = Plot(
            name="learning",
            title="Voltage at the end of the period, pulse by pulse",
            signal=Column("residual", "V", "voltage at the end of the period"),
            axes=(
                repeats,
                Axis(
                    Column("pulse", "", "pulse of the train"),
                    np.arange(1, self.pulse_count + 1),
                ),
            ),
            errors=False,
        )
        forgetting = Plot(
            name="forgetting",
            title="Voltage after the train",
            signal=Column("voltage", "V", "voltage at 0 A"),
            axes=(
                repeats,
                Axis(
                    Column("delay", "s", "time since the train"),
                    self.interval * np.arange(1, self.readings + 1),
                ),
            ),
            errors=False,
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="voltage",
            readings_axis="time",
            plots=(learning, forgetting),
            default="learning",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Traces(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Traces(Drawing):
    """Train and decay of each repetition."""

    def __init__(self, protocol: LearnForget) -> None:
        self._train = np.full((protocol.repeats, protocol.pulse_count), np.nan)
        self._decay = np.full((protocol.repeats, protocol.readings), np.nan)

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        volts = np.asarray(rows["voltage"], dtype=np.float64)
        pulses = self._train.shape[1]
        self._train[index], self._decay[index] = volts[:pulses], volts[pulses:]
        return {
            "learning": {"signal": self._train},
            "forgetting": {"signal": self._decay},
        }


class _Execution(PulsedMeasurement):
    def __init__(self, protocol: LearnForget, bench: ConnectedBench) -> None:
        super().__init__(protocol, bench, protocol.current, protocol.drawing())
        self._protocol = protocol

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        start_voltage = self.rest()
        parts = []
        for phase in protocol.phases:
            self.put_beside(phase.resistor)
            parts.append(self.pulse(protocol.train(phase)))
        self.put_beside(protocol.forgetting)
        decay = self.pulser.watch(protocol.readings, protocol.interval)
        names = [phase.resistor for phase in protocol.phases]
        counts = [*(phase.pulses for phase in protocol.phases), protocol.readings]
        ohms = [resistance_of(name) for name in (*names, protocol.forgetting)]
        clocks = [one.residual_time + one.start for one in parts]
        time = np.concatenate([*clocks, decay.time + decay.start])
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(len(time), index, dtype=np.int32),
            "phase": np.repeat([*range(len(parts)), -1], counts).astype(np.int32),
            "resistance": np.repeat(ohms, counts),
            "time": time - time[0],
            "voltage": np.concatenate(
                [*(one.residual for one in parts), decay.voltage]
            ),
            "peak": np.concatenate(
                [*(one.peak for one in parts), np.full(protocol.readings, np.nan)]
            ),
            "start_voltage": np.full(len(time), start_voltage),
        }
        return Block(rows, self.drawing.add(index, rows))
