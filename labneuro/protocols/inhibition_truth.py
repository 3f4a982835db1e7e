"""The truth table of a lateral-inhibition array: which rows are high, which gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.errors import InstrumentError
from labneuro.instruments.roles import ScopeTrigger, Waveform
from labneuro.instruments.stress import GENERATOR, Levels
from labneuro.protocols.base import (
    Block,
    Drawing,
    Measurement,
    MeasurementProtocol,
    Plan,
    Step,
)
from labneuro.protocols.board_captures import EXTERNAL, SeenNode
from labneuro.units import Second, Volt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

    Rows = Mapping[str, NDArray[np.generic]]

_SWITCHING = 0.1  # s that the relays and messages of a condition take
_PATIENCE = 10.0  # s beyond the length of a capture
_EDGE = 0.1  # of the pulse, at each end, left out of its mean
_DRIVEN = "driven"
_COMMON = (
    Column("step", "", "step: one input condition", "i4"),
    Column("condition", "", "input condition: its number in the list", "i4"),
    Column("time", "s", "time from the pulse's rise"),
    Column(_DRIVEN, "V", "voltage of the rows that are driven", "f4"),
)
_FIRST = {
    f"output_{k:02d}": SeenNode(channel=f"ch{k}", offset=1.5) for k in range(1, 5)
}
_SECOND = {
    _DRIVEN: SeenNode(channel="a"),
    **{
        f"output_{k:02d}": SeenNode(channel=name, offset=1.5)
        for k, name in enumerate("bcdefg", 5)
    },
}


class InhibitionTruth(MeasurementProtocol):
    """One pulse at the driven rows for each input condition; all outputs are seen.

    The rows that a condition names are joined to the generator by relays, all others
    to ground.

    Attributes
    ----------
    conditions : tuple of tuple of int
        Rows that are driven together, from 1; an empty one: nobody has fired.
    amplitude : float
        Of the pulse in V, at the open output: the array loads it.
    width : float
        Length of the pulse in s.
    margin : float
        What a capture shows before and after the pulse, in s.
    high_level : float
        An output above this is high, in V.
    driven_row : int
        Row of the switch matrix at the generator; its columns are the array's rows.
    ground_row : int
        Row of the switch matrix at ground.
    slot : int
        Of the switch matrix.
    nodes : dict of str to SeenNode
        Outputs that the oscilloscope sees.
    second_nodes : dict of str to SeenNode
        Outputs that the second oscilloscope sees; ``driven`` is the generator, on which
        it triggers.
    trigger : str
        The first oscilloscope's channel that sees the pulse, or ``external``.
    points : int
        Points of each capture that are kept.
    """

    summary: ClassVar[str] = "truth table of a lateral-inhibition array"
    device_models: ClassVar[tuple[str, ...]] = ("lateral_inhibition",)

    conditions: Annotated[
        tuple[tuple[Annotated[int, Field(ge=1, le=16)], ...], ...],
        Field(min_length=1, max_length=1000),
    ] = ((), *((k,) for k in range(1, 11)))
    amplitude: Annotated[Volt, Field(gt=0)] = 2.1
    width: Annotated[Second, Field(gt=0)] = 250e-6
    margin: Annotated[Second, Field(gt=0)] = 25e-6
    high_level: Annotated[Volt, Field(gt=0)] = 1.5
    driven_row: Annotated[int, Field(ge=1, le=6)] = 1
    ground_row: Annotated[int, Field(ge=1, le=6)] = 2
    slot: Annotated[int, Field(ge=1, le=6)] = 1
    nodes: dict[str, SeenNode] = Field(default=_FIRST, min_length=1, max_length=8)
    second_nodes: dict[str, SeenNode] = Field(
        default=_SECOND, min_length=1, max_length=8
    )
    trigger: str = EXTERNAL
    points: Annotated[int, Field(ge=20, le=20_000)] = 400

    @model_validator(mode="after")
    def _fits(self) -> InhibitionTruth:
        if _DRIVEN not in self.second_nodes:
            raise ValueError(f"second_nodes: {_DRIVEN!r} is missing; it triggers there")
        twice = sorted(set(self.nodes) & set(self.second_nodes))
        if twice:
            raise ValueError(f"second_nodes: {twice[0]!r} is among nodes, too")
        rows = len(self.outputs)
        for condition in self.conditions:
            if any(row > rows for row in condition):
                raise ValueError(
                    f"conditions: row {max(condition)} is none of the {rows} that have "
                    "an output"
                )
        if self.driven_row == self.ground_row:
            raise ValueError("ground_row: must be another row than driven_row")
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs, in the order of the rows."""
        names = {*self.nodes, *self.second_nodes} - {_DRIVEN}
        return tuple(sorted(names))

    @property
    def duration(self) -> float:
        """Length of a capture in s."""
        return self.width + 2.0 * self.margin

    @property
    def grid(self) -> NDArray[np.float64]:
        """Times that are kept, from the pulse's rise, in s, shape (points,)."""
        # A little inside: the first and the last sample of a scope lie there.
        return np.linspace(
            -0.9 * self.margin, self.width + 0.9 * self.margin, self.points
        )

    @property
    def within(self) -> NDArray[np.bool_]:
        """Which of these times lie well inside the pulse."""
        share = self.grid / self.width
        return (share > _EDGE) & (share < 1.0 - _EDGE)

    def relays(self, condition: Sequence[int]) -> tuple[str, ...]:
        """Return the channels that a condition closes."""
        return tuple(
            f"{self.slot}{self.driven_row if row in condition else self.ground_row}"
            f"{row:02d}"
            for row in range(1, len(self.outputs) + 1)
        )

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a condition."""
        del device
        levels = (Levels(GENERATOR, ((self.amplitude, self.width),)),)
        return Plan(
            tuple(
                Step(
                    label=f"rows {', '.join(map(str, one)) or 'none'} high",
                    levels=levels,
                    current=0.0,
                    pulses=1,
                    duration=self.duration + _SWITCHING,
                )
                for one in self.conditions
            )
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the waveforms and the table of levels."""
        del device
        conditions = np.arange(1.0, len(self.conditions) + 1.0)
        outputs = np.arange(1.0, len(self.outputs) + 1.0)
        plot = Plot(
            name="truth",
            title="Outputs during the pulse by input condition",
            signal=Column("level", "V", "mean output during the pulse"),
            axes=(
                Axis(Column("condition", "", "input condition"), conditions),
                Axis(Column("output", "", "output"), outputs),
            ),
            errors=False,
            further=(
                Column("high", "", "1 high, 0 low"),
                Column("row", "V", "mean voltage of the driven rows"),
            ),
        )
        volts = tuple(
            Column(name, "V", f"voltage of {name.replace('_', ' ')}", "f4")
            for name in self.outputs
        )
        return RunLayout(
            readings=(*_COMMON, *volts),
            readings_signal=self.outputs[0],
            readings_axis="time",
            plots=(plot,),
            default="truth",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Truth(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Truth(Drawing):
    """Mean level of every output by condition."""

    def __init__(self, protocol: InhibitionTruth) -> None:
        self._protocol = protocol
        shape = len(protocol.conditions), len(protocol.outputs)
        self._plot = {
            name: np.full(shape, np.nan) for name in ("signal", "high", "row")
        }

    def add(
        self, index: int, rows: Rows
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        protocol = self._protocol
        within = protocol.within
        for place, name in enumerate(protocol.outputs):
            level = float(np.asarray(rows[name], dtype=np.float64)[within].mean())
            self._plot["signal"][index, place] = level
            self._plot["high"][index, place] = float(level > protocol.high_level)
        row = float(np.asarray(rows[_DRIVEN], dtype=np.float64)[within].mean())
        self._plot["row"][index] = row if protocol.conditions[index] else 0.0
        return {"truth": self._plot}


class _Execution(Measurement):
    def __init__(self, protocol: InhibitionTruth, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._generator, self._matrix = bench.pulse_generator, bench.switch_matrix
        self._seen = (
            (bench.oscilloscope, protocol.nodes, protocol.trigger),
            (
                bench.second_oscilloscope,
                protocol.second_nodes,
                protocol.second_nodes[_DRIVEN].channel,
            ),
        )
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        protocol = self._protocol
        self._matrix.connect(())
        for scope, nodes, source in self._seen:
            scope.configure(
                {one.channel: one.scale for one in nodes.values()},
                duration=protocol.duration,
                before_trigger=protocol.margin,
                trigger=ScopeTrigger(source, 0.25 * protocol.amplitude),
            )
        self._generator.load(Waveform(((protocol.amplitude, protocol.width),)))
        self._generator.output_on()

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        self._matrix.connect(protocol.relays(protocol.conditions[index]))
        for scope, _, _ in self._seen:
            scope.arm()
        self._generator.fire()
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(protocol.points, index, dtype=np.int32),
            "condition": np.full(protocol.points, index + 1, dtype=np.int32),
            "time": protocol.grid,
        }
        for scope, nodes, _ in self._seen:
            scope.wait(protocol.duration + _PATIENCE)
            capture = scope.fetch()
            for name, node in nodes.items():
                if capture.clipped[node.channel]:
                    raise InstrumentError(
                        f"{name!r} left the screen; raise its range or move its offset"
                    )
                volts = np.interp(
                    protocol.grid, capture.time, capture.voltage[node.channel]
                )
                rows[name] = volts.astype(np.float32)
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Rows]) -> str:
        """Draw what has been measured; the array has no memory of a condition."""
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return ""
