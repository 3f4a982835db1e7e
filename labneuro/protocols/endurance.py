"""Endurance: many cycles of potentiation and depression, every so-manieth measured."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.instruments.roles import CurrentPulses
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.current_pulses import (
    CurrentPulseProtocol,
    PulsedMeasurement,
    resistance_of,
)
from labneuro.units import Ampere, Second

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "step: one measured cycle", "i4"),
    Column("resistance", "ohm", "regulating resistance, infinite if open"),
    Column("cycle", "", "cycle beside this resistor, from 0", "i4"),
    Column("pulses_before", "", "pulses of the run before this cycle", "i8"),
    Column("pulse", "", "pulse of the cycle, from 1", "i4"),
    Column("current", "A", "current of the pulse"),
    Column("time", "s", "end of the pulse since the cycle's first"),
    Column("peak", "V", "voltage at the end of the pulse"),
    Column("residual", "V", "voltage at the end of the period"),
    Column("start_voltage", "V", "voltage after a discharge before it, NaN if none"),
)
_SWITCHING = 0.1  # s expected for the relays of a step


class Endurance(CurrentPulseProtocol):
    """Cycles of potentiation and depression, most of them without a reading.

    Between two measured cycles the instrument sends the silent ones by itself, at the
    same pace. The device is discharged once before the first cycle beside a resistor,
    and anew where a run is resumed.

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
    measured_cycles : int
        Cycles of which every pulse is measured; the first cycle is one of them.
    silent_cycles : int
        Cycles without readings before each other measured cycle.
    resistors : dict of str to str
        Matrix channels, separated by commas, by the resistance that they put beside
        the device; ``open`` is none. One after the other, on the same device.
    discharge : Discharge
        How the device is brought to rest before the first cycle.
    pulser : PulserSettings
        Of the source.
    """

    summary: ClassVar[str] = "many cycles up and down, every so-manieth measured"

    current: Annotated[Ampere, Field(gt=0)] = 1e-3
    width: Annotated[Second, Field(gt=0)] = 1e-3
    period: Annotated[Second, Field(gt=0)] = 2e-3
    pulses: Annotated[int, Field(ge=2, le=1000)] = 150
    measured_cycles: Annotated[int, Field(ge=2, le=10_000)] = 11
    silent_cycles: Annotated[int, Field(ge=0, le=10_000)] = 9

    @model_validator(mode="after")
    def _pulse_fits(self) -> Endurance:
        if self.period <= self.width:
            raise ValueError("period: must be longer than width")
        return self

    @property
    def conditions(self) -> list[tuple[str, int]]:
        """Resistor and number of the measured cycle of each step."""
        return list(product(self.resistors, range(self.measured_cycles)))

    @property
    def cycles(self) -> NDArray[np.int64]:
        """The measured cycles' numbers beside a resistor, shape (measured_cycles,)."""
        return np.arange(self.measured_cycles) * (self.silent_cycles + 1)

    def train(self, number: int) -> CurrentPulses:
        """Return what the instrument sends for the n-th measured cycle, from 0."""
        silent = self.silent_cycles if number else 0
        cycle = ((self.current, self.pulses), (-self.current, self.pulses))
        return CurrentPulses(cycle, self.width, self.period, silent)

    def pulses_before(self, index: int) -> int:
        """Return the pulses of a whole run before the measured cycle of a step."""
        resistor, number = divmod(index, self.measured_cycles)
        cycles = resistor * (self.cycles[-1] + 1) + self.cycles[number]
        return int(2 * self.pulses * cycles)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a measured cycle, with the silent ones before it."""
        del device
        return Plan(tuple(self._step(*one) for one in self.conditions))

    def _step(self, name: str, number: int) -> Step:
        train = self.train(number)
        first = 0.0 if number else self.discharge.duration + _SWITCHING
        return Step(
            label=f"{train.silent} silent cycles, then cycle {self.cycles[number]}, "
            f"{name}",
            levels=self.levels(train),
            current=self.current,
            compliance=self.current,
            pulses=train.sent,
            duration=first + train.duration,
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the ends of each measured cycle."""
        del device
        plot = Plot(
            name="endurance",
            title="Range of the voltage at the end of the period, cycle by cycle",
            signal=Column("swing", "V", "highest less lowest"),
            axes=(
                Axis(
                    Column("resistance", "ohm", "regulating resistance"),
                    self.resistances,
                ),
                Axis(Column("cycle", "", "cycle"), self.cycles),
            ),
            errors=False,
            further=(
                Column("first", "V", "residual voltage after the first pulse"),
                Column("highest", "V", "residual voltage after the potentiation"),
                Column("lowest", "V", "residual voltage after the depression"),
            ),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="residual",
            readings_axis="pulse",
            plots=(plot,),
            default="endurance",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Ends(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Ends(Drawing):
    """Ends of the measured cycles by resistor and cycle."""

    def __init__(self, protocol: Endurance) -> None:
        shape = len(protocol.resistors), protocol.measured_cycles
        names = ("signal", "first", "highest", "lowest")
        self._plot = {name: np.full(shape, np.nan) for name in names}
        self._top = protocol.pulses - 1

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        place = np.unravel_index(index, self._plot["signal"].shape)
        residual = np.asarray(rows["residual"], dtype=np.float64)
        ends = {"first": 0, "highest": self._top, "lowest": -1}
        for name, pulse in ends.items():
            self._plot[name][place] = residual[pulse]
        self._plot["signal"][place] = residual[self._top] - residual[-1]
        return {"endurance": self._plot}


class _Execution(PulsedMeasurement):
    def __init__(self, protocol: Endurance, bench: ConnectedBench) -> None:
        super().__init__(protocol, bench, protocol.current, protocol.drawing())
        self._protocol = protocol
        self._cycling = False

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        """Draw what has been measured; tell what the device had lived through."""
        super().restore(steps)
        before = self._protocol.pulses_before(len(steps))
        return f"the run had counted on {before} pulses before the next measured cycle"

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        name, number = protocol.conditions[index]
        start_voltage = np.nan
        if number == 0 or not self._cycling:
            start_voltage = self.rest()
            self.put_beside(name)
        found = self.pulse(protocol.train(number))
        self._cycling = True
        count = 2 * protocol.pulses
        signs = np.repeat([1.0, -1.0], protocol.pulses)
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "resistance": np.full(count, resistance_of(name)),
            "cycle": np.full(count, protocol.cycles[number], dtype=np.int32),
            "pulses_before": np.full(count, protocol.pulses_before(index)),
            "pulse": np.arange(1, count + 1, dtype=np.int32),
            "current": protocol.current * signs,
            "time": found.peak_time,
            "peak": found.peak,
            "residual": found.residual,
            "start_voltage": np.full(count, start_voltage),
        }
        return Block(rows, self.drawing.add(index, rows))
