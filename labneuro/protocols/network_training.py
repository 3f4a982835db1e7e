"""Training of a 30 x 10 x 10 network in place, layer by layer, through instruments.

First layer: a digit's black pixels get bursts of pulses, each longer than the one
before, until somebody fires; the lateral-inhibition array lets nobody else learn.
Second layer: the hidden neuron that answers a digit most is pulsed while only the
target's gate is on, until the target fires.

References
----------
X. Zhang, J. Lu et al., "Hybrid memristor-CMOS neurons for in situ learning in fully
hardware memristive spiking neural networks": Figure 5 and "Training method".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from labneuro.data.digit_font import Font
from labneuro.data.layout import Axis, Column, Plot, RunLayout
from labneuro.protocols.base import Drawing, Measurement, MeasurementProtocol, Plan
from labneuro.protocols.network_bench import (
    LAYER_INPUTS,
    NEURONS,
    BurstTrain,
    GateLevels,
    NetworkReading,
    SpikeChannels,
)
from labneuro.protocols.network_execution import TrainingExecution
from labneuro.protocols.network_inference import LAYER_NAMES, DigitTest, RateTables
from labneuro.protocols.network_rows import (
    COLUMNS,
    READING,
    rates_plot,
    select,
    weight_maps,
    weights_plot,
)
from labneuro.protocols.network_tasks import (
    ANSWER,
    READ,
    TEST,
    BurstSchedule,
    Order,
    reading_step,
    task_step,
    training_tasks,
)
from labneuro.units import Volt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from labneuro.bench import DeviceConfig
    from labneuro.instruments.connection import ConnectedBench
    from labneuro.protocols.base import Step

    Rows = Mapping[str, NDArray[np.generic]]

_MOST_EVENTS = 1000


class NetworkTraining(MeasurementProtocol):
    """Trains one or both layers, reads all synapses before and after, and tests.

    A computer starts burst after burst, and the switches relax in between. The second
    layer's hidden neurons are those that answer most in an inference of the first
    layer, unless they are given.

    Attributes
    ----------
    layers : tuple of int
        Layers that are trained, in this order.
    font : str
        The digits: ``spread`` or ``plain``.
    order : str
        ``random``: every digit once in each turn; ``block``: all events of a digit,
        then the next digit.
    order_seed : int
        Of the random order.
    events : int
        Firing events of each digit; the paper's number.
    watched_digit : int
        Whose winner is read during the training, too.
    watched_events : tuple of int
        After which of its events.
    amplitude : float
        Of a black pixel's pulses in V, at the open output.
    second_amplitude : float
        Of the pulses at the second layer's inputs in V.
    bursts : BurstSchedule
        Pulses until somebody fires, first layer.
    second_bursts : BurstSchedule
        Pulses until the target fires, second layer.
    hidden : tuple of int, optional
        Hidden neuron that stands for each digit, from 1, 0 for none; measured if
        absent.
    answer_window : int
        Pulses for which each digit is shown to measure it.
    neurons : tuple of int
        Neurons of each layer whose synapses are read before and after.
    test : DigitTest, optional
        Inference at the end; none if absent.
    train : BurstTrain
        Clock and pulses; its number of pulses is not used.
    channels : SpikeChannels
        Where spikes are seen.
    reading : NetworkReading
        How synapses are read.
    gates : GateLevels
        Levels of the synapses' gates.
    """

    summary: ClassVar[str] = "a network of hybrid neurons is trained layer by layer"
    device_models: ClassVar[tuple[str, ...]] = ("hybrid_network",)

    layers: Annotated[tuple[Literal[1, 2], ...], Field(min_length=1)] = (1, 2)
    font: Font = "spread"
    order: Order = "random"
    order_seed: Annotated[int, Field(ge=0)] = 1
    events: Annotated[int, Field(ge=1, le=_MOST_EVENTS)] = 30
    watched_digit: Annotated[int, Field(ge=0, le=9)] = 1
    watched_events: Annotated[
        tuple[Annotated[int, Field(ge=1, le=_MOST_EVENTS)], ...],
        Field(min_length=1, max_length=_MOST_EVENTS),
    ] = (1, 2, 3, 5, 10, 20, 30)
    amplitude: Annotated[Volt, Field(gt=0)] = 1.6
    second_amplitude: Annotated[Volt, Field(gt=0)] = 2.0
    bursts: BurstSchedule = BurstSchedule()
    second_bursts: BurstSchedule = BurstSchedule()
    hidden: (
        Annotated[
            tuple[Annotated[int, Field(ge=0, le=NEURONS)], ...],
            Field(min_length=10, max_length=10),
        ]
        | None
    ) = None
    answer_window: Annotated[int, Field(ge=5, le=1000)] = 100
    neurons: Annotated[
        tuple[Annotated[int, Field(ge=1, le=NEURONS)], ...], Field(min_length=1)
    ] = tuple(range(1, NEURONS + 1))
    test: DigitTest | None = DigitTest()
    train: BurstTrain = BurstTrain()
    channels: SpikeChannels = SpikeChannels()
    reading: NetworkReading = NetworkReading()
    gates: GateLevels = GateLevels()

    @model_validator(mode="after")
    def _consistent(self) -> NetworkTraining:
        if list(self.layers) != sorted(set(self.layers)):
            raise ValueError("layers: the first one before the second, each once")
        for key in ("watched_events", "neurons"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise ValueError(f"{key}: a number is given twice")
        return self

    def prologue(self, device: DeviceConfig) -> tuple[Step, ...]:
        """Return the reading that tells whether a resumed run's device is the same."""
        del device
        return (reading_step(self, self.layers[0], 1),)

    def plan(self, device: DeviceConfig) -> Plan:
        """Return every step; a presentation is planned with all bursts it may need."""
        del device
        return Plan(tuple(task_step(self, task) for task in training_tasks(self)))

    def layout(self, device: DeviceConfig) -> RunLayout:
        """Return clock periods and readings as rows; weights and rates as plots."""
        del device
        plots = [weights_plot(layer) for layer in self.layers]
        if 1 in self.layers:
            plots.append(self._evolution())
        if self.test is not None:
            plots += [rates_plot(layer, self.test.noisy) for layer in self.layers]
        return RunLayout(
            readings=COLUMNS,
            readings_signal="conductance",
            readings_axis="step",
            plots=tuple(plots),
            default=plots[0].name,
        )

    def _evolution(self) -> Plot:
        inputs = np.arange(1.0, LAYER_INPUTS[1] + 1.0)
        events = np.array(self.watched_events, dtype=np.float64)
        return Plot(
            name="evolution",
            title=f"The winner's conductances, digit {self.watched_digit}",
            signal=Column("conductance", "S", "conductance at the reading voltage"),
            axes=(
                Axis(Column("event", "", "firing events of the digit"), events),
                Axis(Column("input", "", "input"), inputs),
            ),
            errors=False,
            further=(Column("winner", "", "neuron that is read"),),
        )

    def drawing(self) -> Drawing:
        """Return the plots of a run, nothing drawn yet."""
        return _Training(self)

    def measurement(self, bench: ConnectedBench) -> Measurement:
        """Return an execution on an open bench."""
        return TrainingExecution(self, bench)


