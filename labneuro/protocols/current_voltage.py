"""Current-voltage curves at sweep rates, beside each regulating resistor."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.errors import InstrumentError
from labneuro.instruments.stress import METER, Levels
from labneuro.protocols.base import (
    Block,
    Drawing,
    Measurement,
    MeasurementProtocol,
    Plan,
    Step,
)
from labneuro.protocols.current_pulses import (
    OPEN,
    Resistors,
    channels_of,
    resistance_of,
)
from labneuro.units import Ampere, Second, Volt, VoltPerSecond

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "step: one resistor at one rate", "i4"),
    Column("resistance", "ohm", "regulating resistance, infinite if open"),
    Column("rate", "V/s", "sweep rate"),
    Column("time", "s", "time of the reading since the sweep's first"),
    Column("voltage", "V", "source level"),
    Column("current", "A", "current through device and resistor"),
)
_FEWEST_STAIRS, _MOST_STAIRS = 2, 20_000
_LIMITED = 0.99  # of the compliance: only the last reading's status is told
_LINE_PERIOD = 0.02  # s, the longer of the two
_OVERHEAD = 0.15e-3  # s that a point needs beside its waits; the time stamps tell


class CurrentVoltage(MeasurementProtocol):
    """Staircases from 0 V to the top and back, from a discharged device.

    Attributes
    ----------
    top : float
        Highest voltage in V.
    increment : float
        Height of a stair in V.
    rates : tuple of float
        Sweep rates in V/s.
    current_range : float
        Measuring range in A, and the compliance.
    power_line_cycles : float
        Integration time in power-line cycles, at the end of each stair.
    resting : float
        Time at 0 V before each sweep, without a resistor, in s.
    resistors : dict of str to str
        Matrix channels, separated by commas, by the resistance that they put beside
        the device; ``open`` is none.
    """

    summary: ClassVar[str] = "I-V staircases over sweep rate and resistor"

    top: Annotated[Volt, Field(gt=0)] = 0.8
    increment: Annotated[Volt, Field(gt=0)] = 2e-3
    rates: Annotated[
        tuple[Annotated[VoltPerSecond, Field(gt=0)], ...],
        Field(min_length=1, max_length=100),
    ] = (0.05,)
    current_range: Annotated[Ampere, Field(gt=0)] = 2e-3
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 0.1
    resting: Annotated[Second, Field(ge=0, le=3600)] = 60.0
    resistors: Resistors = Field(default={OPEN: ""}, min_length=1, max_length=50)

    @model_validator(mode="after")
    def _stairs_fit(self) -> CurrentVoltage:
        if not _FEWEST_STAIRS <= self.top / self.increment <= _MOST_STAIRS:
            raise ValueError(
                f"increment: {_FEWEST_STAIRS} to {_MOST_STAIRS} of them must make the "
                "top"
            )
        for rate in self.rates:
            if self.settling(rate) < 0.0:
                raise ValueError(
                    f"rates: {rate:g} V/s leaves no time for a reading on each stair"
                )
        return self

    @property
    def conditions(self) -> list[tuple[str, float]]:
        """Resistor and rate of each step."""
        return list(product(self.resistors, self.rates))

    @property
    def levels(self) -> NDArray[np.float64]:
        """Source levels of a sweep in V, up and down, shape (points,)."""
        up = np.linspace(0.0, self.top, round(self.top / self.increment) + 1)
        return np.round(np.concatenate([up, up[-2::-1]]), 9)

    def settling(self, rate: float) -> float:
        """Return the wait on each stair before the integration, in s."""
        reading = self.power_line_cycles * _LINE_PERIOD + _OVERHEAD
        return self.increment / rate - reading

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a resistor and rate."""
        del device
        return Plan(
            tuple(
                Step(
                    label=f"I-V at {rate:g} V/s, {name}",
                    levels=(
                        Levels(
                            METER,
                            tuple(
                                (float(level), self.increment / rate)
                                for level in self.levels
                            ),
                        ),
                    ),
                    current=self.current_range,
                    compliance=self.current_range,
                    pulses=0,
                    duration=self.resting + len(self.levels) * self.increment / rate,
                )
                for name, rate in self.conditions
            )
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the curves."""
        del device
        plot = Plot(
            name="current_voltage",
            title="Current against voltage, up and down",
            signal=Column("current", "A", "current through device and resistor"),
            axes=(
                Axis(
                    Column("resistance", "ohm", "regulating resistance"),
                    np.array([resistance_of(name) for name in self.resistors]),
                ),
                Axis(Column("rate", "V/s", "sweep rate"), np.array(self.rates)),
                Axis(Column("voltage", "V", "source level"), self.levels),
            ),
            errors=False,
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="current",
            readings_axis="time",
            plots=(plot,),
            default="current_voltage",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Curves(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Curves(Drawing):
    """Current by resistor, rate and voltage."""

    def __init__(self, protocol: CurrentVoltage) -> None:
        self._shape = len(protocol.resistors), len(protocol.rates)
        self._current = np.full((*self._shape, len(protocol.levels)), np.nan)

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        place = np.unravel_index(index, self._shape)
        self._current[place] = np.asarray(rows["current"], dtype=np.float64)
        return {"current_voltage": {"signal": self._current}}


class _Execution(Measurement):
    def __init__(self, protocol: CurrentVoltage, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._meter, self._matrix = bench.source_meter, bench.switch_matrix
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        protocol = self._protocol
        self._meter.configure(
            compliance_current=protocol.current_range,
            current_range=protocol.current_range,
            power_line_cycles=protocol.power_line_cycles,
        )
        self._matrix.connect(())
        self._meter.output_on()

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        name, rate = protocol.conditions[index]
        self._matrix.connect(())
        self._meter.sweep(np.zeros(1), protocol.resting)
        self._matrix.connect(channels_of(protocol.resistors[name]))
        found = self._meter.sweep(protocol.levels, protocol.settling(rate))
        most = _LIMITED * protocol.current_range
        if found.in_compliance or not (np.abs(found.current) < most).all():
            raise InstrumentError(
                "a reading overflowed its range or was limited; raise current_range"
            )
        count = len(found.current)
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "resistance": np.full(count, resistance_of(name)),
            "rate": np.full(count, rate),
            "time": found.time,
            "voltage": found.voltage,
            "current": found.current,
        }
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return ""
