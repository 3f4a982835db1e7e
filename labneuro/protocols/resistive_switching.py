"""M2: current-voltage hysteresis, then set, reset and both readings."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.instruments.stress import METER
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.pcu_units import (
    GUARD_COMPLIANCE,
    RELAYS,
    BinaryPulseSettings,
    UnitMeasurement,
    UnitProtocol,
    staircase,
    sweep_levels,
)
from labneuro.units import Second, Volt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

    Array = NDArray[np.float64]

SWEEP, SET, RESET, HIGH_RESISTANCE = 0, 1, 2, 3
"""Kinds of readings."""
_READINGS = (
    Column("step", "", "step: one cycle of one unit", "i4"),
    Column("unit", "", "row and column of the unit", "i4"),
    Column("cycle", "", "cycle, from 0", "i4"),
    Column("kind", "", "0 hysteresis, 1 read set, 2 read reset, 3 reset sweep", "i4"),
    Column("time", "s", "time of the reading since the sweep's first"),
    Column("voltage", "V", "level from configure line 2 to the bit line"),
    Column("current", "A", "current of M2 and the backward diode"),
)


class ResistiveSwitching(UnitProtocol):
    """Hysteresis of M2, both states read after a pulse each, and the reset state swept.

    M2 is measured with the backward diode D2 beside it: in reverse, where the readings
    are, D2 adds its I0, which is more than M2's high resistance lets through. The short
    sweep of the reset state tells them apart by the slope.

    Attributes
    ----------
    units : tuple of int
        Row and column of each, such as 23.
    cycles : int
        How often each unit goes through it.
    top : float
        Highest level of the hysteresis in V.
    bottom : float
        Its lowest level in V.
    increment : float
        Height of a stair in V.
    stair : float
        Duration of a stair in s, integration included.
    slope_levels : tuple of float
        Levels of the reset state's sweep in V, below the set voltage and far enough
        above n VT that D2 is saturated.
    pulses : BinaryPulseSettings
        Of set, reset and readings.
    """

    summary: ClassVar[str] = "M2: hysteresis, set and reset, on/off ratio"

    cycles: Annotated[int, Field(ge=1, le=10_000)] = 3
    top: Annotated[Volt, Field(gt=0)] = 0.8
    bottom: Annotated[Volt, Field(lt=0)] = -0.75
    increment: Annotated[Volt, Field(gt=0)] = 0.01
    stair: Annotated[Second, Field(gt=0, le=10)] = 0.022
    slope_levels: Annotated[tuple[Volt, ...], Field(min_length=2, max_length=100)] = (
        0.3,
        0.35,
        0.4,
        0.45,
    )
    pulses: BinaryPulseSettings = BinaryPulseSettings()

    @model_validator(mode="after")
    def _stair_holds_a_reading(self) -> ResistiveSwitching:
        if self.settling < 0:
            raise ValueError("stair: leaves no time for a reading")
        return self

    @property
    def settling(self) -> float:
        """Wait on each stair before the integration, in s."""
        return self.stair - self.pulses.aperture

    @property
    def levels(self) -> NDArray[np.float64]:
        """Levels of the hysteresis in V, shape (points,)."""
        corners = (0.0, self.top, 0.0, self.bottom, 0.0)
        return staircase(*corners, increment=self.increment)

    @property
    def conditions(self) -> list[tuple[int, int]]:
        """Unit and cycle of each step."""
        return list(product(self.units, range(self.cycles)))

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a unit and cycle."""
        del device
        pulses = self.pulses
        held = pulses.settling + pulses.aperture
        levels = (
            *pulses.switch_levels(on=False),
            *sweep_levels(self.levels, self.stair),
            *pulses.switch_levels(on=True),
            *pulses.switch_levels(on=False),
            *sweep_levels(self.slope_levels, held),
        )
        durations = [
            time for one in levels if one.output == METER for _, time in one.segments
        ]
        return Plan(
            tuple(
                Step(
                    label=f"hysteresis, set and reset of unit {unit}, cycle {cycle}",
                    levels=levels,
                    current=pulses.compliance,
                    compliance=max(GUARD_COMPLIANCE, pulses.compliance),
                    pulses=3,
                    duration=7 * RELAYS + sum(durations),
                )
                for unit, cycle in self.conditions
            )
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the hysteresis."""
        del device
        plot = Plot(
            name="hysteresis",
            title="Current of M2 and the backward diode, by unit and cycle",
            signal=Column("current", "A", "current"),
            axes=(
                Axis(Column("unit", "", "unit"), np.array(self.units)),
                Axis(Column("cycle", "", "cycle"), np.arange(self.cycles)),
                Axis(Column("voltage", "V", "level"), self.levels),
            ),
            errors=False,
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="current",
            readings_axis="voltage",
            plots=(plot,),
            default="hysteresis",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Curves(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Curves(Drawing):
    """The hysteresis by unit and cycle."""

    def __init__(self, protocol: ResistiveSwitching) -> None:
        self._shape = len(protocol.units), protocol.cycles
        self._current = np.full((*self._shape, len(protocol.levels)), np.nan)

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        swept = np.asarray(rows["kind"]) == SWEEP
        current = np.asarray(rows["current"], dtype=np.float64)[swept]
        self._current[np.unravel_index(index, self._shape)] = current
        return {"hysteresis": {"signal": self._current}}


class _Execution(UnitMeasurement):
    def __init__(self, protocol: ResistiveSwitching, bench: ConnectedBench) -> None:
        routes = (("binary", unit) for unit in protocol.units)
        super().__init__(bench, protocol.drawing(), routes)
        self._protocol = protocol

    def measure(self, index: int) -> Block:
        protocol, pulses = self._protocol, self._protocol.pulses
        unit, cycle = protocol.conditions[index]
        # Whatever was before: the hysteresis begins at high resistance.
        self.switch(unit, pulses, on=False)
        self.route_binary(unit, pulses, pulses.compliance)
        swept = self.meter.sweep(protocol.levels, protocol.settling)
        on = self.switch(unit, pulses, on=True)
        off = self.switch(unit, pulses, on=False)
        slope = self.sweep(np.array(protocol.slope_levels), pulses.settling)
        one = np.array([pulses.read_voltage])
        parts: list[tuple[int, Array, Array, Array]] = [
            (SWEEP, swept.time, swept.voltage, swept.current),
            (SET, np.zeros(1), one, np.array([on])),
            (RESET, np.zeros(1), one, np.array([off])),
            (HIGH_RESISTANCE, slope.time, slope.voltage, slope.current),
        ]
        count = sum(len(time) for _, time, _, _ in parts)
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "unit": np.full(count, unit, dtype=np.int32),
            "cycle": np.full(count, cycle, dtype=np.int32),
            "kind": np.concatenate(
                [np.full(len(time), kind, dtype=np.int32) for kind, time, _, _ in parts]
            ),
            "time": np.concatenate([time for _, time, _, _ in parts]),
            "voltage": np.concatenate([volts for _, _, volts, _ in parts]),
            "current": np.concatenate([amps for _, _, _, amps in parts]),
        }
        return Block(rows, self.drawing.add(index, rows))
