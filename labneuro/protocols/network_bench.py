"""What the network's protocols do with a bench: route, play a burst, read a synapse.

Relays put inputs at the generator or at ground; a gate or a logic line is high while it
is open, low at ground. To read one synapse, its input is at ground and node 1 of its
neuron at the source meter with all other inputs, so that they carry nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from labneuro.errors import InstrumentError
from labneuro.instruments.matrix_routes import GROUND, MatrixRoutes
from labneuro.instruments.roles import ScopeTrigger, Waveform
from labneuro.instruments.stress import GATE, METER, Levels
from labneuro.protocols.board_captures import (
    BEFORE,
    EXTERNAL,
    ClockedTrain,
    SeenNode,
)
from labneuro.units import Ampere, InputModel, Second, Volt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from labneuro.instruments.connection import ConnectedBench

    Route = Mapping[str, Iterable[str]]

NEURONS = 10
"""Of each layer; as many spikes are seen at once."""
LAYER_INPUTS = {1: 30, 2: NEURONS}
"""Synapses of each neuron, by layer."""
INPUT_NAMES = {1: "input", 2: "second"}
"""Begin of the names of a layer's input terminals."""
_WATCH_SECOND, _LEARN, _CHAIN = "select_second", "select_learn", "select_chain"
_LINE_PERIOD = 0.02  # s, the longer of the two
_SWITCHING = 0.012  # s that relays and messages take
_PATIENCE = 10.0  # s beyond the length of a capture
_TRIGGER_SHARE = 0.5  # of the clock's level
_EDGES = (0.05, 0.45)  # part of a clock period in which a spike's level is taken


class BurstTrain(ClockedTrain):
    """The clock of a burst, which may be held high at its end.

    A firing in the last pulse would be latched and depress the neuron's synapses, and
    no pulse would come to potentiate them. A clock that stays high until that pulse is
    over latches nothing of it.

    Attributes
    ----------
    hold_clock : bool
        Whether the clock stays high for one more period from the last pulse on.
    """

    hold_clock: bool = True

    @property
    def duration(self) -> float:
        """Of all periods, in s."""
        return (self.periods + self.hold_clock) * self.period

    @property
    def clock(self) -> tuple[tuple[float, float], ...]:
        """Level and duration of the clock's parts."""
        half = 0.5 * self.period
        one = (self.level, half), (0.0, half)
        if not self.hold_clock:
            return one * self.periods
        held = (self.level, self.period + half), (0.0, half)
        return (*one * (self.quiet + self.pulses - 1), *held, *one * self.quiet)


class NetworkReading(InputModel):
    """How a synapse is read.

    Attributes
    ----------
    voltage : float
        Across it, in V. Node 1 lies at it, so the switch must stand it for long; the
        paper reads at 0.2 V.
    current_range : float
        Measuring range in A, and the compliance.
    power_line_cycles : float
        Integration time in power-line cycles.
    settling : float
        Wait before the integration, in s.
    """

    voltage: Annotated[Volt, Field(gt=0, le=0.2)] = 0.1
    current_range: Annotated[Ampere, Field(gt=0)] = 1e-3
    power_line_cycles: Annotated[float, Field(ge=0.001, le=25)] = 0.05
    settling: Annotated[Second, Field(ge=0, le=10)] = 1e-3

    @property
    def duration(self) -> float:
        """Of one reading with its relays, in s."""
        return self.settling + self.power_line_cycles * _LINE_PERIOD + _SWITCHING

    def levels(self, count: int) -> Levels:
        """Return what the source meter puts out for some readings."""
        held = self.settling + self.power_line_cycles * _LINE_PERIOD
        return Levels(METER, ((self.voltage, held),), count)


class GateLevels(InputModel):
    """Levels of gates that are on.

    Attributes
    ----------
    learning : float
        While synapses learn and are read, in V; the paper's.
    inference : float
        In inference, in V: just open, so that nothing is programmed.
    """

    learning: Annotated[Volt, Field(gt=0)] = 3.0
    inference: Annotated[Volt, Field(gt=0)] = 0.705

    def held(self, *, learn: bool) -> Levels:
        """Return what the gates' supply puts out."""
        return Levels(GATE, ((self.learning if learn else self.inference, 0.0),))


