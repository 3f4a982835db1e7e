"""Incremental step pulses with verify: M1 to target conductances, up and down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.protocols.base import Block, Drawing, Measurement, Plan
from labneuro.protocols.pcu_units import (
    StepPulseSettings,
    UnitMeasurement,
    UnitProtocol,
)
from labneuro.units import Siemens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "step: one target of one unit", "i4"),
    Column("unit", "", "row and column of the unit", "i4"),
    Column("cycle", "", "cycle through the targets, from 0", "i4"),
    Column("state", "", "target in the order of the recipe, from 0", "i4"),
    Column("target", "S", "target conductance"),
    Column("pulse", "", "pulses before the reading", "i4"),
    Column("amplitude", "V", "last pulse before the reading, 0 if none"),
    Column("time", "s", "time of the reading since the first"),
    Column("current", "A", "current at the read voltage"),
    Column("conductance", "S", "current over read voltage"),
)


class IncrementalStepPulse(UnitProtocol):
    """Each unit's M1 goes through all targets; a pulse is followed by a reading.

    The instrument decides by itself: up while the reading is below the target, down
    while it is above, each pulse higher than the last in the same direction, and from
    the first amplitude again after an overshoot.

    Attributes
    ----------
    units : tuple of int
        Row and column of each, such as 23.
    targets : tuple of float
        Conductances in S, in the order programmed.
    cycles : int
        How often all targets are gone through.
    step_pulses : StepPulseSettings
        Pulses and readings.
    """

    summary: ClassVar[str] = "M1 to target conductances by step pulses with verify"

    targets: Annotated[
        tuple[Annotated[Siemens, Field(gt=0)], ...], Field(min_length=1, max_length=200)
    ] = (20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 200e-6, 100e-6, 50e-6, 20e-6)
    cycles: Annotated[int, Field(ge=1, le=1000)] = 1
    step_pulses: StepPulseSettings = StepPulseSettings()

    @property
    def conditions(self) -> list[tuple[int, int, int]]:
        """Unit, cycle and number of the target of each step."""
        return [
            (unit, cycle, state)
            for unit in self.units
            for cycle in range(self.cycles)
            for state in range(len(self.targets))
        ]

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a target; the pulses are the most that may come."""
        del device
        return Plan(
            tuple(
                self.step_pulses.step(
                    f"unit {unit} to {self.targets[state]:g} S, cycle {cycle}",
                    self.targets[state],
                )
                for unit, cycle, state in self.conditions
            )
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and where each programming ended."""
        del device
        plot = Plot(
            name="programming",
            title="Conductance reached, by unit, cycle and target",
            signal=Column("conductance", "S", "conductance reached"),
            axes=(
                Axis(Column("unit", "", "unit"), np.array(self.units)),
                Axis(Column("cycle", "", "cycle"), np.arange(self.cycles)),
                Axis(
                    Column("state", "", "number of the target"),
                    np.arange(len(self.targets)),
                ),
            ),
            errors=False,
            further=(
                Column("target", "S", "target conductance"),
                Column("pulses", "", "pulses needed"),
            ),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="conductance",
            readings_axis="pulse",
            plots=(plot,),
            default="programming",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Reached(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Reached(Drawing):
    """The last conductance of each programming, and its pulses."""

    def __init__(self, protocol: IncrementalStepPulse) -> None:
        shape = len(protocol.units), protocol.cycles, len(protocol.targets)
        self._reached, self._pulses = np.full(shape, np.nan), np.full(shape, np.nan)
        self._target = np.broadcast_to(np.array(protocol.targets), shape).copy()

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        place = np.unravel_index(index, self._reached.shape)
        self._reached[place] = np.asarray(rows["conductance"], dtype=np.float64)[-1]
        self._pulses[place] = len(rows["conductance"]) - 1
        return {
            "programming": {
                "signal": self._reached,
                "target": self._target,
                "pulses": self._pulses,
            }
        }


class _Execution(UnitMeasurement):
    def __init__(self, protocol: IncrementalStepPulse, bench: ConnectedBench) -> None:
        routes = (("multistate", unit) for unit in protocol.units)
        super().__init__(bench, protocol.drawing(), routes)
        self._protocol = protocol

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        unit, cycle, state = protocol.conditions[index]
        target = protocol.targets[state]
        found = self.program(unit, target, protocol.step_pulses)
        count = len(found.current)
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "unit": np.full(count, unit, dtype=np.int32),
            "cycle": np.full(count, cycle, dtype=np.int32),
            "state": np.full(count, state, dtype=np.int32),
            "target": np.full(count, target),
            "pulse": np.arange(count, dtype=np.int32),
            "amplitude": found.amplitude,
            "time": found.time,
            "current": found.current,
            "conductance": found.current / protocol.step_pulses.read_voltage,
        }
        return Block(rows, self.drawing.add(index, rows))
