"""Two synapses on a neuron board learn in place, and are read between the trains."""

from __future__ import annotations

import math
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
from labneuro.protocols.board_captures import (
    EXTERNAL,
    TIME,
    BoardCaptures,
    ClockedTrain,
    SeenNode,
    check_nodes,
    node_columns,
)
from labneuro.units import Ampere, InputModel, Second, Volt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

    Rows = Mapping[str, NDArray[np.generic]]
    Channels = tuple[str, ...]

_COMMON = (
    Column("step", "", "step: a train and the readings after it", "i4"),
    Column("pulses", "", "input pulses up to the end of this train", "i4"),
    Column("synapse", "", "synapse that was read, 0 in points of a waveform", "i4"),
    TIME,
    Column("current", "A", "current of a reading, NaN in points of a waveform"),
    Column("conductance", "S", "conductance of a reading, NaN in points"),
)
_SYNAPSES = (1, 2)
_LINE_PERIOD = 0.02  # s, the longer of the two
_SWITCHING = 0.05  # s that relays and messages take before a reading
_SAME = 0.05  # relative difference of conductances that counts as none


class Relays(InputModel):
    """Channels of the switch matrix that are closed; all others are open.

    Attributes
    ----------
    learning : tuple of str
        Input 1 at the generator, input 2 at ground.
    first, second : tuple of str
        Node 1 at the source meter and one input at ground.
    """

    learning: tuple[str, ...] = ("1302", "1203")
    first: tuple[str, ...] = ("1101", "1202")
    second: tuple[str, ...] = ("1101", "1203")

    def reading(self, synapse: int) -> tuple[str, ...]:
        """Return the channels with which a synapse, 1 or 2, is read."""
        return self.first if synapse == _SYNAPSES[0] else self.second


class SynapseReading(InputModel):
    """How a synapse is read.

    Attributes
    ----------
    voltage : float
        At node 1, in V; too small to do anything to a synapse or to the neuron.
    count : int
        Readings of each synapse.
    current_range : float
        Measuring range in A, and the compliance.
    power_line_cycles : float
        Integration time in power-line cycles.
    settling : float
        Wait before each integration, in s.
    """

    voltage: Annotated[Volt, Field(gt=0, le=0.5)] = 0.2
    count: Annotated[int, Field(ge=1, le=1000)] = 5
    current_range: Annotated[Ampere, Field(gt=0)] = 1e-3
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 0.1
    settling: Annotated[Second, Field(ge=0, le=10)] = 1e-3

    @property
    def level(self) -> tuple[float, float]:
        """Level and duration of one reading."""
        return self.voltage, self.settling + self.power_line_cycles * _LINE_PERIOD


