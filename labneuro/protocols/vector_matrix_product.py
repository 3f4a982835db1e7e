"""Vector-matrix product: a line of three units with a thousand vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.pcu_units import (
    GUARD_COMPLIANCE,
    LINE_PERIOD,
    RELAYS,
    StepPulseSettings,
    UnitMeasurement,
    UnitProtocol,
    sweep_levels,
)
from labneuro.units import Ampere, Second, Siemens, Volt, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

    Array = NDArray[np.float64]

_READINGS = (
    Column("step", "", "step: one weight with all vectors", "i4"),
    Column("unit", "", "row and column of the unit", "i4"),
    Column("vector", "", "number of the vector, from 0", "i4"),
    Column("target", "S", "weight that the unit was programmed to"),
    Column("conductance", "S", "weight as read after programming"),
    Column("time", "s", "time of the reading since the first"),
    Column("voltage", "V", "element of the vector"),
    Column("current", "A", "current into configure line 1"),
)


class VectorMatrixProduct(UnitProtocol):
    """Weights in M1 of three units; each is driven with its element of every vector.

    The source meter drives one word line at a time, so the currents of a line's units
    are added by computation. They are read at configure line 1: behind D1 a product
    would not be linear at voltages that leave M1 alone.

    Attributes
    ----------
    units : tuple of int
        The line's units: row and column of each, such as 23.
    weights : tuple of float
        Conductances in S, one a unit.
    vectors : int
        Number of vectors.
    highest : float
        Voltage of the largest element in V; elements are uniform from 0 to it.
    seed : int
        Of the vectors.
    dead_zone : float
        Voltage in V beyond which M1 moves, for the warning alone.
    current_range : float
        Measuring range in A, and the compliance.
    settling : float
        Wait from level to integration in s.
    power_line_cycles : float
        Integration time in power-line cycles.
    step_pulses : StepPulseSettings
        How the weights are programmed.
    """

    summary: ClassVar[str] = "1x3 by 3x1000 product with weights in M1"

    units: Annotated[tuple[int, ...], Field(min_length=1, max_length=9)] = (12, 22, 32)
    weights: Annotated[
        tuple[Annotated[Siemens, Field(gt=0)], ...], Field(min_length=1, max_length=9)
    ] = (100e-6, 200e-6, 400e-6)
    vectors: Annotated[int, Field(ge=1, le=20_000)] = 1000
    highest: Annotated[Volt, Field(gt=0)] = 0.1
    seed: Annotated[int, Field(ge=0)] = 0
    dead_zone: Annotated[Volt, Field(gt=0)] = 0.15
    current_range: Annotated[Ampere, Field(gt=0)] = 100e-6
    settling: Annotated[Second, Field(ge=0, le=10)] = 1e-3
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 0.1
    step_pulses: StepPulseSettings = StepPulseSettings(tolerance=0.005)

    @model_validator(mode="after")
    def _one_weight_a_unit(self) -> VectorMatrixProduct:
        if len(self.weights) != len(self.units):
            raise ValueError(
                f"weights: {len(self.weights)} for {len(self.units)} units"
            )
        return self

    @property
    def elements(self) -> Array:
        """Elements of the vectors in V, shape (vectors, units)."""
        generator = np.random.default_rng(self.seed)
        shape = self.vectors, len(self.units)
        return np.round(self.highest * generator.random(shape), 5)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a weight."""
        del device
        held = self.settling + self.power_line_cycles * LINE_PERIOD
        steps = []
        for number, (unit, weight) in enumerate(
            zip(self.units, self.weights, strict=True)
        ):
            pulses = self.step_pulses.step("", weight)
            levels = sweep_levels(self.elements[:, number], held)
            steps.append(
                Step(
                    label=f"unit {unit} at {weight:g} S with {self.vectors} elements",
                    levels=(*pulses.levels, *levels),
                    current=max(pulses.current, self.current_range),
                    compliance=max(GUARD_COMPLIANCE, pulses.compliance),
                    pulses=pulses.pulses,
                    duration=pulses.duration + RELAYS + held * self.vectors,
                )
            )
        warnings: tuple[str, ...] = ()
        if self.highest > self.dead_zone:
            warnings = (
                f"elements up to {show(self.highest, 'V')} reprogram M1, which leaves "
                f"its dead zone at {show(self.dead_zone, 'V')}",
            )
        return Plan(tuple(steps), warnings=warnings)

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the sums."""
        del device
        plot = Plot(
            name="products",
            title="Sum of the units' currents, vector by vector",
            signal=Column("current", "A", "sum of the currents"),
            axes=(Axis(Column("vector", "", "vector"), np.arange(self.vectors)),),
            errors=False,
            further=(Column("ideal", "A", "sum of target times element"),),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="current",
            readings_axis="voltage",
            plots=(plot,),
            default="products",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Sums(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Sums(Drawing):
    """Sums of the currents; NaN until all weights are measured."""

    def __init__(self, protocol: VectorMatrixProduct) -> None:
        self._current = np.full((protocol.vectors, len(protocol.units)), np.nan)
        self._ideal = protocol.elements @ np.array(protocol.weights)

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, Array]]:
        self._current[:, index] = np.asarray(rows["current"], dtype=np.float64)
        return {"products": {"signal": self._current.sum(axis=1), "ideal": self._ideal}}


class _Execution(UnitMeasurement):
    def __init__(self, protocol: VectorMatrixProduct, bench: ConnectedBench) -> None:
        routes = (("multistate", unit) for unit in protocol.units)
        super().__init__(bench, protocol.drawing(), routes)
        self._protocol = protocol

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        unit, weight = protocol.units[index], protocol.weights[index]
        programmed = self.program(unit, weight, protocol.step_pulses)
        self.route(
            "multistate",
            unit,
            current_range=protocol.current_range,
            power_line_cycles=protocol.power_line_cycles,
        )
        found = self.sweep(protocol.elements[:, index], protocol.settling)
        count = len(found.current)
        read = programmed.current[-1] / protocol.step_pulses.read_voltage
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "unit": np.full(count, unit, dtype=np.int32),
            "vector": np.arange(count, dtype=np.int32),
            "target": np.full(count, weight),
            "conductance": np.full(count, read),
            "time": found.time,
            "voltage": found.voltage,
            "current": found.current,
        }
        return Block(rows, self.drawing.add(index, rows))