class _Training(Drawing):
    """Weight maps, the winner's evolution, firing rates."""

    def __init__(self, protocol: NetworkTraining) -> None:
        self._tasks = training_tasks(protocol)
        self._digit = protocol.watched_digit
        self._events = list(protocol.watched_events)
        self._maps: dict[int, NDArray[np.float64]] = {
            layer: np.full((2, NEURONS, LAYER_INPUTS[layer]), np.nan)
            for layer in protocol.layers
        }
        shape = len(self._events), LAYER_INPUTS[1]
        self._evolution = {
            name: np.full(shape, np.nan) for name in ("signal", "winner")
        }
        self._first = 1 in protocol.layers
        self._rates = None
        if protocol.test is not None:
            self._rates = RateTables(
                protocol.layers,
                protocol.test,
                protocol.train.period,
                protocol.channels.level,
            )

    def add(
        self, index: int, rows: Rows
    ) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        task = self._tasks[index]
        if task.kind == READ:
            before = all(
                (one.kind, one.layer) != (READ, task.layer)
                for one in self._tasks[:index]
            )
            (found,) = weight_maps(rows, task.layer)
            self._maps[task.layer][0 if before else 1] = found
        elif task.kind == TEST and self._rates is not None:
            self._rates.add(rows)
        elif task.kind != ANSWER and task.layer == 1:
            self._watch(rows)
        return self._plots()

    def _watch(self, rows: Rows) -> None:
        for place, event in enumerate(self._events):
            there = select(rows, kind=READING, digit=self._digit, event=event)
            values = np.asarray(there["conductance"], dtype=np.float64)
            if len(values):
                self._evolution["signal"][place] = values
                self._evolution["winner"][place] = np.asarray(there["neuron"])

    def _plots(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        found: dict[str, dict[str, NDArray[np.float64]]] = {
            f"{LAYER_NAMES[layer]}_layer": {"signal": values}
            for layer, values in self._maps.items()
        }
        if self._first:
            found["evolution"] = self._evolution
        if self._rates is not None:
            found |= self._rates.plots()
        return found