class SpikeChannels(InputModel):
    """Where the ten spikes are seen.

    Attributes
    ----------
    first : tuple of str
        Channels of the oscilloscope, neuron 1 first.
    second : tuple of str
        Channels of the second oscilloscope, from the next neuron on.
    clock : str
        Its channel that sees the clock and triggers it.
    trigger : str
        The oscilloscope's channel that sees the clock, or ``external``.
    level : float
        A spike is above this, in V.
    node : SeenNode
        Range and offset of all channels; its channel is not used.
    """

    first: tuple[str, ...] = ("ch1", "ch2", "ch3", "ch4")
    second: tuple[str, ...] = ("a", "b", "c", "d", "e", "f")
    clock: str = "h"
    trigger: str = EXTERNAL
    level: Annotated[Volt, Field(gt=0)] = 0.75
    node: SeenNode = SeenNode(channel="all")

    @model_validator(mode="after")
    def _ten_channels(self) -> SpikeChannels:
        if len(self.first) + len(self.second) != NEURONS:
            raise ValueError(f"first, second: together {NEURONS} channels are needed")
        if len({*self.first}) < len(self.first):
            raise ValueError("first: a channel is given twice")
        if len({*self.second, self.clock}) < len(self.second) + 1:
            raise ValueError("second: a channel is given twice")
        return self


class Burst(NamedTuple):
    """Spikes of one burst, clock period by clock period.

    Attributes
    ----------
    pulses : int
        Input pulses; one in each of the first periods.
    levels : ndarray, shape (periods, neurons)
        Mean of each spike line while the clock is high, in V; the first period is that
        of the first pulse. With a clock that is held the last one is that of the last
        pulse.
    """

    pulses: int
    levels: NDArray[np.float64]