class SynapseLearning(MeasurementProtocol):
    """Trains at input 1 with input 2 at ground; both synapses are read in between.

    The first step only reads. Within a train the board programs its synapses by itself:
    depression while node 1 is lifted after a firing, potentiation while it is grounded.

    Attributes
    ----------
    amplitude : float
        Of the pulses at input 1 in V, at the open output.
    trains : int
        Trains, each followed by readings.
    train : ClockedTrain
        Clock and pulses of a train.
    nodes : dict of str to SeenNode
        Nodes that the oscilloscope sees; ``spike`` must be among them.
    trigger : str
        The oscilloscope's channel that sees the clock, or ``external``.
    spike_level : float
        A spike is above this, in V.
    relays : Relays
        What the switch matrix closes to learn and to read.
    reading : SynapseReading
        How a synapse is read.
    """

    summary: ClassVar[str] = "two synapses on a neuron board learn in place"
    device_models: ClassVar[tuple[str, ...]] = ("learning_board",)

    amplitude: Annotated[Volt, Field(gt=0)] = 1.9
    trains: Annotated[int, Field(ge=1, le=1000)] = 4
    train: ClockedTrain = ClockedTrain(quiet=10, pulses=40)
    nodes: Annotated[dict[str, SeenNode], Field(min_length=1, max_length=8)] = Field(
        default={
            "input_1": SeenNode(channel="ch1"),
            "node_1": SeenNode(channel="ch2"),
            "node_2": SeenNode(channel="ch3"),
            "spike": SeenNode(channel="ch4"),
        }
    )
    trigger: str = EXTERNAL
    spike_level: Annotated[Volt, Field(gt=0)] = 0.75
    relays: Relays = Relays()
    reading: SynapseReading = SynapseReading()

    @model_validator(mode="after")
    def _nodes_can_be_told(self) -> SynapseLearning:
        check_nodes(self.nodes, {})
        if "spike" not in self.nodes:
            raise ValueError("nodes: 'spike' is missing")
        return self

    @property
    def reads(self) -> Step:
        """The readings of both synapses, nothing else."""
        one = self.reading
        return Step(
            label="reading of both synapses",
            levels=(Levels(METER, (one.level,), len(_SYNAPSES) * one.count),),
            current=one.current_range,
            compliance=one.current_range,
            pulses=0,
            duration=len(_SYNAPSES) * (one.count * one.level[1] + _SWITCHING),
        )

    def prologue(self, device: DeviceConfig) -> tuple[Step, ...]:
        """Return the readings that tell whether a resumed run's device is the same."""
        del device
        return (self.reads,)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return the readings, then one step a train."""
        del device
        first = self.reads
        step = Step(
            label=f"{self.train.pulses} pulses of {self.amplitude:g} V, readings",
            levels=(*self.train.levels(self.amplitude), *first.levels),
            current=first.current,
            compliance=first.compliance,
            pulses=self.train.pulses,
            duration=self.train.duration + first.duration,
        )
        return Plan((first, *(step,) * self.trains))

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return waveforms and readings in one table, conductances as a plot."""
        del device
        pulses = np.arange(self.trains + 1.0) * self.train.pulses
        plot = Plot(
            name="learning",
            title="Conductances after each train",
            signal=Column("conductance", "S", "conductance at the reading voltage"),
            axes=(
                Axis(Column("synapse", "", "synapse"), np.array(_SYNAPSES, float)),
                Axis(Column("pulses", "", "input pulses"), pulses),
            ),
            errors=True,
            further=(Column("spikes", "", "spikes of the train"),),
        )
        return RunLayout(
            readings=(*_COMMON, *node_columns(self.nodes)),
            readings_signal="conductance",
            readings_axis="pulses",
            plots=(plot,),
            default="learning",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Learning(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Learning(Drawing):
    """Conductance of both synapses after each train."""

    def __init__(self, protocol: SynapseLearning) -> None:
        self._level = protocol.spike_level
        shape = len(_SYNAPSES), protocol.trains + 1
        names = ("signal", "errors", "spikes")
        self._plot = {name: np.full(shape, np.nan) for name in names}

    def add(
        self, index: int, rows: Rows
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        synapse = np.asarray(rows["synapse"])
        found = np.asarray(rows["conductance"], dtype=np.float64)
        spike = np.asarray(rows["spike"], dtype=np.float64)
        above = spike[synapse == 0] > self._level
        self._plot["spikes"][:, index] = np.count_nonzero(above[1:] & ~above[:-1])
        for place, number in enumerate(_SYNAPSES):
            values = found[synapse == number]
            self._plot["signal"][place, index] = values.mean()
            if len(values) > 1:
                error = values.std(ddof=1) / math.sqrt(len(values))
                self._plot["errors"][place, index] = error
        return {"learning": self._plot}


class _Execution(Measurement):
    def __init__(self, protocol: SynapseLearning, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._meter, self._matrix = bench.source_meter, bench.switch_matrix
        self._captures = BoardCaptures(
            protocol.train, bench, protocol.nodes, {}, protocol.trigger
        )
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        reading = self._protocol.reading
        self._matrix.connect(())
        self._meter.configure(
            compliance_current=reading.current_range,
            current_range=reading.current_range,
            power_line_cycles=reading.power_line_cycles,
        )
        self._meter.output_on()
        self._captures.prepare(self._protocol.amplitude)

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        parts: list[dict[str, NDArray[np.float64]]] = []
        if index:
            self._matrix.connect(protocol.relays.learning)
            parts.append(self._captures.play(protocol.amplitude))
        parts += [self._read(number) for number in _SYNAPSES]
        rows: dict[str, NDArray[np.generic]] = {}
        for column in (*_COMMON, *node_columns(protocol.nodes)):
            fill = 0.0 if column.name == "synapse" else math.nan
            values = [
                part.get(column.name, np.full(_length(part), fill)) for part in parts
            ]
            if column.name in {"step", "pulses"}:
                told = index * (1 if column.name == "step" else protocol.train.pulses)
                values = [np.full(_length(part), told) for part in parts]
            rows[column.name] = np.concatenate(values).astype(column.storage)
        return Block(rows, self._drawing.add(index, rows))

    def _read(self, number: int) -> dict[str, NDArray[np.float64]]:
        """Read a synapse from node 1 while the other one's input is open."""
        protocol = self._protocol
        reading = protocol.reading
        self._matrix.connect(protocol.relays.reading(number))
        levels = np.full(reading.count, reading.voltage)
        found = self._meter.sweep(levels, reading.settling)
        self._matrix.connect(())
        if found.in_compliance or not np.isfinite(found.current).all():
            raise InstrumentError(
                f"synapse {number}: the current left its range; raise "
                "reading.current_range"
            )
        return {
            "synapse": np.full(reading.count, float(number)),
            "current": found.current,
            "conductance": found.current / reading.voltage,
        }

    def restore(self, steps: Sequence[Rows]) -> str:
        """Draw what has been measured; the synapses must be as they were left."""
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        if not steps:
            return ""
        rows = steps[-1]
        for number in _SYNAPSES:
            there = np.asarray(rows["synapse"]) == number
            before = float(np.asarray(rows["conductance"], float)[there].mean())
            now = float(self._read(number)["conductance"].mean())
            if abs(now - before) > _SAME * before:
                raise InstrumentError(
                    f"synapse {number} has {now:.4g} S and was left at {before:.4g} S: "
                    "what it has learned is gone; begin a new run"
                )
        return "both synapses are as they were left"


def _length(part: Mapping[str, NDArray[np.float64]]) -> int:
    return len(next(iter(part.values())))
