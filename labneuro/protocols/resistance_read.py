"""Small-signal resistance: a current-voltage sweep inside the linear range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.errors import InstrumentError
from labneuro.instruments.roles import Waveform
from labneuro.instruments.stress import METER, Levels
from labneuro.protocols.base import (
    Block,
    Drawing,
    Measurement,
    MeasurementProtocol,
    Plan,
    Step,
)
from labneuro.units import Ampere, Second, Volt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_READINGS = (
    Column("step", "", "sweep", "i4"),
    Column("time", "s", "time of the reading since the sweep's first"),
    Column("voltage", "V", "source level"),
    Column("current", "A", "current"),
)
_REST = Waveform(((0.0, 1e-3),))


class ResistanceRead(MeasurementProtocol):
    """Current-voltage sweeps whose linear fit is the resistance.

    Attributes
    ----------
    voltage : float
        The sweep goes from minus this to plus this, in V.
    points : int
        Points of a sweep.
    sweeps : int
        Repetitions.
    current_range : float
        Measuring range in A.
    power_line_cycles : float
        Integration time in power-line cycles.
    settling : float
        Wait from level to integration in s.
    """

    summary: ClassVar[str] = "small-signal I-V sweep; its slope is the resistance"

    voltage: Annotated[Volt, Field(ge=1e-6, le=0.1)] = 0.1
    points: Annotated[int, Field(ge=3, le=10_000)] = 21
    sweeps: Annotated[int, Field(ge=1, le=1000)] = 5
    current_range: Annotated[Ampere, Field(gt=0)] = 10e-6
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 1.0
    settling: Annotated[Second, Field(ge=0, le=3600)] = 2e-3

    @property
    def levels(self) -> NDArray[np.float64]:
        """Source levels of a sweep in V, shape (points,)."""
        levels = np.linspace(-self.voltage, self.voltage, self.points)
        return np.asarray(np.round(levels, 9), dtype=np.float64)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a sweep."""
        del device
        one = self.settling + self.power_line_cycles / 50.0
        step = Step(
            label=f"I-V sweep of {self.points} points",
            levels=(
                Levels(METER, tuple((float(level), one) for level in self.levels)),
            ),
            current=self.current_range,
            compliance=self.current_range,
            pulses=0,
            duration=one * self.points,
        )
        return Plan((step,) * self.sweeps)

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the mean current-voltage curve."""
        del device
        curve = Plot(
            name="current_voltage",
            title="Current-voltage curve, mean of the sweeps",
            signal=Column("current", "A", "current"),
            axes=(Axis(Column("voltage", "V", "voltage"), self.levels),),
        )
        return RunLayout(
            readings=_READINGS,
            readings_signal="current",
            readings_axis="time",
            plots=(curve,),
            default="current_voltage",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Curve(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Curve(Drawing):
    """The mean of the sweeps and its standard error."""

    def __init__(self, protocol: ResistanceRead) -> None:
        self._voltage = protocol.levels
        self._currents: list[NDArray[np.float64]] = []

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        del index
        self._currents.append(np.asarray(rows["current"], dtype=np.float64))
        stack = np.array(self._currents)
        errors = np.full(stack.shape[1], np.nan)
        if len(stack) > 1:
            errors = stack.std(axis=0, ddof=1) / np.sqrt(len(stack))
        return {"current_voltage": {"signal": stack.mean(axis=0), "errors": errors}}


class _Execution(Measurement):
    def __init__(self, protocol: ResistanceRead, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._bench = bench
        self._source_meter = bench.source_meter
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        self._source_meter.configure(
            compliance_current=self._protocol.current_range,
            current_range=self._protocol.current_range,
            power_line_cycles=self._protocol.power_line_cycles,
        )
        if "pulse_generator" in self._bench.roles:
            # An output that is off is open: the device's other electrode would float.
            self._bench.pulse_generator.load(_REST)
            self._bench.pulse_generator.output_on()
        self._source_meter.output_on()

    def measure(self, index: int) -> Block:
        readings = self._source_meter.sweep(
            self._protocol.levels, self._protocol.settling
        )
        if np.isnan(readings.current).any() or readings.in_compliance:
            raise InstrumentError(
                "a reading overflowed its range or was limited; raise current_range"
            )
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(len(readings.current), index, dtype=np.int32),
            "time": readings.time,
            "voltage": readings.voltage,
            "current": readings.current,
        }
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return ""
