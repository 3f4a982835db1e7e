"""A neuron board under clocked pulse trains of several amplitudes, node by node."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.layout import Axis, Column, Plot, RunLayout
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
from labneuro.units import Ohm, Volt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench

    Rows = Mapping[str, NDArray[np.generic]]

_COMMON = (
    Column("step", "", "step: one capture", "i4"),
    Column("amplitude", "V", "amplitude of the input pulses"),
    Column("capture", "", "capture at this amplitude", "i4"),
    TIME,
)
_AMPLITUDE = Column("amplitude", "V", "amplitude of the input pulses")


class NeuronFiring(MeasurementProtocol):
    """Clocked pulse trains at several amplitudes; every node as a waveform.

    Each capture is one train, single-shot on all oscilloscopes at once. Spikes, their
    shapes, refractory times and the frequency curve are in the fit.

    Attributes
    ----------
    amplitudes : tuple of float
        Levels of the input pulses in V, at the open output.
    captures : int
        Trains at each amplitude.
    train : ClockedTrain
        Clock and pulses of a train.
    nodes : dict of str to SeenNode
        Nodes that the oscilloscope sees; ``spike`` must be among them.
    second_nodes : dict of str to SeenNode
        Those that the second oscilloscope sees, ``clock`` among them; none if the bench
        has no second one. ``spike_again`` is the spike once more: both must agree.
    trigger : str
        The oscilloscope's channel that sees the clock, or ``external``.
    spike_level : float
        A spike is above this, in V.
    first_resistance : float
        From input 1 to node 1 in ohm; kept for the fit.
    second_resistance : float
        From input 2 to node 1 in ohm; kept for the fit.
    source_resistance : float
        Of the generator's output, in ohm; kept for the fit.
    points : int
        Points of the plotted waveforms; the readings keep those of the oscilloscope.
    """

    summary: ClassVar[str] = "a neuron board's nodes and spikes against amplitude"
    device_models: ClassVar[tuple[str, ...]] = ("neuron_board",)

    amplitudes: Annotated[
        tuple[Annotated[Volt, Field(gt=0)], ...], Field(min_length=1, max_length=100)
    ] = (1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0)
    captures: Annotated[int, Field(ge=1, le=1000)] = 3
    train: ClockedTrain = ClockedTrain()
    nodes: Annotated[dict[str, SeenNode], Field(min_length=1, max_length=8)] = Field(
        default={
            "input_1": SeenNode(channel="ch1"),
            "node_1": SeenNode(channel="ch2"),
            "node_2": SeenNode(channel="ch3"),
            "spike": SeenNode(channel="ch4"),
        }
    )
    second_nodes: Annotated[dict[str, SeenNode], Field(max_length=8)] = Field(
        default={
            "clock": SeenNode(channel="a"),
            "l1": SeenNode(channel="b"),
            "l2": SeenNode(channel="c"),
            "inhibition": SeenNode(channel="d"),
            "input_2": SeenNode(channel="e"),
            "spike_again": SeenNode(channel="f"),
        }
    )
    trigger: str = EXTERNAL
    spike_level: Annotated[Volt, Field(gt=0)] = 0.75
    first_resistance: Annotated[Ohm, Field(gt=0)] = 10e3
    second_resistance: Annotated[Ohm, Field(gt=0)] = 40e3
    source_resistance: Annotated[Ohm, Field(ge=0)] = 50.0
    points: Annotated[int, Field(ge=10, le=20_000)] = 2000

    @model_validator(mode="after")
    def _nodes_can_be_told(self) -> NeuronFiring:
        check_nodes(self.nodes, self.second_nodes)
        if "spike" not in self.nodes:
            raise ValueError("nodes: 'spike' is missing")
        if self.second_nodes and "clock" not in self.second_nodes:
            raise ValueError("second_nodes: 'clock' is missing; it triggers there")
        return self

    @property
    def grid(self) -> NDArray[np.float64]:
        """Times of the plotted waveforms in s, shape (points,)."""
        return np.linspace(0.0, self.train.duration, self.points)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return one step a capture, amplitude by amplitude."""
        del device
        return Plan(
            tuple(
                Step(
                    label=f"{self.train.pulses} pulses of {amplitude:g} V",
                    levels=self.train.levels(amplitude),
                    current=0.0,
                    pulses=self.train.pulses,
                    duration=self.train.duration,
                )
                for amplitude in self.amplitudes
                for _ in range(self.captures)
            )
        )

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return the waveforms, the spike rates and the first waveforms as a plot."""
        del device
        nodes = node_columns(self.nodes, self.second_nodes)
        drawn = node_columns(self.nodes, self.second_nodes, dtype="f8")
        amplitudes = Axis(_AMPLITUDE, np.array(self.amplitudes))
        captures = np.arange(self.captures, dtype=np.float64)
        rates = Plot(
            name="rates",
            title="Spikes per second of pulses",
            signal=Column("rate", "1/s", "spikes per second of pulses"),
            axes=(amplitudes, Axis(Column("capture", "", "capture"), captures)),
            errors=False,
        )
        waveforms = Plot(
            name="waveforms",
            title="First train of each amplitude",
            signal=drawn[0],
            axes=(amplitudes, Axis(TIME, self.grid)),
            errors=False,
            further=drawn[1:],
        )
        return RunLayout(
            readings=(*_COMMON, *nodes),
            readings_signal="spike",
            readings_axis="time",
            plots=(rates, waveforms),
            default="rates",
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Rates(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return _Execution(self, bench)


class _Rates(Drawing):
    """Spike rates, and the first waveforms of each amplitude."""

    def __init__(self, protocol: NeuronFiring) -> None:
        self._protocol = protocol
        count = len(protocol.amplitudes)
        self._rates = np.full((count, protocol.captures), np.nan)
        names = (*protocol.nodes, *protocol.second_nodes)
        self._waveforms = {
            name: np.full((count, protocol.points), np.nan) for name in names
        }

    def add(
        self, index: int, rows: Rows
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        protocol = self._protocol
        place, capture = divmod(index, protocol.captures)
        spike = np.asarray(rows["spike"], dtype=np.float64)
        above = spike > protocol.spike_level
        spikes = int(np.count_nonzero(above[1:] & ~above[:-1]))
        train = protocol.train
        self._rates[place, capture] = spikes / (train.pulses * train.period)
        if capture == 0:
            time = np.asarray(rows["time"], dtype=np.float64)
            for name, kept in self._waveforms.items():
                volts = np.asarray(rows[name], dtype=np.float64)
                kept[place] = np.interp(protocol.grid, time, volts, math.nan, math.nan)
        first, *others = self._waveforms
        shown = {"signal": self._waveforms[first]}
        shown |= {name: self._waveforms[name] for name in others}
        return {"rates": {"signal": self._rates}, "waveforms": shown}


class _Execution(Measurement):
    def __init__(self, protocol: NeuronFiring, bench: ConnectedBench) -> None:
        self._protocol = protocol
        self._captures = BoardCaptures(
            protocol.train,
            bench,
            protocol.nodes,
            protocol.second_nodes,
            protocol.trigger,
        )
        self._drawing = protocol.drawing()

    def prepare(self) -> None:
        self._captures.prepare(self._protocol.amplitudes[0])

    def measure(self, index: int) -> Block:
        protocol = self._protocol
        place, capture = divmod(index, protocol.captures)
        amplitude = protocol.amplitudes[place]
        seen = self._captures.play(amplitude)
        count = len(seen["time"])
        rows: dict[str, NDArray[np.generic]] = {
            "step": np.full(count, index, dtype=np.int32),
            "amplitude": np.full(count, amplitude),
            "capture": np.full(count, capture, dtype=np.int32),
            "time": seen.pop("time"),
        }
        rows |= {name: volts.astype(np.float32) for name, volts in seen.items()}
        return Block(rows, self._drawing.add(index, rows))

    def restore(self, steps: Sequence[Rows]) -> str:
        """Draw what has been measured; quiet periods bring the board to its rest."""
        for index, rows in enumerate(steps):
            self._drawing.add(index, rows)
        return ""
