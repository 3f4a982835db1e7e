"""Voltage pulses and what an oscilloscope sees of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.instruments.roles import ScopeTrigger, VerticalScale, Waveform
from labneuro.instruments.stress import GENERATOR, Levels
from labneuro.protocols.base import (
    Block,
    Drawing,
    Measurement,
    MeasurementProtocol,
    Plan,
    Step,
)
from labneuro.units import InputModel, Second, Volt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

_ROW_COLUMNS = (
    Column("step", "", "capture", "i4"),
    Column("time", "s", "time from the trigger"),
)
_TRIGGER_SHARE = 0.5  # of the amplitude
_PATIENCE = 1.0  # s beyond the length of a capture


class ScopeChannel(InputModel):
    """What the screen shows of one channel.

    Attributes
    ----------
    range : float
        Full height of the screen in V.
    offset : float
        Voltage at its centre in V.
    """

    range: Annotated[Volt, Field(gt=0)]
    offset: Volt = 0.0


class PulseCapture(MeasurementProtocol):
    """Pulse trains, each played once and captured by an oscilloscope.

    Attributes
    ----------
    amplitude : float
        Level of a pulse in V, at the open output.
    width : float
        Length of a pulse in s.
    gap : float
        Pause after each pulse, in s.
    pulses : int
        Pulses of a train.
    captures : int
        How often the train is played.
    channels : dict of str to ScopeChannel
        What the oscilloscope captures; the trigger is the first channel's edge at half
        the amplitude.
    before : float
        What a capture shows before the train begins, in s.
    after : float
        What it shows after the train's end, in s; the next train does not begin before,
        so this is what the device has to relax.
    points : int
        Points of the plot, onto which each capture is interpolated; the readings keep
        every point of the instrument.
    """

    summary: ClassVar[str] = "pulse trains captured by an oscilloscope"

    amplitude: Volt = 1.0
    width: Annotated[Second, Field(gt=0)] = 1e-3
    gap: Annotated[Second, Field(gt=0)] = 1e-3
    pulses: Annotated[int, Field(ge=1, le=1000)] = 1
    captures: Annotated[int, Field(ge=1, le=10_000)] = 1
    channels: dict[str, ScopeChannel] = Field(
        default={"ch1": ScopeChannel(range=4.0)}, min_length=1, max_length=4
    )
    before: Annotated[Second, Field(gt=0)] = 100e-6
    after: Annotated[Second, Field(gt=0)] = 1e-3
    points: Annotated[int, Field(ge=2, le=100_000)] = 2000

    @model_validator(mode="after")
    def _something_to_trigger_on(self) -> PulseCapture:
        if self.amplitude == 0.0:
            raise ValueError("amplitude: must not be 0 V: nothing would trigger")
        return self

    @property
    def waveform(self) -> Waveform:
        """The train."""
        return Waveform(((self.amplitude, self.width), (0.0, self.gap)) * self.pulses)

    @property
    def duration(self) -> float:
        """Length of a capture in s."""
        return self.before + self.waveform.duration + self.after

    @property
    def grid(self) -> NDArray[np.float64]:
        """Time axis of the plot in s from the trigger, shape (points,)."""
        return np.linspace(-self.before, self.duration - self.before, self.points)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a capture."""
        del device
        step = Step(
            label=f"capture of {self.pulses} pulses",
            levels=(
                Levels(
                    GENERATOR,
                    ((self.amplitude, self.width), (0.0, self.gap)),
                    self.pulses,
                ),
            ),
            current=0.0,
            pulses=self.pulses,
            duration=self.duration,
        )
        return Plan((step,) * self.captures)

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the readings table and the captures on a common time axis."""
        del device
        voltages = tuple(
            Column(f"voltage_{name}", "V", f"voltage at {name}")
            for name in self.channels
        )
        captures = np.arange(self.captures, dtype=np.float64)
        plot = Plot(
            name="captures",
            title="Voltages seen by the oscilloscope",
            signal=voltages[0],
            axes=(
                Axis(Column("capture", "", "capture"), captures),
                Axis(Column("time", "s", "time from the trigger"), self.grid),
            ),
            errors=False,
            further=voltages[1:],
        )
        return RunLayout(
            readings=(*_ROW_COLUMNS, *voltages),
            readings_signal=voltages[0].name,
            readings_axis="time",
            plots=(plot,),
            default="captures",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Captures(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Captures(Drawing):
    """Each capture on the common time axis."""

    def __init__(self, protocol: PulseCapture) -> None:
        self._names = tuple(protocol.channels)
        self._grid = protocol.grid
        shape = (protocol.captures, protocol.points)
        self._plot = {self._key(name): np.full(shape, np.nan) for name in self._names}

    def _key(self, name: str) -> str:
        return "signal" if name == self._names[0] else f"voltage_{name}"

    def add(
        self, index: int, rows: Mapping[str, NDArray[np.generic]]
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        time = np.asarray(rows["time"], dtype=np.float64)
        for name in self._names:
            volts = np.asarray(rows[f"voltage_{name}"], dtype=np.float64)
            seen = np.interp(self._grid, time, volts, np.nan, np.nan)
            self._plot[self._key(name)][index] = seen
        return {"captures": self._plot}


class _Execution(Measurement):
    def __init__(self, protocol: PulseCapture, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._generator = bench.pulse_generator
        self._oscilloscope = bench.oscilloscope
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        protocol = self._protocol
        channels = {
            name: VerticalScale(one.range, one.offset)
            for name, one in protocol.channels.items()
        }
        trigger = ScopeTrigger(
            source=next(iter(channels)),
            level=_TRIGGER_SHARE * protocol.amplitude,
            rising=protocol.amplitude > 0.0,
        )
        self._oscilloscope.configure(
            channels,
            duration=protocol.duration,
            before_trigger=protocol.before,
            trigger=trigger,
        )
        self._generator.load(protocol.waveform)
        self._generator.output_on()

    def measure(self, index: int) -> Block:
        self._oscilloscope.arm()
        self._generator.fire()
        self._oscilloscope.wait(self._protocol.duration + _PATIENCE)
        capture = self._oscilloscope.fetch()
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(len(capture.time), index, dtype=np.int32),
            "time": capture.time,
        }
        for name, volts in capture.voltage.items():
            rows[f"voltage_{name}"] = volts
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Mapping[str, NDArray[np.generic]]]) -> str:
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return ""
