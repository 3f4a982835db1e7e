"""Potentiation and depression: trains of current pulses, up and down, per resistor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.instruments.roles import CurrentPulses
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.current_pulses import CurrentPulseProtocol, PulsedMeasurement
from labneuro.units import Ampere, Second

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "step: one regulating resistor", "i4"),
    Column("resistance", "ohm", "regulating resistance, infinite if open"),
    Column("cycle", "", "cycle of potentiation and depression, from 0", "i4"),
    Column("pulse", "", "pulse of the cycle, from 1", "i4"),
    Column("current", "A", "current of the pulse"),
    Column("time", "s", "end of the pulse since the resistor's first"),
    Column("peak", "V", "voltage at the end of the pulse"),
    Column("residual", "V", "voltage at the end of the period"),
    Column("start_voltage", "V", "voltage after the discharge before the step"),
)
_CYCLES_A_CALL = 10
_SWITCHING = 0.1  # s expected for the relays of a step


class PotentiationDepression(CurrentPulseProtocol):
    """Pulses of one sign, then as many of the other, for each regulating resistor.

    Attributes
    ----------
    current : float
        Magnitude of a pulse in A.
    width : float
        Length of a pulse in s.
    period : float
        From the start of a pulse to that of the next, in s.
    pulses : int
        Pulses of the potentiation, and of the depression.
    cycles : int
        How often both follow each other without a discharge between them.
    resistors : dict of str to str
        Matrix channels, separated by commas, by the resistance that they put beside
        the device; ``open`` is none. One step each.
    discharge : Discharge
        How the device is brought to rest before each step.
    pulser : PulserSettings
        Of the source.
    """

    summary: ClassVar[str] = "current pulses up and down, per regulating resistor"

    current: Annotated[Ampere, Field(gt=0)] = 1e-3
    width: Annotated[Second, Field(gt=0)] = 1e-3
    period: Annotated[Second, Field(gt=0)] = 2e-3
    pulses: Annotated[int, Field(ge=2, le=1000)] = 150
    cycles: Annotated[int, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _pulse_fits(self) -> PotentiationDepression:
        if self.period <= self.width:
            raise ValueError("period: must be longer than width")
        return self

    def trains(self) -> Iterator[CurrentPulses]:
        """Yield what one call of the instrument sends each: up to ten cycles."""
        cycle = ((self.current, self.pulses), (-self.current, self.pulses))
        for first in range(0, self.cycles, _CYCLES_A_CALL):
            count = min(_CYCLES_A_CALL, self.cycles - first)
            yield CurrentPulses(cycle * count, self.width, self.period)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a resistor."""
        del device
        calls = list(self.trains())
        duration = sum(one.duration for one in calls)
        return Plan(
            tuple(
                Step(
                    label=f"{self.cycles} x {self.pulses} pulses up and down, {name}",
                    levels=tuple(level for one in calls for level in self.levels(one)),
                    current=self.current,
                    compliance=self.current,
                    pulses=sum(one.count for one in calls),
                    duration=self.discharge.duration + _SWITCHING + duration,
                )
                for name in self.resistors
            )
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the residual voltages by pulse."""
        del device
        plot = Plot(
            name="potentiation_depression",
            title="Voltage at the end of the period, pulse by pulse",
            signal=Column("residual", "V", "voltage at the end of the period"),
            axes=(
                Axis(
                    Column("resistance", "ohm", "regulating resistance"),
                    self.resistances,
                ),
                Axis(Column("cycle", "", "cycle"), np.arange(self.cycles)),
                Axis(
                    Column("pulse", "", "pulse of the cycle"),
                    np.arange(1, 2 * self.pulses + 1),
                ),
            ),
            errors=False,
            further=(Column("peak", "V", "voltage at the end of the pulse"),),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="residual",
            readings_axis="time",
            plots=(plot,),
            default="potentiation_depression",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Curves(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Curves(Drawing):
    """Peak and residual voltage by resistor, cycle and pulse."""

    def __init__(self, protocol: PotentiationDepression) -> None:
        shape = len(protocol.resistors), protocol.cycles, 2 * protocol.pulses
        self._residual, self._peak = np.full(shape, np.nan), np.full(shape, np.nan)

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        shape = self._residual.shape[1:]
        self._residual[index] = np.asarray(rows["residual"]).reshape(shape)
        self._peak[index] = np.asarray(rows["peak"]).reshape(shape)
        return {
            "potentiation_depression": {"signal": self._residual, "peak": self._peak}
        }


class _Execution(PulsedMeasurement):
    def __init__(self, protocol: PotentiationDepression, bench: ConnectedBench) -> None:
        super().__init__(protocol, bench, protocol.current, protocol.drawing())
        self._protocol = protocol

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        start_voltage = self.rest()
        self.put_beside(list(protocol.resistors)[index])
        parts = [self.pulse(one) for one in protocol.trains()]
        cycle = 2 * protocol.pulses
        count = cycle * protocol.cycles
        signs = np.repeat([1.0, -1.0], protocol.pulses)
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "resistance": np.full(count, protocol.resistances[index]),
            "cycle": np.repeat(np.arange(protocol.cycles, dtype=np.int32), cycle),
            "pulse": np.tile(np.arange(1, cycle + 1, dtype=np.int32), protocol.cycles),
            "current": np.tile(protocol.current * signs, protocol.cycles),
            "time": np.concatenate(
                [one.peak_time + (one.start - parts[0].start) for one in parts]
            ),
            "peak": np.concatenate([one.peak for one in parts]),
            "residual": np.concatenate([one.residual for one in parts]),
            "start_voltage": np.full(count, start_voltage),
        }
        return Block(rows, self.drawing.add(index, rows))