class NetworkBench:
    """The bench of a network, ready for bursts and readings.

    Parameters
    ----------
    bench : ConnectedBench
        An open bench with generator, clock, two oscilloscopes, meter and relays.
    train : BurstTrain
        Clock, and the longest burst.
    channels : SpikeChannels
        Where spikes are seen.
    reading : NetworkReading
        How synapses are read.
    gates : GateLevels
        Levels of their gates.
    """

    def __init__(
        self,
        bench: ConnectedBench,
        train: BurstTrain,
        channels: SpikeChannels,
        reading: NetworkReading,
        gates: GateLevels,
    ) -> None:
        self._gates, self._supply, self._held = gates, bench.gate_supply, 0.0
        self.train, self._channels, self._reading = train, channels, reading
        self._generator, self._clock = bench.pulse_generator, bench.clock_generator
        self._scopes = (
            (bench.oscilloscope, channels.first, channels.trigger),
            (bench.second_oscilloscope, channels.second, channels.clock),
        )
        self._meter, self._matrix = bench.source_meter, bench.switch_matrix
        self._routes = MatrixRoutes(bench.config)
        roles = bench.config.roles
        self._meter_line = roles["source_meter"]
        self._pulse_line = roles["pulse_generator"]
        self._known: dict[object, tuple[str, ...]] = {}
        self._connected: tuple[str, ...] | None = None
        self._loaded: tuple[BurstTrain, float] | None = None
        self._length = 0

    def prepare(self, amplitude: float) -> None:
        """Configure all instruments; both outputs of the generator go on at 0 V.

        Parameters
        ----------
        amplitude : float
            Of a first burst in V.
        """
        reading = self._reading
        self._connect(())
        self._meter.configure(
            compliance_current=reading.current_range,
            current_range=reading.current_range,
            power_line_cycles=reading.power_line_cycles,
        )
        self._meter.output_on()
        self._hold(learn=True)
        self._load(self.train.pulses, amplitude)
        self._clock.output_on()
        self._generator.output_on()
        self.watch(self.train.pulses)

    def watch(self, pulses: int) -> None:
        """Let both oscilloscopes show bursts of at most so many pulses."""
        if pulses == self._length:
            return
        channels, train = self._channels, self._train(pulses)
        for scope, seen, source in self._scopes:
            scales = dict.fromkeys(seen, channels.node.scale)
            if source == channels.clock:
                scales[source] = channels.node.scale
            scope.configure(
                scales,
                duration=BEFORE + train.duration,
                before_trigger=BEFORE,
                trigger=ScopeTrigger(source, _TRIGGER_SHARE * train.level),
            )
        self._length = pulses

    def show(self, black: Sequence[int], *, learn: bool, chain: bool = False) -> None:
        """Route a pattern to the first layer.

        Parameters
        ----------
        black : sequence of int
            Inputs at the generator, from 1; all others are at ground.
        learn : bool
            Whether gates are fully on and the depression modules fitted.
        chain : bool
            Watch the second layer, driven by the hidden spikes, in place of the first.
        """
        self._hold(learn=learn)
        low = [] if learn else [_LEARN]
        low += [] if chain else [_WATCH_SECOND, _CHAIN]
        self._connect(self._driven(1, black, low))

    def teach(self, hidden: int, target: int) -> None:
        """Route the generator to one input of the second layer, only one gate on.

        Parameters
        ----------
        hidden, target : int
            Input and neuron of the second layer, from 1.
        """
        self._hold(learn=True)
        gates = [f"gate_{k:02d}" for k in range(1, NEURONS + 1) if k != target]
        self._connect(self._driven(2, [hidden], [*gates, _CHAIN]))

    def hold_clock(self, *, at_end: bool) -> None:
        """Let the clock stay high at the end of bursts, or not."""
        self.train = self.train.model_copy(update={"hold_clock": at_end})

    def play(self, pulses: int, amplitude: float) -> Burst:
        """Play one burst and return who spiked in it.

        Parameters
        ----------
        pulses : int
            At most what is watched.
        amplitude : float
            In V, at the open output.

        Raises
        ------
        InstrumentError
            If a spike left the screen or no trigger came.
        """
        self._load(pulses, amplitude)
        for scope, _, _ in self._scopes:
            scope.arm()
        self._generator.fire()
        train = self._train(pulses)
        columns = []
        for scope, seen, _ in self._scopes:
            scope.wait(self._train(self._length).duration + _PATIENCE)
            capture = scope.fetch()
            for channel in seen:
                if capture.clipped[channel]:
                    raise InstrumentError(
                        f"channels: {channel!r} left the screen; raise its range or "
                        "move its offset"
                    )
                volts = capture.voltage[channel]
                columns.append(_period_levels(train, capture.time, volts))
        return Burst(pulses, np.column_stack(columns))

    def read(self, layer: int, neuron: int) -> NDArray[np.float64]:
        """Read all synapses of a neuron.

        Parameters
        ----------
        layer, neuron : int
            From 1.

        Returns
        -------
        ndarray, shape (inputs,)
            Currents in A.

        Raises
        ------
        InstrumentError
            If a current left its range.
        """
        names = [f"{INPUT_NAMES[layer]}_{k:02d}" for k in _count(LAYER_INPUTS[layer])]
        low = [_CHAIN] if layer != 1 else [_WATCH_SECOND, _CHAIN]
        self._hold(learn=True)
        found = []
        for name in names:
            others = [one for one in names if one != name]
            route = {
                self._meter_line: [f"node_{neuron:02d}", *others],
                GROUND: [name, *low],
            }
            self._connect(self._channels_of(("read", layer, neuron, name), route))
            reading = self._meter.sweep(
                np.array([self._reading.voltage]), self._reading.settling
            )
            if reading.in_compliance or not np.isfinite(reading.current).all():
                raise InstrumentError(
                    f"synapse {name} of neuron {neuron}: the current left its range; "
                    "raise reading.current_range"
                )
            found.append(float(reading.current[0]))
        self._connect(())
        return np.array(found)

    def _hold(self, *, learn: bool) -> None:
        """Put the gates' supply at its level."""
        level = self._gates.learning if learn else self._gates.inference
        if level != self._held:
            self._supply.hold(level)
            self._held = level

    def _train(self, pulses: int) -> BurstTrain:
        return self.train.model_copy(update={"pulses": pulses})

    def _load(self, pulses: int, amplitude: float) -> None:
        """Load burst and clock; the clock must be told again to go with the pulses."""
        train = self._train(pulses)
        if self._loaded != (train, amplitude):
            self._clock.load(Waveform(train.clock))
            self._generator.load(Waveform(train.input(amplitude)))
            self._loaded = (train, amplitude)
        self._clock.join()

    def _driven(
        self, layer: int, high: Sequence[int], low: Sequence[str]
    ) -> tuple[str, ...]:
        """Return the relays that drive some inputs of a layer and ground the others."""
        base = INPUT_NAMES[layer]
        numbers = _count(LAYER_INPUTS[layer])
        route = {
            self._pulse_line: [f"{base}_{k:02d}" for k in high],
            GROUND: [*(f"{base}_{k:02d}" for k in numbers if k not in high), *low],
        }
        return self._channels_of((layer, tuple(high), tuple(low)), route)

    def _channels_of(self, key: object, route: Route) -> tuple[str, ...]:
        if key not in self._known:
            self._known[key] = self._routes.channels(route)
        return self._known[key]

    def _connect(self, channels: tuple[str, ...]) -> None:
        if channels != self._connected:
            self._connected = None
            self._matrix.connect(channels)
            self._connected = channels


def _count(number: int) -> range:
    return range(1, number + 1)


def _period_levels(
    train: BurstTrain, time: NDArray[np.float64], volts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean of each period's high half, from the first pulse's on, in V."""
    periods = np.arange(train.pulses + (0 if train.hold_clock else train.quiet))
    starts = train.start + periods * train.period
    edges = np.column_stack([starts + share * train.period for share in _EDGES])
    places = np.searchsorted(time, edges.ravel())
    if (np.diff(places.reshape(-1, 2), axis=1) < 1).any():
        raise InstrumentError(
            "train.pulses: the oscilloscope has no sample in a clock period; "
            "shorten the burst"
        )
    sums = np.concatenate([[0.0], np.cumsum(volts)])
    low, high = places.reshape(-1, 2).T
    found: NDArray[np.float64] = (sums[high] - sums[low]) / (high - low)
    return found
