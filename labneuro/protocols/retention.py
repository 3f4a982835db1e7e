"""Retention: a programmed memristor under a continuous small reading voltage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.pcu_units import (
    GUARD_COMPLIANCE,
    RELAYS,
    BinaryPulseSettings,
    StepPulseSettings,
    UnitMeasurement,
    UnitProtocol,
    sweep_levels,
)
from labneuro.units import Second, Siemens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench
    from labneuro.instruments.stress import Levels

_READINGS = (
    Column("step", "", "step: one state of one unit", "i4"),
    Column("unit", "", "row and column of the unit", "i4"),
    Column("state", "", "state, from 0; of M2 0 is reset, 1 is set", "i4"),
    Column("target", "S", "target conductance of M1, NaN for M2"),
    Column("time", "s", "time of the reading since the first"),
    Column("voltage", "V", "read voltage"),
    Column("current", "A", "current"),
)


class Retention(UnitProtocol):
    """A state is programmed, then read for its whole time without the level ending.

    Attributes
    ----------
    units : tuple of int
        Row and column of each, such as 23.
    memristor : str
        ``multistate`` (M1, from word to configure line 1) or ``binary`` (M2 with the
        backward diode, from configure line 2 to bit).
    targets : tuple of float
        Conductances of M1 in S; M2 is read set and reset.
    duration : float
        Of a state in s.
    interval : float
        From a reading to the next in s.
    step_pulses : StepPulseSettings
        How M1 is programmed and read.
    binary : BinaryPulseSettings
        How M2 is set, reset and read.
    """

    summary: ClassVar[str] = "M1 states over 600 s, M2 states over 1000 s"

    units: Annotated[tuple[int, ...], Field(min_length=1, max_length=9)] = (22,)
    memristor: Literal["multistate", "binary"] = "multistate"
    targets: Annotated[
        tuple[Annotated[Siemens, Field(gt=0)], ...], Field(min_length=1, max_length=200)
    ] = (20e-6, 50e-6, 100e-6, 200e-6, 500e-6)
    duration: Annotated[Second, Field(gt=0, le=3600)] = 600.0
    interval: Annotated[Second, Field(gt=0, le=600)] = 5.0
    step_pulses: StepPulseSettings = StepPulseSettings()
    binary: BinaryPulseSettings = BinaryPulseSettings()

    @model_validator(mode="after")
    def _has_readings(self) -> Retention:
        if self.settling < 0:
            raise ValueError("interval: leaves no time for a reading")
        if self.duration < self.interval:
            raise ValueError("duration: must be at least the interval")
        return self

    @property
    def _read(self) -> StepPulseSettings | BinaryPulseSettings:
        return self.step_pulses if self.memristor == "multistate" else self.binary

    @property
    def settling(self) -> float:
        """Wait before each integration in s."""
        return self.interval - self._read.aperture

    @property
    def readings(self) -> int:
        """Readings of a state."""
        return round(self.duration / self.interval)

    @property
    def levels(self) -> NDArray[np.float64]:
        """The read voltage of each reading in V."""
        return np.full(self.readings, self._read.read_voltage)

    @property
    def states(self) -> int:
        """States of a unit."""
        return len(self.targets) if self.memristor == "multistate" else 2

    @property
    def conditions(self) -> list[tuple[int, int]]:
        """Unit and state of each step."""
        return [(unit, state) for unit in self.units for state in range(self.states)]

    def _programming(self, state: int) -> tuple[tuple[Levels, ...], float, int, float]:
        """Return levels, compliance, pulses and duration of what comes first."""
        if self.memristor == "multistate":
            step = self.step_pulses.step("", self.targets[state])
            return step.levels, step.compliance, step.pulses, step.duration
        binary = self.binary
        compliance = max(GUARD_COMPLIANCE, binary.compliance)
        return binary.switch_levels(on=state == 1), compliance, 1, 3 * RELAYS

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a unit and state."""
        del device
        held = sweep_levels(self.levels, self.interval)
        steps = []
        for unit, state in self.conditions:
            levels, compliance, pulses, duration = self._programming(state)
            steps.append(
                Step(
                    label=f"{self.memristor} memristor of unit {unit}, state {state}",
                    levels=(*levels, *held),
                    current=compliance,
                    compliance=compliance,
                    pulses=pulses,
                    duration=duration + self.duration,
                )
            )
        return Plan(tuple(steps))

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the currents over time."""
        del device
        times = self.interval * np.arange(self.readings)
        plot = Plot(
            name="retention",
            title="Current over time, by unit and state",
            signal=Column("current", "A", "current at the read voltage"),
            axes=(
                Axis(Column("unit", "", "unit"), np.array(self.units)),
                Axis(Column("state", "", "state"), np.arange(self.states)),
                Axis(Column("time", "s", "nominal time"), times),
            ),
            errors=False,
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="current",
            readings_axis="time",
            plots=(plot,),
            default="retention",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Curves(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Curves(Drawing):
    """Current by unit, state and time."""

    def __init__(self, protocol: Retention) -> None:
        self._shape = len(protocol.units), protocol.states
        self._current = np.full((*self._shape, protocol.readings), np.nan)

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        place = np.unravel_index(index, self._shape)
        self._current[place] = np.asarray(rows["current"], dtype=np.float64)
        return {"retention": {"signal": self._current}}


class _Execution(UnitMeasurement):
    def __init__(self, protocol: Retention, bench: ConnectedBench) -> None:
        routes = ((protocol.memristor, unit) for unit in protocol.units)
        super().__init__(bench, protocol.drawing(), routes)
        self._protocol = protocol

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        unit, state = protocol.conditions[index]
        target = np.nan
        if protocol.memristor == "multistate":
            target = protocol.targets[state]
            # The route of the programming stays; so do its range and its compliance.
            self.program(unit, target, protocol.step_pulses)
        else:
            self.switch(unit, protocol.binary, on=state == 1)
        found = self.sweep(protocol.levels, protocol.settling)
        count = len(found.current)
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "unit": np.full(count, unit, dtype=np.int32),
            "state": np.full(count, state, dtype=np.int32),
            "target": np.full(count, target),
            "time": found.time,
            "voltage": found.voltage,
            "current": found.current,
        }
        return Block(rows, self.drawing.add(index, rows))
