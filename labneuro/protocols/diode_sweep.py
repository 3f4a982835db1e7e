"""Current-voltage curves of the diode D1 of each unit, for I0, n and Rs."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.protocols.base import Block, Drawing, Measurement, Plan, Step
from labneuro.protocols.pcu_units import (
    GUARD_COMPLIANCE,
    LINE_PERIOD,
    RELAYS,
    UnitMeasurement,
    UnitProtocol,
    sweep_levels,
)
from labneuro.units import Ampere, InputModel, Kelvin, Ohm, Second, Volt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "step: one unit in one band", "i4"),
    Column("unit", "", "row and column of the unit", "i4"),
    Column("band", "", "band of the sweep, from 0", "i4"),
    Column("time", "s", "time of the reading since the band's first"),
    Column("voltage", "V", "source level"),
    Column("current", "A", "current"),
)


class Band(InputModel):
    """Part of a sweep that is measured on one range.

    Attributes
    ----------
    start, stop : float
        First and last level in V.
    points : int
        Number of levels.
    current_range : float
        Measuring range in A, and the compliance.
    """

    start: Volt
    stop: Volt
    points: Annotated[int, Field(ge=2, le=10_000)]
    current_range: Annotated[Ampere, Field(gt=0)]

    @property
    def levels(self) -> NDArray[np.float64]:
        """Source levels in V, shape (points,)."""
        levels = np.linspace(self.start, self.stop, self.points)
        return np.asarray(np.round(levels, 9), dtype=np.float64)


_BANDS = (
    Band(start=-0.3, stop=0.2, points=26, current_range=100e-9),
    Band(start=0.22, stop=0.4, points=10, current_range=10e-6),
    Band(start=0.42, stop=0.7, points=15, current_range=1e-3),
)


class DiodeSweep(UnitProtocol):
    """The curve of D1 from configure line 1 to configure line 2, band by band.

    The word line is guarded and the bit line grounded, so that neither M1 nor the rest
    of the array adds to the current.

    Attributes
    ----------
    units : tuple of int
        Row and column of each, such as 23.
    bands : tuple of Band
        Levels and ranges.
    settling : float
        Wait from level to integration in s.
    power_line_cycles : float
        Integration time in power-line cycles.
    lead_resistance : float
        Of paths and source together in ohm, as a shorted path shows it; kept for the
        fit, which takes it off Rs.
    temperature : float
        Of the device in K; kept for the fit, which needs it for n.
    """

    summary: ClassVar[str] = "I-V of each unit's diode; gives I0, n and Rs"

    bands: Annotated[tuple[Band, ...], Field(min_length=1, max_length=20)] = _BANDS
    settling: Annotated[Second, Field(ge=0, le=100)] = 0.02
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 1.0
    lead_resistance: Annotated[Ohm, Field(ge=0)] = 1.01
    temperature: Annotated[Kelvin, Field(gt=0, le=1000)] = 298.15

    @model_validator(mode="after")
    def _levels_differ(self) -> DiodeSweep:
        if len(np.unique(self.levels)) < len(self.levels):
            raise ValueError("bands: a level is in two of them")
        return self

    @property
    def levels(self) -> NDArray[np.float64]:
        """Source levels of all bands in V, shape (points,)."""
        return np.concatenate([band.levels for band in self.bands])

    @property
    def conditions(self) -> list[tuple[int, int]]:
        """Unit and band of each step."""
        return list(product(self.units, range(len(self.bands))))

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a unit and band."""
        del device
        held = self.settling + self.power_line_cycles * LINE_PERIOD
        return Plan(
            tuple(
                Step(
                    label=f"diode of unit {unit}, band {number}",
                    levels=sweep_levels(self.bands[number].levels, held),
                    current=self.bands[number].current_range,
                    compliance=max(GUARD_COMPLIANCE, self.bands[number].current_range),
                    pulses=0,
                    duration=RELAYS + held * self.bands[number].points,
                )
                for unit, number in self.conditions
            )
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the curves."""
        del device
        plot = Plot(
            name="diodes",
            title="Current against voltage of each unit's diode",
            signal=Column("current", "A", "current"),
            axes=(
                Axis(Column("unit", "", "unit"), np.array(self.units)),
                Axis(Column("voltage", "V", "source level"), self.levels),
            ),
            errors=False,
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="current",
            readings_axis="voltage",
            plots=(plot,),
            default="diodes",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Curves(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Curves(Drawing):
    """Current by unit and voltage."""

    def __init__(self, protocol: DiodeSweep) -> None:
        self._conditions = protocol.conditions
        self._units = protocol.units
        ends = np.cumsum([band.points for band in protocol.bands])
        starts = [0, *ends[:-1]]
        self._parts = [slice(*ends_of) for ends_of in zip(starts, ends, strict=True)]
        self._current = np.full((len(self._units), int(ends[-1])), np.nan)

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        unit, band = self._conditions[index]
        place = self._units.index(unit), self._parts[band]
        self._current[place] = np.asarray(rows["current"], dtype=np.float64)
        return {"diodes": {"signal": self._current}}


class _Execution(UnitMeasurement):
    def __init__(self, protocol: DiodeSweep, bench: ConnectedBench) -> None:
        routes = (("forward", unit) for unit in protocol.units)
        super().__init__(bench, protocol.drawing(), routes)
        self._protocol = protocol

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        unit, number = protocol.conditions[index]
        band = protocol.bands[number]
        self.route(
            "forward",
            unit,
            current_range=band.current_range,
            power_line_cycles=protocol.power_line_cycles,
        )
        found = self.sweep(band.levels, protocol.settling)
        count = len(found.current)
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "unit": np.full(count, unit, dtype=np.int32),
            "band": np.full(count, number, dtype=np.int32),
            "time": found.time,
            "voltage": found.voltage,
            "current": found.current,
        }
        return Block(rows, self.drawing.add(index, rows))
