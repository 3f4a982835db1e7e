"""Current-voltage cycles of a threshold switch: 0 V to the top and back, many times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.errors import InstrumentError
from labneuro.instruments.stress import GATE, METER, Levels
from labneuro.protocols.base import (
    Block,
    Drawing,
    Measurement,
    MeasurementProtocol,
    Plan,
    Step,
)
from labneuro.units import Ampere, Ohm, Second, Volt, VoltPerSecond

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "step: one cycle", "i4"),
    Column("time", "s", "time of the reading since the cycle's first"),
    Column("voltage", "V", "source level, across device and series resistor"),
    Column("current", "A", "current through the device"),
)
_FEWEST_STAIRS, _MOST_STAIRS = 5, 5000
_LINE_PERIOD = 0.02  # s, the longer of the two
_OVERHEAD = 0.15e-3  # s that a point needs beside its waits; the time stamps tell
_BASELINE = 50  # readings at 0 V: the meter's noise
_SIGMAS = 5.0  # standard deviations that no reading of a cycle leaves by chance


class ThresholdSwitching(MeasurementProtocol):
    """Cycles of a staircase; threshold and hold voltage of each are in the fit.

    The threshold depends on how fast the voltage rises: the device integrates.

    Attributes
    ----------
    cycles : int
        Number of cycles.
    top : float
        Highest voltage in V.
    increment : float
        Height of a stair in V.
    rate : float
        Sweep rate in V/s.
    switching_current : float
        The device is on where the current is above this, in A.
    series_resistance : float
        The resistor in series, in ohm; kept for the fit.
    gate_voltage : float, optional
        At the gate of the transistor in series, in V; its supply is the bench's role
        ``gate_supply``. Without it no gate is held.
    current_range : float
        Measuring range in A, and the compliance.
    power_line_cycles : float
        Integration time in power-line cycles, at the end of each stair.
    resting : float
        Time at 0 V before each cycle, in s.
    """

    summary: ClassVar[str] = "I-V cycles: threshold and hold voltage of each"
    device_models: ClassVar[tuple[str, ...]] = (
        "threshold_switch",
        "gated_threshold_switch",
    )

    cycles: Annotated[int, Field(ge=1, le=100_000)] = 100
    top: Annotated[Volt, Field(gt=0)] = 0.8
    increment: Annotated[Volt, Field(gt=0)] = 10e-3
    rate: Annotated[VoltPerSecond, Field(gt=0)] = 20.0
    switching_current: Annotated[Ampere, Field(gt=0)] = 2e-6
    series_resistance: Annotated[Ohm, Field(gt=0)] = 20e3
    gate_voltage: Annotated[Volt, Field(gt=0)] | None = None
    current_range: Annotated[Ampere, Field(gt=0)] = 100e-6
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 0.001
    resting: Annotated[Second, Field(ge=0, le=3600)] = 50e-3

    @model_validator(mode="after")
    def _stairs_fit(self) -> ThresholdSwitching:
        if not _FEWEST_STAIRS <= self.top / self.increment <= _MOST_STAIRS:
            raise ValueError(
                f"increment: {_FEWEST_STAIRS} to {_MOST_STAIRS} of them must make the "
                "top"
            )
        if self.settling < 0.0:
            raise ValueError(
                f"rate: {self.rate:g} V/s leaves no time for a reading on each stair"
            )
        if not self.switching_current < self.current_range:
            raise ValueError("switching_current: must be below current_range")
        return self

    @property
    def levels(self) -> NDArray[np.float64]:
        """Source levels of a cycle in V, up and down, shape (points,)."""
        up = np.linspace(0.0, self.top, round(self.top / self.increment) + 1)
        return np.round(np.concatenate([up, up[-2::-1]]), 9)

    @property
    def settling(self) -> float:
        """Wait on each stair before the integration, in s."""
        reading = self.power_line_cycles * _LINE_PERIOD + _OVERHEAD
        return self.increment / self.rate - reading

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a cycle."""
        del device
        stair = self.increment / self.rate
        levels = tuple((float(level), stair) for level in self.levels)
        duration = self.resting + len(levels) * stair
        outputs = [Levels(METER, levels)]
        if self.gate_voltage is not None:
            outputs.append(Levels(GATE, ((self.gate_voltage, duration),)))
        step = Step(
            label=f"cycle to {self.top:g} V at {self.rate:g} V/s",
            levels=tuple(outputs),
            current=self.current_range,
            compliance=self.current_range,
            pulses=0,
            duration=duration,
        )
        return Plan((step,) * self.cycles)

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the curves."""
        del device
        cycles = np.arange(self.cycles, dtype=np.float64)
        plot = Plot(
            name="current_voltage",
            title="Current against voltage of each cycle, up and down",
            signal=Column("current", "A", "current through the device"),
            axes=(
                Axis(Column("cycle", "", "cycle"), cycles),
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
    """Current by cycle and voltage."""

    def __init__(self, protocol: ThresholdSwitching) -> None:
        self._current = np.full((protocol.cycles, len(protocol.levels)), np.nan)

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        self._current[index] = np.asarray(rows["current"], dtype=np.float64)
        return {"current_voltage": {"signal": self._current}}


class _Execution(Measurement):
    def __init__(self, protocol: ThresholdSwitching, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._meter = bench.source_meter
        self._gate = None if protocol.gate_voltage is None else bench.gate_supply
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        protocol = self._protocol
        if self._gate is not None and protocol.gate_voltage is not None:
            self._gate.hold(protocol.gate_voltage)
        self._meter.configure(
            compliance_current=protocol.current_range,
            current_range=protocol.current_range,
            power_line_cycles=protocol.power_line_cycles,
        )
        self._meter.output_on()
        self._check_noise()

    def _check_noise(self) -> None:
        """Refuse a range whose noise would be taken for switching."""
        still = self._meter.sweep(np.zeros(_BASELINE), 0.0).current
        noise = _SIGMAS * float(np.std(still)) + abs(float(np.mean(still)))
        if not noise < self._protocol.switching_current:
            raise InstrumentError(
                f"at 0 V the current is read within {noise:.2g} A only; raise "
                "switching_current or power_line_cycles, or lower current_range"
            )

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        self._meter.sweep(np.zeros(1), protocol.resting)
        found = self._meter.sweep(protocol.levels, protocol.settling)
        if not np.isfinite(found.current).all():
            raise InstrumentError("a reading overflowed its range; raise current_range")
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(len(found.current), index, dtype=np.int32),
            "time": found.time,
            "voltage": found.voltage,
            "current": found.current,
        }
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return ""
